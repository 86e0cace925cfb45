//! Puts a new content in the place of an old one, and decides what becomes of the old.
//!
//! By one exchange of two names where the file system has it; else the old one steps aside first.
//! Then what came out is looked at: what is ours and unchanged, proven by its hash, is removed;
//! what somebody touched meanwhile is put back; what nobody can prove goes to the trash
//! (docs/destination.md). The hazard: somebody who saves a picture between our look and our
//! exchange.

use darkslide_door::{DoorError, DoorErrorKind, Facts, Identity};
use darkslide_policy::{Component, RelPath};

use crate::batch::{Publisher, aside_path, aside_to_trash};
use crate::copy::Copied;
use crate::digest::digest;
use crate::error::{ExportError, hides_content, in_the_way};
use crate::plan::{CHANGED, Over, REMOVED};
use crate::report::{Outcome, ReportRow};
use crate::row::{Row, There};

/// A content in `tmp/` that takes the place of another.
#[derive(Debug)]
pub(crate) struct Replacing {
    pub(crate) aside: Component,
    pub(crate) copied: Box<Copied>,
    pub(crate) over: Over,
}

/// An old content that stands aside until the new one's name is on the disk.
#[derive(Debug)]
pub(crate) struct Outgoing {
    aside: Component,
    over: Over,
}

/// What came out of an exchange.
enum CameOut {
    /// The old one, as it was planned, and what it is now.
    Old { is_proven: bool, identity: Identity },
    /// Something else.
    Other,
}

impl Publisher<'_> {
    pub(crate) fn replace_one(
        &mut self,
        n: u64,
        replacing: &Replacing,
        report: ReportRow,
    ) -> Result<ReportRow, ExportError> {
        self.touch(&replacing.copied.row.path);
        if self.destination.probe_renames()?.exchange {
            self.exchange_one(n, replacing, report)
        } else {
            self.step_aside(n, replacing, report)
        }
    }

    fn exchange_one(
        &mut self,
        n: u64,
        replacing: &Replacing,
        report: ReportRow,
    ) -> Result<ReportRow, ExportError> {
        let Replacing { aside, copied, over } = replacing;
        let path = &copied.row.path;
        self.destination.move_temporary_aside(&copied.name, copied.identity, aside)?;
        match self.destination.exchange(aside, path) {
            Ok(_) => {}
            Err(error) => {
                let Some((outcome, word)) = not_there(&error) else { return Err(error.into()) };
                self.say_not(n, word)?;
                self.destination.remove_aside(aside, copied.identity)?;
                return Ok(report.at(path).ended(outcome, word));
            }
        }
        match self.look_aside(aside, &over.row)? {
            CameOut::Old { is_proven: true, identity } if over.ours => {
                self.destination.remove_aside(aside, identity)?;
                Ok(report.with_row(&copied.row))
            }
            CameOut::Old { .. } => {
                self.trash_aside(aside, path)?;
                Ok(report.with_row(&copied.row))
            }
            CameOut::Other => self.exchange_back(n, replacing, report),
        }
    }

    /// Somebody was faster: theirs gets its name again, unless ours is no longer what stands there.
    fn exchange_back(
        &mut self,
        n: u64,
        replacing: &Replacing,
        report: ReportRow,
    ) -> Result<ReportRow, ExportError> {
        let Replacing { aside, copied, .. } = replacing;
        let path = &copied.row.path;
        self.say_not(n, CHANGED)?;
        let stands = self.destination.stat(path)?;
        if stands.is_some_and(|facts| facts.identity == copied.identity) {
            self.destination.exchange(aside, path)?;
        }
        let out = self.destination.stat(&aside_path(aside))?;
        if out.is_some_and(|facts| facts.identity == copied.identity) {
            self.destination.remove_aside(aside, copied.identity)?;
        } else if out.is_some() {
            self.trash_aside(aside, path)?;
        }
        Ok(report.at(path).ended(Outcome::Kept, CHANGED))
    }

    /// Without an exchange: the old one to `aside/`, then the new one to its name; the old one goes
    /// after the next flush.
    fn step_aside(
        &mut self,
        n: u64,
        replacing: &Replacing,
        report: ReportRow,
    ) -> Result<ReportRow, ExportError> {
        let Replacing { aside, copied, over } = replacing;
        let path = &copied.row.path;
        let away = aside_path(aside);
        if let Err(error) = self.destination.rename_exclusive(path, &away) {
            let Some((outcome, word)) = not_there(&error) else { return Err(error.into()) };
            self.say_not(n, word)?;
            self.destination.remove_temporary(&copied.name, copied.identity)?;
            return Ok(report.at(path).ended(outcome, word));
        }
        if matches!(self.look_aside(aside, &over.row)?, CameOut::Other) {
            self.say_not(n, CHANGED)?;
            self.back_or_trash(&away, aside, path)?;
            self.destination.remove_temporary(&copied.name, copied.identity)?;
            return Ok(report.at(path).ended(Outcome::Kept, CHANGED));
        }
        match self.destination.publish(&copied.name, copied.identity, path) {
            Ok(_) => {
                self.outgoing.push(Outgoing { aside: aside.clone(), over: over.clone() });
                Ok(report.with_row(&copied.row))
            }
            Err(error) => {
                let Some(word) = in_the_way(&error) else { return Err(error.into()) };
                self.say_not(n, word)?;
                self.back_or_trash(&away, aside, path)?;
                self.destination.remove_temporary(&copied.name, copied.identity)?;
                Ok(report.at(path).ended(Outcome::Conflict, word))
            }
        }
    }

    fn back_or_trash(
        &mut self,
        away: &RelPath,
        aside: &Component,
        path: &RelPath,
    ) -> Result<(), ExportError> {
        match self.destination.rename_exclusive(away, path) {
            Ok(_) => Ok(()),
            Err(error) if in_the_way(&error).is_some() => self.trash_aside(aside, path),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes what updates took away: the names of what replaced it are on the disk now.
    pub(crate) fn let_go(&mut self) -> Result<(), ExportError> {
        for Outgoing { aside, over } in std::mem::take(&mut self.outgoing) {
            match self.look_aside(&aside, &over.row)? {
                CameOut::Old { is_proven: true, identity } if over.ours => {
                    self.destination.remove_aside(&aside, identity)?;
                }
                CameOut::Old { .. } | CameOut::Other => {
                    if self.destination.stat(&aside_path(&aside))?.is_some() {
                        self.trash_aside(&aside, &over.row.path)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Is what stands aside the file that the row speaks of? It is read for its hash, and looked at
    /// once more after that.
    fn look_aside(&self, aside: &Component, row: &Row) -> Result<CameOut, ExportError> {
        let path = aside_path(aside);
        let Some(facts) = self.destination.stat(&path)? else { return Ok(CameOut::Other) };
        let there = There::from(&facts);
        if !there.regular || there.size != row.size {
            return Ok(CameOut::Other);
        }
        let Some(known) = row.blake3 else {
            let is_it = there.mtime == row.mtime && there.inode == row.inode;
            let identity = facts.identity;
            return Ok(if is_it {
                CameOut::Old { is_proven: false, identity }
            } else {
                CameOut::Other
            });
        };
        let source = match self.destination.open_read(&path) {
            Err(error) if hides_content(&error) => return Ok(CameOut::Other),
            answer => answer?,
        };
        let read = digest(&source, self.destination.faults(), || true)?;
        let now = self.destination.stat(&path)?;
        let is_still = |now: Facts| (now.identity, now.ctime) == (facts.identity, facts.ctime);
        if read == Some(known) && now.is_some_and(is_still) {
            return Ok(CameOut::Old { is_proven: true, identity: facts.identity });
        }
        Ok(CameOut::Other)
    }

    /// Under the name that it had, for whoever looks for it.
    fn trash_aside(&mut self, aside: &Component, was: &RelPath) -> Result<(), ExportError> {
        let to = aside_to_trash(self.destination, self.day, aside, was)?;
        self.touch(&to);
        self.trashed += 1;
        Ok(())
    }
}

/// What it says of a file that the old one cannot be replaced.
fn not_there(error: &DoorError) -> Option<(Outcome, &'static str)> {
    if error.kind() == DoorErrorKind::NotFound {
        return Some((Outcome::Kept, REMOVED));
    }
    in_the_way(error).map(|word| (Outcome::Conflict, word))
}
