//! The change feed of every real library: from the beginning of its history all that is there is
//! told as new, and what was deleted as deleted or not at all.
//!
//! A token for the beginning is made from one that the library gave, which is how a made-up one
//! looks.

use std::collections::BTreeSet;

use darkslide_library::{AlbumKind, Changes, LibraryError, MAX_CHANGES};
use darkslide_protocol::value::Uuid;

use crate::opened::{MODERN, Opened, bundle, catalog, copy_database, never, real, writable};

fn since(opened: &Opened, token: &str, limit: usize) -> Changes {
    opened.library.changes(&opened.grant, token, limit, &never()).unwrap()
}

/// The token behind a transaction that the history does not have.
fn token(opened: &Opened, transaction: i64) -> String {
    let newest = opened.library.change_token(&opened.grant, &never()).unwrap().to_string();
    let parts: Vec<&str> = newest.split('.').collect();
    format!("{}.{}.{transaction}.-.0000000000000000", parts[0], parts[1])
}

fn assets(opened: &Opened) -> Vec<Uuid> {
    catalog(opened).unwrap().into_iter().map(|entry| entry.uuid).collect()
}

#[test]
fn from_the_beginning_all_that_a_real_library_has_is_new() {
    let Some(folder) = real() else { return };
    for name in MODERN {
        let opened = Opened::all(&bundle(folder, name));
        let beginning = token(&opened, 0);
        let whole = since(&opened, &beginning, MAX_CHANGES);
        assert_eq!(whole.assets.inserted, assets(&opened), "{name}");
        assert_eq!((&whole.assets.updated, &whole.assets.deleted), (&vec![], &vec![]), "{name}");
        assert_eq!((whole.unknown_deleted, whole.incomplete, whole.more), (0, false, false));
        let listed =
            opened.library.albums(&opened.grant, AlbumKind::ALL, &[], &never()).unwrap().found;
        let listed: BTreeSet<Uuid> = listed.into_iter().map(|album| album.uuid).collect();
        let told: BTreeSet<Uuid> = whole.albums.inserted.iter().cloned().collect();
        assert_eq!(told, listed, "{name}");
        for limit in [100, 1_000] {
            let (mut at, mut told) = (beginning.clone(), BTreeSet::new());
            loop {
                let page = since(&opened, &at, limit);
                told.extend(page.assets.inserted);
                at = page.next.to_string();
                if !page.more {
                    break;
                }
            }
            assert_eq!(Vec::from_iter(told), whole.assets.inserted, "{name} by {limit}");
            assert_eq!(at, whole.next.to_string());
        }
    }
}

#[test]
fn what_is_withheld_of_a_real_library_is_in_no_list_from_the_beginning() {
    let Some(folder) = real() else { return };
    for name in MODERN {
        let whole = assets(&Opened::all(&bundle(folder, name)));
        for (hidden, trashed) in [(false, false), (true, false), (false, true)] {
            let opened = Opened::with(&bundle(folder, name), hidden, trashed);
            let shown = assets(&opened);
            let changes = since(&opened, &token(&opened, 0), MAX_CHANGES);
            assert_eq!(changes.assets.inserted, shown, "{name}");
            let told = [changes.assets.updated, changes.assets.deleted].concat();
            assert!(told.iter().all(|uuid| !whole.contains(uuid)), "{name}: {told:?}");
        }
    }
}

/// Test-10.15.7 lost one asset in its 516 transactions.
#[test]
fn a_deletion_in_a_real_library_is_told_by_its_tombstone() {
    let Some(folder) = real() else { return };
    let temp = tempfile::tempdir().unwrap();
    let copy = copy_database(&bundle(folder, "Test-10.15.7"), temp.path());
    let connection = writable(copy.join("database/Photos.sqlite"));
    let question = "SELECT c.ZTRANSACTIONID, c.ZTOMBSTONE2 FROM ACHANGE c JOIN Z_PRIMARYKEY p
        ON p.Z_ENT=c.ZENTITY WHERE p.Z_NAME='Asset' AND c.ZCHANGETYPE=2";
    let (transaction, uuid): (i64, String) =
        connection.query_row(question, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    // The history as Photos prunes it: gone up to the transaction before.
    let purge = format!(
        "DELETE FROM ACHANGE WHERE ZTRANSACTIONID<{transaction};
         DELETE FROM ATRANSACTION WHERE Z_PK<{transaction}"
    );
    connection.execute_batch(&purge).unwrap();
    drop(connection);
    let opened = Opened::all(&copy);
    let changes = since(&opened, &token(&opened, transaction - 1), MAX_CHANGES);
    assert_eq!(changes.assets.deleted, [Uuid::parse(&uuid).unwrap()]);
    let all = assets(&opened);
    assert!(changes.assets.updated.iter().all(|uuid| all.contains(uuid)));
    let early = token(&opened, transaction - 2);
    let answer = opened.library.changes(&opened.grant, &early, 1, &never());
    assert!(matches!(answer, Err(LibraryError::Expired(_))), "{answer:?}");
}
