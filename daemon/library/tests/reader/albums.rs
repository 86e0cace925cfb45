//! What a list of albums tells of each: its order, and the one photo that stands for it.
//!
//! A key photo is always one that a question for the album finds under the same grant: what is
//! withheld stands for nothing, and nobody hears that it did.

use darkslide_fixture::{
    AlbumKind as Kind, AlbumOrder as Shown, AlbumSpec, AssetSpec, BuiltLibrary, Content,
    LibraryBuilder, Model,
};
use darkslide_library::{Album, AlbumKind, AlbumOrder, Query};
use darkslide_protocol::filter::{Filter, Include, Sort};

use crate::opened::{MODERN, Opened, bundle, never, real, uuid_of};
use crate::real_libraries::{all, everything};

const WHOLE: &[Include] = &[Include::Hidden, Include::Trashed, Include::Bursts];

fn albums(opened: &Opened, kinds: &[AlbumKind], include: &[Include]) -> Vec<Album> {
    opened.library.albums(&opened.grant, kinds, include, &never()).unwrap().found
}

/// The first of an album, as a query by its own order has it.
fn first(opened: &Opened, album: &Album, include: &[Include]) -> Option<String> {
    let filter = Filter::Album(album.uuid.to_string());
    let query = Query { filter, sort: Sort::Album, include: include.to_vec(), ..everything() };
    all(opened, query).first().map(|asset| asset.uuid.clone())
}

/// Three photos, the first of them in time hidden, in an album of each order and one with a chosen
/// key photo, which is the hidden one.
fn library(folder: &std::path::Path, model: Model) -> (BuiltLibrary, [String; 3]) {
    let mut builder = LibraryBuilder::new(model);
    let photo = |day: u8, title: &str| {
        AssetSpec::photo(format!("{day}.JPG"), Content::jpeg(day.into()))
            .taken_on(2024, 5, day)
            .title(title)
    };
    let hidden = builder.asset(photo(1, "b").hidden());
    let second = builder.asset(photo(2, "c"));
    let third = builder.asset(photo(3, "a"));
    let members = [second, hidden, third];
    for (title, order) in [
        ("by hand", Shown::Manual),
        ("oldest", Shown::OldestFirst),
        ("newest", Shown::NewestFirst),
        ("title", Shown::Title),
    ] {
        builder.album(AlbumSpec::new(title).members(members).order(order));
    }
    builder.album(AlbumSpec::new("chosen").members(members).key_asset(hidden));
    builder.album(AlbumSpec::new("rule").kind(Kind::Smart));
    builder.album(AlbumSpec::new("empty"));
    let built = builder.build(&folder.join("L.photoslibrary")).unwrap();
    let uuids = [hidden, second, third].map(|key| built.asset(key).unwrap().uuid().to_owned());
    (built, uuids)
}

fn told<'a>(albums: &'a [Album], title: &str) -> (Option<AlbumOrder>, Option<&'a str>) {
    let album = albums.iter().find(|album| &*album.title == title).unwrap();
    (album.order, album.key_photo.as_ref().map(|uuid| uuid.as_str()))
}

#[test]
fn an_album_tells_its_order_and_the_chosen_or_first_of_what_is_shown() {
    for model in [Model::Photos5, Model::Photos11] {
        let temp = tempfile::tempdir().unwrap();
        let (built, [hidden, second, third]) = library(temp.path(), model);
        let opened = Opened::all(built.path());
        let whole = albums(&opened, AlbumKind::ALL, WHOLE);
        for (title, order, key) in [
            ("by hand", Some(AlbumOrder::Manual), Some(&second)),
            ("oldest", Some(AlbumOrder::Oldest), Some(&hidden)),
            ("newest", Some(AlbumOrder::Newest), Some(&third)),
            ("title", Some(AlbumOrder::Title), Some(&third)),
            ("chosen", Some(AlbumOrder::Oldest), Some(&hidden)),
            ("rule", None, None),
            ("empty", Some(AlbumOrder::Oldest), None),
        ] {
            assert_eq!(told(&whole, title), (order, key.map(String::as_str)), "{model:?} {title}");
        }
        // Left out, or withheld: the first of the others stands there.
        let withholding = Opened::with(built.path(), false, true);
        for listed in
            [albums(&opened, AlbumKind::ALL, &[]), albums(&withholding, AlbumKind::ALL, WHOLE)]
        {
            for (title, key) in [("oldest", &second), ("chosen", &second), ("by hand", &second)] {
                assert_eq!(told(&listed, title).1, Some(key.as_str()), "{model:?} {title}");
            }
        }
    }
}

#[test]
fn kinds_that_are_not_asked_for_are_not_listed() {
    let temp = tempfile::tempdir().unwrap();
    let (built, _) = library(temp.path(), Model::Photos11);
    let opened = Opened::all(built.path());
    let whole = albums(&opened, AlbumKind::ALL, WHOLE);
    for kind in AlbumKind::ALL {
        let alone = albums(&opened, &[*kind], WHOLE);
        let of_all: Vec<&Album> = whole.iter().filter(|album| album.kind == *kind).collect();
        assert!(alone.iter().eq(of_all), "{kind:?}");
    }
    assert_eq!(albums(&opened, &[], WHOLE), []);
}

#[test]
fn every_key_photo_of_a_real_library_is_a_member_and_without_a_choice_the_first() {
    let Some(folder) = real() else { return };
    let mut chosen = 0;
    for name in MODERN {
        let opened = Opened::all(&bundle(folder, name));
        for include in [WHOLE, &[]] {
            for album in albums(&opened, AlbumKind::ALL, include) {
                if !album.kind.is_arranged() || album.count == Some(0) {
                    assert_eq!(album.key_photo, None, "{name} {}", album.title);
                    continue;
                }
                let filter = Filter::Album(album.uuid.to_string());
                let query = Query { filter, include: include.to_vec(), ..everything() };
                let members: Vec<String> =
                    all(&opened, query).iter().map(|it| uuid_of(it).to_string()).collect();
                let key = album.key_photo.as_ref().unwrap().to_string();
                assert!(members.contains(&key), "{name} {}", album.title);
                chosen += usize::from(first(&opened, &album, include) != Some(key));
            }
        }
    }
    // Some were chosen, by somebody or by Photos; else this shows only half.
    assert!(chosen > 0);
}
