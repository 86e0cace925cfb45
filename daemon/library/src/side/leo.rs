//! The search index of macOS 27, `leo.sqlite`: each asset has a list of numbers of texts.
//!
//! No library with one was seen; the rules are by hearsay, and tried on a made-up one. Its
//! categories are told as those of the index before it, so that nobody else knows of two kinds.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use darkslide_protocol::value::Uuid;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::search::{Group, SearchRecord};
use super::{
    Budget, MAX_ASSETS_PER_STATEMENT, Wanted, bounded, filled, filled_texts, places, text_of,
};
use crate::cell::MAX_TEXT_BYTES;
use crate::db::{OrStop, Stop};
use crate::profile::Table;
use crate::schema::search::leo::{CATEGORIES, TYPE_ASSET, TYPE_TEXT, items, lexicon};

/// Texts of one asset: four bytes each in its list.
pub(super) const MAX_LIST_BYTES: usize = 64 * 1024;

/// Reads the texts of assets; none where it is no such index.
pub(super) fn records(
    connection: &Connection,
    uuids: &[Uuid],
    categories: &[i64],
) -> Result<Option<HashMap<Uuid, SearchRecord>>, Stop> {
    let Some([lexicon, items]) = Table::find(connection, [lexicon::TABLE, items::TABLE])? else {
        return Ok(None);
    };
    let mut found = HashMap::new();
    for some in uuids.chunks(MAX_ASSETS_PER_STATEMENT) {
        let mut budget = Budget::new();
        let lists = lists(connection, &items, some, &mut budget)?;
        let numbers: BTreeSet<u32> = lists.iter().flat_map(|(_, list)| list).copied().collect();
        let texts = texts(connection, &lexicon, &numbers, &mut budget)?;
        for (uuid, list) in lists {
            let record: &mut SearchRecord = found.entry(uuid).or_default();
            for number in list {
                let group = texts.get(&number).filter(|it| categories.contains(&it.category));
                record.groups.extend(group.cloned());
            }
        }
    }
    Ok(Some(found))
}

/// The numbers of each asset's texts.
fn lists(
    connection: &Connection,
    items: &Table,
    uuids: &[Uuid],
    budget: &mut Budget,
) -> Result<Vec<(Uuid, Vec<u32>)>, Stop> {
    let mut wanted: Wanted<'_, String> = HashMap::new();
    for uuid in uuids {
        // Any case is said to occur; a mixture of cases is not.
        wanted.insert(uuid.as_str().to_owned(), uuid);
        wanted.insert(uuid.as_str().to_ascii_lowercase(), uuid);
    }
    let question = format!(
        "SELECT i.{identifier}, {list} FROM {items} i WHERE i.{kind}={TYPE_ASSET} AND i.{identifier} IN ({places})",
        identifier = items::IDENTIFIER.name(),
        list = bounded(&format!("i.{}", items::LEXEMES.name()), MAX_LIST_BYTES),
        items = items.name(),
        kind = items::TYPE.name(),
        places = places(wanted.len()),
    );
    let mut statement = connection.prepare_cached(&question).or_stop()?;
    let mut rows = statement.query(params_from_iter(filled_texts(wanted.keys()))).or_stop()?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().or_stop()? {
        let Some(uuid) = text_of(row, 0).and_then(|text| wanted.get(text)) else { continue };
        let bytes = row.get_ref(1).ok().and_then(|cell| cell.as_blob().ok()).unwrap_or_default();
        budget.take(bytes.len())?;
        let (numbers, _) = bytes.as_chunks::<4>();
        found.push(((*uuid).clone(), numbers.iter().map(|it| u32::from_le_bytes(*it)).collect()));
    }
    Ok(found)
}

/// The texts of those numbers, in the categories that they had before.
fn texts(
    connection: &Connection,
    lexicon: &Table,
    numbers: &BTreeSet<u32>,
    budget: &mut Budget,
) -> Result<HashMap<u32, Rc<Group>>, Stop> {
    let numbers: Vec<Value> = numbers.iter().map(|it| Value::Integer(i64::from(*it))).collect();
    let mut found = HashMap::new();
    for some in numbers.chunks(MAX_ASSETS_PER_STATEMENT) {
        let question = format!(
            "SELECT l.{id}, l.{category}, {content} FROM {lexicon} l WHERE l.{kind}={TYPE_TEXT} AND l.{id} IN ({places})",
            id = lexicon::ID.name(),
            category = lexicon::CATEGORY.name(),
            content = bounded(&format!("l.{}", lexicon::CONTENT.name()), MAX_TEXT_BYTES),
            lexicon = lexicon.name(),
            kind = lexicon::TYPE.name(),
            places = places(some.len()),
        );
        let mut statement = connection.prepare_cached(&question).or_stop()?;
        let mut rows = statement.query(params_from_iter(filled(some.iter().cloned()))).or_stop()?;
        while let Some(row) = rows.next().or_stop()? {
            let (Ok(number), Ok(category), Some(content)) =
                (row.get(0), row.get::<_, i64>(1), text_of(row, 2))
            else {
                continue;
            };
            let before = CATEGORIES.iter().find(|(new, _)| *new == category);
            if let Some(group) = before.and_then(|(_, it)| Group::of(*it, content, None)) {
                budget.take(group.bytes())?;
                found.insert(number, Rc::new(group));
            }
        }
    }
    Ok(found)
}
