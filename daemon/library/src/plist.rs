//! Looks up one whole number at the top of a binary property list, such as the model's number in
//! `Z_PLIST`.
//!
//! Reads the trailer, the top dictionary's keys and one value; never builds a tree and never
//! descends. The hazard: a list of 256 KiB can nest fifty thousand levels deep, or refer to itself,
//! and a reader that recurses ends the process.

/// The largest list looked at. Real ones have 3,600 to 5,200 bytes (models 13537 to 19320).
pub(crate) const MAX_PLIST_BYTES: usize = 256 * 1024;
/// The most keys looked at. Real ones have about 40.
const MAX_KEYS: usize = 4_096;
const TRAILER_BYTES: usize = 32;

/// Returns the whole number that the top dictionary has under `key`; none if there is none, or the
/// list is nonsense.
pub(crate) fn top_level_integer(bytes: &[u8], key: &str) -> Option<i64> {
    let list = Binary::parse(bytes)?;
    let (at, count) = list.container(list.top, 0xd0)?;
    if count > MAX_KEYS {
        return None;
    }
    (0..count)
        .find(|index| {
            let name = list.reference(at, *index).and_then(|object| list.ascii(object));
            name == Some(key.as_bytes())
        })
        .and_then(|index| list.integer(list.reference(at, count.checked_add(index)?)?))
}

struct Binary<'a> {
    bytes: &'a [u8],
    offset_size: usize,
    reference_size: usize,
    objects: usize,
    top: usize,
    table: usize,
}

impl<'a> Binary<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() > MAX_PLIST_BYTES || !bytes.starts_with(b"bplist0") {
            return None;
        }
        let start = bytes.len().checked_sub(TRAILER_BYTES)?;
        let trailer = bytes.get(start..)?;
        let size = |at: usize| trailer.get(at).copied().map(usize::from);
        let list = Self {
            bytes,
            offset_size: size(6)?,
            reference_size: size(7)?,
            objects: number(trailer.get(8..16)?)?,
            top: number(trailer.get(16..24)?)?,
            table: number(trailer.get(24..32)?)?,
        };
        let sane = |size: usize| (1..=8).contains(&size);
        (sane(list.offset_size) && sane(list.reference_size)).then_some(list)
    }

    fn object(&self, index: usize) -> Option<&'a [u8]> {
        if index >= self.objects {
            return None;
        }
        let at = self.table.checked_add(index.checked_mul(self.offset_size)?)?;
        let offset = number(self.bytes.get(at..at.checked_add(self.offset_size)?)?)?;
        self.bytes.get(offset..)
    }

    /// The place of a container's first reference, and how many elements it says it has.
    fn container(&self, index: usize, kind: u8) -> Option<(usize, usize)> {
        let object = self.object(index)?;
        let (head, count) = self.head(object, kind)?;
        let start = self.bytes.len().checked_sub(object.len())?;
        Some((start.checked_add(head)?, count))
    }

    /// How long an object's head is, and its count.
    fn head(&self, object: &[u8], kind: u8) -> Option<(usize, usize)> {
        let marker = *object.first()?;
        if marker & 0xf0 != kind {
            return None;
        }
        match marker & 0x0f {
            0x0f => {
                let width = 1_usize.checked_shl(u32::from(*object.get(1)? & 0x0f))?;
                let count = number(object.get(2..width.checked_add(2)?)?)?;
                Some((width.checked_add(2)?, count))
            }
            count => Some((1, usize::from(count))),
        }
    }

    fn reference(&self, at: usize, index: usize) -> Option<usize> {
        let at = at.checked_add(index.checked_mul(self.reference_size)?)?;
        number(self.bytes.get(at..at.checked_add(self.reference_size)?)?)
    }

    fn ascii(&self, index: usize) -> Option<&'a [u8]> {
        let object = self.object(index)?;
        let (head, count) = self.head(object, 0x50)?;
        object.get(head..head.checked_add(count)?)
    }

    fn integer(&self, index: usize) -> Option<i64> {
        let object = self.object(index)?;
        let width = match *object.first()? {
            0x10 => 1_usize,
            0x11 => 2,
            0x12 => 4,
            0x13 => 8,
            _ => return None,
        };
        // Only the form of eight bytes has a sign.
        let bytes = object.get(1..width.checked_add(1)?)?;
        bytes.iter().try_fold(0_i64, |sum, byte| Some(sum.wrapping_shl(8) | i64::from(*byte)))
    }
}

/// A big-endian number of at most eight bytes that fits a position in memory.
fn number(bytes: &[u8]) -> Option<usize> {
    if bytes.len() > 8 {
        return None;
    }
    let value = bytes.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    usize::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{"A": 7, "PLModelVersion": 19320}` as macOS writes it.
    fn sample() -> Vec<u8> {
        let mut list = b"bplist00".to_vec();
        let mut offsets = Vec::new();
        let objects: [&[u8]; 5] =
            [&[0xd2, 1, 2, 3, 4], b"\x51A", b"\x5ePLModelVersion", &[0x10, 7], &[0x11, 0x4b, 0x78]];
        for object in objects {
            offsets.push(u8::try_from(list.len()).unwrap());
            list.extend_from_slice(object);
        }
        let table = list.len() as u64;
        list.extend_from_slice(&offsets);
        list.extend_from_slice(&[0, 0, 0, 0, 0, 0, 1, 1]);
        for value in [5_u64, 0, table] {
            list.extend_from_slice(&value.to_be_bytes());
        }
        list
    }

    #[test]
    fn finds_a_number_by_its_key() {
        assert_eq!(top_level_integer(&sample(), "PLModelVersion"), Some(19_320));
        assert_eq!(top_level_integer(&sample(), "A"), Some(7));
        assert_eq!(top_level_integer(&sample(), "B"), None);
    }

    #[test]
    fn no_prefix_and_no_changed_byte_makes_it_panic() {
        let list = sample();
        for end in 0..list.len() {
            let _: Option<i64> = top_level_integer(list.get(..end).unwrap(), "PLModelVersion");
        }
        for at in 0..list.len() {
            for value in [0, 1, 0x1f, 0x5f, 0x7f, 0xdf, 0xff] {
                let mut damaged = list.clone();
                *damaged.get_mut(at).unwrap() = value;
                let _: Option<i64> = top_level_integer(&damaged, "PLModelVersion");
            }
        }
    }

    #[test]
    fn refuses_what_is_too_large_or_no_list() {
        let mut list = sample();
        list.resize(MAX_PLIST_BYTES + 1, 0);
        assert_eq!(top_level_integer(&list, "A"), None);
        for bad in [&b""[..], b"bplist00", b"<?xml version", &[0xff; 64]] {
            assert_eq!(top_level_integer(bad, "A"), None);
        }
    }
}
