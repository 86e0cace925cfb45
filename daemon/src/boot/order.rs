//! The order of the boot, as types: each step consumes the one before, so that no other order
//! compiles.
//!
//! `Placed` (the place of the socket known, and what a service manager handed over seen to be the
//! listener there) → `Loaded` (policy read and checked) → `Listening` (socket bound, or the one
//! handed over kept; lock held) → `Opened` (folders of policy and state held by handles) →
//! `Confined` (the kernel's rules in force, the self-test passed) → serving (runtime, threads, the
//! first accept). Only `Confined` can build the runtime: Landlock binds the calling thread and
//! those that it starts, so that no thread may exist before.

use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use darkslide_policy::{AbsPath, Access, Policy, RelPath, Strictness, World};

use crate::audit::Audit;
use crate::boot::adopt_socket::{Adopted, Handed};
use crate::boot::args::Arguments;
use crate::boot::guests::Guests;
use crate::boot::listen::{self, Bound, HANDOVER};
use crate::boot::open::{Kept, Missing};
use crate::boot::reload::{Folders, Sources, no_file, policy_file};
use crate::boot::state::State;
use crate::boot::{BootError, open, owned, state, world};
use crate::confine;
use crate::server::{self, Clients, Ended};
use crate::service::Service;
use crate::service::health::StartedBy;
use crate::service::places::Places;
use crate::service::reload::Reread;

/// It is known where clients will come in.
#[derive(Debug)]
pub struct Placed {
    world: World,
    /// The policy file that the arguments name.
    named: Option<AbsPath>,
    place: AbsPath,
    adopted: Option<Adopted>,
}

/// The policy is read, and its file was ours alone.
#[derive(Debug)]
pub struct Loaded {
    placed: Placed,
    policy: Policy,
    /// Where the policy came from.
    sources: Sources,
    /// What no root may hold.
    kept: Vec<Kept>,
}

/// Clients can come in, but nobody reads yet.
#[derive(Debug)]
pub struct Listening {
    policy: Policy,
    world: World,
    /// None where the policy was handed over.
    sources: Option<Sources>,
    clients: Source,
    /// What no root may hold.
    kept: Vec<Kept>,
    missing: Missing,
}

#[derive(Debug)]
enum Source {
    Socket(Bound),
    Private(UnixStream),
}

/// Every folder of the policy is held by its handle.
#[derive(Debug)]
pub struct Opened {
    listening: Listening,
    folders: open::Opened,
    /// Not of the private way.
    state: Option<State>,
    policy_folders: Option<Folders>,
}

/// How a daemon ended that has served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// There is nothing more to do.
    Done,
    /// It is to be started anew, at once.
    Anew,
}

impl Ending {
    /// The status that the process ends with: 75 is the "temporary failure" of sysexits, which the
    /// units name as the wish to be started anew.
    #[must_use]
    pub fn exit_status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Anew => 75,
        }
    }
}

/// The kernel's rules are in force.
pub struct Confined {
    policy: Policy,
    world: World,
    clients: Source,
    places: Places,
    state: Option<State>,
    reread: Option<Reread>,
    proof: confine::Confined,
}

impl Placed {
    /// Finds the place that the arguments name, or the usual one, and looks at what a service
    /// manager handed over.
    ///
    /// # Errors
    /// [`BootError::NoHome`], [`BootError::Path`], [`BootError::Adopt`], and [`BootError::Usage`]
    /// where no place is known.
    pub fn from_arguments(arguments: &Arguments, handed: Handed) -> Result<Self, BootError> {
        let world = world::world()?;
        arguments.fit(world.platform)?;
        let given = |text: &Option<String>| {
            text.as_deref().map(|text| world::path(text, &world)).transpose()
        };
        let (named, socket) = (given(&arguments.policy)?, given(&arguments.socket)?);
        let place = match socket {
            Some(place) => place,
            None => default_socket(&world)?,
        };
        let adopted = handed.check(&place, world.uid)?;
        Ok(Self { world, named, place, adopted })
    }

    /// The listener that was handed over, once more: there clients are told what is wrong, should
    /// a later step fail.
    ///
    /// # Errors
    /// [`BootError::Runtime`].
    pub fn listener(&self) -> Result<Option<UnixListener>, BootError> {
        let listener = self.adopted.as_ref().map(|adopted| adopted.listener.try_clone());
        listener.transpose().map_err(BootError::Runtime)
    }

    /// Reads the policy that the arguments name, or the one that applies where there is none.
    ///
    /// # Errors
    /// [`BootError::Path`], [`BootError::Unsafe`], [`BootError::Policy`].
    pub fn load(self) -> Result<Loaded, BootError> {
        let world = &self.world;
        let mut kept = vec![Kept { what: "the home folder", path: world.home.clone() }];
        let sources = Sources::new(self.named.clone(), world);
        let (policy, file) = sources.read(world)?;
        kept.extend(file.map(|path| Kept { what: "the policy file", path }));
        Ok(Loaded { placed: self, policy, sources, kept })
    }
}

impl Loaded {
    /// Binds the socket, or takes the place of the one that was handed over.
    ///
    /// # Errors
    /// Those of `listen::bind` and `listen::take_over`, and [`BootError::NoGroup`].
    pub fn listen(self) -> Result<Listening, BootError> {
        let Self { placed, policy, sources, mut kept } = self;
        let Placed { world, place, adopted, .. } = placed;
        let guests = Guests::of(&policy)?;
        let bound = match adopted {
            Some(adopted) => listen::take_over(adopted, &place, world.uid, &guests)?,
            None => listen::bind(&place, world.uid, &guests)?,
        };
        tracing::info!(socket = place.as_str(), by = bound.by.as_str(), "listening");
        kept.push(Kept { what: "the socket", path: place });
        let clients = Source::Socket(bound);
        let (sources, missing) = (Some(sources), Missing::Make);
        Ok(Listening { policy, world, sources, clients, kept, missing })
    }
}

impl Source {
    fn started_by(&self) -> StartedBy {
        match self {
            Self::Socket(bound) => bound.by,
            Self::Private(_) => StartedBy::Private,
        }
    }

    /// Where clients come in, by the kernel's word.
    fn socket(&self) -> Option<PathBuf> {
        match self {
            Self::Socket(bound) => {
                bound.listener.local_addr().ok()?.as_pathname().map(Path::to_path_buf)
            }
            Self::Private(_) => None,
        }
    }
}

impl Listening {
    /// Begins with what a parent handed over: a policy, for where a person exports to is that
    /// person's affair, and the one connection.
    #[must_use]
    pub fn private(policy: Policy, world: World, missing: Missing, connection: UnixStream) -> Self {
        let clients = Source::Private(connection);
        Self { policy, world, sources: None, clients, kept: Vec::new(), missing }
    }

    /// Opens the folders that the policy names, and that of the state. The private way has none:
    /// what its export did stands in the destination, and there is no second client to tell.
    ///
    /// # Errors
    /// Those of `open::open` and `state::open`.
    pub fn open(mut self) -> Result<Opened, BootError> {
        let world = &self.world;
        let state = match &self.clients {
            Source::Socket(bound) => {
                let patience = if bound.by.is_activated() { HANDOVER } else { Duration::ZERO };
                let place = world::state_folder(world)?;
                let keep = self.policy.limits().audit_keep;
                let state = listen::once_free(patience, || state::open(&place, world.uid, keep))?;
                let paths = state.paths.clone().into_iter();
                self.kept.extend(paths.map(|path| Kept { what: "the state folder", path }));
                Some(state)
            }
            Source::Private(_) => None,
        };
        let folders = open::open(&self.policy, &self.kept, self.missing)?;
        let policy_folders = self.sources.as_ref().map(|sources| {
            let others = self.kept.iter().filter(|kept| !sources.name(&kept.path));
            let mut others: Vec<_> = others.flat_map(|kept| owned::lineage(&kept.path)).collect();
            others.extend(folders.lineages());
            sources.open_folders(&others)
        });
        Ok(Opened { listening: self, folders, state, policy_folders })
    }
}

impl Opened {
    /// Confines the process, and tries in both directions whether it is.
    ///
    /// # Errors
    /// [`BootError::Confine`]; in the private way also [`BootError::Library`] and
    /// [`BootError::Root`].
    pub fn confine(self) -> Result<Confined, BootError> {
        let Self { listening, folders, state, policy_folders } = self;
        let Listening { policy, world, sources, clients, missing, .. } = listening;
        let strictness = policy.confinement();
        let mut rules = folders.rules();
        if let Some(state) = &state {
            let rule = |what: &str, handle, access| {
                let what = what.to_owned();
                confine::Rule { what, handle, access }
            };
            rules.push(rule("the state folder", state.jobs.handle(), Access::ReadWrite));
            rules.push(rule("the audit log", state.log.folder().handle(), Access::Add));
        }
        rules.extend(policy_folders.iter().flat_map(Folders::rules));
        let socket = clients.socket();
        let needs = confine::Needs {
            socket: socket.as_deref(),
            looks_at_programs: policy.looks_at_programs(),
        };
        let proof = confine::enter_for(&rules, strictness, &needs).map_err(BootError::Confine)?;
        tracing::info!(report = proof.report().to_string(), "confined");
        if strictness == Strictness::BestEffort && !proof.report().is_complete() {
            tracing::warn!(missing = ?proof.report().missing, "not all of the confinement is there");
        }
        // Not worth a refusal: an export goes on where only its job cannot be kept.
        if let Some(Err(error)) = state.as_ref().map(|state| state.jobs.probe()) {
            tracing::warn!(error = ?error.to_string(), "the state folder takes nothing");
        }
        let mut places = folders.probe();
        if matches!(clients, Source::Private(_)) {
            places = open::refuse_unusable(places, missing)?;
        }
        let reread = sources.zip(policy_folders).map(|(sources, folders)| {
            let (world, folders) = (world.clone(), folders.into_paths());
            Box::new(move || sources.check_again(&world, &folders)) as Reread
        });
        Ok(Confined { policy, world, clients, places, state, reread, proof })
    }
}

impl Confined {
    /// Serves until it is told to end, or until the one client of the private way is gone.
    ///
    /// # Errors
    /// [`BootError::Runtime`].
    pub fn serve(self) -> Result<Ending, BootError> {
        let by = self.clients.started_by();
        let (jobs, audit) = match self.state {
            Some(State { jobs, start, log, .. }) => (Some(jobs), Some(Audit::new(start, log))),
            None => (None, None),
        };
        let service =
            Service::start(self.policy, self.world, self.places, jobs, audit, &self.proof, by)
                .map_err(BootError::Runtime)?;
        self.reread.into_iter().for_each(|reread| service.reread_by(reread));
        let audit = service.audit();
        let (clients, _lock) = match self.clients {
            Source::Socket(Bound { listener, lock, .. }) => {
                (Clients::Many { listener, activated: by.is_activated() }, lock)
            }
            Source::Private(connection) => (Clients::One(connection), None),
        };
        let ended = server::run(service, clients);
        audit.end();
        Ok(match ended.map_err(BootError::Runtime)? {
            Ended::Told | Ended::Idle | Ended::Gone => Ending::Done,
            Ended::Stale => Ending::Anew,
        })
    }
}

/// Reads a policy file as the daemon would: owner and mode, keys, values.
///
/// # Errors
/// [`BootError`] with what the daemon would say.
pub fn read_policy(text: &str) -> Result<Policy, BootError> {
    let world = world::world()?;
    let named = world::path(text, &world)?;
    policy_file(&named, &world)?.ok_or_else(|| no_file(&named))
}

fn default_socket(world: &World) -> Result<AbsPath, BootError> {
    let (folder, below) = if cfg!(target_os = "macos") {
        (Some(world.home.clone()), "Library/Application Support/darkslide/s")
    } else {
        (world::runtime_folder(world.uid), "darkslide/s")
    };
    let missing = || {
        let folder = format!("/run/user/{} is not a folder of ours", world.uid);
        BootError::Usage(format!("XDG_RUNTIME_DIR is not set, and {folder}: say --socket PATH"))
    };
    let folder = folder.ok_or_else(missing)?;
    let below = RelPath::parse(below);
    below
        .and_then(|below| folder.join(&below))
        .map_err(|source| BootError::Path { path: folder.to_string(), source })
}
