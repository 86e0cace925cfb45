//! Rows of a plan or a report in the form that was asked for: a table, JSON lines, or CSV.
//!
//! Told as they come, so that a million of them take no memory; a table has a width for each column
//! that holds for most, and a longer value is told whole. The hazard: a name with a line's end, a
//! quote or a colour in it.

use darkslide_client::protocol::message::job::ReportRow;
use darkslide_client::protocol::message::plan::PlanRow;
use serde::Serialize;

use super::{Output, OutputError, plain};
use crate::args::RowForm;

/// A row that can be told in every form.
pub(crate) trait Told: Serialize {
    /// The values, in the order of [`COLUMNS`].
    fn values(&self) -> [String; COLUMNS.len()];
}

/// The head of a CSV file.
const COLUMNS: [&str; 8] =
    ["what", "path", "asset", "version", "original_filename", "bytes", "blake3", "reason"];

fn text(value: Option<&String>) -> String {
    value.cloned().unwrap_or_default()
}

fn number(value: Option<u64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

impl Told for ReportRow {
    fn values(&self) -> [String; COLUMNS.len()] {
        [
            self.outcome.as_str().to_owned(),
            text(self.path.as_ref()),
            self.asset.clone(),
            self.version.clone(),
            self.original_filename.clone(),
            number(self.bytes),
            text(self.blake3.as_ref()),
            text(self.reason.as_ref()),
        ]
    }
}

impl Told for PlanRow {
    fn values(&self) -> [String; COLUMNS.len()] {
        [
            self.action.as_str().to_owned(),
            text(self.path.as_ref()),
            self.asset.clone(),
            self.version.clone(),
            self.original_filename.clone(),
            number(self.bytes),
            String::new(),
            text(self.reason.as_ref()),
        ]
    }
}

/// Tells rows one by one.
pub(crate) struct Rows {
    form: RowForm,
    is_first: bool,
}

impl Rows {
    pub(crate) fn new(form: RowForm) -> Self {
        Self { form, is_first: true }
    }

    pub(crate) fn tell(&mut self, output: &mut Output, row: &impl Told) -> Result<(), OutputError> {
        let is_first = std::mem::replace(&mut self.is_first, false);
        match self.form {
            RowForm::Jsonl => output.json(row),
            RowForm::Table => output.text(&line(&row.values())),
            RowForm::Csv => {
                if is_first {
                    self.record(output, &COLUMNS)?;
                }
                self.record(output, &row.values())
            }
        }
    }

    /// A file without rows has a head all the same.
    pub(crate) fn end(self, output: &mut Output) -> Result<(), OutputError> {
        if self.is_first && self.form == RowForm::Csv {
            self.record(output, &COLUMNS)?;
        }
        Ok(())
    }

    fn record(&self, output: &mut Output, values: &[impl AsRef<[u8]>]) -> Result<(), OutputError> {
        let mut line = Vec::new();
        let mut csv =
            csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(&mut line);
        csv.write_record(values).map_err(std::io::Error::other)?;
        csv.flush()?;
        drop(csv);
        output.bytes(&line)
    }
}

/// One row for a person: what, where, and why not.
fn line(values: &[String; COLUMNS.len()]) -> String {
    let [what, path, asset, version, name, bytes, _, reason] = values;
    let place = if path.is_empty() { name } else { path };
    let reason = if reason.is_empty() { String::new() } else { format!("  ({reason})") };
    plain::line(&format!("{what:<11}  {version:<17}  {bytes:>12}  {place}{reason}  [{asset}]"))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::output::human::tests::undone_row;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn told(form: RowForm, rows: &[ReportRow]) -> String {
        let kept = Kept::default();
        let mut output =
            Output::into_writers(Box::new(kept.clone()), Box::new(Kept::default()), false);
        let mut told = Rows::new(form);
        for row in rows {
            told.tell(&mut output, row).unwrap();
        }
        told.end(&mut output).unwrap();
        output.flush().unwrap();
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn each_form_tells_a_hostile_name_whole_and_in_one_piece() {
        let rows = [undone_row("a\"b,\nc\u{1b}[31m.JPG")];
        let csv = told(RowForm::Csv, &rows);
        let (head, row) = csv.split_once("\r\n").unwrap();
        assert_eq!(head, COLUMNS.join(","));
        let uuid = &rows[0].asset;
        let name = "\"a\"\"b,\nc\u{1b}[31m.JPG\"";
        assert_eq!(row, format!("not_local,,{uuid},original,{name},,,in-cloud\r\n"));
        let table = told(RowForm::Table, &rows);
        assert_eq!(table.lines().count(), 1);
        assert!(!table.contains('\u{1b}') && table.contains("not_local"), "{table}");
        let line: ReportRow = serde_json::from_str(&told(RowForm::Jsonl, &rows)).unwrap();
        assert_eq!(line, rows[0]);
    }

    #[test]
    fn without_rows_there_is_a_head_and_nothing_else() {
        let head = "what,path,asset,version,original_filename,bytes,blake3,reason\r\n";
        assert_eq!(told(RowForm::Csv, &[]), head);
        assert_eq!(told(RowForm::Table, &[]), "");
    }
}
