//! What stands below a destination, as a person sees it: names, contents and times; and the
//! manifest but for inodes, which no two runs share.
//!
//! It only looks. Two trees that are equal here are what "as if undisturbed" means.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::Value;

use crate::exporting::Bench;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) content: String,
    modified: (i64, i64),
    mode: u32,
}

/// The files by their path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tree(BTreeMap<String, File>);

impl Tree {
    /// All that is not the record's.
    pub(super) fn of(bench: &Bench) -> Self {
        let mut tree = Self::default();
        tree.collect(&bench.root, "");
        tree.0.retain(|path, _| !path.starts_with(".darkslide/"));
        tree
    }

    /// All of a folder.
    pub(super) fn below(folder: &Path) -> Self {
        let mut tree = Self::default();
        if folder.is_dir() {
            tree.collect(folder, "");
        }
        tree
    }

    fn collect(&mut self, folder: &Path, prefix: &str) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            let facts = fs::symlink_metadata(entry.path()).unwrap();
            if facts.is_dir() {
                self.collect(&entry.path(), &format!("{path}/"));
            } else {
                let content = blake3::hash(&fs::read(entry.path()).unwrap()).to_hex().to_string();
                let modified = (facts.mtime(), facts.mtime_nsec());
                self.0.insert(path, File { content, modified, mode: facts.mode() });
            }
        }
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&String, &File)> {
        self.0.iter()
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.0.get(path)
    }

    pub(super) fn content(&self, path: &str) -> Option<&str> {
        self.file(path).map(|file| file.content.as_str())
    }

    /// Is that content there, under whatever name?
    pub(super) fn holds(&self, content: &str) -> bool {
        self.0.values().any(|file| file.content == content)
    }
}

/// The lines of a manifest without their inodes; none where there is no manifest.
pub(super) fn manifest(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().map(|line| {
        let mut row: Value = serde_json::from_str(line).unwrap();
        if let Some(file) = row.get_mut("file").and_then(Value::as_object_mut) {
            file.remove("inode");
        }
        row.to_string()
    });
    lines.collect()
}
