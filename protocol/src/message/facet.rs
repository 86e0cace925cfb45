//! `facet.list`: which values a thing has among the assets that a filter selects, and how many of
//! each.
//!
//! Values come by count, the most frequent first, equal counts by name. There is a bound on them,
//! and `left_out` says how many more there were.

use serde::{Deserialize, Serialize};

use super::bounded;
use crate::filter::{Facet, Filter, Include};

/// Params of `facet.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FacetListParams {
    /// The library's name.
    pub library: String,
    /// Of what.
    pub facet: Facet,
    /// Among which assets; without, all.
    #[serde(default)]
    pub filter: Filter,
    /// What is otherwise left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<Include>,
    /// Values in the answer, 1 to 10000, which it is without.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = crate::limits::MAX_FACET_VALUES)))]
    #[serde(default = "bounded::default_values", deserialize_with = "bounded::values")]
    pub limit: usize,
}

impl FacetListParams {
    /// Asks for all values of a thing.
    #[must_use]
    pub fn of(library: impl Into<String>, facet: Facet) -> Self {
        Self {
            library: library.into(),
            facet,
            filter: Filter::everything(),
            include: Vec::new(),
            limit: bounded::default_values(),
        }
    }
}

/// Result of `facet.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FacetList {
    /// The most frequent first, at most `limit`.
    pub values: Vec<FacetValue>,
    /// How many more values there are.
    pub left_out: u64,
    /// Did nobody change the library meanwhile? Large libraries are counted in slices.
    pub consistent: bool,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FacetValue {
    /// The value, as assets have it.
    pub value: String,
    /// Assets that have it.
    pub count: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_FACET_VALUES;

    #[test]
    fn values_hold_at_their_limit_and_one_beyond() {
        let limit = |limit: usize| {
            let text = format!(r#"{{"library":"main","facet":"year","limit":{limit}}}"#);
            serde_json::from_str::<FacetListParams>(&text).ok().map(|params| params.limit)
        };
        assert_eq!(limit(1), Some(1));
        assert_eq!(limit(MAX_FACET_VALUES), Some(MAX_FACET_VALUES));
        for refused in [0, MAX_FACET_VALUES + 1, MAX_FACET_VALUES * 1_000] {
            assert_eq!(limit(refused), None, "{refused}");
        }
        assert_eq!(FacetListParams::of("main", Facet::Year).limit, MAX_FACET_VALUES);
    }

    #[test]
    fn an_unknown_facet_or_member_is_refused() {
        let parse = |text: &str| serde_json::from_str::<FacetListParams>(text);
        let params = parse(r#"{"library":"main","facet":"keyword"}"#).unwrap();
        assert_eq!(params.filter, Filter::everything());
        assert!(parse(r#"{"library":"main","facet":"colour"}"#).is_err());
        assert!(parse(r#"{"library":"main","facet":"keyword","sort":"x"}"#).is_err());
        assert!(parse(r#"{"library":"main"}"#).is_err());
    }
}
