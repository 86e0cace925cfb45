//! The limits of the process that others than their owner have to know of, and all limits as
//! `health` tells them.
//!
//! Those of the wire stand in the protocol, those of one part of the daemon at that part. What the
//! kernel limits is told as the kernel has it now. The hazard: a limit that is enforced and told to
//! nobody; a client then learns of it from its failure.

use std::time::Duration;

use darkslide_library::MAX_TRANSACTION;
use darkslide_protocol::limits;
use darkslide_protocol::message::health::Limits;

use super::readers::{MAX_IDLE_CONNECTION, READERS_PER_LIBRARY};
use crate::confine::{self, MAX_CORE_BYTES, MAX_DATA_BYTES, MAX_DESCRIPTORS};

/// Frames that one connection may have answered before the others have their turn.
pub(crate) const TURN_FRAMES: usize = 64;
/// Unsent bytes of one connection above which it is full; one frame more may come.
pub(crate) const MAX_UNSENT_BYTES: usize = limits::MAX_RESPONSE_FRAME_BYTES;
/// Unsent bytes of all connections above which nobody's requests are read.
pub(crate) const MAX_UNSENT_BYTES_IN_ALL: usize = 64 * 1024 * 1024;

/// Tells them all.
pub(super) fn told(set: &darkslide_policy::Limits, now: &confine::Limits) -> Limits {
    Limits {
        connections: set.connections,
        connections_per_uid: set.connections_per_uid,
        first_frame_ms: milliseconds(limits::FIRST_FRAME),
        whole_frame_ms: milliseconds(limits::WHOLE_FRAME),
        unread_write_ms: milliseconds(limits::UNREAD_WRITE),
        idle_ms: milliseconds(limits::IDLE),
        keep_alive_ms: milliseconds(limits::KEEP_ALIVE),
        request_frame_bytes: limits::MAX_REQUEST_FRAME_BYTES,
        response_frame_bytes: limits::MAX_RESPONSE_FRAME_BYTES,
        json_depth: limits::MAX_JSON_DEPTH,
        string_bytes: limits::MAX_STRING_BYTES,
        array_items: limits::MAX_ARRAY_ITEMS,
        id_bytes: limits::MAX_ID_BYTES,
        in_flight: limits::MAX_IN_FLIGHT,
        turn_frames: TURN_FRAMES,
        unsent_bytes: MAX_UNSENT_BYTES,
        unsent_bytes_in_all: MAX_UNSENT_BYTES_IN_ALL,
        waiting_descriptors: limits::MAX_WAITING_DESCRIPTORS,
        waiting_descriptors_in_all: limits::MAX_WAITING_DESCRIPTORS_IN_ALL,
        request_ms: milliseconds(set.read_time),
        transaction_ms: milliseconds(MAX_TRANSACTION),
        idle_library_ms: milliseconds(MAX_IDLE_CONNECTION),
        readers_per_library: READERS_PER_LIBRARY,
        jobs_running: set.jobs_running,
        jobs_waiting: set.jobs_waiting,
        jobs_remembered: set.jobs_remembered,
        idle_exit_ms: milliseconds(set.idle_exit),
        audit_files: set.audit_keep,
        key_bytes: limits::MAX_KEY_BYTES,
        subscriptions: limits::MAX_SUBSCRIPTIONS,
        topics: limits::MAX_TOPICS,
        kept_events: limits::MAX_KEPT_EVENTS,
        unread_event_bytes: limits::MAX_UNREAD_EVENT_BYTES,
        item_events: limits::MAX_ITEM_EVENTS,
        page_assets: limits::MAX_PAGE_ASSETS,
        page_changes: limits::MAX_PAGE_CHANGES,
        uuids: limits::MAX_UUIDS,
        albums: limits::MAX_ALBUMS,
        facet_values: limits::MAX_FACET_VALUES,
        filter_depth: limits::MAX_FILTER_DEPTH,
        filter_leaves: limits::MAX_FILTER_LEAVES,
        pattern_bytes: limits::MAX_PATTERN_BYTES,
        read_bytes: limits::MAX_READ_BYTES,
        thumbnail_pixels: limits::MAX_THUMBNAIL_PIXELS,
        extract_rows: limits::MAX_EXTRACT_ROWS,
        extract_bytes: limits::MAX_EXTRACT_BYTES,
        descriptors: now.descriptors.unwrap_or(MAX_DESCRIPTORS),
        memory_bytes: now.data_bytes.unwrap_or(MAX_DATA_BYTES),
        core_bytes: now.core_bytes.unwrap_or(MAX_CORE_BYTES),
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use darkslide_policy::Limits as Usual;

    use super::*;

    /// What the design promises, as numbers of its own: whoever changes a limit changes this too.
    #[test]
    fn each_limit_of_the_design_is_told() {
        let told = serde_json::to_value(told(&Usual::USUAL, &confine::Limits::default())).unwrap();
        let promised = [
            ("connections", 64),
            ("connections_per_uid", 32),
            ("first_frame_ms", 5_000),
            ("whole_frame_ms", 10_000),
            ("unread_write_ms", 5_000),
            ("idle_ms", 600_000),
            ("keep_alive_ms", 30_000),
            ("request_frame_bytes", 65_536),
            ("response_frame_bytes", 8_388_608),
            ("json_depth", 16),
            ("string_bytes", 4_096),
            ("array_items", 1_000),
            ("in_flight", 64),
            ("turn_frames", 64),
            ("unsent_bytes", 8_388_608),
            ("unsent_bytes_in_all", 67_108_864),
            ("waiting_descriptors", 8),
            ("waiting_descriptors_in_all", 64),
            ("request_ms", 30_000),
            ("transaction_ms", 2_000),
            ("idle_library_ms", 2_000),
            ("readers_per_library", 2),
            ("jobs_running", 2),
            ("jobs_waiting", 64),
            ("jobs_remembered", 256),
            ("idle_exit_ms", 60_000),
            ("audit_files", 64),
            ("kept_events", 4_096),
            ("descriptors", 512),
            ("memory_bytes", 1_073_741_824),
            ("core_bytes", 0),
        ];
        for (name, value) in promised {
            assert_eq!(told[name], value, "{name}");
        }
        let members = told.as_object().unwrap();
        let unset: Vec<_> = members.iter().filter(|(_, value)| **value == 0).collect();
        assert_eq!(unset.len(), 1, "only the core file is nothing: {unset:?}");
    }
}
