//! The commands, one file each: flags become requests, results go to the output, an exit code comes
//! back.
//!
//! A command never talks to a terminal itself and never looks at a path; it holds a session or,
//! offline, nothing at all. Which of them needs which is decided here.

mod albums;
mod audit;
mod call;
mod changes;
mod count;
mod demo;
mod destinations;
mod doctor;
mod dump;
mod export;
mod facets;
mod get;
mod health;
mod info;
mod jobs;
mod left_out;
mod open;
mod plan;
mod policy;
mod prune;
mod query;
mod records;
mod resources;
mod select;
mod service;
mod socket;
mod span;
mod verify;
mod watch;

pub(crate) use service::ServiceError;

use crate::args::{Arguments, Command};
use crate::exit::Exit;
use crate::output::Output;
use crate::report::Failure;
use crate::session::{self, Way};

/// Runs one command.
pub(crate) async fn run(arguments: Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let global = arguments.global;
    let way = || Way::of(&global, None);
    match arguments.command {
        Command::Info => session::with(way()?, None, output, info::run).await,
        Command::Albums(args) => {
            session::with(way()?, None, output, async |session, output| {
                albums::run(session, output, args).await
            })
            .await
        }
        Command::Query(args) => {
            let query = query::Query::new(args)?;
            session::with(way()?, None, output, async |session, output| {
                query.run(session, output).await
            })
            .await
        }
        Command::Count(args) => {
            let filter = select::filter(&args.select)?;
            session::with(way()?, None, output, async |session, output| {
                count::run(session, output, filter, &args).await
            })
            .await
        }
        Command::Facets(args) => facets::run(way()?, args, output).await,
        Command::Get(args) => get::run(way()?, &args, output).await,
        Command::Dump(args) => {
            let dump = dump::Dump::new(&args)?;
            session::with(way()?, None, output, async |session, output| {
                dump.run(session, output).await
            })
            .await
        }
        Command::Changes(args) => {
            session::with(way()?, None, output, async |session, output| {
                changes::run(session, output, args).await
            })
            .await
        }
        Command::Resources(args) => {
            let uuids = select::uuids(&args.uuids)?;
            session::with(way()?, None, output, async |session, output| {
                resources::run(session, output, uuids).await
            })
            .await
        }
        Command::Open(args) => open::version(way()?, args, output).await,
        Command::Thumbnail(args) => open::thumbnail(way()?, args, output).await,
        Command::Export(args) => export::run(&global, args, output).await,
        Command::Plan(args) => plan::run(&global, args, output).await,
        Command::Jobs => jobs::list(&global, output).await,
        Command::Job(args) => jobs::one(&global, args, output).await,
        Command::Verify(args) => verify::run(&global, args, output).await,
        Command::Prune(args) => prune::run(&global, args, output).await,
        Command::Destinations => destinations::run(&global, output).await,
        Command::Watch(args) => watch::run(&global, args, output).await,
        Command::Health(args) => health::run(&global, &args, output).await,
        Command::Socket => socket::run(&global, output).await,
        Command::Doctor(args) => doctor::run(&global, &args, output).await,
        Command::Call(args) => call::run(way()?, args, output).await,
        Command::Policy(command) => policy::run(&global, command, output).await,
        Command::Service(command) => service::run(&global, command, output).await,
        Command::Audit(command) => audit::run(command, output),
        Command::Demo(args) => demo::run(&global, args, output).await,
        // They became something else before there was a runtime.
        Command::PrivateDaemon | Command::TrySocket => Ok(Exit::Usage),
    }
}
