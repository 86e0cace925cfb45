//! Looks whether libraries change, while somebody is subscribed to them.
//!
//! One watch per library, from its first subscriber to its last. It looks by `stat` at the database
//! and its `-wal`, on the library's own reading threads, and asks for the newest place in the
//! history only if one of them moved: an open connection keeps Photos from its last checkpoint. No
//! inotify: confined, there are no system calls for it, and a network share does not tell it. The
//! hazard: a change between two looks, or while nobody was subscribed, that nobody is told of; so
//! the place told last is kept, and an event carries the place before it.
#![expect(clippy::disallowed_methods, reason = "owns the watches of libraries")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use darkslide_library::{Deadline, Glance, Library, LibraryError};
use darkslide_policy::{LibraryName, ReadScope};
use darkslide_protocol::event::{EventData, EventKind};

use super::Service;
use super::event::Subscription;
use crate::clock::Moment;
use crate::events::{About, Listener as _};

/// How often a library is looked at: two calls of `stat`, against the news being older.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The newest place of a history; none in a library without one.
type Place = Option<String>;

/// Who is to be told of each library, and what was told last; a watch runs for those that somebody
/// is subscribed to.
#[derive(Default)]
pub(super) struct Watches(Mutex<Watching>);

#[derive(Default)]
struct Watching {
    subscribers: BTreeMap<LibraryName, Vec<Watched>>,
    /// For each kind of grant, of which the policy makes so many and no more: a token fits one.
    told: Vec<(ReadScope, Place)>,
}

/// A subscriber.
#[derive(Clone)]
struct Watched {
    subscription: Arc<Subscription>,
    /// It does not know yet from where on it hears.
    is_new: bool,
}

impl Watches {
    fn lock(&self) -> MutexGuard<'_, Watching> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a subscriber; true if it is the first of that library.
    fn add(&self, library: &LibraryName, subscription: Arc<Subscription>) -> bool {
        let mut watching = self.lock();
        let is_first = !watching.subscribers.contains_key(library);
        let watched = Watched { subscription, is_new: true };
        let all = watching.subscribers.entry(library.clone()).or_default();
        // A look that waits for readers forgets nobody meanwhile.
        all.retain(|it| !it.subscription.is_gone());
        all.push(watched);
        is_first
    }

    /// Those that are still there; none where the watch is over.
    fn of(&self, library: &LibraryName) -> Option<Vec<Watched>> {
        let mut watching = self.lock();
        let watched = watching.subscribers.get_mut(library)?;
        watched.retain(|it| !it.subscription.is_gone());
        if watched.is_empty() {
            watching.subscribers.remove(library);
            return None;
        }
        Some(watched.clone())
    }

    /// Notes that these know from where on they hear.
    fn no_longer_new(&self, library: &LibraryName, known: &[Watched]) {
        let mut watching = self.lock();
        for it in watching.subscribers.get_mut(library).into_iter().flatten() {
            let is_known = |other: &Watched| Arc::ptr_eq(&it.subscription, &other.subscription);
            it.is_new &= !known.iter().any(is_known);
        }
    }

    /// Notes the place that is told now; the one that was told before, if one was.
    fn tell(&self, scope: &ReadScope, now: &Place) -> Option<Place> {
        let mut watching = self.lock();
        match watching.told.iter_mut().find(|(of, _)| of == scope) {
            Some((_, place)) => Some(std::mem::replace(place, now.clone())),
            None => {
                watching.told.push((scope.clone(), now.clone()));
                None
            }
        }
    }
}

impl Service {
    /// Tells a subscription of its libraries from now on.
    pub(super) fn watch(self: &Arc<Self>, subscription: &Arc<Subscription>) {
        for (library, _) in subscription.reads() {
            if self.watches.add(library, Arc::clone(subscription)) {
                tokio::spawn(run(Arc::downgrade(self), library.clone()));
            }
        }
    }

    /// One look, and what is told of it. None once nobody is subscribed any more.
    async fn look(&self, library: &LibraryName, seen: &mut Option<Glance>) -> Option<()> {
        let watched = self.watches.of(library)?;
        let source = self.places.library(library).ok().map(Arc::clone)?;
        let (name, asked, before) = (library.clone(), watched.clone(), seen.clone());
        let limit = self.policy.limits().read_time;
        let work = move || Ok(news(&source, &name, &asked, before.as_ref(), limit));
        // What cannot be read now is looked at again.
        let Ok(Ok((glance, places))) = self.readers.read(library, work).await else {
            return Some(());
        };
        let has_moved = seen.as_ref() != Some(&glance);
        *seen = Some(glance);
        for (scope, now) in places {
            self.tell_place(library, &watched, scope, now, has_moved);
        }
        self.watches.no_longer_new(library, &watched);
        Some(())
    }

    /// Tells all who read the library by one kind of grant that it changed, or the new ones alone
    /// where it is.
    fn tell_place(
        &self,
        library: &LibraryName,
        watched: &[Watched],
        scope: ReadScope,
        now: Place,
        has_moved: bool,
    ) {
        let before = self.watches.tell(&scope, &now);
        // Without a history all that is known is that the files moved.
        let is_other = |before: &Place| *before != now || (now.is_none() && has_moved);
        if let Some(token) = before.filter(is_other) {
            let data = EventData { token, ..EventData::default() };
            self.board.put(About::Library(scope), EventKind::Changed, data);
            return;
        }
        let is_new = |it: &&Watched| it.is_new && reads(it, library) == Some(&scope);
        for it in watched.iter().filter(is_new) {
            it.subscription.begin_at(library, now.clone());
        }
    }
}

/// What a subscriber is granted of a library.
fn reads<'a>(watched: &'a Watched, library: &LibraryName) -> Option<&'a ReadScope> {
    let mut reads = watched.subscription.reads().iter();
    reads.find(|(name, _)| name == library).map(|(_, grant)| grant.covers())
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

/// For each kind of grant the newest place, where somebody is new or the library has moved. On a
/// thread that may wait.
fn news(
    library: &Library,
    name: &LibraryName,
    watched: &[Watched],
    before: Option<&Glance>,
    limit: Duration,
) -> Result<(Glance, Vec<(ReadScope, Place)>), LibraryError> {
    let mut glance = None;
    let mut places: Vec<(ReadScope, Place)> = Vec::new();
    for it in watched {
        let Some((_, grant)) = it.subscription.reads().iter().find(|(of, _)| of == name) else {
            continue;
        };
        // Taken before the place is asked for: what is written in between is seen next time.
        if glance.is_none() {
            glance = Some(library.glance(grant)?);
        }
        let is_asked = it.is_new || glance.as_ref() != before;
        if !is_asked || places.iter().any(|(scope, _)| scope == grant.covers()) {
            continue;
        }
        let place = match library.change_token(grant, &deadline(limit)) {
            Ok(token) => Some(token.to_string()),
            Err(LibraryError::NoHistory) => None,
            Err(error) => return Err(error),
        };
        places.push((grant.covers().clone(), place));
    }
    let glance = glance.ok_or(LibraryError::Busy)?;
    Ok((glance, places))
}

fn deadline(limit: Duration) -> Deadline {
    let asked = Moment::now();
    Deadline::new(move || asked.elapsed() >= limit)
}

#[cfg(test)]
mod tests {
    use darkslide_policy::{AbsPath, Gid, Peer, Platform, Policy, Uid, World};
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
        let world =
            World { home, uid: Uid::new(1), methods: Vec::new(), platform: Platform::Linux };
        let text = "version = 1\n[[client]]\nname = \"me\"\nuid = 1\nmethods = [\"*\"]\n";
        let service = Service::without_libraries(
            Policy::parse(text, &world).unwrap(),
            world,
            crate::jobs::Store::new(None),
        );
        let caller = Caller::new(Peer::new(Uid::new(1), Gid::new(1), None));
        let subscribe = || {
            let params = EventSubscribeParams::of([Topic::Jobs]);
            service.event_subscribe(&caller, &params, Arc::new(Nothing)).unwrap().1
        };
        let library = LibraryName::parse("main").unwrap();
        let watches = Watches::default();
        assert!(watches.of(&library).is_none());
        let (first, second) = (subscribe(), subscribe());
        assert!(watches.add(&library, Arc::clone(&first)), "the watch begins");
        let all = watches.of(&library).unwrap();
        assert!(!watches.add(&library, Arc::clone(&second)), "and there is one");
        watches.no_longer_new(&library, &all);
        let is_new = |watches: &Watches| {
            let left = watches.of(&library).unwrap();
            left.iter().map(|it| it.is_new).collect::<Vec<_>>()
        };
        assert_eq!(is_new(&watches), [false, true]);
        first.end();
        assert_eq!(is_new(&watches), [true]);
        for _ in 0..10_000 {
            let other = subscribe();
            assert!(!watches.add(&library, Arc::clone(&other)));
            other.end();
        }
        assert_eq!(
            watches.lock().subscribers[&library].len(),
            2,
            "who comes and goes is forgotten"
        );
        second.end();
        assert!(watches.of(&library).is_none(), "it ends");
        watches.no_longer_new(&library, &all);
        assert!(watches.add(&library, subscribe()), "and another begins");
    }
}
