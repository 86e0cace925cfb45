//! The policy as a value, and the three ways to get one: a file's text, the built-in default, the
//! private way.
//!
//! A text is parsed in two stages: raw tables as TOML has them, then checked values. Unknown keys
//! are refused with line and column, and so is every key that this build knows of but does not
//! enforce: read and ignored, it would promise what nobody keeps. The hazard: a typing mistake
//! (`hiden = false`) that silently widens what is allowed.

use std::collections::BTreeSet;

use crate::raw::{self, At};
use crate::{AbsPath, LibraryName, NameError, PathError, RootName, RuleName, Uid};

/// What a policy needs to know of the process that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// What `~` stands for.
    pub home: AbsPath,
    /// What `uid = "self"` stands for.
    pub uid: Uid,
    /// The methods that there are: a rule that names another has a typing mistake in it.
    pub methods: Vec<&'static str>,
}

/// The platforms that have a built-in policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Where a peer is its uid.
    Linux,
    /// Where a peer is its code signature, so that nothing is granted without a rule.
    MacOs,
}

/// What happens where the kernel cannot confine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// The daemon does not start.
    Required,
    /// It starts, and says so wherever it is asked.
    BestEffort,
}

/// Who may do what. Checked: names are unique and known, no folder holds another that it must not
/// hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    confinement: Strictness,
    libraries: Vec<LibraryEntry>,
    roots: Vec<RootEntry>,
    clients: Vec<ClientRule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LibraryEntry {
    pub(crate) name: LibraryName,
    pub(crate) path: AbsPath,
    pub(crate) hidden: bool,
    pub(crate) trashed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RootEntry {
    pub(crate) name: RootName,
    pub(crate) path: AbsPath,
    pub(crate) file_mode: u16,
    pub(crate) dir_mode: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRule {
    pub(crate) name: RuleName,
    pub(crate) uid: Uid,
    pub(crate) libraries: Vec<LibraryName>,
    pub(crate) roots: Vec<RootName>,
    pub(crate) methods: Vec<String>,
    pub(crate) hidden: Option<bool>,
    pub(crate) trashed: Option<bool>,
}

const DEFAULT_FILE_MODE: u16 = 0o644;
const DEFAULT_DIR_MODE: u16 = 0o755;

impl ClientRule {
    pub(crate) fn allows_method(&self, method: &str) -> bool {
        self.methods.iter().any(|listed| listed == "*" || listed == method)
    }
}

/// Why a text is no policy. All of them say where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {problem}", at.line, at.column)]
pub struct PolicyError {
    at: At,
    problem: Problem,
}

impl PolicyError {
    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.at.line
    }

    /// The column in characters, from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.at.column
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match &self.problem {
            Problem::Syntax(_) => "see docs/policy.md for the form of each key",
            Problem::NotSupportedYet(_) => "remove the key: this version does not enforce it",
            Problem::Version(_) => "write `version = 1`, or install a newer darkslide",
            Problem::Name(_) => "use letters, digits, `-`, `_`, `.`",
            Problem::Path(error) => error.hint(),
            Problem::Mode(_) => "write the permission bits in quotes, such as \"0644\"",
            Problem::Confinement(_) => "write \"required\" or \"best-effort\"",
            Problem::Uid(_) => "write \"self\" or the number of an ordinary user",
            Problem::Method(_) => "write \"*\", or a method of docs/protocol.md",
            Problem::Twice(_) => "give each a name of its own",
            Problem::NoSuch { .. } => "define it, or correct its name",
            Problem::Overlap { .. } => "choose folders that do not hold one another",
            Problem::TopFolder(_) => "choose a folder of its own for exports",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("{0}")]
    Syntax(String),
    #[error("the key `{0}` is not supported yet")]
    NotSupportedYet(&'static str),
    #[error("policy version {0} is not known")]
    Version(i64),
    #[error("{0}")]
    Name(NameError),
    #[error("{0}")]
    Path(PathError),
    #[error("{0:?} is no mode")]
    Mode(String),
    #[error("{0:?} is no value of `confinement`")]
    Confinement(String),
    #[error("{0} is no uid that a rule may name")]
    Uid(String),
    #[error("there is no method {0:?}")]
    Method(String),
    #[error("the name {0:?} is used twice")]
    Twice(String),
    #[error("there is no {what} named {name:?}")]
    NoSuch { what: &'static str, name: String },
    #[error("the root {root:?} and {other:?} lie in one another")]
    Overlap { root: String, other: String },
    #[error("the root {0:?} is `/` or the home folder itself")]
    TopFolder(String),
}

impl Policy {
    /// Reads the text of a policy file.
    ///
    /// # Errors
    /// [`PolicyError`] with the place of the first thing that is wrong.
    pub fn parse(text: &str, world: &World) -> Result<Self, PolicyError> {
        let raw = raw::Document::parse(text)
            .map_err(|(at, message)| PolicyError { at, problem: Problem::Syntax(message) })?;
        Checker { text, world }.policy(&raw)
    }

    /// Returns the policy that applies where there is no file (design 4).
    ///
    /// # Errors
    /// [`PathError`] if the home's path is so long that nothing fits below it.
    pub fn built_in(platform: Platform, world: &World) -> Result<Self, PathError> {
        let below_home = |text| world.home.join(&crate::RelPath::parse(text)?);
        match platform {
            Platform::Linux => Ok(Self {
                confinement: Strictness::Required,
                libraries: vec![LibraryEntry {
                    name: word("main"),
                    path: below_home("Pictures/Photos Library.photoslibrary")?,
                    hidden: false,
                    trashed: false,
                }],
                roots: vec![RootEntry {
                    name: root_word("exports"),
                    path: below_home("Exports")?,
                    file_mode: DEFAULT_FILE_MODE,
                    dir_mode: DEFAULT_DIR_MODE,
                }],
                clients: vec![rule_for_self(
                    world.uid,
                    &["*"],
                    vec![word("main")],
                    vec![root_word("exports")],
                )],
            }),
            Platform::MacOs => Ok(Self {
                confinement: Strictness::Required,
                libraries: Vec::new(),
                roots: Vec::new(),
                clients: vec![rule_for_self(
                    world.uid,
                    &["health", "policy.show"],
                    Vec::new(),
                    Vec::new(),
                )],
            }),
        }
    }

    /// Returns the policy of the private way: one library, named `library`, and perhaps one root,
    /// named `destination`; hidden and trashed assets are granted, for the caller can read those
    /// files anyway.
    ///
    /// # Errors
    /// [`PathError::Empty`] never; a destination that holds the library, or lies in it, is refused
    /// as [`PrivateError::Overlap`].
    pub fn private(
        library: AbsPath,
        destination: Option<AbsPath>,
        confinement: Strictness,
        uid: Uid,
    ) -> Result<Self, PrivateError> {
        if let Some(destination) = &destination
            && destination.overlaps(&library)
        {
            return Err(PrivateError::Overlap { destination: destination.clone(), library });
        }
        let roots: Vec<RootEntry> = destination
            .map(|path| RootEntry {
                name: root_word("destination"),
                path,
                file_mode: DEFAULT_FILE_MODE,
                dir_mode: DEFAULT_DIR_MODE,
            })
            .into_iter()
            .collect();
        let names = roots.iter().map(|root| root.name.clone()).collect();
        Ok(Self {
            confinement,
            libraries: vec![LibraryEntry {
                name: word("library"),
                path: library,
                hidden: true,
                trashed: true,
            }],
            roots,
            clients: vec![rule_for_self(uid, &["*"], vec![word("library")], names)],
        })
    }

    /// What happens where the kernel cannot confine.
    #[must_use]
    pub fn confinement(&self) -> Strictness {
        self.confinement
    }

    pub(crate) fn libraries(&self) -> impl Iterator<Item = &LibraryEntry> {
        self.libraries.iter()
    }

    pub(crate) fn roots(&self) -> impl Iterator<Item = &RootEntry> {
        self.roots.iter()
    }

    pub(crate) fn clients(&self) -> impl Iterator<Item = &ClientRule> {
        self.clients.iter()
    }
}

/// Why there can be no private policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrivateError {
    /// What is written would be the library, or the library would be what is written.
    #[error("the destination {destination} and the library {library} lie in one another")]
    Overlap {
        /// Where the export was to go.
        destination: AbsPath,
        /// The bundle.
        library: AbsPath,
    },
}

fn rule_for_self(
    uid: Uid,
    methods: &[&str],
    libraries: Vec<LibraryName>,
    roots: Vec<RootName>,
) -> ClientRule {
    ClientRule {
        name: RuleName::parse("me").expect("a plain word"),
        uid,
        libraries,
        roots,
        methods: methods.iter().map(|&method| method.to_owned()).collect(),
        hidden: None,
        trashed: None,
    }
}

fn word(text: &str) -> LibraryName {
    LibraryName::parse(text).expect("a plain word")
}

fn root_word(text: &str) -> RootName {
    RootName::parse(text).expect("a plain word")
}

/// Turns raw tables into checked values; every complaint knows its place in the text.
struct Checker<'a> {
    text: &'a str,
    world: &'a World,
}

type Checked<T> = Result<T, PolicyError>;

impl Checker<'_> {
    fn policy(&self, raw: &raw::Document) -> Checked<Policy> {
        if *raw.version.get_ref() != 1 {
            return Err(self.fail(&raw.version, Problem::Version(*raw.version.get_ref())));
        }
        self.refuse_unsupported(&raw.unsupported())?;
        let confinement = match &raw.confinement {
            None => Strictness::Required,
            Some(word) => match word.get_ref().as_str() {
                "required" => Strictness::Required,
                "best-effort" => Strictness::BestEffort,
                other => return Err(self.fail(word, Problem::Confinement(other.to_owned()))),
            },
        };
        let libraries = raw.library.iter().map(|(name, table)| self.library(name, table));
        let libraries = libraries.collect::<Checked<Vec<_>>>()?;
        let roots = raw.root.iter().map(|(name, table)| self.root(name, table));
        let roots = roots.collect::<Checked<Vec<_>>>()?;
        self.refuse_overlaps(raw, &libraries, &roots)?;
        let mut names = BTreeSet::new();
        let mut clients = Vec::new();
        for table in &raw.client {
            let rule = self.client(table, &libraries, &roots)?;
            if !names.insert(rule.name.clone()) {
                return Err(self.fail(&table.name, Problem::Twice(table.name.get_ref().clone())));
            }
            clients.push(rule);
        }
        Ok(Policy { confinement, libraries, roots, clients })
    }

    fn library(&self, name: &toml::Spanned<String>, table: &raw::Library) -> Checked<LibraryEntry> {
        self.refuse_unsupported(&table.unsupported())?;
        Ok(LibraryEntry {
            name: LibraryName::parse(name.get_ref())
                .map_err(|e| self.fail(name, Problem::Name(e)))?,
            path: self.path(&table.path)?,
            hidden: table.hidden.unwrap_or(false),
            trashed: table.trashed.unwrap_or(false),
        })
    }

    fn root(&self, name: &toml::Spanned<String>, table: &raw::Root) -> Checked<RootEntry> {
        self.refuse_unsupported(&table.unsupported())?;
        Ok(RootEntry {
            name: RootName::parse(name.get_ref()).map_err(|e| self.fail(name, Problem::Name(e)))?,
            path: self.path(&table.path)?,
            file_mode: self.mode(table.file_mode.as_ref(), DEFAULT_FILE_MODE, 0o600)?,
            dir_mode: self.mode(table.dir_mode.as_ref(), DEFAULT_DIR_MODE, 0o700)?,
        })
    }

    fn client(
        &self,
        table: &raw::Client,
        libraries: &[LibraryEntry],
        roots: &[RootEntry],
    ) -> Checked<ClientRule> {
        self.refuse_unsupported(&table.unsupported())?;
        let name = RuleName::parse(table.name.get_ref())
            .map_err(|e| self.fail(&table.name, Problem::Name(e)))?;
        Ok(ClientRule {
            name,
            uid: self.uid(&table.uid)?,
            libraries: self.known(&table.libraries, "library", |text| {
                libraries.iter().map(|library| &library.name).find(|name| name.as_str() == text)
            })?,
            roots: self.known(&table.roots, "root", |text| {
                roots.iter().map(|root| &root.name).find(|name| name.as_str() == text)
            })?,
            methods: self.methods(&table.methods)?,
            hidden: table.hidden,
            trashed: table.trashed,
        })
    }

    fn known<'n, N: Clone + 'n>(
        &self,
        listed: &[toml::Spanned<String>],
        what: &'static str,
        find: impl Fn(&str) -> Option<&'n N>,
    ) -> Checked<Vec<N>> {
        let one = |text: &toml::Spanned<String>| {
            find(text.get_ref()).cloned().ok_or_else(|| {
                self.fail(text, Problem::NoSuch { what, name: text.get_ref().clone() })
            })
        };
        listed.iter().map(one).collect()
    }

    fn methods(&self, listed: &[toml::Spanned<String>]) -> Checked<Vec<String>> {
        let one = |text: &toml::Spanned<String>| {
            let name = text.get_ref();
            if name == "*" || self.world.methods.contains(&name.as_str()) {
                return Ok(name.clone());
            }
            Err(self.fail(text, Problem::Method(name.clone())))
        };
        listed.iter().map(one).collect()
    }

    fn uid(&self, value: &toml::Spanned<raw::UidText>) -> Checked<Uid> {
        let uid = match value.get_ref() {
            raw::UidText::Word(word) if word == "self" => self.world.uid,
            raw::UidText::Word(word) => {
                return Err(self.fail(value, Problem::Uid(format!("{word:?}"))));
            }
            raw::UidText::Number(number) => u32::try_from(*number)
                .map(Uid::new)
                .map_err(|_| self.fail(value, Problem::Uid(number.to_string())))?,
        };
        if uid.is_overflow() {
            return Err(self.fail(value, Problem::Uid(uid.to_string())));
        }
        Ok(uid)
    }

    fn path(&self, text: &toml::Spanned<String>) -> Checked<AbsPath> {
        AbsPath::parse(text.get_ref(), Some(&self.world.home))
            .map_err(|e| self.fail(text, Problem::Path(e)))
    }

    /// Octal permission bits that leave the owner what the daemon itself needs.
    fn mode(
        &self,
        text: Option<&toml::Spanned<String>>,
        default: u16,
        needed: u16,
    ) -> Checked<u16> {
        let Some(text) = text else { return Ok(default) };
        u16::from_str_radix(text.get_ref(), 8)
            .ok()
            .filter(|mode| mode & !0o777 == 0 && mode & needed == needed)
            .ok_or_else(|| self.fail(text, Problem::Mode(text.get_ref().clone())))
    }

    fn refuse_unsupported(&self, keys: &[(&'static str, Option<usize>)]) -> Checked<()> {
        match keys.iter().find_map(|(key, start)| start.map(|start| (*key, start))) {
            None => Ok(()),
            Some((key, start)) => Err(PolicyError {
                at: At::of(self.text, start),
                problem: Problem::NotSupportedYet(key),
            }),
        }
    }

    /// By text here; boot compares the folders themselves once it holds them, for links can hide
    /// what text does not show.
    fn refuse_overlaps(
        &self,
        raw: &raw::Document,
        libraries: &[LibraryEntry],
        roots: &[RootEntry],
    ) -> Checked<()> {
        for (position, ((_, table), root)) in raw.root.iter().zip(roots).enumerate() {
            if root.path.below(&self.world.home).is_some() {
                return Err(self.fail(&table.path, Problem::TopFolder(root.name.to_string())));
            }
            let others =
                libraries.iter().map(|library| (library.name.as_str(), &library.path)).chain(
                    roots.iter().skip(position + 1).map(|other| (other.name.as_str(), &other.path)),
                );
            for (other, path) in others {
                if root.path.overlaps(path) {
                    let root = root.name.to_string();
                    return Err(
                        self.fail(&table.path, Problem::Overlap { root, other: other.to_owned() })
                    );
                }
            }
        }
        Ok(())
    }

    fn fail<T>(&self, value: &toml::Spanned<T>, problem: Problem) -> PolicyError {
        PolicyError { at: At::of(self.text, value.span().start), problem }
    }
}
