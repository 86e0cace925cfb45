//! Core Data's persistent history: `ATRANSACTION`, `ACHANGE`, and how a change names the row that
//! it is about.
//!
//! Facts of the schema only. Seen in models 13537 to 19320: transactions are complete from 1 on,
//! changes have gaps from model 15134 on. A migration rewrites the numbers of entities in old
//! changes too, so that they always are those of `Z_PRIMARYKEY` in the same file; what tombstones
//! hold keeps its old place, so that nothing is told by the place.

use super::Column;

/// When a transaction was written, in seconds since 2001; a column of their own table.
pub(crate) const TRANSACTION_TIME: &str = "ZTIMESTAMP";

/// The changes, in their order.
pub(crate) const TABLE: &str = "ACHANGE";
pub(crate) const KIND: Column = Column::new(&["ZCHANGETYPE"]);
pub(crate) const ENTITY: Column = Column::new(&["ZENTITY"]);
/// The number of the changed row in the table of its entity.
pub(crate) const ROW: Column = Column::new(&["ZENTITYPK"]);
/// Indexed, alone.
pub(crate) const TRANSACTION: Column = Column::new(&["ZTRANSACTIONID"]);
/// What is kept of a deleted row, of deletions only: four columns up to model 14208, six later. A
/// few of its attributes in the order of their names; of an asset its cloud identity, which can
/// have the form of a UUID and comes before the UUID, states, and when it was trashed.
pub(crate) const TOMBSTONES: &[Column] = &[
    Column::new(&["ZTOMBSTONE0"]),
    Column::new(&["ZTOMBSTONE1"]),
    Column::new(&["ZTOMBSTONE2"]),
    Column::new(&["ZTOMBSTONE3"]),
    Column::new(&["ZTOMBSTONE4"]),
    Column::new(&["ZTOMBSTONE5"]),
    Column::new(&["ZTOMBSTONE6"]),
    Column::new(&["ZTOMBSTONE7"]),
];

pub(crate) const INSERTED: i64 = 0;
pub(crate) const UPDATED: i64 = 1;
pub(crate) const DELETED: i64 = 2;

/// The parent of an entity in `Z_PRIMARYKEY`; 0 for none. All descendants share the table of the
/// first.
pub(crate) const PARENT_ENTITY: &str = "Z_SUPER";
/// A table is called as its entity in capitals, after this.
pub(crate) const TABLE_PREFIX: &str = "Z";

/// Columns by which rows of other tables point to an asset: most by the first, faces from model
/// 17120 on by the second, comments and likes by the others.
pub(crate) const TO_ASSET: &[Column] = &[
    Column::new(&["ZASSET"]),
    Column::new(&["ZASSETFORFACE"]),
    Column::new(&["ZCOMMENTEDASSET"]),
    Column::new(&["ZLIKEDASSET"]),
];
/// The column by which descriptions and the like point to an asset's attributes.
pub(crate) const TO_ATTRIBUTES: Column = Column::new(&["ZASSETATTRIBUTES"]);
