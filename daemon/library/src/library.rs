//! The library reader's front: one method per question, each with the grant that it is asked under
//! and a deadline.
//!
//! Every method goes through `session.rs`, which opens or takes a connection that is idle
//! (`idle.rs`).

use darkslide_door::LibraryDir;
use darkslide_policy::{Grant, Read};
use darkslide_protocol::field::Fields;
use darkslide_protocol::filter::{CountWith, Facet, Filter, Include};
use darkslide_protocol::value::Uuid;

use crate::bundle::Glance;
use crate::change::{self, Changes, Token};
use crate::db::Stop;
use crate::deadline::Deadline;
use crate::error::LibraryError;
use crate::idle::Known;
use crate::model::{
    Album, AlbumKind, CatalogEntry, Counts, Existence, Facets, Got, Info, Needs, Page, Query,
    Scanned,
};
use crate::open::{self, Opened};
use crate::query::resources::{self, Listed};
use crate::query::selection::Selection;
use crate::query::{albums, catalog, count, existence, facets, info, page};
use crate::resource::{AssetResources, Version};
use crate::session::{Place, Session};
use crate::thumbnail::{self, Shown};

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

    /// Wraps an open bundle, and keeps connections for a while; the caller calls [`Library::rest`]
    /// when nothing was asked for two seconds.
    #[must_use]
    pub fn keeping(dir: LibraryDir) -> Self {
        Self { dir, known: Known::keeping() }
    }

    /// Closes connections that nobody uses: an open one keeps Photos from its last checkpoint.
    pub fn rest(&self) {
        self.known.rest();
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

    /// Tells the library's own UUID, if it has one.
    ///
    /// # Errors
    /// [`LibraryError`].
    pub fn uuid(
        &self,
        grant: &Grant<Read>,
        limit: &Deadline,
    ) -> Result<Option<Uuid>, LibraryError> {
        self.ask(grant, limit, |session| Ok(info::uuid(session)))
    }

    /// Lists albums, folders and the like of these kinds, with the number of members that a query
    /// with the same `include` would find.
    ///
    /// # Errors
    /// [`LibraryError`].
    pub fn albums(
        &self,
        grant: &Grant<Read>,
        kinds: &[AlbumKind],
        include: &[Include],
        limit: &Deadline,
    ) -> Result<Scanned<Vec<Album>>, LibraryError> {
        self.ask(grant, limit, |session| albums::albums(session, kinds, include))
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

    /// Counts the rows that a filter selects: where two have one UUID, more than a query lists.
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
        let counted = self.count_with(grant, filter, include, &[], limit)?;
        Ok(Scanned { found: counted.found.count, consistent: counted.consistent })
    }

    /// Counts the rows that a filter selects, and what else is asked for of them.
    ///
    /// # Errors
    /// [`LibraryError`]; that of an album where the filter names one.
    pub fn count_with(
        &self,
        grant: &Grant<Read>,
        filter: &Filter,
        include: &[Include],
        with: &[CountWith],
        limit: &Deadline,
    ) -> Result<Scanned<Counts>, LibraryError> {
        self.ask(grant, limit, |session| count::count(session, filter, include, with))
    }

    /// Counts the values that a thing has among the rows that a filter selects.
    ///
    /// # Errors
    /// [`LibraryError`]; that of an album where the filter names one.
    pub fn facet(
        &self,
        grant: &Grant<Read>,
        facet: Facet,
        filter: &Filter,
        include: &[Include],
        limit: &Deadline,
    ) -> Result<Scanned<Facets>, LibraryError> {
        self.ask(grant, limit, |session| facets::facet(session, facet, filter, include))
    }

    /// Answers assets by name, hidden and trashed ones too if the grant shows them.
    ///
    /// # Errors
    /// [`LibraryError`]; an unknown UUID is no error but part of the answer.
    pub fn get(
        &self,
        grant: &Grant<Read>,
        uuids: &[Uuid],
        fields: Fields,
        limit: &Deadline,
    ) -> Result<Got, LibraryError> {
        self.ask(grant, limit, |session| page::get(session, uuids, fields))
    }

    /// Goes through what names are made from: every asset that the grant shows, hidden, trashed and
    /// unselected ones too, once each. One that is moved meanwhile may come twice or never; then it
    /// was not consistent. `begin` makes what `look` fills, anew each time that it has to be read
    /// from the beginning.
    ///
    /// # Errors
    /// [`LibraryError`].
    pub fn catalog<T>(
        &self,
        grant: &Grant<Read>,
        needs: Needs,
        limit: &Deadline,
        begin: impl Fn() -> T,
        look: impl Fn(&mut T, &CatalogEntry),
    ) -> Result<Scanned<T>, LibraryError> {
        self.ask(grant, limit, |session| catalog::catalog(session, needs, &begin, &look))
    }

    /// The same of some assets, in the order of the question; one that does not exist for the grant
    /// is left out.
    ///
    /// # Errors
    /// [`LibraryError`].
    pub fn entries(
        &self,
        grant: &Grant<Read>,
        uuids: &[Uuid],
        needs: Needs,
        limit: &Deadline,
    ) -> Result<Vec<CatalogEntry>, LibraryError> {
        self.ask(grant, limit, |session| catalog::entries(session, uuids, needs))
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
    ) -> Result<Scanned<Selection>, LibraryError> {
        self.ask(grant, limit, |session| catalog::select(session, filter, include))
    }

    /// Says of each UUID whether the library has such an asset, in the order of the question: also
    /// of what the grant withholds, and nothing else of it.
    ///
    /// # Errors
    /// [`LibraryError`].
    pub fn existence(
        &self,
        grant: &Grant<Read>,
        uuids: &[Uuid],
        limit: &Deadline,
    ) -> Result<Vec<Existence>, LibraryError> {
        self.ask(grant, limit, |session| existence::existence(session, uuids))
    }

    /// Looks for these versions of assets, in the order of the question; an asset that does not
    /// exist for the grant is left out, and so is a version that it never has. Of previews it is
    /// the largest that is here.
    ///
    /// # Errors
    /// [`LibraryError`]; a missing file is no error but part of the answer.
    pub fn resources(
        &self,
        grant: &Grant<Read>,
        uuids: &[Uuid],
        versions: &[Version],
        limit: &Deadline,
    ) -> Result<Vec<AssetResources>, LibraryError> {
        self.ask(grant, limit, |session| resources::these(session, uuids, versions))
    }

    /// Lists every version of assets: at most 1,000 assets and about 1 MiB, the others are `rest`.
    ///
    /// # Errors
    /// [`LibraryError`]; an unknown UUID and a missing file are no errors but part of the answer.
    pub fn list_resources(
        &self,
        grant: &Grant<Read>,
        uuids: &[Uuid],
        limit: &Deadline,
    ) -> Result<Listed, LibraryError> {
        self.ask(grant, limit, |session| resources::list(session, uuids))
    }

    /// Opens a version of an asset for reading, of its previews the largest that is here.
    ///
    /// # Errors
    /// [`LibraryError`]; that there is no such asset, version or file is part of the answer.
    pub fn open_version(
        &self,
        grant: &Grant<Read>,
        uuid: &Uuid,
        version: Version,
        limit: &Deadline,
    ) -> Result<Opened, LibraryError> {
        self.ask(grant, limit, |session| open::open(session, uuid, version))
    }

    /// Opens the smallest image of an asset whose longer side has at least so many pixels, or the
    /// largest where none has.
    ///
    /// # Errors
    /// [`LibraryError`]; that there is no such asset or image is part of the answer.
    pub fn thumbnail(
        &self,
        grant: &Grant<Read>,
        uuid: &Uuid,
        min_pixels: u32,
        limit: &Deadline,
    ) -> Result<Shown, LibraryError> {
        self.ask(grant, limit, |session| thumbnail::thumbnail(session, uuid, min_pixels))
    }

    /// The place behind the newest change, for [`Library::changes`].
    ///
    /// # Errors
    /// [`LibraryError`]; NoHistory where the library keeps none.
    pub fn change_token(
        &self,
        grant: &Grant<Read>,
        limit: &Deadline,
    ) -> Result<Token, LibraryError> {
        self.ask(grant, limit, change::newest)
    }

    /// What changed since a token, at most `most` changes of the history (and [`MAX_CHANGES`]).
    ///
    /// [`MAX_CHANGES`]: crate::MAX_CHANGES
    ///
    /// # Errors
    /// [`LibraryError`]; Expired where the token does not fit, NoHistory where there is none.
    pub fn changes(
        &self,
        grant: &Grant<Read>,
        token: &str,
        most: usize,
        limit: &Deadline,
    ) -> Result<Changes, LibraryError> {
        self.ask(grant, limit, |session| change::since(session, token, most))
    }

    /// Looks by `stat` alone whether something may have changed: nothing is opened.
    ///
    /// # Errors
    /// [`LibraryError`].
    pub fn glance(&self, grant: &Grant<Read>) -> Result<Glance, LibraryError> {
        Glance::take(&self.dir, grant)
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
