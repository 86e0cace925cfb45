//! What goes into the libraries of these tests, and digests of what has to come out.
//!
//! Contents are compared by digest, wherever they stand; names are what each test says. It reads
//! no file of a library: the builder knows what it wrote.

use std::collections::{BTreeMap, BTreeSet};

use darkslide_fixture::{AlbumSpec, AssetSpec, BuiltLibrary, Content, FolderSpec, LibraryBuilder};

/// The digests of all contents of a tree.
pub(crate) fn digests(tree: &BTreeMap<String, Vec<u8>>) -> BTreeSet<String> {
    let contents = tree.values();
    contents.map(|bytes| blake3::hash(bytes).to_hex().to_string()).collect()
}

/// The digests of all files that a library really has, those of an export at least.
pub(crate) fn present(built: &BuiltLibrary) -> BTreeSet<String> {
    let files = built.assets().iter().flat_map(|asset| asset.files());
    files
        .filter(|file| file.present() && is_exported(file.version()))
        .map(|file| file.blake3())
        .collect()
}

fn is_exported(version: darkslide_fixture::Version) -> bool {
    use darkslide_fixture::Version;
    match version {
        Version::Original
        | Version::Edited
        | Version::LiveVideo
        | Version::EditedLiveVideo
        | Version::Raw => true,
        Version::Aae | Version::OriginalAae | Version::Preview => false,
    }
}

/// One of each: still, edit, live photo, RAW pair, film, missing original, two of one name.
pub(crate) fn one_of_each(library: &mut LibraryBuilder) {
    let day = |spec: AssetSpec, day| spec.taken_on(2024, 5, day);
    let still = library.asset(day(AssetSpec::photo("IMG_1.JPG", Content::jpeg(1)), 1));
    let edited = AssetSpec::photo("IMG_2.HEIC", Content::heic(2)).edited(Content::jpeg(3));
    let edited = library.asset(day(edited, 2));
    let live = AssetSpec::photo("IMG_3.HEIC", Content::heic(4)).live(Content::mov(5));
    library.asset(day(live, 3));
    let pair = AssetSpec::photo("IMG_4.JPG", Content::jpeg(6)).raw(Content::cr2(7));
    library.asset(day(pair, 4));
    library.asset(day(AssetSpec::movie("clip.MOV", Content::mov(8)), 5));
    let missing = AssetSpec::photo("IMG_6.JPG", Content::jpeg(9));
    library.asset(day(missing, 6).in_cloud(darkslide_fixture::Version::Original));
    library.asset(day(AssetSpec::photo("IMG_7.JPG", Content::jpeg(10)), 7));
    library.asset(day(AssetSpec::photo("img_7.jpg", Content::jpeg(11)), 7));
    let trips = library.folder(FolderSpec::new("Trips"));
    let album = AlbumSpec::new("Summer").within(trips);
    library.album(album.members([still, edited]));
}
