//! `darkslide jobs` and `darkslide job ID`: what the running daemon has done and does, and how one
//! is stopped or goes on.
//!
//! A private daemon has one job and ends with it, so both are about the running one. What a job
//! does as it happens is for `darkslide watch` to show.

use darkslide_client::protocol::message::job::{
    JobCancelParams, JobListParams, JobResumeParams, JobStatusParams,
};
use darkslide_client::protocol::value::Token;

use crate::args::{Global, JobArgs};
use crate::exit::Exit;
use crate::output::{Output, jobs};
use crate::report::Failure;
use crate::session::{self, Way};

/// Shows all of them.
pub(crate) async fn list(global: &Global, output: &mut Output) -> Result<Exit, Failure> {
    session::with(of_running(global)?, None, output, async |session, output| {
        let list = session.client.job_list(&JobListParams {}).await?;
        output.answer(&list, jobs::list)?;
        Ok(Exit::Done)
    })
    .await
}

/// Shows one, once what is asked for is asked of it.
pub(crate) async fn one(
    global: &Global,
    args: JobArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let job = parse(&args.job)?;
    session::with(of_running(global)?, None, output, async |session, output| {
        let client = &session.client;
        let status = match (args.cancel, args.resume) {
            (Some(mode), _) => client.job_cancel(&JobCancelParams { job, mode }).await?,
            (None, true) => client.job_resume(&JobResumeParams { job }).await?,
            (None, false) => client.job_status(&JobStatusParams { job }).await?,
        };
        output.answer(&status, jobs::one)?;
        Ok(Exit::Done)
    })
    .await
}

/// The running daemon; a private one has no jobs of others.
pub(super) fn of_running(global: &Global) -> Result<Way, Failure> {
    if global.library.is_some() {
        return Err(Failure::usage(
            "a private daemon has no jobs of others",
            "leave --library out: the running daemon is meant",
        ));
    }
    Way::of(global, None)
}

/// Reads a job's identity.
pub(super) fn parse(text: &str) -> Result<Token, Failure> {
    Token::parse(text).map_err(|error| {
        Failure::usage(format!("{text:?} is no job: {error}"), "darkslide jobs names them")
    })
}
