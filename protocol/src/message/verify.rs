//! `export.verify` and `export.prune`: a destination is compared with its record, and what the
//! library has no longer is put into its trash.
//!
//! Both answer a job, whose report has the findings. A prune is planned first, always: without
//! `plan` the job only plans, and its name is the plan that another call carries out.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::export::DestinationText;
use crate::filter::words;
use crate::value::Token;

words! {
    /// By what a file is known.
    VerifyBy {
        /// Size and time; content where only the time differs.
        Stat = "stat",
        /// Content.
        Hash = "hash",
    }
}

/// Params of `export.verify`; the result is the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExportVerifyParams {
    /// Whose grant decides who may know of the job; may be left out by a peer that is granted
    /// exactly one. All that stands at the destination is verified, whichever it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
    /// What is verified.
    pub destination: DestinationText,
    /// By what files are known.
    #[serde(default = "by_stat")]
    pub by: VerifyBy,
}

impl ExportVerifyParams {
    /// By size and time, under the one library that is granted; a text is an absolute path.
    #[must_use]
    pub fn of(destination: impl Into<DestinationText>) -> Self {
        Self { library: None, destination: destination.into(), by: by_stat() }
    }
}

fn by_stat() -> VerifyBy {
    VerifyBy::Stat
}

/// Params of `export.prune`; the result is the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExportPruneParams {
    /// Whose assets are gone.
    pub library: String,
    /// Where their files are.
    pub destination: DestinationText,
    /// More than so many do not go.
    #[serde(default)]
    pub max_delete: MaxDelete,
    /// The job that planned it; without, only a plan is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Token>,
}

impl ExportPruneParams {
    /// Asks for a plan; with the identity of that job as `plan` it is carried out. A text is an
    /// absolute path.
    #[must_use]
    pub fn of(library: impl Into<String>, destination: impl Into<DestinationText>) -> Self {
        let (library, destination) = (library.into(), destination.into());
        Self { library, destination, max_delete: MaxDelete::default(), plan: None }
    }
}

/// How many files may go at once: a number of them, or a text such as `10%`, of those that the
/// library has at the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(untagged))]
pub enum MaxDelete {
    /// So many.
    Files(u64),
    /// So many of a hundred, rounded down; at most 100.
    Percent(
        #[cfg_attr(
            feature = "schema",
            schemars(with = "String", regex(pattern = "^0*(100|[0-9]{1,2})%$"))
        )]
        u8,
    ),
}

impl Default for MaxDelete {
    /// What a person deletes between two exports is less; a library that is half restored has lost
    /// more.
    fn default() -> Self {
        Self::Percent(10)
    }
}

impl MaxDelete {
    /// Reads a number, or one with a percent sign; none for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match text.strip_suffix('%') {
            Some(percent) => is_number(percent)
                .then(|| percent.parse().ok())
                .flatten()
                .filter(|percent| *percent <= 100)
                .map(Self::Percent),
            None => is_number(text).then(|| text.parse().ok()).flatten().map(Self::Files),
        }
    }
}

impl fmt::Display for MaxDelete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(files) => write!(f, "{files}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl Serialize for MaxDelete {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Files(files) => serializer.serialize_u64(*files),
            Self::Percent(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for MaxDelete {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl serde::de::Visitor<'_> for Either {
            type Value = MaxDelete;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of files, or a text such as \"10%\"")
            }
            fn visit_u64<E: serde::de::Error>(self, files: u64) -> Result<MaxDelete, E> {
                Ok(MaxDelete::Files(files))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<MaxDelete, E> {
                let percent = MaxDelete::parse(text).filter(|_| text.ends_with('%'));
                percent.ok_or_else(|| E::custom("a percentage is 0% to 100%"))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_many_may_go_is_a_number_or_a_percentage_and_nothing_else() {
        for (json, expected) in [
            ("0", Some(MaxDelete::Files(0))),
            ("18446744073709551615", Some(MaxDelete::Files(u64::MAX))),
            ("\"0%\"", Some(MaxDelete::Percent(0))),
            ("\"100%\"", Some(MaxDelete::Percent(100))),
            ("\"101%\"", None),
            ("\"256%\"", None),
            ("\"99999999999999999999%\"", None),
            ("\"10\"", None),
            ("\"%\"", None),
            ("\"+1%\"", None),
            ("\"1.5%\"", None),
            ("-1", None),
            ("1.5", None),
            ("null", None),
        ] {
            let read: Option<MaxDelete> = serde_json::from_str(json).ok();
            assert_eq!(read, expected, "{json}");
            if let Some(read) = read {
                assert_eq!(serde_json::to_string(&read).unwrap(), json);
                assert_eq!(MaxDelete::parse(&read.to_string()), Some(read));
            }
        }
    }
}
