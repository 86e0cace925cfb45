//! The database of Photos 2 to 4, `photos.db`; later a stub that only carries one table.
//!
//! Facts of the schema only; seen in libraries of version 3301 (Photos 3), 4016 and 4025 (Photos
//! 4). A photo is a version of a master, the file that was imported; tables refer to each other by
//! UUIDs of 22 characters or by row numbers. `profile/old.rs` shows them as the tables of later
//! models. The hazard: two kinds of number for one thing, for a resource is attached to a master or
//! to a version, and both count from 1.

use super::{Column, TableNames};

/// The row number, the same column in every table.
pub(crate) const ID: Column = Column::new(&["modelId"]);
/// What other tables refer to.
pub(crate) const UUID: Column = Column::new(&["uuid"]);
/// A name that people gave or read.
pub(crate) const NAME: Column = Column::new(&["name"]);
/// 1 in the trash.
pub(crate) const TRASHED: Column = Column::new(&["isInTrash"]);
/// When it was made.
pub(crate) const CREATED: Column = Column::new(&["createDate"]);

/// Pairs of key path and value.
pub(crate) mod globals {
    /// The table; the only one of a stub.
    pub(crate) const TABLE: &str = "LiGlobals";
    /// The key.
    pub(crate) const KEY: &str = "keyPath";
    /// The value, a text.
    pub(crate) const VALUE: &str = "value";
    /// 2622 is Photos 2, 3301 Photos 3, 4016 and 4025 Photos 4; stubs of later ones say 6000 (5001
    /// by hearsay).
    pub(crate) const LIBRARY_VERSION: &str = "libraryVersion";
    /// Below this number the old layout holds.
    pub(crate) const FIRST_STUB_VERSION: i64 = 5_000;
    /// The first of Photos 3.
    pub(crate) const FIRST_VERSION_OF_PHOTOS_3: i64 = 3_000;
}

/// One row per photo.
pub(crate) mod version {
    use super::{Column, ID, TRASHED, TableNames, UUID};

    pub(crate) const TABLE: TableNames = TableNames {
        names: &["RKVersion"],
        needed: &[
            ID, UUID, MASTER, DATE, TYPE, SPECIAL, SUBTYPE, HIDDEN, TRASHED, ADJUSTED, ADJUSTMENT,
            FILENAME, BURST, PICK_TYPE,
        ],
    };
    pub(crate) const MASTER: Column = Column::new(&["masterUuid"]);
    pub(crate) const RAW_MASTER: Column = Column::new(&["rawMasterUuid"]);
    pub(crate) const OTHER_MASTER: Column = Column::new(&["nonRawMasterUuid"]);
    pub(crate) const DATE: Column = Column::new(&["imageDate"]);
    pub(crate) const ZONE_OFFSET: Column = Column::new(&["imageTimeZoneOffsetSeconds"]);
    pub(crate) const ZONE_NAME: Column = Column::new(&["imageTimeZoneName"]);
    pub(crate) const MODIFIED: Column = Column::new(&["lastModifiedDate"]);
    pub(crate) const TRASHED_DATE: Column = Column::new(&["inTrashDate"]);
    /// 2 photo, 8 movie.
    pub(crate) const TYPE: Column = Column::new(&["type"]);
    /// 1 panorama, 2 slow motion, 3 time lapse, 4 HDR, 5 live, 6 screenshot, 7 with a RAW file, 8
    /// live and HDR, 9 portrait.
    pub(crate) const SPECIAL: Column = Column::new(&["specialType"]);
    /// 16 where the RAW of a pair is shown as the original.
    pub(crate) const SUBTYPE: Column = Column::new(&["subType"]);
    pub(crate) const HIDDEN: Column = Column::new(&["isHidden"]);
    pub(crate) const FAVORITE: Column = Column::new(&["isFavorite"]);
    /// 1 where the library shows it.
    pub(crate) const SHOWN: Column = Column::new(&["showInLibrary"]);
    pub(crate) const ADJUSTED: Column = Column::new(&["hasAdjustments"]);
    /// A UUID, or one of the words for none.
    pub(crate) const ADJUSTMENT: Column = Column::new(&["adjustmentUuid"]);
    pub(crate) const FILENAME: Column = Column::new(&["fileName"]);
    pub(crate) const TITLE: Column = Column::new(&["name"]);
    pub(crate) const DESCRIPTION: Column = Column::new(&["extendedDescription"]);
    pub(crate) const WIDTH: Column = Column::new(&["processedWidth"]);
    pub(crate) const HEIGHT: Column = Column::new(&["processedHeight"]);
    pub(crate) const ORIENTATION: Column = Column::new(&["orientation"]);
    pub(crate) const LATITUDE: Column = Column::new(&["latitude"]);
    pub(crate) const LONGITUDE: Column = Column::new(&["longitude"]);
    pub(crate) const BURST: Column = Column::new(&["burstUuid"]);
    pub(crate) const PICK_TYPE: Column = Column::new(&["burstPickType"]);
    /// Of the view of assets: is there a RAW file beside it?
    pub(crate) const HAS_RAW: Column = Column::new(&["hasRaw"]);
    /// 1 where keywords count.
    pub(crate) const HAS_KEYWORDS: Column = Column::new(&["hasKeywords"]);
    /// 1 by the front camera; not in Photos 2.
    pub(crate) const SELFIE: Column = Column::new(&["selfPortrait"]);

    pub(crate) const TYPE_PHOTO: i64 = 2;
    pub(crate) const TYPE_MOVIE: i64 = 8;
    pub(crate) const SPECIAL_PANORAMA: i64 = 1;
    pub(crate) const SPECIAL_SLOW_MOTION: i64 = 2;
    pub(crate) const SPECIAL_TIME_LAPSE: i64 = 3;
    pub(crate) const SPECIAL_HDR: i64 = 4;
    pub(crate) const SPECIAL_LIVE: i64 = 5;
    pub(crate) const SPECIAL_SCREENSHOT: i64 = 6;
    pub(crate) const SPECIAL_RAW_PAIR: i64 = 7;
    pub(crate) const SPECIAL_LIVE_HDR: i64 = 8;
    pub(crate) const SPECIAL_PORTRAIT: i64 = 9;
    pub(crate) const SUBTYPE_RAW: i64 = 16;
    /// Adjustments that are none.
    pub(crate) const UNADJUSTED: &str = "'UNADJUSTED','UNADJUSTEDNONRAW','UNADJUSTEDRAW'";
}

/// One row per imported file.
pub(crate) mod master {
    use super::{Column, ID, TableNames, UUID};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["RKMaster"], needed: &[ID, UUID, PATH] };
    /// Below the folder of masters, or below the volume.
    pub(crate) const PATH: Column = Column::new(&["imagePath"]);
    pub(crate) const VOLUME: Column = Column::new(&["volumeId"]);
    pub(crate) const FILENAME: Column = Column::new(&["fileName"]);
    pub(crate) const ORIGINAL_FILENAME: Column = Column::new(&["originalFileName"]);
    pub(crate) const FINGERPRINT: Column = Column::new(&["fingerprint"]);
    pub(crate) const WIDTH: Column = Column::new(&["width"]);
    pub(crate) const HEIGHT: Column = Column::new(&["height"]);
    pub(crate) const ORIENTATION: Column = Column::new(&["orientation"]);
    pub(crate) const UTI: Column = Column::new(&["UTI"]);
    /// From Photos 3 on.
    pub(crate) const ORIGINAL_BYTES: Column = Column::new(&["originalFileSize"]);
    /// What Photos 2 has for it.
    pub(crate) const BYTES: Column = Column::new(&["fileSize"]);
    pub(crate) const MISSING: Column = Column::new(&["isMissing"]);
    pub(crate) const REFERENCE: Column = Column::new(&["fileIsReference"]);
    pub(crate) const IMPORT: Column = Column::new(&["importGroupUuid"]);
    /// Not 0 where iCloud knows it.
    pub(crate) const CLOUD_STATE: Column = Column::new(&["cloudLibraryState"]);
}

/// Files that Photos made.
pub(crate) mod resource {
    use super::{Column, ID, TableNames};

    pub(crate) const TABLE: TableNames = TableNames {
        names: &["RKModelResource"],
        needed: &[ID, ATTACHED, ATTACHED_TYPE, KIND, TAG, UTI],
    };
    pub(crate) const ATTACHED: Column = Column::new(&["attachedModelId"]);
    /// 2 to a version.
    pub(crate) const ATTACHED_TYPE: Column = Column::new(&["attachedModelType"]);
    /// 4 photo, 8 video.
    pub(crate) const KIND: Column = Column::new(&["resourceType"]);
    /// The adjustments that it shows.
    pub(crate) const TAG: Column = Column::new(&["resourceTag"]);
    pub(crate) const UTI: Column = Column::new(&["UTI"]);

    pub(crate) const TO_VERSION: i64 = 2;
    pub(crate) const KIND_PHOTO: i64 = 4;
    pub(crate) const KIND_VIDEO: i64 = 8;
    pub(crate) const LIVE_UTI: &str = "com.apple.quicktime-movie";
}

/// Disks.
pub(crate) mod volume {
    use super::{ID, NAME, TableNames};

    pub(crate) const TABLE: TableNames = TableNames { names: &["RKVolume"], needed: &[ID, NAME] };
}

/// Albums, slideshows and projects.
pub(crate) mod album {
    use super::{Column, ID, NAME, TRASHED, TableNames, UUID};

    pub(crate) const TABLE: TableNames = TableNames {
        names: &["RKAlbum"],
        needed: &[ID, UUID, NAME, TYPE, SUBCLASS, FOLDER, TRASHED],
    };
    /// 1 album, 8 slideshow, 9 project.
    pub(crate) const TYPE: Column = Column::new(&["albumType"]);
    /// 3 the user's, 2 built in or smart, 1 internal.
    pub(crate) const SUBCLASS: Column = Column::new(&["albumSubclass"]);
    pub(crate) const FOLDER: Column = Column::new(&["folderUuid"]);
    /// 1 where Photos made it.
    pub(crate) const MAGIC: Column = Column::new(&["isMagic"]);
    pub(crate) const SORT: Column = Column::new(&["sortKeyPath"]);
    pub(crate) const ASCENDING: Column = Column::new(&["sortAscending"]);

    pub(crate) const TYPE_ALBUM: i64 = 1;
    pub(crate) const TYPES_OF_PROJECTS: &str = "8,9";
    pub(crate) const SUBCLASS_SMART: i64 = 2;
    pub(crate) const SUBCLASS_USER: i64 = 3;
    pub(crate) const SORT_BY_DATE: &str = "exifProperties.ImageDate";
}

/// What is in what, by hand: versions in albums, and other things that are left aside.
pub(crate) mod member {
    use super::{Column, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["RKCustomSortOrder"], needed: &[CONTAINER, OBJECT, ORDER] };
    pub(crate) const CONTAINER: Column = Column::new(&["containerUuid"]);
    pub(crate) const OBJECT: Column = Column::new(&["objectUuid"]);
    pub(crate) const ORDER: Column = Column::new(&["orderNumber"]);
}

/// Folders.
pub(crate) mod folder {
    use super::{Column, ID, NAME, TRASHED, TableNames, UUID};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["RKFolder"], needed: &[ID, UUID, NAME, PARENT, MAGIC, TRASHED] };
    pub(crate) const PARENT: Column = Column::new(&["parentFolderUuid"]);
    pub(crate) const MAGIC: Column = Column::new(&["isMagic"]);

    /// What has only things of Photos' own in it.
    pub(crate) const LIBRARY: &str = "'LibraryFolder'";
    /// Where the tree that people see begins.
    pub(crate) const ROOTS: &str =
        "'LibraryFolder','TopLevelAlbums','TopLevelKeepsakes','TopLevelSlideshows'";
}

/// Imports.
pub(crate) mod import {
    use super::{Column, ID, NAME, TableNames, UUID};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["RKImportGroup"], needed: &[ID, UUID, NAME, DATE] };
    pub(crate) const DATE: Column = Column::new(&["importDate"]);
}

/// Keywords, and which version has which.
pub(crate) mod keyword {
    use super::{Column, ID, NAME, TableNames};

    pub(crate) const TABLE: TableNames = TableNames { names: &["RKKeyword"], needed: &[ID, NAME] };
    pub(crate) const JOIN: TableNames =
        TableNames { names: &["RKKeywordForVersion"], needed: &[VERSION, KEYWORD] };
    pub(crate) const VERSION: Column = Column::new(&["versionId"]);
    pub(crate) const KEYWORD: Column = Column::new(&["keywordId"]);
}

/// Persons.
pub(crate) mod person {
    use super::{Column, ID, NAME, TableNames, UUID};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["RKPerson"], needed: &[ID, UUID, NAME] };
    pub(crate) const DISPLAY_NAME: Column = Column::new(&["displayName"]);
    pub(crate) const KEY_FACE: Column = Column::new(&["representativeFaceId"]);
    pub(crate) const FACE_COUNT: Column = Column::new(&["faceCount"]);
}

/// Faces.
pub(crate) mod face {
    use super::{Column, ID, TableNames};
    use crate::schema::people::face;

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["RKFace"], needed: &[ID, VERSION, PERSON] };
    pub(crate) const VERSION: Column = Column::new(&["imageModelId"]);
    pub(crate) const PERSON: Column = Column::new(&["personId"]);
    /// Columns of later models, and these for them.
    pub(crate) const AS_LATER: &[(Column, Column)] = &[
        (face::UUID, Column::new(&["uuid"])),
        (face::CENTER_X, Column::new(&["centerX"])),
        (face::CENTER_Y, Column::new(&["centerY"])),
        (face::SIZE, Column::new(&["size"])),
        (face::ROLL, Column::new(&["poseRoll"])),
        (face::PITCH, Column::new(&["posePitch"])),
        (face::YAW, Column::new(&["poseYaw"])),
        (face::TYPE, Column::new(&["faceType"])),
        (Column::new(&["ZQUALITY"]), Column::new(&["qualityMeasure"])),
        (Column::new(&["ZSOURCEWIDTH"]), Column::new(&["sourceWidth"])),
        (Column::new(&["ZSOURCEHEIGHT"]), Column::new(&["sourceHeight"])),
        (Column::new(&["ZHASSMILE"]), Column::new(&["hasSmile"])),
        (Column::new(&["ZMANUAL"]), Column::new(&["manual"])),
    ];
}

/// Adjustments of Photos and of other programs.
pub(crate) mod adjustment {
    use super::{Column, ID, TableNames, UUID};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["RKAdjustmentData"], needed: &[ID, UUID, FORMAT] };
    pub(crate) const FORMAT: Column = Column::new(&["format"]);
}

/// What iCloud has, by fingerprint.
pub(crate) mod cloud {
    use super::{Column, ID, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["RKCloudResource"], needed: &[ID, FINGERPRINT, AVAILABLE] };
    pub(crate) const FINGERPRINT: Column = Column::new(&["fingerprint"]);
    /// 1 where it can be loaded.
    pub(crate) const AVAILABLE: Column = Column::new(&["available"]);
}

/// Places, and which version was taken at which.
pub(crate) mod place {
    use super::{Column, ID, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["RKPlace"], needed: &[ID, TYPE, NAME] };
    pub(crate) const JOIN: TableNames =
        TableNames { names: &["RKPlaceForVersion"], needed: &[ID, VERSION, PLACE] };
    pub(crate) const VERSION: Column = Column::new(&["versionId"]);
    pub(crate) const PLACE: Column = Column::new(&["placeId"]);
    pub(crate) const TYPE: Column = Column::new(&["type"]);
    pub(crate) const NAME: Column = Column::new(&["defaultName"]);
    pub(crate) const AREA: Column = Column::new(&["area"]);
    pub(crate) const COUNTRY: Column = Column::new(&["countryCode"]);

    pub(crate) const TYPE_COUNTRY: i64 = 1;
    pub(crate) const TYPE_STATE: i64 = 2;
    pub(crate) const TYPE_SUB_ADMINISTRATIVE_AREA: i64 = 4;
    pub(crate) const TYPE_CITY: i64 = 16;
    pub(crate) const TYPE_WATER: i64 = 44;
    pub(crate) const TYPE_AREA_OF_INTEREST: i64 = 45;
    /// Those that are told.
    pub(crate) const TYPES: [i64; 6] = [
        TYPE_COUNTRY,
        TYPE_STATE,
        TYPE_SUB_ADMINISTRATIVE_AREA,
        TYPE_CITY,
        TYPE_WATER,
        TYPE_AREA_OF_INTEREST,
    ];
}

/// The library's own UUID.
pub(crate) mod admin {
    use super::{Column, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["RKAdminData"], needed: &[KEY, VALUE] };
    pub(crate) const KEY: Column = Column::new(&["propertyName"]);
    pub(crate) const VALUE: Column = Column::new(&["propertyValue"]);
    pub(crate) const LIBRARY_UUID: &str = "databaseUuid";
}

/// Folders of the bundle; below them names follow from the numbers of rows.
pub(crate) mod folders {
    pub(crate) const MASTERS: &str = "Masters";
    pub(crate) const VERSIONS: &str = "resources/media/version";
    pub(crate) const OF_MASTERS: &str = "resources/media/master";
    pub(crate) const PREVIEWS: &str = "resources/proxies/derivatives";
    pub(crate) const EDITED: &str = "fullsizeoutput_";
    pub(crate) const EDITED_LIVE: &str = "videocomplementoutput_";
    pub(crate) const LIVE: &str = "jpegvideocomplement_";
    /// Below the system's own disk, which is not mounted by its name.
    pub(crate) const HOMES: &str = "Users/";
}
