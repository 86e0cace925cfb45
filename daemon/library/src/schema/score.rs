//! `ZCOMPUTEDASSETATTRIBUTES`: what Photos thinks of an asset, one row for most.
//!
//! Facts of the schema only. Where there is no row, every score is 0. Four more scores are columns
//! of the asset itself. `behavioral` and `interaction` went with model 19063.

use super::{Column, PK, TableNames};

pub(crate) const TABLE: TableNames =
    TableNames { names: &["ZCOMPUTEDASSETATTRIBUTES"], needed: &[PK, ASSET] };

pub(crate) const ASSET: Column = Column::new(&["ZASSET"]);

const fn told(names: &'static [&'static str]) -> Column {
    Column::or_lacking(names, "score")
}

/// Name in the dump, and column. `ZLOWLIGHT` and `ZPLEASANTREFLECTIONSSCORE` are spelled as Photos
/// does.
pub(crate) const SCORES: &[(&str, Column)] = &[
    ("behavioral", Column::new(&["ZBEHAVIORALSCORE"])),
    ("failure", told(&["ZFAILURESCORE"])),
    ("harmonious_color", told(&["ZHARMONIOUSCOLORSCORE"])),
    ("immersiveness", told(&["ZIMMERSIVENESSSCORE"])),
    ("interaction", Column::new(&["ZINTERACTIONSCORE"])),
    ("interesting_subject", told(&["ZINTERESTINGSUBJECTSCORE"])),
    ("intrusive_object_presence", told(&["ZINTRUSIVEOBJECTPRESENCESCORE"])),
    ("lively_color", told(&["ZLIVELYCOLORSCORE"])),
    ("low_light", told(&["ZLOWLIGHT"])),
    ("noise", told(&["ZNOISESCORE"])),
    ("pleasant_camera_tilt", told(&["ZPLEASANTCAMERATILTSCORE"])),
    ("pleasant_composition", told(&["ZPLEASANTCOMPOSITIONSCORE"])),
    ("pleasant_lighting", told(&["ZPLEASANTLIGHTINGSCORE"])),
    ("pleasant_pattern", told(&["ZPLEASANTPATTERNSCORE"])),
    ("pleasant_perspective", told(&["ZPLEASANTPERSPECTIVESCORE"])),
    ("pleasant_post_processing", told(&["ZPLEASANTPOSTPROCESSINGSCORE"])),
    ("pleasant_reflection", told(&["ZPLEASANTREFLECTIONSSCORE"])),
    ("pleasant_symmetry", told(&["ZPLEASANTSYMMETRYSCORE"])),
    ("sharply_focused_subject", told(&["ZSHARPLYFOCUSEDSUBJECTSCORE"])),
    ("tastefully_blurred", told(&["ZTASTEFULLYBLURREDSCORE"])),
    ("well_chosen_subject", told(&["ZWELLCHOSENSUBJECTSCORE"])),
    ("well_framed_subject", told(&["ZWELLFRAMEDSUBJECTSCORE"])),
    ("well_timed_shot", told(&["ZWELLTIMEDSHOTSCORE"])),
];

/// The same for those that are columns of the asset.
pub(crate) const OF_ASSET: &[(&str, Column)] = &[
    ("overall", told(&["ZOVERALLAESTHETICSCORE"])),
    ("curation", told(&["ZCURATIONSCORE"])),
    ("promotion", told(&["ZPROMOTIONSCORE"])),
    ("highlight_visibility", told(&["ZHIGHLIGHTVISIBILITYSCORE"])),
];
