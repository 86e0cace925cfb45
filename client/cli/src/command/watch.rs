//! `darkslide watch`: what jobs of the running daemon do, or that a library changes, as it happens.
//!
//! Lines for people, JSON lines for programs, each as soon as it is known. It ends with the job
//! that was named, or when it is interrupted; the job goes on either way. What changed is for
//! `darkslide changes` to tell, with the token of the event.

use darkslide_client::protocol::event::{Event, Topic};
use darkslide_client::protocol::message::event::EventSubscribeParams;
use darkslide_client::protocol::value::Token;

use super::{export, jobs};
use crate::args::{Global, WATCH_LIBRARY, WatchArgs};
use crate::exit::Exit;
use crate::output::{Output, human};
use crate::report::Failure;
use crate::session::{self, Session, Way};

/// Runs it.
pub(crate) async fn run(
    global: &Global,
    args: WatchArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    if args.job.as_deref() == Some(WATCH_LIBRARY) {
        let way = Way::of(global, None)?;
        return session::with(way, None, output, async |session, output| {
            let topic = Topic::Library(session.library().await?);
            all(session, output, topic).await
        })
        .await;
    }
    let way = jobs::of_running(global)?;
    let job = args.job.as_deref().map(jobs::parse).transpose()?;
    session::with(way, None, output, async |session, output| match job {
        Some(job) => one(session, output, job).await,
        None => all(session, output, Topic::Jobs).await,
    })
    .await
}

async fn one(session: &Session, output: &mut Output, job: Token) -> Result<Exit, Failure> {
    let mut handle = session.client.attach(job).await?;
    while let Some(event) = handle.next().await? {
        show(output, &event)?;
    }
    export::outcome(handle.status())
}

async fn all(session: &Session, output: &mut Output, topic: Topic) -> Result<Exit, Failure> {
    let params = EventSubscribeParams { topic };
    let mut events = session.client.subscribe(&params).await?;
    while let Some(event) = events.next().await? {
        show(output, &event)?;
    }
    Ok(Exit::Done)
}

fn show(output: &mut Output, event: &Event) -> Result<(), Failure> {
    output.answer(event, human::event)?;
    Ok(output.flush()?)
}
