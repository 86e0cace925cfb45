//! Files of the library that are mostly holes: their copies are equal, and have holes, too.
//!
//! Whether a file has holes is told by how many blocks it takes, where the disk tells that at all.
//! Contents are compared byte by byte, and by the digest in the manifest.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use darkslide_fixture::{AssetSpec, Content};

use crate::exporting::Bench;

const SIZE: u64 = 32 << 20;

fn original(bench: &Bench) -> PathBuf {
    let folders = fs::read_dir(bench.bundle.join("originals")).unwrap();
    let files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).next().unwrap()
}

/// Exports a file with something at these places.
fn export_with(places: &[u64]) -> (PathBuf, Bench) {
    let (bench, _) = Bench::with(|library| {
        library.asset(AssetSpec::photo("a.jpg", Content::jpeg(1)).taken_on(2024, 5, 1));
    });
    let source = original(&bench);
    let file = File::create(&source).unwrap();
    file.set_len(SIZE).unwrap();
    for place in places {
        file.write_all_at(b"something", *place).unwrap();
    }
    drop(file);
    bench.export();
    (source, bench)
}

#[test]
fn holes_are_neither_read_nor_written_and_the_content_is_the_same() {
    let middle = SIZE / 2 + 5;
    for places in [&[][..], &[0], &[middle], &[SIZE - 9], &[0, middle, SIZE - 9]] {
        let (source, bench) = export_with(places);
        let copy = bench.root.join(&bench.names()[0]);
        assert!(fs::read(&source).unwrap() == fs::read(&copy).unwrap(), "{places:?}");
        let (has, had) = (fs::metadata(&copy).unwrap(), fs::metadata(&source).unwrap());
        if had.blocks() * 512 < SIZE / 2 {
            assert!(has.blocks() * 512 < SIZE / 2, "{places:?}: {} blocks", has.blocks());
        }
        let digest = blake3::hash(&fs::read(&copy).unwrap()).to_hex();
        let manifest = fs::read_to_string(bench.record("manifest.jsonl")).unwrap();
        assert!(manifest.contains(digest.as_str()), "{places:?}");
    }
}
