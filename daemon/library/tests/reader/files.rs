//! Each version of an asset is found where Photos puts it, in the first and the newest model; what
//! is not there has a reason.
//!
//! No real library has a RAW file, an edited movie or a shared live photo on its disk; synthetic
//! ones have.

use darkslide_door::{Faults, Operation};
use darkslide_fixture::{
    AssetSpec, BuiltLibrary, Content, KindSubtype, LibraryBuilder, Model, Version as Built,
};
use darkslide_library::{Absence, AssetResources, LibraryError, Presence, Version};
use darkslide_protocol::value::Uuid;
use rustix::io::Errno;

use crate::opened::{Opened, never};

fn build(model: Model, below: &std::path::Path, spec: AssetSpec) -> BuiltLibrary {
    let mut builder = LibraryBuilder::new(model);
    builder.asset(spec);
    builder.build(&below.join("S.photoslibrary")).unwrap()
}

fn look(built: &BuiltLibrary) -> AssetResources {
    let opened = Opened::all(built.path());
    let uuid = Uuid::parse(built.assets()[0].uuid()).unwrap();
    let found = opened.library.resources(&opened.grant, &[uuid], Version::USUAL, &never()).unwrap();
    found.into_iter().next().unwrap()
}

/// Without a free descriptor each file in turn would be "unreadable", and the machine is at fault.
#[test]
fn what_the_machine_lacks_is_the_librarys_error_and_blames_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let spec = AssetSpec::photo("A.JPG", Content::jpeg(1)).raw(Content::cr2(2));
    let built = build(Model::Photos11, folder.path(), spec);
    // With an extension that its row does not tell: its folder has to be listed.
    let raw = built.path().join(built.assets()[0].file(Built::Raw).unwrap().path().unwrap());
    std::fs::rename(&raw, raw.with_extension("nef")).unwrap();
    let uuid = [Uuid::parse(built.assets()[0].uuid()).unwrap()];
    for (errno, is_of_the_machine) in
        [(Errno::MFILE, true), (Errno::NOMEM, true), (Errno::IO, false)]
    {
        let faults = Faults::fail_each(Operation::List, errno.raw_os_error());
        let opened = Opened::failing(built.path(), faults);
        let answer = opened.library.resources(&opened.grant, &uuid, Version::USUAL, &never());
        let unavailable = matches!(answer, Err(LibraryError::Unavailable { .. }));
        assert_eq!(unavailable, is_of_the_machine, "{errno:?}: {answer:?}");
    }
}

const PAIRS: [(Version, Built); 5] = [
    (Version::Original, Built::Original),
    (Version::Edited, Built::Edited),
    (Version::LiveVideo, Built::LiveVideo),
    (Version::EditedLiveVideo, Built::EditedLiveVideo),
    (Version::Raw, Built::Raw),
];

#[test]
fn every_version_is_found_where_it_lies() {
    let specs: [fn() -> AssetSpec; 6] = [
        || AssetSpec::photo("A.JPG", Content::jpeg(1)).raw(Content::cr2(2)),
        || AssetSpec::photo("B.HEIC", Content::heic(1)).edited(Content::heic(2)),
        || AssetSpec::photo("C.HEIC", Content::heic(1)).edited(Content::jpeg(2)),
        || {
            AssetSpec::photo("D.HEIC", Content::heic(1))
                .live(Content::mov(2))
                .edited(Content::jpeg(3))
                .edited_live(Content::mov(4))
        },
        || AssetSpec::movie("E.MOV", Content::mov(1)).edited(Content::mov(2)),
        || AssetSpec::photo("F.JPG", Content::jpeg(1)).shared(),
    ];
    for model in Model::ALL {
        for spec in specs {
            let temp = tempfile::tempdir().unwrap();
            let built = build(model, temp.path(), spec());
            let found = look(&built);
            for (version, other) in PAIRS {
                let file = built.assets()[0].file(other);
                let ours = found.resources.iter().find(|it| it.version == version);
                match (file, ours.map(|it| &it.presence)) {
                    (None, None) => {}
                    (Some(file), Some(Presence::Here { path, facts })) => {
                        assert_eq!(file.path().unwrap().to_str(), Some(path.as_str()));
                        assert_eq!(facts.size, file.bytes());
                    }
                    (file, ours) => panic!("{model:?} {version:?}: {file:?} there, {ours:?} here"),
                }
            }
        }
    }
}

#[track_caller]
fn check_absence(spec: fn() -> AssetSpec, version: Version, expected: Absence) {
    for model in Model::ALL {
        let temp = tempfile::tempdir().unwrap();
        let found = look(&build(model, temp.path(), spec()));
        let resource = found.resources.iter().find(|it| it.version == version).unwrap();
        assert_eq!(resource.presence, Presence::Absent(expected), "{model:?}");
    }
}

#[test]
fn what_is_not_there_has_its_reason() {
    let photo = || AssetSpec::photo("A.JPG", Content::jpeg(1));
    check_absence(
        || AssetSpec::photo("A.JPG", Content::jpeg(1)).in_cloud(Built::Original),
        Version::Original,
        Absence::InICloud,
    );
    check_absence(
        || AssetSpec::photo("A.JPG", Content::jpeg(1)).lost(Built::Original),
        Version::Original,
        Absence::NotOnDisk,
    );
    check_absence(
        || AssetSpec::photo("A.JPG", Content::jpeg(1)).edited_without_render(),
        Version::Edited,
        Absence::NoRender,
    );
    check_absence(
        || {
            AssetSpec::photo("A.JPG", Content::jpeg(1))
                .edited(Content::jpeg(2))
                .in_cloud(Built::Edited)
        },
        Version::Edited,
        Absence::InICloud,
    );
    check_absence(
        || AssetSpec::photo("A.JPG", Content::jpeg(1)).raw(Content::cr2(2)).lost(Built::Raw),
        Version::Raw,
        Absence::NotOnDisk,
    );
    check_absence(
        || {
            AssetSpec::photo("A.JPG", Content::jpeg(1))
                .live(Content::mov(2))
                .in_cloud(Built::LiveVideo)
        },
        Version::LiveVideo,
        Absence::InICloud,
    );
    check_absence(
        || AssetSpec::photo("A.JPG", Content::jpeg(1)).referenced("/Volumes/Disk/Photos"),
        Version::Original,
        Absence::Referenced,
    );
    check_absence(
        || AssetSpec::photo("A.JPG", Content::jpeg(1)).shared().lost(Built::Original),
        Version::Original,
        Absence::NotSaved,
    );
    let temp = tempfile::tempdir().unwrap();
    let found = look(&build(Model::Photos11, temp.path(), photo().subtype(KindSubtype::Panorama)));
    assert_eq!(found.resources.len(), 1);
}

#[test]
fn a_version_that_is_here_is_found_whatever_else_is_missing() {
    let temp = tempfile::tempdir().unwrap();
    let spec = AssetSpec::photo("A.HEIC", Content::heic(1))
        .live(Content::mov(2))
        .edited(Content::jpeg(3))
        .raw(Content::cr2(4))
        .in_cloud(Built::Original);
    let found = look(&build(Model::Photos11, temp.path(), spec));
    let here = found.resources.iter().filter(|it| matches!(it.presence, Presence::Here { .. }));
    let here: Vec<Version> = here.map(|it| it.version).collect();
    assert_eq!(here, [Version::Edited, Version::LiveVideo, Version::Raw]);
}

#[test]
fn a_raw_file_is_found_in_any_case_of_its_letters_and_no_other_file_for_it() {
    let temp = tempfile::tempdir().unwrap();
    let spec = AssetSpec::photo("A.JPG", Content::jpeg(1)).raw(Content::cr2(2));
    let built = build(Model::Photos11, temp.path(), spec);
    let raw = built.path().join(built.assets()[0].file(Built::Raw).unwrap().path().unwrap());
    std::fs::copy(&raw, raw.with_file_name(format!("{}_4x.cr2", built.assets()[0].uuid())))
        .unwrap();
    let loud = raw.with_extension("CR2");
    std::fs::rename(&raw, &loud).unwrap();
    let found = look(&built);
    match &found.resources.last().unwrap().presence {
        Presence::Here { path, .. } => assert!(loud.ends_with(path.as_str())),
        other => panic!("{other:?}"),
    }
}
