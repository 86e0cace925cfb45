//! The file that a person named for what an asset has: made new, and never in the place of another.
//!
//! Unless all of it was written it is taken away again, however the command ends; then only what
//! still is that very file. It lies in no library. The hazard: half a photo under a whole one's
//! name.

#![expect(clippy::disallowed_methods, reason = "makes the one file that a person named")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Why it could not be made or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NewFileError {
    /// Something has the name.
    #[error("there is something at {} already", path.display())]
    There {
        /// As it was resolved.
        path: PathBuf,
    },
    /// It could not be made.
    #[error("cannot make the file {}", path.display())]
    Make {
        /// As it was resolved.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It could not be written.
    #[error("cannot write to the file {}", path.display())]
    Write {
        /// As it was resolved.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl NewFileError {
    /// What to do.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::There { .. } => "choose another name: nothing is ever replaced",
            Self::Make { .. } => "choose a folder that you may write to",
            Self::Write { .. } => "look at the free space of its disk",
        }
    }
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct NewFile {
    path: PathBuf,
    file: File,
    is_whole: bool,
}

impl NewFile {
    /// Makes it.
    pub(crate) fn make(path: PathBuf) -> Result<Self, NewFileError> {
        Self::make_with(path, OpenOptions::new().write(true).create_new(true))
    }

    /// Makes it so that nobody else can read or write it, whatever the umask.
    pub(crate) fn make_ours_alone(path: PathBuf) -> Result<Self, NewFileError> {
        Self::make_with(path, OpenOptions::new().write(true).create_new(true).mode(0o600))
    }

    fn make_with(path: PathBuf, options: &OpenOptions) -> Result<Self, NewFileError> {
        match options.open(&path) {
            Ok(file) => Ok(Self { path, file, is_whole: false }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(NewFileError::There { path })
            }
            Err(source) => Err(NewFileError::Make { path, source }),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes on.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), NewFileError> {
        self.file
            .write_all(bytes)
            .map_err(|source| NewFileError::Write { path: self.path.clone(), source })
    }

    /// All of it was written: it stays.
    pub(crate) fn keep(mut self) {
        self.is_whole = true;
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        let identity = |found: fs::Metadata| (found.dev(), found.ino());
        let is_ours = || {
            let there = fs::symlink_metadata(&self.path).map(identity).ok()?;
            Some(there == self.file.metadata().map(identity).ok()?)
        };
        if !self.is_whole && is_ours() == Some(true) {
            // Who cannot take it away has it still, and was told why it is not whole.
            drop(fs::remove_file(&self.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_whole_stays_and_what_is_not_goes() {
        let folder = tempfile::tempdir().unwrap();
        for is_whole in [true, false] {
            let path = folder.path().join(is_whole.to_string());
            let mut file = NewFile::make(path.clone()).unwrap();
            file.write(b"some").unwrap();
            if is_whole {
                file.keep();
            } else {
                drop(file);
            }
            assert_eq!(path.exists(), is_whole);
        }
    }

    #[test]
    fn nothing_is_replaced_and_nothing_of_others_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        let refused = NewFile::make(path.clone()).unwrap_err();
        assert!(matches!(refused, NewFileError::There { .. }), "a link too: {refused:?}");
        fs::remove_file(&path).unwrap();
        let file = NewFile::make(path.clone()).unwrap();
        fs::rename(&path, folder.path().join("moved")).unwrap();
        fs::write(&path, "somebody else's").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "somebody else's");
        let nowhere = NewFile::make(folder.path().join("none/file")).unwrap_err();
        assert!(matches!(nowhere, NewFileError::Make { .. }) && !nowhere.hint().is_empty());
    }
}
