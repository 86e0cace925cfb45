//! Tells the code of a Rust text from its comments and strings, byte by byte.
//!
//! All results keep the length and the line breaks of the original, so that an offset means the
//! same place in each of them. It knows nested comments, raw strings, byte and C strings, and tells
//! a lifetime from a character; it knows no grammar. The hazard: a rule that takes a word in a
//! comment for code, and so teaches people to write comments around it.

use std::ops::Range;

/// What a byte of a Rust text belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Code,
    Comment,
    /// The inside of a string or character; the quotes are code.
    Text,
}

/// Returns the class of each byte.
pub(crate) fn classes(text: &str) -> Vec<Class> {
    let bytes = text.as_bytes();
    let mut classes = Vec::with_capacity(bytes.len());
    while classes.len() < bytes.len() {
        let here = classes.len();
        let rest = &bytes[here..];
        if rest.starts_with(b"//") {
            let end = find(rest, b"\n").unwrap_or(rest.len());
            classes.resize(here + end, Class::Comment);
        } else if rest.starts_with(b"/*") {
            classes.resize(here + block_comment(rest), Class::Comment);
        } else if let Some((open, hashes)) = raw_string(bytes, here) {
            let close = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
            let inside = find(&rest[open..], &close).unwrap_or(rest.len() - open);
            classes.resize(here + open, Class::Code);
            classes.resize(here + open + inside, Class::Text);
            classes.resize((here + open + inside + close.len()).min(bytes.len()), Class::Code);
        } else if rest[0] == b'"' {
            quoted(rest, b'"', &mut classes);
        } else if rest[0] == b'\'' && is_character(rest) {
            quoted(rest, b'\'', &mut classes);
        } else {
            classes.push(Class::Code);
        }
    }
    classes
}

/// Returns the text with everything but code replaced by blanks.
pub(crate) fn code(text: &str) -> String {
    keep(text, &classes(text), |class| class == Class::Code)
}

/// Returns the text with the inside of strings replaced by blanks.
pub(crate) fn without_strings(text: &str) -> String {
    keep(text, &classes(text), |class| class != Class::Text)
}

/// Returns the code (see [`code`]) with what is compiled for tests only replaced by blanks.
pub(crate) fn without_tests(code: &str) -> String {
    let mut bytes = code.as_bytes().to_vec();
    for range in test_items(code) {
        blank(&mut bytes[range]);
    }
    String::from_utf8(bytes).unwrap()
}

/// Returns where the items below `#[cfg(test)]` and `#[test]` stand, attribute included.
pub(crate) fn test_items(code: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for attribute in ["#[cfg(test)]", "#[cfg(all(test,", "#[test]"] {
        for (start, _) in code.match_indices(attribute) {
            if found.iter().any(|range| range.contains(&start)) {
                continue;
            }
            found.push(start..item_end(code, start + attribute.len()));
        }
    }
    found
}

/// Returns the line, from 1, of an offset.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// Tells whether a byte can be a part of a name.
pub(crate) fn is_name_byte(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

/// Returns where `word` stands as a whole word.
pub(crate) fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = text.as_bytes();
    text.match_indices(word).map(|(start, _)| start).filter(move |&start| {
        let before = start.checked_sub(1).and_then(|before| bytes.get(before));
        let after = bytes.get(start + word.len());
        ![before, after].into_iter().flatten().any(|&byte| is_name_byte(byte))
    })
}

/// Returns where the block that opens at or after `from` ends, or the item, if a `;` comes first.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0_usize;
    // A `;` inside of `(...)` or `[...]`, as in `[u8; 4]`, ends nothing.
    let mut nested = 0_usize;
    for (offset, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return offset + 1,
            b'}' => depth -= 1,
            b'(' | b'[' => nested += 1,
            b')' | b']' => nested = nested.saturating_sub(1),
            b';' if depth == 0 && nested == 0 => return offset + 1,
            _ => {}
        }
    }
    code.len()
}

fn keep(text: &str, classes: &[Class], wanted: impl Fn(Class) -> bool) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for (byte, &class) in bytes.iter_mut().zip(classes) {
        if !wanted(class) {
            blank(std::slice::from_mut(byte));
        }
    }
    // A character never lies half inside: classes change at ASCII bytes only.
    String::from_utf8(bytes).unwrap()
}

fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Returns the length of the block comment that `rest` begins with; they nest.
fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// Returns the length of `r##"` and the number of its hashes, if a raw string opens here.
fn raw_string(bytes: &[u8], here: usize) -> Option<(usize, usize)> {
    let rest = &bytes[here..];
    let inside_a_name = here > 0 && is_name_byte(bytes[here - 1]);
    let prefix = [b"r".as_slice(), b"br", b"cr"].into_iter().find(|p| rest.starts_with(p))?;
    let hashes = rest[prefix.len()..].iter().take_while(|byte| **byte == b'#').count();
    let quote = prefix.len() + hashes;
    (!inside_a_name && rest.get(quote) == Some(&b'"')).then_some((quote + 1, hashes))
}

/// Tells `'a'` and `'\n'` from the lifetime `'a`.
fn is_character(rest: &[u8]) -> bool {
    match rest.get(1) {
        Some(b'\\') => true,
        Some(first) if first.is_ascii() => rest.get(2) == Some(&b'\''),
        Some(_) => rest[1..].iter().take(5).any(|byte| *byte == b'\''),
        None => false,
    }
}

/// Classes a string or character with its quotes.
fn quoted(rest: &[u8], quote: u8, classes: &mut Vec<Class>) {
    classes.push(Class::Code);
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        let length = if rest[at] == b'\\' && at + 1 < rest.len() { 2 } else { 1 };
        classes.extend(std::iter::repeat_n(Class::Text, length));
        at += length;
    }
    if at < rest.len() {
        classes.push(Class::Code);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(code(text), expected, "of {text}");
    }

    #[test]
    fn keeps_code_and_blanks_the_rest() {
        check("a // b\nc", "a     \nc");
        check("a /* b /* c */ d */ e", "a                   e");
        check("f(\"x\\\"y\") z", "f(\"    \") z");
        check("r#\"a\"b\"# c", "r#\"   \"# c");
        check("br\"a\\\" c", "br\"  \" c");
        check("for\"a\" b", "for\" \" b");
        check("'a' 'b", "' ' 'b");
        check("'\\'' x", "'  ' x");
        check("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)");
        check("\"// no\" y", "\"     \" y");
        check("'ä' y", "'  ' y");
        check("\"never closed", "\"            ");
    }

    #[test]
    fn keeps_comments_when_only_strings_go() {
        assert_eq!(without_strings("\"ab\" // c"), "\"  \" // c");
    }

    #[test]
    fn blanks_items_for_tests_and_nothing_else() {
        let text = "fn a() {}\n#[cfg(test)]\nmod t { fn b() { {} } }\nfn c() {}";
        assert_eq!(
            without_tests(text).split_whitespace().collect::<Vec<_>>(),
            ["fn", "a()", "{}", "fn", "c()", "{}"]
        );
        assert_eq!(without_tests("#[cfg(test)]\nmod t;\nx").trim(), "x");
        assert_eq!(without_tests("#[test]\nfn t(a: [u8; 4]) { }\nx").trim(), "x");
    }

    #[test]
    fn finds_whole_words_only() {
        assert_eq!(words("ab abc ab", "ab").collect::<Vec<_>>(), [0, 7]);
    }
}
