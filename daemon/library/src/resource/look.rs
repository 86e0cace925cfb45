//! Looks at the disk, through the door: is a version there, and as what?
//!
//! The door follows no link, so that what is found lies in the bundle, or in a folder outside it
//! that the grant names. One look per place, the likeliest first; a folder is listed for a RAW file
//! of an unexpected name only, and no more than a few of them per question. The hazard: a disk that
//! fails, whose answers would make a library look empty; `finish` says so.

use std::collections::HashMap;
use std::rc::Rc;

use darkslide_door::{DoorError, DoorErrorKind, Entry, Facts, Kind, LibraryDir, SourceFile};
use darkslide_policy::{AbsPath, Component, Grant, Read, RelPath};

use super::places::FileFacts;
use super::reason::Absence;
use super::{AssetResources, FilePath, Presence, Resource, Version};
use crate::bundle;
use crate::error::LibraryError;

/// Folders listed for one question; Photos has sixteen that RAW files lie in.
const MAX_LISTED_FOLDERS: usize = 64;

/// Where the files of an asset are, as a record tells it; none for what is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Paths {
    pub(crate) original: Option<FilePath>,
    pub(crate) edited: Option<FilePath>,
    pub(crate) live_video: Option<FilePath>,
    pub(crate) edited_live_video: Option<FilePath>,
    pub(crate) raw: Option<FilePath>,
    /// In the order of their text.
    pub(crate) previews: Vec<FilePath>,
}

/// Looks at the files of one question's assets.
pub(crate) struct Looker<'a> {
    dir: &'a LibraryDir,
    grant: &'a Grant<Read>,
    /// Names with the RAW suffix, by folder: all that is kept of a listing.
    raw_names: HashMap<RelPath, Vec<Component>>,
    /// The folder of Photos 2 to 4 that was listed last: neighbours lie in one.
    last_listed: Option<(RelPath, Rc<[Component]>)>,
    /// What the machine lacked for a look, first of all; then what was seen says nothing.
    trouble: Option<DoorError>,
}

impl<'a> Looker<'a> {
    pub(crate) fn new(dir: &'a LibraryDir, grant: &'a Grant<Read>) -> Self {
        Self { dir, grant, raw_names: HashMap::new(), last_listed: None, trouble: None }
    }

    /// Could all of it be looked at?
    pub(crate) fn finish(self) -> Result<(), LibraryError> {
        self.trouble.map_or(Ok(()), |error| Err(bundle::unavailable(error)))
    }

    /// The original's path, if it is there.
    pub(crate) fn original(&mut self, facts: &FileFacts) -> Option<RelPath> {
        match self.presence(facts, Version::Original) {
            Presence::Here { path, .. } => Some(path),
            Presence::Outside { .. } | Presence::Absent(_) => None,
        }
    }

    /// The paths of those versions that are wanted.
    pub(crate) fn paths(&mut self, facts: &FileFacts, wanted: impl Fn(Version) -> bool) -> Paths {
        let mut one = |version| {
            let is_asked = wanted(version) && facts.has(version);
            is_asked.then(|| self.presence(facts, version).path()).flatten()
        };
        let mut paths = Paths {
            original: one(Version::Original),
            edited: one(Version::Edited),
            live_video: one(Version::LiveVideo),
            edited_live_video: one(Version::EditedLiveVideo),
            raw: one(Version::Raw),
            previews: Vec::new(),
        };
        if wanted(Version::Preview) {
            let found = self.previews(facts).into_iter().filter_map(Presence::path);
            paths.previews.extend(found);
            paths.previews.sort();
        }
        paths
    }

    /// These versions of an asset; of its previews the largest that is here.
    pub(crate) fn these(&mut self, facts: &FileFacts, versions: &[Version]) -> AssetResources {
        let mut resources = Vec::with_capacity(versions.len());
        for version in versions.iter().copied().filter(|version| facts.has(*version)) {
            if version == Version::Preview {
                let largest = self.previews(facts).into_iter().max_by_key(size_of);
                resources.extend(largest.map(|it| resource(facts, version, it)));
            } else {
                resources.push(self.resource(facts, version));
            }
        }
        AssetResources { uuid: facts.uuid.clone(), resources }
    }

    /// All versions of an asset, every preview that is here among them.
    pub(crate) fn all(&mut self, facts: &FileFacts) -> AssetResources {
        let versions = Version::ALL.iter().copied();
        let has = versions.filter(|it| *it != Version::Preview && facts.has(*it));
        let mut resources: Vec<Resource> =
            has.map(|version| self.resource(facts, version)).collect();
        let previews = self.previews(facts);
        if previews.is_empty() && facts.has(Version::Preview) {
            let absent = Presence::Absent(facts.reason(Version::Preview));
            resources.push(resource(facts, Version::Preview, absent));
        }
        let previews = previews.into_iter();
        resources.extend(previews.map(|it| resource(facts, Version::Preview, it)));
        AssetResources { uuid: facts.uuid.clone(), resources }
    }

    fn resource(&mut self, facts: &FileFacts, version: Version) -> Resource {
        let presence = self.presence(facts, version);
        resource(facts, version, presence)
    }

    /// Where one version of an asset is, of its previews the largest; none if it never has it.
    pub(crate) fn one(&mut self, facts: &FileFacts, version: Version) -> Option<Presence> {
        if version == Version::Preview {
            let largest = self.previews(facts).into_iter().max_by_key(size_of);
            let absent = || Presence::Absent(facts.reason(version));
            return largest.or_else(|| facts.has(version).then(absent));
        }
        facts.has(version).then(|| self.presence(facts, version))
    }

    /// Opens what was found; none where it has gone since.
    pub(crate) fn open(&mut self, found: &Presence) -> Result<Option<SourceFile>, Absence> {
        let opened = match found {
            Presence::Here { path, .. } => self.dir.open_file(self.grant, path),
            Presence::Outside { path, .. } => self.dir.open_referenced(self.grant, path),
            Presence::Absent(absence) => return Err(*absence),
        };
        opened.map(Some).or_else(|error| self.refused(error))
    }

    /// Every preview that is here.
    pub(crate) fn previews(&mut self, facts: &FileFacts) -> Vec<Presence> {
        let places = if facts.is_old() {
            self.old_previews(facts)
        } else {
            facts.places(Version::Preview).unwrap_or_default()
        };
        places.into_iter().filter_map(|place| self.look(place).ok().flatten()).collect()
    }

    /// The first of a version's places where something is.
    pub(crate) fn presence(&mut self, facts: &FileFacts, version: Version) -> Presence {
        let places = match facts.places(version) {
            Ok(places) => places,
            Err(absence) => return Presence::Absent(absence),
        };
        let mut odd = None;
        match self.first(places, &mut odd) {
            Some(found) => return found,
            None if facts.is_old() => {
                let found = self.search_old(facts, version);
                if let Some(found) = self.first(found, &mut odd) {
                    return found;
                }
            }
            None if version == Version::Raw => {
                let listed = self.listed_raw(facts);
                if let Some(found) = self.first(listed, &mut odd) {
                    return found;
                }
            }
            None => {}
        }
        Presence::Absent(odd.unwrap_or_else(|| facts.reason(version)))
    }

    fn first(
        &mut self,
        places: impl IntoIterator<Item = FilePath>,
        odd: &mut Option<Absence>,
    ) -> Option<Presence> {
        for place in places {
            match self.look(place) {
                Ok(Some(found)) => return Some(found),
                Ok(None) => {}
                Err(absence) => {
                    odd.get_or_insert(absence);
                }
            }
        }
        None
    }

    /// What is at a place, if it is a file; none for nothing.
    fn look(&mut self, place: FilePath) -> Result<Option<Presence>, Absence> {
        match place {
            FilePath::Inside(path) => {
                let answer = self.dir.stat(self.grant, &path);
                Ok(self.file(answer)?.map(|facts| Presence::Here { path, facts }))
            }
            FilePath::Outside(path) => self.look_outside(path),
        }
    }

    fn look_outside(&mut self, path: AbsPath) -> Result<Option<Presence>, Absence> {
        let answer = self.dir.stat_referenced(self.grant, &path);
        match answer.as_ref().map_err(DoorError::kind) {
            Err(DoorErrorKind::Grant) => Err(Absence::Referenced),
            // The folder that the policy shows is not there; that the file is not is no error.
            Err(DoorErrorKind::NotFound) => Err(Absence::VolumeAbsent),
            Err(_) | Ok(_) => Ok(self.file(answer)?.map(|facts| Presence::Outside { path, facts })),
        }
    }

    fn file(&mut self, answer: Result<Option<Facts>, DoorError>) -> Result<Option<Facts>, Absence> {
        match answer {
            Ok(None) => Ok(None),
            // To read it would be to download it.
            Ok(Some(facts)) if facts.is_elsewhere => Err(Absence::InICloud),
            Ok(Some(facts)) if facts.kind == Kind::File => Ok(Some(facts)),
            Ok(Some(_)) => Err(Absence::NotAFile),
            Err(error) => self.refused(error),
        }
    }

    /// What a refusal of the door says of a file; none where nothing is there.
    fn refused<T>(&mut self, error: DoorError) -> Result<Option<T>, Absence> {
        if error.is_of_the_machine() {
            self.trouble.get_or_insert(error);
            return Err(Absence::Unreadable);
        }
        match error.kind() {
            DoorErrorKind::NotFound => Ok(None),
            DoorErrorKind::Link | DoorErrorKind::NotAFile | DoorErrorKind::NotAFolder => {
                Err(Absence::NotAFile)
            }
            DoorErrorKind::OutsideRoot => Err(Absence::OutsideBundle),
            DoorErrorKind::Name => Err(Absence::BadName),
            DoorErrorKind::Elsewhere => Err(Absence::InICloud),
            DoorErrorKind::Exists
            | DoorErrorKind::Permission
            | DoorErrorKind::Protected
            | DoorErrorKind::Unanswered
            | DoorErrorKind::NoSpace
            | DoorErrorKind::ReadOnly
            | DoorErrorKind::Busy
            | DoorErrorKind::Replaced
            | DoorErrorKind::Grant
            | DoorErrorKind::Nested
            | DoorErrorKind::ForeignRecord
            | DoorErrorKind::TooMany
            | DoorErrorKind::Io => Err(Absence::Unreadable),
        }
    }

    /// RAW files beside the original with an extension that only the folder tells, in any case of
    /// letters.
    fn listed_raw(&mut self, facts: &FileFacts) -> Vec<FilePath> {
        let Some((folder, begins)) = facts.raw_search() else {
            return Vec::new();
        };
        if !self.raw_names.contains_key(&folder) {
            if self.raw_names.len() == MAX_LISTED_FOLDERS {
                return Vec::new();
            }
            let names = self.list_raw(&folder);
            self.raw_names.insert(folder.clone(), names);
        }
        let names = self.raw_names.get(&folder).into_iter().flatten();
        let fits = names.filter(|name| name.as_str().to_lowercase().starts_with(&begins));
        fits.filter_map(|name| folder.join(name).ok()).map(FilePath::Inside).collect()
    }

    fn list_raw(&mut self, folder: &RelPath) -> Vec<Component> {
        let mut names = self.list(folder);
        names.retain(|name| super::places::is_raw_name(name.as_str()));
        names
    }

    /// All names in a folder.
    pub(super) fn names_in(&mut self, folder: &RelPath) -> Rc<[Component]> {
        if let Some((last, names)) = &self.last_listed
            && last == folder
        {
            return Rc::clone(names);
        }
        let names: Rc<[Component]> = self.list(folder).into();
        self.last_listed = Some((folder.clone(), Rc::clone(&names)));
        names
    }

    fn list(&mut self, folder: &RelPath) -> Vec<Component> {
        match self.dir.list(self.grant, folder) {
            Ok(entries) => entries.iter().filter_map(Entry::component).collect(),
            // A folder that cannot be listed has none; the reason is then the database's.
            Err(error) => {
                let trouble = Some(error).filter(DoorError::is_of_the_machine);
                self.trouble = self.trouble.take().or(trouble);
                Vec::new()
            }
        }
    }
}

fn size_of(presence: &Presence) -> u64 {
    match presence {
        Presence::Here { facts, .. } | Presence::Outside { facts, .. } => facts.size,
        Presence::Absent(_) => 0,
    }
}

fn resource(facts: &FileFacts, version: Version, presence: Presence) -> Resource {
    let uti = facts.uti_of(version, presence.path_text()).map(str::to_owned);
    let bytes = match &presence {
        Presence::Here { facts, .. } | Presence::Outside { facts, .. } => Some(facts.size),
        Presence::Absent(_) => facts.bytes_of(version),
    };
    Resource { version, presence, uti, bytes }
}

#[cfg(test)]
mod tests {
    use darkslide_fixture::{ManyOptions, Model, many};
    use darkslide_protocol::value::Uuid;

    use super::*;
    use crate::resource::Row;
    use crate::schema::resource;
    use crate::testing::Asked;

    /// An asset in a folder of its own, with a RAW file whose type no row tells.
    fn facts(number: usize) -> FileFacts {
        let raw = Row {
            subtype: Some(resource::SUBTYPE_RAW),
            local: Some(resource::AVAILABLE),
            typed: true,
            ..Row::default()
        };
        FileFacts {
            uuid: Uuid::parse(&format!("{number:08X}-0000-4000-8000-000000000000")).unwrap(),
            kind: None,
            subtype: None,
            adjusted: false,
            directory: Some(format!("F{number}")),
            filename: Some(String::from("a.jpeg")),
            original_filename: None,
            uti: None,
            shared: false,
            moment_shared: false,
            unsaved: false,
            model: None,
            resources: vec![raw],
            twin_is_here: false,
        }
    }

    #[test]
    fn so_many_folders_are_listed_for_one_question_and_none_twice() {
        let asked = Asked::new(|bundle| {
            many(bundle, Model::Photos11, 1, ManyOptions::default()).unwrap();
            for number in 0..MAX_LISTED_FOLDERS * 2 {
                let folder = bundle.join(format!("originals/F{number}"));
                #[allow(clippy::disallowed_methods, reason = "a test makes what is looked at")]
                std::fs::create_dir_all(&folder).unwrap();
                #[allow(clippy::disallowed_methods, reason = "a test makes what is looked at")]
                std::fs::write(folder.join("a_4.xyz"), "raw").unwrap();
            }
        });
        let mut looker = Looker::new(&asked.dir, &asked.grant);
        let mut is_found = |number| {
            let found = looker.presence(&facts(number), Version::Raw);
            matches!(found, Presence::Here { .. })
        };
        assert!((0..MAX_LISTED_FOLDERS).all(&mut is_found));
        assert!(!is_found(MAX_LISTED_FOLDERS) && !is_found(MAX_LISTED_FOLDERS * 2 - 1));
        assert!((0..MAX_LISTED_FOLDERS).all(&mut is_found), "what is known stays");
        looker.finish().unwrap();
    }

    #[test]
    fn a_file_without_its_content_is_in_icloud_by_look_and_by_opening() {
        let asked = Asked::new(|bundle| {
            many(bundle, Model::Photos11, 1, ManyOptions::default()).unwrap();
        });
        let mut looker = Looker::new(&asked.dir, &asked.grant);
        let database = RelPath::parse("database/Photos.sqlite").unwrap();
        let here = asked.dir.stat(&asked.grant, &database).unwrap().unwrap();
        assert_eq!(looker.file(Ok(Some(here))), Ok(Some(here)));
        let dataless = Facts { is_elsewhere: true, ..here };
        assert_eq!(looker.file(Ok(Some(dataless))), Err(Absence::InICloud));
        let empty = LibraryDir::open_with_faults(
            asked.dir.name().clone(),
            asked.dir.real_path(),
            darkslide_door::Faults::without_contents(),
        );
        let refused = empty.unwrap().open_file(&asked.grant, &database).unwrap_err();
        assert!(matches!(looker.refused::<()>(refused), Err(Absence::InICloud)));
    }

    #[test]
    fn only_what_is_wanted_is_looked_for() {
        let asked = Asked::new(|bundle| {
            many(bundle, Model::Photos11, 1, ManyOptions::default()).unwrap();
        });
        let mut looker = Looker::new(&asked.dir, &asked.grant);
        assert_eq!(looker.paths(&facts(1), |_| false), Paths::default());
        assert!(looker.raw_names.is_empty(), "nothing was listed");
        assert_eq!(looker.paths(&facts(1), |_| true), Paths::default());
        assert_eq!(looker.raw_names.len(), 1);
    }
}
