//! Puts a list together from its beginnings, values and ends, and stops at the first limit.
//!
//! It alone counts; a reader that goes through it cannot make more than the limits allow, whatever
//! it is given. Open containers are a list, not calls within calls. A dictionary's key is kept
//! once, with its last value, as other readers of Apple's lists do.

use std::borrow::Cow;

use super::{MAX_DEPTH, MAX_TEXT_BYTES, MAX_VALUES, Value};

/// What a container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Array,
    Map,
}

#[derive(Default)]
pub(super) struct Builder<'a> {
    open: Vec<Open<'a>>,
    done: Option<Value<'a>>,
    values: usize,
    text_bytes: usize,
}

enum Open<'a> {
    Array(Vec<Value<'a>>),
    Map { entries: Vec<(Cow<'a, str>, Value<'a>)>, key: Option<Cow<'a, str>> },
}

impl<'a> Builder<'a> {
    /// The container that is open now.
    pub(super) fn kind(&self) -> Option<Kind> {
        self.open.last().map(|open| match open {
            Open::Array(_) => Kind::Array,
            Open::Map { .. } => Kind::Map,
        })
    }

    pub(super) fn begin(&mut self, kind: Kind) -> Option<()> {
        self.count(0)?;
        if self.open.len() >= MAX_DEPTH {
            return None;
        }
        self.open.push(match kind {
            Kind::Array => Open::Array(Vec::new()),
            Kind::Map => Open::Map { entries: Vec::new(), key: None },
        });
        Some(())
    }

    /// The key of the next value; none where no key can stand.
    pub(super) fn key(&mut self, name: Cow<'a, str>) -> Option<()> {
        self.count(name.len())?;
        match self.open.last_mut()? {
            Open::Map { key: key @ None, .. } => *key = Some(name),
            Open::Map { key: Some(_), .. } | Open::Array(_) => return None,
        }
        Some(())
    }

    /// A value that is no container.
    pub(super) fn value(&mut self, value: Value<'a>) -> Option<()> {
        self.count(match &value {
            Value::Text(text) => text.len(),
            Value::Data(bytes) => bytes.len(),
            _ => 0,
        })?;
        self.put(value)
    }

    pub(super) fn end(&mut self, kind: Kind) -> Option<()> {
        let value = match (self.open.pop()?, kind) {
            (Open::Array(values), Kind::Array) => Value::Array(values),
            (Open::Map { mut entries, key: None }, Kind::Map) => {
                // Of equal keys the last comes first, and the first is what stays.
                entries.reverse();
                entries.sort_by(|(a, _), (b, _)| a.cmp(b));
                entries.dedup_by(|(a, _), (b, _)| a == b);
                Value::Map(entries)
            }
            _ => return None,
        };
        self.put(value)
    }

    /// The one value; none if there is none yet or a container is open.
    pub(super) fn finish(self) -> Option<Value<'a>> {
        if self.open.is_empty() { self.done } else { None }
    }

    fn put(&mut self, value: Value<'a>) -> Option<()> {
        match self.open.last_mut() {
            Some(Open::Array(values)) => values.push(value),
            Some(Open::Map { entries, key }) => entries.push((key.take()?, value)),
            None if self.done.is_none() => self.done = Some(value),
            None => return None,
        }
        Some(())
    }

    fn count(&mut self, text_bytes: usize) -> Option<()> {
        self.values = self.values.checked_add(1)?;
        self.text_bytes = self.text_bytes.checked_add(text_bytes)?;
        (self.values <= MAX_VALUES && self.text_bytes <= MAX_TEXT_BYTES).then_some(())
    }
}
