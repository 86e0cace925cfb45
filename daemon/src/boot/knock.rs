//! Knocks at the folders of the policy before they are opened.
//!
//! On a Mac the first look into a library, a home's Documents or another disk can have the system
//! ask a person, and it stands still until somebody answers, for hours if need be. So a thread
//! looks first, and boot waits for it a moment; a folder of which nobody has answered by then is
//! pending, the rest serves. Other systems ask nobody, and nothing is looked at. It opens, reads a
//! few bytes and forgets them. The hazard: a look that merely asks for attributes is answered at
//! once and proves nothing, so a library's database is read.

#[cfg(any(target_os = "macos", test))]
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
#[cfg(any(target_os = "macos", test))]
use std::time::Duration;

use darkslide_policy::AbsPath;

#[cfg(any(target_os = "macos", test))]
use crate::threads;

/// How long boot waits at a folder: longer than a disk that sleeps takes to wake, and short of what
/// clients wait for a start, even with some folders.
#[cfg(target_os = "macos")]
const MAX_WAIT: Duration = Duration::from_secs(3);

/// Returns whether the folder can be opened now, or the refusal be had, without waiting for a
/// person. Where that changes later, the daemon is told to start anew, as by SIGHUP.
#[cfg(not(target_os = "macos"))]
pub(super) fn is_answered(_path: &AbsPath) -> bool {
    true
}

/// Returns whether the folder can be opened now, or the refusal be had, without waiting for a
/// person. Where that changes later, the daemon is told to start anew, as by SIGHUP.
#[cfg(target_os = "macos")]
pub(super) fn is_answered(path: &AbsPath) -> bool {
    // Also asked for in `confine`, which says whether it was granted; but this look comes first.
    let _offline = darkslide_sys::never_materialise();
    let path = path.clone();
    is_done_within(MAX_WAIT, move || look_into(&path), start_anew)
}

/// Does `work` on a thread, and returns whether it was done in time. If not, `late` follows it,
/// whenever that is.
#[cfg(any(target_os = "macos", test))]
fn is_done_within(
    wait: Duration,
    work: impl FnOnce() + Send + 'static,
    late: impl FnOnce() + Send + 'static,
) -> bool {
    // Nothing is kept in it: who finds nobody there any more is late.
    let (done, waiting) = sync_channel(0);
    let started = threads::start_early("knock", move || {
        work();
        if done.send(()).is_err() {
            late();
        }
    });
    match (started, waiting.recv_timeout(wait)) {
        (Ok(()), Err(RecvTimeoutError::Timeout)) => false,
        // Without a thread, and after a panic in it: then it is opened without having been asked.
        (Err(_), _) | (Ok(()), Ok(()) | Err(RecvTimeoutError::Disconnected)) => true,
    }
}

/// What it says is of no interest here: it is asked again by who opens the folder.
#[cfg(target_os = "macos")]
#[expect(clippy::disallowed_methods, reason = "boot: looks before there is a handle")]
fn look_into(folder: &AbsPath) {
    use std::io::Read as _;

    let _listed = std::fs::read_dir(folder.as_str()).map(|mut entries| entries.next());
    // The newer and the older name; a folder that is no library has neither.
    for database in ["database/Photos.sqlite", "database/photos.db"] {
        let opened = std::fs::File::open(format!("{}/{database}", folder.as_str()));
        let _read = opened.and_then(|mut file| file.read(&mut [0; 16]));
    }
}

/// A grant reaches a process that was started after it.
#[cfg(target_os = "macos")]
fn start_anew() {
    tracing::info!("a person has answered the system's question: starting anew");
    let _told =
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::HUP);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough for a machine that is busy; nobody waits for it in a test that passes.
    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn what_is_answered_at_once_is_answered() {
        assert!(is_done_within(PATIENCE, || {}, || unreachable!("in time")));
    }

    #[test]
    fn what_waits_for_a_person_is_pending_and_heard_of_when_it_is_answered() {
        let (answer, question) = sync_channel::<()>(0);
        let (tell, told) = sync_channel(1);
        let asks = move || question.recv().unwrap();
        let late = move || tell.send("start anew").unwrap();
        assert!(!is_done_within(Duration::ZERO, asks, late));
        answer.send(()).unwrap();
        assert_eq!(told.recv_timeout(PATIENCE), Ok("start anew"));
    }

    #[test]
    fn a_look_that_fails_is_an_answer() {
        assert!(is_done_within(PATIENCE, || panic!("a look that fails"), || {}));
    }

    #[cfg(not(target_os = "macos"))]
    #[test]
    fn nobody_is_asked_elsewhere() {
        assert!(is_answered(&AbsPath::parse("/nothing/there", None).unwrap()));
    }
}
