//! Client of the darkslide daemon: typed calls, pages and events over its socket, and nothing else.
//!
//! [`Client::connect`] finds the daemon's socket, looks at whom it belongs to before a byte is
//! sent, and says hello; then each method of the wire is a call with its own params and result. A
//! daemon that restarts is found again by the next call. [`Client::export`] starts a job and
//! follows it. What can go wrong is one of five things ([`Error`]), each with a class and a hint. A
//! [`CircuitBreaker`] spares a daemon that does not answer, and those who ask it. The crate has no
//! files of its own, and starts no program but for the feature `supervisor`: with it an app runs a
//! daemon of its own, or any other sidecar. Without a runtime: the feature `blocking`.
//!
//! # Connect, and call
//!
//! Each method of the wire is a call of its own, with `_` for `.`. What it takes and answers with
//! is in [`params`]. A clone is the same connection. Everything here is `Send`.
//!
//! ```no_run
//! use darkslide_client::Client;
//! use darkslide_client::params::AlbumListParams;
//!
//! # async fn example() -> Result<(), darkslide_client::Error> {
//! let client = Client::connect().await?;
//! for album in client.album_list(&AlbumListParams::of("main")).await?.albums {
//!     println!("{:>6}  {}  {}", album.count.unwrap_or(0), album.title, album.uuid);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Another socket, other times, a name in the daemon's log: [`Client::builder`].
//!
//! # Pages
//!
//! [`Client::assets`], [`Client::plan`] and [`Client::report`] walk all pages; each is a stream,
//! too ([`AssetPages::into_stream`]).
//!
//! ```no_run
//! use darkslide_client::params::{AssetQueryParams, Filter};
//!
//! # async fn example(client: darkslide_client::Client) -> Result<(), darkslide_client::Error> {
//! let mut query = AssetQueryParams::of("main");
//! query.filter = Filter::Album("Summer 2024".to_owned());
//! let mut pages = client.assets(query);
//! while let Some(page) = pages.next_page().await? {
//!     for asset in page {
//!         println!("{} {}", asset.uuid, asset.original_filename);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Files
//!
//! A thumbnail or an original comes as a [`File`](std::fs::File) that is open for reading: no path,
//! no right to the library. What is not on this disk is [`Error::Remote`] with the name
//! `NOT_LOCAL`.
//!
//! ```no_run
//! use darkslide_client::params::{Asset, ResourceOpenParams, ThumbnailOpenParams, Version};
//!
//! # async fn example(client: darkslide_client::Client, asset: Asset)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! let wanted = ThumbnailOpenParams::of("main", asset.uuid.parse()?, 256);
//! let (shown, image) = client.thumbnail_open(&wanted).await?;
//! println!("{} {}x{}", shown.name, shown.width, shown.height);
//!
//! let wanted = ResourceOpenParams::of("main", asset.uuid.parse()?, Version::Original);
//! let (told, mut original) = client.resource_open(&wanted).await?;
//! std::io::copy(&mut original, &mut std::fs::File::create_new(told.name)?)?;
//! # Ok(())
//! # }
//! ```
//!
//! # Export
//!
//! A job belongs to the daemon: it runs on when its handle is dropped, and through a restart of the
//! daemon. With a key it is found again, by the same call or by [`Client::attach_key`]; by its
//! identity with [`Client::attach`]. [`Client::follow`] takes what `export_verify` and
//! `export_prune` answer.
//!
//! ```no_run
//! use darkslide_client::params::{CancelMode, ExportSpec, ExportStartParams};
//!
//! # async fn example(client: darkslide_client::Client) -> Result<(), darkslide_client::Error> {
//! let spec = ExportSpec::of("main", "~/Exports/summer");
//! let mut export = client.export(&ExportStartParams::of(spec).keyed("summer")).await?;
//! while let Some(event) = export.next().await? {
//!     let job = export.status();
//!     println!("{}: {} of {} files", event.kind, job.files_done, job.files_total);
//!     if job.bytes_total > 1 << 40 {
//!         export.cancel(CancelMode::AfterFile).await?;
//!     }
//! }
//! let mut undone = export.report(true);
//! while let Some(rows) = undone.next_page().await? {
//!     rows.iter().for_each(|row| println!("{}: {:?}", row.original_filename, row.reason));
//! }
//! let again = client.attach_key("summer").await?.wait().await?; // in another process, say
//! assert_eq!(&again.job, export.id());
//! # Ok(())
//! # }
//! ```
//!
//! [`Client::extract`] is one call for all of it: an album, a folder, and the files with their
//! metadata when it is over.
//!
//! ```no_run
//! use darkslide_client::params::ExtractParams;
//!
//! # async fn example(client: darkslide_client::Client) -> Result<(), darkslide_client::Error> {
//! let done = client.extract(&ExtractParams::of("Summer 2024", "~/Exports/summer")).await?;
//! println!("{}: {:?}", done.message, done.photos);
//! # Ok(())
//! # }
//! ```
//!
//! # Events
//!
//! A [`Subscription`] outlives connections and daemons; an event of kind `overflow` tells what was
//! lost.
//!
//! ```no_run
//! use darkslide_client::params::{EventSubscribeParams, Topic};
//!
//! # async fn example(client: darkslide_client::Client) -> Result<(), darkslide_client::Error> {
//! let topics = [Topic::Jobs, Topic::Library("main".to_owned())];
//! let mut events = client.subscribe(&EventSubscribeParams::of(topics)).await?;
//! while let Some(event) = events.next().await? {
//!     println!("{} {}", event.topic, event.kind);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! Five cases by whose turn it is; [`Error::hint`] says what to do, [`Error::is_transient`] whether
//! another try is worth it, and [`Error::wire`] what the daemon said, to decide by.
//!
//! ```no_run
//! use darkslide_client::Error;
//! use darkslide_client::params::{ErrorName, LibraryInfoParams};
//!
//! # async fn example(client: darkslide_client::Client) {
//! match client.library_info(&LibraryInfoParams { library: "main".to_owned() }).await {
//!     Ok(info) => println!("{info:?}"),
//!     Err(Error::Denied(refused)) => println!("ask who wrote the policy: {refused}"),
//!     Err(Error::Remote(told)) if told.data.name == ErrorName::NotFound => println!("no such"),
//!     Err(error) if error.is_transient() => println!("later: {error}"),
//!     Err(error) => println!("{error}: {}", error.hint()),
//! }
//! # }
//! ```
//!
//! # A daemon that does not answer
//!
//! After some failures a [`CircuitBreaker`] asks nobody for a while; those that block have
//! [`CircuitBreaker::call_blocking`].
//!
//! ```no_run
//! use darkslide_client::breaker::CallError;
//! use darkslide_client::params::{ExportSpec, ExportStartParams};
//!
//! # async fn example(client: darkslide_client::Client) -> Result<(), darkslide_client::Error> {
//! let breaker = darkslide_client::CircuitBreaker::default();
//! let start = ExportStartParams::of(ExportSpec::of("main", "~/Exports/all")).keyed("all");
//! match breaker.call(client.export(&start)).await {
//!     Ok(mut export) => println!("{:?}", export.wait().await?.outcomes),
//!     Err(CallError::Open(open)) => println!("not asked; {}", open.hint()),
//!     Err(error) => println!("{error}: {}", error.hint()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # A daemon of one's own
//!
//! With the feature `supervisor`, an app runs a private daemon that is confined to one library and
//! one folder, starts it again when it ends, and ends it with itself. It needs the program
//! `darkslide`.
//!
//! ```no_run
//! use darkslide_client::params::AlbumListParams;
//! use darkslide_client::supervisor::{LIBRARY, PrivateDaemon, Supervisor};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let daemon = PrivateDaemon::of("/photos/Trip.photoslibrary").destination("/backup/trip");
//! let supervisor = Supervisor::builder().private_daemon(daemon)?;
//! let client = supervisor.start().await?;
//! println!("{:?}", client.album_list(&AlbumListParams::of(LIBRARY)).await?);
//! supervisor.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Without a runtime
//!
//! With the feature `blocking`, `blocking::Client` has the same methods; pages, events and handles
//! are iterators.
//!
//! ```no_run
//! use darkslide_client::blocking::Client;
//! use darkslide_client::params::{ExportSpec, ExportStartParams};
//!
//! # fn example() -> Result<(), darkslide_client::Error> {
//! let client = Client::connect()?;
//! let mut export = client.export(&ExportStartParams::of(ExportSpec::of("main", "~/Exports/a")))?;
//! for event in export.by_ref() {
//!     println!("{}", event?.kind);
//! }
//! println!("{:?}", export.status().outcomes);
//! # Ok(())
//! # }
//! ```
//!
//! # In tests of one's own
//!
//! [`fake::Fake`] is a daemon that a test plays, over a socket pair.
//!
//! ```
//! use darkslide_client::fake::Fake;
//! use darkslide_client::params::LibraryListParams;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let (client, mut daemon) = Fake::pair()?;
//! let params = LibraryListParams {};
//! let play = async {
//!     let asked = daemon.request().await?;
//!     assert_eq!(asked.method, "library.list");
//!     daemon.answer_text(&asked, r#"{"libraries": []}"#).await
//! };
//! let (list, played) = tokio::join!(client.library_list(&params), play);
//! played?;
//! assert!(list?.libraries.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

#[cfg(feature = "blocking")]
pub mod blocking;
pub mod breaker;
mod calls;
pub mod client;
mod connection;
pub mod descriptors;
pub mod error;
pub mod events;
pub mod export;
mod extract;
pub mod fake;
mod methods;
pub mod pages;
pub mod params;
pub mod place;
pub mod retry;
mod stream;
#[cfg(feature = "supervisor")]
pub mod supervisor;
mod transport;

#[cfg(test)]
mod conversations;

pub use breaker::CircuitBreaker;
pub use client::{Builder, Client};
pub use darkslide_protocol as protocol;
pub use descriptors::DescriptorError;
pub use error::{Error, ProtocolError, Unavailable};
pub use events::Subscription;
pub use export::{ExportHandle, KeyHandle};
pub use pages::{AssetPages, PlanPages, ReportPages};
pub use place::PlaceError;
#[cfg(feature = "supervisor")]
pub use supervisor::Supervisor;
pub use transport::{Tap, Way};
