//! What a command line has named, told beside an error of the daemon: its messages never repeat
//! what was asked for.
//!
//! Pure: a command line becomes one line of text. It says what was asked, not which of it was
//! wrong, for that is in the message; so it is never wrong itself. Filters and params are left out:
//! they are long, and their errors say where.

use std::path::Path;

use crate::args::{Arguments, Command, PlaceArgs, SelectArgs, WATCH_LIBRARY};
use crate::output::plain;

/// Columns that all names take together, at most: each may be of any length.
const MAX_COLUMNS: usize = 400;

/// The names that a command line has, as `album "x", library "y"`; empty if it has none.
pub(crate) fn names(arguments: &Arguments) -> String {
    let mut names = of_command(&arguments.command);
    let global = &arguments.global;
    names.extend(global.library.as_deref().map(|path| format!("library {path:?}")));
    names.extend(global.library_name.as_deref().map(|name| format!("library {name:?}")));
    plain::cut(&names.join(", "), MAX_COLUMNS)
}

fn of_command(command: &Command) -> Vec<String> {
    match command {
        Command::Query(args) => of_selection(&args.select),
        Command::Count(args) => of_selection(&args.select),
        Command::Facets(args) => of_selection(&args.select),
        Command::Dump(args) => of_selection(&args.select),
        Command::Export(args) | Command::Plan(args) => {
            let mut names = of_selection(&args.select);
            names.extend(of_place(args.root.as_deref(), args.destination.as_deref()));
            names
        }
        Command::Verify(args) => of_place_args(&args.place),
        Command::Prune(args) => of_place_args(&args.place),
        Command::Watch(args) => {
            let topics = args.topics.iter().filter(|word| *word != WATCH_LIBRARY);
            topics.map(|topic| format!("topic {topic:?}")).collect()
        }
        Command::Job(args) => vec![format!("job {:?}", args.job)],
        Command::Call(args) => vec![format!("method {:?}", args.method)],
        Command::Info
        | Command::Albums(_)
        | Command::Get(_)
        | Command::Resources(_)
        | Command::Open(_)
        | Command::Thumbnail(_)
        | Command::Changes(_)
        | Command::Jobs
        | Command::Destinations
        | Command::Health(_)
        | Command::Socket
        | Command::Doctor(_)
        | Command::Policy(_)
        | Command::Service(_)
        | Command::Audit(_)
        | Command::Demo(_)
        | Command::PrivateDaemon
        | Command::TrySocket => Vec::new(),
    }
}

fn of_place_args(args: &PlaceArgs) -> Vec<String> {
    of_place(args.root.as_deref(), args.destination.as_deref())
}

fn of_place(root: Option<&str>, destination: Option<&Path>) -> Vec<String> {
    let root = root.map(|root| format!("root {root:?}"));
    let destination = destination.map(|path| format!("destination {path:?}"));
    root.into_iter().chain(destination).collect()
}

fn of_selection(args: &SelectArgs) -> Vec<String> {
    args.album.iter().map(|album| format!("album {album:?}")).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[track_caller]
    fn named(words: &[&str]) -> String {
        let words = [&["darkslide"], words].concat();
        names(&Arguments::try_parse_from(words).unwrap())
    }

    #[test]
    fn what_was_named_is_told_and_nothing_else() {
        for (words, told) in [
            (&["info"][..], ""),
            (&["info", "--in", "main"], r#"library "main""#),
            (&["count", "--album", "a\nb", "--library", "L"], r#"album "a\nb", library "L""#),
            (&["query", "--kind", "photo", "--album", "x"], r#"album "x""#),
            (&["export", "out", "--root", "nas"], r#"root "nas", destination "out""#),
            (&["watch", "07", "key:k"], r#"topic "07", topic "key:k""#),
            (&["watch", "library"], ""),
            (&["call", "asset.delete", "{}"], r#"method "asset.delete""#),
        ] {
            assert_eq!(named(words), told, "{words:?}");
        }
    }

    #[test]
    fn a_long_name_is_cut() {
        let told = named(&["count", "--album", &"x".repeat(100_000)]);
        assert_eq!(plain::width(&told), MAX_COLUMNS);
    }
}
