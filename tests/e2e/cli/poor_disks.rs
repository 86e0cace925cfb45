//! What a person is told when the disk or the daemon fails in mid-export, and that the next export
//! goes on from there. The engine's own tests try every way of failing; here it is the whole
//! program, confined as always.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use darkslide_fixture::{ManyOptions, Model, Snapshot, many};
use darkslide_tests::disks::{Disk, Kind};
use darkslide_tests::process::{Ended, run};
use darkslide_tests::shared::{skip, slow_wanted};

use crate::on_library;

const PHOTOS: usize = 400;

fn library(folder: &Path) -> PathBuf {
    let bundle = folder.join("L.photoslibrary");
    let options = ManyOptions { padding: 8_000, edited_every: 7, ..ManyOptions::default() };
    many(&bundle, Model::Photos11, PHOTOS, options).unwrap();
    bundle
}

fn export(folder: &Path, library: &Path, to: &Path) -> Ended {
    run(on_library(folder, library).arg("export").arg(to))
}

/// Path -> content of all that is not the record's.
fn tree(folder: &Path) -> BTreeMap<PathBuf, String> {
    let tree = Snapshot::take(folder).unwrap();
    let files = tree.files().filter(|file| !file.starts_with(".darkslide"));
    files.map(|file| (file.to_owned(), tree.blake3(file).unwrap())).collect()
}

/// A library, and what comes out of it on a disk that can take it.
struct Case {
    folder: tempfile::TempDir,
    library: PathBuf,
    expected: BTreeMap<PathBuf, String>,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = library(folder.path());
        let to = folder.path().join("undisturbed");
        assert_eq!(export(folder.path(), &library, &to).code(), 0);
        let expected = tree(&to);
        Self { folder, library, expected }
    }

    fn export(&self, to: &Path) -> Ended {
        export(self.folder.path(), &self.library, to)
    }

    #[track_caller]
    fn assert_whole_files(&self, to: &Path) {
        for (path, content) in tree(to) {
            assert_eq!(self.expected.get(&path), Some(&content), "{} is half", path.display());
        }
    }

    #[track_caller]
    fn assert_made_good(&self, to: &Path) {
        let ended = self.export(to);
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
        assert!(tree(to) == self.expected, "another tree than an undisturbed export's");
        for folder in ["tmp", "aside"] {
            assert_eq!(std::fs::read_dir(to.join(".darkslide").join(folder)).unwrap().count(), 0);
        }
    }
}

#[track_caller]
fn says(ended: &Ended, what: &[&str]) {
    assert_eq!(ended.code(), 1, "{}", ended.stderr);
    for text in what.iter().chain(&["hint: "]) {
        assert!(ended.stderr.contains(text), "{text:?} in {}", ended.stderr);
    }
}

mod slow {
    use super::*;

    #[test]
    fn a_disk_that_cannot_take_it_is_told_with_its_reason_and_the_next_export_goes_on() {
        if !slow_wanted() {
            return;
        }
        let case = Case::new();
        for (poor, rich, what) in [
            ("size=2m", "size=64m", "are free"),
            ("size=64m,nr_inodes=150", "nr_inodes=10000", "no space is left"),
            ("size=64m", "rw", "read-only"),
        ] {
            let place = tempfile::tempdir().unwrap();
            let disk = match Disk::make(place.path(), Kind::Memory(poor)) {
                Ok(disk) => disk,
                Err(why) => return skip(&format!("no disk of its own: {why}")),
            };
            let to = disk.path().join("out");
            if rich == "rw" {
                std::fs::create_dir(&to).unwrap();
                disk.remount("ro").unwrap();
            }
            says(&case.export(&to), &[what]);
            case.assert_whole_files(&to);
            disk.remount(rich).unwrap();
            case.assert_made_good(&to);
        }
    }

    /// The private daemon of a command.
    fn daemon_of(parent: u32) -> Option<rustix::process::Pid> {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let mut numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let child = numbers.find(|number: &i32| {
            let status = std::fs::read_to_string(format!("/proc/{number}/status"));
            status.unwrap_or_default().contains(&format!("PPid:\t{parent}\n"))
        })?;
        rustix::process::Pid::from_raw(child)
    }

    fn files_below(folder: &Path) -> usize {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| if entry.path().is_dir() { files_below(&entry.path()) } else { 1 })
            .sum()
    }

    #[test]
    fn a_daemon_that_is_killed_in_mid_export_fails_the_command_and_the_next_goes_on() {
        if !slow_wanted() {
            return;
        }
        let case = Case::new();
        for files in [1, 20, 100, 200, 300, 450] {
            let place = tempfile::tempdir().unwrap();
            let to = place.path().join("out");
            let mut command = on_library(place.path(), &case.library);
            command.arg("export").arg(&to).stdout(std::process::Stdio::null());
            command.stderr(std::process::Stdio::null());
            let mut child = darkslide_tests::process::Running(command.spawn().unwrap());
            // Not while the daemon tries at its start what it may do.
            let working = || to.join(".darkslide/lock").exists() && files_below(&to) >= files;
            while !working() && child.0.try_wait().unwrap().is_none() {
                std::thread::yield_now();
            }
            if let Some(daemon) = daemon_of(child.0.id()) {
                // It may just have ended.
                let _gone = rustix::process::kill_process(daemon, rustix::process::Signal::KILL);
            }
            let status = child.wait(darkslide_tests::process::PATIENCE);
            case.assert_whole_files(&to);
            let whole = tree(&to) == case.expected;
            assert!(whole || status.code().is_some_and(|code| code != 0), "{status}");
            case.assert_made_good(&to);
        }
    }
}
