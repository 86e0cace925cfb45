//! A peer that receives descriptors: `recvmsg` with room for many, and a queue of what came.
//!
//! It holds the daemon to the rule of the wire: no call brings more than one, none is cut off, and
//! the n-th frame that says `fd` takes the n-th descriptor. Where the bytes of a frame begin within
//! a call tells nothing, for the kernel puts earlier bytes in front.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use darkslide_tests::process::PATIENCE;
use darkslide_tests::talk::Talk;
use darkslide_tests::wire::framed;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};
use serde_json::{Value, json};

/// Room for more than may come.
const ROOM: usize = 16;

/// A connection to a daemon.
pub(super) struct Receiver {
    stream: UnixStream,
    bytes: Vec<u8>,
    files: VecDeque<OwnedFd>,
    talk: Talk,
}

impl Receiver {
    pub(super) fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, bytes: Vec::new(), files: VecDeque::new(), talk: Talk::default() }
    }

    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    pub(super) fn send(&mut self, id: u64, method: &str, params: &Value) {
        let frame = request(id, method, params);
        self.talk.sent(&frame[4..]);
        self.stream.write_all(&frame).unwrap();
    }

    /// Takes the next answer, and the descriptor that goes with it.
    pub(super) fn receive(&mut self) -> (Value, Option<File>) {
        let answer = loop {
            if let Some(answer) = self.frame() {
                break answer;
            }
            assert!(self.read() > 0, "the connection ended");
        };
        let passes = answer.get("fd").is_some_and(|fd| {
            assert_eq!(fd, &json!(true), "it is said or left out");
            true
        });
        let file = passes.then(|| self.files.pop_front().expect("a descriptor came with it"));
        assert!(answer.get("error").is_none() || file.is_none(), "{answer}");
        (answer, file.map(File::from))
    }

    /// Calls a method and returns what comes.
    pub(super) fn call(&mut self, method: &str, params: &Value) -> (Value, Option<File>) {
        self.send(0, method, params);
        self.receive()
    }

    /// A result that comes with a descriptor.
    pub(super) fn file(&mut self, method: &str, params: &Value) -> (Value, File) {
        match self.call(method, params) {
            (mut answer, Some(file)) => (answer["result"].take(), file),
            (answer, None) => panic!("{method}: {answer}"),
        }
    }

    /// Nothing came that no frame took.
    pub(super) fn assert_nothing_left(&self) {
        assert!(self.files.is_empty() && self.bytes.is_empty());
    }

    fn frame(&mut self) -> Option<Value> {
        let length = u32::from_be_bytes(self.bytes.get(..4)?.try_into().unwrap()) as usize;
        let payload = self.bytes.get(4..4 + length)?;
        let answer = serde_json::from_slice(payload).unwrap();
        self.talk.received(&answer);
        self.bytes.drain(..4 + length);
        Some(answer)
    }

    fn read(&mut self) -> usize {
        let mut bytes = vec![0; 64 * 1024];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(ROOM))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut into = [IoSliceMut::new(&mut bytes)];
        #[cfg(not(target_os = "macos"))]
        let flags = RecvFlags::CMSG_CLOEXEC;
        #[cfg(target_os = "macos")]
        let flags = RecvFlags::empty();
        let received =
            rustix::io::retry_on_intr(|| recvmsg(&self.stream, &mut into, &mut control, flags));
        let received = received.unwrap();
        assert!(!received.flags.contains(ReturnFlags::CTRUNC), "a descriptor was cut off");
        let before = self.files.len();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(files) = message {
                self.files.extend(files);
            }
        }
        assert!(self.files.len() - before <= 1, "no call brings two");
        self.bytes.extend_from_slice(&bytes[..received.bytes]);
        received.bytes
    }
}

/// A request as it is sent.
pub(super) fn request(id: u64, method: &str, params: &Value) -> Vec<u8> {
    let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    framed(request.to_string().as_bytes())
}
