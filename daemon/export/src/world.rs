//! What the planner sees: the destination and the library through the door, and nothing is changed.
//!
//! It alone turns what the door answers into what a plan decides on. A folder that an export would
//! touch and that has a `.darkslide/` of its own is another destination; each is looked at once.
//! The hazard: a photo whose destination lies behind a link, which is a conflict of that photo and
//! no end of the job.

use std::collections::HashSet;
use std::io;

use darkslide_door::{Destination, Faults, LibraryDir, RECORD_FOLDER, SourceFile};
use darkslide_policy::{Component, Grant, Read, RelPath};
use darkslide_protocol::value::Uuid;

use crate::digest::{digest, read_piece};
use crate::error::{ExportError, hides_content, in_the_way};
use crate::name::SNIFFED_BYTES;
use crate::plan::{Here, Look, Origin, Trouble, World};
use crate::row::{Blake3, There};
use crate::run::Stop;
use crate::unreadable::{not_opened, not_read};

/// Looks for one job.
pub(crate) struct DoorWorld<'a> {
    /// None where no folder is there yet, and every name free.
    pub(crate) destination: Option<&'a Destination<'a>>,
    /// What a test wants to go wrong.
    pub(crate) faults: Faults,
    pub(crate) library: &'a LibraryDir,
    pub(crate) grant: &'a Grant<Read>,
    pub(crate) stop: &'a (dyn Fn() -> Stop + Sync),
    /// Says of an asset whether the library has it no more.
    pub(crate) gone: Gone<'a>,
    /// Folders that are no other destination, nor lie in one.
    pub(crate) ours: HashSet<RelPath>,
}

/// A question about an asset.
pub(crate) type Gone<'a> = Box<dyn FnMut(&Uuid) -> Result<bool, ExportError> + 'a>;

impl DoorWorld<'_> {
    /// Ends the job where a folder on the way to a file is another destination.
    fn refuse_another_destination(
        &mut self,
        destination: &Destination<'_>,
        file: &RelPath,
    ) -> Result<(), ExportError> {
        let record = Component::parse(RECORD_FOLDER).expect("a plain name");
        let mut folder = file.split_last().map(|(folder, _)| folder);
        while let Some(here) = folder.filter(|it| !it.is_root() && !self.ours.contains(it)) {
            if let Ok(path) = here.join(&record)
                && destination.stat(&path)?.is_some()
            {
                let path = here.as_str().to_owned();
                return Err(ExportError::Nested { path });
            }
            folder = here.split_last().map(|(outer, _)| outer);
            self.ours.insert(here);
        }
        Ok(())
    }

    fn digest_of(&self, source: &SourceFile) -> io::Result<Option<Blake3>> {
        let go_on = || (self.stop)() != Stop::Now;
        digest(source, &self.faults, go_on)
    }

    fn open_source(&self, here: &Here) -> Result<SourceFile, Trouble> {
        open_origin(self.library, self.grant, &here.origin)
    }
}

/// Opens a file of the library.
pub(crate) fn open_origin(
    library: &LibraryDir,
    grant: &Grant<Read>,
    origin: &Origin,
) -> Result<SourceFile, Trouble> {
    let opened = match origin {
        Origin::Bundle(path) => library.open_file(grant, path),
        Origin::Referenced(path) => library.open_referenced(grant, path),
        Origin::Made(_) => return Err(Trouble::Source("not-a-file")),
    };
    opened.map_err(not_opened)
}

impl World for DoorWorld<'_> {
    fn look(&mut self, path: &RelPath) -> Result<Look, ExportError> {
        let Some(destination) = self.destination else { return Ok(Look::Free) };
        match destination.stat(path) {
            Ok(None) => {}
            Ok(Some(facts)) => {
                self.refuse_another_destination(destination, path)?;
                return Ok(Look::There(There::from(&facts)));
            }
            Err(error) => {
                return match in_the_way(&error) {
                    Some(word) => Ok(Look::Blocked(word)),
                    None => Err(error.into()),
                };
            }
        }
        self.refuse_another_destination(destination, path)?;
        Ok(Look::Free)
    }

    fn digest(&mut self, path: &RelPath) -> Result<Option<Blake3>, ExportError> {
        let Some(destination) = self.destination else { return Ok(None) };
        let source = match destination.open_read(path) {
            Ok(source) => source,
            Err(error) if hides_content(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match self.digest_of(&source)? {
            Some(digest) => Ok(Some(digest)),
            None => Err(ExportError::Stopped),
        }
    }

    fn digest_source(&mut self, here: &Here) -> Result<Blake3, Trouble> {
        let source = self.open_source(here)?;
        match self.digest_of(&source) {
            Ok(Some(digest)) => Ok(digest),
            Ok(None) => Err(Trouble::Job(ExportError::Stopped)),
            Err(error) => Err(not_read(error)),
        }
    }

    fn head(&mut self, here: &Here) -> Result<Vec<u8>, Trouble> {
        let source = self.open_source(here)?;
        let mut head = vec![0; SNIFFED_BYTES];
        let mut from = source.file();
        let read = read_piece(&mut from, &mut head, &self.faults).map_err(not_read)?;
        head.truncate(read);
        Ok(head)
    }

    fn is_gone(&mut self, asset: &Uuid) -> Result<bool, ExportError> {
        (self.gone)(asset)
    }
}
