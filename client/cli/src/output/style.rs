//! How texts are set on one stream: the few colours that there are, when they are off, and how many
//! columns a row may take.
//!
//! Colours are off unless a terminal reads it, or NO_COLOR says so, or `--color never`; `always`
//! wins over both. A width there is on a terminal alone, whatever the colours. It alone looks at
//! what the terminal is and what the environment says of colours.

#![expect(clippy::disallowed_methods, reason = "reads NO_COLOR and TERM")]

use std::env;
use std::io::IsTerminal;
use std::os::fd::AsFd;

use crate::args::Color;

/// How a text is set off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    is_on: bool,
    columns: Option<usize>,
}

impl Style {
    /// For one stream.
    pub(crate) fn of(color: Color, stream: &(impl IsTerminal + AsFd)) -> Self {
        let is_terminal = stream.is_terminal();
        let columns = is_terminal.then(|| columns_of(stream)).flatten();
        Self { columns, ..Self::chosen(color, is_terminal && is_wanted()) }
    }

    fn chosen(color: Color, is_shown_by_itself: bool) -> Self {
        Self {
            is_on: match color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => is_shown_by_itself,
            },
            columns: None,
        }
    }

    /// No colours.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { is_on: false, columns: None };

    /// No colours, on a terminal of that width.
    #[cfg(test)]
    pub(crate) fn of_width(columns: usize) -> Self {
        Self { columns: Some(columns), ..Self::PLAIN }
    }

    /// How many columns a row may take; `None` where no terminal limits it.
    pub(crate) fn columns(self) -> Option<usize> {
        self.columns
    }

    /// A heading.
    pub(crate) fn bold(self, text: &str) -> String {
        self.set("1", text)
    }

    /// What went wrong.
    pub(crate) fn red(self, text: &str) -> String {
        self.set("1;31", text)
    }

    /// What should be looked at.
    pub(crate) fn yellow(self, text: &str) -> String {
        self.set("1;33", text)
    }

    /// What is well.
    pub(crate) fn green(self, text: &str) -> String {
        self.set("32", text)
    }

    fn set(self, code: &str, text: &str) -> String {
        if self.is_on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A terminal that does not know its width has none.
fn columns_of(terminal: &impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(terminal).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

fn is_wanted() -> bool {
    let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
    !no_color && !is_dumb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn always_and_never_hold_whatever_the_stream_is() {
        for by_itself in [true, false] {
            assert!(Style::chosen(Color::Always, by_itself).is_on);
            assert!(!Style::chosen(Color::Never, by_itself).is_on);
            assert_eq!(Style::chosen(Color::Auto, by_itself).is_on, by_itself);
        }
    }

    #[test]
    fn what_is_no_terminal_has_no_width() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(Style::of(Color::Always, &file).columns(), None);
        assert_eq!(columns_of(&file), None);
    }

    #[test]
    fn a_plain_style_adds_nothing() {
        assert_eq!(Style::PLAIN.red("x"), "x");
        assert_eq!(Style { is_on: true, columns: None }.bold("x"), "\x1b[1mx\x1b[0m");
    }
}
