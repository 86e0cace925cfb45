//! Names as a person would check them: safe, short, distinct, and stable.
//!
//! Single cases with the reason why; beside them a whole tree (`golden.rs`) and what holds for any
//! catalog of hostile names (`properties.rs`).
//! The hazard: two files of one name, of which the second is never seen.

use std::collections::BTreeMap;
use std::sync::Arc;

use darkslide_library::Membership;
use darkslide_policy::Component;
use proptest::prelude::*;

use super::component::fold;
use super::groups::Group;
use super::value::Taken;
use super::*;
use crate::spec::Layout;

mod golden;

fn uuid(number: u128) -> Uuid {
    let digits = format!("{number:032X}");
    let (a, rest) = digits.split_at(8);
    let (b, rest) = rest.split_at(4);
    let (c, rest) = rest.split_at(4);
    let (d, e) = rest.split_at(4);
    Uuid::parse(&format!("{a}-{b}-{c}-{d}-{e}")).unwrap()
}

fn taken(year: u16, month: u8) -> Option<Taken> {
    Some(Taken { year, month, day: 3, hour: 4, minute: 5, second: 6 })
}

#[derive(Debug, Clone)]
struct Asset {
    uuid: Uuid,
    name: String,
    title: Option<String>,
    city: Option<String>,
    taken: Option<Taken>,
    albums: Vec<Membership>,
}

impl Asset {
    fn new(number: u128, name: &str) -> Self {
        Self {
            uuid: uuid(number),
            name: name.to_owned(),
            title: None,
            city: None,
            taken: taken(2024, 5),
            albums: Vec::new(),
        }
    }

    fn named(&self) -> NamedAsset<'_> {
        NamedAsset {
            title: self.title.as_deref(),
            city: self.city.as_deref(),
            taken: self.taken,
            albums: &self.albums,
            ..NamedAsset::new(&self.uuid, &self.name)
        }
    }
}

fn naming(shape: &Shape, assets: &[Asset]) -> Naming {
    let mut counting = Counting::new(shape);
    for asset in assets {
        counting.add(&asset.named());
    }
    counting.finish()
}

fn flat() -> Shape {
    Shape::new(Layout::Flat, true)
}

fn shaped(layout: &str, names: &str) -> Shape {
    Shape::parse(layout, names, "_edited", true).unwrap()
}

/// Every name that the files of an asset can have, under one of its places: all with the same
/// extension, which is the worst that can be.
fn paths(naming: &Naming, asset: &Asset, extension: Option<&str>) -> Vec<String> {
    let mut paths = Vec::new();
    for place in naming.places(&asset.named()) {
        let mut others = Vec::new();
        let mut names = Vec::new();
        for version in Version::ALL {
            names.push(naming.file_name(&place.stem, *version, extension, &mut others));
        }
        for sidecar in [Sidecar::Xmp, Sidecar::Json] {
            names.push(naming.sidecar_name(&place.stem, sidecar, &mut others));
        }
        for name in names {
            paths.push(place.folder.join(&name).unwrap().as_str().to_owned());
        }
    }
    paths
}

#[track_caller]
fn check(names: &[&str], expected: &[&str]) {
    let assets: Vec<Asset> =
        names.iter().zip(1..).map(|(name, number)| Asset::new(number << 96, name)).collect();
    let naming = naming(&flat(), &assets);
    let stems: Vec<String> =
        assets.iter().map(|asset| naming.places(&asset.named())[0].stem.clone()).collect();
    assert_eq!(stems, expected);
}

#[test]
fn names_that_look_alike_all_get_digits() {
    check(&["a.jpg", "b.jpg"], &["a", "b"]);
    check(&["a.jpg", "A.heic"], &["a (00000001)", "A (00000002)"]);
    check(&["Cafe\u{301}.jpg", "CAFÉ.jpg", "x.jpg"], &["Café (00000001)", "CAFÉ (00000002)", "x"]);
}

#[test]
fn a_name_that_another_assets_edit_or_digits_could_have_collides_too() {
    check(&["X.jpg", "X_edited.mov"], &["X (00000001)", "X_edited (00000002)"]);
    check(
        &["X.jpg", "X.jpg", "X (00000001).jpg"],
        &["X (00000001)", "X (00000002)", "X (00000001) (00000003)"],
    );
    // Brackets that hold no digits are a person's.
    check(&["X.jpg", "X (portrait).jpg"], &["X", "X (portrait)"]);
}

#[test]
fn more_digits_are_given_only_where_eight_do_not_tell_apart() {
    let assets = [
        Asset::new(0x1234_5678_9000 << 80, "a.jpg"),
        Asset::new(0x1234_5678_9100 << 80, "a.jpg"),
        Asset::new(0x1234_5678_9000 << 80, "b.jpg"),
    ];
    let naming = naming(&flat(), &assets);
    let stem = |asset: &Asset| naming.places(&asset.named())[0].stem.clone();
    assert_eq!(stem(&assets[0]), "a (1234567890)");
    assert_eq!(stem(&assets[1]), "a (1234567891)");
    assert_eq!(stem(&assets[2]), "b");
}

#[test]
fn folders_are_those_of_the_photos_own_month() {
    let naming = naming(&Shape::new(Layout::Date, true), &[]);
    let mut asset = Asset::new(1, "a.jpg");
    for (taken, folder) in
        [(taken(2024, 5), "2024/05"), (taken(1, 12), "0001/12"), (None, "undated")]
    {
        asset.taken = taken;
        assert_eq!(naming.places(&asset.named())[0].folder.as_str(), folder);
    }
}

fn album(number: u128, title: &str, path: &[&str]) -> Membership {
    let place = AlbumPlace {
        uuid: uuid(number),
        title: title.into(),
        path: path.iter().map(|title| Arc::from(*title)).collect(),
    };
    Membership { album: Arc::new(place), position: 0 }
}

fn folders_of(shape: &Shape, albums: &[Membership]) -> Vec<String> {
    let asset = Asset { albums: albums.to_vec(), ..Asset::new(1, "a.jpg") };
    let naming = naming(shape, std::slice::from_ref(&asset));
    let places = naming.places(&asset.named());
    albums
        .iter()
        .map(|it| {
            let place = places.iter().find(|place| place.album.as_ref() == Some(&it.album.uuid));
            place.unwrap().folder.as_str().to_owned()
        })
        .collect()
}

fn album_folders(albums: &[Membership]) -> Vec<String> {
    folders_of(&Shape::new(Layout::Album, true), albums)
}

#[test]
fn albums_that_look_alike_get_folders_of_their_own() {
    let albums = [
        album(1 << 96, "Japan", &["Trips"]),
        album(2 << 96, "JAPAN", &["Trips"]),
        album(3 << 96, "Trips", &[]),
        album(4 << 96, "_", &[]),
        album(5 << 96, "a/b", &[]),
    ];
    let folders = album_folders(&albums);
    // The folder `Trips` beside the album `Trips`: both have digits.
    let (trips, rest) = folders[0].split_once('/').unwrap();
    assert!(trips.starts_with("Trips (") && rest == "Japan (00000001)", "{folders:?}");
    assert_eq!(folders[1], format!("{trips}/JAPAN (00000002)"));
    assert_eq!(folders[2], "Trips (00000003)");
    assert_eq!(folders[3], "_ (00000004)");
    assert_eq!(folders[4], "a_b");
}

#[test]
fn albums_that_lie_too_deep_move_up() {
    let titles: Vec<String> = (0..40).map(|n| format!("f{n}")).collect();
    let path: Vec<&str> = titles.iter().map(String::as_str).collect();
    let folders = album_folders(&[album(1, "deep", &path), album(2, "deep", &path[..20])]);
    for folder in &folders {
        assert_eq!(folder.split('/').count(), 12);
    }
    assert_ne!(folders[0], folders[1]);
}

#[test]
fn folders_of_albums_stand_where_the_template_has_them() {
    let albums = [album(1 << 96, "Japan", &["Trips", "Far"]), album(2 << 96, "Solo", &[])];
    let check = |layout, expected: [&str; 2]| {
        assert_eq!(folders_of(&shaped(layout, "x"), &albums), expected, "{layout}");
    };
    check("{folder}/{album}", ["Trips/Far/Japan", "Solo"]);
    check("{folder|none}/{album}", ["Trips/Far/Japan", "none/Solo"]);
    check("{folder} - {album}", ["Trips_Far - Japan", "_ - Solo"]);
    check("{album}/{year}/{folder}", ["Japan/2024/Trips/Far", "Solo/2024"]);
    check("{year} {album}", ["2024 Japan", "2024 Solo"]);
    // Seven folders and those of an album are twelve at most.
    let deep = [album(1, "deep", &["f"; 40])];
    let folder = &folders_of(&shaped("a/b/c/{folder}/d/e/f/{album}", "x"), &deep)[0];
    assert_eq!(folder, "a/b/c/f/f/f/f/f/d/e/f/deep");
}

#[test]
fn two_titles_that_look_alike_are_two_folders_and_equal_ones_are_one() {
    let titled = |number: u128, title: Option<&str>| Asset {
        title: title.map(str::to_owned),
        ..Asset::new(number << 96, "a.jpg")
    };
    let assets = [
        titled(1, Some("a/b")),
        titled(2, Some("a_b")),
        titled(3, Some("A_B")),
        titled(4, Some("a/b")),
        titled(5, Some("other")),
        titled(6, None),
    ];
    let naming = naming(&shaped("{title|none}", "{original_name}"), &assets);
    let folders: Vec<String> = assets
        .iter()
        .map(|asset| naming.places(&asset.named())[0].folder.as_str().to_owned())
        .collect();
    assert!(folders[0].starts_with("a_b (") && folders[2].starts_with("A_B ("), "{folders:?}");
    assert_eq!(folders[0], folders[3]);
    assert!(folders[0] != folders[1] && folders[1] != folders[2], "{folders:?}");
    assert_eq!(folders[4..], ["other", "none"]);
}

#[test]
fn what_has_no_date_is_undated_wherever_a_name_has_one() {
    let asset = Asset { taken: None, ..Asset::new(1 << 96, "a.jpg") };
    let check = |layout, names, folder, stem| {
        let naming = naming(&shaped(layout, names), std::slice::from_ref(&asset));
        let place = &naming.places(&asset.named())[0];
        assert_eq!((place.folder.as_str(), place.stem.as_str()), (folder, stem), "{layout}");
    };
    check("{year}/{month}/{day}", "{original_name}", "undated", "a");
    check("x {year} x/{kind}/{month}", "{hour}{minute}", "undated/photo/undated", "undated");
    check("{kind} {year}-{month}", "{year}-{day} {original_name}", "photo undated", "undated a");
    check("{year|long ago}", "{year|0000}-{original_name}", "long ago", "0000-a");
}

#[test]
fn all_values_of_a_template_are_those_of_the_asset() {
    let asset = Asset::new(1, "IMG_1.jpg");
    let named = NamedAsset {
        movie: true,
        description: Some("two\nlines"),
        camera: Some("Cam 1"),
        country: Some("Peru"),
        state: Some(" "),
        ..asset.named()
    };
    let names = "{year}{month}{day}-{hour}{minute}{second} {kind} {title|T} {description} {camera} \
                 {place.country} {place.state} {place.city|C} {uuid}";
    let naming = naming(&shaped("flat", names), &[]);
    assert_eq!(
        naming.places(&named)[0].stem,
        "20240503-040506 movie T two_lines Cam 1 Peru _ C 00000000-0000-0000-0000-000000000001"
    );
}

#[test]
fn each_version_has_a_name_of_its_own() {
    let check = |suffix: &str, extension: Option<&str>, expected: [&str; 10]| {
        let shape = Shape::parse("flat", "{original_name}", suffix, true).unwrap();
        let asset = Asset::new(1, "X.jpg");
        let naming = naming(&shape, std::slice::from_ref(&asset));
        assert_eq!(paths(&naming, &asset, extension), expected, "{suffix} {extension:?}");
    };
    check(
        "_edited",
        Some("a"),
        [
            "X.a",
            "X_edited.a",
            "X_live.a",
            "X_edited_live.a",
            "X_raw.a",
            "X.aae",
            "X_camera.aae",
            "X_preview.a",
            "X.xmp",
            "X.json",
        ],
    );
    check(
        "",
        Some("AAE"),
        [
            "X.AAE",
            "X_edited.AAE",
            "X_live.AAE",
            "X_edited_live.AAE",
            "X_raw.AAE",
            "X_aae.AAE",
            "X_camera.AAE",
            "X_preview.AAE",
            "X.xmp",
            "X.json",
        ],
    );
    check(
        ".edit",
        None,
        [
            "X",
            "X.edit.bin",
            "X_live",
            "X.edit_live",
            "X_raw",
            "X.aae",
            "X_camera.aae",
            "X_preview",
            "X.xmp",
            "X.json",
        ],
    );
    // An edit alone may be called like the original that is not there.
    let shape = Shape::parse("flat", "x", "", true).unwrap();
    let name = naming(&shape, &[]).file_name("X", Version::Edited, Some("jpg"), &mut Vec::new());
    assert_eq!(name.as_str(), "X.jpg");
}

#[test]
fn a_title_that_ends_like_a_file_is_nobody_elses_file() {
    let titled = |number: u128, title: &str| Asset {
        title: Some(title.to_owned()),
        ..Asset::new(number << 96, "a")
    };
    let assets = [titled(1, "X"), titled(2, "X.mov")];
    let naming = naming(&shaped("flat", "{title}"), &assets);
    let name = |asset: &Asset, version, extension| {
        let stem = &naming.places(&asset.named())[0].stem;
        naming.file_name(stem, version, extension, &mut Vec::new()).as_str().to_owned()
    };
    assert_eq!(name(&assets[0], Version::LiveVideo, Some("mov")), "X.mov");
    assert_eq!(name(&assets[1], Version::Original, None), "X.mov.bin");
}

#[test]
fn an_asset_that_came_since_never_takes_anothers_name() {
    let known = Asset::new(1 << 96, "a.jpg");
    let naming = naming(&flat(), std::slice::from_ref(&known));
    let new = Asset::new(2 << 96, "A.jpg");
    assert_eq!(naming.places(&known.named())[0].stem, "a");
    assert_eq!(naming.places(&new.named())[0].stem, "A (00000002)");
}

#[test]
fn ten_thousand_of_one_name_are_told_apart_in_time() {
    let assets: Vec<Asset> =
        (1..=10_000).map(|n| Asset::new(n * 0x1_0000_0001_0000_0001, "IMG_0001.JPG")).collect();
    let naming = naming(&flat(), &assets);
    let mut stems: Vec<String> =
        assets.iter().map(|asset| naming.places(&asset.named())[0].stem.clone()).collect();
    stems.sort();
    stems.dedup();
    assert_eq!(stems.len(), 10_000);
}

mod properties;
