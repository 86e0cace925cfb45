//! What a grant withholds does not exist: not in a page, a count, an album, a catalog, an error, or
//! by name.
//!
//! Also what is left out without being withheld: hidden, trashed and unselected ones, unless
//! included or asked for by UUID.

mod pair;
mod plan;
mod walk;

use std::path::PathBuf;

use darkslide_fixture::{
    AlbumSpec, AssetKey, AssetSpec, BuiltLibrary, BurstPick, Content, LibraryBuilder, Model,
};
use darkslide_library::{AlbumKind, Query};
use darkslide_protocol::field::Fields;
use darkslide_protocol::filter::{Filter, Flag, Include, Kind};
use darkslide_protocol::value::Uuid;

use crate::opened::{Opened, catalog, never, uuid_of, writable};
use crate::real_libraries::{all, everything};
use pair::Pair;
use plan::{By, Withheld};
use walk::{Walk, marks, positions};

struct Four {
    _temp: tempfile::TempDir,
    built: BuiltLibrary,
    plain: AssetKey,
    hidden: AssetKey,
    trashed: AssetKey,
    unselected: AssetKey,
}

fn four(model: Model) -> Four {
    let temp = tempfile::tempdir().unwrap();
    let mut builder = LibraryBuilder::new(model);
    let photo = |name: &str| AssetSpec::photo(name, Content::jpeg(1)).keyword("k").title("t");
    let plain = builder.asset(photo("PLAIN.JPG"));
    let hidden = builder.asset(photo("HIDDEN.JPG").hidden());
    let trashed = builder.asset(photo("TRASHED.JPG").trashed());
    let burst = "0B0B0B0B-0000-4000-8000-000000000001";
    let unselected = builder.asset(photo("BURST.JPG").burst(burst, BurstPick::NotSelected));
    builder.album(AlbumSpec::new("All").members([plain, hidden, trashed, unselected]));
    let bundle: PathBuf = temp.path().join("S.photoslibrary");
    let built = builder.build(&bundle).unwrap();
    Four { _temp: temp, built, plain, hidden, trashed, unselected }
}

impl Four {
    fn uuid(&self, key: AssetKey) -> Uuid {
        Uuid::parse(self.built.asset(key).unwrap().uuid()).unwrap()
    }

    fn every(&self) -> Vec<Uuid> {
        [self.plain, self.hidden, self.trashed, self.unselected].map(|key| self.uuid(key)).to_vec()
    }
}

const WHOLE: [Include; 3] = [Include::Hidden, Include::Trashed, Include::Bursts];

#[test]
fn what_a_grant_withholds_exists_in_no_answer() {
    for model in Model::ALL {
        let four = four(model);
        for (hidden, trashed) in [(false, false), (true, false), (false, true), (true, true)] {
            let opened = Opened::with(four.built.path(), hidden, trashed);
            let mut shown = vec![four.uuid(four.plain), four.uuid(four.unselected)];
            shown.extend(hidden.then(|| four.uuid(four.hidden)));
            shown.extend(trashed.then(|| four.uuid(four.trashed)));
            shown.sort();
            check_answers(&opened, &four, &shown);
            let info = opened.library.info(&opened.grant, &never()).unwrap();
            assert_eq!(info.hidden_count, hidden.then_some(1));
            assert_eq!(info.trashed_count, trashed.then_some(1));
            assert_eq!((info.photos_count, info.unselected_count), (1, 1));
        }
    }
}

fn check_answers(opened: &Opened, four: &Four, shown: &[Uuid]) {
    let (library, grant) = (&opened.library, &opened.grant);
    let filters = [
        Filter::everything(),
        Filter::Album(String::from("All")),
        Filter::Uuid(four.every()),
        Filter::Not(Box::new(Filter::Kind(Kind::Movie))),
        Filter::Is(Flag::Titled),
        Filter::Is(Flag::Keyworded),
        Filter::Is(Flag::InAlbum),
        Filter::Any(vec![
            Filter::Uuid(four.every()),
            Filter::Is(Flag::Hidden),
            Filter::Is(Flag::Trashed),
        ]),
    ];
    for filter in filters {
        let query = Query { filter: filter.clone(), ..everything() };
        let mut paged: Vec<Uuid> = all(opened, query).iter().map(uuid_of).collect();
        paged.sort();
        assert_eq!(paged, shown, "{filter:?}");
        assert_eq!(
            library
                .select(grant, &filter, &WHOLE, &never())
                .unwrap()
                .found
                .iter()
                .collect::<Vec<_>>(),
            shown,
            "{filter:?}"
        );
        let count = library.count(grant, &filter, &WHOLE, &never()).unwrap().found;
        assert_eq!(count, shown.len() as u64, "{filter:?}");
    }
    let got = library.get(grant, &four.every(), Fields::summary(), &never()).unwrap();
    assert_eq!(got.assets.count(), shown.len());
    assert_eq!(got.unknown.len(), 4 - shown.len());
    let entries = catalog(opened).unwrap();
    assert!(entries.iter().map(|entry| &entry.uuid).eq(shown));
    let resources = library
        .resources(grant, &four.every(), darkslide_library::Version::USUAL, &never())
        .unwrap();
    assert_eq!(resources.len(), shown.len());
    let albums = library.albums(grant, AlbumKind::ALL, &WHOLE, &never()).unwrap().found;
    assert_eq!(albums.len(), 1);
    assert_eq!(albums[0].count, Some(shown.len() as u64));
}

#[test]
fn hidden_trashed_and_unselected_ones_are_left_out_unless_included_or_named() {
    let four = four(Model::Photos11);
    let opened = Opened::all(four.built.path());
    let found = |filter: Filter, include: &[Include]| {
        let found = opened.library.select(&opened.grant, &filter, include, &never()).unwrap();
        let found: Vec<Uuid> = found.found.iter().collect();
        let query = Query { filter, include: include.to_vec(), ..everything() };
        let mut paged: Vec<Uuid> = all(&opened, query).iter().map(uuid_of).collect();
        paged.sort();
        assert_eq!(found, paged);
        found
    };
    let check = |filter: Filter, include: &[Include], expected: &[AssetKey]| {
        let mut expected: Vec<Uuid> = expected.iter().map(|key| four.uuid(*key)).collect();
        expected.sort();
        assert_eq!(found(filter.clone(), include), expected, "{filter:?} {include:?}");
    };
    let everything = Filter::everything;
    check(everything(), &[], &[four.plain]);
    check(everything(), &[Include::Hidden], &[four.plain, four.hidden]);
    check(everything(), &[Include::Trashed], &[four.plain, four.trashed]);
    check(everything(), &[Include::Bursts], &[four.plain, four.unselected]);
    check(Filter::Is(Flag::Hidden), &[], &[]);
    check(Filter::Is(Flag::Hidden), &[Include::Hidden], &[four.hidden]);
    let named = Filter::Uuid(vec![four.uuid(four.hidden), four.uuid(four.unselected)]);
    check(named.clone(), &[], &[four.hidden, four.unselected]);
    check(
        Filter::All(vec![named.clone(), Filter::Is(Flag::Titled)]),
        &[],
        &[four.hidden, four.unselected],
    );
    check(
        Filter::Any(vec![named.clone(), everything()]),
        &[],
        &[four.plain, four.hidden, four.unselected],
    );
    // Naming an asset to leave it out asks for nothing.
    check(Filter::Not(Box::new(named)), &[], &[four.plain]);
    check(Filter::Any(Vec::new()), &WHOLE, &[]);
    let albums = opened.library.albums(&opened.grant, AlbumKind::ALL, &[], &never());
    let albums = albums.unwrap().found;
    assert_eq!(albums[0].count, Some(1));
}

#[test]
fn a_flag_that_is_nonsense_shows_no_more_than_it_should() {
    for value in ["2", "-1", "'yes'", "x'00'", "zeroblob(17000000)", "1.5"] {
        let four = four(Model::Photos11);
        let plain = four.uuid(four.plain);
        let change = format!("UPDATE ZASSET SET ZHIDDEN={value} WHERE ZUUID='{plain}'");
        let path = four.built.path().join("database/Photos.sqlite");
        writable(path).execute_batch(&change).unwrap();
        let opened = Opened::with(four.built.path(), false, true);
        let (library, grant) = (&opened.library, &opened.grant);
        let mut expected = [four.trashed, four.unselected].map(|key| four.uuid(key)).to_vec();
        expected.sort();
        let found = library.select(grant, &Filter::everything(), &WHOLE, &never()).unwrap().found;
        assert!(found.iter().eq(expected), "{value}");
        assert_eq!(all(&opened, everything()).len(), 2, "{value}");
        assert_eq!(catalog(&opened).unwrap().len(), 2, "{value}");
        let unknown = library.get(grant, &[plain], Fields::summary(), &never()).unwrap().unknown;
        assert_eq!(unknown.len(), 1, "{value}");
        let opened = Opened::all(four.built.path());
        assert_eq!(all(&opened, everything()).iter().filter(|asset| asset.hidden).count(), 2);
    }
}

/// Asks a library that has what is withheld and one that never had it, under one grant.
fn check_walk(model: Model, withheld: Withheld) {
    let pair = Pair::of(model, withheld);
    let positions = positions(&pair.with(By::Nobody));
    let with = Walk::through(&pair.with(By::Rule), &pair.assets, &positions);
    let without = Walk::through(&pair.without(By::Rule), &pair.assets, &positions);
    let mut wrong = Vec::new();
    for ((question, answer), (_, expected)) in with.iter().zip(&without) {
        let marks = marks(answer, plan::NUMBERS);
        if answer != expected || !marks.is_empty() {
            wrong.push(format!("{question} {marks:?}\n  {}", difference(answer, expected)));
        }
    }
    let some: Vec<&str> = wrong.iter().take(20).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{withheld:?}: {} answers\n{}", wrong.len(), some.join("\n"));
    assert_eq!(with.len(), without.len());
}

/// Where two texts part, with some of what is before and behind.
fn difference(one: &str, other: &str) -> String {
    let same = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let near = |text: &str| {
        let (from, to) = (same.saturating_sub(80), text.len().min(same + 160));
        String::from_utf8_lossy(&text.as_bytes()[from.min(to)..to]).into_owned()
    };
    format!("{}\n  {}", near(one), near(other))
}

fn check_walks(withheld: Withheld) {
    // A library has no key for albums; all else is one grant, whoever withholds it.
    if withheld != Withheld::Albums {
        assert_eq!(withheld.scope(By::Library), withheld.scope(By::Rule));
    }
    for model in Model::ALL {
        check_walk(model, withheld);
    }
}

#[test]
fn a_walk_finds_every_mark_where_nothing_is_withheld() {
    for withheld in Withheld::ALL {
        let pair = Pair::of(Model::Photos11, withheld);
        let opened = pair.with(By::Nobody);
        let told: String =
            Walk::through(&opened, &pair.assets, &[]).into_iter().map(|it| it.1).collect();
        let numbers = match withheld {
            Withheld::Hidden | Withheld::Trashed | Withheld::Albums => plan::NUMBERS,
            Withheld::Location => &plan::NUMBERS[2..],
            Withheld::Referenced => &[],
        };
        let found = marks(&told, numbers);
        let secret = usize::from(withheld.is_of_assets());
        assert_eq!(found.len(), numbers.len() + 1 + secret, "{withheld:?} {found:?}");
    }
}

#[test]
fn a_grant_of_albums_that_are_not_there_shows_no_asset() {
    let pair = Pair::of(Model::Photos11, Withheld::Albums);
    let rename = "UPDATE ZGENERICALBUM SET ZTITLE='Other' WHERE ZTITLE='Shown'";
    writable(pair.bundle().join("database/Photos.sqlite")).execute_batch(rename).unwrap();
    for (question, answer) in Walk::through(&pair.with(By::Rule), &pair.assets, &[]) {
        let told = pair.assets.iter().find(|uuid| answer.contains(uuid.as_str()));
        assert!(told.is_none() && marks(&answer, plan::NUMBERS).is_empty(), "{question} {answer}");
    }
}

#[test]
fn hidden_assets_are_in_no_answer_as_if_they_were_not_there() {
    check_walks(Withheld::Hidden);
}

#[test]
fn trashed_assets_are_in_no_answer_as_if_they_were_not_there() {
    check_walks(Withheld::Trashed);
}

#[test]
fn assets_of_other_albums_are_in_no_answer_as_if_they_were_not_there() {
    check_walks(Withheld::Albums);
}

#[test]
fn locations_are_in_no_answer_as_if_there_were_none() {
    check_walks(Withheld::Location);
}

#[test]
fn folders_of_referenced_originals_are_in_no_answer() {
    check_walks(Withheld::Referenced);
}
