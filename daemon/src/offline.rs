//! Commands of the CLI that need no daemon: explaining a policy file, telling what a daemon would
//! find, verifying a destination, and the audit log (`offline/audit.rs`).
//!
//! A policy file is checked as the daemon would check it: its owner and mode, its keys, its values;
//! nothing is opened that it names. A destination is opened for reading and nothing else: from then
//! on the process is confined to it where the kernel can, for what stands there may be anybody's.
//! Beside `private` this is all that the CLI may use of the daemon's side.

use darkslide_door::{DoorError, Faults, RootDir};
use darkslide_export::{self as engine, ExportError, Stop};
use darkslide_policy::{
    AbsPath, Access, Ask, Destination, Gid, PathError, Peer, Place, Policy, RelPath, RootName,
    Strictness, Uid, Write,
};
use darkslide_protocol::message::job::ReportRow;
use darkslide_protocol::message::verify::VerifyBy;
use darkslide_protocol::method::{self, Method};

pub use self::audit::{AuditError, audit};
pub use crate::audit::chain::{Broken, Head, HeadError, Verified};
pub use crate::audit::line::{About, Counts, Decision, Event, LineHash, Record, Text, Who};
use crate::boot;
pub use crate::boot::BootError;
use crate::confine::{self, ConfineError, Rule};
use crate::service::export::wire_row;

mod audit;

/// What a policy file says, in words for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// A line for each thing that it says.
    pub lines: Vec<String>,
}

/// Checks a policy file as the daemon would, and explains it.
///
/// # Errors
/// [`BootError`] with what the daemon would say.
pub fn policy_check(path: &str) -> Result<Explained, BootError> {
    let policy = boot::read_policy(path)?;
    Ok(Explained { lines: explain(&policy) })
}

/// What a daemon of this user would find at its start, without starting one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The policy file; none where the built-in policy applies.
    pub file: Option<String>,
    /// May the daemon serve where the kernel cannot confine it?
    pub best_effort: bool,
    /// Each library: its name and its path.
    pub libraries: Vec<(String, String)>,
    /// Each root: its name and its path.
    pub roots: Vec<(String, String)>,
    /// Does a rule admit this user?
    pub admits: bool,
}

/// Finds the policy as the daemon would, at the path that was named or else where it looks by
/// itself. Nothing is opened that it names.
///
/// # Errors
/// [`BootError`] with what the daemon would say.
pub fn policy_found(named: Option<&str>) -> Result<Found, BootError> {
    let found = boot::policy_by(named)?;
    let (mut libraries, mut roots) = (Vec::new(), Vec::new());
    for rule in found.policy.kernel_rules() {
        match rule.place {
            Place::Library(name) => libraries.push((name.to_string(), rule.path.to_string())),
            Place::Root(name) => roots.push((name.to_string(), rule.path.to_string())),
            Place::Referenced(_) => {}
        }
    }
    let gid = Gid::new(rustix::process::getgid().as_raw());
    let peer = Peer::new(found.world.uid, gid, None);
    Ok(Found {
        file: found.file.map(|path| path.to_string()),
        best_effort: found.policy.confinement() == Strictness::BestEffort,
        libraries,
        roots,
        admits: found.policy.admit(&peer).is_ok(),
    })
}

/// Returns where a daemon of this user looks for its policy first, there or not.
///
/// # Errors
/// [`BootError`] where no place is known.
pub fn policy_place() -> Result<String, BootError> {
    boot::policy_place().map(|path| path.to_string())
}

/// Returns where a daemon of this user keeps its state, there or not.
///
/// # Errors
/// [`BootError`] where no place is known.
pub fn state_place() -> Result<String, BootError> {
    boot::state_place().map(|path| path.to_string())
}

/// Why a destination could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The path is none.
    #[error("{path} cannot be the path of a destination")]
    Path {
        /// As given.
        path: String,
        /// What is wrong with it.
        source: PathError,
    },
    /// The folder cannot be opened.
    #[error("the destination cannot be opened")]
    Open(#[from] DoorError),
    /// The process is in no state to be confined.
    #[error("this process cannot be confined")]
    Confine(#[from] ConfineError),
    /// The record cannot be read.
    #[error("the destination cannot be verified")]
    Verify(#[from] ExportError),
}

impl VerifyError {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Path { source, .. } => source.hint(),
            Self::Open(error) => error.hint(),
            Self::Confine(_) => "run it in a process of its own",
            Self::Verify(error) => error.hint(),
        }
    }
}

/// Verifies a destination by its own record, with neither daemon nor library; nothing is written.
/// Hands in a row for each file, until `say` answers that it wants no more. The process stays
/// confined.
///
/// # Errors
/// [`VerifyError`]; what concerns one file alone is its outcome.
pub fn verify(
    folder: &str,
    by: VerifyBy,
    say: &mut dyn FnMut(ReportRow) -> bool,
) -> Result<(), VerifyError> {
    let path = AbsPath::parse(folder, None)
        .map_err(|source| VerifyError::Path { path: folder.to_owned(), source })?;
    let uid = Uid::new(rustix::process::getuid().as_raw());
    let name = RootName::parse("destination").expect("a plain word");
    let root = RootDir::open(name.clone(), &path, Faults::none())?;
    let what = "destination".to_owned();
    let rule = Rule { what, handle: root.handle(), access: Access::Read };
    match confine::enter(&[rule], Strictness::BestEffort) {
        // This process was granted nothing that its caller has not: where there is no confinement
        // yet, it goes on without.
        Ok(_) | Err(ConfineError::NotBuiltYet { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let to = Destination::Named { root: name, path: RelPath::root() };
    let peer = Peer::new(uid, Gid::new(rustix::process::getgid().as_raw()), None);
    let grant = Policy::of_destination(path, uid)
        .decide(&peer, &Ask::<Write>::new(method::ExportVerify::NAME, to))
        .expect("the policy was made for this question");
    let destination = root.enter_existing(&grant)?.ok_or(ExportError::NoRecord)?;
    let by = match by {
        VerifyBy::Stat => engine::By::Stat,
        VerifyBy::Hash => engine::By::Hash,
    };
    let mut tell = |row| if say(wire_row(row)) { Ok(()) } else { Err(ExportError::Stopped) };
    match engine::verify(&destination, by, &Quiet, &|| Stop::GoOn, &mut tell) {
        Ok(_) | Err(ExportError::Stopped) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whoever verifies offline sees the rows as they come.
struct Quiet;

impl engine::Progress for Quiet {
    fn planned(&self, _: u64, _: u64, _: u64) {}

    fn bytes(&self, _: u64) {}

    fn outcome(&self, _: &engine::ReportRow) {}
}

fn explain(policy: &Policy) -> Vec<String> {
    let mut lines = vec![match policy.confinement() {
        Strictness::Required => {
            "confinement is required: without it the daemon does not start".to_owned()
        }
        Strictness::BestEffort => {
            "confinement is best-effort: the daemon starts without it, and says so".to_owned()
        }
    }];
    for rule in policy.kernel_rules() {
        let what = match rule.access {
            Access::Read => "read",
            Access::ReadWrite => "read and write",
            Access::Add => "read and add to",
        };
        lines.push(format!(
            "the kernel lets the daemon {what} below {} ({})",
            rule.path, rule.place
        ));
    }
    lines.extend(policy.explain_clients());
    lines.push(policy.explain_socket());
    lines.push(policy.explain_limits());
    lines
}
