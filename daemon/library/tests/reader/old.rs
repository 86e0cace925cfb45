//! Libraries of Photos 2 to 4, on altered copies of the two real ones: what those do not have, what
//! is lacking, and what was made to hurt.
//!
//! That the real ones come out as an independent reader found them stands in `fidelity.rs` and
//! `real_libraries.rs`. Triggers call functions of Apple's, so that a copy loses them before it is
//! changed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use darkslide_library::{
    Absence, AlbumKind, AssetResources, Damage, LibraryError, Presence, Query, Unsupported, Version,
};
use darkslide_protocol::field::Fields;
use darkslide_protocol::filter::{Facet, Filter, Include, Kind, Text};
use darkslide_protocol::message::record::Asset;
use darkslide_protocol::value::Uuid;
use serde_json::Value;

use crate::opened::{Opened, bundle, catalog, never, real, slow_wanted, uuid_of, writable};
use crate::real_libraries::{all, everything, records};

/// A photo of nothing special, in the newer library.
const PLAIN: &str = "8SOE9s0XQVGsuq4ONohTng";
/// One with a RAW file beside it, and one whose RAW file is in front.
const PAIR: &str = "AcxIpfolT3KU2Ge84VG3yQ";
const RAW_IN_FRONT: &str = "oTiMG6OfSP6d%nUTEOfvMg";
/// One that was edited.
const EDITED: &str = "6bxcNnzRQKGnK4uPrCJ9UQ";

/// A copy of the newer library, with its photos.
struct Copy {
    _temp: tempfile::TempDir,
    path: PathBuf,
}

impl Copy {
    fn new() -> Option<Self> {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("Copy.photoslibrary");
        copy_all(&bundle(real()?, "Test-10.14.6"), &path);
        let copy = Self { _temp: temp, path };
        let connection = writable(copy.database());
        let mut statement = connection
            .prepare("SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_schema WHERE type='trigger'")
            .unwrap();
        let drops: String = statement.query_row([], |row| row.get(0)).unwrap();
        drop(statement);
        connection.execute_batch(&drops).unwrap();
        drop(connection);
        Some(copy)
    }

    fn changed(sql: &str) -> Option<Self> {
        let copy = Self::new()?;
        copy.sql(sql);
        Some(copy)
    }

    fn database(&self) -> PathBuf {
        self.path.join("database/photos.db")
    }

    fn sql(&self, text: &str) {
        let connection = writable(self.database());
        connection.execute_batch("PRAGMA writable_schema=ON").unwrap();
        connection.execute_batch(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }

    fn put(&self, path: &str) {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "content").unwrap();
    }

    fn open(&self) -> Opened {
        Opened::all(&self.path)
    }

    fn asset(&self, uuid: &str) -> Asset {
        serde_json::from_value(self.record(uuid)).unwrap()
    }

    fn record(&self, uuid: &str) -> Value {
        let query = Query { fields: Fields::all(), ..everything() };
        let found = records(&self.open(), query);
        found.into_iter().find(|record| record["uuid"] == uuid).unwrap()
    }

    fn files(&self, uuid: &str) -> AssetResources {
        let opened = self.open();
        let uuid = [Uuid::parse(uuid).unwrap()];
        let found =
            opened.library.resources(&opened.grant, &uuid, Version::USUAL, &never()).unwrap();
        found.into_iter().next().unwrap()
    }

    /// Where a version is, or why not.
    fn place(&self, uuid: &str, version: Version) -> Result<String, Absence> {
        let files = self.files(uuid);
        let resource = files.resources.into_iter().find(|it| it.version == version);
        match resource.unwrap_or_else(|| panic!("no {version:?}")).presence {
            Presence::Here { path, .. } => Ok(path.to_string()),
            Presence::Outside { path, .. } => Ok(path.to_string()),
            Presence::Absent(absence) => Err(absence),
        }
    }

    fn error(&self) -> LibraryError {
        let opened = self.open();
        opened.library.query(&opened.grant, &everything(), &never()).unwrap_err()
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn the_library_tells_its_version_and_what_it_lacks() {
    for (number, photos) in [(2_622, "2"), (3_301, "3"), (4_016, "4"), (4_025, "4")] {
        let change =
            format!("UPDATE LiGlobals SET value='{number}' WHERE keyPath='libraryVersion'");
        let Some(copy) = Copy::changed(&change) else { return };
        let opened = copy.open();
        let info = opened.library.info(&opened.grant, &never()).unwrap();
        assert_eq!((info.photos.as_str(), info.model), (photos, Some(number)));
        assert_eq!(info.uuid.unwrap().as_str(), "x538q16CRkCrKAgFt66CTQ");
        for word in ["exif_info", "score", "cloud_metadata", "comments"] {
            assert!(info.lacks.contains(&word), "{:?}", info.lacks);
        }
        for word in ["place", "keywords", "persons", "incloud", "external_edit", "title"] {
            assert!(!info.lacks.contains(&word), "{:?}", info.lacks);
        }
        let token = opened.library.change_token(&opened.grant, &never());
        assert!(matches!(token, Err(LibraryError::NoHistory)), "{token:?}");
    }
}

#[test]
fn photos_2_has_the_size_in_another_column_and_tells_nothing_of_selfies() {
    let Some(copy) = Copy::changed(
        "UPDATE LiGlobals SET value='2622' WHERE keyPath='libraryVersion';
         UPDATE RKMaster SET fileSize=77;
         ALTER TABLE RKVersion DROP COLUMN selfPortrait;",
    ) else {
        return;
    };
    let asset = copy.asset(PLAIN);
    assert_eq!((asset.original_filesize, asset.selfie), (Some(77), None));
    let copy = Copy::changed("UPDATE RKMaster SET fileSize=77").unwrap();
    let asset = copy.asset(PLAIN);
    assert_eq!((asset.original_filesize, asset.selfie), (Some(554_127), Some(false)));
}

#[test]
fn every_number_of_a_kind_has_its_meaning() {
    let Some(copy) = Copy::new() else { return };
    for (special, kinds) in [
        (0, vec![]),
        (1, vec![Kind::Panorama]),
        (2, vec![Kind::SlowMotion]),
        (3, vec![Kind::TimeLapse]),
        (4, vec![Kind::Hdr]),
        (5, vec![Kind::Live]),
        (6, vec![Kind::Screenshot]),
        (7, vec![Kind::RawPair]),
        (8, vec![Kind::Live, Kind::Hdr]),
        (9, vec![Kind::Portrait]),
    ] {
        copy.sql(&format!("UPDATE RKVersion SET specialType={special} WHERE uuid='{PLAIN}'"));
        let opened = copy.open();
        for kind in Kind::ALL.iter().filter(|kind| **kind != Kind::Photo) {
            let filter = Filter::All(vec![
                Filter::Uuid(vec![Uuid::parse(PLAIN).unwrap()]),
                Filter::Kind(*kind),
            ]);
            let count = opened.library.count(&opened.grant, &filter, &[], &never()).unwrap().found;
            assert_eq!(count, u64::from(kinds.contains(kind)), "{special} {kind:?}");
        }
        let asset = copy.asset(PLAIN);
        assert_eq!(asset.live_photo, kinds.contains(&Kind::Live));
        assert_eq!(asset.has_raw, kinds.contains(&Kind::RawPair));
        assert_eq!(asset.portrait, kinds.contains(&Kind::Portrait));
    }
    copy.sql(&format!("UPDATE RKVersion SET type=8, selfPortrait=1 WHERE uuid='{PLAIN}'"));
    let asset = copy.asset(PLAIN);
    assert_eq!((asset.ismovie, asset.isphoto, asset.selfie), (true, false, Some(true)));
}

#[test]
fn the_files_of_a_pair_are_told_apart_whichever_is_in_front() {
    let Some(copy) = Copy::new() else { return };
    let raw = "Masters/2020/10/05/20201005-041514/IMG_1994.cr2";
    assert_eq!(copy.place(RAW_IN_FRONT, Version::Raw), Err(Absence::NotOnDisk));
    copy.put(raw);
    assert_eq!(copy.place(RAW_IN_FRONT, Version::Raw).unwrap(), raw);
    let asset = copy.asset(RAW_IN_FRONT);
    assert_eq!((asset.path_raw.as_deref(), asset.raw_original), (Some(raw), true));
    assert!(asset.path.unwrap().ends_with("IMG_1994.JPG"));
    assert_eq!(asset.uti_raw.as_deref(), Some("com.canon.cr2-raw-image"));
    let asset = copy.asset(PAIR);
    assert_eq!((asset.has_raw, asset.raw_original, asset.path_raw), (true, false, None));
}

#[test]
fn an_original_is_the_file_of_its_name_or_the_one_that_differs_in_case_or_form_alone() {
    let Some(copy) = Copy::changed(&format!(
        "UPDATE RKMaster SET imagePath='2021/Caf\u{e9} 1.jpg' WHERE uuid=\
         (SELECT masterUuid FROM RKVersion WHERE uuid='{PLAIN}')"
    )) else {
        return;
    };
    let place = || copy.place(PLAIN, Version::Original);
    assert_eq!(place(), Err(Absence::NotOnDisk));
    copy.put("Masters/2021/Cafe\u{301} 1.JPG");
    assert_eq!(place().unwrap(), "Masters/2021/Cafe\u{301} 1.JPG");
    assert!(copy.asset(PLAIN).path.is_some());
    copy.put("Masters/2021/Cafe 1.jpg");
    assert_eq!(place().unwrap(), "Masters/2021/Cafe\u{301} 1.JPG", "another name");
    copy.put("Masters/2021/CAF\u{c9} 1.jpg");
    assert_eq!(place(), Err(Absence::NotOnDisk), "nobody knows which of two");
    copy.put("Masters/2021/Caf\u{e9} 1.jpg");
    assert_eq!(place().unwrap(), "Masters/2021/Caf\u{e9} 1.jpg", "the very name");
    fs::remove_file(copy.path.join("Masters/2021/Caf\u{e9} 1.jpg")).unwrap();
    fs::remove_file(copy.path.join("Masters/2021/CAF\u{c9} 1.jpg")).unwrap();
    copy.sql("UPDATE RKMaster SET isMissing=1");
    assert_eq!(place(), Err(Absence::NotOnDisk), "the database knows that it is not here");
}

#[test]
fn no_row_leads_out_of_the_bundle() {
    for (path, absence) in [
        ("../../secret.jpeg", Absence::OutsideBundle),
        ("a/../../../../secret.jpeg", Absence::OutsideBundle),
        ("a//b.jpeg", Absence::BadName),
        ("", Absence::BadName),
        ("/etc/passwd", Absence::BadName),
    ] {
        let change = format!(
            "UPDATE RKMaster SET imagePath='{path}', volumeId=NULL WHERE uuid=\
             (SELECT masterUuid FROM RKVersion WHERE uuid='{PLAIN}')"
        );
        let Some(copy) = Copy::changed(&change) else { return };
        assert_eq!(copy.place(PLAIN, Version::Original), Err(absence), "{path}");
        assert_eq!(copy.asset(PLAIN).path, None);
    }
    let change = format!(
        "UPDATE RKMaster SET imagePath='etc/passwd', volumeId=1 WHERE uuid=\
         (SELECT masterUuid FROM RKVersion WHERE uuid='{PLAIN}')"
    );
    for name in ["Disk", "..", "a/b"] {
        let copy = Copy::changed(&format!("{change}; UPDATE RKVolume SET name='{name}'")).unwrap();
        let absence = copy.place(PLAIN, Version::Original).unwrap_err();
        assert!(matches!(absence, Absence::Referenced | Absence::OutsideBundle), "{absence:?}");
    }
}

#[test]
fn edits_and_videos_are_found_by_the_number_of_their_row() {
    let Some(copy) = Copy::changed(&format!(
        "UPDATE RKVersion SET specialType=5 WHERE uuid='{EDITED}';
         INSERT INTO RKModelResource VALUES
          (0x12a5b,'com.apple.quicktime-movie',1,1,1,9,'UNADJUSTEDNONRAW',0),
          (0x1ff,'com.apple.quicktime-movie',1,1,2,8,'Y6OofYkbR96spbS6XgwOQw',0),
          (0x2ff,'com.apple.quicktime-movie',1,1,2,8,'older adjustments',0)"
    )) else {
        return;
    };
    let (live, edited) = (Version::LiveVideo, Version::EditedLiveVideo);
    assert_eq!(copy.place(EDITED, live), Err(Absence::NotOnDisk));
    assert_eq!(copy.place(EDITED, edited), Err(Absence::NotOnDisk));
    let path = "resources/media/master/2a/01/jpegvideocomplement_12a5b.mov";
    copy.put(path);
    assert_eq!(copy.place(EDITED, live).unwrap(), path);
    // Not where it should be: another folder of the same.
    let path_edited = "resources/media/version/01/07/videocomplementoutput_1ff.mov";
    copy.put(path_edited);
    assert_eq!(copy.place(EDITED, edited).unwrap(), path_edited);
    let asset = copy.asset(EDITED);
    assert_eq!(asset.path_live_photo.as_deref(), Some(path));
    assert_eq!(asset.path_edited_live_photo.as_deref(), Some(path_edited));
    assert!(asset.path_edited.unwrap().ends_with("fullsizeoutput_9.jpeg"));
    // A movie has its edit as a video.
    copy.sql(&format!(
        "UPDATE RKVersion SET type=8, specialType=0 WHERE uuid='{EDITED}';
         DELETE FROM RKModelResource WHERE resourceType=4"
    ));
    assert_eq!(copy.place(EDITED, Version::Edited), Err(Absence::NotOnDisk));
    copy.put("resources/media/version/01/00/fullsizeoutput_1ff.mov");
    let asset = copy.asset(EDITED);
    assert!(asset.path_edited.unwrap().ends_with("fullsizeoutput_1ff.mov"));
    assert_eq!(asset.uti_edited.as_deref(), Some("com.apple.quicktime-movie"));
    copy.sql("DELETE FROM RKModelResource");
    assert_eq!(copy.place(EDITED, Version::Edited), Err(Absence::NoRender));
    assert_eq!(copy.asset(EDITED).uti_edited, None);
}

#[test]
fn previews_are_what_lies_in_the_folder_of_the_number() {
    let Some(copy) =
        Copy::changed(&format!("UPDATE RKVersion SET modelId=0x1a5 WHERE uuid='{PLAIN}'"))
    else {
        return;
    };
    assert!(copy.asset(PLAIN).path_derivatives.is_empty());
    let elsewhere = "resources/proxies/derivatives/01/05/1a5/b.jpg";
    copy.put(elsewhere);
    assert_eq!(copy.asset(PLAIN).path_derivatives, [elsewhere]);
    let own = ["a", "b"].map(|it| format!("resources/proxies/derivatives/01/00/1a5/{it}.jpg"));
    own.iter().for_each(|path| copy.put(path));
    assert_eq!(copy.asset(PLAIN).path_derivatives, own);
}

#[test]
fn icloud_bursts_and_other_programs_are_told() {
    let Some(copy) = Copy::changed(&format!(
        "INSERT INTO RKCloudResource (modelId, fingerprint, available)
           SELECT 1, fingerprint, 1 FROM RKMaster WHERE uuid=
             (SELECT masterUuid FROM RKVersion WHERE uuid='{PLAIN}');
         UPDATE RKMaster SET cloudLibraryState=2;
         UPDATE RKVersion SET burstUuid='b', burstPickType=24 WHERE uuid='{PLAIN}';
         UPDATE RKVersion SET burstUuid='b', burstPickType=2 WHERE uuid='{EDITED}'"
    )) else {
        return;
    };
    let asset = copy.asset(PLAIN);
    assert_eq!((asset.incloud, asset.iscloudasset, asset.cloud_guid), (Some(true), true, None));
    assert_eq!((asset.burst, asset.burst_key, asset.burst_selected), (true, true, true));
    assert_eq!(asset.burst_photos, [EDITED]);
    let other = copy.asset(EDITED);
    assert_eq!((other.incloud, other.iscloudasset, other.burst_key), (None, false, false));
    assert_eq!(other.burst_albums, ["Pumpkin Farm", "Test Album"]);
    let opened = copy.open();
    let listed = opened.library.count(&opened.grant, &Filter::everything(), &[], &never());
    assert_eq!(listed.unwrap().found, 10, "without the hidden, the trashed, the unselected");
}

#[test]
fn projects_smart_albums_and_imports_are_told_apart() {
    let Some(copy) = Copy::changed(
        "UPDATE RKAlbum SET albumType=9, folderUuid='TopLevelSlideshows' WHERE name='Test Album';
         UPDATE RKAlbum SET albumSubclass=2 WHERE name='Test Album (1)';
         UPDATE RKFolder SET isInTrash=1 WHERE name='SubFolder2'",
    ) else {
        return;
    };
    let opened = copy.open();
    let albums = opened.library.albums(&opened.grant, AlbumKind::ALL, &[], &never()).unwrap().found;
    let kind = |title: &str| albums.iter().find(|it| &*it.title == title).unwrap().kind;
    assert_eq!(kind("Test Album"), AlbumKind::Project);
    assert_eq!(kind("Test Album (1)"), AlbumKind::Smart);
    assert_eq!(kind("Folder1"), AlbumKind::Folder);
    assert_eq!(kind("Jul 27, 2019 at 9:16:49 AM"), AlbumKind::Import);
    let lost = albums.iter().find(|it| &*it.title == "AlbumInFolder").unwrap();
    assert!(lost.path.is_empty() && lost.problem.is_some());
    assert!(!albums.iter().any(|it| it.title.contains("rint") || &*it.title == "Favorites"));
    let record = copy.record(PLAIN);
    assert_eq!(record["project_info"][0]["title"], "Test Album");
    assert_eq!(record["albums"], serde_json::json!(["Pumpkin Farm"]));
}

#[test]
fn places_are_found_and_counted_and_named_after_what_is_nearest() {
    let Some(copy) = Copy::new() else { return };
    let opened = copy.open();
    let like = |text: &str| {
        let filter = Filter::Place(Text::Contains(text.to_owned()));
        opened.library.count(&opened.grant, &filter, &[], &never()).unwrap().found
    };
    assert_eq!((like("westmin"), like("London"), like("Washington")), (1, 1, 0));
    let facets = opened
        .library
        .facet(&opened.grant, Facet::Place, &Filter::everything(), &[], &never())
        .unwrap()
        .found;
    let names: BTreeSet<&str> = facets.values.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains("London") && names.len() == 5, "{names:?}");
    let name = |change: &str| {
        copy.sql(change);
        let found = all(&opened, Query { fields: Fields::all(), ..everything() });
        let place = found.into_iter().find(|it| it.latitude.is_some()).unwrap();
        serde_json::to_value(place.place).unwrap()["name"].clone()
    };
    assert_eq!(name(""), "St James's Park, Westminster, United Kingdom");
    assert_eq!(
        name("UPDATE RKPlace SET type=43 WHERE type=45"),
        "Westminster, England, United Kingdom"
    );
    assert_eq!(name("DELETE FROM RKPlace WHERE type=16"), "England, United Kingdom");
    assert_eq!(name("UPDATE RKPlace SET type=44"), Value::Null);
}

#[test]
fn what_is_lacking_is_named_and_the_rest_is_read() {
    for (change, missing) in [
        ("DROP TABLE RKMaster", "RKMaster"),
        ("ALTER TABLE RKVersion RENAME COLUMN imageDate TO later", "RKVersion.imageDate"),
        ("ALTER TABLE RKVersion RENAME COLUMN isHidden TO later", "RKVersion.isHidden"),
        ("DROP TABLE RKCustomSortOrder", "RKCustomSortOrder"),
    ] {
        let Some(copy) = Copy::changed(change) else { return };
        match copy.error() {
            LibraryError::Unsupported(Unsupported::Columns { model, missing: found }) => {
                assert_eq!((model, found), (Some(4_025), vec![missing.to_owned()]));
            }
            other => panic!("{change}: {other:?}"),
        }
    }
    for (change, word) in [
        ("DROP TABLE RKKeyword", "keywords"),
        ("DROP TABLE RKFace", "face_info"),
        ("DROP TABLE RKPlace", "place"),
        ("DROP TABLE RKCloudResource", "incloud"),
        ("DROP TABLE RKAdjustmentData", "external_edit"),
        ("DROP TABLE RKImportGroup", "date_added"),
        ("ALTER TABLE RKMaster RENAME COLUMN fingerprint TO later", "fingerprint"),
        ("ALTER TABLE RKVersion RENAME COLUMN latitude TO later", "location"),
    ] {
        let copy = Copy::changed(change).unwrap();
        let opened = copy.open();
        let info = opened.library.info(&opened.grant, &never()).unwrap();
        assert!(info.lacks.contains(&word), "{change} {:?}", info.lacks);
        let query = Query { fields: Fields::all(), ..everything() };
        assert_eq!(records(&opened, query).len(), 13, "{change}");
        assert!(opened.library.albums(&opened.grant, AlbumKind::ALL, &[], &never()).is_ok());
    }
}

#[test]
fn what_only_looks_like_such_a_library_is_refused() {
    let stub = "UPDATE LiGlobals SET value='6000' WHERE keyPath='libraryVersion'";
    let Some(copy) = Copy::changed(stub) else { return };
    let is_missing = |error: &LibraryError| {
        matches!(error, LibraryError::Damaged(Damage::DatabaseMissing { name: "Photos.sqlite" }))
    };
    assert!(is_missing(&copy.error()), "{:?}", copy.error());
    for change in [
        "DELETE FROM LiGlobals",
        "UPDATE LiGlobals SET value='x' WHERE keyPath='libraryVersion'",
        "DROP TABLE LiGlobals",
    ] {
        let error = Copy::changed(change).unwrap().error();
        assert!(matches!(error, LibraryError::Damaged(Damage::NoTables)), "{change}: {error:?}");
    }
    for table in ["RKVersion", "RKMaster", "RKModelResource", "RKAlbum", "RKKeyword", "RKPlace"] {
        let change = format!(
            "ALTER TABLE {table} RENAME TO Real; CREATE VIEW {table} AS SELECT * FROM Real"
        );
        match Copy::changed(&change).unwrap().error() {
            LibraryError::Damaged(Damage::NotATable { name }) => assert_eq!(name, table),
            other => panic!("{table}: {other:?}"),
        }
    }
}

#[test]
fn twins_of_masters_albums_and_versions_double_nothing() {
    let Some(copy) = Copy::changed(
        "CREATE TEMP TABLE M AS SELECT * FROM RKMaster; UPDATE M SET modelId=modelId+1000;
         INSERT INTO RKMaster SELECT * FROM M;
         CREATE TEMP TABLE V AS SELECT * FROM RKVersion; UPDATE V SET modelId=modelId+1000;
         INSERT INTO RKVersion SELECT * FROM V",
    ) else {
        return;
    };
    let opened = copy.open();
    let found = all(&opened, everything());
    let once: BTreeSet<&str> = found.iter().map(|asset| asset.uuid.as_str()).collect();
    assert_eq!((found.len(), once.len()), (13, 13));
    let whole = [Include::Hidden, Include::Trashed, Include::Bursts];
    let count = opened.library.count(&opened.grant, &Filter::everything(), &whole, &never());
    assert_eq!(count.unwrap().found, 26, "a count is of rows");
    // A version without a master is no asset.
    copy.sql("DELETE FROM RKMaster WHERE originalFileName='Tulips.jpg'");
    assert_eq!(all(&opened, everything()).len(), 12);
}

#[test]
fn what_a_grant_withholds_exists_in_no_answer() {
    let Some(copy) = Copy::new() else { return };
    let hidden = Uuid::parse("od0fmC7NQx+ayVr+%i06XA").unwrap();
    let trashed = Uuid::parse("td4yIljYS8aRAgzlsRRDtQ").unwrap();
    for (shows_hidden, shows_trashed) in [(false, false), (true, false), (false, true)] {
        let opened = Opened::with(&copy.path, shows_hidden, shows_trashed);
        let expected = 11 + usize::from(shows_hidden) + usize::from(shows_trashed);
        assert_eq!(all(&opened, everything()).len(), expected);
        let asked = [hidden.clone(), trashed.clone()];
        let got = opened.library.get(&opened.grant, &asked, Fields::all(), &never()).unwrap();
        assert_eq!(got.assets.count(), usize::from(shows_hidden) + usize::from(shows_trashed));
        let entries = catalog(&opened).unwrap();
        assert_eq!(entries.len(), expected);
        let files =
            opened.library.resources(&opened.grant, &asked, Version::USUAL, &never()).unwrap();
        assert_eq!(files.len(), expected - 11);
    }
}

#[test]
fn nonsense_in_any_column_is_a_matter_of_that_row_alone() {
    put_in_every_column(&["'text'", "9223372036854775807"]);
}

mod slow {
    //! More of the same, which takes its time.

    use super::*;

    #[test]
    fn more_nonsense_in_any_column_is_a_matter_of_that_row_alone() {
        if slow_wanted() {
            put_in_every_column(&["NULL", "-1", "1e308", "x'00ff'", "'../../x'"]);
            put_in_every_column(&["CAST(x'ff80' AS TEXT)", "zeroblob(17000000)"]);
        }
    }
}

/// Puts each value into each column that is read, of one row, and asks everything.
fn put_in_every_column(values: &[&str]) {
    let Some(copy) = Copy::new() else { return };
    let pristine = fs::read(copy.database()).unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/schema/old.rs");
    let schema = fs::read_to_string(schema).unwrap();
    for table in [
        "RKVersion",
        "RKMaster",
        "RKModelResource",
        "RKAlbum",
        "RKFolder",
        "RKCustomSortOrder",
        "RKKeyword",
        "RKKeywordForVersion",
        "RKPerson",
        "RKFace",
        "RKImportGroup",
        "RKPlace",
        "RKPlaceForVersion",
        "RKVolume",
        "RKAdjustmentData",
        "LiGlobals",
        "RKAdminData",
    ] {
        let columns: Vec<String> = {
            let connection = writable(copy.database());
            let mut statement = connection.prepare(&format!("PRAGMA table_info({table})")).unwrap();
            let names = statement.query_map([], |row| row.get(1)).unwrap();
            names.map(Result::unwrap).collect()
        };
        for column in columns.iter().filter(|name| schema.contains(&format!("\"{name}\""))) {
            for value in values {
                let change =
                    format!("UPDATE {table} SET {column}={value} WHERE rowid=6 OR rowid=1");
                // SQLite itself refuses some, for a column that must be unique.
                if writable(copy.database()).execute_batch(&change).is_ok() {
                    ask_everything(&copy.open(), &change);
                }
                fs::write(copy.database(), &pristine).unwrap();
            }
        }
    }
}

/// Every question; whatever stands in one row, there are answers, and most assets are in them.
fn ask_everything(opened: &Opened, what: &str) {
    let (library, grant) = (&opened.library, &opened.grant);
    let query = Query { fields: Fields::all(), limit: 100, ..everything() };
    let page = match library.query(grant, &query, &never()) {
        Ok(page) => page,
        Err(LibraryError::Damaged(Damage::NoTables)) if what.contains("LiGlobals") => return,
        // The library's own name is looked for by its key: where one is huge, there is no answer.
        Err(LibraryError::Damaged(Damage::Malformed)) if what.contains("RKAdminData") => return,
        Err(error) => panic!("{what}: {error:?}"),
    };
    assert!(page.assets.count() >= 11, "{what}: {}", page.assets.count());
    let uuids: Vec<Uuid> = crate::opened::read(&page.assets).iter().map(uuid_of).collect();
    let check = |answer: Result<(), LibraryError>| match answer {
        Ok(()) => {}
        // A date stands bare in statements, for the sake of its index: where it is huge, what adds
        // up all of them has no answer.
        Err(LibraryError::Damaged(Damage::Malformed)) if what.contains("zeroblob") => {}
        Err(error) => panic!("{what}: {error:?}"),
    };
    check(library.info(grant, &never()).map(drop));
    check(library.albums(grant, AlbumKind::ALL, &[], &never()).map(drop));
    check(catalog(opened).map(drop));
    check(library.resources(grant, &uuids, Version::USUAL, &never()).map(drop));
    for filter in [Filter::Kind(Kind::RawPair), Filter::Place(Text::Contains(String::from("x")))] {
        check(library.count(grant, &filter, &[], &never()).map(drop));
    }
}
