//! The audit log: what was asked for, by whom, what the policy said and what became of it, chained.
//!
//! `service` alone says what is recorded; here is decided what is a line, when, and whether a
//! request may be answered. Read `line.rs` (the record), `chain.rs` (what is proved), `writer.rs`
//! (the files), `tally.rs` (what is counted) in this order.
//!
//! Lines are written by the thread that asks, the runtime's too: it is one write of some hundred
//! bytes into the page cache, which takes microseconds, and the answer must not leave before it;
//! handing it to another thread and waiting would cost more. What can take long, `fdatasync`, is
//! done once a second by a thread of its own, which holds no lock meanwhile.

pub(crate) mod chain;
pub(crate) mod line;
mod tally;
mod writer;

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{self, Moment, pause};
use chain::Head;
use line::{About, Decision, Entry, Event, Text, When, Who};
use tally::Tally;
use writer::Unwritten;
pub(crate) use writer::{Log, MAX_READ_BYTES};

/// How often what was written is flushed, and what was counted looked at.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// Who is recorded, and on which connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asker {
    /// None for what the daemon does of its own, for a job that goes on.
    pub(crate) conn: Option<u64>,
    /// As the kernel named it, and as it names itself.
    pub(crate) who: Who,
}

/// What was asked, and what the policy said.
#[derive(Debug, Clone)]
pub(crate) struct Decided {
    pub(crate) asker: Asker,
    /// None where a peer was not let in.
    pub(crate) method: Option<Text>,
    pub(crate) about: About,
}

impl Decided {
    fn entry(&self, event: Event, decision: Decision) -> Entry {
        let mut entry = Entry::of(event);
        entry.conn = self.asker.conn;
        entry.peer = Some(self.asker.who.clone());
        entry.method = self.method.clone();
        entry.about = self.about.clone();
        entry.decision = Some(decision);
        entry
    }
}

/// When this start of the daemon began, and its random name.
#[derive(Debug)]
pub(crate) struct Start {
    began: Moment,
    boot: String,
}

impl Start {
    /// Now.
    pub(crate) fn new(boot: String) -> Self {
        Self { began: Moment::now(), boot }
    }

    /// How long ago it was.
    fn mono(&self) -> Duration {
        self.began.elapsed()
    }

    /// This moment, by both clocks.
    pub(crate) fn when(&self) -> When {
        let mono = u64::try_from(self.mono().as_millis()).unwrap_or(u64::MAX);
        When { time: clock::timestamp(), mono, boot: self.boot.clone() }
    }
}

/// The log of this daemon, if it has one.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    kept: Option<Kept>,
    /// There is something to flush or to count down.
    work: Condvar,
}

#[derive(Debug)]
struct Kept {
    start: Start,
    state: Mutex<Books>,
    /// Held by the one flush that is under way; taken before the books.
    flushing: Mutex<()>,
}

#[derive(Debug)]
struct Books {
    log: Log,
    tally: Tally,
    ended: bool,
}

impl Kept {
    /// A panic while the lock was held leaves a line that is written or not: going on is better
    /// than refusing everything.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Audit {
    /// Keeps a log. The private way has none ([`Audit::default`]): what it does stands in its
    /// destination, and there is nobody else.
    #[must_use]
    pub(crate) fn new(start: Start, log: Log) -> Self {
        let books = Books { log, tally: Tally::default(), ended: false };
        let kept = Kept { start, state: Mutex::new(books), flushing: Mutex::default() };
        let audit = Self { kept: Some(kept), work: Condvar::new() };
        let mut entry = Entry::of(Event::Started);
        entry.about.kind = Some(Text::new(env!("CARGO_PKG_VERSION")));
        audit.will([entry]);
        audit
    }

    /// The last line, for whoever wants to keep it.
    #[must_use]
    pub(crate) fn head(&self) -> Option<Head> {
        self.kept.as_ref().and_then(|kept| kept.books().log.head())
    }

    /// Records that something was granted: of its kind the first is a line, the others are
    /// counted.
    ///
    /// # Errors
    /// [`Unwritten`]: then it must be refused, the line being written or not.
    pub(crate) fn granted(&self, decided: &Decided) -> Result<(), Unwritten> {
        let Some(kept) = &self.kept else { return Ok(()) };
        let entry = decided.entry(Event::Request, Decision::Granted);
        let mut books = kept.books();
        let written = if books.tally.is_first(&entry, kept.start.mono()) {
            let written = books.log.must(&kept.start.when(), entry.clone());
            if written.is_err() {
                books.tally.forget(&entry);
            }
            written
        } else if books.log.is_behind() {
            books.log.ready_for_a_request(&kept.start.when())
        } else {
            Ok(())
        };
        self.tell(&books);
        written
    }

    /// Counts with how much such a request was answered.
    pub(crate) fn answered(&self, decided: &Decided, what: &str, number: u64) {
        let Some(kept) = &self.kept else { return };
        let mut books = kept.books();
        books.tally.add(&decided.entry(Event::Request, Decision::Granted), what, number);
        self.tell(&books);
    }

    /// Records that something was denied, and why. Does it have a line of its own, so that the
    /// ordinary log can have one, too?
    pub(crate) fn denied(&self, decided: &Decided, why: &str) -> bool {
        let Some(kept) = &self.kept else { return true };
        let event = if decided.method.is_some() { Event::Request } else { Event::Peer };
        let mut entry = decided.entry(event, Decision::Denied);
        entry.result = Some(Text::new(why));
        let mut books = kept.books();
        let is_first = books.tally.is_first(&entry, kept.start.mono());
        if is_first {
            books.log.will(&kept.start.when(), entry);
        }
        self.tell(&books);
        is_first
    }

    /// Records that a descriptor goes out, with so many bytes behind it.
    ///
    /// # Errors
    /// [`Unwritten`]: then it must not.
    pub(crate) fn handed_over(&self, decided: &Decided, bytes: u64) -> Result<(), Unwritten> {
        let mut entry = decided.entry(Event::HandedOver, Decision::Granted);
        entry.counts.insert(chain::BYTES.to_owned(), bytes);
        self.must(entry)
    }

    /// Records what is done whether it can be recorded now or only later.
    pub(crate) fn done(&self, decided: &Decided) {
        self.will([decided.entry(Event::Request, Decision::Granted)]);
    }

    /// Writes a record that an answer waits for.
    ///
    /// # Errors
    /// [`Unwritten`].
    pub(crate) fn must(&self, entry: Entry) -> Result<(), Unwritten> {
        let Some(kept) = &self.kept else { return Ok(()) };
        let mut books = kept.books();
        let written = books.log.must(&kept.start.when(), entry);
        self.tell(&books);
        written
    }

    /// Writes records that nobody waits for, as soon as that can be done.
    pub(crate) fn will(&self, entries: impl IntoIterator<Item = Entry>) {
        let Some(kept) = &self.kept else { return };
        let mut books = kept.books();
        let when = kept.start.when();
        entries.into_iter().for_each(|entry| books.log.will(&when, entry));
        self.tell(&books);
    }

    /// Writes what a connection that has ended asked for.
    pub(crate) fn left(&self, conn: u64) {
        let Some(kept) = &self.kept else { return };
        let numbers = kept.books().tally.ended(conn);
        self.will(numbers);
    }

    /// Writes all numbers and the last line, and flushes; nothing is recorded after it.
    pub(crate) fn end(&self) {
        let Some(kept) = &self.kept else { return };
        let mut numbers = kept.books().tally.all();
        numbers.push(Entry::of(Event::Ended));
        self.will(numbers);
        self.flush();
        kept.books().ended = true;
        self.work.notify_all();
    }

    /// Waits until everything that is written so far is on the disk: before the first file of a
    /// job. What another thread is flushing is waited for too.
    pub(crate) fn flush(&self) {
        let Some(kept) = &self.kept else { return };
        let _one = kept.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        let flush = kept.books().log.take_unflushed();
        // Without the lock: others need not wait for the disk.
        let answer = flush.run();
        kept.books().log.flushed(flush, &answer);
    }

    /// Flushes once a second while there is something to flush, until the log has ended; for a
    /// thread of its own.
    pub(crate) fn keep(&self) {
        let Some(kept) = &self.kept else { return };
        loop {
            let mut books = kept.books();
            while books.is_quiet() && !books.ended {
                books = self.work.wait(books).unwrap_or_else(PoisonError::into_inner);
            }
            if books.ended {
                return;
            }
            drop(books);
            pause(FLUSH_EVERY);
            self.tick();
        }
    }

    /// Writes the numbers whose time has come, tries again what could not be written, and flushes.
    fn tick(&self) {
        let Some(kept) = &self.kept else { return };
        let mut books = kept.books();
        let when = kept.start.when();
        let due = books.tally.due(kept.start.mono());
        due.into_iter().for_each(|entry| books.log.will(&when, entry));
        // Whoever asks is told whether it can be written; here is nobody to tell.
        let _later = books.log.ready(&when);
        drop(books);
        self.flush();
    }

    /// Wakes the thread that flushes, if there is something for it to do.
    fn tell(&self, books: &Books) {
        if !books.is_quiet() {
            self.work.notify_one();
        }
    }
}

impl Books {
    fn is_quiet(&self) -> bool {
        self.log.is_quiet() && self.tally.is_quiet()
    }
}
