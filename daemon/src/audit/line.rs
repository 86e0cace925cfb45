//! One record of the audit log, and the one form that it has as a line.
//!
//! Pure: no file, no clock. A line is JSON in ASCII with its keys in the order of the type, so that
//! equal records are equal bytes; what is not printable ASCII is escaped, and a text is cut, so
//! that no line is longer than [`MAX_LINE_BYTES`]. The hazard: a name with a newline or a quote in
//! it, by which a peer writes a record of its own. `chain.rs` binds lines to each other.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The form of the lines. A greater number is a newer program's.
pub(crate) const FORMAT: u32 = 1;
/// Bytes of one text in a line, escaped: a name of any use is shorter, and a peer decides what some
/// of them say.
pub(crate) const MAX_TEXT_BYTES: usize = 256;
/// Bytes of a line with its newline: all texts, hashes, numbers and counts there can be.
pub(crate) const MAX_LINE_BYTES: usize = 8 * 1024;

/// What ends a text that was cut, as it stands in the line.
const CUT: char = '…';
const CUT_BYTES: usize = 6;

/// A text of somebody else, cut to what a line has room for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(String);

impl Text {
    /// Cuts a text so that it takes at most [`MAX_TEXT_BYTES`] in the line.
    #[must_use]
    pub(crate) fn new(text: &str) -> Self {
        let mut room = MAX_TEXT_BYTES;
        // Where it has to end if all of it has no room.
        let mut end = 0;
        for (at, character) in text.char_indices() {
            let bytes = escaped_bytes(character);
            if bytes > room {
                let kept = text.get(..end).unwrap_or_default();
                return Self(format!("{kept}{CUT}"));
            }
            room -= bytes;
            if room >= CUT_BYTES {
                end = at + character.len_utf8();
            }
        }
        Self(text.to_owned())
    }

    /// Lends it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn escaped_bytes(character: char) -> usize {
    match character {
        '"' | '\\' => 2,
        ' '..='~' => 1,
        other => 6 * other.len_utf16(),
    }
}

/// BLAKE3 of a line without its newline, or of what was left of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineHash(blake3::Hash);

impl LineHash {
    /// What stands before the first line of all.
    pub(crate) const NOTHING: Self = Self(blake3::Hash::from_bytes([0; 32]));

    /// The hash of these bytes.
    #[must_use]
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes))
    }

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        blake3::Hash::from_hex(text).ok().map(Self)
    }
}

impl From<&blake3::Hasher> for LineHash {
    fn from(hasher: &blake3::Hasher) -> Self {
        Self(hasher.finalize())
    }
}

impl fmt::Display for LineHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for LineHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_hex())
    }
}

impl<'de> Deserialize<'de> for LineHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no hash"))
    }
}

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The first line of a file.
    Genesis,
    /// What a file before ended with, and is no whole record.
    Recovered,
    /// For a while nothing could be written, and so much was refused.
    Unwritten,
    /// The daemon began to serve.
    Started,
    /// The daemon ended in good order.
    Ended,
    /// A peer was not let in.
    Peer,
    /// A request was decided on; of equal ones on one connection, the first.
    Request,
    /// So many more like it.
    Repeated,
    /// A descriptor was handed over.
    HandedOver,
    /// A job was ordered, goes on, or is over.
    Job,
}

/// What the policy said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Yes.
    Granted,
    /// No.
    Denied,
}

/// Who asked: the kernel's word, the policy's rule for it, and what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Who {
    /// The uid at connect time.
    pub uid: u32,
    /// The process at connect time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// The rule that applies to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Text>,
    /// On macOS: the requirements of the policy that its program was seen to meet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub program: Vec<Text>,
    /// The name that it claims. It decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<Text>,
}

/// What was asked for. Never a title, a place, or a path outside the roots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct About {
    /// The library, by its name in the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<Text>,
    /// The asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Text>,
    /// Which of its files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Text>,
    /// The root, by its name in the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<Text>,
    /// The path below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Text>,
    /// The job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<Text>,
    /// What kind of job, or which version of the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Text>,
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { library, uuid, version, root, path, job, kind } = self;
        let parts = [library, uuid, version, root, path, job, kind];
        let parts: Vec<&str> = parts.into_iter().flatten().map(Text::as_str).collect();
        f.write_str(&parts.join(" "))
    }
}

/// Numbers by what they count.
pub type Counts = BTreeMap<String, u64>;

/// What is to be recorded, before it has its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) event: Event,
    pub(crate) conn: Option<u64>,
    pub(crate) peer: Option<Who>,
    pub(crate) method: Option<Text>,
    pub(crate) about: About,
    pub(crate) decision: Option<Decision>,
    pub(crate) result: Option<Text>,
    pub(crate) counts: Counts,
    pub(crate) tail: Option<LineHash>,
}

impl Entry {
    /// A record that says no more than what happened.
    pub(crate) fn of(event: Event) -> Self {
        Self {
            event,
            conn: None,
            peer: None,
            method: None,
            about: About::default(),
            decision: None,
            result: None,
            counts: Counts::new(),
            tail: None,
        }
    }
}

/// When something was recorded, by both clocks, and by which start of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct When {
    pub(crate) time: String,
    pub(crate) mono: u64,
    pub(crate) boot: String,
}

/// One record, its members in the order of the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Record {
    /// The form.
    pub v: u32,
    /// Its number; from 0, without a gap.
    pub seq: u64,
    /// When, in UTC; that clock can be set.
    pub time: String,
    /// Milliseconds since that start of the daemon; that clock cannot.
    pub mono: u64,
    /// Which start: random.
    pub boot: String,
    /// What happened.
    pub event: Event,
    /// On which connection of that start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conn: Option<u64>,
    /// By whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Who>,
    /// By which method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Text>,
    /// What was asked for.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub about: About,
    /// What the policy said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// What became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Text>,
    /// How much.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: Counts,
    /// The hash of what a file before ended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<LineHash>,
    /// The hash of the line before.
    pub prev: LineHash,
}

fn is_nothing(about: &About) -> bool {
    *about == About::default()
}

impl Record {
    /// Puts an entry into its place.
    #[must_use]
    pub(crate) fn new(seq: u64, prev: LineHash, when: When, entry: Entry) -> Self {
        let When { time, mono, boot } = when;
        let Entry { event, conn, peer, method, about, decision, result, counts, tail } = entry;
        Self {
            v: FORMAT,
            seq,
            time,
            mono,
            boot,
            event,
            conn,
            peer,
            method,
            about,
            decision,
            result,
            counts,
            tail,
            prev,
        }
    }

    /// The line, without its newline.
    #[must_use]
    pub(crate) fn line(&self) -> Vec<u8> {
        let mut line = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut line, Ascii);
        self.serialize(&mut serializer).expect("text and numbers, into memory");
        line
    }

    /// Reads a line. None if it is not the one form of a record of this format.
    #[must_use]
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let record: Self = serde_json::from_slice(line).ok()?;
        (record.v == FORMAT && record.line() == line).then_some(record)
    }
}

/// JSON in printable ASCII.
struct Ascii;

impl serde_json::ser::Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut units = [0; 2];
        for character in fragment.chars() {
            match character {
                ' '..='~' => write!(writer, "{character}")?,
                other => {
                    for unit in other.encode_utf16(&mut units) {
                        write!(writer, "\\u{unit:04x}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A moment of a start.
    pub(crate) fn when(mono: u64) -> When {
        let time = "2026-11-26T10:40:11.123Z".to_owned();
        When { time, mono, boot: "0".repeat(32) }
    }

    /// A record with a text in each place that can hold one of somebody else.
    fn hostile(text: &str) -> Record {
        let text = || Some(Text::new(text));
        let mut entry = Entry::of(Event::Request);
        entry.peer =
            Some(Who { uid: 7, pid: Some(9), rule: text(), program: vec![], claims: text() });
        (entry.method, entry.result) = (text(), text());
        entry.about = About {
            library: text(),
            uuid: text(),
            version: text(),
            root: text(),
            path: text(),
            job: text(),
            kind: text(),
        };
        entry.decision = Some(Decision::Denied);
        entry.tail = Some(LineHash::NOTHING);
        Record::new(u64::MAX, LineHash::NOTHING, when(u64::MAX), entry)
    }

    #[test]
    fn keys_stand_in_one_order_and_what_is_absent_is_left_out() {
        let mut entry = Entry::of(Event::HandedOver);
        entry.conn = Some(3);
        entry.peer = Some(Who {
            uid: 501,
            pid: None,
            rule: Some(Text::new("me")),
            program: vec![],
            claims: None,
        });
        entry.method = Some(Text::new("resource.open"));
        entry.about.library = Some(Text::new("main"));
        entry.decision = Some(Decision::Granted);
        entry.counts.insert("bytes".to_owned(), 12);
        let line = Record::new(4, LineHash::NOTHING, when(5), entry).line();
        let zeros = "0".repeat(64);
        let boot = "0".repeat(32);
        assert_eq!(
            String::from_utf8(line).unwrap(),
            format!(
                r#"{{"v":1,"seq":4,"time":"2026-11-26T10:40:11.123Z","mono":5,"boot":"{boot}","event":"handed-over","conn":3,"peer":{{"uid":501,"rule":"me"}},"method":"resource.open","about":{{"library":"main"}},"decision":"granted","counts":{{"bytes":12}},"prev":"{zeros}"}}"#
            )
        );
    }

    /// L01, L02.
    #[test]
    fn no_text_leaves_its_place_or_its_line() {
        for text in [
            "\n",
            "\r\n\x1b[2J",
            "\u{85}\u{2028}\u{2029}\u{202e}",
            "\u{7f}\0\t\"\\",
            "\",\"decision\":\"granted\",\"x\":\"",
            "😀é",
        ] {
            let record = hostile(text);
            let line = record.line();
            assert!(line.iter().all(|byte| (b' '..=b'~').contains(byte)), "{text:?}");
            let read = Record::parse(&line).unwrap();
            assert_eq!(read.decision, Some(Decision::Denied), "{text:?}");
            assert_eq!(read.about.library.as_ref().map(Text::as_str), Some(text));
            assert_eq!(read, record);
        }
    }

    #[test]
    fn a_text_is_cut_at_its_limit_and_says_so() {
        let bytes = |text: &str| {
            let text = Text::new(text);
            let escaped: usize = text.as_str().chars().map(escaped_bytes).sum();
            (escaped, text.as_str().ends_with(CUT))
        };
        assert_eq!(bytes(&"x".repeat(MAX_TEXT_BYTES)), (MAX_TEXT_BYTES, false));
        assert_eq!(bytes(&"x".repeat(MAX_TEXT_BYTES + 1)), (MAX_TEXT_BYTES, true));
        assert_eq!(bytes(&"x".repeat(100_000)), (MAX_TEXT_BYTES, true));
        assert_eq!(bytes(&"\n".repeat(100_000)), (252, true));
        assert_eq!(bytes(&"😀".repeat(100_000)), (246, true));
    }

    #[test]
    fn the_longest_line_has_room() {
        for text in ["x", "\n", "\"", "😀"] {
            let mut record = hostile(&text.repeat(100_000));
            // More outcomes than there are.
            record.counts = (0..64).map(|n| (format!("{n:032}"), u64::MAX)).collect();
            assert!(record.line().len() < MAX_LINE_BYTES, "{text:?}: {}", record.line().len());
        }
    }

    #[test]
    fn only_the_one_form_of_a_record_is_read() {
        let good = String::from_utf8(hostile("x").line()).unwrap();
        assert!(Record::parse(good.as_bytes()).is_some());
        for (from, to) in [
            ("{\"v\":1", "{ \"v\":1"),
            ("{\"v\":1", "{\"v\":2"),
            ("{\"v\":1", "{\"v\":1,\"v\":1"),
            ("\"denied\"", "\"allowed\""),
            ("\"uid\":7", "\"uid\":7,\"more\":1"),
            ("\"uid\":7", "\"uid\":07"),
            ("\"prev\":\"0", "\"prev\":\"\\u0030"),
            ("\"prev\":\"0", "\"prev\":\"\0"),
        ] {
            assert!(good.contains(from));
            assert_eq!(Record::parse(good.replacen(from, to, 1).as_bytes()), None, "{from} {to}");
        }
        for half in [0, 1, good.len() / 2, good.len() - 1] {
            assert_eq!(Record::parse(&good.as_bytes()[..half]), None, "{half}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_text_says_a_record_is_read_as_it_was_written(text in any::<String>()) {
            let record = hostile(&text);
            let line = record.line();
            prop_assert!(line.is_ascii() && line.len() < MAX_LINE_BYTES);
            prop_assert_eq!(Record::parse(&line), Some(record));
        }
    }
}
