//! `rpc.discover`: the wire as an OpenRPC document.
//!
//! The document is made from the types (`openrpc.rs`) and checked in; the daemon serves that text.
//! Whoever reads it has a reader of OpenRPC documents already, so that here it is any object.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Params of `rpc.discover`: none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RpcDiscoverParams {}

/// Result of `rpc.discover`: an OpenRPC document, `docs/schema/openrpc.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("required" = ["openrpc", "info", "methods"])))]
#[serde(transparent)]
pub struct OpenRpc(pub Map<String, Value>);
