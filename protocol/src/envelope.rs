//! JSON-RPC 2.0: requests, notifications, responses, ids. Params and results stay raw here.
//!
//! Whether a frame is a request at all is decided here and nowhere else; the params are a typed
//! method's business. Presence is kept apart from value, for `"id": null` is no notification. The
//! hazards: a positional array taken for an object, and an id that comes back as another number
//! than it went in.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{ErrorName, Reason, WireError};
use crate::event::Event;
use crate::limits::{MAX_ID_BYTES, MAX_ID_INTEGER};
use crate::strict::{self, Flaw};
use crate::value::Token;

/// What names a request: a text of at most 64 bytes, or an integer that every JSON library keeps.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Id {
    /// A text.
    Text(#[cfg_attr(feature = "schema", schemars(length(max = MAX_ID_BYTES)))] String),
    /// An integer within ±(2⁵³−1).
    Number(
        #[cfg_attr(feature = "schema", schemars(range(min = -MAX_ID_INTEGER, max = MAX_ID_INTEGER)))]
         i64,
    ),
}

/// What a client sent.
#[derive(Debug)]
pub enum Incoming {
    /// To be answered.
    Request {
        /// What the answer repeats.
        id: Id,
        /// The method's name.
        method: String,
        /// An object, as it was sent.
        params: Box<RawValue>,
    },
    /// Not to be answered, whatever happens.
    Notification {
        /// The method's name.
        method: String,
        /// An object, as it was sent.
        params: Box<RawValue>,
    },
}

/// Why a frame is neither, and the id to answer it with, if that could be told.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Of the request; `None` is answered as null.
    pub id: Option<Id>,
    /// The answer.
    pub error: WireError,
}

impl Incoming {
    /// Reads one frame of a client.
    ///
    /// # Errors
    /// [`Malformed`] with `PARSE_ERROR`, `INVALID_REQUEST` or `INVALID_PARAMS`.
    pub fn parse(frame: &[u8]) -> Result<Self, Malformed> {
        let flawed = strict::check(frame).err();
        if let Some(flawed) = flawed.filter(|flawed| !flawed.in_params) {
            return Err(Malformed { id: None, error: flaw_error(flawed.flaw, false) });
        }
        let members: Members<'_> = serde_json::from_slice(frame).map_err(|_| {
            invalid(
                None,
                "the members of the message are of the wrong kind",
                "see docs/protocol.md",
            )
        })?;
        let id = match members.id {
            Member::Absent => None,
            Member::Present(raw) => Some(Id::parse(raw).ok_or_else(|| {
                invalid(
                    None,
                    "the id is neither a short text nor an integer",
                    "use an integer as id",
                )
            })?),
        };
        if members.jsonrpc.as_deref() != Some("2.0") {
            return Err(invalid(id, "this is no JSON-RPC 2.0 message", "add \"jsonrpc\": \"2.0\""));
        }
        if matches!(members.result, Member::Present(_))
            || matches!(members.error, Member::Present(_))
        {
            return Err(invalid(
                id,
                "this is a response, and nothing was asked",
                "send requests only",
            ));
        }
        let Some(method) = members.method else {
            return Err(invalid(id, "the message names no method", "add \"method\""));
        };
        if let Some(flawed) = flawed {
            return Err(Malformed { id, error: flaw_error(flawed.flaw, true) });
        }
        let params = match members.params {
            Member::Absent => {
                RawValue::from_string("{}".to_owned()).expect("an empty object is JSON")
            }
            Member::Present(raw) if raw.get().starts_with('{') => raw.to_owned(),
            Member::Present(_) => {
                return Err(Malformed { id, error: positional() });
            }
        };
        let method = method.into_owned();
        Ok(match id {
            Some(id) => Self::Request { id, method, params },
            None => Self::Notification { method, params },
        })
    }
}

impl Id {
    fn parse(raw: &RawValue) -> Option<Self> {
        if raw.get().starts_with('"') {
            let text: String = serde_json::from_str(raw.get()).ok()?;
            return (text.len() <= MAX_ID_BYTES).then_some(Self::Text(text));
        }
        let number: i64 = serde_json::from_str(raw.get()).ok()?;
        (-MAX_ID_INTEGER..=MAX_ID_INTEGER).contains(&number).then_some(Self::Number(number))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Number(number) => number.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Self::parse(raw)
            .ok_or_else(|| de::Error::custom("the id is neither a short text nor an integer"))
    }
}

#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default)]
    jsonrpc: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Member<'a>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    params: Member<'a>,
    #[serde(borrow, default)]
    result: Member<'a>,
    #[serde(borrow, default)]
    error: Member<'a>,
}

/// A member that may be there, also with the value null.
#[derive(Default)]
enum Member<'a> {
    #[default]
    Absent,
    Present(&'a RawValue),
}

impl<'de: 'a, 'a> Deserialize<'de> for Member<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(Self::Present)
    }
}

fn invalid(id: Option<Id>, message: &str, hint: &str) -> Malformed {
    Malformed {
        id,
        error: WireError::new(ErrorName::InvalidRequest, Reason::InvalidRequest, message, hint),
    }
}

fn positional() -> WireError {
    WireError::new(
        ErrorName::InvalidParams,
        Reason::InvalidParams,
        "params are an object, by name",
        "send the params as an object",
    )
}

fn flaw_error(flaw: Flaw, in_params: bool) -> WireError {
    let (name, reason) = match flaw {
        Flaw::Syntax => (ErrorName::Parse, Reason::ParseError),
        Flaw::NotAnObject
        | Flaw::Depth
        | Flaw::DuplicateKey
        | Flaw::LongString
        | Flaw::LongArray
        | Flaw::Character
            if in_params =>
        {
            (ErrorName::InvalidParams, Reason::InvalidParams)
        }
        Flaw::NotAnObject
        | Flaw::Depth
        | Flaw::DuplicateKey
        | Flaw::LongString
        | Flaw::LongArray
        | Flaw::Character => (ErrorName::InvalidRequest, Reason::InvalidRequest),
    };
    WireError::new(name, reason, flaw.to_string(), "see docs/protocol.md, Limits")
}

/// The one version of JSON-RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version;

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("2.0")
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Two;
        impl Visitor<'_> for Two {
            type Value = Version;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"2.0\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Version, E> {
                if text == "2.0" { Ok(Version) } else { Err(E::custom("not JSON-RPC 2.0")) }
            }
        }
        deserializer.deserialize_str(Two)
    }
}

#[derive(Serialize)]
struct RequestOut<'a, P> {
    jsonrpc: Version,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Id>,
    method: &'a str,
    params: &'a P,
}

#[derive(Serialize)]
struct ResultOut<'a, R> {
    jsonrpc: Version,
    id: &'a Id,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    fd: bool,
    result: &'a R,
}

#[derive(Serialize)]
struct ErrorOut<'a> {
    jsonrpc: Version,
    id: Option<&'a Id>,
    error: &'a WireError,
}

/// The wire form of a request, or without an id of a notification.
///
/// # Errors
/// What serde_json says of `params`.
pub fn request<P: Serialize>(
    id: Option<&Id>,
    method: &str,
    params: &P,
) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&RequestOut { jsonrpc: Version, id, method, params })
}

/// The wire form of a result.
///
/// # Errors
/// What serde_json says of `result`.
pub fn result<R: Serialize>(id: &Id, result: &R) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&ResultOut { jsonrpc: Version, id, fd: false, result })
}

/// The wire form of a result that comes with a descriptor, which travels beside the frame's first
/// byte.
///
/// # Errors
/// What serde_json says of `result`.
pub fn result_with_descriptor<R: Serialize>(
    id: &Id,
    result: &R,
) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&ResultOut { jsonrpc: Version, id, fd: true, result })
}

/// The wire form of a result that is JSON text already: moved to make room for what comes before.
#[must_use]
pub fn result_text(id: &Id, mut result: Vec<u8>) -> Vec<u8> {
    let mut head = br#"{"jsonrpc":"2.0","id":"#.to_vec();
    // A text or a number: nothing that JSON has no form for.
    serde_json::to_writer(&mut head, id).unwrap_or_default();
    head.extend_from_slice(br#","result":"#);
    result.splice(..0, head);
    result.push(b'}');
    result
}

/// The wire form of an error; without an id it is answered to whoever is connected.
///
/// # Errors
/// None in fact: an error holds nothing that JSON cannot.
pub fn error(id: Option<&Id>, error: &WireError) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&ErrorOut { jsonrpc: Version, id, error })
}

/// The wire form of an event.
///
/// # Errors
/// None in fact: an event holds nothing that JSON cannot.
pub fn event(event: &Event) -> Result<Vec<u8>, serde_json::Error> {
    request(None, EVENT, event)
}

/// The method name of event notifications.
pub const EVENT: &str = "event";

/// The method name of the notification that gives up a request.
pub const CANCEL: &str = "$/cancel";

/// Params of `$/cancel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// Of the request.
    pub id: Id,
}

/// What the daemon sent.
#[derive(Debug)]
pub enum Outgoing {
    /// The answer to a request; an id of `None` means the connection.
    Response {
        /// Of the request.
        id: Option<Id>,
        /// Its result, raw, or why there is none.
        outcome: Result<Box<RawValue>, WireError>,
        /// Does a descriptor come with it?
        fd: bool,
    },
    /// An event of a subscription.
    Event(Box<Event>),
    /// An error or, without an id, an event in words that a newer daemon has: the protocol grows,
    /// and whoever does not know a word goes on without it.
    Newer {
        /// Of the request.
        id: Option<Id>,
        /// What an error says to a person.
        message: String,
    },
}

/// Why a frame of the daemon could not be read.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// Not JSON, or of another form.
    #[error("the daemon sent something that is no JSON-RPC 2.0 message")]
    Form(#[source] serde_json::Error),
    /// Neither response nor event.
    #[error("the daemon sent a message that is neither a response nor an event")]
    Kind,
}

#[derive(Deserialize)]
struct MessageIn<'a> {
    #[serde(rename = "jsonrpc")]
    _jsonrpc: Version,
    #[serde(default)]
    id: Option<Id>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    result: Member<'a>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(default)]
    fd: bool,
}

/// Of an error, what every version has.
#[derive(Deserialize)]
struct AnyError {
    #[serde(rename = "code")]
    _code: i32,
    message: String,
}

/// Of an event, what every version has.
#[derive(Deserialize)]
struct AnyEvent {
    #[serde(rename = "subscription")]
    _subscription: Token,
    #[serde(rename = "seq")]
    _seq: u64,
}

impl Outgoing {
    /// Reads one frame of the daemon.
    ///
    /// # Errors
    /// [`OutgoingError`].
    pub fn parse(frame: &[u8]) -> Result<Self, OutgoingError> {
        let message: MessageIn<'_> = serde_json::from_slice(frame).map_err(OutgoingError::Form)?;
        let fd = message.fd;
        match (message.method.as_deref(), message.params, message.result, message.error) {
            (Some(EVENT), Some(params), Member::Absent, None) => {
                match serde_json::from_str(params.get()) {
                    Ok(event) => Ok(Self::Event(event)),
                    Err(error) => match serde_json::from_str::<AnyEvent>(params.get()) {
                        Ok(_) => Ok(Self::Newer { id: None, message: String::new() }),
                        Err(_) => Err(OutgoingError::Form(error)),
                    },
                }
            }
            (None, None, Member::Present(raw), None) => {
                Ok(Self::Response { id: message.id, outcome: Ok(raw.to_owned()), fd })
            }
            (None, None, Member::Absent, Some(raw)) => match serde_json::from_str(raw.get()) {
                Ok(error) => Ok(Self::Response { id: message.id, outcome: Err(error), fd }),
                Err(error) => match serde_json::from_str::<AnyError>(raw.get()) {
                    Ok(AnyError { message: said, .. }) if message.id.is_some() => {
                        Ok(Self::Newer { id: message.id, message: said })
                    }
                    Ok(_) | Err(_) => Err(OutgoingError::Form(error)),
                },
            },
            _ => Err(OutgoingError::Kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str) -> (ErrorName, Option<Id>) {
        let malformed = Incoming::parse(text.as_bytes()).unwrap_err();
        (malformed.error.data.name, malformed.id)
    }

    #[test]
    fn reads_a_request_and_a_notification() {
        match Incoming::parse(
            br#"{"jsonrpc":"2.0","id":"a","method":"m","params":{"x":1},"more":[]}"#,
        )
        .unwrap()
        {
            Incoming::Request { id, method, params } => {
                assert_eq!(
                    (id, method.as_str(), params.get()),
                    (Id::Text("a".into()), "m", r#"{"x":1}"#)
                );
            }
            Incoming::Notification { .. } => panic!("it has an id"),
        }
        let notification = Incoming::parse(br#"{"jsonrpc":"2.0","method":"m"}"#).unwrap();
        assert!(
            matches!(notification, Incoming::Notification { params, .. } if params.get() == "{}")
        );
    }

    #[test]
    fn an_id_of_null_is_no_notification() {
        assert_eq!(
            refused(r#"{"jsonrpc":"2.0","id":null,"method":"m"}"#),
            (ErrorName::InvalidRequest, None)
        );
    }

    #[test]
    fn ids_are_short_texts_or_safe_integers() {
        let parse = |id: &str| {
            let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"m"}}"#);
            Incoming::parse(text.as_bytes())
                .map_err(|malformed| (malformed.error.data.name, malformed.id))
        };
        let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes));
        let (over, under) = ((MAX_ID_INTEGER + 1).to_string(), (-MAX_ID_INTEGER - 1).to_string());
        let long = text(MAX_ID_BYTES + 1);
        let absurd = text(4_000);
        for bad in [
            "true",
            "1.5",
            "1e2",
            &over,
            &under,
            "18446744073709551616",
            "{}",
            "[]",
            &long,
            &absurd,
        ] {
            assert_eq!(parse(bad).unwrap_err(), (ErrorName::InvalidRequest, None), "{bad:.70}");
        }
        let (most, least) = (MAX_ID_INTEGER.to_string(), (-MAX_ID_INTEGER).to_string());
        for good in [&most, &least, "0", &text(MAX_ID_BYTES)] {
            assert!(parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn without_the_version_it_is_refused_with_a_hint() {
        for version in ["", r#""jsonrpc":"1.0","#, r#""jsonrpc":null,"#] {
            let malformed =
                Incoming::parse(format!(r#"{{{version}"id":7,"method":"m"}}"#).as_bytes())
                    .unwrap_err();
            assert_eq!(malformed.id, Some(Id::Number(7)));
            assert!(malformed.error.data.hint.contains("jsonrpc"));
        }
        assert_eq!(refused(r#"{"jsonrpc":2.0,"id":7,"method":"m"}"#).0, ErrorName::InvalidRequest);
    }

    #[test]
    fn batches_and_positional_params_and_responses_are_refused() {
        assert_eq!(
            refused(r#"[{"jsonrpc":"2.0","id":1,"method":"m"}]"#),
            (ErrorName::InvalidRequest, None)
        );
        assert_eq!(refused(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#).0, ErrorName::InvalidRequest);
        assert_eq!(
            refused(r#"{"jsonrpc":"2.0","id":1,"method":"m","error":null}"#).0,
            ErrorName::InvalidRequest
        );
        for params in ["[1]", "null", "1", "\"x\""] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{params}}}"#);
            assert_eq!(refused(&text), (ErrorName::InvalidParams, Some(Id::Number(1))), "{params}");
        }
    }

    #[test]
    fn a_flaw_inside_params_is_answered_with_the_id() {
        let text = r#"{"jsonrpc":"2.0","id":3,"method":"m","params":{"a":1,"a":2}}"#;
        assert_eq!(refused(text), (ErrorName::InvalidParams, Some(Id::Number(3))));
        assert_eq!(refused("{\"jsonrpc\""), (ErrorName::Parse, None));
    }

    #[test]
    fn what_one_side_writes_the_other_reads() {
        let id = Id::Number(5);
        let error_in = WireError::new(ErrorName::Busy, Reason::Busy, "busy", "try again");
        match Outgoing::parse(&error(Some(&id), &error_in).unwrap()).unwrap() {
            Outgoing::Response { id: Some(Id::Number(5)), outcome: Err(out), fd: false } => {
                assert_eq!(out, error_in)
            }
            other => panic!("{other:?}"),
        }
        match Outgoing::parse(&result(&id, &[1, 2]).unwrap()).unwrap() {
            Outgoing::Response { outcome: Ok(raw), .. } => assert_eq!(raw.get(), "[1,2]"),
            other => panic!("{other:?}"),
        }
        assert!(Incoming::parse(&request(Some(&id), "m", &serde_json::json!({})).unwrap()).is_ok());
        assert!(Outgoing::parse(b"{\"jsonrpc\":\"2.0\"}").is_err());
    }
}
