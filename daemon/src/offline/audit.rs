//! Reads the audit log of a service without the service: verifies the chain, hands in the records.
//!
//! Nothing is written, and no lock is taken, so that a daemon may be at work meanwhile. Once the
//! folder is open, this process is confined to reading it, where the kernel can, for what stands
//! there may be anybody's. The hazard: a record that is believed although the chain is broken; so
//! whoever reads records is told at the end whether the log is sound.

use std::fs::File;
use std::io::{self, BufReader};

use darkslide_door::AuditDir;
use darkslide_policy::Access;

use crate::audit::MAX_READ_BYTES;
use crate::audit::chain::{Broken, Head, HeadError, Verified, Verifier};
use crate::audit::line::Record;
use crate::boot::{self, BootError};
use crate::confine::{self, ConfineError, Rule};
use darkslide_policy::Strictness;

/// Why a log could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// There is no log, or it cannot be opened.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// What was kept is no head.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The process is in no state to be confined.
    #[error("this process cannot be confined")]
    Confine(#[from] ConfineError),
    /// The log is not sound.
    #[error(transparent)]
    Broken(#[from] Broken),
}

impl AuditError {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Boot(BootError::System { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                "no service has written one there; if its state is elsewhere: --state DIR"
                    .to_owned()
            }
            Self::Boot(error) => error.hint(),
            Self::Head(_) => "take it from `darkslide health --json`, or from an earlier \
                              `darkslide audit verify`"
                .to_owned(),
            Self::Confine(_) => "run it in a process of its own".to_owned(),
            Self::Broken(error) => error.hint().to_owned(),
        }
    }

    /// The first bad line, where the log is not sound.
    #[must_use]
    pub fn first_bad(&self) -> Option<u64> {
        match self {
            Self::Broken(error) => error.seq(),
            Self::Boot(_) | Self::Head(_) | Self::Confine(_) => None,
        }
    }
}

/// Verifies the log in a state folder, that of this user's service if none is named, and hands in
/// each record that fits. `kept` is a head, `SEQ:HASH`, that the log must still contain. The
/// process stays confined.
///
/// # Errors
/// [`AuditError`]; the records handed in until then were sound.
pub fn audit(
    state: Option<&str>,
    kept: Option<&str>,
    each: &mut dyn FnMut(&Record),
) -> Result<Verified, AuditError> {
    let kept: Option<Head> = kept.map(str::parse).transpose()?;
    let folder = boot::audit_folder(state)?;
    let what = "the audit log".to_owned();
    let rule = Rule { what, handle: folder.handle(), access: Access::Read };
    match confine::enter(&[rule], Strictness::BestEffort) {
        // This process was granted nothing that its caller has not.
        Ok(_) | Err(ConfineError::NotBuiltYet { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(verify(&folder, kept, each)?)
}

fn verify(
    folder: &AuditDir,
    kept: Option<Head>,
    each: &mut dyn FnMut(&Record),
) -> Result<Verified, Broken> {
    let mut verifier = Verifier::new(kept);
    let numbers = folder.files().map_err(|source| Broken::Unreadable { file: 0, source })?;
    for number in numbers {
        let file = folder.read(number).and_then(of_a_log);
        let file = file.map_err(|source| Broken::Unreadable { file: number, source })?;
        verifier.file(number, &mut BufReader::new(file), each)?;
    }
    verifier.finish()
}

/// A file of holes takes no room, and reading it to its end would take years.
fn of_a_log(file: File) -> io::Result<File> {
    if file.metadata()?.len() > MAX_READ_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests")]

    use super::*;

    #[test]
    fn where_there_is_no_log_the_hint_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let none = audit(folder.path().to_str(), None, &mut |_| ()).unwrap_err();
        assert!(none.hint().contains("--state DIR"), "{none}");
    }

    #[test]
    fn a_file_that_is_longer_than_any_of_a_log_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let audit = AuditDir::new(File::open(folder.path()).unwrap().into());
        let file = File::create(folder.path().join(AuditDir::name(1))).unwrap();
        for (bytes, is_read) in
            [(MAX_READ_BYTES, true), (MAX_READ_BYTES + 1, false), (1 << 43, false)]
        {
            file.set_len(bytes).unwrap();
            let answer = verify(&audit, None, &mut |_| ());
            match answer {
                Ok(verified) => assert!(is_read && verified.unfinished == bytes, "{bytes}"),
                Err(error) => {
                    assert!(!is_read && matches!(error, Broken::Unreadable { file: 1, .. }));
                }
            }
        }
    }
}
