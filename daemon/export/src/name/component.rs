//! One name of a file or folder out of a text that a stranger chose: cleaned, cut, compared.
//!
//! Pure. What comes out is never empty, never hidden, never more than one component, and holds
//! nothing that turns text around or cannot be seen; with portable names also nothing that Windows,
//! exFAT or a NAS refuses. Two names are the same if [`fold`] says so: disks differ in what they
//! tell apart, and what any of them takes for one must never be two of our files. The hazard:
//! `CON`, `..`, a name of dots and blanks.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// What stands in the place of a character that is refused, and for a name of which nothing is
/// left.
const SUBSTITUTE: char = '_';

/// Names that Windows keeps for devices, whatever follows a dot.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];

/// Makes one name of at most `max_bytes` out of any text; doing it twice changes nothing more.
pub(crate) fn clean(text: &str, portable: bool, max_bytes: usize) -> String {
    let seen = text.chars().filter(|c| !is_invisible(*c));
    let taken = seen.map(|c| if is_refused(c, portable) { SUBSTITUTE } else { c });
    let name: String = taken.nfc().collect();
    let name = trimmed(&name, portable);
    let mut name = String::from(trimmed(cut(name, max_bytes.saturating_sub(1)), portable));
    let hides = name.starts_with('.') || (portable && name.starts_with('-'));
    if hides {
        name.replace_range(..1, "_");
    }
    if name.is_empty() || (portable && is_device(&name)) {
        name.insert(0, SUBSTITUTE);
    }
    name
}

/// Returns the beginning of a text that has at most `max_bytes`; a letter and its marks stay
/// together.
fn cut(text: &str, max_bytes: usize) -> &str {
    if text.len() <= max_bytes {
        return text;
    }
    let mut end = max_bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (kept, rest) = text.split_at(end);
    if !rest.starts_with(is_combining_mark) {
        return kept;
    }
    let letter = kept.trim_end_matches(is_combining_mark);
    let mut before = letter.chars();
    before.next_back();
    // Marks without a letter, or a letter with a hundred of them: then they are torn.
    if before.as_str().is_empty() { kept } else { before.as_str() }
}

/// The form in which names are compared: upper-cased and then lower-cased, character by character,
/// of the composed form. That merges all that APFS, NTFS and exFAT take for one name, and some more
/// (`ß` and `ss`).
pub(crate) fn fold(name: &str) -> String {
    let lower: String =
        name.nfc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    lower.nfc().collect()
}

fn trimmed(name: &str, portable: bool) -> &str {
    let name = name.trim();
    if portable { name.trim_end_matches(|c: char| c == '.' || c.is_whitespace()) } else { name }
}

fn is_refused(c: char, portable: bool) -> bool {
    match c {
        // The last one stands for what is no text, and `b3sum --check` refuses it.
        '/' | '\u{2028}' | '\u{2029}' | '\u{FFFD}' => true,
        '<' | '>' | ':' | '"' | '\\' | '|' | '?' | '*' => portable,
        _ => c.is_control() || u32::from(c) & 0xFFFE == 0xFFFE,
    }
}

/// Characters of no width: joiners, marks of direction, tags. They make two names look like one.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{115F}'
            | '\u{1160}'
            | '\u{17B4}'
            | '\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    let upper = stem.to_uppercase();
    if DEVICES.contains(&upper.as_str()) {
        return true;
    }
    let port = upper.strip_prefix("COM").or_else(|| upper.strip_prefix("LPT"));
    port.is_some_and(|number| {
        let mut digits = number.chars();
        let digit = digits.next();
        digits.next().is_none()
            && digit.is_some_and(|c| c.is_ascii_digit() || matches!(c, '¹' | '²' | '³'))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, portable: &str, posix: &str) {
        assert_eq!(clean(text, true, 100), portable, "portable {text:?}");
        assert_eq!(clean(text, false, 100), posix, "posix {text:?}");
    }

    #[test]
    fn hostile_names_become_one_visible_component() {
        check("../../x", "_._.._x", "_._.._x");
        check("/etc/x", "_etc_x", "_etc_x");
        check("..", "_", "_.");
        check(".", "_", "_");
        check("", "_", "_");
        check(". . ", "_", "_ .");
        check(".hidden", "_hidden", "_hidden");
        check("-rf", "_rf", "-rf");
        check("a\u{1b}[31m\nb", "a_[31m_b", "a_[31m_b");
        check("gpj\u{202e}\u{200b}.exe", "gpj.exe", "gpj.exe");
        check("a<b>c:d\"e\\f|g?h*i", "a_b_c_d_e_f_g_h_i", "a<b>c:d\"e\\f|g?h*i");
        check("Name. . .", "Name", "Name. . .");
        check("\u{2028}\u{FFFE}", "__", "__");
    }

    #[test]
    fn names_of_devices_are_never_given() {
        check("CON", "_CON", "CON");
        check("con.foo", "_con.foo", "con.foo");
        check("Lpt9", "_Lpt9", "Lpt9");
        check("COM¹", "_COM¹", "COM¹");
        check("nul .x", "_nul .x", "nul .x");
        check("CONSOLE", "CONSOLE", "CONSOLE");
        check("COM10", "COM10", "COM10");
    }

    #[test]
    fn composes_and_keeps_letters_whole_when_it_cuts() {
        check("Cafe\u{301}", "Café", "Café");
        assert_eq!(clean("aaaé", false, 5), "aaa");
        assert_eq!(clean("aax\u{323}\u{301}y", false, 6), "aa");
        assert_eq!(clean("日本語", false, 8), "日本");
    }

    #[test]
    fn folding_merges_what_some_disk_takes_for_one_name() {
        for (a, b) in [
            ("IMG_1", "img_1"),
            ("Cafe\u{301}", "CAFÉ"),
            ("ΟΔΟΣ", "οδος"),
            ("Straße", "STRASSE"),
            ("ſ", "S"),
        ] {
            assert_eq!(fold(a), fold(b), "{a} {b}");
        }
        assert_ne!(fold("é"), fold("e"));
    }

    proptest! {
        #[test]
        fn a_cleaned_name_is_safe_short_and_stays_as_it_is(
            text in r"[\PC\p{Cc}./\-~ CONcon1]{0,60}",
            portable: bool,
            max in 20_usize..200,
        ) {
            let name = clean(&text, portable, max);
            prop_assert!(!name.is_empty() && name.len() <= max);
            prop_assert!(!name.starts_with('.'));
            prop_assert!(!name.contains('/') && !name.chars().any(char::is_control));
            prop_assert!(darkslide_policy::Component::parse(&name).is_ok());
            prop_assert!(unicode_normalization::is_nfc(&name));
            if portable {
                prop_assert!(!name.ends_with(['.', ' ']) && !is_device(&name));
                prop_assert!(!name.contains(['<', '>', ':', '"', '\\', '|', '?', '*']));
            }
            prop_assert_eq!(clean(&name, portable, max), name);
        }

        #[test]
        fn folding_twice_is_folding_once(text in r"\PC{0,30}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
