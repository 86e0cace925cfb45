//! Every number of the wire, with its unit and its reason (design 3.4).
//!
//! They are part of the protocol: a client may count on them, and `health` tells them. Limits of
//! the process (connections, threads, memory) belong to the daemon and stand there.

use std::time::Duration;

/// Bytes of the length in front of each frame, big-endian.
pub const FRAME_HEADER_BYTES: usize = 4;

/// The longest request. Hostile JSON of this size costs 8 MB at worst (measured: 126 times its
/// size).
pub const MAX_REQUEST_FRAME_BYTES: usize = 64 * 1024;

/// The longest response; pages are cut short, with a cursor, before that.
pub const MAX_RESPONSE_FRAME_BYTES: usize = 8 * 1024 * 1024;

/// Objects and arrays in one another, anywhere in a request. No message of ours needs half of it.
pub const MAX_JSON_DEPTH: usize = 16;

/// The longest text in a request: a path of the longest that Linux takes.
pub const MAX_STRING_BYTES: usize = 4 * 1024;

/// The longest array in a request.
pub const MAX_ARRAY_ITEMS: usize = 1_000;

/// The longest textual request id. A response repeats it.
pub const MAX_ID_BYTES: usize = 64;

/// The largest integer id, either sign: what every JSON library keeps exactly.
pub const MAX_ID_INTEGER: i64 = (1 << 53) - 1;

/// Requests of one connection that are not answered yet; then the daemon stops reading from it.
pub const MAX_IN_FLIGHT: usize = 64;

/// Subscriptions of one connection: a window each of a large program. Each costs a message for each
/// event.
pub const MAX_SUBSCRIPTIONS: usize = 16;

/// Topics of one subscription: as many as subscriptions, for the same program.
pub const MAX_TOPICS: usize = 16;

/// The greatest number of an event: what every JSON library keeps exactly. Reached in the year
/// 2248.
pub const MAX_SEQ: u64 = (1 << 53) - 1;

/// Events that are kept for whoever comes back: of a thousand small jobs, or of some with many rows
/// that are not done.
pub const MAX_KEPT_EVENTS: usize = 4_096;

/// Rows of one run of a job that are told as events: the sixteenth part of what is kept, so that no
/// job takes the place of all others. `job.report` has them all.
pub const MAX_ITEM_EVENTS: u64 = 256;

/// Bytes of events that wait for one subscription; above, what a job can end without is dropped and
/// told as `overflow`. Progress of a minute.
pub const MAX_UNREAD_EVENT_BYTES: usize = 256 * 1024;

/// Albums in one answer: some 1 MiB.
pub const MAX_ALBUMS: usize = 4_000;

/// UUIDs in one request.
pub const MAX_UUIDS: usize = 1_000;

/// Assets on one page.
pub const MAX_PAGE_ASSETS: usize = 1_000;

/// Assets on one page where the request names no limit.
pub const DEFAULT_PAGE_ASSETS: usize = 100;

/// Changes of a library's history on one page of `change.since`: some 400 kB if each is of another
/// asset.
pub const MAX_PAGE_CHANGES: usize = 10_000;

/// The same where the request names no limit: a page in some milliseconds.
pub const DEFAULT_PAGE_CHANGES: usize = 1_000;

/// The longest change token that is looked at: four times what is made.
pub const MAX_CHANGE_TOKEN_BYTES: usize = 256;

/// Combinators of a filter in one another.
pub const MAX_FILTER_DEPTH: usize = 5;

/// Leaves of one filter.
pub const MAX_FILTER_LEAVES: usize = 256;

/// The longest text that a filter looks for: a comparison costs at most its product with the text.
pub const MAX_PATTERN_BYTES: usize = 256;

/// Values of one facet in an answer: some 1 MiB at most, and more than a person reads.
pub const MAX_FACET_VALUES: usize = 10_000;

/// The longest part of a file that one answer of `resource.read` has: 2.7 MiB as text, a third of a
/// frame.
pub const MAX_READ_BYTES: u32 = 2 * 1024 * 1024;

/// The most pixels that a thumbnail can be asked to have: the longest side that a JPEG can say.
pub const MAX_THUMBNAIL_PIXELS: u32 = 65_535;

/// Descriptors of one connection that are not taken yet; then its requests that would open one more
/// wait. Enough to keep two readers busy.
pub const MAX_WAITING_DESCRIPTORS: usize = 8;

/// Descriptors of all connections that are not taken yet: an eighth of what the process may have.
pub const MAX_WAITING_DESCRIPTORS_IN_ALL: usize = 64;

/// The longest name and version that a client may claim in `health`.
pub const MAX_CLAIM_BYTES: usize = 64;

/// Files that one answer of `extract` tells of, and as many that are not there for each of two
/// causes; `job.report` has all.
pub const MAX_EXTRACT_ROWS: usize = 1_000;

/// Bytes of the files that one answer of `extract` tells of, as JSON: names and keywords can be
/// long, and with the rest it has to fit a frame.
pub const MAX_EXTRACT_BYTES: usize = MAX_RESPONSE_FRAME_BYTES / 2;

/// The longest key of an export.
pub const MAX_KEY_BYTES: usize = 128;

/// From connect to the first whole frame. Longer is a client that does not know what it wants.
pub const FIRST_FRAME: Duration = Duration::from_secs(5);

/// From the first byte of a frame to its last.
pub const WHOLE_FRAME: Duration = Duration::from_secs(10);

/// How long a write may wait for a peer that does not read.
pub const UNREAD_WRITE: Duration = Duration::from_secs(5);

/// How long a connection may be idle without a subscription.
pub const IDLE: Duration = Duration::from_secs(600);

/// Silence on a subscription after which a keep-alive is sent.
pub const KEEP_ALIVE: Duration = Duration::from_secs(30);
