//! An error of the daemon's side as it was told: text, causes, hint, without its type.
//!
//! A private daemon that does not start says why on its log, in the three kinds of line that this
//! program uses itself; they are read here and said once, by us. Anything else that it wrote is
//! kept as it is. The hazard: a flood of lines from a child that went wrong; so only so many are
//! kept.

use std::collections::VecDeque;

/// Lines that are kept, at most: the last ones.
pub(crate) const MAX_KEPT_LINES: usize = 64;

/// Bytes of a line that are kept, at most.
pub(crate) const MAX_KEPT_LINE_BYTES: usize = 4 * 1024;

/// What was told.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Told {
    text: String,
    #[source]
    cause: Option<Cause>,
    hint: String,
    status: Option<i32>,
}

#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Cause {
    text: String,
    #[source]
    next: Option<Box<Cause>>,
}

impl Told {
    /// Puts it together from an error and what caused it, the nearest first.
    pub(crate) fn new(text: String, causes: Vec<String>, hint: String) -> Self {
        let chain = causes
            .into_iter()
            .rev()
            .fold(None, |next, text| Some(Cause { text, next: next.map(Box::new) }));
        Self { text, cause: chain, hint, status: None }
    }

    /// Adds the exit status of whoever told it.
    pub(crate) fn with_status(mut self, status: Option<i32>) -> Self {
        self.status = status;
        self
    }

    /// The exit status of whoever told it.
    pub(crate) fn status(&self) -> Option<i32> {
        self.status
    }

    /// What to do.
    pub(crate) fn hint(&self) -> &str {
        &self.hint
    }
}

/// What a child wrote, by lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    kept: VecDeque<String>,
}

impl Lines {
    /// Keeps one more line.
    pub(crate) fn push(&mut self, line: &str) {
        if self.kept.len() >= MAX_KEPT_LINES {
            self.kept.pop_front();
        }
        let whole = line.char_indices().map(|(at, character)| at + character.len_utf8());
        let end = whole.take_while(|end| *end <= MAX_KEPT_LINE_BYTES).last().unwrap_or(0);
        self.kept.push_back(line.get(..end).unwrap_or_default().to_owned());
    }

    /// All of them.
    pub(crate) fn into_all(self) -> impl Iterator<Item = String> {
        self.kept.into_iter()
    }

    /// The error that they tell, if they do, and the lines that are none of it.
    pub(crate) fn into_told(self) -> (Option<Told>, Vec<String>) {
        let (mut text, mut causes, mut hint, mut rest) =
            (None, Vec::new(), String::new(), Vec::new());
        for line in self.kept {
            if let Some(error) = line.strip_prefix("error: ") {
                text = Some(error.to_owned());
                causes.clear();
                hint.clear();
            } else if let Some(cause) = line.strip_prefix("caused by: ") {
                causes.push(cause.to_owned());
            } else if let Some(told) = line.strip_prefix("hint: ") {
                told.clone_into(&mut hint);
            } else {
                rest.push(line);
            }
        }
        (text.map(|text| Told::new(text, causes, hint)), rest)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    fn read(lines: &[&str]) -> (Option<Told>, Vec<String>) {
        let mut kept = Lines::default();
        lines.iter().for_each(|line| kept.push(line));
        kept.into_told()
    }

    #[test]
    fn an_error_of_three_kinds_of_line_is_read() {
        let (told, rest) = read(&[
            r#"{"level":"WARN","message":"x"}"#,
            "error: the library \"/x\" cannot be used",
            "caused by: it is a link",
            "caused by: ELOOP",
            "hint: name the folder itself",
        ]);
        let told = told.unwrap();
        assert_eq!(told.to_string(), "the library \"/x\" cannot be used");
        let cause = told.source().unwrap();
        assert_eq!(cause.to_string(), "it is a link");
        assert_eq!(cause.source().unwrap().to_string(), "ELOOP");
        assert_eq!(told.hint(), "name the folder itself");
        assert_eq!(rest.len(), 1);
    }

    #[test]
    fn other_lines_tell_no_error() {
        let (told, rest) = read(&["memory allocation failed"]);
        assert!(told.is_none());
        assert_eq!(rest, ["memory allocation failed"]);
    }

    #[test]
    fn a_flood_is_cut_and_its_end_is_kept() {
        let mut kept = Lines::default();
        for number in 0..10_000 {
            kept.push(&number.to_string());
        }
        kept.push(&"é".repeat(MAX_KEPT_LINE_BYTES));
        assert_eq!(kept.kept.len(), MAX_KEPT_LINES);
        assert_eq!(kept.kept[0], "9937");
        assert!(kept.kept.back().unwrap().len() <= MAX_KEPT_LINE_BYTES);
    }
}
