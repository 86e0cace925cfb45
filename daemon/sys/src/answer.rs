//! What the answers of the foreign calls mean: plain numbers in, errors with words out.
//!
//! No call is made here and nothing is unsafe, so that all of it is tested where the calls do not
//! exist. The hazard: a status that was read as "no" where it means "could not tell", or the other
//! way round; so only the one status that says "looked, and it does not match" is a plain no.

use nix::errno::Errno;

/// Why launchd gave no socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ActivateError {
    /// `ESRCH`: this process was not started by launchd. The one answer after which a program may
    /// bind a socket of its own.
    #[error("this process was not started by launchd")]
    NotLaunchd,
    /// `ENOENT`: the property list has no socket of that name.
    #[error("the property list names no such socket")]
    NoSuchSocket,
    /// `EALREADY`: asked for twice.
    #[error("the socket was taken over before")]
    Twice,
    /// Success, and no descriptor.
    #[error("launchd handed over no descriptor for the socket")]
    NoDescriptor,
    /// Any other answer, or a descriptor that cannot be made ours.
    #[error("launchd does not hand over the socket ({0})")]
    Refused(Errno),
}

impl ActivateError {
    /// What a non-zero answer of `launch_activate_socket` means. It is an error number itself;
    /// `errno` is not set.
    #[must_use]
    pub fn from_answer(answer: i32) -> Self {
        match Errno::from_raw(answer) {
            Errno::ESRCH => Self::NotLaunchd,
            Errno::ENOENT => Self::NoSuchSocket,
            Errno::EALREADY => Self::Twice,
            errno => Self::Refused(errno),
        }
    }

    /// Returns what to do, as a short imperative.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotLaunchd => "start it by launchd, or give --socket a path",
            Self::NoSuchSocket | Self::NoDescriptor => {
                "give the property list a socket `Listener` with an absolute SockPathName: \
                 `darkslide service install` writes one"
            }
            Self::Twice => "this is a bug of darkslide: report it, with this message",
            Self::Refused(_) => "look into the job: launchctl print gui/$UID/darkslide.darkslided",
        }
    }
}

/// Why the sandbox was not entered. Nothing holds the process then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Seatbelt does not take the profile: {said}")]
pub struct SandboxError {
    /// What the compiler of profiles said, without control characters, cut at
    /// [`MAX_SANDBOX_WORDS`].
    pub said: String,
}

/// Characters of a message about a profile: its first lines say what is wrong, the rest repeats it.
pub const MAX_SANDBOX_WORDS: usize = 400;

impl SandboxError {
    /// From the bytes of the message; there may be none.
    #[must_use]
    pub fn from_message(message: Option<&[u8]>) -> Self {
        let text = String::from_utf8_lossy(message.unwrap_or(b"(no reason given)"));
        let clean = text.trim().chars().map(|it| if it.is_control() { ' ' } else { it });
        Self { said: clean.take(MAX_SANDBOX_WORDS).collect() }
    }
}

/// The kernel's word for a process, of that life of it and no other: pid, its version, its uids.
///
/// What stands in it is for the system to read; here it is compared, and handed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditToken([u32; 8]);

impl AuditToken {
    /// From the words of the kernel.
    #[must_use]
    pub const fn new(words: [u32; 8]) -> Self {
        Self(words)
    }

    /// Returns the 32 bytes as the system wants them back.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (to, word) in bytes.chunks_exact_mut(4).zip(self.0) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }
}

/// Why a program could not be held against a requirement. Whoever asked must take it for a no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// The text is no requirement.
    #[error("the code requirement cannot be read (OSStatus {0})")]
    Requirement(i32),
    /// There is no such process any more.
    #[error("the program of the peer is gone")]
    Gone,
    /// The program is not signed, was changed after it was signed, or its signature could not be
    /// looked at.
    #[error("the signature of the peer's program cannot be trusted (OSStatus {0})")]
    Untrusted(i32),
    /// The system made no object, for want of memory or for a text that is none.
    #[error("the system cannot hold the code requirement or the peer's token")]
    NoObject,
}

// `Security/CSCommon.h`, `MacErrors.h`.
const REQUIREMENT_FAILED: i32 = -67_050;
const NO_SUCH_CODE: i32 = -67_065;
const NO_SUCH_PROCESS: i32 = 100_003;

/// What `SecCodeCheckValidity` answers.
///
/// # Errors
/// All that is neither "matches" nor "looked at, and does not match".
pub fn of_validity(status: i32) -> Result<bool, CodeError> {
    match status {
        0 => Ok(true),
        REQUIREMENT_FAILED => Ok(false),
        status => Err(of_guest(status)),
    }
}

/// What a non-zero answer of `SecCodeCopyGuestWithAttributes` means.
#[must_use]
pub fn of_guest(status: i32) -> CodeError {
    match status {
        NO_SUCH_CODE | NO_SUCH_PROCESS => CodeError::Gone,
        status => CodeError::Untrusted(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_answer_of_launchd_lets_a_program_bind_a_socket_of_its_own() {
        assert_eq!(ActivateError::from_answer(Errno::ESRCH as i32), ActivateError::NotLaunchd);
        for (errno, meaning) in [
            (Errno::ENOENT, ActivateError::NoSuchSocket),
            (Errno::EALREADY, ActivateError::Twice),
            (Errno::EPERM, ActivateError::Refused(Errno::EPERM)),
        ] {
            assert_eq!(ActivateError::from_answer(errno as i32), meaning);
        }
        let unheard_of = [-1, 0, i32::MAX, i32::MIN].map(ActivateError::from_answer);
        assert!(unheard_of.iter().all(|it| matches!(it, ActivateError::Refused(_))));
    }

    #[test]
    fn a_program_that_could_not_be_looked_at_is_never_a_yes_nor_a_plain_no() {
        assert_eq!(of_validity(0), Ok(true));
        assert_eq!(of_validity(-67_050), Ok(false));
        assert_eq!(of_validity(-67_065), Err(CodeError::Gone));
        assert_eq!(of_validity(100_003), Err(CodeError::Gone));
        for status in [-67_062, -67_061, -1, 1, i32::MIN, i32::MAX] {
            assert_eq!(of_validity(status), Err(CodeError::Untrusted(status)));
        }
    }

    #[test]
    fn a_token_keeps_the_order_of_its_words() {
        let token = AuditToken::new([1, 2, 3, 4, 5, 6, 7, u32::MAX]);
        let bytes = token.to_bytes();
        assert_eq!(bytes[..4], 1_u32.to_ne_bytes());
        assert_eq!(bytes[20..24], 6_u32.to_ne_bytes());
        assert_eq!(bytes[28..], [0xff; 4]);
    }

    #[test]
    fn a_message_of_the_sandbox_is_one_line_and_has_an_end() {
        let of = |message: &[u8]| SandboxError::from_message(Some(message)).said;
        assert_eq!(of(b"line 3: unbound\n\tvariable\n"), "line 3: unbound  variable");
        assert_eq!(of(b"\x1b[31m\xff"), " [31m\u{fffd}");
        for (length, kept) in [(399, 399), (400, 400), (401, 400), (1 << 20, 400)] {
            assert_eq!(of(&vec![b'x'; length]).len(), kept);
        }
        assert!(!SandboxError::from_message(None).said.is_empty());
    }
}
