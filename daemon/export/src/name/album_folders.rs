//! The folders that albums, and the folders they lie in, become.
//!
//! Pure, and injective like the names of files: siblings whose titles look alike all get digits, an
//! album beside a folder of the same title too. Folders are known by the titles that lead to them:
//! two with equal titles are one on the disk, as they are for a person, and their digits come from
//! those titles. What lies deeper than [`MAX_DEPTH`] moves up. The hazard: titles chosen so that
//! two albums become one folder.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use darkslide_library::AlbumPlace;
use darkslide_policy::RelPath;
use darkslide_protocol::value::Uuid;

use super::component::clean;
use super::digits::Digits;
use super::{DIGITS_ROOM, Groups, NO_ALBUM, join, key_without, name_bytes};

/// Folders in one another that a destination gets: more than people make, few enough for any path.
const MAX_DEPTH: usize = 12;

type Titles = [Arc<str>];

/// The albums of a catalog, while they are collected.
#[derive(Debug, Default)]
pub(super) struct Albums(BTreeMap<Uuid, Arc<AlbumPlace>>);

impl Albums {
    pub(super) fn add(&mut self, album: &Arc<AlbumPlace>) {
        if !self.0.contains_key(&album.uuid) {
            self.0.insert(album.uuid.clone(), Arc::clone(album));
        }
    }

    /// Names all of them.
    pub(super) fn folders(&self, portable: bool) -> AlbumFolders {
        let mut naming = Levels {
            portable,
            by_titles: HashMap::from([(Vec::new(), RelPath::root())]),
            albums: HashMap::new(),
        };
        for depth in 0..MAX_DEPTH {
            naming.name_level(&self.level(depth));
        }
        AlbumFolders(naming.albums)
    }

    /// The folders and albums of one depth, each under the titles of what it lies in.
    fn level(&self, depth: usize) -> Vec<Node<'_>> {
        let mut folders: BTreeSet<&Titles> = BTreeSet::new();
        let mut nodes = Vec::new();
        for album in self.0.values() {
            let path = leading(&album.path, MAX_DEPTH - 1);
            if path.len() == depth {
                nodes.push(Node {
                    inside: path,
                    title: &album.title,
                    digits: Digits::of(&album.uuid),
                    album: Some(&album.uuid),
                });
            } else if path.len() > depth {
                folders.insert(leading(path, depth + 1));
            }
        }
        nodes.extend(folders.into_iter().filter_map(|titles| {
            let (title, inside) = titles.split_last()?;
            Some(Node { inside, title, digits: Digits::of_titles(titles), album: None })
        }));
        nodes
    }
}

fn leading(titles: &Titles, count: usize) -> &Titles {
    titles.get(..count).unwrap_or(titles)
}

/// Album -> its folder below the destination.
#[derive(Debug, Default)]
pub(super) struct AlbumFolders(HashMap<Uuid, RelPath>);

impl AlbumFolders {
    pub(super) fn folder(&self, album: &Uuid) -> Option<&RelPath> {
        self.0.get(album)
    }
}

#[derive(Debug)]
struct Node<'a> {
    inside: &'a Titles,
    title: &'a Arc<str>,
    digits: Digits,
    /// None for a folder.
    album: Option<&'a Uuid>,
}

struct Levels {
    portable: bool,
    by_titles: HashMap<Vec<Arc<str>>, RelPath>,
    albums: HashMap<Uuid, RelPath>,
}

impl Levels {
    fn name_level(&mut self, level: &[Node<'_>]) {
        let room = name_bytes(self.portable) - DIGITS_ROOM;
        let mut groups = Groups::default();
        // What is in no album has a folder of that name.
        groups.add("", NO_ALBUM, Digits::nobody());
        let mut named = Vec::with_capacity(level.len());
        for node in level {
            let parent = self.by_titles.get(node.inside).cloned().unwrap_or_default();
            let name = clean(node.title, self.portable, room);
            let key = key_without(&name, &[]);
            groups.add(parent.as_str(), &key, node.digits);
            named.push((parent, name, key));
        }
        for (node, (parent, name, key)) in level.iter().zip(named) {
            let name = match groups.length(parent.as_str(), &key, node.digits) {
                Some(length) => format!("{name} ({})", node.digits.first(length)),
                None => name,
            };
            let folder = join(parent, &name);
            match node.album {
                Some(uuid) => {
                    self.albums.insert(uuid.clone(), folder);
                }
                None => {
                    let titles = node.inside.iter().chain([node.title]).cloned().collect();
                    self.by_titles.insert(titles, folder);
                }
            }
        }
    }
}
