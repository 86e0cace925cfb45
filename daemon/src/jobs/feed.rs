//! How a job's work tells how far it is, and hears that it should stop.
//!
//! Called from the job's thread and its helpers, often; progress is told at most ten times a
//! second, and of the rows that are not done only the first ones. Counting goes through the lock of
//! all jobs, some hundred nanoseconds a file: nothing beside the copying.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use darkslide_export::Stop;
use darkslide_protocol::event::{EventData, EventItem, EventKind};
use darkslide_protocol::limits::MAX_ITEM_EVENTS;
use darkslide_protocol::message::job::Outcome;
use darkslide_protocol::value::Token;

use super::Shared;
use super::pace::Pace;
use super::table::Tally;
use crate::clock::Moment;

/// Between two progress events of one job.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// A job's line to who listens.
pub(crate) struct Feed {
    shared: Arc<Shared>,
    id: Token,
    began: Moment,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    last: Option<Duration>,
    pace: Pace,
    items: u64,
}

impl Told {
    /// Is it time for progress? Then it counts as told.
    fn is_due(&mut self, now: Duration) -> bool {
        let due = self.last.is_none_or(|last| now.saturating_sub(last) >= PROGRESS_EVERY);
        if due {
            self.last = Some(now);
        }
        due
    }
}

impl Feed {
    pub(super) fn new(shared: Arc<Shared>, id: Token) -> Self {
        Self { shared, id, began: Moment::now(), told: Mutex::default() }
    }

    /// The job's identity.
    #[must_use]
    pub(crate) fn job(&self) -> &Token {
        &self.id
    }

    /// Should the work stop, and how soon?
    #[must_use]
    pub(crate) fn stop(&self) -> Stop {
        self.shared.table().stop(&self.id)
    }

    /// Should the work stop at all?
    #[must_use]
    pub(crate) fn should_stop(&self) -> bool {
        self.stop() != Stop::GoOn
    }

    /// The same question, for whoever outlives this borrow.
    pub(crate) fn stopping(&self) -> impl Fn() -> bool + Send + Sync + use<> {
        let (shared, id) = (Arc::clone(&self.shared), self.id.clone());
        move || shared.table().stop(&id) != Stop::GoOn
    }

    /// The plan stands.
    pub(crate) fn planned(&self, selected: u64, files: u64, bytes: u64) {
        self.told().pace = Pace::begin(self.began.elapsed());
        self.count(|tally| {
            tally.selected = selected;
            tally.files_total = files;
            tally.bytes_total = bytes;
        });
    }

    /// So many more bytes were written.
    pub(crate) fn bytes(&self, bytes: u64) {
        self.count(|tally| tally.bytes_done = tally.bytes_done.saturating_add(bytes));
    }

    /// One more resource came to its end; `item` is what is told of it where it is not done.
    pub(crate) fn outcome(&self, outcome: Outcome, item: impl FnOnce() -> EventItem) {
        self.count(|tally| {
            let count = tally.outcomes.entry(outcome).or_default();
            *count = count.saturating_add(1);
            if matches!(outcome, Outcome::Copied | Outcome::Updated) {
                tally.files_done = tally.files_done.saturating_add(1);
            }
        });
        if !outcome.is_done() {
            self.undone(item);
        }
    }

    fn undone(&self, item: impl FnOnce() -> EventItem) {
        let items = {
            let mut told = self.told();
            told.items = told.items.saturating_add(1);
            told.items
        };
        if items <= MAX_ITEM_EVENTS {
            let more = EventData { item: Some(item()), ..EventData::default() };
            self.shared.table().say(&self.id, EventKind::Item, more);
        } else if items == MAX_ITEM_EVENTS + 1 {
            self.warn(format!("more than {MAX_ITEM_EVENTS} rows are not done: job.report has all"));
        }
    }

    /// So many files that nobody could explain were moved to the trash.
    pub(crate) fn trashed(&self, files: u64) {
        self.count(|tally| tally.trashed = tally.trashed.saturating_add(files));
        if files > 0 {
            self.warn(format!(
                "files that nobody could explain after an interrupted run are in the trash of the \
                 destination: {files}"
            ));
        }
    }

    fn warn(&self, warning: String) {
        let more = EventData { warning: Some(warning), ..EventData::default() };
        self.shared.table().say(&self.id, EventKind::Warning, more);
    }

    fn count(&self, change: impl FnOnce(&mut Tally)) {
        let now = self.began.elapsed();
        let mut told = self.told();
        let tell = told.is_due(now);
        let pace = &mut told.pace;
        let change = |tally: &mut Tally| {
            change(tally);
            if tell {
                pace.note(now, tally.bytes_done);
                tally.rate = pace.rate();
                tally.remaining =
                    pace.remaining(tally.bytes_total.saturating_sub(tally.bytes_done));
            }
        };
        self.shared.table().count(&self.id, change, tell);
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_at_most_ten_times_in_any_second() {
        let mut told = Told::default();
        // Three seconds of a job that has something to tell every tenth of a millisecond.
        let at: Vec<Duration> = (0..30_000)
            .map(|tick| Duration::from_micros(tick * 100))
            .filter(|now| told.is_due(*now))
            .collect();
        assert_eq!(at.len(), 30);
        for ten in at.windows(11) {
            assert!(ten[10] - ten[0] >= Duration::from_secs(1), "{ten:?}");
        }
        assert!(!told.is_due(Duration::ZERO), "a clock that goes back tells nothing more");
    }
}
