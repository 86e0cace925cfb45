//! A scripted daemon for the tests of programs that use this crate: over a socket pair, or behind a
//! listener that can go away and come again.
//!
//! A test plays the daemon: it takes requests in order, and answers with results, descriptors,
//! errors, events, or any bytes at all. It keeps none of the daemon's promises by itself, which is
//! the point: a client must stand what a broken or hostile peer sends.
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
//!
//! A daemon that is restarted, and how the client comes back to it:
//!
//! ```
//! use darkslide_client::Client;
//! use darkslide_client::fake::FakeListener;
//! use darkslide_client::protocol::message::library::LibraryListParams;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let folder = tempfile::tempdir()?;
//! let socket = folder.path().join("s");
//! let listener = FakeListener::bind(&socket)?;
//! let (client, daemon) =
//!     tokio::join!(Client::builder().socket(&socket).connect(), listener.accept_and_greet(1));
//! let (client, before) = (client?, daemon?);
//! drop((listener, before));
//!
//! let listener = FakeListener::bind(&socket)?;
//! let play = async {
//!     let mut daemon = listener.accept_and_greet(2).await?;
//!     let asked = daemon.request().await?;
//!     daemon.answer_text(&asked, r#"{"libraries":[]}"#).await
//! };
//! let (list, played) = tokio::join!(client.library_list(&LibraryListParams {}), play);
//! played?;
//! assert!(list?.libraries.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![expect(clippy::disallowed_methods, reason = "owns the sockets of a scripted daemon")]

use std::fs::{self, Permissions};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use darkslide_protocol::envelope::{self, CANCEL, Cancel, Id, Incoming};
use darkslide_protocol::error::WireError;
use darkslide_protocol::event::Event;
use darkslide_protocol::frame::{FrameError, FrameReader, write_frame};
use darkslide_protocol::limits::MAX_RESPONSE_FRAME_BYTES;
use darkslide_protocol::message::health::Health;
use darkslide_protocol::method::{self, Method};
use darkslide_protocol::value::Token;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{UnixListener, UnixStream};

use crate::client::{Builder, Client};
use crate::error::Error;

/// Descriptors that one message can carry on Linux.
const MAX_SENT_DESCRIPTORS: usize = 253;

/// What a script can meet that it did not foresee.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FakeError {
    /// The client has closed the connection.
    #[error("the client has closed the connection")]
    Closed,
    /// The socket failed.
    #[error("a socket of the script failed")]
    Io(#[from] io::Error),
    /// The client sent what is no frame, or the script did.
    #[error("what was sent is no frame")]
    Frame(#[from] FrameError),
    /// The client sent what is no request.
    #[error("what the client sent is no request")]
    Request,
    /// The client asks for something else than the script expects.
    #[error("the client asks for {method}")]
    Unexpected {
        /// What it asks for.
        method: String,
    },
    /// A message cannot carry so many descriptors.
    #[error("a message can carry {MAX_SENT_DESCRIPTORS} descriptors")]
    Descriptors,
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

/// What the client says.
#[derive(Debug, Clone)]
pub enum Said {
    /// To be answered, or not.
    Request(Asked),
    /// It gives a request up.
    Cancel(Id),
    /// Another notification, of which there are none.
    Notification {
        /// The method's name.
        method: String,
    },
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

    /// Takes the next request, and passes over notifications.
    ///
    /// # Errors
    /// [`FakeError::Closed`] when there is none, and others.
    pub async fn request(&mut self) -> Result<Asked, FakeError> {
        loop {
            if let Said::Request(asked) = self.said().await? {
                return Ok(asked);
            }
        }
    }

    /// Takes the next request or notification.
    ///
    /// # Errors
    /// As [`Fake::request`].
    pub async fn said(&mut self) -> Result<Said, FakeError> {
        loop {
            if let Some(frame) = self.reader.next(&mut self.bytes)? {
                return match Incoming::parse(&frame) {
                    Ok(Incoming::Request { id, method, params }) => {
                        Ok(Said::Request(Asked { id, method, params: params.get().to_owned() }))
                    }
                    Ok(Incoming::Notification { method, params }) if method == CANCEL => {
                        let Cancel { id } = serde_json::from_str(params.get())?;
                        Ok(Said::Cancel(id))
                    }
                    Ok(Incoming::Notification { method, .. }) => Ok(Said::Notification { method }),
                    Err(_) => Err(FakeError::Request),
                };
            }
            if self.stream.read_buf(&mut self.bytes).await? == 0 {
                return Err(FakeError::Closed);
            }
        }
    }

    /// Takes the hello of a client that connects, and answers as the daemon of that instance.
    ///
    /// # Errors
    /// [`FakeError::Unexpected`] if it asks for something else.
    pub async fn greet(&mut self, instance: u128) -> Result<(), FakeError> {
        let asked = self.request().await?;
        if asked.method != method::Health::NAME {
            return Err(FakeError::Unexpected { method: asked.method });
        }
        let health = Health::new(Token::from_bits(instance), "0".to_owned(), None);
        self.answer(&asked, &health).await
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
        let result: Box<RawValue> = serde_json::from_str(result)?;
        self.answer(asked, &result).await
    }

    /// Answers with a result and a descriptor, of which the client gets a copy.
    ///
    /// # Errors
    /// [`FakeError`].
    pub async fn answer_with_descriptor<R: Serialize>(
        &mut self,
        asked: &Asked,
        result: &R,
        descriptor: impl AsFd,
    ) -> Result<(), FakeError> {
        let frame = Self::framed(envelope::result_with_descriptor(&asked.id, result)?)?;
        self.send_bytes_with(&frame, &[descriptor.as_fd()]).await
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

    /// Sends bytes, and any number of descriptors beside the first of them.
    ///
    /// # Errors
    /// [`FakeError`].
    pub async fn send_bytes_with(
        &mut self,
        bytes: &[u8],
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), FakeError> {
        let mut room =
            [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_SENT_DESCRIPTORS))];
        let message = || {
            let mut beside = SendAncillaryBuffer::new(&mut room);
            let rights = SendAncillaryMessage::ScmRights(descriptors);
            if !descriptors.is_empty() && !beside.push(rights) {
                return Ok(None);
            }
            let (bytes, flags) = ([IoSlice::new(bytes)], SendFlags::empty());
            Ok(Some(rustix::net::sendmsg(&self.stream, &bytes, &mut beside, flags)?))
        };
        let sent = self.stream.async_io(Interest::WRITABLE, message).await?;
        let sent = sent.ok_or(FakeError::Descriptors)?;
        self.send_bytes(bytes.get(sent..).unwrap_or_default()).await
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

/// Where clients of a scripted daemon connect. Dropped, nobody listens there any more: bound anew
/// at the same place, it is a daemon that was restarted.
#[derive(Debug)]
pub struct FakeListener {
    listener: UnixListener,
    socket: PathBuf,
}

impl FakeListener {
    /// Listens, in a folder that nobody else may write to.
    ///
    /// # Errors
    /// [`FakeError::Io`], also if there is something already.
    pub fn bind(socket: impl AsRef<Path>) -> Result<Self, FakeError> {
        let socket = socket.as_ref().to_owned();
        let listener = UnixListener::bind(&socket)?;
        fs::set_permissions(&socket, Permissions::from_mode(0o600))?;
        Ok(Self { listener, socket })
    }

    /// Takes the next connection.
    ///
    /// # Errors
    /// [`FakeError::Io`].
    pub async fn accept(&self) -> Result<Fake, FakeError> {
        Ok(Fake::serving(self.listener.accept().await?.0))
    }

    /// Takes the next connection, and answers its hello as the daemon of that instance.
    ///
    /// # Errors
    /// As [`Fake::greet`].
    pub async fn accept_and_greet(&self, instance: u128) -> Result<Fake, FakeError> {
        let mut daemon = self.accept().await?;
        daemon.greet(instance).await?;
        Ok(daemon)
    }
}

impl Drop for FakeListener {
    fn drop(&mut self) {
        // Somebody may have removed it already.
        drop(fs::remove_file(&self.socket));
    }
}
