//! Takes over the socket that launchd listens on for us.
//!
//! The descriptors become ours, closed on exec; the array that they come in is freed. The open
//! socket stays launchd's too: whoever has it must neither shut it down nor remove its path. The
//! hazard: "not started by launchd" is the only answer after which a program may bind one itself.

use std::ffi::{CStr, c_char, c_int};
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;

use crate::answer::ActivateError;

// <launch.h>, in libSystem.
unsafe extern "C" {
    fn launch_activate_socket(
        name: *const c_char,
        descriptors: *mut *mut c_int,
        count: *mut usize,
    ) -> c_int;
}

/// Returns the descriptors of the socket `name` of our property list; a path has one.
///
/// # Errors
/// [`ActivateError`]; `NotLaunchd` is the plain "no".
pub fn activate_socket(name: &CStr) -> Result<Vec<OwnedFd>, ActivateError> {
    let mut array: *mut c_int = ptr::null_mut();
    let mut count: usize = 0;
    // SAFETY: no safe way exists; neither std nor any crate of ours has the call. `name` ends with
    // NUL, and the two others are places of our own of the types that the header names, which the
    // call writes once and does not keep.
    let answer = unsafe { launch_activate_socket(name.as_ptr(), &raw mut array, &raw mut count) };
    if answer != 0 {
        return Err(ActivateError::from_answer(answer));
    }
    let mut descriptors = Vec::new();
    if !array.is_null() {
        for index in 0..count {
            // SAFETY: on success the header promises an array of `count` descriptors at `array`,
            // and `index` is below `count`.
            let raw = unsafe { array.add(index) };
            // SAFETY: `raw` points to an element of that array, which nobody else knows.
            let raw = unsafe { raw.read() };
            // What is below zero no `OwnedFd` may hold.
            if raw >= 0 {
                // SAFETY: the header hands each descriptor over to the caller, who is to close it;
                // each is read once, so that it has one owner.
                descriptors.push(unsafe { OwnedFd::from_raw_fd(raw) });
            }
        }
        // SAFETY: the header says that the array is the caller's, to be freed by free(3); nothing
        // points into it any more.
        unsafe { libc::free(array.cast()) };
    }
    if descriptors.is_empty() {
        return Err(ActivateError::NoDescriptor);
    }
    for descriptor in &descriptors {
        fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).map_err(ActivateError::Refused)?;
    }
    Ok(descriptors)
}
