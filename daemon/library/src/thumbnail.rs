//! The smallest image of an asset that is large enough to be shown in so many pixels.
//!
//! Previews first, then the current version itself where it is a still. Sizes come from the
//! headers of the files, through the door, within a bound; no image is decoded. The hazard: a
//! database that tells sizes which the files do not have.

use std::fs::File;
use std::os::unix::fs::FileExt;

use darkslide_protocol::value::Uuid;

use crate::db::Stop;
use crate::image_header::{self, Pixels, Source};
use crate::open::OpenFile;
use crate::query::resources;
use crate::resource::{Absence, FileFacts, Looker, Presence, Version};
use crate::session::Session;

/// Bytes of one file that are read for its size: a JPEG header takes a window for each of its
/// segments.
const MAX_HEADER_BYTES: usize = 256 * 1024;
/// Bytes that are read at once: most headers lie in the first of them.
const WINDOW_BYTES: usize = 4 * 1024;

/// An image of an asset that is on this disk, open for reading.
#[derive(Debug)]
pub struct Thumbnail {
    /// A preview, or the current version itself.
    pub file: OpenFile,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// What there is to be shown of an asset.
#[derive(Debug)]
pub enum Shown {
    /// This.
    Image(Thumbnail),
    /// No image of it is on this disk.
    Absent(Absence),
    /// It has no image, or none whose header can be read.
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
    let mut search = Search { session, facts: &facts, min_pixels, best: None };
    let previews = looker.previews(&facts);
    let lacks_previews = previews.is_empty() && facts.has(Version::Preview);
    let mut absence = lacks_previews.then(|| facts.reason(Version::Preview));
    for preview in previews {
        search.try_file(&mut looker, Version::Preview, &preview)?;
    }
    if search.best.as_ref().is_none_or(|best| longer(best) < min_pixels)
        && let Some((version, still)) = still(&mut looker, &facts)
    {
        absence = match still {
            Presence::Absent(why) => Some(why),
            Presence::Here { .. } | Presence::Outside { .. } => None,
        };
        search.try_file(&mut looker, version, &still)?;
    }
    looker.finish()?;
    Ok(match (search.best, absence) {
        (Some(best), _) => Shown::Image(best),
        (None, Some(why)) => Shown::Absent(why),
        (None, None) => Shown::Nothing,
    })
}

/// The current version, if it is one that can be shown as an image.
fn still(looker: &mut Looker<'_>, facts: &FileFacts) -> Option<(Version, Presence)> {
    let is_here = |it: &Presence| !matches!(it, Presence::Absent(_));
    let edited = (facts.is_still() && facts.adjusted)
        .then(|| looker.presence(facts, Version::Edited))
        .filter(is_here);
    match edited {
        Some(edited) => Some((Version::Edited, edited)),
        None => {
            facts.is_still().then(|| (Version::Original, looker.presence(facts, Version::Original)))
        }
    }
}

/// The best image so far, kept open.
struct Search<'a> {
    session: &'a Session<'a>,
    facts: &'a FileFacts,
    min_pixels: u32,
    best: Option<Thumbnail>,
}

impl Search<'_> {
    /// Takes a file if it is better. What is no image, is gone by now, or cannot be read is passed
    /// over.
    fn try_file(
        &mut self,
        looker: &mut Looker<'_>,
        version: Version,
        found: &Presence,
    ) -> Result<(), Stop> {
        self.session.limit.check()?;
        let Ok(Some(file)) = looker.open(found) else { return Ok(()) };
        let Some(Pixels { width, height }) = image_header::pixels(&mut Header::of(file.file()))
        else {
            return Ok(());
        };
        let file = OpenFile::new(self.facts, version, found, file);
        let found = Thumbnail { file, width, height };
        if self.best.as_ref().is_none_or(|best| is_better(&found, best, self.min_pixels)) {
            self.best = Some(found);
        }
        Ok(())
    }
}

/// Large enough before too small; of those large enough the smallest, of the others the largest.
fn is_better(found: &Thumbnail, best: &Thumbnail, min_pixels: u32) -> bool {
    let (mine, its) = (longer(found), longer(best));
    if its >= min_pixels { mine >= min_pixels && mine < its } else { mine > its }
}

fn longer(thumbnail: &Thumbnail) -> u32 {
    Pixels { width: thumbnail.width, height: thumbnail.height }.longer()
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
