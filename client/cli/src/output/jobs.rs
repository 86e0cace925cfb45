//! Jobs for people: a table of them, and one with all that is known of it.
//!
//! Only texts are made here. Identities stay whole, for they are pasted into the next command.
//! Where a terminal is narrow, what the state says already is left out first.

use darkslide_client::protocol::message::job::{JobList, JobStatus};

use super::human::bytes;
use super::style::Style;
use super::table::{Align, Table};

const SECONDS_PER_MINUTE: u64 = 60;
const SECONDS_PER_HOUR: u64 = 3_600;

/// The jobs of a daemon, the newest first.
pub(crate) fn list(list: &JobList, style: Style) -> String {
    if list.jobs.is_empty() {
        return "no jobs".to_owned();
    }
    let columns = [
        ("job", Align::Left),
        ("state", Align::Left),
        ("kind", Align::Left),
        ("files", Align::Right),
        ("ordered", Align::Left),
        ("to", Align::Name(16)),
    ];
    let mut table = Table::new(&columns).sparing(&["kind", "ordered", "files"]);
    for job in &list.jobs {
        let state = job.state.as_str();
        let (kind, files) = (job.kind.as_str(), files(job));
        table.row([job.job.as_str(), state, kind, &files, second(&job.created), &place(job)]);
    }
    table.render(style)
}

/// One job.
pub(crate) fn one(job: &JobStatus, style: Style) -> String {
    let mut table = Table::of_pairs();
    table.row(["job", job.job.as_str()]);
    table.row(["kind", job.kind.as_str()]);
    table.row(["state", job.state.as_str()]);
    table.row(["library", &job.library]);
    table.row(["to", &place(job)]);
    let times = [("ended", &job.ended), ("started", &job.started)];
    table.row(["ordered", second(&job.created)]);
    for (name, time) in times.into_iter().rev() {
        if let Some(time) = time {
            table.row([name, second(time)]);
        }
    }
    table.row(["selected", &job.selected.to_string()]);
    table.row(["files", &files(job)]);
    table.row(["bytes", &format!("{} of {}", bytes(job.bytes_done), bytes(job.bytes_total))]);
    if let Some(rate) = job.rate {
        table.row(["rate", &format!("{} a second", bytes(rate))]);
    }
    if let Some(seconds) = job.remaining {
        table.row(["time left", &duration(seconds)]);
    }
    for (outcome, count) in &job.outcomes {
        table.row([outcome.as_str(), &count.to_string()]);
    }
    if let Some(error) = &job.error {
        table.row(["error", &error.message]);
        table.row(["hint", &error.data.hint]);
    }
    table.render(style)
}

fn files(job: &JobStatus) -> String {
    format!("{}/{}", job.files_done, job.files_total)
}

fn place(job: &JobStatus) -> String {
    match job.path.as_str() {
        "." => job.root.clone(),
        path => format!("{}: {path}", job.root),
    }
}

/// A time to the second.
fn second(time: &str) -> &str {
    time.get(..19).unwrap_or(time)
}

fn duration(seconds: u64) -> String {
    let (hours, minutes) =
        (seconds / SECONDS_PER_HOUR, seconds % SECONDS_PER_HOUR / SECONDS_PER_MINUTE);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min {} s", seconds % SECONDS_PER_MINUTE),
        _ => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::human::tests::finished_job;

    #[test]
    fn a_list_names_state_and_place_of_each_job() {
        let other = JobStatus { path: "a/b".to_owned(), ..finished_job() };
        let jobs = JobList { jobs: vec![finished_job(), other] };
        insta::assert_snapshot!(list(&jobs, Style::PLAIN), @r"
        job                               state     kind    files  ordered              to
        00000000000000000000000000000007  finished  export  12/12  2026-07-01T10:00:00  destination
        00000000000000000000000000000007  finished  export  12/12  2026-07-01T10:00:00  destination: a/b
        ");
        assert_eq!(list(&JobList { jobs: Vec::new() }, Style::PLAIN), "no jobs");
    }

    #[test]
    fn a_job_under_way_tells_its_rate_and_the_time_left() {
        let rate = Some(12_000_000);
        let job = JobStatus { rate, remaining: Some(3_725), ended: None, ..finished_job() };
        insta::assert_snapshot!(one(&job, Style::PLAIN), @r"
        job        00000000000000000000000000000007
        kind       export
        state      finished
        library    library
        to         destination
        ordered    2026-07-01T10:00:00
        started    2026-07-01T10:00:01
        selected   15
        files      12/12
        bytes      45.2 MB of 45.2 MB
        rate       12.0 MB a second
        time left  1 h 2 min
        copied     12
        unchanged  1
        not_local  2
        ");
    }

    #[test]
    fn times_left_are_told_in_two_units() {
        let told = [0, 59, 60, 3_599, 3_600, 360_000].map(duration);
        let expected = ["0 s", "59 s", "1 min 0 s", "59 min 59 s", "1 h 0 min", "100 h 0 min"];
        assert_eq!(told, expected);
    }
}
