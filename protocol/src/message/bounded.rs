//! Fields of params that are checked while they are read, each with the limit that its complaint
//! names.
//!
//! Only functions for serde's `deserialize_with` stand here: params stay plain structs. The
//! complaint is ours and never repeats what the peer sent.

use serde::Deserialize;
use serde::de::{self, Deserializer};

use crate::filter::Uuids;
use crate::limits::{
    DEFAULT_PAGE_ASSETS, DEFAULT_PAGE_CHANGES, MAX_CHANGE_TOKEN_BYTES, MAX_CLAIM_BYTES,
    MAX_FACET_VALUES, MAX_KEY_BYTES, MAX_PAGE_ASSETS, MAX_PAGE_CHANGES,
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

pub(super) fn claim<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    short(deserializer, MAX_CLAIM_BYTES)
}

pub(super) fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    short(deserializer, MAX_KEY_BYTES).map(Some)
}

fn short<'de, D: Deserializer<'de>>(deserializer: D, limit: usize) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if (1..=limit).contains(&text.len()) {
        Ok(text)
    } else {
        Err(de::Error::custom(format_args!("a text of 1 to {limit} bytes is wanted")))
    }
}
