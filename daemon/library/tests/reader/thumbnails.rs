//! Which image is shown for how many pixels: by the headers of the files, whatever the rows say.
//!
//! The images here are headers alone, so that nothing could be decoded even by mistake; those of
//! real libraries are only looked at.

use std::fs;
use std::io::Read;
use std::path::Path;

use darkslide_door::{Faults, Operation};
use darkslide_fixture::{
    AssetSpec, BuiltLibrary, Content, LibraryBuilder, Model, Version as Built,
};
use darkslide_library::{Absence, LibraryError, Shown, Version};
use darkslide_protocol::value::Uuid;
use rustix::io::Errno;

use crate::opened::{MODERN, Opened, bundle, never, real, verify_bytes};
use crate::real_libraries::lines;

/// The header of a JPEG of that size.
fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let (width, height) = (width.to_be_bytes(), height.to_be_bytes());
    [&[0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8][..], &height, &width, &[3; 12]].concat()
}

fn built(below: &Path, spec: AssetSpec) -> BuiltLibrary {
    let mut builder = LibraryBuilder::new(Model::Photos11);
    builder.asset(spec);
    builder.build(&below.join("S.photoslibrary")).unwrap()
}

fn replace(library: &BuiltLibrary, version: Built, content: &[u8]) {
    let path = library.assets()[0].file(version).unwrap().path().unwrap();
    fs::write(library.path().join(path), content).unwrap();
}

/// Writes the small preview.
fn small(library: &BuiltLibrary, content: &[u8]) {
    let uuid = library.assets()[0].uuid();
    let folder = format!("resources/derivatives/masters/{}", &uuid[..1]);
    fs::create_dir_all(library.path().join(&folder)).unwrap();
    fs::write(library.path().join(format!("{folder}/{uuid}_4_5005_c.jpeg")), content).unwrap();
}

fn ask(library: &BuiltLibrary, min_pixels: u32) -> Shown {
    let opened = Opened::all(library.path());
    let uuid = Uuid::parse(library.assets()[0].uuid()).unwrap();
    opened.library.thumbnail(&opened.grant, &uuid, min_pixels, &never()).unwrap()
}

fn shown(library: &BuiltLibrary, min_pixels: u32) -> Option<(Version, u32, u32)> {
    match ask(library, min_pixels) {
        Shown::Image(image) => Some((image.file.version(), image.width, image.height)),
        Shown::Nothing | Shown::Absent(_) => None,
        Shown::Unknown => panic!("the asset is there"),
    }
}

#[test]
fn the_smallest_that_is_large_enough_is_shown_and_else_the_largest() {
    let temp = tempfile::tempdir().unwrap();
    let spec = AssetSpec::photo("A.JPG", Content::jpeg(1)).preview(Content::jpeg(2));
    let library = built(temp.path(), spec);
    small(&library, &jpeg(360, 240));
    replace(&library, Built::Preview, &jpeg(768, 1024));
    replace(&library, Built::Original, &jpeg(4032, 3024));
    for (min, expected) in [
        (0, (Version::Preview, 360, 240)),
        (360, (Version::Preview, 360, 240)),
        (361, (Version::Preview, 768, 1024)),
        (1024, (Version::Preview, 768, 1024)),
        (1025, (Version::Original, 4032, 3024)),
        (u32::MAX, (Version::Original, 4032, 3024)),
    ] {
        assert_eq!(shown(&library, min), Some(expected), "{min}");
    }
    replace(&library, Built::Original, b"no image");
    assert_eq!(shown(&library, 4000), Some((Version::Preview, 768, 1024)));
    replace(&library, Built::Preview, b"no image");
    small(&library, b"");
    assert_eq!(shown(&library, 1), None);
    assert!(matches!(ask(&library, 1), Shown::Nothing), "it is here, and is none");
}

#[test]
fn of_an_edited_photo_the_edit_is_shown_where_there_is_one() {
    let temp = tempfile::tempdir().unwrap();
    let spec = AssetSpec::photo("A.JPG", Content::jpeg(1)).edited(Content::jpeg(2));
    let library = built(temp.path(), spec);
    replace(&library, Built::Original, &jpeg(400, 300));
    replace(&library, Built::Edited, &jpeg(200, 300));
    assert_eq!(shown(&library, 1), Some((Version::Edited, 200, 300)));
    let edit = library.assets()[0].file(Built::Edited).unwrap().path().unwrap();
    fs::remove_file(library.path().join(edit)).unwrap();
    assert_eq!(shown(&library, 1), Some((Version::Original, 400, 300)));
}

#[test]
fn a_film_is_shown_by_its_previews_alone() {
    let temp = tempfile::tempdir().unwrap();
    let library = built(temp.path(), AssetSpec::movie("A.MOV", Content::mov(1)));
    assert!(matches!(ask(&library, 1), Shown::Nothing));
    small(&library, &jpeg(360, 240));
    assert_eq!(shown(&library, 1000), Some((Version::Preview, 360, 240)));
}

#[test]
fn the_image_that_is_shown_is_open_and_not_read_from() {
    let temp = tempfile::tempdir().unwrap();
    let spec = AssetSpec::photo("A.JPG", Content::jpeg(1)).preview(Content::jpeg(2));
    let library = built(temp.path(), spec);
    let header = jpeg(768, 1024);
    replace(&library, Built::Preview, &header);
    let Shown::Image(image) = ask(&library, 1) else { panic!("it is there") };
    assert_eq!((image.file.name(), image.file.size()), ("A.jpeg", header.len() as u64));
    let mut content = Vec::new();
    image.file.into_file().read_to_end(&mut content).unwrap();
    assert_eq!(content, header, "from its first byte");
}

#[test]
fn an_image_that_is_elsewhere_is_absent_with_the_reason() {
    let temp = tempfile::tempdir().unwrap();
    let cloud = AssetSpec::photo("A.JPG", Content::jpeg(1)).in_cloud(Built::Original);
    let library = built(temp.path(), cloud);
    assert!(matches!(ask(&library, 1), Shown::Absent(Absence::InICloud)));
    let temp = tempfile::tempdir().unwrap();
    let film = AssetSpec::movie("A.MOV", Content::mov(1)).preview(Content::jpeg(2));
    let library = built(temp.path(), film);
    let preview = library.assets()[0].file(Built::Preview).unwrap().path().unwrap();
    fs::remove_file(library.path().join(preview)).unwrap();
    assert!(matches!(ask(&library, 1), Shown::Absent(Absence::NotOnDisk)));
}

/// A header longer than what is read of it counts as none.
#[test]
fn a_header_is_read_up_to_its_bound() {
    let header = |segments: usize| {
        let segment = [&[0xFF, 0xE1, 0xFF, 0xFF][..], &[0; 65_533]].concat();
        let body = &jpeg(64, 48)[2..];
        [&[0xFF, 0xD8][..], &segment.repeat(segments), body].concat()
    };
    let temp = tempfile::tempdir().unwrap();
    let library = built(temp.path(), AssetSpec::photo("A.JPG", Content::jpeg(1)));
    // 256 KiB of header, in windows of 4 KiB: the first, and two for each end of a segment.
    for (segments, expected) in [(1, true), (30, true), (64, false), (500, false)] {
        replace(&library, Built::Original, &header(segments));
        assert_eq!(shown(&library, 1).is_some(), expected, "{segments}");
    }
}

#[test]
fn an_asset_that_is_withheld_or_not_there_is_unknown() {
    let temp = tempfile::tempdir().unwrap();
    let library = built(temp.path(), AssetSpec::photo("A.JPG", Content::jpeg(1)).hidden());
    let opened = Opened::with(library.path(), false, false);
    for uuid in [library.assets()[0].uuid(), "FFFFFFFF-0000-4000-8000-000000000000"] {
        let uuid = Uuid::parse(uuid).unwrap();
        let shown = opened.library.thumbnail(&opened.grant, &uuid, 1, &never()).unwrap();
        assert!(matches!(shown, Shown::Unknown), "{shown:?}");
    }
}

#[test]
fn what_the_machine_lacks_is_no_missing_image() {
    let temp = tempfile::tempdir().unwrap();
    let library = built(temp.path(), AssetSpec::photo("A.JPG", Content::jpeg(1)));
    let faults = Faults::fail_each(Operation::OpenFile, Errno::MFILE.raw_os_error());
    let opened = Opened::failing(library.path(), faults);
    let uuid = Uuid::parse(library.assets()[0].uuid()).unwrap();
    let answer = opened.library.thumbnail(&opened.grant, &uuid, 1, &never());
    assert!(matches!(answer, Err(LibraryError::Unavailable { .. })), "{answer:?}");
}

#[test]
fn every_preview_of_every_real_library_has_a_size() {
    let Some(folder) = real() else { return };
    for name in MODERN {
        let opened = Opened::all(&bundle(folder, name));
        for record in lines(name, ".jsonl") {
            let uuid = Uuid::parse(record["uuid"].as_str().unwrap()).unwrap();
            let shown = opened.library.thumbnail(&opened.grant, &uuid, 1, &never()).unwrap();
            let previews = record["path_derivatives"].as_array().unwrap();
            match shown {
                Shown::Image(image) if image.file.version() == Version::Preview => {
                    assert!(previews.iter().any(|it| it == image.file.path_text()));
                }
                Shown::Image(_) | Shown::Nothing | Shown::Absent(_) => {
                    assert!(previews.is_empty(), "{name} {uuid}")
                }
                Shown::Unknown => panic!("{name} {uuid}"),
            }
        }
    }
    verify_bytes(folder);
}
