//! `export.destinations`: what stands below the roots that a peer may write to, as it tells of
//! itself.
//!
//! Each root, and each destination found below it, is decided on like a write there; each library
//! that gives its name, like a read. A library that the peer is not granted has no name in the
//! answer. A destination whose record cannot be read is told with the reason: the others do not
//! vanish with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use darkslide_door::RootDir;
use darkslide_export::{self as engine, Described, Stop};
use darkslide_library::{Deadline, Library};
use darkslide_policy::{Ask, Destination, Grant, LibraryName, Read, RelPath, RootName, Write};
use darkslide_protocol::error::WireError;
use darkslide_protocol::message::destinations::{
    ExportDestination, ExportDestinations, ExportDestinationsParams, HeldFiles, LastJob,
};

use super::export::wire_outcome;
use super::{Caller, Service, fault};
use crate::clock;
use darkslide_protocol::method::{self, Method};

const METHOD: &str = method::ExportDestinations::NAME;
/// Destinations in one answer: far more than a person keeps, and some 500 kB.
const MAX_DESTINATIONS: usize = 1_000;

type LibraryOf = (LibraryName, Arc<Library>, Grant<Read>);

impl Service {
    /// Answers `export.destinations`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, `DESTINATION` for a root that fails, `TIMED_OUT`.
    pub(crate) async fn export_destinations(
        self: Arc<Self>,
        caller: &Caller,
        params: ExportDestinationsParams,
    ) -> Result<ExportDestinations, WireError> {
        let named = |name: &str| self.library_named(caller, METHOD, name);
        let only = params.library.as_deref().map(named).transpose()?;
        if let Some(name) = &only {
            drop(self.decide(caller, &Ask::<Read>::new(METHOD, name.clone()))?);
        }
        let mut libraries = Vec::new();
        for name in self.policy.libraries_of(caller.peer()) {
            let read = self.decide(caller, &Ask::<Read>::new(METHOD, name.clone()))?;
            if let Ok(library) = self.places.library(name) {
                libraries.push((name.clone(), Arc::clone(library), read));
            }
        }
        // Without a library there is nobody who reads, and nothing that could have been exported.
        let Some((reader, ..)) = libraries.first() else {
            return Ok(ExportDestinations { destinations: Vec::new(), incomplete: false });
        };
        let (reader, service, asker) = (reader.clone(), Arc::clone(&self), caller.clone());
        let deadline = self.deadline(caller);
        let look = move || {
            let names = names(&libraries, &deadline);
            Looking { service: &service, caller: &asker, names, only, deadline: &deadline }.run()
        };
        self.readers.read_for(caller, &reader, look).await
    }
}

/// The names of libraries by their own UUIDs. Where two are of one UUID, the first names both; one
/// that cannot be read now has none.
fn names(libraries: &[LibraryOf], limit: &Deadline) -> BTreeMap<String, LibraryName> {
    let mut names = BTreeMap::new();
    for (name, library, read) in libraries {
        if let Ok(Some(uuid)) = library.uuid(read, limit) {
            names.entry(uuid.as_str().to_owned()).or_insert_with(|| name.clone());
        }
    }
    names
}

struct Looking<'a> {
    service: &'a Service,
    caller: &'a Caller,
    names: BTreeMap<String, LibraryName>,
    only: Option<LibraryName>,
    deadline: &'a Deadline,
}

impl Looking<'_> {
    fn run(&self) -> Result<ExportDestinations, WireError> {
        let mut answer = ExportDestinations { destinations: Vec::new(), incomplete: false };
        for (name, ..) in self.service.policy.roots_of(self.caller.peer()) {
            match self.service.places.root(name) {
                Ok(root) => self.below(name, root, &mut answer)?,
                // It was not there at boot: `health` says why.
                Err(_) => answer.incomplete = true,
            }
        }
        Ok(answer)
    }

    fn below(
        &self,
        name: &RootName,
        root: &RootDir,
        answer: &mut ExportDestinations,
    ) -> Result<(), WireError> {
        let to = Destination::Named { root: name.clone(), path: RelPath::root() };
        let grant = self.service.decide(self.caller, &Ask::<Write>::new(METHOD, to))?;
        let entered = root.enter_existing(&grant).map_err(|error| fault::destination(&error))?;
        let Some(top) = entered else { return Ok(()) };
        let found = engine::find(&top, &|| self.stop()).map_err(|error| self.failed(&error))?;
        answer.incomplete |= found.incomplete;
        for path in found.destinations {
            if answer.destinations.len() >= MAX_DESTINATIONS {
                answer.incomplete = true;
                break;
            }
            answer.destinations.extend(self.one(name, root, path)?);
        }
        Ok(())
    }

    fn one(
        &self,
        name: &RootName,
        root: &RootDir,
        path: RelPath,
    ) -> Result<Option<ExportDestination>, WireError> {
        let to = Destination::Named { root: name.clone(), path };
        let grant = self.service.ask(self.caller, &Ask::<Write>::new(METHOD, to))?;
        let described = match root.enter_existing(&grant) {
            Ok(Some(destination)) => engine::describe(&destination, &|| self.stop()),
            Ok(None) => return Ok(None),
            Err(error) => Err(error.into()),
        };
        let mut told = ExportDestination {
            root: name.to_string(),
            path: grant.covers().path().to_string(),
            shape: None,
            libraries: Vec::new(),
            last: None,
            interrupted: false,
            reason: None,
        };
        match described {
            Ok(Some(described)) => self.tell(described, &mut told),
            Ok(None) => return Ok(None),
            Err(error) if self.deadline.expired() => return Err(self.failed(&error)),
            Err(error) => {
                told.reason = Some(fault::export(&error).data.reason.as_str().to_owned());
            }
        }
        let holds_it = |only: &LibraryName| {
            let of_it = |held: &HeldFiles| held.library.as_deref() == Some(only.as_str());
            told.libraries.iter().any(of_it)
        };
        Ok(self.only.as_ref().is_none_or(holds_it).then_some(told))
    }

    fn tell(&self, described: Described, told: &mut ExportDestination) {
        let mut others = HeldFiles { library: None, files: 0, bytes: 0 };
        for (uuid, held) in described.libraries {
            let engine::Held { files, bytes } = held;
            match self.names.get(&uuid) {
                Some(name) => {
                    let library = Some(name.to_string());
                    told.libraries.push(HeldFiles { library, files, bytes });
                }
                None => {
                    others.files = others.files.saturating_add(files);
                    others.bytes = others.bytes.saturating_add(bytes);
                }
            }
        }
        told.libraries.extend(Some(others).filter(|others| others.files > 0));
        told.shape = Some(described.shape.to_string());
        told.interrupted = described.unsettled;
        told.last = described.last.map(|last| LastJob {
            job: last.job,
            time: clock::written(last.time.seconds, last.time.nanoseconds),
            outcomes: last
                .outcomes
                .into_iter()
                .map(|(outcome, count)| (wire_outcome(outcome), count))
                .collect(),
        });
    }

    fn stop(&self) -> Stop {
        if self.deadline.expired() { Stop::Now } else { Stop::GoOn }
    }

    fn failed(&self, error: &engine::ExportError) -> WireError {
        if self.deadline.expired() {
            return fault::library(&darkslide_library::LibraryError::TimedOut);
        }
        fault::export(error)
    }
}
