//! The fields of an asset, by name, and sets of them.
//!
//! One list: the wire's `fields`, the record that the reader writes, the client's `Asset` and the
//! documents are checked against it. Names are those that osxphotos prints and many tools read. A
//! set is a few bits, for every asset of a page asks it a hundred times. The hazard: a field that
//! one side calls otherwise than the other, which then reads as absent.

use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::ser::{SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

use crate::filter::words;

words! {
    /// A field of an asset. The first ones are told without being asked for.
    Field {
        /// Its identity.
        Uuid = "uuid",
        /// The name of the original in the library.
        Filename = "filename",
        /// The name that the original had when it was imported.
        OriginalFilename = "original_filename",
        /// Its title.
        Title = "title",
        /// Its description.
        Description = "description",
        /// When it was taken, RFC 3339 with the photo's own offset; null for a date that is none.
        Date = "date",
        /// When it was added, in UTC.
        DateAdded = "date_added",
        /// When it was last adjusted, in UTC.
        DateModified = "date_modified",
        /// When it was put into the trash, in UTC.
        DateTrashed = "date_trashed",
        /// The offset of its zone in seconds.
        Tzoffset = "tzoffset",
        /// The name of its zone.
        Tzname = "tzname",
        /// Is it a video?
        Ismovie = "ismovie",
        /// Is it a still?
        Isphoto = "isphoto",
        /// A still with a short video?
        LivePhoto = "live_photo",
        /// A panorama?
        Panorama = "panorama",
        /// With depth?
        Portrait = "portrait",
        /// By the front camera? null where the library says nothing.
        Selfie = "selfie",
        /// A picture of the screen?
        Screenshot = "screenshot",
        /// A video of the screen? null before Photos 5.
        ScreenRecording = "screen_recording",
        /// A slow-motion video?
        SlowMo = "slow_mo",
        /// A time-lapse video?
        TimeLapse = "time_lapse",
        /// High dynamic range?
        Hdr = "hdr",
        /// 1 native, 2 converted, 0 not.
        Spatial = "spatial",
        /// One of a burst?
        Burst = "burst",
        /// The key image of its burst?
        BurstKey = "burst_key",
        /// Selected by the user from its burst?
        BurstSelected = "burst_selected",
        /// A RAW file beside a JPEG or HEIC?
        HasRaw = "has_raw",
        /// Of a pair, is the RAW file the original?
        RawOriginal = "raw_original",
        /// A RAW file alone?
        Israw = "israw",
        /// Marked as favourite?
        Favorite = "favorite",
        /// In the hidden album?
        Hidden = "hidden",
        /// Shown in the library?
        Visible = "visible",
        /// In the trash?
        Intrash = "intrash",
        /// Has adjustments?
        Hasadjustments = "hasadjustments",
        /// Pixels of the current version.
        Height = "height",
        /// Pixels of the current version.
        Width = "width",
        /// Pixels of the original.
        OriginalHeight = "original_height",
        /// Pixels of the original.
        OriginalWidth = "original_width",
        /// EXIF orientation of the original, 1 to 8.
        OriginalOrientation = "original_orientation",
        /// Bytes of the original, as the database has it.
        OriginalFilesize = "original_filesize",
        /// Titles of its albums.
        Albums = "albums",
        /// Its keywords.
        Keywords = "keywords",
        /// The original, relative to the bundle; null when it is not there.
        Path = "path",
        /// Does the database say that the original is not on this disk?
        Ismissing = "ismissing",
        /// Does the original lie outside the bundle?
        Isreference = "isreference",
        /// In a shared album? null before Photos 5.
        Shared = "shared",
        /// What of its rows is nonsense, if anything is.
        Problem = "problem",
        /// 0 none; other numbers tell what kind of adjustment, as the library has it.
        AdjustmentType = "adjustment_type",
        /// What the adjustments file says; empty where there is none.
        Adjustments = "adjustments",
        /// A caption that Photos made; empty where there is none.
        AiCaption = "ai_caption",
        /// Its albums, with folders, dates and owner.
        AlbumInfo = "album_info",
        /// Its albums, and those of the key photos of its burst.
        BurstAlbumInfo = "burst_album_info",
        /// Titles of the same.
        BurstAlbums = "burst_albums",
        /// The one of its burst that Photos would pick?
        BurstDefaultPick = "burst_default_pick",
        /// The other assets of its burst, selected or not.
        BurstPhotos = "burst_photos",
        /// iCloud's identity of the original.
        CloudGuid = "cloud_guid",
        /// Metadata that iCloud keeps of the original, as it is.
        CloudMetadata = "cloud_metadata",
        /// Who shared it, as a hash.
        CloudOwnerHashedId = "cloud_owner_hashed_id",
        /// Comments on it in a shared album.
        Comments = "comments",
        /// When it was taken, by its EXIF data where they tell it.
        DateOriginal = "date_original",
        /// What the camera wrote.
        ExifInfo = "exif_info",
        /// Edited in another program?
        ExternalEdit = "external_edit",
        /// Faces on it, named or not.
        FaceInfo = "face_info",
        /// Photos' fingerprint of the original: opaque.
        Fingerprint = "fingerprint",
        /// For each title of an album, the folders that it is in.
        Folders = "folders",
        /// The import session that brought it.
        ImportInfo = "import_info",
        /// Name and bundle identifier of the program that imported it, sorted.
        ImportedBy = "imported_by",
        /// Is its original in iCloud? null where the library says nothing.
        Incloud = "incloud",
        /// Known to iCloud?
        Iscloudasset = "iscloudasset",
        /// What Photos' search knows to be on it.
        Labels = "labels",
        /// The same in lower case.
        LabelsNormalized = "labels_normalized",
        /// Degrees north; null where it is not known, or withheld.
        Latitude = "latitude",
        /// Likes of it in a shared album.
        Likes = "likes",
        /// Latitude and longitude.
        Location = "location",
        /// Degrees east; null where it is not known, or withheld.
        Longitude = "longitude",
        /// What the analysis of its content found.
        MediaAnalysis = "media_analysis",
        /// EXIF orientation of the current version, 1 to 8; 0 where the adjustments do not tell.
        Orientation = "orientation",
        /// What the camera wrote as adjustments of the original.
        OriginalAdjustments = "original_adjustments",
        /// Who shared it.
        Owner = "owner",
        /// Smaller versions that Photos made, relative to the bundle.
        PathDerivatives = "path_derivatives",
        /// The edited version, relative to the bundle; null when it is not there.
        PathEdited = "path_edited",
        /// The video of the edited live photo, relative to the bundle.
        PathEditedLivePhoto = "path_edited_live_photo",
        /// The video of the live photo, relative to the bundle.
        PathLivePhoto = "path_live_photo",
        /// The RAW file beside the original, relative to the bundle.
        PathRaw = "path_raw",
        /// Persons on it, one entry for each face that has a person.
        PersonInfo = "person_info",
        /// Their names, one entry for each face that has a person.
        Persons = "persons",
        /// Where it was taken, in words; empty where it is not known, or withheld.
        Place = "place",
        /// Books, cards, calendars and slideshows that it is in.
        ProjectInfo = "project_info",
        /// Always 0: Photos has none.
        Rating = "rating",
        /// Sent by somebody and saved? null before Photos 7.
        SavedToLibrary = "saved_to_library",
        /// What Photos thinks of it, 0 to 1 or -1.
        Score = "score",
        /// What Photos' search knows of it.
        SearchInfo = "search_info",
        /// The same in lower case.
        SearchInfoNormalized = "search_info_normalized",
        /// In a library that several people share?
        SharedLibrary = "shared_library",
        /// In a moment that somebody shared?
        SharedMoment = "shared_moment",
        /// Sent by somebody ("Shared with You")? null before Photos 7.
        Syndicated = "syndicated",
        /// The type of the current version.
        Uti = "uti",
        /// The type of the edited version.
        UtiEdited = "uti_edited",
        /// The type of the original.
        UtiOriginal = "uti_original",
        /// The type of the RAW file beside the original.
        UtiRaw = "uti_raw",
    }
}

/// How many of the list are told without being asked for.
const IN_SUMMARY: usize = 47;
const _: () = assert!(Field::ALL.len() <= u128::BITS as usize, "a set has a bit for each");
/// The word for all of them.
const ALL: &str = "*";

impl Field {
    fn bit(self) -> u128 {
        1 << (self as u8)
    }
}

/// A set of fields. The UUID is always among them, and a problem where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fields(u128);

impl Fields {
    /// Every field.
    #[must_use]
    pub fn all() -> Self {
        Field::ALL.iter().copied().collect()
    }

    /// What is told without being asked for.
    #[must_use]
    pub fn summary() -> Self {
        Field::ALL.iter().copied().take(IN_SUMMARY).collect()
    }

    /// Is it among them?
    #[must_use]
    pub fn has(self, field: Field) -> bool {
        self.0 & field.bit() != 0
    }

    /// Is at least one of these among them?
    #[must_use]
    pub fn has_any(self, fields: &[Field]) -> bool {
        fields.iter().any(|field| self.has(*field))
    }

    /// In the order of the list.
    pub fn iter(self) -> impl Iterator<Item = Field> {
        Field::ALL.iter().copied().filter(move |field| self.has(*field))
    }
}

impl FromIterator<Field> for Fields {
    fn from_iter<T: IntoIterator<Item = Field>>(fields: T) -> Self {
        let always = Field::Uuid.bit() | Field::Problem.bit();
        Self(fields.into_iter().fold(always, |set, field| set | field.bit()))
    }
}

impl Default for Fields {
    fn default() -> Self {
        Self::summary()
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::all() {
            return [ALL].serialize(serializer);
        }
        let mut list = serializer.serialize_seq(None)?;
        for field in self.iter() {
            list.serialize_element(&field)?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Names)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of fields")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Fields, A::Error> {
        let mut found = Vec::new();
        while let Some(name) = names.next_element::<std::borrow::Cow<'de, str>>()? {
            if name == ALL {
                found.extend_from_slice(Field::ALL);
            } else {
                found.push(Field::from_word(&name).ok_or_else(|| {
                    de::Error::custom("a field of this name does not exist; * is all of them")
                })?);
            }
            if found.len() > 2 * Field::ALL.len() {
                return Err(de::Error::custom("each field may be named once"));
            }
        }
        Ok(found.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Fields, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_star_is_everything_and_names_are_a_set_that_always_has_the_uuid() {
        assert_eq!(read(r#"["*"]"#), Ok(Fields::all()));
        assert_eq!(read(r#"["title","*"]"#), Ok(Fields::all()));
        let some = read(r#"["title","title"]"#).unwrap();
        assert!(some.has(Field::Title) && some.has(Field::Uuid) && !some.has(Field::Place));
        assert_eq!(read("[]").unwrap().iter().count(), 2);
    }

    #[test]
    fn a_set_is_written_as_it_is_read() {
        for set in [Fields::all(), Fields::summary(), [Field::Place].into_iter().collect()] {
            let text = serde_json::to_string(&set).unwrap();
            assert_eq!(read(&text), Ok(set));
        }
    }

    #[test]
    fn an_unknown_name_is_refused_and_not_repeated() {
        for text in [r#"["secret"]"#, r#"["UUID"]"#, r#""*""#, "[1]", "{}"] {
            let error = read(text).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
        let many = format!("[{}\"uuid\"]", "\"*\",".repeat(1_000));
        assert!(read(&many).unwrap_err().contains("once"));
    }

    #[test]
    fn the_summary_ends_with_the_problem() {
        assert_eq!(Fields::summary().iter().count(), IN_SUMMARY);
        assert_eq!(Field::ALL.get(IN_SUMMARY - 1), Some(&Field::Problem));
    }
}
