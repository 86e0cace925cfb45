//! From a method's name to the function that answers it: one arm a method, none forgotten.
//!
//! What is quick is answered at once, in the reading loop; what reads a library or a destination is
//! a future. A panic of one request is that request's incident.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use darkslide_protocol::envelope::{self, Id};
use darkslide_protocol::error::{ErrorName, Reason, WireError};
use darkslide_protocol::limits::MAX_RESPONSE_FRAME_BYTES;
use darkslide_protocol::method::Request;
use darkslide_protocol::value::Token;
use serde::Serialize;

use super::events::ToOutbox;
use super::outbox::Outbox;
use crate::service::event::Subscription;
use crate::service::{Caller, Service, Text};
use crate::telemetry;

/// An answer that is not there yet.
pub(super) type Later = Pin<Box<dyn Future<Output = Vec<u8>> + Send>>;

/// How a request is answered.
pub(super) enum Answer {
    /// At once.
    Now(Vec<u8>),
    /// Once it is there.
    Later(Later),
    /// At once; then this subscription begins.
    Subscribed(Vec<u8>, Arc<Subscription>),
    /// By whoever holds the subscriptions of this connection.
    Unsubscribe(Id, Token),
}

/// Everything that a connection's requests are answered with.
pub(super) struct Dispatcher {
    pub(super) service: Arc<Service>,
    pub(super) caller: Caller,
    pub(super) outbox: Arc<Outbox>,
}

impl Dispatcher {
    /// Answers a request, or says how it will be.
    pub(super) fn dispatch(&self, id: Id, request: Request) -> Answer {
        let unanswered = id.clone();
        catch_unwind(AssertUnwindSafe(|| self.answer(id, request))).unwrap_or_else(|_| {
            Answer::Now(failed(&unanswered, &WireError::internal(telemetry::incident("a request"))))
        })
    }

    fn answer(&self, id: Id, request: Request) -> Answer {
        let (service, caller) = (&self.service, &self.caller);
        match request {
            Request::Health(params) => now(&id, service.health(caller, &params)),
            Request::PolicyShow(params) => now(&id, service.policy_show(caller, &params)),
            Request::LibraryList(params) => now(&id, service.library_list(caller, &params)),
            Request::LibraryInfo(params) => self.later(id, |service, caller| async move {
                service.library_info(&caller, params).await
            }),
            Request::AlbumList(params) => self.later(id, |service, caller| async move {
                service.album_list(&caller, params).await
            }),
            Request::FacetList(params) => self.later(id, |service, caller| async move {
                service.facet_list(&caller, params).await
            }),
            Request::AssetQuery(params) => self.later_text(id, |service, caller| async move {
                service.asset_query(&caller, params).await
            }),
            Request::AssetCount(params) => self.later(id, |service, caller| async move {
                service.asset_count(&caller, params).await
            }),
            Request::AssetGet(params) => self.later_text(id, |service, caller| async move {
                service.asset_get(&caller, params).await
            }),
            Request::ResourceList(params) => self.later(id, |service, caller| async move {
                service.resource_list(&caller, params).await
            }),
            Request::ChangeToken(params) => self.later(id, |service, caller| async move {
                service.change_token(&caller, params).await
            }),
            Request::ChangeSince(params) => self.later(id, |service, caller| async move {
                service.change_since(&caller, params).await
            }),
            Request::ExportPlan(params) => self.later(id, |service, caller| async move {
                service.export_plan(&caller, params).await
            }),
            Request::ExportStart(params) => now(&id, service.export_start(caller, params)),
            Request::ExportVerify(params) => now(&id, service.export_verify(caller, &params)),
            Request::ExportPrune(params) => now(&id, service.export_prune(caller, &params)),
            Request::ExportDestinations(params) => self.later(id, |service, caller| async move {
                service.export_destinations(&caller, params).await
            }),
            Request::JobList(_) => now(&id, service.job_list(caller)),
            Request::JobStatus(params) => now(&id, service.job_status(caller, &params)),
            Request::JobReport(params) => self.later(id, |service, caller| async move {
                service.job_report(&caller, params).await
            }),
            Request::JobCancel(params) => now(&id, service.job_cancel(caller, &params)),
            Request::JobResume(params) => now(&id, service.job_resume(caller, &params)),
            Request::EventSubscribe(params) => {
                let sink = Arc::new(ToOutbox(Arc::clone(&self.outbox)));
                match service.event_subscribe(caller, &params, sink) {
                    Ok((answer, subscription)) => {
                        Answer::Subscribed(done(&id, &answer), subscription)
                    }
                    Err(error) => Answer::Now(failed(&id, &error)),
                }
            }
            Request::EventUnsubscribe(params) => match service.event_unsubscribe(caller) {
                Ok(()) => Answer::Unsubscribe(id, params.subscription),
                Err(error) => Answer::Now(failed(&id, &error)),
            },
        }
    }

    fn later<R, F, W>(&self, id: Id, work: W) -> Answer
    where
        R: Serialize,
        F: Future<Output = Result<R, WireError>> + Send + 'static,
        W: FnOnce(Arc<Service>, Caller) -> F,
    {
        let work = work(Arc::clone(&self.service), self.caller.clone());
        Answer::Later(Box::pin(async move { outcome(&id, work.await) }))
    }

    /// The same for a result that is text already.
    fn later_text<F, W>(&self, id: Id, work: W) -> Answer
    where
        F: Future<Output = Result<Text, WireError>> + Send + 'static,
        W: FnOnce(Arc<Service>, Caller) -> F,
    {
        let work = work(Arc::clone(&self.service), self.caller.clone());
        Answer::Later(Box::pin(async move {
            match work.await {
                Ok(Text(text)) => fitting(&id, envelope::result_text(&id, text)),
                Err(error) => failed(&id, &error),
            }
        }))
    }
}

fn now<R: Serialize>(id: &Id, result: Result<R, WireError>) -> Answer {
    Answer::Now(outcome(id, result))
}

fn outcome<R: Serialize>(id: &Id, result: Result<R, WireError>) -> Vec<u8> {
    match result {
        Ok(result) => done(id, &result),
        Err(error) => failed(id, &error),
    }
}

/// What does not fit into a frame is told to be asked for in parts; it could not be sent.
fn fitting(id: &Id, message: Vec<u8>) -> Vec<u8> {
    if message.len() <= MAX_RESPONSE_FRAME_BYTES {
        return message;
    }
    let error = WireError::new(
        ErrorName::Limit,
        Reason::TooLarge,
        "the answer is longer than a frame may be",
        "ask for less at once",
    );
    failed(id, &error.with_limit(MAX_RESPONSE_FRAME_BYTES as u64))
}

pub(super) fn done<R: Serialize>(id: &Id, result: &R) -> Vec<u8> {
    match envelope::result(id, result) {
        Ok(message) => fitting(id, message),
        Err(_) => failed(id, &WireError::internal(telemetry::incident("a result that is no JSON"))),
    }
}

/// The message of an error; `envelope::error` has nothing in it that JSON cannot hold.
pub(super) fn failed(id: &Id, error: &WireError) -> Vec<u8> {
    envelope::error(Some(id), error).unwrap_or_default()
}
