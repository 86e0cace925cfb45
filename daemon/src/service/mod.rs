//! What each method does: params, decision, work, result. No socket in sight.
//!
//! One file per topic, one function per method. Here alone a request is paired with its decision:
//! [`Service::decide`] asks the policy and writes the line of the log, and what it returns is the
//! grant that every effect below asks for. Rows of the library and denials become words of the
//! wire here and nowhere below; jobs have theirs themselves, for events and answers alike.

pub(crate) mod album;
pub(crate) mod asset;
pub(crate) mod change;
pub(crate) mod destinations;
pub(crate) mod discover;
pub(crate) mod event;
pub(crate) mod export;
pub(crate) mod extract;
pub(crate) mod facet;
pub(crate) mod fault;
pub(crate) mod health;
pub(crate) mod job;
pub(crate) mod library;
pub(crate) mod limits;
pub(crate) mod open;
pub(crate) mod places;
mod plan;
pub(crate) mod policy;
mod quota;
mod readers;
pub(crate) mod resource;
pub(crate) mod verify;
mod watch;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use darkslide_door::{StateDir, random_name};
use darkslide_library::{Deadline, Library};
use darkslide_policy::{Ask, Call, Effect, Grant, LibraryName, Peer, Policy, Read, World};
use darkslide_protocol::error::WireError;
use darkslide_protocol::method::{self, Method};
use darkslide_protocol::value::Token;
use tokio_util::sync::CancellationToken;

use crate::clock::{self, Moment};
use crate::confine::{Confined, Refusal};
use crate::events::Board;
use crate::jobs::{Jobs, Store};
use places::Places;
use readers::Readers;
use watch::Watches;

/// The longest that one request may read.
pub(crate) const MAX_READ_TIME: Duration = Duration::from_secs(30);

/// Everything that requests are answered from.
pub(crate) struct Service {
    policy: Policy,
    world: World,
    places: Places,
    jobs: Jobs,
    board: Arc<Board>,
    readers: Readers,
    watches: Watches,
    refusals: Vec<Refusal>,
    instance: Token,
    started: Moment,
}

/// A result that is the wire's text already.
pub(crate) struct Text(pub(crate) Vec<u8>);

/// Who asks: the peer of one connection, whether it is still there, and whether it still wants the
/// answer to this request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    peer: Peer,
    gone: CancellationToken,
    given_up: CancellationToken,
}

impl Caller {
    /// A peer that has just connected.
    #[must_use]
    pub(crate) fn new(peer: Peer) -> Self {
        Self { peer, gone: CancellationToken::new(), given_up: CancellationToken::new() }
    }

    /// The same peer with one request of its own, which it can give up.
    #[must_use]
    pub(crate) fn of_a_request(&self) -> Self {
        Self { given_up: CancellationToken::new(), ..self.clone() }
    }

    /// Who it is.
    #[must_use]
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Nobody waits for its answers any more.
    pub(crate) fn leave(&self) {
        self.gone.cancel();
    }

    /// Nobody wants the answer to this request any more.
    pub(crate) fn give_up(&self) {
        self.given_up.cancel();
    }

    /// Was the request given up?
    #[must_use]
    pub(crate) fn has_given_up(&self) -> bool {
        self.given_up.is_cancelled()
    }

    fn waits(&self) -> bool {
        !self.gone.is_cancelled() && !self.given_up.is_cancelled()
    }

    /// Returns once the peer is gone.
    pub(crate) async fn left(&self) {
        self.gone.cancelled().await;
    }

    /// Returns once nobody waits for the answer any more.
    pub(crate) async fn no_longer_waits(&self) {
        tokio::select! {
            () = self.gone.cancelled() => {}
            () = self.given_up.cancelled() => {}
        }
    }
}

impl Service {
    /// Starts the threads that read, and the jobs that were broken off. That threads exist proves
    /// that the process is confined: hence the proof.
    ///
    /// # Errors
    /// What the system says when it has no room for a thread.
    pub(crate) fn start(
        policy: Policy,
        world: World,
        places: Places,
        state: Option<StateDir>,
        proof: &Confined,
    ) -> io::Result<Arc<Self>> {
        let readers = Readers::start(&places)?;
        let board = Arc::new(Board::new(clock::milliseconds()));
        let jobs = Jobs::load(Store::new(state), Arc::clone(&board));
        let (instance, started) = (random_token(), Moment::now());
        let service = Arc::new(Self {
            policy,
            world,
            places,
            jobs,
            board,
            readers,
            watches: Watches::default(),
            refusals: proof.report().selftest.clone(),
            instance,
            started,
        });
        service.resume_interrupted();
        Ok(service)
    }

    /// A service without a library, for tests of what lies above: a test program is not confined,
    /// and starts no thread here.
    #[cfg(test)]
    pub(crate) fn without_libraries(policy: Policy, world: World, store: Store) -> Arc<Self> {
        let places = Places::default();
        let board = Arc::new(Board::new(clock::milliseconds()));
        Arc::new(Self {
            policy,
            world,
            readers: Readers::start(&places).unwrap(),
            places,
            jobs: Jobs::load(store, Arc::clone(&board)),
            board,
            watches: Watches::default(),
            refusals: Vec::new(),
            instance: random_token(),
            started: Moment::now(),
        })
    }

    /// The board, for tests that put events on it by hand.
    #[cfg(test)]
    pub(crate) fn board(&self) -> &Board {
        &self.board
    }

    /// May this peer be served at all? Asked right after accept, before a byte is read.
    ///
    /// # Errors
    /// `DENIED`.
    pub(crate) fn admit(&self, peer: &Peer) -> Result<(), WireError> {
        match self.policy.admit(peer) {
            Ok(rule) => {
                tracing::debug!(uid = peer.uid.get(), pid = peer.pid, rule = rule.as_str(), "peer");
                Ok(())
            }
            Err(denial) => {
                let why = denial.explain();
                tracing::warn!(
                    uid = peer.uid.get(),
                    pid = peer.pid,
                    answer = "denied",
                    why,
                    "peer"
                );
                Err(fault::denied(&denial))
            }
        }
    }

    /// Asks every job to stop at its next safe point, and waits for that up to `limit`.
    pub(crate) async fn end(&self, limit: Duration) {
        self.jobs.end(limit).await;
    }

    /// Decides one ask, with its line in the log.
    fn decide<E: Effect>(&self, caller: &Caller, ask: &Ask<E>) -> Result<Grant<E>, WireError>
    where
        E::Object: std::fmt::Debug,
    {
        let grant = self.ask(caller, ask)?;
        let (uid, pid, rule) = (caller.peer.uid.get(), caller.peer.pid, grant.rule().as_str());
        let (method, object) = (ask.method(), ask.about());
        tracing::info!(uid, pid, rule, method, object, answer = "granted", "decision");
        Ok(grant)
    }

    /// Decides on a method that touches neither library nor root: the grant covers the call itself,
    /// and nothing after it asks. Its line is for who looks for a fault: written for each, it would
    /// be half of what such a call costs.
    fn decide_call<M: Method>(&self, caller: &Caller) -> Result<(), WireError> {
        const { assert!(matches!(M::EFFECT, method::Effect::Call), "it would touch something") };
        let grant = self.ask(caller, &Ask::<Call>::new(M::NAME, ()))?;
        let (uid, pid, rule) = (caller.peer.uid.get(), caller.peer.pid, grant.rule().as_str());
        tracing::debug!(uid, pid, rule, method = M::NAME, answer = "granted", "decision");
        Ok(())
    }

    /// Asks the policy; a denial has its line in the log, whatever it is about.
    fn ask<E: Effect>(&self, caller: &Caller, ask: &Ask<E>) -> Result<Grant<E>, WireError>
    where
        E::Object: std::fmt::Debug,
    {
        self.policy.decide(&caller.peer, ask).map_err(|denial| {
            let (uid, pid, why) = (caller.peer.uid.get(), caller.peer.pid, denial.explain());
            let (method, object) = (ask.method(), ask.about());
            tracing::warn!(uid, pid, method, object, answer = "denied", why, "decision");
            fault::denied(&denial)
        })
    }

    /// Decides on reading a library, then reads it on one of its threads.
    async fn read<M, T, W>(&self, caller: &Caller, library: &str, work: W) -> Result<T, WireError>
    where
        M: Method,
        T: Send + 'static,
        W: FnOnce(&Library, &Grant<Read>, &Deadline) -> Result<T, WireError> + Send + 'static,
    {
        const { assert!(matches!(M::EFFECT, method::Effect::Read), "it is no reading method") };
        let name = LibraryName::parse(library).map_err(|_| fault::no_such_library())?;
        let grant = self.decide(caller, &Ask::<Read>::new(M::NAME, name.clone()))?;
        let library = Arc::clone(self.places.library(&name)?);
        let deadline = deadline(caller);
        self.readers.read_for(caller, &name, move || work(&library, &grant, &deadline)).await
    }
}

/// For a read that is asked for now: its time, or until nobody waits for it any more.
fn deadline(caller: &Caller) -> Deadline {
    let asked = Moment::now();
    deadline_by(caller, move || asked.elapsed())
}

/// The same, by a clock that tells how long ago it was asked for.
fn deadline_by(
    caller: &Caller,
    elapsed: impl Fn() -> Duration + Clone + Send + Sync + 'static,
) -> Deadline {
    let (caller, since) = (caller.clone(), elapsed.clone());
    Deadline::new(move || since() >= MAX_READ_TIME || !caller.waits()).bounding(elapsed)
}

/// 128 random bits that nobody guesses.
#[must_use]
pub(crate) fn random_token() -> Token {
    Token::parse(random_name().as_str())
        .expect("a random name has 32 lower-case hexadecimal digits")
}

#[cfg(test)]
mod tests;
