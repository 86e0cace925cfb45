//! `darkslide policy show` and `policy check`: what is allowed.
//!
//! `show` asks the running daemon, which answers for whoever asks; `check` needs no daemon and says
//! of a file what the daemon would say of it, with line and column.

use darkslide_client::protocol::message::policy::PolicyShowParams;
use serde::Serialize;

use crate::args::CheckArgs;
use crate::daemon_side;
use crate::exit::Exit;
use crate::output::{Output, human, plain};
use crate::paths;
use crate::report::Failure;
use crate::session::Session;

/// The answer of `policy check` for a program.
#[derive(Debug, Serialize)]
struct Checked {
    /// The file, absolute.
    file: String,
    /// What it says, in words.
    lines: Vec<String>,
}

/// Runs `policy show`.
pub(crate) async fn show(session: &Session, output: &mut Output) -> Result<Exit, Failure> {
    let policy = session.client.policy_show(&PolicyShowParams {}).await?;
    output.answer(&policy, human::policy)?;
    Ok(Exit::Done)
}

/// Runs `policy check`: reads the file as the daemon would, and says what it means.
pub(crate) fn check(args: &CheckArgs, output: &mut Output) -> Result<Exit, Failure> {
    let file = paths::file(&args.file)?;
    let lines = daemon_side::check_policy(&file)?;
    output.answer(&Checked { file, lines }, |checked, _style| {
        let lines: Vec<String> = checked.lines.iter().map(|line| plain::line(line)).collect();
        lines.join("\n")
    })?;
    Ok(Exit::Done)
}
