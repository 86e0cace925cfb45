//! The places of Photos 2 to 4: rows of a table, where later ones keep an archive with each photo.
//!
//! One statement for a page. A row names one thing, the country or the city, of a type that has a
//! list of the same name in records. The hazard: a photo that a hostile table puts in a million
//! places.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{AREA_OF_INTEREST, CITY, COUNTRY, MAX_NAMES, Names, STATE, SUB_ADMINISTRATIVE_AREA};
use crate::cell::{Cells, columns};
use crate::db::Stop;
use crate::json::Object;
use crate::query::{Keys, each_keyed_row};
use crate::schema::PK;
use crate::schema::old::place;
use crate::session::Session;

columns! {
    /// What is read of a place.
    P {
        Asset = place::VERSION,
        Type = place::TYPE,
        Name = place::NAME,
        Area = place::AREA,
        Country = place::COUNTRY,
    }
}

/// Where one photo was taken.
#[derive(Debug, Default)]
struct OldPlace {
    names: Names<'static>,
    count: usize,
    country_code: Option<String>,
}

/// The places of some assets.
#[derive(Debug, Default)]
pub(crate) struct OldPlaces {
    places: HashMap<i64, OldPlace>,
}

impl OldPlaces {
    /// Reads them; none where the library is of another kind.
    pub(crate) fn of(session: &Session<'_>, keys: Keys<'_>) -> Result<Self, Stop> {
        let mut found = Self::default();
        let Some(table) = &session.profile.places else {
            return Ok(found);
        };
        let asset = format!("p.{}", place::VERSION.name());
        let question = format!(
            "SELECT {} FROM {} p WHERE {} ORDER BY p.{}",
            session.profile.list(table, "p", P::LIST),
            table.name(),
            keys.places(&asset),
            PK.name(),
        );
        each_keyed_row(session, &question, keys, |row| {
            let mut cells = Cells::new(row, P::LIST);
            if let Some(key) = cells.integer(P::Asset.at()) {
                found.places.entry(key).or_default().add(&mut cells);
            }
            Ok(())
        })?;
        for place in found.places.values_mut() {
            place.names.sort();
        }
        Ok(found)
    }

    /// The country, the state and the city of an asset.
    pub(crate) fn regions(&self, key: i64) -> [Option<&str>; 3] {
        self.places.get(&key).map_or([None; 3], |place| place.names.regions())
    }

    /// Writes the place of an asset.
    pub(crate) fn write(&self, key: i64, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        if let Some(place) = self.places.get(&key) {
            object.text("name", place.name().as_deref());
            place.names.write(object.key("names"));
            object.text("country_code", place.country_code.as_deref());
        }
        object.end();
    }
}

impl OldPlace {
    fn add(&mut self, cells: &mut Cells<'_>) {
        let (kind, name) = (cells.integer(P::Type.at()), cells.text(P::Name.at()));
        let (Some(kind), Some(name)) = (kind, name) else { return };
        if self.count == MAX_NAMES {
            return;
        }
        self.count += 1;
        if self.country_code.is_none() {
            self.country_code = cells.text(P::Country.at());
        }
        let area = cells.real(P::Area.at()).unwrap_or(0.0);
        let list = match kind {
            place::TYPE_COUNTRY => COUNTRY,
            place::TYPE_STATE => STATE,
            place::TYPE_SUB_ADMINISTRATIVE_AREA => SUB_ADMINISTRATIVE_AREA,
            place::TYPE_CITY => CITY,
            place::TYPE_AREA_OF_INTEREST => AREA_OF_INTEREST,
            place::TYPE_WATER => return self.names.water.push((area, Cow::Owned(name))),
            _ => return,
        };
        self.names.add(list, area, Cow::Owned(name));
    }

    /// What is nearest, with what it lies in.
    fn name(&self) -> Option<String> {
        let (area, city) = (self.names.first(AREA_OF_INTEREST), self.names.first(CITY));
        let state = self.names.first(STATE).filter(|_| area.is_none());
        let country = self.names.first(COUNTRY);
        let parts: Vec<&str> = [area, city, state, country].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}
