//! `ZGENERICALBUM`, the table that joins albums with assets, and shared albums as Photos 11 keeps
//! them.
//!
//! One table holds albums, folders, smart albums, projects, import sessions and things of Photos'
//! own; the number of the kind tells which. Seen in models 13537 to 19320; shared albums as shares
//! were not seen in any real library.

use super::{Column, PK, TableNames};

pub(crate) const TABLE: TableNames =
    TableNames { names: &["ZGENERICALBUM"], needed: &[PK, UUID, TITLE, KIND, TRASHED, PARENT] };

pub(crate) const UUID: Column = Column::new(&["ZUUID"]);
pub(crate) const TITLE: Column = Column::new(&["ZTITLE"]);
pub(crate) const KIND: Column = Column::new(&["ZKIND"]);
/// Anything but 0 is trashed, nothing at all too.
pub(crate) const TRASHED: Column = Column::new(&["ZTRASHEDSTATE"]);
pub(crate) const PARENT: Column = Column::new(&["ZPARENTFOLDER"]);
pub(crate) const CREATED: Column = Column::or_lacking(&["ZCREATIONDATE"], "album creation date");

/// Dates of its oldest and newest member, trashed and hidden ones too.
pub(crate) const START: Column = Column::or_lacking(&["ZSTARTDATE"], "album dates");
pub(crate) const END: Column = Column::or_lacking(&["ZENDDATE"], "album dates");
/// Who owns a shared album, as a hash.
pub(crate) const OWNER: Column = Column::or_lacking(&["ZCLOUDOWNERHASHEDPERSONID"], "album owner");
/// 0 by hand, 1 by date, 5 by title.
pub(crate) const SORT_KEY: Column = Column::or_lacking(&["ZCUSTOMSORTKEY"], "album sort order");
pub(crate) const SORT_ASCENDING: Column =
    Column::or_lacking(&["ZCUSTOMSORTASCENDING"], "album sort order");

/// The key photo that somebody chose: a row number of assets. In all models; seen for 1 album in
/// 10.
pub(crate) const CUSTOM_KEY: Column = Column::or_lacking(&["ZCUSTOMKEYASSET"], "album key photo");
/// The key photo that Photos chose itself, of albums and shared albums alone. In models up to
/// 17600; since 18201 no album has one that nobody chose.
pub(crate) const KEY: Column = Column::new(&["ZKEYASSET"]);

pub(crate) const SORT_BY_DATE: i64 = 1;
pub(crate) const SORT_BY_TITLE: i64 = 5;

pub(crate) const KIND_ALBUM: i64 = 2;
pub(crate) const KIND_SHARED: i64 = 1_505;
pub(crate) const KIND_IMPORT: i64 = 1_506;
pub(crate) const KIND_SMART: i64 = 1_507;
pub(crate) const KIND_PROJECT: i64 = 1_508;
/// The root of projects, which nobody sees.
pub(crate) const KIND_PROJECT_ROOT: i64 = 3_998;
/// The root of all, exactly one.
pub(crate) const KIND_ROOT: i64 = 3_999;
pub(crate) const KIND_FOLDER: i64 = 4_000;
/// The kinds that people see.
pub(crate) const LISTED: [i64; 6] =
    [KIND_ALBUM, KIND_SHARED, KIND_IMPORT, KIND_SMART, KIND_PROJECT, KIND_FOLDER];

/// The join table is `Z_<n>ASSETS` with the columns `Z_<n>ALBUMS`, `Z_<m>ASSETS`,
/// `Z_FOK_<m>ASSETS`.
pub(crate) mod members {
    pub(crate) const TABLE_SUFFIX: &str = "ASSETS";
    pub(crate) const ALBUM_SUFFIX: &str = "ALBUMS";
    pub(crate) const ASSET_SUFFIX: &str = "ASSETS";
    /// Where Core Data keeps the order by hand.
    pub(crate) const ORDER_PREFIX: &str = "Z_FOK_";
}

/// Shared albums from model 19063 on.
pub(crate) mod share {
    use super::super::{Column, PK, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["ZSHARE"], needed: &[PK, ENTITY, UUID, TITLE, TRASHED] };
    pub(crate) const ENTITY: Column = Column::new(&["Z_ENT"]);
    pub(crate) const UUID: Column = Column::new(&["ZUUID"]);
    pub(crate) const TITLE: Column = Column::new(&["ZTITLE"]);
    pub(crate) const TRASHED: Column = Column::new(&["ZTRASHEDSTATE"]);
    pub(crate) const CREATED: Column = Column::new(&["ZCREATIONDATE"]);
    pub(crate) const START: Column = Column::new(&["ZSTARTDATE"]);
    pub(crate) const END: Column = Column::new(&["ZENDDATE"]);
}
