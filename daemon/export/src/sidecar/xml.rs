//! Writes well-formed XML 1.0, whatever the texts hold.
//!
//! Names and attributes are literals of this program; data stands between tags only, escaped.
//! Characters that XML 1.0 cannot hold (controls but tab and line ends, U+FFFE, U+FFFF) become
//! U+FFFD: dropped, they would make two keywords one. The hazard: a parser takes a carriage return
//! for a line feed and `]]>` for an end, so both are written as references.

/// A document that is being written.
pub(super) struct Xml {
    out: String,
    depth: usize,
}

impl Xml {
    /// A document with one element at its root.
    pub(super) fn document(tag: &'static str, inside: impl FnOnce(&mut Self)) -> Vec<u8> {
        let out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
        let mut xml = Self { out, depth: 0 };
        xml.element(tag, inside);
        xml.out.into_bytes()
    }

    /// An element of elements. `tag` is what stands in its opening: the name, then attributes.
    pub(super) fn element(&mut self, tag: &'static str, inside: impl FnOnce(&mut Self)) {
        self.opening(tag);
        self.out.push('\n');
        self.depth += 1;
        inside(self);
        self.depth -= 1;
        self.indent();
        self.closing(tag);
    }

    /// An element with a text.
    pub(super) fn text(&mut self, tag: &'static str, text: &str) {
        self.opening(tag);
        for character in text.chars() {
            match character {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '\r' => self.out.push_str("&#13;"),
                other => self.out.push(held(other)),
            }
        }
        self.closing(tag);
    }

    fn opening(&mut self, tag: &'static str) {
        self.indent();
        self.out.push('<');
        self.out.push_str(tag);
        self.out.push('>');
    }

    fn closing(&mut self, tag: &'static str) {
        let name = tag.split_ascii_whitespace().next().unwrap_or(tag);
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push_str(">\n");
    }

    fn indent(&mut self) {
        self.out.extend(std::iter::repeat_n(' ', self.depth));
    }
}

/// A character as XML 1.0 can hold it.
pub(super) fn held(character: char) -> char {
    match character {
        '\t' | '\n' | '\r' => character,
        '\0'..=' ' if character != ' ' => char::REPLACEMENT_CHARACTER,
        '\u{FFFE}' | '\u{FFFF}' => char::REPLACEMENT_CHARACTER,
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, written: &str) {
        let document = Xml::document("a b='c'", |xml| xml.text("d", text));
        let expected = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a b='c'>\n <d>{written}</d>\n</a>\n"
        );
        assert_eq!(String::from_utf8(document).unwrap(), expected);
    }

    #[test]
    fn markup_in_a_text_is_text() {
        check("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d");
        check("<![CDATA[x]]>", "&lt;![CDATA[x]]&gt;");
        check("\"'", "\"'");
        check("&amp;", "&amp;amp;");
    }

    #[test]
    fn what_xml_cannot_hold_is_replaced_and_nothing_else_is() {
        check("a\0b\u{1B}c", "a\u{FFFD}b\u{FFFD}c");
        check("\u{FFFE}\u{FFFF}\u{FFFD}", "\u{FFFD}\u{FFFD}\u{FFFD}");
        check("\tx\ny\r\n", "\tx\ny&#13;\n");
        check("\u{7F}\u{85}\u{2028}\u{1FFFE}\u{10FFFF}", "\u{7F}\u{85}\u{2028}\u{1FFFE}\u{10FFFF}");
    }
}
