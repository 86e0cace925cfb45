//! Enters the production confinement, then makes one forbidden call and says what the kernel
//! answered.
//!
//! The confinement tests run it once per attempt, for a confined process cannot be set free again
//! and a killed one cannot report. Beside `darkslide-sys` this is the one place with `unsafe`: what
//! an attacker would do has no safe function. It enters by the daemon's own function and never by a
//! weaker one; `--abi` can only lower what is asked of Landlock. It works below one folder that its
//! caller made, and everything that it tries there is harmless to what lies elsewhere. See `USAGE`
//! for its options.

#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "raw system calls are what it is for")
)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of the tests: it answers its caller"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "arguments of raw calls are bit patterns, and it is a program of the tests"
)]
#![cfg_attr(not(target_os = "linux"), allow(unused, reason = "it has nothing to try there yet"))]

#[cfg(target_os = "linux")]
mod attempts;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("skipped: this system has no confinement yet");
    ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
mod linux {
    use std::error::Error;
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::path::{Path, PathBuf};
    use std::process::ExitCode;
    use std::sync::mpsc;

    use darkslide_daemon::confine::{
        Access, ConfineError, Confined, Rule, Strictness, enter, enter_with_abi,
    };
    use nix::sys::resource::{Resource, setrlimit};

    use super::attempts::{Answer, Attempt, Places, attempt, names};

    const USAGE: &str = "usage: misbehave [OPTION...] BASE (ATTEMPT | --list)\n\
                         --abi N          ask of Landlock no more than this ABI has\n\
                         --best-effort    go on with what the kernel can do\n\
                         --late           start a thread before confinement\n\
                         --threads N      make the attempt in each of N threads\n\
                         --descriptors N  the limit that the process was started with\n\
                         --root FOLDER    below BASE, in place of `root`";

    struct Arguments {
        abi: Option<u8>,
        descriptors: Option<u64>,
        root: String,
        strictness: Strictness,
        late: bool,
        threads: usize,
        base: PathBuf,
        attempt: String,
    }

    pub(super) fn main() -> ExitCode {
        let Some(arguments) = arguments() else {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        };
        let places = Places::below(&arguments.base);
        if arguments.attempt == "--list" {
            names(&places).iter().for_each(|name| println!("{name}"));
            return ExitCode::SUCCESS;
        }
        let Some(attempt) = attempt(&arguments.attempt, &places) else {
            eprintln!("error: no attempt is called {}", arguments.attempt);
            return ExitCode::from(2);
        };
        // Exists before confinement, and ends with the process.
        let early = arguments.late.then(early_thread);
        let outcome = confine(&arguments);
        drop(early);
        match outcome {
            Ok(confined) => eprintln!("{}", confined.report()),
            Err(error) => {
                tell(&error);
                return ExitCode::FAILURE;
            }
        }
        answer(&attempt, &places, arguments.threads);
        ExitCode::SUCCESS
    }

    fn arguments() -> Option<Arguments> {
        let mut given = std::env::args().skip(1);
        let mut found = Arguments {
            abi: None,
            descriptors: None,
            root: "root".to_owned(),
            strictness: Strictness::Required,
            late: false,
            threads: 0,
            base: PathBuf::new(),
            attempt: String::new(),
        };
        loop {
            let word = given.next()?;
            match word.as_str() {
                "--abi" => found.abi = Some(given.next()?.parse().ok()?),
                "--best-effort" => found.strictness = Strictness::BestEffort,
                "--descriptors" => found.descriptors = Some(given.next()?.parse().ok()?),
                "--root" => found.root = given.next()?,
                "--late" => found.late = true,
                "--threads" => found.threads = given.next()?.parse().ok()?,
                _ => {
                    found.base = PathBuf::from(word);
                    found.attempt = given.next()?;
                    return given.next().is_none().then_some(found);
                }
            }
        }
    }

    /// Starts a thread that waits for what it returns to be dropped.
    fn early_thread() -> mpsc::Sender<()> {
        let (sender, receiver) = mpsc::channel::<()>();
        std::thread::spawn(move || receiver.recv());
        sender
    }

    fn confine(arguments: &Arguments) -> Result<Confined, ConfineError> {
        let open = |path: &Path| File::open(path).expect("the caller makes both folders");
        let library = open(&arguments.base.join("library"));
        let root = open(&arguments.base.join(&arguments.root));
        let audit = open(&arguments.base.join("audit"));
        if let Some(limit) = arguments.descriptors {
            setrlimit(Resource::RLIMIT_NOFILE, limit, limit).expect("a limit can be lowered");
        }
        let rule = |what: &str, access, handle| Rule { what: what.to_owned(), handle, access };
        let rules = [
            rule("library main", Access::Read, library.as_fd()),
            rule("root exports", Access::ReadWrite, root.as_fd()),
            rule("the audit log", Access::Add, audit.as_fd()),
        ];
        match arguments.abi {
            Some(abi) => enter_with_abi(&rules, arguments.strictness, abi),
            None => enter(&rules, arguments.strictness),
        }
    }

    fn tell(error: &ConfineError) {
        eprintln!("error: {error}");
        if let Some(cause) = error.source() {
            eprintln!("caused by: {cause}");
        }
        eprintln!("hint: {}", error.hint());
    }

    /// Makes the attempt on this thread, or on each of so many that are made now.
    fn answer(attempt: &Attempt, places: &Places, threads: usize) {
        if threads == 0 {
            println!("{}", word(&attempt.make(places)));
            return;
        }
        std::thread::scope(|scope| {
            let running: Vec<_> =
                (0..threads).map(|_| scope.spawn(|| attempt.make(places))).collect();
            for thread in running {
                println!("{}", word(&thread.join().expect("an attempt does not panic")));
            }
        });
    }

    fn word(answer: &Answer) -> String {
        match answer {
            Ok(_) => "works".to_owned(),
            Err(errno) => format!("{errno:?}"),
        }
    }
}
