//! `export.start`, and the spec of an export.
//!
//! Every field of a spec but library and destination has a default, and the defaults are those of a
//! careful person: both versions, live videos and RAW files, names that any file system takes. The
//! destination is a text here; only the policy makes a place of it.

use serde::{Deserialize, Serialize};

use super::bounded;
use crate::filter::{Filter, Include, words};

words! {
    /// Which of original and edit are exported.
    Versions {
        /// Originals alone.
        Original = "original",
        /// Edits alone; an unedited asset has none.
        Edited = "edited",
        /// Each that is there.
        Both = "both",
        /// The edit, or where there is none the original.
        PreferEdited = "prefer_edited",
    }
}

words! {
    /// Which images of a burst are exported.
    Bursts {
        /// The key image alone.
        Key = "key",
        /// The key image and those that somebody selected; all of them where `include` names
        /// bursts.
        Selected = "selected",
    }
}

words! {
    /// A file beside each photo that tells what the library knows of it.
    Sidecar {
        /// XMP, as photo programs read it.
        Xmp = "xmp",
        /// The asset's record, as `asset.get` answers it.
        Json = "json",
    }
}

words! {
    /// What becomes of a file that somebody changed or removed in the destination.
    OnDestChange {
        /// It is theirs: it stays so.
        Keep = "keep",
        /// The library's file is put there again; a changed one goes to the trash.
        Restore = "restore",
    }
}

words! {
    /// How a file that an earlier run exported is looked at again.
    Recheck {
        /// Not at all: the record is believed.
        None = "none",
        /// By size and time; by content where only the time differs.
        Stat = "stat",
        /// By content.
        Hash = "hash",
    }
}

words! {
    /// Which contents are hashed.
    Hash {
        /// None.
        Never = "never",
        /// What passes through memory; a clone does not.
        Copied = "copied",
        /// All of them.
        Always = "always",
    }
}

words! {
    /// How an asset in several albums gets its second file.
    SameFile {
        /// As a clone of the first, where the file system can; else as a copy.
        Clone = "clone",
        /// As a copy.
        Copy = "copy",
    }
}

/// Where to: one absolute path (`~/` allowed), or a root and a path below it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(untagged, deny_unknown_fields))]
pub enum DestinationText {
    /// One absolute path.
    Absolute(String),
    /// A root, and a path below it; without, the root itself.
    Named {
        /// The root's name.
        root: String,
        /// A path below it.
        path: Option<String>,
    },
}

impl From<&str> for DestinationText {
    fn from(path: &str) -> Self {
        Self::Absolute(path.to_owned())
    }
}

impl From<String> for DestinationText {
    fn from(path: String) -> Self {
        Self::Absolute(path)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedDestination {
    root: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl Serialize for DestinationText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absolute(path) => serializer.serialize_str(path),
            Self::Named { root, path } => {
                NamedDestination { root: root.clone(), path: path.clone() }.serialize(serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for DestinationText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> serde::de::Visitor<'de> for Either {
            type Value = DestinationText;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a path, or an object with root and path")
            }
            fn visit_str<E: serde::de::Error>(self, path: &str) -> Result<DestinationText, E> {
                Ok(DestinationText::Absolute(path.to_owned()))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                map: A,
            ) -> Result<DestinationText, A::Error> {
                let named = NamedDestination::deserialize(
                    serde::de::value::MapAccessDeserializer::new(map),
                )?;
                Ok(DestinationText::Named { root: named.root, path: named.path })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// What an export is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExportSpec {
    /// The library's name.
    pub library: String,
    /// Which assets; without, all.
    #[serde(default)]
    pub filter: Filter,
    /// What is otherwise left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<Include>,
    /// Where to.
    pub destination: DestinationText,
    /// Which of original and edit.
    #[serde(default = "both")]
    pub versions: Versions,
    /// The video of a live photo.
    #[serde(default = "yes")]
    pub live: bool,
    /// The RAW file of a pair.
    #[serde(default = "yes")]
    pub raw: bool,
    /// Which images of a burst; without, those that are not left out.
    #[serde(default = "selected")]
    pub bursts: Bursts,
    /// The files that describe adjustments.
    #[serde(default)]
    pub aae: bool,
    /// In place of what is only in iCloud the largest local derivative, marked by its name. Never
    /// in place of a file that an earlier run exported.
    #[serde(default)]
    pub preview: bool,
    /// How folders are made: `date`, `album`, `flat`, or a template.
    #[serde(default = "by_date")]
    pub layout: String,
    /// The template of a stem.
    #[serde(default = "by_original_name")]
    pub names: String,
    /// What stands between the stem of an original and the extension of its edit.
    #[serde(default = "edited")]
    pub edited_suffix: String,
    /// Names that any file system takes, at most 143 bytes; else what POSIX takes, 255.
    #[serde(default = "yes")]
    pub portable: bool,
    /// Files beside each photo.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sidecars: Vec<Sidecar>,
    /// What becomes of a file that somebody changed or removed.
    #[serde(default = "keep")]
    pub on_dest_change: OnDestChange,
    /// How a file that is there already is looked at again.
    #[serde(default = "by_stat")]
    pub recheck: Recheck,
    /// Which contents are hashed.
    #[serde(default = "copied")]
    pub hash: Hash,
    /// How an asset in several albums gets its second file.
    #[serde(default = "cloned")]
    pub same_file: SameFile,
    /// File times from the date taken.
    #[serde(default = "yes")]
    pub times: bool,
    /// Lets another layout or naming rename what earlier runs exported.
    #[serde(default)]
    pub reshape: bool,
}

impl ExportSpec {
    /// An export of everything, with the defaults; a text is an absolute path.
    #[must_use]
    pub fn of(library: impl Into<String>, destination: impl Into<DestinationText>) -> Self {
        Self {
            library: library.into(),
            filter: Filter::everything(),
            include: Vec::new(),
            destination: destination.into(),
            versions: both(),
            live: yes(),
            raw: yes(),
            bursts: selected(),
            aae: false,
            preview: false,
            layout: by_date(),
            names: by_original_name(),
            edited_suffix: edited(),
            portable: yes(),
            sidecars: Vec::new(),
            on_dest_change: keep(),
            recheck: by_stat(),
            hash: copied(),
            same_file: cloned(),
            times: yes(),
            reshape: false,
        }
    }
}

fn both() -> Versions {
    Versions::Both
}

fn selected() -> Bursts {
    Bursts::Selected
}

fn by_date() -> String {
    "date".to_owned()
}

fn by_original_name() -> String {
    "{original_name}".to_owned()
}

fn edited() -> String {
    "_edited".to_owned()
}

fn keep() -> OnDestChange {
    OnDestChange::Keep
}

fn by_stat() -> Recheck {
    Recheck::Stat
}

fn copied() -> Hash {
    Hash::Copied
}

fn cloned() -> SameFile {
    SameFile::Clone
}

fn yes() -> bool {
    true
}

/// Params of `export.start`; the result is the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExportStartParams {
    /// What to export, and where to.
    pub spec: ExportSpec,
    /// Names this call: the same key again is the same job.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::limits::MAX_KEY_BYTES)))]
    #[serde(default, deserialize_with = "bounded::key", skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl ExportStartParams {
    /// An export without a key: each call of it is a job.
    #[must_use]
    pub fn of(spec: ExportSpec) -> Self {
        Self { spec, key: None }
    }

    /// The same under a key, by which the job is found again.
    #[must_use]
    pub fn keyed(self, key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..self }
    }
}
