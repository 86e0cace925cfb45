//! Reads a file to its end for its BLAKE3, in pieces, and asks between them whether to go on.
//!
//! It only reads what others have opened, and of a file that grows no more than a byte above the
//! size that it had: that is no content that anybody asks for. The hazard: a film of a hundred
//! gigabytes, and somebody who has cancelled.

use std::fs::File;
use std::io::{self, Read, Take};

use darkslide_door::{Faults, Operation, SourceFile};

use crate::row::Blake3;

/// The size of one read: larger ones are not faster (measured, docs/performance.md).
pub(crate) const PIECE_BYTES: usize = 1024 * 1024;

/// Reads a file up to its size when it was opened, and one byte more if it has grown since.
pub(crate) fn up_to_its_size(source: &SourceFile) -> Take<&File> {
    source.file().take(source.facts().size.saturating_add(1))
}

/// Returns the digest of an open file; none if it was told to give up.
pub(crate) fn digest(
    source: &SourceFile,
    faults: &Faults,
    go_on: impl Fn() -> bool,
) -> io::Result<Option<Blake3>> {
    let mut from = up_to_its_size(source);
    let mut buffer = vec![0; PIECE_BYTES];
    let mut hasher = blake3::Hasher::new();
    while go_on() {
        let read = read_piece(&mut from, &mut buffer, faults)?;
        let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else {
            return Ok(Some(hasher.finalize().into()));
        };
        hasher.update(piece);
    }
    Ok(None)
}

/// Reads once, and again where a signal came first.
pub(crate) fn read_piece(
    from: &mut impl Read,
    buffer: &mut [u8],
    faults: &Faults,
) -> io::Result<usize> {
    faults.check(Operation::Read)?;
    loop {
        match from.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            answer => return answer,
        }
    }
}
