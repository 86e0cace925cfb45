//! About a library as a whole: which Photos wrote it, how much is in it, from when to when, and
//! what it does not tell.
//!
//! One pass over the assets in slices. Hidden and trashed assets are counted only where the grant
//! shows them; all other figures are of what is listed without being asked for.

use darkslide_protocol::value::Uuid;

use super::{Slice, count_at, each_row, scan};
use crate::date::Date;
use crate::db::Stop;
use crate::filter_sql;
use crate::model::Info;
use crate::profile::Profile;
use crate::schema::asset::{self, attributes};
use crate::schema::{PK, metadata};
use crate::session::Session;
use crate::side;

/// Model numbers and the version of Photos that wrote them; the newest first.
const VERSIONS: &[(i64, &str)] = &[
    (270_000_000, "12"),
    (19_320, "11.1"),
    (19_000, "11"),
    (18_201, "10"),
    (18_000, "9.9"),
    (17_600, "9.6"),
    (17_000, "9"),
    (16_000, "8"),
    (15_000, "7"),
    (14_000, "6"),
    (5_000, "5"),
    (4_000, "4"),
    (3_000, "3"),
    (2_000, "2"),
];

/// Columns that came with a model: where they are and the model is older, an upgrade did not end.
const MARKS: &[(i64, crate::schema::Column)] =
    &[(19_063, asset::COLLECTION_SHARE), (17_401, asset::SPATIAL)];

#[derive(Debug, Default)]
struct Sums {
    photos: u64,
    movies: u64,
    hidden: u64,
    trashed: u64,
    unselected: u64,
    nameless: u64,
    first: Option<f64>,
    last: Option<f64>,
    bytes: f64,
}

/// The library's own UUID: nothing is counted for it.
pub(crate) fn uuid(session: &Session<'_>) -> Option<Uuid> {
    session.profile.store_uuid.as_deref().and_then(|uuid| Uuid::parse(uuid).ok())
}

/// Reads it.
pub(crate) fn info(session: &Session<'_>) -> Result<Info, Stop> {
    let profile = &session.profile;
    let scope = session.grant.covers();
    let scanned = scan(session, Sums::default(), |sums, slice| add_slice(session, slice, sums))?;
    let sums = scanned.found;
    Ok(Info {
        photos: photos_version(profile.model),
        model: profile.model,
        uuid: uuid(session),
        photos_count: sums.photos,
        movies_count: sums.movies,
        hidden_count: scope.shows_hidden().then_some(sums.hidden),
        trashed_count: scope.shows_trashed().then_some(sums.trashed),
        unselected_count: sums.unselected,
        nameless_count: sums.nameless,
        first: sums.first.and_then(Date::utc),
        last: sums.last.and_then(Date::utc),
        original_bytes: whole_bytes(sums.bytes),
        journal: session.database.journal(),
        lacks: [profile.lacks(), side::lacking(session)?].concat(),
        upgrade_unfinished: is_unfinished(profile),
        consistent: scanned.consistent,
    })
}

fn add_slice(session: &Session<'_>, slice: Slice, sums: &mut Sums) -> Result<(), Stop> {
    let profile = &session.profile;
    let read = |column| profile.read(&profile.asset, "a", column);
    let hidden = filter_sql::set(profile, asset::HIDDEN);
    let trashed = filter_sql::set(profile, asset::TRASHED);
    let named = filter_sql::well_named(profile);
    let first = filter_sql::first_of_twins(profile, session.grant);
    let listed = format!("{named} AND {}", filter_sql::listed(profile, &[]));
    let within = filter_sql::shown(profile, session.grant, "a");
    // Seconds since 2001 of the years 1 to 9999: a date outside is none.
    let date = format!(
        "iif({listed} AND +a.{date} BETWEEN -63113904000 AND 252423993599, a.{date}, NULL)",
        date = asset::DATE.name()
    );
    let question = format!(
        "SELECT count(iif({listed} AND {kind}={photo},1,NULL)), count(iif({listed} AND {kind}={movie},1,NULL)),
         count(iif({named} AND {hidden} AND NOT {trashed},1,NULL)), count(iif({named} AND {trashed},1,NULL)),
         count(iif({named} AND {unselected} AND NOT {hidden} AND NOT {trashed},1,NULL)),
         count(iif({named},NULL,1)), min({date}), max({date})
         FROM {table} a WHERE {keys} AND {within} AND ({first} OR NOT ({named}))",
        kind = read(asset::KIND),
        photo = asset::KIND_PHOTO,
        movie = asset::KIND_MOVIE,
        unselected = filter_sql::unselected(profile),
        table = profile.asset.name(),
        keys = slice.condition(),
    );
    each_row(session, &question, &[], |row| {
        let count = |at: usize| count_at(row, at);
        sums.photos += count(0);
        sums.movies += count(1);
        sums.hidden += count(2);
        sums.trashed += count(3);
        sums.unselected += count(4);
        sums.nameless += count(5);
        let date = |at: usize| row.get::<_, f64>(at).ok();
        sums.first = [sums.first, date(6)].into_iter().flatten().reduce(f64::min);
        sums.last = [sums.last, date(7)].into_iter().flatten().reduce(f64::max);
        Ok(())
    })?;
    add_bytes(session, slice, &format!("{listed} AND {within} AND {first}"), sums)
}

fn add_bytes(
    session: &Session<'_>,
    slice: Slice,
    listed: &str,
    sums: &mut Sums,
) -> Result<(), Stop> {
    let profile = &session.profile;
    let size = profile.read(&profile.attributes, "b", attributes::FILE_SIZE);
    // `total` and not `sum`, which fails where the sum does not fit.
    let question = format!(
        "SELECT total(iif(typeof({size})='integer' AND {size}>0,{size},0)) FROM {a} a CROSS JOIN {b} b ON b.{asset}=a.{pk} WHERE {keys} AND {listed}",
        a = profile.asset.name(),
        b = profile.attributes.name(),
        asset = attributes::ASSET.name(),
        pk = PK.name(),
        keys = slice.condition(),
    );
    each_row(session, &question, &[], |row| {
        sums.bytes += row.get::<_, f64>(0).unwrap_or(0.0);
        Ok(())
    })
}

fn whole_bytes(sum: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of a float saturates, and sizes are added only where they are positive"
    )]
    let bytes = sum as u64;
    bytes
}

/// The version of Photos by the model's number; one that tells none, or a newer one, is called by
/// its number.
fn photos_version(model: Option<i64>) -> String {
    let Some(model) = model else {
        return String::from("unknown");
    };
    let known = VERSIONS.iter().find(|(first, _)| model >= *first);
    match known {
        Some((first, version)) if *first == metadata::NEWEST_KNOWN_MODEL && model >= 20_000 => {
            format!("newer than {version} (model {model})")
        }
        Some((_, version)) => (*version).to_owned(),
        None => format!("older than 2 (model {model})"),
    }
}

fn is_unfinished(profile: &Profile) -> bool {
    profile.model.is_some_and(|model| {
        MARKS
            .iter()
            .any(|(first, column)| model < *first && profile.asset.column(*column).is_some())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_tells_the_version_of_photos() {
        for (model, version) in [
            (13_537, "5"),
            (14_208, "6"),
            (15_502, "7"),
            (16_502, "8"),
            (17_401, "9"),
            (17_600, "9.6"),
            (18_204, "10"),
            (19_063, "11"),
            (19_320, "11.1"),
            (21_000, "newer than 11.1 (model 21000)"),
            (270_008_501, "12"),
            (13_537, "5"),
            (4_025, "4"),
            (3_301, "3"),
            (2_622, "2"),
            (1, "older than 2 (model 1)"),
        ] {
            assert_eq!(photos_version(Some(model)), version, "{model}");
        }
        assert_eq!(photos_version(None), "unknown");
    }
}
