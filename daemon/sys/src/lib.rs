//! The foreign calls that no safe crate makes: the only crate with `unsafe`.
//!
//! One function a call, each with a safe signature; each unsafe block says why it is sound. What a
//! call's answer means is decided in `answer.rs`, which has no `unsafe` and is tested everywhere;
//! what to do about it, by the callers. Nothing here takes a path, decides who may do what, or
//! remembers anything. The hazard: none of these calls can be tried where the tests run, so a
//! signature stands here once, beside the header that it was read in, and answers that nobody has
//! foreseen are errors.

#![allow(unsafe_code, reason = "the crate of foreign calls")]
#![deny(clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]

pub mod answer;
#[cfg(target_os = "macos")]
mod macos;

#[cfg(target_os = "macos")]
pub use macos::activate::activate_socket;
#[cfg(target_os = "macos")]
pub use macos::code::{check_requirement, code_satisfies};
#[cfg(target_os = "macos")]
pub use macos::dataless::never_materialise;
#[cfg(target_os = "macos")]
pub use macos::sandbox::enter_sandbox;
#[cfg(target_os = "macos")]
pub use macos::token::audit_token;
