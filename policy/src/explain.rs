//! A policy in words for a person: what `darkslide policy check` prints.
//!
//! Made from the checked value, never from the text, so that it can only say what the policy
//! decides by. Lines for people: nothing reads them again.

use std::fmt;

use crate::document::{ClientRule, Handover, Policy, Program, RootEntry, UNSAID_METHODS};
use crate::grant::ReadScope;
use crate::rules::Place;

impl Policy {
    /// Returns a line for each client rule: who it is for, and what it grants.
    #[must_use]
    pub fn explain_clients(&self) -> Vec<String> {
        let lines: Vec<String> = self.clients().map(|rule| self.explain(rule)).collect();
        if lines.is_empty() {
            vec!["no rule: nobody is granted anything".to_owned()]
        } else {
            lines
        }
    }

    /// Returns a line about who can connect at all.
    #[must_use]
    pub fn explain_socket(&self) -> String {
        match self.socket_group() {
            None => "socket: for the daemon's own user alone".to_owned(),
            Some(group) => format!("socket: for the daemon's own user, and the group {group}"),
        }
    }

    /// Returns a line about its limits.
    #[must_use]
    pub fn explain_limits(&self) -> String {
        format!("limits: {}", self.limits().explain())
    }

    fn explain(&self, rule: &ClientRule) -> String {
        let gid = rule.gid.map_or(String::new(), |gid| format!(" with gid {gid}"));
        let (name, uid) = (&rule.name, rule.uid);
        let program = match &rule.program {
            Program::Any => String::new(),
            Program::Meeting(requirement) => {
                format!(" from a program that meets {:?}", requirement.as_str())
            }
            Program::Unsaid => {
                let few = UNSAID_METHODS.into_iter().filter(|method| rule.allows_method(method));
                let few = listed(&few.collect::<Vec<_>>(), "no method");
                return format!(
                    "rule {name}: uid {uid}{gid} may call {few}, whatever else the rule lists: it \
                     has neither `code_requirement` nor `any_program = true`"
                );
            }
        };
        let methods = listed(&rule.methods, "no method");
        let scopes = rule.libraries.iter().filter_map(|name| self.judge_read(rule, name).ok());
        let libraries =
            listed(&scopes.map(|scope| extent(&scope)).collect::<Vec<_>>(), "no library");
        let handover = match rule.resources {
            Handover::Descriptors => "",
            Handover::Bytes => " as bytes alone",
        };
        let roots = self.roots().filter(|root| rule.roots.contains(&root.name));
        let roots = listed(&roots.map(room).collect::<Vec<_>>(), "no root");
        format!(
            "rule {name}: uid {uid}{gid}{program} may call {methods}, read {libraries}{handover}, \
             write below {roots}"
        )
    }
}

/// A root, and how much it may hold.
fn room(root: &RootEntry) -> String {
    match root.max_bytes {
        None => root.name.to_string(),
        Some(most) => format!("{} (at most {most} bytes)", root.name),
    }
}

/// A library, and what of it is granted beside its ordinary assets.
fn extent(scope: &ReadScope) -> String {
    let mut words = Vec::new();
    if let Some(albums) = scope.albums() {
        words.push(format!("only members of {}", quoted(albums)));
    }
    let granted = [
        (scope.shows_hidden(), "hidden"),
        (scope.shows_trashed(), "trashed"),
        (scope.shows_location(), "location"),
        (!scope.referenced().is_empty(), "referenced"),
    ];
    words
        .extend(granted.iter().filter(|(shown, _)| *shown).map(|(_, word)| format!("with {word}")));
    if words.is_empty() {
        return scope.library().to_string();
    }
    format!("{} ({})", scope.library(), words.join(", "))
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(" or ")
}

fn listed(names: &[impl fmt::Display], none: &str) -> String {
    if names.is_empty() {
        return none.to_owned();
    }
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library(name) => write!(f, "library {name}"),
            Self::Referenced(name) => write!(f, "referenced originals of library {name}"),
            Self::Root(name) => write!(f, "root {name}"),
        }
    }
}
