//! A whole catalog and the tree that it becomes, by each kind of shape.
//!
//! The trees stand here as a person would see them: a change of any name, in any version of this
//! program, renames files in destinations that exist. The hazard: a cleaner rule.

use super::*;

fn catalog() -> Vec<Asset> {
    let japan = album(0xA1 << 120, "Japan", &["Trips"]);
    let other_japan = album(0xA2 << 120, "japan", &["Trips"]);
    let lines = album(0xA3 << 120, "_", &[]);
    let new = |number: u128, name, title: &str, date, albums: &[&Membership]| Asset {
        title: (!title.is_empty()).then(|| title.to_owned()),
        taken: date,
        albums: albums.iter().map(|it| (*it).clone()).collect(),
        ..Asset::new(number << 120, name)
    };
    vec![
        new(1, "IMG_0001.HEIC", "Harbour", taken(2023, 7), &[&japan]),
        new(2, "IMG_0001.JPG", "", taken(2023, 7), &[&japan, &other_japan]),
        new(3, "img_0001_edited.jpg", "harbour", taken(2023, 7), &[]),
        new(4, "IMG_0001.JPG", "Harbour", taken(2024, 1), &[&lines]),
        new(5, "Müller: Straße?.png", "a/b", None, &[]),
        new(6, "CON.mov", "..", taken(2024, 1), &[&lines]),
        new(7, "", "2024", taken(812, 12), &[]),
    ]
}

#[track_caller]
fn check(shape: &Shape, expected: &[&str]) {
    let assets = catalog();
    let naming = naming(shape, &assets);
    let mut tree = Vec::new();
    for asset in &assets {
        for place in naming.places(&asset.named()) {
            let name = naming.file_name(&place.stem, Version::Edited, Some("jpg"), &mut Vec::new());
            tree.push(place.folder.join(&name).unwrap().to_string());
        }
    }
    assert_eq!(tree, expected, "{shape}");
}

#[test]
fn the_tree_by_date() {
    check(
        &Shape::new(Layout::Date, true),
        &[
            "2023/07/IMG_0001 (01000000)_edited.jpg",
            "2023/07/IMG_0001 (02000000)_edited.jpg",
            "2023/07/img_0001_edited (03000000)_edited.jpg",
            "2024/01/IMG_0001_edited.jpg",
            "undated/Müller_ Straße__edited.jpg",
            "2024/01/_CON_edited.jpg",
            "0812/12/__edited.jpg",
        ],
    );
}

#[test]
fn the_flat_tree() {
    check(
        &Shape::new(Layout::Flat, false),
        &[
            "IMG_0001 (01000000)_edited.jpg",
            "IMG_0001 (02000000)_edited.jpg",
            "img_0001_edited (03000000)_edited.jpg",
            "IMG_0001 (04000000)_edited.jpg",
            "Müller: Straße?_edited.jpg",
            "CON_edited.jpg",
            "__edited.jpg",
        ],
    );
}

#[test]
fn the_tree_by_album() {
    check(
        &Shape::new(Layout::Album, true),
        &[
            "Trips/Japan (A1000000)/IMG_0001 (01000000)_edited.jpg",
            "Trips/Japan (A1000000)/IMG_0001 (02000000)_edited.jpg",
            "Trips/japan (A2000000)/IMG_0001_edited.jpg",
            "_/2023/07/img_0001_edited_edited.jpg",
            "_ (A3000000)/IMG_0001_edited.jpg",
            "_/undated/Müller_ Straße__edited.jpg",
            "_ (A3000000)/_CON_edited.jpg",
            "_/0812/12/__edited.jpg",
        ],
    );
}

#[test]
fn a_tree_by_titles() {
    let shape = Shape::parse("{kind}/{title|untitled}", "{month}-{original_name}", "", true);
    check(
        &shape.unwrap(),
        &[
            "photo/Harbour (0204C0BF)/07-IMG_0001.jpg",
            "photo/untitled/07-IMG_0001.jpg",
            "photo/harbour (5608B167)/07-img_0001_edited.jpg",
            "photo/Harbour (0204C0BF)/01-IMG_0001.jpg",
            "photo/a_b/undated-Müller_ Straße_.jpg",
            "photo/_/01-CON.jpg",
            "photo/2024/12-_.jpg",
        ],
    );
}

#[test]
fn a_tree_by_albums_in_years() {
    let shape = Shape::parse("{year}/{folder}/{album|none}", "{album|x} {day}", "-e", false);
    check(
        &shape.unwrap(),
        &[
            "2023/Trips/Japan (A1000000)/Japan 03 (01000000)-e.jpg",
            "2023/Trips/Japan (A1000000)/Japan 03 (02000000)-e.jpg",
            "2023/Trips/japan (A2000000)/japan 03-e.jpg",
            "2023/none/x 03-e.jpg",
            "2024/_/_ 03 (04000000)-e.jpg",
            "undated/none/x undated-e.jpg",
            "2024/_/_ 03 (06000000)-e.jpg",
            "0812/none/x 03-e.jpg",
        ],
    );
}
