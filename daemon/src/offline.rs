//! Commands of the CLI that need no daemon: explaining a policy file.
//!
//! The file is checked as the daemon would check it: its owner and mode, its keys, its values.
//! Nothing is opened that it names, and nothing is confined, for nothing is served. Beside
//! `private` this is all that the CLI may use of the daemon's side.

use darkslide_policy::{Access, Policy, Strictness};

use crate::boot::{self, BootError};

/// What a policy file says, in words for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// A line for each thing that it says.
    pub lines: Vec<String>,
}

/// Checks a policy file as the daemon would, and explains it.
///
/// # Errors
/// [`BootError`] with what the daemon would say.
pub fn policy_check(path: &str) -> Result<Explained, BootError> {
    let policy = boot::read_policy(path)?;
    Ok(Explained { lines: explain(&policy) })
}

fn explain(policy: &Policy) -> Vec<String> {
    let mut lines = vec![match policy.confinement() {
        Strictness::Required => {
            "confinement is required: without it the daemon does not start".to_owned()
        }
        Strictness::BestEffort => {
            "confinement is best-effort: the daemon starts without it, and says so".to_owned()
        }
    }];
    for rule in policy.kernel_rules() {
        let what = match rule.access {
            Access::Read => "read",
            Access::ReadWrite => "read and write",
        };
        lines.push(format!(
            "the kernel lets the daemon {what} below {} ({})",
            rule.path, rule.place
        ));
    }
    lines.extend(policy.explain_clients());
    lines
}
