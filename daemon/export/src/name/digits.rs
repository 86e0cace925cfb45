//! The digits of a UUID that tell assets apart whose names look alike: ` (1EB2B765)`.
//!
//! Pure. Always hexadecimal: UUIDs of Photos 3 and 4 differ by case alone, which many disks cannot
//! tell apart, so theirs are the digits of a hash. Eight digits, and more only where a group needs
//! them. A name that already ends in such digits is recognised by its form, whoever put it there.

use std::sync::Arc;

use darkslide_protocol::value::Uuid;

/// All that a UUID has.
pub(crate) const MAX_DIGITS: usize = 32;
pub(super) const MIN_DIGITS: usize = 8;

/// The digits of one asset or album, as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Digits(u128);

impl Digits {
    pub(crate) fn of(uuid: &Uuid) -> Self {
        let plain = uuid.as_str().replace('-', "");
        let number =
            (plain.len() == MAX_DIGITS).then(|| u128::from_str_radix(&plain, 16).ok()).flatten();
        Self(number.unwrap_or_else(|| hashed([uuid.as_str().as_bytes()])))
    }

    /// Of a folder, by the titles that lead to it.
    pub(crate) fn of_titles(titles: &[Arc<str>]) -> Self {
        Self(hashed(titles.iter().map(|title| title.as_bytes())))
    }

    /// Of a folder, by what its name was made of.
    pub(crate) fn of_raw(level: usize, raw: &[u8]) -> Self {
        Self(hashed([level.to_le_bytes().as_slice(), raw]))
    }

    /// Of a name that is taken although no asset or album has it.
    pub(crate) fn nobody() -> Self {
        Self(0)
    }

    /// The first `length` digits, upper-case.
    pub(crate) fn first(self, length: usize) -> String {
        let mut all = format!("{:032X}", self.0);
        all.truncate(length);
        all
    }

    /// How many digits tell the two apart.
    pub(super) fn length_beside(self, other: Self) -> usize {
        (self.common(other) + 1).clamp(MIN_DIGITS, MAX_DIGITS)
    }

    /// The first and the last sixteen digits.
    pub(super) fn halves(self) -> [u64; 2] {
        let [a, b, c, d, e, f, g, h, rest @ ..] = self.0.to_be_bytes();
        [u64::from_be_bytes([a, b, c, d, e, f, g, h]), u64::from_be_bytes(rest)]
    }

    pub(super) fn from_halves([first, last]: [u64; 2]) -> Self {
        Self(u128::from(first) << 64 | u128::from(last))
    }

    #[cfg(test)]
    pub(super) fn for_tests(number: u128) -> Self {
        Self(number)
    }

    /// How many digits two have in common from the first on.
    fn common(self, other: Self) -> usize {
        let bits = (self.0 ^ other.0).leading_zeros();
        usize::try_from(bits / 4).unwrap_or(MAX_DIGITS)
    }
}

fn hashed<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
        hasher.update(b"\0");
    }
    let mut first = [0; 16];
    hasher.finalize_xof().fill(&mut first);
    u128::from_be_bytes(first)
}

/// Returns what stands before ` (1eb2b765)` at the end of a folded name.
pub(crate) fn without_bracketed(folded: &str) -> Option<&str> {
    let (before, digits) = folded.strip_suffix(')')?.rsplit_once(" (")?;
    let fits = (MIN_DIGITS..=MAX_DIGITS).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_hexdigit());
    fits.then_some(before)
}
