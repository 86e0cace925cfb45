//! The libraries and roots that the daemon holds, by the names of the policy.
//!
//! Whether a peer may use one is not decided here: whoever asks has a grant, and the door compares
//! it once more. What could not be opened at boot, or did not work once confined, stays in the list
//! with the reason.

use std::sync::Arc;

use darkslide_door::{DoorError, Identity, LibraryDir, RootDir};
use darkslide_library::Library;
use darkslide_policy::{AbsPath, LibraryName, RootName};
use darkslide_protocol::error::WireError;

use super::fault;

/// A library of the policy.
#[derive(Debug)]
pub(crate) struct LibraryPlace {
    /// Its name.
    pub name: LibraryName,
    /// As the policy spells it.
    pub path: AbsPath,
    /// The library, or why it cannot be used.
    pub library: Result<Arc<Library>, DoorError>,
    /// The folders of its referenced originals, and why one cannot be used.
    pub referenced: Vec<(AbsPath, Result<(), DoorError>)>,
}

/// A root of the policy.
#[derive(Debug)]
pub(crate) struct RootPlace {
    /// Its name.
    pub name: RootName,
    /// As the policy spells it.
    pub path: AbsPath,
    /// The root, or why it cannot be used; none where it is not there and nothing is to be written.
    pub root: Result<Option<Arc<RootDir>>, DoorError>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Places {
    libraries: Vec<LibraryPlace>,
    roots: Vec<RootPlace>,
}

impl Places {
    /// Takes what boot has opened.
    #[must_use]
    pub(crate) fn new(libraries: Vec<LibraryPlace>, roots: Vec<RootPlace>) -> Self {
        Self { libraries, roots }
    }

    /// Gives back what it was made of.
    #[must_use]
    pub(crate) fn into_parts(self) -> (Vec<LibraryPlace>, Vec<RootPlace>) {
        (self.libraries, self.roots)
    }

    /// The libraries, in the order of the policy.
    pub(crate) fn libraries(&self) -> impl Iterator<Item = &LibraryPlace> {
        self.libraries.iter()
    }

    /// Every folder of the policy, and which one is held, where one is.
    pub(super) fn folders(&self) -> impl Iterator<Item = (AbsPath, Option<Identity>)> {
        let libraries = self.libraries.iter().flat_map(|place| {
            let dir = place.library.as_ref().ok().map(|library| library.dir());
            let referenced = dir.into_iter().flat_map(LibraryDir::referenced);
            let referenced = referenced.map(|folder| (folder.path().clone(), folder.identity()));
            std::iter::once((place.path.clone(), dir.map(LibraryDir::identity))).chain(referenced)
        });
        let roots = self.roots.iter().map(|place| {
            let root = place.root.as_ref().ok().and_then(Option::as_ref);
            (place.path.clone(), root.map(|root| root.identity()))
        });
        libraries.chain(roots)
    }

    /// The library of that name.
    ///
    /// # Errors
    /// `LIBRARY_UNAVAILABLE` with the reason, if it cannot be used.
    pub(crate) fn library(&self, name: &LibraryName) -> Result<&Arc<Library>, WireError> {
        let place = self.libraries.iter().find(|place| place.name == *name);
        match place.map(|place| &place.library) {
            Some(Ok(library)) => Ok(library),
            Some(Err(error)) => Err(fault::library_unusable(error)),
            // The policy made the places, and a grant names one of the policy's.
            None => Err(fault::no_such_library()),
        }
    }

    /// The root of that name.
    ///
    /// # Errors
    /// `DESTINATION` with the reason, if it cannot be used.
    pub(crate) fn root(&self, name: &RootName) -> Result<&Arc<RootDir>, WireError> {
        self.root_if_made(name)?.ok_or_else(fault::root_not_made)
    }

    /// The same; none where it is not there and was left so, for somebody only looks ahead.
    ///
    /// # Errors
    /// `DESTINATION` with the reason, if it cannot be used.
    pub(crate) fn root_if_made(&self, name: &RootName) -> Result<Option<&Arc<RootDir>>, WireError> {
        let place = self.roots.iter().find(|place| place.name == *name);
        match place.map(|place| &place.root) {
            Some(Ok(root)) => Ok(root.as_ref()),
            Some(Err(error)) => Err(fault::destination(error)),
            None => Err(fault::no_such_root()),
        }
    }

    /// `ready`, or why not, for `health` and the lists.
    #[must_use]
    pub(crate) fn library_state(&self, name: &LibraryName) -> String {
        let place = self.libraries.iter().find(|place| place.name == *name);
        state(place.and_then(|place| place.library.as_ref().err()))
    }

    /// The same of a folder of that library's referenced originals; one of a library that cannot be
    /// used was not opened either.
    #[must_use]
    pub(crate) fn referenced_state(&self, name: &LibraryName, folder: &AbsPath) -> String {
        let place = self.libraries.iter().find(|place| place.name == *name);
        let opened =
            place.and_then(|place| place.referenced.iter().find(|(path, _)| path == folder));
        match opened {
            Some((_, answer)) => state(answer.as_ref().err()),
            None => self.library_state(name),
        }
    }

    /// `ready`, or why not.
    #[must_use]
    pub(crate) fn root_state(&self, name: &RootName) -> String {
        let place = self.roots.iter().find(|place| place.name == *name);
        state(place.and_then(|place| place.root.as_ref().err()))
    }
}

fn state(error: Option<&DoorError>) -> String {
    error.map_or_else(|| "ready".to_owned(), |error| fault::place_reason(error).to_string())
}
