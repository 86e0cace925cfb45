//! What the client crate says and hears in a test, held against the document of the wire.
//!
//! A tap remembers the frames; when the scene is over, they are held against the document, whatever
//! the test was about. Not while they travel: a complaint within the client's task would look like
//! a connection that broke, which many of these tests survive.

use std::sync::{Arc, Mutex, PoisonError};

use darkslide_client::Way;
use darkslide_tests::talk::Talk;
use serde_json::Value;

type Frames = Arc<Mutex<Vec<(Way, Vec<u8>)>>>;

/// The frames of one client.
#[derive(Default)]
pub(crate) struct Held(Frames);

impl Held {
    /// What a client is to be built with.
    pub(crate) fn tap(&self) -> impl Fn(Way, &[u8]) + Send + Sync + 'static {
        let frames = Arc::clone(&self.0);
        move |way, frame| {
            let mut frames = frames.lock().unwrap_or_else(PoisonError::into_inner);
            frames.push((way, frame.to_vec()));
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let frames = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let (mut talk, mut answers) = (Talk::default(), 0);
        for (way, frame) in &frames {
            let payload = &frame[4..];
            let message: Value = serde_json::from_slice(payload).unwrap();
            match way {
                Way::Sent => {
                    // The first words over each connection; ids may begin anew with it.
                    if message["method"] == "health" {
                        talk = Talk::default();
                    }
                    talk.sent(payload);
                }
                Way::Received => {
                    talk.received(&message);
                    answers += 1;
                }
            }
        }
        assert!(answers > 0, "the daemon said nothing");
    }
}
