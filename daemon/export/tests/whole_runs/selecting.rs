//! Which versions of an asset come out, what stands in for what is not on this disk, and what the
//! policy shows of what lies outside the library.
//!
//! The hazard: a preview, or an original, that poses as what it is not.

use std::fs;

use darkslide_export::{Outcome, Spec, Versions};
use darkslide_fixture::{
    AlbumKind, AlbumSpec, AssetSpec, BurstPick, Content, Format, LibraryBuilder, Version,
};
use darkslide_protocol::filter::{Filter, Include};

use crate::exporting::{Bench, digests, outcomes, present};
use crate::looking::{photo, with};

fn envelope(text: &str) -> Content {
    Content::own(Format::Aae, text.as_bytes())
}

#[test]
fn adjustments_come_out_where_they_are_asked_for() {
    let (bench, _) = Bench::with(|library| {
        let edited = photo("a.HEIC", 1).edited(Content::jpeg(2)).adjustments(envelope("edit"));
        library.asset(edited.original_aae(envelope("camera")));
    });
    bench.export();
    assert_eq!(bench.names().len(), 2);
    let spec = Spec { aae: true, ..Spec::everything() };
    let summary = bench.run(with(&spec)).unwrap();
    let expected = outcomes([(Outcome::Unchanged, 2), (Outcome::Copied, 2)]);
    assert_eq!(summary.outcomes, expected);
    for (version, content) in [("aae", "edit"), ("original_aae", "camera")] {
        let path = bench.reported("a.HEIC", version).path.unwrap();
        assert!(path.starts_with("2024/05/a") && path.ends_with(".aae"), "{path}");
        assert_eq!(fs::read(bench.path(&path)).unwrap(), content.as_bytes());
    }
    // Without them being asked for they stay, and are no failure.
    assert_eq!(bench.export().outcomes, outcomes([(Outcome::Unchanged, 2)]));
    assert_eq!(bench.names().len(), 4);
}

fn in_the_cloud(spec: AssetSpec) -> impl Fn(&mut LibraryBuilder) {
    move |library| {
        library.asset(spec.clone());
    }
}

const PREVIEW: Content = Content::jpeg(9);

#[test]
fn a_preview_stands_in_marked_and_the_original_joins_it_later() {
    let whole = photo("a.HEIC", 1).preview(PREVIEW);
    let (bench, _) = Bench::with(in_the_cloud(whole.clone().in_cloud(Version::Original)));
    bench.export();
    assert!(bench.names().is_empty());
    let spec = Spec { preview: true, ..Spec::everything() };
    let summary = bench.run(with(&spec)).unwrap();
    let expected = outcomes([(Outcome::Copied, 1), (Outcome::NotLocal, 1)]);
    assert_eq!(summary.outcomes, expected);
    let tree = bench.tree();
    let (path, content) = tree.iter().next().unwrap();
    assert!(path.starts_with("2024/05/a_preview."), "{path}");
    assert_eq!(*content, PREVIEW.bytes());
    let again = outcomes([(Outcome::Unchanged, 1), (Outcome::NotLocal, 1)]);
    assert_eq!(bench.run(with(&spec)).unwrap().outcomes, again);
    // The original comes under the same stem; the preview is not asked for any more, and stays.
    bench.rebuild(in_the_cloud(whole));
    let summary = bench.run(with(&spec)).unwrap();
    assert_eq!(summary.outcomes, outcomes([(Outcome::Copied, 1)]));
    let names = bench.names();
    assert!(names.len() == 2 && names.contains(path), "{names:?}");
    assert!(names.iter().any(|name| name.starts_with("2024/05/a.")), "{names:?}");
}

#[test]
fn a_preview_never_stands_in_for_what_an_earlier_run_exported() {
    let whole = photo("a.jpg", 1).preview(PREVIEW);
    let (bench, _) = Bench::with(in_the_cloud(whole.clone()));
    let spec = Spec { preview: true, ..Spec::everything() };
    assert_eq!(bench.run(with(&spec)).unwrap().outcomes, outcomes([(Outcome::Copied, 1)]));
    bench.rebuild(in_the_cloud(whole.in_cloud(Version::Original)));
    assert_eq!(bench.run(with(&spec)).unwrap().outcomes, outcomes([(Outcome::Kept, 1)]));
    assert_eq!(bench.names(), ["2024/05/a.jpg"]);
}

#[test]
fn a_preview_does_not_stand_in_where_the_edit_is_here() {
    let edited = photo("a.jpg", 1).edited(Content::jpeg(2)).preview(PREVIEW);
    let (bench, _) = Bench::with(in_the_cloud(edited.in_cloud(Version::Original)));
    let spec = Spec { preview: true, ..Spec::everything() };
    let expected = outcomes([(Outcome::Copied, 1), (Outcome::NotLocal, 1)]);
    assert_eq!(bench.run(with(&spec)).unwrap().outcomes, expected);
    assert_eq!(bench.names(), ["2024/05/a_edited.jpg"]);
}

#[test]
fn of_a_burst_the_key_the_selected_or_all_come_out() {
    let (bench, _) = Bench::with(|library| {
        let picks = [BurstPick::NotSelected, BurstPick::Selected, BurstPick::Key];
        for (pick, seed) in picks.into_iter().zip(1..) {
            let photo = photo(&format!("{seed}.jpg"), seed);
            library.asset(photo.burst("B0000000-0000-4000-8000-000000000000", pick));
        }
        library.asset(photo("4.jpg", 4));
    });
    let everything = Spec::everything();
    let all = Spec { include: vec![Include::Bursts], ..everything.clone() };
    let key = Spec { key_images_only: true, ..everything.clone() };
    for (spec, numbers) in [(key, vec![3, 4]), (everything, vec![2, 3, 4]), (all, vec![1, 2, 3, 4])]
    {
        let bench = Bench::beside(&bench.bundle);
        bench.run(with(&spec)).unwrap();
        let expected: Vec<String> =
            numbers.iter().map(|number| format!("2024/05/{number}.jpg")).collect();
        assert_eq!(bench.names(), expected);
    }
}

#[test]
fn hidden_and_trashed_come_out_where_they_are_asked_for() {
    let (bench, _) = Bench::with(|library| {
        library.asset(photo("plain.jpg", 1));
        library.asset(photo("hidden.jpg", 2).hidden());
        library.asset(photo("trashed.jpg", 3).trashed());
    });
    bench.export();
    assert_eq!(bench.names(), ["2024/05/plain.jpg"]);
    let include = vec![Include::Hidden, Include::Trashed];
    let spec = Spec { include, ..Spec::everything() };
    bench.run(with(&spec)).unwrap();
    assert_eq!(bench.names().len(), 3);
    // A policy that shows neither makes them exist for nobody.
    let bench = Bench::beside(&bench.bundle).allowed("hidden = false\ntrashed = false", "");
    bench.export();
    assert_eq!(bench.names(), ["2024/05/plain.jpg"]);
}

#[test]
fn an_edit_without_a_render_counts_as_unedited() {
    for versions in [Versions::Both, Versions::PreferEdited, Versions::Original] {
        let (bench, _) = Bench::with(|library| {
            library.asset(photo("a.jpg", 1).edited_without_render());
        });
        let spec = Spec { versions, ..Spec::everything() };
        let summary = bench.run(with(&spec)).unwrap();
        assert_eq!(summary.outcomes, outcomes([(Outcome::Copied, 1)]), "{versions:?}");
        assert_eq!(bench.names(), ["2024/05/a.jpg"]);
    }
}

#[test]
fn an_edit_in_the_cloud_is_told_and_the_original_does_not_pose_as_it() {
    let (bench, _) = Bench::with(|library| {
        library.asset(photo("a.jpg", 1).edited(Content::jpeg(2)).in_cloud(Version::Edited));
    });
    let spec = Spec { versions: Versions::PreferEdited, ..Spec::everything() };
    let summary = bench.run(with(&spec)).unwrap();
    assert_eq!(summary.outcomes, outcomes([(Outcome::NotLocal, 1)]));
    assert!(bench.names().is_empty());
}

#[test]
fn what_is_in_a_shared_album_comes_out_like_all_else() {
    let (bench, _) = Bench::with(|library| {
        let shared = library.asset(photo("shared.jpg", 1).shared());
        library.asset(photo("own.jpg", 2));
        library.album(AlbumSpec::new("Ours").kind(AlbumKind::Shared).members([shared]));
    });
    let summary = bench.export();
    assert_eq!(summary.outcomes, outcomes([(Outcome::Copied, 2)]));
    assert_eq!(bench.names(), ["2024/05/own.jpg", "2024/05/shared.jpg"]);
}

fn referenced(granted: bool) -> Bench {
    let mut bench = Bench::in_memory();
    let outside = bench.root.parent().unwrap().canonicalize().unwrap().join("Pictures");
    let text = outside.to_str().unwrap().to_owned();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("a.jpg"), Content::jpeg(1).bytes()).unwrap();
    bench.rebuild(|library| {
        library.asset(photo("a.jpg", 1).referenced(&text).edited(Content::jpeg(2)));
    });
    let keys = if granted { format!("referenced = [{text:?}]") } else { String::new() };
    bench.outside = Some(outside);
    bench.allowed(&keys, "")
}

#[test]
fn a_referenced_original_comes_out_where_the_policy_shows_its_folder() {
    let bench = referenced(true);
    let summary = bench.export();
    assert_eq!(summary.outcomes, outcomes([(Outcome::Copied, 2)]));
    assert_eq!(bench.tree()["2024/05/a.jpg"], Content::jpeg(1).bytes());
    assert_eq!(bench.export().outcomes, outcomes([(Outcome::Unchanged, 2)]));
}

#[test]
fn a_referenced_original_that_the_policy_does_not_show_is_denied_and_its_edit_comes_out() {
    let bench = referenced(false);
    let summary = bench.export();
    assert_eq!(summary.outcomes, outcomes([(Outcome::Copied, 1), (Outcome::Denied, 1)]));
    let row = bench.reported("a.jpg", "original");
    assert_eq!((row.path, row.reason.as_deref()), (None, Some("referenced")));
    assert_eq!(bench.names(), ["2024/05/a_edited.jpg"]);
}

#[test]
fn every_version_that_is_here_comes_out_whatever_else_is_missing() {
    let whole = || {
        let photo = photo("a.HEIC", 1).edited(Content::jpeg(2)).live(Content::mov(3));
        photo.edited_live(Content::mov(4)).raw(Content::cr2(5))
    };
    let versions = [
        Version::Original,
        Version::Edited,
        Version::LiveVideo,
        Version::EditedLiveVideo,
        Version::Raw,
    ];
    let (undisturbed, _) = Bench::with(in_the_cloud(whole()));
    undisturbed.export();
    let expected = undisturbed.tree();
    assert_eq!(expected.len(), 5);
    for missing in versions {
        for how in [AssetSpec::in_cloud as fn(AssetSpec, Version) -> AssetSpec, AssetSpec::lost] {
            let (bench, _) = Bench::with(in_the_cloud(how(whole(), missing)));
            let summary = bench.export();
            let four = outcomes([(Outcome::Copied, 4), (Outcome::NotLocal, 1)]);
            assert_eq!(summary.outcomes, four, "{missing:?}");
            bench.rebuild(in_the_cloud(whole()));
            let summary = bench.export();
            let joined = outcomes([(Outcome::Unchanged, 4), (Outcome::Copied, 1)]);
            assert_eq!(summary.outcomes, joined, "{missing:?}");
            assert_eq!(bench.tree(), expected, "under the same stem: {missing:?}");
        }
    }
}

#[test]
fn two_albums_that_are_exported_apart_never_claim_one_path() {
    let (bench, built) = Bench::with(|library| {
        for (title, seed) in [("One", 1), ("Other", 2)] {
            let photo = library.asset(photo("a.jpg", seed).live(Content::mov(seed + 10)));
            library.album(AlbumSpec::new(title).members([photo]));
        }
    });
    for album in ["One", "Other"] {
        let filter = Filter::Album(album.to_owned());
        let summary = bench.run(with(&Spec { filter, ..Spec::everything() })).unwrap();
        assert_eq!(summary.outcomes, outcomes([(Outcome::Copied, 2)]));
    }
    assert_eq!(digests(&bench.tree()), present(&built));
    assert_eq!(bench.export().outcomes, outcomes([(Outcome::Unchanged, 4)]));
}

#[test]
fn another_library_in_the_same_destination_takes_nothing_of_the_first() {
    let of = |uuid: &'static str, seed| {
        move |library: &mut LibraryBuilder| {
            library.uuid(uuid);
            library.asset(photo("a.jpg", seed));
            library.asset(photo(if seed == 1 { "b.jpg" } else { "c.jpg" }, seed + 10));
        }
    };
    let first = "10000000-0000-4000-8000-000000000000";
    let second = "20000000-0000-4000-8000-000000000000";
    let (bench, _) = Bench::with(of(first, 1));
    bench.export();
    let tree = bench.tree();
    bench.rebuild(of(second, 2));
    let summary = bench.export();
    assert_eq!(summary.outcomes, outcomes([(Outcome::Copied, 1), (Outcome::Conflict, 1)]));
    assert_eq!(bench.rows().len(), 3);
    // Assets of one UUID in two libraries are two; and the first finds all as it was.
    bench.rebuild(of(first, 1));
    assert_eq!(bench.export().outcomes, outcomes([(Outcome::Unchanged, 2)]));
    for (path, content) in tree {
        assert_eq!(bench.tree()[&path], content);
    }
    bench.assert_settled();
}
