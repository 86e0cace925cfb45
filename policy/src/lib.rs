//! Who may do what. This crate is the only maker of a [`Grant`], and every effect of the daemon
//! asks for one.
//!
//! It alone may decide; it touches nothing: no file, no clock, no environment. What it needs to
//! know of the world (the daemon's home and uid, the facts that the kernel told about a peer) is
//! handed in. The hazard that shaped it: helpers that check a path here and open the same text
//! there, or that ask for permission in many places, each a little differently. Read
//! [`Policy::decide`] first, then `decisions.tsv` beside it: that table is what is allowed.

#![forbid(unsafe_code)]

mod ask;
mod check;
mod decide;
mod denial;
mod document;
mod explain;
mod grant;
mod limits;
mod name;
mod path;
mod peer;
mod raw;
mod rules;
mod size;

pub use ask::{Ask, Call, Destination, Effect, Read, Write};
pub use denial::{Denial, DenialReason};
pub use document::{
    Handover, METHODS_WITH_DESCRIPTORS, Platform, Policy, PolicyError, PrivateError, Strictness,
    World,
};
pub use grant::{CallScope, Grant, ReadScope, WriteScope};
pub use limits::Limits;
pub use name::{LibraryName, NameError, RootName, RuleName};
pub use path::{AbsPath, Component, PathError, RelPath};
pub use peer::{Code, CodeRequirement, CodeRequirementError, Gid, Peer, Uid};
pub use rules::{Access, KernelRule, Place};

#[cfg(test)]
mod tests;
