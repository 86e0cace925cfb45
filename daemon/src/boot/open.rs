//! Opens what the policy names, before confinement: each bundle, each folder of referenced
//! originals and each root as a folder held by its handle.
//!
//! Rules for the kernel follow the folder, not its path, so they are made from these handles.
//! Folders are compared by what they are, for links can hide what the policy's text does not show:
//! no root and no folder of referenced originals may hold a library, or lie in one. A place that is
//! not there does not stop the service: it is unusable, and says why.

use std::os::fd::BorrowedFd;

use darkslide_door::{DoorError, DoorErrorKind, Faults, LibraryDir, ReferencedDir, RootDir};
use darkslide_library::Library;
use darkslide_policy::{AbsPath, Access, KernelRule, LibraryName, Place, Policy, RootName};

use crate::boot::{BootError, knock, owned};
use crate::confine;
use crate::service::places::{LibraryPlace, Places, RootPlace};

/// A folder of the policy, held or not.
#[derive(Debug)]
struct Held<N, D> {
    name: N,
    path: AbsPath,
    access: Access,
    dir: Result<D, DoorError>,
}

/// A folder that no root may be, or hold, for whoever may export could write what is in it; nor a
/// folder of referenced originals, for a library's rows could have it read.
#[derive(Debug)]
pub(super) struct Kept {
    /// In words.
    pub(super) what: &'static str,
    /// Where.
    pub(super) path: AbsPath,
}

/// What is done about a root that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It is made.
    Make,
    /// It is left so: somebody only wants to know what would be written.
    Leave,
}

/// The folders that the daemon holds.
#[derive(Debug)]
pub(super) struct Opened {
    libraries: Vec<Held<LibraryName, LibraryDir>>,
    roots: Vec<Held<RootName, RootDir>>,
}

/// Opens every library and root of a policy.
///
/// # Errors
/// [`BootError::Overlap`] if a root and a library, or two roots, lie in one another, or a root
/// holds what must be kept from exports; and if a folder of referenced originals does any of that.
pub(super) fn open(policy: &Policy, kept: &[Kept], missing: Missing) -> Result<Opened, BootError> {
    let mut opened = Opened { libraries: Vec::new(), roots: Vec::new() };
    for KernelRule { place, path, access } in policy.kernel_rules() {
        match place {
            Place::Library(ref name) if !knock::is_answered(&path) => {
                let dir = Err(DoorError::unanswered(&place, &path));
                opened.libraries.push(Held { name: name.clone(), path, access, dir });
            }
            Place::Library(name) => {
                let dir = LibraryDir::open(name.clone(), &path);
                opened.libraries.push(Held { name, path, access, dir });
            }
            Place::Referenced(_) if !knock::is_answered(&path) => {
                let folder = path.as_str();
                tracing::warn!(folder, "left out: the system waits for a person to allow it");
            }
            // The rule follows that of its library. A library that is not there refers to nothing.
            Place::Referenced(_) => {
                if let Some(Held { dir: Ok(library), .. }) = opened.libraries.last_mut() {
                    library.add_referenced(path);
                }
            }
            Place::Root(ref name) if !knock::is_answered(&path) => {
                let dir = Err(DoorError::unanswered(&place, &path));
                opened.roots.push(Held { name: name.clone(), path, access, dir });
            }
            Place::Root(name) => {
                let dir = match missing {
                    Missing::Make => {
                        let libraries: Vec<_> = opened.libraries().collect();
                        RootDir::open_or_create(name.clone(), &path, &libraries, Faults::none())
                    }
                    Missing::Leave => RootDir::open(name.clone(), &path, Faults::none()),
                };
                if dir.as_ref().is_err_and(|error| error.kind() == DoorErrorKind::Nested) {
                    let (first, second) = (format!("the root {name}"), "a library".to_owned());
                    return Err(BootError::Overlap { first, second });
                }
                opened.roots.push(Held { name, path, access, dir });
            }
        }
    }
    opened.refuse_overlaps(kept)?;
    Ok(opened)
}

impl Opened {
    /// The kernel's rules: one for each folder that is held.
    pub(super) fn rules(&self) -> Vec<confine::Rule<'_>> {
        let libraries = self
            .libraries
            .iter()
            .filter_map(|held| rule(format!("library {}", held.name), held, LibraryDir::handle));
        let referenced = self.referenced().filter_map(|(library, folder)| {
            let what = format!("{} ({})", Place::Referenced(library.name().clone()), folder.path());
            folder.handle().map(|handle| confine::Rule { what, handle, access: Access::Read })
        });
        let roots = self
            .roots
            .iter()
            .filter_map(|held| rule(format!("root {}", held.name), held, RootDir::handle));
        libraries.chain(referenced).chain(roots).collect()
    }

    /// (device, inode) of every folder that is held, and of each one above it.
    pub(super) fn lineages(&self) -> Vec<(u64, u64)> {
        let libraries = self.libraries().flat_map(LibraryDir::lineage);
        let roots = self.roots.iter().filter_map(|held| held.dir.as_ref().ok());
        let all = libraries.chain(roots.flat_map(RootDir::lineage));
        all.map(|folder| (folder.device(), folder.inode())).collect()
    }

    /// Tries, once confined, whether what is granted works. What does not is unusable.
    #[must_use]
    pub(super) fn probe(self) -> Places {
        let libraries = self.libraries.into_iter().map(|held| LibraryPlace {
            name: held.name,
            path: held.path,
            referenced: held.dir.as_ref().map(probe_referenced).unwrap_or_default(),
            library: held.dir.and_then(|dir| dir.probe().map(|()| Library::keeping(dir).into())),
        });
        let roots = self.roots.into_iter().map(|held| RootPlace {
            name: held.name,
            path: held.path,
            root: held.dir.and_then(|dir| dir.probe().map(|()| Some(dir.into()))),
        });
        Places::new(libraries.collect(), roots.collect())
    }

    fn libraries(&self) -> impl Iterator<Item = &LibraryDir> {
        self.libraries.iter().filter_map(|held| held.dir.as_ref().ok())
    }

    fn referenced(&self) -> impl Iterator<Item = (&LibraryDir, &ReferencedDir)> {
        self.libraries()
            .flat_map(|library| library.referenced().iter().map(move |folder| (library, folder)))
    }

    fn refuse_overlaps(&self, kept: &[Kept]) -> Result<(), BootError> {
        self.refuse_referenced_overlaps(kept)?;
        let roots: Vec<&RootDir> =
            self.roots.iter().filter_map(|held| held.dir.as_ref().ok()).collect();
        for (position, root) in roots.iter().enumerate() {
            let overlap = |second: String| {
                Err(BootError::Overlap { first: format!("the root {}", root.name()), second })
            };
            for library in self.libraries() {
                if root.overlaps(library) {
                    return overlap(format!("the library {}", library.name()));
                }
            }
            let identity = (root.identity().device(), root.identity().inode());
            for kept in kept {
                if owned::lineage(&kept.path).contains(&identity) {
                    return overlap(kept.what.to_owned());
                }
            }
            for other in roots.iter().skip(position + 1) {
                if root.lineage().contains(&other.identity())
                    || other.lineage().contains(&root.identity())
                {
                    return overlap(format!("the root {}", other.name()));
                }
            }
        }
        Ok(())
    }

    fn refuse_referenced_overlaps(&self, kept: &[Kept]) -> Result<(), BootError> {
        let roots = || self.roots.iter().filter_map(|held| held.dir.as_ref().ok());
        for (_, folder) in self.referenced() {
            let overlap = |second: String| {
                let first = format!("the referenced folder {:?}", folder.path().as_str());
                Err(BootError::Overlap { first, second })
            };
            if let Some(held) = self.libraries().find(|held| held.overlaps_referenced(folder)) {
                return overlap(format!("the library {}", held.name()));
            }
            if let Some(root) = roots().find(|root| root.overlaps_referenced(folder)) {
                return overlap(format!("the root {}", root.name()));
            }
            let holds = |kept: &&Kept| {
                let lineage = owned::lineage(&kept.path);
                folder.identity().is_some_and(|it| lineage.contains(&(it.device(), it.inode())))
            };
            if let Some(kept) = kept.iter().find(holds) {
                return overlap(kept.what.to_owned());
            }
        }
        Ok(())
    }
}

/// Tries each folder. One that is not there now is nothing that stops the service.
fn probe_referenced(library: &LibraryDir) -> Vec<(AbsPath, Result<(), DoorError>)> {
    let probed = library.referenced().iter().map(|folder| {
        let answer = folder.probe();
        if let Err(error) = &answer {
            tracing::warn!(
                error = error.to_string(),
                "a folder of referenced originals is unusable"
            );
        }
        (folder.path().clone(), answer)
    });
    probed.collect()
}

fn rule<'a, N, D>(
    what: String,
    held: &'a Held<N, D>,
    handle: fn(&'a D) -> BorrowedFd<'a>,
) -> Option<confine::Rule<'a>> {
    let dir = held.dir.as_ref().ok()?;
    Some(confine::Rule { what, handle: handle(dir), access: held.access })
}

/// The private way has nobody to wait for: what is unusable ends the start, but for a root that is
/// not there and is left so.
///
/// # Errors
/// [`BootError::Library`] or [`BootError::Root`], whichever is unusable.
pub(super) fn refuse_unusable(places: Places, missing: Missing) -> Result<Places, BootError> {
    let (libraries, roots) = places.into_parts();
    let libraries = libraries.into_iter().map(|place| match place.library {
        Ok(_) => Ok(place),
        Err(source) => Err(BootError::Library { path: place.path, source }),
    });
    let libraries = libraries.collect::<Result<Vec<_>, _>>()?;
    let roots = roots.into_iter().map(|place| match place.root {
        Ok(_) => Ok(place),
        Err(error) if missing == Missing::Leave && error.kind() == DoorErrorKind::NotFound => {
            Ok(RootPlace { root: Ok(None), ..place })
        }
        Err(source) => Err(BootError::Root { path: place.path, source }),
    });
    Ok(Places::new(libraries, roots.collect::<Result<Vec<_>, _>>()?))
}
