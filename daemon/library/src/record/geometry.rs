//! Where a face is, in the forms that other programs want: pixels, and the regions of MWG and
//! Microsoft.
//!
//! Pure. The database measures from the lower left of the image as the sensor saw it; the results
//! are of the image as people see it, from the upper left. The order of operations is that of the
//! reference dumps, so that doubles come out bit for bit.

use crate::json::{self, Array, Object};

/// A face as the database has it: centre and size, 0 to 1 of the longer side.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spot {
    pub(super) x: Option<f64>,
    pub(super) y: Option<f64>,
    pub(super) size: Option<f64>,
}

/// The image that it is on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Canvas {
    /// Pixels.
    pub(super) width: f64,
    /// Pixels.
    pub(super) height: f64,
    /// As EXIF has it; 0 where it is not known.
    pub(super) orientation: i64,
}

impl Canvas {
    pub(super) fn new(width: Option<u64>, height: Option<u64>, orientation: Option<i64>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "pixels are far below 2^53")]
        let pixels = |side: Option<u64>| side.unwrap_or(0) as f64;
        let orientation = orientation.unwrap_or(0);
        Self { width: pixels(width), height: pixels(height), orientation }
    }

    /// Is it shown lying on its side?
    fn turned(self) -> bool {
        (5..=8).contains(&self.orientation)
    }

    /// A point of the sensor's image on the one that people see.
    fn point(self, x: f64, y: f64) -> (f64, f64) {
        match self.orientation {
            0 | 1 => (x, 1.0 - y),
            2 => (1.0 - x, 1.0 - y),
            3 => (1.0 - x, y),
            4 => (x, y),
            5 => (1.0 - y, x),
            6 => (1.0 - y, 1.0 - x),
            7 => (y, 1.0 - x),
            8 => (y, x),
            _ => (x, y),
        }
    }
}

/// A rectangle, 0 to 1 of the sides.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Region {
    x: f64,
    y: f64,
    w: f64,
    h: f64,
}

impl Region {
    fn write(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        object.real("x", Some(self.x));
        object.real("y", Some(self.y));
        object.real("w", Some(self.w));
        object.real("h", Some(self.h));
        object.end();
    }
}

impl Spot {
    /// Writes `center`, `face_rect`, `mwg_rs_area`, `mpri_reg_rect`.
    pub(super) fn write(self, canvas: Canvas, object: &mut Object<'_>) {
        let (x, y) = (self.x.unwrap_or(0.0), self.y.unwrap_or(0.0));
        let size = self.size.unwrap_or(0.0);
        let (fx, fy) = canvas.point(x, y);
        let (across, down) = if canvas.turned() {
            (canvas.height, canvas.width)
        } else {
            (canvas.width, canvas.height)
        };
        let center = ((fx * across).trunc(), (fy * down).trunc());
        let longer = canvas.height.max(canvas.width);
        let radius = (size / 2.0) * longer;
        write_list(object.key("center"), &[center.0, center.1], whole);
        let mut corners = Array::begin(object.key("face_rect"));
        for sign in [-1.0, 1.0] {
            let corner = [center.0 + sign * radius, center.1 + sign * radius];
            write_list(corners.next(), &corner, json::real);
        }
        corners.end();
        let (mwg, mpri) = regions(canvas, fx, fy, size * longer);
        mwg.write(object.key("mwg_rs_area"));
        mpri.write(object.key("mpri_reg_rect"));
    }
}

/// The regions of MWG, whose point is the centre, and of Microsoft, whose point is the corner.
fn regions(canvas: Canvas, fx: f64, fy: f64, side: f64) -> (Region, Region) {
    let Canvas { width, height, .. } = canvas;
    if width == 0.0 || height == 0.0 {
        return (Region::default(), Region::default());
    }
    let (w, h) =
        if canvas.turned() { (side / height, side / width) } else { (side / width, side / height) };
    let mwg = Region { x: fx, y: fy, w, h };
    (mwg, Region { x: fx - w / 2.0, y: fy - h / 2.0, w, h })
}

fn write_list(out: &mut Vec<u8>, numbers: &[f64], write: impl Fn(&mut Vec<u8>, f64)) {
    let mut list = Array::begin(out);
    numbers.iter().for_each(|number| write(list.next(), *number));
    list.end();
}

/// Pixels are whole; nonsense of the database is held at the ends of what a number can be.
fn whole(out: &mut Vec<u8>, pixels: f64) {
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
    json::integer(out, pixels as i64);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(orientation: i64) -> serde_json::Value {
        let spot = Spot { x: Some(0.25), y: Some(0.75), size: Some(0.1) };
        let canvas = Canvas { width: 400.0, height: 200.0, orientation };
        let mut out = Vec::new();
        let mut object = Object::begin(&mut out);
        spot.write(canvas, &mut object);
        object.end();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn every_orientation_moves_the_centre_to_where_people_see_it() {
        for (orientation, center) in [
            (0, [100, 50]),
            (1, [100, 50]),
            (2, [300, 50]),
            (3, [300, 150]),
            (4, [100, 150]),
            (5, [50, 100]),
            (6, [50, 300]),
            (7, [150, 300]),
            (8, [150, 100]),
        ] {
            assert_eq!(written(orientation)["center"], serde_json::json!(center), "{orientation}");
        }
    }

    #[test]
    fn regions_are_square_in_pixels_on_either_side() {
        for orientation in [1, 6] {
            let written = written(orientation);
            let (across, down) = if orientation == 6 { (200.0, 400.0) } else { (400.0, 200.0) };
            for key in ["mwg_rs_area", "mpri_reg_rect"] {
                let side = |name: &str| written[key][name].as_f64().unwrap();
                assert!((side("w") * across - side("h") * down).abs() < 1e-9, "{key} {written}");
            }
        }
    }

    #[test]
    fn an_image_without_sides_has_no_regions() {
        let canvas = Canvas { width: 0.0, height: 0.0, orientation: 1 };
        assert_eq!(regions(canvas, 0.5, 0.5, 0.1), (Region::default(), Region::default()));
    }
}
