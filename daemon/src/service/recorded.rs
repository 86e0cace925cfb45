//! What is recorded of a request and of a job, in the words of the audit log.
//!
//! Here alone asks, scopes, denials and jobs become records; the log itself knows none of them.
//! Names of the policy, UUIDs and paths below a granted root go into it; no title, no filter, no
//! path that a peer may not write to. The hazard: a log that tells more than the peer who asked was
//! allowed to know; so a path is taken from what was granted, never from what was asked.

use std::sync::Arc;

use darkslide_policy::{
    Call, Denial, DenialReason, Destination, Effect, LibraryName, Peer, Read, ReadScope, Write,
    WriteScope,
};
use darkslide_protocol::error::WireError;
use darkslide_protocol::message::export::DestinationText;
use darkslide_protocol::message::resource::Version;
use darkslide_protocol::method::{self, Method};
use darkslide_protocol::value::{Token, Uuid};

use super::resource::which;
use super::{Caller, Service, export, fault};
use crate::audit::line::{About, Counts, Entry, Event, Text, Who};
use crate::audit::{Asker, Audit, Decided};
use crate::jobs::{Order, Snapshot, State, Tally, Witness};

/// What an effect is recorded as.
pub(super) trait Recorded: Effect {
    /// What was granted.
    fn granted(covers: &Self::Covers) -> About;
    /// What was denied, as far as it is no secret of anybody's.
    fn denied(object: &Self::Object) -> About;
}

impl Recorded for Call {
    fn granted(_: &Self::Covers) -> About {
        About::default()
    }

    fn denied((): &()) -> About {
        About::default()
    }
}

impl Recorded for Read {
    fn granted(covers: &ReadScope) -> About {
        Self::denied(covers.library())
    }

    fn denied(library: &LibraryName) -> About {
        About { library: Some(Text::new(library.as_str())), ..About::default() }
    }
}

impl Recorded for Write {
    fn granted(covers: &WriteScope) -> About {
        About {
            root: Some(Text::new(covers.root().as_str())),
            path: Some(Text::new(covers.path().as_str())),
            ..About::default()
        }
    }

    fn denied(to: &Destination) -> About {
        match to {
            Destination::Named { root, .. } => {
                About { root: Some(Text::new(root.as_str())), ..About::default() }
            }
            Destination::Absolute(_) => About::default(),
        }
    }
}

/// Why something was denied, in a word.
fn why(denial: &Denial) -> &'static str {
    match denial.reason() {
        DenialReason::NoRule { .. } => "no-rule",
        DenialReason::Program(_) => "program-not-named",
        DenialReason::Method(_) => "method-not-granted",
        DenialReason::Descriptors(_) => "descriptors-not-granted",
        DenialReason::Library(_) => "library-not-granted",
        DenialReason::Root { .. } => "root-not-granted",
        DenialReason::OutsideRoots { .. } => "outside-roots",
    }
}

impl Service {
    /// Who a caller is, for the record.
    fn asker(&self, caller: &Caller) -> Asker {
        let Peer { uid, pid, code, .. } = caller.peer();
        let rule = self.policy.admit(caller.peer()).ok();
        let rule = rule.map(|rule| Text::new(rule.as_str()));
        let program = code.met().map(|it| Text::new(it.as_str())).collect();
        let who = Who { uid: uid.get(), pid: *pid, rule, program, claims: caller.claims() };
        Asker { conn: caller.conn, who }
    }

    fn decided(&self, caller: &Caller, method: &str, about: About) -> Decided {
        Decided { asker: self.asker(caller), method: Some(Text::new(method)), about }
    }

    /// Records what was granted, before it is done.
    ///
    /// # Errors
    /// `AUDIT_UNAVAILABLE`.
    pub(super) fn record_granted(
        &self,
        caller: &Caller,
        method: &str,
        about: About,
    ) -> Result<(), WireError> {
        let decided = self.decided(caller, method, about);
        self.audit.granted(&decided).map_err(|error| fault::audit_unavailable(&error))
    }

    /// Records what the policy denied. `None`: a peer was not let in.
    pub(super) fn record_denied(
        &self,
        caller: &Caller,
        method: Option<&str>,
        about: About,
        denial: &Denial,
    ) {
        let change = match denial.reason() {
            // It names a path that is nobody's here.
            DenialReason::OutsideRoots { .. } => None,
            DenialReason::NoRule { .. }
            | DenialReason::Program(_)
            | DenialReason::Method(_)
            | DenialReason::Descriptors(_)
            | DenialReason::Library(_)
            | DenialReason::Root { .. } => Some(denial.explain()),
        };
        if self.record_refusal(caller, method, about, why(denial))
            && let Some(change) = change
        {
            tracing::info!(change, "what would have to change");
        }
    }

    /// Records a refusal; says whether it has a line of its own, in the ordinary log as well.
    fn record_refusal(
        &self,
        caller: &Caller,
        method: Option<&str>,
        about: About,
        why: &'static str,
    ) -> bool {
        let method = method.map(Text::new);
        let decided = Decided { asker: self.asker(caller), method, about };
        let is_first = self.audit.denied(&decided, why);
        if is_first {
            let Who { uid, pid, rule, .. } = &decided.asker.who;
            let (rule, object) = (rule.as_ref().map(Text::as_str), decided.about.to_string());
            let method = decided.method.as_ref().map(Text::as_str);
            tracing::warn!(uid, pid, rule, method, object, answer = "denied", why, "decision");
        }
        is_first
    }

    /// The library that a peer names. What can be no name is recorded as refused: it may be a path
    /// that somebody tries.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub(super) fn library_named(
        &self,
        caller: &Caller,
        method: &str,
        text: &str,
    ) -> Result<LibraryName, WireError> {
        LibraryName::parse(text).map_err(|_| {
            let _first = self.record_refusal(caller, Some(method), About::default(), "no-name");
            fault::no_such_library()
        })
    }

    /// The destination that a peer names, recorded likewise.
    ///
    /// # Errors
    /// `INVALID_PARAMS`, `DENIED`.
    pub(super) fn destination_named(
        &self,
        caller: &Caller,
        method: &str,
        text: &DestinationText,
    ) -> Result<Destination, WireError> {
        export::destination(text, &self.world).inspect_err(|_| {
            let _first = self.record_refusal(caller, Some(method), About::default(), "no-path");
        })
    }

    /// Records that a peer asked for a job that it may not know of, or that is not there.
    pub(super) fn record_unseen_job(&self, caller: &Caller, method: &str, job: &Token) {
        let about = About { job: Some(Text::new(job.as_str())), ..About::default() };
        let _first = self.record_refusal(caller, Some(method), about, "not-found");
    }

    /// Records who cancels a job. What cannot be recorded now is later: to stop is never refused.
    pub(super) fn record_cancel(&self, caller: &Caller, job: &Token) {
        let about = About { job: Some(Text::new(job.as_str())), ..About::default() };
        let decided = self.decided(caller, method::JobCancel::NAME, about);
        self.audit.done(&decided);
    }

    /// Records that the descriptor of a file goes out.
    ///
    /// # Errors
    /// `AUDIT_UNAVAILABLE`: then it must not.
    pub(super) fn record_descriptor(
        &self,
        caller: &Caller,
        method: &str,
        file: About,
        bytes: u64,
    ) -> Result<(), WireError> {
        let decided = self.decided(caller, method, file);
        let written = self.audit.handed_over(&decided, bytes);
        written.map_err(|error| fault::audit_unavailable(&error))
    }

    /// Records bytes of a file that go out: a line for each file of a connection, then their sum.
    ///
    /// # Errors
    /// `AUDIT_UNAVAILABLE`: then they must not.
    pub(super) fn record_bytes(
        &self,
        caller: &Caller,
        method: &str,
        file: About,
        bytes: u64,
    ) -> Result<(), WireError> {
        let decided = self.decided(caller, method, file);
        self.audit.granted(&decided).map_err(|error| fault::audit_unavailable(&error))?;
        self.audit.answered(&decided, "bytes", bytes);
        Ok(())
    }

    /// Records what a connection asked for that is at its end.
    pub(crate) fn left(&self, caller: &Caller) {
        caller.conn.into_iter().for_each(|conn| self.audit.left(conn));
    }
}

/// A file of an asset.
pub(super) fn file(library: &str, uuid: &Uuid, version: Version) -> About {
    About {
        library: Some(Text::new(library)),
        uuid: Some(Text::new(uuid.as_str())),
        version: Some(Text::new(which(version).as_str())),
        ..About::default()
    }
}

impl Witness for Audit {
    fn saw(&self, job: &Snapshot) -> bool {
        let entry = job_entry(job);
        match job.state {
            // Somebody's answer waits for it.
            State::Queued => self.must(entry).is_ok(),
            State::Running
            | State::Finished
            | State::Failed(_)
            | State::Cancelled
            | State::Interrupted => {
                self.will([entry]);
                true
            }
        }
    }

    fn is_about_to_write(&self) {
        self.flush();
    }
}

fn job_entry(job: &Snapshot) -> Entry {
    let Order { wish, uid, rule, read, root, path, .. } = &job.order;
    let result = match &job.state {
        State::Queued if job.started.is_some() => "resumed".to_owned(),
        State::Queued => "ordered".to_owned(),
        State::Running => "started".to_owned(),
        State::Finished => "finished".to_owned(),
        State::Cancelled => "cancelled".to_owned(),
        State::Interrupted => "interrupted".to_owned(),
        State::Failed(error) => format!("failed: {}/{}", error.data.name, error.data.reason),
    };
    let mut entry = Entry::of(Event::Job);
    let rule = Some(Text::new(rule));
    entry.peer = Some(Who { uid: uid.get(), pid: None, rule, program: Vec::new(), claims: None });
    entry.about = About {
        library: Some(Text::new(read.library().as_str())),
        root: Some(Text::new(root)),
        path: Some(Text::new(path)),
        job: Some(Text::new(job.id.as_str())),
        kind: Some(Text::new(wish.kind().as_str())),
        ..About::default()
    };
    entry.result = Some(Text::new(&result));
    if job.state.is_over() {
        entry.counts = counts(&job.tally);
    }
    entry
}

fn counts(tally: &Tally) -> Counts {
    let numbers = [("files", tally.files_done), ("bytes", tally.bytes_done)];
    let numbers = numbers.into_iter().filter(|(_, number)| *number > 0);
    let outcomes = tally.outcomes.iter().map(|(outcome, number)| (outcome.as_str(), *number));
    numbers.chain(outcomes).map(|(what, number)| (what.to_owned(), number)).collect()
}

/// What the service hands to its jobs.
pub(super) fn witness(audit: &Arc<Audit>) -> Arc<dyn Witness> {
    Arc::clone(audit) as Arc<dyn Witness>
}
