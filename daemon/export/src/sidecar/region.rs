//! Faces as regions of the exported file, in the coordinates of its stored pixels.
//!
//! Pure. The library has faces in the current version as people see it, from the lower left. MWG
//! wants them in the image as it is stored, before EXIF orientation turns it (seen: the camera of
//! AB9D5F55 in Test-Cloud-13.1 wrote 0.578, 0.533 of 1280 x 960 with orientation 6, the library has
//! 0.466, 0.414 of 960 x 1280). Photos stores what it renders upright (orientation 1 in every
//! render of the test libraries). The hazard: a box around the wrong head.

use super::Beside;
use super::known::{FaceInfo, Known};

/// The faces of an image.
#[derive(Debug, PartialEq)]
pub(super) struct Regions<'a> {
    /// Pixels of the stored image.
    pub(super) width: u64,
    /// Pixels of the stored image.
    pub(super) height: u64,
    /// Those that have a place; at least one.
    pub(super) faces: Vec<Face<'a>>,
}

/// A face: its centre from the upper left, and its size; 0 to 1 of the sides.
#[derive(Debug, PartialEq)]
pub(super) struct Face<'a> {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) w: f64,
    pub(super) h: f64,
    /// Of the person, where they have one.
    pub(super) name: Option<&'a str>,
}

impl<'a> Regions<'a> {
    /// The faces of the file that the sidecar is for; none where the library knows of none in it.
    pub(super) fn of(asset: &'a Known, beside: Beside<'_>) -> Option<Self> {
        let (width, height) =
            (asset.width.filter(|it| *it > 0)?, asset.height.filter(|it| *it > 0)?);
        let stored = stored(asset, beside, (width, height))?;
        let sides = pixels(width).zip(pixels(height))?;
        let faces: Vec<_> =
            asset.face_info.iter().filter_map(|it| face(it, sides, stored)).collect();
        let (width, height) = if turned(stored) { (height, width) } else { (width, height) };
        (!faces.is_empty()).then_some(Self { width, height, faces })
    }
}

/// The orientation in which the file has the picture that the library has faces of.
///
/// An original beside its edit shows the same picture only where nothing was cropped: the faces are
/// those of the edit, and what is not certain is left out.
fn stored(asset: &Known, beside: Beside<'_>, upright: (u64, u64)) -> Option<i64> {
    let orientation = match asset.orientation {
        None | Some(0) => 1,
        Some(known @ 1..=8) => known,
        Some(_) => return None,
    };
    if !asset.hasadjustments {
        return Some(orientation);
    }
    if beside.edited {
        return Some(1);
    }
    let original = (asset.original_width?, asset.original_height?);
    let shown = if turned(orientation) { (original.1, original.0) } else { original };
    (asset.original_orientation == asset.orientation && shown == upright).then_some(orientation)
}

/// Does this orientation show an image lying on its side?
fn turned(orientation: i64) -> bool {
    (5..=8).contains(&orientation)
}

/// A face without a size has no place (seen: 3DD2C897 in Test-13.0.0), nor has one outside.
fn face<'a>(face: &'a FaceInfo, (width, height): (f64, f64), stored: i64) -> Option<Face<'a>> {
    if face.intrash.is_some_and(|it| it != 0) {
        return None;
    }
    let inside = |it: &f64| (0.0..=1.0).contains(it);
    let left = face.center_x.filter(inside)?;
    let above = 1.0 - face.center_y.filter(inside)?;
    let side = face.size.filter(|it| *it > 0.0 && *it <= 1.0)? * width.max(height);
    let (x, y) = match stored {
        2 => (1.0 - left, above),
        3 => (1.0 - left, 1.0 - above),
        4 => (left, 1.0 - above),
        5 => (above, left),
        6 => (above, 1.0 - left),
        7 => (1.0 - above, 1.0 - left),
        8 => (1.0 - above, left),
        _ => (left, above),
    };
    let (w, h) = (side / width, side / height);
    let (w, h) = if turned(stored) { (h, w) } else { (w, h) };
    let name = face.name.as_deref().filter(|name| !name.is_empty());
    Some(Face { x, y, w: w.min(1.0), h: h.min(1.0), name })
}

/// No image is wider than a number of 32 bits.
fn pixels(side: u64) -> Option<f64> {
    u32::try_from(side).ok().map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGINAL: Beside<'_> = Beside { name: "a.jpg", edited: false };
    const EDITED: Beside<'_> = Beside { name: "a_edited.jpg", edited: true };

    fn at(x: f64, y: f64, size: f64) -> FaceInfo {
        let (center_x, center_y, size) = (Some(x), Some(y), Some(size));
        FaceInfo { center_x, center_y, size, ..FaceInfo::default() }
    }

    /// 400 x 200 as people see it, with a face in the upper left.
    fn asset(orientation: i64) -> Known {
        let (width, height) = if turned(orientation) { (200, 400) } else { (400, 200) };
        Known {
            width: Some(400),
            height: Some(200),
            original_width: Some(width),
            original_height: Some(height),
            orientation: Some(orientation),
            original_orientation: Some(orientation),
            face_info: vec![at(0.25, 0.875, 0.125)],
            ..Known::default()
        }
    }

    fn edited(orientation: i64) -> Known {
        Known { hasadjustments: true, ..asset(orientation) }
    }

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-12
    }

    fn check(asset: &Known, beside: Beside<'_>, expected: Option<(u64, u64, [f64; 4])>) {
        let found = Regions::of(asset, beside);
        assert_eq!(found.is_some(), expected.is_some(), "{found:?} {expected:?}");
        let Some((found, (width, height, area))) = found.zip(expected) else { return };
        let [face] = &found.faces[..] else { panic!("{found:?}") };
        assert_eq!((found.width, found.height), (width, height));
        let same = [face.x, face.y, face.w, face.h].iter().zip(area).all(|(l, r)| close(*l, r));
        assert!(same, "{face:?} {area:?}");
    }

    #[test]
    fn every_orientation_puts_a_face_where_the_stored_image_has_it() {
        for (orientation, width, height, area) in [
            (1, 400, 200, [0.25, 0.125, 0.125, 0.25]),
            (2, 400, 200, [0.75, 0.125, 0.125, 0.25]),
            (3, 400, 200, [0.75, 0.875, 0.125, 0.25]),
            (4, 400, 200, [0.25, 0.875, 0.125, 0.25]),
            (5, 200, 400, [0.125, 0.25, 0.25, 0.125]),
            (6, 200, 400, [0.125, 0.75, 0.25, 0.125]),
            (7, 200, 400, [0.875, 0.75, 0.25, 0.125]),
            (8, 200, 400, [0.875, 0.25, 0.25, 0.125]),
        ] {
            check(&asset(orientation), ORIGINAL, Some((width, height, area)));
        }
        check(
            &Known { orientation: None, ..asset(1) },
            ORIGINAL,
            Some((400, 200, [0.25, 0.125, 0.125, 0.25])),
        );
        check(&asset(9), ORIGINAL, None);
    }

    #[test]
    fn a_face_is_where_the_camera_of_a_real_photo_saw_it() {
        let face = at(0.465_726_405_382_156_37, 0.414_420_381_188_392_64, 0.312_921_971_082_687_4);
        let asset = Known {
            width: Some(960),
            height: Some(1280),
            orientation: Some(6),
            face_info: vec![face],
            ..Known::default()
        };
        let regions = Regions::of(&asset, ORIGINAL).unwrap();
        assert_eq!((regions.width, regions.height), (1280, 960));
        // What the camera wrote into the file; Photos looked again and drew a larger square.
        let (face, seen) = (&regions.faces[0], (0.578_125, 0.533_333));
        assert!((face.x - seen.0).abs() < 0.01 && (face.y - seen.1).abs() < 0.01, "{face:?}");
        assert!(close(face.w * 1280.0, face.h * 960.0), "square in pixels: {face:?}");
        // The reference dump's own numbers.
        assert!(close(face.x, 0.585_579_618_811_607_4) && close(face.y, 0.534_273_594_617_843_6));
        assert!(close(face.w, 0.312_921_971_082_687_4) && close(face.h, 0.417_229_294_776_916_5));
    }

    #[test]
    fn an_edit_is_stored_upright() {
        for orientation in [1, 3, 6, 8] {
            let upright = Some((400, 200, [0.25, 0.125, 0.125, 0.25]));
            check(&edited(orientation), EDITED, upright);
        }
        check(
            &Known { orientation: Some(0), ..edited(6) },
            EDITED,
            Some((400, 200, [0.25, 0.125, 0.125, 0.25])),
        );
    }

    #[test]
    fn faces_of_an_edit_are_told_of_its_original_only_where_both_show_the_same() {
        check(&edited(6), ORIGINAL, Some((200, 400, [0.125, 0.75, 0.25, 0.125])));
        check(&Known { original_width: Some(201), ..edited(6) }, ORIGINAL, None);
        check(&Known { original_orientation: Some(8), ..edited(6) }, ORIGINAL, None);
        check(&Known { original_height: None, ..edited(6) }, ORIGINAL, None);
    }

    #[test]
    fn a_face_without_a_place_in_the_image_is_no_region() {
        let nowhere = [
            at(0.0, 0.0, 0.0),
            at(-0.1, 0.5, 0.1),
            at(0.5, 1.5, 0.1),
            at(0.5, 0.5, 1e6),
            FaceInfo::default(),
            FaceInfo { intrash: Some(1), ..at(0.5, 0.5, 0.1) },
        ];
        for face in nowhere {
            check(&Known { face_info: vec![face], ..asset(1) }, ORIGINAL, None);
        }
        check(&Known { width: Some(0), ..asset(1) }, ORIGINAL, None);
        check(&Known { height: None, ..asset(1) }, ORIGINAL, None);
        check(&Known { height: Some(u64::MAX), ..asset(1) }, ORIGINAL, None);
    }
}
