//! Every question that the reader answers, put to a library: what it says, as text.
//!
//! The questions ask for what is withheld by all that one could know of it: each leaf of the filter
//! language, as it stands, under a `not` and in an `any`, with its values and near them; each order
//! both ways, from each place; each facet; each asset by its UUID. The hazard: a leaf, a facet or a
//! sort that is added and not asked for; the lists are the language's own, and a key of a filter
//! that nobody asks with fails.

use std::collections::BTreeSet;
use std::io::Read;

use darkslide_library::{
    AlbumKind, LibraryError, MAX_CHANGES, Needs, OpenFile, Position, Query, Shown, Version,
};
use darkslide_protocol::field::Fields;
use darkslide_protocol::filter::{CountWith, Facet, Filter, Flag, Include, Kind, Score, Sort};
use darkslide_protocol::value::Uuid;

use super::plan::{MARK, SECRET};
use crate::opened::{Opened, catalog, never};

const WHOLE: &[Include] = &[Include::Hidden, Include::Trashed, Include::Bursts];

/// A question, and what was answered.
pub(super) type Answer = (String, String);

/// Leaves as a peer writes them; those made of words are added.
const LEAVES: &[&str] = &[
    r#"{}"#,
    r#"{"any":[]}"#,
    r#"{"album":"Shown"}"#,
    r#"{"album":"Trips/Shown"}"#,
    r#"{"album":"Book"}"#,
    r#"{"album":"Club"}"#,
    r#"{"album":"zqx album"}"#,
    r#"{"album":"zqx albun"}"#,
    r#"{"album":"zqx folder/zqx album"}"#,
    r#"{"album":"5EC2E731-0000-4000-8000-000000000000"}"#,
    r#"{"album":"Schown"}"#,
    r#"{"album":{"contains":"zqx"}}"#,
    r#"{"album":{"matches":"*o*"}}"#,
    r#"{"folder":"zqx folder"}"#,
    r#"{"folder":"5EC2E730-0000-4000-8000-000000000000"}"#,
    r#"{"folder":"Trips"}"#,
    r#"{"import_session":{"matches":"*"}}"#,
    r#"{"import_session":"zqx import"}"#,
    r#"{"import_session":"5EC2E790-0000-4000-8000-000000000000"}"#,
    r#"{"import_session":"5EC2E734-0000-4000-8000-000000000000"}"#,
    r#"{"import_session":"Camera"}"#,
    r#"{"keyword":"zqx keyword"}"#,
    r#"{"keyword":"k"}"#,
    r#"{"person":"zqx person"}"#,
    r#"{"person":"Pat"}"#,
    r#"{"person":{"matches":"*"}}"#,
    r#"{"label":"zqx label"}"#,
    r#"{"label":{"matches":"*"}}"#,
    r#"{"place":"zqx city"}"#,
    r#"{"place":{"contains":"zqx"}}"#,
    r#"{"place":{"matches":"*"}}"#,
    r#"{"title":{"contains":"zqx"}}"#,
    r#"{"title":{"matches":"*"}}"#,
    r#"{"description":{"contains":"zqx"}}"#,
    r#"{"description":"d"}"#,
    r#"{"filename":{"contains":"zqx"}}"#,
    r#"{"filename":"A.JPG"}"#,
    r#"{"text":{"contains":"zqx"}}"#,
    r#"{"text":"zqx place 5"}"#,
    r#"{"text":"k"}"#,
    r#"{"taken":{"to":"1990-01-01"}}"#,
    r#"{"taken":{"from":"1987-06-05T00:00:00Z","to":"1987-06-06T00:00:00Z"}}"#,
    r#"{"added":{"from":"2001-01-01"}}"#,
    r#"{"modified":{"from":"2001-01-01"}}"#,
    r#"{"on_this_day":"06-05"}"#,
    r#"{"on_this_day":"06-01"}"#,
    r#"{"near":{"latitude":12.3456,"longitude":23.4567,"metres":1000.0}}"#,
    r#"{"within":{"south":-90.0,"west":-180.0,"north":90.0,"east":180.0}}"#,
    r#"{"camera":{"contains":"zqx"}}"#,
    r#"{"camera":"Make"}"#,
    r#"{"lens":{"matches":"*"}}"#,
    r#"{"uti":{"matches":"*"}}"#,
    r#"{"size":{"min":900000000.0}}"#,
    r#"{"size":{"max":900000000.0}}"#,
    r#"{"width":{"min":1.0}}"#,
    r#"{"height":{"min":1.0}}"#,
    r#"{"duration":{"min":70.0}}"#,
    r#"{"duration":{"max":70.0}}"#,
    r#"{"rating":{"max":5.0}}"#,
];

fn read(json: &str) -> Filter {
    serde_json::from_str(json).unwrap()
}

fn written(filter: &Filter) -> String {
    serde_json::to_string(filter).unwrap()
}

/// Every leaf with its values.
fn leaves(assets: &[Uuid]) -> Vec<Filter> {
    let mut found: Vec<Filter> = LEAVES.iter().map(|json| read(json)).collect();
    found.push(Filter::Uuid(assets.to_vec()));
    found.extend(assets.iter().map(|uuid| Filter::Uuid(vec![uuid.clone()])));
    found.extend(Kind::ALL.iter().map(|kind| Filter::Kind(*kind)));
    found.extend(Flag::ALL.iter().map(|flag| Filter::Is(*flag)));
    let score = |score: &Score| read(&format!(r#"{{"score":{{"name":"{score}","min":0.1}}}}"#));
    found.extend(Score::ALL.iter().map(score));
    let combinators = ["any", "all", "not"].map(str::to_owned);
    let keys: BTreeSet<String> = found.iter().map(key).chain(combinators).collect();
    let missing: Vec<_> = Filter::KEYS.iter().filter(|key| !keys.contains(**key)).collect();
    assert!(missing.is_empty(), "nobody asks with {missing:?}");
    found
}

/// The key that a filter is written with; every asset is an empty object.
fn key(filter: &Filter) -> String {
    let json = serde_json::to_value(filter).unwrap();
    json.as_object().unwrap().keys().next().cloned().unwrap_or_else(|| "all".into())
}

/// What is told where a question fails, without what was asked: a peer knows that.
fn failed(error: &LibraryError) -> String {
    match error {
        LibraryError::NoSuchAlbum { nearest, .. } => format!("no such album, near {nearest:?}"),
        LibraryError::AmbiguousAlbum { count, candidates, .. } => {
            format!("{count} albums {candidates:?}")
        }
        other => format!("{other:?}"),
    }
}

/// Every place in every order, as cursors name it.
pub(super) fn positions(opened: &Opened) -> Vec<(Sort, Position)> {
    let mut found = Vec::new();
    for sort in Sort::ALL {
        let mut query = query(Filter::everything(), *sort);
        if *sort == Sort::Album {
            query.filter = Filter::Album("Shown".into());
        }
        query.limit = 1;
        while let Ok(page) = opened.library.query(&opened.grant, &query, &never()) {
            let Some(next) = page.next else { break };
            found.push((*sort, next.clone()));
            query.after = Some(next);
        }
    }
    found
}

fn query(filter: Filter, sort: Sort) -> Query {
    Query {
        filter,
        fields: Fields::summary(),
        include: WHOLE.to_vec(),
        sort,
        descending: false,
        limit: 100,
        after: None,
    }
}

/// The answers to everything.
pub(super) struct Walk<'a> {
    opened: &'a Opened,
    answers: Vec<Answer>,
}

impl<'a> Walk<'a> {
    /// Asks it all.
    pub(super) fn through(
        opened: &'a Opened,
        assets: &[Uuid],
        positions: &[(Sort, Position)],
    ) -> Vec<Answer> {
        let mut walk = Self { opened, answers: Vec::new() };
        for (number, leaf) in leaves(assets).iter().enumerate() {
            walk.leaf(leaf, number);
        }
        for facet in Facet::ALL {
            walk.facet(*facet, &Filter::everything(), WHOLE);
            walk.facet(*facet, &Filter::everything(), &[]);
        }
        for (sort, position) in positions {
            walk.pages(*sort, Some(position));
        }
        for sort in Sort::ALL {
            walk.pages(*sort, None);
        }
        walk.assets(assets);
        walk.library();
        walk.answers
    }

    fn say(&mut self, question: String, answer: Result<String, LibraryError>) {
        self.answers.push((question, answer.unwrap_or_else(|error| failed(&error))));
    }

    /// A leaf as it stands, and what is made of it.
    fn leaf(&mut self, leaf: &Filter, number: usize) {
        let not = |filter: &Filter| Filter::Not(Box::new(filter.clone()));
        let favorite = Filter::Is(Flag::Favorite);
        self.count(leaf, WHOLE, CountWith::ALL);
        // Favourites are counted in a way of their own.
        self.count(&Filter::All(vec![favorite.clone(), leaf.clone()]), WHOLE, &[]);
        self.select(&not(leaf), WHOLE);
        let any = Filter::Any(vec![favorite.clone(), leaf.clone()]);
        self.facet(Facet::ALL[number % Facet::ALL.len()], &any, &[]);
        let all = Filter::All(vec![not(&favorite), leaf.clone()]);
        let sort = Sort::ALL[number % Sort::ALL.len()];
        let query = Query { descending: number.is_multiple_of(2), ..query(all, sort) };
        let page = self.opened.library.query(&self.opened.grant, &query, &never());
        let page = page.map(|page| text(page.assets.json()) + &format!("{:?}", page.next));
        self.say(format!("query {query:?}"), page);
    }

    fn count(&mut self, filter: &Filter, include: &[Include], with: &[CountWith]) {
        let Opened { library, grant } = self.opened;
        let counts = library.count_with(grant, filter, include, with, &never());
        let asked = format!("count {} {include:?} {with:?}", written(filter));
        self.say(asked, counts.map(|it| format!("{it:?}")));
    }

    fn select(&mut self, filter: &Filter, include: &[Include]) {
        let Opened { library, grant } = self.opened;
        let uuids = library.select(grant, filter, include, &never());
        let asked = format!("select {} {include:?}", written(filter));
        self.say(asked, uuids.map(|it| format!("{it:?}")));
    }

    fn facet(&mut self, facet: Facet, filter: &Filter, include: &[Include]) {
        let Opened { library, grant } = self.opened;
        let facets = library.facet(grant, facet, filter, include, &never());
        let asked = format!("facet {facet} {} {include:?}", written(filter));
        self.say(asked, facets.map(|it| format!("{it:?}")));
    }

    /// Page by page from the beginning, with all fields, or from a place; both ways.
    fn pages(&mut self, sort: Sort, after: Option<&Position>) {
        for descending in [false, true] {
            let filter = match sort {
                Sort::Album => Filter::Album("Shown".into()),
                _ => Filter::everything(),
            };
            let mut query = Query {
                fields: if after.is_none() { Fields::all() } else { Fields::summary() },
                descending,
                limit: if after.is_none() { 2 } else { 100 },
                after: after.cloned(),
                ..query(filter, sort)
            };
            loop {
                let page = self.opened.library.query(&self.opened.grant, &query, &never());
                let asked = format!("pages {sort} {descending} {:?}", query.after);
                let next = page.as_ref().ok().and_then(|page| page.next.clone());
                let told = page.map(|page| text(page.assets.json()) + &format!("{:?}", page.next));
                self.say(asked, told);
                if next.is_none() {
                    break;
                }
                query.after = next;
            }
        }
    }

    fn assets(&mut self, assets: &[Uuid]) {
        let Opened { library, grant } = self.opened;
        let several: Vec<&[Uuid]> = std::iter::once(assets).chain(assets.chunks(1)).collect();
        for uuids in several {
            let got = library.get(grant, uuids, Fields::all(), &never());
            let got = got.map(|it| format!("{} {}", text(it.assets.json()), it.unknown.len()));
            self.say(format!("get {uuids:?}"), got);
            let exportable = library.resources(grant, uuids, Version::USUAL, &never());
            self.say(format!("resources {uuids:?}"), exportable.map(|it| stable(&it)));
            let listed = library.list_resources(grant, uuids, &never());
            let listed = listed.map(|it| format!("{} {}", stable(&it.assets), it.unknown.len()));
            self.say(format!("list {uuids:?}"), listed);
        }
        for uuid in assets {
            for pixels in [1, 10_000] {
                let shown = library.thumbnail(grant, uuid, pixels, &never());
                let shown = shown.map(|it| match it {
                    Shown::Image(image) => file(&image.file),
                    other => format!("{other:?}"),
                });
                self.say(format!("thumbnail {uuid} {pixels}"), shown);
            }
            for version in Version::ALL {
                let opened = library.open_version(grant, uuid, *version, &never());
                let opened = opened.map(|it| match it {
                    darkslide_library::Opened::File(it) => file(&it),
                    other => format!("{other:?}"),
                });
                self.say(format!("open {uuid} {version:?}"), opened);
            }
        }
        let needs = Needs { albums: true, description: true, camera: true, place: true };
        let entries = library.entries(grant, assets, needs, &never());
        self.say("entries".into(), entries.map(|it| format!("{it:?}")));
        let entries = catalog(self.opened);
        self.say("catalog".into(), entries.map(|it| format!("{it:?}")));
    }

    fn library(&mut self) {
        let Opened { library, grant } = self.opened;
        let info = library.info(grant, &never());
        self.say("info".into(), info.map(|it| format!("{it:?}")));
        for kind in AlbumKind::ALL {
            for include in [&[][..], WHOLE] {
                let albums = library.albums(grant, &[*kind], include, &never());
                let asked = format!("albums {kind:?} {include:?}");
                self.say(asked, albums.map(|it| format!("{it:?}")));
            }
        }
        let newest = library.change_token(grant, &never()).unwrap().to_string();
        let parts: Vec<&str> = newest.split('.').collect();
        let beginning = format!("{}.{}.0.-.0000000000000000", parts[0], parts[1]);
        let changes = library.changes(grant, &beginning, MAX_CHANGES, &never());
        let told = |it: darkslide_library::Changes| {
            format!("{:?} {:?} {} {}", it.assets, it.albums, it.unknown_deleted, it.incomplete)
        };
        self.say("changes".into(), changes.map(told));
    }
}

fn text(json: &[u8]) -> String {
    String::from_utf8(json.to_vec()).unwrap()
}

/// Without what the kernel gives each file anew: its number and its times.
fn stable(value: &impl std::fmt::Debug) -> String {
    let told = format!("{value:#?}");
    let of_kernel = ["device", "inode", "changed", "accessed", "modified", "sec", "nano", "ctime"];
    let stays = |line: &&str| !of_kernel.iter().any(|word| line.trim().starts_with(word));
    told.lines().filter(stays).collect::<Vec<_>>().join("\n")
}

/// What is told of an open file, and how it begins.
fn file(opened: &OpenFile) -> String {
    let mut begin = String::new();
    let read = opened.file().take(64).read_to_string(&mut begin).is_ok();
    let (path, size) = (opened.path_text(), opened.size());
    format!("{} {path} {size} {:?} {read} {begin}", opened.name(), opened.uti())
}

/// What of the withheld stands in a text.
pub(super) fn marks(text: &str, numbers: &[&str]) -> Vec<String> {
    let text = text.to_lowercase();
    let words = [MARK, SECRET].into_iter().chain(numbers.iter().copied());
    words.filter(|word| text.contains(*word)).map(str::to_owned).collect()
}
