//! The log: JSON lines on descriptor 2.
//!
//! The level is capped at debug, whatever the environment says: nothing reads `RUST_LOG`. A panic
//! is one line with its place and message; no backtrace, for that would open the program and its
//! libraries, which the kernel refuses once confined.

use std::fmt;
use std::io::Write;

use serde::{Deserialize, Serialize};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What a person must look at.
    Error,
    /// What is not as it should be.
    #[default]
    Warn,
    /// Decisions, jobs, start and end.
    Info,
    /// Connections too.
    Debug,
}

impl Level {
    /// Returns the level of that name.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "error" => Some(Self::Error),
            "warn" => Some(Self::Warn),
            "info" => Some(Self::Info),
            "debug" => Some(Self::Debug),
            _ => None,
        }
    }

    fn filter(self) -> tracing::Level {
        match self {
            Self::Error => tracing::Level::ERROR,
            Self::Warn => tracing::Level::WARN,
            Self::Info => tracing::Level::INFO,
            Self::Debug => tracing::Level::DEBUG,
        }
    }
}

/// Starts the log. A second call changes nothing.
pub fn install(level: Level) {
    let lines = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(level.filter())
        .with_timer(Clock)
        // It would be said with `eprintln!`, which panics where nobody reads any more.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    // A test program may have one already.
    drop(lines.try_init());
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let payload = panic.payload();
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let message = text.or_else(|| payload.downcast_ref().copied()).unwrap_or("(no text)");
        tracing::error!(place, message = ?message, "panic");
    }));
}

/// Says something to the person who starts the daemon, outside the log: why it did not start.
pub fn say(text: &dyn fmt::Display) {
    // Who closed stderr does not want to know.
    let _unheard = writeln!(std::io::stderr().lock(), "{text}");
}

/// Answers on stdout what the command line asks for.
pub fn answer(text: &str) {
    // As above.
    let _unheard = std::io::stdout().lock().write_all(text.as_bytes());
}

struct Clock;

impl tracing_subscriber::fmt::time::FormatTime for Clock {
    fn format_time(&self, w: &mut tracing_subscriber::fmt::format::Writer<'_>) -> fmt::Result {
        w.write_str(&crate::clock::timestamp())
    }
}
