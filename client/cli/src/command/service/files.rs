//! The files of an installation: written whole, known again, and never taken from a person.
//!
//! Each bears a digest of itself, so that one that somebody changed is told from one that an
//! earlier version wrote; the first stays unless --force says otherwise. It alone touches what
//! `darkslide service` writes. The hazard: half a unit under a whole one's name; so a new one takes
//! the old one's place by a rename.

#![expect(clippy::disallowed_methods, reason = "owns the files of the installation")]

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::ServiceError;

/// Bytes of a unit that is read, at most: ours have some thousand.
pub(crate) const MAX_UNIT_BYTES: u64 = 64 * 1024;
/// Readable by all, as systemd and launchd expect; writable by nobody else.
const UNIT_MODE: u32 = 0o644;
const OURS_ALONE: u32 = 0o700;
const DIGEST: &str = "digest of the rest: ";
/// Lines of a difference that are shown, at most.
const MAX_SHOWN_LINES: usize = 20;

/// What stands where a file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Found {
    /// Nothing.
    Absent,
    /// That very file.
    Same,
    /// What this program wrote at another time, unchanged.
    Older,
    /// Something else.
    Edited,
}

/// A file that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    path: PathBuf,
    text: String,
}

impl Wanted {
    /// With its digest, for which the text has a line: a comment with nothing else in it.
    pub(crate) fn new(path: PathBuf, text: &str, comment: Comment) -> Self {
        Self { path, text: signed(text, comment) }
    }

    /// Where.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is to stand there.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What stands there now.
    ///
    /// # Errors
    /// [`ServiceError::File`] if it cannot be read.
    pub(crate) fn found(&self) -> Result<Found, ServiceError> {
        Ok(match read(&self.path)? {
            None => Found::Absent,
            Some(text) if text == self.text => Found::Same,
            Some(text) if is_as_written(&text) => Found::Older,
            Some(_) => Found::Edited,
        })
    }

    /// The lines in which what stands there differs.
    ///
    /// # Errors
    /// [`ServiceError::File`] if it cannot be read.
    pub(crate) fn difference(&self) -> Result<Vec<String>, ServiceError> {
        let there = read(&self.path)?.unwrap_or_default();
        let only = |of: &str, not_in: &str, label: &str| -> Vec<String> {
            let lines = of.lines().filter(|line| !line.contains(DIGEST));
            let lines = lines.filter(|line| !not_in.lines().any(|other| other == *line));
            lines.take(MAX_SHOWN_LINES).map(|line| format!("{label} {line}")).collect()
        };
        let mut lines = only(&there, &self.text, "there:     ");
        lines.extend(only(&self.text, &there, "installed: "));
        Ok(lines)
    }

    /// Writes it in the place of what is there.
    ///
    /// # Errors
    /// [`ServiceError::File`].
    pub(crate) fn write(&self) -> Result<(), ServiceError> {
        let file_error = |action| file_error(action, &self.path);
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(file_error("make the folder of"))?;
        }
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        // systemd and launchd read no such name.
        name.push(format!(".{}.new", std::process::id()));
        let new = self.path.with_file_name(name);
        let written = write_new(&new, &self.text).and_then(|()| fs::rename(&new, &self.path));
        written.map_err(|source| {
            // Who cannot take it away has it still, and is told why the other is not there.
            drop(fs::remove_file(&new));
            file_error("write")(source)
        })
    }
}

/// How a file says something to people alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comment {
    /// `# …`
    Unit,
    /// `<!-- … -->`, not on the first line.
    PropertyList,
}

/// Does a file stand there as this program wrote it, in whatever version? `None`: there is none.
///
/// # Errors
/// [`ServiceError::File`] if it cannot be read.
pub(crate) fn is_untouched(path: &Path) -> Result<Option<bool>, ServiceError> {
    Ok(read(path)?.map(|text| is_as_written(&text)))
}

/// Removes a file; that it is gone already is as good.
///
/// # Errors
/// [`ServiceError::File`].
pub(crate) fn remove(path: &Path) -> Result<(), ServiceError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(file_error("remove", path)(source))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Makes a folder for this user alone, and those above it, where they are missing.
///
/// # Errors
/// [`ServiceError::File`].
pub(crate) fn make_private_folder(path: &Path) -> Result<(), ServiceError> {
    let made = DirBuilder::new().recursive(true).mode(OURS_ALONE).create(path);
    made.map_err(file_error("make the folder", path))
}

/// Is something there?
pub(crate) fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// The names in a folder, sorted; none if it is not there.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

fn read(path: &Path) -> Result<Option<String>, ServiceError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(file_error("read", path)(source)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_UNIT_BYTES + 1).read_to_end(&mut bytes).map_err(file_error("read", path))?;
    if bytes.len() as u64 > MAX_UNIT_BYTES {
        // None of ours, and different from every one of them.
        bytes.clear();
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(UNIT_MODE).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn file_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ServiceError {
    let path = path.to_owned();
    move |source| ServiceError::File { action, path, source }
}

/// The text with the line of its digest: first in a unit, second in a property list.
fn signed(text: &str, comment: Comment) -> String {
    let line = format!("Written by `darkslide service`; {DIGEST}{}", digest(text));
    match comment {
        Comment::Unit => format!("# {line}\n{text}"),
        Comment::PropertyList => match text.split_once('\n') {
            Some((first, rest)) => format!("{first}\n<!-- {line} -->\n{rest}"),
            None => text.to_owned(),
        },
    }
}

fn is_as_written(text: &str) -> bool {
    let Some(line) = text.lines().take(2).find(|line| line.contains(DIGEST)) else {
        return false;
    };
    let rest = text.replacen(&format!("{line}\n"), "", 1);
    line.contains(&format!("{DIGEST}{}", digest(&rest)))
}

fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const PLIST: &str = "<?xml version=\"1.0\"?>\n<plist/>\n";

    #[test]
    fn a_changed_file_is_told_from_an_older_one() {
        let folder = tempfile::tempdir().unwrap();
        for (comment, text, change) in [
            (Comment::Unit, "[Unit]\nA=1\n", ("A=1", "A=2")),
            (Comment::PropertyList, PLIST, ("<plist/>", "<plist></plist>")),
        ] {
            let path = folder.path().join("deep").join(format!("{comment:?}"));
            let older = Wanted::new(path.clone(), text, comment);
            assert_eq!(older.found().unwrap(), Found::Absent);
            assert_eq!(is_untouched(&path).unwrap(), None);
            older.write().unwrap();
            assert_eq!(older.found().unwrap(), Found::Same);
            let newer = Wanted::new(path.clone(), &text.replace(change.0, "new"), comment);
            assert_eq!(newer.found().unwrap(), Found::Older);
            fs::write(&path, older.text().replace(change.0, change.1)).unwrap();
            assert_eq!(older.found().unwrap(), Found::Edited);
            assert_eq!(is_untouched(&path).unwrap(), Some(false));
            let shown = older.difference().unwrap();
            assert_eq!(
                shown,
                [format!("there:      {}", change.1), format!("installed:  {}", change.0)]
            );
        }
    }

    #[test]
    fn what_is_longer_than_any_unit_is_none_of_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("unit");
        let limit = usize::try_from(MAX_UNIT_BYTES).unwrap();
        let frame = Wanted::new(path.clone(), "", Comment::Unit).text().len();
        for (length, is_ours) in [(limit, true), (limit + 1, false), (limit * 16, false)] {
            let text = "#".repeat(length - frame);
            let long = Wanted::new(path.clone(), &text, Comment::Unit);
            assert_eq!(long.text().len(), length);
            long.write().unwrap();
            assert_eq!(is_untouched(&path).unwrap(), Some(is_ours), "{length}");
        }
    }

    #[test]
    fn it_is_written_whole_readable_by_all_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("unit");
        let wanted = Wanted::new(path.clone(), "x\n", Comment::Unit);
        wanted.write().unwrap();
        wanted.write().unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o022, 0, "no write for others: {mode:o}");
        assert_eq!(names(folder.path()), ["unit"]);
        fs::create_dir(folder.path().join("taken")).unwrap();
        let refused = Wanted::new(folder.path().join("taken"), "x", Comment::Unit).write();
        assert!(matches!(refused, Err(ServiceError::File { .. })));
        assert_eq!(names(folder.path()), ["taken", "unit"], "nothing is left of the attempt");
        remove(&path).unwrap();
        remove(&path).unwrap();
    }
}
