//! Rules of a record that no real library at hand exercises: of albums, shares, imports, people and
//! what they said.
//!
//! As `rules.rs`. Shared albums as Photos 11 keeps them have no rows in any real library: their
//! columns are real, what they mean is the reference's word.

use std::collections::BTreeMap;

use darkslide_fixture::{
    AlbumKind as Kind, AlbumSpec, AssetSpec, AssetTable, CommentSpec, Content, FaceSpec,
    FolderSpec, Invitation, LibraryBuilder, Model, PersonSpec,
};
use darkslide_library::{AlbumKind, Query};
use darkslide_protocol::filter::{Filter, Sort};
use serde_json::{Value, json};

use crate::opened::{Opened, never};
use crate::real_libraries::{all, everything};
use crate::rules::{MODELS, read};

fn photo(name: &str) -> AssetSpec {
    AssetSpec::photo(name, Content::jpeg(1))
}

/// The albums of a record, by title.
fn albums(record: &Value) -> BTreeMap<&str, &Value> {
    let infos = record["album_info"].as_array().unwrap().iter();
    infos.map(|info| (info["title"].as_str().unwrap_or_default(), info)).collect()
}

#[test]
fn albums_in_the_trash_or_of_other_kinds_are_none_of_an_asset() {
    for model in MODELS {
        let mut builder = LibraryBuilder::new(model);
        let key = builder.asset(photo("A.JPG"));
        for title in ["kept", "trashed", "unsaid", "internal", "smart"] {
            builder.album(AlbumSpec::new(title).members([key]));
        }
        builder.album(AlbumSpec::new("book").kind(Kind::Project).members([key]));
        builder.statement("UPDATE ZGENERICALBUM SET ZTRASHEDSTATE=2 WHERE ZTITLE='trashed'");
        builder.statement("UPDATE ZGENERICALBUM SET ZTRASHEDSTATE=NULL WHERE ZTITLE='unsaid'");
        builder.statement("UPDATE ZGENERICALBUM SET ZKIND=4001 WHERE ZTITLE='internal'");
        builder.statement("UPDATE ZGENERICALBUM SET ZKIND=1507 WHERE ZTITLE='smart'");
        let record = &read(&builder)[0];
        assert_eq!(record["albums"], json!(["kept"]));
        assert_eq!(record["folders"], json!({"kept": []}));
        assert_eq!(record["project_info"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn an_album_without_title_or_date_has_an_empty_one_and_the_first_second() {
    for model in MODELS {
        let mut builder = LibraryBuilder::new(model);
        let key = builder.asset(photo("A.JPG"));
        builder.album(AlbumSpec::new("x").members([key]));
        builder.album(AlbumSpec::new("odd").members([key]));
        builder.statement(
            "UPDATE ZGENERICALBUM SET ZTITLE=NULL, ZCREATIONDATE=NULL, ZSTARTDATE=NULL,
             ZENDDATE=NULL WHERE ZTITLE='x'",
        );
        builder.statement("UPDATE ZGENERICALBUM SET ZCREATIONDATE=1e18 WHERE ZTITLE='odd'");
        let record = &read(&builder)[0];
        assert_eq!(record["albums"], json!(["", "odd"]));
        let (untitled, odd) = (albums(record)[""], albums(record)["odd"]);
        assert_eq!(untitled["title"], Value::Null);
        assert_eq!(untitled["creation_date"], "2001-01-01T00:00:00+00:00");
        assert_eq!((&untitled["start_date"], &untitled["end_date"]), (&Value::Null, &Value::Null));
        assert_eq!(odd["creation_date"], Value::Null, "no date is told for nonsense");
    }
}

#[test]
fn of_equal_titles_both_albums_are_told_and_one_of_their_folders() {
    for model in MODELS {
        let mut builder = LibraryBuilder::new(model);
        let key = builder.asset(photo("A.JPG"));
        let outer = builder.folder(FolderSpec::new("Outer"));
        let inner = builder.folder(FolderSpec::new("Cafe\u{301}").within(outer));
        let uuid = |digit: &str| format!("{digit}0000000-0000-4000-8000-000000000000");
        builder.album(AlbumSpec::new("Same").uuid(uuid("1")).members([key]));
        builder.album(AlbumSpec::new("Same").uuid(uuid("2")).members([key]).within(inner));
        let record = &read(&builder)[0];
        assert_eq!(record["albums"], json!(["Same"]));
        assert_eq!(record["folders"], json!({"Same": ["Outer", "Café"]}));
        let infos = record["album_info"].as_array().unwrap();
        assert_eq!(infos[0]["folder_names"], json!([]));
        assert_eq!(infos[1]["folder_names"], json!(["Outer", "Café"]));
        assert_eq!(infos[1]["parent"], infos[1]["folder_list"][1]);
    }
}

#[test]
fn folders_that_are_trashed_gone_or_a_circle_are_not_told() {
    for model in MODELS {
        let mut builder = LibraryBuilder::new(model);
        let key = builder.asset(photo("A.JPG"));
        let trashed = builder.folder(FolderSpec::new("T").trashed());
        let gone = builder.folder(FolderSpec::new("G").within_a_folder_that_is_gone());
        let first = builder.folder(FolderSpec::new("1"));
        let second = builder.folder(FolderSpec::new("2").within(first));
        builder.move_folder(first, second);
        for folder in [trashed, gone, second] {
            builder.album(AlbumSpec::new("album").members([key]).within(folder));
        }
        for info in read(&builder)[0]["album_info"].as_array().unwrap() {
            assert_eq!((&info["folder_names"], &info["parent"]), (&json!([]), &Value::Null));
        }
    }
}

#[test]
fn projects_and_shared_albums_are_in_no_folder() {
    let mut builder = LibraryBuilder::new(Model::Photos5);
    let key = builder.asset(photo("A.JPG").shared());
    builder.folder(FolderSpec::new("F"));
    builder.album(AlbumSpec::new("book").kind(Kind::Project).members([key]));
    builder.album(AlbumSpec::new("shared").kind(Kind::Shared).members([key]));
    builder.statement(
        "UPDATE ZGENERICALBUM SET ZPARENTFOLDER=(SELECT Z_PK FROM ZGENERICALBUM WHERE ZTITLE='F')
         WHERE ZTITLE IN ('book','shared')",
    );
    let record = &read(&builder)[0];
    for info in [&record["project_info"][0], &record["album_info"][0]] {
        assert_eq!(info["folder_names"], json!([]), "{info}");
        assert!(info["parent"].is_string(), "{info}");
    }
    assert_eq!(record["folders"], json!({"shared": []}));
}

/// Three photos in an album that is shared as Photos 11 does it, and one in an album in the trash.
fn shares() -> LibraryBuilder {
    let mut builder = LibraryBuilder::new(Model::Photos11);
    let mut at = |uuid: &str, published: i64| {
        let uuid = format!("{uuid}0000000-0000-4000-8000-000000000000");
        let spec = photo("A.JPG").uuid(uuid).shared();
        builder.asset(spec.column(AssetTable::Asset, "ZCLOUDBATCHPUBLISHDATE", published))
    };
    let members = [at("1", 3), at("2", 1), at("3", 2)];
    let trashed = at("4", 1);
    let album = AlbumSpec::new("Cafe\u{301}").kind(Kind::Shared);
    builder.album(album.members(members).owner("owner", "Ann", "Other"));
    builder.album(AlbumSpec::new("gone").kind(Kind::Shared).members([trashed]).trashed());
    builder
}

#[test]
fn an_album_shared_as_a_share_is_one_of_the_albums_of_its_members() {
    let records = read(&shares());
    for record in &records[..3] {
        assert_eq!(record["albums"], json!(["Café"]));
        let info = &record["album_info"][0];
        assert_eq!(info["owner"], "Ann Other");
        assert_eq!((&info["parent"], &info["folder_names"]), (&Value::Null, &json!([])));
        assert!(info["creation_date"].is_string() && info["start_date"].is_string());
    }
    assert_eq!(records[3]["albums"], json!([]));
}

#[test]
fn who_owns_a_share_is_the_last_participant_in_that_role() {
    let person = |role: i64, hash: &str| {
        format!(
            "INSERT INTO ZSHAREPARTICIPANT(Z_ENT,ZSHARE,ZROLE,ZHASHEDPERSONID)
             SELECT Z_ENT,Z_PK,{role},'{hash}' FROM ZSHARE WHERE ZTITLE LIKE 'Caf%'"
        )
    };
    for (role, hash, expected) in [
        (1, "other", json!("Bo Other")),
        (1, "nameless", Value::Null),
        (2, "other", json!("Ann Other")),
    ] {
        let mut builder = shares();
        builder.invitation(Invitation::new("other", "Bo", "Other"));
        builder.statement(person(role, hash));
        assert_eq!(read(&builder)[0]["album_info"][0]["owner"], expected, "{role} {hash}");
    }
    let mut builder = shares();
    builder.statement("ALTER TABLE ZSHAREPARTICIPANT RENAME COLUMN ZROLE TO ZCPLROLE");
    assert_eq!(read(&builder)[0]["album_info"][0]["owner"], "Ann Other", "a newer name");
}

#[test]
fn members_of_a_share_are_in_the_order_in_which_they_were_published() {
    let folder = tempfile::tempdir().unwrap();
    let built = shares().build(&folder.path().join("R.photoslibrary")).unwrap();
    let opened = Opened::all(built.path());
    let kinds = &[AlbumKind::Shared];
    let found = opened.library.albums(&opened.grant, kinds, &[], &never()).unwrap().found;
    let [album] = &found[..] else { panic!("{found:?}") };
    assert_eq!((&*album.title, album.count), ("Café", Some(3)));
    let filter = Filter::Album(album.uuid.to_string());
    let query = Query { filter, sort: Sort::Album, ..everything() };
    let order: Vec<String> = all(&opened, query).iter().map(|it| it.uuid[..1].to_owned()).collect();
    assert_eq!(order, ["2", "3", "1"]);
}

#[test]
fn a_shared_film_is_missing_where_its_own_row_says_so() {
    let film = AssetSpec::movie("A.MOV", Content::mov(1)).shared();
    let mut builder = LibraryBuilder::new(Model::Photos11);
    let key = builder.asset(film);
    builder.album(AlbumSpec::new("s").kind(Kind::Shared).members([key]));
    assert_eq!(read(&builder)[0]["ismissing"], false);
    builder
        .statement("UPDATE ZINTERNALRESOURCE SET ZLOCALAVAILABILITY=-1 WHERE ZDATASTORESUBTYPE=8");
    assert_eq!(read(&builder)[0]["ismissing"], true);
}

#[test]
fn any_album_that_an_asset_names_as_its_import_is_told() {
    for model in MODELS {
        let mut builder = LibraryBuilder::new(model);
        let key = builder.asset(photo("A.JPG"));
        builder.album(AlbumSpec::new("Cafe\u{301}").created(60.0).members([key]));
        let table = if model == Model::Photos5 { "ZGENERICASSET" } else { "ZASSET" };
        let name = |condition: &str| {
            format!(
                "UPDATE {table} SET ZIMPORTSESSION=(SELECT Z_PK FROM ZGENERICALBUM WHERE {condition})"
            )
        };
        builder.statement(name("ZTITLE LIKE 'Caf%'"));
        let record = &read(&builder)[0];
        assert_eq!(record["import_info"]["title"], "Café");
        assert_eq!(record["import_info"]["creation_date"], "2001-01-01T00:01:00+00:00");
        builder.statement(name("0"));
        assert_eq!(read(&builder)[0]["import_info"], json!({}));
    }
}

#[test]
fn every_face_of_a_person_counts_and_one_without_a_name_is_unknown() {
    for model in MODELS {
        let mut builder = LibraryBuilder::new(model);
        let named = builder.person(PersonSpec::new("Zoe\u{308}").display_name(""));
        let unnamed = builder.person(PersonSpec::new("nobody"));
        let empty = builder.person(PersonSpec::unnamed());
        builder.statement("UPDATE ZPERSON SET ZFULLNAME=NULL WHERE ZFULLNAME='nobody'");
        let mut spec = photo("A.JPG").face(FaceSpec::unknown());
        for person in [named, named, unnamed, empty] {
            spec = spec.face(FaceSpec::of(person));
        }
        builder.asset(spec);
        let record = &read(&builder)[0];
        assert_eq!(record["persons"], json!(["Zoë", "Zoë", "_UNKNOWN_", "_UNKNOWN_"]));
        assert_eq!(record["person_info"].as_array().unwrap().len(), 4);
        let faces = record["face_info"].as_array().unwrap();
        let mut names: Vec<&Value> = faces.iter().map(|face| &face["name"]).collect();
        names.sort_by_key(|name| name.to_string());
        assert_eq!(names, [&json!(""), &json!("Zoë"), &json!("Zoë"), &Value::Null]);
        let infos = record["person_info"].as_array().unwrap();
        let zoe = infos.iter().find(|it| it["name"] == "Zoë").unwrap();
        assert_eq!(zoe["displayname"], "");
    }
}

#[test]
fn a_face_of_nobody_or_of_a_person_who_is_gone_is_none() {
    for model in MODELS {
        let column = if model == Model::Photos5 { "ZPERSON" } else { "ZPERSONFORFACE" };
        let mut builder = LibraryBuilder::new(model);
        let person = builder.person(PersonSpec::new("Ann"));
        builder.asset(photo("A.JPG").face(FaceSpec::of(person)));
        for nobody in ["NULL", "9999"] {
            builder.statement(format!("UPDATE ZDETECTEDFACE SET {column}={nobody}"));
            let record = &read(&builder)[0];
            for field in ["persons", "person_info", "face_info"] {
                assert_eq!(record[field], json!([]), "{field}");
            }
        }
    }
}

#[test]
fn keywords_are_sorted_and_one_without_a_text_is_none() {
    for model in MODELS {
        let mut builder = LibraryBuilder::new(model);
        builder.asset(photo("A.JPG").keyword("b").keyword("Cafe\u{301}").keyword("gone"));
        builder.statement("UPDATE ZKEYWORD SET ZTITLE=NULL WHERE ZTITLE='gone'");
        assert_eq!(read(&builder)[0]["keywords"], json!(["Café", "b"]));
    }
}

#[test]
fn what_people_said_is_told_with_their_names_and_a_comment_needs_a_text() {
    for model in MODELS {
        let mut builder = LibraryBuilder::new(model);
        builder.invitation(Invitation::new("hash", "B", "").full_name("B full"));
        builder.invitation(Invitation::new("hash", "A", "Z").full_name("A full"));
        let spec = photo("A.JPG").shared().owner("hash");
        builder.asset(
            spec.comment(CommentSpec::new("second").on(60.0).by("hash").mine())
                .comment(CommentSpec::new("").on(0.0).by("hash"))
                .comment(CommentSpec::new("Cafe\u{301}").on(30.0).by("stranger"))
                .comment(CommentSpec::like().on(5.0).by("hash")),
        );
        let record = &read(&builder)[0];
        assert_eq!(record["owner"], "B full");
        let said = |at: &str, user: Value, mine: bool| json!({"datetime": format!("2001-01-01T00:{at}+00:00"), "user": user, "ismine": mine});
        let mut comments =
            [said("00:30", Value::Null, false), said("01:00", json!("B full"), true)];
        comments[0]["text"] = json!("Café");
        comments[1]["text"] = json!("second");
        assert_eq!(record["comments"], json!(comments));
        assert_eq!(record["likes"], json!([said("00:05", json!("B full"), false)]));
        builder.statement("UPDATE ZCLOUDSHAREDCOMMENT SET ZCOMMENTDATE=NULL");
        assert_eq!(read(&builder)[0]["likes"][0]["datetime"], Value::Null);
    }
}

#[test]
fn a_person_is_a_favorite_or_not_alone_by_one_number() {
    for model in MODELS {
        for (stored, expected) in
            [("NULL", false), ("0", false), ("1", true), ("2", false), ("-1", false)]
        {
            let mut builder = LibraryBuilder::new(model);
            let person = builder.person(PersonSpec::new("Ann"));
            builder.asset(photo("A.JPG").face(FaceSpec::of(person)));
            builder.statement(format!("UPDATE ZPERSON SET ZTYPE={stored}"));
            assert_eq!(read(&builder)[0]["person_info"][0]["favorite"], expected, "{stored}");
        }
    }
}
