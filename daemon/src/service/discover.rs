//! `rpc.discover`: the OpenRPC document of the wire, as it is checked in.
//!
//! The text is made from the types by a test (`tests/documents`) and stands in the program, so that
//! a daemon needs neither the schemas nor a file. It is the same for every peer.

use darkslide_protocol::error::WireError;
use darkslide_protocol::message::discover::RpcDiscoverParams;
use darkslide_protocol::method;

use super::{Caller, Service, Text};

const DOCUMENT: &str = include_str!("../../../docs/schema/openrpc.json");

impl Service {
    /// Answers `rpc.discover`.
    ///
    /// # Errors
    /// `DENIED`.
    pub(crate) fn rpc_discover(
        &self,
        caller: &Caller,
        _: &RpcDiscoverParams,
    ) -> Result<Text, WireError> {
        self.decide_call::<method::RpcDiscover>(caller)?;
        Ok(Text(DOCUMENT.as_bytes().to_vec()))
    }
}
