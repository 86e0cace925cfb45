//! What SQL cannot tell of an asset: labels, which are in another database, and what is on the
//! disk.
//!
//! The filter as a tree whose parts that SQL can tell are columns of one statement. It is tried on
//! the assets that SQL left, many at once, and looks no further than it must: labels are read and
//! the disk is looked at for those alone that are undecided without. Nothing of it happens in a
//! transaction but the one statement. The hazard: a look at the disk for each asset of a library,
//! for a filter that SQL could have answered.

use std::collections::HashSet;

use darkslide_protocol::filter::{Filter, Flag, Text};
use darkslide_protocol::value::Uuid;
use rusqlite::types::Value;

use super::has_residual;
use super::leaf::Writer;
use crate::album::Albums;
use crate::db::Stop;
use crate::matching::Pattern;
use crate::query::resources::facts_of;
use crate::query::{Keys, each_asked_row};
use crate::resource::Looker;
use crate::schema::{PK, asset};
use crate::session::Session;
use crate::side::search::{Search, Spelling};

/// Assets that are tried at once.
const MAX_AT_ONCE: usize = 500;

/// What is left to try.
#[derive(Debug, Clone)]
pub(crate) struct Residual {
    tree: Node,
    columns: Vec<String>,
    values: Vec<Value>,
}

#[derive(Debug, Clone)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    /// What SQL tells, by the place of its column.
    Told(usize),
    Label(Pattern),
    Local,
}

impl Node {
    /// What is dear comes last: labels before the disk, and what SQL tells before both.
    fn cost(&self) -> u8 {
        match self {
            Self::Told(_) => 0,
            Self::Label(_) => 1,
            Self::Local => 2,
            Self::Not(part) => part.cost(),
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::cost).max().unwrap_or(0),
        }
    }
}

/// One asset that is tried.
struct Tried {
    key: i64,
    uuid: Uuid,
    told: Vec<bool>,
}

impl Residual {
    /// None for a filter that SQL can answer.
    pub(super) fn of(
        session: &Session<'_>,
        albums: Option<&Albums>,
        filter: &Filter,
    ) -> Result<Option<Self>, Stop> {
        if !has_residual(filter) {
            return Ok(None);
        }
        let mut writer = Writer::new(session, albums);
        let mut columns = Vec::new();
        let tree = node(&mut writer, &mut columns, filter)?;
        Ok(Some(Self { tree, columns, values: writer.values }))
    }

    /// Tries whether the original is not on the disk.
    pub(crate) fn missing() -> Self {
        let tree = Node::Not(Box::new(Node::Local));
        Self { tree, columns: Vec::new(), values: Vec::new() }
    }

    /// Which of these fit, in their order. Not to be called in a snapshot: it makes its own, and
    /// looks at other databases and at the disk when that has ended.
    pub(crate) fn keep(&self, session: &Session<'_>, keys: &[i64]) -> Result<Vec<bool>, Stop> {
        let mut kept = Vec::with_capacity(keys.len());
        for some in keys.chunks(MAX_AT_ONCE) {
            session.limit.check()?;
            let tried = session.database.snapshot(|| self.read(session, some))?;
            let all: Vec<usize> = (0..tried.len()).collect();
            let fit = self.tree.of(session, &tried, &all)?;
            let fit: HashSet<i64> = fit.iter().filter_map(|at| Some(tried.get(*at)?.key)).collect();
            kept.extend(some.iter().map(|key| fit.contains(key)));
        }
        Ok(kept)
    }

    fn read(&self, session: &Session<'_>, keys: &[i64]) -> Result<Vec<Tried>, Stop> {
        let profile = &session.profile;
        let columns: String = self.columns.iter().map(|column| format!(", {column}")).collect();
        let question = format!(
            "SELECT a.{pk}, {uuid}{columns} FROM {table} a WHERE {keys}",
            pk = PK.name(),
            uuid = profile.read(&profile.asset, "a", asset::UUID),
            table = profile.asset.name(),
            keys = Keys::List(keys).condition(&format!("a.{}", PK.name())),
        );
        let mut tried = Vec::with_capacity(keys.len());
        each_asked_row(session, &question, &self.values, |row| {
            let key = row.get_ref(0).ok().and_then(|it| it.as_i64().ok());
            let uuid = row.get_ref(1).ok().and_then(|it| it.as_str().ok());
            if let (Some(key), Some(Ok(uuid))) = (key, uuid.map(Uuid::parse)) {
                let told = (0..self.columns.len())
                    .map(|at| row.get_ref(at + 2).ok().and_then(|it| it.as_i64().ok()) == Some(1));
                tried.push(Tried { key, uuid, told: told.collect() });
            }
            Ok(())
        })?;
        Ok(tried)
    }
}

/// What SQL can tell becomes one column, however much it is.
fn node(writer: &mut Writer<'_>, columns: &mut Vec<String>, filter: &Filter) -> Result<Node, Stop> {
    if !has_residual(filter) {
        columns.push(writer.possible(filter)?);
        return Ok(Node::Told(columns.len() - 1));
    }
    let mut nodes = |parts: &[Filter]| -> Result<Vec<Node>, Stop> {
        let mut nodes: Vec<Node> =
            parts.iter().map(|part| node(writer, columns, part)).collect::<Result<_, _>>()?;
        nodes.sort_by_key(Node::cost);
        Ok(nodes)
    };
    Ok(match filter {
        Filter::All(parts) => Node::All(nodes(parts)?),
        Filter::Any(parts) => Node::Any(nodes(parts)?),
        Filter::Not(part) => Node::Not(Box::new(node(writer, columns, part)?)),
        Filter::Label(text) => Node::Label(Pattern::new(text)),
        Filter::Text(text) => Node::Any(nodes(&any_text(text))?),
        Filter::Is(Flag::Local) => Node::Local,
        Filter::Is(Flag::Missing) => Node::Not(Box::new(Node::Local)),
        _ => Node::Any(Vec::new()),
    })
}

/// All that a text is looked for in: first what SQL can tell, as one part.
pub(super) fn any_text(text: &Text) -> [Filter; 2] {
    let text = || text.clone();
    let told = vec![
        Filter::Title(text()),
        Filter::Description(text()),
        Filter::Filename(text()),
        Filter::Keyword(text()),
        Filter::Person(text()),
        Filter::AlbumLike(text()),
        Filter::Folder(text()),
        Filter::ImportSession(text()),
        Filter::Place(text()),
    ];
    [Filter::Any(told), Filter::Label(text())]
}

impl Node {
    /// Those of some assets that fit.
    fn of(
        &self,
        session: &Session<'_>,
        tried: &[Tried],
        some: &[usize],
    ) -> Result<Vec<usize>, Stop> {
        if some.is_empty() {
            return Ok(Vec::new());
        }
        let get = |at: &usize| tried.get(*at);
        Ok(match self {
            Self::All(parts) => {
                let mut left = some.to_vec();
                for part in parts {
                    left = part.of(session, tried, &left)?;
                }
                left
            }
            Self::Any(parts) => {
                let (mut found, mut left) = (Vec::new(), some.to_vec());
                for part in parts {
                    let more = part.of(session, tried, &left)?;
                    left = without(&left, &more);
                    found.extend(more);
                }
                found.sort_unstable();
                found
            }
            Self::Not(part) => without(some, &part.of(session, tried, some)?),
            Self::Told(column) => {
                let told = |it: &Tried| it.told.get(*column).copied().unwrap_or(false);
                some.iter().copied().filter(|at| get(at).is_some_and(told)).collect()
            }
            Self::Label(pattern) => {
                let search = Search::labels_of(session, &uuids(tried, some))?.records;
                let labelled = |it: &Tried| {
                    let labels = search.labels(&it.uuid, Spelling::Content);
                    labels.iter().any(|label| pattern.fits(label))
                };
                some.iter().copied().filter(|at| get(at).is_some_and(labelled)).collect()
            }
            Self::Local => {
                let facts = facts_of(session, &uuids(tried, some))?;
                let mut looker = Looker::new(session.dir, session.grant);
                let mut local = |it: &Tried| {
                    facts.get(&it.uuid).is_some_and(|facts| looker.original(facts).is_some())
                };
                let here = some.iter().copied().filter(|at| get(at).is_some_and(&mut local));
                let here = here.collect();
                looker.finish()?;
                here
            }
        })
    }
}

fn uuids(tried: &[Tried], some: &[usize]) -> Vec<Uuid> {
    some.iter().filter_map(|at| Some(tried.get(*at)?.uuid.clone())).collect()
}

/// Both are in order.
fn without(some: &[usize], taken: &[usize]) -> Vec<usize> {
    some.iter().copied().filter(|at| taken.binary_search(at).is_err()).collect()
}
