//! The half of the boot's self-test that must succeed: what is granted works.
//!
//! An outer sandbox, a shared folder of a virtual machine or a wrong rule of our own can refuse
//! what the policy grants; it is better to hear so at boot than from the first export. Below a root
//! it makes and removes names of its own only, never `.darkslide`, and changes nothing that it did
//! not make. A kill in the middle leaves a folder with a name that says whose it is; it holds two
//! more and a file of a few bytes at most.

#![expect(
    clippy::disallowed_methods,
    reason = "the door: makes and removes names of its own below a root"
)]

use std::os::fd::AsFd;

use darkslide_policy::RelPath;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::beneath::{Base, Want};
use crate::error::{DoorError, DoorErrorKind};
use crate::facts::Facts;
use crate::fault::Operation;
use crate::random_name::random_name;
use crate::reading::Below;
use crate::rename::{self, Spot};
use crate::temporary::{self, unless_missing};

/// How the folder of the test begins.
const PROBE_PREFIX: &str = ".darkslide-probe-";

/// Where a library has its database, newest first; one byte of it is read.
const DATABASES: [&str; 2] = ["database/Photos.sqlite", "database/photos.db"];

/// Reads one byte of a library, or lists it where there is no database.
pub(crate) fn library(below: &Below<'_>) -> Result<(), DoorError> {
    let whole = RelPath::root();
    below.announce(Operation::Probe, &whole)?;
    for text in DATABASES {
        let path = RelPath::parse(text).expect("a plain path");
        match below.open_file(&path) {
            Ok(source) => {
                let mut byte = [0];
                let read = rustix::io::retry_on_intr(|| rustix::io::read(source.file(), &mut byte));
                return read
                    .map(drop)
                    .map_err(|errno| below.failed(Operation::Probe, &path, errno));
            }
            Err(error) if error.kind() == DoorErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    below.list(&whole).map(drop)
}

/// Makes two folders and a file below a root, renames the file from one to the other, and removes
/// all of it; answers what the file system said of the file, made for its owner alone.
pub(crate) fn root(below: &Below<'_>) -> Result<Facts, DoorError> {
    let whole = RelPath::root();
    below.announce(Operation::Probe, &whole)?;
    let name = format!("{PROBE_PREFIX}{}", random_name().as_str());
    let answer = make_and_rename(&below.base, &name);
    let removed = remove(&below.base, &name);
    let failed = |errno| below.failed(Operation::Probe, &whole, errno);
    let made = answer.map_err(failed)?;
    removed.map_err(failed)?;
    Ok(made)
}

const FROM: &str = "from";
const TO: &str = "to";
const FILE: &str = "file";

fn make_and_rename(base: &Base<'_>, name: &str) -> Result<Facts, Errno> {
    rustix::fs::mkdirat(base.folder, name, Mode::RWXU)?;
    let probe = base.open(&path(name), Want::Parent)?;
    rustix::fs::mkdirat(&probe, FROM, Mode::RWXU)?;
    rustix::fs::mkdirat(&probe, TO, Mode::RWXU)?;
    let from = base.open(&path(&format!("{name}/{FROM}")), Want::Parent)?;
    let to = base.open(&path(&format!("{name}/{TO}")), Want::Parent)?;
    let file = temporary::create_new(&from, FILE, OFlags::WRONLY)?;
    rustix::io::write(&file, b"darkslide")?;
    // Which flags it knows is found out below `.darkslide/`, by each job.
    rename::replacing(
        Spot { folder: from.as_fd(), name: FILE.as_ref() },
        Spot { folder: to.as_fd(), name: FILE.as_ref() },
    )?;
    Facts::of_descriptor(&file)
}

/// Removes by exact names what was made; what was not made is not missed.
fn remove(base: &Base<'_>, name: &str) -> Result<(), Errno> {
    let Ok(probe) = base.open(&path(name), Want::Parent) else {
        return Ok(());
    };
    for folder in [FROM, TO] {
        if let Ok(folder) = base.open(&path(&format!("{name}/{folder}")), Want::Parent) {
            unless_missing(rustix::fs::unlinkat(&folder, FILE, AtFlags::empty()))?;
        }
        unless_missing(rustix::fs::unlinkat(&probe, folder, AtFlags::REMOVEDIR))?;
    }
    unless_missing(rustix::fs::unlinkat(base.folder, name, AtFlags::REMOVEDIR))
}

fn path(text: &str) -> RelPath {
    RelPath::parse(text).expect("made of plain names")
}
