//! Sidecars: the bytes of a file beside a photo that tells what the library knows of it.
//!
//! Pure: from an asset's record, as the library answers it to the grant, to bytes. What the grant
//! withholds is not in the record, and so not here. No clock, no version of a program and no place
//! of this machine may get in: a sidecar that differs is an update of the file, so the bytes
//! change only when the library knows something else. The hazard that shaped it: texts of
//! strangers, which must not become markup, and faces, which three systems of coordinates claim.

mod json;
mod known;
mod place;
mod region;
mod xml;
mod xmp;

use darkslide_protocol::field::{Field, Fields};

use self::known::Known;
use crate::spec::Sidecar;

/// A record could not be read; the library does not write such.
#[derive(Debug, thiserror::Error)]
#[error("the record of an asset cannot be read")]
pub(crate) struct SidecarError(#[from] serde_json::Error);

/// The exported file that a sidecar is for: the first of those that share its stem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Beside<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Is it the edited version?
    pub(crate) edited: bool,
}

/// What is to be asked of the library for these sidecars.
pub(crate) fn fields(kinds: &[Sidecar]) -> Fields {
    let told = |kind: &Sidecar| match kind {
        Sidecar::Xmp => known::FIELDS.to_vec(),
        Sidecar::Json => json::fields(),
    };
    kinds.iter().flat_map(told).chain([Field::Uuid]).collect()
}

/// The bytes of a sidecar.
///
/// # Errors
/// [`SidecarError`] where the record is none.
pub(crate) fn render(
    kind: Sidecar,
    record: &[u8],
    beside: Beside<'_>,
) -> Result<Vec<u8>, SidecarError> {
    match kind {
        Sidecar::Xmp => {
            let known: Known = serde_json::from_slice(record)?;
            Ok(xmp::document(&known, beside))
        }
        Sidecar::Json => json::document(record),
    }
}

#[cfg(test)]
mod tests;
