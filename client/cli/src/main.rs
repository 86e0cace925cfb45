//! The command line of darkslide: reads and exports a Photos library through a confined daemon, and
//! shows what it does.
//!
//! `main` alone ends the process. The hidden commands come first, before there is a runtime or a
//! second thread, for they become the confined side. Reading path: `args` (what can be asked for),
//! `command/` (what it does), `session` (whom it talks to), `private_daemon` (the one place that
//! starts a daemon), `exit` and `report` (how it ends).

#![forbid(unsafe_code)]

mod args;
mod asked;
mod command;
mod daemon_side;
mod demo_folder;
#[cfg(test)]
mod documents;
mod exit;
mod new_file;
mod output;
mod paths;
mod private_daemon;
mod report;
mod session;
mod told;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use exit::Exit;
use output::{Output, plain};
use report::Failure;

/// Characters of a line of a usage error: values of any length can stand in it.
const MAX_USAGE_LINE: usize = 2_000;

fn main() -> ExitCode {
    if daemon_side::is_private_daemon() {
        return daemon_side::be_private_daemon();
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(told) => return tell_usage(&told),
    };
    if let Command::TrySocket = arguments.command {
        return daemon_side::try_socket();
    }
    let mut output = Output::of_process(arguments.global.json, arguments.global.color);
    let asked = asked::names(&arguments);
    let result = run(arguments, &mut output).and_then(|exit| {
        output.flush()?;
        Ok(exit)
    });
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            // What was answered so far is worth having, whatever came then.
            drop(output.flush());
            if let Some(lines) = failure.lines(output.talk_style(), &asked) {
                output.say(&lines);
            }
            failure.exit().into()
        }
    }
}

fn run(arguments: Arguments, output: &mut Output) -> Result<Exit, Failure> {
    #[expect(clippy::disallowed_methods, reason = "the runtime of this program, of one thread")]
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::Setup)?.block_on(command::run(arguments, output))
}

/// Shows help on stdout, and what is wrong on stderr, without what a value could do to a terminal.
fn tell_usage(told: &clap::Error) -> ExitCode {
    let text = harmless(&told.render().to_string());
    let is_error = told.use_stderr();
    // Who has closed the stream does not want to know.
    if is_error {
        drop(write!(std::io::stderr(), "{text}"));
        Exit::Usage.into()
    } else {
        drop(write!(std::io::stdout(), "{text}"));
        Exit::Done.into()
    }
}

fn harmless(text: &str) -> String {
    let cut = |line: &str| match line.char_indices().nth(MAX_USAGE_LINE) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    };
    let lines: Vec<String> = plain::lines(text).split('\n').map(cut).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usage_error_obeys_no_value() {
        let hostile = format!("\x1b[2J\u{202e}{}", "x".repeat(100_000));
        let told =
            Arguments::try_parse_from(["darkslide", "query", "--kind", &hostile]).unwrap_err();
        let text = harmless(&told.render().to_string());
        assert!(!text.contains('\x1b') && !text.contains('\u{202e}'), "no raw marks");
        assert!(text.lines().all(|line| line.chars().count() <= MAX_USAGE_LINE + 1));
        assert!(text.contains("possible values"), "and says what would be right");
    }
}
