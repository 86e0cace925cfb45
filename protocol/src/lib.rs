//! The wire of darkslide, and only the wire: no I/O, no waiting, no clock.
//!
//! A connection to the daemon's Unix socket carries frames in both directions. A frame is four
//! bytes of big-endian length, then that many bytes of one JSON-RPC 2.0 object in UTF-8 ([`frame`],
//! [`envelope`]). Requests have params by name; what a request means is a row of [`method`]; errors
//! are rows of [`error`]; numbers stand in [`limits`]. Changes within protocol 1 only add.
//!
//! A worked exchange, without the length in front of each frame:
//!
//! ```
//! use darkslide_protocol::envelope::{Incoming, Outgoing};
//! use darkslide_protocol::method::Request;
//!
//! let ask = br#"{"jsonrpc":"2.0","id":1,"method":"health","params":{"brief":true}}"#;
//! let Ok(Incoming::Request { method, params, .. }) = Incoming::parse(ask) else { unreachable!() };
//! let request = Request::parse(&method, &params);
//! assert!(matches!(request, Ok(Request::Health(params)) if params.brief));
//!
//! let answer = br#"{"jsonrpc":"2.0","id":1,"result":{"service":"darkslide","protocol":1}}"#;
//! assert!(matches!(Outgoing::parse(answer), Ok(Outgoing::Response { outcome: Ok(_), .. })));
//! ```

#![forbid(unsafe_code)]

pub mod bytes_text;
pub mod envelope;
pub mod error;
pub mod event;
pub mod field;
pub mod filter;
pub mod frame;
pub mod limits;
pub mod message;
pub mod method;
#[cfg(feature = "schema")]
pub mod openrpc;
#[cfg(feature = "schema")]
mod schema;
pub mod strict;
pub mod value;
