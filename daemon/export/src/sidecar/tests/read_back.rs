//! XMP read back by an XML parser that is not ours: whatever the texts are, the document is
//! well-formed XML 1.0 and holds those texts, once what XML cannot hold is replaced. That parser
//! does not look at characters, so they are looked at here.

use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use serde_json::json;

use super::{ORIGINAL, record, xmp};
use crate::sidecar::xml::held;

/// The texts of a document by the names of the elements around them, from the description on.
pub(super) fn texts(document: &str) -> Vec<(String, String)> {
    // XML 1.0, production 2.
    let is_held = |it: char| matches!(it, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..);
    assert!(document.chars().all(is_held));
    let mut reader = Reader::from_str(document);
    let (mut path, mut text, mut found) = (Vec::new(), String::new(), Vec::new());
    let mut is_leaf = false;
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                start.attributes().for_each(|it| drop(it.unwrap()));
                path.push(start.name().as_ref().to_owned());
                text.clear();
                is_leaf = true;
            }
            Event::Text(piece) => text.push_str(&piece.xml10_content()),
            Event::GeneralRef(name) => match name.resolve_char_ref().unwrap() {
                Some(character) => text.push(character),
                None => text.push_str(resolve_predefined_entity(&name.xml10_content()).unwrap()),
            },
            Event::End(_) => {
                if is_leaf {
                    found.push((path[3..].join("/"), std::mem::take(&mut text)));
                }
                is_leaf = false;
                path.pop().unwrap();
            }
            Event::Decl(_) => {}
            Event::Eof => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(path.is_empty(), "{path:?}");
    found
}

pub(super) fn at<'a>(found: &'a [(String, String)], path: &str) -> Vec<&'a str> {
    found.iter().filter(|(it, _)| it == path).map(|(_, text)| text.as_str()).collect()
}

fn as_held(text: &str) -> String {
    text.chars().map(held).collect()
}

/// What a bag holds of some texts.
fn in_bag(texts: &[String], is_in: impl Fn(&str) -> bool) -> Vec<String> {
    let mut texts: Vec<&String> = texts.iter().filter(|it| !it.is_empty() && is_in(it)).collect();
    texts.sort();
    texts.dedup();
    texts.into_iter().map(|text| as_held(text)).collect()
}

/// Texts with much of what is special in XML.
fn any_text() -> impl Strategy<Value = String> {
    let special = "[\\x00-\\x20<>&'\"|;,\\]\\[\\-!?\u{85}\u{2028}\u{FFFD}-\u{FFFF}]{0,8}";
    prop_oneof![any::<String>(), special.prop_map(String::from), Just("]]>".to_owned())]
}

proptest! {
    #[test]
    fn any_texts_come_back_as_they_were(
        title in any_text(),
        description in any_text(),
        keywords in prop::collection::vec(any_text(), 0..4),
        persons in prop::collection::vec(any_text(), 0..4),
        city in any_text(),
    ) {
        let document = xmp(&json!({
            "title": title, "description": description, "keywords": keywords, "persons": persons,
            "place": {"address": {"city": city}},
            "exif_info": {"camera_make": title, "camera_model": city},
            "date": description,
            "width": 100, "height": 100,
            "face_info": [{"name": city, "center_x": 0.5, "center_y": 0.5, "size": 0.5}],
        }), ORIGINAL);
        let found = texts(&document);
        for (path, text) in [
            ("dc:title/rdf:Alt/rdf:li", &title),
            ("dc:description/rdf:Alt/rdf:li", &description),
            ("tiff:Make", &title),
            ("photoshop:City", &city),
            ("Iptc4xmpExt:LocationCreated/rdf:Bag/rdf:li/Iptc4xmpExt:City", &city),
            ("mwg-rs:Regions/mwg-rs:RegionList/rdf:Bag/rdf:li/mwg-rs:Name", &city),
        ] {
            prop_assert_eq!(at(&found, path), in_bag(std::slice::from_ref(text), |_| true));
        }
        prop_assert_eq!(at(&found, "dc:subject/rdf:Bag/rdf:li"), in_bag(&keywords, |_| true));
        let flat = in_bag(&keywords, |it| !it.contains('|'));
        prop_assert_eq!(at(&found, "lr:hierarchicalSubject/rdf:Bag/rdf:li"), flat);
        let named = in_bag(&persons, |it| it != "_UNKNOWN_");
        prop_assert_eq!(at(&found, "Iptc4xmpExt:PersonInImage/rdf:Bag/rdf:li"), named);
    }
}

#[test]
fn a_keyword_that_would_be_a_hierarchy_is_whole_in_dc_and_not_in_lr() {
    let found = texts(&xmp(&record(), ORIGINAL));
    let keywords = at(&found, "dc:subject/rdf:Bag/rdf:li");
    assert_eq!(keywords, ["Zoë", "a|b", "holiday", "sea, salt; sand"]);
    let flat = at(&found, "lr:hierarchicalSubject/rdf:Bag/rdf:li");
    assert_eq!(flat, ["Zoë", "holiday", "sea, salt; sand"]);
}
