//! A policy in words for a person: what `darkslide policy check` prints.
//!
//! Made from the checked value, never from the text, so that it can only say what the policy
//! decides by. Lines for people: nothing reads them again.

use std::fmt;

use crate::document::{ClientRule, Policy};
use crate::rules::Place;

impl Policy {
    /// Returns a line for each client rule: who it is for, and what it grants.
    #[must_use]
    pub fn explain_clients(&self) -> Vec<String> {
        let lines: Vec<String> = self.clients().map(explain).collect();
        if lines.is_empty() {
            vec!["no rule: nobody is granted anything".to_owned()]
        } else {
            lines
        }
    }
}

fn explain(rule: &ClientRule) -> String {
    let methods = listed(&rule.methods, "no method");
    let libraries = listed(&rule.libraries, "no library");
    let roots = listed(&rule.roots, "no root");
    format!(
        "rule {}: uid {} may call {methods}, read {libraries}, write below {roots}",
        rule.name, rule.uid
    )
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
            Self::Root(name) => write!(f, "root {name}"),
        }
    }
}
