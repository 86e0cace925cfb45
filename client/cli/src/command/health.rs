//! `darkslide health`: who serves, and what the kernel says is enforced; with `--watch` a line at
//! each change.
//!
//! It shows the daemon's own answer, which the daemon asks of the kernel anew each time; what is
//! missing stands first. Watching asks once a second, goes on while nobody serves, and says so;
//! time that passes is no change. It keeps an activated daemon awake for as long.

use std::time::Duration;

use darkslide_client::protocol::message::health::{Health, HealthParams};
use serde::Serialize;

use crate::args::{Global, HealthArgs};
use crate::exit::Exit;
use crate::output::{Output, human, plain};
use crate::report::Failure;
use crate::session::{self, Session, Way};

/// How often it is asked, and how long an answer may take.
const EVERY: Duration = Duration::from_secs(1);

/// Runs it.
pub(crate) async fn run(
    global: &Global,
    args: &HealthArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let way = Way::of(global, None)?;
    session::with(way, None, output, async |session, output| match args.watch {
        true => watch(session, output).await,
        false => once(session, output).await,
    })
    .await
}

async fn once(session: &Session, output: &mut Output) -> Result<Exit, Failure> {
    let health = session.client.health(&HealthParams::default()).await?;
    output.answer(&health, human::health)?;
    Ok(Exit::Done)
}

/// What a program is told at a change.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Watched {
    /// Does somebody answer?
    serving: bool,
    /// Its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Health>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Without an end: Ctrl-C ends the session.
async fn watch(session: &Session, output: &mut Output) -> Result<Exit, Failure> {
    let client = session.client.with_call_timeout(EVERY);
    let mut before = None;
    loop {
        let now = match client.health(&HealthParams::default()).await {
            Ok(health) => Watched { serving: true, health: Some(health), why: None },
            // With a daemon of one's own there is no other to come.
            Err(error) if session.is_private() => return Err(error.into()),
            Err(error) => Watched { serving: false, health: None, why: Some(error.to_string()) },
        };
        let mark = changing(&now);
        if before.as_ref() != Some(&mark) {
            output.answer(&now, |now, _style| line(now))?;
            output.flush()?;
            before = Some(mark);
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// What of it is a change when it changes; in which words a daemon is gone is none.
fn changing(watched: &Watched) -> (bool, Option<Health>) {
    let mut health = watched.health.clone();
    if let Some(detail) = health.as_mut().and_then(|health| health.detail.as_mut()) {
        detail.uptime_ms = 0;
        detail.confinement.refusals.clear();
    }
    (watched.serving, health)
}

fn line(watched: &Watched) -> String {
    let words = match (&watched.health, &watched.why) {
        (Some(health), _) => serving_line(health),
        (None, why) => format!("nobody answers: {}", why.as_deref().unwrap_or("no reason")),
    };
    plain::line(&words)
}

/// An answer in one line.
fn serving_line(health: &Health) -> String {
    let mut parts = vec![format!("{} {}", health.service, health.version)];
    if let Some(detail) = &health.detail {
        let confined = if detail.confinement.enforced { "confined" } else { "NOT confined" };
        parts.extend([format!("pid {}", detail.pid), confined.to_owned()]);
        for (kind, places) in [("library", &detail.libraries), ("root", &detail.roots)] {
            let told = places.iter().map(|place| format!("{kind} {} {}", place.name, place.state));
            parts.extend(told);
        }
        let jobs = detail.jobs;
        parts.push(format!("{} jobs running, {} waiting", jobs.running, jobs.waiting));
        parts.extend(detail.policy_problem.iter().map(|problem| format!("policy: {problem}")));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use darkslide_client::protocol::value::Token;

    use super::*;

    fn serving(instance: u128) -> Watched {
        let health = Health::new(Token::from_bits(instance), "1.0.0".to_owned(), None);
        Watched { serving: true, health: Some(health), why: None }
    }

    #[test]
    fn another_daemon_is_a_change_and_another_reason_is_none() {
        let gone = |why: &str| Watched { serving: false, health: None, why: Some(why.to_owned()) };
        assert_ne!(changing(&serving(1)), changing(&serving(2)));
        assert_eq!(changing(&serving(1)), changing(&serving(1)));
        assert_eq!(changing(&gone("a")), changing(&gone("b")));
        assert_ne!(changing(&gone("a")), changing(&serving(1)));
        assert_eq!(line(&gone("a\x1b")), r"nobody answers: a\u{1b}");
    }
}
