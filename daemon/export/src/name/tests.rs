//! Names as a person would check them: safe, short, distinct, and stable.
//!
//! Single cases with the reason why, then properties over whole catalogs of hostile names.
//! The hazard: two files of one name, of which the second is never seen.

use std::collections::BTreeMap;

use darkslide_policy::Component;
use proptest::prelude::*;

use super::component::fold;
use super::*;

fn uuid(number: u128) -> Uuid {
    let digits = format!("{number:032X}");
    let (a, rest) = digits.split_at(8);
    let (b, rest) = rest.split_at(4);
    let (c, rest) = rest.split_at(4);
    let (d, e) = rest.split_at(4);
    Uuid::parse(&format!("{a}-{b}-{c}-{d}-{e}")).unwrap()
}

#[derive(Debug, Clone)]
struct Asset {
    uuid: Uuid,
    name: String,
    month: Option<(u16, u8)>,
    albums: Vec<Arc<AlbumPlace>>,
}

impl Asset {
    fn new(number: u128, name: &str) -> Self {
        Self {
            uuid: uuid(number),
            name: name.to_owned(),
            month: Some((2024, 5)),
            albums: Vec::new(),
        }
    }

    fn named(&self) -> NamedAsset<'_> {
        NamedAsset {
            uuid: &self.uuid,
            original_filename: &self.name,
            month: self.month,
            albums: &self.albums,
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

/// Every name that the files of an asset can have, under one of its places.
fn paths(naming: &Naming, asset: &Asset) -> Vec<String> {
    let mut paths = Vec::new();
    for place in naming.places(&asset.named()) {
        let mut others = Vec::new();
        for version in [
            Version::Original,
            Version::Edited,
            Version::LiveVideo,
            Version::EditedLiveVideo,
            Version::Raw,
        ] {
            // The same extension for all is the worst that can be.
            let name = naming.file_name(&place.stem, version, Some("jpeg"), &mut others);
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
    for (month, folder) in
        [(Some((2024, 5)), "2024/05"), (Some((1, 12)), "0001/12"), (None, "undated")]
    {
        asset.month = month;
        assert_eq!(naming.places(&asset.named())[0].folder.as_str(), folder);
    }
}

fn album(number: u128, title: &str, path: &[&str]) -> Arc<AlbumPlace> {
    Arc::new(AlbumPlace {
        uuid: uuid(number),
        title: title.into(),
        path: path.iter().map(|title| Arc::from(*title)).collect(),
    })
}

fn album_folders(albums: &[Arc<AlbumPlace>]) -> Vec<String> {
    let asset = Asset { albums: albums.to_vec(), ..Asset::new(1, "a.jpg") };
    let naming = naming(&Shape::new(Layout::Album, true), std::slice::from_ref(&asset));
    let places = naming.places(&asset.named());
    albums
        .iter()
        .map(|album| {
            let place = places.iter().find(|place| place.album.as_ref() == Some(&album.uuid));
            place.unwrap().folder.as_str().to_owned()
        })
        .collect()
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

fn hostile_name() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("X".to_owned()),
        Just("x".to_owned()),
        Just("_edited".to_owned()),
        Just("_raw".to_owned()),
        Just("_live".to_owned()),
        Just(" (00000001)".to_owned()),
        Just(" (0000000100000000)".to_owned()),
        Just("..".to_owned()),
        Just("/".to_owned()),
        Just("CON".to_owned()),
        Just("\u{202e}".to_owned()),
        Just("ß".to_owned()),
        Just("日".repeat(60)),
        Just("é".repeat(90)),
        "\\PC{0,4}",
    ];
    prop::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}

fn catalog() -> impl Strategy<Value = Vec<Asset>> {
    let albums = prop::collection::vec((1_u128..6, "[AaBb_]{0,2}", "[Aa/]{0,2}"), 0..3);
    let one = (0_u128..4, 0_u128..4, hostile_name(), 0_u8..3, albums);
    prop::collection::vec(one, 0..12).prop_map(|all| {
        // One album has one title, whoever is in it.
        let mut known: BTreeMap<u128, Arc<AlbumPlace>> = BTreeMap::new();
        let mut assets: BTreeMap<u128, Asset> = BTreeMap::new();
        for (high, low, name, month, albums) in all {
            let number = (high << 96) | (low << 64) | 1;
            let albums = albums.into_iter().map(|(number, title, folder)| {
                let folders: Vec<&str> = folder.split('/').filter(|it| !it.is_empty()).collect();
                let new = || album(number << 100, &title, &folders);
                Arc::clone(known.entry(number).or_insert_with(new))
            });
            let asset = Asset {
                albums: albums.collect(),
                month: (month > 0).then_some((2024, month)),
                ..Asset::new(number, &format!("{name}.jpg"))
            };
            assets.insert(number, asset);
        }
        assets.into_values().collect()
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    let layout = prop_oneof![Just(Layout::Flat), Just(Layout::Date), Just(Layout::Album)];
    (layout, any::<bool>()).prop_map(|(layout, portable)| Shape::new(layout, portable))
}

fn dated_or_flat() -> impl Strategy<Value = Shape> {
    let layout = prop_oneof![Just(Layout::Flat), Just(Layout::Date)];
    (layout, any::<bool>()).prop_map(|(layout, portable)| Shape::new(layout, portable))
}

proptest! {
    #[test]
    fn no_two_files_have_one_name_and_every_name_is_safe(
        assets in catalog(),
        shape in shape(),
    ) {
        let naming = naming(&shape, &assets);
        let mut taken: BTreeMap<String, Uuid> = BTreeMap::new();
        for asset in &assets {
            let paths = paths(&naming, asset);
            prop_assert!(!paths.is_empty());
            for path in paths {
                let folded = path.split('/').map(fold).collect::<Vec<_>>().join("/");
                let before = taken.insert(folded, asset.uuid.clone());
                prop_assert_eq!(before, None, "{}", path);
                let limit = if shape.portable() { 143 } else { 255 };
                for name in path.split('/') {
                    prop_assert!(name.len() <= limit, "{}", name.len());
                    prop_assert!(!name.starts_with('.'));
                    prop_assert!(Component::parse(name).is_ok());
                }
            }
        }
        // No name of a file is a folder on the way to another.
        for path in taken.keys() {
            let mut folder = path.as_str();
            while let Some((above, _)) = folder.rsplit_once('/') {
                prop_assert!(!taken.contains_key(above), "{}", above);
                folder = above;
            }
        }
    }

    #[test]
    fn an_asset_more_or_less_changes_names_of_its_own_group_alone(
        assets in catalog(),
        shape in dated_or_flat(),
        which in any::<prop::sample::Index>(),
    ) {
        if assets.is_empty() {
            return Ok(());
        }
        let at = which.index(assets.len());
        let mut fewer = assets.clone();
        let gone = fewer.remove(at);
        let (all, less) = (naming(&shape, &assets), naming(&shape, &fewer));
        let key = |asset: &Asset| all.rules.key(&all.rules.stem(&asset.named()));
        for asset in &fewer {
            let folder = |asset: &Asset| all.places(&asset.named())[0].folder.clone();
            let same_folder = folder(asset) == folder(&gone);
            if !same_folder || key(asset) != key(&gone) {
                prop_assert_eq!(paths(&all, asset), paths(&less, asset));
            }
        }
    }

    #[test]
    fn the_order_of_the_catalog_does_not_count(assets in catalog(), shape in shape()) {
        let forwards = naming(&shape, &assets);
        let reversed: Vec<Asset> = assets.iter().rev().cloned().collect();
        let backwards = naming(&shape, &reversed);
        for asset in &assets {
            prop_assert_eq!(paths(&forwards, asset), paths(&backwards, asset));
        }
    }
}
