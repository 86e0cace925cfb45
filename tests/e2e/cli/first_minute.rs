//! The transcript of `docs/first-minute.md`, made from a clean home: what a person types who has
//! just installed the two programs, and what comes back.
//!
//! `DARKSLIDE_BLESS=1` writes the page, to be read by a person; without, a difference fails. What
//! another run must change (identities, process numbers, sizes of disks, times) is made equal on
//! both sides, and nothing else. The hazard: a page that shows what the programs said a year ago.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use darkslide_fixture::{AlbumSpec, AssetSpec, Content, LibraryBuilder, Model};
use darkslide_tests::process::{PATIENCE, Running, beside, command, run};
use darkslide_tests::service::Place;

use crate::DARKSLIDE;

/// What stands on the page: words, or what is typed.
enum Step {
    Say(&'static str),
    Type(&'static str),
    /// The same, and it goes on in the background.
    Start(&'static str),
}

use Step::{Say, Start, Type};

const STEPS: &[Step] = &[
    Say(
        "# The first minute\n\nFrom a clean home to a verified export. A test made this page by typing it \
         (`tests/e2e/cli/first_minute.rs`);\nidentities, process numbers, sizes of disks and times are those of \
         no run. The two programs are on `PATH`, and a\nlibrary is where Photos puts it. `darkslide demo` shows \
         the same on a library of its own, and what is refused.\n\n## What is there, and what is missing\n\n`doctor` walks the chain \
         from the program to the disk. It ends with 5 where a daemon is all that is missing.",
    ),
    Type("darkslide doctor"),
    Say(
        "## The policy\n\nThe built-in policy is enough for a first look. As a file it can be read and changed; \
         [policy.md](policy.md) explains\neach key.",
    ),
    Type("darkslide policy init"),
    Type("darkslide policy check ~/.config/darkslide/policy.toml"),
    Say(
        "## The daemon\n\nBy hand here. `darkslide service install` has launchd or systemd start it at the first \
         connection instead\n([operations.md](operations.md)); all that follows is the same.",
    ),
    Start("darkslided"),
    Type("darkslide policy show"),
    Say("## Look, export, verify"),
    Type("darkslide info"),
    Type("darkslide albums"),
    Type("darkslide plan ~/Exports/summer --album 'Summer 2024'"),
    Type("darkslide export ~/Exports/summer --album 'Summer 2024'"),
    Type("darkslide verify ~/Exports/summer --by hash"),
    Type("darkslide verify --offline ~/Exports/summer"),
    Type("darkslide jobs"),
    Say("## And the chain as it is now"),
    Type("darkslide doctor"),
    Type("darkslide socket"),
];

/// A clean home with a library where Photos puts it.
struct Scene {
    place: Place,
    programs: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let place = Place::new();
        std::fs::remove_dir(place.exports()).unwrap();
        let mut builder = LibraryBuilder::new(Model::Photos11);
        let live = AssetSpec::photo("IMG_0003.HEIC", Content::heic(3)).live(Content::mov(4));
        let edited = AssetSpec::photo("IMG_0002.JPG", Content::jpeg(2)).edited(Content::jpeg(5));
        let photo = AssetSpec::photo("IMG_0001.JPG", Content::jpeg(1));
        let mut members = Vec::new();
        for (day, spec) in (1..).zip([photo, edited, live]) {
            members.push(builder.asset(spec.taken_on(2024, 7, day)));
        }
        builder.album(AlbumSpec::new("Summer 2024").members(members));
        builder.asset(AssetSpec::photo("IMG_0004.JPG", Content::jpeg(6)).taken_on(2024, 9, 1));
        std::fs::create_dir(place.home().join("Pictures")).unwrap();
        builder.build(&place.home().join("Pictures/Photos Library.photoslibrary")).unwrap();
        let daemon = beside(DARKSLIDE, "darkslided");
        let programs = daemon.parent().unwrap().to_owned();
        Self { place, programs }
    }

    fn shell(&self, line: &str) -> Command {
        let mut shell = command(Path::new("/bin/sh"), &self.place.home());
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.programs.display());
        shell.args(["-c", line]).env("PATH", path).current_dir(self.place.home());
        shell.env("XDG_RUNTIME_DIR", self.place.path().join("run"));
        shell
    }

    fn start(&self, line: &str) -> Running {
        let mut daemon = self.shell(&format!("exec {line}"));
        let daemon = daemon.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let daemon = Running(daemon);
        let until = Instant::now() + PATIENCE;
        while run(&mut self.shell("darkslide socket")).code() != 0 {
            assert!(Instant::now() < until, "{line} does not serve");
        }
        daemon
    }

    /// What no other run has, made equal.
    fn equal(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (path, shown) in [
            (self.place.path().join("run"), "/run/user/1000"),
            (self.place.home(), "/home/you"),
            (self.programs.clone(), "/usr/local/bin"),
        ] {
            text = text.replace(&path.display().to_string(), shown);
        }
        text.lines().map(equal_line).collect::<Vec<_>>().join("\n")
    }
}

/// An instant, as tables show it: a digit for each 0.
const INSTANT: &str = "0000-00-00T00:00:00";

/// A line with one instant in place of all.
fn equal_instants(line: &str) -> String {
    let is_one = |text: &str| {
        text.len() == INSTANT.len()
            && text.bytes().zip(INSTANT.bytes()).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                _ => byte == form,
            })
    };
    let mut line = line.to_owned();
    for at in 0..line.len() {
        if line.get(at..at + INSTANT.len()).is_some_and(is_one) {
            line.replace_range(at..at + INSTANT.len(), "2026-01-01T12:00:00");
        }
    }
    line
}

/// A line with other numbers in it where another run has others.
fn equal_line(line: &str) -> String {
    // What a policy says is no measurement.
    if line.starts_with("limits: ") {
        return line.to_owned();
    }
    let line = equal_instants(line);
    let mut shown = String::new();
    let (mut before, mut rest) = (String::new(), line.as_str());
    while !rest.is_empty() {
        let is_part = |it: char| it.is_ascii_alphanumeric() || it == '.';
        let end = rest.find(|it| !is_part(it)).unwrap_or(rest.len());
        if end == 0 {
            let first = rest.chars().next().map_or(1, char::len_utf8);
            shown.push_str(&rest[..first]);
            rest = &rest[first..];
            continue;
        }
        let (word, after) = rest.split_at(end);
        shown.push_str(&equal_word(word, &before, after));
        before = word.to_owned();
        rest = after;
    }
    shown.trim_end().to_owned()
}

fn equal_word(word: &str, before: &str, after: &str) -> String {
    let is_number = word.chars().all(|it| it.is_ascii_digit() || it == '.');
    let is_id = word.len() == 32 && word.chars().all(|it| it.is_ascii_hexdigit());
    let unit = after.trim_start().split([' ', ';', ',', '/']).next().unwrap_or_default();
    match (before, unit) {
        _ if is_id => "0123456789abcdef0123456789abcdef".to_owned(),
        ("pid", _) if is_number => "4711".to_owned(),
        ("uid", _) if is_number => "1000".to_owned(),
        ("ABI", _) if is_number => "7".to_owned(),
        (_, "s" | "ms") if is_number => "1".to_owned(),
        (_, "TB" | "GB") if is_number => "100".to_owned(),
        (_, _) if word == "TB" => "GB".to_owned(),
        _ => word.to_owned(),
    }
}

#[test]
fn the_page_is_what_a_clean_home_shows() {
    let scene = Scene::new();
    let (mut page, mut daemons) = (String::new(), Vec::new());
    for step in STEPS {
        match step {
            Say(words) => write!(page, "{words}\n\n").unwrap(),
            Start(line) => {
                daemons.push(scene.start(line));
                write!(page, "```console\n$ {line} &\n```\n\n").unwrap();
            }
            Type(line) => {
                let ended = run(&mut scene.shell(&format!("{line} 2>&1")));
                let told = scene.equal(ended.stdout.trim_end());
                let code = match ended.code() {
                    0 => String::new(),
                    code => format!("\n(exit status {code})"),
                };
                write!(page, "```console\n$ {line}\n{told}{code}\n```\n\n").unwrap();
            }
        }
    }
    let page = page.trim_end().to_owned() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/first-minute.md");
    if std::env::var_os("DARKSLIDE_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == page, "docs/first-minute.md is not what is shown: DARKSLIDE_BLESS=1\n{page}");
}

#[test]
fn what_another_run_changes_is_made_equal_and_nothing_else() {
    for (line, shown) in [
        ("pid  12345", "pid  4711"),
        ("up 3 s, 12 files", "up 1 s, 12 files"),
        ("space  root: 1.2 TB free; 30 GB", "space  root: 100 GB free; 100 GB"),
        ("3 KB in 0.2 s", "3 KB in 1 s"),
        ("at 2031-10-09T08:07:06 x", "at 2026-01-01T12:00:00 x"),
        ("job 0a1b2c3d4e5f60718293a4b5c6d7e8f9 ", "job 0123456789abcdef0123456789abcdef"),
        ("✓ Landlock ABI 4", "✓ Landlock ABI 7"),
        ("limits: 32 of one uid; 30 s", "limits: 32 of one uid; 30 s"),
    ] {
        assert_eq!(equal_line(line), shown);
    }
}
