//! What the analysis of the pictures found: `mediaanalysis.db`, and since Photos 11 the Core Data
//! store `MediaAnalysis.sqlite`.
//!
//! One row per asset, by its local identifier, and one per result, a property list. The old file
//! stays beside the new one and is then of the past (seen in a library of Photos 11.1: the new one
//! empty, the old one full). Seen in models 13537 to 19320.

use super::{Column, PK, TableNames};

pub(crate) const FOLDER: &str = "private/com.apple.mediaanalysisd/MediaAnalysis";
/// Since Photos 11.
pub(crate) const FILE: &str = "MediaAnalysis.sqlite";
/// Up to Photos 10.
pub(crate) const OLD_FILE: &str = "mediaanalysis.db";
/// The first model whose results stand in the tables of Core Data; a model that tells no number is
/// newer than all.
pub(crate) const FIRST_NEW_MODEL: i64 = 19_000;
/// What follows an asset's UUID in its local identifier.
pub(crate) const IDENTIFIER_SUFFIX: &str = "/L0/001";

/// Where assets and their results stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tables {
    pub(crate) assets: TableNames,
    pub(crate) key: Column,
    pub(crate) identifier: Column,
    pub(crate) date: Column,
    pub(crate) results: TableNames,
    pub(crate) asset: Column,
    /// What the order of an asset's results is by.
    pub(crate) order: Column,
    pub(crate) value: Column,
}

/// Since Photos 11.
pub(crate) const NEW: Tables = Tables {
    assets: TableNames { names: &["ZASSET"], needed: &[PK, NEW_IDENTIFIER] },
    key: PK,
    identifier: NEW_IDENTIFIER,
    date: Column::new(&["ZDATEANALYZED"]),
    results: TableNames { names: &["ZRESULT"], needed: &[PK, NEW_ASSET, NEW_VALUE] },
    asset: NEW_ASSET,
    order: PK,
    value: NEW_VALUE,
};
const NEW_IDENTIFIER: Column = Column::new(&["ZLOCALIDENTIFIER"]);
const NEW_ASSET: Column = Column::new(&["ZASSET"]);
const NEW_VALUE: Column = Column::new(&["ZRESULTS"]);

/// Up to Photos 10.
pub(crate) const OLD: Tables = Tables {
    assets: TableNames { names: &["Assets"], needed: &[OLD_KEY, OLD_IDENTIFIER] },
    key: OLD_KEY,
    identifier: OLD_IDENTIFIER,
    date: Column::new(&["dateAnalyzed"]),
    results: TableNames { names: &["Results"], needed: &[OLD_ASSET, OLD_ORDER, OLD_VALUE] },
    asset: OLD_ASSET,
    order: OLD_ORDER,
    value: OLD_VALUE,
};
const OLD_KEY: Column = Column::new(&["id"]);
const OLD_IDENTIFIER: Column = Column::new(&["localIdentifier"]);
const OLD_ASSET: Column = Column::new(&["assetId"]);
const OLD_ORDER: Column = Column::new(&["resultsType"]);
const OLD_VALUE: Column = Column::new(&["results"]);

/// Captions of macOS 27, by hearsay: no library with one was seen.
pub(crate) mod caption {
    use super::{Column, PK, TableNames};

    /// The table of pictures, that of videos, that of parts of videos.
    pub(crate) const TABLES: [TableNames; 3] = [
        TableNames { names: &["ZIMAGECAPTIONRESULT"], needed: &[PK, ASSET, TEXT] },
        TableNames { names: &["ZVIDEOCAPTIONRESULT"], needed: &[PK, ASSET, TEXT] },
        TableNames { names: &["ZVIDEOSEGMENTCAPTIONRESULT"], needed: &[PK, ASSET, TEXT] },
    ];
    pub(crate) const ASSET: Column = Column::new(&["ZASSET"]);
    pub(crate) const TEXT: Column = Column::new(&["ZCAPTION"]);
    pub(crate) const CONFIDENCE: Column = Column::new(&["ZCONFIDENCE"]);
}
