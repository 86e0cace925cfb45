//! A look ahead: the rows of the plan that an export would carry out, page by page, and what they
//! amount to.
//!
//! Made by the same walk and the same planner as an export, and nothing is written: neither is the
//! lock taken nor what a broken-off job left settled (what it had published and not yet entered is
//! shown as adopted, which it will be). Whether a name is freed in time is known only when all
//! moves are, so a page with such a name looks at all assets, the others only at their own. The
//! hazard: a plan that shows what the export then does not do.

use std::collections::BTreeMap;

use darkslide_protocol::value::Uuid;

use crate::error::ExportError;
use crate::id;
use crate::manifest::Manifest;
use crate::plan::moves::{Link, Resolved, resolve};
use crate::plan::{Act, Awaits, NAME_TAKEN};
use crate::recover::{is_pending, open_manifest};
use crate::report::{Outcome, ReportRow};
use crate::walk::{Question, Walk};

/// What a plan amounts to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanTotals {
    /// Resources selected.
    pub selected: u64,
    /// How many will have which outcome; they sum to `selected`.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Bytes that will be written, by copying or by sharing them with the library.
    pub bytes: u64,
    /// Bytes that may still be written at the destination; none where no folder is there yet.
    pub free: Option<u64>,
    /// Bytes that the policy lets exports add below the root; none where that is not limited.
    pub quota_left: Option<u64>,
    /// A job was broken off there; the next export settles it first.
    pub interrupted: bool,
}

/// A page of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanPage {
    /// On the first page.
    pub totals: Option<PlanTotals>,
    /// As the report would have them, in the order of the assets' UUIDs.
    pub rows: Vec<ReportRow>,
    /// The next page is that of the assets after this one; none on the last.
    pub next: Option<Uuid>,
}

/// Plans an export, and answers the rows of the assets after `after`: `limit` rows, and as many
/// more as its last asset has.
///
/// # Errors
/// [`ExportError`].
pub fn plan(
    question: &Question<'_>,
    after: Option<&Uuid>,
    limit: usize,
) -> Result<PlanPage, ExportError> {
    let manifest = match question.destination {
        Some(destination) => open_manifest(destination, &|| (question.stop)())?,
        None => Manifest::default(),
    };
    let reshapes = match question.destination {
        Some(destination) => id::would_reshape(destination, question.spec)?,
        None => false,
    };
    let walk = Walk::new(*question, &manifest, reshapes)?;
    let mut ahead = Ahead::new(limit);
    if after.is_some() {
        walk.each_asset(after, |uuid, acts| Ok(ahead.take_page(uuid, acts)))?;
        if ahead.all_certain {
            return Ok(PlanPage { totals: None, rows: ahead.certain(), next: ahead.next });
        }
        ahead = Ahead::new(limit);
    }
    walk.each_asset(None, |uuid, acts| {
        ahead.take(uuid, acts, after);
        Ok(true)
    })?;
    walk.each_other(|acts| {
        acts.iter().for_each(|act| drop(ahead.fate_of(act)));
        Ok(())
    })?;
    let resolved = resolve(&ahead.links);
    let mut totals = ahead.totals(&resolved);
    if let Some(destination) = question.destination {
        totals.free = Some(destination.free_space()?);
        totals.interrupted = is_pending(destination)?;
    }
    if let Some(quota) = question.quota.filter(|_| after.is_none()) {
        totals.quota_left = Some(quota.left(manifest.bytes())?);
    }
    let next = ahead.next.take();
    let rows = ahead.rows.into_iter().map(|(row, fate)| fate.of(row, &resolved)).collect();
    Ok(PlanPage { totals: after.is_none().then_some(totals), rows, next })
}

/// On what an outcome depends.
#[derive(Debug, Clone)]
enum Fate {
    /// On nothing.
    Certain,
    /// On whether its name is freed, or reached, by moves.
    Waits(Awaits, darkslide_policy::RelPath),
}

impl Fate {
    fn of(self, row: ReportRow, resolved: &Resolved) -> ReportRow {
        if self.is_met(resolved) { row } else { row.ended(Outcome::Conflict, NAME_TAKEN) }
    }

    fn is_met(&self, resolved: &Resolved) -> bool {
        match self {
            Self::Certain => true,
            Self::Waits(awaits, path) => awaits.is_met(path, resolved),
        }
    }
}

/// Does the file of an asset that is gone go to another? An asset of an earlier page may take it.
fn takes_from_another(act: &Act) -> bool {
    match act {
        Act::MoveThenEnter(step, entering) => step.row.key.asset != entering.row.key.asset,
        Act::Said(_) | Act::Enter(_) | Act::Move(_) | Act::Write(_) | Act::MoveThenWrite(..) => {
            false
        }
    }
}

struct Ahead {
    limit: usize,
    rows: Vec<(ReportRow, Fate)>,
    next: Option<Uuid>,
    /// The asset of the last row.
    last: Option<Uuid>,
    all_certain: bool,
    links: Vec<Link>,
    outcomes: BTreeMap<Outcome, u64>,
    bytes: u64,
    /// What is not certain, wherever it stands.
    waiting: Vec<(Outcome, u64, Fate)>,
}

impl Ahead {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            rows: Vec::new(),
            next: None,
            last: None,
            all_certain: true,
            links: Vec::new(),
            outcomes: BTreeMap::new(),
            bytes: 0,
            waiting: Vec::new(),
        }
    }

    /// Takes the acts of one asset of a page; answers whether it wants more.
    fn take_page(&mut self, uuid: &Uuid, acts: Vec<Act>) -> bool {
        if self.rows.len() >= self.limit {
            self.next = self.last.take();
            return false;
        }
        self.take(uuid, acts, None);
        self.all_certain
    }

    /// Takes the acts of one asset; its rows, if it comes after that one.
    fn take(&mut self, uuid: &Uuid, acts: Vec<Act>, after: Option<&Uuid>) {
        let on_page = after.is_none_or(|after| uuid > after) && self.next.is_none();
        let is_full = self.rows.len() >= self.limit;
        if on_page && is_full {
            self.next = self.last.take();
        }
        for act in acts {
            let fate = self.fate_of(&act);
            self.all_certain &= !takes_from_another(&act);
            let Some(row) = act.report() else { continue };
            let bytes = match act {
                Act::Write(write) | Act::MoveThenWrite(_, write) => write.source.size,
                Act::Said(_) | Act::Enter(_) | Act::Move(_) | Act::MoveThenEnter(..) => 0,
            };
            if matches!(fate, Fate::Certain) {
                self.bytes = self.bytes.saturating_add(bytes);
                *self.outcomes.entry(row.outcome).or_default() += 1;
            } else {
                self.all_certain = false;
                self.waiting.push((row.outcome, bytes, fate.clone()));
            }
            if on_page && !is_full {
                self.rows.push((row, fate));
            }
        }
        if on_page && !is_full {
            self.last = Some(uuid.clone());
        }
    }

    fn fate_of(&mut self, act: &Act) -> Fate {
        let at = u64::try_from(self.links.len()).unwrap_or(u64::MAX);
        match act {
            Act::Said(_) | Act::Enter(_) => Fate::Certain,
            Act::Write(write) if write.awaits == Awaits::Nothing => Fate::Certain,
            Act::Write(write) => Fate::Waits(write.awaits, write.path.clone()),
            Act::Move(step) | Act::MoveThenEnter(step, _) | Act::MoveThenWrite(step, _) => {
                self.links.push(Link::of(step, at));
                if step.needs {
                    Fate::Waits(Awaits::Moved, step.new.clone())
                } else {
                    Fate::Certain
                }
            }
        }
    }

    fn certain(&mut self) -> Vec<ReportRow> {
        std::mem::take(&mut self.rows).into_iter().map(|(row, _)| row).collect()
    }

    fn totals(&mut self, resolved: &Resolved) -> PlanTotals {
        for (outcome, bytes, fate) in std::mem::take(&mut self.waiting) {
            if fate.is_met(resolved) {
                self.bytes = self.bytes.saturating_add(bytes);
                *self.outcomes.entry(outcome).or_default() += 1;
            } else {
                *self.outcomes.entry(Outcome::Conflict).or_default() += 1;
            }
        }
        PlanTotals {
            selected: self.outcomes.values().sum(),
            outcomes: std::mem::take(&mut self.outcomes),
            bytes: self.bytes,
            free: None,
            quota_left: None,
            interrupted: false,
        }
    }
}
