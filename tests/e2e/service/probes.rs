//! The socket can be probed by hand, as docs/protocol.md shows (Python, socat, printf and nc), and
//! talked to from other languages, as docs/clients.md shows.
//!
//! The commands are taken out of those pages, so that they cannot rot: fenced blocks below a
//! heading that begins with a certain word.

use std::path::Path;
use std::process::Command;

use darkslide_tests::process::{command, run};
use darkslide_tests::service::{Place, Service};

use crate::serve_small;

/// The fenced blocks of a page below headings that begin with a word, with the language of their
/// fence.
fn blocks(page: &str, heading: &str) -> Vec<(String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = std::fs::read_to_string(page).unwrap();
    let (mut blocks, mut probing, mut open): (Vec<(String, String)>, bool, bool) =
        (Vec::new(), false, false);
    for line in text.lines() {
        if let Some(language) = line.strip_prefix("```") {
            open = !open && probing;
            if open {
                blocks.push((language.to_owned(), String::new()));
            }
        } else if open {
            let (_, block) = blocks.last_mut().unwrap();
            block.push_str(line);
            block.push('\n');
        } else if line.starts_with('#') {
            probing = line.trim_start_matches(['#', ' ']).starts_with(heading);
        }
    }
    blocks
}

pub(crate) fn installed(tool: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).output().unwrap();
    if !found.status.success() {
        darkslide_tests::shared::skip(&format!("{tool} is not installed"));
    }
    found.status.success()
}

#[test]
fn each_probe_of_the_page_gets_an_answer() {
    let blocks = blocks("protocol.md", "Probe");
    let languages: Vec<&str> = blocks.iter().map(|(language, _)| language.as_str()).collect();
    assert_eq!(
        languages,
        ["python", "sh", "sh"],
        "one of Python, one of socat, one of printf and nc"
    );
    let (place, _library, service) = serve_small();
    for (language, block) in blocks {
        let tool = if language == "python" {
            "python3"
        } else if block.contains("socat") {
            "socat"
        } else {
            "nc"
        };
        if !installed(tool) {
            continue;
        }
        let mut probe = match language.as_str() {
            "python" => {
                assert!(block.lines().count() <= 10, "ten lines: {block}");
                let mut probe = command(Path::new("/usr/bin/env"), &place.home());
                probe.args(["python3", "-c", &block]);
                probe
            }
            _ => {
                let mut probe = command(Path::new("/bin/sh"), &place.home());
                probe.args(["-c", &block]);
                probe
            }
        };
        let path = std::env::var_os("PATH").unwrap_or_default();
        let ended = run(probe.env("DARKSLIDE_SOCKET", &service.socket).env("PATH", path));
        assert!(
            ended.stdout.contains(r#""service":"darkslide""#)
                || ended.stdout.contains("'service': 'darkslide'"),
            "{block}\n{}\n{}",
            ended.stdout,
            ended.stderr
        );
    }
}

/// Runs a block of docs/clients.md with a daemon at `DARKSLIDE_SOCKET`, and returns what it prints.
fn printed(place: &Place, service: &Service, arguments: &[&str], block: &str) -> String {
    let mut program = command(Path::new("/usr/bin/env"), &place.home());
    let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("../client/python");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let ended = run(program
        .args(arguments)
        .arg(block)
        .env("DARKSLIDE_SOCKET", &service.socket)
        .env("PYTHONPATH", client)
        .env("PATH", path));
    assert!(ended.status.success(), "{block}\n{}\n{}", ended.stdout, ended.stderr);
    ended.stdout
}

#[test]
fn the_five_lines_of_python_list_an_album() {
    let blocks = blocks("clients.md", "Python");
    let languages: Vec<&str> = blocks.iter().map(|(language, _)| language.as_str()).collect();
    assert_eq!(languages, ["python", "python"]);
    if !installed("python3") {
        return;
    }
    let (place, _library, service) = serve_small();
    for (_, block) in &blocks {
        let told = printed(&place, &service, &["python3", "-B", "-W", "error", "-c"], block);
        assert!(told.contains("IMG_0.JPG"), "{block}\n{told}");
    }
    assert!(blocks[0].1.lines().count() <= 5, "five lines: {}", blocks[0].1);
}

#[test]
fn the_ten_lines_of_other_languages_get_an_answer() {
    let blocks = blocks("clients.md", "Ten lines");
    let languages: Vec<&str> = blocks.iter().map(|(language, _)| language.as_str()).collect();
    assert_eq!(languages, ["js", "perl"]);
    let (place, _library, service) = serve_small();
    for (language, block) in &blocks {
        assert!(block.lines().count() <= 10, "ten lines: {block}");
        let tool = if language == "js" { "node" } else { "perl" };
        // Neither is among the tools of the gate: what is not here is read, and not run.
        let found = Command::new("/usr/bin/env").args([tool, "-e", "1"]).output();
        if !found.is_ok_and(|found| found.status.success()) {
            println!("not run, {tool} is not here");
            continue;
        }
        let told = printed(&place, &service, &[tool, "-e"], block);
        assert!(told.contains("main") && told.contains("ready"), "{block}\n{told}");
    }
}
