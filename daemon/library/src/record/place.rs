//! Where a photo was taken: the names of the place, from the archive that Photos keeps of it.
//!
//! An archive is a binary list whose objects refer to each other (NSKeyedArchiver). It is read
//! where it lies: three steps from the root to the names, and nothing else of its some 500 values
//! is built, for most assets of a library have one. The hazards: a list of names that all refer to
//! one long text, and a reference that leads back; a reference is followed once, names are counted.

pub(crate) mod old;

use std::borrow::Cow;

use crate::cell::composed;
use crate::json::Object as Json;
use crate::plist::{Binary, Object, Refs};

/// The most names of a place. Real ones have at most some 30.
const MAX_NAMES: usize = 256;
/// The most bytes of all names and parts of the address. Real ones have less than 1,000.
const MAX_NAME_BYTES: usize = 32 * 1024;

/// What the lists of names are called, by `placeType`; observed in models 13537 to 19320.
const LISTS: [&str; 18] = [
    "field0",
    "country",
    "state_province",
    "sub_administrative_area",
    "city",
    "field5",
    "additional_city_info",
    "ocean",
    "area_of_interest",
    "inland_water",
    "field10",
    "region",
    "sub_throughfare",
    "field13",
    "postal_code",
    "field15",
    "field16",
    "street_address",
];
const COUNTRY: usize = 1;
const STATE: usize = 2;
const SUB_ADMINISTRATIVE_AREA: usize = 3;
const CITY: usize = 4;
const OCEAN: usize = 7;
const AREA_OF_INTEREST: usize = 8;
const INLAND_WATER: usize = 9;
const REGION: usize = 11;
/// Whose first names make up the name of the place, in this order.
const NAMING: [usize; 7] = [AREA_OF_INTEREST, REGION, CITY, STATE, COUNTRY, INLAND_WATER, OCEAN];

/// What the parts of the address are called here and there; the last is a code, not a text.
const ADDRESS: [(&str, &str); 8] = [
    ("street", "_street"),
    ("sub_locality", "_subLocality"),
    ("city", "_city"),
    ("sub_administrative_area", "_subAdministrativeArea"),
    ("state_province", "_state"),
    ("postal_code", "_postalCode"),
    ("country", "_country"),
    ("iso_country_code", "_ISOCountryCode"),
];
const ADDRESS_CODE: usize = 7;

type Text<'a> = Cow<'a, str>;

/// The names of a place by what they name: a country, a city, a lake.
#[derive(Debug, Default)]
pub(crate) struct Names<'a> {
    lists: [Vec<(f64, Text<'a>)>; LISTS.len()],
    /// Waters of which is only known that they are some.
    water: Vec<(f64, Text<'a>)>,
}

/// A place as Photos 5 and later keep it.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    names: Names<'a>,
    address: [Option<Text<'a>>; ADDRESS.len()],
    address_str: Option<Text<'a>>,
    country_code: Option<Text<'a>>,
    is_home: bool,
}

/// Writes the place of a blob; an empty object where it cannot be read.
pub(crate) fn write(out: &mut Vec<u8>, blob: &[u8]) {
    match Place::read(blob) {
        Some(place) => place.write(out),
        None => Json::begin(out).end(),
    }
}

impl<'a> Names<'a> {
    /// Adds a name of that type and area; types that have no list are left out.
    pub(crate) fn add(&mut self, place_type: usize, area: f64, name: Text<'a>) {
        if let Some(list) = self.lists.get_mut(place_type) {
            list.push((area, name));
        }
    }

    /// Puts the smallest first; of equal ones, who came first. To be called once, at the end.
    pub(crate) fn sort(&mut self) {
        for list in self.lists.iter_mut().chain([&mut self.water]) {
            list.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        }
    }

    /// Writes the lists by their names.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut object = Json::begin(out);
        for (list, name) in LISTS.iter().enumerate() {
            object.texts(name, &self.list(list).collect::<Vec<_>>());
        }
        let unknown = self.water.iter().map(|(_, name)| name.as_ref());
        let water = self.list(OCEAN).chain(self.list(INLAND_WATER)).chain(unknown);
        object.texts("body_of_water", &water.collect::<Vec<_>>());
        object.end();
    }

    /// All names, whatever they name.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.lists.iter().chain([&self.water]).flatten().map(|(_, name)| name.as_ref())
    }

    fn list(&self, list: usize) -> impl Iterator<Item = &str> {
        self.lists.get(list).into_iter().flatten().map(|(_, name)| name.as_ref())
    }

    /// The country, the state and the city.
    pub(crate) fn regions(&self) -> [Option<&str>; 3] {
        [COUNTRY, STATE, CITY].map(|list| self.first(list))
    }

    fn first(&self, list: usize) -> Option<&str> {
        self.list(list).next().filter(|name| !name.is_empty())
    }
}

impl<'a> Place<'a> {
    /// Reads a blob; none if it is no archive of a place, or over a limit.
    pub(crate) fn read(blob: &'a [u8]) -> Option<Self> {
        let archive = Archive::open(blob)?;
        let root = archive.root()?;
        let mut left = MAX_NAME_BYTES;
        let mut address = [const { None }; ADDRESS.len()];
        if let Some(postal) = archive.get(root, "postalAddress") {
            for (at, ((_, key), part)) in ADDRESS.iter().zip(&mut address).enumerate() {
                let text = archive.text(postal, key, &mut left)?;
                *part = if at == ADDRESS_CODE { text } else { text.map(normal) };
            }
        }
        Some(Self {
            names: archive.names(root, &mut left)?,
            address,
            address_str: archive.text(root, "addressString", &mut left)?.map(normal),
            country_code: archive.text(root, "countryCode", &mut left)?,
            is_home: match archive.get(root, "isHome") {
                Some(Object::Bool(value)) => value,
                Some(Object::Integer(value)) => value != 0,
                _ => false,
            },
        })
    }

    /// The names of all that it is in, from a country to a sight.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.all()
    }

    /// All that a place can be found by: its names, the parts of its address, the whole of it.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let address = self.address.iter().chain([&self.address_str]);
        self.names.all().chain(address.flatten().map(Cow::as_ref))
    }

    /// The country, the state and the city: of the names, else of the address.
    pub(crate) fn regions(&self) -> [Option<&str>; 3] {
        let [country, state, city] = self.names.regions();
        let address = |wanted| {
            let part = ADDRESS.iter().zip(&self.address).find(|((name, _), _)| *name == wanted);
            part.and_then(|(_, text)| text.as_deref()).filter(|text| !text.is_empty())
        };
        [
            country.or_else(|| address("country")),
            state.or_else(|| address("state_province")),
            city.or_else(|| address("city")),
        ]
    }

    /// The name that Photos would show, the narrowest part first; none if nothing has a name.
    pub(crate) fn name(&self) -> Option<String> {
        let parts: Vec<&str> = NAMING.iter().filter_map(|list| self.names.first(*list)).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// Writes the object of six members.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut object = Json::begin(out);
        let mut address = Json::begin(object.key("address"));
        for ((name, _), part) in ADDRESS.iter().zip(&self.address) {
            address.text(name, part.as_deref());
        }
        address.end();
        object.text("address_str", self.address_str.as_deref());
        object.text("country_code", self.country_code.as_deref());
        object.flag("ishome", self.is_home);
        object.text("name", self.name().as_deref());
        self.names.write(object.key("names"));
        object.end();
    }
}

/// An archive: a list whose top says which of its `$objects` is the root.
pub(super) struct Archive<'a> {
    list: Binary<'a>,
    objects: Refs<'a>,
}

impl<'a> Archive<'a> {
    pub(super) fn open(blob: &'a [u8]) -> Option<Self> {
        let list = Binary::parse(blob)?;
        match list.member(list.top()?, "$objects")? {
            Object::Array(objects) => Some(Self { list, objects }),
            _ => None,
        }
    }

    pub(super) fn root(&self) -> Option<Object<'a>> {
        let top = self.list.member(self.list.top()?, "$top")?;
        self.get(top, "root").filter(|root| matches!(root, Object::Map(_)))
    }

    /// What a dictionary has under a key; none for the archive's word for nothing.
    pub(super) fn get(&self, map: Object<'a>, key: &str) -> Option<Object<'a>> {
        self.follow(self.list.member(map, key)?)
    }

    fn follow(&self, value: Object<'a>) -> Option<Object<'a>> {
        let Object::Uid(uid) = value else { return Some(value) };
        let object = self.list.object(self.objects.get(usize::try_from(uid).ok()?)?)?;
        (!matches!(object, Object::Ascii("$null") | Object::Uid(_))).then_some(object)
    }

    /// A text, if there is one there; none if it is more than may be left.
    fn text(&self, map: Object<'a>, key: &str, left: &mut usize) -> Option<Option<Text<'a>>> {
        let text = match self.get(map, key) {
            Some(Object::Utf16(units)) if units.len() > MAX_NAME_BYTES => return None,
            Some(object) => object.text(),
            None => None,
        };
        *left = left.checked_sub(text.as_ref().map_or(0, |text| text.len()))?;
        Some(text)
    }

    fn names(&self, root: Object<'a>, left: &mut usize) -> Option<Names<'a>> {
        let mut names = Names::default();
        let infos = self
            .get(root, "mapItem")
            .and_then(|item| self.get(item, "sortedPlaceInfos"))
            .and_then(|list| self.get(list, "NS.objects"));
        let Some(Object::Array(infos)) = infos else { return Some(names) };
        if infos.len() > MAX_NAMES {
            return None;
        }
        for index in 0..infos.len() {
            let info = self.list.object(infos.get(index)?).and_then(|it| self.follow(it))?;
            let Some(Object::Integer(place_type)) = self.get(info, "placeType") else { continue };
            let Ok(place_type) = usize::try_from(place_type) else { continue };
            let Some(name) = self.text(info, "name", left)? else { continue };
            let area = match self.get(info, "area") {
                Some(Object::Real(area)) => area,
                #[expect(clippy::cast_precision_loss, reason = "the nearest double is meant")]
                Some(Object::Integer(area)) => area as f64,
                _ => 0.0,
            };
            names.add(place_type, area, normal(name));
        }
        names.sort();
        Some(names)
    }
}

fn normal(text: Text<'_>) -> Text<'_> {
    match text {
        Cow::Borrowed(text) => composed(text),
        Cow::Owned(text) => Cow::Owned(composed(&text).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::plist::Value;
    use crate::plist::sample::{binary, map, text};

    /// An archive as Photos writes it: the root is object 1.
    fn archive(objects: Vec<Value<'_>>) -> Vec<u8> {
        let objects = [text("$null")].into_iter().chain(objects).collect();
        binary(&map([
            ("$archiver", text("NSKeyedArchiver")),
            ("$objects", Value::Array(objects)),
            ("$top", map([("root", Value::Uid(1))])),
            ("$version", Value::Integer(100_000)),
        ]))
    }

    fn info(place_type: i128, area: f64, name: u64) -> Value<'static> {
        map([
            ("area", Value::Real(area)),
            ("name", Value::Uid(name)),
            ("placeType", Value::Integer(place_type)),
        ])
    }

    /// A place with the infos given; names are objects 6 and up.
    fn place(infos: &[Value<'static>], names: &[&'static str]) -> Vec<u8> {
        let first = 6 + names.len() as u64;
        let uids = (first..).take(infos.len()).map(Value::Uid).collect();
        let mut objects = vec![
            map([
                ("addressString", Value::Uid(4)),
                ("countryCode", Value::Uid(5)),
                ("isHome", Value::Bool(true)),
                ("mapItem", Value::Uid(2)),
                ("postalAddress", Value::Uid(0)),
            ]),
            map([("sortedPlaceInfos", Value::Uid(3))]),
            map([("NS.objects", Value::Array(uids))]),
            text("1 Cafe\u{301} Road"),
            text("AU"),
        ];
        objects.extend(names.iter().map(|name| text(name)));
        objects.extend(infos.iter().cloned());
        archive(objects)
    }

    fn written(blob: &[u8]) -> serde_json::Value {
        let mut out = Vec::new();
        write(&mut out, blob);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn names_are_listed_by_type_the_smallest_area_first() {
        let infos =
            [info(4, 2.0, 6), info(4, 1.0, 7), info(1, 9.0, 8), info(7, 1.0, 9), info(9, 1.0, 7)];
        let blob = place(&infos, &["State", "Cafe\u{301}", "Land", "Sea"]);
        let place = written(&blob);
        assert_eq!(place["names"]["city"], json!(["Café", "State"]));
        assert_eq!(place["names"]["body_of_water"], json!(["Sea", "Café"]));
        assert_eq!(place["names"].as_object().unwrap().len(), LISTS.len() + 1);
        assert_eq!(place["name"], "Café, Land, Café, Sea");
        assert_eq!(place["address_str"], "1 Café Road");
        assert_eq!((&place["country_code"], &place["ishome"]), (&json!("AU"), &json!(true)));
        assert_eq!(place["address"].as_object().unwrap().len(), ADDRESS.len());
        assert!(place["address"].as_object().unwrap().values().all(serde_json::Value::is_null));
        let place = Place::read(&blob).unwrap();
        assert_eq!(place.texts().count(), 6);
    }

    #[test]
    fn an_address_without_names_is_told_and_gives_no_name() {
        let blob = archive(vec![
            map([("postalAddress", Value::Uid(2))]),
            map([("_ISOCountryCode", text("CH")), ("_city", text("Bern")), ("_state", text(""))]),
        ]);
        assert_eq!(written(&blob)["address"]["city"], "Bern");
        assert_eq!(written(&blob)["address"]["iso_country_code"], "CH");
        assert_eq!(written(&blob)["address"]["state_province"], "");
        assert_eq!(written(&blob)["name"], json!(null));
        assert_eq!(written(&blob)["ishome"], json!(false));
    }

    #[test]
    fn what_is_no_archive_of_a_place_is_an_empty_object() {
        let no_root = binary(&map([("$objects", Value::Array(Vec::new())), ("$top", map([]))]));
        let itself = archive(vec![Value::Uid(1)]);
        let beyond = binary(&map([
            ("$objects", Value::Array(Vec::new())),
            ("$top", map([("root", Value::Uid(u64::MAX))])),
        ]));
        for bad in [&b""[..], b"bplist00", &[0xff; 64], &no_root, &itself, &beyond] {
            assert_eq!(written(bad), json!({}));
        }
    }

    #[test]
    fn types_that_have_no_list_are_left_out() {
        let place = written(&place(&[info(18, 1.0, 6), info(-1, 1.0, 6)], &["x"]));
        assert_eq!(place["name"], json!(null));
    }

    #[test]
    fn a_place_has_a_limited_number_of_names() {
        let named = |count: usize| {
            Place::read(&place(&vec![info(4, 1.0, 6); count], &["x"]))
                .map(|it| it.names.all().count())
        };
        assert_eq!(named(MAX_NAMES), Some(MAX_NAMES));
        assert_eq!(named(MAX_NAMES + 1), None);
        assert_eq!(named(MAX_NAMES * 100), None);
    }

    #[test]
    fn a_name_counts_as_often_as_it_is_said() {
        let long: &'static str = "x".repeat(MAX_NAME_BYTES / 16).leak();
        let address = "1 Cafe\u{301} Road".len() + "AU".len();
        let named = |count: usize, name| {
            Place::read(&place(&vec![info(4, 1.0, 6); count], &[name])).is_some()
        };
        assert!(named(15, long));
        assert!(!named(16, long));
        assert!(!named(200, long));
        let exact: &'static str = "x".repeat(MAX_NAME_BYTES - address).leak();
        let over: &'static str = "x".repeat(MAX_NAME_BYTES - address + 1).leak();
        assert!(named(1, exact));
        assert!(!named(1, over));
        assert!(!named(1, "é".repeat(1_000_000).leak()));
    }

    proptest! {
        #[test]
        fn no_flipped_bits_make_it_panic(
            flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..8),
        ) {
            let mut blob = place(&[info(4, 2.0, 6), info(1, 9.0, 7)], &["Café", "Land"]);
            for (at, bit) in flips {
                let at = at.index(blob.len());
                blob[at] ^= 1 << bit;
            }
            prop_assert!(written(&blob).is_object());
        }
    }
}
