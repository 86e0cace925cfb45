//! `ZINTERNALRESOURCE`: one row per file that Photos knows for an asset; and the places of files in
//! the bundle.
//!
//! The rows tell why a file is not here; that it is here only the disk tells, for the columns are
//! wrong both ways. Names of rendered files follow from the recipe (624 rows in 39 libraries
//! checked against the folders).

use super::{Column, PK, TableNames};

pub(crate) const TABLE: TableNames =
    TableNames { names: &["ZINTERNALRESOURCE"], needed: &[PK, ASSET, SUBTYPE] };

pub(crate) const ASSET: Column = Column::new(&["ZASSET"]);
/// 0 the library, 2 a shared album.
pub(crate) const STORE: Column = Column::new(&["ZDATASTORECLASSID"]);
pub(crate) const SUBTYPE: Column = Column::new(&["ZDATASTORESUBTYPE"]);
/// 0 original, 1 previous edit, 2 current edit, 3 preview.
pub(crate) const VERSION: Column = Column::new(&["ZVERSION"]);
pub(crate) const RECIPE: Column = Column::new(&["ZRECIPEID"]);
/// 1 on this disk.
pub(crate) const LOCAL: Column = Column::or_lacking(&["ZLOCALAVAILABILITY"], "ismissing");
/// 1 where iCloud has it.
pub(crate) const REMOTE: Column = Column::or_lacking(&["ZREMOTEAVAILABILITY"], "in-icloud");
/// Up to model 14208 a row of another table, later `ZCOMPACTUTI`.
pub(crate) const UTI: Column = Column::new(&["ZUNIFORMTYPEIDENTIFIER"]);

pub(crate) const STORE_SHARED: i64 = 2;
pub(crate) const SUBTYPE_ORIGINAL: i64 = 1;
pub(crate) const SUBTYPE_SHARED_PHOTO: i64 = 3;
pub(crate) const SUBTYPE_SHARED_MOVIE: i64 = 8;
pub(crate) const SUBTYPE_RAW: i64 = 17;
pub(crate) const SUBTYPE_LIVE_VIDEO: i64 = 18;
pub(crate) const VERSION_CURRENT_EDIT: i64 = 2;
/// `_1_201_a`, the edited still.
pub(crate) const RECIPE_EDITED_STILL: i64 = 65_938;
/// `_2_0_a`, the edited movie.
pub(crate) const RECIPE_EDITED_MOVIE: i64 = 131_072;
/// `_2_100_a`, the edited video of a live photo.
pub(crate) const RECIPE_EDITED_LIVE: i64 = 131_272;
pub(crate) const AVAILABLE: i64 = 1;

/// Types of content, up to model 14208.
pub(crate) mod uti {
    use super::{Column, PK, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["ZUNIFORMTYPEIDENTIFIER"], needed: &[PK, IDENTIFIER] };
    pub(crate) const IDENTIFIER: Column = Column::new(&["ZIDENTIFIER"]);
    pub(crate) const HEIC: &str = "public.heic";
    /// Extensions of RAW files, from Apple's table of types; all have three letters.
    pub(crate) const RAW_EXTENSIONS: &[&str] = &[
        "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "dxo", "erf", "fff", "iiq", "mos", "mrw",
        "nef", "nrw", "orf", "pef", "pwl", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw",
    ];
}

/// Folders and names in the bundle.
pub(crate) mod place {
    pub(crate) const DATABASE: &str = "database";
    pub(crate) const STORE: &str = "Photos.sqlite";
    pub(crate) const OLD_STORE: &str = "photos.db";
    /// Of iPhoto; on a Mac's disk `Database` equals `database`, so only the file tells.
    pub(crate) const IPHOTO_MARKS: &[&str] =
        &["AlbumData.xml", "Database/Library.apdb", "iPhotoMain.db", "Database/iPhotoMain.db"];

    pub(crate) const ORIGINALS: &str = "originals";
    pub(crate) const RENDERS: &str = "resources/renders";
    /// Up to Photos 7.
    pub(crate) const OLD_SHARED: &str = "resources/cloudsharing/data";
    /// From Photos 8 on.
    pub(crate) const SHARED: &str = "scopes/cloudsharing/data";
    pub(crate) const MOMENT_SHARED: &str = "scopes/momentshared/originals";
    pub(crate) const SYNDICATED: &str = "scopes/syndication/originals";
    /// The first model whose shared albums lie below `scopes`.
    pub(crate) const FIRST_SCOPES_MODEL: i64 = 16_000;

    pub(crate) const SHARED_MOVIE_SUFFIX: &str = ".medium.MP4";
    pub(crate) const SHARED_LIVE_SUFFIX: &str = ".MOV";
    pub(crate) const LIVE_SUFFIX: &str = "_3.mov";
    pub(crate) const RAW_PREFIX: &str = "_4";
    pub(crate) const EDITED_STILL: &str = "_1_201_a";
    pub(crate) const EDITED_MOVIE: &str = "_2_0_a";
    pub(crate) const EDITED_LIVE: &str = "_2_100_a";
    /// Of rendered stills; jpeg and heic were seen, png by hearsay (edited screenshots).
    pub(crate) const STILL_EXTENSIONS: &[&str] = &["jpeg", "heic", "png", "jpg", "tiff"];
    /// Of rendered movies; mov was seen.
    pub(crate) const MOVIE_EXTENSIONS: &[&str] = &["mov", "mp4", "m4v"];
}
