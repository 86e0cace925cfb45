//! What a file is, by its first bytes, and the extension that says so.
//!
//! Pure, and a flat table. Nothing is decoded: a magic number is compared and that is all. An
//! extension that fits the content is kept as a person knows it (`JPG`, `jpeg`); where neither the
//! original name nor the library has one that fits, the usual one is given. The hazard: an edit is
//! a JPEG although the original's name ends in `.HEIC`, and many programs believe the name.

/// How many bytes from the beginning of a file decide.
pub(crate) const SNIFFED_BYTES: usize = 512;

/// Longer ones are part of the name.
const MAX_EXTENSION_BYTES: usize = 8;

/// A kind of content: the extensions that fit it, the usual one first.
type Fits = &'static [&'static str];

const JPEG: Fits = &["jpg", "jpeg", "jpe", "jfif", "mpo"];
const PNG: Fits = &["png", "apng"];
const GIF: Fits = &["gif"];
const HEIF: Fits = &["heic", "heif", "hif", "heics", "heifs"];
const AVIF: Fits = &["avif", "avifs"];
const WEBP: Fits = &["webp"];
const BMP: Fits = &["bmp", "dib"];
const PSD: Fits = &["psd", "psb"];
const PDF: Fits = &["pdf", "ai"];
const JPEG_2000: Fits = &["jp2", "j2k", "jpf", "jpx", "jpm"];
const JPEG_XL: Fits = &["jxl"];
const QUICKTIME: Fits = &["mov", "qt"];
const MPEG_4: Fits = &["mp4", "m4v", "mov", "3gp", "3g2", "insv", "lrv"];
const M4V: Fits = &["m4v", "mp4", "mov"];
const THREE_GP: Fits = &["3gp", "3g2", "mp4", "mov"];
const AVI: Fits = &["avi", "divx"];
const MPEG: Fits = &["mpg", "mpeg", "m2v", "vob", "mpv", "mod"];
const TRANSPORT_STREAM: Fits = &["mts", "m2ts", "ts", "m2t"];
const MATROSKA: Fits = &["mkv", "webm"];
const ASF: Fits = &["wmv", "asf"];
const CR3: Fits = &["cr3", "crm"];
const RAF: Fits = &["raf"];
const RW2: Fits = &["rw2", "raw", "rwl"];
const ORF: Fits = &["orf", "ori"];
const CRW: Fits = &["crw"];
const X3F: Fits = &["x3f"];
const MRW: Fits = &["mrw"];
/// TIFF, and the many RAW formats that are one: only their names tell them apart.
const TIFF: Fits = &[
    "tif", "tiff", "dng", "cr2", "nef", "nrw", "arw", "srf", "sr2", "srw", "pef", "3fr", "fff",
    "erf", "kdc", "dcr", "k25", "mos", "mef", "iiq", "rwl", "gpr", "raw", "cap", "eip", "bay",
    "dcs", "ptx", "orf",
];

/// A magic number: where it stands, its bytes, and what they tell.
const MAGIC: &[(usize, &[u8], Fits)] = &[
    (0, b"\xFF\xD8\xFF", JPEG),
    (0, b"\x89PNG\r\n\x1A\n", PNG),
    (0, b"GIF87a", GIF),
    (0, b"GIF89a", GIF),
    (0, b"IIRO", ORF),
    (0, b"IIRS", ORF),
    (0, b"MMOR", ORF),
    (0, b"IIU\0", RW2),
    (6, b"HEAPCCDR", CRW),
    (0, b"II*\0", TIFF),
    (0, b"MM\0*", TIFF),
    (0, b"II+\0", TIFF),
    (0, b"MM\0+", TIFF),
    (0, b"FUJIFILMCCD-RAW", RAF),
    (0, b"FOVb", X3F),
    (0, b"\0MRM", MRW),
    (0, b"8BPS", PSD),
    (0, b"%PDF-", PDF),
    (0, b"\0\0\0\x0CjP  \r\n\x87\n", JPEG_2000),
    (0, b"\xFF\x4F\xFF\x51", JPEG_2000),
    (0, b"\0\0\0\x0CJXL \r\n\x87\n", JPEG_XL),
    (0, b"\xFF\x0A", JPEG_XL),
    (8, b"WEBP", WEBP),
    (8, b"AVI ", AVI),
    (4, b"moov", QUICKTIME),
    (4, b"mdat", QUICKTIME),
    (4, b"wide", QUICKTIME),
    (4, b"pnot", QUICKTIME),
    (0, b"\0\0\x01\xBA", MPEG),
    (0, b"\0\0\x01\xB3", MPEG),
    (0, b"\x1A\x45\xDF\xA3", MATROSKA),
    (0, b"\x30\x26\xB2\x75\x8E\x66\xCF\x11", ASF),
];

/// The kinds of files in boxes, by their brand.
const BRANDS: &[(&[u8], Fits)] = &[
    (b"heic", HEIF),
    (b"heix", HEIF),
    (b"heim", HEIF),
    (b"heis", HEIF),
    (b"hevc", HEIF),
    (b"hevx", HEIF),
    (b"hevm", HEIF),
    (b"hevs", HEIF),
    (b"mif1", HEIF),
    (b"msf1", HEIF),
    (b"avif", AVIF),
    (b"avis", AVIF),
    (b"crx ", CR3),
    (b"qt  ", QUICKTIME),
    (b"M4V ", M4V),
    (b"M4VH", M4V),
    (b"M4VP", M4V),
    (b"3gp", THREE_GP),
    (b"3g2", THREE_GP),
    (b"iso", MPEG_4),
    (b"mp4", MPEG_4),
    (b"avc1", MPEG_4),
    (b"hvc1", MPEG_4),
    (b"dash", MPEG_4),
    (b"MSNV", MPEG_4),
    (b"mmp4", MPEG_4),
    (b"XAVC", MPEG_4),
];

/// Splits an original name into its stem and its extension, without the dot.
pub(crate) fn split(file_name: &str) -> (&str, Option<&str>) {
    match file_name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && is_extension(extension) => {
            (stem, Some(extension))
        }
        Some(_) | None => (file_name, None),
    }
}

/// Chooses the extension of a file: that of the original name or of the library where it fits the
/// first bytes, else the usual one; where the bytes tell nothing, the library's.
pub(crate) fn choose(head: &[u8], original_name: &str, library_name: &str) -> Option<String> {
    let original = split(original_name).1;
    let library = split(library_name).1;
    let Some(fits) = sniff(head) else {
        return library.or(original).map(str::to_owned);
    };
    let fitting = |extension: &&str| fits.iter().any(|it| it.eq_ignore_ascii_case(extension));
    let chosen = original.filter(fitting).or_else(|| library.filter(fitting));
    chosen.or(fits.first().copied()).map(str::to_owned)
}

fn is_extension(text: &str) -> bool {
    (1..=MAX_EXTENSION_BYTES).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn sniff(head: &[u8]) -> Option<Fits> {
    let at =
        |place: usize, bytes: &[u8]| head.get(place..).is_some_and(|rest| rest.starts_with(bytes));
    if at(4, b"ftyp") {
        let brand = BRANDS.iter().find(|(brand, _)| at(8, brand));
        return brand.map(|(_, fits)| *fits);
    }
    if let Some((_, _, fits)) = MAGIC.iter().find(|(place, bytes, _)| at(*place, bytes)) {
        return Some(fits);
    }
    // Packets of 188 bytes, with four more in front on a disc.
    let packets = |first: usize, length: usize| {
        (0..2).all(|packet| head.get(first + packet * length) == Some(&0x47))
    };
    if packets(0, 188) || packets(4, 192) {
        return Some(TRANSPORT_STREAM);
    }
    // Two letters are little, so the length that follows has to be there too.
    (at(0, b"BM") && at(6, &[0, 0, 0, 0])).then_some(BMP)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A_JPEG: &[u8] = b"\xFF\xD8\xFF\xE0";
    const A_HEIC: &[u8] = b"\0\0\0\x18ftypheic\0\0\0\0";
    const A_MOV: &[u8] = b"\0\0\0\x14ftypqt  \0\0\0\0";
    const AN_MP4: &[u8] = b"\0\0\0\x14ftypisom\0\0\0\0";

    #[track_caller]
    fn check(head: &[u8], original: &str, library: &str, expected: &str) {
        assert_eq!(choose(head, original, library).unwrap_or_default(), expected);
    }

    #[test]
    fn keeps_the_spelling_of_the_original_name_where_it_is_right() {
        check(A_JPEG, "IMG_1.JPG", "U.jpeg", "JPG");
        check(A_HEIC, "IMG_1.HEIC", "U.heic", "HEIC");
        check(b"II*\0", "X.DNG", "U.dng", "DNG");
        check(AN_MP4, "X.MOV", "U.mov", "MOV");
    }

    #[test]
    fn takes_the_librarys_where_the_originals_does_not_fit() {
        check(A_JPEG, "IMG_1.HEIC", "U_1_201_a.jpeg", "jpeg");
        check(A_MOV, "IMG_1.HEIC", "U_3.mov", "mov");
        check(b"II*\0", "IMG_1.JPG", "U_4.cr2", "cr2");
    }

    #[test]
    fn gives_the_usual_one_where_both_are_wrong() {
        check(A_JPEG, "IMG_1.HEIC", "U.heic", "jpg");
        check(A_MOV, "clip.mp4", "U.mp4", "mov");
        check(b"\x89PNG\r\n\x1A\n", "scan", "U", "png");
    }

    #[test]
    fn believes_the_library_where_the_content_tells_nothing() {
        check(b"????", "IMG_1.JPG", "U.jpeg", "jpeg");
        check(b"", "notes.v2.TXT", "U", "TXT");
        check(b"\0\0\0\x14ftyp????", "a.xyz", "U.mov", "mov");
        check(b"", "no extension", "U", "");
    }

    #[test]
    fn an_extension_is_short_and_plain() {
        assert_eq!(split("a.b.jpg"), ("a.b", Some("jpg")));
        for whole in [".jpg", "St. Moritz", "a.", "..", "a.123456789", "a.j/g", "a.jp\u{e9}g"] {
            assert_eq!(split(whole), (whole, None));
        }
    }

    #[test]
    fn tells_streams_and_bitmaps_by_more_than_one_byte() {
        let mut stream = vec![0; 400];
        for at in [0, 188] {
            stream[at] = 0x47;
        }
        check(&stream, "a", "U", "mts");
        check(&stream[..100], "a", "U.mts", "mts");
        check(b"BM\x01\x02\x03\x04\0\0\0\0", "a", "U", "bmp");
        check(b"BM is no bitmap", "a.txt", "U", "txt");
    }
}
