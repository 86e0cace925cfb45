//! The smallest image of an asset that is large enough to be shown in so many pixels.
//!
//! Previews first, then the current version itself where it is a still. Sizes come from the
//! headers of the files, through the door, within a bound; no image is decoded. The hazard: a
//! database that tells sizes which the files do not have.

use std::fs::File;
use std::os::unix::fs::FileExt;

use darkslide_door::Facts;
use darkslide_policy::RelPath;
use darkslide_protocol::value::Uuid;

use crate::bundle;
use crate::db::Stop;
use crate::image_header::{self, Pixels, Source};
use crate::query::resources;
use crate::resource::{FileFacts, Looker, Presence, Version};
use crate::session::Session;

/// Bytes of one file that are read for its size: a JPEG header takes a window for each of its
/// segments.
const MAX_HEADER_BYTES: usize = 256 * 1024;
/// Bytes that are read at once: most headers lie in the first of them.
const WINDOW_BYTES: usize = 4 * 1024;

/// An image of an asset that is on this disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// A preview, or the current version itself.
    pub version: Version,
    /// Below the bundle.
    pub path: RelPath,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// What `stat` told.
    pub facts: Facts,
}

/// What there is to be shown of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// This.
    Image(Thumbnail),
    /// No image of it is on this disk, or none whose header can be read.
    Nothing,
    /// The asset does not exist for the grant.
    Unknown,
}

/// Looks for the smallest image whose longer side has so many pixels; else for the largest.
pub(crate) fn thumbnail(
    session: &Session<'_>,
    uuid: &Uuid,
    min_pixels: u32,
) -> Result<Shown, Stop> {
    let Some(facts) = resources::facts_of(session, std::slice::from_ref(uuid))?.remove(uuid) else {
        return Ok(Shown::Unknown);
    };
    let mut looker = Looker::new(session.dir, session.grant);
    let previews = looker.previews(&facts);
    let mut best = best_of(session, Version::Preview, previews, min_pixels, None)?;
    if best.as_ref().is_none_or(|best| longer(best) < min_pixels) {
        let (version, still) = still(&mut looker, &facts);
        best = best_of(session, version, still, min_pixels, best)?;
    }
    looker.finish()?;
    Ok(best.map_or(Shown::Nothing, Shown::Image))
}

/// The current version, if it is one that can be shown as an image.
fn still(looker: &mut Looker<'_>, facts: &FileFacts) -> (Version, Option<Presence>) {
    let is_here = |it: &Presence| matches!(it, Presence::Here { .. });
    for version in [Version::Edited, Version::Original] {
        if facts.is_still() && (version == Version::Original || facts.adjusted) {
            let presence = Some(looker.presence(facts, version)).filter(is_here);
            if presence.is_some() {
                return (version, presence);
            }
        }
    }
    (Version::Original, None)
}

/// The better of the best so far and of the files that are here.
fn best_of(
    session: &Session<'_>,
    version: Version,
    files: impl IntoIterator<Item = Presence>,
    min_pixels: u32,
    mut best: Option<Thumbnail>,
) -> Result<Option<Thumbnail>, Stop> {
    for file in files {
        session.limit.check()?;
        let Presence::Here { path, facts } = file else { continue };
        let Some(Pixels { width, height }) = read_pixels(session, &path)? else { continue };
        let found = Thumbnail { version, path, width, height, facts };
        if best.as_ref().is_none_or(|best| is_better(&found, best, min_pixels)) {
            best = Some(found);
        }
    }
    Ok(best)
}

/// Large enough before too small; of those large enough the smallest, of the others the largest.
fn is_better(found: &Thumbnail, best: &Thumbnail, min_pixels: u32) -> bool {
    let (mine, its) = (longer(found), longer(best));
    if its >= min_pixels { mine >= min_pixels && mine < its } else { mine > its }
}

fn longer(thumbnail: &Thumbnail) -> u32 {
    Pixels { width: thumbnail.width, height: thumbnail.height }.longer()
}

/// None for what is no image, is gone by now, or can not be read.
fn read_pixels(session: &Session<'_>, path: &RelPath) -> Result<Option<Pixels>, Stop> {
    match session.dir.open_file(session.grant, path) {
        Ok(opened) => Ok(image_header::pixels(&mut Header::of(opened.file()))),
        Err(error) if error.is_of_the_machine() => Err(bundle::unavailable(error).into()),
        Err(_) => Ok(None),
    }
}

/// The beginning of a file and what its header points to, up to a bound.
struct Header<'f> {
    file: &'f File,
    window: Vec<u8>,
    begins: u64,
    left: usize,
}

impl<'f> Header<'f> {
    fn of(file: &'f File) -> Self {
        Self { file, window: Vec::new(), begins: 0, left: MAX_HEADER_BYTES }
    }

    fn in_window(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let begin = usize::try_from(offset.checked_sub(self.begins)?).ok()?;
        self.window.get(begin..begin.checked_add(length)?)
    }

    /// Reads a window from an offset on, at least of that length where the file has it.
    fn move_to(&mut self, offset: u64, length: usize) -> Option<()> {
        let wanted = length.max(WINDOW_BYTES);
        self.left = self.left.checked_sub(wanted)?;
        self.window.resize(wanted, 0);
        self.begins = offset;
        let mut read = 0;
        while let Some(rest) = self.window.get_mut(read..).filter(|rest| !rest.is_empty()) {
            let at = offset.checked_add(u64::try_from(read).ok()?)?;
            match self.file.read_at(rest, at).ok()? {
                0 => break,
                more => read += more,
            }
        }
        self.window.truncate(read);
        Some(())
    }
}

impl Source for Header<'_> {
    fn fill(&mut self, offset: u64, buffer: &mut [u8]) -> bool {
        if self.in_window(offset, buffer.len()).is_none()
            && self.move_to(offset, buffer.len()).is_none()
        {
            self.window.clear();
            return false;
        }
        match self.in_window(offset, buffer.len()) {
            Some(bytes) => buffer.copy_from_slice(bytes),
            None => return false,
        }
        true
    }
}
