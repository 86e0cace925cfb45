//! What SQLite makes of every order, and that pages of each are the whole, once, in order.
//!
//! The plans are those of real schemas without statistics, as Photos leaves them. A step that says
//! `TEMP B-TREE` sorts; one that says `LAST TERM` sorts equal dates alone.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use darkslide_fixture::{AlbumSpec, AssetSpec, Content, LibraryBuilder, ManyOptions, Model, many};
use darkslide_protocol::filter::{Filter, Flag, Include, Kind, Moment, Span, Text};

use super::*;
use crate::filter_sql::MAX_LEADING;
use crate::testing::Asked;

/// A place in the middle.
fn middle(rank: Rank) -> Position {
    Position { rank, uuid: Uuid::parse("1EB2B765-0765-43BA-A90C-0D0580E6172C").unwrap() }
}

/// What SQLite would do, for each statement.
fn plans(
    asked: &Asked,
    filter: &Filter,
    sort: Sort,
    descending: bool,
    after: Option<&Position>,
) -> Vec<Vec<String>> {
    let plans = asked.ask(|session| {
        let condition = filter_sql::condition(session, &[Include::Hidden], filter)?;
        let order = Order { sort, descending, after, limit: 100 };
        let mut plans = Vec::new();
        for (question, values) in statements(session, &condition, order)? {
            let mut steps = Vec::new();
            each_row(session, &format!("EXPLAIN QUERY PLAN {question}"), &values, |row| {
                steps.push(row.get::<_, String>(3).unwrap());
                Ok(())
            })?;
            plans.push(steps);
        }
        Ok(plans)
    });
    plans.unwrap()
}

fn library(model: Model) -> Asked {
    Asked::new(|bundle| {
        many(bundle, model, 20, ManyOptions::default()).unwrap();
    })
}

fn filters() -> Vec<Filter> {
    vec![
        Filter::everything(),
        Filter::Is(Flag::Favorite),
        Filter::Kind(Kind::Movie),
        Filter::Not(Box::new(Filter::Is(Flag::Edited))),
        Filter::All(vec![Filter::Is(Flag::InAlbum), Filter::Is(Flag::Titled)]),
        Filter::Any(vec![Filter::Kind(Kind::RawPair), Filter::Kind(Kind::Selfie)]),
        Filter::Not(Box::new(Filter::Album(String::from("All")))),
        Filter::Title(Text::Contains(String::from("x"))),
        Filter::Any(vec![Filter::Keyword(Text::exact("x")), Filter::Camera(Text::exact("y"))]),
        Filter::Not(Box::new(Filter::Person(Text::exact("x")))),
        Filter::Is(Flag::Located),
        Filter::Text(Text::Contains(String::from("x"))),
    ]
}

/// Twins are looked up, never looked for.
fn assert_twins_are_looked_up(plan: &[String], what: &str) {
    let twins: Vec<&String> = plan.iter().filter(|step| step.contains(" t ")).collect();
    assert!(twins.len() == 1 && twins[0].contains("(ZUUID=? AND rowid<?)"), "{what}");
}

#[test]
fn a_page_in_the_order_of_dates_walks_the_index_and_sorts_equal_dates_at_most() {
    for model in Model::ALL {
        let asked = library(model);
        for (sort, column) in [(Sort::Taken, "ZDATECREATED"), (Sort::Added, "ZADDEDDATE")] {
            for filter in filters() {
                for descending in [false, true] {
                    let after = middle(Rank::Real(1.5));
                    let plans = plans(&asked, &filter, sort, descending, Some(&after));
                    let plan = plans.first().unwrap();
                    let what = format!("{model:?} {filter:?} {plan:#?}");
                    let bounds = if descending {
                        format!("({column}<?)")
                    } else {
                        format!("({column}>? AND {column}<?)")
                    };
                    let first = plan.first().unwrap();
                    assert!(
                        first.starts_with("SEARCH a USING") && first.contains(&bounds),
                        "{what}"
                    );
                    let mut sorts = plan.iter().filter(|step| step.contains("ORDER BY"));
                    assert!(sorts.all(|step| step.contains("LAST TERM")), "{what}");
                    assert_twins_are_looked_up(plan, &what);
                }
            }
        }
    }
}

#[test]
fn a_page_in_the_order_of_uuids_walks_their_index_and_sorts_nothing() {
    for model in Model::ALL {
        let asked = library(model);
        for filter in filters() {
            for (descending, after) in
                [(false, None), (true, None), (false, Some(middle(Rank::Missing)))]
            {
                let plans = plans(&asked, &filter, Sort::Uuid, descending, after.as_ref());
                let what = format!("{model:?} {filter:?} {plans:#?}");
                assert_eq!(plans.len(), 1, "{what}");
                let first = plans[0].first().unwrap();
                let bound = if after.is_some() { "(ZUUID>?)" } else { "" };
                assert!(first.contains(" a USING INDEX") && first.contains(bound), "{what}");
                assert!(!plans[0].iter().any(|step| step.contains("ORDER BY")), "{what}");
                assert_twins_are_looked_up(&plans[0], &what);
            }
        }
    }
}

#[test]
fn what_has_no_date_is_found_by_an_index_too() {
    let asked = library(Model::Photos11);
    for (rank, bound) in [(Rank::Missing, "ZDATECREATED=?"), (Rank::Nonsense, "ZDATECREATED>?")] {
        let after = middle(rank);
        let plans = plans(&asked, &Filter::everything(), Sort::Taken, false, Some(&after));
        assert!(plans[0].first().unwrap().contains(bound), "{plans:#?}");
    }
    // Most were never adjusted: their UUIDs are walked.
    let after = middle(Rank::Missing);
    let plans = plans(&asked, &Filter::everything(), Sort::Modified, false, Some(&after));
    assert!(plans[0].first().unwrap().contains("(ZUUID>?)"), "{plans:#?}");
    assert!(!plans[0].iter().any(|step| step.contains("ORDER BY")), "{plans:#?}");
    assert!(plans[1].first().unwrap().contains("ZADJUSTMENTTIMESTAMP<?"), "{plans:#?}");
}

#[test]
fn a_span_of_dates_bounds_the_walk_on_both_sides() {
    let asked = library(Model::Photos11);
    let day = |text| Some(Moment::parse(text).unwrap());
    let span = Span { from: day("2023-02-01"), to: day("2023-03-01T00:00:00Z") };
    let after = middle(Rank::Real(700_000_000.0));
    for after in [None, Some(&after)] {
        for descending in [false, true] {
            let filter = Filter::All(vec![Filter::Taken(span), Filter::Is(Flag::Favorite)]);
            let plans = plans(&asked, &filter, Sort::Taken, descending, after);
            assert_eq!(plans.len(), 1, "what has no date is in no span");
            let first = plans[0].first().unwrap();
            assert!(first.contains("(ZDATECREATED>? AND ZDATECREATED<?)"), "{plans:#?}");
        }
    }
    // Below `any` and `not` it bounds nothing.
    let filter = Filter::Not(Box::new(Filter::Taken(span)));
    assert_eq!(plans(&asked, &filter, Sort::Taken, false, None).len(), 3);
}

#[test]
fn what_names_few_assets_leads_and_the_library_is_not_walked() {
    let asked = library(Model::Photos11);
    let uuid = Uuid::parse("1EB2B765-0765-43BA-A90C-0D0580E6172C").unwrap();
    for filter in [
        Filter::Album(String::from("All")),
        Filter::Uuid(vec![uuid]),
        Filter::Keyword(Text::exact("rare")),
        Filter::Person(Text::exact("Katie")),
        Filter::ImportSession(Text::exact("once")),
        Filter::Folder(Text::exact("Months")),
    ] {
        for sort in [Sort::Taken, Sort::Uuid, Sort::Name] {
            for plan in plans(&asked, &filter, sort, false, None) {
                let first = plan.first().unwrap();
                assert!(first.starts_with("SEARCH a USING"), "{filter:?} {plan:#?}");
                assert!(!first.contains("ZDATECREATED"), "{filter:?} {plan:#?}");
                assert!(!plan.iter().any(|step| step.starts_with("SCAN a")), "{plan:#?}");
            }
        }
    }
}

/// All of an order, a few at a time.
fn all(asked: &Asked, filter: &Filter, sort: Sort, descending: bool) -> Vec<Place> {
    let all = asked.ask(|session| {
        let condition =
            session.database.snapshot(|| filter_sql::condition(session, &[], filter))?;
        let mut found: Vec<Place> = Vec::new();
        loop {
            let after = found.last().map(|place| place.position.clone());
            let order = Order { sort, descending, after: after.as_ref(), limit: 3 };
            let page = kept_places(session, &condition, order)?;
            let ended = page.is_empty();
            found.extend(page);
            if ended {
                return Ok(found);
            }
        }
    });
    all.unwrap()
}

#[test]
fn pages_of_every_order_are_the_whole_once_and_turn_round() {
    for model in Model::ALL {
        let asked = Asked::new(|bundle| {
            let mut library = LibraryBuilder::new(model);
            let mut members = Vec::new();
            for index in 0..11_u32 {
                let name = format!("IMG_{}.JPG", index % 3);
                let mut spec = AssetSpec::photo(name, Content::jpeg(index));
                spec = match index % 4 {
                    0 => spec.without_date(),
                    1 => spec.taken(1e15),
                    _ => spec.taken(f64::from(index / 4)).edited(Content::jpeg(100 + index)),
                };
                members.push(library.asset(spec.recorded_bytes(i64::from(index % 2))));
            }
            members.rotate_left(4);
            library.album(AlbumSpec::new("All").members(members));
            library.build(bundle).unwrap();
        });
        let album = Filter::Album(String::from("All"));
        for filter in [Filter::everything(), album.clone(), Filter::Is(Flag::Local)] {
            for sort in Sort::ALL {
                let filter = if *sort == Sort::Album { &album } else { &filter };
                let up = all(&asked, filter, *sort, false);
                let mut down = all(&asked, filter, *sort, true);
                down.reverse();
                let keys = |places: &[Place]| places.iter().map(|it| it.key).collect::<Vec<_>>();
                assert_eq!(keys(&up), keys(&down), "{model:?} {filter:?} {sort}");
                let mut once = keys(&up);
                once.sort_unstable();
                once.dedup();
                assert_eq!((once.len(), up.len()), (11, 11), "{model:?} {filter:?} {sort}");
            }
        }
    }
}

#[test]
fn the_order_of_an_album_needs_one_album() {
    let asked = library(Model::Photos11);
    let ask = |filter: Filter| {
        asked.ask(|session| {
            let condition = filter_sql::condition(session, &[], &filter)?;
            let order = Order { sort: Sort::Album, descending: false, after: None, limit: 1 };
            statements(session, &condition, order).map(drop)
        })
    };
    let album = || Filter::Album(String::from("All"));
    assert!(ask(album()).is_ok());
    assert!(ask(Filter::All(vec![album(), Filter::Is(Flag::Favorite)])).is_ok());
    for filter in [
        Filter::everything(),
        Filter::Any(vec![album()]),
        Filter::Not(Box::new(album())),
        Filter::All(vec![album(), Filter::Album(String::from("2023-01"))]),
    ] {
        assert!(matches!(ask(filter), Err(LibraryError::NoAlbumOrder)));
    }
}

#[test]
fn an_album_leads_up_to_a_bound_and_the_order_beyond() {
    for (members, leads) in
        [(MAX_LEADING, true), (MAX_LEADING + 1, false), (20 * MAX_LEADING, false)]
    {
        let asked = Asked::new(|bundle| {
            let mut library = LibraryBuilder::new(Model::Photos11);
            let only = library.asset(AssetSpec::photo("A.JPG", Content::jpeg(1)));
            library.album(AlbumSpec::new("Large").members([only]));
            library.statement(format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<{members}-1)
                 INSERT INTO Z_33ASSETS (Z_33ALBUMS, Z_3ASSETS)
                 SELECT (SELECT Z_PK FROM ZGENERICALBUM WHERE ZTITLE='Large'), 1000+i FROM n"
            ));
            library.build(bundle).unwrap();
        });
        let album = Filter::Album(String::from("Large"));
        let plans = plans(&asked, &album, Sort::Taken, true, None);
        let first = plans[1].first().unwrap();
        assert_eq!(!first.contains("ZDATECREATED"), leads, "{members} {plans:#?}");
    }
}
