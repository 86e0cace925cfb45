//! The search index, `psi.sqlite` (since macOS 27 `leo.sqlite`): its tables, and which category of
//! its texts means what.
//!
//! One row per text and category (`groups`), one per asset, one per pair of them (`ga`), joined by
//! row numbers. The categories were renumbered in Photos 8; before that those of media types moved
//! with every release, and a library keeps the numbers of the release that made its index. Seen in
//! 15 libraries of Photos 5 to 11. The hazard: a number that means another thing one release later.

use super::{Column, TableNames};

pub(crate) const FOLDER: &str = "database/search";
pub(crate) const FILE: &str = "psi.sqlite";

/// The implicit row number: none of the three tables has a column for it.
pub(crate) const ROW: &str = "rowid";

/// Assets, by the halves of their UUIDs.
pub(crate) mod assets {
    use super::{Column, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["assets"], needed: &[FIRST_HALF, SECOND_HALF] };
    /// Bytes 0 to 7 as a signed little-endian number.
    pub(crate) const FIRST_HALF: Column = Column::new(&["uuid_0"]);
    /// Bytes 8 to 15.
    pub(crate) const SECOND_HALF: Column = Column::new(&["uuid_1"]);
}

/// Texts. Each ends in a NUL.
pub(crate) mod groups {
    use super::{Column, TableNames};

    pub(crate) const TABLE: TableNames =
        TableNames { names: &["groups"], needed: &[CATEGORY, CONTENT, NORMALIZED] };
    pub(crate) const CATEGORY: Column = Column::new(&["category"]);
    pub(crate) const CONTENT: Column = Column::new(&["content_string"]);
    pub(crate) const NORMALIZED: Column = Column::new(&["normalized_string"]);
}

/// Which asset has which text.
pub(crate) mod pairs {
    use super::{Column, TableNames};

    pub(crate) const TABLE: TableNames = TableNames { names: &["ga"], needed: &[GROUP, ASSET] };
    pub(crate) const GROUP: Column = Column::new(&["groupid"]);
    pub(crate) const ASSET: Column = Column::new(&["assetid"]);
}

/// Texts that are names of Photos' own: `PG`, letters and digits, and this.
pub(crate) const INTERNAL_PREFIX: &str = "PG";
/// See [`INTERNAL_PREFIX`].
pub(crate) const INTERNAL_SUFFIX: &str = "SearchableText";

/// The index of macOS 27, by hearsay: no library with one was seen.
pub(crate) mod leo {
    use super::{Column, TableNames};

    pub(crate) const FILE: &str = "leo.sqlite";

    /// Texts, under numbers of their own.
    pub(crate) mod lexicon {
        use super::{Column, TableNames};

        pub(crate) const TABLE: TableNames =
            TableNames { names: &["lexicon"], needed: &[ID, TYPE, CATEGORY, CONTENT] };
        pub(crate) const ID: Column = Column::new(&["lexeme_id"]);
        pub(crate) const TYPE: Column = Column::new(&["type"]);
        pub(crate) const CATEGORY: Column = Column::new(&["category"]);
        pub(crate) const CONTENT: Column = Column::new(&["content"]);
    }

    /// Assets and others, each with the numbers of its texts.
    pub(crate) mod items {
        use super::{Column, TableNames};

        pub(crate) const TABLE: TableNames =
            TableNames { names: &["items"], needed: &[IDENTIFIER, TYPE, LEXEMES] };
        pub(crate) const IDENTIFIER: Column = Column::new(&["identifier"]);
        pub(crate) const TYPE: Column = Column::new(&["type"]);
        /// Little-endian numbers of four bytes.
        pub(crate) const LEXEMES: Column = Column::new(&["lexeme_ids"]);
    }

    /// Of a text that counts.
    pub(crate) const TYPE_TEXT: i64 = 1;
    /// Of an item that is an asset.
    pub(crate) const TYPE_ASSET: i64 = 1;

    /// Its categories, and those of `psi.sqlite` since Photos 8 that mean the same; others count
    /// for nothing.
    #[rustfmt::skip]
    pub(crate) const CATEGORIES: &[(i64, i64)] = &[
        (1010, 1100), (1020, 1101), (1030, 1103), (1040, 1104), (1050, 1106), (1060, 1107),
        (1070, 1070), (2010, 1000), (2050, 2), (2060, 1), (2070, 3), (2080, 4), (2090, 5),
        (2100, 6), (2110, 7), (2120, 8), (2130, 9), (2140, 10), (2150, 11), (2160, 12),
        (2170, 13), (2180, 1008), (2190, 1007), (2210, 14), (2220, 1700), (2230, 1701),
        (2240, 1800), (2250, 1801), (2260, 1802), (3001, 1300), (3010, 1330), (3030, 3030),
        (4000, 1500), (4010, 1510), (4020, 1520), (4050, 2500), (4060, 2600), (4080, 2800),
        (4090, 1600), (4100, 1610), (4110, 1205), (4120, 1203), (4130, 4130), (5000, 1900),
        (5010, 1901), (5020, 1902), (5030, 1903), (5050, 1905), (5060, 1906), (5070, 1907),
        (5080, 1908), (5090, 1909), (5100, 1916), (5110, 1911), (5120, 1912), (5130, 1913),
        (5140, 1914), (5150, 1915), (5180, 1918), (5190, 1919), (5200, 5200), (6000, 2300),
        (7000, 1201), (7010, 1400), (8000, 2000), (8050, 2100), (8051, 8051), (8060, 2200),
        (8070, 1200), (8080, 1202), (8170, 8170), (11000, 11000), (11010, 11010),
    ];
}

/// Which numbers the categories of an index have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Photos 5 to 7.
    Old {
        /// The category of file names, which ends those of media types.
        file_names: i64,
    },
    /// Since Photos 8.
    New,
}

/// The first model with the new numbers: Photos 8.
const FIRST_NEW_MODEL: i64 = 16_000;
/// Photos 7, of which nothing older than its numbers was seen.
const FIRST_MOVED_MODEL: i64 = 15_000;
/// Of Photos 5, and of the indices that Photos 6 took over from it.
const FILE_NAMES_OF_5: i64 = 2_056;
/// Of Photos 7, model 15502.
const FILE_NAMES_OF_7: i64 = 2_061;
/// Where file names were seen in old numbers: 2056, 2058, 2059 and 2061. What is above are cameras.
pub(crate) const FILE_NAMES: std::ops::RangeInclusive<i64> = FILE_NAMES_OF_5..=FILE_NAMES_OF_7;
/// The highest category of file names below which 2046 is slow motion; above, it is RAW, which is
/// no media type.
const LAST_WITHOUT_RAW: i64 = 2_058;
/// See [`LAST_WITHOUT_RAW`].
const SLOW_MOTION_OR_RAW: i64 = 2_046;

impl Layout {
    /// By the library's model, and the category of file names where the index tells one.
    pub(crate) fn of(model: Option<i64>, file_names: Option<i64>) -> Self {
        match model {
            Some(model) if model < FIRST_NEW_MODEL => {
                let usual =
                    if model < FIRST_MOVED_MODEL { FILE_NAMES_OF_5 } else { FILE_NAMES_OF_7 };
                Self::Old { file_names: file_names.unwrap_or(usual) }
            }
            Some(_) | None => Self::New,
        }
    }

    /// Every category that some key is made of.
    pub(crate) fn all(self) -> impl Iterator<Item = i64> {
        KEYS.iter().flat_map(move |key| key.categories(self))
    }
}

/// A key of `search_info`.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// Is it one text, the first of all, or a list?
    pub(crate) kind: KeyKind,
    /// Does it tell where the photo was taken, or what can only be known from there?
    pub(crate) tells_place: bool,
    old: &'static [i64],
    new: &'static [i64],
}

/// The shape of a key's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// The first of its texts, or an empty one.
    First,
    /// All of them, category by category.
    List,
    /// The same, each text once.
    Set,
}

impl Key {
    /// Its categories, in the order of its texts.
    pub(crate) fn categories(&self, layout: Layout) -> impl Iterator<Item = i64> + use<'_> {
        let (list, file_names) = match layout {
            Layout::New => (self.new, None),
            Layout::Old { file_names }
                if file_names > FILE_NAMES_OF_5 && self.old == MEDIA_OF_5 =>
            {
                (MEDIA_MOVED, Some(file_names))
            }
            Layout::Old { .. } => (self.old, None),
        };
        list.iter().copied().filter(move |category| {
            file_names.is_none_or(|end| {
                *category < end && (end <= LAST_WITHOUT_RAW || *category != SLOW_MOTION_OR_RAW)
            })
        })
    }

    const fn list(name: &'static str, old: &'static [i64], new: &'static [i64]) -> Self {
        Self { name, kind: KeyKind::List, tells_place: false, old, new }
    }

    const fn first(name: &'static str, old: &'static [i64], new: &'static [i64]) -> Self {
        Self { name, kind: KeyKind::First, tells_place: false, old, new }
    }

    const fn place(self) -> Self {
        Self { tells_place: true, ..self }
    }
}

/// Photos 5: videos, slow motion, live, screenshots, panoramas, time-lapse, bursts, portraits,
/// selfies, favourites.
const MEDIA_OF_5: &[i64] = &[2044, 2045, 2046, 2047, 2048, 2049, 2052, 2053, 2054, 2055];
/// Photos 6 and 7: what lies between "Photos" (2044) and file names.
const MEDIA_MOVED: &[i64] = &[
    2045, 2046, 2047, 2048, 2049, 2050, 2051, 2052, 2053, 2054, 2055, 2056, 2057, 2058, 2059, 2060,
];
/// Since Photos 8; the order is that of the list.
const MEDIA: &[i64] = &[
    1901, 1905, 1906, 1907, 1916, 1910, 1908, 1909, 1913, 1914, 1915, 2000, 1912, 1903, 1911, 1918,
    1919,
];

/// Things that a photo shows.
pub(crate) const LABELS: &Key = &Key::list("labels", &[2024], &[1500]);

/// All keys, by name. Venues, events, landmarks and trips are places by another name: an index has
/// them from where a photo was taken.
#[rustfmt::skip]
pub(crate) const KEYS: &[Key] = &[
    Key::list("activities", &[2027], &[1600]),
    Key::list("age_groups", &[], &[3030]),
    Key::list("areas_of_interest", &[], &[9]).place(),
    Key::list("bodies_of_water", &[14], &[14]).place(),
    Key::first("camera", &[], &[2300]),
    Key::first("captured_by_me", &[], &[8170]),
    Key::first("city", &[7], &[5]).place(),
    Key::first("continent", &[], &[1007]).place(),
    Key::first("country", &[12], &[12]).place(),
    Key::first("country_code", &[], &[13]).place(),
    Key::first("day_of_week", &[], &[1070]),
    Key::list("detected_text", &[], &[1203]),
    Key::list("document_types", &[], &[2800]),
    Key::list("event_performers", &[], &[1801]).place(),
    Key::list("event_types", &[], &[1802]).place(),
    Key::list("events", &[], &[1800]).place(),
    Key::first("file_type", &[], &[8051]),
    Key::list("holidays", &[2029], &[1103]),
    Key::first("home", &[2020], &[1000]).place(),
    Key::list("human_actions", &[], &[2600]),
    Key::list("id_document_names", &[], &[11010]),
    Key { kind: KeyKind::Set, ..Key::list("id_document_types", &[], &[4130, 11000]) },
    Key::list("labels", &[2024], &[1500]),
    Key::list("landmarks", &[], &[1520]).place(),
    Key::list("locality_names", &[4, 5, 6, 8, 9], &[4, 6, 8, 7]).place(),
    Key::list("media_types", MEDIA_OF_5, MEDIA),
    Key::first("month", &[1014], &[1100]),
    Key::list("neighborhoods", &[3], &[3]).place(),
    Key::list("pets", &[], &[1330]),
    Key::first("photographic_style", &[], &[5200]),
    Key::list("place_names", &[1], &[1]).place(),
    Key::first("region", &[], &[1008]).place(),
    Key::first("season", &[2030], &[1104]),
    Key::list("sounds", &[], &[2500]),
    Key::first("source", &[], &[2200]),
    Key::first("state", &[10], &[10]).place(),
    Key::first("state_abbreviation", &[11], &[11]).place(),
    Key::list("streets", &[2], &[2]).place(),
    Key::list("times_of_day", &[], &[1106]),
    Key::first("trip", &[], &[1610]).place(),
    Key::list("venue_types", &[2039], &[1701]).place(),
    Key::list("venues", &[2038], &[1700]).place(),
    Key::first("week_part", &[], &[1107]),
    Key::first("year", &[1015], &[1101]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn media_types(layout: Layout) -> Vec<i64> {
        let key = KEYS.iter().find(|key| key.name == "media_types").unwrap();
        key.categories(layout).collect()
    }

    #[test]
    fn there_are_44_keys_by_name_and_once() {
        assert_eq!(KEYS.len(), 44);
        assert!(KEYS.is_sorted_by(|left, right| left.name < right.name));
    }

    #[test]
    fn media_types_end_where_file_names_begin() {
        assert_eq!(media_types(Layout::of(Some(13_703), None)), MEDIA_OF_5);
        // An index that Photos 6 took over.
        assert_eq!(media_types(Layout::of(Some(14_208), Some(2_056))), MEDIA_OF_5);
        assert_eq!(media_types(Layout::of(Some(16_000), Some(2_056))), MEDIA);
        assert_eq!(media_types(Layout::of(None, None)), MEDIA);
        let six = media_types(Layout::of(Some(14_104), Some(2_058)));
        assert_eq!((six[0], six[1], six[six.len() - 1]), (2_045, 2_046, 2_057));
        let seven = media_types(Layout::of(Some(15_502), None));
        assert_eq!((seven[0], seven[1], seven[seven.len() - 1]), (2_045, 2_047, 2_060));
    }
}
