//! From arguments to serving: the steps of the boot, and why one of them can fail.
//!
//! It alone reads arguments and environment, makes the socket, and opens the folders of the policy,
//! all of it before there is a grant and before a byte is read from a peer. Read `order.rs` first.

mod adopt_socket;
pub mod args;
mod descriptors;
mod error;
mod find;
mod guests;
mod knock;
mod listen;
mod misconfigured;
mod open;
mod order;
mod owned;
mod reload;
mod state;
mod world;

pub use adopt_socket::{AdoptError, Handed, begin_adopting, refused};
pub use descriptors::begin_clean;
pub(crate) use descriptors::null_device;
pub use error::BootError;
pub(crate) use find::{policy_by, policy_place, state_place};
pub use open::Missing;
pub use order::{Confined, Ending, Listening, Loaded, Opened, Placed, read_policy};
pub(crate) use state::audit_folder;
pub use world::arguments;
pub(crate) use world::methods;

use crate::boot::args::Arguments;
use crate::telemetry;

/// Serves as the arguments say, until it is told to end. Where a service manager started it and it
/// cannot, it says so to whoever connects before it ends.
///
/// # Errors
/// [`BootError`] from whichever step failed; under a service manager [`BootError::Activated`].
pub fn serve(arguments: &Arguments, handed: Handed) -> Result<Ending, BootError> {
    telemetry::install(arguments.log.unwrap_or(telemetry::Level::Info));
    let activated = handed.is_activated();
    let placed = descriptors::close_input_and_output()
        .map_err(BootError::Runtime)
        .and_then(|()| Placed::from_arguments(arguments, handed))
        .map_err(|error| refused(activated, error))?;
    let listener = placed.listener().map_err(|error| refused(activated, error))?;
    let ended = placed
        .load()
        .and_then(Loaded::listen)
        .and_then(Listening::open)
        .and_then(Opened::confine)
        .and_then(Confined::serve);
    ended.map_err(|error| match (&error, listener) {
        (_, None) => error,
        // The clients there are that daemon's.
        (BootError::AlreadyRunning(_), Some(_)) => refused(activated, error),
        (_, Some(listener)) => {
            misconfigured::answer(&listener, &error);
            BootError::Activated(Box::new(error))
        }
    })
}
