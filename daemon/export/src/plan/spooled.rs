//! The acts of a whole plan, sorted by when they are carried out, and spooled.
//!
//! First rows are entered, then files renamed, then rows entered whose file was renamed, then
//! contents written. What is already known to need nothing is reported at once. A million acts take
//! some tens of bytes each in memory, and only those that rename.

use darkslide_door::Destination;
use darkslide_policy::RelPath;

use super::moves::{Link, Move, Resolved, resolve};
use super::{Act, Awaits, Entering, NAME_TAKEN, Write};
use crate::error::ExportError;
use crate::report::{Outcome, ReportRow};
use crate::spool::Spool;

/// Told of each resource whose outcome is known.
pub(crate) type Say<'a> = &'a mut dyn FnMut(ReportRow) -> Result<(), ExportError>;

/// What is to be done.
#[derive(Debug, Default)]
pub(crate) struct Spooled {
    pub(crate) entering: Spool<Entering>,
    pub(crate) moves: Spool<Move>,
    links: Vec<Link>,
    pub(crate) entering_moved: Spool<Entering>,
    /// The files of one asset together.
    pub(crate) writes: Spool<Vec<Write>>,
    pub(crate) totals: Totals,
}

/// What a plan amounts to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Resources selected.
    pub(crate) selected: u64,
    /// Files to be written.
    pub(crate) files: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Rows of the manifest that there are not yet.
    pub(crate) new_rows: u64,
}

impl Spooled {
    /// Takes the acts of one asset.
    pub(crate) fn take(
        &mut self,
        destination: &Destination<'_>,
        acts: Vec<Act>,
        say: Say<'_>,
    ) -> Result<(), ExportError> {
        let mut writes = Vec::new();
        for act in acts {
            self.totals.selected += u64::from(act.report().is_some());
            match act {
                Act::Said(report) => say(*report)?,
                Act::Enter(entering) => {
                    let report = entering.report.as_ref();
                    let is_new = report.is_some_and(|it| it.outcome == Outcome::Adopted);
                    self.totals.new_rows += u64::from(is_new);
                    self.entering.push(destination, &entering)?;
                }
                Act::Move(step) => self.take_move(destination, &step)?,
                Act::MoveThenEnter(step, entering) => {
                    self.take_move(destination, &step)?;
                    self.entering_moved.push(destination, &entering)?;
                }
                Act::Write(write) => writes.push(*write),
                Act::MoveThenWrite(step, write) => {
                    self.take_move(destination, &step)?;
                    writes.push(*write);
                }
            }
        }
        for write in &writes {
            self.totals.files += 1;
            self.totals.bytes = self.totals.bytes.saturating_add(write.source.size);
            self.totals.new_rows += u64::from(write.over.is_none());
        }
        if !writes.is_empty() {
            self.writes.push(destination, &writes)?;
        }
        Ok(())
    }

    /// Takes a file that gets another name although nobody selected it.
    pub(crate) fn take_move(
        &mut self,
        destination: &Destination<'_>,
        step: &Move,
    ) -> Result<(), ExportError> {
        let at = self.moves.push(destination, step)?;
        self.links.push(Link::of(step, at));
        Ok(())
    }

    /// Resolves which moves can be made; the others are conflicts.
    pub(crate) fn resolve(&mut self, say: Say<'_>) -> Result<Resolved, ExportError> {
        let resolved = resolve(&std::mem::take(&mut self.links));
        for at in &resolved.blocked {
            if let Some(report) = self.moves.at(*at)?.report {
                say(report.ended(Outcome::Conflict, NAME_TAKEN))?;
            }
        }
        Ok(resolved)
    }
}

impl Awaits {
    /// Has it happened to this name, once all moves are made?
    pub(crate) fn is_met(self, path: &RelPath, resolved: &Resolved) -> bool {
        match self {
            Self::Nothing => true,
            Self::Freed => resolved.frees(path),
            Self::Moved => resolved.reaches(path),
        }
    }
}

impl Write {
    /// Is its name free, or its own, once all moves are made?
    pub(crate) fn can_be_named(&self, resolved: &Resolved) -> bool {
        self.awaits.is_met(&self.path, resolved)
    }

    pub(crate) fn name_taken(&self) -> ReportRow {
        self.report().at(&self.path).ended(Outcome::Conflict, NAME_TAKEN)
    }
}
