//! `darkslide open` and `darkslide thumbnail`: what is in a file of an asset.
//!
//! The bytes are the answer, unless JSON is: then they go to the file that was named, or nowhere.
//! A photo is nothing for a terminal. A file is made once the asset's is open, so that nothing is
//! left of a command that found none.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use darkslide_client::protocol::message::resource::{ResourceOpenParams, Version};
use darkslide_client::protocol::message::thumbnail::ThumbnailOpenParams;
use serde::Serialize;

use super::select;
use crate::args::{OpenArgs, ThumbnailArgs};
use crate::exit::Exit;
use crate::new_file::NewFile;
use crate::output::{Output, human, plain};
use crate::paths;
use crate::report::Failure;
use crate::session::{self, Way};

/// Copied at once; between two pieces Ctrl-C is heard.
const PIECE_BYTES: usize = 1024 * 1024;

/// Opens a version.
pub(crate) async fn version(
    way: Way,
    args: OpenArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let uuid = select::uuid(&args.uuid)?;
    let target = Target::of(args.output.as_deref(), &way, output)?;
    session::with(way, None, output, async |session, output| {
        let library = session.library().await?;
        let (uuid, version) = (uuid.clone(), args.version);
        let params = ResourceOpenParams { library, uuid, version };
        let (told, file) = session.client.resource_open(&params).await?;
        target.take(file, &told, &line(told.version, told.size), output).await
    })
    .await
}

/// Opens an image to be shown.
pub(crate) async fn thumbnail(
    way: Way,
    args: ThumbnailArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let uuid = select::uuid(&args.uuid)?;
    let target = Target::of(args.output.as_deref(), &way, output)?;
    session::with(way, None, output, async |session, output| {
        let library = session.library().await?;
        let (uuid, min_pixels) = (uuid.clone(), args.pixels);
        let params = ThumbnailOpenParams { library, uuid, min_pixels };
        let (told, file) = session.client.thumbnail_open(&params).await?;
        let line = line(told.version, told.size);
        let line = format!("{line}, {} by {} pixels", told.width, told.height);
        target.take(file, &told, &line, output).await
    })
    .await
}

/// Where the bytes go.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Answer,
    File(PathBuf),
    Nowhere,
}

impl Target {
    fn of(to: Option<&Path>, way: &Way, output: &Output) -> Result<Self, Failure> {
        match to {
            Some(path) => Ok(Self::File(paths::new_file(path, way.private_library())?)),
            None if output.is_json() => Ok(Self::Nowhere),
            None if output.answers_a_terminal() => Err(Failure::usage(
                "the bytes of a file are nothing for a terminal",
                "add --output FILE, or --json to be told what it is",
            )),
            None => Ok(Self::Answer),
        }
    }

    async fn take<T: Serialize>(
        &self,
        mut from: File,
        told: &T,
        line: &str,
        output: &mut Output,
    ) -> Result<Exit, Failure> {
        let mut to = match self {
            Self::Answer => None,
            Self::File(path) => Some(NewFile::make(path.clone())?),
            Self::Nowhere => return answer(told, line, output),
        };
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = from.read(&mut piece).map_err(Failure::Content)?;
            let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            match &mut to {
                Some(file) => file.write(bytes)?,
                None => output.bytes(bytes)?,
            }
            tokio::task::yield_now().await;
        }
        match to {
            Some(file) => {
                let line = format!("{}: {line}", file.path().display());
                file.keep();
                answer(told, &line, output)
            }
            None => {
                output.flush()?;
                Ok(Exit::Done)
            }
        }
    }
}

/// What was opened, for a person.
fn line(version: Version, size: u64) -> String {
    format!("{version}, {}", human::bytes(size))
}

fn answer<T: Serialize>(told: &T, line: &str, output: &mut Output) -> Result<Exit, Failure> {
    output.answer(told, |_, _| plain::line(line))?;
    output.flush()?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests")]
    use super::*;

    #[test]
    fn bytes_go_to_the_file_that_was_named_or_to_the_answer_but_never_to_a_terminal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("new");
        let way = Way::Running(None);
        for (is_json, is_terminal, answer) in [
            (false, false, Some(Target::Answer)),
            (false, true, None),
            (true, false, Some(Target::Nowhere)),
            (true, true, Some(Target::Nowhere)),
        ] {
            let output = Output::into_sinks(is_json, is_terminal);
            let target = Target::of(None, &way, &output);
            assert_eq!(target.ok(), answer, "{is_json} {is_terminal}");
            let named = Target::of(Some(&path), &way, &output).unwrap();
            assert_eq!(named, Target::File(path.clone()));
        }
    }
}
