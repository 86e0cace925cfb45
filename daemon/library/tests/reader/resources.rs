//! Every version of every asset, where it is and why it is not: real libraries against what an
//! independent reader found, and copies changed into what no real library at hand has.
//!
//! RAW files, what others sent, and videos in shared albums exist in the altered copies alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use darkslide_door::LibraryDir;
use darkslide_fixture::{
    AssetSpec, BuiltLibrary, Content, LibraryBuilder, Model, Version as Built,
};
use darkslide_library::{
    Absence, AssetResources, Library, Listed, Presence, Query, Resource, Version,
};
use darkslide_policy::{AbsPath, Ask, Gid, LibraryName, Peer, Platform, Policy, Read, Uid, World};
use darkslide_protocol::field::Fields;
use darkslide_protocol::value::Uuid;
use serde_json::Value;

use crate::opened::{MODERN, Opened, bundle, copy_database, never, real, verify_bytes, writable};
use crate::real_libraries::{everything, lines, records};

fn list(opened: &Opened, uuids: &[Uuid]) -> Listed {
    opened.library.list_resources(&opened.grant, uuids, &never()).unwrap()
}

fn uuids(records: &[Value]) -> Vec<Uuid> {
    records.iter().map(|it| Uuid::parse(it["uuid"].as_str().unwrap()).unwrap()).collect()
}

fn of(found: &AssetResources, version: Version) -> Vec<&Resource> {
    found.resources.iter().filter(|it| it.version == version).collect()
}

fn path_of(found: &AssetResources, version: Version) -> Option<&str> {
    of(found, version).first().and_then(|it| it.presence.path_text())
}

fn reason_of(found: &AssetResources, version: Version) -> Option<Absence> {
    match of(found, version).first()?.presence {
        Presence::Absent(absence) => Some(absence),
        Presence::Here { .. } | Presence::Outside { .. } => None,
    }
}

/// What an independent reader found, by asset and version.
fn files(name: &str) -> BTreeMap<(String, String), Value> {
    let text = |it: &Value, key: &str| it[key].as_str().unwrap().to_owned();
    let rows = lines(name, ".files.jsonl").into_iter();
    rows.map(|row| ((text(&row, "uuid"), text(&row, "version")), row)).collect()
}

#[test]
fn every_file_of_every_real_library_is_found_and_what_is_missing_has_a_reason() {
    let Some(folder) = real() else { return };
    let mut reasons = BTreeSet::new();
    for name in MODERN {
        let opened = Opened::all(&bundle(folder, name));
        let records = lines(name, ".jsonl");
        let listed = list(&opened, &uuids(&records));
        assert_eq!((listed.unknown.len(), listed.rest.len()), (0, 0), "{name}");
        let mut expected = files(name);
        for (record, found) in records.iter().zip(&listed.assets) {
            assert_eq!(record["uuid"], found.uuid.as_str());
            for resource in found.resources.iter().filter(|it| it.version != Version::Preview) {
                let key = (found.uuid.to_string(), resource.version.as_str().to_owned());
                let what = format!("{name} {key:?} {resource:?}");
                let theirs = expected.remove(&key).unwrap_or_else(|| panic!("too much: {what}"));
                match &resource.presence {
                    // The tool does not look for what the database calls missing; the disk decides.
                    Presence::Here { .. } if record["ismissing"] == true => {}
                    Presence::Here { path, facts } => {
                        assert_eq!(theirs["path"], path.as_str(), "{what}");
                        assert_eq!(theirs["size"], facts.size, "{what}");
                        assert_eq!(resource.bytes, Some(facts.size), "{what}");
                    }
                    Presence::Outside { .. } => panic!("nothing outside is granted: {what}"),
                    Presence::Absent(absence) => {
                        reasons.insert(*absence);
                        assert_eq!(theirs["missing"], true, "{what}");
                    }
                }
            }
            let previews = of(found, Version::Preview).into_iter();
            let mut previews: Vec<&str> =
                previews.filter_map(|it| it.presence.path_text()).collect();
            previews.sort_unstable();
            assert_eq!(record["path_derivatives"], serde_json::json!(previews), "{name}");
            let original = of(found, Version::Original)[0];
            assert_eq!(record["uti_original"], serde_json::json!(original.uti), "{name}");
        }
        assert_eq!(expected, BTreeMap::new(), "{name}: not found");
    }
    let all = [
        Absence::InICloud,
        Absence::NotOnDisk,
        Absence::Referenced,
        Absence::NotSaved,
        Absence::NoRender,
    ];
    assert!(all.iter().all(|it| reasons.contains(it)), "{reasons:?}");
    verify_bytes(folder);
}

/// The RAW files of the test libraries were removed; with placeholders in their places they are
/// found, whatever the case of their letters.
#[test]
fn a_raw_file_is_found_by_the_type_of_its_row_in_every_model() {
    let Some(folder) = real() else { return };
    let mut seen = Vec::new();
    for name in MODERN {
        let real = bundle(folder, name);
        let records = lines(name, ".jsonl");
        let pairs = records.iter().filter(|it| it["has_raw"] == true && it["isreference"] == false);
        for record in pairs {
            let temp = tempfile::tempdir().unwrap();
            let copy = copy_database(&real, temp.path());
            let stem = record["filename"].as_str().unwrap().rsplit_once('.').unwrap().0;
            let letter = &stem[..1];
            // The last has an extension that its row does not tell.
            let extension = ["cr2", "CR2", "nef"][seen.len() % 3];
            let path = format!("originals/{letter}/{stem}_4.{extension}");
            fs::create_dir_all(copy.join(format!("originals/{letter}"))).unwrap();
            fs::write(copy.join(&path), "raw").unwrap();
            let found = list(&Opened::all(&copy), &uuids(std::slice::from_ref(record)));
            let raw = of(&found.assets[0], Version::Raw)[0];
            assert_eq!(raw.presence.path_text(), Some(path.as_str()), "{name}");
            let uti =
                if extension == "nef" { "com.nikon.raw-image" } else { "com.canon.cr2-raw-image" };
            assert_eq!(raw.uti.as_deref(), Some(uti), "{name}");
            seen.push(extension);
        }
    }
    assert!(seen.len() >= 3, "{seen:?}");
}

fn built(model: Model, below: &Path, spec: AssetSpec) -> BuiltLibrary {
    let mut builder = LibraryBuilder::new(model);
    builder.asset(spec);
    builder.build(&below.join("S.photoslibrary")).unwrap()
}

fn alter(library: &BuiltLibrary, text: &str) {
    writable(library.path().join("database/Photos.sqlite")).execute_batch(text).unwrap();
}

fn look(library: &BuiltLibrary) -> AssetResources {
    let opened = Opened::all(library.path());
    let uuid = Uuid::parse(library.assets()[0].uuid()).unwrap();
    list(&opened, &[uuid]).assets.remove(0)
}

/// Moves a version's file to another place in the bundle.
fn moved(library: &BuiltLibrary, version: Built, to: &str) -> String {
    let from = library.assets()[0].file(version).unwrap().path().unwrap().to_owned();
    let name = from.file_name().unwrap().to_str().unwrap();
    let letter = &library.assets()[0].uuid()[..1];
    let to = format!("{to}/{letter}/{name}");
    let target = library.path().join(&to);
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::rename(library.path().join(from), target).unwrap();
    to
}

fn live_with_preview() -> AssetSpec {
    let photo = AssetSpec::photo("A.HEIC", Content::heic(1));
    photo.live(Content::mov(2)).preview(Content::jpeg(3))
}

#[test]
fn what_somebody_sent_is_found_in_its_scope_until_it_is_saved() {
    let temp = tempfile::tempdir().unwrap();
    let library = built(Model::Photos11, temp.path(), live_with_preview());
    let sent =
        "UPDATE ZADDITIONALASSETATTRIBUTES SET ZSYNDICATIONIDENTIFIER='x', ZSYNDICATIONHISTORY=";
    alter(&library, &format!("{sent}0"));
    assert_eq!(reason_of(&look(&library), Version::Original), Some(Absence::NotSaved));
    let original = moved(&library, Built::Original, "scopes/syndication/originals");
    let video = moved(&library, Built::LiveVideo, "scopes/syndication/originals");
    let preview = moved(&library, Built::Preview, "scopes/syndication/resources/derivatives");
    let found = look(&library);
    assert_eq!(path_of(&found, Version::Original), Some(original.as_str()));
    assert_eq!(path_of(&found, Version::LiveVideo), Some(video.as_str()));
    assert_eq!(path_of(&found, Version::Preview), Some(preview.as_str()));
    alter(&library, &format!("{sent}1"));
    assert_eq!(reason_of(&look(&library), Version::Original), Some(Absence::NotOnDisk));
}

#[test]
fn a_shared_moment_is_found_in_its_scope_and_else_among_the_originals() {
    let temp = tempfile::tempdir().unwrap();
    let library = built(Model::Photos11, temp.path(), live_with_preview());
    alter(&library, "UPDATE ZASSET SET ZMOMENTSHARE=1");
    let plain = library.assets()[0].file(Built::Original).unwrap().path().unwrap().to_owned();
    assert_eq!(path_of(&look(&library), Version::Original), plain.to_str());
    let original = moved(&library, Built::Original, "scopes/momentshared/originals");
    let video = moved(&library, Built::LiveVideo, "scopes/momentshared/originals");
    let preview = moved(&library, Built::Preview, "scopes/momentshared/resources/derivatives");
    let found = look(&library);
    assert_eq!(path_of(&found, Version::Original), Some(original.as_str()));
    assert_eq!(path_of(&found, Version::LiveVideo), Some(video.as_str()));
    assert_eq!(path_of(&found, Version::Preview), Some(preview.as_str()));
}

#[test]
fn the_video_of_a_shared_live_photo_lies_beside_it_in_either_layout() {
    for (model, folder) in
        [(Model::Photos5, "resources/cloudsharing"), (Model::Photos11, "scopes/cloudsharing")]
    {
        let temp = tempfile::tempdir().unwrap();
        let library = built(model, temp.path(), live_with_preview().shared());
        let asset = &library.assets()[0];
        let original = asset.file(Built::Original).unwrap().path().unwrap().to_owned();
        let video = original.with_extension("MOV");
        assert_eq!(reason_of(&look(&library), Version::LiveVideo), Some(Absence::NotSaved));
        fs::write(library.path().join(&video), "video").unwrap();
        let letter = &asset.uuid()[..1];
        let small = format!("{folder}/resources/derivatives/masters/{letter}");
        fs::create_dir_all(library.path().join(&small)).unwrap();
        let small = format!("{small}/{}_4_5005_c.jpeg", asset.uuid());
        fs::write(library.path().join(&small), "preview").unwrap();
        let found = look(&library);
        assert!(original.starts_with(format!("{folder}/data")), "{original:?}");
        assert_eq!(path_of(&found, Version::LiveVideo), video.to_str());
        assert_eq!(path_of(&found, Version::Preview), Some(small.as_str()));
    }
}

#[test]
fn an_edit_of_an_unusual_format_is_found() {
    for extension in ["png", "tiff"] {
        let temp = tempfile::tempdir().unwrap();
        let spec = AssetSpec::photo("A.PNG", Content::png(1)).edited(Content::jpeg(2));
        let library = built(Model::Photos11, temp.path(), spec);
        let edit = library.assets()[0].file(Built::Edited).unwrap().path().unwrap().to_owned();
        let other = edit.with_extension(extension);
        fs::rename(library.path().join(&edit), library.path().join(&other)).unwrap();
        assert_eq!(path_of(&look(&library), Version::Edited), other.to_str());
    }
}

#[test]
fn adjustments_of_photos_and_of_the_camera_are_versions_of_their_own() {
    let temp = tempfile::tempdir().unwrap();
    let spec = AssetSpec::photo("A.HEIC", Content::heic(1))
        .edited(Content::heic(2))
        .original_aae(Content::made(darkslide_fixture::Format::Aae, 3));
    let library = built(Model::Photos11, temp.path(), spec);
    for (version, other) in [(Version::Aae, Built::Aae), (Version::OriginalAae, Built::OriginalAae)]
    {
        let file = library.assets()[0].file(other).unwrap().path().unwrap().to_owned();
        assert_eq!(path_of(&look(&library), version), file.to_str());
        fs::remove_file(library.path().join(file)).unwrap();
        assert_eq!(reason_of(&look(&library), version), Some(Absence::NotOnDisk));
    }
}

#[test]
fn a_preview_is_named_by_its_row_or_by_use_and_else_has_a_reason() {
    let temp = tempfile::tempdir().unwrap();
    let spec = AssetSpec::photo("A.JPG", Content::jpeg(1)).preview(Content::jpeg(2));
    let library = built(Model::Photos11, temp.path(), spec);
    let asset = &library.assets()[0];
    let file = asset.file(Built::Preview).unwrap().path().unwrap().to_owned();
    let thumb = library.path().join(&file).with_file_name(format!("{}.THM", asset.uuid()));
    fs::write(thumb, "no preview").unwrap();
    let other = file.with_file_name(format!("{}_1_102_o.jpeg", asset.uuid()));
    fs::copy(library.path().join(&file), library.path().join(&other)).unwrap();
    // A row that says "not here" of a file that is.
    alter(
        &library,
        "UPDATE ZINTERNALRESOURCE SET ZLOCALAVAILABILITY=-1, ZREMOTEAVAILABILITY=1 \
         WHERE ZVERSION=3",
    );
    let found = look(&library);
    assert_eq!(of(&found, Version::Preview).len(), 1);
    assert_eq!(path_of(&found, Version::Preview), file.to_str());
    fs::remove_file(library.path().join(&file)).unwrap();
    assert_eq!(reason_of(&look(&library), Version::Preview), Some(Absence::InICloud));
    alter(&library, "DELETE FROM ZINTERNALRESOURCE WHERE ZVERSION=3");
    assert_eq!(path_of(&look(&library), Version::Preview), other.to_str());
}

#[test]
fn what_stands_in_a_files_place_is_never_taken_for_it() {
    let all = [
        (Built::Original, Version::Original),
        (Built::Edited, Version::Edited),
        (Built::LiveVideo, Version::LiveVideo),
        (Built::EditedLiveVideo, Version::EditedLiveVideo),
        (Built::Raw, Version::Raw),
        (Built::Aae, Version::Aae),
    ];
    let temp = tempfile::tempdir().unwrap();
    let spec = live_with_preview()
        .edited(Content::jpeg(4))
        .edited_live(Content::mov(5))
        .raw(Content::cr2(6));
    let library = built(Model::Photos11, temp.path(), spec);
    let secret = temp.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    for (other, version) in all {
        let file = library.assets()[0].file(other).unwrap().path().unwrap().to_owned();
        let file = library.path().join(file);
        fs::remove_file(&file).unwrap();
        symlink(&secret, &file).unwrap();
        assert_eq!(
            reason_of(&look(&library), version),
            Some(Absence::NotAFile),
            "link {version:?}"
        );
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert_eq!(reason_of(&look(&library), version), Some(Absence::NotAFile), "folder");
        fs::remove_dir(&file).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
        assert_eq!(reason_of(&look(&library), version), Some(Absence::NotAFile), "pipe");
        fs::remove_file(&file).unwrap();
    }
    let preview = library.assets()[0].file(Built::Preview).unwrap().path().unwrap().to_owned();
    let preview = library.path().join(preview);
    fs::remove_file(&preview).unwrap();
    symlink(&secret, &preview).unwrap();
    assert_eq!(path_of(&look(&library), Version::Preview), None);
}

#[test]
fn names_and_folders_that_lead_elsewhere_have_their_reason_for_each_version() {
    for (change, expected) in [
        ("ZDIRECTORY='../../..'", Absence::OutsideBundle),
        ("ZDIRECTORY='A//B'", Absence::BadName),
        ("ZFILENAME='../x'", Absence::BadName),
        ("ZFILENAME=NULL", Absence::BadName),
        ("ZDIRECTORY='/Volumes/Disk'", Absence::Referenced),
    ] {
        let temp = tempfile::tempdir().unwrap();
        let spec = AssetSpec::photo("A.JPG", Content::jpeg(1)).raw(Content::cr2(2));
        let library = built(Model::Photos11, temp.path(), spec);
        alter(&library, &format!("UPDATE ZASSET SET {change}"));
        let found = look(&library);
        assert_eq!(reason_of(&found, Version::Original), Some(expected), "{change}");
        assert!(reason_of(&found, Version::Raw).is_some(), "{change}");
    }
}

#[test]
fn what_the_grant_withholds_is_unknown_and_each_is_answered_once() {
    let temp = tempfile::tempdir().unwrap();
    let mut builder = LibraryBuilder::new(Model::Photos11);
    builder.asset(AssetSpec::photo("A.JPG", Content::jpeg(1)));
    builder.asset(AssetSpec::photo("B.JPG", Content::jpeg(2)).hidden());
    builder.asset(AssetSpec::photo("C.JPG", Content::jpeg(3)).trashed());
    let library = builder.build(&temp.path().join("S.photoslibrary")).unwrap();
    let mut asked: Vec<Uuid> =
        library.assets().iter().map(|it| Uuid::parse(it.uuid()).unwrap()).collect();
    let nobody = Uuid::parse("FFFFFFFF-0000-4000-8000-000000000000").unwrap();
    asked.push(nobody);
    asked.push(asked[0].clone());
    let found = list(&Opened::with(library.path(), false, false), &asked);
    let answered: Vec<&Uuid> = found.assets.iter().map(|it| &it.uuid).collect();
    assert_eq!(answered, [&asked[0]]);
    assert_eq!(found.unknown, asked[1..4]);
    assert_eq!(found.rest, []);
}

#[test]
fn more_assets_than_an_answer_holds_are_left_for_the_next() {
    let temp = tempfile::tempdir().unwrap();
    let library = built(Model::Photos11, temp.path(), AssetSpec::photo("A.JPG", Content::jpeg(1)));
    let uuid = |number: usize| Uuid::parse(&format!("{number:08X}-0000-4000-8000-000000000000"));
    let asked: Vec<Uuid> = (0..1_500).map(|number| uuid(number).unwrap()).collect();
    let found = list(&Opened::all(library.path()), &asked);
    assert_eq!((found.unknown.len(), found.rest.len()), (1_000, 500));
    assert_eq!(found.rest, asked[1_000..]);
}

/// Opens a library with a grant of a folder outside the bundle, or of none.
pub(crate) fn with_referenced(bundle: &Path, folder: &Path, granted: bool) -> Opened {
    let path = |path: &Path| AbsPath::parse(path.to_str().unwrap(), None).unwrap();
    let name = LibraryName::parse("main").unwrap();
    let listed = if granted { format!("{:?}", folder.to_str().unwrap()) } else { String::new() };
    let text = format!(
        "version = 1\n[library.main]\npath = \"/library\"\nreferenced = [{listed}]\n\
         [[client]]\nname = \"me\"\nuid = \"self\"\nlibraries = [\"main\"]\nroots = []\n\
         methods = [\"*\"]\n"
    );
    let home = AbsPath::parse("/home/me", None).unwrap();
    let world = World { home, uid: Uid::new(7), methods: Vec::new(), platform: Platform::Linux };
    let peer = Peer::new(Uid::new(7), Gid::new(7), None);
    let ask = Ask::<Read>::new("resource.list", name.clone());
    let grant = Policy::parse(&text, &world).unwrap().decide(&peer, &ask).unwrap();
    let mut dir = LibraryDir::open(name, &path(bundle)).unwrap();
    dir.add_referenced(path(folder));
    Opened { library: Library::new(dir), grant }
}

#[test]
fn a_referenced_original_is_here_where_the_policy_shows_its_folder() {
    let temp = tempfile::tempdir().unwrap();
    let outside = temp.path().canonicalize().unwrap().join("Pictures");
    fs::create_dir(&outside).unwrap();
    let text = outside.to_str().unwrap();
    let spec = AssetSpec::photo("A.JPG", Content::jpeg(1)).raw(Content::cr2(2)).referenced(text);
    let library = built(Model::Photos11, temp.path(), spec);
    // The RAW file has a bookmark of its own, on the system's disk.
    alter(
        &library,
        &format!(
            "UPDATE ZINTERNALRESOURCE SET ZFILESYSTEMVOLUME=1 WHERE ZDATASTORESUBTYPE=17; \
             INSERT INTO ZFILESYSTEMBOOKMARK (Z_PK, ZRESOURCE, ZPATHRELATIVETOVOLUME) \
             SELECT 9, Z_PK, '{text}/A.CR2' FROM ZINTERNALRESOURCE WHERE ZDATASTORESUBTYPE=17"
        ),
    );
    let uuid = Uuid::parse(library.assets()[0].uuid()).unwrap();
    let look = |granted| {
        let opened = with_referenced(library.path(), &outside, granted);
        list(&opened, std::slice::from_ref(&uuid)).assets.remove(0)
    };
    let check = |granted, expected: Result<&str, Absence>| {
        let found = look(granted);
        for (version, name) in [(Version::Original, "A.JPG"), (Version::Raw, "A.CR2")] {
            match expected {
                Ok(folder) => {
                    let path = format!("{folder}/{name}");
                    assert_eq!(path_of(&found, version), Some(path.as_str()));
                }
                Err(absence) => assert_eq!(reason_of(&found, version), Some(absence)),
            }
        }
    };
    check(true, Err(Absence::NotOnDisk));
    for name in ["A.JPG", "A.CR2"] {
        fs::write(outside.join(name), "content").unwrap();
    }
    check(true, Ok(text));
    check(false, Err(Absence::Referenced));
    for name in ["A.JPG", "A.CR2"] {
        fs::remove_file(outside.join(name)).unwrap();
        symlink("/etc/passwd", outside.join(name)).unwrap();
    }
    check(true, Err(Absence::NotAFile));
    fs::remove_dir_all(&outside).unwrap();
    check(true, Err(Absence::VolumeAbsent));
    check(false, Err(Absence::Referenced));
}

/// Two assets of the same content, of which the second is on this disk.
#[test]
fn what_is_missing_is_not_if_a_twin_that_the_grant_shows_is_here() {
    let missing = |opened: &Opened| -> Vec<bool> {
        let query = Query { fields: Fields::all(), ..everything() };
        let mut records = records(opened, query);
        records.sort_by_key(|it| it["original_filename"].as_str().unwrap().to_owned());
        records.iter().map(|it| it["ismissing"].as_bool().unwrap()).collect()
    };
    let build = |second: AssetSpec, below: &Path| {
        let mut builder = LibraryBuilder::new(Model::Photos11);
        let first = AssetSpec::photo("A.JPG", Content::jpeg(1));
        builder.asset(first.in_cloud(Built::Original));
        builder.asset(second);
        builder.build(&below.join("S.photoslibrary")).unwrap()
    };
    let twin = || AssetSpec::photo("B.JPG", Content::jpeg(1));
    for (second, hidden, expected) in [
        (twin(), true, vec![false, false]),
        (twin().hidden(), true, vec![false, false]),
        (twin().hidden(), false, vec![true]),
        (twin().in_cloud(Built::Original), true, vec![true, true]),
        (AssetSpec::photo("B.JPG", Content::jpeg(2)), true, vec![true, false]),
    ] {
        let temp = tempfile::tempdir().unwrap();
        let library = build(second, temp.path());
        assert_eq!(missing(&Opened::with(library.path(), hidden, true)), expected);
    }
}
