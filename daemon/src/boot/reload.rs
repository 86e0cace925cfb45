//! Where the policy is looked for, at boot and again when the daemon is told to (SIGHUP).
//!
//! The same reading and the same checks both times. To be able to read once confined, the folders
//! that the file may be in are opened at boot and get a rule of the kernel, to read; but none that
//! holds the home, a library, a root or the state, for that would open all of it. The hazard: a
//! look that is less strict than the boot's, so that a daemon ends for a policy that the next one
//! refuses.

#![expect(clippy::disallowed_methods, reason = "boot: opens the folders of the policy file")]

use std::fs::{self, OpenOptions};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use darkslide_policy::{AbsPath, Access, Policy, World};

use crate::boot::{BootError, owned, world};
use crate::confine;

/// Where a policy is looked for.
#[derive(Debug, Clone)]
pub(super) struct Sources {
    /// The first that is there counts.
    candidates: Vec<AbsPath>,
    /// Somebody named it: it must be there.
    is_named: bool,
}

/// The folders of a policy file that may be read again.
#[derive(Debug)]
pub(super) struct Folders {
    held: Vec<(AbsPath, OwnedFd)>,
}

impl Sources {
    /// The file that was named, or where one is looked for.
    pub(super) fn new(named: Option<AbsPath>, world: &World) -> Self {
        let is_named = named.is_some();
        let candidates = named.map_or_else(|| world::policy_paths(world), |path| vec![path]);
        Self { candidates, is_named }
    }

    /// Reads the policy that applies, and tells which file it is of; the built-in one where there
    /// is no file.
    ///
    /// # Errors
    /// [`BootError::Unsafe`], [`BootError::Policy`] and the like.
    pub(super) fn read(&self, world: &World) -> Result<(Policy, Option<AbsPath>), BootError> {
        for candidate in &self.candidates {
            if let Some(policy) = policy_file(candidate, world)? {
                return Ok((policy, Some(candidate.clone())));
            }
        }
        if let (true, Some(named)) = (self.is_named, self.candidates.first()) {
            return Err(no_file(named));
        }
        let policy = Policy::built_in(world)
            .map_err(|source| BootError::Path { path: world.home.to_string(), source })?;
        Ok((policy, None))
    }

    /// Is it the place of a policy file?
    pub(super) fn name(&self, path: &AbsPath) -> bool {
        self.candidates.contains(path)
    }

    /// Opens the folders that a file may be in, but those that `others` lie in; a folder is
    /// (device, inode).
    pub(super) fn open_folders(&self, others: &[(u64, u64)]) -> Folders {
        let open = |path: &AbsPath| {
            let folder = folder_of(path)?;
            let flags = rustix::fs::OFlags::DIRECTORY.bits();
            let flags = i32::try_from(flags).unwrap_or_default();
            let handle = OpenOptions::new().read(true).custom_flags(flags).open(folder.as_str());
            let handle = handle.ok()?;
            let facts = handle.metadata().ok()?;
            if others.contains(&(facts.dev(), facts.ino())) {
                return None;
            }
            Some((folder, OwnedFd::from(handle)))
        };
        Folders { held: self.candidates.iter().filter_map(open).collect() }
    }

    /// Reads and checks the policy again, in the confined process.
    ///
    /// # Errors
    /// What is wrong, and what to do, in one line.
    pub(super) fn check_again(&self, world: &World, folders: &[AbsPath]) -> Result<(), String> {
        let closed = |path: &&AbsPath| {
            let is_open = folder_of(path).is_some_and(|folder| folders.contains(&folder));
            !is_open && fs::symlink_metadata(path.as_str()).is_ok()
        };
        if let Some(path) = self.candidates.iter().find(closed) {
            return Err(format!(
                "{path} cannot be read again: its folder was made after the start, or holds more \
                 than the policy; restart the daemon to have it read"
            ));
        }
        let read = self.read(world).map(drop);
        read.map_err(|error| format!("{}; {}", in_one_line(&error), error.hint()))
    }
}

impl Folders {
    /// The kernel's rules for them.
    pub(super) fn rules(&self) -> impl Iterator<Item = confine::Rule<'_>> {
        self.held.iter().map(|(path, handle)| confine::Rule {
            what: format!("the policy's folder {path}"),
            handle: handle.as_fd(),
            access: Access::Read,
        })
    }

    /// Which they are; the handles are no longer needed once there are rules.
    pub(super) fn into_paths(self) -> Vec<AbsPath> {
        self.held.into_iter().map(|(path, _)| path).collect()
    }
}

/// Reads a policy file, if it is there: owner and mode, keys, values.
pub(super) fn policy_file(path: &AbsPath, world: &World) -> Result<Option<Policy>, BootError> {
    let Some(text) = owned::read(path, world::policy_owner(path, world))? else {
        return Ok(None);
    };
    let policy = Policy::parse(&text, world)
        .map_err(|source| BootError::Policy { path: path.to_string(), source })?;
    refuse_unreadable_requirements(&policy, path)?;
    Ok(Some(policy))
}

/// A requirement that the system cannot read would be met by nobody, and nobody would know why.
#[cfg(target_os = "macos")]
fn refuse_unreadable_requirements(policy: &Policy, path: &AbsPath) -> Result<(), BootError> {
    for (rule, requirement) in policy.code_requirements() {
        darkslide_sys::check_requirement(requirement.as_str()).map_err(|source| {
            BootError::Requirement { path: path.to_string(), rule: rule.to_string(), source }
        })?;
    }
    Ok(())
}

/// There is none: the policy that had one was refused.
#[cfg(not(target_os = "macos"))]
fn refuse_unreadable_requirements(policy: &Policy, _: &AbsPath) -> Result<(), BootError> {
    debug_assert_eq!(policy.code_requirements().count(), 0, "only macOS can check one");
    Ok(())
}

pub(super) fn no_file(path: &AbsPath) -> BootError {
    let source = std::io::Error::from_raw_os_error(rustix::io::Errno::NOENT.raw_os_error());
    BootError::System { action: "read", path: path.to_string(), source }
}

fn folder_of(path: &AbsPath) -> Option<AbsPath> {
    let (folder, _) = path.as_str().rsplit_once('/')?;
    AbsPath::parse(folder, None).ok()
}

/// The error and its causes.
pub(super) fn in_one_line(error: &BootError) -> String {
    let mut line = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}
