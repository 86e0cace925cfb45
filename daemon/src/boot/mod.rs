//! From arguments to serving: the steps of the boot, and why one of them can fail.
//!
//! It alone reads arguments and environment, makes the socket, and opens the folders of the policy,
//! all of it before there is a grant and before a byte is read from a peer. Read `order.rs` first.

pub mod args;
mod descriptors;
mod error;
mod listen;
mod open;
mod order;
mod owned;
mod state;
mod world;

pub use descriptors::begin_clean;
pub(crate) use descriptors::null_device;
pub use error::BootError;
pub use open::Missing;
pub use order::{Confined, Listening, Loaded, Opened, read_policy};
pub use world::arguments;
pub(crate) use world::methods;

use crate::boot::args::Arguments;
use crate::telemetry;

/// Serves as the arguments say, until it is told to end.
///
/// # Errors
/// [`BootError`] from whichever step failed.
pub fn serve(arguments: &Arguments) -> Result<(), BootError> {
    telemetry::install(arguments.log.unwrap_or(telemetry::Level::Info));
    descriptors::close_input_and_output().map_err(BootError::Runtime)?;
    Loaded::from_arguments(arguments)?.listen()?.open()?.confine()?.serve()
}
