//! The command line as data: commands, flags and their help, and nothing that acts.
//!
//! clap only, so that man pages and completions can be made from it. What flags mean together is
//! decided in `command/`. Words that the wire has (kinds, layouts, versions) are taken from the
//! protocol's lists and stand nowhere twice.

use std::path::PathBuf;

use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use darkslide_client::protocol::filter::{Flag, Include, Kind};
use darkslide_client::protocol::message::album::AlbumKind;
use darkslide_client::protocol::message::export::{Layout, Versions};

use crate::exit;

/// Reads and exports a Photos library without the right to change it.
#[derive(Debug, Parser)]
#[command(name = "darkslide", version, after_help = exit::table())]
#[command(disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Read this .photoslibrary with a private, confined daemon; without, the running daemon is
    /// asked.
    #[arg(long, value_name = "PATH", global = true)]
    pub(crate) library: Option<PathBuf>,
    /// The library of the running daemon, by its name; may be left out where there is only one.
    #[arg(long = "in", value_name = "NAME", global = true)]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) library_name: Option<String>,
    /// With --library: go on where the kernel cannot confine the daemon, and say so.
    #[arg(long, value_enum, global = true)]
    pub(crate) confinement: Option<Confinement>,
    /// Answer with JSON: one object, or one a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Colours.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto, global = true)]
    pub(crate) color: Color,
    /// With --library: how much the private daemon logs on stderr.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = Log::Error, global = true)]
    pub(crate) log: Log,
}

/// How strictly a private daemon must be confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Confinement {
    /// End where the kernel cannot.
    Required,
    /// Go on with what the kernel can.
    BestEffort,
}

/// When there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// In any case.
    Always,
    /// In no case.
    Never,
}

/// How much a private daemon logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Log {
    /// What a person must look at.
    Error,
    /// What is not as it should be.
    Warn,
    /// Decisions, jobs, start and end.
    Info,
    /// Connections too.
    Debug,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What the library is and holds.
    Info,
    /// Albums and folders.
    Albums(AlbumsArgs),
    /// Assets that fit.
    Query(QueryArgs),
    /// How many assets fit.
    Count(SelectArgs),
    /// Assets by UUID.
    Get(GetArgs),
    /// Copies what fits, with its edits, to a destination; a second run copies what is new.
    Export(ExportArgs),
    /// Shows what jobs of the running daemon do, as it happens.
    Watch(WatchArgs),
    /// Who serves, and what the kernel says is enforced.
    Health,
    /// Calls any method of the protocol.
    Call(CallArgs),
    /// What is allowed.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Shows the main path, and what is refused, on a small library of its own.
    Demo(DemoArgs),
    /// Serves one connection on descriptor 0, as its parent asks on descriptor 1.
    #[command(hide = true)]
    PrivateDaemon,
    /// Confines itself, then asks for a network socket.
    #[command(hide = true)]
    TrySocket,
}

/// Which albums.
#[derive(Debug, Args)]
pub(crate) struct AlbumsArgs {
    /// Only these kinds; without, albums, folders and shared albums.
    #[arg(long, value_delimiter = ',', value_parser = album_kinds())]
    pub(crate) kind: Vec<AlbumKind>,
    /// What the counts otherwise leave out.
    #[arg(long, value_delimiter = ',', value_parser = includes())]
    pub(crate) include: Vec<Include>,
}

/// Which assets: those that fit all of it.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SelectArgs {
    /// In this album: its title, folder path (Trips/2024/Japan) or UUID.
    #[arg(long, value_name = "ALBUM", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) album: Option<String>,
    /// Of one of these kinds.
    #[arg(long, value_delimiter = ',', value_parser = kinds())]
    pub(crate) kind: Vec<Kind>,
    /// With each of these properties.
    #[arg(long, value_delimiter = ',', value_parser = flags())]
    pub(crate) is: Vec<Flag>,
    /// One of these assets.
    #[arg(long, value_delimiter = ',', value_name = "UUID")]
    pub(crate) uuid: Vec<String>,
    /// Fits this filter of the protocol, such as '{"not": {"kind": "movie"}}'.
    #[arg(long, value_name = "JSON")]
    pub(crate) filter: Option<String>,
    /// What is otherwise left out.
    #[arg(long, value_delimiter = ',', value_parser = includes())]
    pub(crate) include: Vec<Include>,
}

/// Which assets, and how many.
#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 100, conflicts_with = "all")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: u64,
    /// All of them.
    #[arg(long)]
    pub(crate) all: bool,
    /// The latest first.
    #[arg(long)]
    pub(crate) descending: bool,
}

/// Which assets, by UUID.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// Their UUIDs.
    #[arg(value_name = "UUID", required = true)]
    pub(crate) uuids: Vec<String>,
}

/// What to export, where to, and how.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The folder to export to. Without --library it may be left out where the policy names one
    /// root.
    #[arg(value_name = "DEST")]
    pub(crate) destination: Option<PathBuf>,
    /// A root of the running daemon, by its name; DEST is then a path below it.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) root: Option<String>,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    /// Which of original and edit.
    #[arg(long, default_value = "both", value_parser = versions())]
    pub(crate) versions: Versions,
    /// How folders are made.
    #[arg(long, default_value = "date", value_parser = layouts())]
    pub(crate) layout: Layout,
    /// Without the videos of live photos.
    #[arg(long)]
    pub(crate) no_live: bool,
    /// Without the RAW files of pairs.
    #[arg(long)]
    pub(crate) no_raw: bool,
    /// Names of up to 255 bytes with all that POSIX takes; else names that any file system takes.
    #[arg(long)]
    pub(crate) posix_names: bool,
}

/// Which job.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// A job; without, all of them, until Ctrl-C.
    #[arg(value_name = "JOB")]
    pub(crate) job: Option<String>,
}

/// A call of the protocol.
#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// The method, such as library.list.
    #[arg(value_name = "METHOD", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) method: String,
    /// Its params, an object.
    #[arg(value_name = "JSON", default_value = "{}")]
    pub(crate) params: String,
    /// Show the bytes of each frame, both ways, on stderr.
    #[arg(long)]
    pub(crate) trace: bool,
}

/// What of the policy.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// What the daemon grants to you.
    Show,
    /// Reads a policy file and says what it grants, or what is wrong with it.
    Check(CheckArgs),
}

/// A policy file.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// How the demo ends.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Leave the library and the export where they are.
    #[arg(long)]
    pub(crate) keep: bool,
}

fn album_kinds() -> impl TypedValueParser<Value = AlbumKind> {
    words(AlbumKind::ALL, AlbumKind::as_str, AlbumKind::from_word)
}

fn includes() -> impl TypedValueParser<Value = Include> {
    words(Include::ALL, Include::as_str, Include::from_word)
}

fn kinds() -> impl TypedValueParser<Value = Kind> {
    words(Kind::ALL, Kind::as_str, Kind::from_word)
}

fn flags() -> impl TypedValueParser<Value = Flag> {
    words(Flag::ALL, Flag::as_str, Flag::from_word)
}

fn versions() -> impl TypedValueParser<Value = Versions> {
    words(Versions::ALL, Versions::as_str, Versions::from_word)
}

fn layouts() -> impl TypedValueParser<Value = Layout> {
    words(Layout::ALL, Layout::as_str, Layout::from_word)
}

/// A parser for one of the wire's lists of words.
fn words<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    as_str: fn(T) -> &'static str,
    from_word: fn(&str) -> Option<T>,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.iter().map(|word| as_str(*word)))
        .try_map(move |word| from_word(&word).ok_or("no such word"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    fn parse(arguments: &[&str]) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from([&["darkslide"], arguments].concat())
    }

    #[test]
    fn the_command_line_makes_sense() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn help_prints_the_exit_codes_and_hides_what_is_ours() {
        let help = Arguments::command().render_long_help().to_string();
        assert!(help.contains("130  interrupted"), "{help}");
        assert!(!help.contains("private-daemon") && !help.contains("try-socket"), "{help}");
    }

    #[test]
    fn global_options_stand_before_and_behind_the_command() {
        for arguments in [["--library", "L", "info"], ["info", "--library", "L"]] {
            assert_eq!(parse(&arguments).unwrap().global.library, Some("L".into()));
        }
    }

    #[test]
    fn lists_are_separated_by_commas() {
        let arguments = parse(&[
            "count",
            "--include",
            "hidden,trashed,bursts",
            "--kind",
            "live",
            "--kind",
            "raw",
        ])
        .unwrap();
        match arguments.command {
            Command::Count(select) => {
                assert_eq!(select.include, Include::ALL);
                assert_eq!(select.kind, [Kind::Live, Kind::Raw]);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_file_named_like_an_option_is_taken_behind_two_dashes() {
        match parse(&["export", "--", "--help"]).unwrap().command {
            Command::Export(export) => assert_eq!(export.destination, Some("--help".into())),
            other => panic!("{other:?}"),
        }
        assert_eq!(parse(&["export", "--help"]).unwrap_err().kind(), ErrorKind::DisplayHelp);
    }

    #[test]
    fn wrong_words_and_numbers_are_usage_errors() {
        for wrong in [
            &["query", "--kind", "nice"][..],
            &["query", "--limit", "0"],
            &["query", "--limit", "1", "--all"],
            &["get"],
            &["info", "--in", ""],
            &["info", "--library", ""],
            &["count", "--album", ""],
            &["export", "--root", ""],
            &["export", ""],
            &["call", ""],
            &["--color", "red", "info"],
            &["nothing"],
            &[],
        ] {
            let error = parse(wrong).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{wrong:?}: {error}");
        }
    }
}
