//! `event.subscribe` and `event.unsubscribe`.
//!
//! What an event is stands in `crate::event`; here is how one asks for them. A subscription belongs
//! to its connection and ends with it.

use serde::{Deserialize, Serialize};

use crate::event::Topic;
use crate::value::Token;

/// Params of `event.subscribe`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventSubscribeParams {
    /// About what.
    pub topic: Topic,
}

/// Result of `event.subscribe`. Of a job that is over, its last event follows at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribed {
    /// Names it in events, and in `event.unsubscribe`.
    pub subscription: Token,
}

/// Params of `event.unsubscribe`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventUnsubscribeParams {
    /// Which.
    pub subscription: Token,
}

/// Result of `event.unsubscribe`: no event of it follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsubscribed {}
