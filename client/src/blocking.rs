//! The same client for programs without a runtime: each call blocks until its answer is there.
//!
//! It owns a runtime of one thread, on which the connection lives between calls, and adds nothing
//! else: every call is that of [`crate::Client`], made from the same list. Pages and events are
//! iterators. The hazard: to block a thread that other tasks wait for, so within a runtime each
//! call is refused instead.
//!
//! ```no_run
//! use darkslide_client::blocking::Client;
//! use darkslide_client::params::AlbumListParams;
//!
//! let client = Client::connect()?;
//! for album in client.album_list(&AlbumListParams::of("main"))?.albums {
//!     println!("{} {}", album.count.unwrap_or(0), album.title);
//! }
//! # Ok::<(), darkslide_client::Error>(())
//! ```

#![expect(clippy::disallowed_methods, reason = "owns the runtime of a blocking client")]

use std::fs::File;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use darkslide_protocol::event::{Event, Topic};
use darkslide_protocol::message::asset::{Asset, AssetQueryParams};
use darkslide_protocol::message::event::EventSubscribeParams;
use darkslide_protocol::message::export::ExportStartParams;
use darkslide_protocol::message::extract::{ExtractParams, ExtractResult};
use darkslide_protocol::message::health::Health;
use darkslide_protocol::message::job::{CancelMode, JobReportParams, JobStatus, ReportRow};
use darkslide_protocol::message::plan::{ExportPlanParams, PlanRow};
use darkslide_protocol::message::resource::{ResourceOpenParams, ResourceOpened};
use darkslide_protocol::message::thumbnail::{ThumbnailOpenParams, ThumbnailOpened};
use darkslide_protocol::method::{self, Method};
use darkslide_protocol::value::Token;
use futures_core::Stream;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::runtime::{Builder as RuntimeBuilder, Handle, Runtime};

use crate::client::Builder;
use crate::error::{Error, Unavailable};
use crate::methods::with_calls;

/// A connection to the daemon, for programs without a runtime. Clones share it.
#[derive(Debug, Clone)]
pub struct Client {
    // In this order: the connection goes while its runtime is there.
    client: crate::Client,
    runtime: Arc<Blocked>,
}

/// A runtime whose one thread serves the connection, while callers block beside it.
#[derive(Debug)]
struct Blocked(Option<Runtime>);

impl Blocked {
    fn start() -> Result<Arc<Self>, Error> {
        let runtime = RuntimeBuilder::new_multi_thread()
            .worker_threads(1)
            .thread_name("darkslide-client")
            .enable_all()
            .build();
        let broken = |source: io::Error| Unavailable::Broken(Arc::new(source));
        Ok(Arc::new(Self(Some(runtime.map_err(broken)?))))
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        match &self.0 {
            _ if Handle::try_current().is_ok() => Err(Unavailable::InRuntime.into()),
            Some(runtime) => runtime.block_on(work),
            None => Err(Unavailable::NoRuntime.into()),
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // Without waiting for its thread: allowed everywhere, within a runtime, too.
        self.0.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

impl Client {
    /// Connects to the daemon's default socket.
    ///
    /// # Errors
    /// As [`Builder::connect`]; [`Unavailable::InRuntime`].
    pub fn connect() -> Result<Self, Error> {
        Self::connect_with(crate::Client::builder())
    }

    /// Connects as the builder says: `Client::connect_with(darkslide_client::Client::builder())`.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub fn connect_with(builder: Builder) -> Result<Self, Error> {
        let runtime = Blocked::start()?;
        let client = runtime.wait(builder.connect())?;
        Ok(Self { client, runtime })
    }

    /// Talks over a socket that is connected already; see [`Builder::over`].
    ///
    /// # Errors
    /// As [`Builder::over`]; [`Unavailable::InRuntime`].
    pub fn over(builder: Builder, stream: UnixStream) -> Result<Self, Error> {
        let runtime = Blocked::start()?;
        let client = runtime.wait(async { builder.over(stream) })?;
        Ok(Self { client, runtime })
    }

    /// The same connection, with another time for each call.
    #[must_use]
    pub fn with_call_timeout(&self, timeout: Duration) -> Self {
        let client = self.client.with_call_timeout(timeout);
        Self { client, runtime: Arc::clone(&self.runtime) }
    }

    /// Says who we claim to be, and looks at what the other side says it is.
    ///
    /// # Errors
    /// As [`crate::Client::hello`].
    pub fn hello(&self) -> Result<Health, Error> {
        self.runtime.wait(self.client.hello())
    }

    /// Which start of the daemon said hello last.
    #[must_use]
    pub fn instance(&self) -> Option<Token> {
        self.client.instance()
    }

    /// Calls a method and reads its result.
    ///
    /// # Errors
    /// As [`crate::Client::call`]; [`Unavailable::InRuntime`].
    pub fn call<M: Method>(&self, params: &M::Params) -> Result<M::Result, Error> {
        self.runtime.wait(self.client.call::<M>(params))
    }

    /// As [`Client::call`], for a method whose result comes with a descriptor.
    ///
    /// # Errors
    /// As [`crate::Client::call_with_descriptor`].
    pub fn call_with_descriptor<M: Method>(
        &self,
        params: &M::Params,
    ) -> Result<(M::Result, OwnedFd), Error> {
        self.runtime.wait(self.client.call_with_descriptor::<M>(params))
    }

    /// As [`Client::call`], and reads the result as another type.
    ///
    /// # Errors
    /// As [`crate::Client::call_as`].
    pub fn call_as<M: Method, T: DeserializeOwned>(&self, params: &M::Params) -> Result<T, Error> {
        self.runtime.wait(self.client.call_as::<M, T>(params))
    }

    /// Calls any method with params as they are; they must be an object.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn call_raw(&self, method: &str, params: &RawValue) -> Result<Box<RawValue>, Error> {
        self.runtime.wait(self.client.call_raw(method, params))
    }

    /// The assets that fit a filter, over all pages.
    pub fn assets(
        &self,
        params: AssetQueryParams,
    ) -> impl Iterator<Item = Result<Asset, Error>> + use<> {
        self.items(self.client.assets(params).into_stream())
    }

    /// The rows of an export's plan, over all pages; nothing is written.
    pub fn plan(
        &self,
        params: ExportPlanParams,
    ) -> impl Iterator<Item = Result<PlanRow, Error>> + use<> {
        self.items(self.client.plan(params).into_stream())
    }

    /// The rows of a job's report, over all pages.
    pub fn report(
        &self,
        params: JobReportParams,
    ) -> impl Iterator<Item = Result<ReportRow, Error>> + use<> {
        self.items(self.client.report(params).into_stream())
    }

    /// Subscribes to topics; each step of the iterator blocks until there is an event. Dropped, the
    /// subscription is given up.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn subscribe(&self, params: &EventSubscribeParams) -> Result<Subscription, Error> {
        let subscription = self.runtime.wait(self.client.subscribe(params))?;
        Ok(Subscription { subscription, runtime: Arc::clone(&self.runtime) })
    }

    /// Starts an export and follows it.
    ///
    /// # Errors
    /// As [`crate::Client::export`].
    pub fn export(&self, params: &ExportStartParams) -> Result<ExportHandle, Error> {
        self.handle(self.client.export(params))
    }

    /// Exports an album, and returns when that is over.
    ///
    /// # Errors
    /// As [`crate::Client::extract`].
    pub fn extract(&self, params: &ExtractParams) -> Result<ExtractResult, Error> {
        self.runtime.wait(self.client.extract(params))
    }

    /// Opens a version of an asset, for reading.
    ///
    /// # Errors
    /// As [`crate::Client::resource_open`].
    pub fn resource_open(
        &self,
        params: &ResourceOpenParams,
    ) -> Result<(ResourceOpened, File), Error> {
        self.runtime.wait(self.client.resource_open(params))
    }

    /// Opens an image of an asset that is to be shown in so many pixels, for reading.
    ///
    /// # Errors
    /// As [`crate::Client::thumbnail_open`].
    pub fn thumbnail_open(
        &self,
        params: &ThumbnailOpenParams,
    ) -> Result<(ThumbnailOpened, File), Error> {
        self.runtime.wait(self.client.thumbnail_open(params))
    }

    /// Follows a job that was started before.
    ///
    /// # Errors
    /// As [`crate::Client::follow`].
    pub fn follow(&self, status: JobStatus) -> Result<ExportHandle, Error> {
        self.handle(self.client.follow(status))
    }

    /// Follows a job by its identity.
    ///
    /// # Errors
    /// As [`crate::Client::attach`].
    pub fn attach(&self, job: Token) -> Result<ExportHandle, Error> {
        self.handle(self.client.attach(job))
    }

    /// Follows the job that is started under that key by this client's rule, now or later.
    ///
    /// # Errors
    /// As [`crate::Client::attach_key`].
    pub fn attach_key(&self, key: impl Into<String>) -> Result<KeyHandle, Error> {
        let handle = self.runtime.wait(self.client.attach_key(key))?;
        Ok(KeyHandle { handle, runtime: Arc::clone(&self.runtime) })
    }

    fn handle(
        &self,
        handle: impl Future<Output = Result<crate::ExportHandle, Error>>,
    ) -> Result<ExportHandle, Error> {
        let handle = self.runtime.wait(handle)?;
        Ok(ExportHandle { handle, runtime: Arc::clone(&self.runtime) })
    }

    fn items<S>(&self, stream: S) -> Items<S> {
        Items { stream, runtime: Arc::clone(&self.runtime) }
    }
}

macro_rules! blocking_calls {
    ($($(#[$doc:meta])* $name:ident = $method:ident;)*) => {
        /// One call for each method; [`crate::Client::call`] says what can go wrong.
        impl Client {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// As [`Client::call`].
                pub fn $name(
                    &self,
                    params: &<method::$method as Method>::Params,
                ) -> Result<<method::$method as Method>::Result, Error> {
                    self.call::<method::$method>(params)
                }
            )*
        }
    };
}

with_calls!(blocking_calls);

/// What a stream brings, item by item.
struct Items<S> {
    stream: S,
    runtime: Arc<Blocked>,
}

impl<T, S: Stream<Item = Result<T, Error>> + Unpin> Iterator for Items<S> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let stream = &mut self.stream;
        let next = std::future::poll_fn(|context| Pin::new(&mut *stream).poll_next(context));
        self.runtime.wait(async { next.await.transpose() }).transpose()
    }
}

/// Follows one job; see [`crate::ExportHandle`]. Dropped, the job runs on.
#[derive(Debug)]
pub struct ExportHandle {
    handle: crate::ExportHandle,
    runtime: Arc<Blocked>,
}

impl ExportHandle {
    /// The job's identity.
    #[must_use]
    pub fn id(&self) -> &Token {
        self.handle.id()
    }

    /// The job as it was last told.
    #[must_use]
    pub fn status(&self) -> &JobStatus {
        self.handle.status()
    }

    /// Blocks until the job is over, and returns how it ended.
    ///
    /// # Errors
    /// As [`crate::ExportHandle::wait`].
    pub fn wait(&mut self) -> Result<JobStatus, Error> {
        self.runtime.wait(self.handle.wait())
    }

    /// Asks the job to stop; its end is told as any other.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn cancel(&self, mode: CancelMode) -> Result<JobStatus, Error> {
        self.runtime.wait(self.handle.cancel(mode))
    }

    /// The rows that are not done, or all of them.
    pub fn report(&self, undone: bool) -> impl Iterator<Item = Result<ReportRow, Error>> + use<> {
        let stream = self.handle.report(undone).into_stream();
        Items { stream, runtime: Arc::clone(&self.runtime) }
    }
}

/// What happens to the job, event by event, until it is over.
impl Iterator for ExportHandle {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.runtime.wait(self.handle.next()).transpose()
    }
}

/// Follows the job of a key; see [`crate::KeyHandle`].
#[derive(Debug)]
pub struct KeyHandle {
    handle: crate::KeyHandle,
    runtime: Arc<Blocked>,
}

impl KeyHandle {
    /// The job as it was last told; `None` while nothing was.
    #[must_use]
    pub fn status(&self) -> Option<&JobStatus> {
        self.handle.status()
    }

    /// Blocks until there is a job and it is over, and returns how it ended.
    ///
    /// # Errors
    /// As [`crate::KeyHandle::wait`].
    pub fn wait(&mut self) -> Result<JobStatus, Error> {
        self.runtime.wait(self.handle.wait())
    }

    /// Asks the job to stop; its end is told as any other.
    ///
    /// # Errors
    /// As [`crate::KeyHandle::cancel`].
    pub fn cancel(&self, mode: CancelMode) -> Result<JobStatus, Error> {
        self.runtime.wait(self.handle.cancel(mode))
    }
}

/// What happens to the job, event by event, until it is over.
impl Iterator for KeyHandle {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.runtime.wait(self.handle.next()).transpose()
    }
}

/// Events, each step blocking until there is one; see [`crate::Subscription`].
#[derive(Debug)]
pub struct Subscription {
    subscription: crate::Subscription,
    runtime: Arc<Blocked>,
}

impl Subscription {
    /// What it is about.
    #[must_use]
    pub fn topics(&self) -> &[Topic] {
        self.subscription.topics()
    }

    /// The number behind which another subscription goes on, as `since`.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.subscription.seq()
    }

    /// Gives it up, and blocks until the daemon has done so; dropping it does not wait.
    ///
    /// # Errors
    /// As any call.
    pub fn unsubscribe(self) -> Result<(), Error> {
        self.runtime.wait(self.subscription.unsubscribe())
    }
}

/// After an error, the next step tries again.
impl Iterator for Subscription {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.runtime.wait(self.subscription.next()).transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use darkslide_protocol::message::health::HealthParams;

    /// The names of what is public of a type, in a source of ours.
    fn surface<'a>(source: &'a str, of: &str) -> BTreeSet<&'a str> {
        let (mut names, mut is_of_it) = (BTreeSet::new(), false);
        for line in source.lines() {
            if line.starts_with("impl") {
                is_of_it = line == format!("impl {of} {{");
            }
            let line = line.trim_start();
            let name = line.strip_prefix("pub async fn ").or(line.strip_prefix("pub fn "));
            if let Some(name) = name.filter(|_| is_of_it) {
                names.insert(name.split(['(', '<']).next().unwrap());
            }
        }
        names
    }

    #[test]
    fn what_the_client_that_awaits_can_do_this_one_can() {
        let ours = include_str!("blocking.rs");
        let client = concat!(include_str!("client.rs"), include_str!("extract.rs"));
        let export = include_str!("export.rs");
        // Both take the same builder; to step is an iterator's `next` here.
        for (theirs, of, instead) in [
            (client, "Client", [Some("builder"), Some("connect_with")]),
            (export, "ExportHandle", [Some("next"), None]),
            (export, "KeyHandle", [Some("next"), None]),
            (include_str!("events.rs"), "Subscription", [Some("next"), None]),
        ] {
            let [theirs_alone, ours_alone] = instead;
            let (mut theirs, mut ours) = (surface(theirs, of), surface(ours, of));
            assert!(theirs.remove(theirs_alone.unwrap()) && theirs.len() >= 3, "{of}");
            assert!(ours_alone.is_none_or(|name| ours.remove(name)), "{of}");
            assert_eq!(ours, theirs, "{of}");
        }
    }

    #[test]
    fn within_a_runtime_a_call_is_refused_and_everything_can_be_dropped() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let client = Client::over(crate::Client::builder(), ours).unwrap();
        let runtime = RuntimeBuilder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let told = client.health(&HealthParams::default());
            assert!(matches!(told, Err(Error::Unavailable(Unavailable::InRuntime))), "{told:?}");
            let connected = Client::connect();
            assert!(matches!(connected, Err(Error::Unavailable(Unavailable::InRuntime))));
            drop(client);
        });
    }

    #[test]
    fn a_peer_that_goes_ends_the_call_that_blocks() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let client = Client::over(crate::Client::builder(), ours).unwrap();
        drop(theirs);
        let told = client.health(&HealthParams::default());
        assert!(matches!(told, Err(Error::Unavailable(Unavailable::Closed))), "{told:?}");
    }

    #[test]
    fn a_call_times_out_and_the_connection_stays_usable() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let client = Client::over(crate::Client::builder(), ours).unwrap();
        let short = client.with_call_timeout(Duration::from_millis(1));
        let told = short.health(&HealthParams::default());
        assert!(matches!(told, Err(Error::TimedOut { .. })), "{told:?}");
        drop(theirs);
    }
}
