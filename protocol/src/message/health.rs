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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Its name.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::limits::MAX_CLAIM_BYTES)))]
    #[serde(deserialize_with = "bounded::claim")]
    pub name: String,
    /// Its version.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::limits::MAX_CLAIM_BYTES)))]
    #[serde(deserialize_with = "bounded::claim")]
    pub version: String,
}

/// Params of `health`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HealthDetail {
    /// The methods that it has.
    pub capabilities: Vec<String>,
    /// The daemon's process id.
    pub pid: u32,
    /// Who started it: `launchd`, `systemd`, `hand` or `private`; an older daemon does not tell.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub started_by: String,
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
    /// Why the policy file, as it is now, cannot be used, where the daemon was asked to read it
    /// again; until it can, the policy that was read before applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_problem: Option<String>,
    /// The last line of the audit log: who keeps it can tell later whether the log still goes on
    /// from it. A private daemon has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditHead>,
}

/// The last line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditHead {
    /// Its number.
    pub seq: u64,
    /// BLAKE3 of it, in hexadecimal digits.
    pub hash: String,
}

/// A library, folder or root, and whether it can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlaceState {
    /// Its name; of a folder its path.
    pub name: String,
    /// `ready`, or why not.
    pub state: String,
}

/// What the kernel says is enforced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Confinement {
    /// Is everything enforced that is required?
    pub enforced: bool,
    /// The ABI of Landlock that is enforced; 0 for none.
    pub landlock_abi: u32,
    /// What keeps files from being truncated: `landlock`, `seccomp`, `seatbelt`, or `nothing`.
    pub truncation: String,
    /// Does seccomp filter system calls?
    pub seccomp: bool,
    /// Does Seatbelt hold it? On macOS it stands for all of the kernel's rules; absent elsewhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub seatbelt: bool,
    /// Can no program that it could start gain rights?
    pub no_new_privs: bool,
    /// What the self-test tried and how the kernel refused it.
    pub refusals: Vec<Refusal>,
    /// What is missing, in words.
    pub missing: Vec<String>,
}

/// Something that must fail, and how it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Refusal {
    /// What was tried.
    pub tried: String,
    /// The kernel's answer.
    pub answer: String,
}

/// How many jobs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobCounts {
    /// At work.
    pub running: usize,
    /// In line.
    pub waiting: usize,
}

/// Numbers that a client may count on: every limit of the wire and of the process, times in
/// milliseconds. 0 is what an older daemon does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections of one uid.
    pub connections_per_uid: usize,
    /// From connect to the first whole frame.
    pub first_frame_ms: u64,
    /// From the first byte of a frame to its last.
    pub whole_frame_ms: u64,
    /// How long a write may wait for a peer that does not read.
    pub unread_write_ms: u64,
    /// How long a connection may be idle.
    pub idle_ms: u64,
    /// Silence on a subscription after which a keep-alive is sent.
    pub keep_alive_ms: u64,
    /// Bytes of a request.
    pub request_frame_bytes: usize,
    /// Bytes of a response.
    pub response_frame_bytes: usize,
    /// Objects and arrays in one another.
    pub json_depth: usize,
    /// Bytes of a text in a request.
    pub string_bytes: usize,
    /// Items of an array in a request.
    pub array_items: usize,
    /// Bytes of a textual id.
    pub id_bytes: usize,
    /// Requests of one connection that are not answered yet.
    pub in_flight: usize,
    /// Frames of one connection that are answered before the others have their turn.
    pub turn_frames: usize,
    /// Bytes that wait to be sent to one peer, above which nothing further of it is begun.
    pub unsent_bytes: usize,
    /// Bytes that wait to be sent to all, above which reads wait.
    pub unsent_bytes_in_all: usize,
    /// Descriptors of one connection that wait to be sent; then its next requests for one wait.
    pub waiting_descriptors: usize,
    /// Descriptors of all connections that wait to be sent; the next is answered `LIMIT`.
    pub waiting_descriptors_in_all: usize,
    /// How long one request may read.
    pub request_ms: u64,
    /// How long one transaction of a library's database may last.
    pub transaction_ms: u64,
    /// After which a connection to a library's database that nobody uses is closed.
    pub idle_library_ms: u64,
    /// Threads that read one library.
    pub readers_per_library: usize,
    /// Jobs at work.
    pub jobs_running: usize,
    /// Jobs in line.
    pub jobs_waiting: usize,
    /// Jobs that are remembered.
    pub jobs_remembered: usize,
    /// After so long without connection and job a daemon ends that was started for a connection.
    pub idle_exit_ms: u64,
    /// Files of the audit log that a start leaves.
    pub audit_files: usize,
    /// Bytes of a job's key.
    pub key_bytes: usize,
    /// Subscriptions of one connection.
    pub subscriptions: usize,
    /// Topics of one subscription.
    pub topics: usize,
    /// Events that are kept for whoever comes back.
    pub kept_events: usize,
    /// Bytes of events that wait for one subscription.
    pub unread_event_bytes: usize,
    /// `item` events of one run of a job.
    pub item_events: u64,
    /// Assets on one page.
    pub page_assets: usize,
    /// Changes of a library's history on one page.
    pub page_changes: usize,
    /// UUIDs in one request.
    pub uuids: usize,
    /// Albums in one answer.
    pub albums: usize,
    /// Values of one facet in an answer.
    pub facet_values: usize,
    /// Combinators of a filter in one another.
    pub filter_depth: usize,
    /// Leaves of one filter.
    pub filter_leaves: usize,
    /// Bytes of a text that a filter looks for.
    pub pattern_bytes: usize,
    /// Bytes of one answer of `resource.read`.
    pub read_bytes: u32,
    /// Pixels that a thumbnail can be asked to have.
    pub thumbnail_pixels: u32,
    /// Files that one answer of `extract` tells of.
    pub extract_rows: usize,
    /// Bytes of what it tells of them.
    pub extract_bytes: usize,
    /// Descriptors that the daemon may have open.
    pub descriptors: u64,
    /// Memory that it may write to.
    pub memory_bytes: u64,
    /// Size of a core file.
    pub core_bytes: u64,
}
