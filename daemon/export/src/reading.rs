//! The record as those see it that only look: rows one by one, and lines of its files.
//!
//! Verify, prune and the list of destinations know the manifest through this alone. Nothing is
//! held but the row in hand. The hazard: a destination of millions of files, and a process with a
//! bound on its memory.

use darkslide_door::SourceFile;
use darkslide_policy::RelPath;

use crate::error::ExportError;
use crate::lines::{LINES_TO_A_QUESTION, Lines, Stretch, bounded};
use crate::manifest::Manifest;
use crate::row::Row;
use crate::run::Stop;

/// All files, in the order of their keys.
pub(crate) fn rows(manifest: &Manifest) -> impl Iterator<Item = Result<Row, ExportError>> + '_ {
    manifest.rows()
}

/// Is a file to stand there?
pub(crate) fn holds(manifest: &Manifest, path: &RelPath) -> Result<bool, ExportError> {
    Ok(manifest.holder(path)?.is_some())
}

/// The folders that we made.
pub(crate) fn folders(manifest: &Manifest) -> Result<Vec<RelPath>, ExportError> {
    manifest.folders().collect()
}

/// Hands in each line of a file of the record, and asks now and then whether to go on.
pub(crate) fn each_line(
    source: &SourceFile,
    (limit, file): (u64, &'static str),
    stop: &dyn Fn() -> Stop,
    mut take: impl FnMut(&[u8]),
) -> Result<(), ExportError> {
    let size = bounded(source, limit, file)?;
    let mut lines = Lines::new(Stretch::new(source.file(), 0, size), 0);
    let mut read = 0_usize;
    while let Some((_, line)) = lines.next_line()? {
        if read.is_multiple_of(LINES_TO_A_QUESTION) && stop() != Stop::GoOn {
            return Err(ExportError::Stopped);
        }
        read += 1;
        take(line);
    }
    Ok(())
}
