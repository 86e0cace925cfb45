//! The folders that lead to a file, before and after they have their names.
//!
//! Pure, and injective like the names of files: siblings whose names look alike all get digits, an
//! album beside a folder of the same title too. What makes a folder another one than its siblings
//! are the raw texts that its name was made of, and the folders it lies in; so two albums of one
//! title are two, and folders of one title are one on the disk, as they are for a person. Nothing
//! is kept but collision groups. What lies deeper than [`MAX_DEPTH`] moves up. The hazard: titles
//! chosen so that two albums become one folder.

use std::sync::Arc;

use darkslide_library::AlbumPlace;

use super::component::clean;
use super::digits::Digits;
use super::file::key_without;
use super::groups::{Counted, Group, Groups};
use super::template::{Levels, Template};
use super::value::{NamedAsset, Rendered, UNDATED, render};
use super::{DIGITS_ROOM, join, name_bytes};
use darkslide_policy::RelPath;

/// Folders in one another that a destination gets: more than people make, few enough for any path.
const MAX_DEPTH: usize = 12;

/// Below it lies what is in no album, in the preset by album.
const NO_ALBUM: &str = "_";

/// A folder, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place([u8; 16]);

impl Place {
    const ROOT: Self = Self([0; 16]);

    fn inside(self, level: usize, raw: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0);
        hasher.update(&level.to_le_bytes());
        hasher.update(raw);
        let mut first = [0; 16];
        hasher.finalize_xof().fill(&mut first);
        Self(first)
    }

    pub(super) fn group(self, key: &str) -> Group {
        Group::of(&self.0, key)
    }
}

/// One folder of a way, before it has its name.
struct Step {
    inside: Place,
    name: String,
    /// None for one that is called so for everybody.
    digits: Option<Digits>,
}

impl Step {
    fn group(&self) -> Group {
        self.inside.group(&key_without(&self.name, &[]))
    }
}

/// The folders from the destination to a file.
pub(super) struct Way {
    steps: Vec<Step>,
    end: Place,
}

/// What makes folders.
#[derive(Debug)]
pub(super) struct Folders {
    levels: Levels,
    portable: bool,
}

impl Folders {
    pub(super) fn new(levels: Levels, portable: bool) -> Self {
        Self { levels, portable }
    }

    pub(super) fn by_album(&self) -> bool {
        self.levels.by_album()
    }

    /// Counts in the folders that there are whoever is in them.
    pub(super) fn count_fixed(&self, groups: &mut Counted) {
        if self.levels.keeps_no_album() {
            groups.add(Place::ROOT.group(NO_ALBUM), Digits::nobody());
        }
    }

    /// The way to an asset, in one of its albums.
    pub(super) fn way(&self, asset: &NamedAsset<'_>, album: Option<&AlbumPlace>) -> Way {
        let levels = self.levels.of(album.is_some());
        let mut way = Way { steps: Vec::new(), end: Place::ROOT };
        let mut was_undated = false;
        for (at, level) in levels.iter().enumerate() {
            let folders = album.map_or(&[][..], |album| &album.path);
            if level.is_folders() && !(folders.is_empty() && level.has_default()) {
                self.enter_folders(&mut way, at, folders, most_folders(levels));
                continue;
            }
            match render(level, asset, album) {
                // Undated once is enough: `undated/undated` says no more.
                Rendered::Undated if was_undated => {}
                Rendered::Undated => {
                    self.enter(&mut way, at, b"", UNDATED, None);
                    was_undated = true;
                }
                Rendered::Text { text, raw } => {
                    let digits = match album.filter(|_| level.is_album()) {
                        Some(album) => Some(Digits::of(&album.uuid)),
                        None if raw.is_empty() => None,
                        None => Some(Digits::of_raw(at, &raw)),
                    };
                    self.enter(&mut way, at, &raw, &text, digits);
                    was_undated = false;
                }
            }
        }
        way
    }

    fn enter_folders(&self, way: &mut Way, at: usize, titles: &[Arc<str>], most: usize) {
        for depth in 1..=titles.len().min(most) {
            let Some((title, _)) = titles.get(..depth).and_then(<[_]>::split_last) else { return };
            let digits = Digits::of_titles(titles.get(..depth).unwrap_or_default());
            self.enter(way, at, title.as_bytes(), title, Some(digits));
        }
    }

    fn enter(&self, way: &mut Way, at: usize, raw: &[u8], text: &str, digits: Option<Digits>) {
        let room = name_bytes(self.portable) - DIGITS_ROOM;
        let name = clean(text, self.portable, room);
        way.steps.push(Step { inside: way.end, name, digits });
        way.end = way.end.inside(at, raw);
    }
}

/// How many folders stand for `{folder}` so that the whole is not too deep.
fn most_folders(levels: &[Template]) -> usize {
    let such = levels.iter().filter(|level| level.is_folders()).count();
    (MAX_DEPTH - (levels.len() - such)) / such.max(1)
}

impl Way {
    /// The folder that it ends in.
    pub(super) fn end(&self) -> Place {
        self.end
    }

    pub(super) fn count(&self, groups: &mut Counted) {
        for step in &self.steps {
            groups.add(step.group(), step.digits.unwrap_or(Digits::nobody()));
        }
    }

    /// Which groups its folders are in, and as whom.
    #[cfg(test)]
    pub(super) fn groups(&self) -> impl Iterator<Item = (Group, Digits)> {
        self.steps.iter().map(|step| (step.group(), step.digits.unwrap_or(Digits::nobody())))
    }

    /// The folder's path.
    pub(super) fn path(&self, groups: &Groups) -> RelPath {
        self.steps.iter().fold(RelPath::root(), |path, step| {
            let digits =
                step.digits.and_then(|it| Some(it.first(groups.length(step.group(), it)?)));
            match digits {
                Some(digits) => join(path, &format!("{} ({digits})", step.name)),
                None => join(path, &step.name),
            }
        })
    }
}
