//! The client crate and a real daemon that is killed and started again: between calls, in the
//! middle of them, and under many at once.
//!
//! The daemon is `darkslided` from beside the program under test. A call is in its middle when the
//! daemon is stopped and the client has written the request: then it surely has no answer. The
//! hazard: a client that goes on with an answer that the daemon before gave to something else.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use darkslide_client::protocol::filter::Filter;
use darkslide_client::protocol::message::asset::AssetCountParams;
use darkslide_client::protocol::message::export::{DestinationText, ExportSpec, ExportStartParams};
use darkslide_client::protocol::message::job::JobState;
use darkslide_client::protocol::message::resource::{ResourceOpenParams, Version};
use darkslide_client::protocol::value::Uuid;
use darkslide_client::{Client, Error, Unavailable, Way};
use darkslide_fixture::{AssetSpec, BuiltLibrary, Content, LibraryBuilder, Model};
use darkslide_tests::process::{PATIENCE, beside};
use darkslide_tests::service::{Place, Service};
use rustix::process::Signal;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::DARKSLIDE;
use crate::held::Held;

/// Assets of the library.
const ASSETS: u64 = 7;

/// A daemon, and a client of it that tells each request that it has written.
struct Scene {
    place: Place,
    library: BuiltLibrary,
    service: Service,
    client: Client,
    _held: Held,
    sent: mpsc::Receiver<String>,
}

impl Scene {
    async fn begin() -> Self {
        let place = Place::new();
        let mut builder = LibraryBuilder::new(Model::Photos11);
        for (seed, _) in (0..).zip(0..ASSETS) {
            let name = format!("IMG_{seed}.JPG");
            builder.asset(AssetSpec::photo(name, Content::jpeg(seed)));
        }
        let library = builder.build(&place.path().join("L.photoslibrary")).unwrap();
        let service = start(&place, &library);
        let (tell, sent) = mpsc::channel(1_000);
        let held = Held::default();
        let hold = held.tap();
        let tap = Arc::new(move |way, bytes: &[u8]| {
            hold(way, bytes);
            if way == Way::Sent {
                // Who does not look at them does not miss them.
                drop(tell.try_send(String::from_utf8_lossy(&bytes[4..]).into_owned()));
            }
        });
        let builder = Client::builder().socket(place.socket()).call_timeout(PATIENCE).tap(tap);
        let client = builder.connect().await.unwrap();
        Self { place, library, service, client, _held: held, sent }
    }

    /// Kills the daemon, whatever it does.
    fn kill(&mut self) {
        self.service.process.signal(Signal::KILL);
        self.service.process.wait(PATIENCE);
    }

    fn restart(&mut self) {
        self.service = start(&self.place, &self.library);
    }

    /// Waits until a request of that method is written.
    async fn sent(&mut self, method: &str) {
        let name = format!("\"{method}\"");
        while !self.sent.recv().await.unwrap().contains(&name) {}
    }

    fn export(&self) -> ExportStartParams {
        let to = self.place.exports().join("all").display().to_string();
        let spec = ExportSpec::of("main", DestinationText::Absolute(to));
        ExportStartParams { spec, key: Some("all".to_owned()) }
    }
}

fn start(place: &Place, library: &BuiltLibrary) -> Service {
    let daemon = beside(DARKSLIDE, "darkslided").display().to_string();
    place.start(&daemon, &Place::policy(library.path()))
}

fn params() -> AssetCountParams {
    let library = "main".to_owned();
    AssetCountParams { library, filter: Filter::default(), include: Vec::new(), with: Vec::new() }
}

async fn count(client: &Client) -> Result<u64, Error> {
    Ok(client.asset_count(&params()).await?.count)
}

#[tokio::test]
async fn a_client_goes_on_after_a_kill_between_two_reads() {
    let mut scene = Scene::begin().await;
    assert_eq!(count(&scene.client).await.unwrap(), ASSETS);
    let before = scene.client.instance().unwrap();
    scene.kill();
    let short = scene.client.with_call_timeout(Duration::from_millis(50));
    let gone = count(&short).await;
    assert!(matches!(gone, Err(Error::Unavailable(_))), "nobody is there: {gone:?}");
    scene.restart();
    assert_eq!(count(&scene.client).await.unwrap(), ASSETS);
    assert_ne!(scene.client.instance().unwrap(), before, "it is another daemon, and told so");
}

#[tokio::test]
async fn a_client_goes_on_after_a_kill_in_mid_read() {
    let mut scene = Scene::begin().await;
    scene.service.process.signal(Signal::STOP);
    let client = scene.client.clone();
    let mut calls = JoinSet::new();
    calls.spawn(async move { count(&client).await });
    scene.sent("asset.count").await;
    scene.kill();
    scene.restart();
    assert_eq!(calls.join_next().await.unwrap().unwrap().unwrap(), ASSETS);
    scene.sent("health").await;
    scene.sent("asset.count").await;
}

#[tokio::test]
async fn an_export_that_may_have_begun_is_not_started_twice_but_found_by_its_key() {
    let mut scene = Scene::begin().await;
    scene.service.process.signal(Signal::STOP);
    let (client, params) = (scene.client.clone(), scene.export());
    let mut calls = JoinSet::new();
    calls.spawn(async move { client.export_start(&params).await });
    scene.sent("export.start").await;
    scene.kill();
    scene.restart();
    let lost = calls.join_next().await.unwrap().unwrap();
    assert!(matches!(lost, Err(Error::Unavailable(Unavailable::Closed))), "{lost:?}");
    let mut export = scene.client.export(&scene.export()).await.unwrap();
    let ended = export.wait().await.unwrap();
    assert_eq!((ended.state, ended.files_done), (JobState::Finished, ASSETS));
}

#[tokio::test]
async fn a_daemon_that_hangs_costs_a_call_its_time_and_goes_on_as_it_was() {
    let scene = Scene::begin().await;
    let before = scene.client.instance();
    scene.service.process.signal(Signal::STOP);
    let short = scene.client.with_call_timeout(Duration::from_millis(50));
    let late = count(&short).await;
    assert!(matches!(late, Err(Error::TimedOut { doing: "asset.count", .. })), "{late:?}");
    scene.service.process.signal(Signal::CONT);
    assert_eq!(count(&scene.client).await.unwrap(), ASSETS);
    assert_eq!(scene.client.instance(), before);
}

#[tokio::test]
async fn many_readers_go_on_through_kills() {
    let mut scene = Scene::begin().await;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for _ in 0..16 {
        let (client, is_over) = (scene.client.clone(), Arc::clone(&is_over));
        readers.spawn(async move {
            let mut answers = 0;
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(count(&client).await.unwrap(), ASSETS);
                answers += 1;
            }
            answers
        });
    }
    for _ in 0..3 {
        for _ in 0..20 {
            scene.sent("asset.count").await;
        }
        scene.kill();
        scene.restart();
    }
    scene.sent("asset.count").await;
    is_over.store(true, Ordering::Relaxed);
    let answers: Vec<i32> = readers.join_all().await;
    assert!(answers.iter().all(|answers| *answers > 0), "{answers:?}");
}

/// What was built of an asset, and how to ask for it.
fn originals(scene: &Scene) -> Vec<(ResourceOpenParams, Vec<u8>)> {
    let assets = scene.library.assets().iter();
    assets
        .map(|asset| {
            let path = asset.file(darkslide_fixture::Version::Original).unwrap().path().unwrap();
            let uuid = Uuid::parse(asset.uuid()).unwrap();
            let library = "main".to_owned();
            let params = ResourceOpenParams { library, uuid, version: Version::Original };
            (params, std::fs::read(scene.library.path().join(path)).unwrap())
        })
        .collect()
}

/// Files of that library which this process has open.
fn open_files(scene: &Scene) -> usize {
    let all = std::fs::read_dir("/proc/self/fd").unwrap();
    let paths = all.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    paths.filter(|path| path.starts_with(scene.library.path())).count()
}

#[tokio::test]
async fn files_come_whole_through_kills_and_none_stays_open() {
    let mut scene = Scene::begin().await;
    let originals = originals(&scene);
    let held = scene.client.resource_open(&originals[0].0).await.unwrap();
    assert_eq!(open_files(&scene), 1, "they are seen");
    drop(held);
    let is_over = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for (params, expected) in originals {
        let (client, is_over) = (scene.client.clone(), Arc::clone(&is_over));
        readers.spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                // Some give up when they have asked.
                let hasty = client.resource_open(&params);
                drop(tokio::time::timeout(Duration::ZERO, hasty).await);
                let (opened, mut file) = client.resource_open(&params).await.unwrap();
                let mut content = Vec::new();
                file.read_to_end(&mut content).unwrap();
                assert!(content == expected, "{}", opened.name);
                assert_eq!(usize::try_from(opened.size).unwrap(), expected.len());
            }
        });
    }
    for _ in 0..3 {
        for _ in 0..40 {
            scene.sent("resource.open").await;
        }
        scene.kill();
        scene.restart();
    }
    scene.sent("resource.open").await;
    is_over.store(true, Ordering::Relaxed);
    readers.join_all().await;
    // The last answers to those who gave up may still be on their way.
    for _ in 0..1_000 {
        if open_files(&scene) > 0 {
            assert_eq!(count(&scene.client).await.unwrap(), ASSETS);
        }
    }
    assert_eq!(open_files(&scene), 0);
}

#[tokio::test]
async fn callers_that_give_up_cost_a_daemon_nothing() {
    let scene = Scene::begin().await;
    let hasty = scene.client.with_call_timeout(Duration::ZERO);
    for _ in 0..3 {
        let mut calls = JoinSet::new();
        for _ in 0..200 {
            let (client, hasty) = (scene.client.clone(), hasty.clone());
            calls.spawn(async move { drop(count(&hasty).await) });
            calls.spawn(async move { drop(count(&client).await) });
        }
        // Some were sent by now, some answered; the others never will be.
        calls.join_next().await.unwrap().unwrap();
        calls.shutdown().await;
        assert_eq!(count(&scene.client).await.unwrap(), ASSETS);
    }
}
