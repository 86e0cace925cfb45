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
pub(crate) const STORE: Column = Column::or_lacking(&["ZDATASTORECLASSID"], "resources");
pub(crate) const SUBTYPE: Column = Column::new(&["ZDATASTORESUBTYPE"]);
/// 0 original, 1 previous edit, 2 current edit, 3 preview.
pub(crate) const VERSION: Column = Column::or_lacking(&["ZVERSION"], "resources");
pub(crate) const RECIPE: Column = Column::or_lacking(&["ZRECIPEID"], "resources");
/// 1 on this disk.
pub(crate) const LOCAL: Column = Column::or_lacking(&["ZLOCALAVAILABILITY"], "ismissing");
/// 1 where iCloud has it.
pub(crate) const REMOTE: Column = Column::or_lacking(&["ZREMOTEAVAILABILITY"], "in-icloud");
/// Up to model 14208 a row of another table, later `ZCOMPACTUTI`.
pub(crate) const UTI: Column = Column::new(&["ZUNIFORMTYPEIDENTIFIER"]);
/// From model 15134 on: a number, stored as text.
pub(crate) const COMPACT_UTI: Column = Column::new(&["ZCOMPACTUTI"]);
/// Bytes; 0 for what is shared.
pub(crate) const BYTES: Column = Column::or_lacking(&["ZDATALENGTH"], "resource sizes");
/// Of the file's content; none where it was never computed.
pub(crate) const FINGERPRINT: Column = Column::or_lacking(&["ZFINGERPRINT"], "ismissing");
/// Set for what lies outside the bundle.
pub(crate) const VOLUME: Column = Column::or_lacking(&["ZFILESYSTEMVOLUME"], "referenced files");

pub(crate) const STORE_SHARED: i64 = 2;
pub(crate) const SUBTYPE_ORIGINAL: i64 = 1;
/// A full-size edit, and the full-size JPEG of a RAW file.
pub(crate) const SUBTYPE_EDIT: i64 = 2;
pub(crate) const SUBTYPE_SHARED_PHOTO: i64 = 3;
pub(crate) const SUBTYPE_SHARED_MOVIE: i64 = 8;
pub(crate) const SUBTYPE_RAW: i64 = 17;
pub(crate) const SUBTYPE_LIVE_VIDEO: i64 = 18;
/// A camera's own adjustments, `_5.aae`; 15.7.2 alone has files of it.
pub(crate) const SUBTYPE_AAE: i64 = 22;
pub(crate) const VERSION_ORIGINAL: i64 = 0;
pub(crate) const VERSION_CURRENT_EDIT: i64 = 2;
pub(crate) const VERSION_PREVIEW: i64 = 3;
/// `_1_201_a`, the edited still.
pub(crate) const RECIPE_EDITED_STILL: i64 = 65_938;
/// `_2_0_a`, the edited movie.
pub(crate) const RECIPE_EDITED_MOVIE: i64 = 131_072;
/// `_2_100_a`, the edited video of a live photo.
pub(crate) const RECIPE_EDITED_LIVE: i64 = 131_272;
pub(crate) const AVAILABLE: i64 = 1;
/// The first half of a recipe, in the names of its files.
pub(crate) const RECIPE_STILL: i64 = 1;

/// What a file made by a recipe is called behind the UUID, without its extension; none for what is
/// no recipe's.
pub(crate) fn recipe_mark(recipe: i64, version: i64) -> Option<String> {
    let letter = match version {
        VERSION_ORIGINAL => 'o',
        VERSION_CURRENT_EDIT => 'a',
        VERSION_PREVIEW => 'c',
        _ => return None,
    };
    (recipe > 0).then(|| format!("_{}_{}_{letter}", recipe >> 16, (recipe & 0xFFFF) >> 1))
}

/// Where files outside the bundle are, up to now in all models; a row for each such resource.
pub(crate) mod bookmark {
    use super::{Column, PK, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["ZFILESYSTEMBOOKMARK"], needed: &[PK, RESOURCE, PATH] };
    pub(crate) const RESOURCE: Column = Column::new(&["ZRESOURCE"]);
    /// Below the volume.
    pub(crate) const PATH: Column = Column::new(&["ZPATHRELATIVETOVOLUME"]);
}

/// Disks that files outside the bundle are on.
pub(crate) mod volume {
    use super::{Column, PK, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["ZFILESYSTEMVOLUME"], needed: &[PK, NAME] };
    pub(crate) const NAME: Column = Column::new(&["ZNAME"]);
    /// Where macOS mounts disks by their names.
    pub(crate) const MOUNTS: &str = "/Volumes";
}

/// Types of content, up to model 14208.
pub(crate) mod uti {
    use super::{Column, PK, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["ZUNIFORMTYPEIDENTIFIER"], needed: &[PK, IDENTIFIER] };
    pub(crate) const IDENTIFIER: Column = Column::new(&["ZIDENTIFIER"]);
    /// The first model that has numbers in place of rows of this table.
    pub(crate) const FIRST_COMPACT_MODEL: i64 = 15_000;
    /// The numbers that were seen.
    pub(crate) const COMPACT: &[(&str, &str)] = &[
        ("1", "public.jpeg"),
        ("3", "public.heic"),
        ("6", "public.png"),
        ("8", "public.tiff"),
        ("9", "com.adobe.raw-image"),
        ("11", "com.canon.cr2-raw-image"),
        ("23", "com.apple.quicktime-movie"),
        ("24", "public.mpeg-4"),
        ("37", "com.apple.photos.apple-adjustment-envelope"),
    ];
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
    pub(crate) const DERIVATIVES: &str = "resources/derivatives";
    /// Of shared albums, below `data` their files and below the derivatives their previews: up to
    /// Photos 7.
    pub(crate) const OLD_SHARED: &str = "resources/cloudsharing";
    /// From Photos 8 on.
    pub(crate) const SHARED: &str = "scopes/cloudsharing";
    pub(crate) const SHARED_DATA: &str = "data";
    /// What others sent; from Photos 7 on, no real library has one.
    pub(crate) const MOMENT_SHARED: &str = "scopes/momentshared";
    pub(crate) const SYNDICATED: &str = "scopes/syndication";
    /// The first model whose shared albums lie below `scopes`.
    pub(crate) const FIRST_SCOPES_MODEL: i64 = 16_000;
    /// The first model with moments that others shared.
    pub(crate) const FIRST_MOMENT_SHARED_MODEL: i64 = 15_000;
    /// The small preview of every asset has a folder of its own below the derivatives.
    pub(crate) const MASTERS: &str = "masters";
    pub(crate) const SMALL_PREVIEW: &str = "_4_5005_c.jpeg";
    /// Derivatives that were seen, for assets whose rows name none.
    pub(crate) const USUAL_PREVIEWS: &[&str] =
        &["_1_105_c.jpeg", "_1_106_c.jpeg", "_1_102_o.jpeg", "_1_102_a.jpeg", "_1_100_o.jpeg"];

    pub(crate) const SHARED_MOVIE_SUFFIX: &str = ".medium.MP4";
    pub(crate) const SHARED_LIVE_SUFFIX: &str = ".MOV";
    pub(crate) const LIVE_SUFFIX: &str = "_3.mov";
    pub(crate) const RAW_SUFFIX: &str = "_4";
    pub(crate) const AAE_SUFFIX: &str = "_5.aae";
    pub(crate) const ADJUSTMENTS_SUFFIX: &str = ".plist";
    pub(crate) const EDITED_STILL: &str = "_1_201_a";
    pub(crate) const EDITED_MOVIE: &str = "_2_0_a";
    pub(crate) const EDITED_LIVE: &str = "_2_100_a";
    /// Of rendered stills; jpeg and heic were seen, png by hearsay (edited screenshots).
    pub(crate) const STILL_EXTENSIONS: &[&str] = &["jpeg", "heic", "png", "jpg", "tiff"];
    /// Of rendered movies; mov was seen.
    pub(crate) const MOVIE_EXTENSIONS: &[&str] = &["mov", "mp4", "m4v"];
}
