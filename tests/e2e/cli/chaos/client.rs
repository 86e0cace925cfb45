//! The client's part: it asks, opens and follows until its stdin is closed, and holds all that
//! against what the undisturbed daemon said, and against the files.
//!
//! A process of its own; without being asked to, it does nothing. Every wait is a call of the
//! client, with its timeout. The hazard: a call that fails for a kill though it only reads.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use darkslide_client::protocol::error::ErrorName;
use darkslide_client::protocol::event::EventKind;
use darkslide_client::protocol::message::asset::AssetQueryParams;
use darkslide_client::protocol::message::export::{DestinationText, ExportSpec, ExportStartParams};
use darkslide_client::protocol::message::job::JobState;
use darkslide_client::protocol::message::resource::{ResourceOpenParams, Version};
use darkslide_client::protocol::message::thumbnail::ThumbnailOpenParams;
use darkslide_client::protocol::value::Uuid;
use darkslide_client::{Client, Error, Unavailable, Way};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// The test that is the client.
pub(super) const TEST: &str = "chaos::client::child_that_goes_on";
/// Names the folder in which the daemon is.
pub(super) const PLACE: &str = "DARKSLIDE_TEST_PLACE";
/// The file in that folder of all there is to open.
pub(super) const ORIGINALS: &str = "originals";
/// Stands in the line in which the client sums up.
pub(super) const TOLD: &str = "answers";

/// From a call to its answer: many starts of a daemon.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// Assets on a page of a walk: a kill comes between two.
const PAGE: usize = 50;

/// Something that the client got, as a byte that stands in no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sign {
    Answer,
    Descriptor,
    Event,
}

impl Sign {
    fn byte(self) -> u8 {
        match self {
            Self::Answer => 1,
            Self::Descriptor => 2,
            Self::Event => 3,
        }
    }

    pub(super) fn of(byte: u8) -> Option<Self> {
        [Self::Answer, Self::Descriptor, Self::Event].into_iter().find(|it| it.byte() == byte)
    }

    fn give(self) {
        let mut stdout = std::io::stdout();
        stdout.write_all(&[self.byte()]).unwrap();
        stdout.flush().unwrap();
    }
}

#[tokio::test]
async fn child_that_goes_on() {
    let Ok(place) = std::env::var(PLACE) else {
        return;
    };
    let place = PathBuf::from(place);
    let before = open_descriptors();
    let greetings = Arc::new(AtomicU64::new(0));
    let scene = Arc::new(Scene::begin(&place, &greetings).await);
    let ends = Arc::clone(&scene);
    std::thread::spawn(move || {
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        ends.is_over.store(true, Ordering::Relaxed);
    });
    let mut tasks = JoinSet::new();
    for number in 0..6 {
        tasks.spawn(ask(Arc::clone(&scene), number));
        tasks.spawn(open(Arc::clone(&scene), number * 41));
    }
    tasks.spawn(walk(Arc::clone(&scene)));
    tasks.spawn(show(Arc::clone(&scene)));
    let mut told = Told::default();
    let (exports, mut number) = (place.join("home/Exports"), 0);
    while !scene.is_over() || number == 0 {
        let to = exports.join(number.to_string()).display().to_string();
        let spec = ExportSpec::of("main", DestinationText::Absolute(to));
        let params = ExportStartParams { spec, key: Some(format!("chaos-{number}")) };
        follow(&scene, &params, &mut told).await;
        number += 1;
    }
    let got: u64 = tasks.join_all().await.into_iter().sum();
    drop(scene);
    let after = tokio::time::timeout(CALL_TIMEOUT, async {
        while open_descriptors() != before {
            tokio::task::yield_now().await;
        }
    });
    assert!(after.await.is_ok(), "{before:?} were open, {:?} are", open_descriptors());
    let greetings = greetings.load(Ordering::Relaxed);
    println!(
        "\n{got} {TOLD} and descriptors, {greetings} connections, {number} exports, {} events, \
         {} told of another daemon, {} starts asked again",
        told.events, told.losses, told.asked_again
    );
}

/// What this process has open: the names, for who is surprised.
fn open_descriptors() -> Vec<String> {
    let all = std::fs::read_dir("/proc/self/fd").unwrap();
    let mut names: Vec<_> = all
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .map(|path| path.display().to_string())
        .collect();
    names.sort();
    names
}

/// What is asked, and what the undisturbed daemon said to it.
struct Scene {
    client: Client,
    is_over: AtomicBool,
    questions: Vec<(&'static str, Box<RawValue>, String)>,
    pages: Vec<Vec<Value>>,
    originals: Vec<(ResourceOpenParams, Option<Vec<u8>>)>,
    shown: Vec<(ThumbnailOpenParams, Shown)>,
}

/// A thumbnail and its content, or why there is none.
type Shown = Result<(Value, Vec<u8>), ErrorName>;

impl Scene {
    async fn begin(place: &Path, greetings: &Arc<AtomicU64>) -> Self {
        let greetings = Arc::clone(greetings);
        let tap = Arc::new(move |way, bytes: &[u8]| {
            if way == Way::Sent && String::from_utf8_lossy(bytes).contains("\"health\"") {
                greetings.fetch_add(1, Ordering::Relaxed);
            }
        });
        let builder = Client::builder().socket(place.join("run/darkslide/s"));
        let client = builder.call_timeout(CALL_TIMEOUT).tap(tap).connect().await.unwrap();
        let originals = originals(&place.join(ORIGINALS));
        let mut shown = Vec::new();
        for (original, _) in originals.iter().take(16) {
            let (library, uuid) = (original.library.clone(), original.uuid.clone());
            let params = ThumbnailOpenParams { library, uuid, min_pixels: 64 };
            let answer = thumbnail(&client, &params).await;
            shown.push((params, answer));
        }
        let mut questions = Vec::new();
        for (method, params) in asked(&originals) {
            let params = to_raw_value(&params).unwrap();
            let answer = client.call_raw(method, &params).await.unwrap();
            questions.push((method, params, answer.get().to_owned()));
        }
        let pages = pages(&client).await;
        assert_eq!(pages.iter().map(Vec::len).sum::<usize>(), originals.len());
        let is_over = AtomicBool::new(false);
        Self { client, is_over, questions, pages, originals, shown }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

fn originals(list: &Path) -> Vec<(ResourceOpenParams, Option<Vec<u8>>)> {
    let list = std::fs::read_to_string(list).unwrap();
    let each = list.lines().map(|line| {
        let (uuid, path) = line.split_once('\t').unwrap();
        let (library, uuid) = ("main".to_owned(), Uuid::parse(uuid).unwrap());
        let params = ResourceOpenParams { library, uuid, version: Version::Original };
        (params, (!path.is_empty()).then(|| std::fs::read(path).unwrap()))
    });
    each.collect()
}

fn asked(originals: &[(ResourceOpenParams, Option<Vec<u8>>)]) -> Vec<(&'static str, Value)> {
    let one = &originals[originals.len() / 2].0.uuid;
    vec![
        ("asset.count", json!({"library": "main"})),
        ("asset.count", json!({"library": "main", "filter": {"is": "missing"}})),
        ("asset.get", json!({"library": "main", "uuids": [one]})),
        ("album.list", json!({"library": "main"})),
        ("facet.list", json!({"library": "main", "facet": "month"})),
        ("resource.list", json!({"library": "main", "uuids": [one]})),
        ("asset.query", json!({"library": "main", "fields": ["*"], "limit": 20})),
    ]
}

async fn ask(scene: Arc<Scene>, first: usize) -> u64 {
    let (mut got, questions) = (0, scene.questions.iter().cycle().skip(first));
    for (method, params, expected) in questions {
        if scene.is_over() {
            break;
        }
        let answer = scene.client.call_raw(method, params).await.unwrap();
        assert_eq!(answer.get(), expected, "{method}");
        Sign::Answer.give();
        got += 1;
    }
    got
}

/// The whole library, page by page.
async fn pages(client: &Client) -> Vec<Vec<Value>> {
    let params = json!({"library": "main", "sort": "name", "limit": PAGE});
    let params: AssetQueryParams = serde_json::from_value(params).unwrap();
    let (mut walk, mut pages) = (client.assets(params), Vec::new());
    while let Some(page) = walk.next_page_as().await.unwrap() {
        pages.push(page);
    }
    pages
}

async fn walk(scene: Arc<Scene>) -> u64 {
    let mut got = 0;
    while !scene.is_over() {
        assert_eq!(pages(&scene.client).await, scene.pages);
        Sign::Answer.give();
        got += 1;
    }
    got
}

async fn open(scene: Arc<Scene>, first: usize) -> u64 {
    let mut got = 0;
    for (params, expected) in scene.originals.iter().cycle().skip(first) {
        if scene.is_over() {
            break;
        }
        // Some give up when they have asked.
        drop(tokio::time::timeout(Duration::ZERO, scene.client.resource_open(params)).await);
        match (scene.client.resource_open(params).await, expected) {
            (Ok((opened, mut file)), Some(expected)) => {
                let mut content = Vec::new();
                file.read_to_end(&mut content).unwrap();
                assert!(content == *expected, "{}", opened.name);
                assert_eq!(usize::try_from(opened.size).unwrap(), expected.len());
            }
            (Err(Error::Remote(error)), None) => assert_eq!(error.data.name, ErrorName::NotLocal),
            (other, _) => panic!("{other:?}"),
        }
        Sign::Descriptor.give();
        got += 1;
    }
    got
}

async fn thumbnail(client: &Client, params: &ThumbnailOpenParams) -> Shown {
    match client.thumbnail_open(params).await {
        Ok((opened, mut file)) => {
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            Ok((serde_json::to_value(&opened).unwrap(), content))
        }
        Err(Error::Remote(error)) => Err(error.data.name),
        Err(other) => panic!("{other:?}"),
    }
}

async fn show(scene: Arc<Scene>) -> u64 {
    let mut got = 0;
    for (params, expected) in scene.shown.iter().cycle() {
        if scene.is_over() {
            break;
        }
        assert_eq!(thumbnail(&scene.client, params).await, *expected);
        Sign::Descriptor.give();
        got += 1;
    }
    got
}

/// What was told of exports.
#[derive(Default)]
struct Told {
    events: u64,
    /// Times that another daemon was there, which keeps nothing of the one before.
    losses: u64,
    /// Starts of which a kill left nothing known.
    asked_again: u64,
}

/// Starts an export, by its key until it is known to be started, and follows it to its end.
async fn follow(scene: &Scene, params: &ExportStartParams, told: &mut Told) {
    let mut handle = loop {
        match scene.client.export(params).await {
            Ok(handle) => break handle,
            Err(Error::Unavailable(Unavailable::Closed | Unavailable::Broken(_))) => {
                told.asked_again += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
    };
    let (mut last, mut ends, mut items) = (None, 0, BTreeMap::new());
    while let Some(event) = handle.next().await.unwrap() {
        assert!(Some(event.seq) > last, "{event:?} after {last:?}");
        last = Some(event.seq);
        told.events += 1;
        ends += u64::from(event.kind.is_terminal());
        if event.kind == EventKind::Overflow {
            assert_eq!(event.data.dropped, None, "this reader is not slow");
            told.losses += 1;
            items = BTreeMap::new();
        }
        if let Some(item) = &event.data.item {
            let twice = items.insert(serde_json::to_string(item).unwrap(), event.seq);
            assert_eq!(twice, None, "{event:?}");
        }
        Sign::Event.give();
    }
    let status = handle.wait().await.unwrap();
    assert_eq!((ends, status.state), (1, JobState::Finished), "{status:?}");
    assert_eq!(status.selected, u64::try_from(scene.originals.len()).unwrap());
    assert_eq!(status.outcomes.values().sum::<u64>(), status.selected);
}
