//! Beside another process that writes, checkpoints, and opens and closes: every page is of one
//! moment, or the answer is "busy".
//!
//! The writer is this very test binary, started again, for locks belong to a process. It ends when
//! its input does.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use darkslide_fixture::{ManyOptions, Model, many};
use darkslide_library::LibraryError;

use crate::opened::{Opened, never};
use crate::real_libraries::everything;

const LIBRARY: &str = "DARKSLIDE_TEST_WRITER";
const PAGES: usize = 300;

#[test]
fn pages_beside_a_writer_are_of_one_moment() {
    let temp = tempfile::tempdir().unwrap();
    let bundle = temp.path().join("S.photoslibrary");
    many(&bundle, Model::Photos11, 60, ManyOptions::default()).unwrap();
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "live_writer::writer", "--nocapture"])
        .env(LIBRARY, &bundle)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let opened = Opened::all(&bundle);
    let mut query = everything();
    query.limit = 100;
    let mut seen = std::collections::BTreeSet::new();
    let mut busy = 0;
    for _ in 0..PAGES {
        match opened.library.query(&opened.grant, &query, &never()) {
            Ok(page) => {
                assert_eq!(page.assets.len(), 60);
                let width = page.assets[0].width;
                assert!(
                    page.assets.iter().all(|it| it.width == width && it.original_width == width)
                );
                seen.insert(width);
            }
            Err(LibraryError::Busy | LibraryError::Unavailable { source: None }) => busy += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    drop(writer.stdin.take());
    assert!(writer.wait().unwrap().success(), "the writer met an error that we caused");
    assert!(seen.len() > 1, "nothing was written meanwhile");
    assert!(busy < PAGES / 10, "{busy} times busy");
}

/// The other process: does something only where the test above has named a library.
#[test]
fn writer() {
    let Some(bundle) = std::env::var_os(LIBRARY) else {
        return;
    };
    let path = PathBuf::from(bundle).join("database/Photos.sqlite");
    let open = || {
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        connection
    };
    let ended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let end = std::sync::Arc::clone(&ended);
    let waiter = std::thread::spawn(move || {
        let mut rest = Vec::new();
        std::io::stdin().read_to_end(&mut rest).unwrap();
        end.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let mut connection = open();
    let mut width = 10_i64;
    while !ended.load(std::sync::atomic::Ordering::Relaxed) {
        width += 1;
        connection
            .execute_batch(&format!(
                "BEGIN IMMEDIATE; UPDATE ZASSET SET ZWIDTH={width};
                 UPDATE ZADDITIONALASSETATTRIBUTES SET ZORIGINALWIDTH={width}; COMMIT;"
            ))
            .unwrap();
        if width % 5 == 0 {
            // Busy is an answer here, for a reader may be at it; an error is not.
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        }
        if width % 20 == 0 {
            drop(connection);
            connection = open();
        }
    }
    drop(connection);
    waiter.join().unwrap();
}

#[test]
fn two_threads_ask_one_library_at_once() {
    let temp = tempfile::tempdir().unwrap();
    for (index, wal) in darkslide_fixture::WalState::READABLE.into_iter().enumerate() {
        let bundle = temp.path().join(format!("{index}.photoslibrary"));
        many(&bundle, Model::Photos5, 30, ManyOptions { wal, ..ManyOptions::default() }).unwrap();
        let opened = Opened::all(&bundle);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let page = opened.library.query(&opened.grant, &everything(), &never());
                        assert_eq!(page.unwrap().assets.len(), 7);
                    }
                });
            }
        });
    }
}
