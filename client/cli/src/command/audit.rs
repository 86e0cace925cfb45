//! `darkslide audit verify` and `audit show`: is the log as it was written, and what has left the
//! library, by whom?
//!
//! Both read the files of the service themselves and need no daemon. `show` verifies as well: what
//! it has told is not to be believed where the end says that the log is not sound.

use darkslide_client::protocol::message::health::AuditHead;
use serde::Serialize;

use crate::args::{AuditCommand, AuditShowArgs, AuditVerifyArgs};
use crate::daemon_side::{self, Decision, Event, Record, Verified};
use crate::exit::Exit;
use crate::output::{Output, OutputError, audit, plain};
use crate::report::Failure;

/// Rows that a person is shown at once.
const ROWS_OF_A_TABLE: usize = 1_000;

/// The answer of `audit verify` for a program.
#[derive(Debug, Serialize)]
struct Sound {
    /// The first line that is kept.
    first: Option<u64>,
    /// The last one.
    head: Option<AuditHead>,
    /// Pieces that crashes left, and that later lines name.
    recovered: u64,
    /// Bytes of a line at the end that is not whole.
    unfinished: u64,
}

impl From<Verified> for Sound {
    fn from(verified: Verified) -> Self {
        let Verified { first, head, recovered, unfinished } = verified;
        let head = head.map(|head| AuditHead { seq: head.seq, hash: head.hash.to_string() });
        Self { first, head, recovered, unfinished }
    }
}

/// Runs it.
pub(crate) fn run(command: AuditCommand, output: &mut Output) -> Result<Exit, Failure> {
    match command {
        AuditCommand::Verify(args) => verify(&args, output),
        AuditCommand::Show(args) => show(args, output),
    }
}

fn verify(args: &AuditVerifyArgs, output: &mut Output) -> Result<Exit, Failure> {
    let AuditVerifyArgs { state, head } = args;
    let verified = daemon_side::audit(state.as_deref(), head.as_deref(), &mut |_| ())?;
    output.answer(&Sound::from(verified), |sound, _style| words(sound))?;
    Ok(Exit::Done)
}

fn words(sound: &Sound) -> String {
    let Sound { first, head, recovered, unfinished } = sound;
    let (Some(first), Some(AuditHead { seq, hash })) = (first, head) else {
        return "the audit log is empty".to_owned();
    };
    let mut lines = vec![format!("the audit log is sound, from line {first} to {seq}")];
    if *recovered > 0 {
        lines.push(format!("pieces that crashes left, and that the log names: {recovered}"));
    }
    if *unfinished > 0 {
        lines.push(format!("a line is not whole, or not yet: {unfinished} bytes at the end"));
    }
    lines.push(format!("head: {seq}:{hash}"));
    lines.join("\n")
}

fn show(args: AuditShowArgs, output: &mut Output) -> Result<Exit, Failure> {
    let since = args.since.as_deref().map(moment).transpose()?;
    let state = args.state.clone();
    let mut told = Telling { args, since, output, rows: Vec::new(), failed: None };
    let verified = daemon_side::audit(state.as_deref(), None, &mut |record| told.record(record));
    told.end()?;
    verified?;
    Ok(Exit::Done)
}

/// A date, or a date and a time in UTC, as it compares with the times of the log.
fn moment(text: &str) -> Result<String, Failure> {
    const FORM: &[u8] = b"0000-00-00T00:00:00.000";
    let bare = text.strip_suffix('Z').unwrap_or(text);
    let fits = bare.bytes().zip(FORM).all(|(byte, form)| match form {
        b'0' => byte.is_ascii_digit(),
        other => byte == *other,
    });
    if fits && [10, 16, 19, 23].contains(&bare.len()) {
        return Ok(bare.to_owned());
    }
    let shown = plain::line(text);
    Err(Failure::usage(format!("{shown} is no time"), "--since 2026-11-26, or 2026-11-26T08:30"))
}

struct Telling<'a> {
    args: AuditShowArgs,
    since: Option<String>,
    output: &'a mut Output,
    rows: Vec<Record>,
    failed: Option<OutputError>,
}

impl Telling<'_> {
    fn record(&mut self, record: &Record) {
        if self.failed.is_some() || !self.is_wanted(record) {
            return;
        }
        let told = if self.output.is_json() {
            self.output.json(record)
        } else {
            self.rows.push(record.clone());
            if self.rows.len() >= ROWS_OF_A_TABLE { self.table() } else { Ok(()) }
        };
        self.failed = told.err();
    }

    fn is_wanted(&self, record: &Record) -> bool {
        let is_told = match record.event {
            Event::Genesis | Event::Started | Event::Ended => self.args.all,
            Event::Recovered
            | Event::Unwritten
            | Event::Peer
            | Event::Request
            | Event::Repeated
            | Event::HandedOver
            | Event::Job => true,
        };
        let is_late = self.since.as_ref().is_none_or(|since| record.time >= *since);
        let is_denied = !self.args.denied || record.decision == Some(Decision::Denied);
        let is_of_peer = self.args.peer.as_ref().is_none_or(|peer| {
            let of_peer = |who: &daemon_side::Who| {
                who.uid.to_string() == *peer
                    || who.rule.as_ref().is_some_and(|rule| rule.as_str() == peer)
            };
            record.peer.as_ref().is_some_and(of_peer)
        });
        is_told && is_late && is_denied && is_of_peer
    }

    fn table(&mut self) -> Result<(), OutputError> {
        let text = audit::records(&self.rows, self.output.style());
        self.rows.clear();
        self.output.text(&text)
    }

    fn end(mut self) -> Result<(), OutputError> {
        match self.failed.take() {
            Some(error) => Err(error),
            None if self.rows.is_empty() => Ok(()),
            None => self.table(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_or_a_time_of_it() {
        for good in ["2026-11-26", "2026-11-26T08:30", "2026-11-26T08:30:00Z"] {
            assert_eq!(moment(good).unwrap(), good.trim_end_matches('Z'), "{good}");
        }
        for bad in ["", "yesterday", "2026", "2026-11-26T", "26-11-2026", "2026-11-26T08:30:00+1"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }
}
