//! What is a template, and what is refused: each mistake by its own error.
//!
//! Every limit at, over and absurdly over it. The hazard: a text of a stranger that names a folder
//! above the destination.

use super::*;

#[track_caller]
fn refused(layout: &str, expected: TemplateError) {
    assert_eq!(Levels::parse(layout), Err(expected), "{layout:.80}");
}

#[track_caller]
fn names_refused(names: &str, expected: TemplateError) {
    let flat = Levels::parse("flat").unwrap();
    assert_eq!(parse_names(names, &flat), Err(expected), "{names:.80}");
}

#[test]
fn the_words_of_the_closed_list_are_known_and_no_other() {
    for (name, _) in FIELDS {
        let layout = format!("{{album}}/{{{name}}} {{{name}|none}}");
        assert!(Levels::parse(&layout).is_ok(), "{name}");
    }
    let of = LAYOUT;
    for unknown in ["date", "Year", " year", "year ", "", "place", "title:x", "0"] {
        let layout = format!("{{year}}/{{{unknown}}}");
        let error = Levels::parse(&layout).unwrap_err();
        assert_eq!(error, TemplateError::UnknownField { of, at: 2 }, "{unknown}");
        assert!(error.hint().contains("place.city"));
    }
}

#[test]
fn texts_and_defaults_are_kept_as_they_are() {
    let levels = Levels::parse("a{{b}}{title|x|y}{title|}c/Cafe\u{301}").unwrap();
    let title =
        |default: &str| Part::Value { field: Field::Title, default: Some(default.to_owned()) };
    let text = |text: &str| Part::Text(text.to_owned());
    let first = [text("a{b}"), title("x|y"), title(""), text("c")];
    assert_eq!(levels.of(false)[0].parts(), first);
    assert_eq!(levels.of(false)[1].parts(), [text("Cafe\u{301}")]);
}

#[test]
fn what_could_leave_the_destination_is_refused() {
    refused("{year}/../{month}", TemplateError::Dots { name: ".." });
    refused("..", TemplateError::Dots { name: ".." });
    refused("./{year}", TemplateError::Dots { name: "." });
    for layout in ["/{year}", "{year}/", "{year}//{month}", "/"] {
        refused(layout, TemplateError::EmptyFolder);
    }
    refused("", TemplateError::Empty { of: LAYOUT });
    names_refused("", TemplateError::Empty { of: NAMES });
    names_refused("{title}/x", TemplateError::Slash { of: NAMES });
    names_refused("{title|a/b}", TemplateError::Slash { of: NAMES });
    refused("{title|a/b}", TemplateError::Slash { of: LAYOUT });
    for control in ["a\0", "{title|\n}", "\u{7f}", "\u{85}x"] {
        refused(control, TemplateError::Control { of: LAYOUT });
        names_refused(control, TemplateError::Control { of: NAMES });
    }
}

#[test]
fn braces_come_in_pairs() {
    for text in ["{year", "year}", "{", "}", "{title|{year}}", "{{{title}}", "a}b"] {
        refused(text, TemplateError::Brace { of: LAYOUT });
        names_refused(text, TemplateError::Brace { of: NAMES });
    }
}

#[test]
fn so_many_fields_folders_and_bytes_and_no_more() {
    let of = LAYOUT;
    assert!(Levels::parse(&"{day}".repeat(MAX_FIELDS)).is_ok());
    let too_many = TemplateError::TooManyFields { of, limit: MAX_FIELDS };
    refused(&"{day}".repeat(MAX_FIELDS + 1), too_many.clone());
    refused(&"{uuid}".repeat(10_000), too_many.clone());
    refused(&"{day}/".repeat(10_000), TemplateError::TooManyFolders { limit: MAX_FOLDERS });

    let folders = |count| vec!["x"; count].join("/");
    assert!(Levels::parse(&folders(MAX_FOLDERS)).is_ok());
    for count in [MAX_FOLDERS + 1, 1_000_000] {
        refused(&folders(count), TemplateError::TooManyFolders { limit: MAX_FOLDERS });
    }

    assert!(Levels::parse(&"x".repeat(MAX_TEMPLATE_BYTES)).is_ok());
    for bytes in [MAX_TEMPLATE_BYTES + 1, 10_000_000] {
        let limit = MAX_TEMPLATE_BYTES;
        refused(&"x".repeat(bytes), TemplateError::TooLong { of, bytes, limit });
    }
}

#[test]
fn an_album_in_a_name_or_a_folder_above_it_needs_a_folder_of_its_own() {
    refused("{folder}/{year}", TemplateError::FolderWithoutAlbum);
    for names in ["{album}", "{folder}", "{original_name} {album|none}"] {
        names_refused(names, TemplateError::AlbumInNames);
        for layout in ["album", "{year}/{album}", "{folder} {album}"] {
            assert!(parse_names(names, &Levels::parse(layout).unwrap()).is_ok());
        }
        for layout in ["date", "{title}"] {
            assert!(parse_names(names, &Levels::parse(layout).unwrap()).is_err());
        }
    }
}

#[test]
fn a_suffix_is_a_mark_and_no_other_one() {
    for good in ["", "_edited", "-edit", " (edited)", ".edited", "_é", "_liv", "_x_raw_"] {
        assert_eq!(check_suffix(good, true), Ok(()), "{good}");
    }
    let of = SUFFIX;
    for (suffix, expected) in [
        ("a/b", TemplateError::Slash { of }),
        ("_\n", TemplateError::Control { of }),
        ("_{title}", TemplateError::Brace { of }),
        ("edited", TemplateError::SuffixStart),
        ("M1", TemplateError::SuffixStart),
        ("$", TemplateError::SuffixStart),
        ("\u{301}", TemplateError::SuffixStart),
        ("_edited ", TemplateError::SuffixText),
        ("_?", TemplateError::SuffixText),
        ("_e\u{301}", TemplateError::SuffixText),
        ("_\u{202e}", TemplateError::SuffixText),
        ("_raw", TemplateError::SuffixTaken),
        ("_LIVE", TemplateError::SuffixTaken),
        ("_my_live", TemplateError::SuffixTaken),
        (" (12345678)", TemplateError::SuffixTaken),
        ("(abc)_x", TemplateError::SuffixTaken),
        (")", TemplateError::SuffixTaken),
    ] {
        assert_eq!(check_suffix(suffix, true), Err(expected), "{suffix}");
    }
    assert_eq!(check_suffix("_?", false), Ok(()));
}

#[test]
fn a_suffix_has_so_many_bytes_and_no_more() {
    let suffix = |bytes: usize| "_".repeat(bytes);
    assert_eq!(check_suffix(&suffix(MAX_SUFFIX_BYTES), true), Ok(()));
    for bytes in [MAX_SUFFIX_BYTES + 1, 1_000_000] {
        let (of, limit) = (SUFFIX, MAX_SUFFIX_BYTES);
        let expected = TemplateError::TooLong { of, bytes, limit };
        assert_eq!(check_suffix(&suffix(bytes), true), Err(expected));
    }
}
