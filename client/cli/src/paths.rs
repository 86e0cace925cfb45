//! Paths of the command line: made absolute once, before anybody else sees them, and the
//! destination made.
//!
//! It alone looks at the disk by a path that a person typed. `..` and links in the parents are
//! resolved here, once; the last name stays as it is, for whether a link may stand there is the
//! daemon's to decide. The hazard: a disk that is not mounted, whose mount point's parent would
//! silently take the export; so a destination is made one level deep and no more.

#![expect(clippy::disallowed_methods, reason = "owns the paths that a person typed")]

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use crate::exit::Exit;

/// Why a path cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PathFault {
    /// Not text.
    #[error("the path {} is not UTF-8", path.display())]
    NotUtf8 {
        /// As given.
        path: PathBuf,
    },
    /// Nothing is there.
    #[error("there is no library at {}", path.display())]
    NoLibrary {
        /// As it was resolved.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file, where a library is a folder.
    #[error("{} is not a library: it is not a folder", path.display())]
    NotAFolder {
        /// As it was resolved.
        path: PathBuf,
    },
    /// The file that should be read is not there.
    #[error("there is no file {}", path.display())]
    NoFile {
        /// As given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It may be there, but the system does not let us look.
    #[error("cannot look at {}", path.display())]
    Unreachable {
        /// As given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The folder that it is in cannot be found.
    #[error("cannot find the folder of {}", path.display())]
    Parent {
        /// As given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The destination lies in a library, where nothing is ever written, not even its folder.
    #[error("{} lies in the library {}", path.display(), library.display())]
    InLibrary {
        /// As it was resolved.
        path: PathBuf,
        /// The library.
        library: PathBuf,
    },
    /// Another destination lies around it.
    #[error("{} lies in the destination {}", path.display(), around.display())]
    InDestination {
        /// As it was resolved.
        path: PathBuf,
        /// The one around it.
        around: PathBuf,
    },
    /// Nothing was ever exported there.
    #[error("there is no folder {}", path.display())]
    NoDestination {
        /// As given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The destination cannot be made.
    #[error("cannot make the folder {}", path.display())]
    Make {
        /// As it was resolved.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl PathFault {
    /// What to do.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::NotUtf8 { .. } => "rename it, or reach it by another name",
            Self::NoLibrary { .. } => {
                "name the folder that ends in .photoslibrary; is its disk mounted?"
            }
            Self::NotAFolder { .. } => {
                "name the folder that ends in .photoslibrary, and no file in it"
            }
            Self::NoFile { .. } => "look at the spelling; the folder of the file must be there too",
            Self::Unreachable { .. } => "look at the permissions of it and of the folders above it",
            Self::Parent { .. } => "make that folder first; if it is a disk, mount it",
            Self::InLibrary { .. } => "choose a folder outside of the library",
            Self::InDestination { .. } => {
                "export to that destination itself, or to a folder outside it"
            }
            Self::NoDestination { .. } => "look at the spelling; is its disk mounted?",
            Self::Make { .. } => "choose a folder that you may write to",
        }
    }

    /// How the program ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::NotUtf8 { .. } => Exit::Usage,
            Self::NoLibrary { .. } | Self::NoDestination { .. } => Exit::NotFound,
            Self::NotAFolder { .. }
            | Self::NoFile { .. }
            | Self::Unreachable { .. }
            | Self::Parent { .. }
            | Self::InDestination { .. }
            | Self::InLibrary { .. }
            | Self::Make { .. } => Exit::Failed,
        }
    }
}

/// The library of `--library`, absolute; something is there.
pub(crate) fn library(path: &Path) -> Result<String, PathFault> {
    let absent =
        |error| not_found(path, error, |path, source| PathFault::NoLibrary { path, source });
    let found = resolve(path).map_err(absent)?;
    // Whether a link may stand there is the daemon's to decide.
    let kind = fs::symlink_metadata(&found).map_err(absent)?.file_type();
    if !kind.is_dir() && !kind.is_symlink() {
        return Err(PathFault::NotAFolder { path: found });
    }
    text(found)
}

/// The destination of a private export, absolute, and made if it was not there, unless that would
/// be in the library.
pub(crate) fn destination(path: &Path, library: &str) -> Result<String, PathFault> {
    let folder = fit(path, library)?;
    match fs::create_dir(&folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(source) => {
            return Err(PathFault::Make { path: folder, source });
        }
    }
    text(folder)
}

/// The destination of an export that is only planned, absolute: refused where it would be, and not
/// made.
pub(crate) fn planned_destination(path: &Path, library: &str) -> Result<String, PathFault> {
    text(fit(path, library)?)
}

/// A folder that may be a destination, there or not.
fn fit(path: &Path, library: &str) -> Result<PathBuf, PathFault> {
    let folder = resolve(path).map_err(|error| no_parent(path, error))?;
    if let Some(library) = library_above(&folder, Path::new(library)) {
        return Err(PathFault::InLibrary { path: folder, library });
    }
    if let Some(around) = destination_above(&folder) {
        return Err(PathFault::InDestination { path: folder, around });
    }
    Ok(folder)
}

/// A file that is to be made, absolute, and in no library.
pub(crate) fn new_file(path: &Path, library: Option<&str>) -> Result<PathBuf, PathFault> {
    let file = resolve(path).map_err(|error| no_parent(path, error))?;
    match library_above(&file, Path::new(library.unwrap_or(""))) {
        Some(library) => Err(PathFault::InLibrary { path: file, library }),
        None => Ok(file),
    }
}

/// A file in a folder of the user's settings, which is made if it was not there, for the user
/// alone.
pub(crate) fn made_folder_of(file: String) -> Result<PathBuf, PathFault> {
    let file = PathBuf::from(file);
    if let Some(folder) = file.parent() {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|source| PathFault::Make { path: folder.to_owned(), source })?;
    }
    Ok(file)
}

/// The destination of earlier exports, absolute; it is there, and is not made.
pub(crate) fn exported_to(path: &Path) -> Result<String, PathFault> {
    let absent =
        |error| not_found(path, error, |path, source| PathFault::NoDestination { path, source });
    let found = resolve(path).map_err(absent)?;
    fs::symlink_metadata(&found).map_err(absent)?;
    text(found)
}

/// The destination of earlier exports that a folder lies in.
fn destination_above(folder: &Path) -> Option<PathBuf> {
    let is_destination = |path: &&Path| fs::symlink_metadata(path.join(".darkslide")).is_ok();
    folder.ancestors().skip(1).find(is_destination).map(Path::to_owned)
}

/// The library that a folder is or lies in: the one that is read, whatever its spelling, or any by
/// its name.
fn library_above(folder: &Path, library: &Path) -> Option<PathBuf> {
    let identity = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    let library = identity(library);
    let is_library = |path: &&Path| {
        let is_named_so =
            path.extension().is_some_and(|end| end.eq_ignore_ascii_case("photoslibrary"));
        is_named_so || (library.is_some() && identity(path) == library)
    };
    folder.ancestors().find(is_library).map(Path::to_owned)
}

/// A destination for the running daemon: its policy decides, so that an absolute path goes there as
/// it is.
pub(crate) fn wanted_destination(path: &Path) -> Result<String, PathFault> {
    if path.is_absolute() || path.starts_with("~") {
        return text(path.to_owned()).map(without_slashes);
    }
    let found = if path.components().any(|part| part == Component::ParentDir) {
        resolve(path)
    } else {
        std::path::absolute(path)
    };
    text(found.map_err(|error| no_parent(path, error))?).map(without_slashes)
}

/// As a shell completes a folder's name, it has a slash at the end, which a path of the protocol
/// has not.
pub(crate) fn without_slashes(mut path: String) -> String {
    while path.len() > 1 && path.ends_with('/') {
        path.pop();
    }
    path
}

/// A file that somebody else will read and check, absolute.
pub(crate) fn file(path: &Path) -> Result<String, PathFault> {
    let absent = |error| not_found(path, error, |path, source| PathFault::NoFile { path, source });
    let found = resolve(path).map_err(absent)?;
    fs::symlink_metadata(&found).map_err(absent)?;
    text(found)
}

fn resolve(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => Ok(parent.canonicalize()?.join(name)),
        // `/`, or something that ends in `..`.
        _ => path.canonicalize(),
    }
}

fn no_parent(path: &Path, error: io::Error) -> PathFault {
    not_found(path, error, |path, source| PathFault::Parent { path, source })
}

/// "There is none" is said only where the system says so.
fn not_found(
    path: &Path,
    source: io::Error,
    absent: fn(PathBuf, io::Error) -> PathFault,
) -> PathFault {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => absent(path, source),
        _ => PathFault::Unreachable { path, source },
    }
}

fn text(path: PathBuf) -> Result<String, PathFault> {
    path.into_os_string().into_string().map_err(|path| PathFault::NotUtf8 { path: path.into() })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn dots_and_links_in_the_parents_are_resolved_and_the_last_name_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        fs::create_dir(base.join("a")).unwrap();
        symlink(base.join("a"), base.join("link")).unwrap();
        let a = base.join("a").to_str().unwrap().to_owned();
        assert_eq!(library(&base.join("a/../a")).unwrap(), a);
        assert_eq!(library(&base.join("a/.")).unwrap(), a);
        assert_eq!(library(&base.join("link/../a/")).unwrap(), a);
        assert!(library(&base.join("link")).unwrap().ends_with("/link"));
        assert_eq!(destination(&base.join("link/new"), "/none").unwrap(), format!("{a}/new"));
        assert!(base.join("a/new").is_dir(), "made");
        assert_eq!(
            destination(&base.join("link/new"), "/none").unwrap(),
            format!("{a}/new"),
            "there already"
        );
    }

    #[test]
    fn a_destination_is_made_one_level_deep_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let deep = destination(&folder.path().join("not-mounted/exports"), "/none");
        assert!(matches!(deep, Err(PathFault::Parent { .. })), "{deep:?}");
        assert!(!folder.path().join("not-mounted").exists());
    }

    #[test]
    fn nothing_is_made_in_a_library_by_whatever_spelling() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        for name in ["renamed", "Other.PhotosLibrary"] {
            fs::create_dir_all(base.join(name).join("originals")).unwrap();
        }
        symlink(base.join("renamed"), base.join("link")).unwrap();
        for to in [
            "renamed/out",
            "renamed/originals/out",
            "link/out",
            "renamed",
            "Other.PhotosLibrary/out",
        ] {
            for library in ["renamed", "link"] {
                let library = base.join(library);
                let refused = destination(&base.join(to), library.to_str().unwrap());
                assert!(matches!(refused, Err(PathFault::InLibrary { .. })), "{to}: {refused:?}");
            }
        }
        assert_eq!(fs::read_dir(base.join("renamed")).unwrap().count(), 1, "originals alone");
        assert!(
            destination(&base.join("renamed-evil"), base.join("renamed").to_str().unwrap()).is_ok()
        );
    }

    #[test]
    fn a_destination_within_a_destination_is_refused_before_it_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        fs::create_dir_all(base.join("out/.darkslide")).unwrap();
        let refused = destination(&base.join("out/inner"), "/none");
        assert!(matches!(refused, Err(PathFault::InDestination { .. })), "{refused:?}");
        assert!(!base.join("out/inner").exists());
        assert!(destination(&base.join("out"), "/none").is_ok(), "itself it is");
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["x.photoslibrary", "x/y.photoslibrary", "x/.."] {
            let fault = library(&folder.path().join(path)).unwrap_err();
            assert_eq!(fault.exit(), Exit::NotFound, "{path}");
        }
    }

    #[test]
    fn what_cannot_be_looked_at_is_not_called_absent() {
        let error = |kind: io::ErrorKind| no_parent(Path::new("/x/y"), kind.into());
        assert!(matches!(error(io::ErrorKind::NotFound), PathFault::Parent { .. }));
        let refused = error(io::ErrorKind::PermissionDenied);
        assert!(matches!(refused, PathFault::Unreachable { .. }), "{refused:?}");
        assert_eq!(refused.exit(), Exit::Failed);
        let folder = tempfile::tempdir().unwrap();
        symlink("loop", folder.path().join("loop")).unwrap();
        let looped = library(&folder.path().join("loop/x")).unwrap_err();
        assert_eq!(looped.exit(), Exit::Failed, "{looped:?}");
    }

    #[test]
    fn a_file_is_no_library_and_a_file_to_read_must_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let absent = file(&path).unwrap_err();
        assert!(matches!(absent, PathFault::NoFile { .. }), "{absent:?}");
        let deep = file(&folder.path().join("none/file")).unwrap_err();
        assert!(matches!(deep, PathFault::NoFile { .. }), "{deep:?}");
        fs::write(&path, "x").unwrap();
        assert!(file(&path).is_ok());
        let refused = library(&path).unwrap_err();
        assert!(matches!(refused, PathFault::NotAFolder { .. }), "{refused:?}");
        assert!(refused.to_string().contains("file"), "it is named: {refused}");
    }

    #[test]
    fn the_running_daemon_decides_about_absolute_paths() {
        for path in ["/home/me/Exports/../.ssh", "~/Exports", "/x"] {
            assert_eq!(wanted_destination(Path::new(path)).unwrap(), path);
        }
        assert!(wanted_destination(Path::new("Exports")).unwrap().ends_with("/Exports"));
    }

    #[test]
    fn a_path_that_is_no_text_is_told() {
        let path = Path::new(OsStr::from_bytes(b"/\xff\xfe"));
        let fault = wanted_destination(path).unwrap_err();
        assert!(matches!(fault, PathFault::NotUtf8 { .. }));
        assert_eq!(fault.exit(), Exit::Usage);
    }
}
