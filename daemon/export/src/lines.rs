//! Reads a file of lines, one after the other or any of them where it stands, with a bound on each
//! line's length and on the whole, whatever stands in it.
//!
//! The files of `.darkslide/` lie in a folder that others write to as well, and this process has a
//! bounded memory: an allocation that fails ends it. So a line is lent from one buffer, and no
//! file is ever held. The hazard: a line without an end, or a record of the size of a disk.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;

use darkslide_door::SourceFile;

use crate::error::ExportError;

/// Paths have at most 4 KiB, and no line has more than a few of them, escaped.
pub(crate) const MAX_LINE_BYTES: usize = 64 * 1024;

/// After so many lines whoever reads asks whether to go on: some milliseconds.
pub(crate) const LINES_TO_A_QUESTION: usize = 1_024;

/// What is read at once where lines are asked for in their order; some hundred of them.
const AHEAD_BYTES: usize = 64 * 1024;
/// And where they are not, or what is kept of before where they are: a line is rarely longer.
const APART_BYTES: usize = 2 * 1024;

/// A stretch of a file, read without its position: several may read at a time.
#[derive(Debug)]
pub(crate) struct Stretch<'f> {
    file: Option<&'f File>,
    at: u64,
    end: u64,
}

impl<'f> Stretch<'f> {
    pub(crate) fn new(file: impl Into<Option<&'f File>>, at: u64, end: u64) -> BufReader<Self> {
        BufReader::with_capacity(AHEAD_BYTES, Self { file: file.into(), at, end })
    }
}

impl Read for Stretch<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let Some(file) = self.file else { return Ok(0) };
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = to.len().min(left);
        let read = file.read_at(to.get_mut(..wanted).unwrap_or_default(), self.at)?;
        self.at += to_u64(read);
        Ok(read)
    }
}

/// Lines without their ends; a longer one comes in pieces, which then do not parse.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    from: R,
    /// Where the next one begins.
    at: u64,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// The first line begins at `at`.
    pub(crate) fn new(from: R, at: u64) -> Self {
        Self { from, at, line: Vec::new() }
    }

    /// The next line, and where it begins: lent, so that a million lines need one buffer.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        self.line.clear();
        let most = to_u64(MAX_LINE_BYTES);
        let read = self.from.by_ref().take(most).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        let at = self.at;
        self.at += to_u64(read);
        Ok(Some((at, self.line.strip_suffix(b"\n").unwrap_or(&self.line))))
    }
}

/// A file of which any line is read where it begins; there may be none.
#[derive(Debug, Default)]
pub(crate) struct LinesAt {
    file: Option<File>,
    end: u64,
    window: RefCell<Window>,
}

/// What was read last.
#[derive(Debug, Default)]
struct Window {
    at: u64,
    bytes: Vec<u8>,
}

impl LinesAt {
    /// Of the file no more than `end` bytes are looked at.
    pub(crate) fn new(file: File, end: u64) -> Self {
        Self { file: Some(file), end, window: RefCell::default() }
    }

    /// All lines from one on.
    pub(crate) fn lines(&self, from: u64) -> Lines<BufReader<Stretch<'_>>> {
        Lines::new(Stretch::new(self.file.as_ref(), from, self.end), from)
    }

    /// Lends the line that begins there to `read`, which asks for no other.
    pub(crate) fn with_line<T>(&self, at: u64, read: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
        let mut window = self.window.borrow_mut();
        if let Some(line) = window.line_at(at) {
            return Ok(read(line));
        }
        window.fill(self.file.as_ref(), at, self.end)?;
        Ok(read(window.line_at(at).unwrap_or_else(|| window.rest_from(at))))
    }
}

impl Window {
    fn line_at(&self, at: u64) -> Option<&[u8]> {
        let from = usize::try_from(at.checked_sub(self.at)?).ok()?;
        let rest = self.bytes.get(from..)?;
        rest.split(|byte| *byte == b'\n').next().filter(|line| line.len() < rest.len())
    }

    /// Reads at least from there to the line's end, or to where it is longer than any.
    fn fill(&mut self, file: Option<&File>, at: u64, end: u64) -> io::Result<()> {
        let follows = at >= self.at && at - self.at <= to_u64(self.bytes.len() + APART_BYTES);
        let (behind, piece) = if follows { (APART_BYTES, AHEAD_BYTES) } else { (0, APART_BYTES) };
        self.at = at.saturating_sub(to_u64(behind));
        self.bytes.clear();
        let mut to = at + to_u64(piece);
        loop {
            let from = self.at + to_u64(self.bytes.len());
            let read = Stretch { file, at: from, end: end.min(to) }.read_to_end(&mut self.bytes)?;
            let is_long = to - at >= to_u64(MAX_LINE_BYTES);
            if read == 0 || is_long || self.line_at(at).is_some() {
                return Ok(());
            }
            to += to_u64(piece);
        }
    }

    /// What is there from a place on, where no line ends.
    fn rest_from(&self, at: u64) -> &[u8] {
        let from = usize::try_from(at.saturating_sub(self.at)).unwrap_or(usize::MAX);
        self.bytes.get(from..).unwrap_or_default()
    }
}

/// The size of a file of the record, unless it is larger than any of ours; `file` names it.
pub(crate) fn bounded(
    source: &SourceFile,
    limit: u64,
    file: &'static str,
) -> Result<u64, ExportError> {
    let size = source.facts().size;
    if size > limit { Err(ExportError::DamagedRecord { file }) } else { Ok(size) }
}

fn to_u64(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use super::*;

    /// A file without a name, and its size.
    pub(crate) fn file_of(bytes: &[u8]) -> (File, u64) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        (file, to_u64(bytes.len()))
    }

    fn long_and_short() -> Vec<u8> {
        let mut bytes = b"one\n\ntwo\n".to_vec();
        bytes.resize(bytes.len() + MAX_LINE_BYTES + 5, b'x');
        bytes
    }

    #[test]
    fn lines_have_a_bound_and_the_last_needs_no_end() {
        let bytes = long_and_short();
        let mut lines = Lines::new(bytes.as_slice(), 0);
        let mut told = Vec::new();
        while let Some((at, line)) = lines.next_line().unwrap() {
            told.push((at, line.len()));
        }
        let long = 9 + to_u64(MAX_LINE_BYTES);
        assert_eq!(told, [(0, 3), (4, 0), (5, 3), (9, MAX_LINE_BYTES), (long, 5)]);
    }

    #[test]
    fn any_line_is_read_where_it_begins_and_none_is_longer_than_the_bound() {
        let mut text = String::new();
        let mut places = Vec::new();
        for number in 0..5_000 {
            places.push((to_u64(text.len()), format!("line {number}")));
            text += &format!("line {number}\n");
        }
        let (file, size) = file_of(text.as_bytes());
        let lines = LinesAt::new(file, size);
        let read = |at: u64| lines.with_line(at, <[u8]>::to_vec).unwrap();
        let apart = (0..5_000).map(|n| (n * 2_003) % 5_000);
        for n in (0..5_000).chain((0..5_000).rev()).chain(apart) {
            let (at, line) = &places[n];
            assert_eq!(read(*at), line.as_bytes());
        }
        assert_eq!(read(size), b"");
        assert_eq!(read(size + 5), b"");
        let (file, size) = file_of(&long_and_short());
        let lines = LinesAt::new(file, size);
        let length = |at| lines.with_line(at, <[u8]>::len).unwrap();
        assert_eq!((length(5), length(4), length(0)), (3, 0, 3));
        assert!((MAX_LINE_BYTES..=MAX_LINE_BYTES + AHEAD_BYTES).contains(&length(9)));
        assert_eq!(length(size - 5), 5);
    }
}
