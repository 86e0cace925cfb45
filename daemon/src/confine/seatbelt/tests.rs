//! Tests of the Seatbelt profile: its text for each kind of policy as files that a person reads,
//! and what must hold for every policy.
//!
//! They run on every system. With `DARKSLIDE_BLESS=1` the files are written anew.

#![allow(clippy::disallowed_methods, reason = "tests")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use darkslide_policy::{AbsPath, Platform, Policy, Uid, World};
use proptest::prelude::*;

use super::*;

fn folder(path: &str, role: Role) -> Folder {
    Folder { path: path.to_owned(), role }
}

fn of(folders: &[(&str, Role)]) -> Wanted {
    let folders = folders.iter().map(|(path, role)| folder(path, *role)).collect();
    Wanted { folders, socket: None, looks_at_programs: false }
}

/// What a whole policy comes to: its own rules, and those that the boot adds.
fn of_policy(text: &str) -> Wanted {
    let home = AbsPath::parse("/Users/me", None).unwrap();
    let world =
        World { home, uid: Uid::new(501), methods: vec!["health"], platform: Platform::MacOs };
    let policy = Policy::parse(text, &world).unwrap();
    let rules = policy.kernel_rules();
    let mut folders: Vec<Folder> =
        rules.iter().map(|rule| folder(rule.path.as_str(), Role::of(rule.access))).collect();
    let state = "/Users/me/Library/Application Support/darkslide/state/jobs";
    folders.push(folder(state, Role::ReadWrite));
    folders.push(folder(&state.replace("jobs", "audit"), Role::Add));
    folders.push(folder("/Library/Application Support/darkslide", Role::Read));
    let socket = "/Users/me/Library/Application Support/darkslide/s".to_owned();
    Wanted { folders, socket: Some(socket), looks_at_programs: policy.looks_at_programs() }
}

const POLICY: &str = r#"
version = 1
[library.main]
path = "~/Pictures/Photos Library.photoslibrary"
referenced = ["/Volumes/Old/Scans"]
[root.exports]
path = "~/Exports"
[root.disk]
path = "/Volumes/Disk"
"#;

const ONE_PROGRAM: &str = r#"
[[client]]
name = "viewer"
uid = "self"
code_requirement = 'anchor apple generic and identifier "example.viewer"'
libraries = ["main"]
methods = ["health"]
"#;

/// As a person reads it: the text, then the parameters.
fn shown(profile: &Profile) -> String {
    let mut text = profile.text.clone();
    for (name, value) in &profile.parameters {
        writeln!(text, "; {name} = {value}").unwrap();
    }
    text
}

fn check(name: &str, wanted: &Wanted) {
    let made = shown(&profile(wanted, SocketWord::PathLiteral));
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join(format!("../tests/golden/seatbelt/{name}.sb"));
    if std::env::var_os("DARKSLIDE_BLESS").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    assert_eq!(made, std::fs::read_to_string(&file).unwrap(), "{name}: DARKSLIDE_BLESS=1");
}

#[test]
fn a_policy_of_two_roots_becomes_the_profile_on_file() {
    check("service", &of_policy(POLICY));
}

#[test]
fn code_requirements_add_four_services_and_the_folders_of_programs() {
    check("code-requirement", &of_policy(&format!("{POLICY}{ONE_PROGRAM}")));
}

#[test]
fn a_process_that_is_granted_nothing_has_the_shortest_profile() {
    check("nothing", &of(&[]));
}

#[test]
fn the_private_way_has_no_socket_to_accept_on() {
    let private =
        of(&[("/Volumes/A/L.photoslibrary", Role::Read), ("/Users/me/x", Role::ReadWrite)]);
    check("private", &private);
}

/// The index of the line that says both.
fn line_with(text: &str, words: &[&str]) -> usize {
    let found = text.lines().position(|line| words.iter().all(|word| line.contains(word)));
    found.unwrap_or_else(|| panic!("no line with {words:?} in\n{text}"))
}

#[test]
fn a_library_is_denied_writes_after_every_root_that_could_hold_it() {
    for folders in [
        [("/a/L", Role::Read), ("/a", Role::ReadWrite)],
        [("/a", Role::ReadWrite), ("/a/L", Role::Read)],
        [("/a/L/x", Role::ReadWrite), ("/a/L", Role::Read)],
    ] {
        let text = profile(&of(&folders), SocketWord::PathLiteral).text;
        let denied = line_with(&text, &["(deny file-write* file-clone file-link", "\"READ_"]);
        assert!(denied > line_with(&text, &["(allow", "\"WRITE_"]), "{text}");
        assert_eq!(denied + 1, text.lines().count(), "the last word is the library's");
    }
}

#[test]
fn what_never_happens_is_said_after_all_that_is_allowed() {
    let wanted = Wanted { looks_at_programs: true, ..of_policy(POLICY) };
    let text = profile(&wanted, SocketWord::PathLiteral).text;
    let last_allowed =
        text.lines().collect::<Vec<_>>().iter().rposition(|it| it.contains("(allow"));
    for never in ["process-exec", "process-fork", "network-outbound", "network-bind"] {
        let at = line_with(&text, &["(deny ", never]);
        assert!(Some(at) > last_allowed, "{never} in\n{text}");
        assert!(!text.contains(&format!("(allow {never}")));
    }
    assert!(!text.contains("network*") && !text.contains("(allow default)"));
}

#[test]
fn services_of_the_system_are_asked_only_for_code_requirements() {
    let without = profile(&of_policy(POLICY), SocketWord::PathLiteral).text;
    assert!(!without.contains("mach-lookup") && !without.contains("/Applications"));
}

#[test]
fn each_form_of_the_socket_is_as_tight_as_the_others() {
    let wanted = of_policy(POLICY);
    let forms = SocketWord::ALL.map(|word| profile(&wanted, word));
    let texts: BTreeSet<_> = forms.iter().map(|form| form.text.clone()).collect();
    assert_eq!(texts.len(), forms.len());
    for form in forms {
        assert_eq!(form.text.matches("network-inbound").count(), 1);
        line_with(
            &form.text,
            &["(allow network-inbound (local unix-socket (", "(param \"SOCKET\")"],
        );
    }
}

#[test]
fn the_way_to_a_folder_shows_names_only() {
    let text = profile(&of(&[("/a/b/L", Role::Read)]), SocketWord::PathLiteral);
    let way: Vec<_> =
        text.parameters.iter().filter(|(name, _)| name.starts_with("ABOVE")).collect();
    assert_eq!(way.iter().map(|(_, path)| path.as_str()).collect::<Vec<_>>(), ["/", "/a", "/a/b"]);
    assert_eq!(text.text.matches("(allow file-read-metadata (literal (param").count(), 3);
    let root = profile(&of(&[("/", Role::Read)]), SocketWord::PathLiteral);
    assert!(root.parameters.iter().all(|(name, _)| !name.starts_with("ABOVE")));
}

#[test]
fn the_log_can_be_added_to_and_nothing_of_it_removed() {
    let text =
        profile(&of(&[("/s/audit", Role::Add), ("/s", Role::ReadWrite)]), SocketWord::Literal).text;
    let allowed = line_with(&text, &["(allow", "\"ADD_0\""]);
    let allowed = text.lines().nth(allowed).unwrap();
    assert!(!allowed.contains("file-write*") && !allowed.contains("unlink"), "{allowed}");
    let denied = line_with(&text, &["(deny", "file-write-unlink", "\"ADD_0\""]);
    assert!(denied > line_with(&text, &["(allow", "\"WRITE_1\""]), "{text}");
}

/// Names that try to become rules.
fn any_path() -> impl Strategy<Value = String> {
    let name = "[a-zA-Z0-9 .\"\\\\();#éü]{2,12}|\"\\)\\) \\(allow default\\)";
    prop::collection::vec(name, 1..5).prop_map(|names| format!("/{}", names.join("/")))
}

fn any_wanted() -> impl Strategy<Value = Wanted> {
    let role = prop_oneof![Just(Role::Read), Just(Role::ReadWrite), Just(Role::Add)];
    let folders = prop::collection::vec((any_path(), role), 0..6);
    (folders, prop::option::of(any_path()), any::<bool>()).prop_map(
        |(folders, socket, looks_at_programs)| {
            let folders = folders.into_iter().map(|(path, role)| Folder { path, role }).collect();
            Wanted { folders, socket, looks_at_programs }
        },
    )
}

/// Every `(param "NAME")` of a text.
fn parameters_in(text: &str) -> BTreeSet<&str> {
    text.split("(param \"").skip(1).filter_map(|rest| rest.split_once('"')).map(|it| it.0).collect()
}

proptest! {
    #[test]
    fn no_path_stands_in_the_text_and_every_rule_has_its_parameter(wanted in any_wanted()) {
        let Profile { text, parameters } = profile(&wanted, SocketWord::PathLiteral);
        let names: BTreeSet<_> = parameters.iter().map(|(name, _)| name.as_str()).collect();
        prop_assert_eq!(names.len(), parameters.len(), "each name once");
        prop_assert_eq!(&names, &parameters_in(&text));
        for Folder { path, role } in &wanted.folders {
            prop_assert!(!text.replace(PROGRAMS, "").contains(path.as_str()));
            let named = parameters.iter().any(|(name, value)| {
                value == path && name.starts_with(role.prefix())
            });
            prop_assert!(named, "{path}");
        }
        let socket = parameters.iter().find(|(name, _)| name == "SOCKET").map(|(_, path)| path);
        prop_assert_eq!(socket, wanted.socket.as_ref());
    }

    #[test]
    fn the_text_depends_on_the_number_of_rules_and_on_no_path(wanted in any_wanted()) {
        let mut other = wanted.clone();
        for (number, folder) in other.folders.iter_mut().enumerate() {
            let depth = ancestors(&folder.path).count();
            folder.path = format!("{}/n{number}", vec!["/p"; depth.saturating_sub(1)].concat());
        }
        let one = profile(&wanted, SocketWord::Literal);
        let two = profile(&other, SocketWord::Literal);
        let body = |text: &str| {
            let lines = text.lines().filter(|line| !line.contains("ABOVE_"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        prop_assert_eq!(body(&one.text), body(&two.text));
        let balance = one.text.matches('(').count() == one.text.matches(')').count();
        prop_assert!(balance, "{}", one.text);
    }
}
