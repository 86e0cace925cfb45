//! The client: connects, says hello, and has one typed call for each method of the wire.
//!
//! Calls are made from the list of methods, so that neither a name nor a type is stated twice.
//! Clones share one connection, which is closed with the last of them and of their subscriptions.
//! Nothing is sent to a daemon before its place was looked at, and nothing but `health` before it
//! has said what it is: the first time, and each time the connection is made again.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use darkslide_protocol::event::Topic;
use darkslide_protocol::message::asset::AssetQueryParams;
use darkslide_protocol::message::event::EventSubscribeParams;
use darkslide_protocol::message::export::ExportStartParams;
use darkslide_protocol::message::health::{Claim, Health};
use darkslide_protocol::message::job::{JobReportParams, JobStatus, JobStatusParams};
use darkslide_protocol::message::plan::ExportPlanParams;
use darkslide_protocol::message::resource::{ResourceOpenParams, ResourceOpened};
use darkslide_protocol::message::thumbnail::{ThumbnailOpenParams, ThumbnailOpened};
use darkslide_protocol::method::{self, Method};
use darkslide_protocol::value::Token;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::calls::{OnResult, Reply};
use crate::connection::{self, Connection, Dial, Random, read_result};
use crate::error::{Error, ProtocolError, Unavailable};
use crate::events::Subscription;
use crate::export::{ExportHandle, KeyHandle};
use crate::methods::with_calls;
use crate::pages::{AssetPages, PlanPages, ReportPages};
use crate::place;
use crate::transport::{self, Link, Tap, Transport};

/// From the first attempt to connect until the daemon has said what it is. launchd may hold a start
/// back for 10 s.
pub const CONNECT_TIMEOUT: Duration =
    Duration::from_secs(if cfg!(target_os = "macos") { 15 } else { 5 });

/// From a call to its answer.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How to connect.
#[derive(Clone)]
pub struct Builder {
    socket: Option<PathBuf>,
    connect_timeout: Duration,
    call_timeout: Duration,
    reconnect: bool,
    user_agent: Claim,
    tap: Option<Tap>,
    random: Random,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("socket", &self.socket)
            .field("connect_timeout", &self.connect_timeout)
            .field("call_timeout", &self.call_timeout)
            .field("reconnect", &self.reconnect)
            .field("user_agent", &self.user_agent)
            .finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            socket: None,
            connect_timeout: CONNECT_TIMEOUT,
            call_timeout: CALL_TIMEOUT,
            reconnect: true,
            user_agent: Claim {
                name: "darkslide-client".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            tap: None,
            // Every hasher of the standard library begins with other random keys.
            random: Arc::new(|| RandomState::new().hash_one(())),
        }
    }
}

impl Builder {
    /// Another socket than the default.
    #[must_use]
    pub fn socket(mut self, socket: impl Into<PathBuf>) -> Self {
        self.socket = Some(socket.into());
        self
    }

    /// Another time for connecting than [`CONNECT_TIMEOUT`].
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Another time for each call than [`CALL_TIMEOUT`].
    #[must_use]
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// Whether a call that finds the connection gone makes it again, as it does unless this says
    /// otherwise. The call's time bounds how long that is tried, after 50 ms and then twice as long
    /// each time, up to 2 s. A call whose connection ends before its answer is made again, but not
    /// one that writes, nor a subscription. Clients made by [`Builder::over`] never do.
    #[must_use]
    pub fn reconnect(mut self, reconnect: bool) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// What the daemon's log calls this client, 1 to 64 bytes each: a claim that decides nothing.
    #[must_use]
    pub fn user_agent(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.user_agent = Claim { name: name.into(), version: version.into() };
        self
    }

    /// Looks at the bytes of each frame, both ways.
    #[must_use]
    pub fn tap(mut self, tap: Tap) -> Self {
        self.tap = Some(tap);
        self
    }

    /// Connects to the daemon's socket, after a look at its place, and says hello.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if nobody listens, or somebody who is not to be trusted;
    /// [`Error::Denied`] if the policy has no rule for this user; [`Error::TimedOut`];
    /// [`Error::Protocol`] if it is another service.
    pub async fn connect(self) -> Result<Client, Error> {
        let socket = match self.socket {
            Some(socket) => socket,
            None => place::default_socket().map_err(Unavailable::Place)?,
        };
        let dial = Dial {
            socket,
            timeout: self.connect_timeout,
            user_agent: self.user_agent.clone(),
            tap: self.tap,
            random: self.random,
        };
        let (transport, instance) = dial.attempt().await?;
        let again = self.reconnect.then_some(dial);
        Ok(Client {
            connection: Connection::new(transport, Some(instance), again),
            call_timeout: self.call_timeout,
            user_agent: self.user_agent,
        })
    }

    /// Talks over a socket that is connected already: the private way, in which whoever made the
    /// pair knows the other end. Nothing is sent; [`Client::hello`] should come first, and within 5
    /// s.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the socket cannot be used, or there is no tokio runtime.
    pub fn over(self, stream: UnixStream) -> Result<Client, Error> {
        let transport = Transport::start(transport::adopt(stream)?, self.tap)?;
        Ok(Client {
            connection: Connection::new(transport, None, None),
            call_timeout: self.call_timeout,
            user_agent: self.user_agent,
        })
    }

    /// Random numbers of a test's own.
    #[cfg(test)]
    pub(crate) fn random(mut self, random: Random) -> Self {
        self.random = random;
        self
    }
}

/// A connection to the daemon, made again when it is gone. Clones share it.
#[derive(Debug, Clone)]
pub struct Client {
    connection: Arc<Connection>,
    call_timeout: Duration,
    user_agent: Claim,
}

impl Client {
    /// Connects to the daemon's default socket; see [`Builder::connect`].
    ///
    /// # Errors
    /// As [`Builder::connect`].
    pub async fn connect() -> Result<Self, Error> {
        Self::builder().connect().await
    }

    /// Says how to connect.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Talks over a socket that is connected already; see [`Builder::over`].
    ///
    /// # Errors
    /// As [`Builder::over`].
    pub fn over(stream: UnixStream) -> Result<Self, Error> {
        Self::builder().over(stream)
    }

    /// The same connection, with another time for each call.
    #[must_use]
    pub fn with_call_timeout(&self, timeout: Duration) -> Self {
        Self { call_timeout: timeout, ..self.clone() }
    }

    /// Says who we claim to be, and looks at what the other side says it is.
    ///
    /// # Errors
    /// [`ProtocolError::OtherService`], and as any call.
    pub async fn hello(&self) -> Result<Health, Error> {
        let health = self.health(&connection::hello(&self.user_agent)).await?;
        connection::check_service(&health)?;
        self.connection.greeted_by(&health.instance);
        Ok(health)
    }

    /// Which start of the daemon said hello last: another one means that it was restarted. `None`
    /// if none has, over a socket that was connected already.
    #[must_use]
    pub fn instance(&self) -> Option<Token> {
        self.connection.instance()
    }

    /// Calls a method and reads its result, over a new connection if the one before is gone (see
    /// [`Builder::reconnect`]). Dropping the future gives the request up, which the daemon is told
    /// if it was sent; a job that it has started by then runs on.
    ///
    /// # Errors
    /// [`Error::Denied`] and [`Error::Remote`] with the daemon's answer; [`Error::TimedOut`], after
    /// which the connection is as usable as before; [`Error::Unavailable`], after which it is
    /// unknown whether what was to be written was; [`Error::Protocol`].
    pub async fn call<M: Method>(&self, params: &M::Params) -> Result<M::Result, Error> {
        self.call_as::<M, M::Result>(params).await
    }

    /// As [`Client::call`], and reads the result as another type: one with fewer members, say, or
    /// with text in place of what is only passed on.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn call_as<M: Method, T: DeserializeOwned>(
        &self,
        params: &M::Params,
    ) -> Result<T, Error> {
        let reply = self.ask(M::NAME, M::NAME, params, None).await?;
        read_result(M::NAME, &reply)
    }

    /// As [`Client::call`], for a method whose result comes with a descriptor: open for reading,
    /// and closed in programs that this one starts.
    ///
    /// # Errors
    /// As [`Client::call`]; [`ProtocolError::NoDescriptor`].
    pub async fn call_with_descriptor<M: Method>(
        &self,
        params: &M::Params,
    ) -> Result<(M::Result, OwnedFd), Error> {
        let mut reply = self.ask(M::NAME, M::NAME, params, None).await?;
        let descriptor = reply.descriptor.take();
        let result = read_result(M::NAME, &reply)?;
        let missing = ProtocolError::NoDescriptor { method: M::NAME };
        Ok((result, descriptor.ok_or(missing)?))
    }

    /// As `call`, with a look at the result before the next frame is read.
    pub(crate) async fn call_looking<M: Method>(
        &self,
        params: &M::Params,
        on_result: OnResult,
    ) -> Result<M::Result, Error> {
        let reply = self.ask(M::NAME, M::NAME, params, Some(on_result)).await?;
        read_result(M::NAME, &reply)
    }

    /// Calls any method with params as they are, and returns the result as it is: for tools, and
    /// for methods that this crate does not know. Params must be an object.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn call_raw(&self, method: &str, params: &RawValue) -> Result<Box<RawValue>, Error> {
        Ok(self.ask(method, CALLING, &params, None).await?.result)
    }

    async fn ask<P: serde::Serialize>(
        &self,
        method: &str,
        doing: &'static str,
        params: &P,
        on_result: Option<OnResult>,
    ) -> Result<Reply, Error> {
        let after = self.call_timeout;
        let mut is_gone = false;
        let asked = self.connection.ask(method, params, on_result, &mut is_gone);
        match tokio::time::timeout(after, asked).await {
            Ok(answered) => answered,
            Err(_late) if is_gone => Err(self.connection.why_gone()),
            Err(_late) => Err(Error::TimedOut { doing, after }),
        }
    }

    /// The connection that there is at this moment.
    pub(crate) fn link(&self) -> Arc<Link> {
        self.connection.link()
    }
}

const CALLING: &str = "waiting for an answer";

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident = $method:ident;)*) => {
        /// One call for each method; [`Client::call`] says what can go wrong.
        impl Client {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// As [`Client::call`].
                pub async fn $name(
                    &self,
                    params: &<method::$method as Method>::Params,
                ) -> Result<<method::$method as Method>::Result, Error> {
                    self.call::<method::$method>(params).await
                }
            )*
        }

        #[cfg(test)]
        const CALLS: &[&str] = &[$(<method::$method as Method>::NAME),*];
    };
}

with_calls!(calls);

impl Client {
    /// Opens a version of an asset, for reading. Reading it asks the daemon nothing more.
    ///
    /// # Errors
    /// As [`Client::call_with_descriptor`].
    pub async fn resource_open(
        &self,
        params: &ResourceOpenParams,
    ) -> Result<(ResourceOpened, File), Error> {
        let opened = self.call_with_descriptor::<method::ResourceOpen>(params).await?;
        Ok((opened.0, File::from(opened.1)))
    }

    /// Opens an image of an asset that is to be shown in so many pixels, for reading.
    ///
    /// # Errors
    /// As [`Client::call_with_descriptor`].
    pub async fn thumbnail_open(
        &self,
        params: &ThumbnailOpenParams,
    ) -> Result<(ThumbnailOpened, File), Error> {
        let opened = self.call_with_descriptor::<method::ThumbnailOpen>(params).await?;
        Ok((opened.0, File::from(opened.1)))
    }

    /// Subscribes to topics (`event.subscribe`); dropping the subscription gives it up.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn subscribe(&self, params: &EventSubscribeParams) -> Result<Subscription, Error> {
        Subscription::open(self, params).await
    }

    /// Walks the assets that fit a filter, page by page.
    #[must_use]
    pub fn assets(&self, params: AssetQueryParams) -> AssetPages {
        AssetPages::new(self.clone(), params)
    }

    /// Walks the plan of an export, page by page; nothing is written.
    #[must_use]
    pub fn plan(&self, params: ExportPlanParams) -> PlanPages {
        PlanPages::new(self.clone(), params)
    }

    /// Walks the report of a job, page by page.
    #[must_use]
    pub fn report(&self, params: JobReportParams) -> ReportPages {
        ReportPages::new(self.clone(), params)
    }

    /// Starts an export and follows it.
    ///
    /// # Errors
    /// As [`Client::call`]. If only the second step, the subscription, fails, the job runs on; with
    /// a `key` the same call finds it.
    pub async fn export(&self, params: &ExportStartParams) -> Result<ExportHandle, Error> {
        let status = self.export_start(params).await?;
        self.follow(status).await
    }

    /// Follows a job, whatever it does.
    ///
    /// # Errors
    /// As [`Client::subscribe`].
    pub async fn follow(&self, status: JobStatus) -> Result<ExportHandle, Error> {
        ExportHandle::follow(self.clone(), status).await
    }

    /// Follows a job that runs already.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn attach(&self, job: Token) -> Result<ExportHandle, Error> {
        let status = self.job_status(&JobStatusParams { job }).await?;
        ExportHandle::follow(self.clone(), status).await
    }

    /// Follows the job that is started under that key by this client's rule, now or later.
    ///
    /// # Errors
    /// As [`Client::subscribe`].
    pub async fn attach_key(&self, key: impl Into<String>) -> Result<KeyHandle, Error> {
        KeyHandle::follow(self.clone(), Topic::Key(key.into())).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_method_of_the_wire_has_a_call() {
        // The first two are `subscribe` and what dropping a subscription does; two bring
        // descriptors; the last waits as long as its job.
        let others = [
            method::EventSubscribe::NAME,
            method::EventUnsubscribe::NAME,
            method::ResourceOpen::NAME,
            method::ThumbnailOpen::NAME,
            method::Extract::NAME,
        ];
        let ours: BTreeSet<&str> = CALLS.iter().copied().chain(others).collect();
        let all: BTreeSet<&str> = method::METHODS.iter().map(|row| row.name).collect();
        assert_eq!(ours, all);
    }
}
