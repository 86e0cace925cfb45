//! `B3SUMS`: the digests of a destination as `b3sum` writes them, so that it can be checked without
//! us.
//!
//! `cd DEST && b3sum --check .darkslide/B3SUMS`. Derived from the manifest, in its order, and
//! replaced whole with it. A line is the digest, two blanks and the name; where the name has a
//! backslash, the line begins with one and each in the name is doubled (b3sum's "How does `--check`
//! behave exactly"; our names have no line ends, which it would escape as well). The hazard: a name
//! that the tool takes for something else.

use std::io::{BufWriter, Write};

use crate::error::ExportError;
use crate::row::Row;

/// Which `b3sum --check` refuses in any name, for it stands for every byte that is no text.
const REFUSED: char = '\u{fffd}';
/// Which is standard input there.
const STANDARD_INPUT: &str = "-";

/// Digests that are written.
#[derive(Debug)]
pub(crate) struct SumsWriter<W: Write>(BufWriter<W>);

impl<W: Write> SumsWriter<W> {
    pub(crate) fn begin(to: W) -> Self {
        Self(BufWriter::with_capacity(64 * 1024, to))
    }

    /// Writes a file's line, if its digest is known and the tool takes its name.
    pub(crate) fn row(&mut self, row: &Row) -> Result<(), ExportError> {
        let path = row.path.as_str();
        let Some(digest) = row.blake3.filter(|_| !path.contains(REFUSED)) else {
            return Ok(());
        };
        if path == STANDARD_INPUT {
            writeln!(self.0, "{digest}  ./{path}")?;
        } else if path.contains('\\') {
            writeln!(self.0, "\\{digest}  {}", path.replace('\\', "\\\\"))?;
        } else {
            writeln!(self.0, "{digest}  {path}")?;
        }
        Ok(())
    }

    pub(crate) fn end(self) -> Result<W, ExportError> {
        self.0.into_inner().map_err(|error| error.into_error().into())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::row::Blake3;
    use crate::row::tests::row;
    use darkslide_policy::RelPath;

    /// Name and digest of a line, read as the tool's own check reads it.
    pub(crate) fn checked(line: &str) -> Option<(String, String)> {
        let (line, escaped) = match line.strip_prefix('\\') {
            Some(line) => (line, true),
            None => (line, false),
        };
        let (digest, name) = (line.get(..64)?, line.get(64..)?.strip_prefix("  ")?);
        let is_hex = digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let mut path = String::new();
        let mut letters = name.chars();
        while let Some(letter) = letters.next() {
            path.push(match (letter, escaped) {
                ('\\', true) => match letters.next()? {
                    'n' => '\n',
                    '\\' => '\\',
                    _ => return None,
                },
                (letter, _) => letter,
            });
        }
        let taken = is_hex && !path.is_empty() && path != "-" && !path.contains(['\0', '\u{fffd}']);
        taken.then(|| (path.strip_prefix("./").unwrap_or(&path).to_owned(), digest.to_owned()))
    }

    fn text(rows: &[Row]) -> String {
        let mut sums = SumsWriter::begin(Vec::new());
        rows.iter().for_each(|row| sums.row(row).unwrap());
        String::from_utf8(sums.end().unwrap()).unwrap()
    }

    #[test]
    fn any_name_is_read_back_by_a_check_of_its_own_kind() {
        let names = [
            "a.jpg",
            "2024/05/a b.jpg",
            " a",
            "a ",
            "a\\b",
            "\\",
            "\\n",
            "a\\\\nb",
            "-",
            "-a",
            "a/-",
            "\u{e9}/\u{1f3d4}.jpg",
            "#",
            "BLAKE3 (a) = b",
            "'a'",
            "\"",
            "a\u{a0}b",
            "\u{2028}",
        ];
        for name in names {
            let row = Row { path: RelPath::parse(name).unwrap(), ..row(1, "x") };
            let line = text(std::slice::from_ref(&row));
            let line = line.strip_suffix('\n').unwrap();
            let digest = row.blake3.unwrap().to_string();
            assert_eq!(checked(line), Some((name.to_owned(), digest)), "{line}");
        }
    }

    #[test]
    fn the_lines_are_those_of_the_tool() {
        let hash = Some(Blake3::from(blake3::hash(b"")));
        let of = |path: &str| Row { blake3: hash, ..row(1, path) };
        let empty = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        let expected = format!("{empty}  a/b.jpg\n\\{empty}  a\\\\b\n{empty}  ./-\n");
        assert_eq!(text(&[of("a/b.jpg"), of("a\\b"), of("-")]), expected);
    }

    #[test]
    fn what_has_no_known_digest_or_a_name_that_the_tool_refuses_is_left_out() {
        let unknown = Row { blake3: None, ..row(1, "a") };
        let refused = row(2, "caf\u{fffd}");
        assert_eq!(text(&[unknown, refused]), "");
    }
}
