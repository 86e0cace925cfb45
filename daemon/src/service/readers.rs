//! The threads that read: two for each library, for the runtime has one thread and must never wait
//! for a disk.
//!
//! A bounded line of work for each library; who finds it full is told to come again. A panic in one
//! piece of work is that request's incident, and the thread goes on.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use darkslide_policy::LibraryName;
use darkslide_protocol::error::{ErrorName, Reason, WireError};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::places::Places;
use super::{Caller, fault};
use crate::{telemetry, threads};

/// Threads that read one library: more than cores gain nothing.
pub(super) const READERS_PER_LIBRARY: usize = 2;
/// Pieces of work in line for one library: those of four connections that keep all their slots
/// busy.
const MAX_IN_LINE: usize = 256;

/// A connection to a library that nobody used for so long is closed: an open one keeps Photos from
/// its last checkpoint.
pub(super) const MAX_IDLE_CONNECTION: Duration = Duration::from_secs(2);

type Work = Box<dyn FnOnce() + Send>;

/// How much longer than it may a piece of work is waited for: it asks its deadline itself, and only
/// a system call that hangs does not come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// A line of work for each library.
pub(super) struct Readers {
    lines: Vec<Line>,
    /// How long one request may read.
    read_time: Duration,
}

struct Line {
    library: LibraryName,
    sender: SyncSender<Work>,
    /// Threads of it that hang in a system call.
    hanging: Arc<AtomicUsize>,
}

impl Readers {
    /// Starts the threads of every library that can be used.
    ///
    /// # Errors
    /// What the system says when it has no room for a thread.
    pub(super) fn start(places: &Places, read_time: Duration) -> io::Result<Self> {
        let mut lines = Vec::new();
        for place in places.libraries().filter(|place| place.library.is_ok()) {
            let (sender, receiver) = sync_channel(MAX_IN_LINE);
            let shared = Arc::new(Shared {
                work: Mutex::new(receiver),
                working: AtomicUsize::new(0),
                used: AtomicBool::new(false),
            });
            for _ in 0..READERS_PER_LIBRARY {
                let shared = Arc::clone(&shared);
                let library = place.library.as_ref().ok().map(Arc::clone);
                let rest = move || library.iter().for_each(|library| library.rest());
                threads::start("reader", move || work_on(&shared, rest))?;
            }
            let (library, hanging) = (place.name.clone(), Arc::default());
            lines.push(Line { library, sender, hanging });
        }
        Ok(Self { lines, read_time })
    }

    /// Does a piece of work on a thread of that library, and waits for what it answers.
    ///
    /// # Errors
    /// What the work answers; `LIMIT` when the line is full; `INTERNAL` when the work panicked.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        library: &LibraryName,
        work: impl FnOnce() -> Result<T, WireError> + Send + 'static,
    ) -> Result<T, WireError> {
        self.read_while(std::future::pending(), library, work).await
    }

    /// The same for a caller. Once that no longer waits, what has not begun never does; what has
    /// is waited for, and stops at its own next look at the caller.
    ///
    /// # Errors
    /// Those of [`Readers::read`]; `CANCELLED` where it never began.
    pub(super) async fn read_for<T: Send + 'static>(
        &self,
        caller: &Caller,
        library: &LibraryName,
        work: impl FnOnce() -> Result<T, WireError> + Send + 'static,
    ) -> Result<T, WireError> {
        self.read_while(caller.no_longer_waits(), library, work).await
    }

    async fn read_while<T: Send + 'static>(
        &self,
        unwanted: impl Future<Output = ()>,
        library: &LibraryName,
        work: impl FnOnce() -> Result<T, WireError> + Send + 'static,
    ) -> Result<T, WireError> {
        let line = self.lines.iter().find(|line| line.library == *library);
        let line = line.ok_or_else(fault::no_such_library)?;
        if line.hanging.load(Ordering::Relaxed) >= READERS_PER_LIBRARY {
            return Err(hangs());
        }
        let (answer, answered) = oneshot::channel();
        // Set by whichever of the two, the work and the wait for it, ends first.
        let over = Arc::new(AtomicBool::new(false));
        // Set by whichever comes first: who does the work, or who says that it never begins.
        let claimed = Arc::new(AtomicBool::new(false));
        let work = {
            let (over, hanging) = (Arc::clone(&over), Arc::clone(&line.hanging));
            let claimed = Arc::clone(&claimed);
            move || {
                if claimed.swap(true, Ordering::Relaxed) {
                    return;
                }
                let outcome = catch_unwind(AssertUnwindSafe(work));
                if over.swap(true, Ordering::Relaxed) {
                    hanging.fetch_sub(1, Ordering::Relaxed);
                }
                // Who asked may be gone; then nobody wants it.
                drop(answer.send(outcome.unwrap_or_else(|_| {
                    Err(WireError::internal(telemetry::incident("a reader")))
                })));
            }
        };
        if line.sender.try_send(Box::new(work)).is_err() {
            return Err(crowded());
        }
        let mut answered = pin!(timeout(self.read_time + PATIENCE, answered));
        let answer = tokio::select! {
            biased;
            answer = &mut answered => answer,
            () = unwanted => {
                if !claimed.swap(true, Ordering::Relaxed) {
                    return Err(fault::given_up());
                }
                answered.await
            }
        };
        match answer {
            Ok(answer) => answer.unwrap_or_else(|_| {
                Err(WireError::internal(telemetry::incident("a reader's answer")))
            }),
            // Those before it took all the time.
            Err(_) if !claimed.swap(true, Ordering::Relaxed) => Err(crowded()),
            Err(_) => {
                line.hanging.fetch_add(1, Ordering::Relaxed);
                if over.swap(true, Ordering::Relaxed) {
                    line.hanging.fetch_sub(1, Ordering::Relaxed);
                }
                tracing::error!(library = library.as_str(), "a reader hangs");
                Err(hangs())
            }
        }
    }
}

fn crowded() -> WireError {
    WireError::new(
        ErrorName::Limit,
        Reason::Limit,
        "too many requests wait for this library",
        "try again in a moment",
    )
    .with_limit(MAX_IN_LINE as u64)
}

fn hangs() -> WireError {
    WireError::new(
        ErrorName::LibraryUnavailable,
        Reason::Unavailable,
        "reading the library hangs",
        "look at the disk that it is on, then restart the daemon",
    )
}

/// What the threads of one line share.
struct Shared {
    work: Mutex<Receiver<Work>>,
    /// Threads that work, each with a connection that will be idle.
    working: AtomicUsize,
    /// Were connections used since they were last closed?
    used: AtomicBool,
}

fn work_on(line: &Shared, rest: impl Fn()) {
    loop {
        // Whoever waits here waits for all: the others wait for the lock.
        let work = line.work.lock().unwrap_or_else(PoisonError::into_inner);
        let next = if line.used.load(Ordering::Relaxed) {
            work.recv_timeout(MAX_IDLE_CONNECTION)
        } else {
            work.recv().map_err(RecvTimeoutError::from)
        };
        match next {
            Ok(next) => {
                line.used.store(true, Ordering::Relaxed);
                line.working.fetch_add(1, Ordering::Relaxed);
                drop(work);
                next();
                line.working.fetch_sub(1, Ordering::Relaxed);
            }
            Err(RecvTimeoutError::Timeout) => {
                let still_used = line.working.load(Ordering::Relaxed) > 0;
                line.used.store(still_used, Ordering::Relaxed);
                rest();
            }
            // The service is gone.
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests")]
    use std::sync::mpsc::channel;

    use tokio::time::Instant;

    use super::*;

    /// A line whose threads are the test's.
    const READ_TIME: Duration = darkslide_policy::Limits::USUAL.read_time;

    fn line() -> (LibraryName, Readers, Receiver<Work>) {
        let library = LibraryName::parse("main").unwrap();
        let (sender, taken) = sync_channel(MAX_IN_LINE);
        let line = Line { library: library.clone(), sender, hanging: Arc::default() };
        (library, Readers { lines: vec![line], read_time: READ_TIME }, taken)
    }

    #[tokio::test(start_paused = true)]
    async fn who_hangs_is_no_longer_asked_until_it_comes_back() {
        let (library, readers, taken) = line();
        let mut hanging = Vec::new();
        for _ in 0..READERS_PER_LIBRARY {
            let begun_at = Instant::now();
            let (begin, begun) = channel();
            let (let_go, hold) = channel::<()>();
            let mut answer = pin!(readers.read(&library, move || {
                begin.send(()).unwrap();
                let _closed = hold.recv();
                Ok(1)
            }));
            tokio::select! {
                biased;
                _ = &mut answer => panic!("nobody worked yet"),
                () = std::future::ready(()) => {}
            }
            let work = taken.try_recv().unwrap();
            hanging.push((std::thread::spawn(work), let_go));
            begun.recv().unwrap();
            assert_eq!(answer.await.unwrap_err().data.name, ErrorName::LibraryUnavailable);
            assert_eq!(begun_at.elapsed().as_secs(), (READ_TIME + PATIENCE).as_secs());
        }
        let asked = Instant::now();
        let answer = readers.read(&library, || Ok(2)).await;
        assert_eq!(answer.unwrap_err().data.name, ErrorName::LibraryUnavailable);
        assert_eq!(asked.elapsed().as_secs(), 0, "nobody else waits for what hangs");

        for (thread, let_go) in hanging {
            drop(let_go);
            thread.join().unwrap();
        }
        let answer = readers.read(&library, || Ok(3));
        let work = async { taken.try_recv().unwrap()() };
        assert_eq!(tokio::join!(answer, work).0.unwrap(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_in_line_too_long_hears_of_the_crowd_and_its_work_is_not_done() {
        let (library, readers, taken) = line();
        let answer =
            readers.read(&library, || -> Result<(), _> { panic!("nobody wants it") }).await;
        assert_eq!(answer.unwrap_err().data.name, ErrorName::Limit);
        taken.try_recv().unwrap()();
        let answer = readers.read(&library, || Ok(1));
        let work = async { taken.try_recv().unwrap()() };
        assert_eq!(tokio::join!(answer, work).0.unwrap(), 1, "and nothing counts as hanging");
    }

    #[tokio::test(start_paused = true)]
    async fn the_line_holds_its_limit_and_whoever_comes_then_is_told_so_at_once() {
        let (library, readers, taken) = line();
        let mut waiting = Vec::new();
        for _ in 0..MAX_IN_LINE {
            let mut answer = Box::pin(readers.read(&library, || Ok(1)));
            let polled = std::future::poll_fn(|context| {
                std::task::Poll::Ready(answer.as_mut().poll(context).is_pending())
            });
            assert!(polled.await, "it waits in line");
            waiting.push(answer);
        }
        for _over in [1, 1_000].into_iter().flat_map(|many| 0..many) {
            let error = readers.read(&library, || Ok(1)).await.unwrap_err();
            assert_eq!((error.data.name, error.data.limit), (ErrorName::Limit, Some(256)));
        }
        taken.try_recv().unwrap()();
        assert_eq!(waiting.swap_remove(0).await.unwrap(), 1);
        let answer = readers.read(&library, || Ok(2));
        let rest = async { taken.try_iter().for_each(|work| work()) };
        assert_eq!(tokio::join!(answer, rest).0.unwrap(), 2, "a place is free again");
    }

    #[tokio::test]
    async fn a_panic_in_one_work_is_its_answer_and_the_reader_goes_on() {
        let (library, readers, taken) = line();
        let work = async { taken.try_recv().unwrap()() };
        let answer = readers.read(&library, || -> Result<(), _> { panic!("told to nobody") });
        let error = tokio::join!(answer, work).0.unwrap_err();
        assert_eq!(error.data.name, ErrorName::Internal);
        assert!(error.data.incident.is_some() && !error.message.contains("nobody"), "{error}");
        let work = async { taken.try_recv().unwrap()() };
        assert_eq!(tokio::join!(readers.read(&library, || Ok(1)), work).0.unwrap(), 1);
    }

    fn caller() -> Caller {
        use darkslide_policy::{Gid, Peer, Uid};
        Caller::new(Peer::new(Uid::new(1), Gid::new(1), None))
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_in_line_and_is_given_up_is_answered_at_once_and_never_begins() {
        let (library, readers, taken) = line();
        for gone in [false, true] {
            let (caller, asked) = (caller().of_a_request(), Instant::now());
            let answer = readers
                .read_for(&caller, &library, || -> Result<(), _> { panic!("nobody wants it") });
            let give_up = async { if gone { caller.leave() } else { caller.give_up() } };
            let error = tokio::join!(answer, give_up).0.unwrap_err();
            assert_eq!(error.data.name, ErrorName::Cancelled);
            assert_eq!(asked.elapsed().as_secs(), 0);
            taken.try_recv().unwrap()();
        }
        let caller = caller();
        let answer = readers.read_for(&caller, &library, || Ok(1));
        let work = async { taken.try_recv().unwrap()() };
        assert_eq!(tokio::join!(answer, work).0.unwrap(), 1, "and nothing counts as hanging");
    }

    #[tokio::test]
    async fn what_has_begun_and_is_given_up_is_waited_for_and_sees_it() {
        let (library, readers, taken) = line();
        let caller = caller().of_a_request();
        let (begin, begun) = channel();
        let deadline = crate::service::deadline_by(READ_TIME, &caller, || Duration::ZERO);
        let answer = readers.read_for(&caller, &library, move || {
            begin.send(()).unwrap();
            while !deadline.expired() {
                std::thread::yield_now();
            }
            Ok("stopped")
        });
        let give_up = async {
            let thread = std::thread::spawn(taken.try_recv().unwrap());
            begun.recv().unwrap();
            caller.give_up();
            thread
        };
        let (answer, thread) = tokio::join!(answer, give_up);
        assert_eq!(answer.unwrap(), "stopped", "the answer is made CANCELLED by who sends it");
        thread.join().unwrap();
    }
}
