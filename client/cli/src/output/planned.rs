//! What an export would do, in a few lines for a person.
//!
//! The counterpart of what `human.rs` says once it is done; nothing is decided here. The hazard: a
//! plan that reads like a deed.

use darkslide_client::protocol::message::plan::{Action, PlanTotals};

use super::human::{bytes, counted};
use super::plain;
use super::style::Style;

/// What a plan amounts to, in a few lines.
pub(crate) fn plan(totals: &PlanTotals, destination: &str, style: Style) -> String {
    let of = |action: Action| totals.actions.get(&action).copied().unwrap_or(0);
    let first = format!(
        "would write {}, {}, to {}",
        counted(of(Action::Copy) + of(Action::Update), "file"),
        bytes(totals.bytes),
        plain::line(destination)
    );
    let mut lines = vec![style.bold(&first)];
    let counts = totals.actions.iter().filter(|(_, count)| **count > 0);
    lines.extend(counts.map(|(action, count)| format!("{}: {count}", planned(*action))));
    if let Some(free) = totals.free {
        lines.push(format!("free at the destination: {}", bytes(free)));
    }
    if let Some(left) = totals.quota_left {
        lines.push(format!("the policy lets exports add below that root: {}", bytes(left)));
    }
    if totals.selected == 0 {
        lines.push("nothing is selected".to_owned());
    }
    if totals.interrupted {
        lines.push("an export was broken off there, or runs: the next one settles it".to_owned());
    }
    lines.join("\n")
}

fn planned(action: Action) -> &'static str {
    match action {
        Action::Copy => "to be copied",
        Action::Update => "to be written anew, for the library has a newer file",
        Action::Rename => "to be renamed",
        Action::Adopt => "there already, with equal content, to be taken over",
        Action::Unchanged => "unchanged",
        Action::Keep => "to be left as it is",
        Action::Conflict => "not to be written, another file has its name",
        Action::NotLocal => "not on this disk",
        Action::Denied => "in a folder that the policy does not show",
        Action::Unreadable => "cannot be read",
    }
}
