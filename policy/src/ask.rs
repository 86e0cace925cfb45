//! What a request wants of the policy, before it is decided.
//!
//! An [`Ask`] names its effect in its type, so that the answer to a question about reading can
//! never be used for writing. It holds text that a peer sent; only [`crate::Policy::decide`] turns
//! it into something that opens doors.

use crate::document::{ClientRule, Policy};
use crate::grant::{CallScope, ReadScope, WriteScope};
use crate::{AbsPath, DenialReason, LibraryName, RelPath, RootName};

/// Where an export is to go, as a peer names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A root by its name, and a path below it (or the root itself).
    Named {
        /// The root.
        root: RootName,
        /// Where below it.
        path: RelPath,
    },
    /// One absolute path, which the policy maps to a root.
    Absolute(AbsPath),
}

/// A kind of effect: what is asked about (`judge::Judge::Object`), and what a grant of it
/// covers (`judge::Judge::Covers`). The list is closed: [`Call`], [`Read`], [`Write`].
pub trait Effect: judge::Judge {}

/// The effect of a method that touches neither library nor root, such as `health`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {}

/// The effect of reading a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {}

/// The effect of writing below a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {}

impl Effect for Call {}
impl Effect for Read {}
impl Effect for Write {}

/// Seals [`Effect`], and pairs each with the part of the policy that answers it.
mod judge {
    use super::{
        CallScope, ClientRule, DenialReason, Destination, LibraryName, Policy, ReadScope,
        WriteScope,
    };

    pub trait Judge {
        type Object;
        type Covers;
        /// The object in words, for the log.
        fn describe(object: &Self::Object) -> String;
        fn judge(
            policy: &Policy,
            rule: &ClientRule,
            object: &Self::Object,
        ) -> Result<Self::Covers, DenialReason>;
    }

    impl Judge for super::Call {
        type Object = ();
        type Covers = CallScope;
        fn describe((): &()) -> String {
            "-".to_owned()
        }
        fn judge(_: &Policy, _: &ClientRule, (): &()) -> Result<CallScope, DenialReason> {
            Ok(CallScope::new())
        }
    }

    impl Judge for super::Read {
        type Object = LibraryName;
        type Covers = ReadScope;
        fn describe(library: &LibraryName) -> String {
            format!("library {library}")
        }
        fn judge(
            policy: &Policy,
            rule: &ClientRule,
            library: &LibraryName,
        ) -> Result<ReadScope, DenialReason> {
            policy.judge_read(rule, library)
        }
    }

    impl Judge for super::Write {
        type Object = Destination;
        type Covers = WriteScope;
        fn describe(to: &Destination) -> String {
            match to {
                Destination::Named { root, path } => format!("root {root}: {path}"),
                Destination::Absolute(path) => path.to_string(),
            }
        }
        fn judge(
            policy: &Policy,
            rule: &ClientRule,
            to: &Destination,
        ) -> Result<WriteScope, DenialReason> {
            policy.judge_write(rule, to)
        }
    }
}

/// What a request wants: a method, and the library or destination that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask<E: Effect> {
    method: String,
    object: E::Object,
}

impl<E: Effect> Ask<E> {
    /// Asks whether `method` may be called on `object`.
    #[must_use]
    pub fn new(method: &str, object: E::Object) -> Self {
        Self { method: method.to_owned(), object }
    }

    /// The wire name of the method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// What it is about.
    #[must_use]
    pub fn object(&self) -> &E::Object {
        &self.object
    }

    /// What it is about, in words: a peer's own, so that a log must quote them.
    #[must_use]
    pub fn about(&self) -> String {
        E::describe(&self.object)
    }
}
