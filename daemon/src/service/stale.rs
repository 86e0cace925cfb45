//! Whether the folders that the policy names are still those that the daemon holds.
//!
//! Each is looked at by its path, now and then and whenever somebody asks for the full `health`.
//! One that has come, or is another, needs a daemon that is started anew: the kernel's rules follow
//! the folders that were opened before confinement, and can never be widened. One that is gone
//! changes nothing: what it is asked for is answered so. The hazards: a disk that hangs, so the
//! looking has a thread of its own and only one; and a folder that is there but cannot be used,
//! which must not have the daemon start again and again: how it was at the start is what counts.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use darkslide_door::{Identity, folder_at};
use darkslide_policy::AbsPath;
use tokio::sync::{Notify, oneshot};

use super::Service;
use super::places::Places;
use crate::threads;

/// How often it is looked: a disk that was plugged in is found within half a minute.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// What a path led to at the start; none where nothing was there.
type Seen = Option<Identity>;

/// The folders, and how they were at the start.
#[derive(Debug, Default)]
pub(super) struct Lookout {
    folders: Vec<(AbsPath, Seen)>,
    soon: Notify,
    /// Held by the one look that is under way.
    looking: Mutex<()>,
}

impl Lookout {
    /// Takes what is held, and looks once at the rest.
    pub(super) fn over(places: &Places) -> Self {
        let seen = |(path, held): (AbsPath, Seen)| {
            // What cannot be told now is none, and none it stays until it can.
            let seen = held.or_else(|| folder_at(&path).ok().flatten());
            (path, seen)
        };
        let folders = places.folders().map(seen).collect();
        Self { folders, ..Self::default() }
    }

    /// Somebody wants to know how things are now.
    pub(super) fn look_soon(&self) {
        self.soon.notify_one();
    }

    /// The first that has come, or is another.
    fn changed(&self, look: impl Fn(&AbsPath) -> io::Result<Seen>) -> Option<&AbsPath> {
        let _one = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let has_changed = |(path, seen): &&(AbsPath, Seen)| match look(path) {
            Ok(Some(now)) => Some(now) != *seen,
            Ok(None) | Err(_) => false,
        };
        self.folders.iter().find(has_changed).map(|(path, _)| path)
    }
}

impl Service {
    /// Returns once a folder has come, or is another than at the start.
    pub(crate) async fn outdated(self: &Arc<Self>) {
        until(&self.lookout.soon, || self.look_at_folders()).await;
    }

    async fn look_at_folders(self: &Arc<Self>) -> bool {
        if self.lookout.folders.is_empty() {
            return false;
        }
        let (answer, answered) = oneshot::channel();
        let service = Arc::clone(self);
        let begun = threads::start("look", move || {
            let changed = service.lookout.changed(folder_at);
            if let Some(path) = changed {
                tracing::info!(path = path.as_str(), "it has come, or is another: ending soon");
            }
            // Who asked may be gone.
            let _gone = answer.send(changed.is_some());
        });
        begun.is_ok() && answered.await.unwrap_or(false)
    }
}

/// Looks now and then, and whenever it is asked for, until there is something to see.
async fn until<L: Future<Output = bool>>(soon: &Notify, mut look: impl FnMut() -> L) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = soon.notified() => {}
        }
        if look().await {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests")]

    use std::cell::Cell;
    use std::fs;
    use std::path::Path;

    use tokio::time::Instant;

    use super::*;

    fn path(folder: &Path) -> AbsPath {
        AbsPath::parse(folder.canonicalize().unwrap().to_str().unwrap(), None).unwrap()
    }

    fn lookout(folder: AbsPath, seen: Seen) -> Lookout {
        Lookout { folders: vec![(folder, seen)], ..Lookout::default() }
    }

    #[test]
    fn what_comes_or_is_another_is_a_change_and_what_goes_or_stays_is_none() {
        let temp = tempfile::tempdir().unwrap();
        let (place, aside) = (temp.path().join("disk"), temp.path().join("aside"));
        let at = path(temp.path()).join(&darkslide_policy::RelPath::parse("disk").unwrap());
        let at = at.unwrap();
        let changed = |lookout: &Lookout| lookout.changed(folder_at).is_some();
        let absent = lookout(at.clone(), folder_at(&at).unwrap());
        assert!(!changed(&absent), "nothing was there, nothing is");
        fs::write(&place, "").unwrap();
        assert!(!changed(&absent), "a file is no folder");
        fs::remove_file(&place).unwrap();
        fs::create_dir(&place).unwrap();
        assert!(changed(&absent), "it has come");
        let held = lookout(at.clone(), folder_at(&at).unwrap());
        assert!(!changed(&held));
        fs::rename(&place, &aside).unwrap();
        assert!(!changed(&held), "it is gone");
        fs::create_dir(&place).unwrap();
        assert!(changed(&held), "another is there");
        fs::remove_dir(&place).unwrap();
        std::os::unix::fs::symlink(&aside, &place).unwrap();
        assert!(!changed(&held), "a link that leads to it");
        fs::remove_file(&place).unwrap();
        fs::rename(&aside, &place).unwrap();
        assert!(!changed(&held), "it is back");
    }

    #[test]
    fn what_cannot_be_looked_at_is_no_change() {
        let temp = tempfile::tempdir().unwrap();
        let lookout = lookout(path(temp.path()), None);
        assert!(lookout.changed(|_| Err(io::ErrorKind::PermissionDenied.into())).is_none());
        assert!(lookout.changed(folder_at).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_looked_every_half_minute_and_when_somebody_asks() {
        let (soon, looks, begun) = (Notify::new(), Cell::new(0), Instant::now());
        until(&soon, || {
            looks.set(looks.get() + 1);
            std::future::ready(looks.get() == 4)
        })
        .await;
        assert_eq!(begun.elapsed().as_secs(), 4 * LOOK_EVERY.as_secs());
        soon.notify_one();
        until(&soon, || std::future::ready(true)).await;
        assert_eq!(begun.elapsed().as_secs(), 4 * LOOK_EVERY.as_secs(), "at once");
    }
}
