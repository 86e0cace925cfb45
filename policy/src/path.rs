//! Paths as the policy compares them: by component, never by string prefix.
//!
//! A value of these types has no `..`, no `.`, no empty component, no NUL and no control character,
//! and keeps the limits below; whoever holds one need not look again. Nothing here touches the
//! disk: whether a path exists, or passes a link, only the door finds out. The hazard:
//! `~/Exports-evil` begins with the text `~/Exports` (a prefix is no parent), and a kernel accepts
//! `a/../b` although nobody meant it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest path that Linux takes (`PATH_MAX` less its NUL).
pub(crate) const MAX_PATH_BYTES: usize = 4_095;
/// The longest name of one file (`NAME_MAX`).
pub(crate) const MAX_COMPONENT_BYTES: usize = 255;
/// Deeper than any layout of ours, and shallow enough to be walked at once.
pub(crate) const MAX_COMPONENTS: usize = 32;

/// Why a text is not a path that we take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing, or only a dot.
    #[error("the path is empty")]
    Empty,
    /// Does not begin with `/` or `~/`.
    #[error("the path is not absolute")]
    NotAbsolute,
    /// Begins with `/` where a path below a folder is wanted.
    #[error("the path is absolute, but one below a folder is wanted")]
    NotRelative,
    /// A component is `.` or `..`.
    #[error("the path has a component `{0}`")]
    Dots(&'static str),
    /// Two slashes in a row, or one at the end.
    #[error("the path has an empty component")]
    EmptyComponent,
    /// NUL, or another control character.
    #[error("the path has a control character")]
    Control,
    /// One name is too long.
    #[error("a name in the path has {bytes} bytes, {limit} are allowed")]
    ComponentTooLong {
        /// Its length.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// The whole is too long.
    #[error("the path has {bytes} bytes, {limit} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// Too many folders in one another.
    #[error("the path has {components} components, {limit} are allowed")]
    TooDeep {
        /// Their number.
        components: usize,
        /// What is allowed.
        limit: usize,
    },
}

impl PathError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "name a folder",
            Self::NotAbsolute => "write the whole path, from `/` or `~/` on",
            Self::NotRelative => "write the path below the root, without a slash in front",
            Self::Dots(_) => "write the path without `.` and `..`",
            Self::EmptyComponent => "write single slashes, and none at the end",
            Self::Control => "remove control characters from the path",
            Self::ComponentTooLong { .. } | Self::TooLong { .. } => "use a shorter path",
            Self::TooDeep { .. } => "use a folder that is less deep",
        }
    }
}

/// One name of a file or folder: no slash, not `.` or `..`, at most 255 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Component(String);

impl Component {
    /// Checks one name.
    ///
    /// # Errors
    /// Every [`PathError`] that a single name can have; a slash makes it
    /// [`PathError::NotRelative`].
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.contains('/') {
            return Err(PathError::NotRelative);
        }
        check_component(text)?;
        Ok(Self(text.to_owned()))
    }

    /// Lends the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A path below some folder, or that folder itself ([`RelPath::root`]).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RelPath(String);

impl RelPath {
    /// The folder itself.
    #[must_use]
    pub fn root() -> Self {
        Self(String::new())
    }

    /// Checks a path with `/` between its components.
    ///
    /// # Errors
    /// Every [`PathError`]; an empty text and `.` are [`PathError::Empty`].
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.is_empty() || text == "." {
            return Err(PathError::Empty);
        }
        if text.starts_with('/') || text.starts_with("~/") {
            return Err(PathError::NotRelative);
        }
        check_all(text.split('/'), text.len())?;
        Ok(Self(text.to_owned()))
    }

    /// Returns this path with one more component.
    ///
    /// # Errors
    /// [`PathError::TooLong`] and [`PathError::TooDeep`].
    pub fn join(&self, component: &Component) -> Result<Self, PathError> {
        let mut text = self.0.clone();
        if !text.is_empty() {
            text.push('/');
        }
        text.push_str(component.as_str());
        check_all(text.split('/'), text.len())?;
        Ok(Self(text))
    }

    /// Returns this path with another below it.
    ///
    /// # Errors
    /// [`PathError::TooLong`] and [`PathError::TooDeep`].
    pub fn join_path(&self, below: &Self) -> Result<Self, PathError> {
        if self.is_root() {
            return Ok(below.clone());
        }
        if below.is_root() {
            return Ok(self.clone());
        }
        Self::parse(&format!("{}/{}", self.0, below.0))
    }

    /// Is it the folder itself?
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The components, outermost first; none for the folder itself.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|component| !component.is_empty())
    }

    /// The last component, and the path of the folder that it is in; none for the folder itself.
    #[must_use]
    pub fn split_last(&self) -> Option<(Self, &str)> {
        if self.is_root() {
            return None;
        }
        Some(match self.0.rsplit_once('/') {
            Some((parent, name)) => (Self(parent.to_owned()), name),
            None => (Self::root(), &self.0),
        })
    }

    /// Lends the text; empty for the folder itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "." } else { &self.0 })
    }
}

/// A path from `/` on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AbsPath(String);

impl AbsPath {
    /// Checks a path that begins with `/`; with a home, `~` and `~/…` are taken too.
    ///
    /// # Errors
    /// Every [`PathError`] but [`PathError::NotRelative`].
    pub fn parse(text: &str, home: Option<&Self>) -> Result<Self, PathError> {
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        if let (Some(home), Some(rest)) = (home, text.strip_prefix('~')) {
            return match rest.strip_prefix('/') {
                Some(below) => home.join(&RelPath::parse(below)?),
                None if rest.is_empty() => Ok(home.clone()),
                None => Err(PathError::NotAbsolute),
            };
        }
        let Some(below) = text.strip_prefix('/') else {
            return Err(PathError::NotAbsolute);
        };
        if !below.is_empty() {
            check_all(below.split('/'), text.len())?;
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the path of what lies below this one.
    ///
    /// # Errors
    /// [`PathError::TooLong`] and [`PathError::TooDeep`].
    pub fn join(&self, below: &RelPath) -> Result<Self, PathError> {
        if below.is_root() {
            return Ok(self.clone());
        }
        let separator = if self.0 == "/" { "" } else { "/" };
        Self::parse(&format!("{}{separator}{}", self.0, below.as_str()), None)
    }

    /// Returns where `other` lies below this path (the folder itself included), compared component
    /// by component.
    #[must_use]
    pub fn below(&self, other: &Self) -> Option<RelPath> {
        let mut rest = other.components();
        for mine in self.components() {
            if rest.next() != Some(mine) {
                return None;
            }
        }
        let below: Vec<&str> = rest.collect();
        Some(RelPath(below.join("/")))
    }

    /// Does one of the two hold the other, or are they equal?
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.below(other).is_some() || other.below(self).is_some()
    }

    /// The components, outermost first; none for `/`.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|component| !component.is_empty())
    }

    /// Lends the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AbsPath {
    type Error = PathError;
    fn try_from(text: String) -> Result<Self, PathError> {
        Self::parse(&text, None)
    }
}

impl From<AbsPath> for String {
    fn from(path: AbsPath) -> Self {
        path.0
    }
}

impl fmt::Display for AbsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_all<'a>(components: impl Iterator<Item = &'a str>, bytes: usize) -> Result<(), PathError> {
    if bytes > MAX_PATH_BYTES {
        return Err(PathError::TooLong { bytes, limit: MAX_PATH_BYTES });
    }
    let mut count = 0;
    for component in components {
        check_component(component)?;
        count += 1;
    }
    if count > MAX_COMPONENTS {
        return Err(PathError::TooDeep { components: count, limit: MAX_COMPONENTS });
    }
    Ok(())
}

fn check_component(text: &str) -> Result<(), PathError> {
    match text {
        "" => Err(PathError::EmptyComponent),
        "." => Err(PathError::Dots(".")),
        ".." => Err(PathError::Dots("..")),
        _ if text.chars().any(char::is_control) => Err(PathError::Control),
        _ if text.len() > MAX_COMPONENT_BYTES => {
            Err(PathError::ComponentTooLong { bytes: text.len(), limit: MAX_COMPONENT_BYTES })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abs(text: &str) -> AbsPath {
        AbsPath::parse(text, None).unwrap()
    }

    #[track_caller]
    fn refuses(text: &str, expected: &PathError) {
        assert_eq!(RelPath::parse(text).as_ref(), Err(expected), "{text:?}");
    }

    #[test]
    fn refuses_dots_in_every_place() {
        for text in ["../x", "a/../x", "a/..", ".."] {
            refuses(text, &PathError::Dots(".."));
        }
        for text in ["./a", "a/./b", "a/."] {
            refuses(text, &PathError::Dots("."));
        }
        assert_eq!(AbsPath::parse("/a/../b", None), Err(PathError::Dots("..")));
        assert_eq!(AbsPath::parse("~/../x", Some(&abs("/h"))), Err(PathError::Dots("..")));
    }

    #[test]
    fn refuses_empty_and_doubled_and_trailing_slashes() {
        refuses("", &PathError::Empty);
        refuses(".", &PathError::Empty);
        for text in ["a//b", "a/"] {
            refuses(text, &PathError::EmptyComponent);
        }
        for text in ["/", "//", "/a", "~/a"] {
            refuses(text, &PathError::NotRelative);
        }
    }

    #[test]
    fn refuses_nul_newline_and_escape() {
        for text in ["a\0b", "a\nb", "\u{1b}[0m", "a\u{85}"] {
            refuses(text, &PathError::Control);
        }
    }

    #[test]
    fn limits_hold_at_the_limit_and_one_beyond_and_far_beyond() {
        assert!(RelPath::parse(&"a".repeat(255)).is_ok());
        refuses(&"a".repeat(256), &PathError::ComponentTooLong { bytes: 256, limit: 255 });
        assert!(RelPath::parse(&vec!["a"; 32].join("/")).is_ok());
        refuses(&vec!["a"; 33].join("/"), &PathError::TooDeep { components: 33, limit: 32 });
        let name = "n".repeat(255);
        let longest = vec![name.as_str(); 16].join("/");
        assert_eq!(longest.len(), 4_095);
        assert!(RelPath::parse(&longest).is_ok());
        refuses(&format!("{longest}x"), &PathError::TooLong { bytes: 4_096, limit: 4_095 });
        refuses(&"a/".repeat(500_000), &PathError::TooLong { bytes: 1_000_000, limit: 4_095 });
    }

    #[test]
    fn a_common_prefix_is_no_parent() {
        let root = abs("/home/me/Exports");
        assert_eq!(root.below(&abs("/home/me/Exports-evil")), None);
        assert_eq!(root.below(&abs("/home/me/Exports")), Some(RelPath::root()));
        assert_eq!(root.below(&abs("/home/me/Exports/a/b")).unwrap().as_str(), "a/b");
        assert_eq!(abs("/").below(&abs("/x")).unwrap().as_str(), "x");
    }

    #[test]
    fn home_stands_for_a_tilde_and_for_nobody_elses() {
        let home = abs("/home/me");
        assert_eq!(AbsPath::parse("~/E", Some(&home)), Ok(abs("/home/me/E")));
        assert_eq!(AbsPath::parse("~", Some(&home)), Ok(home.clone()));
        assert_eq!(AbsPath::parse("~root/E", Some(&home)), Err(PathError::NotAbsolute));
        assert_eq!(AbsPath::parse("~/E", None), Err(PathError::NotAbsolute));
        assert_eq!(AbsPath::parse("$HOME/E", Some(&home)), Err(PathError::NotAbsolute));
    }

    #[test]
    fn splits_off_the_last_name() {
        let path = RelPath::parse("a/b/c").unwrap();
        assert_eq!(path.split_last(), Some((RelPath::parse("a/b").unwrap(), "c")));
        assert_eq!(RelPath::parse("c").unwrap().split_last(), Some((RelPath::root(), "c")));
        assert_eq!(RelPath::root().split_last(), None);
    }
}
