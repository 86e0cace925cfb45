//! Other users of the machine: who connects because the policy lets their group in, and who does
//! not.
//!
//! The kernel decides who connects, the client rules who is served. To be other users these tests
//! have to be root.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Stdio;

use darkslide_tests::activation::{AS_SYSTEMD, handed, listen, log};
use darkslide_tests::process::{Running, command, run};
use darkslide_tests::service::Place;
use serde_json::Value;

use crate::probes::installed;
use crate::{DARKSLIDED, small_library};

/// A group that every Linux has, and the user of no group here.
const GROUP: (&str, u32) = ("daemon", 1);
const GUEST: u32 = 4242;

/// Asks once, as somebody else, and prints the answer, or why there is none.
const ASK: &str = r#"
import socket, struct, sys
try:
    peer = socket.socket(socket.AF_UNIX); peer.connect(sys.argv[1])
except OSError as error:
    sys.exit(type(error).__name__)
text = b'{"jsonrpc":"2.0","id":1,"method":"health","params":{"brief":true}}'
try:
    peer.sendall(struct.pack(">I", len(text)) + text)
except BrokenPipeError:
    pass  # who is refused is told so unasked
stream = peer.makefile("rb")
print(stream.read(struct.unpack(">I", stream.read(4))[0]).decode())
"#;

/// A place that others can get to, whose policy has these lines.
fn place(more: &str) -> Place {
    let place = Place::new();
    let library = small_library(place.path());
    let policy = Place::policy(library.path());
    place.write_policy(&format!(
        "{policy}[[client]]\nname = \"guest\"\nuid = {GUEST}\nmethods = [\"health\"]\n{more}"
    ));
    for folder in [place.path().to_path_buf(), place.path().join("run")] {
        fs::set_permissions(folder, Permissions::from_mode(0o711)).unwrap();
    }
    place
}

fn group() -> String {
    format!("[socket]\ngroup = \"{}\"\n", GROUP.0)
}

/// What a user of a group is told; the error is the last line of Python's.
fn ask(place: &Place, uid: u32, gid: u32) -> Result<Value, String> {
    let mut asks = command(Path::new("setpriv"), &place.home());
    asks.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups");
    let ended = run(asks.args(["python3", "-c", ASK]).arg(place.socket()));
    if ended.code() == 0 { Ok(ended.json()) } else { Err(ended.stderr.trim().to_owned()) }
}

fn can_be_others() -> bool {
    if !nix::unistd::geteuid().is_root() {
        darkslide_tests::shared::skip("only root can be other users");
        return false;
    }
    installed("setpriv") && installed("python3")
}

#[test]
fn the_group_of_the_policy_may_connect_and_nobody_else() {
    if !can_be_others() {
        return;
    }
    let place = place(&group());
    let service = place.start_command(&mut place.command(DARKSLIDED));
    for (path, mode) in [(place.socket(), 0o660), (place.path().join("run/darkslide"), 0o750)] {
        let facts = fs::symlink_metadata(path).unwrap();
        assert_eq!((facts.mode() & 0o7777, facts.gid()), (mode, GROUP.1));
    }
    assert_eq!(ask(&place, GUEST, GROUP.1).unwrap()["result"]["service"], "darkslide");
    let unnamed = ask(&place, GUEST + 1, GROUP.1).unwrap();
    assert_eq!(unnamed["error"]["data"]["name"], "DENIED", "no rule names that uid");
    assert_eq!(ask(&place, GUEST, GUEST), Err("PermissionError".to_owned()), "not of the group");
    drop(service);
}

#[test]
fn without_a_group_no_other_user_connects_whatever_the_rules_say() {
    if !can_be_others() {
        return;
    }
    let place = place("");
    let _service = place.start_command(&mut place.command(DARKSLIDED));
    assert_eq!(ask(&place, GUEST, GROUP.1), Err("PermissionError".to_owned()));
}

#[test]
fn a_group_that_does_not_exist_is_refused() {
    let place = place("[socket]\ngroup = \"no-such-group-here\"\n");
    let ended = run(&mut place.command(DARKSLIDED));
    assert_eq!(ended.code(), 78, "{}", ended.stderr);
    assert!(ended.stderr.contains("there is no group named"), "{}", ended.stderr);
    assert!(!place.socket().exists(), "nothing was bound");
}

/// What a service manager made must be as the policy says: no more open, and no less.
#[test]
fn a_listener_is_served_on_with_the_group_of_the_policy_alone() {
    if !can_be_others() {
        return;
    }
    for (more, mode, gid, expected) in [
        (group(), 0o660, GROUP.1, None),
        (group(), 0o600, 0, Some("has mode 0600 and gid 0, and 0660 for the group daemon")),
        (group(), 0o660, 0, Some("has mode 0660 and gid 0, and 0660 for the group daemon")),
        (String::new(), 0o660, GROUP.1, Some("has mode 0660, and 0600 is wanted")),
    ] {
        let place = place(&more);
        let listener = listen(&place);
        chown(place.socket(), None, Some(gid)).unwrap();
        fs::set_permissions(place.socket(), Permissions::from_mode(mode)).unwrap();
        fs::set_permissions(place.socket().parent().unwrap(), Permissions::from_mode(0o751))
            .unwrap();
        let mut start = handed(&place, DARKSLIDED, listener.into(), AS_SYSTEMD);
        let start = start.stdout(Stdio::null()).stderr(log(&place)).spawn().unwrap();
        let _daemon = Running(start);
        let ours = ask(&place, 0, 0).unwrap();
        match expected {
            None => {
                assert_eq!(ours["result"]["service"], "darkslide");
                let guest = ask(&place, GUEST, GROUP.1).unwrap();
                assert_eq!(guest["result"]["service"], "darkslide");
            }
            Some(expected) => {
                assert_eq!(ours["error"]["data"]["name"], "MISCONFIGURED", "{ours}");
                assert!(ours.to_string().contains(expected), "{expected}: {ours}");
            }
        }
    }
}

/// Our own user hears what is wrong and where, others that something is.
#[test]
fn a_stranger_hears_of_a_wrong_configuration_and_no_path_of_it() {
    if !can_be_others() {
        return;
    }
    let place = place(&format!("{}colour = \"red\"\n", group()));
    let listener = listen(&place);
    chown(place.socket(), None, Some(GROUP.1)).unwrap();
    fs::set_permissions(place.socket(), Permissions::from_mode(0o660)).unwrap();
    fs::set_permissions(place.socket().parent().unwrap(), Permissions::from_mode(0o711)).unwrap();
    let mut start = handed(&place, DARKSLIDED, listener.into(), AS_SYSTEMD);
    let start = start.stdout(Stdio::null()).stderr(log(&place)).spawn().unwrap();
    let _daemon = Running(start);
    let (ours, theirs) = (ask(&place, 0, 0).unwrap(), ask(&place, GUEST, GROUP.1).unwrap());
    assert!(ours["error"]["message"].as_str().unwrap().contains("policy.toml"), "{ours}");
    assert_eq!(theirs["error"]["data"]["name"], "MISCONFIGURED");
    assert_eq!(theirs["error"]["message"], "the daemon cannot start as it is configured");
    let path = place.path().to_str().unwrap();
    assert!(!theirs.to_string().contains(path) && !theirs.to_string().contains("colour"));
}
