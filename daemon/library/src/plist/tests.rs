//! The readers of property lists against what Apple's programs write, and against what only an
//! enemy would.
//!
//! Values are compared as such and as JSON; a limit is tried at it, over it and far beyond. That
//! hostile lists are refused quickly shows in that these tests end.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::borrow::Cow;

use proptest::prelude::*;

use super::sample::{array, ascii, binary, container, list, map, text};
use super::*;

fn xml(inside: &str) -> Option<Value<'static>> {
    let list = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST \
         1.0//EN\" \"PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n{inside}\n</plist>\n"
    );
    read(Vec::leak(list.into_bytes()))
}

fn json_of(value: &Value<'_>) -> String {
    let mut out = Vec::new();
    value.write_json(&mut out);
    String::from_utf8(out).unwrap()
}

/// One of everything, keys in order.
fn everything() -> Value<'static> {
    map([
        ("", Value::Null),
        ("array", Value::Array(vec![Value::Bool(true), Value::Bool(false), text("x")])),
        ("big", Value::Integer(i128::from(u64::MAX))),
        ("data", Value::Data(Cow::Borrowed(&[0, 1, 255]))),
        ("date", Value::Date(596_906_868.25)),
        ("int", Value::Integer(-7)),
        ("map", map([("é", text("Zürich \u{1f600}"))])),
        ("real", Value::Real(0.1)),
        ("uid", Value::Uid(3)),
    ])
}

#[test]
fn reads_what_a_binary_list_holds() {
    assert_eq!(read(&binary(&everything())), Some(everything()));
}

#[test]
fn writes_bytes_and_references_as_null_and_dates_without_zone() {
    assert_eq!(
        json_of(&everything()),
        "{\"\":null,\"array\":[true,false,\"x\"],\"big\":18446744073709551615,\"data\":null,\
         \"date\":\"2019-12-01T15:27:48.250000\",\"int\":-7,\"map\":{\"é\":\"Zürich \u{1f600}\"},\
         \"real\":0.1,\"uid\":null}"
    );
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    for odd in odd.iter().flat_map(|it| [Value::Real(*it), Value::Date(*it)]) {
        assert_eq!(json_of(&odd), "null");
    }
    assert_eq!(json_of(&Value::Date(1e18)), "null");
    assert_eq!(json_of(&Value::Date(-0.5)), "\"2000-12-31T23:59:59.500000\"");
    assert_eq!(json_of(&Value::Date(0.999_999_9)), "\"2001-01-01T00:00:01\"");
    assert_eq!(json_of(&map([("\"\n", text("\u{0}"))])), r#"{"\"\n":"\u0000"}"#);
}

#[test]
fn numbers_of_every_width_have_their_sign() {
    let number = |object: &[u8]| read(&list(&[object.to_vec()])).map(|value| json_of(&value));
    assert_eq!(number(&[0x10, 0xff]).unwrap(), "255");
    assert_eq!(number(&[0x11, 0xff, 0xff]).unwrap(), "65535");
    assert_eq!(number(&[0x12, 0xff, 0xff, 0xff, 0xff]).unwrap(), "4294967295");
    assert_eq!(number(&[&[0x13][..], &[0xff; 8]].concat()).unwrap(), "-1");
    assert_eq!(number(&[&[0x14][..], &[0xff; 16]].concat()).unwrap(), "-1");
    assert_eq!(number(&[&[0x22][..], &1.5_f32.to_be_bytes()].concat()).unwrap(), "1.5");
    for bad in [&[0x15; 40][..], &[0x21, 0, 0], &[0x0f], &[0xc1, 0, 0, 0, 0], &[0x88; 10]] {
        assert_eq!(number(bad), None, "{bad:?}");
    }
}

#[test]
fn of_equal_keys_the_last_counts() {
    let twice = [container(0xd0, 2, [1, 1, 2, 3]), ascii("k"), vec![0x10, 1], vec![0x10, 2]];
    assert_eq!(json_of(&read(&list(&twice)).unwrap()), r#"{"k":2}"#);
    assert_eq!(
        json_of(&xml("<dict><key>k</key><true/><key>k</key><false/></dict>").unwrap()),
        r#"{"k":false}"#
    );
    assert_eq!(json_of(&read_json(br#"{"k":1,"a":0,"k":2}"#).unwrap()), r#"{"a":0,"k":2}"#);
}

#[test]
fn texts_that_are_no_unicode_are_read_as_far_as_they_go() {
    let object = [0x62, 0xd8, 0x00, 0x00, 0x61].to_vec();
    assert_eq!(read(&list(&[object])), Some(text("\u{fffd}a")));
    assert_eq!(read(&list(&[vec![0x51, 0xe9]])), None);
}

#[test]
fn reads_what_an_xml_list_holds() {
    let read = xml("<!-- a comment -->
        <dict>
          <key>array</key><array><true/><false></false><string/><array/></array>
          <key>a&amp;b</key><string>&lt;é&#233;&#xe9;&gt;&quot;&apos;<![CDATA[<&x;]]>\r\n</string>
          <key>data</key><data>\n AAH/ AA==\n</data>
          <key>date</key><date>2019-12-01T15:27:48Z</date>
          <key>int</key><integer> -7 </integer><key>hex</key><integer>0xff</integer>
          <key>real</key><real>1.5e3</real><key>map</key><dict/>
        </dict>");
    let expected = [
        ("a&b", text("<ééé>\"'<&x;\n")),
        (
            "array",
            Value::Array(vec![
                Value::Bool(true),
                Value::Bool(false),
                text(""),
                Value::Array(Vec::new()),
            ]),
        ),
        ("data", Value::Data(Cow::Borrowed(&[0, 1, 255, 0]))),
        ("date", Value::Date(596_906_868.0)),
        ("hex", Value::Integer(255)),
        ("int", Value::Integer(-7)),
        ("map", map([])),
        ("real", Value::Real(1500.0)),
    ];
    assert_eq!(read, Some(map(expected)));
}

#[test]
fn refuses_xml_that_is_no_list() {
    for bad in [
        "",
        "x",
        "<true/>x",
        "<true/><true/>",
        "<true>x</true>",
        "<true/></plist><plist><true/>",
        "<dict><key>a</key></dict>",
        "<dict><true/></dict>",
        "<dict><key>a</key><key>b</key><true/></dict>",
        "<array><key>a</key></array>",
        "<array></dict>",
        "<array>",
        "</array>",
        "<string>a<b/></string>",
        "<string>a</strong>",
        "<string>&lol;</string>",
        "<string>&#xd800;</string>",
        "<string>&amp</string>",
        "<integer>1.5</integer>",
        "<integer/>",
        "<real>x</real>",
        "<date>2019-13-01T00:00:00Z</date>",
        "<date>2019-12-01</date>",
        "<data>A</data>",
        "<data>!!!!</data>",
        "<set/>",
        "</>",
        "<>",
        "<!-- ",
        "<string><![CDATA[",
    ] {
        assert_eq!(xml(bad), None, "{bad}");
    }
    let declared = b"<!DOCTYPE plist [<!ENTITY a \"b\">]><plist><string>&a;</string></plist>";
    for bad in [&declared[..], b"<true/>", b"<plist/>", b"<plist>", b"\xff\xfe<", b"", b"{}"] {
        assert_eq!(read(bad), None);
    }
}

#[test]
fn json_numbers_are_the_doubles_that_were_written() {
    for (written, expected) in [
        ("[0.18609650440705128, 1e3, -0, 1E-7]", "[0.18609650440705128,1000.0,0,1e-7]"),
        (" { \"a\" : [ ] , \"b\" : { } } ", r#"{"a":[],"b":{}}"#),
        (r#""\u00e9\ud83d\ude00\/""#, "\"é😀/\""),
        ("18446744073709551616", "18446744073709551616"),
        ("1e999", "null"),
        ("null", "null"),
    ] {
        assert_eq!(json_of(&read_json(written.as_bytes()).unwrap()), expected, "{written}");
    }
}

#[test]
fn refuses_what_is_not_json() {
    for bad in [
        "",
        "[",
        "]",
        "{",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{1:2}",
        "1 2",
        "[1}",
        "{\"a\":1]",
        "nul",
        "inf",
        "-inf",
        "NaN",
        "+1",
        ".5",
        "1.",
        "\"",
        "\"\\\"",
        "\"\n\"",
        "\"\\ud800\"",
        "\"\\x\"",
        "[1 2]",
        "'a'",
        "--1",
        "1e",
        "é",
    ] {
        assert_eq!(read_json(bad.as_bytes()), None, "{bad}");
    }
    assert_eq!(read_json(b"\"\xff\""), None);
}

#[test]
fn a_list_is_read_up_to_its_limit_of_bytes_and_no_further() {
    let padded = |bytes: usize| {
        let mut list = b"<plist><true/></plist>".to_vec();
        list.resize(bytes, b' ');
        list
    };
    assert_eq!(read(&padded(MAX_BYTES)), Some(Value::Bool(true)));
    assert_eq!(read(&padded(MAX_BYTES + 1)), None);
    assert_eq!(read(&padded(MAX_BYTES * 16)), None);
    let mut long = binary(&Value::Bool(true));
    assert!(Binary::parse(&long).is_some());
    long.splice(8..8, vec![0; MAX_BYTES]);
    assert!(Binary::parse(&long).is_none());
    let digits =
        |digits: usize| vec![b' '; digits - 1].into_iter().chain([b'1']).collect::<Vec<_>>();
    assert_eq!(read_json(&digits(MAX_BYTES)), Some(Value::Integer(1)));
    assert_eq!(read_json(&digits(MAX_BYTES + 1)), None);
}

#[test]
fn values_are_counted_and_those_said_again_as_well() {
    let flags = |count: usize| Value::Array(vec![Value::Bool(true); count]);
    assert!(read(&binary(&flags(MAX_VALUES - 1))).is_some());
    assert!(read(&binary(&flags(MAX_VALUES))).is_none());
    let xml_of = |count: usize| xml(&format!("<array>{}</array>", "<true/>".repeat(count)));
    assert!(xml_of(MAX_VALUES - 1).is_some());
    assert!(xml_of(MAX_VALUES).is_none());
    // Ten arrays, each ten times the next: ten thousand million values in half a kilobyte.
    let laughs: Vec<_> = (1..=10).map(|next| array([next; 10])).chain([vec![9]]).collect();
    assert_eq!(read(&list(&laughs)), None);
}

#[test]
fn containers_nest_up_to_the_limit_and_no_further() {
    let nested = |depth: u32| {
        let mut objects: Vec<_> = (1..=depth).map(|next| array([next])).collect();
        objects.push(vec![9]);
        read(&list(&objects)).is_some()
    };
    let limit = u32::try_from(MAX_DEPTH).unwrap();
    assert!(nested(limit));
    assert!(!nested(limit + 1));
    assert!(!nested(200_000));
    let xml_of = |depth| xml(&("<array>".repeat(depth) + &"</array>".repeat(depth))).is_some();
    assert!(xml_of(MAX_DEPTH));
    assert!(!xml_of(MAX_DEPTH + 1));
    assert!(!xml_of(200_000));
    let json_of = |depth| read_json(("[".repeat(depth) + &"]".repeat(depth)).as_bytes()).is_some();
    assert!(json_of(MAX_DEPTH));
    assert!(!json_of(MAX_DEPTH + 1));
    assert!(!json_of(200_000));
}

#[test]
fn a_text_counts_as_often_as_it_is_said() {
    let said = |times: usize| {
        let long = ascii(&"x".repeat(MAX_TEXT_BYTES / 16));
        read(&list(&[array(vec![1; times]), long])).is_some()
    };
    assert!(said(16));
    assert!(!said(17));
    assert!(!said(60_000));
    let data = |bytes: usize| read(&binary(&Value::Data(vec![0; bytes].into()))).is_some();
    assert!(data(MAX_TEXT_BYTES));
    assert!(!data(MAX_TEXT_BYTES + 1));
}

#[test]
fn a_list_that_holds_itself_is_none() {
    assert_eq!(read(&list(&[array([0])])), None);
    assert_eq!(read(&list(&[array([0; 14])])), None);
    assert_eq!(read(&list(&[array([1, 1]), array([0, 0])])), None);
    assert_eq!(read(&list(&[container(0xd0, 1, [1, 0]), ascii("a")])), None);
    assert_eq!(read(&list(&[container(0xd0, 1, [0, 0])])), None);
}

#[test]
fn finds_a_number_by_its_key_and_builds_nothing() {
    let sample = |models: usize| {
        let keys: Vec<_> = (0..models).map(|number| format!("key{number}")).collect();
        let last = Value::Integer(19_320);
        let entries = keys.iter().map(|key| (key.as_str(), last.clone()));
        binary(&map(entries))
    };
    assert_eq!(top_level_integer(&sample(40), "key39"), Some(19_320));
    assert_eq!(top_level_integer(&sample(40), "key40"), None);
    assert_eq!(top_level_integer(&sample(binary::MAX_KEYS), "key0"), Some(19_320));
    assert_eq!(top_level_integer(&sample(binary::MAX_KEYS + 1), "key0"), None);
    assert_eq!(top_level_integer(&sample(4_000), "key0"), None);
    let mut long = sample(1);
    long.splice(8..8, vec![0; MAX_PLIST_BYTES]);
    assert_eq!(top_level_integer(&long, "key0"), None);
    for bad in [&b""[..], b"bplist00", b"<?xml version", &[0xff; 64]] {
        assert_eq!(top_level_integer(bad, "A"), None);
    }
}

#[test]
fn no_prefix_and_no_changed_byte_makes_it_panic() {
    let sample = binary(&everything());
    for end in 0..sample.len() {
        drop(read(&sample[..end]));
    }
    for at in 0..sample.len() {
        for value in [0, 1, 0x1f, 0x5f, 0x7f, 0xaf, 0xdf, 0xff] {
            let mut damaged = sample.clone();
            damaged[at] = value;
            drop(read(&damaged));
        }
    }
}

fn any_value() -> impl Strategy<Value = Value<'static>> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|it| Value::Integer(it.into())),
        prop::num::f64::NORMAL.prop_map(Value::Real),
        ".{0,20}".prop_map(|it| Value::Text(it.into())),
    ];
    leaf.prop_recursive(4, 64, 20, |inner| {
        let key = ".{0,20}".prop_map(Cow::from);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::Array),
            prop::collection::btree_map(key, inner, 0..20)
                .prop_map(|it| Value::Map(it.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_binary_list_is_read_as_what_was_written(value in any_value()) {
        let list = binary(&value);
        prop_assert_eq!(read(&list), Some(value));
    }

    #[test]
    fn json_that_was_written_is_read_as_the_same(value in any_value()) {
        let json = json_of(&value);
        prop_assert_eq!(read_json(json.as_bytes()), Some(value));
    }

    #[test]
    fn what_is_json_for_others_is_json_here(text in "[\\[\\]{}:,\"\\\\a1.e\\- ]{0,12}") {
        if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
            prop_assert!(read_json(text.as_bytes()).is_some());
        }
    }

    #[test]
    fn arbitrary_bytes_make_no_panic(
        body in prop::collection::vec(any::<u8>(), 0..200), sizes in any::<(u8, u8)>(),
        objects in 0_u64..40, top in 0_u64..40, table in 0_u64..220,
    ) {
        let mut bytes = b"bplist00".to_vec();
        bytes.extend(&body);
        bytes.extend([0, 0, 0, 0, 0, 0, sizes.0 % 9, sizes.1 % 9]);
        for number in [objects, top, table] {
            bytes.extend(number.to_be_bytes());
        }
        drop(read(&bytes));
        let _: Option<i64> = top_level_integer(&bytes, "A");
        drop(read_json(&body));
    }

    #[test]
    fn arbitrary_xml_makes_no_panic(
        text in "(</?(plist|dict|array|key|string|data|date|integer|real|true)/?>|<!--|<\\?|\
                 &[a-z#0-9]{0,4};?|[ -~é\r\n]){0,40}",
    ) {
        drop(read(text.as_bytes()));
        drop(read(format!("<plist>{text}</plist>").as_bytes()));
    }

    #[test]
    fn no_flipped_bits_make_it_panic(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..8),
    ) {
        let mut damaged = binary(&everything());
        for (at, bit) in flips {
            let at = at.index(damaged.len());
            damaged[at] ^= 1 << bit;
        }
        drop(read(&damaged));
    }
}
