//! `manifest.jsonl`: every file of a destination that is settled, and the folders that we made.
//!
//! The format is final (docs/destination.md): a first line with the format, files sorted by
//! library, asset, version and album, then folders by path. Rows stay on the disk; in memory are
//! the places of their keys, paths and assets, 24 bytes a row, and any row is read where it stands,
//! from a file that stays open while another replaces it. A line that does not parse is left out,
//! and its file is found again by its content: a damaged record costs time, no photo. The hazard:
//! two rows of one key or path, of which the later counts; and rows of another library, which are
//! kept.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufWriter, Write};

use darkslide_policy::RelPath;
use darkslide_protocol::value::Uuid;
use serde::{Deserialize, Serialize};

use crate::error::ExportError;
use crate::index::Index;
use crate::lines::{LINES_TO_A_QUESTION, Lines, LinesAt, Stretch};
use crate::row::{Key, Row, visible_path};

/// What this program writes and reads.
const FORMAT: u32 = 1;
/// Files and folders of one destination: their places take 96 MB of the process's one gigabyte.
pub(crate) const MAX_ROWS: usize = 4_000_000;
/// Twice what that many rows usually have. None of it is in memory.
pub(crate) const MAX_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// One line that is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Manifest {},
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

/// What has to be known of a line to find it again. Whether it is a row says who reads it whole.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Glance<'a> {
    Manifest { format: u32 },
    File(#[serde(borrow)] RowGlance<'a>),
    Folder(serde::de::IgnoredAny),
}

#[derive(Debug, Deserialize)]
struct RowGlance<'a> {
    #[serde(borrow)]
    key: KeyGlance<'a>,
    #[serde(borrow)]
    path: Cow<'a, str>,
    size: u64,
}

#[derive(Debug, Deserialize)]
struct KeyGlance<'a> {
    #[serde(borrow)]
    library: Cow<'a, str>,
    #[serde(borrow)]
    asset: Cow<'a, str>,
    #[serde(borrow)]
    version: Cow<'a, str>,
    #[serde(borrow, default)]
    album: Option<&'a str>,
}

/// The texts of a key, for a hash.
type Parts<'a> = (&'a str, &'a str, &'a str, Option<&'a str>);

fn parts(key: &Key) -> Parts<'_> {
    let album = key.album.as_ref().map(Uuid::as_str);
    (&key.library, key.asset.as_str(), &key.version, album)
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

/// What is settled. None is open yet where nothing is.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    lines: LinesAt,
    by_key: Index,
    by_path: Index,
    /// Where the rows of each asset begin.
    by_asset: Index,
    /// Where the folders begin.
    folders_at: u64,
    rows: usize,
    bytes: u64,
}

impl Manifest {
    /// Reads a manifest of that size once, and asks now and then whether to go on.
    pub(crate) fn open(
        file: File,
        size: u64,
        go_on: impl Fn() -> bool,
    ) -> Result<Self, ManifestError> {
        Self::open_with([Index::default(), Index::default()], MAX_ROWS, file, size, go_on)
    }

    fn open_with(
        [mut by_key, mut by_path]: [Index; 2],
        max_rows: usize,
        file: File,
        size: u64,
        go_on: impl Fn() -> bool,
    ) -> Result<Self, ManifestError> {
        let (mut rows, mut bytes, mut folders_at, mut end) = (0, 0_u64, size, size);
        let (mut by_asset, mut last) = (by_key.like(), None);
        let mut lines = Lines::new(Stretch::new(&file, 0, size), 0);
        let mut read = 0_usize;
        while let Some((at, line)) = lines.next_line()? {
            read += 1;
            if read.is_multiple_of(LINES_TO_A_QUESTION) && !go_on() {
                return Err(ManifestError::Stopped);
            }
            match serde_json::from_slice(line) {
                Ok(Glance::Manifest { format }) if format > FORMAT => {
                    return Err(ManifestError::Newer(format));
                }
                // Without its first line it is none of ours.
                Ok(Glance::File(_) | Glance::Folder(_)) | Err(_) if at == 0 => {
                    end = 0;
                    break;
                }
                Ok(Glance::Manifest { .. }) | Err(_) => continue,
                Ok(Glance::File(row)) => {
                    let KeyGlance { library, asset, version, album } = row.key;
                    let key: Parts<'_> = (&library, &asset, &version, album);
                    by_key.add(&key, at);
                    let of = Some(by_asset.hash(&(&*library, &*asset)));
                    if of != last {
                        by_asset.add(&(&*library, &*asset), at);
                        last = of;
                    }
                    by_path.add(&*row.path, at);
                    bytes = bytes.saturating_add(row.size);
                }
                Ok(Glance::Folder(_)) => folders_at = folders_at.min(at),
            }
            rows += 1;
            if rows > max_rows {
                return Err(ManifestError::TooMany);
            }
        }
        drop(lines);
        by_key.sort();
        by_path.sort();
        by_asset.sort();
        let lines = LinesAt::new(file, end);
        Ok(Self { lines, by_key, by_path, by_asset, folders_at, rows, bytes })
    }

    /// Files and folders; two rows of one path count twice.
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// The sum of all files' sizes.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What is known of a file. Asked in the order of keys, it costs no more than to read on.
    pub(crate) fn get(&self, key: &Key) -> Result<Option<Row>, ExportError> {
        self.last(self.by_key.places(&parts(key)), |row| row.key == *key)
    }

    /// Whose file is to stand there?
    pub(crate) fn holder(&self, path: &RelPath) -> Result<Option<Row>, ExportError> {
        self.last(self.by_path.places(path.as_str()), |row| row.path == *path)
    }

    /// All rows of an asset.
    pub(crate) fn rows_of(&self, library: &str, asset: &Uuid) -> Result<Vec<Row>, ExportError> {
        let mut rows = Vec::new();
        for at in self.by_asset.places(&(library, asset.as_str())) {
            let mut lines = self.lines.lines(at);
            while let Some((_, row)) = self.next_row(&mut lines)?
                && row.key.library == library
                && row.key.asset == *asset
            {
                rows.push(row);
            }
        }
        // Where lines were damaged, one beginning can lead to what another one has told.
        rows.sort_by(|left, right| left.key.cmp(&right.key));
        rows.dedup_by(|left, right| left.key == right.key);
        Ok(rows)
    }

    /// All rows, in their order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Result<Row, ExportError>> + '_ {
        self.placed_rows().map(|row| row.map(|(_, row)| row))
    }

    /// The same, with where each stands.
    pub(crate) fn placed_rows(&self) -> impl Iterator<Item = Result<(u64, Row), ExportError>> + '_ {
        let mut lines = self.lines.lines(0);
        std::iter::from_fn(move || self.next_row(&mut lines).transpose())
    }

    /// Folders that we made.
    pub(crate) fn folders(&self) -> impl Iterator<Item = Result<RelPath, ExportError>> + '_ {
        let mut lines = self.lines.lines(self.folders_at);
        let mut next = move || {
            while let Some((_, line)) = lines.next_line()? {
                match serde_json::from_slice(line) {
                    Ok(Line::Folder(path)) => return Ok(Some(path)),
                    Ok(Line::Manifest {} | Line::File(_)) | Err(_) => {}
                }
            }
            Ok(None)
        };
        std::iter::from_fn(move || next().transpose())
    }

    /// The last row of which that is true, if it counts.
    fn last(
        &self,
        mut places: impl Iterator<Item = u64>,
        is_it: impl Fn(&Row) -> bool,
    ) -> Result<Option<Row>, ExportError> {
        let found = places.find_map(|at| match self.row_at(at) {
            Ok(row) => row.filter(&is_it).map(|row| Ok((at, row))),
            Err(error) => Some(Err(error)),
        });
        let Some((at, row)) = found.transpose()? else {
            return Ok(None);
        };
        Ok(self.counts(at, &row)?.then_some(row))
    }

    fn next_row<R: BufRead>(
        &self,
        lines: &mut Lines<R>,
    ) -> Result<Option<(u64, Row)>, ExportError> {
        while let Some((at, line)) = lines.next_line()? {
            if let Some(row) = row_of(line)
                && self.counts(at, &row)?
            {
                return Ok(Some((at, row)));
            }
        }
        Ok(None)
    }

    /// Has no later row its key or its path?
    fn counts(&self, at: u64, row: &Row) -> Result<bool, ExportError> {
        let keys = self.by_key.places(&parts(&row.key));
        let paths = self.by_path.places(row.path.as_str());
        for later in keys.take_while(|it| *it > at).chain(paths.take_while(|it| *it > at)) {
            let other = self.row_at(later)?;
            if other.is_some_and(|other| other.key == row.key || other.path == row.path) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The row that stands there, whether it counts or not.
    pub(crate) fn row_at(&self, at: u64) -> Result<Option<Row>, ExportError> {
        Ok(self.lines.with_line(at, row_of)?)
    }
}

fn row_of(line: &[u8]) -> Option<Row> {
    match serde_json::from_slice(line) {
        Ok(Line::File(row)) => Some(row),
        Ok(Line::Manifest {} | Line::Folder(_)) | Err(_) => None,
    }
}

/// A manifest that is written: its rows, then its folders.
#[derive(Debug)]
pub(crate) struct ManifestWriter<W: Write> {
    to: BufWriter<W>,
    line: Vec<u8>,
    bytes: u64,
}

impl<W: Write> ManifestWriter<W> {
    pub(crate) fn begin(to: W) -> Result<Self, ExportError> {
        let to = BufWriter::with_capacity(64 * 1024, to);
        let mut writer = Self { to, line: Vec::new(), bytes: 0 };
        writer.write(&LineRef::Manifest { format: FORMAT })?;
        Ok(writer)
    }

    pub(crate) fn row(&mut self, row: &Row) -> Result<(), ExportError> {
        self.write(&LineRef::File(row))
    }

    pub(crate) fn folder(&mut self, path: &RelPath) -> Result<(), ExportError> {
        self.write(&LineRef::Folder(path))
    }

    pub(crate) fn end(self) -> Result<W, ExportError> {
        self.to.into_inner().map_err(|error| error.into_error().into())
    }

    fn write(&mut self, line: &LineRef<'_>) -> Result<(), ExportError> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line).map_err(io::Error::from)?;
        self.line.push(b'\n');
        self.bytes = self.bytes.saturating_add(u64::try_from(self.line.len()).unwrap_or(u64::MAX));
        if self.bytes > MAX_BYTES {
            return Err(ExportError::TooManyFiles);
        }
        Ok(self.to.write_all(&self.line)?)
    }
}

#[cfg(test)]
pub(crate) mod tests;
