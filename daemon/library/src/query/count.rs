//! How many assets a filter selects, and what they are: bytes, what is not on this disk, kinds.
//!
//! Rows are counted, whatever their UUIDs: two rows of one UUID, which only a library made by hand
//! has, are two here and one in a page. Everything is counted as all rows without the few that are
//! left out; what an index of the library tells alone in one statement, some 60 ms for a million
//! assets; all else in slices. The hazard: a statement that looks at every row of a large library
//! in one transaction, which keeps Photos from cleaning up.

use darkslide_protocol::filter::{CountWith, Filter, Flag, Include, Kind};
use rusqlite::types::Value;

use super::selected::{Within, each_selected};
use super::{count_at, each_asked_row};
use crate::db::Stop;
use crate::error::LibraryError;
use crate::filter_sql::{self, Condition, Residual};
use crate::model::{Counts, Scanned};
use crate::schema::asset::{self, attributes};
use crate::schema::{Column, PK};
use crate::session::Session;

/// Assets of one kind that are left out, up to which they are counted one by one: 20 ms.
const MAX_LEFT_OUT: u64 = 10_000;

/// Counts what a filter selects.
pub(crate) fn count(
    session: &Session<'_>,
    filter: &Filter,
    include: &[Include],
    with: &[CountWith],
) -> Result<Scanned<Counts>, Stop> {
    let compiled = || filter_sql::counted(session, include, filter);
    if with.is_empty() {
        let counted = session.database.snapshot(|| at_once(session, filter, include));
        match counted {
            Ok(Some(found)) => return Ok(Scanned { found, consistent: true }),
            Ok(None) => {}
            // It takes longer than a transaction may, as on a slow disk; slices do not.
            Err(Stop::Error(LibraryError::TimedOut)) if session.limit.check().is_ok() => {}
            Err(stop) => return Err(stop),
        }
    }
    let condition = session.database.snapshot(compiled)?;
    slices(session, &condition, with)
}

/// Counts in one statement, where an index makes that short.
fn at_once(
    session: &Session<'_>,
    filter: &Filter,
    include: &[Include],
) -> Result<Option<Counts>, Stop> {
    let favorites = needs_favorite(filter);
    let is_plain = filter_sql::is_plain(filter) && session.profile.shown_albums.is_none();
    if filter_sql::has_residual(filter) || !(is_plain || favorites) {
        return Ok(None);
    }
    let mut counts = Counts::default();
    if *filter == Filter::everything()
        && is_plain
        && let Some(count) = without_what_is_left_out(session, include)?
    {
        counts.count = count;
        return Ok(Some(counts));
    }
    let condition = filter_sql::counted(session, include, &without_favorite(filter))?;
    let question = statement(session, favorites, &condition.sql);
    let is_short = |step: &String| step.starts_with("SCAN a USING COVERING INDEX");
    if !favorites && !plan(session, &question, &condition.values)?.first().is_some_and(is_short) {
        return Ok(None);
    }
    each_asked_row(session, &question, &condition.values, |row| {
        counts.count = count_at(row, 0);
        Ok(())
    })?;
    Ok(Some(counts))
}

/// Is one of the parts that have to hold a favourite? Those are few, with an index of their own.
fn needs_favorite(filter: &Filter) -> bool {
    match filter {
        Filter::Is(Flag::Favorite) => true,
        Filter::All(parts) => parts.iter().any(needs_favorite),
        _ => false,
    }
}

/// What is left to ask of a favourite.
fn without_favorite(filter: &Filter) -> Filter {
    match filter {
        Filter::Is(Flag::Favorite) => Filter::everything(),
        Filter::All(parts) => {
            let parts = parts.iter().map(without_favorite);
            Filter::All(parts.filter(|part| *part != Filter::everything()).collect())
        }
        other => other.clone(),
    }
}

/// For favourites without a plus, and in the very words of their index.
fn statement(session: &Session<'_>, favorites: bool, condition: &str) -> String {
    let table = &session.profile.asset;
    let favorite = match table.column(asset::FAVORITE) {
        _ if !favorites => String::new(),
        Some(favorite) => format!("a.{favorite}=1 AND "),
        None => String::from("0 AND "),
    };
    format!("SELECT count(*) FROM {} a WHERE {favorite}{condition}", table.name())
}

/// All rows, without those that are hidden, in the trash or unselected, as far as these are neither
/// shown nor included. None where they are many, or have no index.
fn without_what_is_left_out(
    session: &Session<'_>,
    include: &[Include],
) -> Result<Option<u64>, Stop> {
    let Some(question) = exceptions(session, include).filter(|_| !session.profile.is_old()) else {
        return Ok(None);
    };
    if plan(session, &question, &[])?.iter().any(|step| step.starts_with("SCAN a")) {
        return Ok(None);
    }
    let mut count = None;
    each_asked_row(session, &question, &[], |row| {
        let left_out: Vec<u64> =
            (1..row.as_ref().column_count()).map(|at| count_at(row, at)).collect();
        if left_out.iter().all(|some| *some <= MAX_LEFT_OUT) {
            count = count_at(row, 0).checked_sub(left_out.iter().sum());
        }
        Ok(())
    })?;
    Ok(count)
}

/// How many rows there are, and of each flag how many it leaves out that none before it does.
fn exceptions(session: &Session<'_>, include: &[Include]) -> Option<String> {
    let (profile, scope) = (&session.profile, session.grant.covers());
    let table = profile.asset.name();
    let flags: [(Column, String, bool); 3] = [
        (
            asset::HIDDEN,
            filter_sql::set(profile, asset::HIDDEN),
            scope.shows_hidden() && include.contains(&Include::Hidden),
        ),
        (
            asset::TRASHED,
            filter_sql::set(profile, asset::TRASHED),
            scope.shows_trashed() && include.contains(&Include::Trashed),
        ),
        (asset::PICK_TYPE, filter_sql::unselected(profile), include.contains(&Include::Bursts)),
    ];
    let mut list = vec![format!("(SELECT count(*) FROM {table})")];
    let mut before = String::new();
    for (column, is_set, _) in flags.iter().filter(|(_, _, is_in)| !is_in) {
        let column = profile.asset.column(*column)?;
        // A flag that is set is more or less than 0: so an index leads to it.
        list.extend(["<", ">"].map(|than| {
            format!(
                "(SELECT count(*) FROM (SELECT 1 FROM {table} a \
                 WHERE a.{column}{than}0 AND {is_set}{before} LIMIT {}))",
                MAX_LEFT_OUT + 1
            )
        }));
        before.push_str(&format!(" AND NOT {is_set}"));
    }
    Some(format!("SELECT {}", list.join(",")))
}

/// What SQLite itself says that it will do.
fn plan(session: &Session<'_>, question: &str, values: &[Value]) -> Result<Vec<String>, Stop> {
    let mut steps = Vec::new();
    each_asked_row(session, &format!("EXPLAIN QUERY PLAN {question}"), values, |row| {
        steps.extend(row.get::<_, String>(3));
        Ok(())
    })?;
    Ok(steps)
}

/// What was counted up to now, and whom to look for on the disk.
#[derive(Default)]
struct Counting {
    counts: Counts,
    looked_for: Vec<i64>,
}

fn slices(
    session: &Session<'_>,
    condition: &Condition,
    with: &[CountWith],
) -> Result<Scanned<Counts>, Stop> {
    let bytes = with.contains(&CountWith::Bytes);
    let not_local = with.contains(&CountWith::NotLocal);
    let kinds = with.contains(&CountWith::Kinds);
    let mut counting = Counting::default();
    counting.counts.bytes = bytes.then_some(0);
    counting.counts.not_local = not_local.then_some(0);
    counting.counts.kinds = kinds.then(|| Kind::ALL.iter().map(|kind| (*kind, 0)).collect());
    let missing = Residual::missing();
    let counted = each_selected(
        session,
        condition,
        counting,
        |counting, within| {
            add(session, &mut counting.counts, within)?;
            if not_local { keys(session, &mut counting.looked_for, within) } else { Ok(()) }
        },
        |counting| {
            let missing = missing.keep(session, &std::mem::take(&mut counting.looked_for))?;
            let missing = missing.into_iter().filter(|missing| *missing).count();
            let missing = u64::try_from(missing).unwrap_or(u64::MAX);
            counting.counts.not_local = counting.counts.not_local.map(|so_far| so_far + missing);
            Ok(())
        },
    )?;
    let mut found = counted.found.counts;
    found.kinds = found.kinds.map(|kinds| kinds.into_iter().filter(|(_, it)| *it > 0).collect());
    Ok(Scanned { found, consistent: counted.consistent })
}

fn add(session: &Session<'_>, counts: &mut Counts, within: Within<'_>) -> Result<(), Stop> {
    let profile = &session.profile;
    let mut list = vec![String::from("count(*)")];
    if counts.bytes.is_some() {
        let size = profile.read(&profile.attributes, "b", attributes::FILE_SIZE);
        let size = format!("iif(typeof({size})='integer' AND {size}>0,{size},0)");
        // `total` and not `sum`, which fails where the sum does not fit.
        let size = filter_sql::one_of(&profile.attributes, attributes::ASSET, &size);
        list.push(format!("total({size})"));
    }
    let kinds = counts.kinds.iter().flatten();
    list.extend(kinds.map(|(kind, _)| format!("total({})", filter_sql::kind_sql(profile, *kind))));
    let question =
        format!("SELECT {} FROM {} a WHERE {}", list.join(","), profile.asset.name(), within.sql);
    each_asked_row(session, &question, within.values, |row| {
        counts.count += count_at(row, 0);
        let mut at = 1;
        let mut next = || {
            at += 1;
            row.get::<_, f64>(at - 1).map_or(0, whole)
        };
        if let Some(bytes) = &mut counts.bytes {
            *bytes = bytes.saturating_add(next());
        }
        for (_, count) in counts.kinds.iter_mut().flatten() {
            *count += next();
        }
        Ok(())
    })
}

fn keys(session: &Session<'_>, found: &mut Vec<i64>, within: Within<'_>) -> Result<(), Stop> {
    let table = session.profile.asset.name();
    let question = format!("SELECT a.{} FROM {table} a WHERE {}", PK.name(), within.sql);
    each_asked_row(session, &question, within.values, |row| {
        found.extend(row.get::<_, i64>(0).ok());
        Ok(())
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a sum of positive whole numbers; beyond 2^53 it is hostile, and saturates"
)]
fn whole(total: f64) -> u64 {
    total as u64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

    use darkslide_fixture::{ManyOptions, Model, many};

    use super::*;
    use crate::testing::Asked;

    /// The first step of counting so, and whether it is done.
    fn first_step(asked: &Asked, filter: &Filter) -> (String, bool) {
        let found = asked.ask(|session| {
            let condition = filter_sql::counted(session, &[], &without_favorite(filter))?;
            let question = statement(session, needs_favorite(filter), &condition.sql);
            let first = plan(session, &question, &condition.values)?.remove(0);
            Ok((first, at_once(session, filter, &[])?.is_some()))
        });
        found.unwrap()
    }

    #[test]
    fn what_an_index_tells_alone_is_counted_in_one_statement_and_all_else_in_slices() {
        let kind = Filter::Kind;
        let not = |filter| Filter::Not(Box::new(filter));
        for model in Model::ALL {
            let asked = Asked::new(|bundle| {
                many(bundle, model, 20, ManyOptions::default()).unwrap();
            });
            let favorite = || Filter::Is(Flag::Favorite);
            for filter in [favorite(), Filter::All(vec![kind(Kind::Movie), favorite()])] {
                let (first, at_once) = first_step(&asked, &filter);
                assert!(first.starts_with("SEARCH a USING"), "{model:?} {first}");
                assert!(first.contains("(ZFAVORITE=?)") && at_once, "{model:?} {first}");
            }
            for filter in [
                Filter::everything(),
                kind(Kind::Photo),
                not(kind(Kind::Live)),
                Filter::Any(vec![kind(Kind::Screenshot), kind(Kind::Movie)]),
                not(favorite()),
            ] {
                let (first, at_once) = first_step(&asked, &filter);
                assert!(first.starts_with("SCAN a USING COVERING INDEX"), "{model:?} {first}");
                assert!(at_once, "{model:?} {filter:?}");
            }
            for filter in [kind(Kind::Burst), kind(Kind::Selfie), Filter::Is(Flag::Titled)] {
                assert!(!first_step(&asked, &filter).1, "{model:?} {filter:?}");
            }
        }
    }

    #[test]
    fn everything_is_all_rows_without_what_is_left_out_whatever_stands_in_a_flag() {
        let most = i64::try_from(MAX_LEFT_OUT).unwrap();
        let new = Model::Photos11;
        for (model, hidden) in
            [(Model::Photos5, 4), (new, 4), (new, most), (new, most + 1), (new, most * 2)]
        {
            let asked = Asked::new(|bundle| {
                let rows = usize::try_from(hidden).unwrap() + 20;
                many(bundle, model, rows, ManyOptions::default()).unwrap();
                let name = model.asset_table();
                let path = bundle.join("database/Photos.sqlite");
                let database = rusqlite::Connection::open(path).unwrap();
                let nonsense = format!(
                    "UPDATE {name} SET ZHIDDEN=0, ZTRASHEDSTATE=0, ZAVALANCHEPICKTYPE=0;
                     UPDATE {name} SET ZHIDDEN=iif(Z_PK%2,'x',0.5) WHERE Z_PK IN
                         (SELECT Z_PK FROM {name} LIMIT {hidden});
                     UPDATE {name} SET ZTRASHEDSTATE=-1 WHERE Z_PK IN
                         (SELECT Z_PK FROM {name} LIMIT 3 OFFSET {});
                     UPDATE {name} SET ZAVALANCHEPICKTYPE=2, ZAVALANCHEUUID='B' WHERE Z_PK IN
                         (SELECT Z_PK FROM {name} LIMIT 4 OFFSET {});",
                    hidden - 1,
                    hidden + 1
                );
                database.execute_batch(&nonsense).unwrap();
            });
            for include in [&[][..], &[Include::Hidden], &[Include::Bursts], Include::ALL] {
                let (few, counted) = asked
                    .ask(|session| {
                        let few = without_what_is_left_out(session, include)?;
                        let everything = Filter::everything();
                        Ok((few, count(session, &everything, include, &[CountWith::Bytes])?))
                    })
                    .unwrap();
                let is_few = hidden <= most || include.contains(&Include::Hidden);
                assert_eq!(few, is_few.then_some(counted.found.count), "{model:?} {hidden}");
            }
        }
    }
}
