//! From the library's rows to what the planner works with: names of the whole catalog, then the
//! selected assets' files, page by page.
//!
//! The one adapter between the reader's words and ours; no decision is made here but which word
//! means what. The hazard: an asset that came into the library between the two questions; it waits
//! for the next run.

use darkslide_door::{Facts, FileTime};
use darkslide_library::{
    Absence, CatalogEntry, Date, LibraryError, Presence, Resource, Scanned, Version,
};
use darkslide_protocol::value::Uuid;
use serde_json::value::RawValue;

use crate::error::ExportError;
use crate::manifest::Manifest;
use crate::name::{Counting, NamedAsset, Naming, Placed};
use crate::plan::{Available, Here, InPlace, Missing, Origin, Role, Wanted, chosen};
use crate::report::Outcome;
use crate::row::{Key, Source};
use crate::sidecar::{self, Beside};
use crate::spec::{Sidecar, Spec};
use crate::walk::Question;

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

/// What an export of one library knows of all its assets: their names.
pub(crate) struct Gathered {
    pub(crate) naming: Naming,
    /// The library's own UUID; a dash where it has none.
    pub(crate) library: String,
}

/// One selected asset.
pub(crate) struct Selected<'a> {
    /// What it is called.
    pub(crate) entry: &'a CatalogEntry,
    /// Its files.
    pub(crate) resources: Vec<Resource>,
    /// All that the library knows of it, where sidecars are wanted.
    pub(crate) record: Option<&'a RawValue>,
}

impl Gathered {
    pub(crate) fn new(question: &Question<'_>) -> Result<Self, ExportError> {
        let Question { library, read, spec, limit, .. } = *question;
        let shape = &spec.shape;
        let uuid = library.uuid(read, limit)?;
        let begin = || Counting::new(shape);
        let add = |counting: &mut Counting, entry: &CatalogEntry| {
            counting.add(&NamedAsset::of(entry));
        };
        let counting = read_at_rest(|| library.catalog(read, shape.needs(), limit, begin, add))?;
        Ok(Self {
            naming: counting.finish(),
            library: uuid.map_or_else(|| "-".to_owned(), |uuid| uuid.as_str().to_owned()),
        })
    }

    /// The places of an asset of which no file is wanted.
    pub(crate) fn places(&self, entry: &CatalogEntry) -> Vec<InPlace> {
        let places = self.naming.places(&NamedAsset::of(entry));
        places.into_iter().map(|place| (place, Vec::new())).collect()
    }

    /// The places of one selected asset, and its files in each.
    pub(crate) fn wanted(
        &self,
        spec: &Spec,
        manifest: &Manifest,
        asset: Selected<'_>,
    ) -> Result<Vec<InPlace>, ExportError> {
        let Selected { entry, resources, record } = asset;
        let uuid = &entry.uuid;
        if spec.key_images_only && entry.burst && !entry.burst_key {
            return Ok(Vec::new());
        }
        let rows = if spec.preview || record.is_some() {
            manifest.rows_of(&self.library, uuid)?
        } else {
            Vec::new()
        };
        let was_exported =
            |version: Version| rows.iter().any(|row| row.key.version == version.as_str());
        let chosen = chosen(spec, resources.into_iter().map(available).collect(), was_exported);
        // Nothing lies beside what is not there.
        let first = chosen.iter().find(|it| it.content.is_ok() || was_exported(it.version));
        let sidecars = match (record, first) {
            (Some(record), Some(first)) => beside(spec, record, first),
            (Some(_) | None, _) => Vec::new(),
        };
        let mtime = entry.date.filter(|_| spec.times).and_then(file_time);
        let wanted = |role: Role, album: Option<&Uuid>, content| Wanted {
            key: Key {
                library: self.library.clone(),
                asset: uuid.clone(),
                version: role.word().to_owned(),
                album: album.cloned(),
            },
            role,
            original_filename: entry.original_filename.clone(),
            content,
            mtime,
        };
        let files = |album: Option<&Uuid>| {
            let versions = chosen
                .iter()
                .map(|it| wanted(Role::Version(it.version), album, it.content.clone()));
            let beside = sidecars
                .iter()
                .map(|(kind, content)| wanted(Role::Sidecar(*kind), album, content.clone()));
            versions.chain(beside).collect()
        };
        let places = self.naming.places(&NamedAsset::of(entry));
        let in_place = |place: Placed| {
            let files = files(place.album.as_ref());
            (place, files)
        };
        Ok(places.into_iter().map(in_place).collect())
    }
}

/// The sidecars of an asset, told as those of the first of its files.
fn beside(
    spec: &Spec,
    record: &RawValue,
    first: &Available,
) -> Vec<(Sidecar, Result<Here, Missing>)> {
    let name = first.content.as_ref().map_or("", Here::file_name);
    let edited = first.version == Version::Edited;
    let mut kinds = spec.sidecars.clone();
    kinds.sort_unstable();
    kinds.dedup();
    let render = |kind: Sidecar| {
        let bytes = sidecar::render(kind, record.get().as_bytes(), Beside { name, edited });
        let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let unreadable = Missing { outcome: Outcome::Unreadable, reason: "bad-record" };
        (kind, text.map(Here::made).ok_or(unreadable))
    };
    kinds.into_iter().map(render).collect()
}

/// What is asked of the library for a spec.
pub(crate) fn versions(spec: &Spec) -> Vec<Version> {
    let mut versions = Version::USUAL.to_vec();
    if spec.aae {
        versions.extend([Version::Aae, Version::OriginalAae]);
    }
    if spec.preview {
        versions.push(Version::Preview);
    }
    versions
}

/// A date before 1970, or one that no camera had, is no file time.
fn file_time(date: Date) -> Option<FileTime> {
    FILE_TIMES.contains(&date.unix_seconds()).then(|| FileTime {
        seconds: date.unix_seconds(),
        nanoseconds: date.microseconds().saturating_mul(1_000),
    })
}

fn available(resource: Resource) -> Available {
    let here = |origin, facts: &Facts| Ok(Here { origin, source: Source::from(facts) });
    let (content, never) = match resource.presence {
        Presence::Here { path, facts } => (here(Origin::Bundle(path), &facts), false),
        Presence::Outside { path, facts } => (here(Origin::Referenced(path), &facts), false),
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
        Absence::Referenced => Outcome::Denied,
        Absence::InICloud
        | Absence::NotOnDisk
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
