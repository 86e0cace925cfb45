//! Compares texts as people look for them: case and diacritics make no difference, `*` is any
//! characters and `?` is one.
//!
//! Every text of a filter comes through here, and nothing else compares them: SQLite's LIKE and
//! GLOB know ASCII only and can be made to take for ever. A pattern is walked once along the text,
//! with all the places where it could stand as bits, so that the cost is their product and never
//! more. The hazard: a pattern of many stars against a long text, one for each asset.

use std::borrow::Cow;
use std::collections::HashMap;

use darkslide_protocol::filter::Text;
use unicode_normalization::UnicodeNormalization;

/// Bits of a word.
const BITS: usize = 64;

/// A text to look for, made ready.
#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    Exact(String),
    Contains(String),
    Matches(Stars),
}

impl Pattern {
    pub(crate) fn new(text: &Text) -> Self {
        match text {
            Text::Exact(text) => Self::Exact(fold(text).into_owned()),
            Text::Contains(text) => Self::Contains(fold(text).into_owned()),
            Text::Matches(text) => Self::Matches(Stars::new(&fold(text))),
        }
    }

    pub(crate) fn fits(&self, text: &str) -> bool {
        match self {
            // What is equal to a text of ASCII is ASCII once it is folded.
            Self::Exact(wanted) if text.is_ascii() => text.eq_ignore_ascii_case(wanted),
            Self::Exact(wanted) => *fold(text) == **wanted,
            Self::Contains(wanted) => fold(text).contains(wanted.as_str()),
            Self::Matches(stars) => stars.fits(&fold(text), &mut 0),
        }
    }

    /// The text that is bound in a statement, for a function of ours to read.
    pub(crate) fn to_bound(text: &Text) -> String {
        match text {
            Text::Exact(text) => format!("={text}"),
            Text::Contains(text) => format!("~{text}"),
            Text::Matches(text) => format!("*{text}"),
        }
    }

    /// Reads what [`Pattern::to_bound`] wrote.
    pub(crate) fn of_bound(bound: &str) -> Option<Self> {
        let (form, text) = bound.split_at_checked(1)?;
        let make: fn(String) -> Text = match form {
            "=" => Text::Exact,
            "~" => Text::Contains,
            "*" => Text::Matches,
            _ => return None,
        };
        Some(Self::new(&make(text.to_owned())))
    }
}

/// Takes case, diacritics and forms of compatibility from a text. Syllables of Hangul stay one
/// character, for a `?` is one; marks of scripts in which they are letters of their own stay, too.
pub(crate) fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        };
    }
    let plain = text.nfkd().filter(|c| !is_diacritic(*c)).flat_map(char::to_lowercase);
    // Some letters get a mark by becoming small.
    let plain = plain.filter(|c| !is_diacritic(*c));
    let mut folded = String::with_capacity(text.len());
    for letter in plain.nfc() {
        match without_stroke(letter) {
            Some(letters) => folded.push_str(letters),
            None => folded.push(letter),
        }
    }
    Cow::Owned(folded)
}

/// Marks on letters of Latin, Greek and Cyrillic; points of Hebrew and Arabic.
fn is_diacritic(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}'
        | '\u{483}'..='\u{489}'
        | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}'
        | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}'
        | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}'
    )
}

/// Letters whose mark is a part of them, and two that are written as one.
fn without_stroke(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'ł' => "l",
        'ŧ' => "t",
        'þ' => "th",
        'ς' => "σ",
        _ => return None,
    })
}

/// A folded pattern with stars. Bit `n` of a set means: the first `n` characters of the pattern
/// have been met.
#[derive(Debug, Clone)]
pub(crate) struct Stars {
    /// For each character of the pattern, the places after it.
    after: HashMap<char, Vec<u64>>,
    /// The places after a `?`, which any character leads to.
    after_any: Vec<u64>,
    /// The places at a star, which every character leaves as they are.
    staying: Vec<u64>,
    last: usize,
}

impl Stars {
    fn new(pattern: &str) -> Self {
        let last = pattern.chars().filter(|c| *c != '*').count();
        let words = last / BITS + 1;
        let mut stars = Self {
            after: HashMap::new(),
            after_any: vec![0; words],
            staying: vec![0; words],
            last,
        };
        let mut place = 0;
        for c in pattern.chars() {
            if c == '*' {
                set(&mut stars.staying, place);
                continue;
            }
            place += 1;
            if c == '?' {
                set(&mut stars.after_any, place);
            } else {
                set(stars.after.entry(c).or_insert_with(|| vec![0; words]), place);
            }
        }
        // A `?` fits what another place of the pattern names, too.
        for places in stars.after.values_mut() {
            for (word, any) in places.iter_mut().zip(&stars.after_any) {
                *word |= any;
            }
        }
        stars
    }

    /// `steps` counts the words that were looked at.
    fn fits(&self, text: &str, steps: &mut usize) -> bool {
        let mut places = vec![0_u64; self.staying.len()];
        set(&mut places, 0);
        for c in text.chars() {
            let after = self.after.get(&c).unwrap_or(&self.after_any);
            let mut carried = 0;
            for ((word, after), staying) in places.iter_mut().zip(after).zip(&self.staying) {
                let moved = (*word << 1) | carried;
                carried = *word >> (BITS - 1);
                *word = (moved & after) | (*word & staying);
                *steps += 1;
            }
        }
        let word = places.get(self.last / BITS).copied().unwrap_or(0);
        word >> (self.last % BITS) & 1 == 1
    }
}

fn set(places: &mut [u64], place: usize) {
    if let Some(word) = places.get_mut(place / BITS) {
        *word |= 1 << (place % BITS);
    }
}

#[cfg(test)]
mod tests {
    use darkslide_protocol::limits::MAX_PATTERN_BYTES;

    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(&Text::Matches(pattern.to_owned())).fits(text)
    }

    fn exact(wanted: &str, text: &str) -> bool {
        Pattern::new(&Text::exact(wanted)).fits(text)
    }

    #[test]
    fn case_and_diacritics_make_no_difference() {
        for (one, other) in [
            ("Zürich", "ZURICH"),
            ("Zu\u{308}rich", "zürich"),
            ("Straße", "STRASSE"),
            ("İstanbul", "istanbul"),
            ("ISTANBUL", "ıstanbul"),
            ("Ångström", "angstrom"),
            ("ﬁancée", "FIANCEE"),
            ("Łódź", "lodz"),
            ("Ærø", "aero"),
            ("ΟΔΟΣ", "οδός"),
            ("Йошкар", "иошкар"),
            ("ｶﾞ", "ガ"),
            ("한국", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}"),
            ("שָׁלוֹם", "שלום"),
            ("①", "1"),
        ] {
            assert!(exact(one, other) && exact(other, one), "{one} {other}");
        }
        for (one, other) in [("a", "b"), ("하", "한"), ("हिन्दी", "हनद"), ("か", "が"), ("ss", "s")]
        {
            assert!(!exact(one, other) && !exact(other, one), "{one} {other}");
        }
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for c in (0..0x2_0000).filter_map(char::from_u32) {
            let once = fold(c.encode_utf8(&mut [0; 4])).into_owned();
            assert_eq!(fold(&once), once, "{c:?}");
        }
    }

    #[test]
    fn stars_are_any_characters_and_question_marks_are_one() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "anything"),
            ("IMG_*.HEI?", "img_0001.heic"),
            ("*farm", "Pumpkin Farm"),
            ("pump*", "Pumpkin Farm"),
            ("*k*i*f*", "Pumpkin Farm"),
            ("?ürich", "Zurich"),
            ("??", "한국"),
            ("?", "é"),
            ("a**b", "ab"),
            ("*aab", "aaaab"),
            ("*a?c*", "xxabcxx"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("?", ""),
            ("??", "a"),
            ("farm", "Pumpkin Farm"),
            ("*b", "abc"),
            ("a*b*c", "acb"),
            ("*aab", "aaba"),
            ("?", "ab"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_long_pattern_crosses_the_words_of_its_set() {
        for length in [63, 64, 65, 127, 128, 129, 256] {
            let pattern = "ab?d".repeat(64)[..length].to_owned();
            let text = "abcd".repeat(64)[..length].to_owned();
            assert!(matches(&pattern, &text), "{length}");
            assert!(matches(&format!("*{pattern}*"), &format!("xx{text}yy")), "{length}");
            assert!(!matches(&pattern, &text[1..]), "{length}");
            assert!(!matches(&pattern, &format!("{text}x")), "{length}");
        }
    }

    #[test]
    fn the_cost_is_the_product_of_words_and_text_whatever_they_are() {
        let worst = [
            format!("{}b", "*a".repeat(MAX_PATTERN_BYTES / 2 - 1)),
            format!("*{}b", "a".repeat(MAX_PATTERN_BYTES - 2)),
            "*?".repeat(MAX_PATTERN_BYTES / 2),
        ];
        for pattern in worst {
            for length in [1_000, 10_000, 100_000] {
                let mut steps = 0;
                Stars::new(&pattern).fits(&"a".repeat(length), &mut steps);
                let words = MAX_PATTERN_BYTES / BITS + 1;
                assert!(steps <= words * length, "{pattern:.10} {length}: {steps}");
            }
        }
    }

    #[test]
    fn a_text_holds_what_is_in_it() {
        let contains =
            |wanted: &str, text: &str| Pattern::new(&Text::Contains(wanted.to_owned())).fits(text);
        assert!(contains("kin f", "Pumpkin Farm") && contains("STRASS", "Lange Straße"));
        assert!(!contains("farmer", "Pumpkin Farm"));
        assert!(contains("*", "2*2") && !contains("*", "22"), "a star is a star here");
    }

    #[test]
    fn every_form_comes_back_from_what_is_bound() {
        for text in
            [Text::exact("=x"), Text::Contains(String::from("~")), Text::Matches(String::from("*"))]
        {
            let again = Pattern::of_bound(&Pattern::to_bound(&text)).unwrap();
            assert_eq!(format!("{again:?}"), format!("{:?}", Pattern::new(&text)));
        }
        assert!(Pattern::of_bound("").is_none() && Pattern::of_bound("é").is_none());
    }
}
