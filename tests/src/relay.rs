//! Stands between a program and its daemon, lets everything through, descriptors too, and holds
//! what was said against the document of the wire.
//!
//! For programs that a test cannot look into: the command line, and clients in other languages.
//! Held against it when the talk is over, not while it travels: a complaint in between would look
//! like a connection that broke. It listens as a daemon does: a folder and a socket of ours alone.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "the harness of tests"
)]

use std::collections::BTreeSet;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use serde_json::Value;

use crate::talk::Talk;

/// One daemon's frame may carry one; room for what should never come.
const DESCRIPTORS: usize = 8;

/// A connection: what was said, in order, and by whom.
type Said = Arc<Mutex<Vec<(Way, Vec<u8>)>>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// The place in between.
#[derive(Debug)]
pub struct Relay {
    socket: PathBuf,
    talks: Arc<Mutex<Vec<Said>>>,
}

impl Relay {
    /// Listens in a new folder below `folder`, before the daemon that listens at `daemon`. The
    /// thread that accepts ends with the test program.
    ///
    /// # Panics
    /// If the system has no room.
    #[must_use]
    pub fn before(daemon: &Path, folder: &Path) -> Self {
        let folder = folder.join("relay");
        std::fs::DirBuilder::new().mode(0o700).create(&folder).unwrap();
        let socket = folder.join("s");
        let listener = UnixListener::bind(&socket).unwrap();
        std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o600)).unwrap();
        let talks = Arc::<Mutex<Vec<Said>>>::default();
        let (kept, daemon) = (Arc::clone(&talks), daemon.to_owned());
        std::thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                // A daemon that is gone is told by a closed connection.
                let Ok(server) = UnixStream::connect(&daemon) else { continue };
                let said = Said::default();
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&said));
                let ends = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let heard = Arc::clone(&said);
                std::thread::spawn(move || pass(&client, &server, Way::Up, &said));
                std::thread::spawn(move || pass(&ends.1, &ends.0, Way::Down, &heard));
            }
        });
        Self { socket, talks }
    }

    /// Where the program is to connect.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Holds all that was said until now against the document; the methods that were answered.
    ///
    /// # Panics
    /// If something is not as the document says.
    #[must_use]
    pub fn check(&self) -> BTreeSet<String> {
        let talks = self.talks.lock().unwrap_or_else(PoisonError::into_inner);
        talks.iter().flat_map(held).collect()
    }
}

/// Passes on until one side is gone. What was said is noted before it is passed on, so that no
/// answer is noted before its question.
fn pass(from: &UnixStream, to: &UnixStream, way: Way, said: &Said) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok((read, descriptors)) = receive(from, &mut bytes) {
        if read == 0 {
            break;
        }
        let part = bytes[..read].to_vec();
        said.lock().unwrap_or_else(PoisonError::into_inner).push((way, part));
        if send(to, &bytes[..read], &descriptors).is_err() {
            break;
        }
    }
    // The other direction may have something to say still.
    let _ended = to.shutdown(Shutdown::Write);
    let _ended = from.shutdown(Shutdown::Read);
}

fn receive(from: &UnixStream, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(bytes)];
    let flags = RecvFlags::empty();
    let read = rustix::net::recvmsg(from, &mut parts, &mut control, flags)?.bytes;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    Ok((read, descriptors))
}

fn send(to: &UnixStream, mut bytes: &[u8], descriptors: &[OwnedFd]) -> io::Result<()> {
    let borrowed: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !borrowed.is_empty() {
        assert!(control.push(SendAncillaryMessage::ScmRights(&borrowed)));
    }
    while !bytes.is_empty() {
        let parts = [IoSlice::new(bytes)];
        let sent = rustix::net::sendmsg(to, &parts, &mut control, SendFlags::empty())?;
        // They went with the first of the bytes.
        control.clear();
        bytes = &bytes[sent..];
    }
    Ok(())
}

/// The frames of one connection, in order, against the document.
fn held(said: &Said) -> Vec<String> {
    let said = said.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut talk, mut up, mut down) = (Talk::default(), Vec::new(), Vec::new());
    let (mut asked, mut answered) = (Vec::<(Value, String)>::new(), Vec::new());
    for (way, part) in said.iter() {
        let side = if *way == Way::Up { &mut up } else { &mut down };
        side.extend_from_slice(part);
        while let Some(payload) = frame(side) {
            let message: Value = serde_json::from_slice(&payload).unwrap();
            if *way == Way::Down {
                talk.received(&message);
                let at = asked.iter().position(|(id, _)| Some(id) == message.get("id"));
                let question = at.map(|at| asked.remove(at));
                answered
                    .extend(question.filter(|_| message.get("result").is_some()).map(|it| it.1));
            } else {
                talk.sent(&payload);
                if let (Some(id), Some(method)) = (message.get("id"), message["method"].as_str()) {
                    asked.push((id.clone(), method.to_owned()));
                }
            }
        }
    }
    answered
}

/// Takes the first whole frame.
fn frame(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = u32::from_be_bytes(bytes.get(..4)?.try_into().unwrap());
    let end = 4 + usize::try_from(length).unwrap();
    let payload = bytes.get(4..end)?.to_vec();
    bytes.drain(..end);
    Some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_one_by_one_whatever_the_parts_were() {
        let mut bytes = vec![0, 0, 0, 2, b'{'];
        assert_eq!(frame(&mut bytes), None);
        bytes.extend([b'}', 0, 0, 0]);
        assert_eq!(frame(&mut bytes), Some(b"{}".to_vec()));
        assert_eq!((frame(&mut bytes), bytes), (None, vec![0, 0, 0]));
    }
}
