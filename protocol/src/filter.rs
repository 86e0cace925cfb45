//! The filter language as types: which assets a request is about.
//!
//! JSON on the wire: `{"all": […]}`, `{"any": […]}`, `{"not": …}`, and leaves of one key each. An
//! empty object is every asset. The reader compiles a filter to SQL with bound values; nothing of a
//! peer's text ever becomes SQL. Depth and number of leaves are bounded while it is read, for a
//! deep or wide filter is a cheap way to make a database work.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use crate::limits::{MAX_FILTER_DEPTH, MAX_FILTER_LEAVES, MAX_UUIDS};
use crate::value::Uuid;

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
    /// Those in an album: its UUID, its title, or its folder path such as `Trips/2024/Japan`.
    Album(String),
    /// Those of a kind.
    Kind(Kind),
    /// Those that have a property.
    Is(Flag),
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$word_doc:meta])* $variant:ident = $word:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$word_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every word of the list, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// Returns the one whose word this is.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What kind of photo or video an asset is. One asset can be of several kinds.
    Kind {
        /// A still, with or without anything beside it.
        Photo = "photo",
        /// A video.
        Movie = "movie",
        /// A still with a short video.
        Live = "live",
        /// A RAW file alone.
        Raw = "raw",
        /// A RAW file with a JPEG or HEIC beside it.
        RawPair = "raw_pair",
        /// A panorama.
        Panorama = "panorama",
        /// With depth, as portrait mode makes it.
        Portrait = "portrait",
        /// By the front camera.
        Selfie = "selfie",
        /// A picture of the screen.
        Screenshot = "screenshot",
        /// A video of the screen.
        ScreenRecording = "screen_recording",
        /// A slow-motion video.
        SlowMotion = "slow_motion",
        /// A time-lapse video.
        TimeLapse = "time_lapse",
        /// One of a burst.
        Burst = "burst",
        /// High dynamic range.
        Hdr = "hdr",
        /// A spatial photo or video.
        Spatial = "spatial",
    }
}

words! {
    /// A property that an asset has or has not.
    Flag {
        /// Marked as favourite.
        Favorite = "favorite",
        /// Has adjustments.
        Edited = "edited",
        /// In the hidden album; only with a grant.
        Hidden = "hidden",
        /// In the trash; only with a grant.
        Trashed = "trashed",
        /// In a shared album.
        Shared = "shared",
        /// Its original lies outside the bundle.
        Referenced = "referenced",
        /// In at least one album.
        InAlbum = "in_album",
        /// Has a title.
        Titled = "titled",
        /// Has a description.
        Described = "described",
        /// Has at least one keyword.
        Keyworded = "keyworded",
    }
}

words! {
    /// What is left out of every answer unless it is named here.
    Include {
        /// Hidden assets, if the policy grants them.
        Hidden = "hidden",
        /// Trashed assets, if the policy grants them.
        Trashed = "trashed",
        /// Images of a burst that nobody selected.
        Bursts = "bursts",
    }
}

words! {
    /// By what assets are ordered; ties are broken by UUID.
    Sort {
        /// The date taken.
        Taken = "taken",
    }
}

impl Filter {
    /// The filter that fits every asset.
    #[must_use]
    pub fn everything() -> Self {
        Self::All(Vec::new())
    }

    /// What a database has to look at; a combinator of nothing counts, too.
    fn leaves(&self) -> usize {
        match self {
            Self::All(inner) | Self::Any(inner) => {
                inner.iter().map(Self::leaves).sum::<usize>().max(1)
            }
            Self::Not(inner) => inner.leaves(),
            Self::Uuid(_) | Self::Album(_) | Self::Kind(_) | Self::Is(_) => 1,
        }
    }

    /// Combinators in one another; a leaf has none.
    fn depth(&self) -> usize {
        match self {
            Self::All(inner) | Self::Any(inner) => {
                1 + inner.iter().map(Self::depth).max().unwrap_or(0)
            }
            Self::Not(inner) => 1 + inner.depth(),
            Self::Uuid(_) | Self::Album(_) | Self::Kind(_) | Self::Is(_) => 0,
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
        match self {
            Self::All(inner) if inner.is_empty() => {}
            Self::All(inner) => map.serialize_entry("all", inner)?,
            Self::Any(inner) => map.serialize_entry("any", inner)?,
            Self::Not(inner) => map.serialize_entry("not", inner)?,
            Self::Uuid(uuids) => map.serialize_entry("uuid", uuids)?,
            Self::Album(album) => map.serialize_entry("album", album)?,
            Self::Kind(kind) => map.serialize_entry("kind", kind)?,
            Self::Is(flag) => map.serialize_entry("is", flag)?,
        }
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
        let filter = match key.as_str() {
            "all" => Filter::All(map.next_value()?),
            "any" => Filter::Any(map.next_value()?),
            "not" => Filter::Not(Box::new(map.next_value()?)),
            "uuid" => Filter::Uuid(map.next_value::<Uuids>()?.0),
            "album" => Filter::Album(map.next_value()?),
            "kind" => Filter::Kind(map.next_value()?),
            "is" => Filter::Is(map.next_value()?),
            _ => {
                return Err(de::Error::custom(
                    "unknown filter; there are all, any, not, uuid, album, kind, is",
                ));
            }
        };
        if map.next_key::<de::IgnoredAny>()?.is_some() {
            return Err(de::Error::custom(
                "a filter has one key; put several below \"all\" or \"any\"",
            ));
        }
        Ok(filter)
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

    #[test]
    fn an_empty_filter_is_every_asset() {
        assert_eq!(parse("{}"), Ok(Filter::everything()));
        assert_eq!(serde_json::to_string(&Filter::everything()).unwrap(), "{}");
    }

    #[test]
    fn every_form_round_trips() {
        let text = r#"{"all":[{"album":"Trips/2024"},{"not":{"is":"favorite"}},{"any":[{"kind":"live"},{"uuid":["1EB2B765-0765-43BA-A90C-0D0580E6172C"]}]}]}"#;
        assert_eq!(serde_json::to_string(&parse(text).unwrap()).unwrap(), text);
    }

    #[test]
    fn refuses_two_keys_unknown_keys_and_lists() {
        for text in [
            r#"{"is":"edited","kind":"photo"}"#,
            r#"{"titel":"x"}"#,
            "[]",
            r#"{"is":"nice"}"#,
            "null",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
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
