//! Persons and faces.
//!
//! Facts of the schema only. A face points to its asset and its person: by `ZASSET` and `ZPERSON`
//! up to model 16502, by `ZASSETFORFACE` and `ZPERSONFORFACE` from 17120 on.

use super::{Column, PK, TableNames};

/// Persons; unnamed ones have an empty name.
pub(crate) mod person {
    use super::{Column, PK, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["ZPERSON"], needed: &[PK, UUID, NAME] };
    pub(crate) const UUID: Column = Column::new(&["ZPERSONUUID"]);
    pub(crate) const NAME: Column = Column::new(&["ZFULLNAME"]);
    pub(crate) const DISPLAY_NAME: Column = Column::or_lacking(&["ZDISPLAYNAME"], "person_info");
    pub(crate) const KEY_FACE: Column = Column::or_lacking(&["ZKEYFACE"], "person_info");
    pub(crate) const FACE_COUNT: Column = Column::or_lacking(&["ZFACECOUNT"], "person_info");
    /// 1 a favourite.
    pub(crate) const TYPE: Column = Column::or_lacking(&["ZTYPE"], "person_info");
    pub(crate) const ORDER: Column = Column::or_lacking(&["ZMANUALORDER"], "person_info");

    pub(crate) const TYPE_FAVORITE: i64 = 1;
}

/// Faces.
pub(crate) mod face {
    use super::{Column, PK, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["ZDETECTEDFACE"], needed: &[PK, ASSET, PERSON] };
    pub(crate) const ASSET: Column = Column::new(&["ZASSETFORFACE", "ZASSET"]);
    pub(crate) const PERSON: Column = Column::new(&["ZPERSONFORFACE", "ZPERSON"]);
    pub(crate) const UUID: Column = Column::or_lacking(&["ZUUID"], "face_info");
    pub(crate) const CENTER_X: Column = Column::or_lacking(&["ZCENTERX"], "face_info");
    pub(crate) const CENTER_Y: Column = Column::or_lacking(&["ZCENTERY"], "face_info");
    pub(crate) const SIZE: Column = Column::or_lacking(&["ZSIZE"], "face_info");
    pub(crate) const ROLL: Column = Column::or_lacking(&["ZROLL"], "face_info");
    /// These three only in Photos 2 to 4; a `ZYAW` that came and went is not told.
    pub(crate) const PITCH: Column = Column::new(&["posePitch"]);
    pub(crate) const YAW: Column = Column::new(&["poseYaw"]);
    pub(crate) const TYPE: Column = Column::new(&["faceType"]);
    const fn told(names: &'static [&'static str]) -> Column {
        Column::or_lacking(names, "face_info")
    }

    /// Name in the dump, and column, of what is told as it is.
    pub(crate) const AS_THEY_ARE: &[(&str, Column)] = &[
        ("quality", told(&["ZQUALITY"])),
        ("source_width", told(&["ZSOURCEWIDTH"])),
        ("source_height", told(&["ZSOURCEHEIGHT"])),
        ("has_smile", told(&["ZHASSMILE"])),
        ("manual", told(&["ZMANUAL"])),
        ("age_type", told(&["ZAGETYPE"])),
        ("eye_makeup_type", told(&["ZEYEMAKEUPTYPE"])),
        ("eye_state", told(&["ZEYESSTATE"])),
        ("facial_hair_type", told(&["ZFACIALHAIRTYPE"])),
        ("gender_type", told(&["ZGENDERTYPE"])),
        ("glasses_type", told(&["ZGLASSESTYPE"])),
        ("hair_color_type", told(&["ZHAIRCOLORTYPE"])),
        ("lip_makeup_type", told(&["ZLIPMAKEUPTYPE"])),
        ("smile_type", told(&["ZSMILETYPE"])),
        ("intrash", told(&["ZISINTRASH"])),
    ];
}

/// What the user said of a person, from model 16119 on.
pub(crate) mod feedback {
    use super::{Column, PK, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["ZUSERFEEDBACK"], needed: &[PK, PERSON, TYPE] };
    pub(crate) const PERSON: Column = Column::new(&["ZPERSON"]);
    /// Not 0: the person is to be featured less.
    pub(crate) const TYPE: Column = Column::new(&["ZTYPE"]);
}
