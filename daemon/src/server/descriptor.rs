//! Descriptors on their way to peers: how many may wait, and the one call that sends one.
//!
//! A request that would open a file asks for a permit first, waiting in its own task, and the
//! permit goes with the open file until the kernel has it. Nobody waits for ever: one's own permits
//! come back as one's peer reads, and a peer that does not read is closed; for those of all, and
//! for the kernel where others leave too many unreceived, a request waits no longer than for such a
//! peer, and is answered LIMIT. No descriptor of a peer ever arrives: nothing here receives.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use darkslide_protocol::error::{ErrorName, Reason, WireError};
use darkslide_protocol::limits::{
    MAX_WAITING_DESCRIPTORS, MAX_WAITING_DESCRIPTORS_IN_ALL, UNREAD_WRITE,
};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

/// Until the kernel is asked again that holds too many descriptors which nobody received.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// How often it is asked: for two seconds, well before the writer takes its peer for one that does
/// not read.
const MAX_ASKED: u32 = 40;
const _: () = assert!(2 * MAX_ASKED as u128 * ASK_AGAIN.as_millis() < UNREAD_WRITE.as_millis());

/// An error and no signal when the peer is gone. macOS has no such flag; the standard library
/// ignores the signal there, as everywhere.
#[cfg(target_os = "linux")]
const FLAGS: SendFlags = SendFlags::NOSIGNAL;
#[cfg(not(target_os = "linux"))]
const FLAGS: SendFlags = SendFlags::empty();

/// How many descriptors of all connections may wait.
#[derive(Debug, Clone)]
pub(super) struct OfAll(Arc<Semaphore>);

impl Default for OfAll {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_WAITING_DESCRIPTORS_IN_ALL)))
    }
}

/// How many descriptors of one connection may wait.
#[derive(Debug)]
pub(super) struct Permits {
    own: Arc<Semaphore>,
    all: OfAll,
}

/// The right to have one descriptor wait.
#[derive(Debug)]
pub(super) struct Permit {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Permits {
    pub(super) fn new(all: OfAll) -> Self {
        Self { own: Arc::new(Semaphore::new(MAX_WAITING_DESCRIPTORS)), all }
    }

    /// Waits for a permit.
    ///
    /// # Errors
    /// `LIMIT` where all connections together have too many; or the peer is gone, and nobody hears.
    pub(super) async fn permit(&self) -> Result<Permit, WireError> {
        let gone = |_| too_many(MAX_WAITING_DESCRIPTORS);
        let own = Arc::clone(&self.own).acquire_owned().await.map_err(gone)?;
        let all = timeout(UNREAD_WRITE, Arc::clone(&self.all.0).acquire_owned()).await;
        match all {
            Ok(Ok(all)) => Ok(Permit { _own: own, _all: all }),
            Ok(Err(_)) | Err(_) => Err(too_many(MAX_WAITING_DESCRIPTORS_IN_ALL)),
        }
    }

    /// The peer is gone: whoever waits for a permit need not.
    pub(super) fn close(&self) {
        self.own.close();
    }
}

fn too_many(limit: usize) -> WireError {
    WireError::new(
        ErrorName::Limit,
        Reason::Limit,
        "too many descriptors wait for peers that do not take them",
        "take those that came, then ask again",
    )
    .with_limit(limit as u64)
}

/// The kernel takes no more descriptors of this user until others are received.
pub(super) fn not_taken() -> WireError {
    WireError::new(
        ErrorName::Limit,
        Reason::Limit,
        "too many descriptors are on their way to peers that do not take them",
        "ask again later, or read the file with `resource.read`",
    )
}

/// An open file on its way to a peer. Dropped, it is closed and its place is free.
#[derive(Debug)]
pub(super) struct Passing {
    file: OwnedFd,
    _permit: Permit,
    refusal: Vec<u8>,
}

/// Why a descriptor did not go.
#[derive(Debug)]
pub(super) enum NotSent {
    /// The kernel takes none now.
    NotTaken,
    /// The socket says so.
    Broken,
}

impl Passing {
    /// With what is answered instead where the kernel does not take it.
    pub(super) fn new(file: OwnedFd, permit: Permit, refusal: Vec<u8>) -> Self {
        Self { file, _permit: permit, refusal }
    }

    /// What is answered instead; the file is closed.
    pub(super) fn refused(self) -> Vec<u8> {
        self.refusal
    }

    /// Sends the beginning of a frame with the descriptor on its first byte, and returns how many
    /// bytes went. Given up while it waits, it has sent nothing.
    ///
    /// # Errors
    /// [`NotSent`]; then nothing went.
    pub(super) async fn send(&self, stream: &UnixStream, bytes: &[u8]) -> Result<usize, NotSent> {
        for _ in 0..MAX_ASKED {
            match stream.async_io(Interest::WRITABLE, || self.try_send(stream, bytes)).await {
                Ok(sent) => return Ok(sent),
                // Descriptors that were sent and not received count for the whole user.
                Err(error) if is_of_the_user(&error) => sleep(ASK_AGAIN).await,
                Err(_) => return Err(NotSent::Broken),
            }
        }
        Err(NotSent::NotTaken)
    }

    fn try_send(&self, stream: &UnixStream, bytes: &[u8]) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let files = [self.file.as_fd()];
        if !control.push(SendAncillaryMessage::ScmRights(&files)) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        Ok(sendmsg(stream, &[IoSlice::new(bytes)], &mut control, FLAGS)?)
    }
}

fn is_of_the_user(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::TOOMANYREFS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests")]
    use tokio::time::Instant;

    use super::*;

    async fn take(permits: &Permits, count: usize) -> Vec<Permit> {
        let mut taken = Vec::new();
        for _ in 0..count {
            taken.push(permits.permit().await.unwrap());
        }
        taken
    }

    #[tokio::test(start_paused = true)]
    async fn one_connection_has_eight_and_the_next_waits_for_its_own() {
        let permits = Permits::new(OfAll::default());
        let mut taken = take(&permits, MAX_WAITING_DESCRIPTORS).await;
        let an_hour = Duration::from_secs(3_600);
        assert!(timeout(an_hour, permits.permit()).await.is_err(), "it waits");
        let (next, ()) = tokio::join!(permits.permit(), async { drop(taken.pop()) });
        taken.push(next.unwrap());
        // Absurdly many wait; they all end with the connection.
        let waiting: Vec<_> = (0..1_000).map(|_| Box::pin(permits.permit())).collect();
        permits.close();
        for permit in waiting {
            assert!(permit.await.is_err());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_connections_have_sixty_four_and_the_next_is_told_so_in_time() {
        let all = OfAll::default();
        let full = MAX_WAITING_DESCRIPTORS_IN_ALL / MAX_WAITING_DESCRIPTORS;
        let many: Vec<Permits> = (0..full).map(|_| Permits::new(all.clone())).collect();
        let mut taken = Vec::new();
        for permits in &many {
            taken.extend(take(permits, MAX_WAITING_DESCRIPTORS).await);
        }
        let other = Permits::new(all.clone());
        let asked = Instant::now();
        let error = other.permit().await.unwrap_err();
        assert_eq!((error.data.name, error.data.limit), (ErrorName::Limit, Some(64)));
        assert_eq!(asked.elapsed().as_secs(), UNREAD_WRITE.as_secs());
        drop(taken.pop());
        let _one = other.permit().await.unwrap();
        assert!(other.permit().await.is_err(), "and no more than that one");
        drop(taken);
        assert_eq!(take(&other, MAX_WAITING_DESCRIPTORS - 1).await.len(), 7);
    }

    #[tokio::test]
    async fn a_descriptor_goes_with_the_first_byte_and_frees_its_place() {
        use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
        let (stream, theirs) = UnixStream::pair().unwrap();
        let permits = Permits::new(OfAll::default());
        let file = std::fs::File::open("/dev/null").unwrap();
        let passing = Passing::new(file.into(), permits.permit().await.unwrap(), Vec::new());
        assert_eq!(passing.send(&stream, b"frame").await.unwrap(), 5);
        drop(passing);
        theirs.readable().await.unwrap();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut bytes = [0; 16];
        let mut into = [io::IoSliceMut::new(&mut bytes)];
        let flags = RecvFlags::empty();
        assert_eq!(recvmsg(&theirs, &mut into, &mut control, flags).unwrap().bytes, 5);
        let received: Vec<OwnedFd> = control
            .drain()
            .filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(files) => Some(files),
                _ => None,
            })
            .flatten()
            .collect();
        assert_eq!((received.len(), &bytes[..5]), (1, &b"frame"[..]));
        assert_eq!(take(&permits, MAX_WAITING_DESCRIPTORS).await.len(), 8, "its place is free");
    }

    #[tokio::test]
    async fn who_is_gone_gets_none() {
        let (stream, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        let permits = Permits::new(OfAll::default());
        let file = std::fs::File::open("/dev/null").unwrap();
        let passing = Passing::new(file.into(), permits.permit().await.unwrap(), Vec::new());
        assert!(matches!(passing.send(&stream, b"frame").await, Err(NotSent::Broken)));
    }
}
