//! What a person or a program sees: stdout is the answer, stderr the conversation.
//!
//! Every byte that the command line writes goes through [`Output`]. Results are shown as JSON or
//! for a person, never both; what is said on stderr is always for a person. A reader that has gone
//! ends the program quietly, so every write is a `Result`.

pub(crate) mod audit;
pub(crate) mod event;
pub(crate) mod findings;
pub(crate) mod human;
pub(crate) mod jobs;
pub(crate) mod plain;
pub(crate) mod planned;
pub(crate) mod progress;
pub(crate) mod rows;
pub(crate) mod style;
pub(crate) mod table;

use std::io::{self, BufWriter, IsTerminal, Write};

use serde::Serialize;

use crate::args::Color;
use style::Style;

/// What is written at once: a record has some kilobytes, a page of them a megabyte.
const ANSWER_BYTES: usize = 256 * 1024;

/// The answer could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the answer")]
pub(crate) struct OutputError(#[from] io::Error);

impl OutputError {
    /// Has whoever read the answer gone? Then there is nothing to say.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

/// Both streams, and how to write to them.
pub(crate) struct Output {
    answer: Box<dyn Write>,
    talk: Box<dyn Write>,
    is_json: bool,
    style: Style,
    talk_style: Style,
    shows_progress: bool,
    answers_a_terminal: bool,
}

impl Output {
    /// For this process.
    pub(crate) fn of_process(is_json: bool, color: Color) -> Self {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        Self {
            style: Style::of(color, &stdout),
            talk_style: Style::of(color, &stderr),
            shows_progress: stderr.is_terminal() && !is_json,
            answers_a_terminal: stdout.is_terminal(),
            answer: Box::new(BufWriter::with_capacity(ANSWER_BYTES, stdout)),
            talk: Box::new(stderr),
            is_json,
        }
    }

    /// For tests: writes into what it is given.
    #[cfg(test)]
    pub(crate) fn into_writers(
        answer: Box<dyn Write>,
        talk: Box<dyn Write>,
        is_json: bool,
    ) -> Self {
        Self {
            answer,
            talk,
            is_json,
            style: Style::PLAIN,
            talk_style: Style::PLAIN,
            shows_progress: false,
            answers_a_terminal: false,
        }
    }

    /// For tests: forgets what is written, as on a terminal or not.
    #[cfg(test)]
    pub(crate) fn into_sinks(is_json: bool, answers_a_terminal: bool) -> Self {
        let (answer, talk) = (Box::new(io::sink()), Box::new(io::sink()));
        Self { answers_a_terminal, ..Self::into_writers(answer, talk, is_json) }
    }

    /// Is the answer for a program?
    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Does a person look at stderr, so that a bar may move there?
    pub(crate) fn shows_progress(&self) -> bool {
        self.shows_progress
    }

    /// Does a person look at stdout, so that bytes have no business there?
    pub(crate) fn answers_a_terminal(&self) -> bool {
        self.answers_a_terminal
    }

    /// How texts of the answer are set off.
    pub(crate) fn style(&self) -> Style {
        self.style
    }

    /// How texts on stderr are set off.
    pub(crate) fn talk_style(&self) -> Style {
        self.talk_style
    }

    /// Answers with one value: a line of JSON, or text for a person.
    pub(crate) fn answer<T: Serialize>(
        &mut self,
        value: &T,
        for_person: impl FnOnce(&T, Style) -> String,
    ) -> Result<(), OutputError> {
        if self.is_json {
            self.json(value)
        } else {
            let text = for_person(value, self.style);
            self.text(&text)
        }
    }

    /// One line of JSON.
    pub(crate) fn json<T: Serialize>(&mut self, value: &T) -> Result<(), OutputError> {
        let document = serde_json::to_string(value).map_err(io::Error::from)?;
        self.record(&document)
    }

    /// One line of JSON that is text already.
    pub(crate) fn record(&mut self, document: &str) -> Result<(), OutputError> {
        writeln!(self.answer, "{}", plain::json(document))?;
        Ok(())
    }

    /// Text of ours for a person; nothing if there is none.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), OutputError> {
        if !text.is_empty() {
            writeln!(self.answer, "{text}")?;
        }
        Ok(())
    }

    /// Bytes of a format of their own, for a program.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        Ok(self.answer.write_all(bytes)?)
    }

    /// Lets what was answered so far be seen.
    pub(crate) fn flush(&mut self) -> Result<(), OutputError> {
        Ok(self.answer.flush()?)
    }

    /// Says something beside the answer. Who has closed stderr does not want to know.
    pub(crate) fn say(&mut self, text: &str) {
        drop(writeln!(self.talk, "{text}"));
    }

    /// Says that something should be looked at.
    pub(crate) fn warn(&mut self, text: &str) {
        let label = self.talk_style.yellow("warning:");
        self.say(&format!("{label} {}", plain::line(text)));
    }

    /// Says what to do.
    pub(crate) fn hint(&mut self, text: &str) {
        self.say(&format!("hint: {}", plain::line(text)));
    }

    /// Says that numbers may not belong together, unless they do.
    pub(crate) fn warn_if_changed(&mut self, is_consistent: bool) {
        if !is_consistent {
            self.warn("the library changed meanwhile: the numbers may not belong together");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_told_apart() {
        let mut output = Output::into_writers(Box::new(Gone), Box::new(Gone), true);
        assert!(output.json(&1).unwrap_err().is_closed_pipe());
        assert!(output.flush().unwrap_err().is_closed_pipe());
        output.say("nobody hears this, and nothing happens");
        assert!(!OutputError(io::ErrorKind::StorageFull.into()).is_closed_pipe());
    }
}
