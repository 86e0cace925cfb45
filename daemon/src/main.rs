//! `darkslided`: the service, and the one program that a person grants access to a Photos library.
//!
//! It reads its arguments and starts; all else is the library of this package. It has no private
//! way: the grant belongs to this code, and on a Mac any program of the user can start it with
//! arguments of its own.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use darkslide_daemon::boot::args::{self, HELP, Wanted};
use darkslide_daemon::boot::{self, BootError, Ending};
use darkslide_daemon::telemetry;

fn main() -> ExitCode {
    match run() {
        Ok(ending) => ExitCode::from(ending.exit_status()),
        Err(error) => {
            error.say();
            ExitCode::from(error.exit_status())
        }
    }
}

fn run() -> Result<Ending, BootError> {
    let handed = boot::begin_adopting();
    match args::parse(boot::arguments()) {
        Ok(Wanted::Serve(arguments)) => boot::serve(&arguments, handed),
        Ok(Wanted::Help) => {
            telemetry::answer(HELP);
            Ok(Ending::Done)
        }
        Ok(Wanted::Version) => {
            telemetry::answer(concat!("darkslided ", env!("CARGO_PKG_VERSION"), "\n"));
            Ok(Ending::Done)
        }
        Err(error) => Err(boot::refused(handed.is_activated(), error)),
    }
}
