//! What the environment says of this process: home, uid, and where policy, socket and state are.
//!
//! The only reader of environment variables. What it finds is checked like any other input, and
//! read once, at boot: a variable that changes later changes nothing. The hazard: a home or runtime
//! folder of somebody else's choosing, which is why whoever uses these paths looks at owner and
//! mode.

#![expect(clippy::disallowed_methods, reason = "boot: reads the environment, once")]

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;

use darkslide_policy::{AbsPath, Platform, RelPath, Uid, World};
use darkslide_protocol::method::METHODS;

use crate::boot::BootError;

/// What systemd says that it handed over: the variables of `sd_listen_fds`.
#[cfg(any(target_os = "linux", test))]
#[derive(Debug)]
pub(super) struct HandedOver {
    /// LISTEN_FDS.
    pub(super) count: Option<OsString>,
    /// LISTEN_PID.
    pub(super) pid: Option<OsString>,
    /// LISTEN_FDNAMES.
    pub(super) names: Option<OsString>,
}

#[cfg(target_os = "linux")]
impl HandedOver {
    /// They are left where they are: nothing is started that could take them for its own.
    pub(super) fn read() -> Self {
        Self {
            count: env::var_os("LISTEN_FDS"),
            pid: env::var_os("LISTEN_PID"),
            names: env::var_os("LISTEN_FDNAMES"),
        }
    }
}

/// Where the policy is on macOS, and nowhere else: only root can write there, so that whoever
/// starts the code that was granted the disk cannot choose what it does with that.
const MACOS_POLICY: &str = "/Library/Application Support/darkslide/policy.toml";

/// Returns home and uid of this process.
///
/// # Errors
/// [`BootError::NoHome`] where nothing that counts has an absolute path.
pub(super) fn world() -> Result<World, BootError> {
    let uid = rustix::process::getuid().as_raw();
    let listed = || {
        let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok().flatten()?;
        user.dir.to_str().and_then(|dir| AbsPath::parse(dir, None).ok())
    };
    let home = home(Platform::HERE, || absolute("HOME"), listed).ok_or(BootError::NoHome)?;
    Ok(World { home, uid: Uid::new(uid), methods: methods(), platform: Platform::HERE })
}

/// What `~` in the policy stands for. On macOS the environment does not say it: it would move every
/// path of the file that root wrote.
fn home(
    platform: Platform,
    said: impl FnOnce() -> Option<AbsPath>,
    listed: impl FnOnce() -> Option<AbsPath>,
) -> Option<AbsPath> {
    match platform {
        Platform::Linux => said().or_else(listed),
        Platform::MacOs => listed(),
    }
}

/// Returns the names of the methods that there are.
pub(crate) fn methods() -> Vec<&'static str> {
    METHODS.iter().map(|row| row.name).collect()
}

/// Returns where the policy file may be, the first that is there counting.
#[must_use]
pub(super) fn policy_paths(world: &World) -> Vec<AbsPath> {
    policy_paths_by(|| absolute("XDG_CONFIG_HOME"), world)
}

fn policy_paths_by(said: impl FnOnce() -> Option<AbsPath>, world: &World) -> Vec<AbsPath> {
    if world.platform == Platform::MacOs {
        return AbsPath::parse(MACOS_POLICY, None).ok().into_iter().collect();
    }
    let below = |folder: &AbsPath, path: &str| {
        RelPath::parse(path).and_then(|path| folder.join(&path)).ok()
    };
    let config = said().or_else(|| below(&world.home, ".config"));
    let own = config.and_then(|config| below(&config, "darkslide/policy.toml"));
    let system = AbsPath::parse("/etc/darkslide/policy.toml", None).ok();
    own.into_iter().chain(system).collect()
}

/// Returns who, beside root, may own a policy file and the folders above it: nobody on macOS where
/// the daemon looks. A file elsewhere is a draft there, which only `policy check` reads.
#[must_use]
pub(super) fn policy_owner(path: &AbsPath, world: &World) -> Uid {
    match world.platform {
        Platform::MacOs if path.as_str() == MACOS_POLICY => Uid::new(0),
        Platform::MacOs | Platform::Linux => world.uid,
    }
}

/// Returns the folder that the socket's folder is made in, where no path was given.
#[must_use]
pub(super) fn runtime_folder(uid: Uid) -> Option<AbsPath> {
    // As under cron, ssh or su, where the variable is not set but the folder may be there.
    let usual = || {
        let path = format!("/run/user/{uid}");
        let ours = fs::symlink_metadata(&path)
            .is_ok_and(|facts| facts.is_dir() && facts.uid() == uid.get());
        if ours { AbsPath::parse(&path, None).ok() } else { None }
    };
    absolute("XDG_RUNTIME_DIR").or_else(usual)
}

/// Returns where the state is kept.
///
/// # Errors
/// [`BootError::Path`] for what no path can be.
pub(super) fn state_folder(world: &World) -> Result<AbsPath, BootError> {
    state_folder_by(|name| env::var(name).ok(), world)
}

fn state_folder_by(
    said: impl Fn(&str) -> Option<String>,
    world: &World,
) -> Result<AbsPath, BootError> {
    let below = |folder: &AbsPath, path: &str| {
        let joined = RelPath::parse(path).and_then(|path| folder.join(&path));
        joined.map_err(|source| BootError::Path { path: folder.to_string(), source })
    };
    // No variable: whoever starts the code that was granted the disk could choose it.
    if world.platform == Platform::MacOs {
        return below(&world.home, "Library/Application Support/darkslide/state");
    }
    if let Some(text) = said("DARKSLIDE_STATE") {
        return path(&text, world);
    }
    // systemd names one or several, with colons between them.
    let given = said("STATE_DIRECTORY").filter(|list| !list.is_empty());
    if let Some(first) = given.as_deref().and_then(|list| list.split(':').next()) {
        return path(first, world);
    }
    // The convention has a relative one ignored.
    let users = said("XDG_STATE_HOME").and_then(|text| AbsPath::parse(&text, None).ok());
    match users {
        Some(folder) => below(&folder, "darkslide"),
        None => below(&world.home, ".local/state/darkslide"),
    }
}

/// Returns a path of the command line, absolute: one that is not is below the current folder.
///
/// # Errors
/// [`BootError::Path`] for what no path can be.
pub(super) fn path(text: &str, world: &World) -> Result<AbsPath, BootError> {
    let absolute = match text {
        _ if text.starts_with(['/', '~']) => None,
        "" => None,
        relative => std::path::absolute(relative)
            .ok()
            .and_then(|path| path.into_os_string().into_string().ok()),
    };
    AbsPath::parse(absolute.as_deref().unwrap_or(text), Some(&world.home))
        .map_err(|source| BootError::Path { path: text.to_owned(), source })
}

/// Returns the words after the program's name.
pub fn arguments() -> impl Iterator<Item = OsString> {
    env::args_os().skip(1)
}

fn absolute(variable: &str) -> Option<AbsPath> {
    let text = env::var(variable).ok()?;
    AbsPath::parse(text.trim_end_matches('/'), None).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abs(text: &str) -> AbsPath {
        AbsPath::parse(text, None).unwrap()
    }

    fn a_mac() -> World {
        let (home, uid) = (abs("/Users/me"), Uid::new(501));
        World { home, uid, methods: Vec::new(), platform: Platform::MacOs }
    }

    #[test]
    fn on_a_mac_no_variable_moves_home_policy_or_state() {
        let (said, listed) = (|| Some(abs("/tmp/evil")), || Some(abs("/Users/me")));
        assert_eq!(home(Platform::MacOs, said, listed), Some(abs("/Users/me")));
        assert_eq!(home(Platform::MacOs, said, || None), None, "rather none than that one");
        assert_eq!(home(Platform::Linux, said, listed), Some(abs("/tmp/evil")));
        assert_eq!(policy_paths_by(said, &a_mac()), [abs(MACOS_POLICY)]);
        let state = state_folder_by(|_| Some("/tmp/evil".to_owned()), &a_mac()).unwrap();
        assert_eq!(state, abs("/Users/me/Library/Application Support/darkslide/state"));
    }

    #[test]
    fn on_a_mac_root_alone_may_write_the_policy_that_counts() {
        assert_eq!(policy_owner(&abs(MACOS_POLICY), &a_mac()), Uid::new(0));
        assert_eq!(policy_owner(&abs("/Users/me/draft.toml"), &a_mac()), Uid::new(501));
        let linux = World { platform: Platform::Linux, ..a_mac() };
        assert_eq!(policy_owner(&abs(MACOS_POLICY), &linux), Uid::new(501));
        assert!(!policy_paths_by(|| None, &linux).contains(&abs(MACOS_POLICY)));
    }

    #[test]
    fn the_state_is_where_the_first_of_the_variables_says() {
        let home = AbsPath::parse("/home/me", None).unwrap();
        let world =
            World { home, uid: Uid::new(1), methods: Vec::new(), platform: Platform::Linux };
        let own = "/home/me/.local/state/darkslide";
        let all = [("DARKSLIDE_STATE", "~/d"), ("STATE_DIRECTORY", "/s"), ("XDG_STATE_HOME", "/x")];
        for (variables, expected) in [
            (&all[..], "/home/me/d"),
            (&all[1..], "/s"),
            (&all[2..], "/x/darkslide"),
            (&[], own),
            (&[("STATE_DIRECTORY", "/var/lib/a:/var/lib/b")], "/var/lib/a"),
            (&[("STATE_DIRECTORY", ""), ("XDG_STATE_HOME", "x")], own),
        ] {
            let said = |name: &str| {
                let found = variables.iter().find(|(variable, _)| *variable == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let found = state_folder_by(said, &world).unwrap();
            assert_eq!(found.as_str(), expected, "{variables:?}");
        }
        let empty = |name: &str| (name == "DARKSLIDE_STATE").then(String::new);
        assert!(state_folder_by(empty, &world).is_err(), "a mistake is not ignored");
    }
}
