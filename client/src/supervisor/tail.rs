//! The end of what a child writes to its stderr: the last bytes, shown as harmless lines.
//!
//! Bytes come in whatever pieces the pipe gives; lines are made when somebody looks. The hazards: a
//! child that never ends a line, or never stops; and control characters that reach a terminal.

use std::collections::VecDeque;

use darkslide_protocol::strict::is_plain;

/// Bytes that are kept: the last ones.
pub const MAX_TAIL_BYTES: usize = 64 * 1024;

/// Lines that are shown, at most: the last ones.
pub const MAX_TAIL_LINES: usize = 200;

/// The end of a stream.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: VecDeque<u8>,
    /// Something before was dropped, so that the first line is none.
    is_cut: bool,
}

impl Tail {
    /// Takes what came next.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        let over = self.bytes.len().saturating_sub(MAX_TAIL_BYTES);
        self.is_cut |= over > 0;
        self.bytes.drain(..over);
    }

    /// The last lines, without what a terminal would obey.
    pub(super) fn lines(&self) -> Vec<String> {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let is_one_line = !text.trim_end_matches('\n').contains('\n');
        let begin = usize::from(self.is_cut && !is_one_line);
        let lines: Vec<&str> = text.lines().skip(begin).collect();
        let first = lines.len().saturating_sub(MAX_TAIL_LINES);
        lines.into_iter().skip(first).map(harmless).collect()
    }
}

fn harmless(line: &str) -> String {
    let mut safe = String::with_capacity(line.len());
    for character in line.chars() {
        if is_plain(character) {
            safe.push(character);
        } else {
            safe.extend(character.escape_default());
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut tail = Tail::default();
        pieces.iter().for_each(|piece| tail.push(piece));
        tail.lines()
    }

    #[test]
    fn lines_are_whole_however_the_bytes_come() {
        assert_eq!(lines(&[]), [""; 0]);
        assert_eq!(lines(&[b"one\ntw", b"o\nthr\xc3", b"\xa9e"]), ["one", "two", "thrée"]);
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        let shown = lines(&["\x1b[2Jred\u{202e}\r\x07\u{9b}\n".as_bytes(), b"\xff\n"]);
        assert_eq!(shown, [r"\u{1b}[2Jred\u{202e}\r\u{7}\u{9b}", "\u{fffd}"]);
    }

    #[test]
    fn keeps_so_many_lines_and_no_more() {
        for (written, kept) in [
            (MAX_TAIL_LINES, MAX_TAIL_LINES),
            (MAX_TAIL_LINES + 1, MAX_TAIL_LINES),
            (50_000, MAX_TAIL_LINES),
        ] {
            let all: String = (0..written).map(|number| format!("{number}\n")).collect();
            let shown = lines(&[all.as_bytes()]);
            assert_eq!(shown.len(), kept);
            assert_eq!(shown.last(), Some(&format!("{}", written - 1)));
        }
    }

    #[test]
    fn keeps_so_many_bytes_and_no_more() {
        for written in [MAX_TAIL_BYTES, MAX_TAIL_BYTES + 1, 10 * MAX_TAIL_BYTES] {
            let shown = lines(&[&vec![b'x'; written]]);
            assert_eq!(shown.concat().len(), MAX_TAIL_BYTES, "{written}");
        }
        // A line whose beginning is lost is not shown, if there is another.
        let shown = lines(&[&vec![b'x'; MAX_TAIL_BYTES], b"\nend\n"]);
        assert_eq!(shown, ["end"]);
    }
}
