//! The filter language as types: which assets a request is about.
//!
//! JSON on the wire: `{"all": […]}`, `{"any": […]}`, `{"not": …}`, and leaves of one key each. An
//! empty object is every asset. The reader compiles a filter to SQL with bound values; nothing of a
//! peer's text ever becomes SQL. Depth and number of leaves are bounded while it is read, for a
//! deep or wide filter is a cheap way to make a database work.

mod measure;
mod text;
mod time;
mod words;

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

pub use measure::{Near, Number, Range, ScoreRange, Within};
pub use text::Text;
pub use time::{Day, Instant, Moment, MonthDay, Span, TimeError};
pub(crate) use words::words;
pub use words::{CountWith, Facet, Flag, Include, Kind, Score, Sort};

use crate::limits::{MAX_FILTER_DEPTH, MAX_FILTER_LEAVES, MAX_UUIDS};
use crate::value::Uuid;

/// Writes the type and both ways of its wire form from one list of leaves.
macro_rules! filter {
    ($($(#[doc = $doc:literal])* $leaf:ident($value:ty) = $key:literal,)*) => {
        /// Which assets.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Filter {
            /// Those that fit every one of these; with none, every asset.
            All(Vec<Self>),
            /// Those that fit at least one of these; with none, no asset.
            Any(Vec<Self>),
            /// Those that do not fit this.
            Not(Box<Self>),
            /// These assets.
            Uuid(Vec<Uuid>),
            /// Those in an album: its UUID, its title, or its folder path such as
            /// `Trips/2024/Japan`. One that fits no album, or several, is an error.
            Album(String),
            /// Those in any album whose title or folder path is like this.
            AlbumLike(Text),
            $($(#[doc = $doc])* $leaf($value),)*
        }

        impl Filter {
            /// Every key of a filter, in order.
            pub const KEYS: &[&str] = &["all", "any", "not", "uuid", "album", $($key),*];

            fn entry<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                match self {
                    Self::All(inner) if inner.is_empty() => Ok(()),
                    Self::All(inner) => map.serialize_entry("all", inner),
                    Self::Any(inner) => map.serialize_entry("any", inner),
                    Self::Not(inner) => map.serialize_entry("not", inner),
                    Self::Uuid(uuids) => map.serialize_entry("uuid", uuids),
                    Self::Album(album) => map.serialize_entry("album", album),
                    Self::AlbumLike(text) => map.serialize_entry("album", text),
                    $(Self::$leaf(value) => map.serialize_entry($key, value),)*
                }
            }

            fn read<'de, A: MapAccess<'de>>(key: &str, map: &mut A) -> Result<Self, A::Error> {
                Ok(match key {
                    "all" => Self::All(map.next_value()?),
                    "any" => Self::Any(map.next_value()?),
                    "not" => Self::Not(Box::new(map.next_value()?)),
                    "uuid" => Self::Uuid(map.next_value::<Uuids>()?.0),
                    "album" => match map.next_value::<Album>()? {
                        Album::Named(album) => Self::Album(album),
                        Album::Like(text) => Self::AlbumLike(text),
                    },
                    $($key => Self::$leaf(map.next_value()?),)*
                    _ => return Err(de::Error::custom(unknown_key())),
                })
            }

            /// Keys of the leaves that the macro makes, what each is for, and what it takes.
            #[cfg(feature = "schema")]
            pub(crate) fn leaf_schemas(
                generator: &mut schemars::SchemaGenerator,
            ) -> Vec<(&'static str, &'static str, schemars::Schema)> {
                vec![$((
                    $key,
                    concat!($($doc),*).trim_ascii(),
                    generator.subschema_for::<$value>(),
                )),*]
            }
        }
    };
}

filter! {
    /// Those in any album below a folder: its UUID, its title, or its path.
    Folder(Text) = "folder",
    /// Those that an import brought: its UUID or its title.
    ImportSession(Text) = "import_session",
    /// Those with such a keyword.
    Keyword(Text) = "keyword",
    /// Those with a face of such a person, by full name.
    Person(Text) = "person",
    /// Those in which Photos saw such a thing.
    Label(Text) = "label",
    /// Those taken in such a place, from a country to a sight.
    Place(Text) = "place",
    /// Those with such a title.
    Title(Text) = "title",
    /// Those with such a description.
    Description(Text) = "description",
    /// Those whose original had such a name.
    Filename(Text) = "filename",
    /// Those with such a text in any of these: album, folder, import session, keyword, person,
    /// label, place, title, description, file name.
    Text(Text) = "text",
    /// Those taken in a span; a date means the date there.
    Taken(Span) = "taken",
    /// Those added in a span; a date is in UTC.
    Added(Span) = "added",
    /// Those last adjusted in a span; a date is in UTC.
    Modified(Span) = "modified",
    /// Those taken on that day of any year, there.
    OnThisDay(MonthDay) = "on_this_day",
    /// Those of a kind.
    Kind(Kind) = "kind",
    /// Those that have a property.
    Is(Flag) = "is",
    /// Those taken in a circle.
    Near(Near) = "near",
    /// Those taken in a box of degrees.
    Within(Within) = "within",
    /// Those by such a camera: maker, model, or both with a space between.
    Camera(Text) = "camera",
    /// Those through such a lens.
    Lens(Text) = "lens",
    /// Those whose current version is of such a type, as `public.heic`.
    Uti(Text) = "uti",
    /// Bytes of the original, as the database has it.
    Size(Range) = "size",
    /// Pixels of the current version.
    Width(Range) = "width",
    /// Pixels of the current version.
    Height(Range) = "height",
    /// Seconds of a video.
    Duration(Range) = "duration",
    /// Stars; Photos gives none, so that every asset has 0.
    Rating(Range) = "rating",
    /// One of Photos' own scores.
    Score(ScoreRange) = "score",
}

fn unknown_key() -> String {
    let mut text = String::from("unknown filter; there are ");
    for (index, key) in Filter::KEYS.iter().enumerate() {
        text.push_str(if index == 0 { "" } else { ", " });
        text.push_str(key);
    }
    text
}

impl Filter {
    /// The filter that fits every asset.
    #[must_use]
    pub fn everything() -> Self {
        Self::All(Vec::new())
    }

    /// The filters that it is made of; a leaf is made of none.
    #[must_use]
    pub fn parts(&self) -> &[Self] {
        match self {
            Self::All(inner) | Self::Any(inner) => inner,
            Self::Not(inner) => std::slice::from_ref(inner),
            _ => &[],
        }
    }

    /// What a database has to look at; a combinator of nothing counts, too.
    fn leaves(&self) -> usize {
        self.parts().iter().map(Self::leaves).sum::<usize>().max(1)
    }

    /// Combinators in one another; a leaf has none.
    fn depth(&self) -> usize {
        match self {
            Self::All(_) | Self::Any(_) | Self::Not(_) => {
                1 + self.parts().iter().map(Self::depth).max().unwrap_or(0)
            }
            _ => 0,
        }
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self::everything()
    }
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.entry(&mut map)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let filter = deserializer.deserialize_map(OneKey)?;
        // The depth of any document is bounded before a type is read (`strict`), so that the walk
        // here cannot run away.
        if filter.depth() > MAX_FILTER_DEPTH {
            return Err(de::Error::custom(format_args!(
                "a filter may be nested {MAX_FILTER_DEPTH} deep"
            )));
        }
        if filter.leaves() > MAX_FILTER_LEAVES {
            return Err(de::Error::custom(format_args!(
                "a filter may have {MAX_FILTER_LEAVES} leaves"
            )));
        }
        Ok(filter)
    }
}

struct OneKey;

impl<'de> Visitor<'de> for OneKey {
    type Value = Filter;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a filter: an object with one key")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Filter, A::Error> {
        let Some(key) = map.next_key::<String>()? else {
            return Ok(Filter::everything());
        };
        let filter = Filter::read(&key, &mut map)?;
        if map.next_key::<de::IgnoredAny>()?.is_some() {
            return Err(de::Error::custom(
                "a filter has one key; put several below \"all\" or \"any\"",
            ));
        }
        Ok(filter)
    }
}

/// One album by its name, whose length is bounded as that of every text, or all that are like
/// something.
enum Album {
    Named(String),
    Like(Text),
}

impl<'de> Deserialize<'de> for Album {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Album;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of an album, or what it is like")
            }
            fn visit_str<E: de::Error>(self, album: &str) -> Result<Album, E> {
                Ok(Album::Named(album.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Album, A::Error> {
                Text::deserialize(de::value::MapAccessDeserializer::new(map)).map(Album::Like)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// A list of UUIDs that stops reading at its bound.
pub(crate) struct Uuids(pub(crate) Vec<Uuid>);

impl<'de> Deserialize<'de> for Uuids {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded;
        impl<'de> Visitor<'de> for Bounded {
            type Value = Uuids;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of UUIDs")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Uuids, A::Error> {
                let mut uuids = Vec::new();
                while let Some(uuid) = seq.next_element()? {
                    if uuids.len() == MAX_UUIDS {
                        return Err(de::Error::custom(format_args!(
                            "a list may have {MAX_UUIDS} UUIDs"
                        )));
                    }
                    uuids.push(uuid);
                }
                Ok(Uuids(uuids))
            }
        }
        deserializer.deserialize_seq(Bounded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Filter, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// A filter of each key.
    const FORMS: &[&str] = &[
        r#"{"all":[{"is":"local"},{"is":"has_faces"}]}"#,
        r#"{"any":[]}"#,
        r#"{"not":{"is":"favorite"}}"#,
        r#"{"uuid":["1EB2B765-0765-43BA-A90C-0D0580E6172C"]}"#,
        r#"{"album":"Trips/2024"}"#,
        r#"{"album":{"matches":"Trips/*"}}"#,
        r#"{"folder":"Trips"}"#,
        r#"{"import_session":{"contains":"camera"}}"#,
        r#"{"keyword":"sea"}"#,
        r#"{"person":"Katie"}"#,
        r#"{"label":{"contains":"pump"}}"#,
        r#"{"place":"Washington"}"#,
        r#"{"title":{"matches":"*farm"}}"#,
        r#"{"description":"x"}"#,
        r#"{"filename":"IMG_0001.HEIC"}"#,
        r#"{"text":{"contains":"x"}}"#,
        r#"{"taken":{"from":"2024-07-14","to":"2024-07-15T10:00:00Z"}}"#,
        r#"{"added":{"from":"2024-07-14"}}"#,
        r#"{"modified":{"to":"2024-07-14"}}"#,
        r#"{"on_this_day":"02-29"}"#,
        r#"{"kind":"live"}"#,
        r#"{"is":"missing"}"#,
        r#"{"near":{"latitude":47.5,"longitude":8.5,"metres":1000.0}}"#,
        r#"{"within":{"south":-1.5,"west":170.5,"north":1.5,"east":-170.5}}"#,
        r#"{"camera":"Canon"}"#,
        r#"{"lens":{"contains":"EF"}}"#,
        r#"{"uti":"public.heic"}"#,
        r#"{"size":{"min":1.0}}"#,
        r#"{"width":{"max":4000.0}}"#,
        r#"{"height":{"min":1.0,"max":2.0}}"#,
        r#"{"duration":{"min":0.5}}"#,
        r#"{"rating":{"min":1.0}}"#,
        r#"{"score":{"name":"overall","min":0.5}}"#,
    ];

    #[test]
    fn an_empty_filter_is_every_asset() {
        assert_eq!(parse("{}"), Ok(Filter::everything()));
        assert_eq!(serde_json::to_string(&Filter::everything()).unwrap(), "{}");
    }

    #[test]
    fn every_form_round_trips() {
        for text in FORMS {
            let filter = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(serde_json::to_string(&filter).unwrap(), *text);
        }
        for key in Filter::KEYS {
            let begin = format!("{{\"{key}\"");
            assert!(FORMS.iter().any(|text| text.starts_with(&begin)), "{key}");
        }
    }

    #[test]
    fn refuses_two_keys_unknown_keys_and_lists_and_repeats_none_of_it() {
        for text in [
            r#"{"is":"edited","kind":"photo"}"#,
            r#"{"titel":"secret"}"#,
            r#"{"taken":{"from":"secret"}}"#,
            r#"{"on_this_day":"secret"}"#,
            r#"{"album":["secret"]}"#,
            r#"{"album":{"contains":""}}"#,
            "[]",
            "null",
        ] {
            let error = parse(text).unwrap_err();
            assert!(!error.contains("secret") && !error.contains("titel"), "{text}: {error}");
        }
        // What a list of words answers is made fit for peers by `method.rs`.
        assert!(parse(r#"{"is":"nice"}"#).is_err());
    }

    #[test]
    fn depth_and_leaves_hold_at_the_limit_and_one_beyond() {
        let nested = |depth: usize| {
            format!("{}{{\"is\":\"edited\"}}{}", "{\"not\":".repeat(depth), "}".repeat(depth))
        };
        assert!(parse(&nested(MAX_FILTER_DEPTH)).is_ok());
        assert!(parse(&nested(MAX_FILTER_DEPTH + 1)).is_err());
        let wide = |leaves: usize| {
            format!("{{\"any\":[{}]}}", vec![r#"{"is":"edited"}"#; leaves].join(","))
        };
        assert!(parse(&wide(MAX_FILTER_LEAVES)).is_ok());
        assert!(parse(&wide(MAX_FILTER_LEAVES + 1)).is_err());
        let empty = |count: usize| format!("{{\"any\":[{}]}}", vec!["{}"; count].join(","));
        assert!(parse(&empty(MAX_FILTER_LEAVES)).is_ok());
        assert!(parse(&empty(MAX_FILTER_LEAVES + 1)).is_err());
        let uuid = "\"1EB2B765-0765-43BA-A90C-0D0580E6172C\"";
        let many = |count: usize| format!("{{\"uuid\":[{}]}}", vec![uuid; count].join(","));
        assert!(parse(&many(MAX_UUIDS)).is_ok());
        assert!(parse(&many(MAX_UUIDS + 1)).is_err());
    }
}
