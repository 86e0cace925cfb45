//! `health`: who serves, and what the kernel says is enforced.
//!
//! The first call of most clients, and the one to probe a socket with. What a client says of itself
//! in it is a claim: it stands in the log and decides nothing.

use serde::{Deserialize, Serialize};

use super::bounded;
use crate::value::Token;

/// The protocol version of this crate.
pub const PROTOCOL: u32 = 1;

/// The name of the service.
pub const SERVICE: &str = "darkslide";

/// What a client says of itself: a claim that decides nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Its name.
    #[serde(deserialize_with = "bounded::claim")]
    pub name: String,
    /// Its version.
    #[serde(deserialize_with = "bounded::claim")]
    pub version: String,
}

/// Params of `health`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthParams {
    /// Who asks, for the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Claim>,
    /// Only the first four members of the answer.
    #[serde(default)]
    pub brief: bool,
}

/// Result of `health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Health {
    /// Always `darkslide`.
    pub service: String,
    /// Another for each start.
    pub instance: Token,
    /// Of the program.
    pub version: String,
    /// Of the protocol.
    pub protocol: u32,
    /// Unless `brief`: the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<HealthDetail>,
}

impl Health {
    /// Makes the answer of a daemon of this protocol.
    #[must_use]
    pub fn new(instance: Token, version: String, detail: Option<HealthDetail>) -> Self {
        Self { service: SERVICE.to_owned(), instance, version, protocol: PROTOCOL, detail }
    }
}

/// What `health` says unless it is asked to be brief.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthDetail {
    /// The methods that it has.
    pub capabilities: Vec<String>,
    /// The daemon's process id.
    pub pid: u32,
    /// Since its start.
    pub uptime_ms: u64,
    /// What the kernel says is enforced, asked anew.
    pub confinement: Confinement,
    /// The libraries that this peer may read.
    pub libraries: Vec<PlaceState>,
    /// The folders outside these libraries, by their paths, that this peer is granted referenced
    /// originals from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub referenced: Vec<PlaceState>,
    /// The roots that this peer may write below.
    pub roots: Vec<PlaceState>,
    /// How many jobs there are.
    pub jobs: JobCounts,
    /// Numbers that a client may count on.
    pub limits: Limits,
}

/// A library, folder or root, and whether it can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceState {
    /// Its name; of a folder its path.
    pub name: String,
    /// `ready`, or why not.
    pub state: String,
}

/// What the kernel says is enforced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// Is everything enforced that is required?
    pub enforced: bool,
    /// The ABI of Landlock that is enforced; 0 for none.
    pub landlock_abi: u32,
    /// What keeps files from being truncated: `landlock`, `seccomp`, or `nothing`.
    pub truncation: String,
    /// Does seccomp filter system calls?
    pub seccomp: bool,
    /// Can no program that it could start gain rights?
    pub no_new_privs: bool,
    /// What the self-test tried and how the kernel refused it.
    pub refusals: Vec<Refusal>,
    /// What is missing, in words.
    pub missing: Vec<String>,
}

/// Something that must fail, and how it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What was tried.
    pub tried: String,
    /// The kernel's answer.
    pub answer: String,
}

/// How many jobs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JobCounts {
    /// At work.
    pub running: usize,
    /// In line.
    pub waiting: usize,
}

/// Numbers that a client may count on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of a request.
    pub request_frame_bytes: usize,
    /// Bytes of a response.
    pub response_frame_bytes: usize,
    /// Requests of one connection that are not answered yet.
    pub in_flight: usize,
    /// Subscriptions of one connection.
    pub subscriptions: usize,
    /// Connections in all.
    pub connections: usize,
    /// Connections of one uid.
    pub connections_per_uid: usize,
    /// Assets on one page.
    pub page_assets: usize,
    /// Changes of a library's history on one page.
    pub page_changes: usize,
    /// Jobs at work.
    pub jobs_running: usize,
    /// Jobs in line.
    pub jobs_waiting: usize,
}
