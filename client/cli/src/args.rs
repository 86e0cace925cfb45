//! The command line as data: commands, flags and their help, and nothing that acts.
//!
//! clap only, so that man pages and completions can be made from it. What flags mean together is
//! decided in `command/`. Words that the wire has (kinds, layouts, versions) are taken from the
//! protocol's lists and stand nowhere twice.

mod audit;
mod service;

use std::path::PathBuf;

use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use darkslide_client::protocol::filter::{CountWith, Facet, Flag, Include, Kind, Sort};
use darkslide_client::protocol::limits::{MAX_THUMBNAIL_PIXELS, MAX_TOPICS};
use darkslide_client::protocol::message::album::AlbumKind;
use darkslide_client::protocol::message::export::{
    Hash, OnDestChange, Recheck, SameFile, Sidecar, Versions,
};
use darkslide_client::protocol::message::job::CancelMode;
use darkslide_client::protocol::message::resource::Version;
use darkslide_client::protocol::message::verify::{MaxDelete, VerifyBy};

use crate::exit;

pub(crate) use audit::{AuditCommand, AuditShowArgs, AuditVerifyArgs};
pub(crate) use service::{HowArgs, InstallArgs, ScheduleArgs, ServiceCommand, UninstallArgs};

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
    /// Which values a thing has among the assets that fit, and how many have each.
    Facets(FacetsArgs),
    /// Assets that fit.
    Query(QueryArgs),
    /// How many assets fit.
    Count(CountArgs),
    /// Assets by UUID.
    Get(GetArgs),
    /// Everything that the library tells of every asset: a line of JSON each, by UUID.
    Dump(DumpArgs),
    /// The files of assets, and why one is not on this disk.
    Resources(ResourcesArgs),
    /// The content of a file of an asset, on stdout or in a new file.
    Open(OpenArgs),
    /// The smallest image of an asset that is large enough, on stdout or in a new file.
    Thumbnail(ThumbnailArgs),
    /// Copies what fits, with its edits, to a destination; a second run copies what is new.
    Export(ExportArgs),
    /// Shows what an export would do; nothing is written.
    Plan(ExportArgs),
    /// What the running daemon has done and does, the newest first.
    Jobs,
    /// One job of the running daemon; stops it, or has it go on.
    Job(JobArgs),
    /// Compares what was exported with its record: what is missing, changed, or there besides.
    Verify(VerifyArgs),
    /// Shows which files of an export the library has no longer; with --yes, moves them to the
    /// trash of the destination.
    Prune(PruneArgs),
    /// What has been exported where below the roots, when, and how complete.
    Destinations,
    /// Shows what jobs of the running daemon do, as it happens.
    Watch(WatchArgs),
    /// What changed in the library since a token, or the token of now.
    Changes(ChangesArgs),
    /// Who serves, and what the kernel says is enforced.
    Health(HealthArgs),
    /// Where the daemon is, its pid and version, as JSON.
    Socket,
    /// Finds what stops it from working, and says what to type next.
    Doctor(DoctorArgs),
    /// Calls any method of the protocol.
    Call(CallArgs),
    /// What is allowed.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// The daemon as a background service, and exports that run by themselves.
    #[command(subcommand)]
    Service(ServiceCommand),
    /// What was recorded of who asked for what: is it as it was written, and what does it say.
    #[command(subcommand)]
    Audit(AuditCommand),
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
    /// In an album below this folder. Of this and of the texts below, several may be given, one of
    /// which suffices; case and accents do not matter, and * and ? stand for what is not known.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) folder: Vec<String>,
    /// With this keyword.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) keyword: Vec<String>,
    /// With a face of this person.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) person: Vec<String>,
    /// In which Photos saw this.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) label: Vec<String>,
    /// Taken in this place, from a country to a sight.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) place: Vec<String>,
    /// With this title.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) title: Vec<String>,
    /// With this description.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) description: Vec<String>,
    /// Whose original had this name.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) filename: Vec<String>,
    /// By this camera: maker, model, or both.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) camera: Vec<String>,
    /// Through this lens.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) lens: Vec<String>,
    /// With this somewhere in any of these, or in an album's title.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) text: Vec<String>,
    /// Taken then: 2024, 2024-07, 2024-07-14, or FROM..TO of these, both with all of their days;
    /// either may be left out, and may be an instant such as 2024-07-14T10:30:00+02:00.
    #[arg(long, value_name = "WHEN", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) taken: Option<String>,
    /// Added to the library then.
    #[arg(long, value_name = "WHEN", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) added: Option<String>,
    /// Last adjusted then.
    #[arg(long, value_name = "WHEN", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) modified: Option<String>,
    /// Taken on this day of any year.
    #[arg(long, value_name = "MM-DD", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) on_this_day: Option<String>,
    /// Taken so many metres around a place, both in degrees.
    #[arg(long, value_name = "LAT,LON,METRES", allow_hyphen_values = true)]
    pub(crate) near: Option<String>,
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

/// Which assets, and what of them.
#[derive(Debug, Args)]
pub(crate) struct CountArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    /// What is told beside the number.
    #[arg(long, value_delimiter = ',', value_parser = count_withs())]
    pub(crate) with: Vec<CountWith>,
}

/// The values of what, among which assets.
#[derive(Debug, Args)]
pub(crate) struct FacetsArgs {
    /// Of what.
    #[arg(value_name = "FACET", value_parser = facets())]
    pub(crate) facet: Facet,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    /// At most so many values, the most frequent first.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
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
    /// By what they are ordered.
    #[arg(long, default_value = "taken", value_parser = sorts())]
    pub(crate) sort: Sort,
    /// The latest, or largest, first.
    #[arg(long)]
    pub(crate) descending: bool,
    /// With --json: these fields of each, or '*' for all.
    #[arg(long, value_delimiter = ',', value_name = "FIELD", requires = "json")]
    pub(crate) fields: Vec<String>,
}

/// Which assets, what of each, and how many pages at once.
#[derive(Debug, Args)]
pub(crate) struct DumpArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    /// These fields of each; all where none is named.
    #[arg(long, value_delimiter = ',', value_name = "FIELD")]
    pub(crate) fields: Vec<String>,
    /// Pages that are asked for at once: the daemon has two readers for a library.
    #[arg(long, value_name = "N", default_value_t = 3)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=8))]
    pub(crate) at_once: u8,
}

/// Which assets, by UUID.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// Their UUIDs.
    #[arg(value_name = "UUID", required = true)]
    pub(crate) uuids: Vec<String>,
    /// With --json: these fields of each, or '*' for all.
    #[arg(long, value_delimiter = ',', value_name = "FIELD", requires = "json")]
    pub(crate) fields: Vec<String>,
}

/// The files of which assets.
#[derive(Debug, Args)]
pub(crate) struct ResourcesArgs {
    /// Their UUIDs.
    #[arg(value_name = "UUID", required = true)]
    pub(crate) uuids: Vec<String>,
}

/// Which file, and where to.
#[derive(Debug, Args)]
pub(crate) struct OpenArgs {
    /// The asset's UUID.
    #[arg(value_name = "UUID")]
    pub(crate) uuid: String,
    /// Which of its versions; of several previews it is the largest.
    #[arg(long, value_parser = version_words(), default_value = Version::Original.as_str())]
    pub(crate) version: Version,
    /// Write it to this file, which must not be there yet.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Which image, and where to.
#[derive(Debug, Args)]
pub(crate) struct ThumbnailArgs {
    /// The asset's UUID.
    #[arg(value_name = "UUID")]
    pub(crate) uuid: String,
    /// The longer side has so many pixels at least; where none has, it is the largest.
    #[arg(long, value_name = "N", default_value_t = THUMBNAIL_PIXELS)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_THUMBNAIL_PIXELS)))]
    pub(crate) pixels: u32,
    /// Write it to this file, which must not be there yet.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// What a grid of photos shows of each.
const THUMBNAIL_PIXELS: u32 = 360;

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
    /// How folders are made: date, album, flat, or a template as {year}/{title|untitled}.
    #[arg(long, default_value = "date", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) layout: String,
    /// Without the videos of live photos.
    #[arg(long)]
    pub(crate) no_live: bool,
    /// Without the RAW files of pairs.
    #[arg(long)]
    pub(crate) no_raw: bool,
    /// Of a burst the key image alone.
    #[arg(long)]
    pub(crate) key_images: bool,
    /// With the files that describe adjustments.
    #[arg(long)]
    pub(crate) aae: bool,
    /// The largest image on this disk, marked as a preview, in place of what is only in iCloud.
    #[arg(long)]
    pub(crate) preview: bool,
    /// Template of names, as {title|untitled} or {original_name}.
    #[arg(long, value_name = "TEMPLATE", default_value = "{original_name}")]
    pub(crate) names: String,
    /// What stands between the name of an original and the extension of its edit.
    #[arg(long, value_name = "TEXT", default_value = "_edited")]
    pub(crate) edited_suffix: String,
    /// Names of up to 255 bytes with all that POSIX takes; else names that any file system takes.
    #[arg(long)]
    pub(crate) posix_names: bool,
    /// Files beside each photo that tell what the library knows of it.
    #[arg(long, value_delimiter = ',', value_parser = sidecars())]
    pub(crate) sidecar: Vec<Sidecar>,
    /// What becomes of a file that somebody changed or removed in the destination.
    #[arg(long, default_value = "keep", value_parser = on_dest_change())]
    pub(crate) on_dest_change: OnDestChange,
    /// How files that are there already are looked at again.
    #[arg(long, default_value = "stat", value_parser = recheck())]
    pub(crate) recheck: Recheck,
    /// Which contents are hashed.
    #[arg(long, default_value = "copied", value_parser = hash())]
    pub(crate) hash: Hash,
    /// How an asset in several albums gets its second file.
    #[arg(long, default_value = "clone", value_parser = same_file())]
    pub(crate) same_file: SameFile,
    /// Leaves file times as they come, in place of the date taken.
    #[arg(long)]
    pub(crate) no_times: bool,
    /// Renames what earlier runs exported with another layout or other names.
    #[arg(long)]
    pub(crate) reshape: bool,
    /// Answers with a row for each selected resource, and tells the sum on stderr.
    #[arg(long, value_name = "FORM")]
    pub(crate) rows: Option<RowForm>,
}

/// In which form rows are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum RowForm {
    /// For a person.
    Table,
    /// An object a line.
    Jsonl,
    /// For a spreadsheet.
    Csv,
}

/// Which job, and what is asked of it.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// The job, as `darkslide jobs` names it.
    #[arg(value_name = "JOB", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) job: String,
    /// Stop it: after the file in hand, or now.
    #[arg(long, value_name = "WHEN", num_args = 0..=1, require_equals = true,
        default_missing_value = "after_file", value_parser = cancel_modes(),
        conflicts_with = "resume")]
    pub(crate) cancel: Option<CancelMode>,
    /// Go on with it, if it failed, was stopped or broken off.
    #[arg(long)]
    pub(crate) resume: bool,
}

/// Where something was exported to.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// The folder that was exported to. Without --library it may be left out with --root.
    #[arg(value_name = "DEST")]
    pub(crate) destination: Option<PathBuf>,
    /// A root of the running daemon, by its name; DEST is then a path below it.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) root: Option<String>,
}

/// What to verify, and how.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// By size and time, or by content: that reads everything.
    #[arg(long, default_value = "stat", value_parser = verify_bys())]
    pub(crate) by: VerifyBy,
    /// With neither daemon nor library: DEST alone is read, by this program, which confines itself
    /// to it.
    #[arg(long, conflicts_with = "root", requires = "destination")]
    pub(crate) offline: bool,
}

/// What to prune, and how much at most.
#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// More than so many files, or percent of those that the library has there, do not go.
    #[arg(long, value_name = "N|N%", default_value = "10%", value_parser = max_delete)]
    pub(crate) max_delete: MaxDelete,
    /// Do what the plan shows.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// The word that stands for the library among topics: no job is called so.
pub(crate) const WATCH_LIBRARY: &str = "library";

/// What to watch.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// A job, `key:KEY` for the job that is or will be started under a key, `jobs`, or the word
    /// `library` for changes of the library; without, all jobs. Of one job until its end, else
    /// until Ctrl-C.
    #[arg(
        value_name = "TOPIC",
        num_args = ..=MAX_TOPICS,
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub(crate) topics: Vec<String>,
    /// Also what happened after the event of this number, as far as it is kept.
    #[arg(long, value_name = "SEQ")]
    pub(crate) since: Option<u64>,
}

/// From where.
#[derive(Debug, Args)]
pub(crate) struct ChangesArgs {
    /// What `changes` without this, `watch library` or the last page said.
    #[arg(long, value_name = "TOKEN", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) since: Option<String>,
}

/// Once, or for as long as somebody looks.
#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// A line now and whenever it changes, also while the daemon is started anew, until Ctrl-C.
    #[arg(long)]
    pub(crate) watch: bool,
}

/// What is looked at in place of the usual. With --library that one alone is looked at.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// This policy file, as `darkslided --policy` would read it.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// This socket.
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
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
    /// Writes a policy to start from, with what each key means.
    Init(InitArgs),
}

/// Where to.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The file, which must not be there yet; without, the first place where the daemon looks.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
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

fn version_words() -> impl TypedValueParser<Value = Version> {
    words(Version::ALL, Version::as_str, Version::from_word)
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

fn count_withs() -> impl TypedValueParser<Value = CountWith> {
    words(CountWith::ALL, CountWith::as_str, CountWith::from_word)
}

fn facets() -> impl TypedValueParser<Value = Facet> {
    words(Facet::ALL, Facet::as_str, Facet::from_word)
}

fn sorts() -> impl TypedValueParser<Value = Sort> {
    words(Sort::ALL, Sort::as_str, Sort::from_word)
}

fn sidecars() -> impl TypedValueParser<Value = Sidecar> {
    words(Sidecar::ALL, Sidecar::as_str, Sidecar::from_word)
}

fn on_dest_change() -> impl TypedValueParser<Value = OnDestChange> {
    words(OnDestChange::ALL, OnDestChange::as_str, OnDestChange::from_word)
}

fn recheck() -> impl TypedValueParser<Value = Recheck> {
    words(Recheck::ALL, Recheck::as_str, Recheck::from_word)
}

fn hash() -> impl TypedValueParser<Value = Hash> {
    words(Hash::ALL, Hash::as_str, Hash::from_word)
}

fn same_file() -> impl TypedValueParser<Value = SameFile> {
    words(SameFile::ALL, SameFile::as_str, SameFile::from_word)
}

fn versions() -> impl TypedValueParser<Value = Versions> {
    words(Versions::ALL, Versions::as_str, Versions::from_word)
}

fn cancel_modes() -> impl TypedValueParser<Value = CancelMode> {
    words(CancelMode::ALL, CancelMode::as_str, CancelMode::from_word)
}

fn verify_bys() -> impl TypedValueParser<Value = VerifyBy> {
    words(VerifyBy::ALL, VerifyBy::as_str, VerifyBy::from_word)
}

fn max_delete(text: &str) -> Result<MaxDelete, &'static str> {
    MaxDelete::parse(text).ok_or("a number, or a percentage up to 100%")
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
            Command::Count(count) => {
                assert_eq!(count.select.include, Include::ALL);
                assert_eq!(count.select.kind, [Kind::Live, Kind::Raw]);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn texts_are_not_separated_and_coordinates_may_be_negative() {
        let words = ["count", "--keyword", "a, b", "--keyword", "c", "--near", "-33.8,151.2,500"];
        match parse(&words).unwrap().command {
            Command::Count(count) => {
                assert_eq!(count.select.keyword, ["a, b", "c"]);
                assert_eq!(count.select.near.as_deref(), Some("-33.8,151.2,500"));
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
            &["facets"],
            &["facets", "colour"],
            &["facets", "year", "--limit", "0"],
            &["count", "--with", "colours"],
            &["count", "--keyword", ""],
            &["resources"],
            &["open"],
            &["open", "x", "--version", "largest"],
            &["open", "x", "--output", ""],
            &["thumbnail", "x", "--pixels", "0"],
            &["thumbnail", "x", "--pixels", "65536"],
            &["info", "--in", ""],
            &["info", "--library", ""],
            &["count", "--album", ""],
            &["export", "--root", ""],
            &["verify", "--by", "luck"],
            &["verify", "--offline"],
            &["verify", "--offline", "--root", "nas", "out"],
            &["prune", "--max-delete", "101%"],
            &["prune", "--max-delete", "few"],
            &["export", ""],
            &["call", ""],
            &["service"],
            &["service", "schedule", "nightly"],
            &["service", "schedule", "nightly", "--remove", "--", "export"],
            &["--color", "red", "info"],
            &["nothing"],
            &[],
        ] {
            let error = parse(wrong).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{wrong:?}: {error}");
        }
    }
}
