//! Where each file of an asset belongs below a destination.
//!
//! A pure function of the whole catalog that the grant shows and of the shape: neither filter,
//! history nor order count, so that two selections exported apart never claim one path. Assets
//! whose stems look alike in one folder form a collision group, told by a key that no suffix of
//! ours changes ([`Groups`]); all of a group with more than one asset get digits of their UUID. The
//! hazard: `X` and its edit `X_edited` beside an unrelated asset called `X_edited`, whose film
//! would look like a live video. Read `name/` next.

mod album_folders;
mod component;
mod digits;
mod extension;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use darkslide_library::AlbumPlace;
use darkslide_policy::{Component, RelPath};
use darkslide_protocol::value::Uuid;

use album_folders::{AlbumFolders, Albums};
use component::{clean, fold};
use digits::{Digits, MAX_DIGITS};
pub(crate) use extension::{SNIFFED_BYTES, choose as choose_extension};

use crate::spec::{Layout, Shape};
use darkslide_library::Version;

/// What encrypted folders of a NAS take (eCryptfs); 255 on any other file system.
const PORTABLE_NAME_BYTES: usize = 143;
const POSIX_NAME_BYTES: usize = 255;
/// A dot and the longest extension.
const EXTENSION_ROOM: usize = 9;
/// A blank, brackets, and all digits of a UUID.
const DIGITS_ROOM: usize = MAX_DIGITS + 3;

/// Where two files of one asset would have one name, the second gets this.
const RAW_SUFFIX: &str = "_raw";
const LIVE_SUFFIX: &str = "_live";

const UNDATED: &str = "undated";
/// Below it lies what is in no album, in the album layout.
const NO_ALBUM: &str = "_";

/// What of an asset decides its names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NamedAsset<'a> {
    /// Which.
    pub(crate) uuid: &'a Uuid,
    /// Its name when it was imported.
    pub(crate) original_filename: &'a str,
    /// Year and month of its date, in its own zone.
    pub(crate) month: Option<(u16, u8)>,
    /// The albums that it is in.
    pub(crate) albums: &'a [Arc<AlbumPlace>],
}

/// One place where the files of an asset belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    /// In the layout by album, the album.
    pub(crate) album: Option<Uuid>,
    /// The folder; the root for the destination itself.
    pub(crate) folder: RelPath,
    /// The stem that all files of the asset share there.
    pub(crate) stem: String,
}

/// The catalog, while it is counted.
#[derive(Debug)]
pub(crate) struct Counting {
    rules: Rules,
    albums: Albums,
    groups: Groups,
    catalog: HashSet<Digits>,
}

impl Counting {
    /// Begins with nothing.
    #[must_use]
    pub(crate) fn new(shape: &Shape) -> Self {
        Self {
            rules: Rules {
                layout: shape.layout(),
                portable: shape.portable(),
                edited_suffix: shape.edited_suffix().to_owned(),
            },
            albums: Albums::default(),
            groups: Groups::default(),
            catalog: HashSet::new(),
        }
    }

    /// Counts one asset in; every asset that the grant shows has to be.
    pub(crate) fn add(&mut self, asset: &NamedAsset<'_>) {
        let key = self.rules.key(&self.rules.stem(asset));
        let digits = Digits::of(asset.uuid);
        self.catalog.insert(digits);
        for place in self.rules.places(asset) {
            if let Place::Album(album) = place {
                self.albums.add(album);
            }
            self.groups.add(&place.identity(), &key, digits);
        }
    }

    /// Ends with names for all of them.
    #[must_use]
    pub(crate) fn finish(self) -> Naming {
        Naming {
            folders: self.albums.folders(self.rules.portable),
            rules: self.rules,
            groups: self.groups,
            catalog: self.catalog,
        }
    }
}

/// The names of a whole catalog.
#[derive(Debug)]
pub(crate) struct Naming {
    rules: Rules,
    folders: AlbumFolders,
    groups: Groups,
    catalog: HashSet<Digits>,
}

impl Naming {
    /// Says where the files of an asset belong: once, or in the layout by album once for each
    /// album.
    #[must_use]
    pub(crate) fn places(&self, asset: &NamedAsset<'_>) -> Vec<Placed> {
        let stem = self.rules.stem(asset);
        let key = self.rules.key(&stem);
        let digits = Digits::of(asset.uuid);
        let places = self.rules.places(asset);
        let named = places.into_iter().filter_map(|place| {
            let folder = match place {
                Place::Whole => RelPath::root(),
                Place::Month(month) => by_date(RelPath::root(), month),
                Place::NoAlbum(month) => by_date(join(RelPath::root(), NO_ALBUM), month),
                Place::Album(album) => self.folders.folder(&album.uuid)?.clone(),
            };
            let stem = match self.groups.length(&place.identity(), &key, digits) {
                Some(length) => format!("{stem} ({})", digits.first(length)),
                None => stem.clone(),
            };
            Some(Placed { album: place.album(), folder, stem })
        });
        named.collect()
    }

    /// Is the asset in the catalog?
    pub(crate) fn knows(&self, asset: &Uuid) -> bool {
        self.catalog.contains(&Digits::of(asset))
    }

    /// Builds the name of one file; `others` are those of the same asset in the same folder that
    /// are already given, and grow by it.
    #[must_use]
    pub(crate) fn file_name(
        &self,
        stem: &str,
        version: Version,
        extension: Option<&str>,
        others: &mut Vec<String>,
    ) -> Component {
        let edited = match version {
            Version::Edited | Version::EditedLiveVideo => self.rules.edited_suffix.as_str(),
            Version::Original
            | Version::Raw
            | Version::LiveVideo
            | Version::Aae
            | Version::OriginalAae
            | Version::Preview => "",
        };
        let apart = match version {
            Version::Raw => RAW_SUFFIX,
            Version::LiveVideo | Version::EditedLiveVideo => LIVE_SUFFIX,
            Version::Original
            | Version::Edited
            | Version::Aae
            | Version::OriginalAae
            | Version::Preview => "",
        };
        let dotted = extension.map_or_else(String::new, |text| format!(".{text}"));
        let mut name = format!("{stem}{edited}{dotted}");
        if others.contains(&fold(&name)) {
            name = format!("{stem}{edited}{apart}{dotted}");
        }
        others.push(fold(&name));
        Component::parse(&name).expect("cleaned, and with room for every suffix")
    }
}

/// The part of the names that needs no catalog.
#[derive(Debug)]
struct Rules {
    layout: Layout,
    portable: bool,
    edited_suffix: String,
}

/// A folder before it has its name.
#[derive(Debug, Clone, Copy)]
enum Place<'a> {
    Whole,
    Month(Option<(u16, u8)>),
    NoAlbum(Option<(u16, u8)>),
    Album(&'a Arc<AlbumPlace>),
}

impl Place<'_> {
    /// Distinct for distinct folders.
    fn identity(self) -> String {
        match self {
            Self::Whole => String::new(),
            Self::Month(month) => by_date(RelPath::root(), month).to_string(),
            Self::NoAlbum(month) => format!("_/{}", by_date(RelPath::root(), month)),
            Self::Album(album) => album.uuid.as_str().to_owned(),
        }
    }

    fn album(self) -> Option<Uuid> {
        match self {
            Self::Whole | Self::Month(_) | Self::NoAlbum(_) => None,
            Self::Album(album) => Some(album.uuid.clone()),
        }
    }
}

impl Rules {
    fn places<'a>(&self, asset: &NamedAsset<'a>) -> Vec<Place<'a>> {
        match self.layout {
            Layout::Flat => vec![Place::Whole],
            Layout::Date => vec![Place::Month(asset.month)],
            Layout::Album if asset.albums.is_empty() => vec![Place::NoAlbum(asset.month)],
            Layout::Album => {
                let mut albums: Vec<_> = asset.albums.iter().collect();
                albums.sort_unstable_by(|a, b| a.uuid.cmp(&b.uuid));
                albums.dedup_by(|a, b| a.uuid == b.uuid);
                albums.into_iter().map(Place::Album).collect()
            }
        }
    }

    /// The cleaned stem, with room for every suffix.
    fn stem(&self, asset: &NamedAsset<'_>) -> String {
        let (stem, _) = extension::split(asset.original_filename);
        let suffixes = self.edited_suffix.len() + LIVE_SUFFIX.len();
        let room = name_bytes(self.portable) - EXTENSION_ROOM - DIGITS_ROOM - suffixes;
        clean(stem, self.portable, room)
    }

    /// What all names of an asset's files have in common with those that they could be taken for:
    /// the stem without any suffix that we might have put there. So it can be told from a finished
    /// name, too, and names of different groups never meet.
    fn key(&self, stem: &str) -> String {
        key_without(stem, &[&self.edited_suffix, RAW_SUFFIX, LIVE_SUFFIX])
    }
}

/// Strips, again and again, digits in brackets and the suffixes named from the folded form of a
/// name.
fn key_without(name: &str, suffixes: &[&str]) -> String {
    let mut rest = fold(name);
    loop {
        let shorter = suffixes
            .iter()
            .filter(|suffix| !suffix.is_empty())
            .find_map(|suffix| rest.strip_suffix(fold(suffix).as_str()))
            .or_else(|| digits::without_bracketed(&rest));
        match shorter.map(str::len) {
            Some(length) => rest.truncate(length),
            None => return rest,
        }
    }
}

fn name_bytes(portable: bool) -> usize {
    if portable { PORTABLE_NAME_BYTES } else { POSIX_NAME_BYTES }
}

fn by_date(folder: RelPath, month: Option<(u16, u8)>) -> RelPath {
    match month {
        Some((year, month)) => join(join(folder, &format!("{year:04}")), &format!("{month:02}")),
        None => join(folder, UNDATED),
    }
}

fn join(folder: RelPath, name: &str) -> RelPath {
    let name = Component::parse(name).expect("a plain name, or a cleaned one");
    folder.join(&name).expect("album folders are few and their names short")
}

/// Who shares a folder and a key. Kept small: a hash of both, and the digits of one asset each.
#[derive(Debug, Default)]
struct Groups(HashMap<[u8; 16], Group>);

#[derive(Debug)]
enum Group {
    One(Digits),
    Many { members: BTreeSet<Digits>, length: usize },
}

impl Groups {
    fn add(&mut self, place: &str, key: &str, digits: Digits) {
        let group = self.0.entry(hash(place, key));
        match group.or_insert(Group::One(digits)) {
            Group::One(other) if *other == digits => {}
            Group::Many { members, length } => {
                *length = digits.told_apart_from(members).max(*length);
                members.insert(digits);
            }
            one @ Group::One(_) => {
                let Group::One(other) = *one else { return };
                let length = digits.told_apart_from(&BTreeSet::from([other]));
                let members = BTreeSet::from([other, digits]);
                *one = Group::Many { members, length };
            }
        }
    }

    /// How many digits tell the asset from the others of its group; none if it is alone. One that
    /// was not counted in (it came since) gets digits too, where another has its name.
    fn length(&self, place: &str, key: &str, digits: Digits) -> Option<usize> {
        match self.0.get(&hash(place, key))? {
            Group::One(one) if *one == digits => None,
            Group::One(one) => Some(digits.told_apart_from(&BTreeSet::from([*one]))),
            Group::Many { members, length } => Some(digits.told_apart_from(members).max(*length)),
        }
    }
}

/// Two groups whose hashes were equal would only both get digits that they did not need.
fn hash(place: &str, key: &str) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(place.as_bytes());
    hasher.update(b"\0");
    hasher.update(key.as_bytes());
    let mut first = [0; 16];
    hasher.finalize_xof().fill(&mut first);
    first
}

#[cfg(test)]
mod tests;
