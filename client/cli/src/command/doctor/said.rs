//! What daemons say: the one that serves, and a private one for a library that nobody serves.
//!
//! Only calls that read. A private daemon is confined and cannot write anywhere, so a library is
//! looked at without a change; it ends before the next one starts. What is refused is kept as it
//! was said, to be judged by the link that it is about.

use std::collections::BTreeMap;
use std::path::Path;

use darkslide_client::protocol::message::destinations::{
    ExportDestinations, ExportDestinationsParams,
};
use darkslide_client::protocol::message::health::{Health, HealthDetail, HealthParams};
use darkslide_client::protocol::message::library::{LibraryInfo, LibraryInfoParams};
use darkslide_client::protocol::message::policy::{PolicyShow, PolicyShowParams};
use darkslide_client::supervisor::LIBRARY;
use darkslide_client::{Client, Error};

use super::library::Look;
use crate::private_daemon::{self, Plan, StartError};

/// What the daemon that serves says.
#[derive(Debug)]
pub(super) struct Said {
    /// Its greeting, or why there was none.
    pub(super) greeting: Result<Health, Error>,
    /// What it grants us.
    pub(super) granted: Option<PolicyShow>,
    /// Of each library that it grants us.
    pub(super) looks: BTreeMap<String, Look>,
    /// Bytes that exports hold below each root that has a quota.
    pub(super) held: BTreeMap<String, u64>,
}

impl Said {
    /// The detail of its greeting.
    pub(super) fn detail(&self) -> Option<&HealthDetail> {
        self.greeting.as_ref().ok().and_then(|health| health.detail.as_ref())
    }

    /// How it was started, where it tells.
    pub(super) fn started_by(&self) -> Option<&str> {
        self.detail().map(|detail| detail.started_by.as_str()).filter(|by| !by.is_empty())
    }
}

/// Asks the daemon at a socket.
pub(super) async fn ask(socket: &Path) -> Said {
    let builder = Client::builder().user_agent("darkslide", env!("CARGO_PKG_VERSION"));
    let mut said = Said {
        greeting: Err(darkslide_client::Unavailable::Closed.into()),
        granted: None,
        looks: BTreeMap::new(),
        held: BTreeMap::new(),
    };
    let client = match builder.socket(socket).reconnect(false).connect().await {
        Ok(client) => client,
        Err(error) => {
            said.greeting = Err(error);
            return said;
        }
    };
    said.greeting = client.health(&HealthParams::default()).await;
    said.granted = client.policy_show(&PolicyShowParams {}).await.ok();
    let Some(granted) = &said.granted else { return said };
    for library in &granted.libraries {
        said.looks.insert(library.name.clone(), look(&client, &library.name).await);
    }
    if granted.roots.iter().any(|root| root.max_bytes.is_some())
        && let Ok(told) = client.export_destinations(&ExportDestinationsParams::default()).await
    {
        said.held = held(&told);
    }
    said
}

fn held(told: &ExportDestinations) -> BTreeMap<String, u64> {
    let mut held = BTreeMap::new();
    for destination in &told.destinations {
        let bytes: u64 = destination.libraries.iter().map(|library| library.bytes).sum();
        let sum: &mut u64 = held.entry(destination.root.clone()).or_default();
        *sum = sum.saturating_add(bytes);
    }
    held
}

/// Has a private daemon look at a library.
pub(super) async fn look_privately(plan: &Plan) -> Look {
    match private_daemon::start(plan, Client::builder()).await {
        Ok((client, mut daemon)) => {
            let look = look(&client, LIBRARY).await;
            drop(client);
            daemon.wait().await;
            look
        }
        Err(error) => Look::Fault { reason: reason(&error), text: chain(&error) },
    }
}

/// A daemon that does not start says so in words; that nothing may be read is all that is told
/// apart.
fn reason(error: &StartError) -> Option<darkslide_client::protocol::error::Reason> {
    let words = chain(error);
    words
        .contains("no permission")
        .then_some(darkslide_client::protocol::error::Reason::NoPermission)
}

async fn look(client: &Client, name: &str) -> Look {
    match client.library_info(&LibraryInfoParams { library: name.to_owned() }).await {
        Ok(info) => read(&info),
        Err(error) => {
            let wire = error.wire();
            let hint = wire.map(|wire| format!(" ({})", wire.data.hint)).unwrap_or_default();
            Look::Fault {
                reason: wire.map(|wire| wire.data.reason),
                text: format!("{}{hint}", chain(&error)),
            }
        }
    }
}

fn read(info: &LibraryInfo) -> Look {
    let assets = info.photos.saturating_add(info.movies);
    let what = format!("Photos {}, {assets} assets, {}", info.photos_version, info.journal);
    let doubt = if info.upgrade_unfinished {
        Some("Photos began to upgrade it and did not finish")
    } else if info.journal == "wal-missing" {
        Some("its -wal is missing, and with it the last changes, if there were any")
    } else {
        None
    };
    Look::Read { what, doubt }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exports_hold_is_summed_by_root() {
        let told: ExportDestinations = serde_json::from_str(
            r#"{"incomplete":false,"destinations":[
                {"root":"a","path":".","libraries":[{"files":1,"bytes":2},{"files":1,"bytes":3}],
                 "interrupted":false},
                {"root":"a","path":"x","libraries":[{"files":1,"bytes":5}],"interrupted":false},
                {"root":"b","path":".","libraries":[],"interrupted":false}]}"#,
        )
        .unwrap();
        let held = held(&told);
        assert_eq!((held.get("a"), held.get("b")), (Some(&10), Some(&0)));
    }
}
