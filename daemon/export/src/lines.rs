//! Reads a file of lines with a bound on each line's length and on the whole, whatever stands in
//! it.
//!
//! The files of `.darkslide/` lie in a folder that others write to as well, and this process has a
//! bounded memory: an allocation that fails ends it. The hazard: a line without an end, or a record
//! of the size of a disk.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Take};

use darkslide_door::SourceFile;

use crate::error::ExportError;

/// Paths have at most 4 KiB, and no line has more than a few of them, escaped.
pub(crate) const MAX_LINE_BYTES: u64 = 64 * 1024;

/// After so many lines whoever reads asks whether to go on: some milliseconds.
pub(crate) const LINES_TO_A_QUESTION: usize = 1_024;

/// Lines without their ends; a longer one comes in pieces, which then do not parse.
#[derive(Debug)]
pub(crate) struct Lines<R>(R);

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(from: R) -> Self {
        Self(from)
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Vec::new();
        let read = self.0.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
        match read {
            Ok(0) => None,
            Ok(_) => {
                if line.last() == Some(&b'\n') {
                    line.pop();
                }
                Some(Ok(line))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

/// Begins to read a file of the record, unless it is larger than any of ours; `file` names it.
pub(crate) fn bounded<'s>(
    source: &'s SourceFile,
    limit: u64,
    file: &'static str,
) -> Result<BufReader<Take<&'s File>>, ExportError> {
    if source.facts().size > limit {
        return Err(ExportError::DamagedRecord { file });
    }
    Ok(BufReader::with_capacity(64 * 1024, source.file().take(limit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_a_bound_and_the_last_needs_no_end() {
        let mut bytes = b"one\n\ntwo\n".to_vec();
        let long = usize::try_from(MAX_LINE_BYTES).unwrap() + 5;
        bytes.resize(bytes.len() + long, b'x');
        let lengths: Vec<usize> =
            Lines::new(bytes.as_slice()).map(|line| line.unwrap().len()).collect();
        assert_eq!(lengths, [3, 0, 3, long - 5, 5]);
    }
}
