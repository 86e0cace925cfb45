//! Which connection a client has, and how it gets another when that one is gone.
//!
//! A client that was made by connecting knows its socket: a call that finds the connection gone
//! makes a new one, with the same look at the place and the same hello as the first time, and
//! before anything else is sent. Calls that come meanwhile wait for that one attempt. It never
//! repeats a call of which the daemon may have begun to write. The hazard: a client that comes
//! back to another program than it left, and tells that one what it wanted of the first.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use darkslide_protocol::message::health::{Claim, Health, HealthParams, PROTOCOL, SERVICE};
use darkslide_protocol::method::{self, Effect, Method};
use darkslide_protocol::value::Token;
use serde::Serialize;

use crate::calls::{Miss, OnResult, Reply};
use crate::error::{Error, ProtocolError};
use crate::retry;
use crate::transport::{self, Link, Tap, Transport};

/// Where random numbers come from.
pub(crate) type Random = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How to connect, the first time and again.
#[derive(Clone)]
pub(crate) struct Dial {
    pub(crate) socket: PathBuf,
    pub(crate) timeout: Duration,
    pub(crate) user_agent: Claim,
    pub(crate) tap: Option<Tap>,
    pub(crate) random: Random,
}

impl Dial {
    /// Connects once, and says hello.
    pub(crate) async fn attempt(&self) -> Result<(Transport, Token), Error> {
        let after = self.timeout;
        let attempt = tokio::time::timeout(after, async {
            let stream = transport::connect(&self.socket).await?;
            let transport = Transport::start(stream, self.tap.clone())?;
            let params = hello(&self.user_agent);
            let said = transport.link().ask(method::Health::NAME, &params, None).await;
            let reply = said.map_err(Error::from)?;
            let health: Health = read_result(method::Health::NAME, &reply)?;
            check_service(&health)?;
            Ok((transport, health.instance))
        });
        attempt.await.unwrap_or(Err(Error::TimedOut { doing: "connecting", after }))
    }

    /// Waits before every attempt of a call but its first.
    async fn pause(&self, attempts: &mut u32) {
        if let Some(earlier) = attempts.checked_sub(1) {
            tokio::time::sleep(retry::delay(earlier, (self.random)())).await;
        }
        *attempts = attempts.saturating_add(1);
    }
}

/// What is said first.
pub(crate) fn hello(user_agent: &Claim) -> HealthParams {
    HealthParams { client: Some(user_agent.clone()), brief: true }
}

/// Is it darkslided, of the protocol that this client speaks?
pub(crate) fn check_service(health: &Health) -> Result<(), ProtocolError> {
    if health.service == SERVICE && health.protocol == PROTOCOL {
        Ok(())
    } else {
        Err(ProtocolError::OtherService { expected: PROTOCOL })
    }
}

/// Reads a result as the type that is wanted.
pub(crate) fn read_result<T: serde::de::DeserializeOwned>(
    method: &'static str,
    reply: &Reply,
) -> Result<T, Error> {
    serde_json::from_str(reply.result.get())
        .map_err(|source| ProtocolError::Result { method, source: Arc::new(source) }.into())
}

/// The connection of a client and its clones.
pub(crate) struct Connection {
    current: Mutex<Current>,
    /// Held by whoever connects again.
    turn: tokio::sync::Mutex<()>,
    /// `None`: what is gone is gone.
    again: Option<Dial>,
}

struct Current {
    transport: Arc<Transport>,
    instance: Option<Token>,
    /// Attempts that failed for good, to be told to everyone who waited for them.
    failures: u64,
    /// Why the last attempt failed.
    failure: Option<Error>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("instance", &self.instance()).finish_non_exhaustive()
    }
}

impl Connection {
    pub(crate) fn new(
        transport: Transport,
        instance: Option<Token>,
        again: Option<Dial>,
    ) -> Arc<Self> {
        let transport = Arc::new(transport);
        let current = Current { transport, instance, failures: 0, failure: None };
        let (current, turn) = (Mutex::new(current), tokio::sync::Mutex::new(()));
        Arc::new(Self { current, turn, again })
    }

    pub(crate) fn link(&self) -> Arc<Link> {
        Arc::clone(self.lock().transport.link())
    }

    pub(crate) fn instance(&self) -> Option<Token> {
        self.lock().instance.clone()
    }

    /// Notes which daemon said hello.
    pub(crate) fn greeted_by(&self, instance: &Token) {
        self.lock().instance = Some(instance.clone());
    }

    /// Why there is no connection, for who has waited long enough for another.
    pub(crate) fn why_gone(&self) -> Error {
        let current = self.lock();
        let failure = current.failure.clone();
        failure.unwrap_or_else(|| current.transport.link().calls.why_ended())
    }

    /// Asks, over a new connection if need be, however long that takes. `is_gone` says meanwhile
    /// that there is no connection.
    pub(crate) async fn ask<P: Serialize>(
        &self,
        method: &str,
        params: &P,
        on_result: Option<OnResult>,
        is_gone: &mut bool,
    ) -> Result<Reply, Error> {
        let mut attempts = 0;
        loop {
            let transport = Arc::clone(&self.lock().transport);
            let (why, was_sent) =
                match transport.link().ask(method, params, on_result.clone()).await {
                    Ok(reply) => return Ok(reply),
                    Err(Miss::Told(error)) => return Err(error),
                    Err(Miss::Lost { why, was_sent }) => (why, was_sent),
                };
            let Some(dial) = &self.again else { return Err(why) };
            if was_sent && !(why.is_transient() && is_repeatable(method)) {
                return Err(why);
            }
            *is_gone = true;
            self.mend(dial, &transport, &mut attempts).await?;
            *is_gone = false;
        }
    }

    /// Puts another connection in place of one that is gone, unless somebody has.
    async fn mend(
        &self,
        dial: &Dial,
        gone: &Arc<Transport>,
        attempts: &mut u32,
    ) -> Result<(), Error> {
        dial.pause(attempts).await;
        let seen = self.lock().failures;
        let _turn = self.turn.lock().await;
        {
            let current = self.lock();
            if !Arc::ptr_eq(&current.transport, gone) {
                return Ok(());
            }
            if let Some(failure) = current.failure.as_ref().filter(|_| current.failures != seen) {
                return Err(failure.clone());
            }
        }
        loop {
            match dial.attempt().await {
                Ok((transport, instance)) => {
                    let mut current = self.lock();
                    current.transport = Arc::new(transport);
                    current.instance = Some(instance);
                    current.failure = None;
                    return Ok(());
                }
                Err(error) => {
                    let may_pass = may_pass(&error);
                    {
                        let mut current = self.lock();
                        current.failures += u64::from(!may_pass);
                        current.failure = Some(error.clone());
                    }
                    if !may_pass {
                        return Err(error);
                    }
                }
            }
            dial.pause(attempts).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// May a request be made twice? Not one that writes, nor one that asks for events: those belong to
/// a connection, and whoever reads them has to know that it is another one.
fn is_repeatable(method: &str) -> bool {
    let row = method::METHODS.iter().find(|row| row.name == method);
    row.is_some_and(|row| match row.effect {
        Effect::Call | Effect::Read => !row.name.starts_with("event."),
        Effect::Write => false,
    })
}

/// Can the next attempt end otherwise than this one?
fn may_pass(error: &Error) -> bool {
    match error {
        Error::Unavailable(error) => error.may_pass(),
        Error::TimedOut { .. } | Error::Remote(_) => error.is_transient(),
        Error::Denied(_) | Error::Protocol(_) => false,
    }
}
