//! Every real library of Photos 5 and later comes out as an independent reader says it should: the
//! same contents, and a reason for each file that is not on this disk.
//!
//! The libraries are unpacked below the target folder and never changed; a plain clone does not
//! have them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use darkslide_export::{Outcome, Spec};
use darkslide_protocol::filter::Include;
use serde_json::Value;

use crate::exporting::{Bench, Run, digests, shared};

/// The unpacked libraries, and what must come out of them.
pub(crate) fn unpacked() -> Option<(PathBuf, PathBuf)> {
    let Some(shared) = shared::shared_folder() else {
        shared::skip("the real libraries are not beside the workspace");
        return None;
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("real-libraries");
    let done = Command::new(shared.join("libraries/unpack")).arg(&folder).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    Some((folder, shared.join("expected")))
}

fn everything() -> Spec {
    Spec { include: Include::ALL.to_vec(), ..Spec::everything() }
}

/// The contents of the versions that an export writes, and how many of them are missing.
fn expected(file: &Path) -> (BTreeSet<String>, u64) {
    let (mut contents, mut missing) = (BTreeSet::new(), 0);
    for line in fs::read_to_string(file).unwrap().lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let version = row["version"].as_str().unwrap();
        if version == "aae" || version == "original_aae" {
            continue;
        }
        match row["blake3"].as_str() {
            Some(digest) => {
                contents.insert(digest.to_owned());
            }
            None => missing += 1,
        }
    }
    (contents, missing)
}

/// What is on the disk although the independent reader believes a column that says it is not: there
/// an asset of a shared album (`9D671650-…`), whose file lies where those of shared albums lie.
fn more_than_expected(library: &str) -> &'static [&'static str] {
    match library {
        "Test-Shared-10.15.1" => {
            &["22797ad9c23b4e2f2aa58072c7e54eed33e78ec42f45714c403d8a15faa04027"]
        }
        _ => &[],
    }
}

#[test]
fn each_real_library_comes_out_as_an_independent_reader_says() {
    let Some((folder, expectations)) = unpacked() else {
        return;
    };
    let mut seen = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let bundle = entry.unwrap().path();
        let name = bundle.file_stem().unwrap().to_str().unwrap().to_owned();
        let file = expectations.join(format!("{name}.files.jsonl"));
        let is_library = bundle.extension().is_some_and(|it| it == "photoslibrary");
        if !is_library || !bundle.join("database/Photos.sqlite").exists() || !file.exists() {
            continue;
        }
        let (contents, missing) = expected(&file);
        let bench = Bench::beside(&bundle);
        let run = || Run { spec: everything(), ..Run::default() };
        let summary = match bench.run(run()) {
            Ok(summary) => summary,
            Err(error) => panic!("{name}: {error:?}"),
        };
        let exported = digests(&bench.tree());
        let less: Vec<_> = contents.difference(&exported).collect();
        assert!(less.is_empty(), "{name}: {less:?}");
        let more: Vec<_> = exported.difference(&contents).collect();
        assert_eq!(more, more_than_expected(&name), "{name}");
        let told = |outcome| summary.outcomes.get(&outcome).copied().unwrap_or(0);
        assert!(told(Outcome::NotLocal) <= missing, "{name}");
        assert_eq!(told(Outcome::Copied), bench.tree().len() as u64, "{name}");
        let elsewhere = told(Outcome::NotLocal) + told(Outcome::Denied);
        assert_eq!(told(Outcome::Copied) + elsewhere, summary.selected);
        let again = bench.run(run()).unwrap();
        assert_eq!(again.files, 0, "{name}: a second run copies nothing");
        bench.assert_settled();
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}
