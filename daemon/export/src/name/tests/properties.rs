//! What holds for any catalog, by presets and by templates that were made at random.
//!
//! Names and titles are made of what hurts: our own marks, digits in brackets, dots, letters that
//! are two for one disk and one for another. The hazard: a rule that holds for each single name
//! and not for two of them.

use std::collections::BTreeSet;

use super::*;

fn hostile_name() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("X".to_owned()),
        Just("x".to_owned()),
        Just("_edited".to_owned()),
        Just("_raw".to_owned()),
        Just("_live".to_owned()),
        Just("_camera".to_owned()),
        Just("-e".to_owned()),
        Just(" (00000001)".to_owned()),
        Just(" (0000000100000000)".to_owned()),
        Just(".jpeg".to_owned()),
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

fn text() -> impl Strategy<Value = Option<String>> {
    let few = prop::sample::select(vec!["a", "A", "_", "a/b", "a_b", "2024", "undated", "photo"]);
    prop_oneof![
        Just(None),
        few.prop_map(|text| Some(text.to_owned())),
        hostile_name().prop_map(Some)
    ]
}

fn catalog() -> impl Strategy<Value = Vec<Asset>> {
    let albums = prop::collection::vec((1_u128..6, "[AaBb_]{0,2}", "[Aa/]{0,2}"), 0..3);
    let texts = (hostile_name(), text(), text());
    let one = (0_u128..4, 0_u128..4, texts, 0_u8..3, albums);
    prop::collection::vec(one, 0..12).prop_map(|all| {
        // One album has one title, whoever is in it.
        let mut known: BTreeMap<u128, Membership> = BTreeMap::new();
        let mut assets: BTreeMap<u128, Asset> = BTreeMap::new();
        for (high, low, (name, title, city), month, albums) in all {
            let number = (high << 96) | (low << 64) | 1;
            let albums = albums.into_iter().map(|(number, title, folder)| {
                let folders: Vec<&str> = folder.split('/').filter(|it| !it.is_empty()).collect();
                let new = || album(number << 100, &title, &folders);
                known.entry(number).or_insert_with(new).clone()
            });
            let asset = Asset {
                albums: albums.collect(),
                title,
                city,
                taken: (month > 0).then_some(taken(2024, month)).flatten(),
                ..Asset::new(number, &format!("{name}.jpg"))
            };
            assets.insert(number, asset);
        }
        assets.into_values().collect()
    })
}

/// A template of one name.
fn name() -> impl Strategy<Value = String> {
    let parts = [
        "{year}",
        "{year|old}",
        "{month}",
        "{original_name}",
        "{title}",
        "{title|a}",
        "{place.city|}",
        "{album}",
        "{folder}",
        "{folder|a}",
        "{kind}",
        "{uuid}",
        "_",
        "a",
        ".",
        "-e",
    ];
    let part = prop::sample::select(parts.to_vec());
    prop::collection::vec(part, 1..4).prop_map(|parts| parts.concat())
}

fn shape() -> impl Strategy<Value = Shape> {
    let preset = prop::sample::select(vec!["flat", "date", "album"]).prop_map(str::to_owned);
    let template = prop::collection::vec(name(), 1..4).prop_map(|names| names.join("/"));
    let album = name().prop_map(|name| format!("{name}/{{folder}}/{{album}}"));
    let layout = prop_oneof![preset, template, album];
    let names = prop_oneof![Just("{original_name}".to_owned()), name()];
    let suffix = prop::sample::select(vec!["_edited", "", "-e", " (edited)", ".jpeg", "_eDiTed_x"]);
    let all = (layout, names, suffix, any::<bool>());
    all.prop_filter_map("no shape", |(layout, names, suffix, portable)| {
        Shape::parse(&layout, &names, suffix, portable).ok()
    })
}

fn extension() -> impl Strategy<Value = Option<&'static str>> {
    prop::sample::select(vec![Some("jpeg"), Some("aae"), Some("xmp"), Some("longest8"), None])
}

fn folded(path: &str) -> String {
    path.split('/').map(fold).collect::<Vec<_>>().join("/")
}

const DEVICES: [&str; 4] = ["con", "com1", "lpt9", "nul"];

/// The groups that an asset is in: of its files, and of its folders, these with who it is there.
fn groups_of(naming: &Naming, asset: &Asset) -> (BTreeSet<Group>, BTreeSet<(Group, Digits)>) {
    let (mut files, mut folders) = (BTreeSet::new(), BTreeSet::new());
    let named = asset.named();
    for album in naming.rules.albums(&named) {
        let way = naming.rules.folders.way(&named, album);
        files.insert(way.end().group(&naming.rules.marks.key(&naming.rules.stem(&named, album))));
        folders.extend(way.groups());
    }
    (files, folders)
}

proptest! {
    #[test]
    fn no_two_files_have_one_name_and_every_name_is_safe(
        assets in catalog(),
        shape in shape(),
        extension in extension(),
    ) {
        let naming = naming(&shape, &assets);
        let mut taken: BTreeMap<String, Uuid> = BTreeMap::new();
        for asset in &assets {
            let paths = paths(&naming, asset, extension);
            prop_assert!(!paths.is_empty());
            for path in paths {
                let before = taken.insert(folded(&path), asset.uuid.clone());
                prop_assert_eq!(before, None, "{}", path);
                let limit = if shape.portable() { 143 } else { 255 };
                for name in path.split('/') {
                    prop_assert!(name.len() <= limit, "{}", name.len());
                    prop_assert!(!name.starts_with('.'));
                    prop_assert!(Component::parse(name).is_ok());
                    if shape.portable() {
                        let before_dot = fold(name.split('.').next().unwrap().trim_end());
                        prop_assert!(!DEVICES.contains(&before_dot.as_str()), "{}", name);
                        prop_assert!(!name.ends_with(['.', ' ']), "{}", name);
                        prop_assert!(!name.contains(['<', '>', ':', '"', '\\', '|', '?', '*']));
                    }
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
    fn two_folders_of_one_name_are_one_folder(assets in catalog(), shape in shape()) {
        let naming = naming(&shape, &assets);
        let mut ends = BTreeMap::new();
        for asset in &assets {
            let named = asset.named();
            for album in naming.rules.albums(&named) {
                let way = naming.rules.folders.way(&named, album);
                let path = folded(way.path(&naming.groups).as_str());
                let end = *ends.entry(path.clone()).or_insert(way.end());
                prop_assert_eq!(end, way.end(), "{}", path);
            }
        }
    }

    #[test]
    fn an_asset_more_or_less_changes_names_of_its_own_group_alone(
        assets in catalog(),
        shape in shape(),
        which in any::<prop::sample::Index>(),
    ) {
        if assets.is_empty() {
            return Ok(());
        }
        let at = which.index(assets.len());
        let mut fewer = assets.clone();
        let gone = fewer.remove(at);
        let (all, less) = (naming(&shape, &assets), naming(&shape, &fewer));
        let (gone_files, gone_folders) = groups_of(&all, &gone);
        for asset in &fewer {
            let (files, folders) = groups_of(&all, asset);
            let beside = folders.iter().any(|(group, own)| {
                gone_folders.iter().any(|(other, digits)| other == group && digits != own)
            });
            if files.is_disjoint(&gone_files) && !beside {
                let (all, less) = (paths(&all, asset, None), paths(&less, asset, None));
                prop_assert_eq!(all, less);
            }
        }
    }

    #[test]
    fn the_order_of_the_catalog_does_not_count(assets in catalog(), shape in shape()) {
        let forwards = naming(&shape, &assets);
        let reversed: Vec<Asset> = assets.iter().rev().cloned().collect();
        let backwards = naming(&shape, &reversed);
        for asset in &assets {
            prop_assert_eq!(paths(&forwards, asset, None), paths(&backwards, asset, None));
        }
    }

    #[test]
    fn the_key_of_a_finished_name_is_that_of_its_stem(
        assets in catalog(),
        shape in shape(),
    ) {
        let naming = naming(&shape, &assets);
        for asset in &assets {
            for place in naming.places(&asset.named()) {
                let key = naming.rules.marks.key(&place.stem);
                let mut others = Vec::new();
                for version in Version::ALL {
                    let name = naming.file_name(&place.stem, *version, Some("x"), &mut others);
                    let stem = name.as_str().rsplit_once('.').unwrap().0;
                    prop_assert_eq!(naming.rules.marks.key(stem), key.as_str());
                }
            }
        }
    }

    #[test]
    fn any_text_is_a_template_or_an_error(text in r"[{}|/.a-z\PC]{0,40}", portable: bool) {
        if let Ok(shape) = Shape::parse(&text, &text.replace('/', ""), "", portable) {
            let asset = Asset::new(1, "a.jpg");
            let naming = naming(&shape, std::slice::from_ref(&asset));
            prop_assert!(!naming.places(&asset.named()).is_empty());
        }
    }
}
