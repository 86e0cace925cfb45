//! The units and the LaunchAgent, setting by setting: what is shipped below `launchd/`, and what
//! `darkslide service` makes of it.
//!
//! Each setting is known here by name, so that one that systemd or launchd would ignore for a
//! typing error is found. systemd's own tools look over the units too. The hazard: a number that
//! looks octal and is not, a key in the wrong section, a hardening that is not there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use darkslide_tests::process::{Ended, run};
use darkslide_tests::shared::skip;

use crate::darkslide;
use crate::service_command::installed;

/// The most that the exposure of the system unit may be, in tenths, as `systemd-analyze security`
/// counts.
const MAX_EXPOSURE_TENTHS: u32 = 10;

/// What may stand in a section.
const KNOWN: &[(&str, &[&str])] = &[
    ("Unit", &["Description", "Requires", "Wants", "After", "StartLimitIntervalSec"]),
    ("Install", &["WantedBy"]),
    ("Timer", &["OnCalendar", "Persistent", "RandomizedDelaySec"]),
    (
        "Socket",
        &[
            "ListenStream",
            "SocketUser",
            "SocketMode",
            "DirectoryMode",
            "RemoveOnStop",
            "TriggerLimitIntervalSec",
        ],
    ),
    (
        "Service",
        &[
            "Type",
            "User",
            "ExecStart",
            "Restart",
            "RestartSec",
            "SuccessExitStatus",
            "RestartForceExitStatus",
            "RestartPreventExitStatus",
            "TimeoutStopSec",
            "StateDirectory",
            "StateDirectoryMode",
            "UMask",
            "ProtectSystem",
            "ProtectHome",
            "PrivateTmp",
            "PrivateDevices",
            "DevicePolicy",
            "PrivateUsers",
            "PrivateIPC",
            "RemoveIPC",
            "KeyringMode",
            "ProtectProc",
            "ProcSubset",
            "PrivateNetwork",
            "IPAddressDeny",
            "RestrictAddressFamilies",
            "NoNewPrivileges",
            "CapabilityBoundingSet",
            "AmbientCapabilities",
            "RestrictSUIDSGID",
            "RestrictNamespaces",
            "RestrictRealtime",
            "LockPersonality",
            "MemoryDenyWriteExecute",
            "ProtectKernelTunables",
            "ProtectKernelModules",
            "ProtectKernelLogs",
            "ProtectControlGroups",
            "ProtectClock",
            "ProtectHostname",
            "SystemCallArchitectures",
            "SystemCallFilter",
            "SystemCallErrorNumber",
            "LimitCORE",
            "LimitNOFILE",
            "MemoryMax",
            "MemorySwapMax",
            "TasksMax",
        ],
    ),
];

/// A unit: by section and key, in the order of the file.
struct Unit(Vec<(String, String, String)>);

impl Unit {
    /// Reads it, and refuses what is not known.
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let (mut section, mut settings) = ("", Vec::new());
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = name;
                continue;
            }
            let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{path:?}: {line}"));
            let known = KNOWN.iter().find(|(name, _)| *name == section);
            let (_, keys) = known.unwrap_or_else(|| panic!("{path:?}: no section {section:?}"));
            assert!(keys.contains(&key), "{path:?}: [{section}] knows no {key:?}");
            assert!(!line.ends_with('\\'), "{path:?}: a line that goes on: {line}");
            settings.push((section.to_owned(), key.to_owned(), value.to_owned()));
        }
        Self(settings)
    }

    fn all(&self, section: &str, key: &str) -> Vec<&str> {
        let of = self.0.iter().filter(|(s, k, _)| s == section && k == key);
        of.map(|(_, _, value)| value.as_str()).collect()
    }

    #[track_caller]
    fn says(&self, section: &str, settings: &[(&str, &str)]) {
        for (key, value) in settings {
            assert_eq!(self.all(section, key), [*value], "[{section}] {key}");
        }
    }
}

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../launchd").join(name)
}

/// How the daemon's service starts and ends, whichever manager it is.
const LIFE: &[(&str, &str)] = &[
    ("Type", "exec"),
    ("Restart", "on-failure"),
    ("RestartSec", "1"),
    ("SuccessExitStatus", "75"),
    ("RestartForceExitStatus", "75"),
    ("RestartPreventExitStatus", "78"),
    ("TimeoutStopSec", "20"),
    ("NoNewPrivileges", "yes"),
    ("RestrictAddressFamilies", "AF_UNIX"),
    ("UMask", "0077"),
    ("LimitCORE", "0"),
    ("LimitNOFILE", "512"),
];

#[test]
fn the_user_units_say_what_they_must() {
    for folder in ["systemd/user", "systemd/system"] {
        for entry in fs::read_dir(shipped(folder)).unwrap() {
            drop(Unit::read(&entry.unwrap().path()));
        }
    }
    let (home, files) = installed();
    let units: BTreeMap<&str, Unit> = files
        .iter()
        .map(|path| (path.file_name().unwrap().to_str().unwrap(), Unit::read(path)))
        .collect();
    let socket = &units["darkslided.socket"];
    socket.says(
        "Socket",
        &[
            ("ListenStream", "%t/darkslide/s"),
            ("SocketMode", "0600"),
            ("DirectoryMode", "0700"),
            ("RemoveOnStop", "yes"),
            ("TriggerLimitIntervalSec", "0"),
        ],
    );
    socket.says("Install", &[("WantedBy", "sockets.target")]);
    let service = &units["darkslided.service"];
    service.says("Service", LIFE);
    service.says("Unit", &[("Requires", "darkslided.socket"), ("StartLimitIntervalSec", "0")]);
    let program = format!("\"{}\"", home.path("bin/darkslided").display());
    service.says("Service", &[("ExecStart", &program)]);
    assert!(service.all("Install", "WantedBy").is_empty(), "only a connection starts it");
    let timer = &units["darkslide-export-nightly.timer"];
    timer.says("Timer", &[("OnCalendar", "*-*-* 04:30:00"), ("Persistent", "true")]);
    timer.says("Install", &[("WantedBy", "timers.target")]);
    let export = &units["darkslide-export-nightly.service"];
    export.says("Service", &[("Type", "oneshot"), ("SuccessExitStatus", "4")]);
    assert!(export.all("Service", "Restart").is_empty());
}

#[test]
fn the_system_units_say_what_they_must() {
    let socket = Unit::read(&shipped("systemd/system/darkslided@.socket"));
    socket.says(
        "Socket",
        &[
            ("ListenStream", "/run/darkslide/%i/s"),
            ("SocketUser", "%i"),
            ("SocketMode", "0600"),
            ("DirectoryMode", "0755"),
            ("RemoveOnStop", "yes"),
            ("TriggerLimitIntervalSec", "0"),
        ],
    );
    let service = Unit::read(&shipped("systemd/system/darkslided@.service"));
    service.says("Service", LIFE);
    service.says(
        "Service",
        &[
            ("User", "%i"),
            ("StateDirectory", "darkslide/%i"),
            ("StateDirectoryMode", "0700"),
            ("CapabilityBoundingSet", ""),
            ("AmbientCapabilities", ""),
            ("ProtectSystem", "strict"),
            ("ProtectHome", "tmpfs"),
            ("PrivateUsers", "yes"),
            ("SystemCallErrorNumber", "EPERM"),
        ],
    );
    let command = service.all("Service", "ExecStart")[0];
    let words =
        "/usr/local/bin/darkslided --socket /run/darkslide/%i/s --policy /etc/darkslide/%i.toml";
    assert_eq!(command, words);
    let filters = service.all("Service", "SystemCallFilter");
    assert!(filters[0].starts_with('@') && filters[1].starts_with("~@privileged"), "{filters:?}");
    for call in
        ["landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp"]
    {
        assert!(filters[2].split(' ').any(|allowed| allowed == call), "{call} stays allowed");
    }
}

/// Every key that an agent of ours may have, with the kind of its value.
const AGENT_KEYS: &[&str] = &[
    "ExitTimeOut",
    "HardResourceLimits",
    "Label",
    "LimitLoadToSessionType",
    "ProcessType",
    "ProgramArguments",
    "Sockets",
    "SoftResourceLimits",
    "StandardErrorPath",
    "StandardOutPath",
    "StartCalendarInterval",
    "Umask",
];

fn agent(name: &str) -> plist::Dictionary {
    let text = fs::read(shipped(name)).unwrap();
    let value = plist::Value::from_reader_xml(text.as_slice()).unwrap();
    let agent = value.into_dictionary().unwrap();
    for key in agent.keys() {
        assert!(AGENT_KEYS.contains(&key.as_str()), "{name}: {key} is not known");
    }
    agent
}

fn number(dictionary: &plist::Dictionary, key: &str) -> u64 {
    dictionary[key].as_unsigned_integer().unwrap()
}

#[test]
fn the_agent_says_what_it_must() {
    let agent = agent("darkslided.plist");
    let text = |key: &str| agent[key].as_string().unwrap();
    assert_eq!(text("Label"), "darkslide.darkslided");
    assert_eq!(text("LimitLoadToSessionType"), "Aqua");
    assert_eq!(text("ProcessType"), "Adaptive");
    assert_eq!(number(&agent, "ExitTimeOut"), 20);
    assert_eq!(number(&agent, "Umask"), 0o077);
    for limits in ["SoftResourceLimits", "HardResourceLimits"] {
        let limits = agent[limits].as_dictionary().unwrap();
        assert_eq!((number(limits, "Core"), number(limits, "NumberOfFiles")), (0, 512));
    }
    let sockets = agent["Sockets"].as_dictionary().unwrap();
    assert_eq!(sockets.keys().collect::<Vec<_>>(), ["Listener"]);
    let listener = sockets["Listener"].as_dictionary().unwrap();
    assert_eq!(listener.len(), 3);
    assert_eq!(number(listener, "SockPathMode"), 0o600, "decimal 384");
    assert_eq!(listener["SockType"].as_string(), Some("stream"));
    let socket = listener["SockPathName"].as_string().unwrap();
    assert_eq!(socket, "@HOME@/Library/Application Support/darkslide/s");
    let program = agent["ProgramArguments"].as_array().unwrap();
    assert_eq!(
        program.iter().map(|word| word.as_string().unwrap()).collect::<Vec<_>>(),
        ["@PROGRAM@"]
    );
    assert!(text("StandardErrorPath").starts_with("@HOME@/Library/Logs/"));
    for absent in ["KeepAlive", "RunAtLoad", "EnvironmentVariables", "Program"] {
        assert!(!agent.contains_key(absent), "{absent}");
    }
}

#[test]
fn the_agent_of_an_export_says_what_it_must() {
    let agent = agent("darkslide-export-NAME.plist");
    assert_eq!(agent["Label"].as_string(), Some("darkslide.export.NAME"));
    assert_eq!(number(&agent, "Umask"), 0o077);
    let when = agent["StartCalendarInterval"].as_dictionary().unwrap();
    assert_eq!((number(when, "Hour"), number(when, "Minute")), (4, 30));
    assert!(!agent.contains_key("KeepAlive") && !agent.contains_key("RunAtLoad"));
}

#[test]
fn the_policy_that_a_mac_begins_with_is_one() {
    let text = fs::read_to_string(shipped("policy-macos.toml")).unwrap();
    // Only a Mac enforces this key, and there nothing is granted without it.
    assert_eq!(text.matches("\nany_program = true\n").count(), 1);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.toml");
    fs::write(&file, text.replace("\nany_program = true\n", "\n")).unwrap();
    let told = run(darkslide(folder.path()).args(["policy", "check"]).arg(&file));
    assert_eq!(told.code(), 0, "{}", told.stderr);
    assert!(told.stdout.contains("main") && told.stdout.contains("exports"), "{}", told.stdout);
}

/// `systemd-analyze` in a runtime folder of the test's own; none where it is not installed.
fn analyze(folder: &Path, words: &[&str]) -> Option<Ended> {
    let found = ["/usr/bin", "/bin"].map(|bin| Path::new(bin).join("systemd-analyze"));
    let Some(program) = found.iter().find(|path| path.is_file()) else {
        skip("systemd-analyze is not installed");
        return None;
    };
    let runtime = folder.join("run");
    fs::create_dir_all(&runtime).unwrap();
    let mut command = Command::new(program);
    command.env_clear().env("HOME", folder).env("XDG_RUNTIME_DIR", runtime);
    Some(run(command.args(words).current_dir(folder)))
}

/// The system units as they are shipped, but for the program, which must be there to be looked at.
fn system_units(folder: &Path) {
    for name in ["darkslided@.service", "darkslided@.socket"] {
        let text = fs::read_to_string(shipped("systemd/system").join(name)).unwrap();
        let text = text.replace("/usr/local/bin/darkslided", "/bin/sh");
        fs::write(folder.join(name), text).unwrap();
    }
}

#[test]
fn systemd_counts_the_system_unit_as_safe() {
    let folder = tempfile::tempdir().unwrap();
    system_units(folder.path());
    let words = ["security", "--offline=true", "--no-pager", "./darkslided@.service"];
    let Some(told) = analyze(folder.path(), &words) else { return };
    assert_eq!(told.code(), 0, "{}", told.stderr);
    let line = told.stdout.lines().find(|line| line.contains("exposure level for"));
    let line = line.unwrap_or_else(|| panic!("no score: {}", told.stdout));
    let score = line.rsplit(": ").next().unwrap().split(' ').next().unwrap();
    println!("exposure of the system unit: {score}");
    let (whole, tenths) = score.split_once('.').unwrap();
    let tenths = whole.parse::<u32>().unwrap() * 10 + tenths.parse::<u32>().unwrap();
    assert!(tenths <= MAX_EXPOSURE_TENTHS, "{line}\n{}", told.stdout);
}

#[test]
fn systemd_finds_nothing_wrong_in_any_unit() {
    let folder = tempfile::tempdir().unwrap();
    system_units(folder.path());
    let units = ["./darkslided@me.service", "./darkslided@me.socket"];
    let words = [&["verify", "--man=no"][..], &units].concat();
    let Some(told) = analyze(folder.path(), &words) else { return };
    assert_eq!((told.code(), told.stderr.as_str()), (0, ""), "{}", told.stdout);
    let (_home, files) = installed();
    let files: Vec<&str> = files.iter().map(|path| path.to_str().unwrap()).collect();
    let words = [&["--user", "verify", "--man=no"][..], &files].concat();
    let told = analyze(folder.path(), &words).unwrap();
    assert_eq!((told.code(), told.stderr.as_str()), (0, ""), "{}", told.stdout);
    // It does find what is wrong.
    let unit = folder.path().join("darkslided@.service");
    let text = fs::read_to_string(&unit).unwrap();
    fs::write(&unit, text.replace("UMask=", "Umaks=")).unwrap();
    let told = analyze(folder.path(), &["verify", "--man=no", units[0]]).unwrap();
    assert!(told.stderr.contains("Unknown key"), "{}", told.stderr);
}
