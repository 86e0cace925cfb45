//! Whole sidecars: golden ones, and those of what a library answers to a grant.
//!
//! `read_back.rs` reads the XMP with a parser that is not ours, `exiftool.rs` with a program that
//! photographers use.

mod exiftool;
mod read_back;
mod real_records;

use darkslide_door::{Faults, LibraryDir};
use darkslide_fixture::{
    AssetSpec, Content, FaceSpec, LibraryBuilder, Model, PersonSpec, PlaceSpec, PostalAddress,
};
use darkslide_library::{Deadline, Library};
use darkslide_policy::{AbsPath, Ask, Gid, LibraryName, Peer, Platform, Policy, Read, Uid, World};
use darkslide_protocol::value::Uuid;
use serde_json::json;

use super::*;

const ORIGINAL: Beside<'_> = Beside { name: "IMG_0001.HEIC", edited: false };

/// A record with all that the XMP takes.
fn record() -> serde_json::Value {
    json!({
        "uuid": "1EB2B765-0765-43BA-A90C-0D0580E6172C",
        "title": "Café <\"&'> ]]>",
        "description": "two\nlines",
        "date": "2024-05-31T12:00:00.123000+02:00",
        "date_modified": "2024-06-01T08:30:00+00:00",
        "keywords": ["sea, salt; sand", "a|b", "Zoë", "holiday"],
        "persons": ["Maria", "_UNKNOWN_", "Maria", "Katie"],
        "favorite": true,
        "latitude": 48.856_666_666_7,
        "longitude": -2.352_222_222_2,
        "place": {
            "country_code": "FR",
            "names": {"city": ["Paris", "Greater Paris"], "country": ["France"]},
            "address": {"city": null, "sub_locality": "Marais", "iso_country_code": "FR"},
        },
        "exif_info": {"camera_make": "Apple", "camera_model": "iPhone 15"},
        "width": 3024, "height": 4032, "original_width": 4032, "original_height": 3024,
        "orientation": 6, "original_orientation": 6, "hasadjustments": false,
        "face_info": [
            {"name": "Maria", "center_x": 0.25, "center_y": 0.875, "size": 0.125, "intrash": 0},
            {"name": "", "center_x": 0.5, "center_y": 0.5, "size": 0.25},
        ],
        "path": "originals/1/1EB2B765-0765-43BA-A90C-0D0580E6172C.heic",
    })
}

fn xmp(record: &serde_json::Value, beside: Beside<'_>) -> String {
    let bytes = render(Sidecar::Xmp, record.to_string().as_bytes(), beside).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_xmp_of_a_record_is_this() {
    let golden = include_str!("../../../../tests/golden/sidecar/record.xmp");
    assert_eq!(xmp(&record(), ORIGINAL), golden);
}

#[test]
fn what_is_not_known_is_not_said() {
    let nothing = xmp(&json!({"uuid": "A", "title": "", "place": {}, "keywords": []}), ORIGINAL);
    let said: Vec<&str> = nothing.lines().filter(|line| line.starts_with("   <")).collect();
    assert_eq!(said, ["   <photoshop:SidecarForExtension>HEIC</photoshop:SidecarForExtension>"]);
}

#[test]
fn what_is_no_record_is_an_error() {
    for kind in [Sidecar::Xmp, Sidecar::Json] {
        for text in ["", "[1]", "{", "{\"title\":"] {
            assert!(render(kind, text.as_bytes(), ORIGINAL).is_err(), "{text}");
        }
    }
}

/// The sidecars of a library's only asset, with a grant that shows where it was taken or not.
fn from_library(bundle: &std::path::Path, location: bool) -> [String; 2] {
    let path = AbsPath::parse(bundle.to_str().unwrap(), None).unwrap();
    let name = LibraryName::parse("main").unwrap();
    let dir = LibraryDir::open_with_faults(name.clone(), &path, Faults::none()).unwrap();
    let text = format!(
        "version = 1\n[library.main]\npath = \"/library\"\nlocation = {location}\n\
         [[client]]\nname = \"me\"\nuid = \"self\"\nlibraries = [\"main\"]\nroots = []\nmethods = [\"*\"]\n"
    );
    let world =
        World { home: path, uid: Uid::new(7), methods: Vec::new(), platform: Platform::Linux };
    let peer = Peer::new(Uid::new(7), Gid::new(7), None);
    let ask = Ask::<Read>::new("export.start", name);
    let grant = Policy::parse(&text, &world).unwrap().decide(&peer, &ask).unwrap();
    let wanted = [Uuid::parse("1EB2B765-0765-43BA-A90C-0D0580E6172C").unwrap()];
    let kinds = [Sidecar::Xmp, Sidecar::Json];
    let library = Library::new(dir);
    let got = library.get(&grant, &wanted, fields(&kinds), &Deadline::never()).unwrap();
    let records: Vec<Box<serde_json::value::RawValue>> =
        serde_json::from_slice(got.assets.json()).unwrap();
    let [record] = &records[..] else { panic!("{}", records.len()) };
    kinds.map(|kind| {
        String::from_utf8(render(kind, record.get().as_bytes(), ORIGINAL).unwrap()).unwrap()
    })
}

fn library(bundle: &std::path::Path) {
    let mut library = LibraryBuilder::new(Model::Photos11);
    let maria = library.person(PersonSpec::new("Maria"));
    let address = PostalAddress {
        sub_locality: Some("Altstadt".to_owned()),
        city: Some("Luzern".to_owned()),
        state: Some("Luzern LU".to_owned()),
        country: Some("Schweiz".to_owned()),
        iso_country_code: Some("CH".to_owned()),
        ..PostalAddress::default()
    };
    library.asset(
        AssetSpec::photo("IMG_0001.HEIC", Content::jpeg(1))
            .uuid("1EB2B765-0765-43BA-A90C-0D0580E6172C")
            .taken_on(2024, 5, 31)
            .title("a title")
            .description("a description")
            .keyword("holiday")
            .favorite()
            .camera("a maker", "a model")
            .location(47.05, 8.31)
            .place(PlaceSpec::new("CH").address(address))
            .face(FaceSpec::of(maria).at(0.25, 0.75, 0.25)),
    );
    library.build(bundle).unwrap();
}

#[test]
fn all_of_it_is_read_from_a_library_and_no_place_where_the_grant_withholds_it() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("Test.photoslibrary");
    library(&bundle);
    let [xmp, json] = from_library(&bundle, true);
    let places = [
        "47,3.0000000N",
        "8,18.6000000E",
        "Altstadt",
        ">Luzern<",
        "Luzern LU",
        "Schweiz",
        ">CH<",
        "GPSLatitude",
        "LocationCreated",
        "photoshop:City",
    ];
    let others = [
        ">a title<",
        ">a description<",
        ">holiday<",
        ">5<",
        ">a maker<",
        ">a model<",
        ">Maria<",
        ">2024-05-31T",
        "mwg-rs:RegionList",
    ];
    for text in places.iter().chain(&others) {
        assert!(xmp.contains(text), "{text} in {xmp}");
    }
    assert!(json.contains("\"latitude\": 47.05") && json.contains("Schweiz"), "{json}");
    assert!(!json.contains("\"path") && json.ends_with("\n}\n"), "{json}");
    assert_eq!(from_library(&bundle, true), [xmp, json], "the same again");

    let [xmp, json] = from_library(&bundle, false);
    for text in places {
        assert!(!xmp.contains(text), "{text} in {xmp}");
    }
    for text in others {
        assert!(xmp.contains(text), "{text} in {xmp}");
    }
    assert!(
        !json.contains("47.05") && !json.contains("Schweiz") && !json.contains("8.31"),
        "{json}"
    );
}
