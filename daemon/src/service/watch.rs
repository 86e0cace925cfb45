//! Looks whether libraries change, while somebody is subscribed to them.
//!
//! One watch per library, which begins with its first subscriber and ends with its last. It looks
//! by `stat` at the database and its `-wal`, on the library's own reading threads, and asks for the
//! newest place in the history only if one of them moved: no connection is held, for an open one
//! keeps Photos from its last checkpoint. No inotify: the system calls for it are not allowed once
//! confined, and on a network share it does not hear of what others write. The hazard: a change
//! between two looks that nobody is told of; so an event carries the place before it.
#![expect(clippy::disallowed_methods, reason = "owns the watches of libraries")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use darkslide_library::{Deadline, Glance, Library, LibraryError};
use darkslide_policy::{LibraryName, ReadScope};

use super::event::Subscription;
use super::{MAX_READ_TIME, Service};
use crate::clock::Moment;
use crate::jobs::Watcher as _;

/// How often a library is looked at: two calls of `stat`, against the news being older.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who is to be told of each library; a watch runs for those that are in here.
#[derive(Default)]
pub(super) struct Watches(Mutex<BTreeMap<LibraryName, Vec<Watched>>>);

impl Watches {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<LibraryName, Vec<Watched>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a subscriber; true if it is the first of that library.
    fn add(&self, library: &LibraryName, subscription: Arc<Subscription>) -> bool {
        let mut watches = self.lock();
        let is_first = !watches.contains_key(library);
        let watched = Watched { subscription, known: Known::Nothing };
        watches.entry(library.clone()).or_default().push(watched);
        is_first
    }

    /// Those that are still there; none where the watch is over.
    fn of(&self, library: &LibraryName) -> Option<Vec<Watched>> {
        let mut watches = self.lock();
        let watched = watches.get_mut(library)?;
        watched.retain(|it| !it.subscription.is_gone());
        if watched.is_empty() {
            watches.remove(library);
            return None;
        }
        Some(watched.clone())
    }

    fn note(&self, library: &LibraryName, subscription: &Arc<Subscription>, known: &Known) {
        let mut watches = self.lock();
        let mut all = watches.get_mut(library).into_iter().flatten();
        if let Some(watched) = all.find(|it| Arc::ptr_eq(&it.subscription, subscription)) {
            watched.known.clone_from(known);
        }
    }
}

/// A subscriber, and what it knows.
#[derive(Clone)]
struct Watched {
    subscription: Arc<Subscription>,
    known: Known,
}

/// What a subscriber was told last.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    /// Not even the first place.
    Nothing,
    /// The newest place then; none in a library without a history.
    Place(Option<String>),
}

impl Service {
    /// Tells a subscription of its library from now on.
    pub(super) fn watch(self: &Arc<Self>, subscription: Arc<Subscription>) {
        let Some(library) = subscription.reads().map(|(library, _)| library.clone()) else {
            return;
        };
        if self.watches.add(&library, subscription) {
            tokio::spawn(run(Arc::downgrade(self), library));
        }
    }

    /// One look, and what is told of it. None once nobody is subscribed any more.
    async fn look(&self, library: &LibraryName, seen: &mut Option<Glance>) -> Option<()> {
        let watched = self.watches.of(library)?;
        let source = self.places.library(library).ok().map(Arc::clone)?;
        let before = seen.clone();
        let work = move || Ok(news(&source, watched, before.as_ref()));
        // What cannot be read now is looked at again.
        let Ok(news) = self.readers.read(library, work).await else {
            return Some(());
        };
        if let Ok((glance, told)) = news {
            *seen = Some(glance);
            for (watched, now) in told {
                let token = match &watched.known {
                    Known::Nothing => now.clone(),
                    Known::Place(before) => before.clone(),
                };
                watched.subscription.changed(token);
                self.watches.note(library, &watched.subscription, &Known::Place(now));
            }
        }
        Some(())
    }
}

/// Lives as long as the service and a subscriber do.
async fn run(service: Weak<Service>, library: LibraryName) {
    let mut seen = None;
    loop {
        let Some(service) = service.upgrade() else {
            return;
        };
        if service.look(&library, &mut seen).await.is_none() {
            return;
        }
        drop(service);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

type News = (Glance, Vec<(Watched, Option<String>)>);

/// Who has something to hear, and the newest place for each. On a thread that may wait.
fn news(
    library: &Library,
    watched: Vec<Watched>,
    before: Option<&Glance>,
) -> Result<News, LibraryError> {
    let mut told = Vec::new();
    let mut glance = None;
    // One question for each kind of grant: a token fits one.
    let mut places: Vec<(&ReadScope, Option<String>)> = Vec::new();
    for it in &watched {
        let Some((_, grant)) = it.subscription.reads() else {
            continue;
        };
        // Taken before the place is asked for: what is written in between is seen next time.
        if glance.is_none() {
            glance = Some(library.glance(grant)?);
        }
        if it.known != Known::Nothing && glance.as_ref() == before {
            continue;
        }
        let scope = grant.covers();
        let known = places.iter().find(|(of, _)| *of == scope).map(|(_, place)| place.clone());
        let place = match known {
            Some(place) => place,
            None => {
                let place = match library.change_token(grant, &deadline()) {
                    Ok(token) => Some(token.to_string()),
                    Err(LibraryError::NoHistory) => None,
                    Err(error) => return Err(error),
                };
                places.push((scope, place.clone()));
                place
            }
        };
        // Without a history all that is known is that the files moved.
        if place.is_none() || it.known != Known::Place(place.clone()) {
            told.push((it.clone(), place));
        }
    }
    let glance = glance.ok_or(LibraryError::Busy)?;
    Ok((glance, told))
}

fn deadline() -> Deadline {
    let asked = Moment::now();
    Deadline::new(move || asked.is_older_than(MAX_READ_TIME))
}

#[cfg(test)]
mod tests {
    use darkslide_policy::{AbsPath, Gid, Peer, Policy, Uid, World};
    use darkslide_protocol::event::{Event, Topic};
    use darkslide_protocol::message::event::EventSubscribeParams;

    use super::*;
    use crate::service::Caller;
    use crate::service::event::Sink;

    struct Nothing;

    impl Sink for Nothing {
        fn put(&self, _: &Event) {}

        fn offer(&self, _: &Event) -> bool {
            true
        }

        fn is_closed(&self) -> bool {
            false
        }
    }

    #[test]
    fn a_watch_begins_with_the_first_subscriber_and_ends_with_the_last() {
        let home = AbsPath::parse("/home/me", None).unwrap();
        let world = World { home, uid: Uid::new(1), methods: Vec::new() };
        let text = "version = 1\n[[client]]\nname = \"me\"\nuid = 1\nmethods = [\"*\"]\n";
        let service = Service::without_libraries(
            Policy::parse(text, &world).unwrap(),
            world,
            crate::jobs::Store::new(None),
        );
        let caller = Caller::new(Peer { uid: Uid::new(1), gid: Gid::new(1), pid: None });
        let subscribe = || {
            let params = EventSubscribeParams { topic: Topic::Jobs };
            service.event_subscribe(&caller, &params, Arc::new(Nothing)).unwrap().1
        };
        let library = LibraryName::parse("main").unwrap();
        let watches = Watches::default();
        assert!(watches.of(&library).is_none());
        let (first, second) = (subscribe(), subscribe());
        assert!(watches.add(&library, Arc::clone(&first)), "the watch begins");
        assert!(!watches.add(&library, Arc::clone(&second)), "and there is one");
        let place = Known::Place(Some("t".to_owned()));
        watches.note(&library, &second, &place);
        first.end();
        let left = watches.of(&library).unwrap();
        assert_eq!((left.len(), &left[0].known), (1, &place));
        second.end();
        assert!(watches.of(&library).is_none(), "it ends");
        watches.note(&library, &second, &place);
        assert!(watches.add(&library, subscribe()), "and another begins");
    }
}
