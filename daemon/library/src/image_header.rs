//! How many pixels an image has, by its header; nothing is decoded.
//!
//! JPEG, HEIF, PNG, TIFF (and the RAW formats made like it), GIF, WebP. Pure: bytes come through
//! [`Source`], some at a time, and every walk through them has a bound. It answers none for what it
//! does not understand. The hazard: a file made to keep its reader busy, with boxes of no length
//! and segments without end.

/// Segments, boxes or entries that one walk goes through; a photo of a phone has some twenty
/// segments or boxes, a TIFF directory some fifty entries.
const MAX_STEPS: usize = 512;
/// The longest `meta` box of a HEIF file that is read; one of 48 tiles has some 4 KiB.
const MAX_META_BYTES: usize = 128 * 1024;

/// The bytes of a file.
pub(crate) trait Source {
    /// Fills the buffer from an offset on; false where there are not so many, or no more are to be
    /// had.
    fn fill(&mut self, offset: u64, buffer: &mut [u8]) -> bool;
}

impl Source for &[u8] {
    fn fill(&mut self, offset: u64, buffer: &mut [u8]) -> bool {
        let begin = usize::try_from(offset).ok();
        let end = begin.and_then(|begin| begin.checked_add(buffer.len()));
        match begin.zip(end).and_then(|(begin, end)| self.get(begin..end)) {
            Some(bytes) => buffer.copy_from_slice(bytes),
            None => return false,
        }
        true
    }
}

/// Width and height in pixels, as they are shown where the header itself turns the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pixels {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Pixels {
    fn new(width: impl Into<u32>, height: impl Into<u32>) -> Option<Self> {
        let (width, height) = (width.into(), height.into());
        (width > 0 && height > 0).then_some(Self { width, height })
    }

    /// The longer side.
    pub(crate) fn longer(self) -> u32 {
        self.width.max(self.height)
    }
}

/// Reads an image's size.
pub(crate) fn pixels(source: &mut impl Source) -> Option<Pixels> {
    let head: [u8; 12] = array(source, 0)?;
    match head {
        [0xFF, 0xD8, 0xFF, ..] => jpeg(source),
        [0x89, b'P', b'N', b'G', ..] => png(source),
        [b'G', b'I', b'F', b'8', _, b'a', w0, w1, h0, h1, ..] => {
            Pixels::new(u16::from_le_bytes([w0, w1]), u16::from_le_bytes([h0, h1]))
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => webp(source),
        [b'I', b'I', 42, 0, ..] => tiff(source, false),
        [b'M', b'M', 0, 42, ..] => tiff(source, true),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => heif(source),
        _ => None,
    }
}

fn array<const N: usize>(source: &mut impl Source, offset: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    source.fill(offset, &mut bytes).then_some(bytes)
}

/// Goes from segment to segment to the frame header; what is before it (previews, profiles) may be
/// hundreds of kilobytes.
fn jpeg(source: &mut impl Source) -> Option<Pixels> {
    let mut at = 2_u64;
    for _ in 0..MAX_STEPS {
        let [mark, kind] = array(source, at)?;
        if mark != 0xFF {
            return None;
        }
        match kind {
            // A byte that fills up, then markers without content.
            0xFF => at += 1,
            0x01 | 0xD0..=0xD7 => at += 2,
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let [h0, h1, w0, w1] = array(source, at + 5)?;
                return Pixels::new(u16::from_be_bytes([w0, w1]), u16::from_be_bytes([h0, h1]));
            }
            // The image begins, or ends, without having told its size.
            0xD9 | 0xDA => return None,
            _ => at += 2 + u64::from(u16::from_be_bytes(array(source, at + 2)?)),
        }
    }
    None
}

fn png(source: &mut impl Source) -> Option<Pixels> {
    let kind: [u8; 4] = array(source, 12)?;
    let width = u32::from_be_bytes(array(source, 16)?);
    let height = u32::from_be_bytes(array(source, 20)?);
    Pixels::new(width, height).filter(|_| &kind == b"IHDR")
}

fn webp(source: &mut impl Source) -> Option<Pixels> {
    let kind: [u8; 4] = array(source, 12)?;
    match &kind {
        b"VP8 " => {
            let [s0, s1, s2, w0, w1, h0, h1] = array(source, 23)?;
            let side = |low, high| u16::from_le_bytes([low, high]) & 0x3FFF;
            Pixels::new(side(w0, w1), side(h0, h1)).filter(|_| [s0, s1, s2] == [0x9D, 0x01, 0x2A])
        }
        b"VP8L" => {
            let bits = u32::from_le_bytes(array(source, 21)?);
            Pixels::new((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        }
        b"VP8X" => {
            let [w0, w1, w2, h0, h1, h2] = array(source, 24)?;
            let side = |bytes| u32::from_le_bytes(bytes) + 1;
            Pixels::new(side([w0, w1, w2, 0]), side([h0, h1, h2, 0]))
        }
        _ => None,
    }
}

/// The first directory of a TIFF file, wherever it stands; of a RAW file that may be its preview.
fn tiff(source: &mut impl Source, is_big: bool) -> Option<Pixels> {
    const WIDTH: u16 = 256;
    const HEIGHT: u16 = 257;
    let short = |bytes| if is_big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
    let long = |bytes| if is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
    let directory = u64::from(long(array(source, 4)?));
    let count = usize::from(short(array(source, directory)?)).min(MAX_STEPS);
    let (mut width, mut height) = (None, None);
    let mut at = directory + 2;
    for _ in 0..count {
        let [t0, t1, k0, k1, _, _, _, _, v0, v1, v2, v3] = array(source, at)?;
        let value = match short([k0, k1]) {
            3 => Some(u32::from(short([v0, v1]))),
            4 => Some(long([v0, v1, v2, v3])),
            _ => None,
        };
        match short([t0, t1]) {
            WIDTH => width = value,
            HEIGHT => height = value,
            _ => {}
        }
        at += 12;
    }
    Pixels::new(width?, height?)
}

/// Finds the box that tells of the items, wherever it stands.
fn heif(source: &mut impl Source) -> Option<Pixels> {
    let mut at = 0_u64;
    for _ in 0..MAX_STEPS {
        let [s0, s1, s2, s3, kind @ ..]: [u8; 8] = array(source, at)?;
        let (header, size) = match u32::from_be_bytes([s0, s1, s2, s3]) {
            1 => (16, u64::from_be_bytes(array(source, at.checked_add(8)?)?)),
            size => (8, u64::from(size)),
        };
        // A box that reaches to the end of the file (0) is none of those that we look for.
        let content = size.checked_sub(header)?;
        if &kind == b"meta" {
            let length = usize::try_from(content).ok().filter(|it| *it <= MAX_META_BYTES)?;
            let mut meta = vec![0; length];
            return source.fill(at + header, &mut meta).then(|| heif_items(&meta))?;
        }
        at = at.checked_add(size)?;
    }
    None
}

/// The size of the primary item, by the properties that are associated with it.
fn heif_items(meta: &[u8]) -> Option<Pixels> {
    let meta = meta.get(4..)?;
    let primary = item_number(child(meta, b"pitm")?)?;
    let properties = child(meta, b"iprp")?;
    let all: Vec<(&[u8], &[u8])> = Boxes(child(properties, b"ipco")?).collect();
    let (mut size, mut turned) = (None, false);
    for index in associated(child(properties, b"ipma")?, primary)? {
        match index.checked_sub(1).and_then(|index| all.get(index)) {
            Some((b"ispe", [_, _, _, _, w0, w1, w2, w3, h0, h1, h2, h3, ..])) => {
                size = Some((
                    u32::from_be_bytes([*w0, *w1, *w2, *w3]),
                    u32::from_be_bytes([*h0, *h1, *h2, *h3]),
                ));
            }
            // Turned by so many right angles.
            Some((b"irot", [angle, ..])) => turned = angle & 1 == 1,
            _ => {}
        }
    }
    let (width, height) = size?;
    if turned { Pixels::new(height, width) } else { Pixels::new(width, height) }
}

fn item_number(pitm: &[u8]) -> Option<u32> {
    match pitm {
        [0, _, _, _, n0, n1, ..] => Some(u16::from_be_bytes([*n0, *n1]).into()),
        [_, _, _, _, n0, n1, n2, n3, ..] => Some(u32::from_be_bytes([*n0, *n1, *n2, *n3])),
        _ => None,
    }
}

/// The numbers, from 1 on, of the properties of an item.
fn associated(ipma: &[u8], wanted: u32) -> Option<Vec<usize>> {
    let (head, mut rest) = ipma.split_at_checked(8)?;
    let [version, _, _, flags, c0, c1, c2, c3] = head else {
        return None;
    };
    let is_wide = flags & 1 == 1;
    for _ in 0..u32::from_be_bytes([*c0, *c1, *c2, *c3]) {
        let item = if *version == 0 { take(&mut rest, 2)? } else { take(&mut rest, 4)? };
        let item = item.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        let count = usize::from(*take(&mut rest, 1)?.first()?);
        let width = if is_wide { 2 } else { 1 };
        let list = take(&mut rest, count * width)?;
        if item != wanted {
            continue;
        }
        // The first bit says that the property must be understood.
        let numbers = list.chunks(width).map(|bytes| match bytes {
            [one] => usize::from(one & 0x7F),
            [high, low] => usize::from(u16::from_be_bytes([high & 0x7F, *low])),
            _ => 0,
        });
        return Some(numbers.collect());
    }
    None
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

/// The content of the first box of a kind.
fn child<'a>(bytes: &'a [u8], wanted: &[u8; 4]) -> Option<&'a [u8]> {
    Boxes(bytes).find(|(kind, _)| kind == wanted).map(|(_, content)| content)
}

/// Boxes one after the other: kind and content. Each takes 8 bytes at least, so that they end.
struct Boxes<'a>(&'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (size, kind) = self.0.get(..8)?.split_at_checked(4)?;
        let size = size.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        let whole = take(&mut self.0, size)?;
        Some((kind, whole.get(8..)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Option<(u32, u32)>) {
        let mut source = bytes;
        let found = pixels(&mut source).map(|it| (it.width, it.height));
        assert_eq!(found, expected);
    }

    fn in_a_box(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(8 + content.len()).unwrap();
        [&size.to_be_bytes(), &kind[..], content].concat()
    }

    /// A file whose first item is a tile of 512 pixels and whose second is the image.
    fn heic(turned: u8, between: &[u8]) -> Vec<u8> {
        let size = |w: u32, h: u32| {
            in_a_box(b"ispe", &[&[0; 4][..], &w.to_be_bytes(), &h.to_be_bytes()].concat())
        };
        let ipco = [size(512, 512), size(4032, 3024), in_a_box(b"irot", &[turned])].concat();
        let ipma = [0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 1, 0x81, 0, 2, 2, 0x82, 3];
        let iprp = [in_a_box(b"ipco", &ipco), in_a_box(b"ipma", &ipma)].concat();
        let meta = [
            vec![0; 4],
            in_a_box(b"hdlr", &[0; 20]),
            in_a_box(b"pitm", &[0, 0, 0, 0, 0, 2]),
            in_a_box(b"iprp", &iprp),
        ]
        .concat();
        [in_a_box(b"ftyp", b"heic\0\0\0\0"), between.to_vec(), in_a_box(b"meta", &meta)].concat()
    }

    fn tiff_file(entries: &[[u8; 12]]) -> Vec<u8> {
        let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
        [b"II\x2A\0\x0C\0\0\0....", &count[..], &entries.concat()].concat()
    }

    #[test]
    fn each_format_tells_its_size() {
        let long_segment = [&[0xFF, 0xE1, 0xFF, 0xFF][..], &[0; 65_533]].concat();
        let frame = [0xFF, 0xC2, 0, 17, 8, 0x0B, 0xD0, 0x0F, 0xC0, 3];
        let jpeg = [&[0xFF, 0xD8][..], &long_segment, &long_segment, &[0xFF], &frame].concat();
        check(&jpeg, Some((4032, 3024)));
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0DIHDR\0\0\x02\x80\0\0\x01\xE0";
        check(png, Some((640, 480)));
        check(b"GIF89a\x80\x02\xE0\x01\0\0", Some((640, 480)));
        check(&heic(0, &[]), Some((4032, 3024)));
        check(&heic(3, &in_a_box(b"free", &[0; 9])), Some((3024, 4032)));
        let entries =
            [[0, 1, 3, 0, 1, 0, 0, 0, 64, 0, 0, 0], [1, 1, 4, 0, 1, 0, 0, 0, 48, 0, 0, 0]];
        check(&tiff_file(&entries), Some((64, 48)));
        let big = b"MM\0\x2A\0\0\0\x08\0\x02\
            \x01\0\0\x03\0\0\0\x01\0\x40\0\0\x01\x01\0\x03\0\0\0\x01\0\x30\0\0";
        check(big, Some((64, 48)));
        check(b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9D\x01\x2A\x80\x02\xE0\x01", Some((640, 480)));
        check(b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2F\x7F\xC2\x77\0", Some((640, 480)));
        check(b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x7F\x02\0\xDF\x01\0", Some((640, 480)));
    }

    #[test]
    fn what_is_no_image_or_half_of_one_has_no_size() {
        for bytes in [
            &b""[..],
            b"GIF89a\x80\x02\xE0",
            b"GIF89a\0\0\xE0\x01\0\0",
            b"\xFF\xD8\xFF\xDA\0\0\0\0\0\0\0\0",
            b"\xFF\xD8\xFF\xD9\0\0\0\0\0\0\0\0",
            b"\xFF\xD8\xFF\xE0\0\0\0\0\0\0\0\0\0\0\0\0",
            b"\x89PNG\r\n\x1a\n\0\0\0\x0DIDAT\0\0\x02\x80\0\0\x01\xE0",
            b"\0\0\0\0ftypheic\0\0\0\0",
            b"\0\0\0\x01ftyp\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
            b"II\x2A\0\xFF\xFF\xFF\xFF\0\0\0\0",
            b"RIFF\0\0\0\0WEBPXXXX",
        ] {
            check(bytes, None);
        }
        let whole = heic(0, &[]);
        for length in 0..whole.len() {
            check(&whole[..length], None);
        }
    }

    #[test]
    fn a_walk_ends_at_its_bound() {
        let jpeg = |steps: usize| {
            let frame = [0xFF, 0xC0, 0, 17, 8, 0, 48, 0, 64, 3];
            [&[0xFF, 0xD8][..], &[0xFF, 0xD0].repeat(steps - 1), &frame].concat()
        };
        check(&jpeg(MAX_STEPS), Some((64, 48)));
        check(&jpeg(MAX_STEPS + 1), None);
        check(&jpeg(MAX_STEPS * 100), None);
        let boxes = |steps: usize| heic(0, &in_a_box(b"free", &[]).repeat(steps - 2));
        check(&boxes(MAX_STEPS), Some((4032, 3024)));
        check(&boxes(MAX_STEPS + 1), None);
        check(&boxes(MAX_STEPS * 100), None);
    }

    #[test]
    fn a_meta_box_is_read_up_to_its_bound() {
        let meta = |bytes: usize| {
            let rest = heic(0, &[]);
            let inner = &rest[24..];
            let fill = in_a_box(b"free", &vec![0; bytes - inner.len() - 8]);
            [in_a_box(b"ftyp", b"heic\0\0\0\0"), in_a_box(b"meta", &[inner, &fill].concat())]
                .concat()
        };
        check(&meta(MAX_META_BYTES), Some((4032, 3024)));
        check(&meta(MAX_META_BYTES + 1), None);
        check(&meta(MAX_META_BYTES * 20), None);
    }

    proptest! {
        #[test]
        fn random_bytes_behind_any_beginning_end_in_an_answer(
            which in 0_usize..7,
            tail in proptest::collection::vec(any::<u8>(), 0..2_000),
        ) {
            let heads: [&[u8]; 7] = [
                b"\xFF\xD8\xFF", b"\x89PNG", b"GIF89a", b"RIFF\0\0\0\0WEBP", b"II\x2A\0",
                b"\0\0\0\x10ftypheic\0\0\0\0", b"",
            ];
            let mut source = &[heads[which], &tail].concat()[..];
            let _size = pixels(&mut source);
        }

        #[test]
        fn a_changed_byte_ends_in_an_answer(at in 0_usize..200, byte in any::<u8>()) {
            let mut bytes = heic(1, &[]);
            let at = at % bytes.len();
            bytes[at] = byte;
            let _size = pixels(&mut &bytes[..]);
        }
    }
}
