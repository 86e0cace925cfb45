//! Notifications of what happens, and the numbers that tell whether one was missed.
//!
//! Sequence numbers ascend over all events of a daemon, whoever may see them: a subscription sees
//! gaps, and what was lost is told by `overflow` alone. The hazard: a progress bar that waits for
//! an end which was dropped: so terminal events are never dropped.

use std::fmt;

use serde::de::Deserializer;
use serde::{Deserialize, Serialize, Serializer};

use crate::filter::words;
use crate::limits::MAX_KEY_BYTES;
use crate::message::job::{JobStatus, Outcome};
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
        /// A row of a job's report is not done; `data.item` says which.
        Item = "item",
        /// Something about a job that a person should know; `data.warning` says what.
        Warning = "warning",
        /// A job is done.
        Finished = "finished",
        /// A job ended without being done.
        Failed = "failed",
        /// A job was given up because somebody asked for that.
        Cancelled = "cancelled",
        /// Something in a library changed; `data.token` is the place before it.
        Changed = "changed",
        /// Events were dropped, as many as `data.dropped` says; without a number, those since the
        /// one that was asked for are no longer kept.
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
            | Self::Item
            | Self::Warning
            | Self::Changed
            | Self::Overflow
            | Self::KeepAlive => false,
        }
    }

    /// Can it be asked for later, by `since`?
    #[must_use]
    pub fn is_kept(self) -> bool {
        match self {
            Self::Queued
            | Self::Started
            | Self::Item
            | Self::Warning
            | Self::Finished
            | Self::Failed
            | Self::Cancelled
            | Self::Changed => true,
            Self::Progress | Self::Overflow | Self::KeepAlive => false,
        }
    }
}

/// What a subscription is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Topic {
    /// One job: `job:ID`.
    Job(Token),
    /// The job that one's own rule started, or will start, under this key: `key:KEY`.
    Key(String),
    /// Every job that the peer may see: `jobs`.
    Jobs,
    /// What changes in a library: `library:NAME`.
    Library(String),
}

impl Topic {
    /// Reads a topic as it stands on the wire.
    ///
    /// # Errors
    /// [`TopicError`].
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        match text.split_once(':') {
            Some(("job", id)) => Ok(Self::Job(Token::parse(id).map_err(TopicError::Job)?)),
            Some(("key", key)) if (1..=MAX_KEY_BYTES).contains(&key.len()) => {
                Ok(Self::Key(key.to_owned()))
            }
            Some(("key", _)) => Err(TopicError::Key),
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
    /// The key is empty, or too long.
    #[error("a key has 1 to {MAX_KEY_BYTES} bytes")]
    Key,
    /// There is no such topic.
    #[error("unknown topic; there are job:ID, key:KEY, jobs and library:NAME")]
    Unknown,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(id) => write!(f, "job:{id}"),
            Self::Key(key) => write!(f, "key:{key}"),
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

/// A row of a job's report that is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventItem {
    /// The asset's UUID; absent for what no export wrote.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub asset: String,
    /// Which of its versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Where it would be, or what is in its way, below the destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What an event tells beside its kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventData {
    /// The job as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobStatus>,
    /// Of `item`: the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<EventItem>,
    /// Of `warning`: a sentence for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// Of `changed`: the token for `change.since` that tells all of it; absent where the library
    /// keeps no history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Of `overflow`: how many events were dropped; absent where those since the one that was asked
    /// for are no longer kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
}

/// One event of one subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Event {
    /// Of which subscription.
    pub subscription: Token,
    /// Ascends over all events of a daemon. `overflow`, `keepalive` and the first `changed` have
    /// the number up to which nothing is missing; how a job is at the beginning, that of the event
    /// which told it.
    #[cfg_attr(feature = "schema", schemars(range(max = crate::limits::MAX_SEQ)))]
    pub seq: u64,
    /// When, in UTC, RFC 3339 with milliseconds.
    pub time: String,
    /// The first of the subscription's topics that it concerns.
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
        let key = Topic::Key("a:b c".to_owned());
        for topic in [job, key, Topic::Jobs, Topic::Library("main".to_owned())] {
            assert_eq!(Topic::parse(&topic.to_string()), Ok(topic));
        }
        for bad in
            ["", "job", "job:", "job:../x", "jobs:1", "library:", "library", "JOBS", "key", "key:"]
        {
            assert!(Topic::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_topics_key_is_as_long_as_a_jobs_key_may_be() {
        let key = |bytes: usize| Topic::parse(&format!("key:{}", "k".repeat(bytes)));
        assert!(key(MAX_KEY_BYTES).is_ok());
        for over in [MAX_KEY_BYTES + 1, 1 << 20] {
            assert_eq!(key(over), Err(TopicError::Key));
        }
    }

    #[test]
    fn what_ends_a_job_is_kept_and_what_only_shows_that_it_goes_on_is_not() {
        for kind in EventKind::ALL {
            assert!(kind.is_kept() || !kind.is_terminal(), "{kind:?}");
        }
        assert!(!EventKind::Progress.is_kept() && EventKind::Item.is_kept());
    }
}
