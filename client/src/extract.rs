//! `extract`: one call that is answered when the export is over, however long that takes.
//!
//! No time bounds it: it waits as long as the daemon says that it is there, by the keep-alives of a
//! subscription of its own. A connection that ends leaves the job, so the same call is made again
//! and joins it, or finds all of it done. The hazard: a daemon that hangs, which a call without a
//! time would never leave; so silence is an error.

use std::time::Duration;

use darkslide_protocol::event::Topic;
use darkslide_protocol::message::event::EventSubscribeParams;
use darkslide_protocol::message::extract::{ExtractParams, ExtractResult};
use darkslide_protocol::method::Extract;

use crate::client::Client;
use crate::error::{Error, Unavailable};
use crate::events::Subscription;

/// How often a call is made whose connection ends before its answer: a daemon that falls over the
/// same export again and again is not worth more.
const MAX_CALLS: u32 = 5;

impl Client {
    /// Exports an album, and returns when that is over. Dropping the future cancels the job.
    ///
    /// # Errors
    /// As [`Client::call`]; [`Error::TimedOut`] only where the daemon was silent, keep-alives
    /// included, for three of them.
    pub async fn extract(&self, params: &ExtractParams) -> Result<ExtractResult, Error> {
        let topic = params.key.clone().map_or(Topic::Jobs, Topic::Key);
        let listen = EventSubscribeParams::of([topic]);
        let unbounded = self.with_call_timeout(Duration::MAX);
        let mut calls = 1;
        loop {
            // This connects where that is needed, within the time of a call.
            let mut events = self.subscribe(&listen).await?;
            let answer = tokio::select! {
                answer = unbounded.call::<Extract>(params) => answer,
                error = silence(&mut events) => Err(error),
            };
            let is_lost = matches!(
                answer,
                Err(Error::Unavailable(Unavailable::Closed | Unavailable::Broken(_)))
            );
            if !is_lost || calls == MAX_CALLS {
                return answer;
            }
            calls += 1;
        }
    }
}

/// Returns once nothing is heard any more.
async fn silence(events: &mut Subscription) -> Error {
    loop {
        match events.next().await {
            Ok(Some(_)) => {}
            // The job of that key is over: its answer is on the way.
            Ok(None) => std::future::pending().await,
            Err(error) => return error,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests")]

    use darkslide_protocol::message::event::Subscribed;
    use darkslide_protocol::value::Token;

    use super::*;
    use crate::events::SILENCE;
    use crate::fake::{Fake, FakeError};

    async fn subscribed(daemon: &mut Fake) -> Result<(), FakeError> {
        let asked = daemon.request().await?;
        assert_eq!(asked.method, "event.subscribe");
        daemon.answer(&asked, &Subscribed { subscription: Token::from_bits(5), seq: 1 }).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_daemon_that_says_nothing_is_left_after_three_keep_alives_and_told_so() {
        let (client, mut daemon) = Fake::pair().unwrap();
        let params = ExtractParams::of("Summer", "/x");
        let began = tokio::time::Instant::now();
        let play = async {
            subscribed(&mut daemon).await?;
            assert_eq!(daemon.request().await?.method, "extract");
            Ok::<(), FakeError>(())
        };
        let (answer, played) = tokio::join!(client.extract(&params), play);
        played.unwrap();
        assert!(matches!(answer, Err(Error::TimedOut { after, .. }) if after == SILENCE));
        assert!(began.elapsed() >= SILENCE, "and not before");
    }

    #[tokio::test]
    async fn a_private_daemon_that_goes_ends_the_call() {
        let (client, mut daemon) = Fake::pair().unwrap();
        let params = ExtractParams::of("Summer", "/x");
        let play = async {
            subscribed(&mut daemon).await?;
            daemon.request().await?;
            drop(daemon);
            Ok::<(), FakeError>(())
        };
        let (answer, played) = tokio::join!(client.extract(&params), play);
        played.unwrap();
        assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    }
}
