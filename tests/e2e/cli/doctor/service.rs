//! Faults of what serves: no daemon, its socket, its policy, its version, its units.
//!
//! A daemon of another version, and one that cannot start, are played by a script. A line that
//! starts a daemon is typed in the foreground, so that what it starts ends with the test.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use darkslide_client::fake::FakeListener;
use darkslide_client::protocol::error::{ErrorName, Reason, WireError};
use darkslide_client::protocol::message::health::Health;
use darkslide_client::protocol::value::Token;
use darkslide_tests::activation::Manager;
use darkslide_tests::process::{PATIENCE, Running, beside, command, run};
use darkslide_tests::shared::skip;
use rustix::process::Signal;

use super::{Scene, USER};

/// Types the line that starts a daemon, which goes on until the value is dropped.
#[track_caller]
fn started(scene: &Scene, hint: &str) -> Running {
    let line = hint.strip_suffix(" &").unwrap_or_else(|| panic!("it would wait: {hint}"));
    let mut shell = command(Path::new("/bin/sh"), &scene.place.home());
    shell.args(["-c", &format!("exec {line}")]).stdout(Stdio::null()).stderr(Stdio::null());
    let daemon = Running(shell.spawn().unwrap());
    let until = Instant::now() + PATIENCE;
    while scene.doctor().link("version")["state"] != "ok" {
        assert!(Instant::now() < until, "{hint} starts nothing");
    }
    daemon
}

#[test]
fn no_daemon_is_found_and_the_line_starts_one() {
    let scene = Scene::new();
    let hint = scene.doctor().is("socket", "broken", "no daemon has been started");
    let _daemon = started(&scene, &hint);
    assert_eq!(scene.doctor().code, 0);
}

#[test]
fn a_stale_socket_is_found_and_the_line_starts_a_daemon_there() {
    let scene = Scene::new();
    let mut service = scene.serve();
    service.process.signal(Signal::KILL);
    service.process.wait(PATIENCE);
    let found = scene.doctor();
    assert_eq!(found.code, 5);
    let hint = found.is("socket", "broken", "nobody listens");
    let _daemon = started(&scene, &hint);
}

#[test]
fn a_folder_of_the_socket_that_others_can_write_is_found_and_mended() {
    let scene = Scene::new();
    let _service = scene.serve();
    let folder = scene.place.socket().parent().unwrap().to_owned();
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    let found = scene.doctor();
    assert_eq!(found.code, 1);
    found.is("peer", "unknown", "not looked at");
    let hint = found.is("socket", "broken", "can be written by others");
    scene.typed(&hint, "");
    assert_eq!(scene.doctor().code, 0);
}

#[test]
fn a_socket_that_is_a_file_is_found_and_moved_away() {
    let scene = Scene::new();
    let folder = scene.place.socket().parent().unwrap().to_owned();
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    fs::write(scene.place.socket(), "x").unwrap();
    let hint = scene.doctor().is("socket", "broken", "is not a socket");
    scene.typed(&hint, "");
    assert_eq!(scene.doctor().code, 5);
}

#[test]
fn without_a_runtime_folder_the_variable_is_named() {
    let scene = Scene::new();
    let mut command = crate::darkslide(&scene.place.home());
    command.args(["doctor", "--json"]);
    // As under cron; where this machine has such a folder, it is found.
    let uid = rustix::process::getuid().as_raw();
    let usual = fs::metadata(format!("/run/user/{uid}"));
    let found = super::Found::of(&run(&mut command));
    if usual.is_err() {
        let hint = found.is("socket", "broken", "XDG_RUNTIME_DIR is not set");
        assert!(hint.contains("export XDG_RUNTIME_DIR="), "{hint}");
    }
}

#[test]
fn a_mistake_in_the_policy_is_found_with_its_line_and_an_editor_opens_it_there() {
    let scene = Scene::new();
    scene.edit_policy("hidden", "hiden");
    let found = scene.doctor();
    let hint = found.is("policy", "broken", "line 4, column 1");
    assert!(hint.contains("+4 "), "{hint}");
    found.is("root", "unknown", "not looked at");
    scene.typed(&hint, "sed -i s/hiden/hidden/ \"$2\"");
    scene.doctor().is("policy", "ok", "1 library");
}

#[test]
fn a_policy_that_others_can_write_is_found_and_mended() {
    let scene = Scene::new();
    fs::set_permissions(scene.policy(), Permissions::from_mode(0o660)).unwrap();
    let hint = scene.doctor().is("policy", "broken", "can be written by others");
    scene.typed(&hint, "");
    scene.doctor().is("policy", "ok", "1 library");
}

#[test]
fn a_policy_that_was_named_and_is_not_there_is_found_and_written() {
    let scene = Scene::new();
    fs::remove_file(scene.policy()).unwrap();
    let hint = scene.doctor().is("policy", "broken", "policy.toml");
    let program = Path::new(crate::DARKSLIDE).parent().unwrap();
    scene.typed(&format!("PATH={}:$PATH; {hint}", program.display()), "");
    scene.doctor().is("policy", "ok", "1 library, 1 root");
}

#[test]
fn the_first_policy_says_what_holds_without_one_and_is_its_users_alone() {
    let scene = Scene::new();
    let init = |umask: &str| {
        let mut shell = command(Path::new("/bin/sh"), &scene.place.home());
        let line = format!("umask {umask}; exec {} policy init", crate::DARKSLIDE);
        run(shell.args(["-c", &line]))
    };
    let places = || {
        let mut doctor = crate::darkslide(&scene.place.home());
        let socket = scene.place.socket();
        let found =
            super::Found::of(&run(doctor.args(["doctor", "--json", "--socket"]).arg(socket)));
        (found.link("library").clone(), found.link("root").clone(), found.link("policy").clone())
    };
    let before = places();
    let written = init("0");
    assert_eq!(written.code(), 0, "{}", written.stderr);
    let file = scene.place.home().join(".config/darkslide/policy.toml");
    assert_eq!(written.stdout.trim_end(), file.display().to_string());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    let after = places();
    assert_eq!((&before.0, &before.1), (&after.0, &after.1));
    assert!(before.2["what"].as_str().unwrap().starts_with("built-in"));
    assert_eq!(after.2["state"], "ok");
    fs::write(&file, "mine").unwrap();
    let again = init("0");
    assert_eq!(again.code(), 1, "{}", again.stderr);
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn a_peer_that_no_rule_admits_is_found_by_both_links() {
    let scene = Scene::new();
    scene.edit_policy("\"self\"", "4242");
    let service = scene.serve();
    let found = scene.doctor();
    found.is("socket", "ok", "somebody answers");
    let hint = found.is("peer", "broken", "no rule");
    found.is("policy", "broken", "no rule");
    scene.typed(&hint, "sed -i 's/4242/\"self\"/' \"$1\"");
    drop(service);
    let _service = scene.serve();
    assert_eq!(scene.doctor().code, 0);
}

#[test]
fn a_policy_that_was_changed_since_the_start_is_told() {
    let scene = Scene::new();
    let service = scene.serve();
    scene.edit_policy("hidden = true", "hidden = false");
    // The times of files are coarse, and all of this takes milliseconds.
    let file = fs::File::options().write(true).open(scene.policy()).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(60)).unwrap();
    let hint = scene.doctor().is("policy", "warning", "changed since the daemon started");
    assert!(hint.starts_with(&format!("kill {}; ", service.pid())), "started by hand: {hint}");
}

#[test]
fn a_daemon_that_cannot_start_for_its_policy_has_the_policy_as_the_first_break() {
    let scene = Scene::new();
    scene.edit_policy("hidden", "hiden");
    let daemon = beside(crate::DARKSLIDE, "darkslided").display().to_string();
    let manager = Manager::begin(&scene.place, &daemon);
    let found = scene.doctor();
    assert_eq!(manager.started(), 1, "it was asked");
    found.is("socket", "ok", "the daemon cannot start");
    found.is("peer", "unknown", "not looked at");
    let first = found.links.iter().find(|link| link["state"] == "broken").unwrap();
    assert_eq!(first["name"], "policy", "{found:?}");
}

#[test]
fn a_daemon_that_the_first_connection_starts_is_well_and_says_who_started_it() {
    let scene = Scene::new();
    let daemon = beside(crate::DARKSLIDE, "darkslided").display().to_string();
    let _manager = Manager::begin(&scene.place, &daemon);
    let found = scene.doctor();
    assert_eq!(found.code, 0, "{found:?}");
    found.is("program", "ok", "started by systemd");
}

#[test]
fn units_of_which_one_is_missing_are_found() {
    let scene = Scene::new();
    let units = scene.place.home().join(".config/systemd/user");
    fs::create_dir_all(&units).unwrap();
    scene.doctor().is("manager", "warning", "nothing is installed");
    fs::write(units.join("darkslided.socket"), "[Socket]\n").unwrap();
    let hint = scene.doctor().is("manager", "broken", "1 of the 2 files");
    assert_eq!(hint, "darkslide service install");
}

#[test]
fn what_is_missing_of_the_confinement_is_found_where_it_is_allowed() {
    let scene = Scene::new();
    let policy = fs::read_to_string(scene.policy()).unwrap();
    scene.place.write_policy(&format!("confinement = \"best-effort\"\n{policy}"));
    let daemon = beside(crate::DARKSLIDE, "darkslided");
    let without = daemon.with_file_name("without");
    if !without.is_file() {
        return skip("`without` is not built: run with --workspace");
    }
    let plain = scene.place.command("");
    let mut wrapped = command(&without, &scene.place.home());
    wrapped.args(["landlock=ENOSYS", "--"]).arg(&daemon).args(plain.get_args());
    let _service = scene.place.start_command(&mut wrapped);
    let hint = scene.doctor().is("confinement", "warning", "best-effort");
    assert_eq!(hint, "darkslide health");
}

#[test]
fn a_daemon_of_another_user_is_told_from_none() {
    if !rustix::process::getuid().is_root() {
        return skip("another user is needed, which takes root");
    }
    let mut scene = Scene::new();
    let _service = scene.serve();
    let folder = scene.place.socket().parent().unwrap().to_owned();
    // Others may pass, and still not connect.
    for way in folder.ancestors().take_while(|way| way.starts_with(scene.place.path())) {
        fs::set_permissions(way, Permissions::from_mode(0o711)).unwrap();
    }
    scene.user = Some(USER);
    let found = scene.doctor();
    assert_eq!(found.code, 1, "{found:?}");
    let hint = found.is("socket", "broken", "another user's");
    assert!(hint.starts_with("ls -l "), "{hint}");
}

/// Where a daemon can be played.
fn listening(scene: &Scene) -> FakeListener {
    let folder = scene.place.socket().parent().unwrap().to_owned();
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    FakeListener::bind(scene.place.socket()).unwrap()
}

/// Plays a daemon that greets with that version and refuses all else.
async fn play(listener: FakeListener, version: &str) {
    let mut daemon = listener.accept().await.unwrap();
    while let Ok(asked) = daemon.request().await {
        if asked.method == "health" {
            let health = Health::new(Token::from_bits(1), version.to_owned(), None);
            daemon.answer(&asked, &health).await.unwrap();
        } else {
            let error = WireError::new(ErrorName::Denied, Reason::Denied, "no", "none");
            daemon.refuse(Some(&asked), &error).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_daemon_of_another_version_is_found() {
    let scene = Scene::new();
    let listener = listening(&scene);
    let looking = tokio::task::spawn_blocking(move || scene.doctor());
    let (found, ()) = tokio::join!(looking, play(listener, "0.0.7"));
    let hint = found.unwrap().is("version", "warning", "the daemon is 0.0.7");
    assert!(hint.ends_with(" &"), "{hint}");
}
