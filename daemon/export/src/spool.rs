//! What waits for its turn: lines in a file that has no name any more.
//!
//! A plan may have a million rows, so none of them waits in memory; a value that is rare has no
//! file at all. Written once, then read: in order, or one line where it stands. The hazard: a full
//! disk, which is an error of the job like any other.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::marker::PhantomData;

use darkslide_door::Destination;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ExportError;

/// Bytes that wait before they are written.
const BUFFER_BYTES: usize = 64 * 1024;

/// Lines of one type.
#[derive(Debug)]
pub(crate) struct Spool<T> {
    file: Option<File>,
    waiting: Vec<u8>,
    /// Where the next line begins.
    length: u64,
    count: u64,
    of: PhantomData<fn(T) -> T>,
}

/// Makes the file, once there is need for one.
type Open<'a> = &'a dyn Fn() -> Result<File, ExportError>;

impl<T> Default for Spool<T> {
    fn default() -> Self {
        Self { file: None, waiting: Vec::new(), length: 0, count: 0, of: PhantomData }
    }
}

impl<T: Serialize + DeserializeOwned> Spool<T> {
    /// Appends a value, and answers where it stands.
    pub(crate) fn push(
        &mut self,
        destination: &Destination<'_>,
        value: &T,
    ) -> Result<u64, ExportError> {
        self.push_to(&|| Ok(destination.spool()?), value)
    }

    fn push_to(&mut self, open: Open<'_>, value: &T) -> Result<u64, ExportError> {
        let at = self.length;
        let before = self.waiting.len();
        serde_json::to_writer(&mut self.waiting, value).map_err(io::Error::from)?;
        self.waiting.push(b'\n');
        self.length += u64::try_from(self.waiting.len() - before).unwrap_or(0);
        self.count += 1;
        if self.waiting.len() >= BUFFER_BYTES {
            self.flush(open)?;
        }
        Ok(at)
    }

    fn flush(&mut self, open: Open<'_>) -> Result<(), ExportError> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(open()?),
        };
        file.write_all(&self.waiting)?;
        self.waiting.clear();
        Ok(())
    }

    /// How many values it has.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Reads the value that stands there.
    pub(crate) fn at(&self, at: u64) -> Result<T, ExportError> {
        let flushed = self.length - u64::try_from(self.waiting.len()).unwrap_or(0);
        if let Some(in_memory) = at.checked_sub(flushed) {
            let from = usize::try_from(in_memory).unwrap_or(usize::MAX);
            return parse(self.waiting.get(from..).unwrap_or_default());
        }
        let mut file = self.file.as_ref().ok_or_else(cut_short)?;
        // Reading moves the place of the next write; nobody writes once it is read.
        file.seek(SeekFrom::Start(at))?;
        let mut line = Vec::new();
        BufReader::with_capacity(4096, file).read_until(b'\n', &mut line)?;
        parse(&line)
    }

    /// Reads all of it, in order.
    pub(crate) fn read(self) -> Result<SpoolReader<T>, ExportError> {
        let file = match self.file {
            Some(mut file) => {
                file.seek(SeekFrom::Start(0))?;
                Some(BufReader::with_capacity(BUFFER_BYTES, file))
            }
            None => None,
        };
        Ok(SpoolReader { file, rest: io::Cursor::new(self.waiting), of: PhantomData })
    }
}

fn cut_short() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

fn parse<T: DeserializeOwned>(line: &[u8]) -> Result<T, ExportError> {
    let mut values = serde_json::Deserializer::from_slice(line).into_iter();
    let value = values.next().ok_or_else(cut_short)?;
    Ok(value.map_err(io::Error::from)?)
}

/// The lines of a [`Spool`], in order.
#[derive(Debug)]
pub(crate) struct SpoolReader<T> {
    file: Option<BufReader<File>>,
    rest: io::Cursor<Vec<u8>>,
    of: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> SpoolReader<T> {
    fn line(&mut self) -> Result<Option<T>, ExportError> {
        let mut line = Vec::new();
        if let Some(file) = &mut self.file {
            file.read_until(b'\n', &mut line)?;
        }
        if line.is_empty() {
            self.file = None;
        }
        // A line that began in the file ends in it: what waits begins with a line of its own.
        if line.is_empty() {
            self.rest.read_until(b'\n', &mut line)?;
        }
        if line.is_empty() { Ok(None) } else { parse(&line).map(Some) }
    }
}

impl<T: DeserializeOwned> Iterator for SpoolReader<T> {
    type Item = Result<T, ExportError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.line().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_spooled_is_read_in_order_and_where_it_stands() {
        for count in [0, 1, 100, 20_000_u32] {
            let mut spool = Spool::default();
            let opened = std::cell::Cell::new(0);
            let open = || {
                opened.set(opened.get() + 1);
                Ok(tempfile::tempfile().unwrap())
            };
            let text = |n: u32| format!("value {n}\nof {count}");
            let places: Vec<u64> =
                (0..count).map(|n| spool.push_to(&open, &(n, text(n))).unwrap()).collect();
            for n in (0..count).step_by(997) {
                let at = places[usize::try_from(n).unwrap()];
                assert_eq!(spool.at(at).unwrap(), (n, text(n)));
            }
            assert_eq!(spool.count(), u64::from(count));
            let read: Vec<(u32, String)> = spool.read().unwrap().map(Result::unwrap).collect();
            assert!(read.into_iter().eq((0..count).map(|n| (n, text(n)))));
            assert_eq!(opened.get(), u32::from(count > 10_000), "few values need no file");
        }
    }

    #[test]
    fn a_value_where_none_stands_is_an_error() {
        let mut spool = Spool::default();
        spool.push_to(&|| Ok(tempfile::tempfile().unwrap()), &1_u32).unwrap();
        assert!(spool.at(100).is_err());
    }
}
