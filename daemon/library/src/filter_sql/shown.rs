//! Which assets there are: for a grant, for a question, and what a flag means.
//!
//! The privacy rule stands here and in no other place: what a grant withholds fits no condition,
//! whatever the question. A unary plus keeps SQLite from an index on a flag, after which it would
//! sort the whole library (1,400 times slower at 100,000 assets). The hazard: a second way to a row
//! that forgets the first condition.

use darkslide_policy::{Grant, Read};
use darkslide_protocol::filter::Include;

use crate::album::Source;
use crate::profile::{Profile, Table};
use crate::schema::{Column, PK, album, asset, old, resource};

/// Which assets exist for the grant: shown, with a usable UUID, and of several rows with one UUID
/// the first that is shown.
pub(crate) fn exists(profile: &Profile, grant: &Grant<Read>) -> String {
    let (shown, first) = (shown(profile, grant, "a"), first_of_twins(profile, grant));
    format!("{shown} AND {} AND {first}", well_named(profile))
}

/// What the grant does not withhold: the one place that decides it.
pub(crate) fn shown(profile: &Profile, grant: &Grant<Read>, alias: &str) -> String {
    let scope = grant.covers();
    let shown = none_of([
        (scope.shows_hidden(), set_in(profile, alias, asset::HIDDEN)),
        (scope.shows_trashed(), set_in(profile, alias, asset::TRASHED)),
    ]);
    match &profile.shown_albums {
        None => shown,
        Some(albums) => format!("{shown} AND {}", in_albums(profile, alias, albums)),
    }
}

/// Is it in one of these albums? Numbers only, so that nothing has to be bound.
pub(crate) fn in_albums(profile: &Profile, alias: &str, albums: &[(Source, i64)]) -> String {
    let keys = |wanted: Source| {
        let keys = albums.iter().filter(|(source, _)| *source == wanted);
        keys.map(|(_, key)| key.to_string()).collect::<Vec<String>>().join(",")
    };
    let members = &profile.members;
    let joined = format!(
        "EXISTS (SELECT 1 FROM {} j WHERE j.{}={alias}.{} AND +j.{} IN ({}))",
        members.table,
        members.right,
        PK.name(),
        members.left,
        keys(Source::Album),
    );
    let share = profile.read(&profile.asset, alias, asset::COLLECTION_SHARE);
    format!("({joined} OR coalesce(+{share} IN ({}),0))", keys(Source::Share))
}

/// A lookup in the index of UUIDs for each row. A twin that the grant withholds must not matter.
pub(crate) fn first_of_twins(profile: &Profile, grant: &Grant<Read>) -> String {
    format!(
        "NOT EXISTS (SELECT 1 FROM {table} t WHERE t.{name}={uuid} AND t.{pk}<a.{pk} AND {shown})",
        table = profile.asset.name(),
        name = asset::UUID.name(),
        uuid = column(profile, asset::UUID),
        pk = PK.name(),
        shown = shown(profile, grant, "t"),
    )
}

/// That no condition holds but those that may.
fn none_of<const N: usize>(conditions: [(bool, String); N]) -> String {
    let refused = conditions.into_iter().filter(|(may, _)| !may);
    let refused: Vec<String> = refused.map(|(_, condition)| format!("NOT {condition}")).collect();
    if refused.is_empty() { String::from("1") } else { refused.join(" AND ") }
}

/// Which assets are listed without being asked for.
pub(crate) fn listed(profile: &Profile, include: &[Include]) -> String {
    none_of([
        (include.contains(&Include::Hidden), set(profile, asset::HIDDEN)),
        (include.contains(&Include::Trashed), set(profile, asset::TRASHED)),
        (include.contains(&Include::Bursts), unselected(profile)),
    ])
}

/// Has the row a UUID of the usual form? In three patterns, for one would be longer than SQLite
/// lets a pattern be: dashes in their places, no fifth dash, and otherwise digits. In Photos 2 to 4
/// 22 characters of another kind.
pub(crate) fn well_named(profile: &Profile) -> String {
    let uuid = column(profile, asset::UUID);
    if profile.is_old() {
        return format!(
            "{uuid} GLOB '??????????????????????' AND {uuid} NOT GLOB '*[^0-9A-Za-z%+_-]*'"
        );
    }
    format!(
        "{uuid} GLOB '????????-????-????-????-????????????' AND {uuid} NOT GLOB '*-*-*-*-*-*' \
         AND {uuid} NOT GLOB '*[^-0-9A-F]*'"
    )
}

/// An image of a burst that nobody selected: its pick type is neither 0 nor has it one of the two
/// bits. An index may have the pick type and not the burst: so the burst is looked up, for the few
/// images that are picked, in the row itself. Read as a column it would keep SQLite from counting
/// by the index alone.
pub(crate) fn unselected(profile: &Profile) -> String {
    let pick = column(profile, asset::PICK_TYPE);
    let burst = if profile.is_old() {
        format!("{} IS NOT NULL", column(profile, asset::BURST))
    } else {
        format!(
            "EXISTS (SELECT 1 FROM {table} z WHERE z.{pk}=a.{pk} AND {burst} IS NOT NULL)",
            table = profile.asset.name(),
            pk = PK.name(),
            burst = profile.read(&profile.asset, "z", asset::BURST),
        )
    };
    format!(
        "(coalesce({pick},0)<>0 AND coalesce({pick},0)&{bits}=0 AND {burst})",
        bits = asset::PICK_SELECTED | asset::PICK_KEY,
    )
}

/// Nothing and 0 are no, everything else is yes: nonsense in a flag shows no more than it should.
pub(crate) fn set(profile: &Profile, flag: Column) -> String {
    set_in(profile, "a", flag)
}

fn set_in(profile: &Profile, alias: &str, flag: Column) -> String {
    format!("(coalesce(+{},0)<>0)", profile.read(&profile.asset, alias, flag))
}

/// A column of the asset that no index may be taken for.
pub(crate) fn column(profile: &Profile, column: Column) -> String {
    format!("+{}", profile.read(&profile.asset, "a", column))
}

pub(crate) fn equals(profile: &Profile, name: Column, value: i64) -> String {
    format!("coalesce({}={value},0)", column(profile, name))
}

/// Is it an album that people see: of their own or shared, and not in the trash?
pub(crate) fn is_album(profile: &Profile, table: &Table, alias: &str) -> String {
    format!(
        "{} IN ({},{}) AND {}=0",
        profile.read(table, alias, album::KIND),
        album::KIND_ALBUM,
        album::KIND_SHARED,
        profile.read(table, alias, album::TRASHED),
    )
}

/// Has it a RAW file beside the original? Up to model 14208 only a resource counts whose type is
/// known.
pub(crate) fn has_raw(profile: &Profile) -> String {
    if profile.is_old() {
        return equals(profile, old::version::HAS_RAW, 1);
    }
    let known = match (&profile.uti, profile.resource.column(resource::UTI)) {
        (Some(table), Some(column)) => format!(
            " AND EXISTS (SELECT 1 FROM {} u WHERE u.{}=r.{column})",
            table.name(),
            PK.name()
        ),
        _ => String::new(),
    };
    format!(
        "EXISTS (SELECT 1 FROM {} r WHERE r.{}=a.{} AND {}={}{known})",
        profile.resource.name(),
        resource::ASSET.name(),
        PK.name(),
        profile.read(&profile.resource, "r", resource::SUBTYPE),
        resource::SUBTYPE_RAW,
    )
}
