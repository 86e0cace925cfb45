//! Is a file or folder ours alone? Asked of the policy file, of the socket's folder and of the
//! state's, before anything is believed of them.
//!
//! Owned by this user or root, writable by nobody else, and so each folder on the way to it; a
//! sticky folder of root (`/tmp`) is safe when what lies in it next is ours or root's. Read once at
//! boot, before there is a grant. The hazard: a policy that anybody may replace is the policy of
//! anybody.

#![expect(
    clippy::disallowed_methods,
    reason = "boot: looks at owner and mode of the policy and of the socket's folder"
)]

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use darkslide_policy::{AbsPath, Uid};

use crate::boot::BootError;

/// A policy is a page, not a book.
const MAX_POLICY_BYTES: u64 = 256 * 1024;
/// As many as the kernel follows.
const MAX_LINKS: usize = 40;
const STICKY: u32 = 0o1000;
const WRITABLE_BY_OTHERS: u32 = 0o022;
const ROOT: u32 = 0;

/// Reads a file that must be ours alone; `None` if there is none.
///
/// # Errors
/// [`BootError::Unsafe`] if anybody else could have written it, [`BootError::System`] if it cannot
/// be read.
pub(super) fn read(path: &AbsPath, uid: Uid) -> Result<Option<String>, BootError> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path.as_str()) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(in_the_way(path.as_str(), "is a link"));
        }
        Err(source) => return Err(system("open", path.as_str(), source)),
    };
    let facts = file.metadata().map_err(|source| system("look at", path.as_str(), source))?;
    if !facts.is_file() {
        return Err(in_the_way(path.as_str(), "is not a regular file"));
    }
    check(path.as_str(), &facts, uid)?;
    check_way(path, uid)?;
    text(&file, path).map(Some)
}

/// Checks a folder and each one on the way to it.
///
/// # Errors
/// [`BootError::Unsafe`] if it is not ours alone, a link, or no folder.
pub(super) fn check_folder(path: &AbsPath, uid: Uid) -> Result<(), BootError> {
    let facts = fs::symlink_metadata(path.as_str())
        .map_err(|source| system("look at", path.as_str(), source))?;
    if !facts.is_dir() {
        return Err(in_the_way(path.as_str(), "is not a folder"));
    }
    check(path.as_str(), &facts, uid)?;
    check_way(path, uid)
}

/// Returns (device, inode) of a folder and of each one above it, links followed; nothing where it
/// is not there.
pub(super) fn lineage(path: &AbsPath) -> Vec<(u64, u64)> {
    let real = fs::canonicalize(path.as_str()).unwrap_or_default();
    let facts = real.ancestors().filter_map(|folder| fs::metadata(folder).ok());
    facts.map(|facts| (facts.dev(), facts.ino())).collect()
}

/// Each folder above: as the path spells them, as each link on the way leads, and as they really
/// are in the end.
pub(super) fn check_way(path: &AbsPath, uid: Uid) -> Result<(), BootError> {
    let spelt = Path::new(path.as_str());
    // What is not there yet leads nowhere else.
    let real = fs::canonicalize(spelt).ok();
    let mut ways: Vec<PathBuf> = real.into_iter().chain([spelt.to_owned()]).collect();
    let mut looked = 0;
    while let Some(way) = ways.pop() {
        looked += 1;
        if looked > MAX_LINKS {
            return Err(in_the_way(path.as_str(), "is reached by too many links"));
        }
        for inner in way.ancestors() {
            let Some(folder) = inner.parent() else { break };
            check_step(folder, inner, uid)?;
            if let Ok(target) = fs::read_link(inner) {
                ways.push(folder.join(target));
            }
        }
    }
    Ok(())
}

/// A folder, and what lies in it next on the way.
fn check_step(folder: &Path, inner: &Path, uid: Uid) -> Result<(), BootError> {
    let shown = folder.display().to_string();
    let look = |path: &Path, facts: fn(&Path) -> io::Result<Metadata>| {
        facts(path).map_err(|source| system("look at", &shown, source))
    };
    let facts = look(folder, |path| fs::metadata(path))?;
    let is_sticky = facts.uid() == ROOT && facts.mode() & STICKY != 0;
    if is_sticky && is_ours(&look(inner, |path| fs::symlink_metadata(path))?, uid) {
        return Ok(());
    }
    check(&shown, &facts, uid)
}

fn check(path: &str, facts: &Metadata, uid: Uid) -> Result<(), BootError> {
    if !is_ours(facts, uid) {
        let whose = if uid.get() == ROOT { "root" } else { "this user or root" };
        return Err(fault(path, &format!("belongs to uid {}, not to {whose}", facts.uid())));
    }
    if facts.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(fault(
            path,
            &format!("can be written by others (mode {:04o})", facts.mode() & 0o7777),
        ));
    }
    Ok(())
}

/// Does it belong to this user, or to root?
pub(super) fn is_ours(facts: &Metadata, uid: Uid) -> bool {
    facts.uid() == ROOT || facts.uid() == uid.get()
}

fn text(file: &File, path: &AbsPath) -> Result<String, BootError> {
    let mut text = String::new();
    let mut bounded = file.take(MAX_POLICY_BYTES + 1);
    bounded.read_to_string(&mut text).map_err(|source| system("read", path.as_str(), source))?;
    if text.len() as u64 > MAX_POLICY_BYTES {
        return Err(in_the_way(path.as_str(), "is longer than any policy"));
    }
    Ok(text)
}

fn fault(path: &str, problem: &str) -> BootError {
    BootError::Unsafe { path: path.to_owned(), problem: problem.to_owned() }
}

fn in_the_way(path: &str, problem: &str) -> BootError {
    BootError::InTheWay { path: path.to_owned(), problem: problem.to_owned() }
}

fn system(action: &'static str, path: &str, source: io::Error) -> BootError {
    BootError::System { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown};

    use super::*;

    /// Somebody who is not root, whoever runs the tests.
    const SOMEBODY: u32 = 1000;

    #[test]
    fn where_root_alone_may_write_a_users_own_file_and_folder_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        fs::write(&path, "version = 1\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let path = AbsPath::parse(path.to_str().unwrap(), None).unwrap();
        let own = rustix::process::getuid().as_raw();
        let owner = if own == ROOT { SOMEBODY } else { own };
        let read_by = |uid| read(&path, Uid::new(uid)).map_err(|error| error.to_string());
        // Nobody else can be made the owner without being root; then these are one's own already.
        for step in [path.as_str(), folder.path().to_str().unwrap()] {
            let _own = chown(step, Some(owner), None);
            let refused = read_by(ROOT).unwrap_err();
            assert!(refused.contains(&format!("uid {owner}, not to root")), "{refused}");
            assert!(read_by(owner).is_ok());
            let _roots = chown(step, Some(own), None);
        }
    }
}
