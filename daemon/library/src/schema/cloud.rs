//! What iCloud knows of an original, and what other programs left as adjustments.
//!
//! Facts of the schema only. `ZCLOUDMASTER` has a row for each original that iCloud knows; its
//! metadata are a property list in a table of their own.

use super::{Column, PK, TableNames};

/// Originals that iCloud knows, by row.
pub(crate) mod master {
    use super::{Column, PK, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["ZCLOUDMASTER"], needed: &[PK, STATE] };
    pub(crate) const STATE: Column = Column::new(&["ZCLOUDLOCALSTATE"]);
    pub(crate) const GUID: Column = Column::or_lacking(&["ZCLOUDMASTERGUID"], "cloud_guid");

    /// The original is in iCloud.
    pub(crate) const STATE_IN_CLOUD: i64 = 3;
}

/// Their metadata.
pub(crate) mod metadata {
    use super::{Column, PK, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["ZCLOUDMASTERMEDIAMETADATA"], needed: &[PK, MASTER, DATA] };
    pub(crate) const MASTER: Column = Column::new(&["ZCLOUDMASTER"]);
    /// A binary property list.
    pub(crate) const DATA: Column = Column::new(&["ZDATA"]);
}

/// Adjustments that Photos did not make.
pub(crate) mod unmanaged {
    use super::{Column, PK, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["ZUNMANAGEDADJUSTMENT"], needed: &[PK, FORMAT] };
    pub(crate) const FORMAT: Column = Column::new(&["ZADJUSTMENTFORMATIDENTIFIER"]);

    /// Edited in another program.
    pub(crate) const EXTERNAL_EDIT: &str = "com.apple.Photos.externalEdit";
}
