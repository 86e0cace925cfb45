//! Where the files of Photos 2 to 4 lie: originals under the names that people gave them, what
//! Photos made under the number of its row.
//!
//! Rows name a master's path below one folder, or below a volume; numbers become two folders and a
//! name in hexadecimal digits. An original is the file of that very name, else the one file of its
//! folder that differs in case or normal form alone: a copy to another disk changes both. The
//! hazard: a search that takes another photo for this one.

use darkslide_policy::{AbsPath, Component, RelPath};

use super::look::Looker;
use super::places::{FileFacts, Row, absence_of, inside};
use super::reason::Absence;
use super::{FilePath, Version};
use crate::cell::nfc;
use crate::schema::metadata;
use crate::schema::old::folders;
use crate::schema::resource::{self, volume};
use crate::uti;

impl FileFacts {
    /// Is it of Photos 2 to 4?
    pub(crate) fn is_old(&self) -> bool {
        self.model.is_some_and(|model| model < metadata::OLDEST_MODEL)
    }

    /// The row that decides: the last of its kind.
    fn old_row(&self, version: Version) -> Option<&Row> {
        self.rows_of(version).last()
    }

    /// The places where a version may be, the likeliest first.
    pub(super) fn old_places(&self, version: Version) -> Result<Vec<FilePath>, Absence> {
        let movie = |folder: &str, begins: &str| {
            let key = self.old_row(version).and_then(|row| row.key);
            numbered(folder, begins, key, MOVIE_EXTENSION)
        };
        match version {
            Version::Original | Version::Raw => match self.old_row(version) {
                Some(row) => master_places(row),
                None => Err(Absence::BadName),
            },
            Version::LiveVideo => movie(folders::OF_MASTERS, folders::LIVE),
            Version::EditedLiveVideo => movie(folders::VERSIONS, folders::EDITED_LIVE),
            Version::Edited => {
                let row = self.old_row(version);
                let usual = if self.is_still() { STILL_EXTENSION } else { MOVIE_EXTENSION };
                let told = row.and_then(|row| row.uti.as_deref()).and_then(uti::extension_of);
                let key = row.and_then(|row| row.key);
                numbered(folders::VERSIONS, folders::EDITED, key, told.unwrap_or(usual))
            }
            // Adjustments stand in the database alone, and of previews the folder tells.
            Version::Aae | Version::OriginalAae | Version::Preview => Ok(Vec::new()),
        }
    }
}

/// What is taken where the type of an edit is not known.
const STILL_EXTENSION: &str = "jpeg";
const MOVIE_EXTENSION: &str = "mov";

/// Where the file of a master is: below the bundle, or outside.
fn master_places(row: &Row) -> Result<Vec<FilePath>, Absence> {
    let Some((disk, path)) = &row.outside else {
        return Err(Absence::BadName);
    };
    if disk.is_empty() {
        return Ok(vec![inside(folders::MASTERS, path)?]);
    }
    let path = path.trim_matches('/');
    let mut places = vec![format!("{}/{disk}/{path}", volume::MOUNTS)];
    // The system's own disk is mounted at `/`, whatever its name is.
    places.extend(path.starts_with(folders::HOMES).then(|| format!("/{path}")));
    let outside = |path: String| AbsPath::parse(&path, None).map(FilePath::Outside);
    places.into_iter().map(outside).collect::<Result<_, _>>().map_err(absence_of)
}

/// The folders that follow from a number, and the number as a name.
fn digits(key: i64) -> Option<(String, String, String)> {
    let key = u64::try_from(key).ok()?;
    Some((format!("{:02x}", (key >> 8) & 0xFF), format!("{:02x}", key >> 16), format!("{key:x}")))
}

fn numbered(
    folder: &str,
    begins: &str,
    key: Option<i64>,
    extension: &str,
) -> Result<Vec<FilePath>, Absence> {
    let Some((outer, inner, name)) = key.and_then(digits) else {
        return Ok(Vec::new());
    };
    Ok(vec![inside(&format!("{folder}/{outer}/{inner}"), &format!("{begins}{name}.{extension}"))?])
}

/// What of two names counts: neither case nor normal form.
fn folded(name: &str) -> String {
    nfc(&nfc(name).to_lowercase())
}

impl Looker<'_> {
    /// The places where a version may be that is not where its row says.
    pub(super) fn search_old(&mut self, facts: &FileFacts, version: Version) -> Vec<FilePath> {
        let places = facts.old_places(version).unwrap_or_default();
        let Some(FilePath::Inside(place)) = places.first() else {
            return Vec::new();
        };
        let Some((folder, name)) = place.split_last() else {
            return Vec::new();
        };
        match version {
            Version::Original | Version::Raw => {
                let row = facts.rows_of(version).last();
                if row.is_none_or(|row| row.local != Some(resource::AVAILABLE)) {
                    return Vec::new();
                }
                let wanted = folded(name);
                let names = self.names_in(&folder);
                let mut like = names.iter().filter(|name| folded(name.as_str()) == wanted);
                // Of two that fit nobody knows which is meant.
                let found = like.next().filter(|_| like.next().is_none());
                found.and_then(|name| below(&folder, name)).into_iter().collect()
            }
            Version::Edited
            | Version::LiveVideo
            | Version::EditedLiveVideo
            | Version::Aae
            | Version::OriginalAae
            | Version::Preview => {
                let (Some((outer, _)), Ok(name)) = (folder.split_last(), Component::parse(name))
                else {
                    return Vec::new();
                };
                let inner = self.names_in(&outer);
                let places = inner.iter().filter_map(|inner| outer.join(inner).ok());
                places.filter_map(|folder| below(&folder, &name)).collect()
            }
        }
    }

    /// Everything in the folder of an asset's previews.
    pub(super) fn old_previews(&mut self, facts: &FileFacts) -> Vec<FilePath> {
        let key = facts.old_row(Version::Original).and_then(|row| row.key);
        let Some((outer, inner, name)) = key.and_then(digits) else {
            return Vec::new();
        };
        let folder = |inner: &str| {
            RelPath::parse(&format!("{}/{outer}/{inner}/{name}", folders::PREVIEWS)).ok()
        };
        let mut names = self.in_folder(folder(&inner));
        if names.is_empty()
            && let Ok(outer) = RelPath::parse(&format!("{}/{outer}", folders::PREVIEWS))
        {
            for inner in self.names_in(&outer).iter() {
                names = self.in_folder(folder(inner.as_str()));
                if !names.is_empty() {
                    break;
                }
            }
        }
        names
    }

    fn in_folder(&mut self, folder: Option<RelPath>) -> Vec<FilePath> {
        let Some(folder) = folder else {
            return Vec::new();
        };
        let names = self.names_in(&folder);
        names.iter().filter_map(|name| below(&folder, name)).collect()
    }
}

fn below(folder: &RelPath, name: &Component) -> Option<FilePath> {
    folder.join(name).ok().map(FilePath::Inside)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use super::*;

    #[test]
    fn a_number_becomes_two_folders_and_a_name() {
        for (number, outer, inner, name) in [
            (0x8, "00", "00", "8"),
            (0x1a5, "01", "00", "1a5"),
            (0x1_2a5b, "2a", "01", "12a5b"),
            (0xffff, "ff", "00", "ffff"),
            (i64::MAX, "ff", "7fffffffffff", "7fffffffffffffff"),
        ] {
            let found = digits(number).unwrap();
            assert_eq!(
                (found.0.as_str(), found.1.as_str(), found.2.as_str()),
                (outer, inner, name)
            );
        }
        assert_eq!(digits(-1), None);
    }

    #[test]
    fn a_master_lies_below_the_bundle_or_its_volume_and_nowhere_else() {
        let row = |disk: &str, path: &str| Row {
            outside: Some((disk.to_owned(), path.to_owned())),
            ..Row::default()
        };
        let told = |disk, path| {
            let places = master_places(&row(disk, path));
            places.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(told("", "2019/a.jpg").unwrap(), ["Masters/2019/a.jpg"]);
        assert_eq!(told("Disk", "Pictures/a.jpg").unwrap(), ["/Volumes/Disk/Pictures/a.jpg"]);
        assert_eq!(
            told("Disk", "Users/a.jpg").unwrap(),
            ["/Volumes/Disk/Users/a.jpg", "/Users/a.jpg"]
        );
        for path in ["../a.jpg", "2019/../../a.jpg"] {
            assert_eq!(told("", path), Err(Absence::OutsideBundle), "{path}");
            assert_eq!(told("Disk", path), Err(Absence::OutsideBundle), "{path}");
        }
        assert_eq!(told("../../etc", "a.jpg"), Err(Absence::OutsideBundle));
        for path in ["", "a\u{1}.jpg", "a//b.jpg"] {
            assert_eq!(told("", path), Err(Absence::BadName), "{path:?}");
        }
        assert_eq!(master_places(&Row::default()), Err(Absence::BadName));
    }
}
