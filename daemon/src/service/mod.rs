//! What each method does: params, decision, work, result. No socket in sight.
//!
//! One file per topic, one function per method. Here alone a request is paired with its decision:
//! [`Service::decide`] asks the policy and has the answer recorded, and what it returns is the
//! grant that every effect below asks for. Rows of the library and denials become words of the
//! wire here and nowhere below; jobs have theirs themselves, for events and answers alike.

pub(crate) mod album;
pub(crate) mod asset;
pub(crate) mod change;
pub(crate) mod destinations;
pub(crate) mod discover;
pub(crate) mod ending;
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
mod recorded;
pub(crate) mod reload;
pub(crate) mod resource;
mod stale;
pub(crate) mod verify;
mod watch;

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use darkslide_door::{StateDir, random_name};
use darkslide_library::{Deadline, Library};
use darkslide_policy::{Ask, Call, CodeRequirement, Grant, Limits, Peer, Policy, Read, World};
use darkslide_protocol::error::WireError;
use darkslide_protocol::method::{self, Method};
use darkslide_protocol::value::Token;
use tokio_util::sync::CancellationToken;

use crate::audit::Audit;
use crate::audit::line::Text as Claim;
use crate::clock::{self, Moment};
use crate::confine::{Confined, Refusal};
use crate::events::Board;
use crate::jobs::{Jobs, Store};
use crate::threads;
use ending::Course;
use health::StartedBy;
use places::Places;
use readers::Readers;
use recorded::Recorded;
use reload::Reload;
use stale::Lookout;
use watch::Watches;

/// Everything that requests are answered from.
pub(crate) struct Service {
    policy: Policy,
    world: World,
    places: Places,
    jobs: Jobs,
    board: Arc<Board>,
    audit: Arc<Audit>,
    readers: Readers,
    watches: Watches,
    refusals: Vec<Refusal>,
    started_by: StartedBy,
    course: Course,
    lookout: Lookout,
    reload: Reload,
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
    /// Which connection of this daemon; none where the daemon itself has a job go on.
    conn: Option<u64>,
    /// The name that the peer claimed last.
    claims: Arc<Mutex<Option<Claim>>>,
    gone: CancellationToken,
    given_up: CancellationToken,
}

impl Caller {
    /// A peer that has just connected.
    #[must_use]
    pub(crate) fn new(peer: Peer) -> Self {
        static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
        let conn = Some(CONNECTIONS.fetch_add(1, Ordering::Relaxed));
        Self { conn, ..Self::absent(peer) }
    }

    /// A peer that is not connected, and whose job goes on.
    #[must_use]
    fn absent(peer: Peer) -> Self {
        Self {
            peer,
            conn: None,
            claims: Arc::default(),
            gone: CancellationToken::new(),
            given_up: CancellationToken::new(),
        }
    }

    /// Keeps the name that the peer gives itself, for the records to come.
    fn claim(&self, name: &str, version: &str) {
        let claim = Claim::new(&format!("{name} {version}"));
        *self.claims.lock().unwrap_or_else(PoisonError::into_inner) = Some(claim);
    }

    fn claims(&self) -> Option<Claim> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        audit: Option<Audit>,
        proof: &Confined,
        started_by: StartedBy,
    ) -> io::Result<Arc<Self>> {
        let readers = Readers::start(&places, policy.limits().read_time)?;
        let board = Arc::new(Board::new(clock::milliseconds()));
        let is_kept = audit.is_some();
        let audit = Arc::new(audit.unwrap_or_default());
        let witness = recorded::witness(&audit);
        let jobs = Jobs::load(Store::new(state), Arc::clone(&board), *policy.limits(), witness);
        let lookout = Lookout::over(&places);
        if is_kept {
            let audit = Arc::clone(&audit);
            threads::start("audit", move || audit.keep())?;
        }
        let (instance, started) = (random_token(), Moment::now());
        let service = Arc::new(Self {
            policy,
            world,
            places,
            jobs,
            board,
            audit,
            readers,
            watches: Watches::default(),
            refusals: proof.report().selftest.clone(),
            started_by,
            course: Course::default(),
            lookout,
            reload: Reload::default(),
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
        let audit = Arc::new(Audit::default());
        Arc::new(Self {
            readers: Readers::start(&places, policy.limits().read_time).unwrap(),
            jobs: Jobs::load(
                store,
                Arc::clone(&board),
                *policy.limits(),
                recorded::witness(&audit),
            ),
            policy,
            world,
            places,
            board,
            audit,
            watches: Watches::default(),
            refusals: Vec::new(),
            started_by: StartedBy::Hand,
            course: Course::default(),
            lookout: Lookout::default(),
            reload: Reload::default(),
            instance: random_token(),
            started: Moment::now(),
        })
    }

    /// The board, for tests that put events on it by hand.
    #[cfg(test)]
    pub(crate) fn board(&self) -> &Board {
        &self.board
    }

    /// How much there may be at one time, and for how long.
    pub(crate) fn limits(&self) -> &Limits {
        self.policy.limits()
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
                let nobody = Caller::absent(peer.clone());
                self.record_denied(&nobody, None, Call::denied(&()), &denial);
                Err(fault::denied(&denial))
            }
        }
    }

    /// What the system is to be asked about a peer's program, before it is admitted.
    pub(crate) fn requirements_for(&self, peer: &Peer) -> BTreeSet<CodeRequirement> {
        self.policy.requirements_for(peer)
    }

    /// The audit log, for whoever ends the daemon.
    pub(crate) fn audit(&self) -> Arc<Audit> {
        Arc::clone(&self.audit)
    }

    /// Decides one ask, and records it before anything is done.
    fn decide<E: Recorded>(&self, caller: &Caller, ask: &Ask<E>) -> Result<Grant<E>, WireError> {
        let grant = self.ask(caller, ask)?;
        let (uid, pid, rule) = (caller.peer.uid.get(), caller.peer.pid, grant.rule().as_str());
        let (method, about) = (ask.method(), E::granted(grant.covers()));
        let object = about.to_string();
        tracing::info!(uid, pid, rule, method, object, answer = "granted", "decision");
        self.record_granted(caller, method, about)?;
        Ok(grant)
    }

    /// Decides on a method that touches neither library nor root: the grant covers the call itself,
    /// and nothing after it asks. It is not recorded: written for each, it would be half of what
    /// such a call costs, and nothing leaves by it.
    fn decide_call<M: Method>(&self, caller: &Caller) -> Result<(), WireError> {
        const { assert!(matches!(M::EFFECT, method::Effect::Call), "it would touch something") };
        let grant = self.ask(caller, &Ask::<Call>::new(M::NAME, ()))?;
        let (uid, pid, rule) = (caller.peer.uid.get(), caller.peer.pid, grant.rule().as_str());
        tracing::debug!(uid, pid, rule, method = M::NAME, answer = "granted", "decision");
        Ok(())
    }

    /// Asks the policy; a denial is recorded, whatever it is about. Enough by itself for a part of
    /// what was decided on and recorded already: a destination found below a granted root.
    fn ask<E: Recorded>(&self, caller: &Caller, ask: &Ask<E>) -> Result<Grant<E>, WireError> {
        self.policy.decide(&caller.peer, ask).map_err(|denial| {
            self.record_denied(caller, Some(ask.method()), E::denied(ask.object()), &denial);
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
        let name = self.library_named(caller, M::NAME, library)?;
        let grant = self.decide(caller, &Ask::<Read>::new(M::NAME, name.clone()))?;
        let library = Arc::clone(self.places.library(&name)?);
        let deadline = self.deadline(caller);
        self.readers.read_for(caller, &name, move || work(&library, &grant, &deadline)).await
    }

    /// For a read that is asked for now.
    fn deadline(&self, caller: &Caller) -> Deadline {
        let asked = Moment::now();
        deadline_by(self.policy.limits().read_time, caller, move || asked.elapsed())
    }
}

/// For a read of at most so long, or until nobody waits for it any more; by a clock that tells how
/// long ago it was asked for.
fn deadline_by(
    limit: Duration,
    caller: &Caller,
    elapsed: impl Fn() -> Duration + Clone + Send + Sync + 'static,
) -> Deadline {
    let (caller, since) = (caller.clone(), elapsed.clone());
    Deadline::new(move || since() >= limit || !caller.waits()).bounding(elapsed)
}

/// 128 random bits that nobody guesses.
#[must_use]
pub(crate) fn random_token() -> Token {
    Token::parse(random_name().as_str())
        .expect("a random name has 32 lower-case hexadecimal digits")
}

#[cfg(test)]
mod tests;
