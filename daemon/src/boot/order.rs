//! The order of the boot, as types: each step consumes the one before, so that no other order
//! compiles.
//!
//! `Loaded` (policy read and checked) → `Listening` (socket bound, lock held) → `Opened` (folders
//! of policy and state held by handles) → `Confined` (the kernel's rules in force, the self-test
//! passed) → serving (runtime, threads, the first accept). Only `Confined` can build the runtime:
//! Landlock binds the calling thread and those that it starts, so that no thread may exist before.

use std::os::unix::net::UnixStream;

use darkslide_door::StateDir;
use darkslide_policy::{AbsPath, Access, Platform, Policy, RelPath, Strictness, Uid, World};

use crate::boot::args::Arguments;
use crate::boot::listen::{self, Bound};
use crate::boot::open::{Kept, Missing};
use crate::boot::{BootError, open, owned, state, world};
use crate::confine;
use crate::server::{self, Clients};
use crate::service::Service;
use crate::service::places::Places;

/// The policy is read, and its file was ours alone.
#[derive(Debug)]
pub struct Loaded {
    policy: Policy,
    world: World,
    /// Where the arguments want the socket.
    socket: Option<AbsPath>,
    /// What no root may hold.
    kept: Vec<Kept>,
    missing: Missing,
}

/// Clients can come in, but nobody reads yet.
#[derive(Debug)]
pub struct Listening {
    loaded: Loaded,
    clients: Source,
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
    state: Option<StateDir>,
}

/// The kernel's rules are in force.
#[derive(Debug)]
pub struct Confined {
    policy: Policy,
    world: World,
    clients: Source,
    places: Places,
    state: Option<StateDir>,
    proof: confine::Confined,
}

impl Loaded {
    /// Reads the policy that the arguments name, or the one that applies where there is none.
    ///
    /// # Errors
    /// [`BootError::NoHome`], [`BootError::Path`], [`BootError::Unsafe`], [`BootError::Policy`].
    pub fn from_arguments(arguments: &Arguments) -> Result<Self, BootError> {
        let world = world::world()?;
        let given = |text: &Option<String>| {
            text.as_deref().map(|text| world::path(text, &world)).transpose()
        };
        let (named, socket) = (given(&arguments.policy)?, given(&arguments.socket)?);
        let mut kept = vec![Kept { what: "the home folder", path: world.home.clone() }];
        let candidates =
            named.clone().map_or_else(|| world::policy_paths(&world), |path| vec![path]);
        for candidate in candidates {
            if let Some(policy) = policy_file(&candidate, &world)? {
                kept.push(Kept { what: "the policy file", path: candidate });
                return Ok(Self { policy, world, socket, kept, missing: Missing::Make });
            }
        }
        if let Some(named) = named {
            return Err(no_file(&named));
        }
        let platform = if cfg!(target_os = "macos") { Platform::MacOs } else { Platform::Linux };
        let policy = Policy::built_in(platform, &world)
            .map_err(|source| BootError::Path { path: world.home.to_string(), source })?;
        Ok(Self { policy, world, socket, kept, missing: Missing::Make })
    }

    /// Takes a policy that the parent handed over: where a person exports to is that person's
    /// affair.
    #[must_use]
    pub fn private(policy: Policy, world: World, missing: Missing) -> Self {
        Self { policy, world, socket: None, kept: Vec::new(), missing }
    }

    /// Binds the socket.
    ///
    /// # Errors
    /// Those of `listen::bind`, and [`BootError::Usage`] where no place for it is known.
    pub fn listen(mut self) -> Result<Listening, BootError> {
        let place = match self.socket.take() {
            Some(place) => place,
            None => default_socket(self.world.uid)?,
        };
        let bound = listen::bind(&place, self.world.uid)?;
        tracing::info!(socket = place.as_str(), "listening");
        self.kept.push(Kept { what: "the socket", path: place });
        Ok(Listening { loaded: self, clients: Source::Socket(bound) })
    }

    /// Takes the one connection that the parent handed over.
    #[must_use]
    pub fn adopt(self, connection: UnixStream) -> Listening {
        Listening { loaded: self, clients: Source::Private(connection) }
    }
}

impl Listening {
    /// Opens the folders that the policy names, and that of the state. The private way has none:
    /// what its export did stands in the destination, and there is no second client to tell.
    ///
    /// # Errors
    /// Those of `open::open` and `state::open`.
    pub fn open(mut self) -> Result<Opened, BootError> {
        let world = &self.loaded.world;
        let state = match self.clients {
            Source::Socket(_) => {
                let (state, path) = state::open(&world::state_folder(world)?, world.uid)?;
                self.loaded.kept.push(Kept { what: "the state folder", path });
                Some(state)
            }
            Source::Private(_) => None,
        };
        let folders = open::open(&self.loaded.policy, &self.loaded.kept, self.loaded.missing)?;
        Ok(Opened { listening: self, folders, state })
    }
}

impl Opened {
    /// Confines the process, and tries in both directions whether it is.
    ///
    /// # Errors
    /// [`BootError::Confine`]; in the private way also [`BootError::Library`] and
    /// [`BootError::Root`].
    pub fn confine(self) -> Result<Confined, BootError> {
        let Self { listening: Listening { loaded, clients }, folders, state } = self;
        let strictness = loaded.policy.confinement();
        let mut rules = folders.rules();
        rules.extend(state.as_ref().map(|state| confine::Rule {
            what: "the state folder".to_owned(),
            handle: state.handle(),
            access: Access::ReadWrite,
        }));
        let proof = confine::enter(&rules, strictness).map_err(BootError::Confine)?;
        tracing::info!(report = proof.report().to_string(), "confined");
        if strictness == Strictness::BestEffort && !proof.report().is_complete() {
            tracing::warn!(missing = ?proof.report().missing, "not all of the confinement is there");
        }
        // Not worth a refusal: an export goes on where only its job cannot be kept.
        if let Some(Err(error)) = state.as_ref().map(StateDir::probe) {
            tracing::warn!(error = ?error.to_string(), "the state folder takes nothing");
        }
        let mut places = folders.probe();
        if matches!(clients, Source::Private(_)) {
            places = open::refuse_unusable(places, loaded.missing)?;
        }
        Ok(Confined { policy: loaded.policy, world: loaded.world, clients, places, state, proof })
    }
}

impl Confined {
    /// Serves until it is told to end, or until the one client of the private way is gone.
    ///
    /// # Errors
    /// [`BootError::Runtime`].
    pub fn serve(self) -> Result<(), BootError> {
        let service = Service::start(self.policy, self.world, self.places, self.state, &self.proof)
            .map_err(BootError::Runtime)?;
        let (clients, _lock) = match self.clients {
            Source::Socket(bound) => {
                let (listener, lock) = bound.into_parts();
                (Clients::Many(listener), Some(lock))
            }
            Source::Private(connection) => (Clients::One(connection), None),
        };
        server::run(service, clients).map_err(BootError::Runtime)
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

fn policy_file(path: &AbsPath, world: &World) -> Result<Option<Policy>, BootError> {
    let Some(text) = owned::read(path, world.uid)? else {
        return Ok(None);
    };
    let policy = Policy::parse(&text, world);
    policy.map(Some).map_err(|source| BootError::Policy { path: path.to_string(), source })
}

fn no_file(path: &AbsPath) -> BootError {
    let source = std::io::Error::from_raw_os_error(rustix::io::Errno::NOENT.raw_os_error());
    BootError::System { action: "read", path: path.to_string(), source }
}

fn default_socket(uid: Uid) -> Result<AbsPath, BootError> {
    let missing = || BootError::Usage("XDG_RUNTIME_DIR is not set: say --socket PATH".to_owned());
    let folder = world::runtime_folder(uid).ok_or_else(missing)?;
    let below = RelPath::parse("darkslide/s");
    below
        .and_then(|below| folder.join(&below))
        .map_err(|source| BootError::Path { path: folder.to_string(), source })
}
