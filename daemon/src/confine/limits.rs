//! The process's own limits: descriptors, memory, no core, not dumpable.
//!
//! Sets them once, before Landlock and the filters, and reads them back for `health` by calls that
//! the filter allows for asking only. Hard limits are lowered with the soft ones, so that nothing
//! raises them again. The hazard: `RLIMIT_FSIZE`, if somebody else set one, would kill by SIGXFSZ;
//! `server` listens for that signal, so that the write fails instead. It is left as it is, for what
//! it refuses has no words. (SIGPIPE is ignored by Rust's own start.)

#[cfg(target_os = "linux")]
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
    lower("core size", Resource::RLIMIT_CORE, MAX_CORE_BYTES)?;
    others()
}

/// What macOS has no use for: it counts no memory by this limit, and the hardened runtime keeps
/// debuggers away.
#[cfg(not(target_os = "linux"))]
fn others() -> Result<(), ConfineError> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn others() -> Result<(), ConfineError> {
    // Not the address space: the allocator reserves 64 MiB of that for each thread, and uses none.
    lower("memory", Resource::RLIMIT_DATA, MAX_DATA_BYTES)?;
    // Nobody of the same uid may trace us or read our memory; a core would be root's, were there
    // one.
    prctl::set_dumpable(false)
        .map_err(|source| ConfineError::Limit { what: "being dumped", source })
}

/// Asks the kernel for the limits in force; what cannot be asked is `None`.
pub(super) fn read() -> Limits {
    let soft = |resource| getrlimit(resource).ok().map(|(soft, _)| soft);
    let limits = Limits {
        descriptors: soft(Resource::RLIMIT_NOFILE),
        core_bytes: soft(Resource::RLIMIT_CORE),
        ..Limits::default()
    };
    #[cfg(target_os = "linux")]
    let limits = Limits {
        data_bytes: soft(Resource::RLIMIT_DATA),
        dumpable: prctl::get_dumpable().ok(),
        ..limits
    };
    limits
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

/// Nothing raises them again, for the hard ones were lowered too; said if the kernel tells
/// otherwise.
pub(super) fn changed(now: &Limits) -> Option<String> {
    let over = |value: Option<u64>, most: u64| value.is_some_and(|value| value > most);
    let changed = over(now.descriptors, MAX_DESCRIPTORS)
        || over(now.data_bytes, MAX_DATA_BYTES)
        || over(now.core_bytes, MAX_CORE_BYTES)
        || now.dumpable == Some(true);
    changed.then(|| "the limits in force are not those that were set".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_when_limits_are_not_those_that_were_set() {
        let set = Limits {
            descriptors: Some(512),
            data_bytes: Some(1 << 30),
            core_bytes: Some(0),
            dumpable: Some(false),
        };
        assert_eq!(changed(&set), None);
        assert!(changed(&Limits { descriptors: Some(513), ..set }).is_some());
        assert!(changed(&Limits { core_bytes: Some(1), ..set }).is_some());
        assert!(changed(&Limits { dumpable: Some(true), ..set }).is_some());
    }
}
