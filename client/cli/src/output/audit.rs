//! Records of the audit log for people: a row each, with who, what, of what, and what became of it.
//!
//! Only texts are made here. What a peer chose (the name that it claims, a path) is made harmless
//! by the table, like every cell.

use super::human::bytes;
use super::style::Style;
use super::table::{Align, Table};
use crate::daemon_side::{Decision, Event, Record, Who};

/// A table of records.
pub(crate) fn records(records: &[Record], style: Style) -> String {
    let columns = [
        ("line", Align::Right),
        ("time", Align::Left),
        ("who", Align::Name(12)),
        ("what", Align::Left),
        ("of", Align::Name(16)),
        ("answer", Align::Left),
        ("how much", Align::Name(8)),
    ];
    let mut table = Table::new(&columns).sparing(&["line"]);
    for record in records {
        let time = record.time.get(..19).unwrap_or(&record.time).replace('T', " ");
        let who = record.peer.as_ref().map(who).unwrap_or_default();
        let (of, answer, much) = (of(record), answer(record), how_much(record));
        table.row([&record.seq.to_string(), &time, &who, &what(record), &of, &answer, &much]);
    }
    table.render(style)
}

fn who(who: &Who) -> String {
    let mut text = match &who.rule {
        Some(rule) => format!("{rule} (uid {})", who.uid),
        None => format!("uid {}", who.uid),
    };
    if let Some(pid) = who.pid {
        text.push_str(&format!(", process {pid}"));
    }
    if let Some(claims) = &who.claims {
        text.push_str(&format!(", says {claims}"));
    }
    text
}

fn what(record: &Record) -> String {
    let method = record.method.as_ref().map_or("requests of all kinds", |it| it.as_str());
    match record.event {
        Event::Genesis => "a file of the log begins".to_owned(),
        Event::Recovered => "the log was torn here".to_owned(),
        Event::Unwritten => "the log could not be written".to_owned(),
        Event::Started => "the daemon starts".to_owned(),
        Event::Ended => "the daemon ends".to_owned(),
        Event::Peer => "connect".to_owned(),
        Event::Request => method.to_owned(),
        Event::Repeated => format!("{method}, again"),
        Event::HandedOver => format!("{method}: descriptor"),
        Event::Job => {
            record.about.kind.as_ref().map_or("job".to_owned(), |kind| format!("job: {kind}"))
        }
    }
}

fn of(record: &Record) -> String {
    let about = &record.about;
    let place = about.root.as_ref().map(|root| match &about.path {
        Some(path) => format!("{root}: {path}"),
        None => root.to_string(),
    });
    let parts = [&about.library, &about.uuid, &about.version, &about.job];
    let parts = parts.into_iter().flatten().map(ToString::to_string);
    place.into_iter().chain(parts).collect::<Vec<_>>().join(" ")
}

fn answer(record: &Record) -> String {
    let decision = match record.decision {
        Some(Decision::Granted) => "granted",
        Some(Decision::Denied) => "denied",
        None => "",
    };
    match (&record.result, decision) {
        (Some(result), "") => result.to_string(),
        (Some(result), decision) => format!("{decision}: {result}"),
        (None, decision) => decision.to_owned(),
    }
}

fn how_much(record: &Record) -> String {
    let counts = record.counts.iter().map(|(what, number)| match what.as_str() {
        "bytes" => bytes(*number),
        what => format!("{number} {what}"),
    });
    counts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Vec<Record> {
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_record_is_a_row_that_obeys_no_name() {
        let zeros = "0".repeat(64);
        let line = |rest: &str| {
            format!(
                r#"{{"v":1,"seq":4,"time":"2026-11-26T10:40:11.123Z","mono":5,"boot":"0",{rest},"prev":"{zeros}"}}"#
            )
        };
        let lines = [
            r#""event":"handed-over","peer":{"uid":501,"claims":"\u001b[2J"},"method":"resource.open","about":{"library":"main","uuid":"U","version":"edited"},"decision":"granted","counts":{"bytes":2000}"#,
            r#""event":"repeated","peer":{"uid":7},"method":"asset.query","decision":"denied","result":"no-rule","counts":{"requests":9999}"#,
            r#""event":"job","peer":{"uid":501,"rule":"me"},"about":{"library":"main","root":"nas","path":"a","job":"J","kind":"export"},"result":"finished","counts":{"copied":3}"#,
        ]
        .map(line);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        insta::assert_snapshot!(records(&read(&lines), Style::PLAIN), @r"
        line  time                 who                      what                       of             answer           how much
           4  2026-11-26 10:40:11  uid 501, says \u{1b}[2J  resource.open: descriptor  main U edited  granted          2.0 kB
           4  2026-11-26 10:40:11  uid 7                    asset.query, again                        denied: no-rule  9999 requests
           4  2026-11-26 10:40:11  me (uid 501)             job: export                nas: a main J  finished         3 copied
        ");
    }
}
