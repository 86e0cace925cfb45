//! The only threads of an export: a few that copy, while the job's own thread publishes.
//!
//! Each begins with what the caller hands in (the daemon's check that it is confined), and all have
//! ended when the function returns. The hazard: a thread that nobody waits for still writes when
//! the job is over.

#![expect(
    clippy::disallowed_methods,
    reason = "the export's workers: begun with the caller's check, and joined here"
)]

use std::io;
use std::thread::Builder;

/// More threads gain nothing (measured, docs/performance.md).
pub(crate) const MAX_WORKERS: usize = 4;

/// Runs each of `workers` on a thread of its own and `meanwhile` on this one, until all have ended.
/// Fewer threads than wanted are enough; without any, nothing is run.
pub(crate) fn run_beside<W: FnOnce() + Send, T>(
    workers: Vec<W>,
    on_thread_start: fn(),
    meanwhile: impl FnOnce() -> T,
) -> io::Result<T> {
    std::thread::scope(|scope| {
        let mut started = 0_usize;
        let mut refused = None;
        for work in workers {
            let begin = move || {
                on_thread_start();
                work();
            };
            match Builder::new().name("copy".to_owned()).spawn_scoped(scope, begin) {
                Ok(_) => started += 1,
                Err(error) => refused = Some(error),
            }
        }
        match refused {
            Some(error) if started == 0 => Err(error),
            Some(_) | None => Ok(meanwhile()),
        }
    })
}
