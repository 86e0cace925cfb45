//! Which versions of an asset an export selects.
//!
//! Pure. An edit that never had a rendered file (slow motion, rotations) counts as no edit at all:
//! nobody waits for it and nothing is missing. The hazard: a photo whose edit is only in iCloud is
//! an edited one all the same; giving its original in the edit's place would be a surprise.

use super::{Here, Missing};
use crate::report::Outcome;
use crate::spec::{Spec, Versions};
use darkslide_library::Version;

/// What the library has, or would have, of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Available {
    pub(crate) version: Version,
    /// The file, or why it is not there.
    pub(crate) content: Result<Here, Missing>,
    /// There never was a file.
    pub(crate) never: bool,
}

/// Returns the selected ones in the order in which they get their names. `was_exported` says of
/// which versions an earlier run wrote a file.
pub(crate) fn chosen(
    spec: &Spec,
    all: Vec<Available>,
    was_exported: impl Fn(Version) -> bool,
) -> Vec<Available> {
    let has = |version| all.iter().any(|it| it.version == version && !it.never);
    let edited = has(Version::Edited);
    let live_edited = has(Version::EditedLiveVideo);
    let wanted = |version: Version| match (spec.versions, version) {
        (Versions::Original, Version::Original) => true,
        (Versions::Original, Version::LiveVideo) => spec.live,
        (Versions::Original, Version::Edited | Version::EditedLiveVideo) => false,
        (Versions::Edited, Version::Edited) => true,
        (Versions::Edited, Version::EditedLiveVideo) => spec.live,
        (Versions::Edited, Version::Original | Version::LiveVideo | Version::Raw) => false,
        (Versions::Both, Version::Original | Version::Edited) => true,
        (Versions::Both, Version::LiveVideo | Version::EditedLiveVideo) => spec.live,
        (Versions::PreferEdited, Version::Original) => !edited,
        (Versions::PreferEdited, Version::Edited) => true,
        (Versions::PreferEdited, Version::LiveVideo) => spec.live && !live_edited,
        (Versions::PreferEdited, Version::EditedLiveVideo) => spec.live,
        (Versions::Original | Versions::Both | Versions::PreferEdited, Version::Raw) => spec.raw,
        (_, Version::Aae | Version::OriginalAae) => spec.aae,
        // In place of a still, decided below.
        (_, Version::Preview) => spec.preview,
    };
    let mut chosen: Vec<Available> =
        all.into_iter().filter(|it| !it.never && wanted(it.version)).collect();
    let stills = || chosen.iter().filter(|it| is_still(it.version));
    let is_elsewhere = |it: &Available| {
        it.content.as_ref().is_err_and(|missing| missing.outcome == Outcome::NotLocal)
    };
    let takes_preview = stills().any(is_elsewhere)
        && !stills().any(|it| it.content.is_ok() || was_exported(it.version));
    chosen.retain(|it| it.version != Version::Preview || (takes_preview && it.content.is_ok()));
    chosen.sort_by_key(|it| it.version);
    chosen.dedup_by_key(|it| it.version);
    chosen
}

fn is_still(version: Version) -> bool {
    match version {
        Version::Original | Version::Edited => true,
        Version::LiveVideo
        | Version::EditedLiveVideo
        | Version::Raw
        | Version::Aae
        | Version::OriginalAae
        | Version::Preview => false,
    }
}

#[cfg(test)]
mod tests {
    use Version::{Aae, Edited, EditedLiveVideo, LiveVideo, Original, OriginalAae, Preview, Raw};

    use super::*;

    fn of(version: Version) -> Available {
        Available {
            version,
            content: Err(Missing { outcome: Outcome::NotLocal, reason: "in-icloud" }),
            never: false,
        }
    }

    #[track_caller]
    fn check(versions: Versions, all: &[Version], expected: &[Version]) {
        let spec = Spec { versions, ..Spec::everything() };
        let all = all.iter().copied().map(of).collect();
        let chosen: Vec<Version> =
            chosen(&spec, all, |_| false).iter().map(|it| it.version).collect();
        assert_eq!(chosen, expected, "{versions:?}");
    }

    const LIVE_AND_EDITED: &[Version] = &[EditedLiveVideo, LiveVideo, Edited, Original];

    #[test]
    fn each_choice_of_versions_selects_its_own() {
        let edited = [Edited, EditedLiveVideo];
        check(Versions::Original, LIVE_AND_EDITED, &[Original, LiveVideo]);
        check(Versions::Edited, LIVE_AND_EDITED, &edited);
        check(Versions::PreferEdited, LIVE_AND_EDITED, &edited);
        let all = [Original, Edited, LiveVideo, EditedLiveVideo];
        check(Versions::Both, LIVE_AND_EDITED, &all);
    }

    #[test]
    fn what_was_never_edited_is_preferred_as_it_is() {
        check(Versions::PreferEdited, &[Original, Raw], &[Original, Raw]);
        check(Versions::Edited, &[Original, Raw], &[]);
    }

    #[test]
    fn an_edit_without_a_file_is_no_edit() {
        let spec = Spec { versions: Versions::PreferEdited, ..Spec::everything() };
        let never = Available { never: true, ..of(Edited) };
        assert_eq!(chosen(&spec, vec![never, of(Original)], |_| false), [of(Original)]);
    }

    #[test]
    fn live_and_raw_can_be_left_out() {
        let spec = Spec { live: false, raw: false, ..Spec::everything() };
        let all = [Original, Raw, LiveVideo, EditedLiveVideo].map(of).to_vec();
        assert_eq!(chosen(&spec, all, |_| false), [of(Original)]);
    }

    #[test]
    fn adjustments_are_taken_where_they_are_asked_for() {
        let all = || [Original, Aae, OriginalAae].map(of).to_vec();
        let with = Spec { aae: true, ..Spec::everything() };
        assert_eq!(chosen(&with, all(), |_| false).len(), 3);
        assert_eq!(chosen(&Spec::everything(), all(), |_| false).len(), 1);
    }

    #[test]
    fn a_preview_stands_in_for_what_is_elsewhere_and_for_nothing_else() {
        let spec = Spec { preview: true, ..Spec::everything() };
        let here = |version| Available { content: Ok(Here::made(String::new())), ..of(version) };
        let takes = |all: Vec<Available>, exported: bool| {
            chosen(&spec, all, |_| exported).iter().any(|it| it.version == Preview)
        };
        assert!(takes(vec![of(Original), here(Preview)], false));
        assert!(!takes(vec![of(Original), of(Preview)], false), "it is elsewhere, too");
        assert!(!takes(vec![here(Original), here(Preview)], false));
        assert!(!takes(vec![here(Original), of(Edited), here(Preview)], false));
        assert!(!takes(vec![of(Original), here(Preview)], true), "the original was exported");
        let damaged = Missing { outcome: Outcome::Unreadable, reason: "not-a-file" };
        let damaged = Available { content: Err(damaged), ..of(Original) };
        assert!(!takes(vec![damaged, here(Preview)], false));
    }
}
