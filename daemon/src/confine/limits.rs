//! The process's own limits: descriptors, memory, no core, not dumpable.
//!
//! Sets them once, before Landlock and the filters, and reads them back for `health` by calls that
//! the filter allows for asking only. Hard limits are lowered with the soft ones, so that nothing
//! raises them again. The hazard: `RLIMIT_FSIZE`, if somebody else set one, would kill by SIGXFSZ;
//! `server` listens for that signal, so that the write fails instead. It is left as it is, for what
//! it refuses has no words. (SIGPIPE is ignored by Rust's own start.)

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

use super::error::ConfineError;
use super::report::{LEAST_DESCRIPTORS, Limits, MAX_CORE_BYTES, MAX_DATA_BYTES, MAX_DESCRIPTORS};

/// Sets all limits of this process.
///
/// # Errors
/// `TooFewDescriptors` if whoever started us allows less than we need; `Limit` if the kernel
/// refuses one.
pub(super) fn set() -> Result<(), ConfineError> {
    let descriptors = lower("descriptors", Resource::RLIMIT_NOFILE, MAX_DESCRIPTORS)?;
    if descriptors < LEAST_DESCRIPTORS {
        return Err(ConfineError::TooFewDescriptors {
            most: descriptors,
            least: LEAST_DESCRIPTORS,
        });
    }
    // Not the address space: the allocator reserves 64 MiB of that for each thread, and uses none.
    lower("memory", Resource::RLIMIT_DATA, MAX_DATA_BYTES)?;
    lower("core size", Resource::RLIMIT_CORE, MAX_CORE_BYTES)?;
    // Nobody of the same uid may trace us or read our memory; a core would be root's, were there
    // one.
    prctl::set_dumpable(false)
        .map_err(|source| ConfineError::Limit { what: "being dumped", source })
}

/// Asks the kernel for the limits in force; what cannot be asked is `None`.
pub(super) fn read() -> Limits {
    let soft = |resource| getrlimit(resource).ok().map(|(soft, _)| soft);
    Limits {
        descriptors: soft(Resource::RLIMIT_NOFILE),
        data_bytes: soft(Resource::RLIMIT_DATA),
        core_bytes: soft(Resource::RLIMIT_CORE),
        dumpable: prctl::get_dumpable().ok(),
    }
}

/// Sets soft and hard limit to `most`, or to the hard limit that we were given if that is lower;
/// returns it.
fn lower(what: &'static str, resource: Resource, most: rlim_t) -> Result<rlim_t, ConfineError> {
    let refused = |source| ConfineError::Limit { what, source };
    let (_, hard) = getrlimit(resource).map_err(refused)?;
    let limit = hard.min(most);
    setrlimit(resource, limit, limit).map_err(refused)?;
    Ok(limit)
}
