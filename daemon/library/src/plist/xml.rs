//! The XML form, as Apple's programs write it: ten elements, no attributes that mean anything.
//!
//! A reader of this one dialect, not of XML: UTF-8 only, no entities but the five and numbers, a
//! document type without declarations of its own. What is beyond that is no list, so nothing can
//! be declared that grows, and nothing is ever fetched. The hazard: a text in the wrong place that
//! is skipped silently; everything between elements but space and comments is an error.

use std::borrow::Cow;

use jiff::civil::DateTime;

use super::Value;
use super::builder::{Builder, Kind};

/// Where dates of lists are counted from.
const EPOCH: DateTime = DateTime::constant(2001, 1, 1, 0, 0, 0, 0);

/// Builds the whole list.
pub(super) fn read(bytes: &[u8]) -> Option<Value<'_>> {
    let text = str::from_utf8(bytes).ok()?;
    let mut rest = text.trim_start_matches('\u{feff}');
    let mut builder = Builder::default();
    let (mut begun, mut ended) = (false, false);
    while let Some(tag) = next_tag(&mut rest)? {
        match (tag.name, tag.form) {
            ("plist", Form::Begin) if !begun => begun = true,
            ("plist", Form::End) if begun && !ended => ended = true,
            _ if !begun || ended => return None,
            ("dict", form) => container(&mut builder, Kind::Map, form)?,
            ("array", form) => container(&mut builder, Kind::Array, form)?,
            ("true", Form::Empty) => builder.value(Value::Bool(true))?,
            ("false", Form::Empty) => builder.value(Value::Bool(false))?,
            ("true" | "false", Form::Begin) => {
                let value = content(&mut rest, tag.name)?.trim().is_empty();
                value.then(|| builder.value(Value::Bool(tag.name == "true")))??;
            }
            ("key", Form::Begin) => builder.key(content(&mut rest, "key")?)?,
            ("key", Form::Empty) => builder.key(Cow::Borrowed(""))?,
            (name, Form::Begin) => builder.value(leaf(name, content(&mut rest, name)?)?)?,
            (name, Form::Empty) => builder.value(leaf(name, Cow::Borrowed(""))?)?,
            (_, Form::End) => return None,
        }
    }
    if ended { builder.finish() } else { None }
}

#[derive(Clone, Copy)]
enum Form {
    Begin,
    End,
    Empty,
}

struct Tag<'a> {
    name: &'a str,
    form: Form,
}

/// The next element's beginning or end; `Some(None)` where nothing is left.
fn next_tag<'a>(rest: &mut &'a str) -> Option<Option<Tag<'a>>> {
    loop {
        *rest = rest.trim_start();
        if rest.is_empty() {
            return Some(None);
        }
        if let Some(comment) = rest.strip_prefix("<!--") {
            *rest = comment.split_once("-->")?.1;
        } else if let Some(instruction) = rest.strip_prefix("<?") {
            *rest = instruction.split_once("?>")?.1;
        } else if let Some(doctype) = rest.strip_prefix("<!DOCTYPE") {
            let (declared, after) = doctype.split_once('>')?;
            if declared.contains('[') {
                return None;
            }
            *rest = after;
        } else {
            let (inside, after) = rest.strip_prefix('<')?.split_once('>')?;
            *rest = after;
            let (inside, form) = match (inside.strip_prefix('/'), inside.strip_suffix('/')) {
                (Some(inside), None) => (inside, Form::End),
                (None, Some(inside)) => (inside, Form::Empty),
                (None, None) => (inside, Form::Begin),
                (Some(_), Some(_)) => return None,
            };
            let name = inside.split_ascii_whitespace().next()?;
            return Some(Some(Tag { name, form }));
        }
    }
}

fn container(builder: &mut Builder<'_>, kind: Kind, form: Form) -> Option<()> {
    match form {
        Form::Begin => builder.begin(kind),
        Form::End => builder.end(kind),
        Form::Empty => {
            builder.begin(kind)?;
            builder.end(kind)
        }
    }
}

/// The text up to the end of the element, which holds no other.
fn content<'a>(rest: &mut &'a str, name: &str) -> Option<Cow<'a, str>> {
    let mut text = Cow::Borrowed("");
    loop {
        let (before, after) = rest.split_once('<')?;
        append(&mut text, unescaped(before)?);
        if let Some(section) = after.strip_prefix("![CDATA[") {
            let (inside, after) = section.split_once("]]>")?;
            append(&mut text, lines(inside));
            *rest = after;
        } else if let Some(comment) = after.strip_prefix("!--") {
            *rest = comment.split_once("-->")?.1;
        } else {
            let (end, after) = after.strip_prefix('/')?.split_once('>')?;
            *rest = after;
            return (end.trim_end() == name).then_some(text);
        }
    }
}

fn append<'a>(text: &mut Cow<'a, str>, more: Cow<'a, str>) {
    if text.is_empty() {
        *text = more;
    } else {
        text.to_mut().push_str(&more);
    }
}

/// XML reads every end of a line as one line feed.
fn lines(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

fn unescaped(text: &str) -> Option<Cow<'_, str>> {
    let text = lines(text);
    if !text.contains('&') {
        return Some(text);
    }
    let mut parts = text.split('&');
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let (entity, after) = part.split_once(';')?;
        plain.push(match entity {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let number = entity.strip_prefix('#')?;
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)?
            }
        });
        plain.push_str(after);
    }
    Some(Cow::Owned(plain))
}

fn leaf<'a>(name: &str, text: Cow<'a, str>) -> Option<Value<'a>> {
    Some(match name {
        "string" => Value::Text(text),
        "integer" => Value::Integer(integer(text.trim())?),
        "real" => Value::Real(text.trim().parse().ok()?),
        "date" => Value::Date(date(text.trim())?),
        "data" => Value::Data(Cow::Owned(base64(&text)?)),
        _ => return None,
    })
}

fn integer(text: &str) -> Option<i128> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok().map(i128::from),
        None => text.parse().ok(),
    }
}

/// `2019-12-01T15:27:48Z`.
fn date(text: &str) -> Option<f64> {
    let (day, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut day = day.splitn(3, '-');
    let mut time = time.splitn(3, ':');
    let (year, month, day) = (day.next()?, day.next()?, day.next()?);
    let (hour, minute, second) = (time.next()?, time.next()?, time.next()?);
    let date = DateTime::new(
        year.parse().ok()?,
        month.parse().ok()?,
        day.parse().ok()?,
        hour.parse().ok()?,
        minute.parse().ok()?,
        second.parse().ok()?,
        0,
    );
    Some(date.ok()?.duration_since(EPOCH).as_secs_f64())
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut group, mut digits) = (0_u32, 0_u32);
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()).take_while(|it| *it != b'=')
    {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        group = (group << 6) | u32::from(digit);
        digits += 1;
        if digits == 4 {
            let [_, whole @ ..] = group.to_be_bytes();
            bytes.extend_from_slice(&whole);
            (group, digits) = (0, 0);
        }
    }
    let [_, first, second, _] = (group << (6 * (4 - digits))).to_be_bytes();
    match digits {
        0 => {}
        2 => bytes.push(first),
        3 => bytes.extend_from_slice(&[first, second]),
        _ => return None,
    }
    Some(bytes)
}
