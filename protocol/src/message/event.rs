//! `event.subscribe` and `event.unsubscribe`.
//!
//! What an event is stands in `crate::event`; here is how one asks for them. A subscription belongs
//! to its connection and ends with it; whoever comes back asks with `since`, the number of the last
//! event that was read, and misses nothing that is kept.

use serde::{Deserialize, Serialize};

use super::bounded;
use crate::event::Topic;
use crate::value::Token;

/// Params of `event.subscribe`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EventSubscribeParams {
    /// About what: 1 to 16. An event that concerns several comes once.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::limits::MAX_TOPICS)))]
    #[serde(deserialize_with = "bounded::topics")]
    pub topics: Vec<Topic>,
    /// Only what came after the event of this number; 0 to 2⁵³ − 1.
    #[cfg_attr(feature = "schema", schemars(range(max = crate::limits::MAX_SEQ)))]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "bounded::seq")]
    pub since: Option<u64>,
}

impl EventSubscribeParams {
    /// Asks for what happens from now on.
    #[must_use]
    pub fn of(topics: impl IntoIterator<Item = Topic>) -> Self {
        Self { topics: topics.into_iter().collect(), since: None }
    }
}

/// Result of `event.subscribe`. What follows at once: how the jobs are now that `job:ID` and
/// `key:KEY` name, as the event that told it; then what was kept after `since`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Subscribed {
    /// Names it in events, and in `event.unsubscribe`.
    pub subscription: Token,
    /// The number of the newest event of the daemon.
    #[cfg_attr(feature = "schema", schemars(range(max = crate::limits::MAX_SEQ)))]
    pub seq: u64,
}

/// Params of `event.unsubscribe`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EventUnsubscribeParams {
    /// Which.
    pub subscription: Token,
}

/// Result of `event.unsubscribe`: no event of it follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unsubscribed {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{MAX_SEQ, MAX_TOPICS};

    fn is_taken(params: &str) -> bool {
        serde_json::from_str::<EventSubscribeParams>(params).is_ok()
    }

    #[test]
    fn topics_and_numbers_hold_at_their_limits_and_one_beyond() {
        let topics = |count: usize| format!("{{\"topics\":{:?}}}", vec!["jobs"; count]);
        assert!(is_taken(&topics(1)) && is_taken(&topics(MAX_TOPICS)));
        for count in [0, MAX_TOPICS + 1, 100 * MAX_TOPICS] {
            assert!(!is_taken(&topics(count)), "{count}");
        }
        let since = |text: &str| is_taken(&format!(r#"{{"topics":["jobs"],"since":{text}}}"#));
        assert!(since("0") && since(&MAX_SEQ.to_string()));
        for text in [&(MAX_SEQ + 1).to_string(), "18446744073709551616", "-1", "1.0", "null", "[]"]
        {
            assert!(!since(text), "{text}");
        }
    }

    #[test]
    fn one_topic_alone_is_no_list() {
        for params in
            [r#"{"topic":"jobs"}"#, r#"{"topics":"jobs"}"#, r#"{"topics":[["jobs"]]}"#, "{}"]
        {
            assert!(!is_taken(params), "{params}");
        }
    }
}
