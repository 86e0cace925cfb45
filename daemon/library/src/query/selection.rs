//! Which assets a filter selects: their UUIDs, kept small.
//!
//! As text with its own piece of memory a UUID takes some 80 bytes; here 16, or 22 of the kind that
//! Photos 2 to 4 have. In a library all are of one kind, and come in the order of their texts. The
//! hazard: a million selected ones that fill what the whole daemon may take.

use darkslide_protocol::value::Uuid;

/// Characters of a UUID of Photos 2 to 4.
const OLD_CHARS: usize = 22;
/// Hexadecimal digits of the others, without dashes.
const MODERN_DIGITS: usize = 32;

/// UUIDs in order, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    modern: Vec<u128>,
    old: Vec<[u8; OLD_CHARS]>,
}

impl Selection {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.modern.len() + self.old.len()
    }

    /// Is there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Uuid> {
        let old = self.old.iter().filter_map(|chars| std::str::from_utf8(chars).ok());
        let old = old.filter_map(|text| Uuid::parse(text).ok());
        self.modern.iter().filter_map(|number| modern(*number)).chain(old)
    }

    /// So many at a time.
    pub fn pages(&self, size: usize) -> impl Iterator<Item = Vec<Uuid>> {
        let mut uuids = self.iter();
        std::iter::from_fn(move || {
            let page: Vec<Uuid> = uuids.by_ref().take(size).collect();
            (!page.is_empty()).then_some(page)
        })
    }

    /// Adds one that has the form of a UUID.
    pub(crate) fn push(&mut self, text: &str) {
        let Ok(uuid) = Uuid::parse(text) else { return };
        let text = uuid.as_str();
        if let Ok(old) = <[u8; OLD_CHARS]>::try_from(text.as_bytes()) {
            self.old.push(old);
        } else if let Some(number) = number(text) {
            self.modern.push(number);
        }
    }

    /// Is it one of them?
    #[must_use]
    pub fn contains(&self, uuid: &Uuid) -> bool {
        match <[u8; OLD_CHARS]>::try_from(uuid.as_str().as_bytes()) {
            Ok(old) => self.old.binary_search(&old).is_ok(),
            Err(_) => {
                number(uuid.as_str()).is_some_and(|it| self.modern.binary_search(&it).is_ok())
            }
        }
    }

    /// Puts them in order, each once.
    pub(crate) fn finish(mut self) -> Self {
        self.modern.sort_unstable();
        self.modern.dedup();
        self.modern.shrink_to_fit();
        self.old.sort_unstable();
        self.old.dedup();
        self.old.shrink_to_fit();
        self
    }
}

fn number(text: &str) -> Option<u128> {
    u128::from_str_radix(&text.replace('-', ""), 16).ok()
}

fn modern(number: u128) -> Option<Uuid> {
    let digits = format!("{number:0MODERN_DIGITS$X}");
    let part = |range| digits.get(range);
    let parts = [part(0..8)?, part(8..12)?, part(12..16)?, part(16..20)?, part(20..32)?];
    Uuid::parse(&parts.join("-")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODERN: [&str; 3] = [
        "00000000-0000-0000-0000-00000000000A",
        "0123ABCD-0000-4000-8000-0123456789AB",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
    ];
    const OLD: [&str; 3] =
        ["%20++_-abcdefghijklmno", "3Jn73XpSQQCluzRBMWRsMA", "6bxcNnzRQKGnK4uPrCJ9UQ"];

    #[test]
    fn uuids_of_both_kinds_come_back_as_they_were_in_order_and_once() {
        for kind in [MODERN, OLD] {
            let mut selection = Selection::default();
            for text in kind.iter().rev().chain(&kind).chain(&["no UUID"]) {
                selection.push(text);
            }
            let selection = selection.finish();
            assert_eq!(selection.len(), 3);
            assert!(selection.iter().map(|uuid| uuid.to_string()).eq(kind));
            let pages: Vec<usize> = selection.pages(2).map(|page| page.len()).collect();
            assert_eq!(pages, [2, 1]);
            assert!(selection.iter().all(|uuid| selection.contains(&uuid)));
            for other in ["00000000-0000-0000-0000-00000000000B", "3Jn73XpSQQCluzRBMWRsMB"] {
                assert!(!selection.contains(&Uuid::parse(other).unwrap()));
            }
        }
    }

    #[test]
    fn a_million_take_24_megabytes_at_most() {
        assert!(size_of::<u128>().max(OLD_CHARS) * 1_000_000 <= 24 << 20);
        assert!(Selection::default().is_empty());
    }
}
