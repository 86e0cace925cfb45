//! Which assets: the flags of `query`, `count` and `export` as one filter of the protocol.
//!
//! All flags must hold; of several kinds, or texts of one flag, one suffices. A UUID, a time or a
//! filter that is wrong is refused here, before a daemon is started, and so is one that the
//! protocol does not take.

use darkslide_client::protocol::filter::{Filter, Span, Text};
use darkslide_client::protocol::value::Uuid;

use super::span;
use crate::args::SelectArgs;
use crate::report::Failure;

type TextLeaf = fn(Text) -> Filter;
type SpanLeaf = fn(Span) -> Filter;

/// The filter that the flags mean.
pub(crate) fn filter(args: &SelectArgs) -> Result<Filter, Failure> {
    let mut all = Vec::new();
    if let Some(album) = &args.album {
        all.push(Filter::Album(album.clone()));
    }
    all.extend(one_of(args.kind.iter().copied().map(Filter::Kind)));
    all.extend(args.is.iter().copied().map(Filter::Is));
    let texts: [(&[String], TextLeaf); 10] = [
        (&args.folder, Filter::Folder),
        (&args.keyword, Filter::Keyword),
        (&args.person, Filter::Person),
        (&args.label, Filter::Label),
        (&args.place, Filter::Place),
        (&args.title, Filter::Title),
        (&args.description, Filter::Description),
        (&args.filename, Filter::Filename),
        (&args.camera, Filter::Camera),
        (&args.lens, Filter::Lens),
    ];
    for (values, leaf) in texts {
        all.extend(one_of(values.iter().map(|value| leaf(like(value, Text::Exact)))));
    }
    all.extend(one_of(args.text.iter().map(|it| Filter::Text(like(it, Text::Contains)))));
    all.extend(times(args)?);
    if !args.uuid.is_empty() {
        all.push(Filter::Uuid(uuids(&args.uuid)?));
    }
    if let Some(text) = &args.filter {
        all.push(parse(text)?);
    }
    let filter = match <[Filter; 1]>::try_from(all) {
        Ok([only]) => only,
        Err(all) => Filter::All(all),
    };
    checked(filter)
}

/// Those of which one suffices.
fn one_of(filters: impl Iterator<Item = Filter>) -> Option<Filter> {
    let mut filters: Vec<Filter> = filters.collect();
    if filters.len() < 2 { filters.pop() } else { Some(Filter::Any(filters)) }
}

/// A pattern where it has one of their signs; such a text fits itself, too.
fn like(text: &str, else_as: fn(String) -> Text) -> Text {
    let as_what = if text.contains(['*', '?']) { Text::Matches } else { else_as };
    as_what(text.to_owned())
}

fn times(args: &SelectArgs) -> Result<Vec<Filter>, Failure> {
    let mut found = Vec::new();
    let spans: [(&str, &Option<String>, SpanLeaf); 3] = [
        ("--taken", &args.taken, Filter::Taken),
        ("--added", &args.added, Filter::Added),
        ("--modified", &args.modified, Filter::Modified),
    ];
    for (flag, text, leaf) in spans {
        if let Some(text) = text {
            let span = span::span(text).ok_or_else(|| {
                wrong(flag, text, "2024, 2024-07, 2024-07-14, or a range such as 2023..2024-06")
            })?;
            found.push(leaf(span));
        }
    }
    if let Some(text) = &args.on_this_day {
        let day = span::month_day(text).ok_or_else(|| wrong("--on-this-day", text, "07-14"))?;
        found.push(Filter::OnThisDay(day));
    }
    if let Some(text) = &args.near {
        let near = span::near(text).ok_or_else(|| wrong("--near", text, "47.37,8.54,1000"))?;
        found.push(Filter::Near(near));
    }
    Ok(found)
}

fn wrong(flag: &str, text: &str, right: &str) -> Failure {
    Failure::usage(format!("{text:?} is nothing for {flag}"), format!("write it like {right}"))
}

/// What the daemon would refuse is refused at once: reading what is sent checks all of it.
fn checked(filter: Filter) -> Result<Filter, Failure> {
    let text = serde_json::to_string(&filter).unwrap_or_default();
    match serde_json::from_str::<Filter>(&text) {
        Ok(_) => Ok(filter),
        Err(error) => Err(Failure::usage(
            format!("the flags make no filter: {error}"),
            "name fewer things, or shorter ones",
        )),
    }
}

fn parse(text: &str) -> Result<Filter, Failure> {
    serde_json::from_str(text).map_err(|error| {
        let message = format!("--filter is no filter: {error}");
        Failure::usage(
            message,
            "write it like '{\"all\": [{\"kind\": \"photo\"}, {\"is\": \"favorite\"}]}'",
        )
    })
}

/// Checked UUIDs.
pub(crate) fn uuids(texts: &[String]) -> Result<Vec<Uuid>, Failure> {
    texts.iter().map(|text| uuid(text)).collect()
}

/// The same of one.
pub(crate) fn uuid(text: &str) -> Result<Uuid, Failure> {
    Uuid::parse(text).map_err(|error| {
        Failure::usage(format!("{text:?} is no UUID: {error}"), "take UUIDs from `darkslide query`")
    })
}

#[cfg(test)]
mod tests {
    use darkslide_client::protocol::filter::{Flag, Kind};

    use super::*;

    #[track_caller]
    fn check(args: &SelectArgs, json: &str) {
        assert_eq!(serde_json::to_string(&filter(args).unwrap()).unwrap(), json);
    }

    #[test]
    fn flags_become_one_filter() {
        let none = SelectArgs::default();
        check(&none, "{}");
        let album = SelectArgs { album: Some("Trips".to_owned()), ..none.clone() };
        check(&album, r#"{"album":"Trips"}"#);
        let all = SelectArgs {
            kind: vec![Kind::Live, Kind::Movie],
            is: vec![Flag::Favorite, Flag::Edited],
            filter: Some(r#"{"not":{"is":"shared"}}"#.to_owned()),
            ..album
        };
        check(
            &all,
            r#"{"all":[{"album":"Trips"},{"any":[{"kind":"live"},{"kind":"movie"}]},{"is":"favorite"},{"is":"edited"},{"not":{"is":"shared"}}]}"#,
        );
    }

    #[test]
    fn texts_are_equal_unless_they_have_a_sign_and_times_are_spans() {
        let texts = |texts: &[&str]| texts.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let args = SelectArgs {
            keyword: texts(&["sea", "lake*"]),
            text: texts(&["x"]),
            taken: Some("2024-07".to_owned()),
            near: Some("47.5,8.5,10".to_owned()),
            ..SelectArgs::default()
        };
        check(
            &args,
            r#"{"all":[{"any":[{"keyword":"sea"},{"keyword":{"matches":"lake*"}}]},{"text":{"contains":"x"}},{"taken":{"from":"2024-07-01","to":"2024-08-01"}},{"near":{"latitude":47.5,"longitude":8.5,"metres":10.0}}]}"#,
        );
    }

    #[test]
    fn what_the_protocol_does_not_take_is_a_usage_error() {
        let long = SelectArgs { title: vec!["x".repeat(257)], ..SelectArgs::default() };
        let many = SelectArgs { title: vec!["x".to_owned(); 257], ..SelectArgs::default() };
        let time = SelectArgs { taken: Some("yesterday".to_owned()), ..SelectArgs::default() };
        let day = SelectArgs { on_this_day: Some("2024".to_owned()), ..SelectArgs::default() };
        let near = SelectArgs { near: Some("here".to_owned()), ..SelectArgs::default() };
        for args in [long, many, time, day, near] {
            assert!(matches!(filter(&args).unwrap_err(), Failure::Usage { .. }), "{args:?}");
        }
    }

    #[test]
    fn what_is_no_filter_and_no_uuid_is_a_usage_error() {
        for (filter_text, uuid) in [
            (Some("{"), None),
            (Some("[]"), None),
            (Some(r#"{"titel":"x"}"#), None),
            (None, Some("../x\x1b")),
        ] {
            let args = SelectArgs {
                filter: filter_text.map(str::to_owned),
                uuid: uuid.map(str::to_owned).into_iter().collect(),
                ..SelectArgs::default()
            };
            let failure = filter(&args).unwrap_err();
            assert!(matches!(failure, Failure::Usage { .. }), "{failure:?}");
        }
    }
}
