//! A daemon that is killed and started again, at random, under a client that asks, opens
//! descriptors and follows an export: every answer is right, and the export whole at the end.
//!
//! The client is this test program once more (`client.rs`), so that the descriptors it has open are
//! its own. It writes a byte for each thing that it got, and a kill comes behind a number of those
//! that is rolled: so the daemon is in the middle of such work. The hazard: kills that hit nothing.

mod client;

use std::collections::BTreeMap;
use std::fs::DirEntry;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use darkslide_fixture::{BuiltAsset, BuiltLibrary, ManyOptions, Model, Version};
use darkslide_tests::process::{PATIENCE, Running, beside, command};
use darkslide_tests::service::{Place, Service};
use darkslide_tests::shared::slow_wanted;
use rustix::process::Signal;

use crate::DARKSLIDE;
use client::Sign;

/// Enough for an export that goes on over some kills, and of which each of these is told.
const ASSETS: usize = 240;
/// Every so-manieth is not on this disk, and told as an item.
const MISSING_EVERY: usize = 8;

#[test]
fn a_client_goes_on_over_kills_at_random_moments() {
    go_on_over(10);
}

mod slow {
    use super::*;

    #[test]
    fn a_client_goes_on_over_a_hundred_kills_at_random_moments() {
        if slow_wanted() {
            go_on_over(100);
        }
    }
}

fn go_on_over(kills: usize) {
    let mut dice = Dice::new();
    let place = Place::new();
    let options =
        ManyOptions { padding: 40_000, missing_every: MISSING_EVERY, ..Default::default() };
    let path = place.path().join("Large.photoslibrary");
    let library = darkslide_fixture::many(&path, Model::Photos11, ASSETS, options).unwrap();
    write_originals(&library, &place.path().join(client::ORIGINALS));
    let mut service = start(&place, &library);
    let client = Child::start(&place);
    // It asks the undisturbed daemon first what it is to hear later.
    client.wait_for((Sign::Answer, 1));
    for _ in 0..kills {
        client.wait_for(dice.roll_sign());
        service.process.signal(Signal::KILL);
        service.process.wait(PATIENCE);
        drop(service);
        if dice.roll(4) == 0 {
            kill_in_its_start(&place, &mut dice);
        }
        service = start(&place, &library);
    }
    println!("{kills} kills: {}", client.end());
    let expected = contents(&library);
    let exports = std::fs::read_dir(place.exports()).unwrap().map(|it| it.unwrap());
    let (probes, exports): (Vec<_>, Vec<_>) = exports.partition(is_of_a_probe);
    println!("{} killed in the probe of their start", probes.len());
    assert!(!exports.is_empty());
    for export in exports {
        let mut files = BTreeMap::new();
        gather(&export.path(), &mut files);
        assert!(files == expected, "{:?}", files.keys());
    }
}

fn start(place: &Place, library: &BuiltLibrary) -> Service {
    let daemon = beside(DARKSLIDE, "darkslided");
    place.start(daemon.to_str().unwrap(), &Place::policy(library.path()))
}

/// Starts a daemon that does not come to serve, as a rule: that takes longer.
fn kill_in_its_start(place: &Place, dice: &mut Dice) {
    let daemon = beside(DARKSLIDE, "darkslided");
    let mut command = place.command(daemon.to_str().unwrap());
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut process = Running(child);
    std::thread::sleep(Duration::from_micros(dice.roll(60_000).into()));
    process.signal(Signal::KILL);
    process.wait(PATIENCE);
}

/// Is it what a daemon leaves that is killed while it tries at its start what it may do?
fn is_of_a_probe(entry: &DirEntry) -> bool {
    entry.file_name().as_bytes().starts_with(b".darkslide-probe-")
}

/// Where its original is, if it is there.
fn original(asset: &BuiltAsset) -> Option<&Path> {
    let file = asset.file(Version::Original).unwrap();
    if file.present() { file.path() } else { None }
}

/// Tells the client what there is to open: UUID, and the path of the original if it is there.
fn write_originals(library: &BuiltLibrary, to: &Path) {
    let line = |asset: &BuiltAsset| {
        let path = original(asset)
            .map_or(String::new(), |it| library.path().join(it).display().to_string());
        format!("{}\t{path}\n", asset.uuid())
    };
    std::fs::write(to, library.assets().iter().map(line).collect::<String>()).unwrap();
}

/// What an export of it is, by file name.
fn contents(library: &BuiltLibrary) -> BTreeMap<String, Vec<u8>> {
    let present = library.assets().iter().filter_map(|asset| {
        let path = original(asset)?;
        let content = std::fs::read(library.path().join(path)).unwrap();
        Some((asset.original_name().to_owned(), content))
    });
    let contents: BTreeMap<_, _> = present.collect();
    assert_eq!(contents.len(), ASSETS - ASSETS / MISSING_EVERY, "names differ");
    contents
}

/// The files of an export; of its record, what should have gone.
fn gather(folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let (path, name) = (entry.as_ref().unwrap().path(), entry.unwrap().file_name());
        if name == ".darkslide" {
            let temporary = std::fs::read_dir(path.join("tmp")).into_iter().flatten();
            assert_eq!(temporary.count(), 0, "half files");
        } else if path.is_dir() {
            gather(&path, files);
        } else {
            let content = std::fs::read(&path).unwrap();
            let twice = files.insert(name.into_string().unwrap(), content);
            assert!(twice.is_none(), "{}", path.display());
        }
    }
}

/// The client's process, and how many of each sign it gave.
struct Child {
    process: Running,
    /// Closed, it tells the client that there are no more kills.
    stdin: Option<ChildStdin>,
    heard: Arc<(Mutex<Heard>, Condvar)>,
    log: std::path::PathBuf,
}

#[derive(Default)]
struct Heard {
    signs: BTreeMap<Sign, u32>,
    text: String,
    is_over: bool,
}

impl Child {
    fn start(place: &Place) -> Self {
        let log = place.path().join("client.log");
        let mut command = command(&std::env::current_exe().unwrap(), &place.home());
        command.args(["--exact", client::TEST, "--nocapture"]).env(client::PLACE, place.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(std::fs::File::create(&log).unwrap());
        let mut process = Running(command.spawn().unwrap());
        let (stdin, stdout) = (process.0.stdin.take(), process.0.stdout.take().unwrap());
        let heard = Arc::new((Mutex::new(Heard::default()), Condvar::new()));
        let listener = Arc::clone(&heard);
        std::thread::spawn(move || listen(stdout, &listener));
        Self { process, stdin, heard, log }
    }

    /// Waits for so many signs more.
    fn wait_for(&self, (sign, count): (Sign, u32)) {
        let (heard, changed) = &*self.heard;
        let of = |heard: &Heard| heard.signs.get(&sign).copied().unwrap_or(0);
        let heard = heard.lock().unwrap();
        let until = of(&heard) + count;
        let waits = |heard: &mut Heard| of(heard) < until && !heard.is_over;
        let (heard, late) = changed.wait_timeout_while(heard, PATIENCE, waits).unwrap();
        let ok = !late.timed_out() && !heard.is_over;
        assert!(ok, "no {sign:?}: {}\n{}", heard.text, self.log());
    }

    /// Waits for its good end; what it has to tell.
    fn end(mut self) -> String {
        drop(self.stdin.take());
        let status = self.process.wait(PATIENCE);
        let (heard, changed) = &*self.heard;
        let waits = |heard: &mut Heard| !heard.is_over;
        let heard = changed.wait_while(heard.lock().unwrap(), waits).unwrap();
        assert!(status.success(), "{}\n{}", heard.text, self.log());
        heard.text.lines().filter(|line| line.contains(client::TOLD)).collect()
    }

    /// What the client said, and the daemon.
    fn log(&self) -> String {
        let daemon = std::fs::read_to_string(self.log.with_file_name("log")).unwrap();
        format!("{}\n{daemon}", std::fs::read_to_string(&self.log).unwrap())
    }
}

/// Counts signs, and keeps all else, until the stream ends.
fn listen(mut stdout: ChildStdout, (heard, changed): &(Mutex<Heard>, Condvar)) {
    let mut bytes = [0; 1_024];
    loop {
        let count = stdout.read(&mut bytes).unwrap_or(0);
        let mut heard = heard.lock().unwrap();
        for byte in &bytes[..count] {
            match Sign::of(*byte) {
                Some(sign) => *heard.signs.entry(sign).or_default() += 1,
                None => heard.text.push(char::from(*byte)),
            }
        }
        heard.is_over = count == 0;
        changed.notify_all();
        if heard.is_over {
            return;
        }
    }
}

/// Numbers that look random, told when the test fails; `DARKSLIDE_SEED` makes them the same again.
struct Dice {
    seed: u64,
    state: u64,
}

impl Dice {
    fn new() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = u64::try_from(now.unwrap().as_millis()).unwrap();
        let seed = std::env::var("DARKSLIDE_SEED").map_or(now, |seed| seed.parse().unwrap());
        Self { seed, state: seed }
    }

    /// One of `0..below` (splitmix64).
    fn roll(&mut self, below: u32) -> u32 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((mixed ^ (mixed >> 31)) % u64::from(below)).unwrap()
    }

    /// Behind what the next kill comes; none of it: as soon as the daemon serves.
    fn roll_sign(&mut self) -> (Sign, u32) {
        match self.roll(3) {
            0 => (Sign::Answer, self.roll(80)),
            1 => (Sign::Descriptor, self.roll(40)),
            _ => (Sign::Event, self.roll(6)),
        }
    }
}

impl Drop for Dice {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("DARKSLIDE_SEED={}", self.seed);
        }
    }
}
