//! The client: connects, says hello, and has one typed call for each method of the wire.
//!
//! Calls are made from the list of methods, so that neither a name nor a type is stated twice.
//! Clones share one connection, which is closed with the last of them and of their subscriptions.
//! Nothing is sent to a daemon before its place was looked at, and nothing but `health` before it
//! has said what it is.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use darkslide_protocol::message::asset::AssetQueryParams;
use darkslide_protocol::message::event::EventSubscribeParams;
use darkslide_protocol::message::export::ExportStartParams;
use darkslide_protocol::message::health::{Claim, Health, HealthParams, PROTOCOL, SERVICE};
use darkslide_protocol::message::job::{JobReportParams, JobStatus, JobStatusParams};
use darkslide_protocol::message::plan::ExportPlanParams;
use darkslide_protocol::method::{self, Method};
use darkslide_protocol::value::Token;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::calls::OnResult;
use crate::error::{Error, ProtocolError, Unavailable};
use crate::events::Subscription;
use crate::export::ExportHandle;
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
    claim: Claim,
    tap: Option<Tap>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("socket", &self.socket)
            .field("connect_timeout", &self.connect_timeout)
            .field("call_timeout", &self.call_timeout)
            .field("claim", &self.claim)
            .finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            socket: None,
            connect_timeout: CONNECT_TIMEOUT,
            call_timeout: CALL_TIMEOUT,
            claim: Claim {
                name: "darkslide-client".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            tap: None,
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

    /// What the daemon's log calls this client, 1 to 64 bytes each: a claim that decides nothing.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.claim = Claim { name: name.into(), version: version.into() };
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
        let after = self.connect_timeout;
        let connected = tokio::time::timeout(after, async {
            let socket = match &self.socket {
                Some(socket) => socket.clone(),
                None => place::default_socket().map_err(Unavailable::Place)?,
            };
            let stream = transport::connect(&socket).await?;
            let client = self.serve(stream)?;
            client.hello().await?;
            Ok(client)
        });
        connected.await.unwrap_or(Err(Error::TimedOut { doing: "connecting", after }))
    }

    /// Talks over a socket that is connected already: the private way, in which whoever made the
    /// pair knows the other end. Nothing is sent; [`Client::hello`] should come first, and within 5
    /// s.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the socket cannot be used, or there is no tokio runtime.
    pub fn over(self, stream: UnixStream) -> Result<Client, Error> {
        self.serve(transport::adopt(stream)?)
    }

    fn serve(&self, stream: tokio::net::UnixStream) -> Result<Client, Error> {
        Ok(Client {
            transport: Arc::new(Transport::start(stream, self.tap.clone())?),
            call_timeout: self.call_timeout,
            claim: self.claim.clone(),
        })
    }
}

/// A connection to the daemon. Clones share it.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Arc<Transport>,
    call_timeout: Duration,
    claim: Claim,
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
        let params = HealthParams { client: Some(self.claim.clone()), brief: true };
        let health = self.health(&params).await?;
        if health.service != SERVICE || health.protocol != PROTOCOL {
            return Err(ProtocolError::OtherService { expected: PROTOCOL }.into());
        }
        Ok(health)
    }

    /// Calls a method and reads its result. Dropping the future forgets the answer, not what the
    /// request does.
    ///
    /// # Errors
    /// [`Error::Denied`] and [`Error::Remote`] with the daemon's answer; [`Error::TimedOut`], after
    /// which the connection is as usable as before; [`Error::Unavailable`]; [`Error::Protocol`].
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
        let result = self.ask(M::NAME, params, None).await?;
        read_result(M::NAME, &result)
    }

    /// As `call`, with a look at the result before the next frame is read.
    pub(crate) async fn call_looking<M: Method>(
        &self,
        params: &M::Params,
        on_result: OnResult,
    ) -> Result<M::Result, Error> {
        let result = self.ask(M::NAME, params, Some(on_result)).await?;
        read_result(M::NAME, &result)
    }

    /// Calls any method with params as they are, and returns the result as it is: for tools, and
    /// for methods that this crate does not know. Params must be an object.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn call_raw(&self, method: &str, params: &RawValue) -> Result<Box<RawValue>, Error> {
        let asked = self.link().ask(method, &params, None);
        self.within(CALLING, asked).await
    }

    async fn ask<P: serde::Serialize>(
        &self,
        method: &'static str,
        params: &P,
        on_result: Option<OnResult>,
    ) -> Result<Box<RawValue>, Error> {
        let asked = self.link().ask(method, params, on_result);
        self.within(method, asked).await
    }

    async fn within<T>(
        &self,
        doing: &'static str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let after = self.call_timeout;
        let done = tokio::time::timeout(after, work).await;
        done.unwrap_or(Err(Error::TimedOut { doing, after }))
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        self.transport.link()
    }
}

const CALLING: &str = "waiting for an answer";

fn read_result<T: DeserializeOwned>(method: &'static str, result: &RawValue) -> Result<T, Error> {
    serde_json::from_str(result.get())
        .map_err(|source| ProtocolError::Result { method, source: Arc::new(source) }.into())
}

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

calls! {
    /// Who serves, and what the kernel says is enforced.
    health = Health;
    /// What this client is granted.
    policy_show = PolicyShow;
    /// The libraries that this client may read.
    library_list = LibraryList;
    /// What a library is and holds.
    library_info = LibraryInfo;
    /// Albums, folders and what else gathers assets.
    album_list = AlbumList;
    /// Which values a thing has among assets, and how many assets have each.
    facet_list = FacetList;
    /// One page of the assets that fit a filter; [`Client::assets`] walks them all.
    asset_query = AssetQuery;
    /// How many assets fit a filter.
    asset_count = AssetCount;
    /// Assets by UUID.
    asset_get = AssetGet;
    /// The files of assets: every version, on this disk or not.
    resource_list = ResourceList;
    /// The newest place in a library's history.
    change_token = ChangeToken;
    /// What changed since a place in the history, page by page.
    change_since = ChangeSince;
    /// One page of what an export would do; [`Client::plan`] walks them all.
    export_plan = ExportPlan;
    /// Starts an export; [`Client::export`] follows it, too.
    export_start = ExportStart;
    /// The jobs that this client may know of, the newest first.
    job_list = JobList;
    /// Compares a destination with its record; [`Client::follow`] follows the job.
    export_verify = ExportVerify;
    /// Plans a prune, or carries one out; [`Client::follow`] follows the job.
    export_prune = ExportPrune;
    /// What has been exported where.
    export_destinations = ExportDestinations;
    /// How far a job is.
    job_status = JobStatus;
    /// One page of what became of each resource; [`Client::report`] walks them all.
    job_report = JobReport;
    /// Asks a job to stop.
    job_cancel = JobCancel;
    /// Goes on with a job that failed, was cancelled or interrupted.
    job_resume = JobResume;
}

impl Client {
    /// Subscribes to a topic (`event.subscribe`); dropping the subscription gives it up.
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
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_method_of_the_wire_has_a_call() {
        // These two are `subscribe` and what dropping a subscription does.
        let events = [method::EventSubscribe::NAME, method::EventUnsubscribe::NAME];
        let ours: BTreeSet<&str> = CALLS.iter().copied().chain(events).collect();
        let all: BTreeSet<&str> = method::METHODS.iter().map(|row| row.name).collect();
        assert_eq!(ours, all);
    }
}
