//! `export`: starts a job, shows how far it is, sums it up, and names what is not there with the
//! reason.
//!
//! The exit code says whether everything that was selected is there; "done" is never said of less.
//! With the running daemon the job is the daemon's and outlives this program, unless Ctrl-C stops
//! both; a private daemon ends with it, and the next run goes on from there.

use std::path::{Path, PathBuf};

use darkslide_client::ExportHandle;
use darkslide_client::protocol::filter::Filter;
use darkslide_client::protocol::message::export::{
    Bursts, DestinationText, ExportSpec, ExportStartParams,
};
use darkslide_client::protocol::message::job::{
    CancelMode, JobState, JobStatus, Outcome, ReportRow,
};
use darkslide_client::supervisor::ROOT;
use serde::Serialize;

use super::{left_out, select};
use crate::args::{ExportArgs, Global, RowForm};
use crate::exit::{self, Exit};
use crate::output::progress::Progress;
use crate::output::rows::Rows;
use crate::output::{Output, human, plain};
use crate::paths;
use crate::report::Failure;
use crate::session::{self, Session, Way};

/// The answer for a program.
#[derive(Debug, Serialize)]
struct Exported<'a> {
    /// The job as it ended.
    job: &'a JobStatus,
    /// Is everything that was selected there?
    complete: bool,
    /// What is not, and why.
    undone: &'a [ReportRow],
}

/// Runs it.
pub(crate) async fn run(
    global: &Global,
    args: ExportArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    with_spec(global, args, output, Way::of, async |session, output, wish| {
        let Wish { spec, shown, rows } = wish;
        let handle = follow(session, output, spec).await?;
        let is_stopped = handle.status().state == JobState::Cancelled;
        if session.was_interrupted() && is_stopped {
            let job = handle.id();
            output.say(&format!("job {job} is stopped; darkslide job {job} --resume goes on"));
            return Ok(Exit::Interrupted);
        }
        let exit = outcome(handle.status())?;
        match rows {
            Some(form) => tell_rows(&handle, output, form, &shown).await?,
            None => sum_up(&handle, output, &shown).await?,
        }
        Ok(exit)
    })
    .await
}

/// What the flags ask for.
pub(crate) struct Wish {
    pub(crate) spec: ExportSpec,
    /// The destination, as a person knows it.
    pub(crate) shown: String,
    pub(crate) rows: Option<RowForm>,
}

/// Reads the flags, and does something with what they ask for.
pub(crate) async fn with_spec(
    global: &Global,
    args: ExportArgs,
    output: &mut Output,
    way: fn(&Global, Option<&Path>) -> Result<Way, Failure>,
    work: impl AsyncFnOnce(&Session, &mut Output, Wish) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let filter = select::filter(&args.select)?;
    let wanted = destination(global, "export", args.root.as_deref(), args.destination.as_deref())?;
    let folder = args.destination.as_deref().filter(|_| global.library.is_some());
    session::with(way(global, folder)?, None, output, async |session, output| {
        let Wanted { destination, shown } = wanted;
        let library = session.library().await?;
        left_out::warn_of_selection(session, output, &library, &args.select).await;
        let rows = args.rows;
        let spec = spec(args, filter, library, destination);
        work(session, output, Wish { spec, shown, rows }).await
    })
    .await
}

fn spec(
    args: ExportArgs,
    filter: Filter,
    library: String,
    destination: DestinationText,
) -> ExportSpec {
    ExportSpec {
        library,
        filter,
        include: args.select.include,
        destination,
        versions: args.versions,
        live: !args.no_live,
        raw: !args.no_raw,
        bursts: if args.key_images { Bursts::Key } else { Bursts::Selected },
        aae: args.aae,
        preview: args.preview,
        layout: args.layout,
        names: args.names,
        edited_suffix: args.edited_suffix,
        portable: !args.posix_names,
        sidecars: args.sidecar,
        on_dest_change: args.on_dest_change,
        recheck: args.recheck,
        hash: args.hash,
        same_file: args.same_file,
        times: !args.no_times,
        reshape: args.reshape,
    }
}

/// Where to; and how a person knows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) destination: DestinationText,
    pub(super) shown: String,
}

/// What the flags of a command say of a destination.
pub(super) fn destination(
    global: &Global,
    command: &str,
    root: Option<&str>,
    folder: Option<&Path>,
) -> Result<Wanted, Failure> {
    let missing = "there is no destination";
    match (&global.library, root, folder) {
        (Some(_), None, Some(folder)) => {
            let root = DestinationText::Named { root: ROOT.to_owned(), path: None };
            Ok(Wanted { destination: root, shown: folder.display().to_string() })
        }
        (Some(_), None, None) => {
            Err(Failure::usage(missing, format!("darkslide --library PATH {command} DEST")))
        }
        (Some(_), Some(_), _) => Err(Failure::usage(
            "--root is about the running daemon",
            format!("name the folder itself: darkslide --library PATH {command} DEST"),
        )),
        (None, Some(root), folder) => named(root, folder),
        (None, None, Some(folder)) => {
            let path = paths::wanted_destination(folder)?;
            Ok(Wanted { destination: DestinationText::Absolute(path.clone()), shown: path })
        }
        // A root that holds an export itself takes no other below it: nobody means that by leaving
        // a word out.
        (None, None, None) => Err(Failure::usage(
            missing,
            format!("darkslide {command} DEST, or --root NAME for the root itself"),
        )),
    }
}

fn named(root: &str, folder: Option<&Path>) -> Result<Wanted, Failure> {
    let path = match folder.map(Path::to_str) {
        Some(None) => {
            let path = folder.map(PathBuf::from).unwrap_or_default();
            return Err(paths::PathFault::NotUtf8 { path }.into());
        }
        Some(Some(path)) => Some(paths::without_slashes(path.to_owned())),
        None => None,
    };
    let shown = match &path {
        Some(path) => format!("{root}: {path}"),
        None => root.to_owned(),
    };
    let root = root.to_owned();
    Ok(Wanted { destination: DestinationText::Named { root, path }, shown })
}

/// Exports, and shows how far it is until it is over.
pub(crate) async fn follow(
    session: &Session,
    output: &mut Output,
    spec: ExportSpec,
) -> Result<ExportHandle, Failure> {
    let params = ExportStartParams { spec, key: None };
    let handle = session.client.export(&params).await?;
    to_its_end(session, output, handle).await
}

/// Shows how far a job is until it is over.
pub(super) async fn to_its_end(
    session: &Session,
    output: &mut Output,
    mut handle: ExportHandle,
) -> Result<ExportHandle, Failure> {
    if !session.is_private() && !output.is_json() {
        let job = handle.id();
        output.say(&format!("job {job}; darkslide watch {job} shows it from elsewhere, too"));
    }
    let mut progress = Progress::begin(output.shows_progress());
    let _listening = session.listen_for_stops();
    loop {
        tokio::select! {
            event = handle.next() => match event? {
                Some(_) => progress.show(handle.status()),
                None => break,
            },
            mode = session.asked_to_stop() => {
                output.say(match mode {
                    CancelMode::AfterFile => {
                        "interrupted: waiting for the file in hand; Ctrl-C again stops at once"
                    }
                    CancelMode::Now => "stopping at once; Ctrl-C again leaves the job to the daemon",
                });
                handle.cancel(mode).await?;
            }
        }
    }
    progress.end();
    Ok(handle)
}

/// How a job that is over counts, or why it failed.
pub(crate) fn outcome(status: &JobStatus) -> Result<Exit, Failure> {
    match (&status.error, status.state) {
        (Some(error), _) => Err(Failure::Client(error.clone().into())),
        (None, JobState::Interrupted) => Err(Failure::BrokenOff),
        (None, JobState::Cancelled) => Err(Failure::Stopped(status.job.clone())),
        (None, JobState::Queued | JobState::Running | JobState::Finished | JobState::Failed) => {
            Ok(exit::of_job(status))
        }
    }
}

async fn sum_up(handle: &ExportHandle, output: &mut Output, shown: &str) -> Result<(), Failure> {
    let status = handle.status();
    let undone = if status.is_complete() { Vec::new() } else { undone(handle).await? };
    if output.is_json() {
        output.json(&Exported { job: status, complete: status.is_complete(), undone: &undone })?;
        return Ok(());
    }
    output.answer(status, |status, style| human::export(status, shown, style))?;
    output.flush()?;
    if status.trashed > 0 {
        output.say(&format!(
            "after an interrupted run, {} files that nobody could explain were moved to .darkslide/trash/",
            status.trashed
        ));
    }
    if !undone.is_empty() {
        output.say(&plain::lines(&human::undone(&undone)));
    }
    human::hints(&undone).into_iter().for_each(|hint| output.hint(hint));
    Ok(())
}

/// A row for each selected resource as the answer, and the sum on stderr.
async fn tell_rows(
    handle: &ExportHandle,
    output: &mut Output,
    form: RowForm,
    shown: &str,
) -> Result<(), Failure> {
    let mut rows = Rows::new(form);
    let mut pages = handle.report(false);
    while let Some(page) = pages.next_page().await? {
        for row in page {
            rows.tell(output, &row)?;
        }
    }
    rows.end(output)?;
    output.flush()?;
    output.say(&human::export(handle.status(), shown, output.talk_style()));
    Ok(())
}

/// The rows that are not done: first those that a person can do something about.
pub(crate) async fn undone(handle: &ExportHandle) -> Result<Vec<ReportRow>, Failure> {
    let mut rows = Vec::new();
    let mut pages = handle.report(true);
    while let Some(mut page) = pages.next_page().await? {
        rows.append(&mut page);
    }
    rows.sort_by_key(|row| row.outcome == Outcome::NotLocal);
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Arguments, Command};
    use crate::output::human::tests::{finished_job, undone_row};

    fn wanted(arguments: &[&str]) -> Result<Wanted, Failure> {
        let arguments = Arguments::parse_from([&["darkslide"], arguments].concat());
        match &arguments.command {
            Command::Export(ExportArgs { root, destination: folder, .. }) => {
                destination(&arguments.global, "export", root.as_deref(), folder.as_deref())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_destination_is_what_the_flags_say() {
        let named = |root: &str, path: Option<&str>| DestinationText::Named {
            root: root.to_owned(),
            path: path.map(str::to_owned),
        };
        let known = |destination, shown: &str| Wanted { destination, shown: shown.to_owned() };
        let absolute = DestinationText::Absolute("/x/../y".to_owned());
        assert_eq!(wanted(&["export", "/x/../y"]).unwrap(), known(absolute, "/x/../y"));
        let completed = wanted(&["export", "/x/"]).unwrap();
        assert_eq!(completed, known(DestinationText::Absolute("/x".to_owned()), "/x"));
        assert_eq!(
            wanted(&["export", "--root", "nas", "2024"]).unwrap(),
            known(named("nas", Some("2024")), "nas: 2024")
        );
        assert_eq!(
            wanted(&["--library", "L", "export", "out"]).unwrap(),
            known(named(ROOT, None), "out")
        );
        for wrong in [
            &["export"][..],
            &["--library", "L", "export"],
            &["--library", "L", "export", "--root", "x", "y"],
        ] {
            assert!(matches!(wanted(wrong), Err(Failure::Usage { .. })), "{wrong:?}");
        }
    }

    #[test]
    fn the_answer_for_a_program_has_job_and_rows() {
        let rows = [undone_row("IMG_1.JPG")];
        let job = finished_job();
        let exported = Exported { job: &job, complete: job.is_complete(), undone: &rows };
        insta::assert_json_snapshot!(exported, @r#"
        {
          "job": {
            "job": "00000000000000000000000000000007",
            "kind": "export",
            "state": "finished",
            "created": "2026-07-01T10:00:00.000Z",
            "started": "2026-07-01T10:00:01.000Z",
            "ended": "2026-07-01T10:02:00.000Z",
            "library": "library",
            "root": "destination",
            "path": ".",
            "selected": 15,
            "files_total": 12,
            "files_done": 12,
            "bytes_total": 45260000,
            "bytes_done": 45260000,
            "outcomes": {
              "copied": 12,
              "unchanged": 1,
              "not_local": 2
            }
          },
          "complete": false,
          "undone": [
            {
              "asset": "1EB2B765-0765-43BA-A90C-0D0580E6172C",
              "version": "original",
              "original_filename": "IMG_1.JPG",
              "outcome": "not_local",
              "reason": "in-cloud"
            }
          ]
        }
        "#);
    }

    #[test]
    fn what_a_job_ends_with_decides_the_exit_code() {
        let mut job = finished_job();
        assert_eq!(outcome(&job).unwrap(), Exit::Incomplete);
        job.outcomes.retain(|outcome, _| outcome.is_done());
        assert_eq!(outcome(&job).unwrap(), Exit::Done);
        job.state = JobState::Interrupted;
        assert!(matches!(outcome(&job), Err(Failure::BrokenOff)));
        job.state = JobState::Cancelled;
        assert!(matches!(outcome(&job), Err(Failure::Stopped(_))));
        job.state = JobState::Failed;
        assert_eq!(outcome(&job).unwrap(), Exit::Failed);
    }
}
