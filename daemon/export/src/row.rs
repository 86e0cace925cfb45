//! One file of a destination as the manifest and the journal speak of it, and how it is recognised.
//!
//! Pure. Whoever reads a row parses: a path that leads into `.darkslide/`, out of the destination
//! or is none is damage, never a path. A file is the one a row speaks of if size and hash say so;
//! without a hash size, time and inode may place a row and never allow a removal. The hazard: a new
//! file gets a freed inode at once, and an edit in place keeps inode and size. See
//! docs/destination.md.

use std::fmt;

use darkslide_door::{Facts, FileTime, Kind, RECORD_FOLDER, is_within_record};
use darkslide_policy::{Component, RelPath};
use darkslide_protocol::value::Uuid;
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

/// The digest of a content: BLAKE3, 64 hexadecimal digits in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blake3(blake3::Hash);

impl From<blake3::Hash> for Blake3 {
    fn from(hash: blake3::Hash) -> Self {
        Self(hash)
    }
}

impl fmt::Display for Blake3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_hex())
    }
}

impl Serialize for Blake3 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_hex())
    }
}

impl<'de> Deserialize<'de> for Blake3 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        blake3::Hash::from_hex(text.as_bytes()).map(Self).map_err(de::Error::custom)
    }
}

/// A time as a file system keeps it: seconds since 1970, and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp(i64, u32);

impl Stamp {
    /// Of a content that was never a file.
    pub(crate) const NONE: Self = Self(0, 0);

    pub(crate) fn to_file_time(self) -> FileTime {
        FileTime { seconds: self.0, nanoseconds: self.1 }
    }
}

#[cfg(test)]
impl Stamp {
    pub(crate) fn for_tests(seconds: i64) -> Self {
        Self(seconds, 0)
    }
}

impl From<FileTime> for Stamp {
    fn from(time: FileTime) -> Self {
        Self(time.seconds, time.nanoseconds)
    }
}

/// What a row belongs to. Rows are sorted by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Key {
    /// The library's own UUID.
    #[serde(deserialize_with = "short_text")]
    pub(crate) library: String,
    /// The asset.
    pub(crate) asset: Uuid,
    /// The word of the version; a text, for a later program may know more of them.
    #[serde(deserialize_with = "short_text")]
    pub(crate) version: String,
    /// In the layout by album, the album.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) album: Option<Uuid>,
}

/// More than any UUID or word has.
const MAX_TEXT_BYTES: usize = 64;

fn short_text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    if text.len() > MAX_TEXT_BYTES { Err(de::Error::custom("a long text")) } else { Ok(text) }
}

/// The library's file, as it was when it was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Source {
    /// Its length in bytes.
    pub(crate) size: u64,
    /// Its time.
    pub(crate) mtime: Stamp,
}

impl From<&Facts> for Source {
    fn from(facts: &Facts) -> Self {
        Self { size: facts.size, mtime: facts.mtime.into() }
    }
}

/// One file of a destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// What it belongs to.
    pub(crate) key: Key,
    /// Where it is.
    #[serde(with = "visible_path")]
    pub(crate) path: RelPath,
    /// Its length, as `fstat` told it after the last write.
    pub(crate) size: u64,
    /// Its time, as `fstat` told it after the times were set.
    pub(crate) mtime: Stamp,
    /// Its inode, likewise.
    pub(crate) inode: u64,
    /// The digest of its content, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) blake3: Option<Blake3>,
    /// What it was copied from.
    pub(crate) source: Source,
    /// We did not write it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) adopted: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands in references")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Row {
    /// The same file under another name.
    #[must_use]
    pub(crate) fn at(mut self, path: RelPath) -> Self {
        self.path = path;
        self
    }

    /// Is it the file that this row speaks of?
    pub(crate) fn is(&self, there: &There) -> bool {
        let same = there.regular && there.size == self.size;
        same && match self.blake3 {
            Some(hash) => there.blake3 == Some(hash),
            None => there.mtime == self.mtime && there.inode == self.inode,
        }
    }
}

/// What stands under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct There {
    pub(crate) regular: bool,
    pub(crate) size: u64,
    pub(crate) mtime: Stamp,
    pub(crate) inode: u64,
    /// Known only where somebody asked.
    pub(crate) blake3: Option<Blake3>,
}

impl There {
    /// Where nothing of ours is, nor can be: behind a link, a mount, a file instead of a folder.
    pub(crate) const BLOCKED: Self =
        Self { regular: false, size: 0, mtime: Stamp(0, 0), inode: 0, blake3: None };
}

impl From<&Facts> for There {
    fn from(facts: &Facts) -> Self {
        Self {
            regular: facts.kind == Kind::File,
            size: facts.size,
            mtime: facts.mtime.into(),
            inode: facts.identity.inode(),
            blake3: None,
        }
    }
}

/// Is it a name outside every `.darkslide/`?
pub(crate) fn is_visible(path: &RelPath) -> bool {
    !path.is_root() && !is_within_record(path)
}

/// Is it a name of the form that we give in `tmp/` and `aside/`?
pub(crate) fn is_own_name(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// A path outside `.darkslide/`, as text.
pub(crate) mod visible_path {
    use super::{Deserialize, Deserializer, RelPath, Serializer, de, is_visible};

    pub(crate) fn serialize<S: Serializer>(path: &RelPath, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(path.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<RelPath, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        let path = RelPath::parse(&text).map_err(de::Error::custom)?;
        if is_visible(&path) { Ok(path) } else { Err(de::Error::custom("a name in .darkslide")) }
    }
}

/// A name in `tmp/` or `aside/`, as text.
pub(crate) mod own_name {
    use super::{Component, Deserialize, Deserializer, Serializer, de, is_own_name};

    pub(crate) fn serialize<S: Serializer>(name: &Component, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(name.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Component, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        if !is_own_name(&text) {
            return Err(de::Error::custom("no name of ours"));
        }
        Component::parse(&text).map_err(de::Error::custom)
    }
}

/// A path below `.darkslide/trash/`, as text.
pub(crate) mod trash_path {
    use super::{Deserialize, Deserializer, RECORD_FOLDER, RelPath, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(path: &RelPath, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(path.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<RelPath, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        let path = RelPath::parse(&text).map_err(de::Error::custom)?;
        let mut parts = path.components();
        let lies_there = parts.next() == Some(RECORD_FOLDER)
            && parts.next() == Some("trash")
            && parts.next().is_some();
        drop(parts);
        if lies_there { Ok(path) } else { Err(de::Error::custom("no name in the trash")) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn row(asset: u8, path: &str) -> Row {
        Row {
            key: Key {
                library: "L".to_owned(),
                asset: Uuid::parse(&format!("{asset:08X}-0000-0000-0000-000000000000")).unwrap(),
                version: "original".to_owned(),
                album: None,
            },
            path: RelPath::parse(path).unwrap(),
            size: 10,
            mtime: Stamp(1_500_000_000, 5),
            inode: 100 + u64::from(asset),
            blake3: Some(Blake3(blake3::hash(&[asset]))),
            source: Source { size: 10, mtime: Stamp(-1, 999_999_999) },
            adopted: false,
        }
    }

    /// What the disk shows where a row's file stands.
    pub(crate) fn there(row: &Row) -> There {
        There {
            regular: true,
            size: row.size,
            mtime: row.mtime,
            inode: row.inode,
            blake3: row.blake3,
        }
    }

    #[test]
    fn a_row_round_trips_and_says_nothing_that_is_not_so() {
        let mut row = row(1, "2024/05/IMG_1.jpg");
        let text = serde_json::to_string(&row).unwrap();
        assert!(text.starts_with(r#"{"key":{"library":"L","asset":"00000001-"#), "{text}");
        assert!(!text.contains("album") && !text.contains("adopted"));
        assert_eq!(serde_json::from_str::<Row>(&text).unwrap(), row);
        row.key.album = Some(row.key.asset.clone());
        row.adopted = true;
        row.blake3 = None;
        let text = serde_json::to_string(&row).unwrap();
        assert_eq!(serde_json::from_str::<Row>(&text).unwrap(), row);
    }

    #[test]
    fn a_path_that_is_none_is_damage() {
        let text = serde_json::to_string(&row(1, "a/b.jpg")).unwrap();
        let none = ["", ".", "..", "../a", "a/../b", "/etc/passwd", "~/a", "a//b", "a\\u0000"];
        let records = [".darkslide", ".darkslide/id", ".Darkslide/x", "a/.darkslide/id"];
        for bad in none.into_iter().chain(records) {
            let text = text.replace("a/b.jpg", bad);
            assert!(serde_json::from_str::<Row>(&text).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_long_text_in_the_place_of_a_word_is_damage() {
        let text = serde_json::to_string(&row(1, "a/b.jpg")).unwrap();
        for word in [r#""L""#, r#""original""#] {
            let text = |length: usize| text.replace(word, &format!("\"{}\"", "x".repeat(length)));
            assert!(serde_json::from_str::<Row>(&text(64)).is_ok());
            assert!(serde_json::from_str::<Row>(&text(65)).is_err());
        }
    }

    #[test]
    fn a_hash_that_is_none_is_damage() {
        let row = row(1, "a/b.jpg");
        let text = serde_json::to_string(&row).unwrap();
        let hash = row.blake3.unwrap().to_string();
        for bad in ["", "00", &"g".repeat(64), &"0".repeat(63), &"0".repeat(65), &"é".repeat(32)] {
            let text = text.replace(&hash, bad);
            assert!(serde_json::from_str::<Row>(&text).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_known_hash_decides_alone_and_without_one_all_three_facts_do() {
        let mut row = row(1, "a");
        let found = there(&row);
        assert!(row.is(&There { mtime: Stamp(0, 0), inode: 0, ..found }));
        assert!(!row.is(&There { blake3: None, ..found }));
        assert!(!row.is(&There { blake3: Some(Blake3(blake3::hash(b"x"))), ..found }));
        assert!(!row.is(&There { regular: false, ..found }));
        row.blake3 = None;
        assert!(row.is(&found));
        assert!(!row.is(&There { mtime: Stamp(0, 0), ..found }));
        assert!(!row.is(&There { inode: 0, ..found }));
    }
}
