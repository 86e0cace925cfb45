//! The XMP sidecar: what photo programs read of an asset.
//!
//! Each property that more than one program reads the same way, once; `docs/decisions/sidecars.md`
//! says what each means and what is left out. Nothing is written that the library does not know: an
//! absent property leaves what the photo itself says, an empty one would wipe it. The hazard:
//! hierarchies, in which `|` separates, so that a keyword with one has its place only in `dc`.

use super::Beside;
use super::known::Known;
use super::place::{Words, coordinates, date};
use super::region::{Face, Regions};
use super::xml::Xml;

/// What the record calls somebody who has no name.
const NO_NAME: &str = "_UNKNOWN_";
/// Photos knows one mark; programs that know stars have five.
const FAVORITE_STARS: &str = "5";
/// What separates the levels of a keyword.
const LEVEL: char = '|';

const ROOT: &str = r#"x:xmpmeta xmlns:x="adobe:ns:meta/""#;
const RDF: &str = r#"rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#""#;
const DESCRIPTION: &str = r#"rdf:Description rdf:about=""
  xmlns:dc="http://purl.org/dc/elements/1.1/"
  xmlns:xmp="http://ns.adobe.com/xap/1.0/"
  xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
  xmlns:exif="http://ns.adobe.com/exif/1.0/"
  xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
  xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
  xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
  xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
  xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"
  xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#""#;

/// The document of an asset.
pub(super) fn document(asset: &Known, beside: Beside<'_>) -> Vec<u8> {
    Xml::document(ROOT, |xml| {
        xml.element(RDF, |xml| {
            xml.element(DESCRIPTION, |xml| {
                texts(xml, asset);
                file(xml, asset, beside);
                dates(xml, asset);
                places(xml, asset);
                if let Some(regions) = Regions::of(asset, beside) {
                    faces(xml, &regions);
                }
            });
        });
    })
}

fn texts(xml: &mut Xml, asset: &Known) {
    alternative(xml, "dc:title", asset.title.as_deref());
    alternative(xml, "dc:description", asset.description.as_deref());
    let keywords: Vec<&str> = asset.keywords.iter().map(String::as_str).collect();
    bag(xml, "dc:subject", keywords.iter().copied());
    let flat = keywords.into_iter().filter(|keyword| !keyword.contains(LEVEL));
    bag(xml, "lr:hierarchicalSubject", flat);
    let named = asset.persons.iter().map(String::as_str).filter(|name| *name != NO_NAME);
    bag(xml, "Iptc4xmpExt:PersonInImage", named);
    if asset.favorite {
        xml.text("xmp:Rating", FAVORITE_STARS);
    }
}

fn file(xml: &mut Xml, asset: &Known, beside: Beside<'_>) {
    let extension = beside.name.rsplit_once('.').map(|(_, extension)| extension);
    told(xml, "photoshop:SidecarForExtension", extension);
    told(xml, "tiff:Make", asset.exif_info.camera_make.as_deref());
    told(xml, "tiff:Model", asset.exif_info.camera_model.as_deref());
}

fn dates(xml: &mut Xml, asset: &Known) {
    let taken = asset.date.as_deref().map(date);
    told(xml, "photoshop:DateCreated", taken);
    told(xml, "exif:DateTimeOriginal", taken);
    told(xml, "xmp:CreateDate", taken);
    told(xml, "xmp:ModifyDate", asset.date_modified.as_deref().map(date));
}

fn places(xml: &mut Xml, asset: &Known) {
    if let Some([north, east]) = coordinates(asset.latitude, asset.longitude) {
        xml.text("exif:GPSLatitude", &north);
        xml.text("exif:GPSLongitude", &east);
    }
    if let Some(words) = Words::of(&asset.place) {
        in_words(xml, &words);
    }
}

fn in_words(xml: &mut Xml, words: &Words<'_>) {
    told(xml, "photoshop:City", words.city);
    told(xml, "photoshop:State", words.state);
    told(xml, "photoshop:Country", words.country);
    xml.element("Iptc4xmpExt:LocationCreated", |xml| {
        xml.element("rdf:Bag", |xml| {
            xml.element("rdf:li rdf:parseType=\"Resource\"", |xml| {
                told(xml, "Iptc4xmpExt:Sublocation", words.part_of_city);
                told(xml, "Iptc4xmpExt:City", words.city);
                told(xml, "Iptc4xmpExt:ProvinceState", words.state);
                told(xml, "Iptc4xmpExt:CountryName", words.country);
                told(xml, "Iptc4xmpExt:CountryCode", words.country_code);
            });
        });
    });
}

fn faces(xml: &mut Xml, regions: &Regions<'_>) {
    xml.element("mwg-rs:Regions rdf:parseType=\"Resource\"", |xml| {
        xml.element("mwg-rs:AppliedToDimensions rdf:parseType=\"Resource\"", |xml| {
            xml.text("stDim:w", &regions.width.to_string());
            xml.text("stDim:h", &regions.height.to_string());
            xml.text("stDim:unit", "pixel");
        });
        xml.element("mwg-rs:RegionList", |xml| {
            xml.element("rdf:Bag", |xml| regions.faces.iter().for_each(|it| region(xml, it)));
        });
    });
}

fn region(xml: &mut Xml, face: &Face<'_>) {
    xml.element("rdf:li rdf:parseType=\"Resource\"", |xml| {
        told(xml, "mwg-rs:Name", face.name);
        xml.text("mwg-rs:Type", "Face");
        xml.element("mwg-rs:Area rdf:parseType=\"Resource\"", |xml| {
            let share = |xml: &mut Xml, tag, share: f64| xml.text(tag, &format!("{share:.6}"));
            share(xml, "stArea:x", face.x);
            share(xml, "stArea:y", face.y);
            share(xml, "stArea:w", face.w);
            share(xml, "stArea:h", face.h);
            xml.text("stArea:unit", "normalized");
        });
    });
}

/// A property with a text, where there is one.
fn told(xml: &mut Xml, tag: &'static str, text: Option<&str>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        xml.text(tag, text);
    }
}

/// A text without a language.
fn alternative(xml: &mut Xml, tag: &'static str, text: Option<&str>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        xml.element(tag, |xml| {
            xml.element("rdf:Alt", |xml| xml.text("rdf:li xml:lang=\"x-default\"", text));
        });
    }
}

/// Each text once, in an order that only the texts decide.
fn bag<'a>(xml: &mut Xml, tag: &'static str, texts: impl Iterator<Item = &'a str>) {
    let mut texts: Vec<&str> = texts.filter(|text| !text.is_empty()).collect();
    texts.sort_unstable();
    texts.dedup();
    if texts.is_empty() {
        return;
    }
    xml.element(tag, |xml| {
        xml.element("rdf:Bag", |xml| texts.iter().for_each(|text| xml.text("rdf:li", text)));
    });
}
