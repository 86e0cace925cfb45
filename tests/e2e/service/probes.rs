//! The socket can be probed by hand, as docs/protocol.md shows: Python, socat, printf and nc.
//!
//! The commands are taken out of that page, so that it cannot rot: fenced blocks below a heading
//! that begins with "Probe".

use std::path::Path;
use std::process::Command;

use darkslide_tests::process::{command, run};

use crate::serve_small;

/// The fenced blocks of the page below headings that begin with "Probe", with the language of their
/// fence.
fn blocks() -> Vec<(String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md");
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
            probing = line.trim_start_matches(['#', ' ']).starts_with("Probe");
        }
    }
    blocks
}

fn installed(tool: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).output().unwrap();
    if !found.status.success() {
        darkslide_tests::shared::skip(&format!("{tool} is not installed"));
    }
    found.status.success()
}

#[test]
fn each_probe_of_the_page_gets_an_answer() {
    let blocks = blocks();
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
