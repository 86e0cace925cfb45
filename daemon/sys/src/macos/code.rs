//! Holds the program of a process against a code requirement, by its audit token.
//!
//! Two questions: does the signed program satisfy the requirement of the policy, and does it keep
//! debuggers and foreign libraries out (else it is whoever gets in). Each is a requirement of its
//! own, so that no text is pasted into another. The hazards: a pid would name another process by
//! the time the system looks, a token does not; and an object of CoreFoundation that is released
//! twice, or never.

use std::ffi::{c_long, c_void};
use std::ptr::{self, NonNull};

use crate::answer::{AuditToken, CodeError, of_guest, of_validity};

type Object = *const c_void;

// <Security/SecCode.h>, <Security/SecRequirement.h>.
#[link(name = "Security", kind = "framework")]
unsafe extern "C" {
    static kSecGuestAttributeAudit: Object;
    fn SecCodeCopyGuestWithAttributes(
        host: Object,
        attributes: Object,
        flags: u32,
        guest: *mut Object,
    ) -> i32;
    fn SecRequirementCreateWithString(text: Object, flags: u32, requirement: *mut Object) -> i32;
    fn SecCodeCheckValidity(code: Object, flags: u32, requirement: Object) -> i32;
}

// <CoreFoundation/CFBase.h>, CFData.h, CFString.h, CFDictionary.h. `CFIndex` is `long`, `Boolean`
// an `unsigned char`. The two tables of callbacks are structures of which only the address counts.
#[link(name = "CoreFoundation", kind = "framework")]
unsafe extern "C" {
    static kCFTypeDictionaryKeyCallBacks: c_void;
    static kCFTypeDictionaryValueCallBacks: c_void;
    fn CFRelease(object: Object);
    fn CFDataCreate(allocator: Object, bytes: *const u8, length: c_long) -> Object;
    fn CFStringCreateWithBytes(
        allocator: Object,
        bytes: *const u8,
        length: c_long,
        encoding: u32,
        is_external: u8,
    ) -> Object;
    fn CFDictionaryCreate(
        allocator: Object,
        keys: *const Object,
        values: *const Object,
        count: c_long,
        key_callbacks: *const c_void,
        value_callbacks: *const c_void,
    ) -> Object;
}

const UTF8: u32 = 0x0800_0100;
const NO_FLAGS: u32 = 0;
/// What no program that is trusted may ask for: whoever of its user attaches to it, or has it load
/// code, is that program then.
const LETS_NOBODY_IN: &str = concat!(
    r#"!(entitlement["com.apple.security.get-task-allow"] exists)"#,
    r#" and !(entitlement["com.apple.security.cs.disable-library-validation"] exists)"#,
    r#" and !(entitlement["com.apple.security.cs.allow-dyld-environment-variables"] exists)"#,
);

/// One reference to an object of CoreFoundation, given back when it goes.
struct Owned(NonNull<c_void>);

impl Owned {
    /// Takes over what a function with `Create` or `Copy` in its name has returned.
    fn take(object: Object) -> Result<Self, CodeError> {
        NonNull::new(object.cast_mut()).map(Self).ok_or(CodeError::NoObject)
    }

    fn get(&self) -> Object {
        self.0.as_ptr()
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the object is alive, for this reference to it is ours, and is given back once.
        unsafe { CFRelease(self.get()) };
    }
}

/// Says whether the program of that process satisfies `requirement`, and lets nobody else in.
///
/// It asks services of the system, and may take its time: never on the thread of the runtime.
///
/// # Errors
/// [`CodeError`] wherever the program could not be looked at: to be taken for a no.
pub fn code_satisfies(token: AuditToken, requirement: &str) -> Result<bool, CodeError> {
    let requirement = compile(requirement)?;
    let lets_nobody_in = compile(LETS_NOBODY_IN)?;
    let code = program_of(token)?;
    Ok(is_met(&code, &requirement)? && is_met(&code, &lets_nobody_in)?)
}

/// Reads a requirement, and forgets it.
///
/// # Errors
/// [`CodeError::Requirement`] if the text is none.
pub fn check_requirement(text: &str) -> Result<(), CodeError> {
    compile(text).map(drop)
}

fn compile(text: &str) -> Result<Owned, CodeError> {
    let length = c_long::try_from(text.len()).map_err(|_| CodeError::NoObject)?;
    // SAFETY: no safe way exists. `text` has `length` bytes, which are copied; a null allocator is
    // the default one.
    let text = unsafe { CFStringCreateWithBytes(ptr::null(), text.as_ptr(), length, UTF8, 0) };
    let text = Owned::take(text)?;
    let mut requirement = ptr::null();
    // SAFETY: no safe way exists. `text` is a string and alive, `requirement` a place of our own.
    let status =
        unsafe { SecRequirementCreateWithString(text.get(), NO_FLAGS, &raw mut requirement) };
    match status {
        0 => Owned::take(requirement),
        status => Err(CodeError::Requirement(status)),
    }
}

fn program_of(token: AuditToken) -> Result<Owned, CodeError> {
    let bytes = token.to_bytes();
    let length = c_long::try_from(bytes.len()).map_err(|_| CodeError::NoObject)?;
    // SAFETY: `bytes` has `length` bytes, which are copied; a null allocator is the default one.
    let data = Owned::take(unsafe { CFDataCreate(ptr::null(), bytes.as_ptr(), length) })?;
    // SAFETY: a constant of the framework, set before any code of ours runs, and never written.
    let keys = [unsafe { kSecGuestAttributeAudit }];
    let values = [data.get()];
    let (of_keys, of_values) =
        (&raw const kCFTypeDictionaryKeyCallBacks, &raw const kCFTypeDictionaryValueCallBacks);
    // SAFETY: both arrays hold one object that is alive, which the callbacks retain; those are the
    // framework's own for such objects.
    let attributes = unsafe {
        CFDictionaryCreate(ptr::null(), keys.as_ptr(), values.as_ptr(), 1, of_keys, of_values)
    };
    let attributes = Owned::take(attributes)?;
    let mut guest = ptr::null();
    // SAFETY: no safe way exists. A null host is the kernel; `attributes` is a dictionary and
    // alive,
    // `guest` a place of our own.
    let status = unsafe {
        SecCodeCopyGuestWithAttributes(ptr::null(), attributes.get(), NO_FLAGS, &raw mut guest)
    };
    match status {
        0 => Owned::take(guest),
        status => Err(of_guest(status)),
    }
}

fn is_met(code: &Owned, requirement: &Owned) -> Result<bool, CodeError> {
    // SAFETY: no safe way exists. Both are alive, and of the kinds that the header names.
    of_validity(unsafe { SecCodeCheckValidity(code.get(), NO_FLAGS, requirement.get()) })
}
