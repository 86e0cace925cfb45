//! The digits of a UUID that tell assets apart whose names look alike: ` (1EB2B765)`.
//!
//! Pure. Always hexadecimal: UUIDs of Photos 3 and 4 differ by case alone, which many disks cannot
//! tell apart, so theirs are the digits of a hash. Eight digits, and more only where a group needs
//! them. A name that already ends in such digits is recognised by its form, whoever put it there.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use darkslide_protocol::value::Uuid;

/// All that a UUID has.
pub(crate) const MAX_DIGITS: usize = 32;
const MIN_DIGITS: usize = 8;

/// The digits of one asset or album, as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Digits(u128);

impl Digits {
    pub(crate) fn of(uuid: &Uuid) -> Self {
        let plain = uuid.as_str().replace('-', "");
        let number =
            (plain.len() == MAX_DIGITS).then(|| u128::from_str_radix(&plain, 16).ok()).flatten();
        Self(number.unwrap_or_else(|| hashed([uuid.as_str()])))
    }

    /// Of a folder, by the titles that lead to it.
    pub(crate) fn of_titles(titles: &[Arc<str>]) -> Self {
        Self(hashed(titles.iter().map(AsRef::as_ref)))
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

    /// How many digits tell these from all others; of those already there only the neighbours in
    /// order can have more in common with it than any other.
    pub(crate) fn told_apart_from(self, others: &BTreeSet<Self>) -> usize {
        let before = others.range(..self).next_back();
        let after = others.range((Bound::Excluded(self), Bound::Unbounded)).next();
        let common = before.into_iter().chain(after).map(|other| self.common(*other));
        (common.max().unwrap_or(0) + 1).clamp(MIN_DIGITS, MAX_DIGITS)
    }

    /// How many digits two have in common from the first on.
    fn common(self, other: Self) -> usize {
        let bits = (self.0 ^ other.0).leading_zeros();
        usize::try_from(bits / 4).unwrap_or(MAX_DIGITS)
    }
}

fn hashed<'a>(parts: impl IntoIterator<Item = &'a str>) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part.as_bytes());
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
