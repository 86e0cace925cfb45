//! Numbers of a filter: ranges of sizes and scores, circles and boxes on the globe.
//!
//! A number is finite, so that it can be compared, and equal to itself. Ranges have both their
//! ends; coordinates are degrees. The hazards: a NaN, for which every comparison is false, and a
//! box that crosses the antimeridian, whose west lies east of its east.

use std::fmt;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};

use super::Score;

/// A number that is neither infinite nor none.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(inline))]
#[serde(transparent)]
pub struct Number(f64);

// Without NaN every number is equal to itself.
impl Eq for Number {}

impl Number {
    /// Returns a finite number.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self(value))
    }

    /// The value.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(deserializer)?;
        Self::new(value).ok_or_else(|| de::Error::custom("a number is finite"))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// From a number up to another, both of which belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields, extend("minProperties" = 1)))]
pub struct Range {
    /// The smallest; without, there is no smallest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Number>,
    /// The largest; without, there is no largest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Number>,
}

impl<'de> Deserialize<'de> for Range {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Ends {
            min: Option<Number>,
            max: Option<Number>,
        }
        let Ends { min, max } = Ends::deserialize(deserializer)?;
        of_ends(min, max)
    }
}

fn of_ends<E: de::Error>(min: Option<Number>, max: Option<Number>) -> Result<Range, E> {
    if min.is_none() && max.is_none() {
        return Err(E::custom("a range has \"min\", \"max\" or both"));
    }
    Ok(Range { min, max })
}

/// One of Photos' scores, and where it has to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 2, "additionalProperties" = false)))]
pub struct ScoreRange {
    /// Which.
    pub name: Score,
    /// Where.
    #[serde(flatten)]
    pub range: Range,
}

impl<'de> Deserialize<'de> for ScoreRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Parts {
            name: Score,
            min: Option<Number>,
            max: Option<Number>,
        }
        let Parts { name, min, max } = Parts::deserialize(deserializer)?;
        Ok(Self { name, range: of_ends(min, max)? })
    }
}

/// A circle on the globe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
pub struct Near {
    /// Degrees north of the equator.
    #[cfg_attr(feature = "schema", schemars(range(min = -90, max = 90)))]
    latitude: Number,
    /// Degrees east of Greenwich.
    #[cfg_attr(feature = "schema", schemars(range(min = -180, max = 180)))]
    longitude: Number,
    /// The radius.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    metres: Number,
}

impl Near {
    /// Returns a circle: degrees of its centre, and its radius.
    #[must_use]
    pub fn new(latitude: f64, longitude: f64, metres: f64) -> Option<Self> {
        let there = is_latitude(latitude) && is_longitude(longitude) && metres > 0.0;
        let parts = (Number::new(latitude), Number::new(longitude), Number::new(metres));
        let (Some(latitude), Some(longitude), Some(metres)) = parts else {
            return None;
        };
        there.then_some(Self { latitude, longitude, metres })
    }

    /// Degrees north of the equator.
    #[must_use]
    pub fn latitude(self) -> f64 {
        self.latitude.get()
    }

    /// Degrees east of Greenwich.
    #[must_use]
    pub fn longitude(self) -> f64 {
        self.longitude.get()
    }

    /// The radius, more than 0.
    #[must_use]
    pub fn metres(self) -> f64 {
        self.metres.get()
    }
}

impl<'de> Deserialize<'de> for Near {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Parts {
            latitude: f64,
            longitude: f64,
            metres: f64,
        }
        let Parts { latitude, longitude, metres } = Parts::deserialize(deserializer)?;
        Self::new(latitude, longitude, metres).ok_or_else(|| {
            de::Error::custom(
                "a circle has a latitude of -90 to 90, a longitude of -180 to 180, and metres",
            )
        })
    }
}

/// A box on the globe; where its west is east of its east, it crosses the antimeridian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
pub struct Within {
    /// Degrees north of the equator, the lesser.
    #[cfg_attr(feature = "schema", schemars(range(min = -90, max = 90)))]
    south: Number,
    /// Degrees east of Greenwich, where it begins.
    #[cfg_attr(feature = "schema", schemars(range(min = -180, max = 180)))]
    west: Number,
    /// Degrees north of the equator, the greater.
    #[cfg_attr(feature = "schema", schemars(range(min = -90, max = 90)))]
    north: Number,
    /// Degrees east of Greenwich, where it ends.
    #[cfg_attr(feature = "schema", schemars(range(min = -180, max = 180)))]
    east: Number,
}

impl Within {
    /// Returns a box of degrees.
    #[must_use]
    pub fn new(south: f64, west: f64, north: f64, east: f64) -> Option<Self> {
        let there = is_latitude(south) && is_latitude(north) && south <= north;
        if !(there && is_longitude(west) && is_longitude(east)) {
            return None;
        }
        Some(Self {
            south: Number::new(south)?,
            west: Number::new(west)?,
            north: Number::new(north)?,
            east: Number::new(east)?,
        })
    }

    /// Degrees north of the equator, the lesser.
    #[must_use]
    pub fn south(self) -> f64 {
        self.south.get()
    }

    /// Degrees east of Greenwich, where it begins.
    #[must_use]
    pub fn west(self) -> f64 {
        self.west.get()
    }

    /// Degrees north of the equator, the greater.
    #[must_use]
    pub fn north(self) -> f64 {
        self.north.get()
    }

    /// Degrees east of Greenwich, where it ends.
    #[must_use]
    pub fn east(self) -> f64 {
        self.east.get()
    }
}

impl<'de> Deserialize<'de> for Within {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Parts {
            south: f64,
            west: f64,
            north: f64,
            east: f64,
        }
        let Parts { south, west, north, east } = Parts::deserialize(deserializer)?;
        Self::new(south, west, north, east).ok_or_else(|| {
            de::Error::custom("a box has south, west, north and east in degrees, south below north")
        })
    }
}

fn is_latitude(degrees: f64) -> bool {
    (-90.0..=90.0).contains(&degrees)
}

fn is_longitude(degrees: f64) -> bool {
    (-180.0..=180.0).contains(&degrees)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is<T: de::DeserializeOwned>(text: &str) -> bool {
        serde_json::from_str::<T>(text).is_ok()
    }

    #[test]
    fn a_range_has_at_least_one_end_which_is_a_number() {
        assert!(is::<Range>(r#"{"min":0}"#) && is::<Range>(r#"{"min":-1.5,"max":1e300}"#));
        for text in ["{}", r#"{"min":null}"#, r#"{"min":"1"}"#, r#"{"max":1e999}"#, "3"] {
            assert!(!is::<Range>(text), "{text}");
        }
        assert!(is::<ScoreRange>(r#"{"name":"overall","min":0.5}"#));
        for text in [r#"{"name":"overall"}"#, r#"{"name":"beauty","min":1}"#, r#"{"min":1}"#] {
            assert!(!is::<ScoreRange>(text), "{text}");
        }
    }

    #[test]
    fn circles_and_boxes_lie_on_the_globe() {
        assert!(is::<Near>(r#"{"latitude":-90,"longitude":180,"metres":0.5}"#));
        for (latitude, longitude, metres) in
            [(90.1, 0.0, 1.0), (0.0, -180.5, 1.0), (0.0, 0.0, 0.0), (0.0, 0.0, f64::NAN)]
        {
            assert_eq!(Near::new(latitude, longitude, metres), None);
        }
        assert!(Within::new(-20.0, 170.0, 10.0, -170.0).is_some(), "over the antimeridian");
        for (south, west, north, east) in
            [(1.0, 0.0, 0.0, 1.0), (0.0, 0.0, 91.0, 1.0), (0.0, 0.0, 1.0, f64::INFINITY)]
        {
            assert_eq!(Within::new(south, west, north, east), None);
        }
        assert!(!is::<Within>(r#"{"south":0,"west":0,"north":1,"east":1,"up":1}"#));
    }
}
