//! Says what an answer lacks though it was asked for: assets that the policy does not grant, and
//! those that a filter wants and no `--include` takes in.
//!
//! The daemon answers as if such assets did not exist, so that a number that is too small looks
//! like any other; the peer may see its own grant, and so may be told. One more call on the same
//! connection, and only where it can matter. Where the grant cannot be seen nothing is said.

use darkslide_client::protocol::filter::{Flag, Include};
use darkslide_client::protocol::message::policy::{GrantedLibrary, PolicyShowParams};
use darkslide_client::protocol::value::Uuid;

use crate::args::SelectArgs;
use crate::exit::Exit;
use crate::output::{Output, plain};
use crate::session::Session;

/// Warns of assets that are included but not granted.
pub(crate) async fn warn(
    session: &Session,
    output: &mut Output,
    library: &str,
    include: &[Include],
) {
    if let Some((words, hint)) = withheld(session, library, include).await {
        output.warn(&format!("this daemon does not grant {words} assets; they are left out"));
        output.hint(&hint);
    }
}

/// Names assets that were not found, and says how a command ends that asked for them.
pub(crate) async fn tell_missing<'u>(
    session: &Session,
    output: &mut Output,
    library: &str,
    missing: impl Iterator<Item = &'u Uuid>,
) -> Exit {
    let mut exit = Exit::Done;
    for uuid in missing {
        output.say(&plain::line(&format!("not found: {uuid}")));
        exit = Exit::NotFound;
    }
    if exit == Exit::NotFound {
        explain_unknown(session, output, library).await;
    }
    exit
}

/// Says of assets that were not found that they may be such as are not granted.
async fn explain_unknown(session: &Session, output: &mut Output, library: &str) {
    if let Some((words, hint)) = withheld(session, library, Include::ALL).await {
        output.warn(&format!("this daemon does not grant {words} assets; none of them is found"));
        output.hint(&hint);
    }
}

/// Warns of what the flags ask for in vain: what is not granted, and a property that only assets
/// have that are not included.
pub(crate) async fn warn_of_selection(
    session: &Session,
    output: &mut Output,
    library: &str,
    args: &SelectArgs,
) {
    for needed in contradicted(args) {
        let word = needed.as_str();
        output.warn(&format!("{word} assets are left out unless they are included"));
        output.hint(&format!("add --include {word}"));
    }
    warn(session, output, library, &args.include).await;
}

fn contradicted(args: &SelectArgs) -> Vec<Include> {
    // An asset that is named by its UUID is found without; a filter can name some.
    if !args.uuid.is_empty() || args.filter.is_some() {
        return Vec::new();
    }
    let pairs = [(Flag::Hidden, Include::Hidden), (Flag::Trashed, Include::Trashed)];
    let pairs = pairs.into_iter().filter(|(flag, _)| args.is.contains(flag));
    pairs.map(|(_, needed)| needed).filter(|needed| !args.include.contains(needed)).collect()
}

/// What of `include` does not exist for this peer, in words, and what to do; `None` if it all does,
/// or nobody knows.
async fn withheld(
    session: &Session,
    library: &str,
    include: &[Include],
) -> Option<(String, String)> {
    // A private daemon grants all of its library; bursts nobody has to grant.
    if session.is_private() || include.iter().all(|include| *include == Include::Bursts) {
        return None;
    }
    // Whatever is wrong with the connection, the command itself will say.
    let policy = session.client.policy_show(&PolicyShowParams {}).await.ok()?;
    let granted = policy.libraries.iter().find(|granted| granted.name == library)?;
    told(&policy.rule, granted, include)
}

fn told(rule: &str, granted: &GrantedLibrary, include: &[Include]) -> Option<(String, String)> {
    let keys = [(Include::Hidden, granted.hidden), (Include::Trashed, granted.trashed)];
    let keys = keys.into_iter().filter(|(key, is_granted)| !is_granted && include.contains(key));
    let keys: Vec<&str> = keys.map(|(key, _)| key.as_str()).collect();
    let lines: Vec<String> = keys.iter().map(|key| format!("`{key} = true`")).collect();
    let hint = format!(
        "the policy grants them with {} at [library.{}], unless rule {rule:?} says otherwise",
        lines.join(" and "),
        granted.name
    );
    (!keys.is_empty()).then(|| (keys.join(" and "), hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(hidden: bool, trashed: bool) -> GrantedLibrary {
        let name = "main".to_owned();
        GrantedLibrary { name, hidden, trashed, location: true, albums: None, referenced: vec![] }
    }

    #[test]
    fn what_is_included_and_not_granted_is_named_with_its_key() {
        let (words, hint) = told("me", &library(false, true), Include::ALL).unwrap();
        assert_eq!(words, "hidden");
        assert_eq!(
            hint,
            "the policy grants them with `hidden = true` at [library.main], unless rule \"me\" says otherwise"
        );
        let (words, hint) = told("me", &library(false, false), Include::ALL).unwrap();
        assert_eq!(words, "hidden and trashed");
        assert!(hint.contains("`hidden = true` and `trashed = true`"), "{hint}");
    }

    #[test]
    fn a_property_of_what_is_not_included_is_asked_in_vain() {
        let asked = |is: &[Flag], include: &[Include], uuid: &[&str]| {
            contradicted(&SelectArgs {
                is: is.to_vec(),
                include: include.to_vec(),
                uuid: uuid.iter().map(|uuid| (*uuid).to_owned()).collect(),
                ..SelectArgs::default()
            })
        };
        assert_eq!(asked(&[Flag::Hidden, Flag::Edited], &[], &[]), [Include::Hidden]);
        assert_eq!(asked(&[Flag::Hidden], &[Include::Trashed], &[]), [Include::Hidden]);
        assert_eq!(asked(&[Flag::Hidden], &[Include::Hidden], &[]), []);
        assert_eq!(asked(&[Flag::Trashed], &[], &["U"]), []);
        assert_eq!(asked(&[Flag::Favorite], &[], &[]), []);
    }

    #[test]
    fn what_is_granted_or_was_not_asked_for_is_not_spoken_of() {
        assert_eq!(told("me", &library(true, true), Include::ALL), None);
        assert_eq!(told("me", &library(false, false), &[Include::Bursts]), None);
        assert_eq!(told("me", &library(true, false), &[Include::Hidden]), None);
        assert_eq!(told("me", &library(false, false), &[]), None);
    }
}
