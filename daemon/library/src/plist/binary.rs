//! The binary form: a table of objects that refer to each other by number.
//!
//! Objects are looked up one by one, without a copy, so that who wants three texts of an archive
//! does not build it; `read` builds all of it. The hazards: offsets and counts are whatever the
//! writer liked, so each is checked where it is used, and a circle of references is ended by the
//! limits of `builder.rs`.

use std::borrow::Cow;

use super::builder::{Builder, Kind};
use super::{MAX_BYTES, Value};

pub(super) const MAGIC: &[u8] = b"bplist0";
/// The most keys that are looked through for one. Real dictionaries have at most some 40.
pub(super) const MAX_KEYS: usize = 256;
const TRAILER_BYTES: usize = 32;

/// A list whose end makes sense; nothing else of it has been looked at.
#[derive(Clone, Copy)]
pub(crate) struct Binary<'a> {
    bytes: &'a [u8],
    offset_size: usize,
    reference_size: usize,
    objects: usize,
    top: usize,
    table: usize,
}

/// An object as it stands there.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Object<'a> {
    Null,
    Bool(bool),
    Integer(i128),
    Real(f64),
    Date(f64),
    Data(&'a [u8]),
    Ascii(&'a str),
    /// Units of two bytes, the high one first.
    Utf16(&'a [u8]),
    Uid(u64),
    Array(Refs<'a>),
    Map(Refs<'a>),
}

/// References of a container: of a dictionary first those of all keys, then those of all values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refs<'a> {
    bytes: &'a [u8],
    size: usize,
    count: usize,
}

impl Refs<'_> {
    /// How many elements or entries there are.
    pub(crate) fn len(self) -> usize {
        self.count
    }

    /// The number of the object at that place.
    pub(crate) fn get(self, index: usize) -> Option<usize> {
        let at = index.checked_mul(self.size)?;
        number(self.bytes.get(at..at.checked_add(self.size)?)?)
    }
}

/// Builds the whole list.
pub(super) fn read(bytes: &[u8]) -> Option<Value<'_>> {
    let list = Binary::parse(bytes)?;
    let mut builder = Builder::default();
    let mut open = Vec::new();
    list.begin(list.top, &mut builder, &mut open)?;
    while let Some((kind, refs, next)) = open.last_mut() {
        let (kind, refs, index) = (*kind, *refs, *next);
        if index == refs.count {
            builder.end(kind)?;
            open.pop();
            continue;
        }
        *next += 1;
        let value = match kind {
            Kind::Array => index,
            Kind::Map => {
                builder.key(list.object(refs.get(index)?)?.text()?)?;
                refs.count.checked_add(index)?
            }
        };
        list.begin(refs.get(value)?, &mut builder, &mut open)?;
    }
    builder.finish()
}

impl<'a> Binary<'a> {
    /// Reads the end of a list, where it says how it is laid out.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() > MAX_BYTES || !bytes.starts_with(MAGIC) {
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

    /// The object that holds all others.
    pub(crate) fn top(&self) -> Option<Object<'a>> {
        self.object(self.top)
    }

    /// The value under a key of a dictionary.
    pub(crate) fn member(&self, map: Object<'a>, key: &str) -> Option<Object<'a>> {
        let Object::Map(refs) = map else { return None };
        if refs.count > MAX_KEYS {
            return None;
        }
        let named = |index: &usize| {
            let name = refs.get(*index).and_then(|object| self.at(object));
            name.is_some_and(|name| is_ascii(name, key))
        };
        let index = (0..refs.count).find(named)?;
        self.object(refs.get(refs.count.checked_add(index)?)?)
    }

    /// The object of that number.
    pub(crate) fn object(&self, index: usize) -> Option<Object<'a>> {
        let (marker, rest) = self.at(index)?.split_first()?;
        let low = *marker & 0x0f;
        match *marker {
            0x00 => Some(Object::Null),
            0x08 => Some(Object::Bool(false)),
            0x09 => Some(Object::Bool(true)),
            0x10..=0x14 => integer(rest.get(..1 << low)?).map(Object::Integer),
            0x22 => {
                let bytes = *rest.first_chunk::<4>()?;
                Some(Object::Real(f32::from_be_bytes(bytes).into()))
            }
            0x23 => Some(Object::Real(f64::from_be_bytes(*rest.first_chunk()?))),
            0x33 => Some(Object::Date(f64::from_be_bytes(*rest.first_chunk()?))),
            0x40..=0x4f => counted(low, rest, 1).map(|(_, bytes)| Object::Data(bytes)),
            0x50..=0x5f => {
                let (_, bytes) = counted(low, rest, 1)?;
                let text = str::from_utf8(bytes).ok()?;
                text.is_ascii().then_some(Object::Ascii(text))
            }
            0x60..=0x6f => counted(low, rest, 2).map(|(_, bytes)| Object::Utf16(bytes)),
            0x80..=0x87 => {
                let bytes = rest.get(..usize::from(low).checked_add(1)?)?;
                Some(Object::Uid(u64::try_from(number(bytes)?).ok()?))
            }
            0xa0..=0xaf => self.refs(low, rest, 1).map(Object::Array),
            0xd0..=0xdf => self.refs(low, rest, 2).map(Object::Map),
            _ => None,
        }
    }

    /// Where the object of that number begins.
    fn at(&self, index: usize) -> Option<&'a [u8]> {
        if index >= self.objects {
            return None;
        }
        let at = self.table.checked_add(index.checked_mul(self.offset_size)?)?;
        let offset = number(self.bytes.get(at..at.checked_add(self.offset_size)?)?)?;
        self.bytes.get(offset..)
    }

    fn refs(&self, low: u8, rest: &'a [u8], each: usize) -> Option<Refs<'a>> {
        let size = self.reference_size;
        let (count, bytes) = counted(low, rest, size.checked_mul(each)?)?;
        Some(Refs { bytes, size, count })
    }

    fn begin(
        &self,
        index: usize,
        builder: &mut Builder<'a>,
        open: &mut Vec<(Kind, Refs<'a>, usize)>,
    ) -> Option<()> {
        let object = self.object(index)?;
        builder.value(match object {
            Object::Null => Value::Null,
            Object::Bool(value) => Value::Bool(value),
            Object::Integer(value) => Value::Integer(value),
            Object::Real(value) => Value::Real(value),
            Object::Date(value) => Value::Date(value),
            Object::Data(bytes) => Value::Data(Cow::Borrowed(bytes)),
            Object::Ascii(_) | Object::Utf16(_) => Value::Text(object.text()?),
            Object::Uid(value) => Value::Uid(value),
            Object::Array(refs) | Object::Map(refs) => {
                let map = matches!(object, Object::Map(_));
                let kind = if map { Kind::Map } else { Kind::Array };
                builder.begin(kind)?;
                open.push((kind, refs, 0));
                return Some(());
            }
        })
    }
}

impl<'a> Object<'a> {
    /// A text; what is no character in it becomes U+FFFD.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Ascii(text) => Some(Cow::Borrowed(text)),
            Self::Utf16(bytes) => {
                let (units, _) = bytes.as_chunks::<2>();
                let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
                let text = char::decode_utf16(units)
                    .map(|it| it.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect::<String>();
                Some(Cow::Owned(text))
            }
            _ => None,
        }
    }
}

/// Tells whether an object is that text, without making it one: keys are compared the most.
fn is_ascii(object: &[u8], text: &str) -> bool {
    match object.split_first() {
        Some((0x5f, rest)) => {
            counted(0x0f, rest, 1).is_some_and(|(_, bytes)| bytes == text.as_bytes())
        }
        Some((marker, rest)) => {
            marker & 0xf0 == 0x50
                && usize::from(marker & 0x0f) == text.len()
                && rest.starts_with(text.as_bytes())
        }
        None => false,
    }
}

/// The count of an object and its bytes, `each` for one.
fn counted(low: u8, rest: &[u8], each: usize) -> Option<(usize, &[u8])> {
    let (count, rest) = if low == 0x0f {
        let (marker, rest) = rest.split_first()?;
        if marker & 0xf0 != 0x10 || marker & 0x0f > 3 {
            return None;
        }
        let width = 1_usize << (marker & 0x0f);
        (number(rest.get(..width)?)?, rest.get(width..)?)
    } else {
        (usize::from(low), rest)
    };
    Some((count, rest.get(..count.checked_mul(each)?)?))
}

/// Forms of eight and sixteen bytes have a sign; those of one, two and four do not.
fn integer(bytes: &[u8]) -> Option<i128> {
    match bytes.len() {
        8 => Some(i64::from_be_bytes(*bytes.first_chunk()?).into()),
        16 => Some(i128::from_be_bytes(*bytes.first_chunk()?)),
        _ => i128::try_from(number(bytes)?).ok(),
    }
}

/// A big-endian number of at most eight bytes that fits a position in memory.
fn number(bytes: &[u8]) -> Option<usize> {
    match *bytes {
        [low] => return Some(low.into()),
        [high, low] => return Some(u16::from_be_bytes([high, low]).into()),
        _ if bytes.len() > 8 => return None,
        _ => {}
    }
    let value = bytes.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    usize::try_from(value).ok()
}
