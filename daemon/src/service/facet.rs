//! `facet.list`: which values a thing has among assets, as the wire has them.
//!
//! The library counts and bounds what it gathers; here an answer is cut to what was asked for, and
//! what is cut is counted. What the grant withholds has been no value before that.

use darkslide_library::{Facets, MAX_FACET_VALUES};
use darkslide_protocol::error::WireError;
use darkslide_protocol::limits;
use darkslide_protocol::message::facet::{FacetList, FacetListParams, FacetValue};

use super::{Caller, Service, fault};
use darkslide_protocol::method;

const _: () = assert!(MAX_FACET_VALUES == limits::MAX_FACET_VALUES, "the wire says the same");

impl Service {
    /// Answers `facet.list`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, and those of the library.
    pub(crate) async fn facet_list(
        &self,
        caller: &Caller,
        params: FacetListParams,
    ) -> Result<FacetList, WireError> {
        let FacetListParams { library, facet, filter, include, limit } = params;
        self.read::<method::FacetList, _, _>(caller, &library, move |library, grant, deadline| {
            let counted = library
                .facet(grant, facet, &filter, &include, deadline)
                .map_err(|error| fault::library(&error))?;
            Ok(cut(counted.found, limit, counted.consistent))
        })
        .await
    }
}

fn cut(facets: Facets, limit: usize, consistent: bool) -> FacetList {
    let more = facets.values.len().saturating_sub(limit);
    let more = u64::try_from(more).unwrap_or(u64::MAX);
    let values = facets.values.into_iter().take(limit);
    FacetList {
        values: values.map(|(value, count)| FacetValue { value, count }).collect(),
        left_out: facets.left_out.saturating_add(more),
        consistent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_is_counted_with_what_found_no_room() {
        let values = ["a", "b", "c"].map(|value| (value.to_owned(), 1)).to_vec();
        let facets = Facets { values, left_out: 5 };
        for (limit, told, left_out) in [(1, 1, 7), (3, 3, 5), (4, 3, 5), (usize::MAX, 3, 5)] {
            let list = cut(facets.clone(), limit, true);
            assert_eq!((list.values.len(), list.left_out), (told, left_out), "{limit}");
        }
    }
}
