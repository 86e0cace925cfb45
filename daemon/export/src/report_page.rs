//! Pages of a job's report.
//!
//! Where a page begins is a place in the file that only this module understands, so a page costs
//! what it holds, however long the report is. The hazard: a place that somebody made up, in the
//! middle of a row.

use std::os::unix::fs::FileExt;

use darkslide_door::{Destination, Record};
use darkslide_library::LibraryError;

use crate::error::ExportError;
use crate::lines::{Lines, Stretch, bounded};
use crate::report::{ReportRow, name_of};

/// Four million rows have half of it; reading it costs time, not memory.
pub(crate) const MAX_REPORT_BYTES: u64 = 4 << 30;
/// Bytes of rows above which a page ends.
const MAX_PAGE_BYTES: usize = 1 << 20;
/// Rows between two looks whether the time is over.
const ROWS_BETWEEN_LOOKS: usize = 1_024;

/// A page of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportPage {
    /// In the order of the report.
    pub rows: Vec<ReportRow>,
    /// Where the next page begins; none on the last.
    pub next: Option<u64>,
}

/// Reads a page of a job's report: at most `limit` rows and about 1 MiB of them, only those that
/// are not done if `undone`. It begins at `after`: 0, or [`ReportPage::next`] of the page before;
/// from any other place, at the next row. The page ends early when `is_over` says so. None where
/// there is no such report (any more).
///
/// # Errors
/// [`ExportError::Door`] and [`ExportError::Io`] where it cannot be read,
/// [`ExportError::DamagedRecord`] where it is larger than any report;
/// [`LibraryError::TimedOut`] where the time was over before the page began.
pub fn read_report(
    destination: &Destination<'_>,
    job: &str,
    after: u64,
    limit: usize,
    undone: bool,
    is_over: &dyn Fn() -> bool,
) -> Result<Option<ReportPage>, ExportError> {
    let Some(name) = name_of(job) else {
        return Ok(None);
    };
    let Some(source) = destination.open_record(Record::Report(&name))? else {
        return Ok(None);
    };
    let size = bounded(&source, MAX_REPORT_BYTES, "reports")?;
    if is_over() {
        return Err(LibraryError::TimedOut.into());
    }
    if after >= size {
        return Ok(Some(ReportPage { rows: Vec::new(), next: None }));
    }
    let mut lines = Lines::new(Stretch::new(source.file(), after, size), after);
    if after > 0 && !ends_a_line(source.file(), after - 1)? {
        lines.next_line()?;
    }
    let mut page = ReportPage { rows: Vec::new(), next: None };
    let mut bytes = 0;
    let mut read = 0_usize;
    while let Some((at, line)) = lines.next_line()? {
        read += 1;
        let over = read.is_multiple_of(ROWS_BETWEEN_LOOKS) && is_over();
        if over || bytes > MAX_PAGE_BYTES {
            page.next = Some(at);
            break;
        }
        // A damaged line has no row, and takes no place of another.
        let Ok(row) = serde_json::from_slice::<ReportRow>(line) else {
            continue;
        };
        if undone && row.outcome.is_done() {
            continue;
        }
        if page.rows.len() == limit {
            page.next = Some(at);
            break;
        }
        bytes += line.len();
        page.rows.push(row);
    }
    Ok(Some(page))
}

fn ends_a_line(file: &std::fs::File, at: u64) -> std::io::Result<bool> {
    let mut byte = [0];
    Ok(file.read_at(&mut byte, at)? == 1 && byte == [b'\n'])
}
