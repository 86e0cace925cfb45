//! Rules of a record that no real library at hand exercises: what an asset is, and in which state.
//!
//! As `rules.rs`. No state hides an asset from who may see it, and a number that nobody has seen is
//! none of the known ones.

use darkslide_fixture::{
    AssetTable, BurstPick, CloudSpec, Content, Exif, FaceSpec, LibraryBuilder, Model, PersonSpec,
    SqlValue, plist,
};
use darkslide_library::Query;
use darkslide_protocol::field::Fields;
use serde_json::{Value, json};

use crate::opened::Opened;
use crate::real_libraries::{everything, records};
use crate::rules::{MODELS, attribute, each, one, one_after, photo, read, read_after, set};

#[test]
fn every_number_of_a_kind_has_its_field() {
    let fields =
        ["panorama", "live_photo", "screenshot", "slow_mo", "time_lapse", "screen_recording"];
    for model in MODELS {
        let numbers = [1, 2, 10, 101, 102, 103].into_iter().zip(fields);
        let numbers = numbers.chain([(0, ""), (100, ""), (7, "")]);
        let specs = numbers.map(|case| (set("ZKINDSUBTYPE", case.0), case));
        for (record, (subtype, field)) in each(model, specs) {
            for name in fields {
                assert_eq!(record[name], json!(name == field), "{subtype} {name}");
            }
        }
        let (hdr, depth) = match model {
            Model::Photos5 => ("ZCUSTOMRENDEREDVALUE", "ZDEPTHSTATES"),
            Model::Photos11 => ("ZHDRTYPE", "ZDEPTHTYPE"),
        };
        for (record, value) in each(model, (0..=10).map(|it| (set(hdr, it), it))) {
            assert_eq!(record["hdr"], json!(value == 3), "{value}");
            assert_eq!(record["panorama"], json!(value == 6), "{value}");
        }
        // Nothing is no depth, whatever the tool says.
        let depths = [(SqlValue::Null, false), (0.into(), false), (3.into(), true)];
        for (record, expected) in each(model, depths.map(|(it, is)| (set(depth, it), is))) {
            assert_eq!(record["portrait"], expected);
        }
        let cameras = [(SqlValue::Null, false), (1.into(), true), (2.into(), false)];
        let specs = cameras.map(|(it, is)| (attribute("ZCAMERACAPTUREDEVICE", it), is));
        for (record, expected) in each(model, specs) {
            assert_eq!(record["selfie"], expected);
        }
        for (record, kind) in each(model, (0..=3).map(|it| (set("ZKIND", it), it))) {
            assert_eq!(record["isphoto"], json!(kind == 0));
            assert_eq!(record["ismovie"], json!(kind == 1));
        }
    }
    let spatial = [(SqlValue::Null, 0), (1.into(), 1), (2.into(), 2)];
    let specs = spatial.map(|(it, is)| (set("ZSPATIALTYPE", it), is));
    for (record, expected) in each(Model::Photos11, specs) {
        assert_eq!(record["spatial"], expected);
    }
    assert_eq!(one(Model::Photos5, photo())["spatial"], 0);
}

#[test]
fn no_state_of_an_asset_hides_it() {
    for model in MODELS {
        let states =
            [(SqlValue::Null, false), (0.into(), true), (1.into(), false), (2.into(), false)];
        let specs = states.map(|(it, is)| (set("ZVISIBILITYSTATE", it), is));
        for (record, expected) in each(model, specs) {
            assert_eq!(record["visible"], expected);
        }
        let specs = (0..=12).map(|saved| (set("ZSAVEDASSETTYPE", saved), saved));
        for (record, saved) in each(model, specs) {
            assert_eq!(record["isreference"], json!(saved == 10), "{saved}");
        }
        assert!(one(model, set("ZCOMPLETE", 0))["uuid"].is_string());
        let trashed = set("ZTRASHEDSTATE", 1).column(AssetTable::Asset, "ZTRASHEDDATE", 60.5);
        let record = one(model, trashed);
        assert_eq!(record["intrash"], true);
        assert_eq!(record["date_trashed"], "2001-01-01T00:01:00.500000+00:00");
    }
    for value in [1, 2] {
        let record = one(Model::Photos11, set("ZDUPLICATEASSETVISIBILITYSTATE", value));
        assert!(record["uuid"].is_string());
    }
}

#[test]
fn what_came_from_others_is_told_as_each_column_says() {
    for (stored, expected) in
        [(SqlValue::Null, false), (0.into(), false), (1.into(), true), (2.into(), true)]
    {
        for model in MODELS {
            let record = one(model, set("ZMOMENTSHARE", stored.clone()));
            assert_eq!(record["shared_moment"], expected);
        }
        let record =
            one(Model::Photos11, set("ZACTIVELIBRARYSCOPEPARTICIPATIONSTATE", stored.clone()));
        assert_eq!(record["shared_library"], expected);
        // Without a history it counts as saved.
        let saved = matches!(stored, SqlValue::Null) || expected;
        let spec = attribute("ZSYNDICATIONIDENTIFIER", "x".to_owned()).column(
            AssetTable::Attributes,
            "ZSYNDICATIONHISTORY",
            stored,
        );
        let record = one(Model::Photos11, spec);
        assert_eq!(
            (&record["syndicated"], &record["saved_to_library"]),
            (&json!(true), &json!(saved))
        );
    }
    let record = one(Model::Photos5, photo());
    assert_eq!(record["shared_library"], false);
    assert_eq!((&record["syndicated"], &record["saved_to_library"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_member_of_a_burst_without_a_pick_is_listed_and_bits_say_what_it_is() {
    for model in MODELS {
        for (stored, flags, is_listed) in [
            (SqlValue::Null, [false; 3], true),
            (0.into(), [false; 3], true),
            (2.into(), [false; 3], false),
            (4.into(), [false, false, true], false),
            (8.into(), [false, true, false], true),
            (16.into(), [true, false, false], true),
            (28.into(), [true, true, true], true),
        ] {
            let mut builder = LibraryBuilder::new(model);
            let burst = photo().burst("B", BurstPick::NotSelected);
            builder.asset(burst.column(AssetTable::Asset, "ZAVALANCHEPICKTYPE", stored.clone()));
            let key = builder.asset(photo().burst("B", BurstPick::Key));
            let folder = tempfile::tempdir().unwrap();
            let built = builder.build(&folder.path().join("R.photoslibrary")).unwrap();
            let opened = Opened::all(built.path());
            let key = built.asset(key).unwrap().uuid();
            let all = records(&opened, Query { fields: Fields::all(), ..everything() });
            let [record] = &all.iter().filter(|it| it["uuid"] != key).collect::<Vec<_>>()[..]
            else {
                panic!("{all:?}")
            };
            let fields = ["burst_key", "burst_selected", "burst_default_pick"];
            assert_eq!(fields.map(|field| record[field] == true), flags, "{stored:?}");
            assert_eq!(record["burst_photos"], json!([key]));
            let listed = records(&opened, Query { include: Vec::new(), ..everything() });
            assert_eq!(listed.len() == 2, is_listed, "{stored:?}");
        }
    }
}

#[test]
fn only_both_coordinates_of_nowhere_are_no_place() {
    for model in MODELS {
        for (latitude, longitude, expected) in [
            (-180.0, -180.0, json!([null, null])),
            (-180.0, 5.0, json!([-180.0, 5.0])),
            (0.0, 0.0, json!([0.0, 0.0])),
        ] {
            assert_eq!(one(model, photo().location(latitude, longitude))["location"], expected);
        }
        for blob in [&b""[..], b"junk", b"bplist00junk"] {
            let record = one(model, photo().location(1.0, 2.0).place_bytes(blob));
            assert_eq!(record["place"], json!({}));
        }
    }
}

#[test]
fn the_state_of_the_master_says_whether_it_is_in_icloud() {
    for model in MODELS {
        for (state, expected) in [(3, true), (1, false), (0, false)] {
            let record = one(model, photo().cloud(CloudSpec::new("guid").local_state(state)));
            assert_eq!(record["incloud"], expected, "{state}");
            assert_eq!(record["cloud_guid"], "guid");
            assert_eq!(record["cloud_metadata"], json!({}));
        }
        let stateless = "UPDATE ZCLOUDMASTER SET ZCLOUDLOCALSTATE=NULL";
        let record = one_after(model, photo().cloud(CloudSpec::new("guid")), stateless);
        assert_eq!(record["incloud"], false, "a master without a state is not in iCloud");
        let record = one(model, photo());
        assert_eq!((&record["incloud"], &record["cloud_guid"]), (&Value::Null, &Value::Null));
        for (choice, expected) in [(0, false), (1, true), (2, false)] {
            let record = one(model, attribute("ZORIGINALRESOURCECHOICE", choice));
            assert_eq!(record["raw_original"], expected, "{choice}");
        }
        let raw = photo().raw(Content::cr2(1)).lost(darkslide_fixture::Version::Raw);
        let record = one(model, raw);
        assert_eq!((&record["has_raw"], &record["path_raw"]), (&json!(true), &Value::Null));
    }
}

/// What a file of adjustments that cannot be read gives.
fn nothing_said() -> Value {
    json!({
        "data": null, "editor": null, "format_id": null, "base_version": null,
        "format_version": null, "timestamp": null, "adjustments": [], "metadata": null,
        "orientation": 0, "adjustment_format_version": null, "version_info": null,
    })
}

#[test]
fn an_edited_photo_has_the_orientation_of_its_adjustments_or_none() {
    for model in MODELS {
        let mut builder = LibraryBuilder::new(model);
        builder.asset(photo().edited(Content::jpeg(2)).column(
            AssetTable::Asset,
            "ZORIENTATION",
            6,
        ));
        let mut seen = Vec::new();
        for text in [None, Some("junk"), Some(r#"{"metadata":{"orientation":8}}"#)] {
            let record = read_after(&builder, |bundle| write_adjustments(bundle, text)).remove(0);
            seen.push((record["orientation"].clone(), record["adjustments"].clone()));
        }
        assert_eq!(seen[0], (json!(0), json!({})));
        assert_eq!(seen[1], (json!(0), nothing_said()));
        assert_eq!((&seen[2].0, &seen[2].1["orientation"]), (&json!(8), &json!(8)));
    }
}

/// Puts a file of adjustments beside the one edited photo; one without text goes.
fn write_adjustments(bundle: &std::path::Path, text: Option<&str>) {
    let renders = bundle.join("resources/renders");
    let folder = std::fs::read_dir(renders).unwrap().next().unwrap().unwrap().path();
    let names = std::fs::read_dir(&folder).unwrap().map(|it| it.unwrap().file_name());
    let names: Vec<String> = names.map(|it| it.into_string().unwrap()).collect();
    let uuid = names.iter().find_map(|it| it.strip_suffix("_1_201_a.jpeg")).unwrap();
    let path = folder.join(format!("{uuid}.plist"));
    let Some(text) = text else { return std::fs::remove_file(path).unwrap_or_default() };
    let list = format!(
        "<plist version=\"1.0\"><dict><key>adjustmentData</key><string>{text}</string></dict></plist>"
    );
    std::fs::write(path, if text == "junk" { text } else { &list }).unwrap();
}

#[test]
fn the_cameras_own_adjustments_lie_under_the_name_of_the_asset() {
    for model in MODELS {
        let mut builder = LibraryBuilder::new(model);
        builder.asset(photo().file_name("other.jpeg").directory("elsewhere"));
        let mut uuid = String::new();
        read_after(&builder, |_| {})
            .iter()
            .for_each(|it| uuid = it["uuid"].as_str().unwrap().to_owned());
        let found = read_after(&builder, |bundle| {
            let folder = bundle.join("originals").join(&uuid[..1]);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(format!("{uuid}_5.aae")), "junk").unwrap();
        });
        assert_eq!(found[0]["original_adjustments"], nothing_said());
        assert_eq!(found[0]["adjustments"], json!({}));
    }
}

#[test]
fn faces_are_placed_by_the_orientation_and_not_at_all_where_there_are_no_pixels() {
    for model in MODELS {
        for (orientation, center) in [(0, [16, 12]), (3, [48, 36]), (6, [12, 48]), (9, [16, 36])] {
            let mut builder = LibraryBuilder::new(model);
            let person = builder.person(PersonSpec::new("Ann"));
            let face = FaceSpec::of(person).at(0.25, 0.75, 0.1);
            let spec = photo().pixels(64, 48).face(face.column("ZROLL", SqlValue::Null));
            builder.asset(spec.column(AssetTable::Asset, "ZORIENTATION", orientation));
            let face = &read(&builder)[0]["face_info"][0];
            assert_eq!(face["center"], json!(center), "{orientation}");
            assert_eq!(face["roll"], 0.0, "no roll is none");
        }
        let mut builder = LibraryBuilder::new(model);
        let person = builder.person(PersonSpec::new("Ann"));
        builder.asset(photo().pixels(0, 48).face(FaceSpec::of(person).at(0.25, 0.75, 0.1)));
        let face = &read(&builder)[0]["face_info"][0];
        for key in ["mpri_reg_rect", "mwg_rs_area"] {
            assert_eq!(face[key], json!({"x": 0.0, "y": 0.0, "w": 0.0, "h": 0.0}));
        }
    }
}

#[test]
fn a_model_that_is_not_known_or_not_told_is_read_as_the_newest() {
    let mut builder = LibraryBuilder::new(Model::Photos11);
    builder.asset(photo().label("Sea").keyword("k").exif(Exif::default()));
    let before = read(&builder);
    assert_eq!(before[0]["labels"], json!(["Sea"]));
    for model in [None, Some(99_999), Some(270_008_501)] {
        let mut told = plist::Dictionary::new();
        if let Some(model) = model {
            told.insert("PLModelVersion".to_owned(), plist::Value::from(model));
        }
        let mut bytes = Vec::new();
        plist::Value::Dictionary(told).to_writer_binary(&mut bytes).unwrap();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        builder.statement(format!("UPDATE Z_METADATA SET Z_PLIST=x'{hex}'"));
        assert_eq!(read(&builder), before, "{model:?}");
    }
}

#[test]
fn previews_of_what_others_sent_lie_in_a_scope_of_their_own() {
    let sent = attribute("ZSYNDICATIONIDENTIFIER", "x".to_owned()).column(
        AssetTable::Attributes,
        "ZSYNDICATIONHISTORY",
        0,
    );
    let shared = set("ZMOMENTSHARE", 1);
    for (scope, spec) in [("syndication", sent), ("momentshared", shared)] {
        let mut builder = LibraryBuilder::new(Model::Photos11);
        builder.asset(spec.derivative("1_102_o", Content::jpeg(2)));
        let uuid = read(&builder)[0]["uuid"].as_str().unwrap().to_owned();
        let (letter, base) = (&uuid[..1], format!("scopes/{scope}/resources/derivatives"));
        let expected = [
            format!("{base}/{letter}/{uuid}_1_105_c.jpeg"),
            format!("{base}/masters/{letter}/{uuid}_4_5005_c.jpeg"),
        ];
        let found = read_after(&builder, |bundle| {
            for path in &expected {
                let path = bundle.join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, "preview").unwrap();
            }
        });
        assert_eq!(found[0]["path_derivatives"], json!(expected));
    }
}
