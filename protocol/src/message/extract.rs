//! `extract`: an album goes to a folder, in one call that is answered when the export is over.
//!
//! The small door for a script that has no use for jobs and pages. Names, units and nulls of its
//! result are those that such scripts read: a member is always there, and null where nothing is
//! known. What an app keeps of its own beside them (upload ids, URLs) is not ours.

use serde::{Deserialize, Serialize};

use super::bounded;
use super::export::{DestinationText, Sidecar, Versions};
use crate::filter::{Include, words};
use crate::value::Token;

/// Params of `extract`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExtractParams {
    /// The album: its UUID, its title, or its folder path such as `Trips/2024/Japan`.
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = crate::limits::MAX_PATTERN_BYTES))
    )]
    #[serde(deserialize_with = "bounded::album")]
    pub album: String,
    /// Where to.
    pub export_path: DestinationText,
    /// Names this call before it begins: the same key again is the same call.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::limits::MAX_KEY_BYTES)))]
    #[serde(default, deserialize_with = "bounded::key", skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The library's name; without, the only one that the peer is granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
    /// What is exported, and how.
    #[serde(default)]
    pub options: ExtractOptions,
}

impl ExtractParams {
    /// An album, with the defaults; a text is an absolute path.
    #[must_use]
    pub fn of(album: impl Into<String>, export_path: impl Into<DestinationText>) -> Self {
        Self {
            album: album.into(),
            export_path: export_path.into(),
            key: None,
            library: None,
            options: ExtractOptions::default(),
        }
    }
}

/// What is exported, and how; all else is as `export.start` has it by default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ExtractOptions {
    /// Which of original and edit.
    pub versions: Versions,
    /// The video of a live photo.
    pub live: bool,
    /// The RAW file of a pair.
    pub raw: bool,
    /// What is otherwise left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<Include>,
    /// How folders are made: `date`, `album`, `flat`, or a template.
    pub layout: String,
    /// Files beside each photo.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sidecars: Vec<Sidecar>,
}

impl Default for ExtractOptions {
    fn default() -> Self {
        Self {
            versions: Versions::Both,
            live: true,
            raw: true,
            include: Vec::new(),
            layout: "flat".to_owned(),
            sidecars: Vec::new(),
        }
    }
}

words! {
    /// How much of what was selected is there.
    ExtractStatus {
        /// All of it.
        Success = "success",
        /// Not all; `skipped` and `failed` say what is not, and why.
        Partial = "partial",
    }
}

words! {
    /// What a file shows.
    MediaType {
        /// A still.
        Image = "image",
        /// A film.
        Video = "video",
    }
}

/// Result of `extract`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExtractResult {
    /// How much of what was selected is there.
    pub status: ExtractStatus,
    /// Absolute paths of the photos and videos that are there, by path; the first 1,000.
    pub photos: Vec<String>,
    /// How many are there.
    pub count: u64,
    /// A sentence for a person.
    pub message: String,
    /// The album as it was asked for.
    pub album: String,
    /// The destination's absolute path.
    pub export_path: String,
    /// The same as `count`.
    pub media_count: u64,
    /// What is known of each of `photos`, in the same order.
    pub media_files: Vec<MediaMetadata>,
    /// Seconds that the call took; above 0.
    pub extraction_time: f64,
    /// Is `status` `success`?
    pub success: bool,
    /// The job that exported; `job.report` has a row for each file of it.
    pub job: Token,
    /// What is not on this disk, or not for this peer, or was removed from the destination by
    /// somebody; the first 1,000.
    pub skipped: Vec<LeftOut>,
    /// What could not be read or written; the first 1,000.
    pub failed: Vec<LeftOut>,
    /// How many more were skipped than `skipped` tells of.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_skipped: u64,
    /// How many more failed than `failed` tells of.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_failed: u64,
    /// Is there more than this result tells of? `job.report` has the rest.
    pub truncated: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MediaMetadata {
    /// Its name, without its folder.
    pub filename: String,
    /// Its bytes.
    pub file_size_bytes: u64,
    /// What it shows.
    pub media_type: MediaType,
    /// What the library knows of how it was taken.
    pub exif_data: ExifData,
    /// The asset's keywords.
    pub tags: Vec<String>,
    /// The album's title.
    pub album: String,
    /// When the file got its name in the destination, in UTC: when it was exported.
    pub date_imported: String,
}

/// What the library knows of how a photo or video was taken.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "EXIFData"))]
pub struct ExifData {
    /// Who made the camera.
    pub camera_make: Option<String>,
    /// Which camera.
    pub camera_model: Option<String>,
    /// When, RFC 3339 with the photo's own offset; null for a date that is none.
    pub date_taken: Option<String>,
    /// Degrees north and degrees east; null where they are not known, or withheld.
    pub gps_coordinates: Option<[f64; 2]>,
    /// Sensitivity.
    pub iso: Option<i64>,
    /// The f-number.
    pub aperture: Option<f64>,
    /// Seconds, as `1/250` or `2.5`.
    pub shutter_speed: Option<String>,
    /// Whole millimetres.
    pub focal_length: Option<i64>,
}

/// A file that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LeftOut {
    /// The asset's UUID.
    pub asset: String,
    /// Which of its versions.
    pub version: String,
    /// The name of the original when it was imported.
    pub filename: String,
    /// Why it is not there: a word of `job.report`.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{MAX_KEY_BYTES, MAX_PATTERN_BYTES};

    fn parse(params: &serde_json::Value) -> Result<ExtractParams, String> {
        serde_json::from_str(&params.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_has_the_defaults_of_the_small_door() {
        let least = serde_json::json!({"album": "Summer 2024", "export_path": "~/Exports/s"});
        assert_eq!(parse(&least).unwrap(), ExtractParams::of("Summer 2024", "~/Exports/s"));
        let mut some = least.clone();
        some["options"] = serde_json::json!({"raw": false});
        let options = ExtractOptions { raw: false, ..ExtractOptions::default() };
        assert_eq!(parse(&some).unwrap().options, options);
        some["options"] = serde_json::json!({"quality": 80});
        assert!(parse(&some).unwrap_err().contains("unknown field"));
    }

    #[test]
    fn texts_hold_at_their_limits_and_one_beyond() {
        let with = |name: &str, bytes: usize| {
            let mut params = serde_json::json!({"album": "a", "export_path": "/x"});
            params[name] = "t".repeat(bytes).into();
            parse(&params).is_ok()
        };
        for (name, limit) in [("album", MAX_PATTERN_BYTES), ("key", MAX_KEY_BYTES)] {
            assert!(with(name, 1) && with(name, limit), "{name}");
            for bytes in [0, limit + 1, limit * 100] {
                assert!(!with(name, bytes), "{name} {bytes}");
            }
        }
    }
}
