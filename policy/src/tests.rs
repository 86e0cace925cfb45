//! What the policy promises: the table of decisions, and what a text may say.
//!
//! `decisions.tsv` is read line by line; a line that nobody understands fails the test, so that the
//! table cannot rot. Its kernel column is tried by the confinement tests, in a process that is
//! confined.

use crate::*;

mod programs;

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
        "resource.open",
        "resource.read",
        "thumbnail.open",
        "change.token",
        "change.since",
        "export.start",
        "job.status",
        "job.report",
    ];
    let home = AbsPath::parse("/home/me", None).unwrap();
    World { home, uid: Uid::new(1000), methods, platform: Platform::Linux }
}

fn a_mac() -> World {
    World { platform: Platform::MacOs, ..world() }
}

fn parse(text: &str) -> Result<Policy, PolicyError> {
    Policy::parse(text, &world())
}

fn peer(uid: u32) -> Peer {
    Peer::new(Uid::new(uid), Gid::new(uid), None)
}

/// A peer as the tables write it: a uid, its gid where that counts, and the identifiers of the
/// requirements that the system confirmed.
fn peer_of(written: &str, policy: &Policy) -> Peer {
    let mut words = written.split(' ');
    let (uid, gid) = words.next().and_then(|ids| ids.split_once(':')).unwrap_or_default();
    let uid_alone = || written.split(' ').next().unwrap().parse().unwrap();
    let mut peer = peer(uid.parse().unwrap_or_else(|_| uid_alone()));
    peer.gid = gid.parse().map_or(peer.gid, Gid::new);
    let met: Vec<String> = words.map(|identifier| format!("{identifier:?}")).collect();
    let confirmed = policy.requirements_for(&peer).into_iter();
    let is_met =
        |asked: &CodeRequirement| met.iter().any(|met| asked.as_str().contains(met.as_str()));
    peer.code = confirmed.filter(is_met).collect();
    peer
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
    let location = if scope.shows_location() { " location" } else { "" };
    let bytes = if scope.handover() == Handover::Bytes { " bytes" } else { "" };
    let referenced = scope.referenced().iter().map(|folder| format!(" referenced={folder}"));
    let albums = scope.albums().unwrap_or_default().iter().map(|album| format!(" albums={album}"));
    let lists: String = referenced.chain(albums).collect();
    format!("{}{hidden}{trashed}{location}{bytes}{lists}", grant.rule())
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
        DenialReason::NoRule { .. } => "no rule",
        DenialReason::Program(_) => "no program",
        DenialReason::Method(_) => "no method",
        DenialReason::Descriptors(_) => "no descriptors",
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
            answer(&policy, &peer_of(uid, &policy), method, object),
            expected.replace("BASE", "/base"),
            "{line}"
        );
        assert!(["read", "write", "nothing", "-"].contains(kernel), "{line}");
        if let Some(path) = object.strip_prefix("path ") {
            let path = AbsPath::parse(&path.replace("BASE", "/base"), None).unwrap();
            let rule = rules.iter().find(|rule| rule.path.below(&path).is_some());
            let ruled = match rule.map(|rule| rule.access) {
                Some(Access::Read) => "read",
                Some(Access::ReadWrite | Access::Add) => "write",
                None => "nothing",
            };
            assert_eq!(ruled, *kernel, "{line}");
        }
        lines += 1;
    }
    assert!(lines > 42, "the table was read");
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
fn a_group_is_a_name_as_systems_have_them() {
    let with = |group: &str| {
        GOOD.replace("[[client]]", &format!("[socket]\ngroup = {group:?}\n[[client]]"))
    };
    assert_eq!(parse(GOOD).unwrap().socket_group(), None);
    let most = "g".repeat(32);
    for group in ["photos", "_ph.o-2", most.as_str()] {
        let policy = parse(&with(group)).unwrap();
        assert_eq!(policy.socket_group(), Some(group));
        assert!(policy.explain_socket().contains(group));
    }
    let longer = "g".repeat(33);
    for group in ["", " ", "a:b", "a/b", "a\n", "é", longer.as_str(), &"g".repeat(100_000)] {
        let error = parse(&with(group)).unwrap_err();
        assert!(error.to_string().contains("is no name of a group"), "{error}");
        assert!(!error.hint().is_empty());
    }
    let unknown = GOOD.replace("[[client]]", "[socket]\nmode = 1\n[[client]]");
    assert!(parse(&unknown).unwrap_err().to_string().contains("unknown field `mode`"));
}

fn set(limits: &Limits, key: &str) -> u64 {
    let count = match key {
        "read_time" => return limits.read_time.as_secs(),
        "idle_exit" => return limits.idle_exit.as_secs(),
        "connections" => limits.connections,
        "connections_per_uid" => limits.connections_per_uid,
        "jobs_running" => limits.jobs_running,
        "jobs_waiting" => limits.jobs_waiting,
        "jobs_remembered" => limits.jobs_remembered,
        "audit_keep" => limits.audit_keep,
        other => panic!("{other}"),
    };
    u64::try_from(count).unwrap()
}

#[test]
fn a_limit_is_taken_within_its_bounds_and_refused_with_its_place_beyond_them() {
    let with = |key: &str, value: i64| format!("{GOOD}[limits]\n{key} = {value}\n");
    let line = GOOD.lines().count() + 2;
    for limits::Bounds { key, least, usual, most } in limits::BOUNDS {
        assert!(least <= usual && usual < most);
        let value = |value: u16| set(parse(&with(key, value.into())).unwrap().limits(), key);
        for allowed in [least, usual.min(64), most] {
            // One uid never has more places than there are.
            let most = if key == "connections_per_uid" { 64 } else { u16::MAX };
            assert_eq!(value(allowed), u64::from(allowed.min(most)), "{key}");
        }
        let absurd = [i64::from(most) + 1, i64::from(least) - 1, 1_000_000, i64::MAX, i64::MIN];
        for refused in absurd {
            let says = format!("{refused} is no value of `{key}`: {least} to {most} are allowed");
            refuses(&with(key, refused), line, key.len() + 4, &says);
        }
    }
    refuses(&format!("{GOOD}[limits]\nconnection = 1\n"), line, 1, "unknown field `connection`");
    assert!(parse(&format!("{GOOD}[limits]\nread_time = 99999999999999999999\n")).is_err());
    assert!(parse(&format!("{GOOD}[limits]\nread_time = \"30\"\n")).is_err());
}

#[test]
fn without_limits_of_its_own_a_policy_has_those_of_the_design() {
    let usual = *parse(GOOD).unwrap().limits();
    assert_eq!(usual, Limits::USUAL);
    assert_eq!((usual.connections, usual.connections_per_uid), (64, 32));
    let jobs = (usual.jobs_running, usual.jobs_waiting, usual.jobs_remembered);
    assert_eq!(jobs, (2, 64, 256));
    assert_eq!((usual.read_time.as_secs(), usual.idle_exit.as_secs()), (30, 60));
    assert_eq!(usual.audit_keep, 64);
    for world in [world(), a_mac()] {
        assert_eq!(*Policy::built_in(&world).unwrap().limits(), Limits::USUAL);
    }
    let words = parse(GOOD).unwrap().explain_limits();
    assert!(words.contains("64 connections") && words.contains("after 60 s"), "{words}");
}

#[test]
fn the_page_tells_of_each_limit_what_is_usual_least_and_most() {
    let page = include_str!("../../docs/policy.md");
    for limits::Bounds { key, least, usual, most } in limits::BOUNDS {
        let line = page.lines().find(|line| line.starts_with(&format!("{key} = {usual} ")));
        let line = line.unwrap_or_else(|| panic!("{key} = {usual} is not on the page"));
        assert!(line.ends_with(&format!(" to {most}")) || line.contains(&format!(" to {most},")));
        let least = if key == "idle_exit" { 0 } else { least };
        assert!(
            line.contains(&format!("; {least} ")) || line.contains(&format!("# {least} ")),
            "{line}"
        );
    }
}

fn with_max_bytes(value: &str) -> String {
    GOOD.replace("[[client]]", &format!("max_bytes = {value}\n[[client]]"))
}

#[test]
fn a_quota_is_in_the_grant_in_what_a_peer_is_told_and_in_words() {
    let quota = |value: &str| {
        let policy = parse(&with_max_bytes(value)).unwrap();
        let to =
            Destination::Named { root: RootName::parse("exports").unwrap(), path: RelPath::root() };
        let grant = policy.decide(&peer(1000), &Ask::<Write>::new("export.start", to)).unwrap();
        let told: Vec<_> = policy.roots_of(&peer(1000)).map(|(_, _, most)| most).collect();
        assert_eq!(told, [grant.covers().max_bytes()]);
        (grant.covers().max_bytes(), policy.explain_clients().join("\n"))
    };
    let (most, words) = quota("\"500 GB\"");
    assert_eq!(most, Some(500_000_000_000));
    assert!(words.contains("exports (at most 500000000000 bytes)"), "{words}");
    for none in ["\"0\"", "\"0 GB\""] {
        let (most, words) = quota(none);
        assert_eq!(most, None);
        assert!(words.ends_with("write below exports"), "{words}");
    }
    assert!(
        Policy::built_in(&world()).is_ok_and(|policy| {
            policy.roots_of(&peer(1000)).all(|(_, _, most)| most.is_none())
        })
    );
}

#[test]
fn a_quota_that_is_no_size_is_refused_where_it_stands_each_for_its_reason() {
    refuses(&with_max_bytes("\"\""), 7, 13, "\"\" is no size: it begins with no whole number");
    refuses(&with_max_bytes("\"-1\""), 7, 13, "begins with no whole number");
    refuses(&with_max_bytes("\"1.5 TB\""), 7, 13, "has a unit that is none");
    refuses(&with_max_bytes("\"9999999 TiB\""), 7, 13, "is more than any disk holds");
    refuses(&with_max_bytes("0"), 7, 13, "expected a string");
    let long = with_max_bytes(&format!("{:?}", "x".repeat(9_000)));
    assert!(parse(&long).unwrap_err().to_string().len() < 200);
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
    for uid in [0, 1000, 1001, 1002, 1004] {
        for object in objects {
            for method in ["health", "asset.query", "resource.open", "export.start"] {
                let answer = answer(policy, &peer(uid), method, object);
                if answer.starts_with("no ") || answer == "outside" {
                    continue;
                }
                if !answer.contains("albums=") {
                    granted.push(format!("{uid} {object} {method} all albums"));
                }
                let told = ["hidden", "trashed", "location", "referenced=/base/Raw"];
                let words = answer.split(' ').filter(|word| told.contains(word));
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
    // Lines that say `false` or `bytes`, a rule's albums and its group are there to narrow: without
    // them there is more, as their reader means.
    let text = include_str!("decisions.toml").replace("BASE", "/base");
    let all = granted(&parse(&text).unwrap());
    let lines: Vec<&str> = text.lines().collect();
    let (mut parsed, mut narrowing) = (0, 0);
    for (gone, removed) in lines.iter().enumerate() {
        let kept = lines.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, line)| *line);
        let Ok(policy) = parse(&kept.collect::<Vec<_>>().join("\n")) else { continue };
        let more: Vec<_> = granted(&policy).into_iter().filter(|one| !all.contains(one)).collect();
        let narrows = |begin| removed.starts_with(begin);
        if removed.ends_with("= false")
            || narrows("albums")
            || narrows("resources")
            || narrows("gid")
        {
            assert!(!more.is_empty(), "{removed}: it narrows nothing");
            narrowing += 1;
        } else {
            assert!(more.is_empty(), "without {removed:?}: {more:?}");
        }
        parsed += 1;
    }
    assert!(parsed > 10 && narrowing == 7, "{parsed} {narrowing}");
}

#[test]
fn built_in_policies_grant_what_design_says() {
    let linux = Policy::built_in(&world()).unwrap();
    assert_eq!(answer(&linux, &peer(1000), "asset.query", "library main"), "me location");
    assert_eq!(
        answer(&linux, &peer(1000), "export.start", "path /home/me/Exports/x"),
        "me exports x 644 755"
    );
    assert_eq!(answer(&linux, &peer(0), "health", "-"), "no rule");
    let mac = Policy::built_in(&a_mac()).unwrap();
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
    assert_eq!(
        answer(&policy, &peer(1000), "asset.query", "library library"),
        "me hidden trashed location"
    );
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

/// What `GOOD` grants of its library with more lines at the library and at the client.
fn scope(library: &str, client: &str) -> ReadScope {
    let text = GOOD.replace("[root.exports]", &format!("{library}\n[root.exports]"));
    let policy = parse(&format!("{text}{client}\n")).unwrap();
    policy.scopes_of(&peer(1000)).next().unwrap()
}

#[test]
fn a_clients_key_narrows_and_never_widens() {
    let raw = "referenced = [\"~/Raw\"]";
    let widening = scope("location = false", "location = true\nreferenced = true\nhidden = true");
    assert!(!widening.shows_location() && widening.referenced().is_empty());
    assert!(!widening.shows_hidden());
    let narrowed = scope(raw, "location = false\nreferenced = false");
    assert!(!narrowed.shows_location() && narrowed.referenced().is_empty());
    for client in ["", "referenced = true"] {
        let folders = scope(raw, client).referenced().to_vec();
        assert_eq!(folders, [AbsPath::parse("/home/me/Raw", None).unwrap()], "{client}");
    }
}

#[test]
fn what_withholds_assets_is_told_from_what_withholds_fields() {
    let all = "hidden = true\ntrashed = true";
    assert!(!scope(all, "location = false\nreferenced = false").withholds_assets());
    for client in ["hidden = false", "trashed = false", "albums = [\"A\"]"] {
        assert!(scope(all, client).withholds_assets(), "{client}");
    }
    assert_eq!(scope(all, "").albums(), None);
    assert_eq!(scope(all, "albums = [\"A\", \"B/C\"]").albums().unwrap(), ["A", "B/C"]);
}

#[test]
fn a_scope_shows_all_of_another_only_where_each_part_does() {
    let all = "hidden = true\ntrashed = true\nreferenced = [\"~/Raw\"]";
    let whole = scope(all, "");
    assert!(whole.shows_all_of(&whole.clone()));
    let narrowing = ["hidden = false", "trashed = false", "location = false", "referenced = false"];
    for client in narrowing.into_iter().chain(["albums = [\"A\"]"]) {
        let narrowed = scope(all, client);
        assert!(whole.shows_all_of(&narrowed), "{client}");
        assert!(!narrowed.shows_all_of(&whole), "{client}");
    }
    let (one, two) = (scope(all, "albums = [\"A\"]"), scope(all, "albums = [\"A\", \"B\"]"));
    assert!(two.shows_all_of(&one) && !one.shows_all_of(&two));
}

#[test]
fn a_list_of_albums_is_neither_empty_nor_made_of_nothing() {
    let with = |albums: &str| format!("{GOOD}albums = {albums}\n");
    refuses(&with("[]"), 13, 10, "the list of albums is empty");
    assert!(parse(&with("[]")).unwrap_err().hint().contains("remove the key"));
    refuses(&with("[\"A\", \"\"]"), 13, 16, "names no album");
    refuses(&with("[\" \"]"), 13, 11, "names no album");
    refuses(&with("[\"a\\u0000\"]"), 13, 11, "names no album");
    refuses(&with("\"A\""), 13, 10, "invalid type");
}

#[test]
fn lists_keep_their_limits_at_and_over_and_far_over() {
    use crate::check::{MAX_ALBUM_BYTES, MAX_ALBUMS, MAX_REFERENCED};
    let albums = |count| format!("{GOOD}albums = {:?}\n", vec!["A"; count]);
    let name = |bytes| format!("{GOOD}albums = [{:?}]\n", "a".repeat(bytes));
    let referenced = |count: usize| {
        let folders: Vec<String> = (0..count).map(|number| format!("/disk/{number}")).collect();
        GOOD.replace("[root.exports]", &format!("referenced = {folders:?}\n[root.exports]"))
    };
    assert!(parse(&albums(MAX_ALBUMS)).is_ok());
    assert!(parse(&name(MAX_ALBUM_BYTES)).is_ok());
    assert!(parse(&referenced(MAX_REFERENCED)).is_ok());
    let refused = |text: &str, says: &str| {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    };
    for over in [1, 100_000] {
        refused(&albums(MAX_ALBUMS + over), &format!("albums are named, {MAX_ALBUMS} are allowed"));
        refused(&name(MAX_ALBUM_BYTES + over), "names no album");
        let says = format!("referenced folders are named, {MAX_REFERENCED} are allowed");
        refused(&referenced(MAX_REFERENCED + over), &says);
    }
}

#[test]
fn no_referenced_folder_holds_a_library_or_a_root_or_the_home() {
    let with = |folder: &str| {
        GOOD.replace("[root.exports]", &format!("referenced = [\"{folder}\"]\n[root.exports]"))
    };
    for folder in ["~/L.photoslibrary", "~/L.photoslibrary/x", "~", "/home", "/"] {
        refuses(&with(folder), 5, 15, "the referenced folder of \"main\"");
    }
    for folder in ["~/Exports", "~/Exports/x"] {
        assert!(parse(&with(folder)).unwrap_err().to_string().contains("lie in one another"));
    }
    assert!(parse(&with("~/../x")).unwrap_err().to_string().contains("`..`"));
    assert!(parse(&with("Raw")).unwrap_err().to_string().contains("not absolute"));
    for folder in ["~/L.photoslibrary-raw", "~/Exports-raw", "/disk"] {
        assert!(parse(&with(folder)).is_ok(), "{folder}");
    }
}

#[test]
fn the_kernel_reads_below_referenced_folders_right_after_their_bundle() {
    let policy = parse(&include_str!("decisions.toml").replace("BASE", "/base")).unwrap();
    let rules = policy.kernel_rules();
    let of = |rule: &KernelRule| format!("{} {} {:?}", rule.place, rule.path, rule.access);
    let read: Vec<String> = rules.iter().map(of).take(3).collect();
    assert_eq!(
        read,
        [
            "library main /base/Main.photoslibrary Read",
            "referenced originals of library main /base/Raw Read",
            "library old /base/Old.photoslibrary Read",
        ]
    );
}

#[test]
fn a_rule_is_explained_with_what_it_grants_of_each_library() {
    let policy = parse(&include_str!("decisions.toml").replace("BASE", "/base")).unwrap();
    let lines = policy.explain_clients();
    assert!(lines[0].contains("main (with hidden, with location, with referenced)"), "{lines:?}");
    assert!(
        lines[1].contains("read main (only members of \"Trips/2024/Japan\") as bytes alone, "),
        "{lines:?}"
    );
    assert!(lines[2].contains("read old (with hidden, with trashed), "), "{lines:?}");
}

#[test]
fn a_rule_hands_over_descriptors_unless_it_says_bytes() {
    let with = |line: &str| parse(&format!("{GOOD}{line}\n"));
    let may = |policy: &Policy| {
        METHODS_WITH_DESCRIPTORS.iter().all(|method| policy.may_call(&peer(1000), method))
    };
    for line in ["", "resources = \"descriptors\""] {
        let policy = with(line).unwrap();
        assert!(may(&policy), "{line}");
        assert_eq!(policy.handover_to(&peer(1000)), Handover::Descriptors);
    }
    let policy = with("resources = \"bytes\"").unwrap();
    assert!(!may(&policy) && policy.may_call(&peer(1000), "resource.read"));
    assert_eq!(policy.handover_to(&peer(1000)), Handover::Bytes);
    assert_eq!(policy.handover_to(&peer(1)), Handover::Bytes, "a stranger gets nothing at all");
    let words = policy.explain_clients().join("\n");
    assert!(words.contains("read main (with location) as bytes alone, "), "{words}");
    let ask = Ask::<Read>::new("resource.open", LibraryName::parse("main").unwrap());
    let denial = policy.decide(&peer(1000), &ask).unwrap_err();
    assert!(denial.explain().contains("resources"), "{}", denial.explain());
    for word in ["\"\"", "\"Bytes\"", "\"byte\""] {
        let line = format!("resources = {word}");
        refuses(&format!("{GOOD}{line}\n"), 13, 13, &format!("{word} is no value of `resources`"));
    }
    assert!(with("resources = true").is_err() && with("resources = [\"bytes\"]").is_err());
}
