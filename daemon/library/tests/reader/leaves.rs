//! Every leaf of a filter that asks for what a record tells, on every real library: it selects
//! exactly the assets whose expected record says so.
//!
//! The questions are made from the values that the records have: each text, number, date and
//! coordinate is asked for. Nothing is forgiven but what the list of differences says of dates.

use std::collections::{BTreeMap, BTreeSet};

use darkslide_protocol::filter::{
    Filter, Flag, Include, Moment, MonthDay, Near, Number, Range, Score, ScoreRange, Span, Text,
    Within,
};
use serde_json::Value;

use crate::opened::{MODERN, Opened, bundle, never, real};
use crate::real_libraries::lines;

/// What the tool prints for a date that is none.
const NO_DATE: &str = "1970-01-01T00:00:00+00:00";

/// What the records have: hidden, trashed and unselected ones, too.
const SHOWN: &[Include] = &[Include::Hidden, Include::Trashed, Include::Bursts];
/// Values of one kind that a library is asked about: more of them tell nothing new.
const NUMBERS: usize = 3;
const TEXTS: usize = 8;
const DATES: usize = 5;

type Says<'a> = Box<dyn Fn(&Value) -> bool + 'a>;
type Question<'a> = (Filter, Says<'a>);

/// The texts at a place in a record, whether it is one or a list.
fn texts(record: &Value, pointer: &str) -> Vec<String> {
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) if !text.is_empty() => found.push(text.clone()),
            Value::Array(list) => list.iter().for_each(|it| walk(it, found)),
            Value::Object(members) => members.values().for_each(|it| walk(it, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(record.pointer(pointer).unwrap_or(&Value::Null), &mut found);
    found
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Asks for each text that any record has there: as it is, in capitals, by a part, by a pattern.
fn ask_texts<'a>(
    records: &[Value],
    pointers: &'static [&'static str],
    filter: fn(Text) -> Filter,
    asked: &mut Vec<Question<'a>>,
) {
    let all = |record: &Value| pointers.iter().flat_map(|at| texts(record, at)).collect::<Vec<_>>();
    let values: BTreeSet<String> = records.iter().flat_map(all).collect();
    let step = values.len().div_ceil(TEXTS).max(1);
    for value in values.into_iter().filter(|value| value.len() <= 100).step_by(step) {
        let (one, two, three) = (value.clone(), value.clone(), value.clone());
        let says = move |record: &Value| all(record).iter().any(|it| same(it, &one));
        asked.push((filter(Text::Exact(value.to_uppercase())), Box::new(says)));
        let middle: String = value.chars().skip(1).collect();
        let wanted = middle.to_lowercase();
        if !middle.is_empty() && value.is_ascii() {
            let says = move |record: &Value| {
                all(record).iter().any(|it| it.is_ascii() && it.to_lowercase().contains(&wanted))
                    || all(record).iter().any(|it| same(it, &two))
            };
            if records.iter().flat_map(&all).all(|it| it.is_ascii()) {
                asked.push((filter(Text::Contains(middle.clone())), Box::new(says)));
            }
        }
        if !value.contains(['*', '?']) {
            let says = move |record: &Value| {
                let ends = |it: &String| it.chars().skip(1).collect::<String>().to_lowercase();
                all(record).iter().any(|it| ends(it) == ends(&three) && !it.is_empty())
            };
            let pattern = format!("?{middle}");
            asked.push((filter(Text::Matches(pattern)), Box::new(says)));
        }
    }
}

fn number(record: &Value, pointer: &str) -> Option<f64> {
    record.pointer(pointer).and_then(Value::as_f64)
}

/// Asks for each number that any record has there, for those above it, and for those below.
fn ask_numbers<'a>(
    records: &[Value],
    pointer: String,
    filter: impl Fn(Range) -> Filter,
    asked: &mut Vec<Question<'a>>,
) {
    let mut values: Vec<f64> = records.iter().filter_map(|it| number(it, &pointer)).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let step = values.len().div_ceil(NUMBERS).max(1);
    for value in values.into_iter().step_by(step) {
        let bound = Number::new(value);
        for (min, max) in [(bound, bound), (bound, None), (None, bound)] {
            let pointer = pointer.clone();
            let says = move |record: &Value| {
                number(record, &pointer).is_some_and(|it| {
                    min.is_none_or(|min| it >= min.get()) && max.is_none_or(|max| it <= max.get())
                })
            };
            asked.push((filter(Range { min, max }), Box::new(says)));
        }
    }
}

fn instant(text: &str) -> i64 {
    match Moment::parse(text).unwrap() {
        Moment::Instant(instant) => instant.micros(),
        Moment::Day(_) => panic!("{text}"),
    }
}

/// Asks for all from each date on, for all before, and for each day.
fn ask_dates<'a>(
    records: &[Value],
    pointer: &'static str,
    filter: fn(Span) -> Filter,
    asked: &mut Vec<Question<'a>>,
) {
    let date = |record: &Value| {
        let text = record.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        text.filter(|text| text != NO_DATE)
    };
    let values: BTreeSet<String> = records.iter().filter_map(date).collect();
    let step = values.len().div_ceil(DATES).max(1);
    for value in values.into_iter().step_by(step) {
        let at = instant(&value);
        let moment = Moment::parse(&value).ok();
        let later = move |record: &Value| date(record).is_some_and(|it| instant(&it) >= at);
        asked.push((filter(Span { from: moment, to: None }), Box::new(later)));
        let earlier = move |record: &Value| date(record).is_some_and(|it| instant(&it) < at);
        asked.push((filter(Span { from: None, to: moment }), Box::new(earlier)));
        let day = value[..10].to_owned();
        let from = Moment::parse(&day).ok();
        let (there, before) = (day.clone(), day);
        let since = move |record: &Value| date(record).is_some_and(|it| it[..10] >= *there);
        asked.push((filter(Span { from, to: None }), Box::new(since)));
        let until = move |record: &Value| date(record).is_some_and(|it| it[..10] < *before);
        asked.push((filter(Span { from: None, to: from }), Box::new(until)));
    }
}

fn ask_places<'a>(records: &[Value], asked: &mut Vec<Question<'a>>) {
    for record in records {
        let at =
            |record: &Value| Some((number(record, "/latitude")?, number(record, "/longitude")?));
        let Some((latitude, longitude)) = at(record) else { continue };
        let near = Near::new(latitude, longitude, 50_000.0).unwrap();
        let says = move |record: &Value| {
            at(record).is_some_and(|(north, east)| {
                let (a, b) = (latitude.to_radians(), north.to_radians());
                let east = (east - longitude).to_radians();
                let cosine = a.sin() * b.sin() + a.cos() * b.cos() * east.cos();
                cosine.min(1.0).acos() * 6_371_008.8 <= 50_000.0
            })
        };
        asked.push((Filter::Near(near), Box::new(says)));
        let within =
            Within::new(latitude - 0.01, longitude - 0.01, latitude + 0.01, longitude + 0.01);
        let says = move |record: &Value| {
            at(record).is_some_and(|(north, east)| {
                (north - latitude).abs() <= 0.01 && (east - longitude).abs() <= 0.01
            })
        };
        asked.push((Filter::Within(within.unwrap()), Box::new(says)));
    }
}

fn ask_flags(asked: &mut Vec<Question<'_>>) {
    let list = |record: &Value, name: &str| !record[name].as_array().unwrap().is_empty();
    let flags: [(Flag, Says<'_>); 3] = [
        (Flag::Located, Box::new(|record| !record["latitude"].is_null())),
        (Flag::HasFaces, Box::new(move |record| list(record, "face_info"))),
        (Flag::Keyworded, Box::new(move |record| list(record, "keywords"))),
    ];
    for (flag, says) in flags {
        asked.push((Filter::Is(flag), says));
    }
}

/// Every question that the records of a library give rise to.
fn questions(records: &[Value]) -> Vec<Question<'static>> {
    let mut asked = Vec::new();
    ask_texts(records, &["/keywords"], Filter::Keyword, &mut asked);
    ask_texts(records, &["/persons"], Filter::Person, &mut asked);
    ask_texts(records, &["/labels"], Filter::Label, &mut asked);
    ask_texts(records, &["/title"], Filter::Title, &mut asked);
    ask_texts(records, &["/description"], Filter::Description, &mut asked);
    ask_texts(records, &["/original_filename"], Filter::Filename, &mut asked);
    ask_texts(
        records,
        &["/place/names", "/place/address", "/place/address_str"],
        Filter::Place,
        &mut asked,
    );
    ask_texts(records, &["/exif_info/lens_model"], Filter::Lens, &mut asked);
    ask_texts(records, &["/uti"], Filter::Uti, &mut asked);
    ask_numbers(records, "/original_filesize".into(), Filter::Size, &mut asked);
    ask_numbers(records, "/width".into(), Filter::Width, &mut asked);
    ask_numbers(records, "/height".into(), Filter::Height, &mut asked);
    ask_numbers(records, "/rating".into(), Filter::Rating, &mut asked);
    ask_numbers(records, "/exif_info/duration".into(), Filter::Duration, &mut asked);
    for name in Score::ALL {
        let filter = |range| Filter::Score(ScoreRange { name: *name, range });
        ask_numbers(records, format!("/score/{name}"), filter, &mut asked);
    }
    ask_dates(records, "/date", Filter::Taken, &mut asked);
    ask_dates(records, "/date_added", Filter::Added, &mut asked);
    ask_dates(records, "/date_modified", Filter::Modified, &mut asked);
    ask_places(records, &mut asked);
    ask_flags(&mut asked);
    let days: BTreeSet<String> =
        records.iter().map(|it| it["date"].as_str().unwrap()[5..10].to_owned()).collect();
    for day in days {
        let wanted = MonthDay::parse(&day).unwrap();
        let says = move |record: &Value| {
            let date = record["date"].as_str().unwrap();
            date[5..10] == *day && date != NO_DATE
        };
        asked.push((Filter::OnThisDay(wanted), Box::new(says)));
    }
    ask_collections(records, &mut asked);
    asked
}

fn ask_collections<'a>(records: &[Value], asked: &mut Vec<Question<'a>>) {
    let albums: BTreeSet<String> = records.iter().flat_map(|it| texts(it, "/albums")).collect();
    for album in albums {
        let title = album.clone();
        let says = move |record: &Value| texts(record, "/albums").iter().any(|it| same(it, &title));
        asked.push((Filter::AlbumLike(Text::Exact(album)), Box::new(says)));
    }
    let folders: BTreeSet<String> = records.iter().flat_map(|it| texts(it, "/folders")).collect();
    for folder in folders {
        let title = folder.clone();
        let says =
            move |record: &Value| texts(record, "/folders").iter().any(|it| same(it, &title));
        asked.push((Filter::Folder(Text::Exact(folder)), Box::new(says)));
    }
    let imports: BTreeSet<String> =
        records.iter().flat_map(|it| texts(it, "/import_info/uuid")).collect();
    for import in imports {
        let uuid = import.clone();
        let says = move |record: &Value| {
            record.pointer("/import_info/uuid") == Some(&uuid.as_str().into())
        };
        asked.push((Filter::ImportSession(Text::Exact(import)), Box::new(says)));
    }
    for make in
        records.iter().flat_map(|it| texts(it, "/exif_info/camera_make")).collect::<BTreeSet<_>>()
    {
        let maker = make.clone();
        let says = move |record: &Value| {
            let part = |at: &str| texts(record, at).concat().to_lowercase();
            let (make, model) = (part("/exif_info/camera_make"), part("/exif_info/camera_model"));
            let wanted = maker.to_lowercase();
            make == wanted || model == wanted
        };
        asked.push((Filter::Camera(Text::Exact(make)), Box::new(says)));
    }
}

#[test]
fn every_leaf_selects_exactly_the_assets_whose_record_says_so() {
    let Some(folder) = real() else { return };
    let (mut wrong, mut count) = (Vec::new(), BTreeMap::<String, usize>::new());
    for name in MODERN {
        let opened = Opened::keeping(&bundle(folder, name));
        let records = lines(name, ".jsonl");
        for (filter, says) in questions(&records) {
            let kind = serde_json::to_value(&filter).unwrap();
            *count.entry(kind.as_object().unwrap().keys().next().unwrap().clone()).or_default() +=
                1;
            let uuid = |it: &Value| it["uuid"].as_str().unwrap().to_owned();
            let expected: BTreeSet<String> =
                records.iter().filter(|it| says(it)).map(uuid).collect();
            // One question in three the other way round.
            let turned = count.values().sum::<usize>().is_multiple_of(3);
            let (filter, expected) = if turned {
                let all = records.iter().map(uuid).filter(|it| !expected.contains(it)).collect();
                (Filter::Not(Box::new(filter)), all)
            } else {
                (filter, expected)
            };
            let found = opened.library.select(&opened.grant, &filter, SHOWN, &never());
            let found: BTreeSet<String> =
                found.unwrap().found.iter().map(|uuid| uuid.to_string()).collect();
            if found != expected {
                let lacks: Vec<&String> = expected.difference(&found).collect();
                let more: Vec<&String> = found.difference(&expected).collect();
                wrong.push(format!("{name} {filter:?}: lacks {lacks:?}, has besides {more:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count:?}:\n{}", wrong.len(), wrong.join("\n"));
    for leaf in ["keyword", "person", "label", "place", "taken", "near", "score", "folder"] {
        assert!(count.get(leaf).is_some_and(|it| *it > 3), "{leaf}: {count:?}");
    }
}

#[test]
fn what_is_local_is_what_the_disk_has() {
    let Some(folder) = real() else { return };
    for name in MODERN {
        let opened = Opened::all(&bundle(folder, name));
        let files = lines(name, ".files.jsonl");
        let here: BTreeSet<String> = files
            .iter()
            .filter(|it| it["version"] == "original" && it["path"].is_string())
            .map(|it| it["uuid"].as_str().unwrap().to_owned())
            .collect();
        let ask = |filter: Filter| -> BTreeSet<String> {
            let found = opened.library.select(&opened.grant, &filter, SHOWN, &never());
            found.unwrap().found.iter().map(|uuid| uuid.to_string()).collect()
        };
        let (local, missing) = (ask(Filter::Is(Flag::Local)), ask(Filter::Is(Flag::Missing)));
        let all = ask(Filter::everything());
        assert!(local.is_superset(&here), "{name}");
        assert!(local.is_disjoint(&missing), "{name}");
        assert_eq!(local.union(&missing).cloned().collect::<BTreeSet<_>>(), all, "{name}");
        let not = ask(Filter::Not(Box::new(Filter::Is(Flag::Local))));
        assert_eq!(not, missing, "{name}");
    }
}
