//! Old rows and changes -> the new manifest and its digests, row by row.
//!
//! Pure: it reads and writes what it is handed, and holds the rows of one asset at a time. Both
//! sides come in the order of keys and so does the result; but what is true does not depend on the
//! order, so a manifest that somebody sorted otherwise loses no row. Doing it twice gives the same.
//! The hazard: two names exchanged in one job, of which each new row looks like the end of the
//! other's.

use std::io::Write;

use crate::changes::Changes;
use crate::error::ExportError;
use crate::journal::Folders;
use crate::manifest::{Manifest, ManifestWriter};
use crate::row::Row;
use crate::sums::SumsWriter;

/// Merges, and returns what was written to.
pub(crate) fn merge<M: Write, S: Write>(
    old: &Manifest,
    changes: &Changes,
    folders: Folders,
    (manifest, sums): (M, S),
) -> Result<(M, S), ExportError> {
    let mut manifest = ManifestWriter::begin(manifest)?;
    let mut sums = SumsWriter::begin(sums);
    let mut write = |row: &Row| {
        sums.row(row)?;
        manifest.row(row)
    };
    let mut new = changes.rows();
    let mut next = new.next().transpose()?;
    for row in old.rows() {
        let row = row?;
        while let Some(before) = next.take_if(|it| it.key < row.key) {
            write(&before)?;
            next = new.next().transpose()?;
        }
        if !changes.replaces(&row)? {
            write(&row)?;
        }
    }
    while let Some(row) = next {
        write(&row)?;
        next = new.next().transpose()?;
    }
    merge_folders(old, folders, &mut manifest)?;
    Ok((manifest.end()?, sums.end()?))
}

fn merge_folders<M: Write>(
    old: &Manifest,
    mut new: Folders,
    manifest: &mut ManifestWriter<M>,
) -> Result<(), ExportError> {
    for folder in old.folders() {
        let folder = folder?;
        while let Some(before) = new.first_entry().filter(|it| *it.key() < folder) {
            let (before, is_there) = before.remove_entry();
            if is_there {
                manifest.folder(&before)?;
            }
        }
        if new.remove(&folder) != Some(false) {
            manifest.folder(&folder)?;
        }
    }
    let made = new.iter().filter(|(_, is_there)| **is_there);
    made.map(|(folder, _)| folder).try_for_each(|folder| manifest.folder(folder))
}

#[cfg(test)]
mod tests;
