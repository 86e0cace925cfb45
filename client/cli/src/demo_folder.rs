//! The folder of the demo: made anew, listed, and removed at the end, whatever happens in between.
//!
//! It alone here lists and removes files, and only below a folder that it has just made, with a
//! name that nothing had. The hazard: to remove what is somebody else's; so the folder is made by a
//! call that fails if anything is there.

#![expect(clippy::disallowed_methods, reason = "owns the demo's folder")]

use std::env;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// How many names are tried.
const MAX_TRIES: u32 = 100;

/// A folder for one run.
#[derive(Debug)]
pub(crate) struct DemoFolder {
    path: PathBuf,
    is_kept: bool,
}

impl DemoFolder {
    /// Makes it, for nobody else to read.
    pub(crate) fn make(is_kept: bool) -> io::Result<Self> {
        let base = env::temp_dir().canonicalize()?;
        let process = std::process::id();
        for number in 0..MAX_TRIES {
            let path = base.join(format!("darkslide-demo-{process}-{number}"));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self { path, is_kept }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for DemoFolder {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed stays in the folder for temporary files.
            drop(fs::remove_dir_all(&self.path));
        }
    }
}

/// A file that was exported.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Exported {
    /// Below the destination.
    pub(crate) path: String,
    /// Its size.
    pub(crate) bytes: u64,
}

/// The files below a destination in the order of their paths, without the destination's own record.
pub(crate) fn exported(destination: &Path) -> io::Result<Vec<Exported>> {
    let mut files = Vec::new();
    let mut folders = vec![destination.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let (path, found) = (entry.path(), entry.metadata()?);
            if found.is_dir() {
                if entry.file_name() != ".darkslide" {
                    folders.push(path);
                }
            } else {
                let below = path.strip_prefix(destination).unwrap_or(&path);
                files.push(Exported { path: below.display().to_string(), bytes: found.len() });
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_goes_with_its_owner_unless_it_is_kept() {
        let folder = DemoFolder::make(false).unwrap();
        let path = folder.path().to_owned();
        fs::create_dir_all(path.join("2024/07")).unwrap();
        fs::create_dir_all(path.join(".darkslide")).unwrap();
        fs::write(path.join("2024/07/b.jpg"), "bb").unwrap();
        fs::write(path.join("2024/a.jpg"), "a").unwrap();
        fs::write(path.join(".darkslide/id"), "x").unwrap();
        let file = |path: &str, bytes| Exported { path: path.to_owned(), bytes };
        assert_eq!(exported(&path).unwrap(), [file("2024/07/b.jpg", 2), file("2024/a.jpg", 1)]);
        let other = DemoFolder::make(false).unwrap();
        assert_ne!(other.path(), path, "another name for another run");
        drop(folder);
        assert!(!path.exists());
        let kept = DemoFolder::make(true).unwrap();
        let path = kept.path().to_owned();
        drop(kept);
        assert!(path.exists());
        fs::remove_dir(path).unwrap();
    }
}
