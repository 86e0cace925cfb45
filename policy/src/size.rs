//! Sizes as a person writes them: `0`, `1048576`, `500 GB`, `2 TiB`.
//!
//! A whole number and perhaps a unit, by thousands or by 1024, in any case; a blank between the two
//! may be left out. Nothing is rounded, so there are no fractions. The hazard: a unit that is
//! misread and lets a thousand times more through, so that whatever is not plainly one is refused.

/// Why a text is no size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SizeError {
    #[error("begins with no whole number")]
    NoNumber,
    #[error("has a unit that is none")]
    Unit,
    #[error("is more than any disk holds")]
    TooLarge,
}

/// By their names in lower case.
const UNITS: [(&str, u64); 10] = [
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

/// The largest size: what a file system counts in. More would be no limit but a typing mistake.
pub(crate) const MAX_SIZE_BYTES: u64 = i64::MAX.unsigned_abs();

/// Reads a size in bytes.
pub(crate) fn parse(text: &str) -> Result<u64, SizeError> {
    let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() {
        return Err(SizeError::NoNumber);
    }
    let unit = rest.strip_prefix(' ').filter(|unit| !unit.is_empty()).unwrap_or(rest);
    let (_, unit) =
        UNITS.iter().find(|(name, _)| unit.eq_ignore_ascii_case(name)).ok_or(SizeError::Unit)?;
    // Digits that do not fit are too many of them.
    let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(*unit));
    bytes.filter(|bytes| *bytes <= MAX_SIZE_BYTES).ok_or(SizeError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_with_or_without_a_unit_is_a_size() {
        let sizes = [
            ("0", 0),
            ("0 TB", 0),
            ("1048576", 1 << 20),
            ("7B", 7),
            ("500 GB", 500_000_000_000),
            ("500gb", 500_000_000_000),
            ("2 TiB", 2 << 40),
            ("2 kib", 2_048),
            ("3 KB", 3_000),
            ("3 MB", 3_000_000),
            ("3 MiB", 3 << 20),
            ("3 GiB", 3 << 30),
            ("3 TB", 3_000_000_000_000),
        ];
        for (text, bytes) in sizes {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_not_plainly_a_size_is_refused_each_for_its_reason() {
        for text in ["", " ", "GB", "-1", "+1", " 1", "all", "\u{661}"] {
            assert_eq!(parse(text), Err(SizeError::NoNumber), "{text:?}");
        }
        for text in ["1 ", "1  GB", "1 G", "1.5 TB", "1,000", "1_000", "1 GB ", "1 PB", "1\tGB"] {
            assert_eq!(parse(text), Err(SizeError::Unit), "{text:?}");
        }
    }

    #[test]
    fn a_size_is_refused_above_the_largest_and_absurdly_above_it() {
        assert_eq!(parse(&MAX_SIZE_BYTES.to_string()), Ok(MAX_SIZE_BYTES));
        for text in [&(MAX_SIZE_BYTES + 1).to_string(), "8388608 TiB", &"9".repeat(4_000)] {
            assert_eq!(parse(text), Err(SizeError::TooLarge), "{text}");
        }
        assert_eq!(parse("8388607 TiB"), Ok(8_388_607 << 40));
    }
}
