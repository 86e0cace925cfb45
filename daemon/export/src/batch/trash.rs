//! Puts files of ours into the trash: intents, flush, then renames that replace nothing, as for
//! every batch.
//!
//! Only what was proven to be ours and unchanged is handed in, with what `stat` told when it was
//! proven; each is looked at once more before its rename. A file goes below `trash/DATE/` to the
//! folder that it had; equal names get a number. One that is gone by then has only its row to lose.
//! The hazard: somebody works on the file in the moments between.

use std::collections::HashSet;

use darkslide_door::{Destination, DoorErrorKind, Facts, random_name};
use darkslide_policy::{Component, RelPath};

use super::Publisher;
use crate::error::{ExportError, in_the_way};
use crate::journal::Intent;
use crate::plan::{CHANGED, REMOVED};
use crate::report::{Outcome, ReportRow};
use crate::row::Row;
use crate::verify::short;

/// A file of ours that is to go.
#[derive(Debug)]
pub(crate) struct Trashing {
    pub(crate) row: Row,
    /// What `stat` told when its content was proven, as a number; none if it was not there.
    pub(crate) seen: Option<u64>,
}

/// What `stat` tells, as a number. The time of change is in it, which nobody can set.
pub(crate) fn seen(facts: &Facts) -> u64 {
    short(&(facts.identity, facts.size, facts.mtime, facts.ctime))
}

impl Publisher<'_> {
    /// Puts files into the trash, and answers a row for each.
    pub(crate) fn trash(&mut self, batch: Vec<Trashing>) -> Result<Vec<ReportRow>, ExportError> {
        let mut places = Vec::with_capacity(batch.len());
        let mut given = HashSet::new();
        for it in &batch {
            let to = self.place_in_trash(&it.row.path, &given)?;
            given.insert(to.clone());
            places.push(to);
        }
        let intents = places.iter().zip(&batch);
        let intents = intents.map(|(to, it)| Intent::Trash { to: to.clone(), row: it.row.clone() });
        let first = self.intend(intents.collect())?;
        self.flush(&[])?;
        let mut reports = Vec::with_capacity(batch.len());
        for (n, (it, to)) in (first..).zip(batch.iter().zip(&places)) {
            reports.push(self.trash_one(n, it, to)?);
        }
        Ok(reports)
    }

    /// A free place, which the intent then names: settling looks for the file there.
    fn place_in_trash(
        &self,
        path: &RelPath,
        given: &HashSet<RelPath>,
    ) -> Result<RelPath, ExportError> {
        let (folder, name) = path.split_last().unwrap_or((RelPath::root(), ""));
        let folder = self.destination.ensure_trash_folder_below(self.day, &folder)?;
        let mut numbered = Component::parse(name).expect("a component of a checked path");
        let mut number = 1_u32;
        loop {
            let to = folder.join(&numbered).expect("a folder of the trash has room for a name");
            if !given.contains(&to) && self.destination.stat(&to)?.is_none() {
                return Ok(to);
            }
            number += 1;
            // A name that is too long with a number gets one that nothing else has.
            let text = format!("{name} ({number})");
            numbered = Component::parse(&text).unwrap_or_else(|_| random_name());
        }
    }

    fn trash_one(&mut self, n: u64, it: &Trashing, to: &RelPath) -> Result<ReportRow, ExportError> {
        let pruned = ReportRow::of_row(&it.row, Outcome::Pruned);
        let there = match look(self.destination, &it.row.path)? {
            Ok(there) => there,
            Err(word) => return self.kept(n, pruned, word),
        };
        if there.is_none() {
            return Ok(pruned.ended(Outcome::Pruned, REMOVED));
        }
        if there != it.seen {
            return self.kept(n, pruned, CHANGED);
        }
        match self.destination.rename_exclusive(&it.row.path, to) {
            Ok(_) => {
                self.touch(&it.row.path);
                self.touch(to);
                Ok(pruned)
            }
            // Removed in this moment.
            Err(error)
                if error.kind() == DoorErrorKind::NotFound
                    && look(self.destination, &it.row.path)? == Ok(None) =>
            {
                Ok(pruned.ended(Outcome::Pruned, REMOVED))
            }
            Err(error) => match in_the_way(&error) {
                Some(word) => self.kept(n, pruned, word),
                None => Err(error.into()),
            },
        }
    }

    fn kept(&mut self, n: u64, row: ReportRow, word: &str) -> Result<ReportRow, ExportError> {
        self.say_not(n, word)?;
        Ok(row.ended(Outcome::Kept, word))
    }
}

/// What stands there, as a number; a word where nothing of ours can be.
pub(crate) fn look(
    destination: &Destination<'_>,
    path: &RelPath,
) -> Result<Result<Option<u64>, &'static str>, ExportError> {
    match destination.stat(path) {
        Ok(facts) => Ok(Ok(facts.as_ref().map(seen))),
        // On a Mac, a file that somebody has locked.
        Err(error)
            if [DoorErrorKind::Permission, DoorErrorKind::Protected].contains(&error.kind()) =>
        {
            Ok(Err("permission"))
        }
        Err(error) => in_the_way(&error).map(Err).ok_or(error.into()),
    }
}
