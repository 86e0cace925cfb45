//! The resources of assets: their rows in bulk, twins with the same content, and the answers that
//! are made from both and the disk.
//!
//! One statement for a whole page, never one per asset, and the disk is looked at when the
//! transaction has ended. The hazard: a twin that the grant withholds, whose presence must not show
//! in another asset's answer.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use darkslide_protocol::value::Uuid;

use super::page::keys_of;
use super::{Keys, each_keyed_row, rows};
use crate::cell::{Cells, columns};
use crate::db::Stop;
use crate::filter_sql;
use crate::profile::Profile;
use crate::resource::{AssetResources, FileFacts, Looker, Row, Version};
use crate::schema::asset::attributes;
use crate::schema::resource::{self, bookmark, uti, volume};
use crate::schema::{Column, PK};
use crate::session::Session;

/// The most assets of one answer.
const MAX_ASSETS: usize = 1_000;
/// An answer ends early above this; a frame may have eight times as much.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// What a resource has on the wire beside its texts: the names of its members.
const RESOURCE_WIRE_BYTES: usize = 96;
/// Assets between two looks at the clock: some 10 ms on a slow disk.
const ASSETS_AT_ONCE: usize = 100;
/// Resources of one asset; more are left out. Real ones have at most a dozen.
const MAX_ROWS: usize = 256;
/// Twins of one asset that are looked at; people have two or three of a photo.
const MAX_TWINS: usize = 16;

columns! {
    /// What is read of a resource.
    R {
        Asset = resource::ASSET,
        Store = resource::STORE,
        Subtype = resource::SUBTYPE,
        Version = resource::VERSION,
        Recipe = resource::RECIPE,
        Local = resource::LOCAL,
        Remote = resource::REMOTE,
        Bytes = resource::BYTES,
        CompactUti = resource::COMPACT_UTI,
        UtiKey = PK,
        Uti = uti::IDENTIFIER,
        Volume = volume::NAME,
        Path = bookmark::PATH,
        Key = PK,
    }
}

/// Those columns that stand in the table itself.
pub(crate) const RESOURCE_COLUMNS: &[Column] = &[
    resource::STORE,
    resource::VERSION,
    resource::RECIPE,
    resource::LOCAL,
    resource::REMOTE,
    resource::BYTES,
    resource::FINGERPRINT,
    resource::VOLUME,
];

/// Reads the resources of assets, in the order of their rows.
pub(crate) fn rows_of(
    session: &Session<'_>,
    keys: Keys<'_>,
) -> Result<HashMap<i64, Vec<Row>>, Stop> {
    let question = statement(&session.profile, keys);
    let has_types = session.profile.uti.is_some() || session.profile.is_old();
    let mut found: HashMap<i64, Vec<Row>> = HashMap::new();
    each_keyed_row(session, &question, keys, |row| {
        let mut cells = Cells::new(row, R::LIST);
        if let Some(key) = cells.integer(R::Asset.at()) {
            let rows = found.entry(key).or_default();
            if rows.len() < MAX_ROWS {
                rows.push(read(&mut cells, has_types));
                session.room.take_row()?;
            }
        }
        Ok(())
    })?;
    Ok(found)
}

fn statement(profile: &Profile, keys: Keys<'_>) -> String {
    let own = [
        resource::ASSET,
        resource::STORE,
        resource::SUBTYPE,
        resource::VERSION,
        resource::RECIPE,
        resource::LOCAL,
        resource::REMOTE,
        resource::BYTES,
        resource::COMPACT_UTI,
    ];
    let table = &profile.resource;
    let pk = PK.name();
    let mut list = profile.list(table, "r", &own);
    let mut joins = String::new();
    match (&profile.uti, table.column(resource::UTI)) {
        (Some(types), Some(column)) => {
            let identifier = profile.read(types, "u", uti::IDENTIFIER);
            list += &format!(",u.{pk},{identifier}");
            joins += &format!(" LEFT JOIN {} u ON u.{pk}=r.{column}", types.name());
        }
        // Its own columns tell in Photos 2 to 4.
        _ if profile.is_old() => {
            list += &format!(",1,{}", profile.read(table, "r", uti::IDENTIFIER));
        }
        _ => list += ",NULL,NULL",
    }
    match (&profile.outside, table.column(resource::VOLUME)) {
        (Some((bookmarks, volumes)), Some(column)) => {
            let name = profile.read(volumes, "v", volume::NAME);
            let path = profile.read(bookmarks, "k", bookmark::PATH);
            list += &format!(",{name},{path}");
            // Only the few resources outside the bundle have a volume: nothing is looked up for
            // the others.
            joins += &format!(
                " LEFT JOIN {} v ON v.{pk}=r.{column} \
                 LEFT JOIN {} k ON {}=iif(r.{column} IS NULL,NULL,r.{pk})",
                volumes.name(),
                bookmarks.name(),
                profile.read(bookmarks, "k", bookmark::RESOURCE),
            );
        }
        _ => list += &format!(",{}", profile.list(table, "r", &[volume::NAME, bookmark::PATH])),
    }
    let asset = format!("r.{}", resource::ASSET.name());
    format!(
        "SELECT {list},r.{pk} FROM {} r{joins} WHERE {} ORDER BY {asset}, r.{pk}",
        table.name(),
        keys.places(&asset),
    )
}

fn read(cells: &mut Cells<'_>, has_types: bool) -> Row {
    let uti = if has_types {
        cells.text(R::Uti.at()).map(Cow::Owned)
    } else {
        cells.text(R::CompactUti.at()).and_then(|code| {
            let known = uti::COMPACT.iter().find(|(number, _)| *number == code);
            known.map(|(_, uti)| Cow::Borrowed(*uti))
        })
    };
    Row {
        store: cells.integer(R::Store.at()),
        subtype: cells.integer(R::Subtype.at()),
        version: cells.integer(R::Version.at()),
        recipe: cells.integer(R::Recipe.at()),
        local: cells.integer(R::Local.at()),
        remote: cells.integer(R::Remote.at()),
        bytes: cells.natural(R::Bytes.at()),
        typed: !has_types || !cells.is_null(R::UtiKey.at()),
        uti,
        outside: cells.text(R::Volume.at()).zip(cells.text(R::Path.at())),
        key: cells.integer(R::Key.at()),
    }
}

/// Which of these assets have a twin that the grant shows, another asset of the same content, whose
/// file the rows call present.
pub(crate) fn twins_here(session: &Session<'_>, keys: &[i64]) -> Result<HashSet<i64>, Stop> {
    let mut found = HashSet::new();
    let Some(question) = twins_statement(session, keys).filter(|_| !keys.is_empty()) else {
        return Ok(found);
    };
    each_keyed_row(session, &question, Keys::List(keys), |row| {
        found.extend(row.get::<_, i64>(0).ok());
        Ok(())
    })?;
    Ok(found)
}

fn twins_statement(session: &Session<'_>, keys: &[i64]) -> Option<String> {
    let profile = &session.profile;
    let table = &profile.resource;
    // The columns themselves: no expression of them leads to an index.
    let print = profile.attributes.column(attributes::FINGERPRINT)?;
    let own_print = table.column(resource::FINGERPRINT)?;
    let local = table.column(resource::LOCAL)?;
    let owner = attributes::ASSET.name();
    Some(format!(
        "SELECT b.{owner} FROM {attributes} b WHERE {keys} AND EXISTS(\
         SELECT 1 FROM (SELECT t.{owner} AS twin FROM {attributes} t WHERE t.{print}=b.{print} \
         AND t.{owner}<>b.{owner} LIMIT {MAX_TWINS}) \
         CROSS JOIN {assets} a ON a.{pk}=twin CROSS JOIN {resources} r ON r.{asset}=twin \
         WHERE r.{own_print}=b.{print} AND r.{local}={here} AND {shown})",
        attributes = profile.attributes.name(),
        assets = profile.asset.name(),
        resources = table.name(),
        asset = resource::ASSET.name(),
        here = resource::AVAILABLE,
        keys = Keys::List(keys).places(&format!("b.{owner}")),
        pk = PK.name(),
        shown = filter_sql::shown(profile, session.grant, "a"),
    ))
}

/// The files of assets, and which assets there are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// In the order of the question.
    pub assets: Vec<AssetResources>,
    /// Those that do not exist for the grant.
    pub unknown: Vec<Uuid>,
    /// Those that did not fit: to be asked for again.
    pub rest: Vec<Uuid>,
}

/// Lists every version of assets, in the order of the question.
pub(crate) fn list(session: &Session<'_>, asked: &[Uuid]) -> Result<Listed, Stop> {
    list_within(session, asked, MAX_ANSWER_BYTES)
}

fn list_within(session: &Session<'_>, asked: &[Uuid], limit: usize) -> Result<Listed, Stop> {
    let (now, later) = asked.split_at(asked.len().min(MAX_ASSETS));
    let mut looker = Looker::new(session.dir, session.grant);
    let mut listed = Listed { assets: Vec::new(), unknown: Vec::new(), rest: Vec::new() };
    let mut bytes = 0;
    let mut answered = HashSet::new();
    for some in now.chunks(ASSETS_AT_ONCE) {
        session.limit.check()?;
        if bytes > limit {
            listed.rest.extend_from_slice(some);
            continue;
        }
        let mut facts = facts_of(session, some)?;
        for uuid in some.iter().filter(|uuid| answered.insert(*uuid)) {
            if bytes > limit {
                listed.rest.push(uuid.clone());
            } else if let Some(facts) = facts.remove(uuid) {
                let found = looker.all(&facts);
                bytes += wire_bytes(&found);
                listed.assets.push(found);
            } else {
                listed.unknown.push(uuid.clone());
            }
        }
    }
    looker.finish()?;
    listed.rest.extend_from_slice(later);
    Ok(listed)
}

/// At least as many bytes as an asset's resources have on the wire.
fn wire_bytes(found: &AssetResources) -> usize {
    let texts = |it: &crate::resource::Resource| {
        it.uti.as_ref().map_or(0, String::len) + it.presence.path_text().map_or(0, str::len)
    };
    let each = found.resources.iter().map(|it| RESOURCE_WIRE_BYTES + 2 * texts(it));
    RESOURCE_WIRE_BYTES + each.sum::<usize>()
}

/// Reads what the files of assets follow from; what the grant withholds is not there.
pub(crate) fn facts_of(
    session: &Session<'_>,
    asked: &[Uuid],
) -> Result<HashMap<Uuid, FileFacts>, Stop> {
    let (by_uuid, mains, attributes, mut resources) = session.database.snapshot(|| {
        let by_uuid = keys_of(session, asked)?;
        let list: Vec<i64> = by_uuid.values().copied().collect();
        let keys = Keys::List(&list);
        let mains = rows::mains_of(session, keys)?;
        let attributes = rows::attributes_of(session, keys)?;
        Ok((by_uuid, mains, attributes, rows_of(session, keys)?))
    })?;
    let facts = by_uuid.into_iter().filter_map(|(uuid, key)| {
        let rows = resources.remove(&key).unwrap_or_default();
        let main = mains.get(&key)?;
        let facts = FileFacts::new(main, attributes.get(&key), rows, session.profile.model);
        Some((uuid, facts))
    });
    Ok(facts.collect())
}

/// Looks for these versions of assets, in the order of the question; assets that do not exist for
/// the grant are left out.
pub(crate) fn these(
    session: &Session<'_>,
    asked: &[Uuid],
    versions: &[Version],
) -> Result<Vec<AssetResources>, Stop> {
    let mut looker = Looker::new(session.dir, session.grant);
    let mut found = Vec::new();
    for asked in asked.chunks(500) {
        session.limit.check()?;
        let facts = facts_of(session, asked)?;
        found.extend(
            asked.iter().filter_map(|uuid| facts.get(uuid)).map(|it| looker.these(it, versions)),
        );
    }
    looker.finish()?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use darkslide_fixture::{ManyOptions, Model, many};

    use super::*;
    use crate::testing::Asked;

    fn plan(asked: &Asked, question: impl Fn(&Session<'_>) -> String) -> Vec<String> {
        let plan = asked.ask(|session| {
            let mut steps = Vec::new();
            let question = format!("EXPLAIN QUERY PLAN {}", question(session));
            each_keyed_row(session, &question, Keys::List(&[1, 2, 3]), |row| {
                steps.push(row.get::<_, String>(3).unwrap());
                Ok(())
            })?;
            Ok(steps)
        });
        plan.unwrap()
    }

    #[test]
    fn resources_and_twins_are_found_by_indexes_in_every_model() {
        for model in Model::ALL {
            let asked = Asked::new(|bundle| {
                many(bundle, model, 20, ManyOptions::default()).unwrap();
            });
            let rows = plan(&asked, |it| statement(&it.profile, Keys::List(&[1, 2, 3])));
            let twins = plan(&asked, |it| twins_statement(it, &[1, 2, 3]).unwrap());
            for steps in [rows, twins] {
                let scans = |step: &&String| {
                    step.starts_with("SCAN ")
                        && !step.contains("SUBQUERY")
                        && !step.contains("(sub")
                };
                assert_eq!(steps.iter().find(scans), None, "{model:?} {steps:#?}");
                assert!(!steps.iter().any(|it| it.contains("TEMP B-TREE")), "{model:?} {steps:#?}");
            }
        }
    }

    /// Texts count twice and more than there is: what is cut is below the limit of a frame.
    #[test]
    fn an_answer_ends_above_its_bytes_and_the_rest_is_told() {
        const ASSETS: usize = 900;
        let asked = Asked::new(|bundle| {
            many(bundle, Model::Photos11, ASSETS, ManyOptions::default()).unwrap();
        });
        let uuids: Vec<Uuid> = asked
            .ask(|session| {
                let mut found = Vec::new();
                rows::mains(session, Keys::List(&(1..=900).collect::<Vec<_>>()), "1", |main| {
                    found.push(main.uuid);
                })?;
                Ok(found)
            })
            .unwrap();
        assert_eq!(uuids.len(), ASSETS);
        let all = asked.ask(|session| list(session, &uuids)).unwrap();
        let each = wire_bytes(&all.assets[0]);
        assert!(each * ASSETS < MAX_ANSWER_BYTES, "all fit");
        assert_eq!((all.assets.len(), all.rest.len()), (ASSETS, 0));
        let some = asked.ask(|session| list_within(session, &uuids, each * 10)).unwrap();
        assert_eq!(some.assets.len(), 11, "the one that goes beyond is the last");
        assert_eq!(some.rest, uuids[11..]);
        let one = asked.ask(|session| list_within(session, &uuids, 0)).unwrap();
        assert_eq!((one.assets.len(), one.rest.len()), (1, ASSETS - 1), "never none");
    }

    #[test]
    fn so_many_twins_are_looked_at() {
        for (twins, is_found) in
            [(1, true), (MAX_TWINS, true), (MAX_TWINS + 1, false), (MAX_TWINS * 20, false)]
        {
            // All of one content, and only the last of them is here.
            let asked = Asked::new(|bundle| {
                many(bundle, Model::Photos11, twins + 1, ManyOptions::default()).unwrap();
                let database = bundle.join("database/Photos.sqlite");
                #[allow(clippy::disallowed_methods, reason = "a test changes a library of its own")]
                let connection = rusqlite::Connection::open(database).unwrap();
                let last = "ZASSET=(SELECT max(Z_PK) FROM ZASSET)";
                let change = format!(
                    "UPDATE ZADDITIONALASSETATTRIBUTES SET ZORIGINALSTABLEHASH='x'; \
                     UPDATE ZINTERNALRESOURCE SET ZFINGERPRINT='x', \
                     ZLOCALAVAILABILITY=iif({last},1,-1)"
                );
                connection.execute_batch(&change).unwrap();
            });
            let found = asked.ask(|session| twins_here(session, &[1])).unwrap();
            assert_eq!(found.contains(&1), is_found, "{twins}");
            assert!(asked.ask(|session| twins_here(session, &[])).unwrap().is_empty());
        }
    }
}
