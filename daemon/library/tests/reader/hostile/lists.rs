//! Property lists that hold themselves, nest without end or explode, wherever one is read; and
//! links, folders and pipes in the place of the files that hold one.
//!
//! The asset has nothing where the list would stand, within a number of steps that is counted, and
//! the rest of it is told.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use darkslide_fixture::{
    AnalysisResult, AssetSpec, CloudSpec, Content, Format, LibraryBuilder, Model, WalState,
};
use darkslide_library::Query;
use darkslide_protocol::field::Fields;
use serde_json::{Value, json};

use crate::opened::{Opened, writable};
use crate::real_libraries::{everything, records};

/// A binary list of these objects, each referring to others by one or two bytes.
fn binary(objects: &[Vec<u8>], reference_bytes: u8) -> Vec<u8> {
    let mut list = b"bplist00".to_vec();
    let mut offsets = Vec::new();
    for object in objects {
        offsets.extend(u32::try_from(list.len()).unwrap().to_be_bytes());
        list.extend(object);
    }
    let table = list.len() as u64;
    list.extend(offsets);
    list.extend([0, 0, 0, 0, 0, 0, 4, reference_bytes]);
    list.extend((objects.len() as u64).to_be_bytes());
    list.extend(0_u64.to_be_bytes());
    list.extend(table.to_be_bytes());
    list
}

/// The lists, by what they do.
fn lists() -> Vec<(&'static str, Vec<u8>)> {
    let itself = binary(&[vec![0xa1, 0]], 1);
    let each_other = binary(&[vec![0xd1, 2, 1], vec![0xa1, 0], b"\x51a".to_vec()], 1);
    let exploding: Vec<Vec<u8>> = (0..40_u8)
        .map(|level| [vec![0xae], vec![level + 1; 14]].concat())
        .chain([b"\x51a".to_vec()])
        .collect();
    let deep: Vec<Vec<u8>> = (0..50_000_u16)
        .map(|level| [vec![0xa1], (level + 1).to_be_bytes().to_vec()].concat())
        .chain([b"\x51a".to_vec()])
        .collect();
    let nested = format!("{}{}", "<array>".repeat(50_000), "</array>".repeat(50_000));
    let bomb = "<!DOCTYPE plist [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;\">]>\
                <plist><string>&b;&b;</string></plist>";
    let mut far = binary(&[b"\x51a".to_vec()], 1);
    let end = far.len();
    far[end - 8..].copy_from_slice(&u64::MAX.to_be_bytes());
    vec![
        ("itself", itself),
        ("each other", each_other),
        ("exploding", binary(&exploding, 1)),
        ("deep", binary(&deep, 2)),
        ("a table far away", far),
        ("cut", b"bplist00".to_vec()),
        ("nested XML", format!("<plist>{nested}</plist>").into_bytes()),
        ("a bomb of entities", bomb.as_bytes().to_vec()),
        ("a long one", vec![b' '; 5_000_000]),
        ("nothing", Vec::new()),
    ]
}

/// An asset with this list wherever one is read, and one without.
fn build(below: &Path, model: Model, list: &[u8]) -> PathBuf {
    let mut builder = LibraryBuilder::new(model);
    builder.wal(WalState::Absent);
    builder.asset(
        AssetSpec::photo("IMG_0001.HEIC", Content::heic(1))
            .title("hurt")
            .edited(Content::heic(2))
            .adjustments(Content::own(Format::Aae, list))
            .original_aae(Content::own(Format::Aae, list))
            .location(1.0, 2.0)
            .place_bytes(list)
            .owner("hash")
            .cloud(CloudSpec::new("guid").local_state(3).metadata_bytes(list))
            .analysed(AnalysisResult::bytes(1, list)),
    );
    builder.asset(AssetSpec::photo("IMG_0002.JPG", Content::jpeg(3)).title("sound"));
    builder.build(&below.join("S.photoslibrary")).unwrap().path().to_owned()
}

fn asked(bundle: &Path, what: &str) -> Vec<Value> {
    let opened = Opened::all(bundle);
    let query = Query { fields: Fields::all(), ..everything() };
    let (limit, _) = super::crowds::counted();
    opened.library.query(&opened.grant, &query, &limit).unwrap_or_else(|it| panic!("{what}: {it}"));
    let found = records(&opened, query);
    assert_eq!(found.len(), 2, "{what}");
    assert_eq!(found.iter().filter(|it| it["title"] == "sound").count(), 1, "{what}");
    found
}

#[test]
fn lists_that_are_made_to_hurt_are_nothing_wherever_they_stand() {
    for model in Model::ALL {
        for (what, list) in lists() {
            let temp = tempfile::tempdir().unwrap();
            let bundle = build(temp.path(), model, &list);
            if model == Model::Photos11 {
                let connection = writable(bundle.join("database/Photos.sqlite"));
                let names = "INSERT INTO ZSHAREPARTICIPANT(ZHASHEDPERSONID, ZNAMECOMPONENTS) \
                             VALUES('hash', ?1)";
                connection.execute(names, [&list]).unwrap();
            }
            let found = asked(&bundle, what);
            let hurt = found.iter().find(|record| record["title"] == "hurt").unwrap();
            assert!(hurt["path"].is_string(), "{what}");
            for field in ["place", "cloud_metadata", "media_analysis"] {
                let value = &hurt[field];
                let is_nothing = value.is_null()
                    || *value == json!({})
                    || field == "media_analysis" && value.is_object();
                assert!(is_nothing, "{what}: {field} is {value}");
            }
            assert!(hurt["adjustments"].is_object() && hurt["original_adjustments"].is_object());
            assert_eq!(hurt["owner"], Value::Null, "{what}");
        }
    }
}

/// Files of a bundle that hold adjustments.
fn adjustment_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_one = path.extension().is_some_and(|it| it == "aae" || it == "plist");
        if path.is_dir() {
            adjustment_files(&path, found);
        } else if is_one {
            found.push(path);
        }
    }
}

#[test]
fn a_link_a_folder_and_a_pipe_in_the_place_of_adjustments_are_none() {
    type Place = fn(&Path);
    let places: &[(&str, Place)] = &[
        ("a link", |path| symlink("/dev/zero", path).unwrap()),
        ("a link to a file beside it", |path| {
            fs::write(path.with_extension("real"), "x").unwrap();
            symlink(path.with_extension("real"), path).unwrap();
        }),
        ("a folder", |path| fs::create_dir(path).unwrap()),
        ("a pipe", |path| {
            assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        }),
        ("a socket", |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap())),
        ("nothing", |_| {}),
    ];
    for (what, place) in places {
        let temp = tempfile::tempdir().unwrap();
        let bundle = build(temp.path(), Model::Photos11, b"<plist><dict></dict></plist>");
        let mut files = Vec::new();
        adjustment_files(&bundle.join("resources"), &mut files);
        adjustment_files(&bundle.join("originals"), &mut files);
        assert_eq!(files.len(), 2, "{files:?}");
        for file in files {
            fs::remove_file(&file).unwrap();
            place(&file);
        }
        let found = asked(&bundle, what);
        let hurt = found.iter().find(|record| record["title"] == "hurt").unwrap();
        assert_eq!((&hurt["adjustments"], &hurt["original_adjustments"]), (&json!({}), &json!({})));
        assert_eq!(hurt["hasadjustments"], true, "{what}");
    }
}

#[test]
fn circles_and_rows_that_refer_to_themselves_end() {
    for model in Model::ALL {
        let temp = tempfile::tempdir().unwrap();
        let bundle = temp.path().join("S.photoslibrary");
        super::values::rich(model, &bundle);
        super::sql(
            &bundle,
            "UPDATE ZGENERICALBUM SET ZPARENTFOLDER=Z_PK;
             UPDATE ZPERSON SET ZKEYFACE=Z_PK;
             UPDATE ZCLOUDSHAREDCOMMENT SET ZLIKEDASSET=ZCOMMENTEDASSET;",
        );
        assert_eq!(super::values::ask_everything(&bundle, "to itself"), 0);
        super::sql(
            &bundle,
            "UPDATE ZGENERICALBUM SET ZKIND=4000, ZPARENTFOLDER=1+(Z_PK % 50) WHERE Z_PK % 2=0;
             UPDATE ZPERSON SET ZKEYFACE=9223372036854775807;
             UPDATE ZGENERICALBUM SET ZCUSTOMKEYASSET=-1, ZUUID='../../x' WHERE Z_PK % 3=0;",
        );
        assert_eq!(super::values::ask_everything(&bundle, "in circles"), 0);
    }
}
