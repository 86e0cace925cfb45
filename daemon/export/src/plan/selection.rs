//! Which versions of an asset an export selects.
//!
//! Pure. An edit that never had a rendered file (slow motion, rotations) counts as no edit at all:
//! nobody waits for it and nothing is missing. The hazard: a photo whose edit is only in iCloud is
//! an edited one all the same; giving its original in the edit's place would be a surprise.

use super::{Here, Missing};
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

/// Returns the selected ones in the order in which they get their names.
pub(crate) fn chosen(spec: &Spec, all: Vec<Available>) -> Vec<Available> {
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
        (_, Version::Aae | Version::OriginalAae | Version::Preview) => false,
    };
    let mut chosen: Vec<Available> =
        all.into_iter().filter(|it| !it.never && wanted(it.version)).collect();
    chosen.sort_by_key(|it| it.version);
    chosen.dedup_by_key(|it| it.version);
    chosen
}

#[cfg(test)]
mod tests {
    use Version::{Edited, EditedLiveVideo, LiveVideo, Original, Raw};

    use super::*;
    use crate::report::Outcome;

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
        let chosen: Vec<Version> = chosen(&spec, all).iter().map(|it| it.version).collect();
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
        assert_eq!(chosen(&spec, vec![never, of(Original)]), [of(Original)]);
    }

    #[test]
    fn live_and_raw_can_be_left_out() {
        let spec = Spec { live: false, raw: false, ..Spec::everything() };
        let all = [Original, Raw, LiveVideo, EditedLiveVideo].map(of).to_vec();
        assert_eq!(chosen(&spec, all), [of(Original)]);
    }
}
