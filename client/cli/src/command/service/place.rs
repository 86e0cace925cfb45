//! Where the files of this user's services belong, and where the programs are.
//!
//! It alone of `darkslide service` asks the environment. Everything is absolute from here on, for
//! neither systemd nor launchd knows where somebody stood. The hazard: a program that others can
//! replace is theirs, whatever unit starts it.

#![expect(clippy::disallowed_methods, reason = "reads HOME, looks at the programs")]

use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf, absolute};

use super::error::ServiceError;

/// Writable by the group or by others.
const FOREIGN_WRITE: u32 = 0o022;
/// Only owners remove and rename what lies in it.
const STICKY: u32 = 0o1000;

/// Who installs, and where.
#[derive(Debug, Clone)]
pub(crate) struct Here {
    /// The home folder.
    pub(crate) home: PathBuf,
    /// Where settings are: `~/.config`.
    pub(crate) settings: PathBuf,
    /// This user.
    pub(crate) uid: u32,
    /// This program.
    pub(crate) darkslide: PathBuf,
}

impl Here {
    /// As the environment says.
    ///
    /// # Errors
    /// [`ServiceError::NoHome`]; [`ServiceError::File`] if this program does not know where it is.
    pub(crate) fn of_this_process() -> Result<Self, ServiceError> {
        let folder = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = folder("HOME").ok_or(ServiceError::NoHome)?;
        let darkslide = env::current_exe().map_err(|source| ServiceError::File {
            action: "find",
            path: PathBuf::from("darkslide"),
            source,
        })?;
        Ok(Self {
            settings: folder("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")),
            home,
            uid: rustix::process::getuid().as_raw(),
            darkslide,
        })
    }

    /// The daemon: what was named, or what lies beside this program.
    ///
    /// # Errors
    /// [`ServiceError::Program`] if it is no program.
    pub(crate) fn daemon(&self, named: Option<&Path>) -> Result<PathBuf, ServiceError> {
        let path = match named {
            Some(path) => absolute(path).unwrap_or_else(|_| path.to_owned()),
            None => self.darkslide.with_file_name("darkslided"),
        };
        let problem = match fs::metadata(&path) {
            Err(_) => Some("is not there, or cannot be looked at"),
            Ok(found) if !found.is_file() => Some("is not a program"),
            Ok(found) if found.permissions().mode() & 0o111 == 0 => Some("cannot be executed"),
            Ok(_) => None,
        };
        match problem {
            Some(problem) => Err(ServiceError::Program { path, problem }),
            None => Ok(path),
        }
    }
}

/// Who else could replace a program: a sentence about the first such place on its way, if there is
/// one.
pub(crate) fn weakness(program: &Path, uid: u32) -> Option<String> {
    let real = fs::canonicalize(program).ok()?;
    let mut inner_is_ours = false;
    for path in real.ancestors() {
        let found = fs::symlink_metadata(path).ok()?;
        let is_ours = found.uid() == uid || found.uid() == 0;
        let is_sticky = found.is_dir() && found.mode() & STICKY != 0 && inner_is_ours;
        if !is_ours {
            return Some(format!("{} belongs to uid {}", path.display(), found.uid()));
        }
        if found.mode() & FOREIGN_WRITE != 0 && !is_sticky {
            let mode = found.mode() & 0o7777;
            return Some(format!("{} can be written by others (mode {mode:04o})", path.display()));
        }
        inner_is_ours = is_ours;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_program_that_others_can_replace_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("bin");
        let program = inner.join("darkslided");
        fs::create_dir(&inner).unwrap();
        fs::write(&program, "").unwrap();
        let uid = rustix::process::getuid().as_raw();
        for (file, dir, is_weak) in [
            (0o755, 0o755, false),
            (0o775, 0o755, true),
            (0o755, 0o777, true),
            (0o755, 0o1777, false),
        ] {
            chmod(&program, file);
            chmod(&inner, dir);
            let told = weakness(&program, uid);
            assert_eq!(told.is_some(), is_weak, "{file:o} in {dir:o}: {told:?}");
        }
    }

    #[test]
    fn the_daemon_lies_beside_or_is_named_and_can_be_executed() {
        let folder = tempfile::tempdir().unwrap();
        let here = Here {
            home: folder.path().to_owned(),
            settings: folder.path().join(".config"),
            uid: 0,
            darkslide: folder.path().join("darkslide"),
        };
        let problem = |named: Option<&Path>| match here.daemon(named) {
            Err(ServiceError::Program { problem, .. }) => problem,
            other => panic!("{other:?}"),
        };
        assert_eq!(problem(None), "is not there, or cannot be looked at");
        assert_eq!(problem(Some(folder.path())), "is not a program");
        let program = folder.path().join("darkslided");
        fs::write(&program, "").unwrap();
        chmod(&program, 0o644);
        assert_eq!(problem(None), "cannot be executed");
        chmod(&program, 0o755);
        assert_eq!(here.daemon(None).unwrap(), program);
        assert!(here.daemon(Some(Path::new("relative"))).is_err());
    }
}
