//! What the policy promises: the table of decisions, and what a text may say.
//!
//! `decisions.tsv` is read line by line; a line that nobody understands fails the test, so that the
//! table cannot rot. Its kernel column is tried by the confinement tests, in a process that is
//! confined.

use crate::*;

fn world() -> World {
    let methods = vec![
        "health",
        "policy.show",
        "library.list",
        "library.info",
        "album.list",
        "asset.query",
        "asset.count",
        "asset.get",
        "export.start",
        "job.status",
        "job.report",
    ];
    World { home: AbsPath::parse("/home/me", None).unwrap(), uid: Uid::new(1000), methods }
}

fn parse(text: &str) -> Result<Policy, PolicyError> {
    Policy::parse(text, &world())
}

fn peer(uid: u32) -> Peer {
    Peer { uid: Uid::new(uid), gid: Gid::new(uid), pid: None }
}

fn answer(policy: &Policy, peer: &Peer, method: &str, object: &str) -> String {
    let words: Vec<&str> = object.split(' ').collect();
    match words.as_slice() {
        ["-"] => policy
            .decide(peer, &Ask::<Call>::new(method, ()))
            .map_or_else(|denial| reason(&denial), |grant| grant.rule().to_string()),
        ["library", name] => policy
            .decide(peer, &Ask::<Read>::new(method, LibraryName::parse(name).unwrap()))
            .map_or_else(|denial| reason(&denial), |grant| read_words(&grant)),
        ["root", name, path] => {
            let path = if *path == "." { RelPath::root() } else { RelPath::parse(path).unwrap() };
            write_answer(
                policy,
                peer,
                method,
                Destination::Named { root: RootName::parse(name).unwrap(), path },
            )
        }
        ["path", path] => {
            let path = AbsPath::parse(&path.replace("BASE", "/base"), None).unwrap();
            write_answer(policy, peer, method, Destination::Absolute(path))
        }
        _ => panic!("no such object: {object}"),
    }
}

fn read_words(grant: &Grant<Read>) -> String {
    let scope = grant.covers();
    let hidden = if scope.shows_hidden() { " hidden" } else { "" };
    let trashed = if scope.shows_trashed() { " trashed" } else { "" };
    format!("{}{hidden}{trashed}", grant.rule())
}

fn write_answer(policy: &Policy, peer: &Peer, method: &str, to: Destination) -> String {
    match policy.decide(peer, &Ask::<Write>::new(method, to)) {
        Ok(grant) => {
            let scope = grant.covers();
            let (file, dir) = (scope.file_mode(), scope.dir_mode());
            format!("{} {} {} {file:o} {dir:o}", grant.rule(), scope.root(), scope.path())
        }
        Err(denial) => reason(&denial),
    }
}

fn reason(denial: &Denial) -> String {
    match denial.reason() {
        DenialReason::NoRule(_) => "no rule",
        DenialReason::Method(_) => "no method",
        DenialReason::Library(_) => "no library",
        DenialReason::Root { .. } => "no root",
        DenialReason::OutsideRoots { .. } => "outside",
    }
    .to_owned()
}

#[test]
fn every_line_of_the_table_of_decisions_holds() {
    let policy = parse(&include_str!("decisions.toml").replace("BASE", "/base")).unwrap();
    let rules = policy.kernel_rules();
    let mut lines = 0;
    for line in include_str!("decisions.tsv").lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [uid, method, object, expected, kernel] = columns.as_slice() else {
            panic!("columns: {line:?}")
        };
        assert_eq!(
            answer(&policy, &peer(uid.parse().unwrap()), method, object),
            *expected,
            "{line}"
        );
        assert!(["read", "write", "nothing", "-"].contains(kernel), "{line}");
        if let Some(path) = object.strip_prefix("path ") {
            let path = AbsPath::parse(&path.replace("BASE", "/base"), None).unwrap();
            let rule = rules.iter().find(|rule| rule.path.below(&path).is_some());
            let ruled = match rule.map(|rule| rule.access) {
                Some(Access::Read) => "read",
                Some(Access::ReadWrite) => "write",
                None => "nothing",
            };
            assert_eq!(ruled, *kernel, "{line}");
        }
        lines += 1;
    }
    assert!(lines > 30, "the table was read");
}

const GOOD: &str = r#"
version = 1
[library.main]
path = "~/L.photoslibrary"
[root.exports]
path = "~/Exports"
[[client]]
name = "me"
uid = "self"
libraries = ["main"]
roots = ["exports"]
methods = ["*"]
"#;

#[track_caller]
fn refuses(text: &str, line: usize, column: usize, says: &str) {
    let error = parse(text).unwrap_err();
    assert!(error.to_string().contains(says), "{error}");
    assert_eq!((error.line(), error.column()), (line, column), "{error}");
    assert!(!error.hint().is_empty());
}

#[test]
fn a_typing_mistake_is_refused_with_its_place() {
    refuses(&GOOD.replace("[root.exports]\n", "[root.exports]\nmax_byte = 1\n"), 6, 1, "max_byte");
    refuses(&GOOD.replace("uid = \"self\"", "uid = \"self\"\nalow = true"), 10, 1, "alow");
    refuses(&GOOD.replace("version = 1", "version = 1\nverion = 2"), 3, 1, "verion");
    refuses(&GOOD.replace("name = \"me\"", "name = \"me\"\nname = \"you\""), 9, 1, "duplicate");
    refuses(&GOOD.replace("version = 1", "version = \"1\""), 2, 11, "invalid type");
    refuses(&GOOD.replace("version = 1", "version = 2"), 2, 11, "version 2");
    assert!(parse("").is_err());
}

#[test]
fn a_key_that_nothing_enforces_is_refused_by_name() {
    let in_library =
        |key: &str| GOOD.replace("[root.exports]", &format!("{key} = 1\n[root.exports]"));
    for key in ["location", "referenced"] {
        refuses(&in_library(key), 5, key.len() + 4, &format!("`{key}` is not supported yet"));
    }
    for key in
        ["gid", "code_requirement", "any_program", "location", "referenced", "albums", "resources"]
    {
        let text = format!("{GOOD}{key} = 1\n");
        refuses(&text, 13, key.len() + 4, &format!("`{key}` is not supported yet"));
    }
    let max_bytes = GOOD.replace("[[client]]", "max_bytes = \"0\"\n[[client]]");
    refuses(&max_bytes, 7, 13, "`max_bytes` is not supported yet");
    for table in ["[socket]\ngroup = \"x\"\n", "[limits]\nconnections = 1\n"] {
        assert!(
            parse(&format!("{GOOD}{table}")).unwrap_err().to_string().contains("not supported yet")
        );
    }
}

#[test]
fn values_are_checked_where_they_stand() {
    refuses(&GOOD.replace("\"self\"", "\"me\""), 9, 7, "uid");
    refuses(&GOOD.replace("\"self\"", "65534"), 9, 7, "65534");
    refuses(&GOOD.replace("\"self\"", "-1"), 9, 7, "-1");
    refuses(&GOOD.replace("\"self\"", "4294967295"), 9, 7, "4294967295");
    refuses(&GOOD.replace("[\"main\"]", "[\"man\"]"), 10, 14, "no library named \"man\"");
    refuses(&GOOD.replace("[\"exports\"]", "[\"x\"]"), 11, 10, "no root named \"x\"");
    refuses(&GOOD.replace("[\"*\"]", "[\"helth\"]"), 12, 12, "no method \"helth\"");
    refuses(&GOOD.replace("~/Exports", "~/../x"), 6, 8, "`..`");
    refuses(&GOOD.replace("~/Exports", "Exports"), 6, 8, "not absolute");
    for mode in ["0000", "1777", "4755", "644x", "0044"] {
        let text = GOOD.replace("[[client]]", &format!("file_mode = \"{mode}\"\n[[client]]"));
        refuses(&text, 7, 13, "is no mode");
    }
    let twice = format!("{GOOD}[[client]]\nname = \"me\"\nuid = 5\n");
    refuses(&twice, 14, 8, "used twice");
}

#[test]
fn no_root_holds_a_library_or_another_root_or_the_home() {
    for path in ["~/L.photoslibrary", "~/L.photoslibrary/x", "/home/me", "/home", "/", "~"] {
        assert!(parse(&GOOD.replace("~/Exports", path)).is_err(), "{path}");
    }
    let nested = GOOD.replace("[[client]]", "[root.inner]\npath = \"~/Exports/inner\"\n[[client]]");
    assert!(parse(&nested).unwrap_err().to_string().contains("lie in one another"));
    assert!(parse(&GOOD.replace("~/Exports", "~/L.photoslibrary-exports")).is_ok());
}

/// Everything that a policy grants, with its extent: one line each.
fn granted(policy: &Policy) -> Vec<String> {
    let objects = ["-", "library main", "library old", "path /base/Exports/x", "path /base/Disk/x"];
    let mut granted = Vec::new();
    for uid in [0, 1000, 1001, 1002] {
        for object in objects {
            for method in ["health", "asset.query", "export.start"] {
                let answer = answer(policy, &peer(uid), method, object);
                if answer.starts_with("no ") || answer == "outside" {
                    continue;
                }
                let words = answer.split(' ').filter(|word| ["hidden", "trashed"].contains(word));
                granted.extend(words.map(|word| format!("{uid} {object} {method} {word}")));
                granted.push(format!("{uid} {object} {method}"));
            }
        }
    }
    granted
}

#[test]
fn removing_any_line_but_one_that_narrows_never_allows_more() {
    // A policy with a line less either does not parse or grants a subset (security reference, J04).
    // Lines that say `false` are there to narrow: without them there is more, as their reader
    // means.
    let text = include_str!("decisions.toml").replace("BASE", "/base");
    let all = granted(&parse(&text).unwrap());
    let lines: Vec<&str> = text.lines().collect();
    let (mut parsed, mut narrowing) = (0, 0);
    for (gone, removed) in lines.iter().enumerate() {
        let kept = lines.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, line)| *line);
        let Ok(policy) = parse(&kept.collect::<Vec<_>>().join("\n")) else { continue };
        let more: Vec<_> = granted(&policy).into_iter().filter(|one| !all.contains(one)).collect();
        if removed.ends_with("= false") {
            assert!(!more.is_empty(), "{removed}: it narrows nothing");
            narrowing += 1;
        } else {
            assert!(more.is_empty(), "without {removed:?}: {more:?}");
        }
        parsed += 1;
    }
    assert!(parsed > 10 && narrowing == 1, "{parsed} {narrowing}");
}

#[test]
fn built_in_policies_grant_what_design_says() {
    let linux = Policy::built_in(Platform::Linux, &world()).unwrap();
    assert_eq!(answer(&linux, &peer(1000), "asset.query", "library main"), "me");
    assert_eq!(
        answer(&linux, &peer(1000), "export.start", "path /home/me/Exports/x"),
        "me exports x 644 755"
    );
    assert_eq!(answer(&linux, &peer(0), "health", "-"), "no rule");
    let mac = Policy::built_in(Platform::MacOs, &world()).unwrap();
    assert_eq!(answer(&mac, &peer(1000), "health", "-"), "me");
    assert_eq!(answer(&mac, &peer(1000), "policy.show", "-"), "me");
    assert_eq!(answer(&mac, &peer(1000), "library.list", "-"), "no method");
    assert!(mac.kernel_rules().is_empty());
}

#[test]
fn the_private_policy_grants_its_one_library_and_destination() {
    let abs = |text| AbsPath::parse(text, None).unwrap();
    let private = |destination| {
        Policy::private(abs("/l.photoslibrary"), destination, Strictness::Required, Uid::new(1000))
    };
    let policy = private(Some(abs("/out"))).unwrap();
    assert_eq!(answer(&policy, &peer(1000), "asset.query", "library library"), "me hidden trashed");
    assert_eq!(
        answer(&policy, &peer(1000), "export.start", "root destination ."),
        "me destination . 644 755"
    );
    assert_eq!(answer(&policy, &peer(1000), "export.start", "path /other"), "outside");
    assert!(private(Some(abs("/l.photoslibrary/x"))).is_err());
    assert!(private(Some(abs("/"))).is_err());
    assert!(private(None).is_ok());
}

#[test]
fn a_denial_tells_a_peer_its_own_roots_and_no_others() {
    let policy = parse(&include_str!("decisions.toml").replace("BASE", "/base")).unwrap();
    let ask = Ask::<Write>::new(
        "export.start",
        Destination::Absolute(AbsPath::parse("/secret/x", None).unwrap()),
    );
    let denial = policy.decide(&peer(1002), &ask).unwrap_err();
    assert!(denial.discreet().contains("/base/Disk"));
    assert!(!denial.discreet().contains("/base/Exports") && !denial.discreet().contains("secret"));
    assert!(denial.explain().contains("/secret/x") && denial.explain().contains("backup"));
}
