//! Every file and album of every real library, against what an independent
//! reader found, and questions of every kind.
//!
//! A difference is either a bug or a rule on the list below, with its reason. Nothing else is
//! forgiven.

use std::collections::{BTreeMap, BTreeSet};

use darkslide_library::{AlbumKind, Presence, Query};
use darkslide_protocol::field::Fields;
use darkslide_protocol::filter::{Filter, Flag, Include, Kind, Sort};
use darkslide_protocol::message::record::Asset;
use darkslide_protocol::value::Uuid;
use serde_json::{Value, json};

use crate::opened::{OLD, Opened, bundle, catalog, expected, never, readable, real, verify_bytes};

pub(crate) fn lines(name: &str, kind: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(expected().join(format!("{name}{kind}"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn everything() -> Query {
    Query {
        filter: Filter::everything(),
        fields: Fields::summary(),
        include: vec![Include::Hidden, Include::Trashed, Include::Bursts],
        sort: Sort::Taken,
        descending: false,
        limit: 7,
        after: None,
    }
}

/// All pages of a query, as a client reads them.
pub(crate) fn all(opened: &Opened, query: Query) -> Vec<Asset> {
    let read = |record| serde_json::from_value(record).unwrap();
    records(opened, query).into_iter().map(read).collect()
}

/// All pages of a query.
pub(crate) fn records(opened: &Opened, mut query: Query) -> Vec<Value> {
    let mut found = Vec::new();
    loop {
        let page = opened.library.query(&opened.grant, &query, &never()).unwrap();
        let records: Vec<Value> = serde_json::from_slice(page.assets.json()).unwrap();
        assert_eq!(records.len(), page.assets.count());
        found.extend(records);
        match page.next {
            Some(position) => query.after = Some(position),
            None => return found,
        }
    }
}

#[test]
fn every_file_is_found_where_an_independent_reader_found_it() {
    let Some(folder) = real() else { return };
    let mut wrong = Vec::new();
    for name in readable() {
        let opened = Opened::all(&bundle(folder, name));
        let reference = lines(name, ".files.jsonl");
        let uuids: Vec<Uuid> = lines(name, ".jsonl")
            .iter()
            .map(|record| Uuid::parse(record["uuid"].as_str().unwrap()).unwrap())
            .collect();
        let found = opened
            .library
            .resources(&opened.grant, &uuids, darkslide_library::Version::USUAL, &never())
            .unwrap();
        let mut ours = BTreeMap::new();
        for asset in &found {
            for resource in &asset.resources {
                let key = (asset.uuid.to_string(), resource.version.as_str().to_owned());
                let value = match &resource.presence {
                    Presence::Here { path, facts } => (Some(path.to_string()), Some(facts.size)),
                    Presence::Outside { .. } | Presence::Absent(_) => (None, None),
                };
                ours.insert(key, value);
            }
        }
        let mut theirs = BTreeMap::new();
        for record in &reference {
            let version = record["version"].as_str().unwrap();
            if !matches!(version, "aae" | "original_aae") {
                let key = (record["uuid"].as_str().unwrap().to_owned(), version.to_owned());
                let path = record["path"].as_str().map(str::to_owned);
                theirs.insert(key, (path, record["size"].as_u64()));
            }
        }
        let missing: BTreeSet<String> = lines(name, ".jsonl")
            .iter()
            .filter(|record| record["ismissing"] == true)
            .map(|record| record["uuid"].as_str().unwrap().to_owned())
            .collect();
        for key in ours.keys().chain(theirs.keys()) {
            // The second rule of the list: the tool does not look for what the database calls
            // missing.
            let unlooked = missing.contains(&key.0) && theirs.get(key) == Some(&(None, None));
            if ours.get(key) != theirs.get(key) && !unlooked {
                wrong.push(format!(
                    "{name} {key:?}: {:?} there, {:?} here",
                    theirs.get(key),
                    ours.get(key)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn albums_are_those_of_the_reference_with_folders_and_members() {
    let Some(folder) = real() else { return };
    let whole = [Include::Hidden, Include::Trashed, Include::Bursts];
    for name in readable() {
        let opened = Opened::all(&bundle(folder, name));
        let text =
            std::fs::read_to_string(expected().join(format!("{name}.library.json"))).unwrap();
        let reference: Value = serde_json::from_str(&text).unwrap();
        let albums = opened.library.albums(&opened.grant, AlbumKind::ALL, &whole, &never());
        let albums = albums.unwrap().found;
        let ours: BTreeMap<String, Value> = albums
            .iter()
            .filter(|album| matches!(album.kind, AlbumKind::Album | AlbumKind::Shared))
            .map(|album| {
                let path: Vec<&str> = album.path.iter().map(AsRef::as_ref).collect();
                let date = |date: Option<darkslide_library::Date>| date.map(|it| it.to_string());
                // The tool tells no span of an album of Photos 3 and 4; ours is that of its
                // members.
                let span = |it| date(it).filter(|_| !OLD.contains(&name));
                let value = json!([
                    &*album.title,
                    path,
                    album.count,
                    album.kind == AlbumKind::Shared,
                    date(album.created),
                    span(album.start),
                    span(album.end),
                ]);
                (album.uuid.to_string(), value)
            })
            .collect();
        let theirs: BTreeMap<String, Value> = reference["albums"]
            .as_array()
            .unwrap()
            .iter()
            .map(|album| {
                let value = json!([
                    album["title"],
                    album["folder_names"],
                    album["photos"].as_array().unwrap().len(),
                    album["shared"],
                    album["creation_date"],
                    album["start_date"],
                    album["end_date"],
                ]);
                (album["uuid"].as_str().unwrap().to_owned(), value)
            })
            .collect();
        assert_eq!(ours, theirs, "{name}");
        for album in
            albums.iter().filter(|album| matches!(album.kind, AlbumKind::Album | AlbumKind::Shared))
        {
            let filter = Filter::Album(album.uuid.to_string());
            let members =
                opened.library.select(&opened.grant, &filter, &whole, &never()).unwrap().found;
            let theirs = reference["albums"].as_array().unwrap().iter();
            let theirs = theirs.filter(|it| it["uuid"] == album.uuid.as_str());
            let mut theirs: Vec<&str> = theirs
                .flat_map(|it| it["photos"].as_array().unwrap())
                .map(|it| it.as_str().unwrap())
                .collect();
            theirs.sort_unstable();
            let members: Vec<String> = members.iter().map(|uuid| uuid.to_string()).collect();
            assert_eq!(members, theirs, "{name} {}", album.title);
        }
    }
}

#[test]
fn every_question_of_kind_and_property_selects_those_whose_fields_say_so() {
    let Some(folder) = real() else { return };
    let whole = [Include::Hidden, Include::Trashed, Include::Bursts];
    for name in readable() {
        let opened = Opened::all(&bundle(folder, name));
        let assets = all(&opened, Query { fields: Fields::all(), ..everything() });
        let mut questions: Vec<(Filter, BTreeSet<&str>)> = Vec::new();
        for kind in Kind::ALL {
            let fits = assets.iter().filter(|asset| is_kind(asset, *kind));
            questions.push((Filter::Kind(*kind), fits.map(|it| it.uuid.as_str()).collect()));
        }
        for flag in Flag::ALL {
            let fits = assets.iter().filter(|asset| has_flag(asset, *flag));
            questions.push((Filter::Is(*flag), fits.map(|it| it.uuid.as_str()).collect()));
        }
        for (filter, expected) in questions {
            let found = opened.library.select(&opened.grant, &filter, &whole, &never()).unwrap();
            assert!(found.consistent);
            let found: Vec<Uuid> = found.found.iter().collect();
            let uuids: BTreeSet<&str> = found.iter().map(Uuid::as_str).collect();
            assert_eq!(uuids, expected, "{name} {filter:?}");
            let count = opened.library.count(&opened.grant, &filter, &whole, &never()).unwrap();
            assert_eq!(usize::try_from(count.found).unwrap(), expected.len(), "{name} {filter:?}");
            let paged =
                all(&opened, Query { filter: filter.clone(), descending: true, ..everything() });
            assert_eq!(paged.len(), expected.len(), "{name} {filter:?}");
            let not = Filter::Not(Box::new(filter.clone()));
            let rest = opened.library.count(&opened.grant, &not, &whole, &never()).unwrap().found;
            assert_eq!(rest + count.found, assets.len() as u64, "{name} not {filter:?}");
        }
    }
}

fn is_kind(asset: &Asset, kind: Kind) -> bool {
    match kind {
        Kind::Photo => asset.isphoto,
        Kind::Movie => asset.ismovie,
        Kind::Live => asset.live_photo,
        Kind::Raw => asset.israw && !asset.has_raw,
        Kind::RawPair => asset.has_raw,
        Kind::Panorama => asset.panorama,
        Kind::Portrait => asset.portrait,
        Kind::Selfie => asset.selfie == Some(true),
        Kind::Screenshot => asset.screenshot,
        Kind::ScreenRecording => asset.screen_recording == Some(true),
        Kind::SlowMotion => asset.slow_mo,
        Kind::TimeLapse => asset.time_lapse,
        Kind::Burst => asset.burst,
        Kind::Hdr => asset.hdr,
        Kind::Spatial => asset.spatial != 0,
    }
}

fn has_flag(asset: &Asset, flag: Flag) -> bool {
    match flag {
        Flag::Favorite => asset.favorite,
        Flag::Edited => asset.hasadjustments,
        Flag::Hidden => asset.hidden,
        Flag::Trashed => asset.intrash,
        Flag::Shared => asset.shared == Some(true),
        Flag::Referenced => asset.isreference,
        Flag::InAlbum => !asset.albums.is_empty(),
        Flag::Titled => asset.title.is_some(),
        Flag::Described => asset.description.as_ref().is_some_and(|it| !it.is_empty()),
        Flag::Keyworded => !asset.keywords.is_empty(),
        Flag::Local => asset.path.is_some(),
        Flag::Missing => asset.path.is_none(),
        Flag::Located => asset.latitude.is_some(),
        Flag::HasFaces => !asset.face_info.is_empty(),
    }
}

#[test]
fn the_catalog_and_the_summary_agree_with_the_assets() {
    let Some(folder) = real() else { return };
    for name in readable() {
        let opened = Opened::all(&bundle(folder, name));
        let assets = all(&opened, everything());
        let entries = catalog(&opened).unwrap();
        assert!(entries.is_sorted_by(|left, right| left.uuid < right.uuid));
        assert_eq!(entries.len(), assets.len(), "{name}");
        for asset in &assets {
            let entry = entries.iter().find(|entry| entry.uuid.as_str() == asset.uuid).unwrap();
            assert_eq!(entry.original_filename, asset.original_filename);
            let date = entry.date.map(|date| date.to_string());
            assert_eq!((&entry.title, date), (&asset.title, asset.date.clone()));
            assert_eq!(
                (entry.movie, entry.adjusted, entry.live),
                (asset.ismovie, asset.hasadjustments, asset.live_photo)
            );
            let mut titles: Vec<&str> = entry.albums.iter().map(|it| &*it.album.title).collect();
            titles.sort_unstable();
            titles.dedup();
            assert_eq!(titles, asset.albums, "{name} {}", asset.uuid);
        }
        let info = opened.library.info(&opened.grant, &never()).unwrap();
        let text =
            std::fs::read_to_string(expected().join(format!("{name}.library.json"))).unwrap();
        let reference: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            info.photos_count + info.movies_count + info.hidden_count.unwrap(),
            reference["listed_by_default"].as_u64().unwrap(),
            "{name}: the tool lists hidden ones"
        );
        assert_eq!(info.trashed_count, reference["listed_in_trash"].as_u64(), "{name}");
        assert!(info.consistent && !info.upgrade_unfinished && info.nameless_count == 0);
    }
}

#[test]
fn pages_of_any_size_and_direction_hold_each_asset_once_and_in_order() {
    let Some(folder) = real() else { return };
    for name in ["Test-10.15.7", "Test-26.1"] {
        let opened = Opened::all(&bundle(folder, name));
        let whole = all(&opened, Query { limit: 1_000, ..everything() });
        let uuids: Vec<&String> = whole.iter().map(|asset| &asset.uuid).collect();
        for limit in [1, 2, 5, 0, usize::MAX] {
            let ascending = all(&opened, Query { limit, ..everything() });
            assert!(ascending.iter().map(|asset| &asset.uuid).eq(uuids.iter().copied()));
            let descending = all(&opened, Query { limit, descending: true, ..everything() });
            assert!(descending.iter().map(|asset| &asset.uuid).eq(uuids.iter().rev().copied()));
        }
        // The one whose date is out of range has the largest number.
        let instant = |date: &String| date.parse::<jiff::Timestamp>().unwrap();
        let dates: Vec<_> =
            whole.iter().filter_map(|asset| asset.date.as_ref()).map(instant).collect();
        assert!(dates.is_sorted());
    }
}

#[test]
fn nothing_of_a_library_changes_while_it_is_asked() {
    let Some(folder) = real() else { return };
    let before = stats(folder);
    for name in readable() {
        let opened = Opened::all(&bundle(folder, name));
        let uuids: Vec<Uuid> =
            all(&opened, everything()).iter().map(|it| Uuid::parse(&it.uuid).unwrap()).collect();
        opened.library.info(&opened.grant, &never()).unwrap();
        opened.library.albums(&opened.grant, AlbumKind::ALL, &[], &never()).unwrap();
        opened.library.get(&opened.grant, &uuids, Fields::all(), &never()).unwrap();
        catalog(&opened).unwrap();
        opened
            .library
            .resources(&opened.grant, &uuids, darkslide_library::Version::USUAL, &never())
            .unwrap();
    }
    assert_eq!(before, stats(folder));
    // Bytes are compared by another process: closing a database file here would drop SQLite's
    // locks.
    verify_bytes(folder);
}

/// Names, sizes and times of everything, without opening a file.
fn stats(folder: &std::path::Path) -> BTreeMap<std::path::PathBuf, (u64, i64, i64)> {
    use std::os::unix::fs::MetadataExt;
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let facts = std::fs::symlink_metadata(&path).unwrap();
            if facts.is_dir() {
                open.push(path.clone());
            }
            found.insert(path, (facts.len(), facts.mtime(), facts.mtime_nsec()));
        }
    }
    found
}
