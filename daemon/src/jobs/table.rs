//! Which jobs there are: the line, those at work, those remembered, and who watches.
//!
//! Plain data behind the lock of `jobs`; it starts nothing. First come, first served, but a job
//! whose destination is in use waits for nobody: it is refused, for two exports into one folder
//! would wait for each other's journal.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use darkslide_protocol::message::job::Outcome;
use darkslide_protocol::value::Token;

use super::{Happening, MAX_REMEMBERED, MAX_RUNNING, MAX_WAITING, Order, State, Work};

/// A job as it was at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// Its identity.
    pub id: Token,
    /// What it was ordered to be.
    pub order: Order,
    /// How far it is.
    pub state: State,
    /// What it has counted.
    pub tally: Tally,
}

/// What a job counts while it works.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    /// Resources selected; 0 until planned.
    pub selected: u64,
    /// Files to be written.
    pub files_total: u64,
    /// Files written.
    pub files_done: u64,
    /// Bytes to be written.
    pub bytes_total: u64,
    /// Bytes written.
    pub bytes_done: u64,
    /// Resources by what became of them.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Files that nobody could explain after a crash, moved to the trash.
    pub trashed: u64,
}

/// Who is told what happens to jobs. Called under the lock: it must only note what it hears.
pub(crate) trait Watcher: Send + Sync {
    /// Something happened to a job.
    fn job(&self, job: &Snapshot, progress_only: bool);

    /// Of a job that was over before: does it want to hear its last state?
    fn wants_past(&self, job: &Snapshot) -> bool;

    /// Is nobody listening any more, so that the watcher can be forgotten?
    fn is_gone(&self) -> bool;
}

/// Why a job is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Busy {
    /// The line is full.
    #[error("{MAX_WAITING} jobs are in line already")]
    Full,
    /// Another job works on the same destination.
    #[error("another job works on that destination")]
    Destination(Token),
    /// The daemon is about to end.
    #[error("the daemon is about to end")]
    Ending,
}

/// A job whose turn has come.
pub(super) struct Next {
    pub(super) id: Token,
    pub(super) work: Work,
}

#[derive(Default)]
pub(super) struct Table {
    jobs: HashMap<Token, Snapshot>,
    line: VecDeque<Next>,
    running: usize,
    over: VecDeque<Token>,
    watchers: Vec<Arc<dyn Watcher>>,
    ending: bool,
}

impl Table {
    pub(super) fn submit(&mut self, id: Token, order: Order, work: Work) -> Result<Snapshot, Busy> {
        let same_call = |job: &&Snapshot| {
            order.key.is_some() && job.order.key == order.key && job.order.rule == order.rule
        };
        if let Some(job) = self.jobs.values().find(same_call) {
            return Ok(job.clone());
        }
        if self.ending {
            return Err(Busy::Ending);
        }
        let same_place = |job: &&Snapshot| {
            !job.state.is_over() && (&job.order.root, &job.order.path) == (&order.root, &order.path)
        };
        if let Some(job) = self.jobs.values().find(same_place) {
            return Err(Busy::Destination(job.id.clone()));
        }
        if self.line.len() >= MAX_WAITING {
            return Err(Busy::Full);
        }
        let job = Snapshot { id: id.clone(), order, state: State::Queued, tally: Tally::default() };
        self.tell(&job, false);
        self.jobs.insert(id.clone(), job.clone());
        self.line.push_back(Next { id, work });
        Ok(job)
    }

    pub(super) fn get(&self, id: &Token) -> Option<Snapshot> {
        self.jobs.get(id).cloned()
    }

    pub(super) fn counts(&self) -> (usize, usize) {
        (self.running, self.line.len())
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending
    }

    pub(super) fn watch(&mut self, watcher: Arc<dyn Watcher>) {
        self.watchers.retain(|other| !other.is_gone());
        for job in self.jobs.values().filter(|job| job.state.is_over() && watcher.wants_past(job)) {
            watcher.job(job, false);
        }
        self.watchers.push(watcher);
    }

    /// Takes the first of the line, if one more may work.
    pub(super) fn take_next(&mut self) -> Option<Next> {
        if self.running >= MAX_RUNNING || self.ending {
            return None;
        }
        let next = self.line.pop_front()?;
        self.running += 1;
        self.happen(&next.id, Happening::Started);
        Some(next)
    }

    /// Notes the end of a job that was at work.
    pub(super) fn settle(&mut self, id: &Token, happening: Happening) {
        self.running = self.running.saturating_sub(1);
        self.happen(id, happening);
    }

    /// Takes no more jobs, and gives up those in line.
    pub(super) fn end(&mut self) {
        self.ending = true;
        let line: Vec<Next> = self.line.drain(..).collect();
        for next in line {
            self.happen(&next.id, Happening::Interrupted);
        }
    }

    /// Changes what a job has counted; told to watchers if `tell` says so.
    pub(super) fn count(&mut self, id: &Token, change: impl FnOnce(&mut Tally), tell: bool) {
        let Some(job) = self.jobs.get_mut(id) else {
            return;
        };
        change(&mut job.tally);
        if tell {
            let job = job.clone();
            self.tell(&job, true);
        }
    }

    fn happen(&mut self, id: &Token, happening: Happening) {
        let Some(job) = self.jobs.get_mut(id) else {
            return;
        };
        let Some(state) = job.state.after(happening) else {
            return;
        };
        job.state = state;
        let job = job.clone();
        log(&job);
        if job.state.is_over() {
            self.over.push_back(id.clone());
            if self.over.len() > MAX_REMEMBERED
                && let Some(oldest) = self.over.pop_front()
            {
                self.jobs.remove(&oldest);
            }
        }
        self.tell(&job, false);
    }

    fn tell(&mut self, job: &Snapshot, progress_only: bool) {
        self.watchers.retain(|watcher| !watcher.is_gone());
        for watcher in &self.watchers {
            watcher.job(job, progress_only);
        }
    }
}

/// A line for each state of a job: what it was ordered to be, and what became of it.
fn log(job: &Snapshot) {
    let Order { rule, read, root, path, .. } = &job.order;
    let (id, destination) = (job.id.as_str(), format!("{root}: {path}"));
    let library = read.library().as_str();
    match &job.state {
        State::Queued | State::Running => {
            tracing::info!(id, rule, library, destination, "job begins");
        }
        state @ (State::Finished | State::Interrupted) => {
            let outcomes = &job.tally.outcomes;
            tracing::info!(id, rule, library, destination, ?state, ?outcomes, "job ends");
        }
        State::Failed(error) => {
            let (name, reason) = (error.data.name.as_str(), error.data.reason.as_str());
            tracing::warn!(id, rule, library, destination, name, reason, "job fails");
        }
    }
}
