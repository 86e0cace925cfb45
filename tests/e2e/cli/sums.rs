//! `b3sum --check` itself, on what an export leaves: by hand, where `DARKSLIDE_B3SUM` names that
//! program (`cargo install b3sum --root DIR`). The engine's own tests hold the format; this one
//! holds that the format is that program's, for every name that the spec permits.

use std::process::Command;

use darkslide_fixture::{AssetSpec, Content, LibraryBuilder, Model};
use darkslide_tests::process::run;

use crate::on_library;

/// What a line of such a file must escape, or what a program could take for something else. That
/// program refuses any line with a replacement character (U+FFFD): no name of ours may have one.
const NAMES: &[&str] = &[
    "plain.jpg",
    "back\\slash.jpg",
    "line\nbreak.jpg",
    "carriage\rreturn.jpg",
    "  two  spaces .jpg",
    "-c.jpg",
    "*star.jpg",
    "\"quoted\".jpg",
    "replaced \u{fffd}.jpg",
    "Zu\u{308}rich \u{1f4f7}.jpg",
];

#[test]
fn b3sum_itself_finds_every_exported_file_as_it_should_be() {
    let Some(program) = std::env::var_os("DARKSLIDE_B3SUM") else {
        return; // By hand only.
    };
    let place = tempfile::tempdir().unwrap();
    let mut library = LibraryBuilder::new(Model::Photos11);
    for (name, seed) in NAMES.iter().zip(1..) {
        library.asset(AssetSpec::photo(*name, Content::jpeg(seed)).taken_on(2024, 5, 1));
    }
    let bundle = place.path().join("L.photoslibrary");
    library.build(&bundle).unwrap();
    for (words, to) in [(&[][..], "portable"), (&["--posix-names"], "posix")] {
        let to = place.path().join(to);
        let ended = run(on_library(place.path(), &bundle).arg("export").arg(&to).args(words));
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
        let mut check = Command::new(&program);
        let ended = run(check.current_dir(&to).args(["--check", ".darkslide/B3SUMS"]));
        assert_eq!(ended.code(), 0, "{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.stdout.lines().count(), NAMES.len(), "{}", ended.stdout);
    }
}
