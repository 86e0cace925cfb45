//! Files of ours whose asset is no more, found by their size: a library that was rebuilt has the
//! same photos under new UUIDs, and copies none of them anew.
//!
//! The manifest is walked once, at the first question; of each such row its size and where it
//! stands is kept. Whoever asks proves the content. The hazard: one file given to two assets.

use std::collections::HashSet;

use darkslide_protocol::value::Uuid;

use crate::error::ExportError;
use crate::plan::Known;
use crate::row::{Key, Row};

#[derive(Debug, Default)]
pub(crate) struct Donors {
    /// Of rows whose asset is no more, the size and where it stands; none before the first
    /// question.
    gone: Option<Vec<(u64, u64)>>,
    taken: HashSet<Key>,
}

impl Donors {
    /// The rows of this size whose asset the library has no more.
    pub(super) fn of_size(
        &mut self,
        manifest: &dyn Known,
        library: &str,
        size: u64,
        mut is_gone: impl FnMut(&Uuid) -> Result<bool, ExportError>,
    ) -> Result<Vec<Row>, ExportError> {
        let gone = match &mut self.gone {
            Some(gone) => gone,
            none => none.insert(walk(manifest, library, &mut is_gone)?),
        };
        let from = gone.partition_point(|(other, _)| *other < size);
        let rest = gone.get(from..).unwrap_or_default();
        let equal = rest.iter().take_while(|(other, _)| *other == size);
        equal.filter_map(|(_, at)| manifest.row_at(*at).transpose()).collect()
    }

    pub(super) fn is_taken(&self, key: &Key) -> bool {
        self.taken.contains(key)
    }

    pub(super) fn take_all(&mut self, keys: impl IntoIterator<Item = Key>) {
        self.taken.extend(keys);
    }
}

fn walk(
    manifest: &dyn Known,
    library: &str,
    is_gone: &mut impl FnMut(&Uuid) -> Result<bool, ExportError>,
) -> Result<Vec<(u64, u64)>, ExportError> {
    let mut gone = Vec::new();
    for row in manifest.rows() {
        let (at, row) = row?;
        if row.key.library == library && is_gone(&row.key.asset)? {
            gone.push((row.size, at));
        }
    }
    gone.sort();
    Ok(gone)
}
