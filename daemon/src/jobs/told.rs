//! A job in the words of the wire: how it is, and of what kind the event is that tells it.
//!
//! Every word of the wire about a job is made here, for answers and for events, so that the two
//! cannot differ.

use std::sync::Arc;

use darkslide_protocol::event::{EventData, EventKind};
use darkslide_protocol::message::job::{JobState, JobStatus};

use super::State;
use super::table::Snapshot;
use crate::events::{About, Happened, Owned};

/// A job as the wire has it.
pub(crate) fn status(job: &Snapshot) -> JobStatus {
    let (state, error) = match &job.state {
        State::Queued => (JobState::Queued, None),
        State::Running => (JobState::Running, None),
        State::Finished => (JobState::Finished, None),
        State::Cancelled => (JobState::Cancelled, None),
        State::Interrupted => (JobState::Interrupted, None),
        State::Failed(error) => (JobState::Failed, Some(error.clone())),
    };
    JobStatus {
        job: job.id.clone(),
        kind: job.order.wish.kind(),
        state,
        created: job.created.clone(),
        started: job.started.clone(),
        ended: job.ended.clone(),
        library: job.order.read.library().to_string(),
        root: job.order.root.clone(),
        path: job.order.path.clone(),
        selected: job.tally.selected,
        files_total: job.tally.files_total,
        files_done: job.tally.files_done,
        bytes_total: job.tally.bytes_total,
        bytes_done: job.tally.bytes_done,
        rate: job.tally.rate,
        remaining: job.tally.remaining,
        outcomes: job.tally.outcomes.clone(),
        trashed: job.tally.trashed,
        error,
    }
}

/// What tells a state.
pub(super) fn kind(state: &State) -> EventKind {
    match state {
        State::Queued => EventKind::Queued,
        State::Running => EventKind::Started,
        State::Finished => EventKind::Finished,
        State::Cancelled => EventKind::Cancelled,
        State::Failed(_) | State::Interrupted => EventKind::Failed,
    }
}

/// Whose a job is.
pub(super) fn about(job: &Snapshot) -> About {
    About::Job(Box::new(Owned {
        job: job.id.clone(),
        key: job.order.key.clone(),
        rule: job.order.rule.clone(),
        uid: job.order.uid,
        read: job.order.read.clone(),
        root: job.order.root.clone(),
    }))
}

/// How a job is, as data of an event that tells `more` beside.
pub(super) fn data(job: &Snapshot, more: EventData) -> EventData {
    EventData { job: Some(status(job)), ..more }
}

/// How a job is now, as the event that told its state.
pub(super) fn now(job: &Snapshot) -> Happened {
    let time = job.ended.as_ref().or(job.started.as_ref()).unwrap_or(&job.created).clone();
    let data = data(job, EventData::default());
    Happened { seq: job.seq, time, about: Arc::new(about(job)), kind: kind(&job.state), data }
}
