//! Apple's names: every table, column and number that Photos' Core Data store has a meaning for,
//! and nobody else's.
//!
//! No other file of the program spells such a name. Core Data numbers entities alphabetically, so
//! that numbers in the names of tables and columns move with each model: what moves is discovered
//! (`profile.rs`), what was renamed stands here under all of its names. Seen in models 13537 to
//! 19320. The hazard: a list of names per release, which the next release breaks.

pub(crate) mod album;
pub(crate) mod analysis;
pub(crate) mod asset;
pub(crate) mod change;
pub(crate) mod cloud;
pub(crate) mod exif;
pub(crate) mod old;
pub(crate) mod people;
pub(crate) mod resource;
pub(crate) mod score;
pub(crate) mod search;
pub(crate) mod sharing;

/// A table, and whether a library is of use without it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TableNames {
    /// All names that it had, the newest first.
    pub(crate) names: &'static [&'static str],
    /// Those columns without which an answer would be wrong.
    pub(crate) needed: &'static [Column],
}

/// A column: all names that it had, the newest first, and what is lacking without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) names: &'static [&'static str],
    /// A word for what this model does not tell; none where that is no news.
    pub(crate) lacking: Option<&'static str>,
}

impl Column {
    pub(crate) const fn new(names: &'static [&'static str]) -> Self {
        Self { names, lacking: None }
    }

    pub(crate) const fn or_lacking(names: &'static [&'static str], word: &'static str) -> Self {
        Self { names, lacking: Some(word) }
    }

    /// The newest name, for messages.
    pub(crate) fn name(self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }
}

/// The row number, the same column in every table.
pub(crate) const PK: Column = Column::new(&["Z_PK"]);

/// How names of join tables and their columns begin; the number of an entity follows.
pub(crate) const NUMBERED: &str = "Z_";

/// `Z_METADATA`: one row that names the store and its model.
pub(crate) mod metadata {
    /// The table.
    pub(crate) const TABLE: &str = "Z_METADATA";
    /// The store's own UUID, the library's identity over time.
    pub(crate) const UUID: &str = "Z_UUID";
    /// A binary property list.
    pub(crate) const PLIST: &str = "Z_PLIST";
    /// The key of the model's number in that list; 13537 to 19320 seen.
    pub(crate) const MODEL_KEY: &str = "PLModelVersion";
    /// Photos 5; an older library has a number below, that of its own version.
    pub(crate) const OLDEST_MODEL: i64 = 10_000;
    /// Photos 11.1, macOS 26.1.
    pub(crate) const NEWEST_KNOWN_MODEL: i64 = 19_320;
}

/// `Z_PRIMARYKEY`: the number of each entity.
pub(crate) mod entity {
    /// The table.
    pub(crate) const TABLE: &str = "Z_PRIMARYKEY";
    /// The number.
    pub(crate) const NUMBER: &str = "Z_ENT";
    /// The entity's name.
    pub(crate) const NAME: &str = "Z_NAME";
    /// Shared albums from model 19063 on.
    pub(crate) const COLLECTION_SHARE: &str = "CollectionShare";
}

/// Core Data's history: each transaction has a number that only grows.
pub(crate) mod history {
    /// The table.
    pub(crate) const TABLE: &str = "ATRANSACTION";
    /// The number.
    pub(crate) const PK: &str = "Z_PK";
}
