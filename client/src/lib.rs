//! Client of the darkslide daemon: typed calls, pages and events over its socket, and nothing else.
//!
//! [`Client::connect`] finds the daemon's socket, looks at whom it belongs to before a byte is
//! sent, and says hello; then each method of the wire is a call with its own params and result.
//! [`Client::export`] starts a job and follows it. What can go wrong is one of five things
//! ([`Error`]), each with a hint. The crate has no files of its own and starts no program.
//!
//! ```no_run
//! use darkslide_client::Client;
//! use darkslide_client::protocol::message::asset::AssetQueryParams;
//!
//! # async fn example() -> Result<(), darkslide_client::Error> {
//! let client = Client::connect().await?;
//! let mut pages = client.assets(AssetQueryParams::of("main"));
//! while let Some(page) = pages.next_page().await? {
//!     for asset in page {
//!         println!("{} {}", asset.uuid, asset.original_filename);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod calls;
pub mod client;
pub mod error;
pub mod events;
pub mod export;
pub mod fake;
pub mod pages;
pub mod place;
mod transport;

#[cfg(test)]
mod conversations;

pub use client::{Builder, Client};
pub use darkslide_protocol as protocol;
pub use error::{Error, ProtocolError, Unavailable};
pub use events::Subscription;
pub use export::ExportHandle;
pub use pages::{AssetPages, PlanPages, ReportPages};
pub use place::PlaceError;
pub use transport::{Tap, Way};
