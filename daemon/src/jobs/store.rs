//! A file for each job: what it was ordered to be, how far it is, what it has counted.
//!
//! It alone knows the form of `jobs/ID.json`. A private daemon keeps none. The hazard: a job that
//! somebody was told is done, and that runs again at the next start. So a state is kept before it
//! is told, and where it cannot be kept (no room), the job's file is removed: a job that is
//! forgotten does nothing, and what it did stands in its destination.

use darkslide_door::StateDir;
use darkslide_policy::Component;
use darkslide_protocol::value::Token;
use serde::{Deserialize, Serialize};

use super::table::Snapshot;

/// The form of the files. A greater number is a newer program's; a smaller one must be read.
const FORMAT: u32 = 1;
/// Four times the longest request that can have ordered a job: the rest is ours, and short.
const MAX_FILE_BYTES: u64 = 256 * 1024;
const SUFFIX: &str = ".json";

/// Where jobs are kept, if they are.
#[derive(Debug)]
pub(crate) struct Store {
    folder: Option<StateDir>,
}

#[derive(Deserialize)]
struct Head {
    format: u32,
}

#[derive(Serialize)]
struct Written<'a> {
    format: u32,
    job: &'a Snapshot,
}

#[derive(Deserialize)]
struct Read {
    job: Snapshot,
}

/// Why a file is no job of ours.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Unread {
    #[error("a newer darkslided wrote it (format {0}): run that one, or move the file away")]
    Newer(u32),
    #[error("it is damaged: {0}")]
    Damaged(String),
}

impl Store {
    /// Keeps jobs in a folder; without one, in memory only.
    #[must_use]
    pub(crate) fn new(folder: Option<StateDir>) -> Self {
        Self { folder }
    }

    /// Keeps a job as it is now.
    pub(crate) fn keep(&self, job: &Snapshot) {
        let Some((folder, name)) = self.place(&job.id) else { return };
        let bytes = serde_json::to_vec(&Written { format: FORMAT, job }).unwrap_or_default();
        if let Err(error) = folder.replace(&name, &bytes) {
            let (id, error) = (job.id.as_str(), error.to_string());
            tracing::warn!(id, ?error, "the job cannot be kept: a restart will not know of it");
            self.forget(&job.id);
        }
    }

    /// Waits until a job's file is on the disk: once, before it begins.
    pub(super) fn flush(&self, id: &Token) {
        let flushed = self.place(id).map(|(folder, name)| folder.flush(&name));
        if let Some(Err(error)) = flushed {
            let (id, error) = (id.as_str(), error.to_string());
            tracing::warn!(id, ?error, "the job's file cannot be flushed");
        }
    }

    /// Removes a job's file.
    pub(super) fn forget(&self, id: &Token) {
        let removed = self.place(id).map(|(folder, name)| folder.remove(&name));
        if let Some(Err(error)) = removed {
            let (id, error) = (id.as_str(), error.to_string());
            tracing::warn!(id, ?error, "the job's file cannot be removed");
        }
    }

    /// Reads every job. A file that is none costs that job alone, and stays where it is.
    pub(super) fn load(&self) -> Vec<Snapshot> {
        let Some(folder) = &self.folder else { return Vec::new() };
        let names = folder.names().unwrap_or_else(|error| {
            tracing::warn!(error = ?error.to_string(), "the state folder cannot be listed");
            Vec::new()
        });
        let read = |name: Component| {
            let id = Token::parse(name.as_str().strip_suffix(SUFFIX)?).ok()?;
            let bytes = folder.read(&name, MAX_FILE_BYTES);
            let bytes = bytes.map_err(|error| Unread::Damaged(error.to_string()));
            match bytes.and_then(|bytes| parse(&id, &bytes)) {
                Ok(job) => Some(job),
                Err(error) => {
                    let (id, error) = (id.as_str(), error.to_string());
                    tracing::warn!(id, ?error, "a job's file cannot be used");
                    None
                }
            }
        };
        names.into_iter().filter_map(read).collect()
    }

    fn place(&self, id: &Token) -> Option<(&StateDir, Component)> {
        let name = Component::parse(&format!("{id}{SUFFIX}")).expect("digits and a suffix");
        self.folder.as_ref().map(|folder| (folder, name))
    }
}

fn parse(id: &Token, bytes: &[u8]) -> Result<Snapshot, Unread> {
    let damaged = |error: serde_json::Error| Unread::Damaged(error.to_string());
    let head: Head = serde_json::from_slice(bytes).map_err(damaged)?;
    if head.format > FORMAT {
        return Err(Unread::Newer(head.format));
    }
    let Read { job } = serde_json::from_slice(bytes).map_err(damaged)?;
    if job.id == *id { Ok(job) } else { Err(Unread::Damaged("another job's".to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::super::table::Tally;
    use super::super::tests::{id, order};
    use super::*;

    fn job(number: usize) -> Snapshot {
        Snapshot::new(id(number), order("a", Some("k")), "2026-11-26T00:00:00.000Z".to_owned())
    }

    fn store(folder: &std::path::Path) -> Store {
        #![expect(clippy::disallowed_methods, reason = "tests")]
        Store::new(Some(StateDir::take(std::fs::File::open(folder).unwrap().into()).unwrap()))
    }

    #[test]
    fn a_job_is_read_as_it_was_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let tally = Tally { selected: 3, bytes_done: 7, ..Tally::default() };
        let first = Snapshot { state: State::Running, tally, ..job(1) };
        store.keep(&job(1));
        store.keep(&first);
        store.flush(&id(1));
        assert_eq!(store.load(), [first]);
        store.forget(&id(1));
        assert_eq!(store.load(), []);
    }

    #[test]
    fn a_file_that_is_no_job_costs_that_job_alone_and_stays() {
        let good = serde_json::to_string(&Written { format: FORMAT, job: &job(1) }).unwrap();
        let newer = good.replace("\"format\":1", "\"format\":2");
        let check = |number, text: &str| parse(&id(number), text.as_bytes());
        assert_eq!(check(1, &good), Ok(job(1)));
        assert_eq!(check(1, &newer), Err(Unread::Newer(2)));
        assert_eq!(check(1, &good.replace("\"format\":1", "\"format\":0")), Ok(job(1)), "older");
        assert_eq!(check(1, r#"{"format":9,"else":[]}"#), Err(Unread::Newer(9)));
        assert!(matches!(check(2, &good), Err(Unread::Damaged(_))), "another's name");
        for half in [0, 1, good.len() / 2, good.len() - 1] {
            assert!(matches!(check(1, &good[..half]), Err(Unread::Damaged(_))), "{half}");
        }
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        store.keep(&job(1));
        let put = |name: &str, bytes: &[u8]| {
            let folder = store.folder.as_ref().unwrap();
            folder.replace(&Component::parse(name).unwrap(), bytes).unwrap();
        };
        put(&format!("{}.json", id(2)), b"{");
        put(&format!("{}.json", id(3)), &vec![b' '; 256 * 1024 + 1]);
        put("notes.txt", b"hello");
        put("x.json", b"{}");
        assert_eq!(store.load(), [job(1)]);
        assert_eq!(store.folder.as_ref().unwrap().names().unwrap().len(), 5);
    }

    #[test]
    fn without_a_folder_nothing_is_kept() {
        let store = Store::new(None);
        store.keep(&job(1));
        store.flush(&id(1));
        assert_eq!(store.load(), []);
    }
}
