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
    /// How folders are made.
    Layout {
        /// `year/month`, of the photo's own zone.
        Date = "date",
        /// Folders and albums as in the library.
        Album = "album",
        /// No folders.
        Flat = "flat",
    }
}

/// Where to: one absolute path (`~/` allowed), or a root and a path below it.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// How folders are made.
    #[serde(default = "by_date")]
    pub layout: Layout,
    /// Names that any file system takes, at most 143 bytes; else what POSIX takes, 255.
    #[serde(default = "yes")]
    pub portable: bool,
    /// File times from the date taken.
    #[serde(default = "yes")]
    pub times: bool,
}

impl ExportSpec {
    /// An export of everything, with the defaults.
    #[must_use]
    pub fn of(library: impl Into<String>, destination: DestinationText) -> Self {
        Self {
            library: library.into(),
            filter: Filter::everything(),
            include: Vec::new(),
            destination,
            versions: both(),
            live: yes(),
            raw: yes(),
            layout: by_date(),
            portable: yes(),
            times: yes(),
        }
    }
}

fn both() -> Versions {
    Versions::Both
}

fn by_date() -> Layout {
    Layout::Date
}

fn yes() -> bool {
    true
}

/// Params of `export.start`; the result is the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportStartParams {
    /// What to export, and where to.
    pub spec: ExportSpec,
    /// Names this call: the same key again is the same job.
    #[serde(default, deserialize_with = "bounded::key", skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}
