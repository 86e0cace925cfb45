//! What a daemon of this user would find at its start, for whoever wants to know without one
//! (`offline`): the policy that applies, and where the state is kept.
//!
//! The same reading and the same places as at a start; nothing that the policy names is opened, and
//! nothing is made. The hazard: a second list of places, which explains a file that no daemon
//! reads.

use darkslide_policy::{AbsPath, Policy, World};

use crate::boot::reload::Sources;
use crate::boot::{BootError, world};

/// A policy, and where it stands.
#[derive(Debug)]
pub(crate) struct FoundPolicy {
    /// What it says.
    pub(crate) policy: Policy,
    /// Its file; none of the built-in one.
    pub(crate) file: Option<AbsPath>,
    /// What it was read for.
    pub(crate) world: World,
}

/// Finds the policy that applies, at the path that a person typed or where it is looked for.
///
/// # Errors
/// As the daemon would.
pub(crate) fn policy_by(typed: Option<&str>) -> Result<FoundPolicy, BootError> {
    let world = world::world()?;
    let named = typed.map(|text| world::path(text, &world)).transpose()?;
    let (policy, file) = Sources::new(named, &world).read(&world)?;
    Ok(FoundPolicy { policy, file, world })
}

/// Where a daemon of this user looks for its policy first.
///
/// # Errors
/// [`BootError::NoHome`].
pub(crate) fn policy_place() -> Result<AbsPath, BootError> {
    world::policy_paths(&world::world()?).into_iter().next().ok_or(BootError::NoHome)
}

/// Where a daemon of this user keeps its state.
///
/// # Errors
/// [`BootError::NoHome`], [`BootError::Path`].
pub(crate) fn state_place() -> Result<AbsPath, BootError> {
    world::state_folder(&world::world()?)
}
