//! Who may connect beside the daemon's own user: the group that the policy names, if it names one.
//!
//! Looked up once, before confinement. A socket that is bound here was the owner's alone until it
//! is given to the group; one that a service manager made must be as the policy says already, for
//! it is not ours to change. The hazard: a mode that lets in more than the policy names.

#![expect(clippy::disallowed_methods, reason = "boot: gives the socket to the group")]

use std::fs::{self, Metadata, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use darkslide_policy::Policy;
use nix::unistd::Group;

use crate::boot::BootError;
use crate::boot::listen::system;

/// Nobody else may connect, which is to write to the socket.
const FOR_OWNER: u32 = 0o600;
/// A group may, too.
const FOR_GROUP: u32 = 0o660;
/// And it may go through the folder.
const FOLDER_FOR_GROUP: u32 = 0o750;

/// The group of the policy.
#[derive(Debug)]
pub(super) struct Guests(Option<Group>);

impl Guests {
    /// Looks the group up.
    ///
    /// # Errors
    /// [`BootError::NoGroup`], or [`BootError::System`] where the list of groups cannot be read.
    pub(super) fn of(policy: &Policy) -> Result<Self, BootError> {
        let Some(name) = policy.socket_group() else { return Ok(Self(None)) };
        match Group::from_name(name) {
            Ok(Some(group)) => Ok(Self(Some(group))),
            Ok(None) => Err(BootError::NoGroup(name.to_owned())),
            Err(errno) => Err(system("look up the group", name, errno.into())),
        }
    }

    /// Lets the group to a socket that we bound, and then into the folder, which is ours alone.
    ///
    /// # Errors
    /// [`BootError::System`]: not every user may give a file to every group.
    pub(super) fn let_in(&self, socket: &str, folder: &str) -> Result<(), BootError> {
        let Some(group) = &self.0 else { return Ok(()) };
        for (path, mode) in [(socket, FOR_GROUP), (folder, FOLDER_FOR_GROUP)] {
            chown(path, None, Some(group.gid.as_raw()))
                .and_then(|()| fs::set_permissions(path, Permissions::from_mode(mode)))
                .map_err(|source| system("let the group of the policy to", path, source))?;
        }
        Ok(())
    }

    /// Is a socket open to those whom the policy names, and to nobody else?
    ///
    /// # Errors
    /// What is wrong, in words that continue its path.
    pub(super) fn check(&self, socket: &Metadata) -> Result<(), String> {
        let (mode, gid) = (socket.mode() & 0o7777, socket.gid());
        match &self.0 {
            None if mode != FOR_OWNER => {
                Err(format!("has mode {mode:04o}, and {FOR_OWNER:04o} is wanted"))
            }
            Some(group) if mode != FOR_GROUP || gid != group.gid.as_raw() => Err(format!(
                "has mode {mode:04o} and gid {gid}, and {FOR_GROUP:04o} for the group {} is wanted",
                group.name
            )),
            None | Some(_) => Ok(()),
        }
    }
}

/// Could anybody connect, whatever the policy says? Asked before it is read.
pub(super) fn is_open_to_all(socket: &Metadata) -> bool {
    socket.mode() & 0o7777 & !FOR_GROUP != 0
}
