//! `library.list` and `library.info`: which libraries a peer may read, and what is in one.
//!
//! Counts hold what the grant shows: of hidden and trashed assets that it does not show, not even
//! their number is told.

use darkslide_protocol::error::WireError;
use darkslide_protocol::message::health::PlaceState;
use darkslide_protocol::message::library::{
    LibraryInfo, LibraryInfoParams, LibraryList, LibraryListParams,
};

use super::{Caller, Service, fault};
use darkslide_protocol::method;

impl Service {
    /// Answers `library.list`.
    ///
    /// # Errors
    /// `DENIED`.
    pub(crate) fn library_list(
        &self,
        caller: &Caller,
        _: &LibraryListParams,
    ) -> Result<LibraryList, WireError> {
        self.decide_call::<method::LibraryList>(caller)?;
        let libraries = self.policy.libraries_of(caller.peer()).map(|name| PlaceState {
            name: name.to_string(),
            state: self.places.library_state(name),
        });
        Ok(LibraryList { libraries: libraries.collect() })
    }

    /// Answers `library.info`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, and those of the library.
    pub(crate) async fn library_info(
        &self,
        caller: &Caller,
        params: LibraryInfoParams,
    ) -> Result<LibraryInfo, WireError> {
        let name = params.library;
        let library = name.clone();
        self.read::<method::LibraryInfo, _, _>(caller, &name, |source, grant, deadline| {
            let info = source.info(grant, deadline).map_err(|error| fault::library(&error))?;
            Ok(wire(library, info))
        })
        .await
    }
}

fn wire(library: String, info: darkslide_library::Info) -> LibraryInfo {
    LibraryInfo {
        library,
        uuid: info.uuid.map(|uuid| uuid.to_string()),
        photos_version: info.photos,
        model_version: info.model,
        photos: info.photos_count,
        movies: info.movies_count,
        hidden: info.hidden_count,
        trashed: info.trashed_count,
        unselected: info.unselected_count,
        nameless: info.nameless_count,
        first_taken: info.first.map(|date| date.to_string()),
        last_taken: info.last.map(|date| date.to_string()),
        original_bytes: info.original_bytes,
        journal: info.journal.as_str().to_owned(),
        lacks: info.lacks.into_iter().map(str::to_owned).collect(),
        upgrade_unfinished: info.upgrade_unfinished,
        consistent: info.consistent,
    }
}
