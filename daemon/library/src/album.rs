//! Albums, folders and the like: read once per question, their tree walked with a bound, found by
//! UUID, title or path.
//!
//! Parents come from the database and may be gone, trashed, or form a circle; then the album stands
//! at the top level and says why. Members are counted by the rules of assets (`filter_sql.rs`), so
//! that a count never tells of what a grant withholds. The hazard: a walk up the folders that never
//! ends, and titles copied once for each album below them.

use std::collections::HashMap;
use std::sync::Arc;

use darkslide_protocol::value::Uuid;

use crate::cell::{Cells, columns};
use crate::date::Date;
use crate::db::Stop;
use crate::deadline::Deadline;
use crate::error::{AlbumCandidate, Damage, LibraryError};
use crate::model::{AlbumKind, AlbumOrder, AlbumPlace, AlbumProblem};
use crate::profile::Table;
use crate::query::each_row;
use crate::schema::album::{self, share};
use crate::schema::{Column, PK};
use crate::session::Session;

/// Folders in one another that are followed; Photos' own window shows far fewer.
pub(crate) const MAX_DEPTH: usize = 64;
/// More albums than anybody has; import sessions count too (a camera a day for a century is
/// 36,500).
const MAX_ALBUMS: usize = 200_000;
/// The longest title of an album that is told; a longer one is cut.
const MAX_TITLE_BYTES: usize = 1_024;
/// How many albums that fit an error names, and how many near titles.
const MAX_CANDIDATES: usize = 20;
const MAX_NEAREST: usize = 5;
/// Albums that are compared before the deadline is asked again: their paths can have 64 KiB each.
const ALBUMS_BETWEEN_QUESTIONS: usize = 100;
/// The longest text that is compared for nearness: its cost is the product of the lengths.
const MAX_COMPARED_CHARS: usize = 64;

/// Which table an album comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// The table of albums.
    Album,
    /// Shared albums of Photos 11.
    Share,
}

/// One album, folder or the like that is not in the trash.
#[derive(Debug, Clone)]
pub(crate) struct AlbumRow {
    pub(crate) key: i64,
    pub(crate) source: Source,
    pub(crate) kind: AlbumKind,
    pub(crate) place: Arc<AlbumPlace>,
    pub(crate) created: Option<Date>,
    pub(crate) order: AlbumOrder,
    /// Row numbers of its own key photos, the one that somebody chose first.
    pub(crate) own_keys: [Option<i64>; 2],
    pub(crate) problem: Option<AlbumProblem>,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Albums {
    rows: Vec<AlbumRow>,
    by_key: HashMap<(Source, i64), usize>,
}

columns! {
    /// What is read of a row.
    A {
        Key = PK,
        Uuid = album::UUID,
        Title = album::TITLE,
        Kind = album::KIND,
        Trashed = album::TRASHED,
        Parent = album::PARENT,
        Created = album::CREATED,
        SortKey = album::SORT_KEY,
        Ascending = album::SORT_ASCENDING,
        CustomKey = album::CUSTOM_KEY,
        OwnKey = album::KEY,
    }
}

columns! {
    /// The same of a share.
    S {
        Key = PK,
        Uuid = share::UUID,
        Title = share::TITLE,
        Trashed = share::TRASHED,
        Created = share::CREATED,
    }
}

/// A row before its place in the tree is known.
struct Raw {
    key: i64,
    source: Source,
    uuid: Option<Uuid>,
    title: Arc<str>,
    kind: Role,
    trashed: bool,
    parent: Option<i64>,
    created: Option<Date>,
    order: AlbumOrder,
    own_keys: [Option<i64>; 2],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Listed(AlbumKind),
    Root,
}

impl Albums {
    /// Reads all albums of a snapshot that exist for the grant.
    pub(crate) fn read(session: &Session<'_>) -> Result<Self, Stop> {
        let mut raw = read_albums(session)?;
        raw.extend(read_shares(session)?);
        let albums = Self::arrange(raw, session.limit)?;
        Ok(match &session.profile.shown_albums {
            None => albums,
            Some(shown) => albums.only(shown),
        })
    }

    /// Those alone; whoever is shown some albums knows of no other, and of folders by the paths of
    /// these.
    fn only(self, shown: &[(Source, i64)]) -> Self {
        let mut kept = Self::default();
        for row in self.rows {
            let key = (row.source, row.key);
            if shown.contains(&key) {
                kept.by_key.insert(key, kept.rows.len());
                kept.rows.push(row);
            }
        }
        kept
    }

    /// Those that a grant names, by UUID, title, or path; what names none shows none.
    pub(crate) fn named(&self, names: &[String]) -> Vec<(Source, i64)> {
        let names: Vec<String> = names.iter().map(|name| crate::cell::nfc(name)).collect();
        let fits = |row: &&AlbumRow| {
            let path = full_path(&row.place);
            let uuid = row.place.uuid.as_str();
            names.iter().any(|name| {
                **name == *row.place.title || *name == path || name.eq_ignore_ascii_case(uuid)
            })
        };
        self.with_members().filter(fits).map(|row| (row.source, row.key)).collect()
    }

    pub(crate) fn rows(&self) -> &[AlbumRow] {
        &self.rows
    }

    pub(crate) fn get(&self, source: Source, key: i64) -> Option<&AlbumRow> {
        self.by_key.get(&(source, key)).and_then(|index| self.rows.get(*index))
    }

    /// Finds the one album that a text names: by UUID, by title, or by folders and title.
    pub(crate) fn find(&self, asked: &str, limit: &Deadline) -> Result<&AlbumRow, LibraryError> {
        if let Ok(uuid) = Uuid::parse(asked)
            && let Some(row) = self.with_members().find(|row| row.place.uuid == uuid)
        {
            return Ok(row);
        }
        let wanted = crate::cell::nfc(asked);
        let mut found: Vec<&AlbumRow> = Vec::new();
        let mut count = 0;
        for (index, row) in self.with_members().enumerate() {
            ask_now_and_then(index, limit)?;
            if *row.place.title == *wanted || full_path(&row.place) == wanted {
                count += 1;
                if found.len() < MAX_CANDIDATES {
                    found.push(row);
                }
            }
        }
        let asked = asked.to_owned();
        match found.as_slice() {
            [one] => Ok(one),
            [] => Err(LibraryError::NoSuchAlbum { asked, nearest: self.nearest(&wanted, limit)? }),
            several => {
                let candidate = |row: &&AlbumRow| AlbumCandidate {
                    uuid: row.place.uuid.clone(),
                    path: full_path(&row.place),
                };
                let candidates = several.iter().map(candidate).collect();
                Err(LibraryError::AmbiguousAlbum { asked, count, candidates })
            }
        }
    }

    /// Those that a filter can name: they have members of their own.
    fn with_members(&self) -> impl Iterator<Item = &AlbumRow> {
        self.rows.iter().filter(|row| match row.kind {
            AlbumKind::Album | AlbumKind::Shared | AlbumKind::Project => true,
            AlbumKind::Folder | AlbumKind::Smart | AlbumKind::Import => false,
        })
    }

    fn nearest(&self, wanted: &str, limit: &Deadline) -> Result<Vec<String>, LibraryError> {
        let wanted: Vec<char> = compared(wanted).collect();
        let mut near: Vec<(usize, String)> = Vec::new();
        let titled = self.with_members().filter(|row| !row.place.title.is_empty());
        for (index, row) in titled.enumerate() {
            ask_now_and_then(index, limit)?;
            let path = full_path(&row.place);
            let closest = if has_part(&path, &wanted) {
                1
            } else {
                distance(&wanted, &row.place.title).min(distance(&wanted, &path))
            };
            // Farther than half of it is another word.
            if closest <= wanted.len() / 2 + 1 {
                near.push((closest, path));
                near.sort();
                near.dedup();
                near.truncate(MAX_NEAREST);
            }
        }
        Ok(near.into_iter().map(|(_, path)| path).collect())
    }

    fn arrange(raw: Vec<Raw>, limit: &Deadline) -> Result<Self, LibraryError> {
        let by_raw_key: HashMap<i64, usize> = raw
            .iter()
            .enumerate()
            .filter(|(_, row)| row.source == Source::Album)
            .map(|(index, row)| (row.key, index))
            .collect();
        let mut albums = Self::default();
        for (index, row) in raw.iter().enumerate() {
            ask_now_and_then(index, limit)?;
            let (Role::Listed(kind), Some(uuid), false) = (row.kind, &row.uuid, row.trashed) else {
                continue;
            };
            let (path, problem) = match folders(row, &raw, &by_raw_key) {
                Ok(path) => (path, None),
                Err(problem) => (Vec::new(), Some(problem)),
            };
            let place = AlbumPlace { uuid: uuid.clone(), title: Arc::clone(&row.title), path };
            let key = (row.source, row.key);
            albums.by_key.insert(key, albums.rows.len());
            albums.rows.push(AlbumRow {
                key: row.key,
                source: row.source,
                kind,
                place: Arc::new(place),
                created: row.created,
                order: row.order,
                own_keys: row.own_keys,
                problem,
            });
        }
        Ok(albums)
    }
}

fn ask_now_and_then(index: usize, limit: &Deadline) -> Result<(), LibraryError> {
    if index.is_multiple_of(ALBUMS_BETWEEN_QUESTIONS) { limit.check() } else { Ok(()) }
}

/// The titles of the folders above, the outermost first; iterative, for a circle must not become a
/// recursion.
fn folders(
    row: &Raw,
    all: &[Raw],
    by_key: &HashMap<i64, usize>,
) -> Result<Vec<Arc<str>>, AlbumProblem> {
    let mut path = Vec::new();
    let mut seen = vec![row.key];
    let mut next = row.parent;
    while let Some(key) = next {
        let parent = by_key.get(&key).and_then(|index| all.get(*index));
        let parent = parent.ok_or(AlbumProblem::ParentGone)?;
        if parent.kind == Role::Root {
            break;
        }
        if parent.kind != Role::Listed(AlbumKind::Folder) {
            return Err(AlbumProblem::ParentGone);
        }
        if parent.trashed {
            return Err(AlbumProblem::ParentTrashed);
        }
        if seen.contains(&key) {
            return Err(AlbumProblem::Cycle);
        }
        if path.len() == MAX_DEPTH {
            return Err(AlbumProblem::TooDeep);
        }
        seen.push(key);
        path.push(Arc::clone(&parent.title));
        next = parent.parent;
    }
    path.reverse();
    Ok(path)
}

/// Folders and title with `/` between them. A title may hold a `/` itself: then two albums can have
/// one path, and a question for it is ambiguous.
pub(crate) fn full_path(place: &AlbumPlace) -> String {
    let mut text = String::new();
    for folder in &place.path {
        text.push_str(folder);
        text.push('/');
    }
    text.push_str(&place.title);
    text
}

fn read_albums(session: &Session<'_>) -> Result<Vec<Raw>, Stop> {
    let profile = &session.profile;
    let kinds = [
        album::KIND_ALBUM,
        album::KIND_SHARED,
        album::KIND_IMPORT,
        album::KIND_SMART,
        album::KIND_PROJECT,
        album::KIND_PROJECT_ROOT,
        album::KIND_ROOT,
        album::KIND_FOLDER,
    ];
    let kinds = kinds.map(|kind| kind.to_string()).join(",");
    let kind = profile.read(&profile.album, "g", album::KIND);
    let condition = format!("{kind} IN ({kinds})");
    read_rows(session, &profile.album, A::LIST, &condition, |cells| {
        let kind = match cells.integer(A::Kind.at())? {
            album::KIND_ALBUM => Role::Listed(AlbumKind::Album),
            album::KIND_SHARED => Role::Listed(AlbumKind::Shared),
            album::KIND_IMPORT => Role::Listed(AlbumKind::Import),
            album::KIND_SMART => Role::Listed(AlbumKind::Smart),
            album::KIND_PROJECT => Role::Listed(AlbumKind::Project),
            album::KIND_FOLDER => Role::Listed(AlbumKind::Folder),
            album::KIND_ROOT | album::KIND_PROJECT_ROOT => Role::Root,
            _ => return None,
        };
        Some(Raw {
            key: cells.integer(A::Key.at())?,
            source: Source::Album,
            uuid: uuid(cells, A::Uuid.at()),
            title: title(cells, A::Title.at()),
            kind,
            trashed: cells.is_null(A::Trashed.at()) || cells.flag(A::Trashed.at()),
            parent: cells.integer(A::Parent.at()),
            created: date(cells, A::Created.at()),
            order: order(cells.integer(A::SortKey.at()), cells.integer(A::Ascending.at())),
            own_keys: [A::CustomKey, A::OwnKey].map(|key| cells.integer(key.at())),
        })
    })
}

fn read_shares(session: &Session<'_>) -> Result<Vec<Raw>, Stop> {
    let profile = &session.profile;
    let Some(shares) = &profile.shares else {
        return Ok(Vec::new());
    };
    let entity = profile.read(&shares.table, "g", share::ENTITY);
    let condition = format!("{entity}={}", shares.entity);
    read_rows(session, &shares.table, S::LIST, &condition, |cells| {
        Some(Raw {
            key: cells.integer(S::Key.at())?,
            source: Source::Share,
            uuid: uuid(cells, S::Uuid.at()),
            title: title(cells, S::Title.at()),
            kind: Role::Listed(AlbumKind::Shared),
            trashed: cells.flag(S::Trashed.at()),
            parent: None,
            created: date(cells, S::Created.at()),
            order: AlbumOrder::Manual,
            own_keys: [None, None],
        })
    })
}

fn read_rows(
    session: &Session<'_>,
    table: &Table,
    columns: &'static [Column],
    condition: &str,
    read: impl Fn(&mut Cells<'_>) -> Option<Raw>,
) -> Result<Vec<Raw>, Stop> {
    let list = session.profile.list(table, "g", columns);
    let question =
        format!("SELECT {list} FROM {} g WHERE {condition} ORDER BY g.{}", table.name(), PK.name());
    let mut found = Vec::new();
    each_row(session, &question, &[], |row| {
        if found.len() == MAX_ALBUMS {
            return Err(Damage::Malformed.into());
        }
        found.extend(read(&mut Cells::new(row, columns)));
        Ok(())
    })?;
    Ok(found)
}

fn uuid(cells: &mut Cells<'_>, at: usize) -> Option<Uuid> {
    Uuid::parse(&cells.text(at)?).ok()
}

fn order(sort_key: Option<i64>, ascending: Option<i64>) -> AlbumOrder {
    match (sort_key, ascending) {
        (Some(album::SORT_BY_DATE), Some(1)) => AlbumOrder::Oldest,
        (Some(album::SORT_BY_DATE), _) => AlbumOrder::Newest,
        (Some(album::SORT_BY_TITLE), _) => AlbumOrder::Title,
        _ => AlbumOrder::Manual,
    }
}

fn date(cells: &mut Cells<'_>, at: usize) -> Option<Date> {
    cells.real(at).and_then(Date::utc)
}

fn title(cells: &mut Cells<'_>, at: usize) -> Arc<str> {
    let mut text = cells.text(at).unwrap_or_default();
    while text.len() > MAX_TITLE_BYTES {
        text.pop();
    }
    Arc::from(text)
}

/// What of a text is compared for nearness.
fn compared(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase).take(MAX_COMPARED_CHARS)
}

/// Is it a part of it, and long enough to be one that was meant?
fn has_part(text: &str, wanted: &[char]) -> bool {
    const LEAST_LETTERS: usize = 3;
    let text: Vec<char> = compared(text).collect();
    wanted.len() >= LEAST_LETTERS && text.windows(wanted.len()).any(|part| part == wanted)
}

/// How many characters to add, drop or change, with two rows of memory.
fn distance(wanted: &[char], text: &str) -> usize {
    let mut previous: Vec<usize> = (0..=wanted.len()).collect();
    for (row, letter) in compared(text).enumerate() {
        let mut current = vec![row + 1];
        let mut left = row + 1;
        for (mine, pair) in wanted.iter().zip(previous.windows(2)) {
            let (Some(diagonal), Some(above)) = (pair.first(), pair.last()) else {
                break;
            };
            left = (above + 1).min(left + 1).min(diagonal + usize::from(*mine != letter));
            current.push(left);
        }
        previous = current;
    }
    previous.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(key: i64, kind: Role, title: &str, parent: Option<i64>) -> Raw {
        let uuid = format!("{key:08X}-0000-4000-8000-000000000000");
        Raw {
            key,
            source: Source::Album,
            uuid: Uuid::parse(&uuid).ok(),
            title: Arc::from(title),
            kind,
            trashed: false,
            parent,
            created: None,
            order: AlbumOrder::Manual,
            own_keys: [None, None],
        }
    }

    fn folder(key: i64, title: &str, parent: i64) -> Raw {
        raw(key, Role::Listed(AlbumKind::Folder), title, Some(parent))
    }

    fn album(key: i64, title: &str, parent: i64) -> Raw {
        raw(key, Role::Listed(AlbumKind::Album), title, Some(parent))
    }

    fn root() -> Raw {
        raw(1, Role::Root, "", None)
    }

    fn arranged(raw: Vec<Raw>) -> Albums {
        Albums::arrange(raw, &Deadline::never()).unwrap()
    }

    #[track_caller]
    fn check(raw: Vec<Raw>, key: i64, path: &str, problem: Option<AlbumProblem>) {
        let albums = arranged(raw);
        let row = albums.get(Source::Album, key).unwrap();
        assert_eq!((full_path(&row.place).as_str(), row.problem), (path, problem));
    }

    #[test]
    fn a_path_is_that_of_the_folders_without_the_root() {
        let tree = vec![root(), folder(2, "Trips", 1), folder(3, "2024", 2), album(4, "Japan", 3)];
        check(tree, 4, "Trips/2024/Japan", None);
    }

    #[test]
    fn an_album_whose_folders_are_gone_trashed_or_a_circle_is_at_the_top_and_says_why() {
        check(vec![root(), album(4, "A", 99)], 4, "A", Some(AlbumProblem::ParentGone));
        let mut trashed = folder(2, "F", 1);
        trashed.trashed = true;
        check(vec![root(), trashed, album(4, "A", 2)], 4, "A", Some(AlbumProblem::ParentTrashed));
        let circle = vec![folder(2, "F", 3), folder(3, "G", 2), album(4, "A", 2)];
        check(circle, 4, "A", Some(AlbumProblem::Cycle));
        check(vec![album(4, "A", 4)], 4, "A", Some(AlbumProblem::ParentGone));
    }

    #[test]
    fn depth_holds_at_the_limit_one_beyond_and_far_beyond() {
        for (depth, problem) in [
            (MAX_DEPTH, None),
            (MAX_DEPTH + 1, Some(AlbumProblem::TooDeep)),
            (50_000, Some(AlbumProblem::TooDeep)),
        ] {
            let mut tree = vec![root()];
            let depth = i64::try_from(depth).unwrap();
            tree.extend((2..=depth + 1).map(|key| folder(key, "f", key - 1)));
            tree.push(album(depth + 2, "A", depth + 1));
            let albums = arranged(tree);
            assert_eq!(albums.get(Source::Album, depth + 2).unwrap().problem, problem);
        }
    }

    #[test]
    fn an_album_is_found_by_uuid_title_and_path_and_never_guessed() {
        let tree = vec![
            root(),
            folder(2, "Trips", 1),
            album(3, "Japan", 2),
            album(4, "Japan", 1),
            album(5, "Summer", 1),
            album(6, "2019/10", 1),
        ];
        let albums = arranged(tree);
        assert_eq!(albums.find("Summer", &Deadline::never()).unwrap().key, 5);
        assert_eq!(albums.find("2019/10", &Deadline::never()).unwrap().key, 6);
        assert_eq!(albums.find("Trips/Japan", &Deadline::never()).unwrap().key, 3);
        assert_eq!(
            albums.find("00000004-0000-4000-8000-000000000000", &Deadline::never()).unwrap().key,
            4
        );
        match albums.find("Japan", &Deadline::never()) {
            Err(LibraryError::AmbiguousAlbum { candidates, .. }) => {
                let paths: Vec<&str> = candidates.iter().map(|it| it.path.as_str()).collect();
                assert_eq!(paths, ["Trips/Japan", "Japan"]);
            }
            other => panic!("{other:?}"),
        }
        match albums.find("Sumer", &Deadline::never()) {
            Err(LibraryError::NoSuchAlbum { nearest, .. }) => assert_eq!(nearest, ["Summer"]),
            other => panic!("{other:?}"),
        }
        match albums.find("jap", &Deadline::never()) {
            Err(LibraryError::NoSuchAlbum { nearest, .. }) => {
                assert_eq!(nearest, ["Japan", "Trips/Japan"], "a part of a title is near it");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn candidates_hold_at_the_limit_one_beyond_and_far_beyond() {
        for (many, told) in [(20, 20), (21, 20), (5_000, 20)] {
            let albums = arranged((1..=many).map(|key| album(key, "Japan", 0)).collect());
            match albums.find("Japan", &Deadline::never()) {
                Err(LibraryError::AmbiguousAlbum { candidates, count, .. }) => {
                    assert_eq!((candidates.len(), i64::try_from(count).unwrap()), (told, many));
                    assert_eq!(candidates[0].uuid.as_str(), "00000001-0000-4000-8000-000000000000");
                }
                other => panic!("{other:?}"),
            }
            match albums.find("Japn", &Deadline::never()) {
                Err(LibraryError::NoSuchAlbum { nearest, .. }) => assert_eq!(nearest, ["Japan"]),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_search_among_many_albums_ends_with_the_time() {
        let tree: Vec<Raw> = (1..=5_000).map(|key| album(key, &format!("{key}"), 0)).collect();
        let albums = arranged(tree);
        // The last of these is asked while titles are compared for nearness.
        for allowed in [0, 1, 49, 50, 51, 99] {
            let asked = std::sync::atomic::AtomicUsize::new(0);
            let limit = Deadline::new(move || {
                asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == allowed
            });
            let answer = albums.find("no such title", &limit);
            assert!(matches!(answer, Err(LibraryError::TimedOut)), "{allowed} {answer:?}");
        }
    }

    #[test]
    fn distance_counts_letters_and_stops_at_its_bound() {
        let check = |left: &str, right: &str, expected| {
            let left: Vec<char> = left.chars().collect();
            assert_eq!(distance(&left, right), expected, "{left:?} {right}");
        };
        check("japan", "Japan", 0);
        check("japn", "Japan", 1);
        check("", "abc", 3);
        check("kitten", "sitting", 3);
        check("", &"x".repeat(1_000_000), MAX_COMPARED_CHARS);
    }
}
