//! Puts away what somebody left for us: a process begins with descriptors 0 to 2, and no others.
//!
//! Called first of all, before anything of ours is open. The hazard: an inherited descriptor of a
//! folder is a way around every rule that confinement makes afterwards.

#![expect(clippy::disallowed_methods, reason = "boot: lists its own descriptors")]

use std::fs::{self, File};
use std::io;
use std::os::fd::{OwnedFd, RawFd};

const NULL_DEVICE: &str = "/dev/null";
const FOLDER: &str = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
/// Where the system does not list them: more than any program leaves open by mistake.
const UNLISTED: RawFd = 1024;

/// Begins as if nobody had prepared anything: every descriptor above 2 closed, no signal blocked.
pub fn begin_clean() {
    begin_clean_but(None);
}

/// The same, with one descriptor kept that is ours already.
pub(super) fn begin_clean_but(kept: Option<RawFd>) {
    close_inherited(kept);
    // Where it cannot be set, a signal that should end us may not: nothing worse.
    let _unchanged = nix::sys::signal::SigSet::empty().thread_set_mask();
}

/// Puts the null device in the place of what the parent left on descriptors 0 and 1: it may be a
/// way to a folder that no rule covers.
///
/// # Errors
/// What the system says when there is no null device.
pub(crate) fn close_input_and_output() -> io::Result<()> {
    rustix::stdio::dup2_stdin(null_device()?)?;
    rustix::stdio::dup2_stdout(null_device()?)?;
    Ok(())
}

/// Opens the null device.
pub(crate) fn null_device() -> io::Result<OwnedFd> {
    File::options().read(true).write(true).open(NULL_DEVICE).map(OwnedFd::from)
}

fn close_inherited(kept: Option<RawFd>) {
    let listed = fs::read_dir(FOLDER).map(|entries| {
        let number =
            |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
        entries.filter_map(number).collect::<Vec<RawFd>>()
    });
    let descriptors = listed.unwrap_or_else(|_| (3..UNLISTED).collect());
    let is_left_over = |&descriptor: &RawFd| descriptor > 2 && Some(descriptor) != kept;
    for descriptor in descriptors.into_iter().filter(is_left_over) {
        // EBADF is the descriptor of the listing itself, or one that was never open.
        let _closed = nix::unistd::close(descriptor);
    }
}
