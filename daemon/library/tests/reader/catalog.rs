//! What exports name and choose by: the catalog, single entries of it, and only what is asked for.
//!
//! Values are compared with the records of the same assets; what a grant withholds of them is a
//! matter of `privacy.rs`. The hazard: an entry that is read alone and says something else than the
//! catalog did, from which its name was made.

use darkslide_library::{CatalogEntry, Needs, Query};
use darkslide_protocol::field::Fields;
use darkslide_protocol::filter::Filter;
use darkslide_protocol::value::Uuid;
use serde_json::Value;

use crate::opened::{Opened, bundle, catalog, never, readable, real};
use crate::real_libraries::{everything, records};

const ALL: Needs = Needs { albums: true, description: true, camera: true, place: true };

#[test]
fn entries_that_are_asked_for_are_those_of_the_catalog_in_the_order_of_the_question() {
    let Some(folder) = real() else { return };
    for name in readable() {
        let opened = Opened::all(&bundle(folder, name));
        let mut expected = catalog(&opened).unwrap();
        expected.reverse();
        let mut asked: Vec<Uuid> = expected.iter().map(|entry| entry.uuid.clone()).collect();
        asked.insert(0, Uuid::parse("00000000-0000-0000-0000-000000000000").unwrap());
        let entries = |needs| opened.library.entries(&opened.grant, &asked, needs, &never());
        assert_eq!(entries(ALL).unwrap(), expected, "{name}");
        let bare = |entry: CatalogEntry| CatalogEntry {
            albums: Vec::new(),
            description: None,
            camera: None,
            country: None,
            state: None,
            city: None,
            ..entry
        };
        let expected: Vec<CatalogEntry> = expected.into_iter().map(bare).collect();
        assert_eq!(entries(Needs::default()).unwrap(), expected, "{name}");
        let all = Filter::everything();
        let include = everything().include;
        let selected = opened.library.select(&opened.grant, &all, &include, &never()).unwrap();
        let mut uuids: Vec<Uuid> = expected.into_iter().map(|entry| entry.uuid).collect();
        uuids.reverse();
        assert!(selected.found.iter().eq(uuids), "{name}");
    }
}

/// As much of a text as a name has room for.
fn text(value: &Value) -> Option<String> {
    let text = value.as_str().filter(|text| !text.is_empty())?;
    let end = (0..=text.len().min(1_024)).rev().find(|at| text.is_char_boundary(*at))?;
    Some(text[..end].to_owned())
}

/// The first name of a kind, else that part of the address.
fn region(record: &Value, list: &str, part: &str) -> Option<String> {
    let place = &record["place"];
    let named = place["names"][list].as_array().and_then(|names| names.first()).and_then(text);
    named.or_else(|| text(&place["address"][part]))
}

#[test]
fn what_an_entry_tells_is_what_the_record_does() {
    let Some(folder) = real() else { return };
    let (mut cameras, mut cities, mut bursts) = (0, 0, 0);
    for name in readable() {
        let opened = Opened::all(&bundle(folder, name));
        let entries = catalog(&opened).unwrap();
        for record in records(&opened, Query { fields: Fields::all(), ..everything() }) {
            let uuid = &record["uuid"];
            let entry = entries.iter().find(|entry| *uuid == entry.uuid.as_str()).unwrap();
            assert_eq!(entry.description, text(&record["description"]), "{name} {uuid}");
            assert_eq!(entry.camera, text(&record["exif_info"]["camera_model"]), "{name} {uuid}");
            assert_eq!(
                [&entry.country, &entry.state, &entry.city],
                [
                    &region(&record, "country", "country"),
                    &region(&record, "state_province", "state_province"),
                    &region(&record, "city", "city"),
                ],
                "{name} {uuid}"
            );
            for (told, key) in [
                (entry.hidden, "hidden"),
                (entry.trashed, "intrash"),
                (entry.burst, "burst"),
                (entry.burst_key, "burst_key"),
            ] {
                assert_eq!(record[key], told, "{name} {uuid} {key}");
            }
            cameras += usize::from(entry.camera.is_some());
            cities += usize::from(entry.city.is_some());
            bursts += usize::from(entry.burst_key);
        }
    }
    assert!(cameras > 0 && cities > 0 && bursts > 0, "{cameras} {cities} {bursts}");
}
