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
}
