//! The pages hold what they promise: every `darkslide …` line of README and `docs/` is a command
//! line that this program takes.
//!
//! Lines of code blocks are split as a shell splits them, and each command of a pipe or list that
//! is ours is parsed; so are commands that stand in a sentence as code. Nothing is run here. The
//! hazard: an option that was renamed, and a page that a person still types from.

use std::path::{Path, PathBuf};

use clap::Parser;
use clap::error::ErrorKind;

use crate::args::Arguments;

/// Words that go before a command.
const BEFORE: [&str; 6] = ["sudo", "exec", "time", "nohup", "then", "!"];

/// A shell's word, or what stands between commands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Word(String),
    /// `|`, `;`, `&`, a bracket of a list.
    Between,
    /// `>` or `<`, whose target follows.
    Redirect,
}

/// Splits a line as a shell does, as far as our pages use one; variables stay as they are written.
fn pieces(line: &str) -> Vec<Piece> {
    let (mut pieces, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = line.chars().peekable();
    let end = |word: &mut Option<String>, pieces: &mut Vec<Piece>| {
        pieces.extend(word.take().map(Piece::Word));
    };
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (Some('\''), _) => word.get_or_insert_default().push(character),
            (_, '\\') => word.get_or_insert_default().extend(characters.next()),
            (Some(_), _) => word.get_or_insert_default().push(character),
            (None, '"' | '\'') => {
                word.get_or_insert_default();
                quote = Some(character);
            }
            (None, ' ' | '\t') => end(&mut word, &mut pieces),
            (None, '#') if word.is_none() => break,
            (None, '|' | ';' | '&' | '(' | ')') => {
                end(&mut word, &mut pieces);
                pieces.push(Piece::Between);
            }
            (None, '>' | '<') => {
                // The number of a descriptor belongs to it.
                if word.as_deref().is_none_or(|it| !it.chars().all(|c| c.is_ascii_digit())) {
                    end(&mut word, &mut pieces);
                }
                word = None;
                while characters.next_if(|next| matches!(next, '>' | '&')).is_some() {}
                pieces.push(Piece::Redirect);
            }
            (None, _) => word.get_or_insert_default().push(character),
        }
    }
    end(&mut word, &mut pieces);
    pieces
}

/// The commands of a line, each as its words.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut is_target = false;
    for piece in pieces(line) {
        match piece {
            Piece::Between => commands.push(Vec::new()),
            Piece::Redirect => is_target = true,
            Piece::Word(_) if is_target => is_target = false,
            Piece::Word(word) => {
                let command = commands.last_mut().expect("begun above");
                let is_variable = word.split_once('=').is_some_and(|(name, _)| {
                    name.chars().all(|it| it.is_ascii_uppercase() || it == '_')
                });
                if !command.is_empty() || !(is_variable || BEFORE.contains(&word.as_str())) {
                    command.push(word);
                }
            }
        }
    }
    commands.retain(|command| !command.is_empty());
    commands
}

/// Lines of code: of blocks between fences or set in by four blanks, with what is continued put
/// together, and of a transcript only what was typed; and code within a sentence, if it is a whole
/// command.
fn code(page: &str) -> Vec<(usize, String)> {
    let (mut found, mut block, mut is_fenced) = (Vec::new(), Vec::new(), false);
    for (number, line) in (1..).zip(page.lines()) {
        let is_fence = line.trim_start().starts_with("```");
        if !is_fence && (is_fenced || line.starts_with("    ")) {
            block.push((number, line.trim_start()));
            continue;
        }
        is_fenced ^= is_fence;
        found.extend(typed(&std::mem::take(&mut block)));
        let spans = line.split('`').skip(1).step_by(2);
        let is_command =
            |span: &&str| span.starts_with("darkslide ") && !span.contains(['…', '[', '|', '<']);
        found.extend(spans.filter(is_command).map(|span| (number, span.to_owned())));
    }
    found.extend(typed(&block));
    found
}

/// What a block has a person type.
fn typed(block: &[(usize, &str)]) -> Vec<(usize, String)> {
    let is_transcript = block.iter().any(|(_, line)| line.starts_with("$ "));
    let (mut found, mut begun) = (Vec::new(), None::<(usize, String)>);
    for (number, line) in block {
        if is_transcript && begun.is_none() && !line.starts_with("$ ") {
            continue;
        }
        let line = line.strip_prefix("$ ").unwrap_or(line);
        let (at, mut text) = begun.take().unwrap_or((*number, String::new()));
        text += line.trim_end_matches('\\');
        if line.ends_with('\\') {
            begun = Some((at, text));
        } else {
            found.push((at, text));
        }
    }
    found
}

/// Those of our commands that the program does not take, and why.
fn refused(page: &str) -> Vec<String> {
    let mut refused = Vec::new();
    for (number, line) in code(page) {
        for mut command in commands(&line) {
            if command.first().is_some_and(|it| it == "ds") {
                // As README has it.
                command.splice(..1, ["darkslide", "--library", "L"].map(str::to_owned));
            }
            let is_ours = command.first().is_some_and(|it| it == "darkslide");
            let Err(error) = (if is_ours { parse(&command) } else { Ok(()) }) else { continue };
            refused.push(format!("{number}: {}\n    {error}", command.join(" ")));
        }
    }
    refused
}

fn parse(command: &[String]) -> Result<(), String> {
    match Arguments::try_parse_from(command) {
        Ok(_) => Ok(()),
        Err(told) if matches!(told.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Ok(())
        }
        Err(told) => Err(told.to_string().lines().next().unwrap_or_default().to_owned()),
    }
}

#[expect(clippy::disallowed_methods, reason = "reads the pages")]
fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = vec![root.join("README.md")];
    for folder in ["docs", "docs/decisions"] {
        let entries = std::fs::read_dir(root.join(folder)).unwrap();
        let all = entries.map(|entry| entry.unwrap().path());
        pages.extend(all.filter(|path| path.extension().is_some_and(|end| end == "md")));
    }
    pages.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_command_of_the_pages_is_one_that_the_program_takes() {
    let mut all = Vec::new();
    let mut ours = 0;
    for (path, text) in pages() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        all.extend(refused(&text).into_iter().map(|line| format!("{name}:{line}")));
        ours += code(&text).iter().filter(|(_, line)| line.contains("darkslide ")).count();
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
    assert!(ours > 50, "they are found: {ours}");
}

#[test]
fn lines_are_split_as_a_shell_splits_them() {
    let words = |line: &str| commands(line).iter().map(|it| it.join("|")).collect::<Vec<_>>();
    for (line, expected) in [
        ("darkslide export 'a b' \"c d\" # why", vec!["darkslide|export|a b|c d"]),
        ("X=1 sudo darkslide info 2>&1 | less", vec!["darkslide|info", "less"]),
        (
            "cd x && darkslide jobs > all; darkslided &",
            vec!["cd|x", "darkslide|jobs", "darkslided"],
        ),
        (r#"a \"b ''"#, vec![r#"a|"b|"#]),
        ("a#b '#' #c", vec!["a#b|#"]),
        ("# only words", vec![]),
    ] {
        assert_eq!(words(line), expected, "{line}");
    }
}

#[test]
fn what_a_page_has_wrong_is_found_wherever_it_stands() {
    let page = "Say `darkslide infoo` or `darkslide jobs`, not `darkslide x [y]`.\n\n    \
                darkslide count --albun x\n\n```sh\n$ true | darkslide query \\\n  --limit 0\n\
                darkslide told this\n```\n\n```sh\nds info\n```\n";
    let found = refused(page);
    let starts = ["1: darkslide infoo", "3: darkslide count --albun x", "6: darkslide query"];
    assert_eq!(found.len(), starts.len(), "{found:?}");
    assert!(found.iter().zip(starts).all(|(found, start)| found.starts_with(start)), "{found:?}");
}
