//! The blocks of `docs/operations.md` that need no service manager and no disk of a kind, typed one
//! after the other in a home as the page has it.
//!
//! Blocks in `sh` are run, those in `console` are not: these name what a test does not have. All
//! run in one shell each, which ends at the first command that fails.

use std::path::Path;

use darkslide_fixture::{AlbumSpec, AssetSpec, Content, LibraryBuilder, Model, Version};
use darkslide_tests::process::{beside, command, run};
use darkslide_tests::service::Place;

use crate::DARKSLIDE;

/// The blocks in `sh` of the page.
fn blocks() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let page = std::fs::read_to_string(path).unwrap();
    let blocks = page.split("\n```sh\n").skip(1);
    blocks.map(|rest| rest.split("\n```\n").next().unwrap().to_owned()).collect()
}

#[test]
fn each_block_that_can_run_does_what_the_page_says() {
    let place = Place::new();
    let mut builder = LibraryBuilder::new(Model::Photos11);
    let mut members = vec![builder.asset(AssetSpec::photo("a.jpg", Content::jpeg(1)))];
    let away = AssetSpec::photo("away.jpg", Content::jpeg(2)).in_cloud(Version::Original);
    members.push(builder.asset(away));
    builder.album(AlbumSpec::new("Summer 2024").members(members));
    std::fs::create_dir(place.home().join("Pictures")).unwrap();
    let library = place.home().join("Pictures/Photos Library.photoslibrary");
    builder.build(&library).unwrap();
    let daemon = beside(DARKSLIDE, "darkslided").display().to_string();
    let _service = place.start(&daemon, &Place::policy(&library));
    let settings = place.home().join(".config/darkslide");
    std::fs::create_dir_all(&settings).unwrap();
    std::fs::copy(place.path().join("policy.toml"), settings.join("policy.toml")).unwrap();
    let programs = Path::new(DARKSLIDE).parent().unwrap().display().to_string();
    let blocks = blocks();
    assert!(blocks.len() >= 6, "they are found");
    for block in blocks {
        // The one that is to look at this daemon finds it by its variable.
        let mut shell = command(Path::new("/bin/sh"), &place.home());
        shell.args(["-e", "-c", &block]).current_dir(place.home());
        shell.env("PATH", format!("{programs}:/usr/local/bin:/usr/bin:/bin"));
        shell.env("DARKSLIDE_SOCKET", place.socket());
        let ended = run(&mut shell);
        assert_eq!(ended.code(), 0, "{block}\n{}\n{}", ended.stdout, ended.stderr);
    }
    assert!(place.exports().join("all/.darkslide").is_dir(), "and exported");
}
