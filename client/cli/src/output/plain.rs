//! Makes texts of strangers harmless for a terminal: titles, names and error texts come from
//! libraries and peers.
//!
//! What could move the cursor, change colours, hide, or turn text around is shown as an escape;
//! everything else stays, in any script. JSON for programs keeps its meaning and loses only the raw
//! characters. The hazard: a file name with an ESC in it that rewrites what the person has just
//! read.

use std::borrow::Cow;

use darkslide_client::protocol::strict::is_plain;

/// The text as one line that does nothing but stand there.
pub(crate) fn line(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_shown(character) {
            safe.push(character);
        } else {
            safe.extend(character.escape_default());
        }
    }
    safe
}

/// As `line`, for text of ours that has lines.
pub(crate) fn lines(text: &str) -> String {
    let safe: Vec<String> = text.split('\n').map(line).collect();
    safe.join("\n")
}

/// A JSON document without raw characters that a terminal would obey; as JSON it is the same.
pub(crate) fn json(document: &str) -> Cow<'_, str> {
    // Most are plain, and large.
    let is_plain = |character| character == '\n' || is_shown(character);
    if !document.as_bytes().chunks(64).any(may_be_hidden) || document.chars().all(is_plain) {
        return Cow::Borrowed(document);
    }
    let mut safe = String::with_capacity(document.len());
    for character in document.chars() {
        // Outside of strings JSON has only ASCII, and line ends are ours.
        if is_shown(character) || character == '\n' {
            safe.push(character);
        } else {
            let mut units = [0_u16; 2];
            for unit in character.encode_utf16(&mut units) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    Cow::Owned(safe)
}

/// Is there a byte that a character begins with which is not shown? Looked at without a branch for
/// each, for a dump has gigabytes of them; accents and most scripts have none.
fn may_be_hidden(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |found, byte| {
        let is_control = *byte < b' ' && *byte != b'\n' || *byte == 0x7f;
        found | is_control | matches!(byte, 0xc2 | 0xd8 | 0xe1 | 0xe2 | 0xef | 0xf3)
    })
}

/// Joiners (U+200C, U+200D) stay: scripts and emoji need them, and they neither hide nor turn
/// anything.
fn is_shown(character: char) -> bool {
    is_plain(character)
        && !matches!(
            character,
            '\u{061c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// How many columns of a terminal a text takes, roughly: wide scripts and emoji take two, marks
/// none.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// The text cut to so many columns, with `…` where something is left out.
pub(crate) fn cut(text: &str, columns_at_most: usize) -> String {
    if width(text) <= columns_at_most {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut left = columns_at_most.saturating_sub(1);
    for character in text.chars() {
        let Some(rest) = left.checked_sub(columns(character)) else { break };
        left = rest;
        cut.push(character);
    }
    // A joiner would draw the mark into what stands before it, and spaces before it say nothing.
    cut.truncate(cut.trim_end_matches(['\u{200c}', '\u{200d}', ' ']).len());
    cut.push('…');
    cut
}

fn columns(character: char) -> usize {
    match character {
        '\u{0300}'..='\u{036f}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        for (hostile, shown) in [
            ("a\nb", r"a\nb"),
            ("\x1b[31mred", r"\u{1b}[31mred"),
            ("invoice\u{202e}gpj.exe", r"invoice\u{202e}gpj.exe"),
            ("a\u{200b}b\u{feff}", r"a\u{200b}b\u{feff}"),
            ("\u{9b}2J\x7f\t\r\0", r"\u{9b}2J\u{7f}\t\r\u{0}"),
            ("\u{2066}x\u{2069}\u{061c}", r"\u{2066}x\u{2069}\u{61c}"),
        ] {
            assert_eq!(line(hostile), shown);
        }
    }

    #[test]
    fn every_character_that_is_not_shown_begins_with_a_byte_that_is_looked_for() {
        for character in ('\0'..=char::MAX).filter(|it| *it != '\n' && !is_shown(*it)) {
            let mut bytes = [0; 4];
            assert!(may_be_hidden(character.encode_utf8(&mut bytes).as_bytes()), "{character:?}");
        }
        assert!(!may_be_hidden("Café, Zürich, Łódź, Привет\n".as_bytes()));
    }

    #[test]
    fn what_a_person_means_stays() {
        for text in ["Café", "日本 2024", "👩‍👩‍👧", "שלום", "a\u{301}", r"C:\x"]
        {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn json_means_the_same_and_has_no_raw_marks() {
        let text = "\u{202e}\u{9b}\u{e0041}日本";
        let raw = serde_json::to_string(text).unwrap();
        let safe = json(&raw);
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text);
        assert_eq!(safe, r#""\u202e\u009b\udb40\udc41日本""#);
    }

    #[test]
    fn a_text_is_cut_by_columns_and_says_so() {
        for (text, columns, shown) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("cafe\u{301}s", 4, "caf…"),
            ("👩‍👩‍👧", 4, "👩…"),
            ("a bcd", 3, "a…"),
            ("abc", 0, "…"),
        ] {
            assert_eq!(cut(text, columns), shown, "{text} in {columns}");
        }
    }

    #[test]
    fn widths_are_those_of_a_terminal() {
        for (text, columns) in [("abc", 3), ("日本", 4), ("Cafe\u{301}", 4), ("🌻", 2), ("", 0)]
        {
            assert_eq!(width(text), columns, "{text}");
        }
    }
}
