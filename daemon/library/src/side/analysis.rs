//! What the analysis of the pictures found, in bulk for a page.
//!
//! Which file and which tables count follows from the library's model alone: the other file may be
//! there, and is of the past. Each result is turned into its text as it is read, so that a page
//! holds no property lists. The hazard: the order of an asset's results, of which a later one
//! replaces an earlier one of its kind; it is in the statement.

use std::collections::HashMap;

use darkslide_protocol::value::Uuid;
use rusqlite::{Connection, params_from_iter};

use super::{
    Budget, Found, MAX_ASSETS_PER_STATEMENT, Wanted, ask, bounded, filled_texts, places, size,
    text_of,
};
use crate::bundle::Store;
use crate::date::Date;
use crate::db::{OrStop, Stop};
use crate::json::{self, Object};
use crate::profile::Table;
use crate::record::analysis_results::Results;
use crate::schema::analysis::{FIRST_NEW_MODEL, IDENTIFIER_SUFFIX, NEW, OLD, Tables, caption};
use crate::session::Session;

/// The word for an analysis that is not there or can not be read.
pub(crate) const LACKING: &str = "media_analysis";
/// The largest result that is read; of 700 real ones the largest has 4,253 bytes.
pub(super) const MAX_RESULT_BYTES: usize = 1024 * 1024;
/// The longest caption that is read.
pub(super) const MAX_CAPTION_BYTES: usize = 16 * 1024;

/// What the analysis found in a set of assets.
#[derive(Debug, Default)]
pub(crate) struct Analysis {
    records: HashMap<Uuid, AnalysisRecord>,
}

/// What it found in one.
#[derive(Debug, Default)]
struct AnalysisRecord {
    /// When it was looked at.
    date: Option<Date>,
    results: Results,
}

impl Analysis {
    /// Reads what was found in assets.
    ///
    /// # Errors
    /// That the time is over.
    pub(crate) fn of(session: &Session<'_>, uuids: &[Uuid]) -> Result<Found<Self>, Stop> {
        let is_new = session.profile.model.is_none_or(|model| model >= FIRST_NEW_MODEL);
        let tables = if is_new { NEW } else { OLD };
        // Where there is a new file, nothing is written to the old one any more.
        let store = match size(session, Store::NewAnalysis)? {
            Some(_) => Store::NewAnalysis,
            None => Store::Analysis,
        };
        let found = ask(session, store, |connection| {
            let names = [tables.assets, tables.results];
            let Some([assets, results]) = Table::find(connection, names)? else {
                return Ok(None);
            };
            let mut analysis = Self::default();
            analysis.read(connection, uuids, tables, &assets, &results)?;
            Ok(Some(analysis))
        })?;
        let lacking = if found.is_none() { Some(LACKING) } else { None };
        Ok(Found { records: found.unwrap_or_default(), lacking })
    }

    /// What a picture or video shows, in words; empty where it has no caption.
    pub(crate) fn caption(&self, uuid: &Uuid) -> &str {
        self.records.get(uuid).map_or("", |record| record.results.caption())
    }

    /// Writes the object of one asset, whether anything was found in it or not.
    pub(crate) fn write(&self, out: &mut Vec<u8>, uuid: &Uuid, original_filename: &str) {
        let record = self.records.get(uuid);
        let mut object = Object::begin(out);
        object.text("uuid", Some(uuid.as_str()));
        object.text("filename", Some(original_filename));
        let date = record.and_then(|record| record.date);
        json::or_null(object.key("date_analyzed"), date, |out, date| {
            json::text(out, &date.to_string());
        });
        if let Some(record) = record {
            record.results.write_keys(&mut object);
        }
        object.end();
    }

    fn read(
        &mut self,
        connection: &Connection,
        uuids: &[Uuid],
        tables: Tables,
        assets: &Table,
        results: &Table,
    ) -> Result<(), Stop> {
        for some in uuids.chunks(MAX_ASSETS_PER_STATEMENT) {
            let mut budget = Budget::new();
            let wanted: Wanted<'_, String> =
                some.iter().map(|uuid| (format!("{uuid}{IDENTIFIER_SUFFIX}"), uuid)).collect();
            let question = question(tables, assets, results, wanted.len());
            let mut statement = connection.prepare_cached(&question).or_stop()?;
            let mut rows =
                statement.query(params_from_iter(filled_texts(wanted.keys()))).or_stop()?;
            while let Some(row) = rows.next().or_stop()? {
                let Some(uuid) = text_of(row, 0).and_then(|it| wanted.get(it)) else { continue };
                let record = self.records.entry((*uuid).clone()).or_default();
                let date = row.get::<_, f64>(1).ok().and_then(Date::utc);
                record.date = record.date.or(date);
                let blob = row.get_ref(2).ok().and_then(|cell| cell.as_blob().ok());
                let before = record.results.bytes();
                record.results.push(blob.unwrap_or_default());
                budget.take(record.results.bytes().saturating_sub(before))?;
            }
            self.read_captions(connection, &wanted, assets, tables, &mut budget)?;
        }
        Ok(())
    }

    /// Captions have tables of their own since macOS 27.
    fn read_captions(
        &mut self,
        connection: &Connection,
        wanted: &Wanted<'_, String>,
        assets: &Table,
        tables: Tables,
        budget: &mut Budget,
    ) -> Result<(), Stop> {
        for (kind, names) in caption::TABLES.iter().enumerate() {
            let Some([table]) = Table::find(connection, [*names])? else { continue };
            let confidence = table.column(caption::CONFIDENCE);
            let question = format!(
                "SELECT a.{identifier}, {text}, {confidence} FROM {assets} a CROSS JOIN {captions} c ON c.{asset}=a.{key} WHERE a.{identifier} IN ({places}) ORDER BY c.{key}",
                identifier = tables.identifier.name(),
                text = bounded(&format!("c.{}", caption::TEXT.name()), MAX_CAPTION_BYTES),
                confidence = confidence.map_or(String::from("NULL"), |it| format!("c.{it}")),
                assets = assets.name(),
                captions = table.name(),
                asset = caption::ASSET.name(),
                key = tables.key.name(),
                places = places(wanted.len()),
            );
            let mut statement = connection.prepare_cached(&question).or_stop()?;
            let mut rows =
                statement.query(params_from_iter(filled_texts(wanted.keys()))).or_stop()?;
            while let Some(row) = rows.next().or_stop()? {
                let (Some(uuid), Some(text)) =
                    (text_of(row, 0).and_then(|it| wanted.get(it)), text_of(row, 1))
                else {
                    continue;
                };
                budget.take(text.len())?;
                let record = self.records.entry((*uuid).clone()).or_default();
                record.results.push_caption(kind > 0, text, row.get(2).ok());
            }
        }
        Ok(())
    }
}

pub(super) fn question(tables: Tables, assets: &Table, results: &Table, count: usize) -> String {
    let date = match assets.column(tables.date) {
        Some(date) => format!("a.{date}"),
        None => String::from("NULL"),
    };
    format!(
        "SELECT a.{identifier}, {date}, {value} FROM {assets} a CROSS JOIN {results} r ON r.{asset}=a.{key} WHERE a.{identifier} IN ({places}) ORDER BY a.{identifier}, r.{order}",
        identifier = tables.identifier.name(),
        value = bounded(&format!("r.{}", tables.value.name()), MAX_RESULT_BYTES),
        assets = assets.name(),
        results = results.name(),
        asset = tables.asset.name(),
        key = tables.key.name(),
        places = places(count),
        order = tables.order.name(),
    )
}
