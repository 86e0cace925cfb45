//! The words of a report are those of the wire, so that a page can be handed on as it is.
//!
//! The crate itself knows no messages of the wire; this test does, and holds the two together.
//! A word that differs would be a report that no client understands.

use darkslide_export::Outcome;
use darkslide_protocol::message::job;

use crate::exporting::{Bench, JOB, one_of_each};

#[test]
fn every_outcome_has_the_word_and_the_meaning_of_the_wire() {
    for outcome in job::Outcome::ALL {
        let word = serde_json::to_string(outcome).unwrap();
        let ours: Outcome = serde_json::from_str(&word).unwrap();
        assert_eq!(ours.is_done(), outcome.is_done(), "{word}");
        assert_eq!(serde_json::to_string(&ours).unwrap(), word);
    }
}

#[test]
fn a_row_of_a_report_is_a_row_of_the_wire() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let text = std::fs::read_to_string(bench.record(&format!("reports/{JOB}.jsonl"))).unwrap();
    for line in text.lines() {
        let row: job::ReportRow = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&row).unwrap(), line);
    }
    assert_eq!(text.lines().count(), 11);
}
