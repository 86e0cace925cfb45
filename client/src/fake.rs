//! A scripted daemon over a socket pair, for the tests of programs that use this crate.
//!
//! A test plays the daemon: it takes requests in order, and answers with results, errors, events,
//! or any bytes at all. It keeps none of the daemon's promises by itself, which is the point: a
//! client must stand what a broken or hostile peer sends.
//!
//! ```
//! use darkslide_client::fake::Fake;
//! use darkslide_client::protocol::message::health::HealthParams;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let (client, mut daemon) = Fake::pair()?;
//! let params = HealthParams::default();
//! let call = client.health(&params);
//! let play = async {
//!     let asked = daemon.request().await?;
//!     let instance = "00000000000000000000000000000001";
//!     let result = format!(
//!         r#"{{"service":"darkslide","instance":"{instance}","version":"0","protocol":1}}"#
//!     );
//!     daemon.answer_text(&asked, &result).await
//! };
//! let (health, played) = tokio::join!(call, play);
//! played?;
//! assert_eq!(health?.version, "0");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![expect(clippy::disallowed_methods, reason = "owns the socket pair of a scripted daemon")]

use std::io;

use bytes::{Bytes, BytesMut};
use darkslide_protocol::envelope::{self, Id, Incoming};
use darkslide_protocol::error::WireError;
use darkslide_protocol::event::Event;
use darkslide_protocol::frame::{FrameError, FrameReader, write_frame};
use darkslide_protocol::limits::MAX_RESPONSE_FRAME_BYTES;
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::client::{Builder, Client};
use crate::error::Error;

/// What a script can meet that it did not foresee.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FakeError {
    /// The client has closed the connection.
    #[error("the client has closed the connection")]
    Closed,
    /// The socket failed.
    #[error("the socket pair failed")]
    Io(#[from] io::Error),
    /// The client sent what is no frame, or the script did.
    #[error("what was sent is no frame")]
    Frame(#[from] FrameError),
    /// The client sent what is no request.
    #[error("what the client sent is no request")]
    Request,
    /// A result cannot be written as JSON.
    #[error("the result cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// The client could not be made.
    #[error("the client could not be made")]
    Client(#[source] Box<Error>),
}

/// A request that the script has to answer, or not.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What an answer repeats.
    pub id: Id,
    /// The method's name.
    pub method: String,
    /// The params, as they were sent.
    pub params: String,
}

/// The daemon's end of a connection.
#[derive(Debug)]
pub struct Fake {
    stream: UnixStream,
    reader: FrameReader,
    bytes: BytesMut,
}

impl Fake {
    /// Returns a client and the daemon that it talks to. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`FakeError`] if the system gives no sockets, or there is no runtime.
    pub fn pair() -> Result<(Client, Self), FakeError> {
        Self::pair_with(Client::builder())
    }

    /// As [`Fake::pair`], for a client of other settings.
    ///
    /// # Errors
    /// As [`Fake::pair`].
    pub fn pair_with(builder: Builder) -> Result<(Client, Self), FakeError> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        let client = builder.over(theirs).map_err(|error| FakeError::Client(Box::new(error)))?;
        ours.set_nonblocking(true)?;
        Ok((client, Self::serving(UnixStream::from_std(ours)?)))
    }

    /// Plays the daemon on a connection that a listener accepted.
    #[must_use]
    pub fn serving(stream: UnixStream) -> Self {
        Self { stream, reader: FrameReader::of_requests(), bytes: BytesMut::new() }
    }

    /// Takes the next request.
    ///
    /// # Errors
    /// [`FakeError::Closed`] when there is none, and others.
    pub async fn request(&mut self) -> Result<Asked, FakeError> {
        loop {
            if let Some(frame) = self.reader.next(&mut self.bytes)? {
                return match Incoming::parse(&frame) {
                    Ok(Incoming::Request { id, method, params }) => {
                        Ok(Asked { id, method, params: params.get().to_owned() })
                    }
                    Ok(Incoming::Notification { .. }) | Err(_) => Err(FakeError::Request),
                };
            }
            if self.stream.read_buf(&mut self.bytes).await? == 0 {
                return Err(FakeError::Closed);
            }
        }
    }

    /// Answers with a result.
    ///
    /// # Errors
    /// [`FakeError`].
    pub async fn answer<R: Serialize>(
        &mut self,
        asked: &Asked,
        result: &R,
    ) -> Result<(), FakeError> {
        self.send(envelope::result(&asked.id, result)?).await
    }

    /// Answers with a result that is JSON already.
    ///
    /// # Errors
    /// [`FakeError`].
    pub async fn answer_text(&mut self, asked: &Asked, result: &str) -> Result<(), FakeError> {
        let result: Box<serde_json::value::RawValue> = serde_json::from_str(result)?;
        self.answer(asked, &result).await
    }

    /// Answers with an error; without a request, to the connection as such.
    ///
    /// # Errors
    /// [`FakeError`].
    pub async fn refuse(
        &mut self,
        asked: Option<&Asked>,
        error: &WireError,
    ) -> Result<(), FakeError> {
        let id = asked.map(|asked| &asked.id);
        self.send(envelope::error(id, error)?).await
    }

    /// Sends an event.
    ///
    /// # Errors
    /// [`FakeError`].
    pub async fn event(&mut self, event: &Event) -> Result<(), FakeError> {
        self.send(envelope::event(event)?).await
    }

    /// Sends a payload as one frame, whatever it says.
    ///
    /// # Errors
    /// [`FakeError`].
    pub async fn send(&mut self, payload: Vec<u8>) -> Result<(), FakeError> {
        let frame = Self::framed(payload)?;
        self.send_bytes(&frame).await
    }

    /// Sends bytes that need be no frame.
    ///
    /// # Errors
    /// [`FakeError`].
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), FakeError> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// The bytes of a payload as one frame, for scripts that cut frames apart or glue them
    /// together.
    ///
    /// # Errors
    /// [`FakeError::Frame`] above the limit of a response.
    pub fn framed(payload: Vec<u8>) -> Result<Vec<u8>, FakeError> {
        let mut out = BytesMut::new();
        write_frame(Bytes::from(payload), MAX_RESPONSE_FRAME_BYTES, &mut out)?;
        Ok(out.to_vec())
    }
}
