//! `darkslide socket`: where the daemon is, its pid and version, as JSON.
//!
//! For scripts, which take the place from here rather than repeat the rules for it. Where nobody
//! serves the error names the place that was looked at, and the exit status says so.

use darkslide_client::place;
use darkslide_client::protocol::message::health::HealthParams;
use serde::Serialize;

use super::jobs;
use crate::args::Global;
use crate::exit::Exit;
use crate::output::Output;
use crate::report::Failure;
use crate::session;

/// The answer.
#[derive(Debug, Serialize)]
struct Answer {
    /// The socket's path.
    socket: String,
    /// The daemon's process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    /// Its version.
    version: String,
    /// The protocol that it speaks.
    protocol: u32,
    /// Another for each start.
    instance: String,
    /// How it was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    started_by: Option<String>,
}

/// Runs it.
pub(crate) async fn run(global: &Global, output: &mut Output) -> Result<Exit, Failure> {
    let way = jobs::of_running(global)?;
    session::with(way, None, output, async |session, output| {
        let health = session.client.health(&HealthParams::default()).await?;
        let place = place::default_socket().map_err(darkslide_client::Unavailable::from);
        let place = place.map_err(darkslide_client::Error::from)?;
        let detail = health.detail;
        output.json(&Answer {
            socket: place.to_string_lossy().into_owned(),
            pid: detail.as_ref().map(|detail| detail.pid),
            version: health.version,
            protocol: health.protocol,
            instance: health.instance.to_string(),
            started_by: detail.map(|detail| detail.started_by).filter(|by| !by.is_empty()),
        })?;
        Ok(Exit::Done)
    })
    .await
}
