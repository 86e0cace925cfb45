//! Fields of params that are checked while they are read, each with the limit that its complaint
//! names.
//!
//! Only functions for serde's `deserialize_with` stand here: params stay plain structs. The
//! complaint is ours and never repeats what the peer sent.

use serde::Deserialize;
use serde::de::{self, Deserializer};

use crate::event::Topic;
use crate::filter::Uuids;
use crate::limits::{
    DEFAULT_PAGE_ASSETS, DEFAULT_PAGE_CHANGES, MAX_CHANGE_TOKEN_BYTES, MAX_CLAIM_BYTES,
    MAX_FACET_VALUES, MAX_KEY_BYTES, MAX_PAGE_ASSETS, MAX_PAGE_CHANGES, MAX_PATTERN_BYTES,
    MAX_READ_BYTES, MAX_SEQ, MAX_THUMBNAIL_PIXELS, MAX_TOPICS,
};
use crate::value::Uuid;

pub(super) fn default_page() -> usize {
    DEFAULT_PAGE_ASSETS
}

pub(super) fn page<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let limit = usize::deserialize(deserializer)?;
    if (1..=MAX_PAGE_ASSETS).contains(&limit) {
        Ok(limit)
    } else {
        Err(de::Error::custom(format_args!("a page has 1 to {MAX_PAGE_ASSETS} rows")))
    }
}

pub(super) fn default_changes() -> usize {
    DEFAULT_PAGE_CHANGES
}

pub(super) fn changes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let limit = usize::deserialize(deserializer)?;
    if (1..=MAX_PAGE_CHANGES).contains(&limit) {
        Ok(limit)
    } else {
        Err(de::Error::custom(format_args!("a page has 1 to {MAX_PAGE_CHANGES} changes")))
    }
}

pub(super) fn default_values() -> usize {
    MAX_FACET_VALUES
}

pub(super) fn values<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let limit = usize::deserialize(deserializer)?;
    if (1..=MAX_FACET_VALUES).contains(&limit) {
        Ok(limit)
    } else {
        Err(de::Error::custom(format_args!("an answer has 1 to {MAX_FACET_VALUES} values")))
    }
}

pub(super) fn token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    short(deserializer, MAX_CHANGE_TOKEN_BYTES)
}

pub(super) fn uuids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Uuid>, D::Error> {
    let uuids = Uuids::deserialize(deserializer)?.0;
    if uuids.is_empty() { Err(de::Error::custom("the list of UUIDs is empty")) } else { Ok(uuids) }
}

pub(super) fn length<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let length = u32::deserialize(deserializer)?;
    if (1..=MAX_READ_BYTES).contains(&length) {
        Ok(length)
    } else {
        Err(de::Error::custom(format_args!("a part has 1 to {MAX_READ_BYTES} bytes")))
    }
}

pub(super) fn pixels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let pixels = u32::deserialize(deserializer)?;
    if (1..=MAX_THUMBNAIL_PIXELS).contains(&pixels) {
        Ok(pixels)
    } else {
        Err(de::Error::custom(format_args!("1 to {MAX_THUMBNAIL_PIXELS} pixels can be asked for")))
    }
}

pub(super) fn claim<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    short(deserializer, MAX_CLAIM_BYTES)
}

pub(super) fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    short(deserializer, MAX_KEY_BYTES).map(Some)
}

pub(super) fn album<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    short(deserializer, MAX_PATTERN_BYTES)
}

pub(super) fn topics<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Topic>, D::Error> {
    let topics = Vec::deserialize(deserializer)?;
    if (1..=MAX_TOPICS).contains(&topics.len()) {
        Ok(topics)
    } else {
        Err(de::Error::custom(format_args!("a subscription has 1 to {MAX_TOPICS} topics")))
    }
}

pub(super) fn seq<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let seq = u64::deserialize(deserializer)?;
    if seq <= MAX_SEQ {
        Ok(Some(seq))
    } else {
        Err(de::Error::custom(format_args!("the number of an event is at most {MAX_SEQ}")))
    }
}

fn short<'de, D: Deserializer<'de>>(deserializer: D, limit: usize) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if (1..=limit).contains(&text.len()) {
        Ok(text)
    } else {
        Err(de::Error::custom(format_args!("a text of 1 to {limit} bytes is wanted")))
    }
}
