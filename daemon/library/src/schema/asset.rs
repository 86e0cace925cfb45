//! `ZASSET` and what belongs to one asset alone: attributes, description, keywords; their columns
//! and numbers.
//!
//! Facts of the schema only, each with the models it was seen in. Timestamps are seconds since 2001
//! (INTEGER or REAL), flags are 0 and 1; a flag that is anything else counts as set, for two of
//! them decide who may see an asset.

use super::{Column, PK, TableNames};

/// The assets: `ZGENERICASSET` in models 13537 to 13703, `ZASSET` from 14104 on.
pub(crate) const TABLE: TableNames = TableNames {
    names: &["ZASSET", "ZGENERICASSET"],
    needed: &[
        PK, UUID, DATE, KIND, SUBTYPE, HIDDEN, TRASHED, ADJUSTED, DIRECTORY, FILENAME, PICK_TYPE,
        BURST,
    ],
};

pub(crate) const UUID: Column = Column::new(&["ZUUID"]);
pub(crate) const DATE: Column = Column::new(&["ZDATECREATED"]);
pub(crate) const ADDED: Column = Column::or_lacking(&["ZADDEDDATE"], "date_added");
/// When it was edited; `ZMODIFICATIONDATE` is touched by everything.
pub(crate) const MODIFIED: Column = Column::or_lacking(&["ZADJUSTMENTTIMESTAMP"], "date_modified");
pub(crate) const TRASHED_DATE: Column = Column::or_lacking(&["ZTRASHEDDATE"], "date_trashed");
pub(crate) const TRASHED: Column = Column::new(&["ZTRASHEDSTATE"]);
pub(crate) const HIDDEN: Column = Column::new(&["ZHIDDEN"]);
pub(crate) const FAVORITE: Column = Column::or_lacking(&["ZFAVORITE"], "favorite");
/// 0 where the library shows it.
pub(crate) const VISIBILITY: Column = Column::or_lacking(&["ZVISIBILITYSTATE"], "visible");
/// 0 photo, 1 movie.
pub(crate) const KIND: Column = Column::new(&["ZKIND"]);
pub(crate) const SUBTYPE: Column = Column::new(&["ZKINDSUBTYPE"]);
/// `ZHASADJUSTMENTS` up to model 17600; 0, 1, 2, 3 seen in its successor.
pub(crate) const ADJUSTED: Column = Column::new(&["ZADJUSTMENTSSTATE", "ZHASADJUSTMENTS"]);
pub(crate) const WIDTH: Column = Column::or_lacking(&["ZWIDTH"], "width");
pub(crate) const HEIGHT: Column = Column::or_lacking(&["ZHEIGHT"], "height");
pub(crate) const DIRECTORY: Column = Column::new(&["ZDIRECTORY"]);
pub(crate) const FILENAME: Column = Column::new(&["ZFILENAME"]);
/// 3 copied, 4 shared album, 6 iCloud, 10 referenced.
pub(crate) const SAVED_TYPE: Column = Column::or_lacking(&["ZSAVEDASSETTYPE"], "isreference");
pub(crate) const UTI: Column = Column::or_lacking(&["ZUNIFORMTYPEIDENTIFIER"], "uti");
/// `ZCUSTOMRENDEREDVALUE` up to model 14208.
pub(crate) const HDR: Column = Column::or_lacking(&["ZHDRTYPE", "ZCUSTOMRENDEREDVALUE"], "hdr");
/// `ZDEPTHSTATES` up to model 13703.
pub(crate) const DEPTH: Column = Column::or_lacking(&["ZDEPTHTYPE", "ZDEPTHSTATES"], "portrait");
/// From model 17401 on.
pub(crate) const SPATIAL: Column = Column::or_lacking(&["ZSPATIALTYPE"], "spatial");
/// The same for all images of one burst.
pub(crate) const BURST: Column = Column::new(&["ZAVALANCHEUUID"]);
pub(crate) const PICK_TYPE: Column = Column::new(&["ZAVALANCHEPICKTYPE"]);
/// Set for what is in a shared album.
pub(crate) const SHARED: Column = Column::or_lacking(&["ZCLOUDBATCHPUBLISHDATE"], "shared");
/// The shared album of an asset, from model 19063 on; before, the join table of albums has it.
pub(crate) const COLLECTION_SHARE: Column = Column::new(&["ZCOLLECTIONSHARE"]);
pub(crate) const MOMENT_SHARE: Column = Column::or_lacking(&["ZMOMENTSHARE"], "shared_moment");
pub(crate) const IMPORT_SESSION: Column = Column::or_lacking(&["ZIMPORTSESSION"], "import_info");
pub(crate) const ORIENTATION: Column = Column::or_lacking(&["ZORIENTATION"], "orientation");
/// -180 in both where it is not known.
pub(crate) const LATITUDE: Column = Column::or_lacking(&["ZLATITUDE"], "location");
pub(crate) const LONGITUDE: Column = Column::or_lacking(&["ZLONGITUDE"], "location");
/// Who shared it, as a hash.
pub(crate) const OWNER: Column =
    Column::or_lacking(&["ZCLOUDOWNERHASHEDPERSONID"], "cloud_owner_hashed_id");
pub(crate) const CLOUD_GUID: Column = Column::or_lacking(&["ZCLOUDASSETGUID"], "iscloudasset");
/// The row of `ZCLOUDMASTER`.
pub(crate) const MASTER: Column = Column::or_lacking(&["ZMASTER"], "incloud");
/// Not 0 in a library that several people share, from model 16320 on.
pub(crate) const SHARED_LIBRARY: Column = Column::new(&["ZACTIVELIBRARYSCOPEPARTICIPATIONSTATE"]);

/// In both coordinates: not known.
pub(crate) const NOWHERE: f64 = -180.0;
/// macOS 12; what was sent by somebody is told from here on.
pub(crate) const FIRST_MODEL_OF_PHOTOS_7: i64 = 15_000;
/// macOS 13.
pub(crate) const FIRST_MODEL_OF_PHOTOS_8: i64 = 16_000;

pub(crate) const KIND_PHOTO: i64 = 0;
pub(crate) const KIND_MOVIE: i64 = 1;
pub(crate) const SUBTYPE_PANORAMA: i64 = 1;
pub(crate) const SUBTYPE_LIVE: i64 = 2;
pub(crate) const SUBTYPE_SCREENSHOT: i64 = 10;
pub(crate) const SUBTYPE_SLOW_MOTION: i64 = 101;
pub(crate) const SUBTYPE_TIME_LAPSE: i64 = 102;
pub(crate) const SUBTYPE_SCREEN_RECORDING: i64 = 103;
pub(crate) const HDR_ON: i64 = 3;
pub(crate) const HDR_PANORAMA: i64 = 6;
pub(crate) const SAVED_AS_REFERENCE: i64 = 10;
pub(crate) const PICK_DEFAULT: i64 = 4;
pub(crate) const PICK_SELECTED: i64 = 8;
pub(crate) const PICK_KEY: i64 = 16;

/// What an asset has that is seldom needed, one row each.
pub(crate) mod attributes {
    use super::{Column, PK, TableNames};

    pub(crate) const TABLE: TableNames = TableNames {
        names: &["ZADDITIONALASSETATTRIBUTES"],
        needed: &[PK, ASSET, ORIGINAL_FILENAME],
    };

    pub(crate) const ASSET: Column = Column::new(&["ZASSET"]);
    pub(crate) const ORIGINAL_FILENAME: Column = Column::new(&["ZORIGINALFILENAME"]);
    pub(crate) const TITLE: Column = Column::or_lacking(&["ZTITLE"], "title");
    pub(crate) const DESCRIPTION: Column =
        Column::or_lacking(&["ZASSETDESCRIPTION"], "description");
    pub(crate) const ZONE_OFFSET: Column = Column::or_lacking(&["ZTIMEZONEOFFSET"], "tzoffset");
    pub(crate) const ZONE_NAME: Column = Column::or_lacking(&["ZTIMEZONENAME"], "tzname");
    pub(crate) const WIDTH: Column = Column::or_lacking(&["ZORIGINALWIDTH"], "original_width");
    pub(crate) const HEIGHT: Column = Column::or_lacking(&["ZORIGINALHEIGHT"], "original_height");
    pub(crate) const ORIENTATION: Column =
        Column::or_lacking(&["ZORIGINALORIENTATION"], "original_orientation");
    pub(crate) const FILE_SIZE: Column =
        Column::or_lacking(&["ZORIGINALFILESIZE"], "original_filesize");
    /// 1 by the front camera.
    pub(crate) const CAMERA: Column = Column::or_lacking(&["ZCAMERACAPTUREDEVICE"], "selfie");
    /// 1 where the RAW of a pair is shown as the original.
    pub(crate) const CHOICE: Column =
        Column::or_lacking(&["ZORIGINALRESOURCECHOICE"], "raw_original");
    /// Set for what somebody sent ("Shared with You"), from model 15134 on.
    pub(crate) const SYNDICATED: Column = Column::new(&["ZSYNDICATIONIDENTIFIER"]);
    /// Not 0 once such a one was saved, from model 15323 on.
    pub(crate) const SYNDICATION_HISTORY: Column = Column::new(&["ZSYNDICATIONHISTORY"]);

    /// `ZMASTERFINGERPRINT` up to model 17600.
    pub(crate) const FINGERPRINT: Column =
        Column::or_lacking(&["ZORIGINALSTABLEHASH", "ZMASTERFINGERPRINT"], "fingerprint");
    /// The row of `ZUNMANAGEDADJUSTMENT`.
    pub(crate) const UNMANAGED: Column =
        Column::or_lacking(&["ZUNMANAGEDADJUSTMENT"], "external_edit");
    /// A binary property list, an archive of Apple's.
    pub(crate) const PLACE: Column = Column::or_lacking(&["ZREVERSELOCATIONDATA"], "place");
    /// From model 15134 on.
    pub(crate) const IMPORTED_BY: Column = Column::new(&["ZIMPORTEDBYDISPLAYNAME"]);
    pub(crate) const IMPORTED_BY_BUNDLE: Column = Column::new(&["ZIMPORTEDBYBUNDLEIDENTIFIER"]);

    pub(crate) const FRONT_CAMERA: i64 = 1;
    pub(crate) const CHOSE_RAW: i64 = 1;
}

/// Descriptions, one row each.
pub(crate) mod description {
    use super::{Column, PK, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["ZASSETDESCRIPTION"], needed: &[PK, TEXT] };
    pub(crate) const TEXT: Column = Column::new(&["ZLONGDESCRIPTION"]);
}

/// Keywords, and the table that joins them with attributes.
pub(crate) mod keyword {
    use super::{Column, PK, TableNames};

    pub(crate) const TABLE: TableNames = TableNames { names: &["ZKEYWORD"], needed: &[PK, TITLE] };
    pub(crate) const TITLE: Column = Column::new(&["ZTITLE"]);
    /// The join table is `Z_1KEYWORDS` in all models, with the columns `Z_1ASSETATTRIBUTES` and
    /// `Z_<n>KEYWORDS`.
    pub(crate) const JOIN_SUFFIX: &str = "KEYWORDS";
    pub(crate) const JOIN_ATTRIBUTES_SUFFIX: &str = "ASSETATTRIBUTES";
}
