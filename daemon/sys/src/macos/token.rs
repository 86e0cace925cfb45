//! The audit token of the process that used the other end of a Unix socket last.
//!
//! Nothing is unsafe here; it stands beside `code.rs`, which takes the token. The hazard: the
//! kernel answers for the moment of the question, not for the one who connected, so that whoever
//! relies on it asks again later and compares.

use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::LocalPeerToken;

use crate::answer::AuditToken;

/// Returns the token of the peer, as of now.
///
/// # Errors
/// `EINVAL` if that process is gone, `ENOTCONN` if the peer has closed, and whatever else the
/// kernel says.
pub fn audit_token(socket: &impl AsFd) -> Result<AuditToken, Errno> {
    getsockopt(socket, LocalPeerToken).map(|token| AuditToken::new(token.val))
}
