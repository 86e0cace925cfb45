//! Which jobs there are: the line, those at work, those remembered.
//!
//! Plain data behind the lock of `jobs`; it starts nothing. First come, first served, but a job
//! whose destination is in use waits for nobody: it is refused, for two exports into one folder
//! would wait for each other's journal. Each state is kept in the store before anybody is told.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use darkslide_export::Stop;
use darkslide_policy::Limits;
use darkslide_protocol::event::{EventData, EventKind};
use darkslide_protocol::message::job::{CancelMode, Outcome};
use darkslide_protocol::value::Token;
use serde::{Deserialize, Serialize};

use super::{Happening, Order, State, Store, Witness, Work, told};
use crate::clock;
use crate::events::{Board, Listener};

/// A job as it was at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    /// Its identity.
    pub id: Token,
    /// What it was ordered to be.
    pub order: Order,
    /// How far it is.
    pub state: State,
    /// Somebody asked it to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<CancelMode>,
    /// When it was ordered.
    pub created: String,
    /// When its work began, the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// What it has counted.
    #[serde(rename = "counts")]
    pub tally: Tally,
    /// The number of the event that told its state; of this process.
    #[serde(skip)]
    pub seq: u64,
}

/// What a job counts while it works.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
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
    /// Bytes written in a second, while it works.
    #[serde(skip)]
    pub rate: Option<u64>,
    /// Seconds that the rest takes, while it works.
    #[serde(skip)]
    pub remaining: Option<u64>,
    /// Resources by what became of them.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Files that nobody could explain after a crash, moved to the trash.
    pub trashed: u64,
}

impl Snapshot {
    /// A job that was ordered at that time.
    #[must_use]
    pub(crate) fn new(id: Token, order: Order, created: String) -> Self {
        Self {
            id,
            order,
            state: State::Queued,
            cancel: None,
            created,
            started: None,
            ended: None,
            tally: Tally::default(),
            seq: 0,
        }
    }
}

/// Why a job is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Busy {
    /// The line is full.
    #[error("{limit} jobs are in line already")]
    Full {
        /// How many may be.
        limit: usize,
    },
    /// Another job works on the same destination.
    #[error("another job works on that destination")]
    Destination(Token),
    /// The daemon is about to end.
    #[error("the daemon is about to end")]
    Ending,
    /// Nobody could record it.
    #[error("the order cannot be recorded")]
    Unrecorded,
}

/// A job whose turn has come.
pub(super) struct Next {
    pub(super) id: Token,
    pub(super) work: Work,
}

pub(super) struct Table {
    store: Arc<Store>,
    board: Arc<Board>,
    limits: Limits,
    witness: Arc<dyn Witness>,
    jobs: HashMap<Token, Snapshot>,
    line: VecDeque<Next>,
    running: usize,
    over: VecDeque<Token>,
    ending: bool,
}

impl Table {
    /// Takes what the daemon before has kept. What was in line or at work then is interrupted now,
    /// or cancelled if somebody had asked for that.
    pub(super) fn load(
        store: Arc<Store>,
        board: Arc<Board>,
        limits: Limits,
        witness: Arc<dyn Witness>,
    ) -> Self {
        let mut kept = store.load();
        // What is not over yet is the last to be forgotten.
        kept.sort_by_cached_key(|job| {
            (job.ended.is_none(), job.ended.clone(), job.created.clone())
        });
        let mut table = Self {
            store,
            board,
            limits,
            witness,
            jobs: HashMap::new(),
            line: VecDeque::new(),
            running: 0,
            over: VecDeque::new(),
            ending: false,
        };
        for job in kept {
            let (id, is_over, cancelled) = (job.id.clone(), job.state.is_over(), job.cancel);
            let seq = table.board.found();
            table.jobs.insert(id.clone(), Snapshot { seq, ..job });
            match (is_over, cancelled) {
                (true, _) => table.remember(id),
                (false, Some(_)) => table.happen(&id, Happening::Cancelled),
                (false, None) => table.happen(&id, Happening::Interrupted),
            }
        }
        table
    }

    pub(super) fn submit(&mut self, id: Token, order: Order, work: Work) -> Result<Snapshot, Busy> {
        let same_call = |job: &&Snapshot| {
            // One that showed more, before the policy was narrowed, is as if it were not.
            (&job.order.rule, job.order.uid) == (&order.rule, order.uid)
                && order.read.shows_all_of(&job.order.read)
                && match &order.key {
                    Some(_) => job.order.key == order.key,
                    None => !job.state.is_over() && job.order.wish == order.wish,
                }
        };
        if let Some(job) = self.jobs.values().find(same_call) {
            return Ok(job.clone());
        }
        self.refuse_busy(&order)?;
        let mut job = Snapshot::new(id.clone(), order, clock::timestamp());
        self.order_is_recorded(&job)?;
        self.store.keep(&job);
        job.seq = self.tell(&job, told::kind(&job.state), EventData::default());
        self.jobs.insert(id.clone(), job.clone());
        self.line.push_back(Next { id, work });
        Ok(job)
    }

    /// Puts a job in line again that is over without being done; any other stays as it is.
    pub(super) fn resume(
        &mut self,
        id: &Token,
        order: Order,
        work: Work,
    ) -> Result<Option<Snapshot>, Busy> {
        let can = |job: &&Snapshot| job.state.after(Happening::Resumed).is_some();
        if self.jobs.get(id).filter(can).is_none() {
            return Ok(self.get(id));
        }
        self.refuse_busy(&order)?;
        if let Some(job) = self.jobs.get(id) {
            let fresh = Snapshot::new(id.clone(), order, job.created.clone());
            let started = job.started.clone();
            let job = Snapshot { state: State::Queued, started, seq: job.seq, ..fresh };
            self.order_is_recorded(&job)?;
            let state = self.jobs.get(id).map_or(State::Queued, |job| job.state.clone());
            self.jobs.insert(id.clone(), Snapshot { state, ..job });
        }
        self.over.retain(|other| other != id);
        self.happen(id, Happening::Resumed);
        self.line.push_back(Next { id: id.clone(), work });
        Ok(self.get(id))
    }

    fn order_is_recorded(&self, job: &Snapshot) -> Result<(), Busy> {
        if self.witness.saw(job) { Ok(()) } else { Err(Busy::Unrecorded) }
    }

    fn refuse_busy(&self, order: &Order) -> Result<(), Busy> {
        if self.ending {
            return Err(Busy::Ending);
        }
        let same_place = |job: &&Snapshot| {
            !job.state.is_over() && (&job.order.root, &job.order.path) == (&order.root, &order.path)
        };
        if let Some(job) = self.jobs.values().find(same_place) {
            return Err(Busy::Destination(job.id.clone()));
        }
        let limit = self.limits.jobs_waiting;
        if self.line.len() >= limit { Err(Busy::Full { limit }) } else { Ok(()) }
    }

    pub(super) fn get(&self, id: &Token) -> Option<Snapshot> {
        self.jobs.get(id).cloned()
    }

    /// What is picked of each job, the newest first. None is copied whole: a spec can be long.
    pub(super) fn list<T>(&self, pick: impl FnMut(&Snapshot) -> Option<T>) -> Vec<T> {
        let mut jobs: Vec<&Snapshot> = self.jobs.values().collect();
        jobs.sort_by(|a, b| (&b.created, &b.id).cmp(&(&a.created, &a.id)));
        jobs.into_iter().filter_map(pick).collect()
    }

    pub(super) fn counts(&self) -> (usize, usize) {
        (self.running, self.line.len())
    }

    /// Should this job's work stop? Who asked for it goes before the daemon's own end.
    pub(super) fn stop(&self, id: &Token) -> Stop {
        match self.jobs.get(id).and_then(|job| job.cancel) {
            Some(CancelMode::Now) => Stop::Now,
            Some(CancelMode::AfterFile) => Stop::AfterFile,
            None if self.ending => Stop::AfterFile,
            None => Stop::GoOn,
        }
    }

    /// Asks a job to stop, at the latest as it says; one that is over stays as it is.
    pub(super) fn cancel(&mut self, id: &Token, mode: CancelMode) -> Option<Snapshot> {
        let job = self.jobs.get_mut(id)?;
        match job.state {
            State::Queued | State::Interrupted => {
                self.line.retain(|next| next.id != *id);
                self.over.retain(|other| other != id);
                self.happen(id, Happening::Cancelled);
            }
            State::Running => {
                // What was once asked for at once stays so.
                job.cancel = job.cancel.max(Some(mode));
                let job = job.clone();
                self.store.keep(&job);
            }
            State::Finished | State::Failed(_) | State::Cancelled => {}
        }
        self.get(id)
    }

    /// Tells a listener what happened after `since`, and of how its jobs are what it needs to know;
    /// then everything that happens.
    pub(super) fn listen(&self, listener: Arc<dyn Listener>, since: u64) {
        let mut jobs: Vec<&Snapshot> = self.jobs.values().collect();
        jobs.sort_by_key(|job| (job.seq, &job.id));
        self.board.listen(listener, since, jobs.into_iter().map(told::now));
    }

    /// Tells a listener everything that happens, and nothing that is past.
    pub(super) fn listen_from_now(&self, listener: Arc<dyn Listener>) {
        self.board.listen(listener, self.board.newest(), std::iter::empty());
    }

    /// Takes the first of the line, if one more may work.
    pub(super) fn take_next(&mut self) -> Option<Next> {
        if self.running >= self.limits.jobs_running || self.ending {
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

    /// The same of one that was asked to stop, and did: by whom, is known here.
    pub(super) fn settle_stopped(&mut self, id: &Token) {
        let is_cancelled = self.jobs.get(id).is_some_and(|job| job.cancel.is_some());
        self.settle(id, if is_cancelled { Happening::Cancelled } else { Happening::Interrupted });
    }

    /// Notes that a job that is not at work may not go on.
    pub(super) fn fail(&mut self, id: &Token, happening: Happening) {
        self.over.retain(|other| other != id);
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

    /// Changes what a job has counted; told as progress if `tell` says so.
    pub(super) fn count(&mut self, id: &Token, change: impl FnOnce(&mut Tally), tell: bool) {
        let Some(job) = self.jobs.get_mut(id) else {
            return;
        };
        change(&mut job.tally);
        if tell && let Some(job) = self.jobs.get(id) {
            self.tell(job, EventKind::Progress, EventData::default());
        }
    }

    /// Tells something about a job that changes nothing of it.
    pub(super) fn say(&self, id: &Token, kind: EventKind, more: EventData) {
        if let Some(job) = self.jobs.get(id) {
            self.tell(job, kind, more);
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
        match job.state {
            State::Queued => {}
            State::Running => job.started = Some(clock::timestamp()),
            State::Finished | State::Failed(_) | State::Cancelled | State::Interrupted => {
                job.ended = Some(clock::timestamp());
                job.cancel = None;
                (job.tally.rate, job.tally.remaining) = (None, None);
            }
        }
        let job = job.clone();
        self.store.keep(&job);
        // An order was recorded before it was taken.
        let _recorded = job.state == State::Queued || self.witness.saw(&job);
        log(&job);
        if job.state.is_over() {
            self.remember(id.clone());
        }
        let seq = self.tell(&job, told::kind(&job.state), EventData::default());
        if let Some(job) = self.jobs.get_mut(id) {
            job.seq = seq;
        }
    }

    /// Remembers a job that is over, and forgets the oldest if there are too many.
    fn remember(&mut self, id: Token) {
        self.over.push_back(id);
        if self.over.len() > self.limits.jobs_remembered
            && let Some(oldest) = self.over.pop_front()
        {
            self.jobs.remove(&oldest);
            self.store.forget(&oldest);
        }
    }

    fn tell(&self, job: &Snapshot, kind: EventKind, more: EventData) -> u64 {
        self.board.put(told::about(job), kind, told::data(job, more))
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
        state @ (State::Finished | State::Cancelled | State::Interrupted) => {
            let outcomes = &job.tally.outcomes;
            tracing::info!(id, rule, library, destination, ?state, ?outcomes, "job ends");
        }
        State::Failed(error) => {
            let (name, reason) = (error.data.name.as_str(), error.data.reason.as_str());
            tracing::warn!(id, rule, library, destination, name, reason, "job fails");
        }
    }
}
