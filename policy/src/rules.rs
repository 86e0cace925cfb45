//! The rules for the kernel, made from the same policy value that decides requests.
//!
//! Data only: which folder, and whether it is read or written. Boot opens the folders, and
//! confinement hands them to Landlock or Seatbelt. The hazard: a second list of paths for the
//! sandbox, which drifts from the one that decides.

use crate::document::Policy;
use crate::{AbsPath, LibraryName, RootName};

/// What a rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A library bundle.
    Library(LibraryName),
    /// A folder outside the bundle of that library, with originals that it refers to.
    Referenced(LibraryName),
    /// A root.
    Root(RootName),
}

/// How far the kernel lets the daemon go below a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read files, list folders.
    Read,
    /// Also make, write, rename and remove files and folders; never links, devices, sockets.
    ReadWrite,
    /// Make files, read them and write into them; neither remove, rename nor empty one.
    Add,
}

/// One folder that stays reachable once confined. What has no rule does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelRule {
    /// What it is for.
    pub place: Place,
    /// The folder.
    pub path: AbsPath,
    /// How far.
    pub access: Access,
}

impl Policy {
    /// Returns every folder that the daemon may reach: bundles, each followed by the folders of its
    /// referenced originals, to read; then roots to write.
    #[must_use]
    pub fn kernel_rules(&self) -> Vec<KernelRule> {
        let read =
            |place, path: &AbsPath| KernelRule { place, path: path.clone(), access: Access::Read };
        let libraries = self.libraries().flat_map(|library| {
            let bundle = read(Place::Library(library.name.clone()), &library.path);
            let referenced = library.referenced.iter();
            let referenced =
                referenced.map(move |path| read(Place::Referenced(library.name.clone()), path));
            std::iter::once(bundle).chain(referenced)
        });
        let roots = self.roots().map(|root| KernelRule {
            place: Place::Root(root.name.clone()),
            path: root.path.clone(),
            access: Access::ReadWrite,
        });
        libraries.chain(roots).collect()
    }
}
