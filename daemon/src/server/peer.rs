//! Who is at the other end: uid, gid and pid as the kernel named them when the peer connected, and
//! where the policy asks for it, whether its program is the one that a rule is for.
//!
//! Asked once, right after accept and before a byte is read. The connection is the principal, not
//! the process: a pid can be reused, and a socket can be inherited. What the system says of a
//! program holds for the process that used the socket last, at the moment of the question; so its
//! token is asked for before and after, and again whenever bytes have come. The hazards: a program
//! that connects, and becomes a trusted one before we look; and a question that blocks on a service
//! of the system, which is why it has a thread of its own.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use darkslide_policy::{Code, CodeRequirement, Gid, Peer, Uid};
use darkslide_sys::answer::AuditToken;
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::threads;

/// How long the system may take to say which program it is: it looks at a signature, and where it
/// has not seen that before, at the whole program.
pub(super) const IDENTIFY: Duration = Duration::from_secs(5);

/// What the system can be asked about a peer.
pub(super) trait Identify: Send + Sync {
    /// Uid, gid and pid of who connected.
    ///
    /// # Errors
    /// What the kernel says; a peer that nobody can name is nobody.
    fn credentials(&self, stream: &UnixStream) -> io::Result<Peer>;

    /// The running program that used the other end last; none where the system does not tell.
    fn program(&self, stream: &UnixStream) -> Option<AuditToken>;

    /// Does that program meet the requirement? What cannot be told is a no. May block.
    fn meets(&self, program: AuditToken, requirement: &CodeRequirement) -> bool;

    /// Does what may block, on a thread of its own.
    ///
    /// # Errors
    /// What the system says when it has no room for a thread.
    fn aside(&self, work: Box<dyn FnOnce() + Send>) -> io::Result<()>;
}

/// This system.
#[derive(Debug)]
pub(super) struct System;

impl Identify for System {
    fn credentials(&self, stream: &UnixStream) -> io::Result<Peer> {
        let credentials = stream.peer_cred()?;
        let (uid, gid) = (Uid::new(credentials.uid()), Gid::new(credentials.gid()));
        Ok(Peer::new(uid, gid, credentials.pid()))
    }

    #[cfg(target_os = "macos")]
    fn program(&self, stream: &UnixStream) -> Option<AuditToken> {
        darkslide_sys::audit_token(stream).ok()
    }

    #[cfg(not(target_os = "macos"))]
    fn program(&self, _: &UnixStream) -> Option<AuditToken> {
        None
    }

    #[cfg(target_os = "macos")]
    fn meets(&self, program: AuditToken, requirement: &CodeRequirement) -> bool {
        let looked = darkslide_sys::code_satisfies(program, requirement.as_str());
        looked.unwrap_or_else(|error| {
            tracing::warn!(error = error.to_string(), "a program cannot be looked at");
            false
        })
    }

    /// No policy asks here: it was refused.
    #[cfg(not(target_os = "macos"))]
    fn meets(&self, _: AuditToken, _: &CodeRequirement) -> bool {
        false
    }

    fn aside(&self, work: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        threads::start("identify", work).map(drop)
    }
}

/// Makes a new socket what the protocol needs: wide enough, and silent when the peer is gone.
/// Nothing fails by it: narrow, it is slow.
#[cfg(target_os = "macos")]
pub(super) fn prepare(stream: &UnixStream) {
    use rustix::net::sockopt;
    /// A Mac gives 8 KiB each way: an answer of 8 MiB would need a thousand turns. Linux has 208.
    const SOCKET_BYTES: usize = 256 * 1024;
    let _narrow = sockopt::set_socket_send_buffer_size(stream, SOCKET_BYTES);
    let _narrow = sockopt::set_socket_recv_buffer_size(stream, SOCKET_BYTES);
    let _ignored_anyway = sockopt::set_socket_nosigpipe(stream, true);
}

/// It is so already.
#[cfg(not(target_os = "macos"))]
pub(super) fn prepare(_: &UnixStream) {}

/// The program that a rule is for, while it is still the one that speaks.
#[derive(Clone)]
pub(super) struct Program {
    confirmed: Option<(Arc<dyn Identify>, AuditToken)>,
}

impl Program {
    /// Of a peer that is what its uid is.
    pub(super) fn unasked() -> Self {
        Self { confirmed: None }
    }

    /// Is it still the same process, in the same life? One that ended, or that became another
    /// program, is not; nor is one that it left the socket to.
    pub(super) fn still_speaks(&self, stream: &UnixStream) -> bool {
        let same = |(system, token): &(Arc<dyn Identify>, AuditToken)| {
            system.program(stream) == Some(*token)
        };
        self.confirmed.as_ref().is_none_or(same)
    }
}

/// Why nobody knows which program it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unidentified {
    /// The system does not say.
    Unknown,
    /// It became another program while it was looked at.
    Changed,
    /// The system takes too long.
    Late,
}

/// Asks the system which of the requirements the peer's program meets; nobody is asked where there
/// are none. `held` is what the question costs: given back once it is answered, however late.
///
/// # Errors
/// [`Unidentified`]: whoever it is, no rule for one program may apply to it.
pub(super) async fn identify<H: Send + 'static>(
    system: &Arc<dyn Identify>,
    stream: &UnixStream,
    peer: Peer,
    asked: BTreeSet<CodeRequirement>,
    held: H,
) -> Result<(Peer, Program, H), Unidentified> {
    if asked.is_empty() {
        return Ok((peer, Program::unasked(), held));
    }
    let program = system.program(stream).ok_or(Unidentified::Unknown)?;
    let (tell, told) = oneshot::channel();
    let looker = Arc::clone(system);
    let look = move || {
        let met = asked.into_iter().filter(|requirement| looker.meets(program, requirement));
        let met: Code = met.collect();
        // Nobody waits any more: then it is given back here.
        let _late = tell.send((met, held));
    };
    system.aside(Box::new(look)).map_err(|_| Unidentified::Unknown)?;
    let (code, held) = timeout(IDENTIFY, told)
        .await
        .map_err(|_| Unidentified::Late)?
        .map_err(|_| Unidentified::Unknown)?;
    let program = Program { confirmed: Some((Arc::clone(system), program)) };
    if !program.still_speaks(stream) {
        return Err(Unidentified::Changed);
    }
    Ok((Peer { code, ..peer }, program, held))
}

#[cfg(test)]
mod tests;
