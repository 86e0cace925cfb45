//! The progress bar of an export: on stderr, only where a person looks, and only when it takes long
//! enough to be wondered at.
//!
//! It appears after a quarter of a second and is drawn at most 20 times a second, with rate and
//! time left. It removes itself before anything else is said. It alone draws over what stands
//! there.

#![expect(clippy::disallowed_methods, reason = "its own clock: when the bar may appear")]

use std::time::Duration;

use darkslide_client::protocol::message::job::JobStatus;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

/// What is over sooner needs no bar.
const APPEARS_AFTER: Duration = Duration::from_millis(250);

/// Draws in a second, at most.
const DRAWS_PER_SECOND: u8 = 20;

/// Fits a terminal of 80 columns.
const TEMPLATE: &str = "{wide_bar} {percent:>3} % of {decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left, {msg}";

/// A bar that may appear.
#[derive(Debug)]
pub(crate) struct Progress {
    began: Option<Instant>,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Begins to count the time; without somebody who looks, nothing ever appears.
    pub(crate) fn begin(is_wanted: bool) -> Self {
        Self { began: is_wanted.then(Instant::now), bar: None }
    }

    /// Shows how far the job is, if it is time.
    pub(crate) fn show(&mut self, status: &JobStatus) {
        let Some(began) = self.began else { return };
        if began.elapsed() < APPEARS_AFTER {
            return;
        }
        let bar = self.bar.get_or_insert_with(new_bar);
        bar.set_length(status.bytes_total);
        bar.set_position(status.bytes_done);
        bar.set_message(files(status));
    }

    /// Removes the bar.
    pub(crate) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.began = None;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

fn new_bar() -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
    let bar = ProgressBar::with_draw_target(Some(0), target);
    match ProgressStyle::with_template(TEMPLATE) {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        // The template is ours and a test reads it.
        Err(_) => bar,
    }
}

fn files(status: &JobStatus) -> String {
    if status.files_total == 0 {
        "reading the library".to_owned()
    } else {
        format!("{}/{} files", status.files_done, status.files_total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_can_be_read() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }

    #[test]
    fn where_nobody_looks_nothing_appears() {
        let mut progress = Progress::begin(false);
        progress.show(&crate::output::human::tests::finished_job());
        assert!(progress.bar.is_none());
    }
}
