//! `darkslide policy show`, `policy check` and `policy init`: what is allowed.
//!
//! `show` asks the running daemon, which answers for whoever asks; `check` needs no daemon and says
//! of a file what the daemon would say of it, with line and column. `init` writes a policy to begin
//! with as a file, for this user alone to write, and never in the place of another.

use darkslide_client::protocol::message::policy::PolicyShowParams;
use serde::Serialize;

use crate::args::{CheckArgs, Global, InitArgs, PolicyCommand};
use crate::command::service::MAC_POLICY;
use crate::daemon_side;
use crate::exit::Exit;
use crate::new_file::NewFile;
use crate::output::{Output, human, plain};
use crate::paths;
use crate::report::Failure;
use crate::session::{self, Session, Way};

/// The answer of `policy check` for a program.
#[derive(Debug, Serialize)]
struct Checked {
    /// The file, absolute.
    file: String,
    /// What it says, in words.
    lines: Vec<String>,
}

/// Runs one of the three.
pub(crate) async fn run(
    global: &Global,
    command: PolicyCommand,
    output: &mut Output,
) -> Result<Exit, Failure> {
    match command {
        PolicyCommand::Show => session::with(Way::of(global, None)?, None, output, show).await,
        PolicyCommand::Check(args) => check(&args, output),
        PolicyCommand::Init(args) => init(&args, output),
    }
}

/// Runs `policy show`.
async fn show(session: &Session, output: &mut Output) -> Result<Exit, Failure> {
    let policy = session.client.policy_show(&PolicyShowParams {}).await?;
    output.answer(&policy, human::policy)?;
    Ok(Exit::Done)
}

/// What `policy init` writes: on Linux the built-in policy, with comments; on a Mac, where that one
/// lends nothing, the text that `service install` puts in place.
const DEFAULT_POLICY: &str =
    if cfg!(target_os = "macos") { MAC_POLICY } else { include_str!("policy_init.toml") };

/// The answer of `policy init` for a program.
#[derive(Debug, Serialize)]
struct Written {
    /// The file, absolute.
    file: String,
}

/// Runs `policy init`.
fn init(args: &InitArgs, output: &mut Output) -> Result<Exit, Failure> {
    let place = match &args.file {
        Some(file) => file.clone(),
        None => paths::made_folder_of(daemon_side::policy_place()?)?,
    };
    let mut file = NewFile::make_ours_alone(paths::new_file(&place, None)?)?;
    file.write(DEFAULT_POLICY.as_bytes())?;
    let written = Written { file: file.path().to_string_lossy().into_owned() };
    file.keep();
    output.answer(&written, |written, _style| plain::line(&written.file))?;
    output.say("read it, change what is to be otherwise, and start the daemon anew");
    Ok(Exit::Done)
}

/// Runs `policy check`: reads the file as the daemon would, and says what it means.
fn check(args: &CheckArgs, output: &mut Output) -> Result<Exit, Failure> {
    let file = paths::file(&args.file)?;
    let lines = daemon_side::check_policy(&file)?;
    output.answer(&Checked { file, lines }, |checked, _style| {
        let lines: Vec<String> = checked.lines.iter().map(|line| plain::line(line)).collect();
        lines.join("\n")
    })?;
    Ok(Exit::Done)
}
