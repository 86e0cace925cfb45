//! `resource.open`, `resource.read`, `thumbnail.open`: what is in a file of an asset, handed over.
//!
//! A file is asked for as an asset's version and opened by the reader under the grant, on its own
//! thread. Here alone a file becomes a descriptor for a peer, and only where the grant hands over
//! descriptors: whoever holds one may change mode and times of a file that its uid owns. The
//! hazard: an open file that outlives its answer; it is a value that is closed where it is dropped.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use darkslide_library::{OpenFile, Opened, Shown, Thumbnail};
use darkslide_policy::{Grant, Handover, Read};
use darkslide_protocol::error::WireError;
use darkslide_protocol::message::resource::{
    ResourceOpenParams, ResourceOpened, ResourcePart, ResourceReadParams,
};
use darkslide_protocol::message::thumbnail::{ThumbnailOpenParams, ThumbnailOpened};
use darkslide_protocol::method::{self, Method};

use super::resource::{version as word, which};
use super::{Caller, Service, fault, recorded};

/// A result, and the descriptor that goes with it.
#[derive(Debug)]
pub(crate) struct HandedOver<R> {
    pub(crate) result: R,
    pub(crate) descriptor: OwnedFd,
}

impl<R> HandedOver<R> {
    fn new(grant: &Grant<Read>, result: R, file: OpenFile) -> Self {
        let may = grant.covers().handover() == Handover::Descriptors;
        assert!(may, "the policy refuses these methods where it grants bytes alone");
        Self { result, descriptor: file.into_file().into() }
    }
}

impl Service {
    /// Answers `resource.open`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, `NOT_LOCAL`, and those of the library.
    pub(crate) async fn resource_open(
        &self,
        caller: &Caller,
        params: ResourceOpenParams,
    ) -> Result<HandedOver<ResourceOpened>, WireError> {
        let ResourceOpenParams { library, uuid, version } = params;
        let about = recorded::file(&library, &uuid, version);
        let handed = self
            .read::<method::ResourceOpen, _, _>(caller, &library, move |library, grant, limit| {
                let file = opened(library.open_version(grant, &uuid, which(version), limit))?;
                Ok(HandedOver::new(grant, told(&file), file))
            })
            .await?;
        let bytes = handed.result.size;
        self.record_descriptor(caller, method::ResourceOpen::NAME, about, bytes)?;
        Ok(handed)
    }

    /// Answers `resource.read`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, `NOT_LOCAL`, and those of the library.
    pub(crate) async fn resource_read(
        &self,
        caller: &Caller,
        params: ResourceReadParams,
    ) -> Result<ResourcePart, WireError> {
        let ResourceReadParams { library, uuid, version, offset, length } = params;
        let about = recorded::file(&library, &uuid, version);
        let (part, bytes) = self
            .read::<method::ResourceRead, _, _>(caller, &library, move |library, grant, limit| {
                let file = opened(library.open_version(grant, &uuid, which(version), limit))?;
                let (data, end) = part(file.file(), file.size(), offset, length)
                    .map_err(|error| fault::unreadable(&error))?;
                let bytes = data.len() as u64;
                Ok((ResourcePart::new(told(&file), offset, data, end), bytes))
            })
            .await?;
        self.record_bytes(caller, method::ResourceRead::NAME, about, bytes)?;
        Ok(part)
    }

    /// Answers `thumbnail.open`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, `NOT_LOCAL`, and those of the library.
    pub(crate) async fn thumbnail_open(
        &self,
        caller: &Caller,
        params: ThumbnailOpenParams,
    ) -> Result<HandedOver<ThumbnailOpened>, WireError> {
        let ThumbnailOpenParams { library, uuid, min_pixels } = params;
        let asked = uuid.clone();
        let handed = self
            .read::<method::ThumbnailOpen, _, _>(caller, &library, move |library, grant, limit| {
                let shown = library.thumbnail(grant, &uuid, min_pixels, limit);
                match shown.map_err(|error| fault::library(&error))? {
                    Shown::Image(Thumbnail { file, width, height }) => {
                        let result = ThumbnailOpened::new(told(&file), [width, height]);
                        Ok(HandedOver::new(grant, result, file))
                    }
                    Shown::Absent(why) => Err(fault::not_local(why)),
                    Shown::Nothing => Err(fault::no_image()),
                    Shown::Unknown => Err(fault::no_such_asset()),
                }
            })
            .await?;
        let about = recorded::file(&library, &asked, handed.result.version);
        let bytes = handed.result.size;
        self.record_descriptor(caller, method::ThumbnailOpen::NAME, about, bytes)?;
        Ok(handed)
    }
}

fn opened(answer: Result<Opened, darkslide_library::LibraryError>) -> Result<OpenFile, WireError> {
    match answer.map_err(|error| fault::library(&error))? {
        Opened::File(file) => Ok(file),
        Opened::Absent(why) => Err(fault::not_local(why)),
        Opened::NoVersion => Err(fault::no_such_version()),
        Opened::Unknown => Err(fault::no_such_asset()),
    }
}

fn told(file: &OpenFile) -> ResourceOpened {
    let (name, uti) = (file.name().to_owned(), file.uti().map(str::to_owned));
    ResourceOpened::new(word(file.version()), file.size(), name, uti)
}

/// Reads a part of a file of that size, and whether nothing follows it.
fn part(file: &File, size: u64, offset: u64, length: u32) -> io::Result<(Vec<u8>, bool)> {
    let wanted = u64::from(length).min(size.saturating_sub(offset));
    let mut data = vec![0; usize::try_from(wanted).unwrap_or(0)];
    let mut read = 0;
    while let Some(rest) = data.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + read as u64) {
            // It has become shorter since it was opened.
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let is_cut = read < data.len();
    data.truncate(read);
    Ok((data, is_cut || offset.saturating_add(wanted) >= size))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests")]
    use darkslide_policy::METHODS_WITH_DESCRIPTORS;
    use darkslide_protocol::limits::MAX_READ_BYTES;
    use darkslide_protocol::method::Method;

    use super::*;

    #[test]
    fn the_policy_knows_the_methods_that_hand_over_descriptors() {
        let ours = [method::ResourceOpen::NAME, method::ThumbnailOpen::NAME];
        assert_eq!(METHODS_WITH_DESCRIPTORS, ours);
    }

    #[test]
    fn parts_end_with_the_file_and_none_lies_beyond_it() {
        let temp = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(temp.path(), b"0123456789").unwrap();
        let file = temp.as_file();
        let read = |size, offset, length| part(file, size, offset, length).unwrap();
        for (offset, length, data, end) in [
            (0, 4, "0123", false),
            (4, 4, "4567", false),
            (8, 2, "89", true),
            (8, 4, "89", true),
            (0, MAX_READ_BYTES, "0123456789", true),
            (9, 1, "9", true),
            (10, 1, "", true),
            (11, MAX_READ_BYTES, "", true),
            (u64::MAX, MAX_READ_BYTES, "", true),
        ] {
            assert_eq!(read(10, offset, length), (data.into(), end), "{offset} {length}");
        }
        // Shorter, and longer, than it was when it was opened.
        assert_eq!(read(20, 8, 4), (b"89".to_vec(), true));
        assert_eq!(read(5, 4, 4), (b"4".to_vec(), true));
        assert_eq!(read(0, 0, 1), (Vec::new(), true));
    }
}
