//! How things that cannot be done end: exit status, what happened, what to do.
//!
//! The statuses are those of `--help`. None of these commands writes anything, and nothing of a
//! library changes by being refused.

use std::fs;
use std::path::Path;

use darkslide_fixture::{AssetSpec, Content, LibraryBuilder, Model};
use darkslide_tests::libraries::Real;
use darkslide_tests::process::{Ended, run};
use darkslide_tests::shared::skip;

use crate::{darkslide, on_library};

#[track_caller]
fn ends(ended: &Ended, code: i32, says: &str) {
    assert_eq!(ended.code(), code, "{}", ended.stderr);
    assert!(ended.stderr.contains(says), "{says:?} in {}", ended.stderr);
    assert!(ended.stderr.contains("hint: "), "{}", ended.stderr);
}

fn small(folder: &Path) -> std::path::PathBuf {
    let mut builder = LibraryBuilder::new(Model::Photos11);
    builder.asset(AssetSpec::photo("a.jpg", Content::jpeg(1)));
    builder.build(&folder.join("L.photoslibrary")).unwrap().path().to_path_buf()
}

#[test]
fn a_path_that_is_no_library_says_what_to_name() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    ends(&run(on_library(home, &home.join("none")).arg("info")), 6, "");
    fs::create_dir(home.join("folder")).unwrap();
    ends(&run(on_library(home, &home.join("folder")).arg("info")), 1, "not a Photos library");
    fs::write(home.join("file"), "x").unwrap();
    ends(&run(on_library(home, &home.join("file")).arg("info")), 1, "it is not a folder");
    for name in ["none", "folder", "file"] {
        let ended = run(on_library(home, &home.join(name)).arg("info"));
        assert!(ended.stderr.contains(&format!("/{name}")), "it is named: {}", ended.stderr);
    }
}

#[test]
fn what_was_asked_for_is_named_where_the_daemon_does_not_repeat_it() {
    let place = tempfile::tempdir().unwrap();
    let library = small(place.path());
    for (words, code, says) in [
        (&["count", "--album", "Tripps"][..], 6, "asked for: album \"Tripps\", library "),
        (&["call", "asset.delete"], 1, "asked for: method \"asset.delete\", library "),
        (&["call", "library.list", "{"], 2, "the params are no JSON"),
        (&["count", "--filter", "{\"kind\": \"nice\"}"], 2, "`nice`"),
        (&["get", "1234"], 2, "\"1234\" is no UUID"),
        (&["watch"], 2, "a private daemon has no jobs"),
    ] {
        ends(&run(on_library(place.path(), &library).args(words)), code, says);
    }
    for empty in [["count", "--album", ""], ["export", "", "--no-raw"]] {
        let ended = run(on_library(place.path(), &library).args(empty));
        assert_eq!(ended.code(), 2, "{empty:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("a value is required"), "{}", ended.stderr);
    }
}

#[test]
fn a_property_of_assets_that_are_left_out_is_warned_of() {
    let place = tempfile::tempdir().unwrap();
    let library = small(place.path());
    let count = |words: &[&str]| run(on_library(place.path(), &library).arg("count").args(words));
    let warned = count(&["--is", "hidden"]);
    ends(&warned, 0, "warning: hidden assets are left out");
    assert_eq!(warned.stdout, "0\n");
    let quiet = count(&["--is", "hidden", "--include", "hidden,trashed"]);
    assert_eq!((quiet.code(), quiet.stderr.as_str()), (0, ""), "the private daemon grants all");
}

#[test]
fn what_is_not_on_this_disk_comes_with_what_to_do() {
    let place = tempfile::tempdir().unwrap();
    let mut builder = LibraryBuilder::new(Model::Photos11);
    builder.asset(AssetSpec::photo("here.jpg", Content::jpeg(1)));
    for seed in 2..4 {
        let spec = AssetSpec::photo(format!("{seed}.jpg"), Content::jpeg(seed));
        builder.asset(spec.in_cloud(darkslide_fixture::Version::Original));
    }
    let library = builder.build(&place.path().join("L.photoslibrary")).unwrap();
    let export = |words: &[&str]| {
        let mut command = on_library(place.path(), library.path());
        run(command.arg("export").arg(place.path().join("out")).args(words))
    };
    let ended = export(&[]);
    ends(&ended, 4, "hint: open the library in Photos");
    assert_eq!(ended.stderr.matches("hint: ").count(), 1, "{}", ended.stderr);
    assert_eq!(export(&["--json"]).stderr, "", "a program has the rows");
}

#[test]
fn places_that_an_ordinary_user_may_not_touch_are_named() {
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    let library = small(home);
    for name in ["closed", "full"] {
        fs::create_dir(home.join(name)).unwrap();
    }
    fs::set_permissions(home.join("full"), fs::Permissions::from_mode(0o555)).unwrap();
    fs::set_permissions(home.join("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    let is_root = rustix::process::getuid().is_root();
    let user = 12_345;
    if is_root {
        chown(home, Some(user), Some(user)).unwrap();
    }
    let ask = |library: &Path, words: &[&str]| {
        let mut command = on_library(home, library);
        if is_root {
            command.uid(user).gid(user).current_dir(home);
        }
        run(command.args(words))
    };
    let path = |name: &str| home.join(name).display().to_string();
    ends(&ask(&library, &["export", &path("full/new")]), 1, "full/new");
    ends(&ask(&library, &["export", &path("full")]), 1, "/full");
    ends(&ask(&library, &["export", &path("closed/a/b")]), 1, "cannot look at");
    ends(&ask(&home.join("closed/L.photoslibrary"), &["info"]), 1, "cannot look at");
    ends(&ask(&home.join("closed"), &["info"]), 1, "/closed");
}

#[test]
fn a_real_library_without_tables_is_named() {
    let Some(real) = Real::shared() else {
        return skip("the real libraries are not beside the workspace");
    };
    let place = tempfile::tempdir().unwrap();
    let library = real.bundle("Test-Lock-10_12");
    ends(&run(on_library(place.path(), &library).arg("info")), 1, "database");
}

#[test]
fn a_stale_wal_is_told_and_nothing_is_listed() {
    let Some(real) = Real::shared() else {
        return skip("the real libraries are not beside the workspace");
    };
    let place = tempfile::tempdir().unwrap();
    let library = place.path().join("Stale.photoslibrary");
    copy(&real.bundle("Test-26.1"), &library);
    // A newer main file beside the `-wal` of before: what a copy does that deletes nothing.
    let database = library.join("database/Photos.sqlite");
    let script = "import sqlite3, sys, shutil, os\n\
                  p = sys.argv[1]\n\
                  shutil.copy(p + '-wal', p + '.old-wal')\n\
                  c = sqlite3.connect(p)\n\
                  row = c.execute('SELECT max(Z_PK) FROM ATRANSACTION').fetchone()\n\
                  c.execute('INSERT INTO ATRANSACTION (Z_PK, Z_ENT, Z_OPT) VALUES (?, 1, 1)', (row[0] + 50,))\n\
                  c.commit()\n\
                  c.execute('PRAGMA wal_checkpoint(TRUNCATE)')\n\
                  c.close()\n\
                  shutil.move(p + '.old-wal', p + '-wal')\n";
    let mut python = std::process::Command::new("python3");
    let made = python.args(["-c", script]).arg(&database).output();
    let Ok(made) = made else {
        return skip("python3 is not installed");
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    ends(&run(on_library(place.path(), &library).arg("info")), 1, "of different times");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn an_album_that_does_not_exist_ends_with_6_and_names_the_nearest() {
    let place = tempfile::tempdir().unwrap();
    let library = small(place.path());
    ends(
        &run(on_library(place.path(), &library).args(["count", "--album", "x"])),
        6,
        "no such album",
    );
    let to = place.path().join("out");
    ends(
        &run(on_library(place.path(), &library).arg("export").arg(&to).args(["--album", "x"])),
        6,
        "no such album",
    );
    let left: Vec<_> =
        fs::read_dir(&to).into_iter().flatten().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == ".darkslide"), "{left:?}");
}

#[test]
fn a_destination_in_the_library_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let library = small(place.path());
    let before = darkslide_fixture::Snapshot::take(&library).unwrap();
    for to in [library.join("out"), library.clone(), place.path().to_path_buf()] {
        let ended = run(on_library(place.path(), &library).arg("export").arg(&to));
        assert!([1, 3].contains(&ended.code()), "{}: {}", to.display(), ended.stderr);
        assert!(ended.stderr.contains("hint: "), "{}", ended.stderr);
    }
    let after = darkslide_fixture::Snapshot::take(&library).unwrap();
    assert!(before.diff_content(&after).is_empty(), "{}", before.diff_content(&after));
}

#[test]
fn without_a_daemon_it_ends_with_5_and_with_wrong_words_with_2() {
    let place = tempfile::tempdir().unwrap();
    let mut nobody = darkslide(place.path());
    ends(&run(nobody.env("DARKSLIDE_SOCKET", place.path().join("s")).arg("health")), 5, "");
    ends(&run(darkslide(place.path()).arg("health")), 5, "XDG_RUNTIME_DIR");
    assert_eq!(run(darkslide(place.path()).arg("helth")).code(), 2);
    assert_eq!(run(darkslide(place.path()).args(["count", "--nope"])).code(), 2);
}

#[test]
fn a_policy_file_is_explained_or_its_mistake_is_shown() {
    let private: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    let place = tempfile::Builder::new().permissions(private).tempdir().unwrap();
    let file = place.path().join("policy.toml");
    fs::write(&file, "version = 1\n[root.out]\npath = \"~/Out\"\nmax_bytes = \"all\"\n").unwrap();
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let check = || run(darkslide(place.path()).args(["policy", "check"]).arg(&file));
    let refused = check();
    ends(&refused, 1, "line 4, column 13");
    let limited = "version = 1\n[root.out]\npath = \"~/Out\"\nmax_bytes = \"2 KiB\"\n\
                   [[client]]\nname = \"me\"\nuid = \"self\"\nroots = [\"out\"]\n";
    fs::write(&file, limited).unwrap();
    let explained = check();
    assert_eq!(explained.code(), 0, "{}", explained.stderr);
    assert!(explained.stdout.contains("Out"), "{}", explained.stdout);
    assert!(explained.stdout.contains("out (at most 2048 bytes)"), "{}", explained.stdout);
    let absent = run(darkslide(place.path()).args(["policy", "check", "/none/policy.toml"]));
    ends(&absent, 1, "there is no file /none/policy.toml");
}
