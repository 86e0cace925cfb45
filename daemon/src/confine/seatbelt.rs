//! The Seatbelt profile of macOS, as a pure function of the rules: a text and its parameters.
//!
//! Everything is denied; what the rules name is allowed, and nothing else. No path stands in the
//! text: each is a parameter, for a quote in a folder's name would be a rule of somebody else's.
//! The last rule that matches wins, so that what a library must never suffer comes last. `macos`
//! hands both to the kernel. The hazards: cloning and linking are apart from `file-write*`, and
//! allowed without a path they write anywhere; and a word that a version of macOS does not know
//! makes the whole profile unreadable, so only old words stand here.

use std::fmt::Write as _;

use darkslide_policy::Access;

/// How far the daemon may go below a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Read files, list folders: a library, a folder of originals, the policy's.
    Read,
    /// Also make, write, rename, remove: a root, the state.
    ReadWrite,
    /// Make files, read them and write into them; neither remove nor rename one: the log. Writing
    /// and emptying are one operation here, and what was emptied the chain of the log shows.
    Add,
}

impl Role {
    pub(super) fn of(access: Access) -> Self {
        match access {
            Access::Read => Self::Read,
            Access::ReadWrite => Self::ReadWrite,
            Access::Add => Self::Add,
        }
    }

    /// The first part of the parameters' names.
    fn prefix(self) -> &'static str {
        match self {
            Self::Read => "READ",
            Self::ReadWrite => "WRITE",
            Self::Add => "ADD",
        }
    }

    /// What is allowed there.
    fn allowed(self) -> &'static str {
        match self {
            Self::Read => "file-read*",
            Self::ReadWrite => "file-read* file-write* file-clone file-link",
            Self::Add => "file-read* file-write-create file-write-data",
        }
    }

    /// What is denied there whatever else is allowed, and therefore last.
    fn denied(self) -> Option<&'static str> {
        match self {
            Self::Read => Some("file-write* file-clone file-link"),
            Self::ReadWrite => None,
            Self::Add => Some("file-write-unlink file-clone file-link"),
        }
    }
}

/// A folder that stays reachable, by its real path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder {
    pub(super) path: String,
    pub(super) role: Role,
}

/// How the socket that the daemon accepts on is named. Each is as tight as the others; which one a
/// version of macOS takes is not known, so that they are tried in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SocketWord {
    PathLiteral,
    Literal,
    Subpath,
}

impl SocketWord {
    pub(super) const ALL: [Self; 3] = [Self::PathLiteral, Self::Literal, Self::Subpath];

    fn word(self) -> &'static str {
        match self {
            Self::PathLiteral => "path-literal",
            Self::Literal => "literal",
            Self::Subpath => "subpath",
        }
    }
}

/// What is to be allowed.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// In the order of the policy.
    pub(super) folders: Vec<Folder>,
    /// The real path of the socket, if it accepts on one.
    pub(super) socket: Option<String>,
    /// Whether programs of peers are held against code requirements.
    pub(super) looks_at_programs: bool,
}

/// A text, and what its parameters stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) text: String,
    pub(super) parameters: Vec<(String, String)>,
}

/// The same for every policy. `sysctl-read`: the runtime asks for the size of a page and the number
/// of processors. The signal to itself is how it aborts.
const HEAD: &str = "(version 1)\n\
                    (deny default)\n\
                    (allow sysctl-read)\n\
                    (allow signal (target self))\n";

/// A link that we make leads others somewhere; the daemon makes none.
const NO_LINKS: &str = "(deny file-write-create (vnode-type SYMLINK))\n";

/// Said again at the end, whatever stands before: what the daemon never does.
const NEVER: &str = "(deny process-exec)\n(deny process-fork)\n(deny network-outbound)\n\
                     (deny network-bind)\n";

/// What checking a program's signature asks, by what is known without a Mac: unverified, and tried
/// by the steps of `docs/macos-checklist.md`. The service that answers reads certificates; ours
/// reads the program itself, which is why the folders that hold programs can be read.
const PROGRAMS: &str = "(allow mach-lookup\n\
                        \x20 (global-name \"com.apple.SecurityServer\")\n\
                        \x20 (global-name \"com.apple.ocspd\")\n\
                        \x20 (global-name \"com.apple.trustd\")\n\
                        \x20 (global-name \"com.apple.trustd.agent\"))\n\
                        (allow file-read*\n\
                        \x20 (subpath \"/Applications\")\n\
                        \x20 (subpath \"/System\")\n\
                        \x20 (subpath \"/opt/homebrew\")\n\
                        \x20 (subpath \"/usr\"))\n";

/// Makes the profile that allows what is wanted.
pub(super) fn profile(wanted: &Wanted, socket_word: SocketWord) -> Profile {
    let mut made = Profile { text: HEAD.to_owned(), parameters: Vec::new() };
    made.allow_the_way_to(wanted);
    if wanted.looks_at_programs {
        made.text.push_str(PROGRAMS);
    }
    let named = made.name(&wanted.folders);
    for (folder, name) in wanted.folders.iter().zip(&named) {
        made.line("allow", folder.role.allowed(), &format!("(subpath (param \"{name}\"))"));
    }
    made.text.push_str(NO_LINKS);
    if let Some(socket) = &wanted.socket {
        made.parameters.push(("SOCKET".to_owned(), socket.clone()));
        let filter = format!("(local unix-socket ({} (param \"SOCKET\")))", socket_word.word());
        made.line("allow", "network-inbound", &filter);
    }
    made.text.push_str(NEVER);
    for (folder, name) in wanted.folders.iter().zip(&named) {
        if let Some(denied) = folder.role.denied() {
            made.line("deny", denied, &format!("(subpath (param \"{name}\"))"));
        }
    }
    made
}

impl Profile {
    /// SQLite asks what each folder above a database is. Their names and attributes, no more.
    fn allow_the_way_to(&mut self, wanted: &Wanted) {
        let mut above: Vec<String> = Vec::new();
        for folder in &wanted.folders {
            for ancestor in ancestors(&folder.path) {
                if !above.iter().any(|known| known == ancestor) {
                    above.push(ancestor.to_owned());
                }
            }
        }
        for (number, path) in above.into_iter().enumerate() {
            let name = format!("ABOVE_{number}");
            self.line("allow", "file-read-metadata", &format!("(literal (param \"{name}\"))"));
            self.parameters.push((name, path));
        }
    }

    /// Gives each folder the name of its parameter.
    fn name(&mut self, folders: &[Folder]) -> Vec<String> {
        let names = folders.iter().enumerate().map(|(number, folder)| {
            let name = format!("{}_{number}", folder.role.prefix());
            self.parameters.push((name.clone(), folder.path.clone()));
            name
        });
        names.collect()
    }

    fn line(&mut self, verb: &str, operations: &str, filter: &str) {
        // Writing to a text cannot fail.
        let _ = writeln!(self.text, "({verb} {operations} {filter})");
    }
}

/// The folders above an absolute path, from `/` down, the path itself not among them.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let cuts = path.match_indices('/').filter(|(at, _)| *at + 1 < path.len());
    cuts.filter_map(|(at, slash)| path.get(..at.max(slash.len())))
}

#[cfg(test)]
#[path = "seatbelt/tests.rs"]
mod tests;
