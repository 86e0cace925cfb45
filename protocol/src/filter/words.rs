//! The closed lists of words in filters and queries: kinds, properties, scores, sorts, facets.
//!
//! One macro makes a list: the type, its words on the wire, what they mean, and the list of all of
//! them, so that nothing states a word twice. A word that is not on a list is refused, never
//! ignored.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident {
        $($(#[doc = $meaning:literal])* $variant:ident = $word:literal,)*
    }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        $(#[$doc])*
        pub enum $name {
            $($(#[doc = $meaning])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every word of the list, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// What it means, in the words of its documentation.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($meaning),*).trim_ascii_start()),* }
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
        /// The original is on this disk: the disk's word, not the database's.
        Local = "local",
        /// The original is not on this disk.
        Missing = "missing",
        /// Its original lies outside the bundle.
        Referenced = "referenced",
        /// Has coordinates; for a peer from which they are withheld, none has.
        Located = "located",
        /// In at least one album.
        InAlbum = "in_album",
        /// Has a title.
        Titled = "titled",
        /// Has a description.
        Described = "described",
        /// Has at least one keyword.
        Keyworded = "keyworded",
        /// Has at least one face.
        HasFaces = "has_faces",
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
        /// The date added.
        Added = "added",
        /// The date of the last adjustment.
        Modified = "modified",
        /// The name that the original had, compared byte by byte.
        Name = "name",
        /// The bytes of the original.
        Size = "size",
        /// The album's own order; only where the filter is one album.
        Album = "album",
        /// The UUID alone, as a dump has them.
        Uuid = "uuid",
    }
}

words! {
    /// A thing that values are counted of.
    Facet {
        /// Keywords.
        Keyword = "keyword",
        /// Persons, by their full names.
        Person = "person",
        /// What Photos saw in it.
        Label = "label",
        /// The names of places, from a country to a sight.
        Place = "place",
        /// Models of cameras.
        Camera = "camera",
        /// Models of lenses.
        Lens = "lens",
        /// The year taken, there.
        Year = "year",
        /// The month taken, there, as `2024-07`.
        Month = "month",
        /// Kinds, as the filter has them.
        Kind = "kind",
    }
}

words! {
    /// What a count tells beside the number.
    CountWith {
        /// The bytes of the originals.
        Bytes = "bytes",
        /// How many originals are not on this disk.
        NotLocal = "not_local",
        /// How many there are of each kind.
        Kinds = "kinds",
    }
}

words! {
    /// One of Photos' scores of a photo.
    #[cfg_attr(feature = "schema", schemars(rename = "ScoreName"))]
    Score {
        /// How pleasing it is on the whole.
        Overall = "overall",
        /// How worth keeping.
        Curation = "curation",
        /// How worth showing.
        Promotion = "promotion",
        /// How worth a place among the highlights.
        HighlightVisibility = "highlight_visibility",
        /// By what its owner did with it.
        Behavioral = "behavioral",
        /// A failed shot.
        Failure = "failure",
        /// Colours that go together.
        HarmoniousColor = "harmonious_color",
        /// Draws the viewer in.
        Immersiveness = "immersiveness",
        /// By how it was looked at.
        Interaction = "interaction",
        /// A subject of interest.
        InterestingSubject = "interesting_subject",
        /// Something in the way.
        IntrusiveObjectPresence = "intrusive_object_presence",
        /// Vivid colours.
        LivelyColor = "lively_color",
        /// Taken in the dark.
        LowLight = "low_light",
        /// Grain.
        Noise = "noise",
        /// A tilt that pleases.
        PleasantCameraTilt = "pleasant_camera_tilt",
        /// A composition that pleases.
        PleasantComposition = "pleasant_composition",
        /// Light that pleases.
        PleasantLighting = "pleasant_lighting",
        /// A pattern that pleases.
        PleasantPattern = "pleasant_pattern",
        /// A perspective that pleases.
        PleasantPerspective = "pleasant_perspective",
        /// Processing that pleases.
        PleasantPostProcessing = "pleasant_post_processing",
        /// A reflection that pleases.
        PleasantReflection = "pleasant_reflection",
        /// Symmetry that pleases.
        PleasantSymmetry = "pleasant_symmetry",
        /// A sharp subject.
        SharplyFocusedSubject = "sharply_focused_subject",
        /// Blur in good taste.
        TastefullyBlurred = "tastefully_blurred",
        /// A subject well chosen.
        WellChosenSubject = "well_chosen_subject",
        /// A subject well framed.
        WellFramedSubject = "well_framed_subject",
        /// Taken at the right moment.
        WellTimedShot = "well_timed_shot",
    }
}
