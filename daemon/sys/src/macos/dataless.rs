//! Forbids the kernel to fetch, for this process, what a file provider keeps elsewhere.
//!
//! Reading a file without contents (iCloud Drive, `SF_DATALESS`) then fails with `EDEADLK`, in
//! place of a download: a daemon without network must not cause one. The hazard: a job of launchd
//! begins like that and a program of the terminal does not, so it is always asked for.

use std::ffi::c_int;

use nix::errno::Errno;

// <sys/resource.h>, in libSystem.
unsafe extern "C" {
    fn setiopolicy_np(what: c_int, scope: c_int, policy: c_int) -> c_int;
}

const VFS_MATERIALIZE_DATALESS_FILES: c_int = 3;
const SCOPE_PROCESS: c_int = 0;
const MATERIALIZE_DATALESS_FILES_OFF: c_int = 1;

/// Forbids it, for all threads of this process.
///
/// # Errors
/// What the system says.
pub fn never_materialise() -> Result<(), Errno> {
    // SAFETY: no safe way exists. The call takes three numbers, those of the header, and touches no
    // memory of ours.
    let answer = unsafe {
        setiopolicy_np(
            VFS_MATERIALIZE_DATALESS_FILES,
            SCOPE_PROCESS,
            MATERIALIZE_DATALESS_FILES_OFF,
        )
    };
    Errno::result(answer).map(drop)
}
