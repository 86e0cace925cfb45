//! Names that change because the library did: files are renamed and never copied; and files that
//! are there already, whoever wrote them, are taken over.
//!
//! Each test compares contents before and after: the same, and none of them written.

use std::collections::BTreeSet;
use std::fs;

use darkslide_export::{Hashing, Layout, Outcome, Shape, Spec, Summary};
use darkslide_fixture::{AlbumSpec, AssetSpec, Content, FolderSpec, LibraryBuilder};

use crate::exporting::{Bench, one_of_each, outcomes};
use crate::looking::{photo, with};

fn shaped(layout: &str, names: &str) -> Spec {
    let shape = Shape::parse(layout, names, "_edited", true).unwrap();
    Spec { shape, ..Spec::everything() }
}

/// Exports twice, with another library the second time; nothing may be copied then.
fn then(
    spec: &Spec,
    before: impl FnOnce(&mut LibraryBuilder),
    after: impl FnOnce(&mut LibraryBuilder),
) -> (Bench, Summary) {
    let (bench, _) = Bench::with(before);
    bench.run(with(spec)).unwrap();
    let contents = |bench: &Bench| BTreeSet::from_iter(bench.tree().into_values());
    let old = contents(&bench);
    bench.rebuild(after);
    let summary = bench.run(with(spec)).unwrap();
    assert_eq!((summary.files, summary.trashed), (0, 0));
    assert_eq!(contents(&bench), old);
    bench.assert_record_settled();
    let again = bench.run(with(spec)).unwrap();
    assert_eq!(again.outcomes, outcomes([(Outcome::Unchanged, summary.selected)]));
    (bench, summary)
}

#[test]
fn a_title_in_a_name_that_changes_renames_every_file_of_its_asset() {
    let titled = |title: &'static str| {
        move |library: &mut LibraryBuilder| {
            let photo = photo("a.HEIC", 1).edited(Content::jpeg(2)).live(Content::mov(3));
            library.asset(photo.title(title));
        }
    };
    let spec = shaped("date", "{title|untitled}");
    let (bench, summary) = then(&spec, titled("Before"), titled("After"));
    assert_eq!(summary.outcomes, outcomes([(Outcome::Renamed, 3)]));
    assert!(bench.names().iter().all(|name| name.starts_with("2024/05/After")));
}

#[test]
fn titles_that_are_exchanged_rotate_the_names() {
    let titled = |titles: [&'static str; 3]| {
        move |library: &mut LibraryBuilder| {
            for (title, seed) in titles.into_iter().zip(1..) {
                library.asset(photo("x.jpg", seed).title(title));
            }
        }
    };
    let spec = shaped("flat", "{title|untitled}");
    let (bench, summary) = then(&spec, titled(["a", "b", "c"]), titled(["b", "c", "a"]));
    assert_eq!(summary.outcomes, outcomes([(Outcome::Renamed, 3)]));
    assert_eq!(bench.tree()["b.jpg"], Content::jpeg(1).bytes());
}

#[test]
fn a_title_that_differs_in_case_alone_renames() {
    let titled = |title: &'static str| {
        move |library: &mut LibraryBuilder| {
            library.asset(photo("x.jpg", 1).title(title));
        }
    };
    let (bench, _) = then(&shaped("flat", "{title|x}"), titled("Beach"), titled("beach"));
    assert_eq!(bench.names(), ["beach.jpg"]);
}

#[test]
fn a_date_that_changes_moves_the_file() {
    let taken = |year, month| {
        move |library: &mut LibraryBuilder| {
            library.asset(photo("a.jpg", 1).taken_on(year, month, 3));
        }
    };
    let (bench, summary) = then(&Spec::everything(), taken(2023, 1), taken(2024, 6));
    assert_eq!(summary.outcomes, outcomes([(Outcome::Renamed, 1)]));
    assert_eq!(bench.names(), ["2024/06/a.jpg"]);
}

#[test]
fn folders_that_renames_emptied_are_removed() {
    let taken = |year, month| {
        move |library: &mut LibraryBuilder| {
            library.asset(photo("a.jpg", 1).taken_on(year, month, 3));
        }
    };
    let (bench, _) = then(&Spec::everything(), taken(2023, 1), taken(2024, 6));
    assert!(!bench.path("2023").exists());
    bench.assert_settled();
}

#[test]
fn renamed_albums_and_folders_of_albums_rename_their_files() {
    let titled = |folder: &'static str, album: &'static str| {
        move |library: &mut LibraryBuilder| {
            let (a, b) = (library.asset(photo("a.jpg", 1)), library.asset(photo("b.jpg", 2)));
            let trips = library.folder(FolderSpec::new(folder));
            library.album(AlbumSpec::new(album).within(trips).members([a, b]));
        }
    };
    let spec = shaped("album", "{original_name}");
    for (folder, album) in [("Trips", "After"), ("Journeys", "Before"), ("Journeys", "After")] {
        let (bench, summary) = then(&spec, titled("Trips", "Before"), titled(folder, album));
        assert_eq!(summary.outcomes, outcomes([(Outcome::Renamed, 2)]));
        let expected = ["a", "b"].map(|name| format!("{folder}/{album}/{name}.jpg"));
        assert_eq!(bench.names(), expected);
    }
}

#[test]
fn albums_that_exchange_their_titles_exchange_their_files() {
    let titled = |titles: [&'static str; 2]| {
        move |library: &mut LibraryBuilder| {
            for (title, seed) in titles.into_iter().zip(1..) {
                let photo = library.asset(photo("a.jpg", seed));
                library.album(AlbumSpec::new(title).members([photo]));
            }
        }
    };
    let spec = shaped("album", "{original_name}");
    let (bench, summary) = then(&spec, titled(["A", "B"]), titled(["B", "A"]));
    assert_eq!(summary.outcomes, outcomes([(Outcome::Renamed, 2)]));
    assert_eq!(bench.tree()["B/a.jpg"], Content::jpeg(1).bytes());
}

#[test]
fn an_asset_that_goes_from_one_album_to_another_is_renamed() {
    let album = |title: &'static str| {
        move |library: &mut LibraryBuilder| {
            let photo = library.asset(photo("a.jpg", 1).live(Content::mov(2)));
            for name in ["A", "B"] {
                let members = (name == title).then_some(photo);
                library.album(AlbumSpec::new(name).members(members));
            }
        }
    };
    for hashing in [Hashing::Copied, Hashing::Never] {
        let spec = Spec { hashing, ..shaped("album", "{original_name}") };
        let (bench, summary) = then(&spec, album("A"), album("B"));
        assert_eq!(summary.outcomes, outcomes([(Outcome::Renamed, 2)]), "{hashing:?}");
        assert_eq!(bench.names(), ["B/a.jpg", "B/a.mov"]);
        assert_eq!(bench.rows().len(), 2);
    }
}

#[test]
fn a_file_that_is_wanted_in_two_new_places_is_renamed_to_one_and_copied_to_the_other() {
    let albums = |titles: &'static [&'static str]| {
        move |library: &mut LibraryBuilder| {
            let photo = library.asset(photo("a.jpg", 1));
            for title in titles {
                library.album(AlbumSpec::new(*title).uuid(uuid(title)).members([photo]));
            }
        }
    };
    fn uuid(title: &str) -> String {
        format!("{:08x}-0000-4000-8000-000000000000", title.as_bytes()[0])
    }
    let spec = shaped("album", "{original_name}");
    let (bench, _) = Bench::with(albums(&["A"]));
    bench.run(with(&spec)).unwrap();
    bench.rebuild(albums(&["B", "C"]));
    let summary = bench.run(with(&spec)).unwrap();
    assert_eq!(summary.outcomes, outcomes([(Outcome::Renamed, 1), (Outcome::Copied, 1)]));
    assert_eq!(bench.names(), ["B/a.jpg", "C/a.jpg"]);
    bench.assert_record_settled();
}

/// Photos of which each has a name of its own or one that collides, under UUIDs of a family.
fn of_family(family: u32, names: &[&'static str]) -> impl FnOnce(&mut LibraryBuilder) {
    let names = names.to_owned();
    move |library| {
        for (name, seed) in names.into_iter().zip(1..) {
            let uuid = format!("{seed:04x}{family:04x}-0000-4000-8000-00000000000{family}");
            let photo = photo(name, seed).edited(Content::jpeg(seed + 100)).uuid(uuid);
            library.asset(photo);
        }
    }
}

#[test]
fn a_library_that_was_rebuilt_under_new_uuids_copies_nothing() {
    let names = ["a.jpg", "b.jpg", "c.jpg", "C.JPG"];
    for hashing in [Hashing::Copied, Hashing::Never] {
        let spec = Spec { hashing, ..Spec::everything() };
        let (bench, summary) = then(&spec, of_family(1, &names), of_family(2, &names));
        // Those that collide have digits of their UUID in their names.
        let expected = outcomes([(Outcome::Adopted, 4), (Outcome::Renamed, 4)]);
        assert_eq!(summary.outcomes, expected, "{hashing:?}");
        assert_eq!((bench.names().len(), bench.rows().len()), (8, 8));
        let rows = bench.rows();
        assert!(rows.values().all(|row| row.get("adopted").is_none_or(|it| it == false)));
    }
}

#[test]
fn a_rebuilt_library_with_other_names_renames() {
    let (before, after) = (["a.jpg", "b.jpg"], ["n.jpg", "m.jpg"]);
    let (bench, summary) = then(&Spec::everything(), of_family(1, &before), of_family(2, &after));
    assert_eq!(summary.outcomes, outcomes([(Outcome::Renamed, 4)]));
    assert_eq!(bench.rows().len(), 4);
}

#[test]
fn a_file_that_is_taken_over_in_its_place_is_not_given_to_another_one() {
    let uuid = |number: usize| format!("{number:08}-0000-4000-8000-000000000000");
    let albums = |asset: usize, titles: [&'static str; 2], turned: bool| {
        move |library: &mut LibraryBuilder| {
            let photo = library.asset(photo("a.jpg", 1).uuid(uuid(asset)));
            for title in titles {
                let place = usize::from(title.as_bytes()[0] - b'A');
                let album = uuid(if turned { 9 - place } else { place });
                library.album(AlbumSpec::new(title).uuid(album).members([photo]));
            }
        }
    };
    let spec = shaped("album", "{original_name}");
    for turned in [false, true] {
        for titles in [["B", "C"], ["C", "B"]] {
            let (bench, _) = Bench::with(albums(1, ["A", "B"], turned));
            bench.run(with(&spec)).unwrap();
            bench.rebuild(albums(2, titles, turned));
            bench.run(with(&spec)).unwrap();
            assert_eq!(bench.names()[bench.names().len() - 2..], ["B/a.jpg", "C/a.jpg"]);
            let again = bench.run(with(&spec)).unwrap();
            assert_eq!(again.outcomes, outcomes([(Outcome::Unchanged, 2)]));
        }
    }
}

#[test]
fn a_lost_manifest_or_id_costs_no_copy_and_another_tools_tree_none_either() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let tree = bench.tree();
    fs::remove_file(bench.record("manifest.jsonl")).unwrap();
    let adopted = outcomes([(Outcome::Adopted, 10), (Outcome::NotLocal, 1)]);
    assert_eq!(bench.export().outcomes, adopted);
    std::os::unix::fs::symlink("nothing", bench.record("x")).unwrap();
    fs::remove_file(bench.record("x")).unwrap();
    crate::exporting::plant(bench.record("id"), b"{\"format\":1,\"id\":\0").unwrap();
    let unchanged = outcomes([(Outcome::Unchanged, 10), (Outcome::NotLocal, 1)]);
    assert_eq!(bench.export().outcomes, unchanged);
    assert_eq!(bench.tree(), tree);
    // The same tree, written by another program, with the times of now.
    let other = Bench::beside(&bench.bundle);
    for (path, content) in &tree {
        fs::create_dir_all(other.path(path).parent().unwrap()).unwrap();
        fs::write(other.path(path), content).unwrap();
    }
    let summary = other.export();
    assert_eq!((summary.outcomes, summary.files), (adopted, 0));
    assert_eq!(other.export().outcomes, unchanged);
    other.assert_settled();
}

#[test]
fn a_tree_of_albums_that_another_tool_made_is_taken_over() {
    let spec = Spec { shape: Shape::new(Layout::Album, true), ..Spec::everything() };
    let bench = Bench::in_memory();
    bench.rebuild(|library| {
        let both = library.asset(photo("a.jpg", 1));
        library.album(AlbumSpec::new("A").members([both]));
        library.album(AlbumSpec::new("B").members([both]));
        library.asset(photo("b.jpg", 2));
    });
    for path in ["A/a.jpg", "B/a.jpg"] {
        fs::create_dir_all(bench.path(path).parent().unwrap()).unwrap();
        fs::write(bench.path(path), Content::jpeg(1).bytes()).unwrap();
    }
    let summary = bench.run(with(&spec)).unwrap();
    assert_eq!(summary.outcomes, outcomes([(Outcome::Adopted, 2), (Outcome::Copied, 1)]));
}

#[test]
fn an_asset_in_the_trash_or_hidden_leaves_its_file_and_its_row() {
    let with_a = |change: fn(AssetSpec) -> AssetSpec| {
        move |library: &mut LibraryBuilder| {
            library.asset(photo("b.jpg", 2));
            library.asset(change(photo("a.jpg", 1)));
        }
    };
    for change in [AssetSpec::trashed as fn(AssetSpec) -> AssetSpec, AssetSpec::hidden] {
        let (bench, _) = Bench::with(with_a(|it| it));
        bench.export();
        bench.rebuild(with_a(change));
        assert_eq!(bench.export().outcomes, outcomes([(Outcome::Unchanged, 1)]));
        assert_eq!((bench.names().len(), bench.rows().len()), (2, 2));
        bench.rebuild(with_a(|it| it));
        assert_eq!(bench.export().outcomes, outcomes([(Outcome::Unchanged, 2)]));
    }
}
