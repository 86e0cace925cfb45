//! Which program is run, and how: its path, looked for and looked at; arguments, environment,
//! folder.
//!
//! What is named is taken or refused, never replaced by something else of that name; only a bare
//! name is looked for, in the absolute folders of `PATH`. The hazard: the folder that one happens
//! to be in, which holds a program of somebody else.

#![expect(
    clippy::disallowed_methods,
    reason = "owns finding programs: reads the environment, looks at files, makes commands"
)]

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The variable that names another `darkslide`.
pub const PROGRAM_VARIABLE: &str = "DARKSLIDE_BIN";

/// Anybody may run it.
const EXECUTABLE: u32 = 0o111;

/// Why there is no program to run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotFound {
    /// What was named cannot be run.
    #[error("{} {problem}", path.display())]
    Unusable {
        /// What was named.
        path: PathBuf,
        /// In words that continue the path.
        problem: &'static str,
    },
    /// No folder has it.
    #[error("there is no program {} in the folders of PATH", name.display())]
    NotOnPath {
        /// Its name.
        name: OsString,
    },
}

impl NotFound {
    /// What to do, as a short imperative.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unusable { .. } => "name a file that can be run",
            Self::NotOnPath { .. } => {
                "install it, or name it by its path (`darkslide`: DARKSLIDE_BIN does, too)"
            }
        }
    }
}

/// A program to be supervised.
///
/// It gets the null device as stdin and stdout; its stderr is read. It is the first of a process
/// group of its own, so that Ctrl-C does not reach it, and whatever is left of that group when it
/// ends is killed.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    inherits_env: bool,
    folder: Option<PathBuf>,
    dies_with_parent: bool,
}

impl Program {
    /// A program by its path, or by a bare name that is looked for in `PATH` at each start.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            args: Vec::new(),
            env: Vec::new(),
            inherits_env: true,
            folder: None,
            dies_with_parent: false,
        }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// One more variable, beside those of this process.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Only the variables that are named with [`Program::env`].
    #[must_use]
    pub fn env_clear(mut self) -> Self {
        self.inherits_env = false;
        self
    }

    /// Another folder to run in than that of this process.
    #[must_use]
    pub fn current_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Gives it a pipe as stdin that nothing is written to, and that ends when this process does,
    /// however that comes: a program that reads it to its end, and then ends, does not stay behind.
    /// Without this a child outlives a parent that is killed.
    #[must_use]
    pub fn dies_with_parent(mut self) -> Self {
        self.dies_with_parent = true;
        self
    }

    pub(super) fn command(&self) -> Result<Command, NotFound> {
        let is_bare = self.path.components().count() == 1 && self.path.is_relative();
        let path = if is_bare {
            on_path(self.path.as_os_str(), env::var_os("PATH").as_deref())?
        } else {
            usable(&self.path)?
        };
        let mut command = Command::new(path);
        command.args(&self.args).stdout(Stdio::null());
        command.stdin(if self.dies_with_parent { Stdio::piped() } else { Stdio::null() });
        if !self.inherits_env {
            command.env_clear();
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        Ok(command)
    }
}

/// Finds `darkslide`: by an explicit path, then [`PROGRAM_VARIABLE`], then `PATH`.
pub(super) fn darkslide(explicit: Option<&Path>) -> Result<PathBuf, NotFound> {
    let (variable, folders) = (env::var_os(PROGRAM_VARIABLE), env::var_os("PATH"));
    find("darkslide", explicit, variable.as_deref(), folders.as_deref())
}

fn find(
    name: &str,
    explicit: Option<&Path>,
    variable: Option<&OsStr>,
    folders: Option<&OsStr>,
) -> Result<PathBuf, NotFound> {
    let named = explicit.or_else(|| variable.filter(|it| !it.is_empty()).map(Path::new));
    named.map_or_else(|| on_path(OsStr::new(name), folders), usable)
}

fn on_path(name: &OsStr, folders: Option<&OsStr>) -> Result<PathBuf, NotFound> {
    let folders = env::split_paths(folders.unwrap_or_default());
    folders
        .filter(|folder| folder.is_absolute())
        .find_map(|folder| usable(&folder.join(name)).ok())
        .ok_or_else(|| NotFound::NotOnPath { name: name.to_owned() })
}

/// The absolute path of a regular file that can be run.
fn usable(path: &Path) -> Result<PathBuf, NotFound> {
    let unusable = |problem| NotFound::Unusable { path: path.to_owned(), problem };
    let absolute = std::path::absolute(path).map_err(|_| unusable("is no path"))?;
    let facts = fs::metadata(&absolute).map_err(|_| unusable("is not there"))?;
    if !facts.is_file() {
        return Err(unusable("is no regular file"));
    }
    if facts.mode() & EXECUTABLE == 0 {
        return Err(unusable("may not be run"));
    }
    Ok(absolute)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(folder: &Path, name: &str, mode: u32) -> PathBuf {
        let path = folder.join(name);
        fs::create_dir_all(folder).unwrap();
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn the_explicit_path_goes_before_the_variable_and_that_before_the_path() {
        let place = tempfile::tempdir().unwrap();
        let [one, two, three] =
            ["1", "2", "3"].map(|folder| file(&place.path().join(folder), "darkslide", 0o755));
        let folders = place.path().join("3").into_os_string();
        let found = |explicit, variable| find("darkslide", explicit, variable, Some(&folders));
        assert_eq!(found(Some(&one), Some(two.as_os_str())).unwrap(), one);
        assert_eq!(found(None, Some(two.as_os_str())).unwrap(), two);
        assert_eq!(found(None, None).unwrap(), three);
        assert_eq!(found(None, Some(OsStr::new(""))).unwrap(), three);
    }

    #[test]
    fn what_is_named_is_never_replaced_by_another() {
        let place = tempfile::tempdir().unwrap();
        let good = file(place.path(), "darkslide", 0o755);
        let plain = file(place.path(), "plain", 0o644);
        let folders = Some(place.path().as_os_str());
        for (named, words) in [
            (place.path().join("absent"), "is not there"),
            (plain, "may not be run"),
            (place.path().to_owned(), "is no regular file"),
        ] {
            for (explicit, variable) in
                [(Some(named.as_path()), None), (None, Some(named.as_os_str()))]
            {
                let error = find("darkslide", explicit, variable, folders).unwrap_err();
                assert!(error.to_string().ends_with(words) && !error.hint().is_empty(), "{error}");
            }
        }
        assert_eq!(find("darkslide", None, None, folders).unwrap(), good);
    }

    #[test]
    fn a_bare_name_is_looked_for_in_absolute_folders_only() {
        let place = tempfile::tempdir().unwrap();
        let good = file(&place.path().join("b"), "tool", 0o755);
        file(&place.path().join("a"), "tool", 0o644);
        let folders = env::join_paths(
            ["", ".", "src"]
                .iter()
                .map(Path::new)
                .chain([place.path().join("a").as_path(), place.path().join("b").as_path()]),
        );
        assert_eq!(on_path(OsStr::new("tool"), folders.ok().as_deref()).unwrap(), good);
        let error = on_path(OsStr::new("lib.rs"), Some(OsStr::new("src"))).unwrap_err();
        assert!(matches!(error, NotFound::NotOnPath { .. }));
    }
}
