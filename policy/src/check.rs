//! The second stage of reading a policy: raw tables into checked values.
//!
//! Every complaint knows its place in the text. It alone may build a [`Policy`] from a text: names
//! are unique and known, paths absolute, lists within their limits, and no folder holds another
//! that it must not hold. It looks at text only, never at the disk. The hazard: a folder of
//! referenced originals that holds a bundle would read what the rules of that library withhold.

use std::collections::BTreeSet;
use std::fmt;

use crate::document::{
    ClientRule, DEFAULT_DIR_MODE, DEFAULT_FILE_MODE, Handover, LibraryEntry, Platform, Policy,
    PolicyError, Problem, Program, RootEntry, Strictness, World,
};
use crate::raw::{self, At};
use crate::{AbsPath, CodeRequirement, Gid, LibraryName, Limits, RootName, RuleName, Uid, size};

/// Folders of one library: the daemon holds a descriptor of each for as long as it runs.
pub(crate) const MAX_REFERENCED: usize = 16;
/// Albums that one rule may name: each is looked up in every library that the rule reads.
pub(crate) const MAX_ALBUMS: usize = 256;
/// The longest name of an album in bytes, its folders included: what a request may name, too.
pub(crate) const MAX_ALBUM_BYTES: usize = 4_096;

/// Turns the tables of `text` into a policy.
pub(crate) fn policy(raw: &raw::Document, text: &str, world: &World) -> Checked<Policy> {
    Checker { text, world }.policy(raw)
}

struct Checker<'a> {
    text: &'a str,
    world: &'a World,
}

type Checked<T> = Result<T, PolicyError>;

/// Bytes of a group's name: what Linux takes.
const MAX_GROUP_BYTES: usize = 32;

impl Checker<'_> {
    fn policy(&self, raw: &raw::Document) -> Checked<Policy> {
        if *raw.version.get_ref() != 1 {
            return Err(self.fail(&raw.version, Problem::Version(*raw.version.get_ref())));
        }
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
        let limits = Limits::read(&raw.limits).map_err(|(at, problem)| self.fail(at, problem))?;
        let socket_group = raw.socket.group.as_ref().map(|name| self.group(name)).transpose()?;
        Ok(Policy { confinement, socket_group, libraries, roots, clients, limits })
    }

    /// A name as systems have them; whether there is such a group is known at boot.
    fn group(&self, name: &toml::Spanned<String>) -> Checked<String> {
        let text = name.get_ref();
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        if text.is_empty() || text.len() > MAX_GROUP_BYTES || !text.chars().all(is_word) {
            return Err(self.fail(name, Problem::Group(text.clone())));
        }
        Ok(text.clone())
    }

    fn library(&self, name: &toml::Spanned<String>, table: &raw::Library) -> Checked<LibraryEntry> {
        self.at_most(MAX_REFERENCED, "referenced folders", &table.referenced)?;
        Ok(LibraryEntry {
            name: LibraryName::parse(name.get_ref())
                .map_err(|e| self.fail(name, Problem::Name(e)))?,
            path: self.path(&table.path)?,
            hidden: table.hidden.unwrap_or(false),
            trashed: table.trashed.unwrap_or(false),
            location: table.location.unwrap_or(true),
            referenced: table
                .referenced
                .iter()
                .map(|text| self.path(text))
                .collect::<Checked<_>>()?,
        })
    }

    fn root(&self, name: &toml::Spanned<String>, table: &raw::Root) -> Checked<RootEntry> {
        Ok(RootEntry {
            name: RootName::parse(name.get_ref()).map_err(|e| self.fail(name, Problem::Name(e)))?,
            path: self.path(&table.path)?,
            file_mode: self.mode(table.file_mode.as_ref(), DEFAULT_FILE_MODE, 0o600)?,
            dir_mode: self.mode(table.dir_mode.as_ref(), DEFAULT_DIR_MODE, 0o700)?,
            max_bytes: self.max_bytes(table.max_bytes.as_ref())?,
        })
    }

    /// Zero is how a person writes "no quota".
    fn max_bytes(&self, text: Option<&toml::Spanned<String>>) -> Checked<Option<u64>> {
        let Some(text) = text else { return Ok(None) };
        let bytes = size::parse(text.get_ref()).map_err(|error| {
            let given = text.get_ref().chars().take(64).collect();
            self.fail(text, Problem::Size(given, error))
        })?;
        Ok(Some(bytes).filter(|bytes| *bytes > 0))
    }

    fn client(
        &self,
        table: &raw::Client,
        libraries: &[LibraryEntry],
        roots: &[RootEntry],
    ) -> Checked<ClientRule> {
        let program = self.program(table)?;
        // What is not said to whom is lent to nobody: neither a library nor a root.
        let is_lent = program != Program::Unsaid;
        let name = RuleName::parse(table.name.get_ref())
            .map_err(|e| self.fail(&table.name, Problem::Name(e)))?;
        let listed_libraries = self.known(&table.libraries, "library", |text| {
            libraries.iter().map(|library| &library.name).find(|name| name.as_str() == text)
        })?;
        let listed_roots = self.known(&table.roots, "root", |text| {
            roots.iter().map(|root| &root.name).find(|name| name.as_str() == text)
        })?;
        Ok(ClientRule {
            name,
            uid: self.uid(&table.uid)?,
            gid: table.gid.as_ref().map(|number| self.gid(number)).transpose()?,
            program,
            libraries: if is_lent { listed_libraries } else { Vec::new() },
            roots: if is_lent { listed_roots } else { Vec::new() },
            methods: self.methods(&table.methods)?,
            hidden: table.hidden,
            trashed: table.trashed,
            location: table.location,
            referenced: table.referenced,
            albums: table.albums.as_ref().map(|listed| self.albums(listed)).transpose()?,
            resources: self.handover(table.resources.as_ref())?,
        })
    }

    /// Which programs a rule is for. Where the system cannot tell them apart, a rule that would is
    /// refused: read and ignored, it would let in any program of that uid.
    fn program(&self, table: &raw::Client) -> Checked<Program> {
        let any = table.any_program.as_ref();
        match (self.world.platform, &table.code_requirement, any) {
            (_, Some(_), Some(any)) if *any.get_ref() => Err(self.fail(any, Problem::TwoPrograms)),
            (Platform::Linux, Some(text), _) => {
                Err(self.fail(text, Problem::OnlyMacOs("code_requirement")))
            }
            (Platform::Linux, None, Some(any)) if !any.get_ref() => {
                Err(self.fail(any, Problem::OnlyMacOs("any_program = false")))
            }
            (Platform::Linux, None, _) => Ok(Program::Any),
            (Platform::MacOs, Some(text), _) => CodeRequirement::parse(text.get_ref())
                .map(Program::Meeting)
                .map_err(|e| self.fail(text, Problem::CodeRequirement(e))),
            (Platform::MacOs, None, Some(any)) if *any.get_ref() => Ok(Program::Any),
            (Platform::MacOs, None, _) => Ok(Program::Unsaid),
        }
    }

    fn handover(&self, word: Option<&toml::Spanned<String>>) -> Checked<Handover> {
        let Some(word) = word else { return Ok(Handover::Descriptors) };
        match word.get_ref().as_str() {
            "descriptors" => Ok(Handover::Descriptors),
            "bytes" => Ok(Handover::Bytes),
            other => {
                let given = other.chars().take(64).collect();
                Err(self.fail(word, Problem::Handover(given)))
            }
        }
    }

    /// The names are only looked at: which albums there are, the library knows.
    fn albums(&self, listed: &toml::Spanned<Vec<toml::Spanned<String>>>) -> Checked<Vec<String>> {
        let names = listed.get_ref();
        if names.is_empty() {
            return Err(self.fail(listed, Problem::NoAlbums));
        }
        self.at_most(MAX_ALBUMS, "albums", names)?;
        let one = |name: &toml::Spanned<String>| {
            let text = name.get_ref();
            if text.trim().is_empty() || text.len() > MAX_ALBUM_BYTES || text.contains('\0') {
                return Err(self.fail(name, Problem::Album(text.chars().take(64).collect())));
            }
            Ok(text.clone())
        };
        names.iter().map(one).collect()
    }

    /// The complaint is about the first that is too many.
    fn at_most(
        &self,
        limit: usize,
        what: &'static str,
        listed: &[toml::Spanned<String>],
    ) -> Checked<()> {
        match listed.get(limit) {
            None => Ok(()),
            Some(over) => {
                let count = listed.len();
                Err(self.fail(over, Problem::TooMany { what, count, limit }))
            }
        }
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

    fn gid(&self, number: &toml::Spanned<i64>) -> Checked<Gid> {
        let gid = u32::try_from(*number.get_ref()).ok().map(Gid::new);
        gid.filter(|gid| !gid.is_overflow())
            .ok_or_else(|| self.fail(number, Problem::Gid(number.get_ref().to_string())))
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

    /// By text here; boot compares the folders themselves once it holds them, for links can hide
    /// what text does not show.
    fn refuse_overlaps(
        &self,
        raw: &raw::Document,
        libraries: &[LibraryEntry],
        roots: &[RootEntry],
    ) -> Checked<()> {
        let bundles =
            libraries.iter().map(|library| Named::new("library", &library.name, &library.path));
        let bundles: Vec<_> = bundles.collect();
        let mut read = bundles.clone();
        for ((_, table), library) in raw.library.iter().zip(libraries) {
            for (text, path) in table.referenced.iter().zip(&library.referenced) {
                let folder = Named::new("referenced folder of", &library.name, path);
                self.refuse_overlap(text, &folder, &bundles)?;
                read.push(folder);
            }
        }
        let named = roots.iter().map(|root| Named::new("root", &root.name, &root.path));
        let roots: Vec<_> = named.collect();
        for (position, ((_, table), root)) in raw.root.iter().zip(&roots).enumerate() {
            let others: Vec<_> =
                read.iter().chain(roots.iter().skip(position + 1)).cloned().collect();
            self.refuse_overlap(&table.path, root, &others)?;
        }
        Ok(())
    }

    fn refuse_overlap(
        &self,
        at: &toml::Spanned<String>,
        folder: &Named<'_>,
        others: &[Named<'_>],
    ) -> Checked<()> {
        if folder.path.below(&self.world.home).is_some() {
            return Err(self.fail(at, Problem::TopFolder(folder.words.clone())));
        }
        match others.iter().find(|other| folder.path.overlaps(other.path)) {
            None => Ok(()),
            Some(other) => {
                let (first, second) = (folder.words.clone(), other.words.clone());
                Err(self.fail(at, Problem::Overlap { first, second }))
            }
        }
    }

    fn fail<T>(&self, value: &toml::Spanned<T>, problem: Problem) -> PolicyError {
        PolicyError { at: At::of(self.text, value.span().start), problem }
    }
}

/// A folder of the text, and what to call it.
#[derive(Clone)]
struct Named<'a> {
    words: String,
    path: &'a AbsPath,
}

impl<'a> Named<'a> {
    fn new(kind: &str, name: &impl fmt::Display, path: &'a AbsPath) -> Self {
        Self { words: format!("the {kind} {:?}", name.to_string()), path }
    }
}
