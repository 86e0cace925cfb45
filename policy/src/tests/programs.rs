//! What a rule may say of a peer's group and program, on both kinds of system, whichever this is.
//!
//! `decisions-macos.tsv` is read like the other table. The hazard: a key that only one system can
//! check and that another reads and ignores, or a rule for any program that nobody meant.

use super::*;
use crate::peer::MAX_REQUIREMENT_BYTES;

const VIEWER: &str = "identifier \"example.viewer\"";

fn on_a_mac(text: &str) -> Result<Policy, PolicyError> {
    Policy::parse(text, &a_mac())
}

fn macs() -> Policy {
    on_a_mac(&include_str!("../decisions-macos.toml").replace("BASE", "/base")).unwrap()
}

fn signed(code: &str) -> Peer {
    Peer { code: [CodeRequirement::parse(code).unwrap()].into_iter().collect(), ..peer(1000) }
}

#[track_caller]
fn refuses_for(world: &World, line: &str, column: usize, says: &str) {
    let error = Policy::parse(&format!("{GOOD}{line}\n"), world).unwrap_err();
    assert!(error.to_string().contains(says), "{error}");
    assert_eq!((error.line(), error.column()), (13, column), "{error}");
    assert!(!error.hint().is_empty());
}

#[test]
fn every_line_of_the_table_of_macos_holds() {
    let policy = macs();
    let mut lines = 0;
    let table = include_str!("../decisions-macos.tsv");
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [who, method, object, expected] = columns.as_slice() else {
            panic!("columns: {line:?}")
        };
        assert_eq!(answer(&policy, &peer_of(who, &policy), method, object), *expected, "{line}");
        lines += 1;
    }
    assert!(lines > 22, "the table was read");
}

#[test]
fn a_rule_that_names_no_program_grants_no_more_than_what_tells_nothing() {
    let policy = on_a_mac(GOOD).unwrap();
    for peer in [peer(1000), signed(VIEWER)] {
        let called = ["health", "policy.show", "library.list", "asset.query", "export.start"];
        let may: Vec<_> =
            called.into_iter().filter(|method| policy.may_call(&peer, method)).collect();
        assert_eq!(may, ["health", "policy.show"]);
        assert_eq!(policy.libraries_of(&peer).count(), 0);
        assert_eq!(policy.roots_of(&peer).count(), 0);
        assert_eq!(policy.scopes_of(&peer).count(), 0);
    }
    let denial = policy.decide(&peer(1000), &Ask::<Call>::new("library.list", ())).unwrap_err();
    assert!(denial.explain().contains("any_program"), "{}", denial.explain());
    assert!(!denial.discreet().contains("program"), "{}", denial.discreet());
    let few = on_a_mac(&GOOD.replace("[\"*\"]", "[\"health\", \"asset.query\"]")).unwrap();
    assert!(!few.may_call(&peer(1000), "policy.show"), "what it does not list it grants nobody");
}

#[test]
fn any_program_is_granted_what_a_rule_lists_where_the_rule_says_so() {
    let policy = on_a_mac(&format!("{GOOD}any_program = true\n")).unwrap();
    assert_eq!(answer(&policy, &peer(1000), "asset.query", "library main"), "me location");
    let here = parse(&format!("{GOOD}any_program = true\n")).unwrap();
    assert_eq!(here, parse(GOOD).unwrap(), "elsewhere it says what is so anyway");
    let not = on_a_mac(&format!("{GOOD}any_program = false\n")).unwrap();
    assert_eq!(not, on_a_mac(GOOD).unwrap());
}

#[test]
fn what_only_macos_can_check_is_refused_elsewhere() {
    let line = format!("code_requirement = '{VIEWER}'");
    refuses_for(&world(), &line, 20, "only macOS can check `code_requirement`");
    refuses_for(&world(), "any_program = false", 15, "only macOS can check `any_program = false`");
    assert!(on_a_mac(&format!("{GOOD}{line}\n")).is_ok());
}

#[test]
fn a_requirement_that_is_none_is_refused_where_it_stands() {
    let of = |text: &str| format!("code_requirement = {text:?}");
    refuses_for(&a_mac(), &of(""), 20, "the requirement is empty");
    refuses_for(&a_mac(), &of("  "), 20, "the requirement is empty");
    refuses_for(&a_mac(), "code_requirement = \"a\\u0000b\"", 20, "a control character");
    refuses_for(&a_mac(), "code_requirement = 1", 20, "invalid type");
    refuses_for(&a_mac(), "code_requirement = [\"a\"]", 20, "invalid type");
    refuses_for(&a_mac(), "any_program = \"yes\"", 15, "invalid type");
    let both = format!("{GOOD}{}\nany_program = true\n", of("anchor apple"));
    let error = on_a_mac(&both).unwrap_err();
    assert!(error.to_string().contains("contradict"), "{error}");
    assert_eq!((error.line(), error.column()), (14, 15));
    assert!(on_a_mac(&format!("{GOOD}{}\n", of(&"a".repeat(MAX_REQUIREMENT_BYTES)))).is_ok());
    for over in [1, 100_000] {
        let long = of(&"a".repeat(MAX_REQUIREMENT_BYTES + over));
        refuses_for(&a_mac(), &long, 20, &format!("{MAX_REQUIREMENT_BYTES} are allowed"));
    }
}

#[test]
fn a_gid_is_the_number_of_a_group() {
    for (number, says) in [("-1", "-1"), ("65534", "65534"), ("4294967295", "is no gid")] {
        for world in [world(), a_mac()] {
            refuses_for(&world, &format!("gid = {number}"), 7, says);
        }
    }
    refuses_for(&world(), "gid = \"photos\"", 7, "invalid type");
    let policy = parse(&format!("{GOOD}gid = 7\n")).unwrap();
    let of_group = |gid| Peer { gid: Gid::new(gid), ..peer(1000) };
    assert!(policy.admit(&of_group(7)).is_ok());
    let denial = policy.admit(&of_group(8)).unwrap_err();
    assert!(denial.explain().contains("gid 8"), "{}", denial.explain());
}

#[test]
fn the_system_is_asked_only_what_decides_and_only_of_whom_a_rule_names() {
    let policy = macs();
    let asked = |uid| policy.requirements_for(&peer(uid)).len();
    assert_eq!([asked(501), asked(502), asked(503), asked(504), asked(65_534)], [2, 0, 0, 0, 0]);
    let kept = Peer { gid: Gid::new(20), ..peer(503) };
    assert_eq!(policy.requirements_for(&kept).len(), 1);
    let nobody = policy.admit(&kept).unwrap_err();
    assert!(nobody.explain().contains("does not meet"), "{}", nobody.explain());
    assert!(!nobody.discreet().contains("program"));
    assert!(parse(GOOD).unwrap().requirements_for(&peer(1000)).is_empty());
}

#[test]
fn a_rule_for_one_program_is_known_by_its_name() {
    let policy = macs();
    let for_one = ["anybody", "viewer", "exporter", "script", "kept", "gone"];
    let for_one: Vec<_> =
        for_one.into_iter().filter(|rule| policy.is_for_one_program(rule)).collect();
    assert_eq!(for_one, ["viewer", "exporter", "kept"]);
    let told: Vec<_> = policy.code_requirements().map(|(rule, _)| rule.as_str()).collect();
    assert_eq!(told, for_one);
}

#[test]
fn a_rule_is_explained_with_its_group_and_its_program() {
    let lines = macs().explain_clients();
    assert!(lines[0].contains("uid 501 may call health, policy.show, whatever else"), "{lines:?}");
    assert!(lines[1].contains("from a program that meets"), "{lines:?}");
    assert!(lines[3].starts_with("rule script: uid 502 may call"), "{lines:?}");
    assert!(lines[4].starts_with("rule kept: uid 503 with gid 20 from a program"), "{lines:?}");
}

#[test]
fn removing_any_line_of_a_policy_of_macos_never_allows_more() {
    let text = include_str!("../decisions-macos.toml").replace("BASE", "/base");
    let peers = ["501", "501 example.viewer", "501 example.exporter", "502", "503:20"];
    let granted = |policy: &Policy| -> Vec<String> {
        let ask = |who: &str, method: &str, object: &str| {
            let answer = answer(policy, &peer_of(who, policy), method, object);
            (!answer.starts_with("no ")).then(|| format!("{who} {method} {object}"))
        };
        let objects =
            [("health", "-"), ("asset.query", "library main"), ("export.start", "root exports x")];
        let all =
            peers.iter().flat_map(|who| objects.map(|(method, object)| (who, method, object)));
        all.filter_map(|(who, method, object)| ask(who, method, object)).collect()
    };
    let all = granted(&on_a_mac(&text).unwrap());
    let lines: Vec<&str> = text.lines().collect();
    let mut parsed = 0;
    for (gone, removed) in lines.iter().enumerate() {
        let kept = lines.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, line)| *line);
        let Ok(policy) = on_a_mac(&kept.collect::<Vec<_>>().join("\n")) else { continue };
        let more: Vec<_> = granted(&policy).into_iter().filter(|one| !all.contains(one)).collect();
        assert!(more.is_empty(), "without {removed:?}: {more:?}");
        parsed += 1;
    }
    assert!(parsed > 15, "{parsed}");
}
