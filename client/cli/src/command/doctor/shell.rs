//! Lines that a person pastes into a shell: words quoted so that they stay one word and do nothing
//! else, whatever a path has in it.
//!
//! Pure. What a terminal would obey is written as octal escapes, which shells put back (`$'…'`, of
//! POSIX since 2024). The hazard: a folder whose name is a command.

use std::path::Path;

use darkslide_client::protocol::strict::is_plain;

/// Writes the first policy; on a Mac it has to be root's.
pub(super) const POLICY_INIT: &str =
    if cfg!(target_os = "macos") { "sudo darkslide policy init" } else { "darkslide policy init" };

/// A path as one word of a shell.
pub(super) fn word(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.chars().any(|it| !is_plain(it)) {
        return escaped(&text);
    }
    let is_bare = |it: char| it.is_ascii_alphanumeric() || "/._-+,:@%".contains(it);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_bare) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn escaped(text: &str) -> String {
    let mut word = String::from("$'");
    for character in text.chars() {
        match character {
            '\'' | '\\' => word.extend(['\\', character]),
            _ if is_plain(character) => word.push(character),
            _ => {
                let mut bytes = [0; 4];
                for byte in character.encode_utf8(&mut bytes).bytes() {
                    word.push_str(&format!("\\{byte:03o}"));
                }
            }
        }
    }
    word.push('\'');
    word
}

/// Opens a file in the person's editor, at a line.
pub(super) fn edit(file: &Path, line: Option<usize>) -> String {
    let at = line.map_or_else(String::new, |line| format!("+{line} "));
    format!("${{EDITOR:-vi}} {at}{}", word(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_one_word() {
        for (path, expected) in [
            ("/run/user/7/darkslide/s", "/run/user/7/darkslide/s"),
            ("/home/me/Photos Library", "'/home/me/Photos Library'"),
            ("/x/$(reboot)`y`", "'/x/$(reboot)`y`'"),
            ("it's", r"'it'\''s'"),
            ("-rf", "'-rf'"),
            ("", "''"),
            ("a\nb'\x1b", r"$'a\012b\'\033'"),
            ("x\u{202e}y", r"$'x\342\200\256y'"),
        ] {
            assert_eq!(word(Path::new(path)), expected);
        }
        assert_eq!(edit(Path::new("/p"), Some(3)), "${EDITOR:-vi} +3 /p");
    }
}
