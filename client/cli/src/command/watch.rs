//! `darkslide watch`: what jobs of the running daemon do, or that a library changes, as it happens.
//!
//! Lines for people, JSON lines for programs, each as soon as it is known. Of one job, by its
//! identity or key, it ends with that; else when it is interrupted; jobs go on either way. It goes
//! on over a daemon that is started again, and with `--since` from an event of an earlier run. What
//! changed is for `darkslide changes` to tell, with the token of the event.

use darkslide_client::protocol::event::{Event, Topic};
use darkslide_client::protocol::limits::MAX_SEQ;
use darkslide_client::protocol::message::event::EventSubscribeParams;
use darkslide_client::protocol::message::job::JobStatus;

use super::{export, jobs};
use crate::args::{Global, WATCH_LIBRARY, WatchArgs};
use crate::exit::Exit;
use crate::output::{self, Output};
use crate::report::Failure;
use crate::session::{self, Session, Way};

/// What one of the words asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wish {
    /// The library that is meant without a name.
    Library,
    Topic(Topic),
}

/// Runs it.
pub(crate) async fn run(
    global: &Global,
    args: WatchArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let since = args.since.map(seq).transpose()?;
    let wishes = wishes(&args.topics)?;
    let is_of_libraries =
        wishes.iter().all(|wish| matches!(wish, Wish::Library | Wish::Topic(Topic::Library(_))));
    let way = if is_of_libraries { Way::of(global, None)? } else { jobs::of_running(global)? };
    session::with(way, None, output, async |session, output| {
        let mut topics = Vec::new();
        for wish in wishes {
            topics.push(match wish {
                Wish::Library => Topic::Library(session.library().await?),
                Wish::Topic(topic) => topic,
            });
        }
        watch(session, output, EventSubscribeParams { topics, since }).await
    })
    .await
}

fn seq(since: u64) -> Result<u64, Failure> {
    if since <= MAX_SEQ {
        return Ok(since);
    }
    Err(Failure::usage(
        format!("{since} is the number of no event"),
        "take the `seq` of an event that `watch --json` has shown",
    ))
}

fn wishes(words: &[String]) -> Result<Vec<Wish>, Failure> {
    if words.is_empty() {
        return Ok(vec![Wish::Topic(Topic::Jobs)]);
    }
    words.iter().map(|word| wish(word)).collect()
}

fn wish(word: &str) -> Result<Wish, Failure> {
    if word == WATCH_LIBRARY {
        return Ok(Wish::Library);
    }
    match Topic::parse(word) {
        Ok(topic) => Ok(Wish::Topic(topic)),
        Err(error) if word.contains(':') => Err(Failure::usage(
            format!("{word:?} is no topic: {error}"),
            "darkslide watch --help says what can be watched",
        )),
        Err(_) => Ok(Wish::Topic(Topic::Job(jobs::parse(word)?))),
    }
}

async fn watch(
    session: &Session,
    output: &mut Output,
    params: EventSubscribeParams,
) -> Result<Exit, Failure> {
    let mut events = session.client.subscribe(&params).await?;
    let mut last: Option<JobStatus> = None;
    while let Some(event) = events.next().await? {
        show(output, &event)?;
        last = event.data.job.or(last);
    }
    last.map_or(Ok(Exit::Done), |job| export::outcome(&job))
}

fn show(output: &mut Output, event: &Event) -> Result<(), Failure> {
    output.answer(event, output::event::line)?;
    Ok(output.flush()?)
}

#[cfg(test)]
mod tests {
    use darkslide_client::protocol::value::Token;

    use super::*;

    #[test]
    fn words_are_topics_and_a_bare_identity_is_a_job() {
        let job = Token::from_bits(7);
        let of = |words: &[&str]| {
            wishes(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(of(&[]).unwrap(), [Wish::Topic(Topic::Jobs)]);
        let (bare, long) = (job.to_string(), format!("job:{job}"));
        let told = of(&[&bare, &long, "key:a:b", "jobs", "library", "library:main"]).unwrap();
        let expected = [
            Wish::Topic(Topic::Job(job.clone())),
            Wish::Topic(Topic::Job(job)),
            Wish::Topic(Topic::Key("a:b".to_owned())),
            Wish::Topic(Topic::Jobs),
            Wish::Library,
            Wish::Topic(Topic::Library("main".to_owned())),
        ];
        assert_eq!(told, expected);
        for wrong in ["7", "key:", "job:7", "other:x", "JOBS"] {
            assert!(matches!(of(&[wrong]), Err(Failure::Usage { .. })), "{wrong}");
        }
    }

    #[test]
    fn a_number_that_no_event_can_have_is_a_slip() {
        assert_eq!(seq(MAX_SEQ).unwrap(), MAX_SEQ);
        for over in [MAX_SEQ + 1, u64::MAX] {
            assert!(matches!(seq(over), Err(Failure::Usage { .. })), "{over}");
        }
    }
}
