//! Types of content: which name each has, by extension, and which extension, by name.
//!
//! The media part of Apple's table, in which an extension has one type. Pure: it tells what a file
//! should hold by its name and never what it holds. The hazard: `raw` and `pic`, which name two
//! formats each; here the first that Apple's table gives.

/// A type, its preferred extension, and all extensions that mean it, in lower case.
type Row = (&'static str, &'static str, &'static [&'static str]);

const TABLE: &[Row] = &[
    ("public.jpeg", "jpeg", &["jpg", "jpeg", "jpe"]),
    ("public.heic", "heic", &["heic"]),
    ("public.heif", "heif", &["heif"]),
    ("public.heics", "heics", &["heics"]),
    ("public.heifs", "heifs", &["heifs"]),
    ("public.png", "png", &["png"]),
    ("com.compuserve.gif", "gif", &["gif"]),
    ("public.webp", "webp", &["webp"]),
    ("com.microsoft.bmp", "bmp", &["bmp"]),
    ("public.tiff", "tiff", &["tif", "tiff"]),
    ("public.jpeg-2000", "jp2", &["jp2", "jpf", "jpx", "j2c", "j2k"]),
    ("com.adobe.photoshop-image", "psd", &["psd"]),
    ("com.adobe.photoshop-large-image", "psb", &["psb"]),
    ("com.microsoft.ico", "ico", &["ico"]),
    ("com.apple.icns", "icns", &["icns"]),
    ("com.apple.pict", "pict", &["pict", "pct", "pic"]),
    ("com.apple.quicktime-image", "qtif", &["qtif", "qti"]),
    ("com.truevision.tga-image", "tga", &["tga"]),
    ("com.sgi.sgi-image", "sgi", &["sgi"]),
    ("com.ilm.openexr-image", "exr", &["exr"]),
    ("com.kodak.flashpix-image", "fpx", &["fpx"]),
    ("public.xbitmap-image", "xbm", &["xbm"]),
    ("public.radiance", "pic", &["hdr"]),
    ("public.svg-image", "svg", &["svg", "svgz"]),
    ("com.adobe.pdf", "pdf", &["pdf"]),
    ("com.adobe.encapsulated-postscript", "eps", &["eps"]),
    ("com.adobe.illustrator.ai-image", "ai", &["ai"]),
    ("com.apple.macpaint-image", "pntg", &["pntg"]),
    ("org.nema.dicom", "dcm", &["dcm", "dicom"]),
    ("public.avci", "avci", &["avci"]),
    ("public.avcs", "avcs", &["avcs"]),
    ("public.mpo-image", "mpo", &["mpo"]),
    ("public.pbm", "pbm", &["pbm", "pfm", "pgm", "ppm"]),
    ("com.adobe.raw-image", "dng", &["dng"]),
    ("com.canon.cr2-raw-image", "cr2", &["cr2"]),
    ("com.canon.cr3-raw-image", "cr3", &["cr3"]),
    ("com.canon.crw-raw-image", "crw", &["crw"]),
    ("com.nikon.raw-image", "nef", &["nef"]),
    ("com.nikon.nrw-raw-image", "nrw", &["nrw"]),
    ("com.sony.arw-raw-image", "arw", &["arw"]),
    ("com.sony.raw-image", "srf", &["srf"]),
    ("com.sony.sr2-raw-image", "sr2", &["sr2"]),
    ("com.olympus.or-raw-image", "orf", &["orf"]),
    ("com.fuji.raw-image", "raf", &["raf"]),
    ("com.panasonic.raw-image", "raw", &["raw"]),
    ("com.panasonic.rw2-raw-image", "rw2", &["rw2"]),
    ("com.leica.rwl-raw-image", "rwl", &["rwl"]),
    ("com.leica.pwl-raw-image", "pwl", &["pwl"]),
    ("com.pentax.raw-image", "pef", &["pef"]),
    ("com.samsung.raw-image", "srw", &["srw"]),
    ("com.kodak.raw-image", "dcr", &["dcr"]),
    ("com.epson.raw-image", "erf", &["erf"]),
    ("com.konicaminolta.raw-image", "mrw", &["mrw"]),
    ("com.leafamerica.raw-image", "mos", &["mos"]),
    ("com.hasselblad.3fr-raw-image", "3fr", &["3fr"]),
    ("com.hasselblad.fff-raw-image", "fff", &["fff"]),
    ("com.phaseone.raw-image", "iiq", &["iiq"]),
    ("com.dxo.raw-image", "dxo", &["dxo"]),
    ("com.apple.quicktime-movie", "mov", &["mov", "qt"]),
    ("public.mpeg-4", "mp4", &["mp4", "mpg4"]),
    ("com.apple.m4v-video", "m4v", &["m4v"]),
    ("public.mpeg", "mpg", &["mpg", "mpeg", "mpe", "m15", "m75"]),
    ("public.mpeg-2-video", "m2v", &["m2v"]),
    ("public.mpeg-2-transport-stream", "ts", &["ts"]),
    ("public.avi", "avi", &["avi", "vfw"]),
    ("public.dv-movie", "dv", &["dv", "dif"]),
    ("com.adobe.flash.video", "flv", &["flv", "f4v"]),
    ("com.microsoft.advanced-systems-format", "asf", &["asf"]),
    ("com.microsoft.windows-media-wmv", "wmv", &["wmv"]),
    ("org.smpte.mxf", "mxf", &["mxf"]),
    ("public.3gpp", "3gp", &["3gp", "3gpp", "sdv"]),
    ("public.3gpp2", "3g2", &["3g2", "3gp2"]),
    ("public.avchd-mpeg-2-transport-stream", "mts", &["mts", "m2ts"]),
    ("public.avchd-content", "bdm", &["bdm", "bdmv"]),
    ("public.avchd-collection", "avchd", &["avchd"]),
    (AAE, "aae", &["aae"]),
];

/// A camera's own adjustments.
pub(crate) const AAE: &str = "com.apple.photos.apple-adjustment-envelope";
/// Adjustments of Photos.
pub(crate) const PROPERTY_LIST: &str = "com.apple.property-list";

/// The type that a file of this name should have; none for what the table does not know.
pub(crate) fn of_name(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())?;
    let means = |row: &&Row| row.2.iter().any(|known| known.eq_ignore_ascii_case(extension));
    TABLE.iter().find(means).map(|row| row.0)
}

/// The extension that files of this type get; none for what the table does not know.
pub(crate) fn extension_of(uti: &str) -> Option<&'static str> {
    TABLE.iter().find(|row| row.0 == uti).map(|row| row.1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn an_extension_has_one_type_in_any_case_of_letters() {
        let mut seen = HashSet::new();
        for (uti, preferred, extensions) in TABLE {
            for extension in *extensions {
                assert!(seen.insert(extension), "{extension} twice");
                assert_eq!(of_name(&format!("a.{extension}")), Some(*uti));
                assert_eq!(of_name(&format!("a.b.{}", extension.to_uppercase())), Some(*uti));
            }
            // Radiance alone prefers an extension that means something else.
            assert!(extensions.contains(preferred) || *uti == "public.radiance");
            assert_eq!(extension_of(uti), Some(*preferred));
        }
    }

    #[test]
    fn what_the_table_does_not_know_has_no_type() {
        for name in ["", "a", "jpg", ".jpg", "a.", "a.jpg ", "a.xyz", ".", "a.jpg/"] {
            assert_eq!(of_name(name), None, "{name:?}");
        }
        assert_eq!(extension_of("public.data"), None);
    }
}
