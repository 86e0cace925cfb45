//! Bytes to frames and back: four bytes of big-endian length, then that many bytes of one JSON
//! object.
//!
//! The codec is tokio-util's, through its plain traits, so that nothing here waits or owns a
//! socket. The length is checked before a byte is reserved for it. The hazard: a prefix of four
//! gigabytes from somebody who then sends nothing.

use bytes::{Bytes, BytesMut};
use tokio_util::codec::length_delimited::LengthDelimitedCodec;
use tokio_util::codec::{Decoder, Encoder};

use crate::limits::{FRAME_HEADER_BYTES, MAX_REQUEST_FRAME_BYTES, MAX_RESPONSE_FRAME_BYTES};

/// Why bytes are no frame. After any of these the connection is of no more use: where the next
/// frame begins is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length in front is above the limit.
    #[error("a frame may have {limit} bytes")]
    TooLong {
        /// What is allowed.
        limit: usize,
    },
    /// The length in front is zero.
    #[error("a frame is empty")]
    Empty,
}

/// Takes frames out of bytes as they come, in pieces of any size.
#[derive(Debug)]
pub struct FrameReader {
    codec: LengthDelimitedCodec,
    limit: usize,
}

impl FrameReader {
    /// For what clients send.
    #[must_use]
    pub fn of_requests() -> Self {
        Self::new(MAX_REQUEST_FRAME_BYTES)
    }

    /// For what the daemon sends.
    #[must_use]
    pub fn of_responses() -> Self {
        Self::new(MAX_RESPONSE_FRAME_BYTES)
    }

    fn new(limit: usize) -> Self {
        Self { codec: codec(limit), limit }
    }

    /// Takes the next whole frame out of `bytes`; `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`FrameError`], after which this reader must not be asked again.
    pub fn next(&mut self, bytes: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        // Decoding from memory has one error only: a length above the limit.
        let frame =
            self.codec.decode(bytes).map_err(|_| FrameError::TooLong { limit: self.limit })?;
        match frame {
            Some(frame) if frame.is_empty() => Err(FrameError::Empty),
            Some(frame) => Ok(Some(frame.freeze())),
            None => Ok(None),
        }
    }
}

/// Puts a frame behind what `out` holds.
///
/// # Errors
/// [`FrameError::TooLong`] above `limit` bytes; `out` is then as it was.
pub fn write_frame(payload: Bytes, limit: usize, out: &mut BytesMut) -> Result<(), FrameError> {
    if payload.is_empty() {
        return Err(FrameError::Empty);
    }
    codec(limit).encode(payload, out).map_err(|_| FrameError::TooLong { limit })
}

fn codec(limit: usize) -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder()
        .length_field_length(FRAME_HEADER_BYTES)
        .big_endian()
        .max_frame_length(limit)
        .new_codec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(payload: &[u8]) -> Vec<u8> {
        let mut out = BytesMut::new();
        write_frame(Bytes::copy_from_slice(payload), MAX_RESPONSE_FRAME_BYTES, &mut out).unwrap();
        out.to_vec()
    }

    #[test]
    fn the_same_frames_come_out_wherever_the_bytes_are_split() {
        let stream = [framed(b"{\"a\":1}"), framed(b"{}")].concat();
        for split in 0..=stream.len() {
            let (mut reader, mut bytes, mut frames) =
                (FrameReader::of_requests(), BytesMut::new(), Vec::new());
            for piece in [&stream[..split], &stream[split..]] {
                bytes.extend_from_slice(piece);
                while let Some(frame) = reader.next(&mut bytes).unwrap() {
                    frames.push(frame);
                }
            }
            assert_eq!(frames, [&b"{\"a\":1}"[..], b"{}"], "split at {split}");
        }
    }

    #[test]
    fn the_limit_is_exact_and_told_from_the_prefix_alone() {
        let mut reader = FrameReader::of_requests();
        let mut bytes = BytesMut::from(&framed(&vec![b' '; MAX_REQUEST_FRAME_BYTES])[..]);
        assert_eq!(reader.next(&mut bytes).unwrap().unwrap().len(), MAX_REQUEST_FRAME_BYTES);
        let one_more = u32::try_from(MAX_REQUEST_FRAME_BYTES + 1).unwrap();
        for length in [one_more, u32::MAX] {
            let mut bytes = BytesMut::from(&length.to_be_bytes()[..]);
            let refused = FrameReader::of_requests().next(&mut bytes);
            assert_eq!(refused, Err(FrameError::TooLong { limit: MAX_REQUEST_FRAME_BYTES }));
            assert!(bytes.capacity() < 4096, "nothing was reserved for it");
        }
    }

    #[test]
    fn refuses_an_empty_frame() {
        let mut bytes = BytesMut::from(&[0, 0, 0, 0][..]);
        assert_eq!(FrameReader::of_requests().next(&mut bytes), Err(FrameError::Empty));
    }

    #[test]
    fn a_payload_above_the_limit_leaves_the_buffer_as_it_was() {
        let mut out = BytesMut::from(&b"before"[..]);
        assert!(write_frame(Bytes::from_static(b"12345"), 4, &mut out).is_err());
        assert_eq!(&out[..], b"before");
    }
}
