//! A rerun in which nothing has changed: by a daemon that runs, and from nothing, against the least
//! that can tell that nothing has, and against other tools on the same files. What the least does
//! not do: it knows nothing of a library, names no file, and writes no report.

use std::borrow::Cow;
use std::fs::{self, File};
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use darkslide_fixture::{ManyOptions, Model, many};
use rustix::fs::{AtFlags, statat};
use serde::Deserialize;

use crate::Failed;
use crate::calls::Calls;
use crate::export::{Measured, exporting};
use crate::programs::{beside, timed};
use crate::report::{Row, median};

/// How many files; all of them tiny.
pub(crate) const FILES: usize = 10_000;
/// It is short: so many for each run of the long ones.
const PER_RUN: usize = 5;

/// Measures it below a folder, on a library that stays there.
pub(crate) fn measure(runs: usize, folder: &Path) -> Measured {
    let program = beside("darkslide")?;
    let library = folder.join("rerun.photoslibrary");
    many(&library, Model::Photos11, FILES, ManyOptions::default())?;
    let mut daemon = Calls::start(&beside("darkslided")?, &library)?;
    daemon.export()?;
    let (to, plain) = (daemon.exports(), folder.join("rerun-plain"));
    let originals = library.join("originals");
    timed(Command::new("cp").arg("-a").arg(&originals).arg(&plain))?;
    let mut rsync = Command::new("rsync");
    rsync.arg("-a").arg(format!("{}/", originals.display())).arg(&plain);
    let mut update = Command::new("cp");
    update.arg("-ruT").arg(&originals).arg(&plain);
    let (mut least, mut warm, mut cold) = (Vec::new(), Vec::new(), Vec::new());
    let (mut updates, mut rsyncs) = (Vec::new(), Ok(Vec::new()));
    for _ in 0..runs * PER_RUN {
        least.push(look_and_parse(&to)?);
        warm.push(daemon.export()?);
        cold.push(timed(&mut exporting(&program, &library, &to, &[]))?);
        updates.push(timed(&mut update)?);
        rsyncs = rsyncs.and_then(|mut times: Vec<Duration>| {
            times.push(timed(&mut rsync)?);
            Ok::<_, Failed>(times)
        });
    }
    let (least, cold) = (median(least), median(cold));
    let mut rows = vec![
        Row::times(FILES, "rerun / lstat of all and manifest", median(warm), least, "3"),
        Row::times(FILES, "rerun from nothing / the same", cold, least, ""),
        Row::times(FILES, "rerun from nothing / cp -ru", cold, median(updates), "2"),
    ];
    let what = "rerun from nothing / rsync -a";
    rows.push(match rsyncs {
        Ok(times) => Row::times(FILES, what, cold, median(times), "below 1"),
        Err(why) => Row::skipped(FILES, what, &why.to_string()),
    });
    Ok(rows)
}

/// A line of the manifest, as far as a rerun needs it.
#[derive(Debug, Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    file: Option<Entry<'a>>,
}

#[derive(Debug, Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
    size: u64,
}

/// The least: the manifest is read and parsed, and each file looked at.
fn look_and_parse(destination: &Path) -> Result<Duration, Failed> {
    let begun = Instant::now();
    let folder = File::open(destination)?;
    let manifest = fs::read(destination.join(".darkslide/manifest.jsonl"))?;
    let mut files = 0;
    for line in manifest.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        if let Some(file) = serde_json::from_slice::<Line<'_>>(line)?.file {
            let found = statat(&folder, file.path.as_ref(), AtFlags::SYMLINK_NOFOLLOW)?;
            files += usize::from(u64::try_from(found.st_size)? == black_box(file.size));
        }
    }
    let time = begun.elapsed();
    if files == FILES { Ok(time) } else { Err(format!("{files} files are unchanged").into()) }
}
