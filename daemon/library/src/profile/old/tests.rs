//! What SQLite makes of the views of an old library: it has to see through them.
//!
//! The plans are those of a real schema without statistics, as Photos leaves it. A view that is
//! built as a whole shows as `MATERIALIZE`, as `SCAN` or as an `AUTOMATIC` index. Compiled for
//! tests only.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::process::Command;

use darkslide_protocol::filter::{Filter, Flag, Kind, Sort, Text};
use darkslide_protocol::value::Uuid;
use rusqlite::types::Value;

use super::*;
use crate::cursor::{Position, Rank};
use crate::filter_sql;
use crate::query::each_row;
use crate::query::order::{Order, statements};
use crate::schema::resource;
use crate::session::Session;
use crate::testing::{Asked, shared};

/// A copy of the database of a real one.
fn library() -> Option<Asked> {
    let Some(folder) = shared::shared_folder() else {
        shared::skip("the real libraries are not beside the workspace");
        return None;
    };
    let program = std::env::current_exe().unwrap();
    let real = program.ancestors().nth(3).unwrap().join("tmp/real-libraries");
    std::fs::create_dir_all(&real).unwrap();
    let done = Command::new(folder.join("libraries/unpack")).arg(&real).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    let from = real.join("Test-10.14.6.photoslibrary/database/photos.db");
    Some(Asked::new(|bundle| {
        std::fs::create_dir_all(bundle.join("database")).unwrap();
        std::fs::copy(from, bundle.join("database/photos.db")).unwrap();
    }))
}

fn plan(session: &Session<'_>, question: &str, values: &[Value]) -> Result<Vec<String>, Stop> {
    let mut steps = Vec::new();
    each_row(session, &format!("EXPLAIN QUERY PLAN {question}"), values, |row| {
        steps.push(row.get::<_, String>(3).unwrap());
        Ok(())
    })?;
    Ok(steps)
}

/// The plan of the statement that goes on in the middle of an order.
fn page(asked: &Asked, filter: &Filter, sort: Sort, rank: Rank) -> Vec<String> {
    let uuid = Uuid::parse("6bxcNnzRQKGnK4uPrCJ9UQ").unwrap();
    let after = Position { rank, uuid };
    let found = asked.ask(|session| {
        let condition = filter_sql::condition(session, &[], filter)?;
        let order = Order { sort, descending: false, after: Some(&after), limit: 100 };
        let all = statements(session, &condition, order)?;
        plan(session, &all[0].0, &all[0].1)
    });
    found.unwrap()
}

fn is_built(step: &str) -> bool {
    ["MATERIALIZE", "CO-ROUTINE", "AUTOMATIC", "SCAN"].iter().any(|word| step.contains(word))
}

#[test]
fn a_page_in_the_order_of_dates_or_uuids_walks_the_index_of_the_table_below() {
    let Some(asked) = library() else { return };
    for filter in [
        Filter::everything(),
        Filter::Is(Flag::Favorite),
        Filter::Is(Flag::Keyworded),
        Filter::Is(Flag::HasFaces),
        Filter::Is(Flag::Referenced),
        Filter::Kind(Kind::Movie),
        Filter::Kind(Kind::RawPair),
        Filter::Place(Text::Contains(String::from("x"))),
        Filter::Title(Text::Contains(String::from("x"))),
        Filter::Description(Text::Contains(String::from("x"))),
    ] {
        for (sort, rank, index) in [
            (
                Sort::Taken,
                Rank::Real(1.5),
                "RKVersion_imageDate_index (imageDate>? AND imageDate<?)",
            ),
            (Sort::Uuid, Rank::Missing, "RKVersion_uuid_index (uuid>?)"),
        ] {
            let plan = page(&asked, &filter, sort, rank);
            let what = format!("{filter:?} {plan:#?}");
            assert_eq!(plan[0], format!("SEARCH V USING INDEX {index}"), "{what}");
            assert!(!plan.iter().any(|step| is_built(step)), "{what}");
            let mut sorts = plan.iter().filter(|step| step.contains("ORDER BY"));
            assert!(sorts.all(|step| step.contains("LAST TERM")), "{what}");
        }
    }
}

/// No index has what other tables tell: those orders look at every photo, and keep one page.
#[test]
fn the_other_orders_sort() {
    let Some(asked) = library() else { return };
    for (sort, rank) in [
        (Sort::Added, Rank::Real(1.5)),
        (Sort::Modified, Rank::Real(1.5)),
        (Sort::Name, Rank::Bytes(vec![1])),
        (Sort::Size, Rank::Whole(1)),
    ] {
        let plan = page(&asked, &Filter::everything(), sort, rank);
        assert!(plan.iter().any(|step| step.contains("FOR ORDER BY")), "{sort} {plan:#?}");
        assert!(!plan[1..].iter().any(|step| is_built(step)), "{sort} {plan:#?}");
    }
}

#[test]
fn what_belongs_to_a_page_is_looked_up() {
    let Some(asked) = library() else { return };
    asked
        .ask(|session| {
            let profile = &session.profile;
            let (pk, owner) = (PK.name(), attributes::ASSET.name());
            let [a, b, r, j] = [
                profile.asset.name(),
                profile.attributes.name(),
                profile.resource.name(),
                &profile.members.table,
            ];
            let (faces, places) = (profile.face.as_ref(), profile.places.as_ref());
            let (f, p) = (faces.unwrap().name(), places.unwrap().name());
            for question in [
                format!(
                    "SELECT * FROM {a} a LEFT JOIN {b} b ON b.{owner}=a.{pk} WHERE a.{pk} IN (1,2)"
                ),
                format!("SELECT * FROM {j} j WHERE j.{} IN (1,2)", profile.members.right),
                format!("SELECT * FROM {f} f WHERE f.{} IN (1,2)", face::ASSET.name()),
                format!("SELECT * FROM {p} p WHERE p.{} IN (1,2)", place::VERSION.name()),
            ] {
                let plan = plan(session, &question, &[])?;
                assert!(!plan.iter().any(|step| is_built(step)), "{question} {plan:#?}");
            }
            let asset = resource::ASSET.name();
            let question = format!("SELECT * FROM {r} r WHERE r.{asset} IN (1,2)");
            let plan = plan(session, &question, &[])?;
            // The parts one after another, each by the numbers of the versions.
            let whole = plan
                .iter()
                .filter(|step| is_built(step))
                .all(|step| step == "SCAN r" || step == "CO-ROUTINE r");
            assert!(whole, "{plan:#?}");
            let by_number = plan.iter().filter(|it| it.starts_with("SEARCH V USING INTEGER"));
            assert_eq!(by_number.count(), 4, "{plan:#?}");
            Ok(())
        })
        .unwrap();
}
