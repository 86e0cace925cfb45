//! What a file shows and what is told of it: the asset's record, in the words of such scripts.
//!
//! Pure. Nothing is told that `asset.get` would not tell under the same grant: coordinates that are
//! withheld are null here as there. Numbers that no camera writes are null, never a text of three
//! hundred digits.

use darkslide_library::Version;
use darkslide_protocol::field::{Field, Fields};
use darkslide_protocol::message::extract::{ExifData, MediaType};
use darkslide_protocol::message::record::ExifInfo;
use serde::Deserialize;

/// Exposures that a camera can have, in seconds.
const EXPOSURES: std::ops::RangeInclusive<f64> = 0.000_001..=1_000_000.0;
/// How much a fraction `1/n` may differ from an exposure that is told as it.
const NEAR: f64 = 0.05;

/// What of an asset's record is told with its files.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Known {
    pub(super) uuid: String,
    ismovie: bool,
    date: Option<String>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    pub(super) keywords: Vec<String>,
    exif_info: ExifInfo,
}

impl Known {
    /// The fields that it is read from.
    pub(super) fn fields() -> Fields {
        [
            Field::Ismovie,
            Field::Date,
            Field::Latitude,
            Field::Longitude,
            Field::Keywords,
            Field::ExifInfo,
        ]
        .into_iter()
        .collect()
    }

    /// What a file of this version shows; none for one that is not to be looked at.
    pub(super) fn media_type(&self, version: Version) -> Option<MediaType> {
        match version {
            Version::Original | Version::Edited if self.ismovie => Some(MediaType::Video),
            Version::LiveVideo | Version::EditedLiveVideo => Some(MediaType::Video),
            Version::Original | Version::Edited | Version::Raw | Version::Preview => {
                Some(MediaType::Image)
            }
            Version::Aae | Version::OriginalAae => None,
        }
    }

    pub(super) fn exif_data(&self) -> ExifData {
        let exif = &self.exif_info;
        ExifData {
            camera_make: exif.camera_make.clone(),
            camera_model: exif.camera_model.clone(),
            date_taken: self.date.clone(),
            gps_coordinates: self.latitude.zip(self.longitude).map(<[f64; 2]>::from),
            iso: exif.iso,
            aperture: exif.aperture,
            shutter_speed: exif.shutter_speed.and_then(exposure),
            focal_length: exif.focal_length.and_then(whole),
        }
    }
}

/// Seconds as photographers write them: `1/250`, `0.4`, `2.5`.
fn exposure(seconds: f64) -> Option<String> {
    if !EXPOSURES.contains(&seconds) {
        return None;
    }
    let parts = seconds.recip().round();
    if parts >= 2.0 && (parts.recip() / seconds - 1.0).abs() < NEAR {
        return Some(format!("1/{parts:.0}"));
    }
    let text = format!("{seconds:.2}");
    Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}

/// The nearest whole number.
fn whole(number: f64) -> Option<i64> {
    format!("{number:.0}").parse().ok()
}

/// The albums of an asset, as its record names them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    album_info: Vec<Title>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Title {
    uuid: Option<String>,
    title: Option<String>,
    folder_names: Vec<String>,
}

impl Named {
    /// The title of an album that was asked for by UUID, title or path, from the record of one of
    /// its assets; none where there is no asset.
    pub(super) fn title(records: &[u8], asked: &str) -> Option<String> {
        let records: Vec<Self> = serde_json::from_slice(records).ok()?;
        let albums: Vec<Title> = records.into_iter().next()?.album_info;
        let uuid =
            |it: &&Title| it.uuid.as_deref().is_some_and(|it| it.eq_ignore_ascii_case(asked));
        let path = |it: &&Title| {
            let title = it.title.as_deref().unwrap_or_default();
            let path: Vec<&str> = it.folder_names.iter().map(String::as_str).collect();
            [path, vec![title]].concat().join("/") == asked
        };
        let found = albums.iter().find(uuid).or_else(|| albums.iter().find(path))?;
        found.title.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exposure_is_told_as_photographers_write_it() {
        for (seconds, text) in [
            (0.004, "1/250"),
            (0.016_666_666_666_666_666, "1/60"),
            (0.000_031_25, "1/32000"),
            (0.5, "1/2"),
            (0.333_333, "1/3"),
            (0.3, "0.3"),
            (0.4, "0.4"),
            (0.77, "0.77"),
            (1.0, "1"),
            (2.5, "2.5"),
            (30.0, "30"),
        ] {
            assert_eq!(exposure(seconds).as_deref(), Some(text));
        }
        for nonsense in [0.0, -1.0, 1e-300, 1e300, f64::NAN, f64::INFINITY] {
            assert_eq!(exposure(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_focal_length_is_whole_millimetres_or_nothing() {
        assert_eq!([4.25, 5.7, 65.0, 0.2].map(whole), [Some(4), Some(6), Some(65), Some(0)]);
        assert_eq!([f64::NAN, f64::INFINITY, 1e300].map(whole), [None; 3]);
    }

    #[test]
    fn coordinates_are_both_or_none() {
        let at = |latitude, longitude| {
            Known { latitude, longitude, ..Known::default() }.exif_data().gps_coordinates
        };
        assert_eq!(at(Some(47.4), Some(8.5)), Some([47.4, 8.5]));
        assert_eq!([at(Some(47.4), None), at(None, Some(8.5)), at(None, None)], [None; 3]);
    }

    #[test]
    fn each_version_of_a_film_is_a_video_and_a_live_photo_is_both() {
        let kinds = |ismovie| {
            let known = Known { ismovie, ..Known::default() };
            Version::ALL.iter().map(|it| known.media_type(*it)).collect::<Vec<_>>()
        };
        let (image, video) = (Some(MediaType::Image), Some(MediaType::Video));
        assert_eq!(kinds(false), [image, image, video, video, image, None, None, image]);
        assert_eq!(kinds(true), [video, video, video, video, image, None, None, image]);
    }

    #[test]
    fn an_album_has_its_title_however_it_was_asked_for() {
        let records = br#"[{"album_info":[{"uuid":"AB","title":"Japan","folder_names":["Trips"]},
            {"uuid":"CD","title":"Trips","folder_names":[]}]}]"#;
        let title = |asked| Named::title(records, asked);
        assert_eq!(title("ab").as_deref(), Some("Japan"));
        assert_eq!(title("Trips/Japan").as_deref(), Some("Japan"));
        assert_eq!(title("Trips").as_deref(), Some("Trips"));
        assert_eq!((title("Japan"), Named::title(b"[]", "Trips")), (None, None));
    }
}
