//! From a method's name to the function that answers it: one arm a method, none forgotten.
//!
//! What is quick is answered at once, in the reading loop; what reads a library or a destination is
//! a future. A panic of one request is that request's incident.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use darkslide_protocol::envelope::{self, Id};
use darkslide_protocol::error::{ErrorName, Reason, WireError};
use darkslide_protocol::limits::{MAX_EXTRACT_BYTES, MAX_RESPONSE_FRAME_BYTES};
use darkslide_protocol::message::extract::ExtractParams;
use darkslide_protocol::method::Request;
use darkslide_protocol::value::Token;
use serde::Serialize;

use super::descriptor::{self, Passing, Permit};
use super::events::ToOutbox;
use super::outbox::{Message, Outbox};
use crate::service::event::Subscription;
use crate::service::open::HandedOver;
use crate::service::{Caller, Service, Text, fault};
use crate::telemetry;

/// What the answer of `resource.read` has beside its bytes, as a rule.
const OPENED_BYTES: usize = 1024;

/// An answer that is not there yet.
pub(super) type Later = Pin<Box<dyn Future<Output = Message> + Send>>;

/// How a request is answered.
pub(super) enum Answer {
    /// At once.
    Now(Vec<u8>),
    /// Once it is there.
    Later(Later),
    /// Once something has happened that may take hours: it waits without room for its answer.
    Awaited(Later),
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
    /// The same for one request, whose caller can give it up.
    pub(super) fn of_a_request(&self) -> Self {
        Self {
            service: Arc::clone(&self.service),
            caller: self.caller.of_a_request(),
            outbox: Arc::clone(&self.outbox),
        }
    }

    /// Answers a request, or says how it will be.
    pub(super) fn dispatch(&self, id: Id, request: Request) -> Answer {
        guarded(&id.clone(), || self.answer(id, request))
    }

    #[expect(clippy::too_many_lines, reason = "a flat table: an arm for each method")]
    fn answer(&self, id: Id, request: Request) -> Answer {
        let (service, caller) = (&self.service, &self.caller);
        match request {
            Request::Health(params) => now(&id, service.health(caller, &params)),
            Request::RpcDiscover(params) => {
                Answer::Now(text(&id, service.rpc_discover(caller, &params)))
            }
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
            Request::ResourceOpen(params) => self.passing(id, |service, caller| async move {
                service.resource_open(&caller, params).await
            }),
            Request::ResourceRead(params) => {
                self.part(id, params.length, |service, caller| async move {
                    service.resource_read(&caller, params).await
                })
            }
            Request::ThumbnailOpen(params) => self.passing(id, |service, caller| async move {
                service.thumbnail_open(&caller, params).await
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
            Request::Extract(params) => self.extract(id, params),
            Request::JobList(_) => now(&id, service.job_list(caller)),
            Request::JobStatus(params) => now(&id, service.job_status(caller, &params)),
            Request::JobReport(params) => self.later(id, |service, caller| async move {
                service.job_report(&caller, params).await
            }),
            Request::JobCancel(params) => now(&id, service.job_cancel(caller, &params)),
            Request::JobResume(params) => now(&id, service.job_resume(caller, &params)),
            Request::EventSubscribe(params) => {
                let sink = Arc::new(ToOutbox::new(Arc::clone(&self.outbox)));
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
        Answer::Later(Box::pin(async move { outcome(&id, work.await).into() }))
    }

    /// The same for a result that comes with a descriptor: nothing is opened before it may wait.
    fn passing<R, F, W>(&self, id: Id, work: W) -> Answer
    where
        R: Serialize + Send,
        F: Future<Output = Result<HandedOver<R>, WireError>> + Send + 'static,
        W: FnOnce(Arc<Service>, Caller) -> F,
    {
        let work = work(Arc::clone(&self.service), self.caller.clone());
        let (outbox, caller) = (Arc::clone(&self.outbox), self.caller.clone());
        Answer::Later(Box::pin(async move {
            let permit = tokio::select! {
                permit = outbox.permits().permit() => permit,
                () = caller.no_longer_waits() => Err(fault::given_up()),
            };
            let permit = match permit {
                Ok(permit) => permit,
                Err(error) => return failed(&id, &error).into(),
            };
            match work.await {
                Ok(handed) => passed(&id, handed, permit),
                Err(error) => failed(&id, &error).into(),
            }
        }))
    }

    /// The same for a result with so many bytes of a file: it is made once there is room for it.
    fn part<R, F, W>(&self, id: Id, length: u32, work: W) -> Answer
    where
        R: Serialize,
        F: Future<Output = Result<R, WireError>> + Send + 'static,
        W: FnOnce(Arc<Service>, Caller) -> F,
    {
        let work = work(Arc::clone(&self.service), self.caller.clone());
        let (outbox, caller) = (Arc::clone(&self.outbox), self.caller.clone());
        // In base64, and the little beside it.
        let bytes = length as usize / 3 * 4 + OPENED_BYTES;
        Answer::Later(Box::pin(async move {
            let room = tokio::select! {
                room = outbox.room_for(bytes) => room,
                () = caller.no_longer_waits() => return failed(&id, &fault::given_up()).into(),
            };
            Message::from(outcome(&id, work.await)).within(room)
        }))
    }

    /// The same for the end of a job. Room for the answer is kept once that is there: whoever
    /// waited with it would stop the reading of everybody else's requests.
    fn extract(&self, id: Id, params: ExtractParams) -> Answer {
        let (service, caller) = (Arc::clone(&self.service), self.caller.clone());
        let outbox = Arc::clone(&self.outbox);
        Answer::Awaited(Box::pin(async move {
            let extracted = match Arc::clone(&service).extract(&caller, params).await {
                Ok(extracted) => extracted,
                Err(error) => return failed(&id, &error).into(),
            };
            let room = tokio::select! {
                room = outbox.room_for(MAX_EXTRACT_BYTES) => room,
                () = caller.no_longer_waits() => return failed(&id, &fault::given_up()).into(),
            };
            let answer = service.extract_told(&caller, extracted).await;
            Message::from(outcome(&id, answer)).within(room)
        }))
    }

    /// The same for a result that is text already.
    fn later_text<F, W>(&self, id: Id, work: W) -> Answer
    where
        F: Future<Output = Result<Text, WireError>> + Send + 'static,
        W: FnOnce(Arc<Service>, Caller) -> F,
    {
        let work = work(Arc::clone(&self.service), self.caller.clone());
        Answer::Later(Box::pin(async move { text(&id, work.await).into() }))
    }
}

fn text(id: &Id, result: Result<Text, WireError>) -> Vec<u8> {
    match result {
        Ok(Text(text)) => fitting(id, envelope::result_text(id, text)),
        Err(error) => failed(id, &error),
    }
}

/// A panic of one request is its answer; the others go on.
pub(super) fn guarded(id: &Id, answer: impl FnOnce() -> Answer) -> Answer {
    catch_unwind(AssertUnwindSafe(answer)).unwrap_or_else(|_| {
        Answer::Now(failed(id, &WireError::internal(telemetry::incident("a request"))))
    })
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

/// The answer that a descriptor goes with; of one that cannot be sent the descriptor is closed.
fn passed<R: Serialize>(id: &Id, handed: HandedOver<R>, permit: Permit) -> Message {
    let HandedOver { result, descriptor: file } = handed;
    match envelope::result_with_descriptor(id, &result) {
        Ok(message) if message.len() <= MAX_RESPONSE_FRAME_BYTES => {
            let refusal = failed(id, &descriptor::not_taken());
            Message::passing(message, Passing::new(file, permit, refusal))
        }
        Ok(message) => fitting(id, message).into(),
        Err(_) => {
            failed(id, &WireError::internal(telemetry::incident("a result that is no JSON"))).into()
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_one_request_is_its_answer_with_an_incident_of_its_own() {
        let answer = || {
            let answer = guarded(&Id::Number(7), || panic!("told to nobody"));
            let Answer::Now(message) = answer else { panic!("it waits") };
            let answer: serde_json::Value = serde_json::from_slice(&message).unwrap();
            assert_eq!((&answer["id"], &answer["error"]["code"]), (&7.into(), &(-32603).into()));
            assert_eq!(answer["error"]["data"]["name"], ErrorName::Internal.as_str());
            assert_eq!(answer["error"]["data"]["class"], "bug");
            assert!(!answer.to_string().contains("told to nobody"), "{answer}");
            answer["error"]["data"]["incident"].as_u64().unwrap()
        };
        assert_ne!(answer(), answer());
    }

    #[test]
    fn an_answer_at_the_limit_of_a_frame_is_sent_and_a_longer_one_told_to_be_too_long() {
        let id = Id::Number(7);
        let around = done(&id, &"").len();
        let fits = done(&id, &"x".repeat(MAX_RESPONSE_FRAME_BYTES - around));
        assert_eq!(fits.len(), MAX_RESPONSE_FRAME_BYTES);
        for over in [1, MAX_RESPONSE_FRAME_BYTES * 4] {
            let refused = done(&id, &"x".repeat(MAX_RESPONSE_FRAME_BYTES - around + over));
            let refused: serde_json::Value = serde_json::from_slice(&refused).unwrap();
            let data = &refused["error"]["data"];
            assert_eq!((&refused["id"], &data["name"]), (&7.into(), &"LIMIT".into()), "{over}");
            assert_eq!(data["reason"], "too-large");
            assert_eq!(data["limit"], MAX_RESPONSE_FRAME_BYTES);
        }
    }
}
