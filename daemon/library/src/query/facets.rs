//! Which values a thing has among selected assets, and how many assets have each.
//!
//! SQL counts where it can, by groups of a slice; places are read out of their archives row by row,
//! labels come from another database. As in a count, rows with one UUID are each counted; two faces
//! of a person count once. Values are bounded in number and bytes while they are gathered, not at
//! the end only. The hazard: a library with a million keywords of its own, and a place told to
//! somebody from whom locations are withheld.

use std::collections::{BTreeSet, HashMap};

use darkslide_protocol::filter::{Facet, Filter, Include, Kind};
use darkslide_protocol::value::Uuid;
use rusqlite::types::ValueRef;

use super::selected::{Within, each_selected};
use super::{count_at, each_asked_row};
use crate::cell::nfc;
use crate::db::Stop;
use crate::filter_sql;
use crate::model::{Facets, Scanned};
use crate::record::place::Place;
use crate::schema::asset::{attributes, keyword};
use crate::schema::people::{face, person};
use crate::schema::{PK, asset, exif, old};
use crate::session::Session;
use crate::side::search::{Search, Spelling};

/// Values of one answer: those that most assets have. The wire has the same number.
pub const MAX_FACET_VALUES: usize = 10_000;
/// The longest value that is told; a longer one is cut.
const MAX_VALUE_BYTES: usize = 1_024;
/// Bytes of all values that are gathered: some 100,000 of usual length.
const MAX_GATHERED_BYTES: usize = 4 * 1024 * 1024;
/// What a value costs beside its text.
const VALUE_BYTES: usize = 40;
/// Assets whose labels are read at once.
const LABELLED_AT_ONCE: usize = 1_000;

/// Counts the values of a thing.
pub(crate) fn facet(
    session: &Session<'_>,
    facet: Facet,
    filter: &Filter,
    include: &[Include],
) -> Result<Scanned<Facets>, Stop> {
    if facet == Facet::Place && !session.grant.covers().shows_location() {
        return Ok(Scanned { found: Facets::default(), consistent: true });
    }
    let condition = session.database.snapshot(|| filter_sql::counted(session, include, filter))?;
    let counted = each_selected(
        session,
        &condition,
        Gathered::default(),
        |gathered, within| add(session, facet, gathered, within),
        |gathered| add_labels(session, gathered),
    )?;
    Ok(Scanned { found: counted.found.finish(), consistent: counted.consistent })
}

/// Values as far as they are known.
#[derive(Default)]
struct Gathered {
    counts: HashMap<String, u64>,
    bytes: usize,
    /// Values that found no room; one may be counted more than once.
    refused: u64,
    /// Whose labels are still to be read.
    labelled: Vec<Uuid>,
}

impl Gathered {
    fn add(&mut self, value: &str, count: u64) {
        let mut value = nfc(value);
        while value.len() > MAX_VALUE_BYTES {
            value.pop();
        }
        if value.is_empty() || count == 0 {
            return;
        }
        if let Some(so_far) = self.counts.get_mut(&value) {
            *so_far = so_far.saturating_add(count);
        } else if self.bytes + value.len() + VALUE_BYTES > MAX_GATHERED_BYTES {
            self.refused = self.refused.saturating_add(1);
        } else {
            self.bytes += value.len() + VALUE_BYTES;
            self.counts.insert(value, count);
        }
    }

    fn finish(self) -> Facets {
        let mut values: Vec<(String, u64)> = self.counts.into_iter().collect();
        values.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        let more = values.len().saturating_sub(MAX_FACET_VALUES);
        values.truncate(MAX_FACET_VALUES);
        let left_out = self.refused.saturating_add(u64::try_from(more).unwrap_or(u64::MAX));
        Facets { values, left_out }
    }
}

fn add(
    session: &Session<'_>,
    facet: Facet,
    gathered: &mut Gathered,
    within: Within<'_>,
) -> Result<(), Stop> {
    let profile = &session.profile;
    let of_exif = |column| filter_sql::one(profile, &profile.exif, exif::ASSET, column);
    let day = || filter_sql::day_there(profile);
    match facet {
        Facet::Keyword => keywords(session, gathered, within),
        Facet::Person => persons(session, gathered, within),
        Facet::Label => whose_labels(session, gathered, within),
        Facet::Place => places(session, gathered, within),
        Facet::Camera => of_asset(session, &of_exif(exif::CAMERA_MODEL), gathered, within),
        Facet::Lens => of_asset(session, &of_exif(exif::LENS_MODEL), gathered, within),
        Facet::Year => days(session, &format!("{}/10000", day()), gathered, within, |number| {
            format!("{number:04}")
        }),
        Facet::Month => days(session, &format!("{}/100", day()), gathered, within, |number| {
            format!("{:04}-{:02}", number / 100, number % 100)
        }),
        Facet::Kind => kinds(session, gathered, within),
    }
}

/// Rows of a text and a count.
fn texts(
    session: &Session<'_>,
    question: &str,
    gathered: &mut Gathered,
    within: Within<'_>,
) -> Result<(), Stop> {
    each_asked_row(session, question, within.values, |row| {
        if let Ok(ValueRef::Text(text)) = row.get_ref(0)
            && let Ok(text) = std::str::from_utf8(text)
            && !text.contains('\0')
        {
            gathered.add(text, count_at(row, 1));
        }
        Ok(())
    })
}

/// A value that each asset has one of.
fn of_asset(
    session: &Session<'_>,
    value: &str,
    gathered: &mut Gathered,
    within: Within<'_>,
) -> Result<(), Stop> {
    let table = session.profile.asset.name();
    let question =
        format!("SELECT {value}, count(*) FROM {table} a WHERE {} GROUP BY 1", within.sql);
    texts(session, &question, gathered, within)
}

fn keywords(
    session: &Session<'_>,
    gathered: &mut Gathered,
    within: Within<'_>,
) -> Result<(), Stop> {
    let profile = &session.profile;
    let Some((table, join)) = &profile.keywords else {
        return Ok(());
    };
    let rows = format!(
        "{a} a CROSS JOIN {b} b ON b.{owner}=a.{pk} \
         CROSS JOIN {j} j ON j.{left}=b.{pk} CROSS JOIN {k} k ON k.{pk}=j.{right} WHERE {within}",
        a = profile.asset.name(),
        b = profile.attributes.name(),
        owner = attributes::ASSET.name(),
        j = join.table,
        left = join.left,
        k = table.name(),
        right = join.right,
        pk = PK.name(),
        within = within.sql,
    );
    let question = by_value(&profile.read(table, "k", keyword::TITLE), &rows);
    texts(session, &question, gathered, within)
}

/// How many assets each value has. Values are read before they are sorted: a sorter keeps whole
/// columns, also one that is too large to be a value.
fn by_value(value: &str, rows: &str) -> String {
    format!(
        "SELECT value, count(DISTINCT asset) FROM \
         (SELECT {value} AS value, a.{} AS asset FROM {rows} LIMIT -1) GROUP BY 1",
        PK.name()
    )
}

/// Those with a name.
fn persons(session: &Session<'_>, gathered: &mut Gathered, within: Within<'_>) -> Result<(), Stop> {
    let profile = &session.profile;
    let (Some(faces), Some(persons)) = (&profile.face, &profile.person) else {
        return Ok(());
    };
    let (Some(owner), Some(whose)) = (faces.column(face::ASSET), faces.column(face::PERSON)) else {
        return Ok(());
    };
    let rows = format!(
        "{a} a CROSS JOIN {f} f ON f.{owner}=a.{pk} CROSS JOIN {p} p ON p.{pk}=f.{whose} \
         WHERE {within}",
        a = profile.asset.name(),
        f = faces.name(),
        p = persons.name(),
        pk = PK.name(),
        within = within.sql,
    );
    let question = by_value(&profile.read(persons, "p", person::NAME), &rows);
    texts(session, &question, gathered, within)
}

fn days(
    session: &Session<'_>,
    value: &str,
    gathered: &mut Gathered,
    within: Within<'_>,
    told: impl Fn(i64) -> String,
) -> Result<(), Stop> {
    let table = session.profile.asset.name();
    let question =
        format!("SELECT {value}, count(*) FROM {table} a WHERE {} GROUP BY 1", within.sql);
    each_asked_row(session, &question, within.values, |row| {
        if let Ok(number) = row.get::<_, i64>(0) {
            gathered.add(&told(number), count_at(row, 1));
        }
        Ok(())
    })
}

fn kinds(session: &Session<'_>, gathered: &mut Gathered, within: Within<'_>) -> Result<(), Stop> {
    let profile = &session.profile;
    let sums = Kind::ALL
        .iter()
        .map(|kind| format!("count(iif({},1,NULL))", filter_sql::kind_sql(profile, *kind)));
    let sums: Vec<String> = sums.collect();
    let table = profile.asset.name();
    let question = format!("SELECT {} FROM {table} a WHERE {}", sums.join(","), within.sql);
    each_asked_row(session, &question, within.values, |row| {
        for (at, kind) in Kind::ALL.iter().enumerate() {
            gathered.add(kind.as_str(), count_at(row, at));
        }
        Ok(())
    })
}

fn places(session: &Session<'_>, gathered: &mut Gathered, within: Within<'_>) -> Result<(), Stop> {
    let profile = &session.profile;
    if let Some(table) = &profile.places {
        let question = format!(
            "SELECT {name}, count(DISTINCT a.{pk}) FROM {a} a CROSS JOIN {p} p ON p.{owner}=a.{pk} \
             WHERE {within} GROUP BY 1",
            name = profile.read(table, "p", old::place::NAME),
            pk = PK.name(),
            a = profile.asset.name(),
            p = table.name(),
            owner = old::place::VERSION.name(),
            within = within.sql,
        );
        return texts(session, &question, gathered, within);
    }
    let place = profile.read(&profile.attributes, "b", attributes::PLACE);
    let question = format!(
        "SELECT {} FROM {} a WHERE {}",
        filter_sql::one_of(&profile.attributes, attributes::ASSET, &place),
        profile.asset.name(),
        within.sql
    );
    each_asked_row(session, &question, within.values, |row| {
        if let Ok(ValueRef::Blob(blob)) = row.get_ref(0)
            && let Some(place) = Place::read(blob)
        {
            // An asset that is in a place twice counts once.
            let names: BTreeSet<&str> = place.names().collect();
            names.into_iter().for_each(|name| gathered.add(name, 1));
        }
        Ok(())
    })
}

fn whose_labels(
    session: &Session<'_>,
    gathered: &mut Gathered,
    within: Within<'_>,
) -> Result<(), Stop> {
    let profile = &session.profile;
    let question = format!(
        "SELECT {} FROM {} a WHERE {}",
        profile.read(&profile.asset, "a", asset::UUID),
        profile.asset.name(),
        within.sql
    );
    each_asked_row(session, &question, within.values, |row| {
        let uuid = row.get_ref(0).ok().and_then(|it| it.as_str().ok());
        gathered.labelled.extend(uuid.and_then(|uuid| Uuid::parse(uuid).ok()));
        Ok(())
    })
}

/// When the transaction has ended, for they are in another database.
fn add_labels(session: &Session<'_>, gathered: &mut Gathered) -> Result<(), Stop> {
    for uuids in std::mem::take(&mut gathered.labelled).chunks(LABELLED_AT_ONCE) {
        session.limit.check()?;
        let search = Search::labels_of(session, uuids)?.records;
        for uuid in uuids {
            let labels: BTreeSet<&str> =
                search.labels(uuid, Spelling::Content).into_iter().collect();
            labels.into_iter().for_each(|label| gathered.add(label, 1));
        }
    }
    Ok(())
}
