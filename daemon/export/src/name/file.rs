//! The names of the files of one asset: a stem, the marks that tell its files apart, an extension.
//!
//! Pure. All files of an asset share its stem; which mark a version gets follows from what its
//! other files are called, and each version has one that no other has. Every mark that may be given
//! is in [`WORDS`], for it is taken off again ([`Marks::key`]) to find out whose name a name could
//! be: no mark ends in another one, so that this goes in one way alone. The hazard: `X` and its
//! edit `X_edited` beside an unrelated asset called `X_edited`, whose film would look like a live
//! video.

use darkslide_library::Version;
use darkslide_policy::Component;

use super::component::fold;
use super::{digits, extension};
use crate::spec::{EDITED_SUFFIX, Sidecar};

const RAW: &str = "_raw";
const LIVE: &str = "_live";
const PREVIEW: &str = "_preview";
const AAE: &str = "_aae";
/// Of the adjustments that the camera wrote.
const CAMERA: &str = "_camera";
const XMP: &str = "_xmp";
const JSON: &str = "_json";

/// All marks but that of edits, folded.
pub(super) const WORDS: [&str; 7] = [RAW, LIVE, PREVIEW, AAE, CAMERA, XMP, JSON];

const ADJUSTMENTS: &str = "aae";
/// What is added where a name without an extension would seem to have one: `X.mov`, which is the
/// whole title of a photo, could else be the video of another one that is called `X`.
const NO_EXTENSION: &str = "bin";

/// The marks of a shape.
#[derive(Debug)]
pub(super) struct Marks {
    /// What every edit gets; may be nothing.
    suffix: String,
    /// What an edit gets that would else be called like its original.
    edited: String,
    /// All of them, folded.
    words: Vec<String>,
}

impl Marks {
    pub(super) fn new(suffix: &str) -> Self {
        let edited = if suffix.is_empty() { EDITED_SUFFIX } else { suffix };
        let words = WORDS.iter().copied().chain([edited]).map(fold).collect();
        Self { suffix: suffix.to_owned(), edited: edited.to_owned(), words }
    }

    /// The bytes that a stem leaves free for marks.
    pub(super) fn room(&self) -> usize {
        (self.edited.len() + LIVE.len()).max(PREVIEW.len())
    }

    /// What all names of an asset's files have in common with those that they could be taken for:
    /// the stem without anything that we might have put there. So it can be told from a finished
    /// name, too, and names of different groups never meet.
    pub(super) fn key(&self, stem: &str) -> String {
        key_without(stem, &self.words)
    }

    /// Builds the name of one file; `others` are those of the same asset in the same folder,
    /// folded, and grow by it.
    pub(super) fn name(&self, stem: &str, file: File<'_>, others: &mut Vec<String>) -> Component {
        let (suffix, edited) = (self.suffix.as_str(), self.edited.as_str());
        let edited_live = format!("{edited}{LIVE}");
        // One after the other, until one is free; the last is nobody else's.
        let marks: &[&str] = match file {
            File::Version(Version::Original, _) => &[""],
            File::Version(Version::Edited, _) => &[suffix, edited],
            File::Version(Version::LiveVideo, _) => &["", LIVE],
            File::Version(Version::EditedLiveVideo, _) => &[suffix, edited, &edited_live],
            File::Version(Version::Raw, _) => &["", RAW],
            File::Version(Version::Aae, _) => &["", AAE],
            File::Version(Version::OriginalAae, _) => &[CAMERA],
            File::Version(Version::Preview, _) => &[PREVIEW],
            File::Sidecar(Sidecar::Xmp) => &["", XMP],
            File::Sidecar(Sidecar::Json) => &["", JSON],
        };
        let extension = file.extension();
        let names = marks.iter().map(|mark| with_extension(format!("{stem}{mark}"), extension));
        let name = free(names, others);
        others.push(fold(&name));
        Component::parse(&name).expect("cleaned, and with room for every mark")
    }
}

/// The first that nobody has, else the last.
fn free(names: impl Iterator<Item = String>, others: &[String]) -> String {
    let mut last = String::new();
    for name in names {
        let is_free = !others.contains(&fold(&name));
        last = name;
        if is_free {
            break;
        }
    }
    last
}

/// What is to be named.
#[derive(Debug, Clone, Copy)]
pub(super) enum File<'a> {
    Version(Version, Option<&'a str>),
    Sidecar(Sidecar),
}

impl<'a> File<'a> {
    fn extension(self) -> Option<&'a str> {
        match self {
            Self::Version(Version::Aae | Version::OriginalAae, extension) => {
                let fits = |it: &&str| it.eq_ignore_ascii_case(ADJUSTMENTS);
                Some(extension.filter(fits).unwrap_or(ADJUSTMENTS))
            }
            Self::Version(
                Version::Original
                | Version::Edited
                | Version::LiveVideo
                | Version::EditedLiveVideo
                | Version::Raw
                | Version::Preview,
                extension,
            ) => extension,
            Self::Sidecar(sidecar) => Some(sidecar.word()),
        }
    }
}

fn with_extension(name: String, extension: Option<&str>) -> String {
    match extension {
        Some(extension) => format!("{name}.{extension}"),
        None if extension::split(&name).1.is_some() => format!("{name}.{NO_EXTENSION}"),
        None => name,
    }
}

/// Strips, again and again, digits in brackets and these words from the folded form of a name.
pub(super) fn key_without(name: &str, words: &[String]) -> String {
    let mut rest = fold(name);
    loop {
        let shorter = words
            .iter()
            .find_map(|word| rest.strip_suffix(word.as_str()))
            .or_else(|| digits::without_bracketed(&rest));
        match shorter.map(str::len) {
            Some(length) => rest.truncate(length),
            None => return rest,
        }
    }
}
