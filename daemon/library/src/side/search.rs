//! The search index: the texts that Photos finds an asset by, in bulk for a page.
//!
//! Two statements for a page: which texts its assets have, and those texts, each once, for assets
//! share them (twice as fast as one join of all three). Every step is by an index. Texts lose the
//! NUL that Photos ends them with, and are composed; names of Photos' own are left out. Which
//! category means what is `schema::search`'s matter. The hazard: an index of an older release,
//! whose numbers mean other things.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use darkslide_protocol::value::Uuid;
use rusqlite::{Connection, Row, params_from_iter};

use super::{
    Budget, Found, MAX_ASSETS_PER_STATEMENT, Wanted, ask, bounded, filled, leo, places, size,
    text_of,
};
use crate::bundle::Store;
use crate::cell::{MAX_TEXT_BYTES, nfc};
use crate::db::{OrStop, Stop};
use crate::profile::Table;
use crate::schema::search::{
    FILE_NAMES, INTERNAL_PREFIX, INTERNAL_SUFFIX, LABELS, Layout, ROW, assets, groups, pairs,
};
use crate::session::Session;

/// The word for an index that is not there or can not be read.
pub(crate) const LACKING: &str = "search";

/// Texts of one statement: their numbers have at most 21 bytes each in it.
pub(super) const MAX_TEXTS_PER_STATEMENT: usize = 4_000;

/// What the index has for a set of assets.
#[derive(Debug)]
pub(crate) struct Search {
    /// Those of which it knows something.
    pub(crate) records: HashMap<Uuid, SearchRecord>,
    /// Which numbers its categories have.
    pub(crate) layout: Layout,
}

/// What the index has for one asset. Assets share their texts.
#[derive(Debug, Default)]
pub(crate) struct SearchRecord {
    pub(super) groups: Vec<Rc<Group>>,
}

/// One text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(super) category: i64,
    pub(super) content: String,
    pub(super) normalized: String,
}

/// As people read a text, or as it is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// `Café`.
    Content,
    /// `cafe`.
    Normalized,
}

impl SearchRecord {
    /// The texts of categories, sorted within each.
    pub(crate) fn texts(
        &self,
        spelling: Spelling,
        categories: impl Iterator<Item = i64>,
    ) -> Vec<&str> {
        let mut texts = Vec::new();
        let bit = |category: i64| 1_u64 << (category & 63);
        let seen = self.groups.iter().fold(0, |seen, group| seen | bit(group.category));
        // Most keys have nothing, which a bit tells.
        for category in categories.filter(|category| seen & bit(*category) != 0) {
            let start = texts.len();
            let fitting = self.groups.iter().filter(|group| group.category == category);
            texts.extend(fitting.map(|group| match spelling {
                Spelling::Content => group.content.as_str(),
                Spelling::Normalized => group.normalized.as_str(),
            }));
            texts.get_mut(start..).unwrap_or_default().sort_unstable();
        }
        texts
    }
}

impl Group {
    /// A text as it is told; none for a name of Photos' own. The second one is that which is
    /// searched, where the index has it.
    pub(super) fn of(category: i64, content: &str, normalized: Option<&str>) -> Option<Self> {
        let content = clean(content);
        if is_internal(&content) {
            return None;
        }
        let normalized = normalized.map_or_else(|| content.to_lowercase(), clean);
        Some(Self { category, content, normalized })
    }

    pub(super) fn bytes(&self) -> usize {
        self.content.len().saturating_add(self.normalized.len())
    }
}

fn clean(text: &str) -> String {
    if text.contains('\0') { nfc(&text.replace('\0', "")) } else { nfc(text) }
}

fn is_internal(text: &str) -> bool {
    let name = text
        .strip_prefix(INTERNAL_PREFIX)
        .and_then(|rest| rest.strip_suffix(INTERNAL_SUFFIX))
        .unwrap_or_default();
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Search {
    /// Reads everything that `search_info` tells of assets.
    ///
    /// # Errors
    /// That the time is over.
    pub(crate) fn of(session: &Session<'_>, uuids: &[Uuid]) -> Result<Found<Self>, Stop> {
        Self::read(session, uuids, |layout| layout.all().collect())
    }

    /// Reads labels alone.
    ///
    /// # Errors
    /// That the time is over.
    pub(crate) fn labels_of(session: &Session<'_>, uuids: &[Uuid]) -> Result<Found<Self>, Stop> {
        Self::read(session, uuids, |layout| LABELS.categories(layout).collect())
    }

    /// The labels of one of its assets, sorted.
    pub(crate) fn labels(&self, uuid: &Uuid, spelling: Spelling) -> Vec<&str> {
        match self.records.get(uuid) {
            Some(record) => record.texts(spelling, LABELS.categories(self.layout)),
            None => Vec::new(),
        }
    }

    fn read(
        session: &Session<'_>,
        uuids: &[Uuid],
        categories: impl Fn(Layout) -> Vec<i64>,
    ) -> Result<Found<Self>, Stop> {
        let model = session.profile.model;
        let usual = Layout::of(model, None);
        // The new index counts where there is no old one.
        let is_old = size(session, Store::Search)?.is_some_and(|bytes| bytes > 0);
        let found = if is_old {
            ask(session, Store::Search, |connection| {
                let Some(index) = Index::of(connection)? else {
                    return Ok(None);
                };
                let layout = index.layout(connection, model)?;
                let records = index.records(connection, uuids, &categories(layout))?;
                Ok(Some(Self { records, layout }))
            })?
        } else {
            ask(session, Store::NewSearch, |connection| {
                let records = leo::records(connection, uuids, &categories(Layout::New))?;
                Ok(records.map(|records| Self { records, layout: Layout::New }))
            })?
        };
        let lacking = if found.is_none() { Some(LACKING) } else { None };
        let nothing = || Self { records: HashMap::new(), layout: usual };
        Ok(Found { records: found.unwrap_or_else(nothing), lacking })
    }
}

/// The tables of `psi.sqlite`.
pub(super) struct Index {
    assets: Table,
    groups: Table,
    pairs: Table,
}

impl Index {
    pub(super) fn of(connection: &Connection) -> Result<Option<Self>, Stop> {
        let found = Table::find(connection, [assets::TABLE, groups::TABLE, pairs::TABLE])?;
        Ok(found.map(|[assets, groups, pairs]| Self { assets, groups, pairs }))
    }

    /// Which numbers its categories have: by the model, and in old ones by where file names are.
    fn layout(&self, connection: &Connection, model: Option<i64>) -> Result<Layout, Stop> {
        if Layout::of(model, None) == Layout::New {
            return Ok(Layout::New);
        }
        let mut statement = connection.prepare(&self.question_for_file_names()).or_stop()?;
        let mut rows = statement.query([FILE_NAMES.start(), FILE_NAMES.end()]).or_stop()?;
        let file_names = rows.next().or_stop()?.and_then(|row| row.get(0).ok());
        Ok(Layout::of(model, file_names))
    }

    /// The first category whose texts end as file names do: no kind of media does in any language.
    pub(super) fn question_for_file_names(&self) -> String {
        format!(
            "SELECT g.{category} FROM {groups} g WHERE g.{category} BETWEEN ?1 AND ?2 AND {content} GLOB '*.[A-Za-z0-9][A-Za-z0-9][A-Za-z0-9]*' ORDER BY g.{category} LIMIT 1",
            category = groups::CATEGORY.name(),
            groups = self.groups.name(),
            content = bounded(&format!("g.{}", groups::CONTENT.name()), MAX_TEXT_BYTES),
        )
    }

    fn records(
        &self,
        connection: &Connection,
        uuids: &[Uuid],
        categories: &[i64],
    ) -> Result<HashMap<Uuid, SearchRecord>, Stop> {
        let mut found = HashMap::new();
        let mut texts = HashMap::new();
        for some in uuids.chunks(MAX_ASSETS_PER_STATEMENT) {
            let mut budget = Budget::new();
            let pairs = self.pairs(connection, some, &mut budget)?;
            let unknown: BTreeSet<i64> =
                pairs.iter().map(|pair| pair.1).filter(|it| !texts.contains_key(it)).collect();
            self.read_texts(connection, &unknown, categories, &mut texts, &mut budget)?;
            for (uuid, number) in pairs {
                let Some(group) = texts.get(&number) else { continue };
                match found.get_mut(uuid) {
                    None => {
                        let groups = vec![Rc::clone(group)];
                        found.insert(uuid.clone(), SearchRecord { groups });
                    }
                    Some(record) => record.groups.push(Rc::clone(group)),
                }
            }
        }
        Ok(found)
    }

    /// The row numbers of the texts of assets.
    fn pairs<'u>(
        &self,
        connection: &Connection,
        uuids: &'u [Uuid],
        budget: &mut Budget,
    ) -> Result<Vec<(&'u Uuid, i64)>, Stop> {
        let wanted: Wanted<'_, (i64, i64)> =
            uuids.iter().filter_map(|uuid| Some((halves(uuid)?, uuid))).collect();
        let question = self.question_for_pairs(wanted.len());
        let halves = filled(wanted.keys().map(|halves| halves.0.into()));
        let mut statement = connection.prepare_cached(&question).or_stop()?;
        let mut rows = statement.query(params_from_iter(halves)).or_stop()?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().or_stop()? {
            if let (Ok(first), Ok(second), Ok(number)) = (row.get(0), row.get(1), row.get(2))
                // The other half tells whether it is really that asset.
                && let Some(uuid) = wanted.get(&(first, second))
            {
                budget.take(0)?;
                found.push((*uuid, number));
            }
        }
        Ok(found)
    }

    /// Reads those texts that belong to the categories; many assets share one.
    fn read_texts(
        &self,
        connection: &Connection,
        numbers: &BTreeSet<i64>,
        categories: &[i64],
        texts: &mut HashMap<i64, Rc<Group>>,
        budget: &mut Budget,
    ) -> Result<(), Stop> {
        let numbers: Vec<i64> = numbers.iter().copied().collect();
        for some in numbers.chunks(MAX_TEXTS_PER_STATEMENT) {
            let question = self.question_for_texts(some.len(), categories);
            let numbers = filled(some.iter().map(|number| (*number).into()));
            let mut statement = connection.prepare_cached(&question).or_stop()?;
            let mut rows = statement.query(params_from_iter(numbers)).or_stop()?;
            while let Some(row) = rows.next().or_stop()? {
                if let (Ok(number), Some(group)) = (row.get(0), read_group(row)) {
                    budget.take(group.bytes())?;
                    texts.insert(number, Rc::new(group));
                }
            }
        }
        Ok(())
    }

    /// The order of the tables is ours, here and below: by the planner's own, all texts of a
    /// category may come first.
    pub(super) fn question_for_pairs(&self, count: usize) -> String {
        format!(
            "SELECT a.{first}, a.{second}, j.{group} FROM {assets} a CROSS JOIN {pairs} j ON j.{asset}=a.{ROW} WHERE a.{first} IN ({halves})",
            first = assets::FIRST_HALF.name(),
            second = assets::SECOND_HALF.name(),
            group = pairs::GROUP.name(),
            assets = self.assets.name(),
            pairs = self.pairs.name(),
            asset = pairs::ASSET.name(),
            halves = places(count),
        )
    }

    pub(super) fn question_for_texts(&self, count: usize, categories: &[i64]) -> String {
        format!(
            "SELECT g.{ROW}, g.{category}, {content}, {normalized} FROM {groups} g WHERE g.{ROW} IN ({numbers}) AND +g.{category} IN ({categories})",
            category = groups::CATEGORY.name(),
            content = bounded(&format!("g.{}", groups::CONTENT.name()), MAX_TEXT_BYTES),
            normalized = bounded(&format!("g.{}", groups::NORMALIZED.name()), MAX_TEXT_BYTES),
            groups = self.groups.name(),
            numbers = places(count),
            categories = list(categories),
        )
    }
}

fn list(numbers: &[i64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
    numbers.join(",")
}

fn read_group(row: &Row<'_>) -> Option<Group> {
    Group::of(row.get(1).ok()?, text_of(row, 2)?, text_of(row, 3))
}

/// A UUID as the index has it: its bytes as two little-endian numbers; none for a UUID of Photos 2
/// to 4, which has no index.
fn halves(uuid: &Uuid) -> Option<(i64, i64)> {
    let digits: String = uuid.as_str().chars().filter(|digit| *digit != '-').collect();
    let half = |at: usize| {
        let digits = digits.get(at..at.checked_add(16)?)?;
        Some(u64::from_str_radix(digits, 16).ok()?.swap_bytes().cast_signed())
    };
    (digits.len() == 32).then(|| Some((half(0)?, half(16)?))).flatten()
}
