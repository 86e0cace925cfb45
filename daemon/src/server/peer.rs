//! Who is at the other end: uid, gid and pid as the kernel named them when the peer connected.
//!
//! Asked once, right after accept and before a byte is read. The connection is the principal, not
//! the process: a pid can be reused, and a socket can be inherited.

use std::io;

use darkslide_policy::{Gid, Peer, Uid};
use tokio::net::UnixStream;

/// Asks the kernel.
///
/// # Errors
/// What the kernel says; a peer that nobody can name is nobody.
pub(super) fn of(stream: &UnixStream) -> io::Result<Peer> {
    let credentials = stream.peer_cred()?;
    Ok(Peer {
        uid: Uid::new(credentials.uid()),
        gid: Gid::new(credentials.gid()),
        pid: credentials.pid(),
    })
}
