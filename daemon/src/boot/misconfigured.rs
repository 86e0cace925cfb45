//! A start that cannot succeed, under a service manager: whoever connects is told so.
//!
//! A daemon that died before it accepts would be started in a loop, or leave its socket unit dead.
//! So it stays for a moment, answers each connection at once with one error frame and reads no
//! byte; the next client after that has it started anew. It serves nothing: it confines itself with
//! no rules first. The hazard: the cause may name paths, which are no stranger's business.

use std::collections::VecDeque;
use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use bytes::BytesMut;
use darkslide_policy::{Strictness, Uid};
use darkslide_protocol::envelope;
use darkslide_protocol::error::{ErrorName, Reason, WireError};
use darkslide_protocol::frame::write_frame;
use darkslide_protocol::limits::MAX_RESPONSE_FRAME_BYTES;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::net::SendFlags;

use crate::boot::BootError;
use crate::boot::reload::in_one_line;
use crate::clock::{self, Moment};
use crate::confine;

/// How long a daemon that cannot serve says so: longer than a client asks again, and short enough
/// that whoever mends the policy need not wait.
const ANSWERS_FOR: Duration = Duration::from_secs(10);
/// How long nothing is accepted after `accept` failed: the listener stays readable all the while.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Connections that are kept open once they were answered, so that what their clients still write
/// is no error to them before they have read; the oldest goes first.
const MAX_KEPT: usize = 64;
/// Bytes of the cause that are told: a sentence or two.
const MAX_CAUSE_BYTES: usize = 1024;

/// Tells whoever connects what is wrong, for 10 s.
pub(super) fn answer(listener: &UnixListener, error: &BootError) {
    let cause = sentence(error);
    tracing::error!(cause = ?cause, "cannot serve; whoever connects is told so");
    // After an attempt that failed half-way there is nothing to gain by another.
    if !matches!(error, BootError::Confine(_)) {
        drop(confine::enter(&[], Strictness::BestEffort));
    }
    let own = Uid::new(rustix::process::getuid().as_raw());
    let (to_us, to_others) = (frame(&message(Some(&cause))), frame(&message(None)));
    let since = Moment::now();
    let mut kept = VecDeque::new();
    while let Some(left) = ANSWERS_FOR.checked_sub(since.elapsed()) {
        match accept(listener, left) {
            Ok(Some(stream)) => {
                let is_ours = peer_uid(&stream).is_ok_and(|uid| uid == own);
                tell(&stream, if is_ours { &to_us } else { &to_others });
                kept.push_back(stream);
                if kept.len() > MAX_KEPT {
                    kept.pop_front();
                }
            }
            Ok(None) => {}
            Err(_) => clock::pause(ACCEPT_PAUSE),
        }
    }
}

/// Waits for a connection; none in time, or one that went away again, is no error.
fn accept(listener: &UnixListener, patience: Duration) -> io::Result<Option<UnixStream>> {
    let patience = PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX);
    poll(&mut [PollFd::new(listener.as_fd(), PollFlags::POLLIN)], patience)?;
    match listener.accept() {
        Ok((stream, _)) => Ok(Some(stream)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Without waiting: its buffer is empty, or it has its own affairs.
fn tell(stream: &UnixStream, frame: &[u8]) {
    let _unheard = rustix::net::send(stream, frame, SendFlags::DONTWAIT);
    let _gone = stream.shutdown(Shutdown::Write);
}

#[cfg(target_os = "linux")]
fn peer_uid(stream: &UnixStream) -> io::Result<Uid> {
    let peer = rustix::net::sockopt::socket_peercred(stream)?;
    Ok(Uid::new(peer.uid.as_raw()))
}

#[cfg(not(target_os = "linux"))]
fn peer_uid(stream: &UnixStream) -> io::Result<Uid> {
    let (uid, _) = nix::unistd::getpeereid(stream)?;
    Ok(Uid::new(uid.as_raw()))
}

/// Who hears the cause hears of paths and of what stands in the policy.
fn message(cause: Option<&str>) -> String {
    match cause {
        Some(cause) => format!("the daemon cannot start: {cause}"),
        None => "the daemon cannot start as it is configured".to_owned(),
    }
}

fn frame(message: &str) -> BytesMut {
    let error = WireError::new(
        ErrorName::Misconfigured,
        Reason::Misconfigured,
        message,
        "darkslide doctor",
    );
    let mut frame = BytesMut::new();
    if let Ok(text) = envelope::error(None, &error)
        && write_frame(text.into(), MAX_RESPONSE_FRAME_BYTES, &mut frame).is_err()
    {
        frame.clear();
    }
    frame
}

/// The error and its causes in one line.
fn sentence(error: &BootError) -> String {
    let text = in_one_line(error);
    let fits = |(start, letter): &(usize, char)| start + letter.len_utf8() <= MAX_CAUSE_BYTES;
    text.char_indices().take_while(fits).map(|(_, letter)| letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_path(path: &str) -> BootError {
        let source = io::Error::from(io::ErrorKind::PermissionDenied);
        BootError::System { action: "open", path: path.to_owned(), source }
    }

    #[test]
    fn the_cause_is_one_sentence_and_strangers_hear_none_of_it() {
        let cause = sentence(&of_path("/home/me/policy.toml"));
        assert_eq!(cause, "cannot open /home/me/policy.toml: permission denied");
        assert!(message(Some(&cause)).ends_with(&cause));
        assert!(!message(None).contains('/'));
    }

    #[test]
    fn the_cause_holds_at_its_limit_one_beyond_and_far_beyond() {
        let rest = sentence(&of_path("")).len();
        for (letters, expected) in [
            (MAX_CAUSE_BYTES - rest, MAX_CAUSE_BYTES),
            (MAX_CAUSE_BYTES - rest + 1, MAX_CAUSE_BYTES),
            (1_000_000, MAX_CAUSE_BYTES),
        ] {
            assert_eq!(sentence(&of_path(&"x".repeat(letters))).len(), expected);
        }
        let cut = sentence(&of_path(&"\u{1F5BC}".repeat(MAX_CAUSE_BYTES)));
        assert!(cut.len() > MAX_CAUSE_BYTES - 4, "cut at a character, and nowhere else");
    }

    #[test]
    fn a_frame_is_the_error_of_the_table_without_an_id() {
        let frame = frame("why");
        let (length, text) = frame.split_at(4);
        assert_eq!(u32::from_be_bytes(length.try_into().unwrap()) as usize, text.len());
        let answer: serde_json::Value = serde_json::from_slice(text).unwrap();
        assert_eq!(answer["id"], serde_json::Value::Null);
        assert_eq!(answer["error"]["data"]["name"], "MISCONFIGURED");
        assert_eq!(answer["error"]["data"]["hint"], "darkslide doctor");
    }
}
