//! The repository as the rules see it: names and texts, read once.
//!
//! The only file of the tidy test that touches the disk; rules get a value, and their samples make
//! one in memory. What is not UTF-8 (photos of the golden tests) is there by name, with an empty
//! text. Folders of build results, and names that begin with a dot other than our own tool
//! settings, are not looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::scrub;

/// What a rule has found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Complaint {
    file: String,
    /// From 1; 0 means the file as a whole.
    line: usize,
    text: String,
}

impl Complaint {
    pub(crate) fn new(file: &str, line: usize, text: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, text: text.into() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.text),
            line => write!(f, "{}:{line}: {}", self.file, self.text),
        }
    }
}

/// A file with its text, and for Rust what is left of it as code.
#[derive(Debug)]
pub(crate) struct SourceFile {
    path: String,
    text: String,
    code: OnceLock<String>,
}

impl SourceFile {
    fn new(path: &str, text: String) -> Self {
        Self { path: path.to_owned(), text, code: OnceLock::new() }
    }

    /// Returns the path from the root of the repository, with `/`.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the text with comments and the inside of strings blanked.
    pub(crate) fn code(&self) -> &str {
        self.code.get_or_init(|| scrub::code(&self.text))
    }

    pub(crate) fn is(&self, extension: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, found)| found == extension)
    }

    /// Returns the lines with their numbers from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// All files, by path.
#[derive(Debug)]
pub(crate) struct Repository {
    files: BTreeMap<String, SourceFile>,
    folders: BTreeSet<String>,
}

impl Repository {
    /// Returns this repository.
    pub(crate) fn here() -> &'static Self {
        static HERE: OnceLock<Repository> = OnceLock::new();
        HERE.get_or_init(|| {
            let root = Self::root();
            let mut files = Vec::new();
            read_folder(&root, "", &mut files);
            Self::of(files)
        })
    }

    /// Returns a repository in memory: paths with their texts.
    pub(crate) fn sample(files: &[(&str, &str)]) -> Self {
        Self::of(files.iter().map(|(path, text)| SourceFile::new(path, (*text).to_owned())))
    }

    /// Returns the folder of the workspace.
    pub(crate) fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
    }

    fn of(files: impl IntoIterator<Item = SourceFile>) -> Self {
        let files: BTreeMap<_, _> =
            files.into_iter().map(|file| (file.path().to_owned(), file)).collect();
        let folders = files
            .keys()
            .flat_map(|path| path.match_indices('/').map(|(slash, _)| path[..slash].to_owned()))
            .collect();
        Self { files, folders }
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.values()
    }

    pub(crate) fn rust(&self) -> impl Iterator<Item = &SourceFile> {
        self.files().filter(|file| file.is("rs"))
    }

    pub(crate) fn get(&self, path: &str) -> Option<&SourceFile> {
        self.files.get(path)
    }

    /// Returns the file, or the complaint that it is missing.
    pub(crate) fn need(&self, path: &str, why: &str) -> Result<&SourceFile, Complaint> {
        self.get(path).ok_or_else(|| Complaint::new(path, 0, format!("is missing: {why}")))
    }

    /// Tells whether a file or folder of that path exists.
    pub(crate) fn has(&self, path: &str) -> bool {
        path.is_empty() || self.files.contains_key(path) || self.folders.contains(path)
    }
}

/// Fails a test with all that a rule has to say of this repository.
pub(crate) fn assert_tidy(rule: impl Fn(&Repository) -> Vec<Complaint>) {
    let mut complaints = rule(Repository::here());
    complaints.sort();
    let lines: Vec<_> = complaints.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} complaints:\n  {}", lines.len(), lines.join("\n  "));
}

/// Fails a test unless a rule says of a sample what is expected, in this order.
pub(crate) fn assert_says(complaints: Vec<Complaint>, expected: &[&str]) {
    let found: Vec<_> = complaints.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

/// Joins a folder and a path that may go up; none where it leaves the repository.
pub(crate) fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Returns the folder of a path, without the last `/`; empty for the root.
pub(crate) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[allow(clippy::disallowed_methods, reason = "reads the texts that the rules are about")]
fn read_folder(root: &Path, folder: &str, files: &mut Vec<SourceFile>) {
    const DOTS_OF_OURS: [&str; 5] =
        [".ci", ".clippy.toml", ".deny.toml", ".gitignore", ".rustfmt.toml"];
    for entry in std::fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().expect("our names are UTF-8");
        let kind = entry.file_type().unwrap();
        let path = join(folder, &name).expect("a name does not go up");
        if name.starts_with('.') && !DOTS_OF_OURS.contains(&name.as_str()) || name == "target" {
            continue;
        }
        if kind.is_dir() {
            read_folder(root, &path, files);
        } else if kind.is_file() {
            let text = String::from_utf8(std::fs::read(entry.path()).unwrap()).unwrap_or_default();
            files.push(SourceFile::new(&path, text));
        }
    }
}

#[test]
fn joins_paths_and_refuses_to_leave() {
    assert_eq!(join("a/b", "../c/./d").as_deref(), Some("a/c/d"));
    assert_eq!(join("a", "../..").as_deref(), None);
    assert_eq!(join("", "x").as_deref(), Some("x"));
}

#[test]
fn knows_files_and_their_folders() {
    let sample = Repository::sample(&[("a/b/c.md", "")]);
    assert!(sample.has("a/b/c.md") && sample.has("a/b") && sample.has("a") && sample.has(""));
    assert!(!sample.has("a/c"));
}

#[test]
fn reads_this_repository() {
    assert!(Repository::here().has("tests/tidy/repository.rs"));
    assert!(!Repository::here().has(".git"));
}
