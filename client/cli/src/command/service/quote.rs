//! Words of a command as a unit and a property list take them.
//!
//! Pure. systemd reads a command line in this order: it splits words by spaces outside of quotes,
//! takes backslash escapes back, then expands `%` specifiers; variables are not expanded, for the
//! templates' commands begin with a colon. The hazard: an album called `100% $HOME "x"` that
//! becomes another command; so every word is quoted, and a test reads them back as systemd does.

use super::error::ServiceError;

/// A word of a command line of a unit, quoted.
pub(crate) fn systemd_word(word: &str) -> String {
    let mut quoted = String::from("\"");
    for character in word.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '%' => quoted.push_str("%%"),
            // One line is one setting.
            '\x01'..='\x1f' | '\x7f' => {
                quoted.push_str(&format!("\\x{:02x}", u32::from(character)));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Text of an element of a property list.
pub(crate) fn xml_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Refuses what no file can hold as it is: control characters.
///
/// # Errors
/// [`ServiceError::Unwritable`].
pub(crate) fn plain<'a>(what: &'static str, text: &'a str) -> Result<&'a str, ServiceError> {
    if text.chars().any(char::is_control) {
        return Err(ServiceError::Unwritable { what, text: text.to_owned() });
    }
    Ok(text)
}

#[cfg(test)]
pub(crate) mod read {
    //! systemd's own reading, as systemd.syntax(7), systemd.service(5) and systemd.unit(5) tell it.

    /// Reads the words of an `ExecStart=` that begins with a colon, so that no variable is
    /// expanded.
    pub(crate) fn command(line: &str) -> Option<Vec<String>> {
        let mut words = Vec::new();
        let mut rest = line.strip_prefix(':')?.chars().peekable();
        loop {
            while rest.next_if(|character| " \t".contains(*character)).is_some() {}
            if rest.peek().is_none() {
                return Some(words);
            }
            words.push(specifiers(&word(&mut rest)?)?);
        }
    }

    /// A word: quotes fall away, escapes are taken back. One semicolon alone would end the command.
    fn word(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
        let (mut word, mut quote, mut was_quoted) = (Vec::new(), None, false);
        while let Some(character) = rest.next() {
            match (character, quote) {
                ('\\', _) => escape(rest, &mut word)?,
                ('"' | '\'', None) => {
                    quote = Some(character);
                    was_quoted = true;
                }
                (character, Some(open)) if character == open => quote = None,
                (' ' | '\t', None) => break,
                (character, _) => word.extend(character.to_string().bytes()),
            }
        }
        let is_whole = quote.is_none() && (was_quoted || word != b";");
        is_whole.then(|| String::from_utf8(word).ok()).flatten()
    }

    fn escape(
        rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
        word: &mut Vec<u8>,
    ) -> Option<()> {
        match rest.next()? {
            'x' => {
                let digits = [rest.next()?, rest.next()?].iter().collect::<String>();
                word.push(u8::from_str_radix(&digits, 16).ok().filter(|byte| *byte != 0)?);
            }
            same @ ('\\' | '"' | '\'') => word.push(u8::try_from(same).ok()?),
            'n' => word.push(b'\n'),
            't' => word.push(b'\t'),
            's' => word.push(b' '),
            _ => return None,
        }
        Some(())
    }

    /// `%%` is a percent sign; any other specifier would become something of this machine.
    fn specifiers(word: &str) -> Option<String> {
        let mut pieces = word.split("%%");
        let whole = pieces.clone().all(|piece| !piece.contains('%'));
        whole.then(|| pieces.by_ref().collect::<Vec<_>>().join("%"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_back(words: &[&str]) -> Option<Vec<String>> {
        let quoted: Vec<String> = words.iter().map(|word| systemd_word(word)).collect();
        let line = quoted.join(" ");
        assert!(!line.bytes().any(|byte| byte.is_ascii_control()), "one line: {line:?}");
        read::command(&format!(":{line}"))
    }

    #[test]
    fn words_come_back_as_they_were() {
        let words = [
            "/opt/my apps/darkslide",
            "",
            " ",
            "100%",
            "%h",
            "%%",
            "$HOME",
            "${HOME}",
            "$$",
            "\"",
            "'",
            "it's",
            "\\",
            "\\n",
            "\\x41",
            ";",
            "\\;",
            "# no comment",
            "a\nExecStart=/bin/sh",
            "\t",
            "Café 日本 🗻",
            "end\\",
        ];
        assert_eq!(read_back(&words).unwrap(), words);
    }

    #[test]
    fn the_reading_of_the_test_is_not_too_kind() {
        for wrong in ["no colon", ":\"open", ":a ; b", ":\\q", ":%h", ":\"\\x00\"", ":\"\\x4"] {
            assert_eq!(read::command(wrong), None, "{wrong}");
        }
        assert_eq!(read::command(":a 'b c'  \"\\x41\"").unwrap(), ["a", "b c", "A"]);
    }

    proptest! {
        #[test]
        fn any_words_come_back_as_they_were(
            words in proptest::collection::vec("[^\\x00]{0,20}|[ %$\"'\\\\;\\n]{0,8}", 1..6)
        ) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            prop_assert_eq!(read_back(&words).unwrap(), words);
        }

        #[test]
        fn any_text_stands_in_a_property_list(text in "[^\\pC]{0,40}|[&<>\"' ]{0,9}") {
            let document = format!("<plist><string>{}</string></plist>", xml_text(&text));
            let value = plist::Value::from_reader_xml(document.as_bytes()).unwrap();
            prop_assert_eq!(value.as_string().unwrap(), text);
        }
    }

    #[test]
    fn control_characters_are_refused() {
        for text in ["a\nb", "\x1b", "\u{7f}", "\u{85}"] {
            assert!(matches!(plain("it", text), Err(ServiceError::Unwritable { .. })), "{text:?}");
        }
        assert_eq!(plain("it", "a b%\"'é").unwrap(), "a b%\"'é");
    }
}
