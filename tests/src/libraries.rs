//! The real libraries, unpacked into a folder of their own, and what must come out of them.
//!
//! They are other people's photos: they stay outside the repository, and a test proves by a
//! snapshot before and after that nothing of them changed.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "the harness of tests")]

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::shared::shared_folder;

/// Every library of Photos 5 or newer.
pub const MODERN: &[&str] = &[
    "Test-10.15.7",
    "Test-10.16.0.1",
    "Test-Screen-Recording-12.0.1",
    "Test-13.0.0",
    "Test-14.6.0",
    "Test-15.4.1",
    "Test-26.1",
    "Test-Media-Types-15.7.2",
    "Test-Cloud-13.1",
    "Test-Shared-10.15.1",
    "Test-RAW-10.15.1",
    "Test-Movie-5_0",
    "TestTimeWarp-13.6.9",
    "Test-Places-Catalina-10_15_1",
    "Test-Empty-Library-Ventura-13-5",
];

/// The readable ones of Photos 3 and 4.
pub const OLD: &[&str] = &["Test-10.13.6", "Test-10.14.6"];

/// Where the libraries are, and what is expected of them.
#[derive(Debug)]
pub struct Real {
    folder: tempfile::TempDir,
    expected: PathBuf,
}

impl Real {
    /// Unpacks them; `None` where this machine does not have them.
    ///
    /// # Panics
    /// If the machine has them and they cannot be unpacked.
    #[must_use]
    pub fn unpack() -> Option<Self> {
        let shared = shared_folder()?;
        let folder = tempfile::Builder::new().prefix("darkslide-libraries").tempdir().unwrap();
        // An ordinary user reads them, too.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let unpacked =
            Command::new(shared.join("libraries/unpack")).arg(folder.path()).output().unwrap();
        assert!(unpacked.status.success(), "unpack: {}", String::from_utf8_lossy(&unpacked.stderr));
        Some(Self { folder, expected: shared.join("expected") })
    }

    /// The same, shared by the tests of a program that run at one time: the last that lets go of it
    /// removes it. (A static would stay behind, for nothing drops one.)
    #[must_use]
    pub fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<Real>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(real) = shared.upgrade() {
            return Some(real);
        }
        let real = Arc::new(Self::unpack()?);
        *shared = Arc::downgrade(&real);
        Some(real)
    }

    /// The bundle of that name.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn bundle(&self, name: &str) -> PathBuf {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let stems = entries.map(|entry| entry.unwrap().path());
        let found =
            stems.into_iter().find(|path| path.file_stem().is_some_and(|stem| stem == name));
        found.unwrap_or_else(|| self.folder.path().join(format!("{name}.photoslibrary")))
    }

    /// The lines of `LIBRARY.KIND`, parsed.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    pub fn expected(&self, name: &str, kind: &str) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.expected.join(format!("{name}.{kind}"))).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
