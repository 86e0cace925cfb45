//! What a verifier finds: each edit, each line that is gone, swapped or put in, a tail that is cut.
//!
//! Logs are made in memory, in three files, the way the daemon makes them: a genesis line each, and
//! a torn end that the next file names.

use proptest::prelude::*;

use super::super::line::tests::when;
use super::*;

/// The bytes of each file.
type Files = Vec<Vec<u8>>;

/// Two lines, then as many as asked for, a piece of one, and what names it in the second of three
/// files.
fn log(lines: u64) -> Files {
    let mut place = Link::START;
    let mut files = Files::new();
    let begin = |files: &mut Files, place: &mut Link| {
        files.push(Vec::new());
        put(files, place, Entry::of(Event::Genesis));
    };
    begin(&mut files, &mut place);
    put(&mut files, &mut place, Entry::of(Event::Started));
    for _ in 0..lines {
        put(&mut files, &mut place, Entry::of(Event::Request));
    }
    let piece = b"{\"v\":1,\"seq\":";
    files.last_mut().unwrap().extend(piece);
    begin(&mut files, &mut place);
    put(&mut files, &mut place, recovered(piece));
    put(&mut files, &mut place, Entry::of(Event::Started));
    begin(&mut files, &mut place);
    put(&mut files, &mut place, Entry::of(Event::Ended));
    files
}

fn put(files: &mut Files, place: &mut Link, entry: Entry) {
    let (line, next) = place.seal(when(place.seq), entry);
    files.last_mut().unwrap().extend(line);
    *place = next;
}

fn recovered(piece: &[u8]) -> Entry {
    let mut entry = Entry::of(Event::Recovered);
    entry.counts.insert(BYTES.to_owned(), piece.len() as u64);
    entry.tail = Some(LineHash::of(piece));
    entry
}

fn verify_from(first: u32, files: &[Vec<u8>], kept: Option<Head>) -> Result<Verified, Broken> {
    let mut verifier = Verifier::new(kept);
    for (number, file) in (first..).zip(files) {
        verifier.file(number, &mut file.as_slice(), &mut |_| ())?;
    }
    verifier.finish()
}

fn verify(files: &[Vec<u8>], kept: Option<Head>) -> Result<Verified, Broken> {
    verify_from(FIRST_FILE, files, kept)
}

fn bad(files: &[Vec<u8>], kept: Option<Head>) -> Option<u64> {
    verify(files, kept).unwrap_err().seq()
}

fn head(files: &[Vec<u8>]) -> Head {
    verify(files, None).unwrap().head.unwrap()
}

/// The lines of the first file.
fn lines(files: &Files) -> Vec<Vec<u8>> {
    files[0].split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn with(files: &Files, lines: &[Vec<u8>]) -> Files {
    let mut files = files.clone();
    files[0] = lines.concat();
    files
}

#[test]
fn a_log_is_sound_with_its_torn_piece_and_tells_its_head() {
    let files = log(5);
    let verified = verify(&files, None).unwrap();
    let head = verified.head.unwrap();
    assert_eq!((verified.first, head.seq, verified.recovered), (Some(0), 11, 1));
    assert_eq!(verified.unfinished, 0);
    assert_eq!(verify(&files, Some(head)).unwrap(), verified);
    assert_eq!(head.to_string().parse(), Ok(head));
    for wrong in ["", "7", "7:", "x:y", &format!("-1:{}", head.hash), &format!("{head}0")] {
        assert_eq!(wrong.parse::<Head>(), Err(HeadError), "{wrong}");
    }
    assert_eq!(verify(&[], None).unwrap().head, None, "nothing is sound, too");
}

/// L04.
#[test]
fn the_first_bad_line_is_named() {
    let files = log(5);
    let lines = lines(&files);
    let changed = |at: usize, from: &str, to: &str| {
        let mut lines = lines.clone();
        let text = String::from_utf8(lines[at].clone()).unwrap();
        assert!(text.contains(from));
        lines[at] = text.replacen(from, to, 1).into_bytes();
        bad(&with(&files, &lines), None)
    };
    assert_eq!(changed(3, "request", "started"), Some(3), "its event");
    assert_eq!(changed(3, "\"seq\":3", "\"seq\":9"), Some(3), "its number");
    assert_eq!(changed(3, "\"prev\":\"", "\"prev\":\"0"), Some(3), "no longer a hash");
    let digit = String::from_utf8(lines[3].clone()).unwrap().find("prev").unwrap() + 7;
    let mut other = lines.clone();
    other[3][digit] = if other[3][digit] == b'0' { b'1' } else { b'0' };
    assert_eq!(bad(&with(&files, &other), None), Some(3), "another hash");

    let mut dropped = lines.clone();
    dropped.remove(3);
    assert_eq!(bad(&with(&files, &dropped), None), Some(3), "dropped");
    let mut swapped = lines.clone();
    swapped.swap(3, 4);
    assert_eq!(bad(&with(&files, &swapped), None), Some(3), "swapped");
    let mut inserted = lines.clone();
    let place = Link::after(3, lines[3].strip_suffix(b"\n").unwrap());
    inserted.insert(4, place.seal(when(4), Entry::of(Event::Request)).0);
    assert_eq!(bad(&with(&files, &inserted), None), Some(4), "put in, and it fits");
    let mut twice = lines.clone();
    twice.insert(4, lines[3].clone());
    assert_eq!(bad(&with(&files, &twice), None), Some(3), "there twice");
}

#[test]
fn a_file_that_is_gone_is_found_unless_it_is_the_first() {
    let files = log(5);
    let first = verify(&files[..1], None).unwrap().head.unwrap().seq;
    let without = [files[0].clone(), files[2].clone()];
    assert_eq!(bad(&without, None), Some(first + 1));
    let rest = verify_from(2, &files[1..], None).unwrap();
    assert_eq!((rest.first, rest.recovered), (Some(first + 1), 1), "older ones are removed");
    let kept = Head { seq: 1, hash: LineHash::NOTHING };
    let told = verify_from(2, &files[1..], Some(kept));
    assert!(matches!(told, Err(Broken::TooOld { seq: 1, first: 7 })), "{told:?}");
    assert_eq!(bad(&files[1..], None), Some(7), "the first file of all begins at 0");
}

/// L04: the end is what only a kept head holds.
#[test]
fn a_tail_that_is_cut_off_is_found_by_the_head_alone() {
    let files = log(5);
    let kept = head(&files);
    let cut = &files[..1];
    let told = verify(cut, None).unwrap();
    assert!(told.unfinished > 0 && told.head.unwrap().seq == 6);
    assert!(matches!(verify(cut, Some(kept)), Err(Broken::Cut { seq: 7 })));
    assert!(matches!(verify(&[], Some(kept)), Err(Broken::Cut { seq: 0 })));
    // Written anew, from the beginning and as long.
    let mut anew = log(6);
    anew.pop();
    let told = verify(&anew, Some(kept));
    assert!(matches!(told, Err(Broken::Rewritten { seq: 11 }) | Err(Broken::Cut { seq: 11 })));
    let anew = log(6);
    assert!(matches!(verify(&anew, Some(kept)), Err(Broken::Rewritten { seq: 11 })));
}

#[test]
fn a_piece_is_accepted_only_where_a_line_names_it_or_nothing_follows() {
    let files = log(5);
    let mut other = files.clone();
    *other[0].last_mut().unwrap() = b'x';
    assert_eq!(bad(&other, None), Some(8), "another piece than the one that was named");
    let mut none = files.clone();
    let whole = none[0].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    none[0].truncate(whole);
    assert_eq!(bad(&none, None), Some(8), "a piece that was named and is gone");
    let mut unnamed = files.clone();
    unnamed[1].extend(b"{\"v\"");
    assert_eq!(bad(&unnamed, None), Some(11), "a piece that nobody named");
    let mut last = files.clone();
    last[2].extend(b"{\"v\"");
    assert_eq!(verify(&last, None).unwrap().unfinished, 4, "a line that is being written");
    last[2].extend(b"\n");
    assert_eq!(bad(&last, None), Some(12), "but no line that is none");
    let mut long = files;
    long[2].extend(vec![b'x'; 3 * MAX_LINE_BYTES]);
    assert_eq!(verify(&long, None).unwrap().unfinished, 3 * MAX_LINE_BYTES as u64);
}

#[test]
fn the_last_whole_record_is_found_behind_whatever_follows() {
    let files = log(5);
    let last = |bytes: &[u8]| last_whole(bytes).map(|(record, link, at)| (record.seq, link, at));
    let whole = files[0].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let (seq, link, at) = last(&files[0]).unwrap();
    assert_eq!((seq, link.seq, at), (6, 7, whole));
    let mut garbage = files[0][..whole].to_vec();
    garbage.extend(b"\0\0\n\n{}\nxx");
    assert_eq!(last(&garbage), Some((seq, link, whole)));
    assert_eq!(last(b""), None);
    assert_eq!(last(b"\n\nx\n"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// With a head that was kept, nothing of it can be changed at all.
    #[test]
    fn any_edit_of_a_byte_is_found(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let files = log(5);
        let kept = head(&files);
        let mut changed = files.clone();
        let file = at.index(files.len());
        let byte = at.index(files[file].len());
        prop_assume!(changed[file][byte] != to);
        changed[file][byte] = to;
        prop_assert!(verify(&changed, Some(kept)).is_err(), "{file} {byte} {to}");
    }

    #[test]
    fn any_line_that_is_dropped_swapped_or_repeated_is_found(
        first in 0_usize..7,
        second in 0_usize..7,
    ) {
        let files = log(5);
        let lines = lines(&files);
        let mut dropped = lines.clone();
        dropped.remove(first);
        prop_assert!(verify(&with(&files, &dropped), None).is_err());
        let mut repeated = lines.clone();
        repeated.insert(second, lines[first].clone());
        prop_assert!(verify(&with(&files, &repeated), None).is_err());
        let mut swapped = lines.clone();
        swapped.swap(first, second);
        prop_assert_eq!(verify(&with(&files, &swapped), None).is_err(), first != second);
    }

    /// A crash at any byte: what is whole is kept, and the rest is named by its length.
    #[test]
    fn a_log_cut_at_any_byte_is_sound_and_a_kept_head_tells(at in any::<prop::sample::Index>()) {
        let files = log(5);
        let kept = head(&files);
        let length = at.index(files[2].len());
        let mut cut = files.clone();
        cut[2].truncate(length);
        let verified = verify(&cut, None).unwrap();
        let whole = files[2][..length].iter().rposition(|byte| *byte == b'\n').map_or(0, |n| n + 1);
        prop_assert_eq!(verified.unfinished, (length - whole) as u64);
        let is_cut = matches!(verify(&cut, Some(kept)), Err(Broken::Cut { .. }));
        prop_assert!(is_cut);
    }
}
