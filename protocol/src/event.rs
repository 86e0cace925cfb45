//! Notifications of what happens, and the numbers that tell whether one was missed.
//!
//! Sequence numbers count per subscription, without gaps; what a full buffer drops is told by
//! `overflow`. The hazard: a progress bar that waits for an end which was dropped: so terminal
//! events are never dropped.

use std::fmt;

use serde::de::Deserializer;
use serde::{Deserialize, Serialize, Serializer};

use crate::filter::words;
use crate::message::job::JobStatus;
use crate::value::{Token, TokenError, parsed};

words! {
    /// What happened.
    EventKind {
        /// A job waits its turn.
        Queued = "queued",
        /// A job began.
        Started = "started",
        /// A job went on; at most ten a second.
        Progress = "progress",
        /// A job is done.
        Finished = "finished",
        /// A job ended without being done.
        Failed = "failed",
        /// A job was given up because somebody asked for that.
        Cancelled = "cancelled",
        /// Something in a library changed; `data.token` is the place before it.
        Changed = "changed",
        /// Events were dropped; `data.dropped` says how many.
        Overflow = "overflow",
        /// Nothing happened for 30 s.
        KeepAlive = "keepalive",
    }
}

impl EventKind {
    /// Does nothing of the job come after it?
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Finished | Self::Failed | Self::Cancelled => true,
            Self::Queued
            | Self::Started
            | Self::Progress
            | Self::Changed
            | Self::Overflow
            | Self::KeepAlive => false,
        }
    }
}

/// What a subscription is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Topic {
    /// One job: `job:ID`.
    Job(Token),
    /// Every job that the peer may see: `jobs`.
    Jobs,
    /// What changes in a library: `library:NAME`.
    Library(String),
}

impl Topic {
    fn parse(text: &str) -> Result<Self, TopicError> {
        match text.split_once(':') {
            Some(("job", id)) => Ok(Self::Job(Token::parse(id).map_err(TopicError::Job)?)),
            Some(("library", name)) if !name.is_empty() => Ok(Self::Library(name.to_owned())),
            None if text == "jobs" => Ok(Self::Jobs),
            Some(_) | None => Err(TopicError::Unknown),
        }
    }
}

/// Why a text is no topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// The job's identifier is of another form.
    #[error("{0}")]
    Job(TokenError),
    /// There is no such topic.
    #[error("unknown topic; there are job:ID, jobs and library:NAME")]
    Unknown,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(id) => write!(f, "job:{id}"),
            Self::Jobs => f.write_str("jobs"),
            Self::Library(name) => write!(f, "library:{name}"),
        }
    }
}

impl Serialize for Topic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, Self::parse)
    }
}

/// What an event tells beside its kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EventData {
    /// The job as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobStatus>,
    /// Of `changed`: the token for `change.since` that tells all of it; absent where the library
    /// keeps no history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Of `overflow`: how many events were dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
}

/// One event of one subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Of which subscription.
    pub subscription: Token,
    /// From 1, without gaps, per subscription.
    pub seq: u64,
    /// When, in UTC, RFC 3339 with milliseconds.
    pub time: String,
    /// About what.
    pub topic: Topic,
    /// What happened.
    pub kind: EventKind,
    /// More of it.
    pub data: EventData,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_round_trip_and_others_are_refused() {
        let job = Topic::Job(Token::from_bits(7));
        for topic in [job, Topic::Jobs, Topic::Library("main".to_owned())] {
            assert_eq!(Topic::parse(&topic.to_string()), Ok(topic));
        }
        for bad in ["", "job", "job:", "job:../x", "jobs:1", "library:", "library", "JOBS"] {
            assert!(Topic::parse(bad).is_err(), "{bad}");
        }
    }
}
