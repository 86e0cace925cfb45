//! The policy file as TOML has it, before anything is checked but its form.
//!
//! Every key that is enforced is listed here, and no other: an unknown key is serde's complaint,
//! with its place. The hazard: a key that is read and ignored promises what nobody keeps.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Visitor};
use toml::Spanned;

/// A place in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At {
    /// From 1.
    pub(crate) line: usize,
    /// In characters, from 1.
    pub(crate) column: usize,
}

impl At {
    pub(crate) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).map_or(0, |line| line.chars().count()) + 1,
        }
    }
}

type Named<T> = Vec<(Spanned<String>, T)>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub(crate) version: Spanned<i64>,
    pub(crate) confinement: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "named")]
    pub(crate) library: Named<Library>,
    #[serde(default, deserialize_with = "named")]
    pub(crate) root: Named<Root>,
    #[serde(default)]
    pub(crate) client: Vec<Client>,
    #[serde(default)]
    pub(crate) socket: Socket,
    #[serde(default)]
    pub(crate) limits: Limits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Library {
    pub(crate) path: Spanned<String>,
    pub(crate) hidden: Option<bool>,
    pub(crate) trashed: Option<bool>,
    pub(crate) location: Option<bool>,
    #[serde(default)]
    pub(crate) referenced: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Root {
    pub(crate) path: Spanned<String>,
    pub(crate) file_mode: Option<Spanned<String>>,
    pub(crate) dir_mode: Option<Spanned<String>>,
    pub(crate) max_bytes: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Client {
    pub(crate) name: Spanned<String>,
    pub(crate) uid: Spanned<UidText>,
    #[serde(default)]
    pub(crate) libraries: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) roots: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) methods: Vec<Spanned<String>>,
    pub(crate) hidden: Option<bool>,
    pub(crate) trashed: Option<bool>,
    pub(crate) location: Option<bool>,
    pub(crate) referenced: Option<bool>,
    pub(crate) albums: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) gid: Option<Spanned<i64>>,
    pub(crate) code_requirement: Option<Spanned<String>>,
    pub(crate) any_program: Option<Spanned<bool>>,
    pub(crate) resources: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) connections: Option<Spanned<i64>>,
    pub(crate) connections_per_uid: Option<Spanned<i64>>,
    pub(crate) read_time: Option<Spanned<i64>>,
    pub(crate) jobs_running: Option<Spanned<i64>>,
    pub(crate) jobs_waiting: Option<Spanned<i64>>,
    pub(crate) jobs_remembered: Option<Spanned<i64>>,
    pub(crate) idle_exit: Option<Spanned<i64>>,
    pub(crate) audit_keep: Option<Spanned<i64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Socket {
    pub(crate) group: Option<Spanned<String>>,
}

/// `uid = "self"` or a number.
pub(crate) enum UidText {
    Word(String),
    Number(i64),
}

impl Document {
    pub(crate) fn parse(text: &str) -> Result<Self, (At, String)> {
        toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            // One line: the message names the key and what was expected.
            (At::of(text, start), error.message().replace('\n', ", "))
        })
    }
}

/// Tables by name, in the order of their names, each name with its place.
fn named<'de, D, T>(deserializer: D) -> Result<Named<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Tables<T>(std::marker::PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Tables<T> {
        type Value = Named<T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("tables by name")
        }
        fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut tables = Vec::new();
            while let Some(entry) = map.next_entry()? {
                tables.push(entry);
            }
            Ok(tables)
        }
    }
    deserializer.deserialize_map(Tables(std::marker::PhantomData))
}

impl<'de> Deserialize<'de> for UidText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = UidText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"self\" or a uid")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<UidText, E> {
                Ok(UidText::Word(word.to_owned()))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<UidText, E> {
                Ok(UidText::Number(number))
            }
        }
        deserializer.deserialize_any(Text)
    }
}
