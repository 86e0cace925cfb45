//! An asset as the wire has it, with all of its fields.
//!
//! Field names and meanings are those of the JSON that osxphotos prints, which many tools read. The
//! daemon writes the same text straight from rows; this is what clients read it into, and what the
//! checked-in schema is made from. Fields that were not asked for read as absent, false or empty.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Writes a type of the wire: everything optional, in the order of the list.
macro_rules! object {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(default)]
        $(#[$doc])*
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
    };
}

/// A query asks for some of its fields.
#[cfg(feature = "schema")]
fn only_the_uuid_is_always_told(schema: &mut schemars::Schema) {
    schema.insert("required".to_owned(), serde_json::json!(["uuid"]));
}

/// What is not known of an asset is an empty object; else all of its members are there.
#[cfg(feature = "schema")]
fn empty_or_whole(schema: &mut schemars::Schema) {
    if let Some(whole) = schema.remove("required") {
        let either = serde_json::json!([{"maxProperties": 0}, {"required": whole}]);
        schema.insert("anyOf".to_owned(), either);
    }
}

object! {
    /// One photo or video, of which as many fields are told as were asked for.
    #[cfg_attr(feature = "schema", schemars(transform = only_the_uuid_is_always_told))]
    Asset {
        /// Its identity.
        uuid: String,
        /// The name of the original in the library.
        filename: String,
        /// The name that the original had when it was imported.
        original_filename: String,
        /// Its title.
        title: Option<String>,
        /// Its description.
        description: Option<String>,
        /// When it was taken, RFC 3339 with the photo's own offset; null for a date that is none.
        date: Option<String>,
        /// When it was added, in UTC.
        date_added: Option<String>,
        /// When it was last adjusted, in UTC.
        date_modified: Option<String>,
        /// When it was put into the trash, in UTC.
        date_trashed: Option<String>,
        /// The offset of its zone in seconds.
        tzoffset: Option<i64>,
        /// The name of its zone.
        tzname: Option<String>,
        /// Is it a video?
        ismovie: bool,
        /// Is it a still?
        isphoto: bool,
        /// A still with a short video?
        live_photo: bool,
        /// A panorama?
        panorama: bool,
        /// With depth?
        portrait: bool,
        /// By the front camera? null where the library says nothing.
        selfie: Option<bool>,
        /// A picture of the screen?
        screenshot: bool,
        /// A video of the screen? null before Photos 5.
        screen_recording: Option<bool>,
        /// A slow-motion video?
        slow_mo: bool,
        /// A time-lapse video?
        time_lapse: bool,
        /// High dynamic range?
        hdr: bool,
        /// 1 native, 2 converted, 0 not.
        spatial: i64,
        /// One of a burst?
        burst: bool,
        /// The key image of its burst?
        burst_key: bool,
        /// Selected by the user from its burst?
        burst_selected: bool,
        /// A RAW file beside a JPEG or HEIC?
        has_raw: bool,
        /// Of a pair, is the RAW file the original?
        raw_original: bool,
        /// A RAW file alone?
        israw: bool,
        /// Marked as favourite?
        favorite: bool,
        /// In the hidden album?
        hidden: bool,
        /// Shown in the library?
        visible: bool,
        /// In the trash?
        intrash: bool,
        /// Has adjustments?
        hasadjustments: bool,
        /// Pixels of the current version.
        height: Option<u64>,
        /// Pixels of the current version.
        width: Option<u64>,
        /// Pixels of the original.
        original_height: Option<u64>,
        /// Pixels of the original.
        original_width: Option<u64>,
        /// EXIF orientation of the original, 1 to 8.
        original_orientation: Option<i64>,
        /// Bytes of the original, as the database has it.
        original_filesize: Option<u64>,
        /// Titles of its albums.
        albums: Vec<String>,
        /// Its keywords.
        keywords: Vec<String>,
        /// The original, relative to the bundle; null when it is not there.
        path: Option<String>,
        /// Does the database say that the original is not on this disk?
        ismissing: bool,
        /// Does the original lie outside the bundle?
        isreference: bool,
        /// In a shared album? null before Photos 5.
        shared: Option<bool>,
        /// What of its rows is nonsense, if anything is.
        #[serde(skip_serializing_if = "Option::is_none")]
        problem: Option<String>,
        /// 0 none; other numbers tell what kind of adjustment, as the library has it.
        adjustment_type: i64,
        /// What the adjustments file says; empty where there is none.
        adjustments: Adjustments,
        /// A caption that Photos made; empty where there is none.
        ai_caption: String,
        /// Its albums, with folders, dates and owner.
        album_info: Vec<AlbumInfo>,
        /// Its albums, and those of the key photos of its burst.
        burst_album_info: Vec<AlbumInfo>,
        /// Titles of the same.
        burst_albums: Vec<String>,
        /// The one of its burst that Photos would pick?
        burst_default_pick: bool,
        /// The other assets of its burst, selected or not.
        burst_photos: Vec<String>,
        /// iCloud's identity of the original.
        cloud_guid: Option<String>,
        /// Metadata that iCloud keeps of the original, as it is.
        cloud_metadata: Map<String, Value>,
        /// Who shared it, as a hash.
        cloud_owner_hashed_id: Option<String>,
        /// Comments on it in a shared album.
        comments: Vec<Comment>,
        /// When it was taken, by its EXIF data where they tell it.
        date_original: Option<String>,
        /// What the camera wrote.
        exif_info: ExifInfo,
        /// Edited in another program?
        external_edit: bool,
        /// Faces on it, named or not.
        face_info: Vec<FaceInfo>,
        /// Photos' fingerprint of the original: opaque.
        fingerprint: Option<String>,
        /// For each title of an album, the folders that it is in.
        folders: BTreeMap<String, Vec<String>>,
        /// The import session that brought it.
        import_info: ImportInfo,
        /// Name and bundle identifier of the program that imported it, sorted.
        imported_by: [Option<String>; 2],
        /// Is its original in iCloud? null where the library says nothing.
        incloud: Option<bool>,
        /// Known to iCloud?
        iscloudasset: bool,
        /// What Photos' search knows to be on it.
        labels: Vec<String>,
        /// The same in lower case.
        labels_normalized: Vec<String>,
        /// Degrees north; null where it is not known, or withheld.
        latitude: Option<f64>,
        /// Likes of it in a shared album.
        likes: Vec<Like>,
        /// Latitude and longitude.
        location: [Option<f64>; 2],
        /// Degrees east; null where it is not known, or withheld.
        longitude: Option<f64>,
        /// What the analysis of its content found.
        media_analysis: Map<String, Value>,
        /// EXIF orientation of the current version, 1 to 8; 0 where the adjustments do not tell.
        orientation: Option<i64>,
        /// What the camera wrote as adjustments of the original.
        original_adjustments: Adjustments,
        /// Who shared it.
        owner: Option<String>,
        /// Smaller versions that Photos made, relative to the bundle.
        path_derivatives: Vec<String>,
        /// The edited version, relative to the bundle; null when it is not there.
        path_edited: Option<String>,
        /// The video of the edited live photo, relative to the bundle.
        path_edited_live_photo: Option<String>,
        /// The video of the live photo, relative to the bundle.
        path_live_photo: Option<String>,
        /// The RAW file beside the original, relative to the bundle.
        path_raw: Option<String>,
        /// Persons on it, one entry for each face that has a person.
        person_info: Vec<PersonInfo>,
        /// Their names, one entry for each face that has a person.
        persons: Vec<String>,
        /// Where it was taken, in words; empty where it is not known, or withheld.
        place: Place,
        /// Books, cards, calendars and slideshows that it is in.
        project_info: Vec<AlbumInfo>,
        /// Always 0: Photos has none.
        rating: i64,
        /// Sent by somebody and saved? null before Photos 7.
        saved_to_library: Option<bool>,
        /// What Photos thinks of it, 0 to 1 or -1.
        score: Score,
        /// What Photos' search knows of it.
        search_info: SearchInfo,
        /// The same in lower case.
        search_info_normalized: SearchInfo,
        /// In a library that several people share?
        shared_library: bool,
        /// In a moment that somebody shared?
        shared_moment: bool,
        /// Sent by somebody ("Shared with You")? null before Photos 7.
        syndicated: Option<bool>,
        /// The type of the current version.
        uti: Option<String>,
        /// The type of the edited version.
        uti_edited: Option<String>,
        /// The type of the original.
        uti_original: Option<String>,
        /// The type of the RAW file beside the original.
        uti_raw: Option<String>,
    }
}

object! {
    /// An album or project that an asset is in.
    AlbumInfo {
        /// Its identity.
        uuid: Option<String>,
        /// Its title.
        title: Option<String>,
        /// When it was made.
        creation_date: Option<String>,
        /// The date of its oldest member, if no member is withheld.
        start_date: Option<String>,
        /// The date of its newest member, if no member is withheld.
        end_date: Option<String>,
        /// Titles of the folders that it is in, the outermost first.
        folder_names: Vec<String>,
        /// Their identities.
        folder_list: Vec<String>,
        /// The identity of the innermost.
        parent: Option<String>,
        /// Who shared it.
        owner: Option<String>,
        /// How Photos orders it: manual, oldest, newest, title.
        sort_order: Option<String>,
    }
}

object! {
    /// An import session; empty where none is known.
    #[cfg_attr(feature = "schema", schemars(transform = empty_or_whole))]
    ImportInfo {
        /// Its identity.
        uuid: Option<String>,
        /// Its title.
        title: Option<String>,
        /// When it was made.
        creation_date: Option<String>,
        /// The date of its oldest member, if no member is withheld.
        start_date: Option<String>,
        /// The date of its newest member, if no member is withheld.
        end_date: Option<String>,
    }
}

object! {
    /// A person on an asset.
    PersonInfo {
        /// Their identity.
        uuid: Option<String>,
        /// Their name; `_UNKNOWN_` without one.
        name: String,
        /// The name that Photos shows.
        displayname: Option<String>,
        /// The row of the face that stands for them.
        keyface: Option<i64>,
        /// Faces of them in the library, if no asset is withheld.
        facecount: Option<i64>,
        /// The asset of that face, if it is not withheld.
        keyphoto: Option<String>,
        /// Marked as favourite?
        favorite: bool,
        /// Their place in the order by hand.
        sort_order: Option<i64>,
        /// To be shown less?
        feature_less: bool,
    }
}

object! {
    /// A face on an asset. Codes are those of the library.
    FaceInfo {
        /// The row of the face.
        #[serde(rename = "_pk")]
        pk: Option<i64>,
        /// Its identity.
        uuid: Option<String>,
        /// The asset.
        asset_uuid: Option<String>,
        /// The row of the person.
        #[serde(rename = "_person_pk")]
        person_pk: Option<i64>,
        /// The name of the person.
        name: Option<String>,
        /// Centre, 0 to 1 from the left of the image as the sensor saw it.
        center_x: Option<f64>,
        /// Centre, 0 to 1 from below.
        center_y: Option<f64>,
        /// Size, 0 to 1 of the longer side.
        size: Option<f64>,
        /// Centre in pixels of the image as people see it, from the upper left.
        center: [i64; 2],
        /// Corners in the same pixels.
        face_rect: [[f64; 2]; 2],
        /// The region as MWG has it: x and y of the centre, w and h, 0 to 1.
        mwg_rs_area: Region,
        /// The region as Microsoft has it: x and y of the corner.
        mpri_reg_rect: Region,
        /// How sharp and frontal it is.
        quality: Option<f64>,
        /// Pixels of the image that was looked at.
        source_width: Option<i64>,
        /// Pixels of the image that was looked at.
        source_height: Option<i64>,
        /// Degrees.
        roll: Option<f64>,
        /// Degrees.
        pitch: Option<f64>,
        /// Degrees.
        yaw: Option<f64>,
        /// The number that the library has for it.
        has_smile: Option<i64>,
        /// The number that the library has for it.
        manual: Option<i64>,
        /// The number that the library has for it.
        face_type: Option<i64>,
        /// The number that the library has for it.
        age_type: Option<i64>,
        /// The number that the library has for it.
        eye_makeup_type: Option<i64>,
        /// The number that the library has for it.
        eye_state: Option<i64>,
        /// The number that the library has for it.
        facial_hair_type: Option<i64>,
        /// The number that the library has for it.
        gender_type: Option<i64>,
        /// The number that the library has for it.
        glasses_type: Option<i64>,
        /// The number that the library has for it.
        hair_color_type: Option<i64>,
        /// The number that the library has for it.
        lip_makeup_type: Option<i64>,
        /// The number that the library has for it.
        smile_type: Option<i64>,
        /// The number that the library has for it.
        intrash: Option<i64>,
    }
}

object! {
    /// A rectangle, 0 to 1 of the sides.
    Region {
        /// From the left.
        x: f64,
        /// From above.
        y: f64,
        /// Width.
        w: f64,
        /// Height.
        h: f64,
    }
}

object! {
    /// A comment in a shared album.
    Comment {
        /// When.
        datetime: Option<String>,
        /// Who.
        user: Option<String>,
        /// By the owner of this library?
        ismine: bool,
        /// What.
        text: Option<String>,
    }
}

object! {
    /// A like in a shared album.
    Like {
        /// When.
        datetime: Option<String>,
        /// Who.
        user: Option<String>,
        /// By the owner of this library?
        ismine: bool,
    }
}

object! {
    /// What the camera wrote; all null where it wrote nothing.
    ExifInfo {
        /// Did the flash fire?
        flash_fired: Option<bool>,
        /// Who made the camera.
        camera_make: Option<String>,
        /// Which camera.
        camera_model: Option<String>,
        /// Which lens.
        lens_model: Option<String>,
        /// Of a video.
        codec: Option<String>,
        /// When, RFC 3339.
        date: Option<String>,
        /// The name of the zone.
        tzname: Option<String>,
        /// Its offset in seconds.
        tzoffset: Option<i64>,
        /// Sensitivity.
        iso: Option<i64>,
        /// As EXIF has it.
        metering_mode: Option<i64>,
        /// As EXIF has it.
        white_balance: Option<i64>,
        /// Of a video.
        track_format: Option<i64>,
        /// The f-number.
        aperture: Option<f64>,
        /// Of a video.
        bit_rate: Option<f64>,
        /// Seconds of a video.
        duration: Option<f64>,
        /// In stops.
        exposure_bias: Option<f64>,
        /// In mm.
        focal_length: Option<f64>,
        /// Frames a second of a video.
        fps: Option<f64>,
        /// Of a sound.
        sample_rate: Option<f64>,
        /// Seconds.
        shutter_speed: Option<f64>,
        /// Degrees north; null where withheld.
        latitude: Option<f64>,
        /// Degrees east; null where withheld.
        longitude: Option<f64>,
    }
}

object! {
    /// Scores by the names that Photos has for them.
    Score {
        /// As Photos has it; null where it no longer has it.
        behavioral: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        curation: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        failure: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        harmonious_color: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        highlight_visibility: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        immersiveness: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        interaction: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        interesting_subject: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        intrusive_object_presence: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        lively_color: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        low_light: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        noise: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        overall: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        pleasant_camera_tilt: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        pleasant_composition: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        pleasant_lighting: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        pleasant_pattern: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        pleasant_perspective: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        pleasant_post_processing: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        pleasant_reflection: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        pleasant_symmetry: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        promotion: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        sharply_focused_subject: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        tastefully_blurred: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        well_chosen_subject: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        well_framed_subject: Option<f64>,
        /// As Photos has it; null where it no longer has it.
        well_timed_shot: Option<f64>,
    }
}

object! {
    /// Where an asset was taken, in words; empty where that is not known.
    #[cfg_attr(feature = "schema", schemars(transform = empty_or_whole))]
    Place {
        /// The most telling names.
        name: Option<String>,
        /// All names by what they name.
        names: PlaceNames,
        /// Two letters.
        country_code: Option<String>,
        /// The address in one line.
        address_str: Option<String>,
        /// The address.
        address: PostalAddress,
        /// At home?
        ishome: Option<bool>,
    }
}

object! {
    /// Names of a place, the smallest area first.
    PlaceNames {
        /// What Photos calls so.
        field0: Vec<String>,
        /// What Photos calls so.
        country: Vec<String>,
        /// What Photos calls so.
        state_province: Vec<String>,
        /// What Photos calls so.
        sub_administrative_area: Vec<String>,
        /// What Photos calls so.
        city: Vec<String>,
        /// What Photos calls so.
        field5: Vec<String>,
        /// What Photos calls so.
        additional_city_info: Vec<String>,
        /// What Photos calls so.
        ocean: Vec<String>,
        /// What Photos calls so.
        area_of_interest: Vec<String>,
        /// What Photos calls so.
        inland_water: Vec<String>,
        /// What Photos calls so.
        field10: Vec<String>,
        /// What Photos calls so.
        region: Vec<String>,
        /// What Photos calls so.
        sub_throughfare: Vec<String>,
        /// What Photos calls so.
        field13: Vec<String>,
        /// What Photos calls so.
        postal_code: Vec<String>,
        /// What Photos calls so.
        field15: Vec<String>,
        /// What Photos calls so.
        field16: Vec<String>,
        /// What Photos calls so.
        street_address: Vec<String>,
        /// What Photos calls so.
        body_of_water: Vec<String>,
    }
}

object! {
    /// A postal address.
    PostalAddress {
        /// Its part of this name.
        street: Option<String>,
        /// Its part of this name.
        sub_locality: Option<String>,
        /// Its part of this name.
        city: Option<String>,
        /// Its part of this name.
        sub_administrative_area: Option<String>,
        /// Its part of this name.
        state_province: Option<String>,
        /// Its part of this name.
        postal_code: Option<String>,
        /// Its part of this name.
        country: Option<String>,
        /// Its part of this name.
        iso_country_code: Option<String>,
    }
}

object! {
    /// What Photos' search finds an asset by; empty where it knows nothing.
    #[cfg_attr(feature = "schema", schemars(transform = empty_or_whole))]
    SearchInfo {
        /// Texts of this kind.
        labels: Vec<String>,
        /// Texts of this kind.
        place_names: Vec<String>,
        /// Texts of this kind.
        streets: Vec<String>,
        /// Texts of this kind.
        neighborhoods: Vec<String>,
        /// Texts of this kind.
        locality_names: Vec<String>,
        /// Texts of this kind.
        bodies_of_water: Vec<String>,
        /// Texts of this kind.
        holidays: Vec<String>,
        /// Texts of this kind.
        activities: Vec<String>,
        /// Texts of this kind.
        venues: Vec<String>,
        /// Texts of this kind.
        venue_types: Vec<String>,
        /// Texts of this kind.
        media_types: Vec<String>,
        /// Texts of this kind.
        detected_text: Vec<String>,
        /// Texts of this kind.
        times_of_day: Vec<String>,
        /// Texts of this kind.
        areas_of_interest: Vec<String>,
        /// Texts of this kind.
        events: Vec<String>,
        /// Texts of this kind.
        event_performers: Vec<String>,
        /// Texts of this kind.
        event_types: Vec<String>,
        /// Texts of this kind.
        pets: Vec<String>,
        /// Texts of this kind.
        landmarks: Vec<String>,
        /// Texts of this kind.
        sounds: Vec<String>,
        /// Texts of this kind.
        human_actions: Vec<String>,
        /// Texts of this kind.
        document_types: Vec<String>,
        /// Texts of this kind.
        age_groups: Vec<String>,
        /// Texts of this kind.
        id_document_types: Vec<String>,
        /// Texts of this kind.
        id_document_names: Vec<String>,
        /// The first text of this kind, or an empty one.
        city: String,
        /// The first text of this kind, or an empty one.
        state: String,
        /// The first text of this kind, or an empty one.
        state_abbreviation: String,
        /// The first text of this kind, or an empty one.
        country: String,
        /// The first text of this kind, or an empty one.
        month: String,
        /// The first text of this kind, or an empty one.
        year: String,
        /// The first text of this kind, or an empty one.
        season: String,
        /// The first text of this kind, or an empty one.
        camera: String,
        /// The first text of this kind, or an empty one.
        source: String,
        /// The first text of this kind, or an empty one.
        week_part: String,
        /// The first text of this kind, or an empty one.
        home: String,
        /// The first text of this kind, or an empty one.
        country_code: String,
        /// The first text of this kind, or an empty one.
        region: String,
        /// The first text of this kind, or an empty one.
        continent: String,
        /// The first text of this kind, or an empty one.
        trip: String,
        /// The first text of this kind, or an empty one.
        day_of_week: String,
        /// The first text of this kind, or an empty one.
        photographic_style: String,
        /// The first text of this kind, or an empty one.
        file_type: String,
        /// The first text of this kind, or an empty one.
        captured_by_me: String,
    }
}

object! {
    /// What an adjustments file says; empty where there is none.
    #[cfg_attr(feature = "schema", schemars(transform = empty_or_whole))]
    Adjustments {
        /// Always null: the data are decoded below.
        data: Value,
        /// Which program made it.
        editor: Option<String>,
        /// The format of the data.
        format_id: Option<String>,
        /// Its version.
        format_version: Option<String>,
        /// The version of the original that it is based on.
        base_version: Option<i64>,
        /// When.
        timestamp: Option<String>,
        /// The adjustments.
        adjustments: Vec<Value>,
        /// What else the data tell.
        metadata: Value,
        /// EXIF orientation; 0 where the data do not tell.
        orientation: i64,
        /// The version of the data.
        adjustment_format_version: Value,
        /// Versions of the programs.
        version_info: Value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Field;

    #[test]
    fn has_the_fields_of_the_list_and_no_others() {
        let asset = Asset { problem: Some(String::new()), ..Asset::default() };
        let Value::Object(object) = serde_json::to_value(asset).unwrap() else {
            panic!("an asset is an object")
        };
        let mut names: Vec<&str> = Field::ALL.iter().map(|field| field.as_str()).collect();
        names.sort_unstable();
        assert_eq!(object.keys().map(String::as_str).collect::<Vec<_>>(), names);
    }
}
