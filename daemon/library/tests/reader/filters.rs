//! Filters, counts, facets and orders on libraries made for them: what SQL tells and what it does
//! not, mixed in every way.
//!
//! What is selected is compared with a walk over all records in this file, which knows no SQL.

use std::collections::BTreeSet;

use darkslide_fixture::{
    AlbumOrder, AlbumSpec, AssetKey, AssetSpec, BuiltLibrary, Content, FolderSpec, LibraryBuilder,
    Model, PersonSpec, PlaceSpec, Version, seconds_since_2001,
};
use darkslide_library::{Facets, Query};
use darkslide_protocol::filter::{
    CountWith, Facet, Filter, Flag, Kind, Moment, MonthDay, Near, Sort, Span, Text, Within,
};
use darkslide_protocol::limits::MAX_FACET_VALUES;

use crate::opened::{Opened, never, read, writable};
use crate::real_libraries::everything;

struct Made {
    _temp: tempfile::TempDir,
    built: BuiltLibrary,
    keys: Vec<AssetKey>,
}

impl Made {
    fn of(model: Model, make: impl FnOnce(&mut LibraryBuilder) -> Vec<AssetKey>) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let mut builder = LibraryBuilder::new(model);
        let keys = make(&mut builder);
        let built = builder.build(&temp.path().join("S.photoslibrary")).unwrap();
        Self { _temp: temp, built, keys }
    }

    fn opened(&self) -> Opened {
        Opened::all(self.built.path())
    }

    /// The numbers of the assets that a filter selects.
    fn select(&self, filter: &Filter) -> BTreeSet<usize> {
        let opened = self.opened();
        let found = opened.library.select(&opened.grant, filter, &[], &never()).unwrap().found;
        let found: BTreeSet<String> = found.iter().map(|uuid| uuid.to_string()).collect();
        let uuid = |key: &AssetKey| self.built.asset(*key).unwrap().uuid().to_owned();
        let numbered = self.keys.iter().enumerate();
        numbered.filter(|(_, key)| found.contains(&uuid(key))).map(|(number, _)| number).collect()
    }

    /// The numbers of the assets of all pages, in their order.
    fn pages(&self, filter: &Filter, sort: Sort, descending: bool) -> Vec<usize> {
        let opened = self.opened();
        let mut query =
            Query { filter: filter.clone(), sort, descending, limit: 2, ..everything() };
        let mut found = Vec::new();
        loop {
            let page = opened.library.query(&opened.grant, &query, &never()).unwrap();
            found.extend(read(&page.assets).into_iter().map(|asset| asset.uuid));
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        let uuid = |key: &AssetKey| self.built.asset(*key).unwrap().uuid().to_owned();
        let number = |it: &String| self.keys.iter().position(|key| uuid(key) == *it).unwrap();
        found.iter().map(number).collect()
    }

    fn facet(&self, facet: Facet, filter: &Filter) -> Facets {
        let opened = self.opened();
        opened.library.facet(&opened.grant, facet, filter, &[], &never()).unwrap().found
    }
}

fn photo(number: u32) -> AssetSpec {
    AssetSpec::photo(format!("IMG_{number}.JPG"), Content::jpeg(number))
}

/// Bit 0: a favourite; bit 1: with the label; bit 2: not on the disk.
fn of_bits(model: Model) -> Made {
    Made::of(model, |library| {
        (0..8_u32)
            .map(|bits| {
                let mut spec = photo(bits);
                if bits & 1 != 0 {
                    spec = spec.favorite();
                }
                if bits & 2 != 0 {
                    spec = spec.label("Pumpkin").label("Farm");
                }
                if bits & 4 != 0 {
                    spec = spec.in_cloud(Version::Original);
                }
                library.asset(spec)
            })
            .collect()
    })
}

/// What a filter over the three bits is by itself.
fn holds(filter: &Filter, bits: usize) -> bool {
    match filter {
        Filter::All(parts) => parts.iter().all(|part| holds(part, bits)),
        Filter::Any(parts) => parts.iter().any(|part| holds(part, bits)),
        Filter::Not(part) => !holds(part, bits),
        Filter::Is(Flag::Favorite) => bits & 1 != 0,
        Filter::Label(_) | Filter::Text(_) => bits & 2 != 0,
        Filter::Is(Flag::Missing) => bits & 4 != 0,
        Filter::Is(Flag::Local) => bits & 4 == 0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn combinators_over_what_sql_can_and_can_not_tell_are_right() {
    let leaves = || {
        vec![
            Filter::Is(Flag::Favorite),
            Filter::Label(Text::exact("PUMPKIN")),
            Filter::Is(Flag::Missing),
            Filter::Is(Flag::Local),
            Filter::Text(Text::Contains(String::from("umpki"))),
        ]
    };
    let not = |filter: &Filter| Filter::Not(Box::new(filter.clone()));
    let mut filters = leaves();
    for one in leaves() {
        for other in leaves() {
            let pair = vec![one.clone(), other.clone()];
            filters.push(Filter::All(pair.clone()));
            filters.push(Filter::Any(pair.clone()));
            filters.push(Filter::All(vec![not(&one), other.clone()]));
            filters.push(Filter::Any(vec![not(&one), not(&Filter::All(pair.clone()))]));
            filters.push(not(&Filter::Any(vec![not(&Filter::Any(pair)), other.clone()])));
        }
    }
    for model in Model::ALL {
        let made = of_bits(model);
        for filter in &filters {
            let expected: BTreeSet<usize> = (0..8).filter(|bits| holds(filter, *bits)).collect();
            assert_eq!(made.select(filter), expected, "{model:?} {filter:?}");
            let opened = made.opened();
            let counted = opened.library.count(&opened.grant, filter, &[], &never()).unwrap();
            assert_eq!(counted.found, expected.len() as u64, "{model:?} {filter:?}");
        }
        for filter in filters.iter().step_by(7) {
            let expected: BTreeSet<usize> = (0..8).filter(|bits| holds(filter, *bits)).collect();
            let paged = made.pages(filter, Sort::Taken, true);
            assert_eq!(paged.len(), expected.len(), "{model:?} {filter:?}");
            assert_eq!(paged.into_iter().collect::<BTreeSet<usize>>(), expected);
        }
    }
}

#[test]
fn a_count_tells_bytes_kinds_and_what_is_not_here() {
    for model in Model::ALL {
        let made = Made::of(model, |library| {
            vec![
                library.asset(photo(0).recorded_bytes(100)),
                library.asset(photo(1).recorded_bytes(20).in_cloud(Version::Original)),
                library
                    .asset(AssetSpec::movie("A.MOV", Content::mov(2)).recorded_bytes(3).favorite()),
                library.asset(photo(3).recorded_bytes(-5).live(Content::mov(4)).favorite()),
            ]
        });
        let opened = made.opened();
        let count = |filter: &Filter| {
            let counted =
                opened.library.count_with(&opened.grant, filter, &[], CountWith::ALL, &never());
            counted.unwrap().found
        };
        let all = count(&Filter::everything());
        assert_eq!((all.count, all.bytes, all.not_local), (4, Some(123), Some(1)));
        let kinds = [(Kind::Photo, 3), (Kind::Movie, 1), (Kind::Live, 1)];
        assert_eq!(all.kinds.unwrap(), kinds);
        let missing = count(&Filter::Is(Flag::Missing));
        assert_eq!((missing.count, missing.bytes, missing.not_local), (1, Some(20), Some(1)));
        let filter = Filter::All(vec![Filter::Is(Flag::Favorite), Filter::Kind(Kind::Live)]);
        let counted = opened.library.count(&opened.grant, &filter, &[], &never()).unwrap();
        assert_eq!(counted.found, 1);
    }
}

#[test]
fn a_count_is_of_rows_by_whatever_way_they_are_counted() {
    let made = of_bits(Model::Photos11);
    let path = made.built.path().join("database/Photos.sqlite");
    writable(path)
        .execute_batch(
            "CREATE TEMP TABLE t AS SELECT * FROM ZASSET WHERE ZFAVORITE=1 LIMIT 1;
             UPDATE t SET Z_PK=1001; INSERT INTO ZASSET SELECT * FROM t;
             UPDATE t SET Z_PK=1002, ZUUID='../../x'; INSERT INTO ZASSET SELECT * FROM t;",
        )
        .unwrap();
    let opened = made.opened();
    let favorite = || Filter::Is(Flag::Favorite);
    // By the index of favourites, by one that has every asset, and in slices.
    let other = Filter::Not(Box::new(Filter::Not(Box::new(favorite()))));
    for (filter, with) in [(favorite(), &[][..]), (other, &[]), (favorite(), CountWith::ALL)] {
        let (library, grant) = (&opened.library, &opened.grant);
        let counted = library.count_with(grant, &filter, &[], with, &never()).unwrap();
        assert_eq!(counted.found.count, 6);
        assert_eq!(library.select(grant, &filter, &[], &never()).unwrap().found.len(), 4);
    }
}

/// Photos in three places, two by the antimeridian.
fn places(model: Model) -> Made {
    Made::of(model, |library| {
        let (katie, suzy) =
            (library.person(PersonSpec::new("Katie")), library.person(PersonSpec::new("Suzy")));
        let nobody = library.person(PersonSpec::unnamed());
        let swiss = || PlaceSpec::new("CH").name(1, 40_000.0, "Switzerland");
        vec![
            library.asset(
                photo(0)
                    .location(47.37, 8.54)
                    .place(swiss().name(4, 10.0, "Zürich"))
                    .keyword("sea")
                    .person(katie)
                    .person(katie)
                    .label("Lake")
                    .camera("Canon", "EOS 5D")
                    .zone(Some(-14_400), Some("America/New_York"))
                    .taken(seconds_since_2001((2024, 7, 15), (3, 30, 0))),
            ),
            library.asset(
                photo(1)
                    .location(47.05, 8.31)
                    .place(swiss().name(4, 10.0, "Luzern"))
                    .keyword("sea")
                    .keyword("sky")
                    .person(suzy)
                    .label("Lake")
                    .label("Sky")
                    .camera("Canon", "EOS R")
                    .taken_on(2023, 7, 14),
            ),
            library.asset(photo(2).location(-17.0, 179.5).person(nobody).taken_on(2023, 1, 1)),
            library.asset(photo(3).location(-17.0, -179.5).without_date()),
            library.asset(photo(4).taken_on(2024, 7, 15)),
        ]
    })
}

#[test]
fn what_lies_in_a_circle_or_a_box_is_found_over_the_antimeridian_too() {
    for model in Model::ALL {
        let made = places(model);
        let near = |latitude, longitude, metres| {
            made.select(&Filter::Near(Near::new(latitude, longitude, metres).unwrap()))
        };
        assert_eq!(near(47.37, 8.54, 1.0), BTreeSet::from([0]));
        assert_eq!(near(47.2, 8.4, 40_000.0), BTreeSet::from([0, 1]));
        assert_eq!(near(-17.0, 180.0, 60_000.0), BTreeSet::from([2, 3]));
        let within = |south, west, north, east| {
            made.select(&Filter::Within(Within::new(south, west, north, east).unwrap()))
        };
        assert_eq!(within(-20.0, 170.0, 0.0, -170.0), BTreeSet::from([2, 3]));
        assert_eq!(within(-20.0, -170.0, 0.0, 170.0), BTreeSet::new());
        assert_eq!(within(47.0, 8.0, 48.0, 9.0), BTreeSet::from([0, 1]));
        assert_eq!(made.select(&Filter::Is(Flag::Located)), BTreeSet::from([0, 1, 2, 3]));
        let place = |text: Text| made.select(&Filter::Place(text));
        assert_eq!(place(Text::exact("ZURICH")), BTreeSet::from([0]));
        assert_eq!(place(Text::Matches(String::from("switz*"))), BTreeSet::from([0, 1]));
    }
}

#[test]
fn a_date_is_the_date_there_and_an_instant_is_one() {
    let moment = |text: &str| Some(Moment::parse(text).unwrap());
    let taken = |from: &str, to: &str| Filter::Taken(Span { from: moment(from), to: moment(to) });
    for model in Model::ALL {
        let made = places(model);
        // The first was taken at half past eleven in the night of the fourteenth, in New York.
        assert_eq!(made.select(&taken("2024-07-14", "2024-07-15")), BTreeSet::from([0]));
        assert_eq!(made.select(&taken("2024-07-15", "2024-07-16")), BTreeSet::from([4]));
        let instants = taken("2024-07-15T00:00:00Z", "2024-07-16T00:00:00Z");
        assert_eq!(made.select(&instants), BTreeSet::from([0, 4]));
        let exactly = taken("2024-07-14T23:30:00-04:00", "2024-07-14T23:30:00.000001-04:00");
        assert_eq!(made.select(&exactly), BTreeSet::from([0]));
        let day = Filter::OnThisDay(MonthDay::parse("07-14").unwrap());
        assert_eq!(made.select(&day), BTreeSet::from([0, 1]));
        let all = made.select(&taken("0001-01-01", "9999-12-31"));
        assert_eq!(all, BTreeSet::from([0, 1, 2, 4]), "what has no date is in no span");
        // Pages of a span, both ways, are the span.
        let filter = taken("2023-07-14", "2024-07-15");
        assert_eq!(made.pages(&filter, Sort::Taken, false), [1, 0]);
        assert_eq!(made.pages(&filter, Sort::Taken, true), [0, 1]);
    }
}

#[test]
fn facets_count_assets_the_most_frequent_first() {
    let values = |facets: Facets| {
        assert_eq!(facets.left_out, 0);
        facets.values.iter().map(|(value, count)| format!("{value} {count}")).collect::<Vec<_>>()
    };
    for model in Model::ALL {
        let made = places(model);
        let all = Filter::everything();
        let of = |facet| values(made.facet(facet, &all));
        assert_eq!(of(Facet::Keyword), ["sea 2", "sky 1"]);
        assert_eq!(of(Facet::Person), ["Katie 1", "Suzy 1"], "two faces of one count once");
        assert_eq!(of(Facet::Label), ["Lake 2", "Sky 1"]);
        assert_eq!(of(Facet::Place), ["Switzerland 2", "Luzern 1", "Zürich 1"]);
        assert_eq!(of(Facet::Camera), ["EOS 5D 1", "EOS R 1"]);
        assert_eq!(of(Facet::Lens), ["EF24-105mm f/4L IS USM 2"]);
        assert_eq!(of(Facet::Year), ["2023 2", "2024 2"]);
        assert_eq!(of(Facet::Month), ["2024-07 2", "2023-01 1", "2023-07 1"]);
        assert_eq!(of(Facet::Kind), ["photo 5"]);
        let sky = Filter::Label(Text::exact("sky"));
        assert_eq!(values(made.facet(Facet::Keyword, &sky)), ["sea 1", "sky 1"]);
        assert_eq!(values(made.facet(Facet::Label, &sky)), ["Lake 1", "Sky 1"]);
        let near = Filter::Near(Near::new(47.37, 8.54, 10.0).unwrap());
        assert_eq!(values(made.facet(Facet::Place, &near)), ["Switzerland 1", "Zürich 1"]);
    }
}

#[test]
fn the_values_of_a_facet_hold_at_their_limit_one_beyond_and_far_beyond() {
    let made = Made::of(Model::Photos11, |library| vec![library.asset(photo(0))]);
    let path = made.built.path().join("database/Photos.sqlite");
    let mut there = 0;
    for count in [MAX_FACET_VALUES, MAX_FACET_VALUES + 1, 3 * MAX_FACET_VALUES] {
        writable(&path)
            .execute_batch(&format!(
                "WITH RECURSIVE n(i) AS (SELECT {there}+1 UNION ALL SELECT i+1 FROM n WHERE i<{count})
                 INSERT INTO ZKEYWORD (Z_PK, ZTITLE) SELECT 1000+i, 'k'||i FROM n;
                 INSERT OR IGNORE INTO Z_1KEYWORDS (Z_1ASSETATTRIBUTES, Z_52KEYWORDS)
                 SELECT b.Z_PK, k.Z_PK FROM ZADDITIONALASSETATTRIBUTES b, ZKEYWORD k;"
            ))
            .unwrap();
        there = count;
        let facets = made.facet(Facet::Keyword, &Filter::everything());
        assert_eq!(facets.values.len(), MAX_FACET_VALUES);
        assert_eq!(facets.left_out, (count - MAX_FACET_VALUES) as u64);
    }
}

#[test]
fn an_album_is_told_in_its_own_order_and_folders_lead_to_what_is_below() {
    for model in Model::ALL {
        let made = Made::of(model, |library| {
            let titles = ["c", "a", "b"];
            let days = [2, 3, 1];
            let keys: Vec<AssetKey> = (0..3_u32)
                .map(|number| {
                    let at = number as usize;
                    let spec = photo(number).title(titles[at]).taken_on(2024, 1, days[at]);
                    library.asset(spec)
                })
                .collect();
            let folder = library.folder(FolderSpec::new("Trips"));
            let below = library.folder(FolderSpec::new("2024").within(folder));
            for (title, order) in [
                ("Manual", AlbumOrder::Manual),
                ("Oldest", AlbumOrder::OldestFirst),
                ("Newest", AlbumOrder::NewestFirst),
                ("Title", AlbumOrder::Title),
            ] {
                let members = [keys[1], keys[2], keys[0]];
                library.album(AlbumSpec::new(title).order(order).members(members));
            }
            library.album(AlbumSpec::new("Japan").within(below).members([keys[0]]));
            library.album(AlbumSpec::new("Rome").within(folder).members([keys[1]]));
            keys
        });
        let order = |album: &str, descending| {
            made.pages(&Filter::Album(album.to_owned()), Sort::Album, descending)
        };
        assert_eq!(order("Manual", false), [1, 2, 0]);
        assert_eq!(order("Manual", true), [0, 2, 1]);
        assert_eq!(order("Oldest", false), [2, 0, 1]);
        assert_eq!(order("Newest", false), [1, 0, 2]);
        assert_eq!(order("Title", false), [1, 2, 0]);
        let folder = |text: Text| made.select(&Filter::Folder(text));
        assert_eq!(folder(Text::exact("trips")), BTreeSet::from([0, 1]));
        assert_eq!(folder(Text::exact("Trips/2024")), BTreeSet::from([0]));
        assert_eq!(folder(Text::exact("2024")), BTreeSet::from([0]));
        assert_eq!(folder(Text::exact("Japan")), BTreeSet::new());
        let like = |text: &str| made.select(&Filter::AlbumLike(Text::Matches(text.to_owned())));
        assert_eq!(like("trips/*"), BTreeSet::from([0, 1]));
        assert_eq!(like("*/japan"), BTreeSet::from([0]));
    }
}
