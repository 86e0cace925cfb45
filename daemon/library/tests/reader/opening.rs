//! Opening versions of assets: what comes is the file of that very version, open for reading and
//! nothing else; what does not come has its reason.
//!
//! What is exchanged between the look and the opening is made by faults of the door.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;

use darkslide_door::{Faults, Operation};
use darkslide_fixture::{
    AssetSpec, BuiltLibrary, Content, LibraryBuilder, Model, Version as Built,
};
use darkslide_library::{Absence, LibraryError, OpenFile, Opened as Answer, Presence, Version};
use darkslide_protocol::value::Uuid;
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::opened::{Opened, bundle, catalog, never, readable, real, verify_bytes};
use crate::resources::with_referenced;

fn built(below: &Path, spec: AssetSpec) -> BuiltLibrary {
    let mut builder = LibraryBuilder::new(Model::Photos11);
    builder.asset(spec);
    builder.build(&below.join("S.photoslibrary")).unwrap()
}

fn uuid(library: &BuiltLibrary) -> Uuid {
    Uuid::parse(library.assets()[0].uuid()).unwrap()
}

fn open(opened: &Opened, uuid: &Uuid, version: Version) -> Answer {
    opened.library.open_version(&opened.grant, uuid, version, &never()).unwrap()
}

fn file(answer: Answer) -> OpenFile {
    match answer {
        Answer::File(file) => file,
        other => panic!("{other:?}"),
    }
}

fn reason(answer: &Answer) -> Option<Absence> {
    match answer {
        Answer::Absent(why) => Some(*why),
        Answer::File(_) | Answer::NoVersion | Answer::Unknown => None,
    }
}

#[test]
fn each_version_is_the_file_that_was_built_open_for_reading_alone() {
    let temp = tempfile::tempdir().unwrap();
    let spec = AssetSpec::photo("IMG_1.HEIC", Content::heic(1))
        .live(Content::mov(2))
        .preview(Content::jpeg(3))
        .edited(Content::jpeg(4))
        .edited_live(Content::mov(5))
        .raw(Content::cr2(6));
    let library = built(temp.path(), spec);
    let opened = Opened::all(library.path());
    for (other, version, name) in [
        (Built::Original, Version::Original, "IMG_1.HEIC"),
        (Built::Edited, Version::Edited, "IMG_1.jpeg"),
        (Built::LiveVideo, Version::LiveVideo, "IMG_1.mov"),
        (Built::EditedLiveVideo, Version::EditedLiveVideo, "IMG_1.mov"),
        (Built::Raw, Version::Raw, "IMG_1.cr2"),
        (Built::Aae, Version::Aae, "IMG_1.plist"),
        (Built::Preview, Version::Preview, "IMG_1.jpeg"),
    ] {
        let path = library.assets()[0].file(other).unwrap().path().unwrap();
        let expected = fs::read(library.path().join(path)).unwrap();
        let file = file(open(&opened, &uuid(&library), version));
        let told = (file.version(), file.name(), file.size());
        assert_eq!(told, (version, name, expected.len() as u64));
        assert!(file.uti().is_some(), "{version:?}");
        let mut open = file.into_file();
        let flags = rustix::fs::fcntl_getfl(&open).unwrap();
        assert_eq!(flags & (OFlags::ACCMODE | OFlags::NONBLOCK), OFlags::RDONLY);
        let flags = rustix::io::fcntl_getfd(&open).unwrap();
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        let mut content = Vec::new();
        open.read_to_end(&mut content).unwrap();
        assert_eq!(content, expected, "{version:?}");
    }
    let answer = open(&opened, &uuid(&library), Version::OriginalAae);
    assert!(matches!(answer, Answer::NoVersion), "{answer:?}");
}

#[test]
fn of_several_previews_the_largest_is_opened() {
    let temp = tempfile::tempdir().unwrap();
    let spec = AssetSpec::photo("A.JPG", Content::jpeg(1)).preview(Content::jpeg(2));
    let library = built(temp.path(), spec);
    let large = library.assets()[0].file(Built::Preview).unwrap().path().unwrap();
    let uuid = uuid(&library);
    let folder = format!("resources/derivatives/masters/{}", &uuid.as_str()[..1]);
    fs::create_dir_all(library.path().join(&folder)).unwrap();
    let small = library.path().join(format!("{folder}/{uuid}_4_5005_c.jpeg"));
    let opened = Opened::all(library.path());
    let size = || file(open(&opened, &uuid, Version::Preview)).size();
    for bytes in [1, 100_000] {
        fs::write(&small, vec![0; bytes]).unwrap();
        let other = fs::metadata(library.path().join(large)).unwrap().len();
        assert_eq!(size(), other.max(bytes as u64));
    }
    fs::remove_file(library.path().join(large)).unwrap();
    fs::remove_file(&small).unwrap();
    let answer = open(&opened, &uuid, Version::Preview);
    assert_eq!(reason(&answer), Some(Absence::NotOnDisk));
}

#[test]
fn a_link_a_folder_and_a_pipe_in_the_originals_place_are_refused() {
    let temp = tempfile::tempdir().unwrap();
    let library = built(temp.path(), AssetSpec::photo("A.JPG", Content::jpeg(1)));
    let path = library.assets()[0].file(Built::Original).unwrap().path().unwrap();
    let path = library.path().join(path);
    let opened = Opened::all(library.path());
    let answer = || reason(&open(&opened, &uuid(&library), Version::Original));
    let secret = temp.path().join("secret");
    fs::rename(&path, &secret).unwrap();
    assert_eq!(answer(), Some(Absence::NotOnDisk));
    symlink(&secret, &path).unwrap();
    assert_eq!(answer(), Some(Absence::NotAFile));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(answer(), Some(Absence::NotAFile));
    fs::remove_dir(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert_eq!(answer(), Some(Absence::NotAFile));
}

#[test]
fn what_is_exchanged_between_look_and_opening_has_its_reason() {
    let temp = tempfile::tempdir().unwrap();
    let library = built(temp.path(), AssetSpec::photo("A.JPG", Content::jpeg(1)));
    // The last thing that is opened: before it the database is looked at.
    let faults = Faults::count();
    let opened = Opened::failing(library.path(), faults.clone());
    file(open(&opened, &uuid(&library), Version::Original));
    let operations = faults.operations();
    assert_eq!(operations.last(), Some(&Operation::OpenFile));
    let nth = operations.len() as u64;
    for (errno, expected) in [
        (Errno::LOOP, Absence::NotAFile),
        (Errno::NOENT, Absence::NotOnDisk),
        (Errno::ACCESS, Absence::Unreadable),
        (Errno::IO, Absence::Unreadable),
    ] {
        let faults = Faults::fail_nth(nth, errno.raw_os_error());
        let opened = Opened::failing(library.path(), faults);
        let answer = open(&opened, &uuid(&library), Version::Original);
        assert_eq!(reason(&answer), Some(expected), "{errno:?}");
    }
    let faults = Faults::fail_nth(nth, Errno::MFILE.raw_os_error());
    let opened = Opened::failing(library.path(), faults);
    let uuid = uuid(&library);
    let answer = opened.library.open_version(&opened.grant, &uuid, Version::Original, &never());
    assert!(matches!(answer, Err(LibraryError::Unavailable { .. })), "{answer:?}");
}

#[test]
fn an_asset_that_is_withheld_or_not_there_is_unknown() {
    let temp = tempfile::tempdir().unwrap();
    for spec in [
        AssetSpec::photo("A.JPG", Content::jpeg(1)).hidden(),
        AssetSpec::photo("A.JPG", Content::jpeg(1)).trashed(),
    ] {
        let folder = tempfile::tempdir_in(temp.path()).unwrap();
        let library = built(folder.path(), spec);
        let opened = Opened::with(library.path(), false, false);
        let stranger = Uuid::parse("FFFFFFFF-0000-4000-8000-000000000000").unwrap();
        for uuid in [uuid(&library), stranger] {
            for version in Version::ALL {
                let answer = open(&opened, &uuid, *version);
                assert!(matches!(answer, Answer::Unknown), "{answer:?}");
            }
        }
        file(open(&Opened::all(library.path()), &uuid(&library), Version::Original));
    }
}

#[test]
fn a_referenced_original_is_opened_where_the_policy_shows_its_folder() {
    let temp = tempfile::tempdir().unwrap();
    let outside = temp.path().canonicalize().unwrap().join("Pictures");
    fs::create_dir(&outside).unwrap();
    let spec = AssetSpec::photo("A.JPG", Content::jpeg(1)).referenced(outside.to_str().unwrap());
    let library = built(temp.path(), spec);
    fs::write(outside.join("A.JPG"), "outside").unwrap();
    let answer = |granted| {
        let opened = with_referenced(library.path(), &outside, granted);
        open(&opened, &uuid(&library), Version::Original)
    };
    assert_eq!((file(answer(true)).size(), reason(&answer(false))), (7, Some(Absence::Referenced)));
    fs::remove_file(outside.join("A.JPG")).unwrap();
    symlink("/etc/passwd", outside.join("A.JPG")).unwrap();
    assert_eq!(reason(&answer(true)), Some(Absence::NotAFile));
}

#[test]
fn every_file_of_every_real_library_opens_with_the_size_that_was_listed() {
    let Some(folder) = real() else { return };
    for name in readable() {
        let opened = Opened::keeping(&bundle(folder, name));
        let entries = catalog(&opened).unwrap().into_iter();
        let uuids: Vec<Uuid> = entries.map(|it| it.uuid).collect();
        let listed = opened.library.list_resources(&opened.grant, &uuids, &never()).unwrap();
        for asset in &listed.assets {
            for it in asset.resources.iter().filter(|it| it.version != Version::Preview) {
                let answer = open(&opened, &asset.uuid, it.version);
                match it.presence {
                    Presence::Absent(why) => {
                        assert_eq!(reason(&answer), Some(why), "{name} {it:?}")
                    }
                    Presence::Here { .. } | Presence::Outside { .. } => {
                        let file = file(answer);
                        let told = (file.uti().map(str::to_owned), Some(file.size()));
                        assert_eq!(told, (it.uti.clone(), it.bytes), "{name} {it:?}");
                    }
                }
            }
        }
    }
    verify_bytes(folder);
}
