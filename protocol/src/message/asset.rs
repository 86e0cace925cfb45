//! `asset.query`, `asset.count`, `asset.get`.
//!
//! Which assets, which of their fields, in which order, and how many. What an asset looks like
//! stands in `record.rs`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bounded;
use crate::field::Fields;
use crate::filter::{CountWith, Filter, Include, Kind, Sort};
use crate::value::Uuid;

pub use super::record::*;

/// Params of `asset.query`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AssetQueryParams {
    /// The library's name.
    pub library: String,
    /// Which; without, all.
    #[serde(default)]
    pub filter: Filter,
    /// What is otherwise left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<Include>,
    /// What is told of each: names of fields, or `*` for all.
    #[serde(default, skip_serializing_if = "is_summary")]
    pub fields: Fields,
    /// By what they are ordered; ties by UUID.
    #[serde(default = "by_taken")]
    pub sort: Sort,
    /// The other way round.
    #[serde(default)]
    pub descending: bool,
    /// Assets on this page, 1 to 1000.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = crate::limits::MAX_PAGE_ASSETS)))]
    #[serde(default = "bounded::default_page", deserialize_with = "bounded::page")]
    pub limit: usize,
    /// `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl AssetQueryParams {
    /// Asks for the first page of everything.
    #[must_use]
    pub fn of(library: impl Into<String>) -> Self {
        Self {
            library: library.into(),
            filter: Filter::everything(),
            include: Vec::new(),
            fields: Fields::summary(),
            sort: by_taken(),
            descending: false,
            limit: bounded::default_page(),
            cursor: None,
        }
    }
}

fn is_summary(fields: &Fields) -> bool {
    *fields == Fields::summary()
}

fn by_taken() -> Sort {
    Sort::Taken
}

/// Result of `asset.query`: a page. Who passes assets on can read them as text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "AssetPage"))]
pub struct AssetPage<A = Asset> {
    /// In the order that was asked for.
    pub assets: Vec<A>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Did nobody change the library meanwhile? Some filters and orders scan it; absent is yes.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub consistent: bool,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_yes(consistent: &bool) -> bool {
    *consistent
}

impl AssetPage {
    /// The text of a page around a list of assets that is text already: pages are written from
    /// rows, and a tree of them would be half of their cost.
    #[must_use]
    pub fn text(assets: Vec<u8>, next: Option<&str>, consistent: bool) -> Vec<u8> {
        let mut text = around(assets);
        if let Some(next) = next {
            text.extend_from_slice(br#","next":"#);
            write(&mut text, &next);
        }
        if !consistent {
            text.extend_from_slice(br#","consistent":false"#);
        }
        text.push(b'}');
        text
    }
}

/// Moves the list to make room for what comes before; nothing is allocated where it has room.
fn around(mut assets: Vec<u8>) -> Vec<u8> {
    assets.splice(..0, *br#"{"assets":"#);
    assets
}

/// A buffer takes everything, and what is written here is JSON.
fn write<T: Serialize>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).unwrap_or_default();
}

/// Params of `asset.count`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AssetCountParams {
    /// The library's name.
    pub library: String,
    /// Which; without, all.
    #[serde(default)]
    pub filter: Filter,
    /// What is otherwise left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<Include>,
    /// What is told beside the number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<CountWith>,
}

/// Result of `asset.count`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AssetCount {
    /// How many fit.
    pub count: u64,
    /// With `bytes`: bytes of their originals, as the database has them, on this disk or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// With `not_local`: how many of their originals are not on this disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_local: Option<u64>,
    /// With `kinds`: how many there are of each kind that there is one of. One asset can be of
    /// several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::counts::<Kind>"))]
    pub kinds: Option<BTreeMap<Kind, u64>>,
    /// Did nobody change the library meanwhile? Large libraries are counted in slices.
    pub consistent: bool,
}

/// Params of `asset.get`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AssetGetParams {
    /// The library's name.
    pub library: String,
    /// Which, 1 to 1000.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::limits::MAX_UUIDS)))]
    #[serde(deserialize_with = "bounded::uuids")]
    pub uuids: Vec<Uuid>,
    /// What is told of each: names of fields, or `*` for all.
    #[serde(default, skip_serializing_if = "is_summary")]
    pub fields: Fields,
}

/// Result of `asset.get`. Who passes assets on can read them as text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "AssetsByUuid"))]
pub struct AssetsByUuid<A = Asset> {
    /// Those that are there, in the order that was asked for.
    pub assets: Vec<A>,
    /// Those that are not there, or not for this peer.
    pub unknown: Vec<Uuid>,
    /// Those that did not fit into the answer: ask again.
    pub rest: Vec<Uuid>,
}

impl AssetsByUuid {
    /// The text of an answer around a list of assets that is text already.
    #[must_use]
    pub fn text(assets: Vec<u8>, unknown: &[Uuid], rest: &[Uuid]) -> Vec<u8> {
        let mut text = around(assets);
        for (key, uuids) in [(&br#","unknown":"#[..], unknown), (br#","rest":"#, rest)] {
            text.extend_from_slice(key);
            write(&mut text, &uuids);
        }
        text.push(b'}');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_around_assets_are_read_as_what_they_are() {
        let assets = br#"[{"uuid":"A","title":"\"]}"},{"uuid":"B"}]"#;
        let page: AssetPage =
            serde_json::from_slice(&AssetPage::text(assets.to_vec(), Some("next\"one"), true))
                .unwrap();
        assert_eq!(page.next.as_deref(), Some("next\"one"));
        assert!(page.assets.len() == 2 && page.consistent);
        let last: AssetPage =
            serde_json::from_slice(&AssetPage::text(b"[]".to_vec(), None, false)).unwrap();
        assert_eq!(last, AssetPage { assets: Vec::new(), next: None, consistent: false });
        let uuid = Uuid::parse("1EB2B765-0765-43BA-A90C-0D0580E6172C").unwrap();
        let text = AssetsByUuid::text(assets.to_vec(), std::slice::from_ref(&uuid), &[]);
        let got: AssetsByUuid = serde_json::from_slice(&text).unwrap();
        assert_eq!((got.unknown, got.rest.len(), got.assets.len()), (vec![uuid], 0, 2));
    }
}
