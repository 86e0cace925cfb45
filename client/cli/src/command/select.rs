//! Which assets: the flags of `query`, `count` and `export` as one filter of the protocol.
//!
//! All flags must hold; of several kinds one suffices. A UUID or a filter that is wrong is refused
//! here, before a daemon is started.

use darkslide_client::protocol::filter::Filter;
use darkslide_client::protocol::value::Uuid;

use crate::args::SelectArgs;
use crate::report::Failure;

/// The filter that the flags mean.
pub(crate) fn filter(args: &SelectArgs) -> Result<Filter, Failure> {
    let mut all = Vec::new();
    if let Some(album) = &args.album {
        all.push(Filter::Album(album.clone()));
    }
    let mut kinds: Vec<Filter> = args.kind.iter().copied().map(Filter::Kind).collect();
    match kinds.len() {
        0 => {}
        1 => all.append(&mut kinds),
        _ => all.push(Filter::Any(kinds)),
    }
    all.extend(args.is.iter().copied().map(Filter::Is));
    if !args.uuid.is_empty() {
        all.push(Filter::Uuid(uuids(&args.uuid)?));
    }
    if let Some(text) = &args.filter {
        all.push(parse(text)?);
    }
    Ok(match <[Filter; 1]>::try_from(all) {
        Ok([only]) => only,
        Err(all) => Filter::All(all),
    })
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
    let parsed = texts.iter().map(|text| {
        Uuid::parse(text).map_err(|error| {
            Failure::usage(
                format!("{text:?} is no UUID: {error}"),
                "take UUIDs from `darkslide query`",
            )
        })
    });
    parsed.collect()
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
