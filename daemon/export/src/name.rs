//! Where each file of an asset belongs below a destination.
//!
//! A pure function of the whole catalog that the grant shows and of the shape: neither filter,
//! history nor order count, so that two selections exported apart never claim one path. Assets
//! whose stems look alike in one folder form a collision group (`groups.rs`), told by a key that no
//! mark of ours changes (`file.rs`); all of a group with more than one asset get digits of their
//! UUID. The hazard: an asset that comes or goes must rename its own group and nobody else. Read
//! `name/` next: `template.rs`, `value.rs`, `folders.rs`.

mod component;
mod digits;
mod extension;
mod file;
mod folders;
mod groups;
pub(crate) mod template;
mod value;

use darkslide_library::{AlbumPlace, Version};
use darkslide_policy::{Component, RelPath};
use darkslide_protocol::value::Uuid;

use component::clean;
use digits::{Digits, MAX_DIGITS};
pub(crate) use extension::{SNIFFED_BYTES, choose as choose_extension};
use file::{File, Marks};
use folders::Folders;
use groups::{Counted, Groups};
use template::Template;
pub(crate) use value::NamedAsset;
use value::{Rendered, UNDATED, render};

use crate::spec::{Shape, Sidecar};

/// What encrypted folders of a NAS take (eCryptfs); 255 on any other file system.
const PORTABLE_NAME_BYTES: usize = 143;
const POSIX_NAME_BYTES: usize = 255;
/// A dot and the longest extension.
const EXTENSION_ROOM: usize = 9;
/// A blank, brackets, and all digits of a UUID.
const DIGITS_ROOM: usize = MAX_DIGITS + 3;

/// One place where the files of an asset belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Where the layout places by album, the album.
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
    groups: Counted,
    catalog: Vec<Digits>,
}

impl Counting {
    /// Begins with nothing.
    #[must_use]
    pub(crate) fn new(shape: &Shape) -> Self {
        let rules = Rules::new(shape);
        let mut groups = Counted::default();
        rules.folders.count_fixed(&mut groups);
        Self { rules, groups, catalog: Vec::new() }
    }

    /// Counts one asset in; every asset that the grant shows has to be. The same one again changes
    /// nothing.
    pub(crate) fn add(&mut self, asset: &NamedAsset<'_>) {
        let digits = Digits::of(asset.uuid);
        self.catalog.push(digits);
        for album in self.rules.albums(asset) {
            let way = self.rules.folders.way(asset, album);
            way.count(&mut self.groups);
            let key = self.rules.marks.key(&self.rules.stem(asset, album));
            self.groups.add(way.end().group(&key), digits);
        }
    }

    /// Ends with names for all of them.
    #[must_use]
    pub(crate) fn finish(mut self) -> Naming {
        self.catalog.sort_unstable();
        self.catalog.dedup();
        self.catalog.shrink_to_fit();
        Naming { rules: self.rules, groups: self.groups.finish(), catalog: self.catalog }
    }
}

/// The names of a whole catalog: some 40 bytes for each of its assets.
#[derive(Debug)]
pub(crate) struct Naming {
    rules: Rules,
    groups: Groups,
    catalog: Vec<Digits>,
}

impl Naming {
    /// Says where the files of an asset belong: once, or where the layout places by album once for
    /// each album.
    #[must_use]
    pub(crate) fn places(&self, asset: &NamedAsset<'_>) -> Vec<Placed> {
        let digits = Digits::of(asset.uuid);
        let placed = self.rules.albums(asset).into_iter().map(|album| {
            let way = self.rules.folders.way(asset, album);
            let stem = self.rules.stem(asset, album);
            let group = way.end().group(&self.rules.marks.key(&stem));
            Placed {
                album: album.map(|album| album.uuid.clone()),
                folder: way.path(&self.groups),
                stem: match self.groups.length(group, digits) {
                    Some(length) => format!("{stem} ({})", digits.first(length)),
                    None => stem,
                },
            }
        });
        placed.collect()
    }

    /// Is the asset in the catalog?
    pub(crate) fn knows(&self, asset: &Uuid) -> bool {
        self.catalog.binary_search(&Digits::of(asset)).is_ok()
    }

    /// Builds the name of one file; `others` are those of the same asset in the same folder that
    /// are already given, the original's first, and grow by it.
    #[must_use]
    pub(crate) fn file_name(
        &self,
        stem: &str,
        version: Version,
        extension: Option<&str>,
        others: &mut Vec<String>,
    ) -> Component {
        self.rules.marks.name(stem, File::Version(version, extension), others)
    }

    /// The same of a sidecar, of which an asset has one of a kind in each folder.
    #[must_use]
    pub(crate) fn sidecar_name(
        &self,
        stem: &str,
        sidecar: Sidecar,
        others: &mut Vec<String>,
    ) -> Component {
        self.rules.marks.name(stem, File::Sidecar(sidecar), others)
    }
}

/// The part of the names that needs no catalog.
#[derive(Debug)]
struct Rules {
    folders: Folders,
    names: Template,
    marks: Marks,
    portable: bool,
}

impl Rules {
    fn new(shape: &Shape) -> Self {
        Self {
            folders: Folders::new(shape.levels().clone(), shape.portable()),
            names: shape.names().clone(),
            marks: Marks::new(shape.edited_suffix()),
            portable: shape.portable(),
        }
    }

    /// The albums that an asset has a place in, once each; none where it has one place.
    fn albums<'a>(&self, asset: &NamedAsset<'a>) -> Vec<Option<&'a AlbumPlace>> {
        if !self.folders.by_album() || asset.albums.is_empty() {
            return vec![None];
        }
        let mut albums: Vec<&AlbumPlace> = asset.albums.iter().map(|it| &*it.album).collect();
        albums.sort_unstable_by(|a, b| a.uuid.cmp(&b.uuid));
        albums.dedup_by(|a, b| a.uuid == b.uuid);
        albums.into_iter().map(Some).collect()
    }

    /// The cleaned stem, with room for every mark.
    fn stem(&self, asset: &NamedAsset<'_>, album: Option<&AlbumPlace>) -> String {
        let room = name_bytes(self.portable) - EXTENSION_ROOM - DIGITS_ROOM - self.marks.room();
        match render(&self.names, asset, album) {
            Rendered::Undated => UNDATED.to_owned(),
            Rendered::Text { text, .. } => clean(&text, self.portable, room),
        }
    }
}

fn name_bytes(portable: bool) -> usize {
    if portable { PORTABLE_NAME_BYTES } else { POSIX_NAME_BYTES }
}

fn join(folder: RelPath, name: &str) -> RelPath {
    let name = Component::parse(name).expect("a plain name, or a cleaned one");
    folder.join(&name).expect("folders are few and their names short")
}

#[cfg(test)]
mod tests;
