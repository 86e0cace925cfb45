//! The programs' speed and memory, as ratios within one run, and the libraries to measure them on.
//! Never run by `cargo test`, asserts nothing about time, and prints what the machine is: a number
//! without its floor beside it means nothing here. `docs/performance.md` says how to run it.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measuring program: starts others, reads the clock, prints"
)]

mod calls;
mod export;
mod floor;
mod frameworks;
mod framing;
mod programs;
mod read;
mod report;
mod rerun;
mod starts;
mod wire;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use darkslide_fixture::{GrowOptions, Model, grow, multiply};

const USAGE: &str = "\
usage: bench grow DIR N [--seed SEED] [--files-every K] [--model 13703|19320]
           grows DIR/N.photoslibrary, a library of N assets
       bench multiply LIBRARY DIR N
           copies a library to DIR/N.photoslibrary and repeats its rows to N assets
       bench read DIR N... [--runs R] [--at-once P]... [--dump-flag FLAG]... [--osxphotos PROGRAM]
           measures reading DIR/N.photoslibrary for each N, which is grown if it is not there;
           a dump for each --at-once
       bench export DIR [--runs R] [--photos N] [--memory N] [--only PART]...
           measures exporting libraries that are made below DIR, and removed; some 8 GB.
           PART: copy, xfs, btrfs, rerun, memory
       bench wire [--rounds N]
           measures small requests, starts and memory at rest, all on one core";

/// What went wrong, as one line.
type Failed = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["grow", folder, count, rest @ ..] => grow_one(folder, count, rest),
        ["multiply", library, folder, count] => multiply_one(library, folder, count),
        ["read", folder, rest @ ..] => read::Wanted::parse(folder, rest).and_then(read::all),
        ["export", folder, rest @ ..] => {
            export::Wanted::parse(folder, rest).and_then(|wanted| export::all(&wanted))
        }
        ["wire", rest @ ..] => wire::all(rest),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            let mut cause = error.source();
            while let Some(inner) = cause {
                eprintln!("caused by: {inner}");
                cause = inner.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn grow_one(folder: &str, count: &str, rest: &[&str]) -> Result<(), Failed> {
    let mut options = GrowOptions::default();
    let mut model = Model::Photos11;
    for pair in rest.chunks(2) {
        match pair {
            ["--seed", seed] => options.seed = seed.parse()?,
            ["--files-every", every] => options.files_every = every.parse()?,
            ["--model", "13703"] => model = Model::Photos5,
            ["--model", "19320"] => model = Model::Photos11,
            _ => return Err(USAGE.into()),
        }
    }
    let bundle = Path::new(folder).join(format!("{count}.photoslibrary"));
    let begun = Instant::now();
    grow(&bundle, model, count.parse()?, options)?;
    println!("{} in {:.1} s", bundle.display(), begun.elapsed().as_secs_f64());
    Ok(())
}

fn multiply_one(library: &str, folder: &str, count: &str) -> Result<(), Failed> {
    let bundle = Path::new(folder).join(format!("{count}.photoslibrary"));
    let begun = Instant::now();
    let assets = multiply(Path::new(library), &bundle, count.parse()?)?;
    println!("{}: {assets} assets in {:.1} s", bundle.display(), begun.elapsed().as_secs_f64());
    Ok(())
}
