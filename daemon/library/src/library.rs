//! The library reader's front: one method per question, each with the grant that it is asked under
//! and a deadline.
//!
//! Holds no connection between questions: an open one keeps Photos from cleaning up. Every method
//! opens, asks and closes through `session.rs`, so that a cache of idle connections would have one
//! place to go.

use darkslide_door::LibraryDir;
use darkslide_policy::{Grant, Read};
use darkslide_protocol::filter::{Filter, Include};
use darkslide_protocol::value::Uuid;

use crate::db::Stop;
use crate::deadline::Deadline;
use crate::error::LibraryError;
use crate::model::{Album, CatalogEntry, Got, Info, Page, Query, Scanned};
use crate::query::{albums, catalog, info, page};
use crate::resource::AssetResources;
use crate::session::{Known, Place, Session};

/// A library that can be asked.
///
/// Every method answers the errors of [`LibraryError`]; what a grant withholds does not exist in
/// any answer, count or error.
#[derive(Debug)]
pub struct Library {
    dir: LibraryDir,
    known: Known,
}

impl Library {
    /// Wraps an open bundle; nothing is read.
    #[must_use]
    pub fn new(dir: LibraryDir) -> Self {
        Self { dir, known: Known::default() }
    }

    /// The bundle, for opening what [`Library::resources`] found.
    #[must_use]
    pub fn dir(&self) -> &LibraryDir {
        &self.dir
    }

    /// Tells about the library as a whole.
    ///
    /// # Errors
    /// [`LibraryError`].
    pub fn info(&self, grant: &Grant<Read>, limit: &Deadline) -> Result<Info, LibraryError> {
        self.ask(grant, limit, info::info)
    }

    /// Lists albums, folders and the like, with the number of members that a query with the same
    /// `include` would find.
    ///
    /// # Errors
    /// [`LibraryError`].
    pub fn albums(
        &self,
        grant: &Grant<Read>,
        include: &[Include],
        limit: &Deadline,
    ) -> Result<Scanned<Vec<Album>>, LibraryError> {
        self.ask(grant, limit, |session| albums::albums(session, include))
    }

    /// Answers one page of assets: one snapshot, at most 1,000 assets and about 1 MiB.
    ///
    /// # Errors
    /// [`LibraryError`]; that of an album where the filter names one.
    pub fn query(
        &self,
        grant: &Grant<Read>,
        query: &Query,
        limit: &Deadline,
    ) -> Result<Page, LibraryError> {
        self.ask(grant, limit, |session| page::page(session, query))
    }

    /// Counts what a filter selects.
    ///
    /// # Errors
    /// [`LibraryError`]; that of an album where the filter names one.
    pub fn count(
        &self,
        grant: &Grant<Read>,
        filter: &Filter,
        include: &[Include],
        limit: &Deadline,
    ) -> Result<Scanned<u64>, LibraryError> {
        self.ask(grant, limit, |session| catalog::count(session, filter, include))
    }

    /// Answers assets by name, hidden and trashed ones too if the grant shows them.
    ///
    /// # Errors
    /// [`LibraryError`]; an unknown UUID is no error but part of the answer.
    pub fn get(
        &self,
        grant: &Grant<Read>,
        uuids: &[Uuid],
        limit: &Deadline,
    ) -> Result<Got, LibraryError> {
        self.ask(grant, limit, |session| page::get(session, uuids))
    }

    /// Reads what names are made from: every asset that the grant shows, hidden, trashed and
    /// unselected ones too, by UUID.
    ///
    /// # Errors
    /// [`LibraryError`].
    pub fn catalog(
        &self,
        grant: &Grant<Read>,
        limit: &Deadline,
    ) -> Result<Scanned<Vec<CatalogEntry>>, LibraryError> {
        self.ask(grant, limit, catalog::catalog)
    }

    /// Reads which assets a filter selects, by UUID.
    ///
    /// # Errors
    /// [`LibraryError`]; that of an album where the filter names one.
    pub fn select(
        &self,
        grant: &Grant<Read>,
        filter: &Filter,
        include: &[Include],
        limit: &Deadline,
    ) -> Result<Scanned<Vec<Uuid>>, LibraryError> {
        self.ask(grant, limit, |session| catalog::select(session, filter, include))
    }

    /// Looks for the files of assets, in the order of the question; an asset that does not exist
    /// for the grant is left out.
    ///
    /// # Errors
    /// [`LibraryError`]; a missing file is no error but part of the answer.
    pub fn resources(
        &self,
        grant: &Grant<Read>,
        uuids: &[Uuid],
        limit: &Deadline,
    ) -> Result<Vec<AssetResources>, LibraryError> {
        self.ask(grant, limit, |session| catalog::resources(session, uuids))
    }

    fn ask<T>(
        &self,
        grant: &Grant<Read>,
        limit: &Deadline,
        work: impl Fn(&Session<'_>) -> Result<T, Stop>,
    ) -> Result<T, LibraryError> {
        Place { dir: &self.dir, grant, limit, known: &self.known }.ask(work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_can_be_asked_from_several_threads() {
        fn shareable<T: Send + Sync>() {}
        shareable::<Library>();
        shareable::<LibraryError>();
    }
}
