//! What the policy answers when it says no.
//!
//! A denial knows the rule and what would have to change, for the log in full. What a peer is told
//! is less: it may learn its own roots, and nothing about what it is not granted. So a library that
//! is not granted and one that does not exist are the same denial here, made in one place.

use crate::{AbsPath, Gid, RootName, RuleName, Uid};

/// The policy's no to one ask.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a denial is an answer"]
pub struct Denial {
    rule: Option<RuleName>,
    reason: DenialReason,
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DenialReason {
    /// No rule is for this peer.
    NoRule {
        /// Its uid.
        uid: Uid,
        /// Its gid.
        gid: Gid,
        /// Rules name uid and gid, and each is for another program.
        is_named: bool,
    },
    /// The rule lists the method, but does not say for which programs it is, where it must.
    Program(String),
    /// The rule does not name the method.
    Method(String),
    /// The method hands over a descriptor, and the rule allows bytes alone.
    Descriptors(String),
    /// The rule does not name the library, or there is none of that name.
    Library(String),
    /// The rule does not name the root, or there is none of that name.
    Root {
        /// What was asked for.
        asked: String,
        /// The roots that this peer may use.
        own: Vec<(RootName, AbsPath)>,
    },
    /// An absolute path that lies below none of the peer's roots.
    OutsideRoots {
        /// What was asked for.
        asked: AbsPath,
        /// The roots that this peer may use.
        own: Vec<(RootName, AbsPath)>,
    },
}

impl Denial {
    pub(crate) fn new(rule: Option<RuleName>, reason: DenialReason) -> Self {
        Self { rule, reason }
    }

    /// The rule that was applied; none if no rule names the peer.
    #[must_use]
    pub fn rule(&self) -> Option<&RuleName> {
        self.rule.as_ref()
    }

    /// Why not.
    #[must_use]
    pub fn reason(&self) -> &DenialReason {
        &self.reason
    }

    /// Which rule said no and what would have to change: for the log, never for the peer.
    #[must_use]
    pub fn explain(&self) -> String {
        let rule = self.rule.as_ref().map_or("(none)", RuleName::as_str);
        match &self.reason {
            DenialReason::NoRule { uid, gid, is_named: false } => {
                format!("no [[client]] rule is for uid {uid} with gid {gid}; add one")
            }
            DenialReason::NoRule { uid, is_named: true, .. } => {
                format!(
                    "each [[client]] rule for uid {uid} has a `code_requirement` that this program \
                     does not meet"
                )
            }
            DenialReason::Program(method) => {
                format!(
                    "rule {rule} lists {method:?}, and not for which programs; add \
                     `code_requirement`, or `any_program = true`"
                )
            }
            DenialReason::Method(method) => {
                format!("rule {rule} does not list the method {method:?}; add it to `methods`")
            }
            DenialReason::Descriptors(method) => {
                format!(
                    "rule {rule} has `resources = \"bytes\"`, and {method} hands over descriptors; \
                     remove that key"
                )
            }
            DenialReason::Library(name) => {
                format!(
                    "rule {rule} does not list the library {name:?}, or none has that name; see `libraries`"
                )
            }
            DenialReason::Root { asked, .. } => {
                format!(
                    "rule {rule} does not list the root {asked:?}, or none has that name; see `roots`"
                )
            }
            DenialReason::OutsideRoots { asked, .. } => {
                format!(
                    "{:?} lies below no root of rule {rule}; add a [root] and list it",
                    asked.as_str()
                )
            }
        }
    }

    /// A sentence for the peer, which names only what that peer may know.
    #[must_use]
    pub fn discreet(&self) -> String {
        match &self.reason {
            DenialReason::NoRule { .. } => "this peer is granted nothing here".to_owned(),
            DenialReason::Program(method) | DenialReason::Method(method) => {
                format!("this peer may not call {method}")
            }
            DenialReason::Descriptors(_) => "this peer gets bytes, no descriptors".to_owned(),
            DenialReason::Library(_) => "there is no such library".to_owned(),
            DenialReason::Root { own, .. } => format!("there is no such root; {}", known(own)),
            DenialReason::OutsideRoots { own, .. } => {
                format!("that destination is below no root of this peer; {}", known(own))
            }
        }
    }
}

fn known(own: &[(RootName, AbsPath)]) -> String {
    if own.is_empty() {
        return "it has none".to_owned();
    }
    let roots: Vec<String> = own.iter().map(|(name, path)| format!("{name} ({path})")).collect();
    format!("it has {}", roots.join(", "))
}
