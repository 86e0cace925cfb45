//! The destination's own record below `.darkslide/`: temporaries, journal, manifest, lock.
//!
//! Names there are of fixed forms and nobody else's names reach it; a record is replaced whole or
//! stays as it was.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

use darkslide_door::{Destination, DoorError, DoorErrorKind, Faults, Record, random_name};

use crate::support::{Place, one, refused, rel, temporary};

fn with(check: impl Fn(&Place, &Destination<'_>)) {
    for faults in [Faults::none(), Faults::without_openat2()] {
        let place = Place::new();
        let root = place.root(faults);
        let grant = place.write("exports", "x");
        let destination = root.enter(&grant).unwrap();
        check(&place, &destination);
    }
}

/// Writes a file of the record as we would have, whatever the umask of whoever runs this.
fn plant(path: &Path, content: &str) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn text(destination: &Destination<'_>, record: Record<'_>) -> Option<String> {
    let source = destination.open_record(record).unwrap()?;
    let mut text = String::new();
    source.into_file().read_to_string(&mut text).unwrap();
    Some(text)
}

#[test]
fn without_its_folders_there_is_no_record() {
    with(|place, destination| {
        assert_eq!(text(destination, Record::Id), None);
        assert!(destination.list_temporaries().unwrap().is_empty());
        assert!(!destination.remove_record(Record::Journal).unwrap());
        refused(destination.lock(), DoorErrorKind::NotFound);
        refused(destination.create_temporary(&random_name()), DoorErrorKind::NotFound);
        assert_eq!(place.names("R/x"), [""; 0]);
    });
}

#[test]
fn its_folders_are_for_the_user_alone_and_made_once() {
    with(|place, destination| {
        destination.ensure_record_folders().unwrap();
        destination.ensure_record_folders().unwrap();
        let made = place.names("R/x/.darkslide");
        assert_eq!(made, ["aside", "reports", "tmp"]);
        for folder in ["", "/aside", "/reports", "/tmp"] {
            let path = place.path(&format!("R/x/.darkslide{folder}"));
            assert_eq!(fs::metadata(path).unwrap().mode() & 0o7777, 0o700);
        }
    });
}

#[test]
fn a_link_in_the_place_of_the_record_is_refused() {
    with(|place, destination| {
        symlink(place.path("outside"), place.path("R/x/.darkslide")).unwrap();
        refused(destination.ensure_record_folders(), DoorErrorKind::Link);
        refused(destination.open_record(Record::Id), DoorErrorKind::Link);
        refused(destination.append_record(Record::Id), DoorErrorKind::Link);
        refused(destination.replace_record(Record::Id), DoorErrorKind::Link);
        refused(destination.lock(), DoorErrorKind::Link);
        assert_eq!(place.names("outside"), [""; 0]);
    });
}

#[test]
fn one_holds_the_lock_until_it_lets_go() {
    with(|place, destination| {
        destination.ensure_record_folders().unwrap();
        let lock = destination.lock().unwrap();
        refused(destination.lock(), DoorErrorKind::Busy);
        drop(lock);
        let lock = destination.lock().unwrap();
        // Another file in its place is what others would find: a lock of the old one says nothing.
        fs::remove_file(place.path("R/x/.darkslide/lock")).unwrap();
        let second = destination.lock().unwrap();
        refused(destination.lock(), DoorErrorKind::Busy);
        drop((lock, second));
    });
}

#[test]
fn a_record_is_appended_to_replaced_whole_and_removed() {
    with(|place, destination| {
        destination.ensure_record_folders().unwrap();
        let mut journal = destination.append_record(Record::Journal).unwrap();
        journal.write_all(b"1\n").unwrap();
        let mut again = destination.append_record(Record::Journal).unwrap();
        again.write_all(b"2\n").unwrap();
        assert_eq!(text(destination, Record::Journal).unwrap(), "1\n2\n");
        assert!(destination.remove_record(Record::Journal).unwrap());
        assert!(!destination.remove_record(Record::Journal).unwrap());

        for content in ["first", "second"] {
            let mut new = destination.replace_record(Record::Manifest).unwrap();
            new.write_all(content.as_bytes()).unwrap();
            new.commit().unwrap();
            assert_eq!(text(destination, Record::Manifest).unwrap(), content);
        }
        let name = one("job.jsonl");
        let mut report = destination.replace_record(Record::Report(&name)).unwrap();
        report.write_all(b"row").unwrap();
        report.commit().unwrap();
        let reports = destination.list_reports().unwrap();
        assert_eq!(reports[0].component(), Some(name));
        assert_eq!(place.names("R/x/.darkslide"), ["aside", "manifest.jsonl", "reports", "tmp"]);
        let path = place.path("R/x/.darkslide/manifest.jsonl");
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o7777, 0o600);
    });
}

#[test]
fn a_new_form_that_is_not_committed_leaves_the_old_one() {
    with(|place, destination| {
        destination.ensure_record_folders().unwrap();
        plant(&place.path("R/x/.darkslide/manifest.jsonl"), "old");
        fs::write(place.path("R/x/.darkslide/manifest.jsonl.new"), "torn").unwrap();
        let mut new = destination.replace_record(Record::Manifest).unwrap();
        new.write_all(b"new").unwrap();
        drop(new);
        assert_eq!(text(destination, Record::Manifest).unwrap(), "old");
        assert_eq!(place.names("R/x/.darkslide"), ["aside", "manifest.jsonl", "reports", "tmp"]);
    });
}

#[test]
fn a_record_with_a_second_name_or_that_is_no_file_is_refused() {
    with(|place, destination| {
        destination.ensure_record_folders().unwrap();
        fs::write(place.path("outside/precious"), "theirs").unwrap();
        let journal = place.path("R/x/.darkslide/journal.jsonl");
        fs::hard_link(place.path("outside/precious"), &journal).unwrap();
        let append = || destination.append_record(Record::Journal);
        refused(append(), DoorErrorKind::Link);
        fs::remove_file(&journal).unwrap();
        symlink(place.path("outside/precious"), &journal).unwrap();
        refused(append(), DoorErrorKind::Link);
        refused(destination.open_record(Record::Journal), DoorErrorKind::Link);
        fs::remove_file(&journal).unwrap();
        nix::unistd::mkfifo(&journal, nix::sys::stat::Mode::S_IRWXU).unwrap();
        // Opened for writing without waiting, a pipe that nobody reads answers ENXIO.
        refused(append(), DoorErrorKind::NotAFile);
        refused(destination.open_record(Record::Journal), DoorErrorKind::NotAFile);
        let precious = fs::read_to_string(place.path("outside/precious")).unwrap();
        assert_eq!(precious, "theirs");
    });
}

#[test]
fn temporary_files_are_the_users_alone_listed_and_removed_if_they_are_what_they_were() {
    with(|place, destination| {
        destination.ensure_record_folders().unwrap();
        let name = random_name();
        let file = destination.create_temporary(&name).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o7777, 0o600);
        refused(destination.create_temporary(&name), DoorErrorKind::Exists);
        let listed = destination.list_temporaries().unwrap();
        assert_eq!(listed[0].component(), Some(name.clone()));
        let identity = darkslide_door::Facts::of(&file).unwrap().identity;
        assert!(destination.remove_temporary(&name, identity).unwrap());
        assert!(!destination.remove_temporary(&name, identity).unwrap());

        let (name, identity) = temporary(destination, "old");
        let tmp = rel(&format!(".darkslide/tmp/{}", name.as_str()));
        let aside = rel(&format!(".darkslide/aside/{}", name.as_str()));
        destination.rename_exclusive(&tmp, &aside).unwrap();
        assert_eq!(destination.list_aside().unwrap().len(), 1);
        assert!(destination.remove_aside(&name, identity).unwrap());
        assert_eq!(place.names("R/x/.darkslide/aside"), [""; 0]);
    });
}

#[test]
fn a_clone_has_the_content_or_leaves_nothing() {
    with(|place, destination| {
        destination.ensure_record_folders().unwrap();
        fs::write(place.path("L/photo"), "photo").unwrap();
        let library = place.library(Faults::none());
        let grant = place.read("main");
        let source = library.open_file(&grant, &rel("photo")).unwrap();
        let name = random_name();
        let cloned = destination.clone_temporary(source.file(), &name).unwrap();
        if let Some(mut file) = cloned {
            let mut content = String::new();
            file.read_to_string(&mut content).unwrap();
            assert_eq!(content, "photo");
        } else {
            assert_eq!(place.names("R/x/.darkslide/tmp"), [""; 0]);
        }
    });
}

/// Each part of the record that steers a recovery, made by us.
fn record_parts(place: &Place, destination: &Destination<'_>) -> Vec<std::path::PathBuf> {
    destination.ensure_record_folders().unwrap();
    destination.ensure_trash_folder(&one("2024-05-06")).unwrap();
    for name in ["id", "manifest.jsonl", "journal.jsonl", "B3SUMS", "lock", "reports/1.jsonl"] {
        plant(&place.path("R/x/.darkslide").join(name), "");
    }
    let below = ["", "tmp", "aside", "trash", "trash/2024-05-06", "reports", "id"];
    let files = ["manifest.jsonl", "journal.jsonl", "B3SUMS", "lock", "reports/1.jsonl"];
    let parts = below.into_iter().chain(files);
    parts.map(|part| place.path("R/x/.darkslide").join(part)).collect()
}

/// All that a job does with a record before it makes or moves anything: the first refusal.
fn begin(destination: &Destination<'_>) -> Result<(), DoorError> {
    destination.ensure_record_folders()?;
    drop(destination.lock()?);
    let report = one("1.jsonl");
    let whole = [Record::Id, Record::Manifest, Record::Journal, Record::Sums];
    for record in whole.into_iter().chain([Record::Report(&report)]) {
        destination.open_record(record)?;
        destination.append_record(record)?;
    }
    destination.list_temporaries()?;
    destination.list_aside()?;
    destination.list_reports()?;
    destination.ensure_trash_folder(&one("2024-05-06"))?;
    Ok(())
}

/// Makes each part somebody else's in turn, and sees the refusal; gives it back after that.
fn refuses_each_part(
    destination: &Destination<'_>,
    parts: &[std::path::PathBuf],
    spoil: impl Fn(&Path),
    restore: impl Fn(&Path),
) {
    begin(destination).unwrap();
    for part in parts {
        spoil(part);
        let error = begin(destination).unwrap_err();
        assert_eq!(error.kind(), DoorErrorKind::ForeignRecord, "{}: {error}", part.display());
        restore(part);
    }
    begin(destination).unwrap();
}

#[test]
fn a_part_of_the_record_that_others_may_write_to_is_refused() {
    with(|place, destination| {
        let parts = record_parts(place, destination);
        for mode in [0o777, 0o720, 0o702] {
            refuses_each_part(
                destination,
                &parts,
                |part| fs::set_permissions(part, fs::Permissions::from_mode(mode)).unwrap(),
                |part| fs::set_permissions(part, fs::Permissions::from_mode(0o700)).unwrap(),
            );
        }
    });
}

#[test]
fn a_part_of_the_record_that_another_user_owns_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return crate::shared::skip("only root gives files away");
    }
    with(|place, destination| {
        let parts = record_parts(place, destination);
        refuses_each_part(
            destination,
            &parts,
            |part| chown(part, Some(65_534), None).unwrap(),
            |part| chown(part, Some(0), None).unwrap(),
        );
    });
}

#[test]
fn below_a_planted_record_nothing_is_made_moved_or_removed() {
    for mode in [0o700, 0o777] {
        if mode == 0o700 && !rustix::process::geteuid().is_root() {
            crate::shared::skip("only root gives files away");
            continue;
        }
        let place = Place::new();
        let root = place.root(Faults::none());
        // What the probe learns of a disk with owners changes nothing.
        root.probe().unwrap();
        let record = place.path("R/x/.darkslide");
        for folder in ["tmp", "aside", "trash"] {
            fs::create_dir_all(record.join(folder)).unwrap();
        }
        let name = random_name();
        fs::write(record.join("tmp").join(name.as_str()), "theirs").unwrap();
        fs::write(record.join("aside").join(name.as_str()), "theirs").unwrap();
        fs::write(place.path("R/x/photo"), "mine").unwrap();
        fs::set_permissions(&record, fs::Permissions::from_mode(mode)).unwrap();
        if mode == 0o700 {
            chown(&record, Some(65_534), None).unwrap();
        }
        let grant = place.write("exports", "x");
        let destination = root.enter(&grant).unwrap();
        let identity = |path: &str| destination.stat(&rel(path)).unwrap().unwrap().identity;
        let foreign = DoorErrorKind::ForeignRecord;
        let aside = format!(".darkslide/aside/{}", name.as_str());
        let tmp = format!(".darkslide/tmp/{}", name.as_str());
        refused(destination.ensure_record_folders(), foreign);
        refused(destination.ensure_trash_folder(&one("2024-05-06")), foreign);
        refused(destination.lock(), foreign);
        refused(destination.open_record(Record::Id), foreign);
        refused(destination.append_record(Record::Journal), foreign);
        refused(destination.replace_record(Record::Manifest), foreign);
        refused(destination.remove_record(Record::Journal), foreign);
        refused(destination.list_temporaries(), foreign);
        refused(destination.create_temporary(&random_name()), foreign);
        refused(destination.remove_temporary(&name, identity(&tmp)), foreign);
        refused(destination.remove_aside(&name, identity(&aside)), foreign);
        refused(destination.publish(&name, identity(&tmp), &rel("new")), foreign);
        refused(destination.rename_exclusive(&rel("photo"), &rel(&aside)), foreign);
        refused(destination.rename_exclusive(&rel(&aside), &rel("new")), foreign);
        let entry = destination.list(&rel(".darkslide/tmp")).unwrap().remove(0);
        let moved = destination.rename_entry(&rel(".darkslide/tmp"), &entry, &rel("new"));
        refused(moved, foreign);
        let error = destination.lock().unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot lock x/.darkslide below root `exports`: the record belongs to another user, or \
             others may write to it"
        );
        assert_eq!(place.names("R/x"), [".darkslide", "photo"]);
        assert_eq!(place.names("R/x/.darkslide"), ["aside", "tmp", "trash"]);
        assert_eq!(place.names("R/x/.darkslide/tmp"), [name.as_str()]);
        assert_eq!(place.names("R/x/.darkslide/aside"), [name.as_str()]);
        assert_eq!(place.names("R/x/.darkslide/trash"), [""; 0]);
    }
}
