//! Writes binary lists for tests: of values as Apple's programs do, and of objects as they never
//! would.
//!
//! Compiled for tests only. Numbers and references take four bytes, so that a test can refer to
//! any object, its own included.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::Value;

/// A list of these objects; the first is its top.
pub(crate) fn list(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"bplist00".to_vec();
    let mut table = Vec::new();
    for object in objects {
        table.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
        bytes.extend(object);
    }
    let start = bytes.len() as u64;
    bytes.extend(table);
    bytes.extend([0, 0, 0, 0, 0, 0, 4, 4]);
    for number in [objects.len() as u64, 0, start] {
        bytes.extend(number.to_be_bytes());
    }
    bytes
}

/// The head of an object and its count.
pub(crate) fn head(kind: u8, count: usize) -> Vec<u8> {
    match u8::try_from(count) {
        Ok(low) if low < 0x0f => vec![kind | low],
        _ => {
            let mut bytes = vec![kind | 0x0f, 0x12];
            bytes.extend(u32::try_from(count).unwrap().to_be_bytes());
            bytes
        }
    }
}

/// A container that refers to these objects.
pub(crate) fn container(kind: u8, count: usize, refs: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let mut bytes = head(kind, count);
    bytes.extend(refs.into_iter().flat_map(u32::to_be_bytes));
    bytes
}

/// An array that refers to these objects.
pub(crate) fn array(refs: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let refs: Vec<u32> = refs.into_iter().collect();
    container(0xa0, refs.len(), refs)
}

pub(crate) fn ascii(text: &str) -> Vec<u8> {
    let mut bytes = head(0x50, text.len());
    bytes.extend(text.as_bytes());
    bytes
}

/// The list of a value.
pub(crate) fn binary(value: &Value<'_>) -> Vec<u8> {
    let mut objects = Vec::new();
    put(&mut objects, value);
    list(&objects)
}

fn put(objects: &mut Vec<Vec<u8>>, value: &Value<'_>) -> u32 {
    let number = objects.len();
    objects.push(Vec::new());
    let object = match value {
        Value::Null => vec![0],
        Value::Bool(value) => vec![8 + u8::from(*value)],
        Value::Integer(value) => match i64::try_from(*value) {
            Ok(value) => [&[0x13][..], &value.to_be_bytes()].concat(),
            Err(_) => [&[0x14][..], &value.to_be_bytes()].concat(),
        },
        Value::Real(value) => [&[0x23][..], &value.to_be_bytes()].concat(),
        Value::Date(value) => [&[0x33][..], &value.to_be_bytes()].concat(),
        Value::Data(bytes) => [&head(0x40, bytes.len())[..], bytes].concat(),
        Value::Text(text) => text_object(text),
        Value::Uid(value) => [&[0x87][..], &value.to_be_bytes()].concat(),
        Value::Array(values) => array(values.iter().map(|it| put(objects, it)).collect::<Vec<_>>()),
        Value::Map(entries) => {
            let mut refs = Vec::new();
            for (key, _) in entries {
                refs.push(put(objects, &Value::Text(key.clone())));
            }
            for (_, value) in entries {
                refs.push(put(objects, value));
            }
            container(0xd0, entries.len(), refs)
        }
    };
    *objects.get_mut(number).unwrap() = object;
    u32::try_from(number).unwrap()
}

fn text_object(text: &str) -> Vec<u8> {
    if text.is_ascii() {
        return ascii(text);
    }
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut bytes = head(0x60, units.len());
    bytes.extend(units.into_iter().flat_map(u16::to_be_bytes));
    bytes
}

/// A dictionary.
pub(crate) fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Value<'a>)>) -> Value<'a> {
    Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// A text.
pub(crate) fn text(text: &str) -> Value<'_> {
    Value::Text(text.into())
}
