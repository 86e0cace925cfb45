//! `search_info`, `search_info_normalized` and the labels of an asset, from what the search index
//! has for it.
//!
//! Always all keys: an asset that the index does not know has empty ones. Where the grant withholds
//! places, every key that tells one, or what only a place can tell, is empty too. Which category is
//! which key stands in `schema::search`.

use crate::json::{self, Object};
use crate::schema::search::{KEYS, Key, KeyKind, LABELS, Layout};
use crate::side::search::{SearchRecord, Spelling};

/// Writes the object of one asset.
pub(crate) fn write(
    out: &mut Vec<u8>,
    record: Option<&SearchRecord>,
    layout: Layout,
    spelling: Spelling,
    with_places: bool,
) {
    let mut object = Object::begin(out);
    for key in KEYS {
        let record = record.filter(|_| with_places || !key.tells_place);
        let mut texts = texts(record, key, layout, spelling);
        match key.kind {
            KeyKind::First => object.text(key.name, Some(texts.first().copied().unwrap_or(""))),
            KeyKind::List => object.texts(key.name, &texts),
            KeyKind::Set => {
                texts.sort_unstable();
                texts.dedup();
                object.texts(key.name, &texts);
            }
        }
    }
    object.end();
}

/// Writes what the photo shows, as a list.
pub(crate) fn write_labels(
    out: &mut Vec<u8>,
    record: Option<&SearchRecord>,
    layout: Layout,
    spelling: Spelling,
) {
    json::texts(out, texts(record, LABELS, layout, spelling).into_iter());
}

fn texts<'r>(
    record: Option<&'r SearchRecord>,
    key: &Key,
    layout: Layout,
    spelling: Spelling,
) -> Vec<&'r str> {
    record.map(|record| record.texts(spelling, key.categories(layout))).unwrap_or_default()
}
