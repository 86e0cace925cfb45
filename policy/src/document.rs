//! The policy as a value, and the three ways to get one: a file's text, the built-in default, the
//! private way.
//!
//! A text is parsed in two stages: raw tables as TOML has them (`raw.rs`), then checked values
//! (`check.rs`). Unknown keys
//! are refused with line and column, and so is every key that this build knows of but does not
//! enforce: read and ignored, it would promise what nobody keeps. The hazard: a typing mistake
//! (`hiden = false`) that silently widens what is allowed.

use serde::{Deserialize, Serialize};

use crate::check;
use crate::raw::{self, At};
use crate::size::SizeError;
use crate::{
    AbsPath, CodeRequirement, CodeRequirementError, Gid, LibraryName, Limits, NameError, PathError,
    RootName, RuleName, Uid,
};

/// What a policy needs to know of the process that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// What `~` stands for.
    pub home: AbsPath,
    /// What `uid = "self"` stands for.
    pub uid: Uid,
    /// The methods that there are: a rule that names another has a typing mistake in it.
    pub methods: Vec<&'static str>,
    /// What the system can tell of a peer.
    pub platform: Platform,
}

/// What kind of system it is: what a peer is there, and so what a rule must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Where a peer is its uid: once confined, the daemon cannot see a peer's program.
    Linux,
    /// Where the right to read belongs to programs, so that a rule must say to which it lends that.
    MacOs,
}

impl Platform {
    /// The one that this was built for.
    pub const HERE: Self = if cfg!(target_os = "macos") { Self::MacOs } else { Self::Linux };
}

/// Which programs a rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Program {
    /// Any that has the uid.
    Any,
    /// Those whose code meets this.
    Meeting(CodeRequirement),
    /// The rule does not say, where it must: it grants no more than [`UNSAID_METHODS`], and stands
    /// behind all rules that do say.
    Unsaid,
}

/// What tells nothing of a library, and so is granted to programs that no rule speaks of.
pub(crate) const UNSAID_METHODS: [&str; 2] = ["health", "policy.show"];

/// What happens where the kernel cannot confine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// The daemon does not start.
    Required,
    /// It starts, and says so wherever it is asked.
    BestEffort,
}

/// How the content of a resource gets to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Handover {
    /// As descriptors of the files, and as bytes.
    Descriptors,
    /// As bytes alone: whoever holds a descriptor may change mode and times of a file that its uid
    /// owns.
    Bytes,
}

/// Who may do what. Checked: names are unique and known, no folder holds another that it must not
/// hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub(crate) confinement: Strictness,
    pub(crate) socket_group: Option<String>,
    pub(crate) libraries: Vec<LibraryEntry>,
    pub(crate) roots: Vec<RootEntry>,
    pub(crate) clients: Vec<ClientRule>,
    pub(crate) limits: Limits,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LibraryEntry {
    pub(crate) name: LibraryName,
    pub(crate) path: AbsPath,
    pub(crate) hidden: bool,
    pub(crate) trashed: bool,
    pub(crate) location: bool,
    pub(crate) referenced: Vec<AbsPath>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RootEntry {
    pub(crate) name: RootName,
    pub(crate) path: AbsPath,
    pub(crate) file_mode: u16,
    pub(crate) dir_mode: u16,
    /// What exports may hold below it; none where there is no quota, never zero.
    pub(crate) max_bytes: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRule {
    pub(crate) name: RuleName,
    pub(crate) uid: Uid,
    pub(crate) gid: Option<Gid>,
    pub(crate) program: Program,
    pub(crate) libraries: Vec<LibraryName>,
    pub(crate) roots: Vec<RootName>,
    pub(crate) methods: Vec<String>,
    pub(crate) hidden: Option<bool>,
    pub(crate) trashed: Option<bool>,
    pub(crate) location: Option<bool>,
    pub(crate) referenced: Option<bool>,
    /// Never an empty list.
    pub(crate) albums: Option<Vec<String>>,
    pub(crate) resources: Handover,
}

/// The methods whose answer comes with a descriptor of a file in a library.
pub const METHODS_WITH_DESCRIPTORS: &[&str] = &["resource.open", "thumbnail.open"];

pub(crate) const DEFAULT_FILE_MODE: u16 = 0o644;
pub(crate) const DEFAULT_DIR_MODE: u16 = 0o755;

impl ClientRule {
    pub(crate) fn allows_method(&self, method: &str) -> bool {
        self.lists(method) && (self.program != Program::Unsaid || UNSAID_METHODS.contains(&method))
    }

    pub(crate) fn lists(&self, method: &str) -> bool {
        self.methods.iter().any(|listed| listed == "*" || listed == method)
    }

    /// Unless the method hands over descriptors and the rule allows bytes alone.
    pub(crate) fn allows_descriptors(&self, method: &str) -> bool {
        self.resources == Handover::Descriptors || !METHODS_WITH_DESCRIPTORS.contains(&method)
    }
}

/// Why a text is no policy. All of them say where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {problem}", at.line, at.column)]
pub struct PolicyError {
    pub(crate) at: At,
    pub(crate) problem: Problem,
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
            Problem::Version(_) => "write `version = 1`, or install a newer darkslide",
            Problem::Name(_) => "use letters, digits, `-`, `_`, `.`",
            Problem::Path(error) => error.hint(),
            Problem::Mode(_) => "write the permission bits in quotes, such as \"0644\"",
            Problem::Size(_, SizeError::NoNumber | SizeError::Unit) => {
                "write bytes, or a whole number of KB, MB, GB, TB, KiB, MiB, GiB or TiB, such as \
                 \"500 GB\"; \"0\" is no quota"
            }
            Problem::Size(_, SizeError::TooLarge) => "write less; \"0\" is no quota",
            Problem::Confinement(_) => "write \"required\" or \"best-effort\"",
            Problem::Group(_) => "write the name of a group of this system: getent group",
            Problem::Handover(_) => "write \"descriptors\" or \"bytes\"",
            Problem::Uid(_) => "write \"self\" or the number of an ordinary user",
            Problem::Gid(_) => "write the number of a group; a name is not looked up",
            Problem::CodeRequirement(_) => {
                "write a requirement as `codesign -d -r-` prints it for the program"
            }
            Problem::OnlyMacOs(_) => {
                "remove the key: elsewhere a peer is its uid; give the program a uid of its own, \
                 and name that"
            }
            Problem::TwoPrograms => "keep one of the two",
            Problem::Method(_) => "write \"*\", or a method of docs/protocol.md",
            Problem::Twice(_) => "give each a name of its own",
            Problem::NoSuch { .. } => "define it, or correct its name",
            Problem::Overlap { .. } => "choose folders that do not hold one another",
            Problem::TopFolder(_) => "choose a folder of its own",
            Problem::NoAlbums => {
                "name an album, or remove the key: without it all assets are shown"
            }
            Problem::Album(_) => "write an album's UUID, its title, or its folders and title",
            Problem::TooMany { .. } => "name fewer of them",
            Problem::Limit { .. } => "write a whole number within these bounds",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("{0}")]
    Syntax(String),
    #[error("policy version {0} is not known")]
    Version(i64),
    #[error("{0}")]
    Name(NameError),
    #[error("{0}")]
    Path(PathError),
    #[error("{0:?} is no mode")]
    Mode(String),
    #[error("{0:?} is no size: it {1}")]
    Size(String, SizeError),
    #[error("{0:?} is no value of `confinement`")]
    Confinement(String),
    #[error("{0:?} is no name of a group")]
    Group(String),
    #[error("{0:?} is no value of `resources`")]
    Handover(String),
    #[error("{0} is no uid that a rule may name")]
    Uid(String),
    #[error("{0} is no gid that a rule may name")]
    Gid(String),
    #[error("{0}")]
    CodeRequirement(CodeRequirementError),
    #[error("only macOS can check `{0}`")]
    OnlyMacOs(&'static str),
    #[error("`any_program = true` and `code_requirement` contradict one another")]
    TwoPrograms,
    #[error("there is no method {0:?}")]
    Method(String),
    #[error("the name {0:?} is used twice")]
    Twice(String),
    #[error("there is no {what} named {name:?}")]
    NoSuch { what: &'static str, name: String },
    #[error("{first} and {second} lie in one another")]
    Overlap { first: String, second: String },
    #[error("{0} is `/`, or is or holds the home folder")]
    TopFolder(String),
    #[error("the list of albums is empty, which would show nothing")]
    NoAlbums,
    #[error("{0:?} names no album")]
    Album(String),
    #[error("{count} {what} are named, {limit} are allowed")]
    TooMany { what: &'static str, count: usize, limit: usize },
    #[error("{given} is no value of `{key}`: {least} to {most} are allowed")]
    Limit { key: &'static str, given: i64, least: u16, most: u16 },
}

impl Policy {
    /// Reads the text of a policy file.
    ///
    /// # Errors
    /// [`PolicyError`] with the place of the first thing that is wrong.
    pub fn parse(text: &str, world: &World) -> Result<Self, PolicyError> {
        let raw = raw::Document::parse(text)
            .map_err(|(at, message)| PolicyError { at, problem: Problem::Syntax(message) })?;
        check::policy(&raw, text, world)
    }

    /// Returns the policy that applies where there is no file (design 4).
    ///
    /// # Errors
    /// [`PathError`] if the home's path is so long that nothing fits below it.
    pub fn built_in(world: &World) -> Result<Self, PathError> {
        let below_home = |text| world.home.join(&crate::RelPath::parse(text)?);
        match world.platform {
            Platform::Linux => Ok(Self {
                confinement: Strictness::Required,
                socket_group: None,
                libraries: vec![LibraryEntry {
                    name: word("main"),
                    path: below_home("Pictures/Photos Library.photoslibrary")?,
                    hidden: false,
                    trashed: false,
                    location: true,
                    referenced: Vec::new(),
                }],
                roots: vec![RootEntry {
                    name: root_word("exports"),
                    path: below_home("Exports")?,
                    file_mode: DEFAULT_FILE_MODE,
                    dir_mode: DEFAULT_DIR_MODE,
                    max_bytes: None,
                }],
                clients: vec![rule_for_self(
                    world.uid,
                    Program::Any,
                    &["*"],
                    vec![word("main")],
                    vec![root_word("exports")],
                )],
                limits: Limits::USUAL,
            }),
            Platform::MacOs => Ok(Self {
                confinement: Strictness::Required,
                socket_group: None,
                libraries: Vec::new(),
                roots: Vec::new(),
                clients: vec![rule_for_self(
                    world.uid,
                    Program::Unsaid,
                    &UNSAID_METHODS,
                    Vec::new(),
                    Vec::new(),
                )],
                limits: Limits::USUAL,
            }),
        }
    }

    /// Returns the policy of a command that looks at one destination, named `destination`, without
    /// a library and without a daemon.
    #[must_use]
    pub fn of_destination(destination: AbsPath, uid: Uid) -> Self {
        let root = RootEntry {
            name: root_word("destination"),
            path: destination,
            file_mode: DEFAULT_FILE_MODE,
            dir_mode: DEFAULT_DIR_MODE,
            max_bytes: None,
        };
        let names = vec![root.name.clone()];
        Self {
            confinement: Strictness::BestEffort,
            socket_group: None,
            libraries: Vec::new(),
            roots: vec![root],
            clients: vec![rule_for_self(uid, Program::Any, &["export.verify"], Vec::new(), names)],
            limits: Limits::USUAL,
        }
    }

    /// Returns the policy of the private way: one library, named `library`, and perhaps one root,
    /// named `destination`; hidden and trashed assets and locations are granted, for the caller can
    /// read those files anyway. Folders outside the bundle were not named, and are not read.
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
                max_bytes: None,
            })
            .into_iter()
            .collect();
        let names = roots.iter().map(|root| root.name.clone()).collect();
        Ok(Self {
            confinement,
            socket_group: None,
            libraries: vec![LibraryEntry {
                name: word("library"),
                path: library,
                hidden: true,
                trashed: true,
                location: true,
                referenced: Vec::new(),
            }],
            roots,
            clients: vec![rule_for_self(uid, Program::Any, &["*"], vec![word("library")], names)],
            limits: Limits::USUAL,
        })
    }

    /// What happens where the kernel cannot confine.
    #[must_use]
    pub fn confinement(&self) -> Strictness {
        self.confinement
    }

    /// The group whose members may connect beside the daemon's own user. Which of them is served,
    /// the client rules decide.
    #[must_use]
    pub fn socket_group(&self) -> Option<&str> {
        self.socket_group.as_deref()
    }

    /// How much there may be at one time, and for how long.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
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
    program: Program,
    methods: &[&str],
    libraries: Vec<LibraryName>,
    roots: Vec<RootName>,
) -> ClientRule {
    ClientRule {
        name: RuleName::parse("me").expect("a plain word"),
        uid,
        gid: None,
        program,
        libraries,
        roots,
        methods: methods.iter().map(|&method| method.to_owned()).collect(),
        hidden: None,
        trashed: None,
        location: None,
        referenced: None,
        albums: None,
        resources: Handover::Descriptors,
    }
}

fn word(text: &str) -> LibraryName {
    LibraryName::parse(text).expect("a plain word")
}

fn root_word(text: &str) -> RootName {
    RootName::parse(text).expect("a plain word")
}
