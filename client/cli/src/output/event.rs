//! An event as one line for a person: when, of which job, what, and how far it is.
//!
//! Pure text from values of the wire. What is missing is named with its reason, as in the sum of an
//! export; texts of strangers are made harmless like all others.

use darkslide_client::protocol::event::{Event, EventData, EventItem, EventKind};

use super::human::bytes;
use super::plain;
use super::style::Style;

/// One event as a line.
pub(crate) fn line(event: &Event, _style: Style) -> String {
    let EventData { job, item, warning, token, dropped } = &event.data;
    let job = job.as_ref();
    let what = match (item, warning, dropped, job) {
        (Some(item), ..) => event_item(item),
        (None, Some(warning), ..) => warning.clone(),
        (None, None, Some(dropped), _) => format!("{dropped} events dropped"),
        (None, None, None, Some(job)) if job.files_total > 0 => format!(
            "{}/{} files, {} of {}",
            job.files_done,
            job.files_total,
            bytes(job.bytes_done),
            bytes(job.bytes_total)
        ),
        (None, None, None, Some(_)) => String::new(),
        (None, None, None, None) if event.kind == EventKind::Overflow => {
            "earlier events are no longer kept".to_owned()
        }
        (None, None, None, None) => token.clone().unwrap_or_default(),
    };
    let name = job.map_or("", |job| job.job.as_str());
    let error = job.and_then(|job| job.error.as_ref());
    let error = error.map_or_else(String::new, |error| format!("  {}", error.message));
    let line = format!("{}  {name}  {:<8}  {what}{error}", event.time, event.kind.as_str());
    plain::line(line.trim_end())
}

fn event_item(item: &EventItem) -> String {
    let EventItem { asset, version, path, outcome, reason } = item;
    let what = path.clone().unwrap_or_else(|| format!("{asset} {version}"));
    let reason = reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
    format!("{what}: {outcome}{reason}")
}

#[cfg(test)]
mod tests {
    use darkslide_client::protocol::event::Topic;
    use darkslide_client::protocol::message::job::Outcome;
    use darkslide_client::protocol::value::Token;

    use super::*;
    use crate::output::human::tests::finished_job;

    #[test]
    fn an_event_is_one_line() {
        let told = Event {
            subscription: Token::from_bits(5),
            seq: 1,
            time: "2026-07-01T00:00:00.000Z".to_owned(),
            topic: Topic::Jobs,
            kind: EventKind::Progress,
            data: EventData { job: Some(finished_job()), ..EventData::default() },
        };
        insta::assert_snapshot!(line(&told, Style::PLAIN), @"2026-07-01T00:00:00.000Z  00000000000000000000000000000007  progress  12/12 files, 45.2 MB of 45.2 MB");
        let item = EventItem {
            asset: "A".to_owned(),
            version: "original".to_owned(),
            path: None,
            outcome: Outcome::NotLocal,
            reason: Some("in-cloud".to_owned()),
        };
        let data = EventData { item: Some(item), ..told.data.clone() };
        let told = Event { kind: EventKind::Item, data, ..told };
        insta::assert_snapshot!(line(&told, Style::PLAIN), @"2026-07-01T00:00:00.000Z  00000000000000000000000000000007  item      A original: not_local (in-cloud)");
        let told = Event { kind: EventKind::Overflow, data: EventData::default(), ..told };
        insta::assert_snapshot!(line(&told, Style::PLAIN), @"2026-07-01T00:00:00.000Z    overflow  earlier events are no longer kept");
    }
}
