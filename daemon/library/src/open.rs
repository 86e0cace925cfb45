//! Opens one version of an asset for reading, and says what a person would call it.
//!
//! By asset and version, never by a path that somebody wrote: where the file is follows from the
//! rows, and the door opens it below the bundle, or below a folder that the grant shows, without
//! following a link. The hazard: what `stat` saw can be another thing when it is opened, so that
//! only the open file is asked what it is.

use std::fs::File;

use darkslide_door::SourceFile;
use darkslide_policy::Component;
use darkslide_protocol::value::Uuid;

use crate::db::Stop;
use crate::query::resources;
use crate::resource::{Absence, FileFacts, Looker, Presence, Version};
use crate::session::Session;

/// A file of an asset, open for reading.
#[derive(Debug)]
pub struct OpenFile {
    version: Version,
    name: String,
    path: String,
    uti: Option<String>,
    file: SourceFile,
}

impl OpenFile {
    pub(crate) fn new(
        facts: &FileFacts,
        version: Version,
        found: &Presence,
        file: SourceFile,
    ) -> Self {
        let path = found.path_text().unwrap_or_default().to_owned();
        let uti = facts.uti_of(version, Some(&path)).map(str::to_owned);
        Self { version, name: name(facts, version, &path), path, uti, file }
    }

    /// Which version it is.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// What a person would call it: the original's name, with the extension of this file; always a
    /// single component of a path.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it was found, relative to the bundle or absolute.
    #[must_use]
    pub fn path_text(&self) -> &str {
        &self.path
    }

    /// Its type, if it is known.
    #[must_use]
    pub fn uti(&self) -> Option<&str> {
        self.uti.as_deref()
    }

    /// Its bytes when it was opened.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.file.facts().size
    }

    /// The open file.
    #[must_use]
    pub fn file(&self) -> &File {
        self.file.file()
    }

    /// Gives the open file away; it has not been read from.
    #[must_use]
    pub fn into_file(self) -> File {
        self.file.into_file()
    }
}

/// What came of opening a version.
#[derive(Debug)]
pub enum Opened {
    /// This.
    File(OpenFile),
    /// It is not on this disk.
    Absent(Absence),
    /// The asset never has that version.
    NoVersion,
    /// The asset does not exist for the grant.
    Unknown,
}

/// Opens a version of an asset.
pub(crate) fn open(session: &Session<'_>, uuid: &Uuid, version: Version) -> Result<Opened, Stop> {
    let Some(facts) = resources::facts_of(session, std::slice::from_ref(uuid))?.remove(uuid) else {
        return Ok(Opened::Unknown);
    };
    let mut looker = Looker::new(session.dir, session.grant);
    let opened = match looker.one(&facts, version) {
        None => Opened::NoVersion,
        Some(found) => match looker.open(&found) {
            Ok(Some(file)) => Opened::File(OpenFile::new(&facts, version, &found, file)),
            Ok(None) => Opened::Absent(facts.reason(version)),
            Err(why) => Opened::Absent(why),
        },
    };
    looker.finish()?;
    Ok(opened)
}

/// The original's own name, with the extension of the file that was found.
fn name(facts: &FileFacts, version: Version, path: &str) -> String {
    let file = path.rsplit_once('/').map_or(path, |(_, file)| file);
    let given = [facts.original_filename.as_deref(), facts.filename.as_deref()];
    let given = given.into_iter().flatten().find(|name| Component::parse(name).is_ok());
    let extension = split(file).1;
    let own = given.map(|given| match version {
        Version::Original => given.to_owned(),
        Version::Edited
        | Version::LiveVideo
        | Version::EditedLiveVideo
        | Version::Raw
        | Version::Aae
        | Version::OriginalAae
        | Version::Preview => [split(given).0, extension].concat(),
    });
    // What the rows tell can be no name, or be too long with another extension.
    let own = own.filter(|own| Component::parse(own).is_ok());
    own.unwrap_or_else(|| [facts.uuid.as_str(), extension].concat())
}

/// A name's stem, and its extension with the point.
fn split(name: &str) -> (&str, &str) {
    let point = name.rfind('.').filter(|point| *point > 0).unwrap_or(name.len());
    name.split_at_checked(point).unwrap_or((name, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(original: Option<&str>, version: Version, path: &str) -> String {
        let uuid = Uuid::parse("01234567-89AB-4CDE-8F01-23456789ABCD").unwrap();
        let mut facts = FileFacts::named(uuid);
        facts.original_filename = original.map(str::to_owned);
        name(&facts, version, path)
    }

    #[test]
    fn a_version_has_the_originals_name_and_an_extension_of_its_own() {
        let own = |version, path| named(Some("IMG_1.HEIC"), version, path);
        assert_eq!(own(Version::Original, "originals/0/0.heic"), "IMG_1.HEIC");
        assert_eq!(own(Version::Edited, "resources/renders/0/0_1_201_a.jpeg"), "IMG_1.jpeg");
        assert_eq!(own(Version::LiveVideo, "originals/0/0_3.mov"), "IMG_1.mov");
        assert_eq!(own(Version::Raw, "/disk/Raw/x.DNG"), "IMG_1.DNG");
        assert_eq!(own(Version::Aae, "resources/renders/0/0.plist"), "IMG_1.plist");
        assert_eq!(named(Some("a.b"), Version::Edited, "x/noextension"), "a");
        assert_eq!(named(Some(".hidden"), Version::Edited, "x/y.jpeg"), ".hidden.jpeg");
    }

    #[test]
    fn what_is_no_name_gives_none_to_a_file() {
        let uuid = "01234567-89AB-4CDE-8F01-23456789ABCD";
        let long = format!("{}.j", "x".repeat(252));
        for original in
            [None, Some(""), Some(".."), Some("../../x.jpg"), Some("/etc/x.jpg"), Some("a\u{1b}.j")]
        {
            let name = named(original, Version::Original, "originals/0/0.jpeg");
            assert_eq!(name, format!("{uuid}.jpeg"), "{original:?}");
        }
        assert_eq!(named(Some(&long), Version::Original, "x/0.j"), long);
        assert_eq!(named(Some(&long), Version::Edited, "x/0.jpeg"), format!("{uuid}.jpeg"));
        assert_eq!(named(Some("..mov"), Version::Edited, "x/0"), uuid);
    }
}
