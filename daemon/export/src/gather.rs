//! From the library's rows to what the planner works with: names of the whole catalog, then the
//! selected assets' files, page by page.
//!
//! The one adapter between the reader's words and ours; no decision is made here but which word
//! means what. The hazard: an asset that came into the library between the two questions; it waits
//! for the next run.

use std::collections::HashMap;
use std::sync::Arc;

use darkslide_door::FileTime;
use darkslide_library::{
    Absence, AlbumPlace, CatalogEntry, Date, LibraryError, Presence, Resource, Scanned,
};
use darkslide_protocol::value::Uuid;

use crate::name::{Counting, NamedAsset, Naming, Placed};
use crate::plan::{Available, Here, Missing, Wanted, chosen};
use crate::report::Outcome;
use crate::row::{Key, Source};
use crate::spec::{Shape, Spec};

/// The first second that file systems without signed times keep, and the first one that FAT does
/// not.
const FILE_TIMES: std::ops::Range<i64> = 0..4_294_967_296;

/// How often a library that somebody writes to meanwhile is read anew.
const MAX_READS: usize = 3;

/// Reads until nobody has written to the library meanwhile. Names are counted over all of it, so
/// half of a change would name files that the next run renames. Under one that is written to all
/// the time what was read last has to do.
pub(crate) fn read_at_rest<T>(
    read: impl Fn() -> Result<Scanned<T>, LibraryError>,
) -> Result<T, LibraryError> {
    let mut reads = 1;
    loop {
        let scanned = read()?;
        if scanned.consistent || reads == MAX_READS {
            return Ok(scanned.found);
        }
        reads += 1;
    }
}

/// The catalog, and the names of all that is in it.
pub(crate) struct Gathered {
    entries: HashMap<Uuid, CatalogEntry>,
    pub(crate) naming: Naming,
    /// The library's own UUID; a dash where it has none.
    library: String,
}

impl Gathered {
    pub(crate) fn new(shape: &Shape, library: Option<Uuid>, catalog: Vec<CatalogEntry>) -> Self {
        let mut counting = Counting::new(shape);
        for entry in &catalog {
            counting.add(&named(entry, &albums(entry)));
        }
        let entries = catalog.into_iter().map(|entry| (entry.uuid.clone(), entry));
        Self {
            entries: entries.collect(),
            naming: counting.finish(),
            library: library.map_or_else(|| "-".to_owned(), |uuid| uuid.as_str().to_owned()),
        }
    }

    /// The places of one selected asset, and its files in each; nothing where the catalog has it
    /// not.
    pub(crate) fn wanted(
        &self,
        spec: &Spec,
        asset: &Uuid,
        resources: Vec<Resource>,
    ) -> Vec<(Placed, Vec<Wanted>)> {
        let Some(entry) = self.entries.get(asset) else {
            return Vec::new();
        };
        let available = resources.into_iter().map(available).collect();
        let chosen = chosen(spec, available);
        let mtime = entry.date.filter(|_| spec.times).and_then(file_time);
        let places = self.naming.places(&named(entry, &albums(entry)));
        let files = |place: &Placed| {
            let file = |it: &Available| Wanted {
                key: Key {
                    library: self.library.clone(),
                    asset: asset.clone(),
                    version: it.version.as_str().to_owned(),
                    album: place.album.clone(),
                },
                version: it.version,
                original_filename: entry.original_filename.clone(),
                content: it.content.clone(),
                mtime,
            };
            chosen.iter().map(file).collect()
        };
        places
            .into_iter()
            .map(|place| {
                let files = files(&place);
                (place, files)
            })
            .collect()
    }
}

fn albums(entry: &CatalogEntry) -> Vec<Arc<AlbumPlace>> {
    let memberships = entry.albums.iter();
    memberships.map(|it| Arc::clone(&it.album)).collect()
}

fn named<'a>(entry: &'a CatalogEntry, albums: &'a [Arc<AlbumPlace>]) -> NamedAsset<'a> {
    NamedAsset {
        uuid: &entry.uuid,
        original_filename: &entry.original_filename,
        month: entry.date.map(|date| (date.year(), date.month())),
        albums,
    }
}

/// A date before 1970, or one that no camera had, is no file time.
fn file_time(date: Date) -> Option<FileTime> {
    FILE_TIMES.contains(&date.unix_seconds()).then(|| FileTime {
        seconds: date.unix_seconds(),
        nanoseconds: date.microseconds().saturating_mul(1_000),
    })
}

fn available(resource: Resource) -> Available {
    let (content, never) = match resource.presence {
        Presence::Here { path, facts } => {
            let source = Source::from(&facts);
            (Ok(Here { path, source }), false)
        }
        // Nothing outside the bundle is exported: the right to read there is another one.
        Presence::Outside { .. } => {
            let absence = Absence::Referenced;
            let missing = Missing { outcome: outcome_of(absence), reason: absence.as_str() };
            (Err(missing), false)
        }
        Presence::Absent(absence) => {
            let missing = Missing { outcome: outcome_of(absence), reason: absence.as_str() };
            (Err(missing), absence == Absence::NoRender)
        }
    };
    Available { version: resource.version, content, never }
}

fn outcome_of(absence: Absence) -> Outcome {
    match absence {
        Absence::NotAFile | Absence::Unreadable => Outcome::Unreadable,
        Absence::InICloud
        | Absence::NotOnDisk
        | Absence::Referenced
        | Absence::VolumeAbsent
        | Absence::NotSaved
        | Absence::NoRender
        | Absence::OutsideBundle
        | Absence::BadName => Outcome::NotLocal,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_library_is_read_again_until_nobody_writes_to_it_and_three_times_at_most() {
        for (rests_at, reads) in [(1, 1), (2, 2), (3, 3), (9, 3)] {
            let count = Cell::new(0);
            let read = || {
                count.set(count.get() + 1);
                Ok(Scanned { found: count.get(), consistent: count.get() >= rests_at })
            };
            assert_eq!(read_at_rest(read).unwrap(), reads);
            assert_eq!(count.get(), reads);
        }
    }
}
