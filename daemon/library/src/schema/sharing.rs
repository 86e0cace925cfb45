//! Shared albums: what people said about photos, and what people are called.
//!
//! Facts of the schema only. A person is a hash; the name stands with an invitation, with an album
//! that the person owns, or, from model 19063 on, with a participant of a share. Seen in models
//! 13537 to 19320, participants only without rows.

use super::{Column, PK, TableNames};

/// `ZCLOUDSHAREDCOMMENT`: comments and likes.
pub(crate) mod comment {
    use super::{Column, PK, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["ZCLOUDSHAREDCOMMENT"], needed: &[PK, COMMENTED, LIKED, IS_LIKE] };
    pub(crate) const COMMENTED: Column = Column::new(&["ZCOMMENTEDASSET"]);
    pub(crate) const LIKED: Column = Column::new(&["ZLIKEDASSET"]);
    pub(crate) const IS_LIKE: Column = Column::new(&["ZISLIKE"]);
    pub(crate) const IS_MINE: Column = Column::or_lacking(&["ZISMYCOMMENT"], "comments");
    pub(crate) const DATE: Column = Column::or_lacking(&["ZCOMMENTDATE"], "comments");
    pub(crate) const TEXT: Column = Column::or_lacking(&["ZCOMMENTTEXT"], "comments");
    pub(crate) const PERSON: Column = Column::or_lacking(&["ZCOMMENTERHASHEDPERSONID"], "comments");
}

/// `ZCLOUDSHAREDALBUMINVITATIONRECORD`: who was invited to a shared album.
pub(crate) mod invitation {
    use super::{Column, PK, TableNames};

    pub(crate) const TABLE: TableNames = TableNames {
        names: &["ZCLOUDSHAREDALBUMINVITATIONRECORD"],
        needed: &[PK, PERSON, FULL_NAME],
    };
    pub(crate) const PERSON: Column = Column::new(&["ZINVITEEHASHEDPERSONID"]);
    pub(crate) const FIRST_NAME: Column = Column::new(&["ZINVITEEFIRSTNAME"]);
    pub(crate) const LAST_NAME: Column = Column::new(&["ZINVITEELASTNAME"]);
    pub(crate) const FULL_NAME: Column = Column::new(&["ZINVITEEFULLNAME"]);
}

/// The owner of an album, in the table of albums.
pub(crate) mod owner {
    use super::Column;

    pub(crate) const PERSON: Column = Column::new(&["ZCLOUDOWNERHASHEDPERSONID"]);
    pub(crate) const FIRST_NAME: Column = Column::new(&["ZCLOUDOWNERFIRSTNAME"]);
    pub(crate) const LAST_NAME: Column = Column::new(&["ZCLOUDOWNERLASTNAME"]);
    pub(crate) const FULL_NAME: Column = Column::new(&["ZCLOUDOWNERFULLNAME"]);
}

/// `ZSHAREPARTICIPANT`: who takes part in a share; hashes from model 19063 on.
pub(crate) mod participant {
    use super::{Column, PK, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["ZSHAREPARTICIPANT"], needed: &[PK, PERSON, NAME] };
    pub(crate) const PERSON: Column = Column::new(&["ZHASHEDPERSONID"]);
    /// The share, and the role in it: the one whose it is has 1. By hearsay.
    pub(crate) const SHARE: Column = Column::new(&["ZSHARE"]);
    /// See [`SHARE`]; by another name from model 270008501 on.
    pub(crate) const ROLE: Column = Column::new(&["ZCPLROLE", "ZROLE"]);
    /// See [`SHARE`].
    pub(crate) const OWNS: i64 = 1;
    /// An archive of the names' parts.
    pub(crate) const NAME: Column = Column::new(&["ZNAMECOMPONENTS"]);

    /// In the archive: where the parts are, and the two that count.
    pub(crate) const PARTS: &str = "NS.nameComponentsPrivate";
    /// See [`PARTS`].
    pub(crate) const GIVEN_NAME: &str = "NS.givenName";
    /// See [`PARTS`].
    pub(crate) const FAMILY_NAME: &str = "NS.familyName";
}
