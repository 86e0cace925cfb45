//! What systems and their tools leave in any folder: neither ours nor anybody's work.
//!
//! A closed list, here and nowhere else. Verify does not call it extra, and prune does not remove
//! it: a folder that holds nothing else stays. A file of the manifest is never litter, whatever its
//! name. The hazard: a photo that looks like litter, so nothing stands here that a camera or a
//! person would name so.

use std::ffi::OsStr;

/// Whole names, in any case.
const NAMES: &[&str] = &[
    // macOS: how the Finder shows a folder; a folder's own picture; a name in another language.
    ".DS_Store",
    "Icon\r",
    ".localized",
    ".VolumeIcon.icns",
    // macOS, at the top of a disk: search index, trash, log of changes, versions, scratch.
    ".Spotlight-V100",
    ".Trashes",
    ".fseventsd",
    ".DocumentRevisions-V100",
    ".TemporaryItems",
    // macOS over the network: resource forks, and the trash of a server.
    ".AppleDouble",
    ".AppleDB",
    ".AppleDesktop",
    ".apdisk",
    "Network Trash Folder",
    // Windows: thumbnails, how a folder is shown, trash, restore points.
    "Thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "$RECYCLE.BIN",
    "System Volume Information",
    // Network disks of Synology and QNAP: thumbnails and attributes, trash, snapshots.
    "@eaDir",
    "#recycle",
    "#snapshot",
    ".@__thumb",
    "@Recycle",
    "@Recently-Snapshot",
    // Linux: what fsck found; how the file manager of KDE shows a folder.
    "lost+found",
    ".directory",
];

/// Beginnings, with something behind them.
const BEGINNINGS: &[&str] = &[
    // macOS on a disk without attributes: those of the file beside it.
    "._",
    // A file that was removed while somebody had it open: NFS, FUSE, SMB.
    ".nfs",
    ".fuse_hidden",
    ".smbdelete",
    // Linux: the trash of a user at the top of a disk.
    ".Trash-",
];

/// Is it litter, by its name?
pub(crate) fn is_litter(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    NAMES.iter().any(|litter| litter.eq_ignore_ascii_case(name))
        || BEGINNINGS.iter().any(|start| name.len() > start.len() && name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn litter_is_known_by_its_whole_name_and_photos_are_none() {
        for name in [".DS_Store", "THUMBS.DB", "._IMG_1.JPG", ".nfs000000000012", "Icon\r"] {
            assert!(is_litter(OsStr::new(name)), "{name}");
        }
        for name in ["IMG_1.JPG", "._", ".nfs", "Thumbs.db.jpg", "Icon", "trash", "_.jpg", ""] {
            assert!(!is_litter(OsStr::new(name)), "{name}");
        }
    }
}
