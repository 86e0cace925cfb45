//! `manifest.jsonl`: every file of a destination that is settled, and the folders that we made.
//!
//! The format is final (reference/destination.md, 1): a first line with the format, files sorted by
//! library, asset, version and album, then folders by path. It is replaced whole, and no two rows
//! have one path. A line that does not parse is left out, and its file is found again by its
//! content: a damaged record costs time, no photo. The hazard: rows of another library or of a
//! later program, which are kept.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, BufRead, Write};

use darkslide_policy::RelPath;
use serde::{Deserialize, Serialize};

use crate::lines::{LINES_TO_A_QUESTION, Lines};
use crate::row::{Key, Row, visible_path};

/// What this program writes and reads.
const FORMAT: u32 = 1;
/// Files and folders of one destination. All of them are in memory, where a row takes a kilobyte,
/// and the process has one gigabyte; an allocation that fails would end it.
pub(crate) const MAX_ROWS: usize = 500_000;
/// Twice what that many rows usually have. Of this, too, memory has two or three copies.
pub(crate) const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// One line that is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Manifest { format: u32 },
    File(Row),
    Folder(#[serde(with = "visible_path")] RelPath),
}

/// One line that is written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum LineRef<'a> {
    Manifest { format: u32 },
    File(&'a Row),
    Folder(#[serde(with = "visible_path")] &'a RelPath),
}

/// Why a manifest is not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestError {
    #[error("the manifest is of format {0}")]
    Newer(u32),
    #[error("the manifest has more rows than any of ours")]
    TooMany,
    #[error("it was asked to stop")]
    Stopped,
    #[error("the manifest cannot be read")]
    Read(#[from] io::Error),
}

/// What is settled.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    files: BTreeMap<Key, Row>,
    folders: BTreeSet<RelPath>,
    /// Who has which path.
    by_path: HashMap<RelPath, Key>,
}

impl Manifest {
    /// Asks now and then whether to go on.
    pub(crate) fn read(
        from: impl BufRead,
        go_on: impl Fn() -> bool,
    ) -> Result<Self, ManifestError> {
        let mut manifest = Self::default();
        for (at, line) in Lines::new(from).enumerate() {
            if at % LINES_TO_A_QUESTION == LINES_TO_A_QUESTION - 1 && !go_on() {
                return Err(ManifestError::Stopped);
            }
            match serde_json::from_slice(&line?) {
                Ok(Line::Manifest { format }) if format > FORMAT => {
                    return Err(ManifestError::Newer(format));
                }
                // Without its first line it is none of ours.
                Ok(Line::File(_) | Line::Folder(_)) | Err(_) if at == 0 => break,
                Ok(Line::Manifest { .. }) | Err(_) => {}
                Ok(Line::File(row)) => manifest.put(row),
                Ok(Line::Folder(path)) => {
                    manifest.folders.insert(path);
                }
            }
            if manifest.len() > MAX_ROWS {
                return Err(ManifestError::TooMany);
            }
        }
        Ok(manifest)
    }

    /// Writes all of it, and answers how many bytes it has.
    pub(crate) fn write(&self, mut to: impl Write) -> io::Result<u64> {
        let first = std::iter::once(LineRef::Manifest { format: FORMAT });
        let files = self.files.values().map(LineRef::File);
        let folders = self.folders.iter().map(LineRef::Folder);
        let mut bytes = Vec::with_capacity(64 * 1024);
        let mut length = 0_u64;
        for line in first.chain(files).chain(folders) {
            serde_json::to_writer(&mut bytes, &line)?;
            bytes.push(b'\n');
            if bytes.len() > 60 * 1024 {
                to.write_all(&bytes)?;
                length = length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                bytes.clear();
            }
        }
        to.write_all(&bytes)?;
        Ok(length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX)))
    }

    pub(crate) fn len(&self) -> usize {
        self.files.len() + self.folders.len()
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Row> {
        self.files.get(key)
    }

    /// Whose file is to stand there?
    pub(crate) fn holder(&self, path: &RelPath) -> Option<&Row> {
        self.files.get(self.by_path.get(path)?)
    }

    /// Enters a row. Another one that has its path is of before, and goes.
    pub(crate) fn put(&mut self, row: Row) {
        if let Some(before) = self.files.get(&row.key)
            && self.by_path.get(&before.path) == Some(&row.key)
        {
            self.by_path.remove(&before.path);
        }
        if let Some(other) = self.by_path.insert(row.path.clone(), row.key.clone())
            && other != row.key
        {
            self.files.remove(&other);
        }
        self.files.insert(row.key.clone(), row);
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        if let Some(row) = self.files.remove(key)
            && self.by_path.get(&row.path) == Some(key)
        {
            self.by_path.remove(&row.path);
        }
    }

    pub(crate) fn put_folder(&mut self, path: RelPath) {
        self.folders.insert(path);
    }

    #[cfg(test)]
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.files.values()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::row::tests::row;

    fn of(rows: &[Row]) -> Manifest {
        let mut manifest = Manifest::default();
        for row in rows {
            manifest.put(row.clone());
        }
        manifest
    }

    fn bytes(manifest: &Manifest) -> Vec<u8> {
        let mut bytes = Vec::new();
        manifest.write(&mut bytes).unwrap();
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Manifest, ManifestError> {
        Manifest::read(bytes, || true)
    }

    #[test]
    fn reading_ends_soon_after_it_is_asked_to_stop() {
        let folders = (0..100_000).map(|n| format!("{{\"folder\":\"{n}\"}}\n"));
        let first = "{\"manifest\":{\"format\":1}}\n".to_owned();
        let text: String = std::iter::once(first).chain(folders).collect();
        let mut from = text.as_bytes();
        assert!(matches!(Manifest::read(&mut from, || false), Err(ManifestError::Stopped)));
        assert!(from.len() > text.len() / 2, "it read on");
    }

    #[test]
    fn files_are_sorted_by_key_and_folders_follow() {
        let mut manifest = of(&[row(3, "c.jpg"), row(1, "a/1.jpg"), row(2, "b.jpg")]);
        manifest.put_folder(RelPath::parse("a").unwrap());
        let text = String::from_utf8(bytes(&manifest)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], r#"{"manifest":{"format":1}}"#);
        assert!(lines[1].contains("a/1.jpg") && lines[3].contains("c.jpg"));
        assert_eq!(lines[4], r#"{"folder":"a"}"#);
        assert_eq!(read(text.as_bytes()).unwrap(), manifest);
    }

    #[test]
    fn no_two_rows_have_one_path() {
        let manifest = of(&[row(1, "a.jpg"), row(2, "a.jpg")]);
        assert_eq!(manifest.rows().cloned().collect::<Vec<_>>(), [row(2, "a.jpg")]);
        // Two that swap their names, one after the other.
        let manifest = of(&[row(1, "a"), row(2, "b"), row(1, "b"), row(2, "a")]);
        assert_eq!(manifest.holder(&row(1, "b").path), Some(&row(1, "b")));
        assert_eq!(manifest.holder(&row(1, "a").path), Some(&row(2, "a")));
    }

    #[test]
    fn a_damaged_line_costs_its_row_alone() {
        let text = String::from_utf8(bytes(&of(&[row(1, "a"), row(2, "b")]))).unwrap();
        let damaged = text.replacen(r#""size""#, r#""s\u0000ze""#, 1);
        let manifest = read(damaged.as_bytes()).unwrap();
        assert_eq!(manifest.rows().cloned().collect::<Vec<_>>(), [row(2, "b")]);
        let zeros = vec![0; text.len()];
        assert_eq!(read(zeros.as_slice()).unwrap(), Manifest::default());
    }

    #[test]
    fn a_newer_manifest_is_refused() {
        let newer = br#"{"manifest":{"format":2}}"#;
        assert!(matches!(read(newer.as_slice()), Err(ManifestError::Newer(2))));
    }

    #[test]
    fn more_rows_than_memory_has_room_for_are_damage() {
        let first = "{\"manifest\":{\"format\":1}}\n".to_owned();
        let read_folders = |folders: usize| {
            let rows = (0..folders).map(|n| format!("{{\"folder\":\"{n}\"}}\n"));
            let text: String = std::iter::once(first.clone()).chain(rows).collect();
            read(text.as_bytes())
        };
        assert_eq!(read_folders(MAX_ROWS).unwrap().len(), MAX_ROWS);
        assert!(matches!(read_folders(MAX_ROWS + 1), Err(ManifestError::TooMany)));
    }

    proptest! {
        #[test]
        fn any_sequence_of_changes_leaves_one_row_a_path_and_round_trips(
            changes in prop::collection::vec((0_u8..6, 0_u8..6, any::<bool>()), 0..40),
        ) {
            let mut manifest = Manifest::default();
            for (asset, path, put) in changes {
                let row = row(asset, &format!("p{path}"));
                if put { manifest.put(row) } else { manifest.remove(&row.key) }
            }
            let paths: BTreeSet<_> = manifest.rows().map(|row| row.path.clone()).collect();
            prop_assert_eq!(paths.len(), manifest.rows().count());
            for row in manifest.rows() {
                prop_assert_eq!(manifest.holder(&row.path), Some(row));
            }
            prop_assert_eq!(read(bytes(&manifest).as_slice()).unwrap(), manifest);
        }
    }
}
