//! Messages on a stream, for the floors of the wire and for their client: four bytes of length in
//! front, as on our socket, or HTTP/1.1. A read hands on every whole message that it brought, so
//! that whoever answers can do it in one write, however many were in flight. Trusts the other side,
//! which the same run has started: no limit, no time.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

/// As much as one read takes; more than 64 requests or answers have.
const READ_BYTES: usize = 64 * 1024;

/// How messages are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Four bytes of big-endian length.
    Length,
    /// A head with `content-length`; the text is its first line and what else it says.
    Http(&'static str),
}

impl Framing {
    /// Puts a message behind what `out` holds.
    pub(crate) fn wrap(self, payload: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Length => {
                let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
                out.extend_from_slice(&length.to_be_bytes());
            }
            Self::Http(first) => {
                write!(
                    out,
                    "{first}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                    payload.len()
                )?;
            }
        }
        out.extend_from_slice(payload);
        Ok(())
    }

    /// Where the first message of these bytes begins and ends; `None` when it is not whole.
    fn next(self, bytes: &[u8]) -> io::Result<Option<(usize, usize)>> {
        let (begin, length) = match self {
            Self::Length => match bytes.first_chunk() {
                Some(length) => (4, u32::from_be_bytes(*length) as usize),
                None => return Ok(None),
            },
            Self::Http(_) => match bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) => (end + 4, content_length(bytes.get(..end).unwrap_or_default())?),
                None => return Ok(None),
            },
        };
        let end = begin + length;
        Ok((end <= bytes.len()).then_some((begin, end)))
    }
}

fn content_length(head: &[u8]) -> io::Result<usize> {
    let head = std::str::from_utf8(head).map_err(io::Error::other)?;
    let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let found = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = found.map(|(_, value)| value.trim().parse().map_err(io::Error::other));
    length.unwrap_or_else(|| Err(io::Error::other("no content-length")))
}

/// A stream of messages.
#[derive(Debug)]
pub(crate) struct Messages {
    stream: UnixStream,
    framing: Framing,
    buffer: Vec<u8>,
    filled: usize,
}

impl Messages {
    pub(crate) fn new(stream: UnixStream, framing: Framing) -> Self {
        Self { stream, framing, buffer: vec![0; READ_BYTES], filled: 0 }
    }

    /// Writes bytes that are framed already.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads once, hands on what is whole, and returns how many messages that were; `None` at the
    /// end.
    pub(crate) fn read(
        &mut self,
        mut take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<Option<usize>> {
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let read = self.stream.read(room)?;
        if read == 0 {
            return Ok(None);
        }
        self.filled += read;
        let (mut done, mut messages) = (0, 0);
        while let Some(rest) = self.buffer.get(done..self.filled)
            && let Some((begin, end)) = self.framing.next(rest)?
        {
            take(rest.get(begin..end).unwrap_or_default())?;
            (done, messages) = (done + end, messages + 1);
        }
        self.buffer.copy_within(done..self.filled, 0);
        self.filled -= done;
        Ok(Some(messages))
    }
}
