//! Enters Seatbelt, for good and for all threads of this process.
//!
//! The call is private and long in use; nothing that is supported can hold a daemon without an app.
//! Paths travel as parameters, never in the text. The hazard: a profile that a version of macOS
//! does not understand leaves the process free, so an error here must end it.

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;

use crate::answer::SandboxError;

// In libSystem (libsystem_sandbox), in no header.
unsafe extern "C" {
    fn sandbox_init_with_parameters(
        profile: *const c_char,
        flags: u64,
        parameters: *const *const c_char,
        error: *mut *mut c_char,
    ) -> c_int;
    fn sandbox_free_error(error: *mut c_char);
}

/// The profile is a text, and not the name of one.
const FLAGS: u64 = 0;

/// Enters `profile`, in which `(param "NAME")` stands for a value of `parameters`.
///
/// # Errors
/// [`SandboxError`]; nothing is entered then.
pub fn enter_sandbox(
    profile: &CStr,
    parameters: &[(CString, CString)],
) -> Result<(), SandboxError> {
    let pairs = parameters.iter().flat_map(|(name, value)| [name.as_ptr(), value.as_ptr()]);
    let list: Vec<*const c_char> = pairs.chain([ptr::null()]).collect();
    let mut error: *mut c_char = ptr::null_mut();
    // SAFETY: no safe way exists. `profile` ends with NUL; `list` holds pairs of texts that end
    // with NUL and are borrowed from `parameters` until after the call, and then a null pointer, as
    // the callee expects; `error` is a place of our own that it may set.
    let answer = unsafe {
        sandbox_init_with_parameters(profile.as_ptr(), FLAGS, list.as_ptr(), &raw mut error)
    };
    let message = if error.is_null() {
        None
    } else {
        // SAFETY: what the call sets is a text that ends with NUL; it is copied before it is freed.
        let message = unsafe { CStr::from_ptr(error) }.to_bytes().to_vec();
        // SAFETY: the text came from that call and is freed once, by the function made for it.
        unsafe { sandbox_free_error(error) };
        Some(message)
    };
    match answer {
        0 => Ok(()),
        _ => Err(SandboxError::from_message(message.as_deref())),
    }
}
