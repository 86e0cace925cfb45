//! Random libraries, specs, changes and acts of a user: what the plan shows is what the report then
//! has, outcomes sum to the selection, and once all is done nothing is left to do.
//!
//! Libraries are few photos with names and titles that collide; an asset whose content changes has
//! another size, for libraries that are built have one time.

use std::collections::BTreeMap;
use std::fs;

use darkslide_door::Faults;
use darkslide_export::{
    Hashing, OnDestChange, Outcome, Recheck, ReportRow, Shape, Sidecar, Spec, Versions,
};
use darkslide_fixture::{AlbumSpec, AssetSpec, Content, LibraryBuilder, Snapshot, Version};
use darkslide_protocol::filter::Include;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::exporting::{Bench, Run, Told};

const CASES: u32 = 40;
const MANY_CASES: u32 = 1_000;
/// What a user writes into files of ours, and under names that he chose.
const HIS: &[u8] = b"his";
const A_STRANGERS: &[u8] = b"a stranger's";

#[derive(Clone)]
struct Asset {
    name: &'static str,
    title: &'static str,
    month: u8,
    seed: u32,
    edit: Option<u32>,
    live: bool,
    raw: bool,
    cloud: Vec<Version>,
    albums: Vec<usize>,
    hidden: bool,
}

impl std::fmt::Debug for Asset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, title, month, seed, edit, live, raw, cloud, albums, hidden } = self;
        write!(f, "{name} {title:?} month {month} seed {seed} edit {edit:?} live {live}")?;
        write!(f, " raw {raw} cloud {cloud:?} albums {albums:?} hidden {hidden}")
    }
}

fn asset() -> impl Strategy<Value = Asset> {
    let names = select(vec!["a.jpg", "A.JPG", "b.jpg", "a_edited.jpg", "c.HEIC"]);
    let titles = select(vec!["x", "X", "y", "a/b", ""]);
    let cloud = subsequence(vec![Version::Original, Version::Edited, Version::LiveVideo], 0..2);
    let texts = (names, titles, 1_u8..3, 1_u32..6, prop::option::of(1_u32..4));
    let rest = (any::<bool>(), any::<bool>(), cloud, subsequence(vec![0, 1, 2], 0..3));
    (texts, rest, prop::bool::weighted(0.1)).prop_map(|(texts, rest, hidden)| {
        let (name, title, month, seed, edit) = texts;
        let (live, raw, cloud, albums) = rest;
        Asset { name, title, month, seed, edit, live, raw, cloud, albums, hidden }
    })
}

/// By the number in its UUID.
type Library = BTreeMap<u32, Asset>;

fn build(all: &Library, albums: [&str; 3], library: &mut LibraryBuilder) {
    let mut members = [Vec::new(), Vec::new(), Vec::new()];
    for (number, asset) in all {
        let content = |seed: u32| Content::jpeg(seed).padded(seed as usize * 13);
        let spec = AssetSpec::photo(asset.name, content(asset.seed));
        let mut spec = spec.taken_on(2024, asset.month, 1).title(asset.title);
        if let Some(edit) = asset.edit {
            spec = spec.edited(content(100 + edit)).preview(Content::jpeg(500));
        }
        if asset.live {
            spec = spec.live(Content::mov(200 + asset.seed).padded(asset.seed as usize));
        }
        if asset.raw {
            spec = spec.raw(Content::cr2(300 + asset.seed));
        }
        if asset.hidden {
            spec = spec.hidden();
        }
        spec = asset.cloud.iter().fold(spec, |spec, version| spec.in_cloud(*version));
        let key = library.asset(spec.uuid(format!("{number:08}-0000-4000-8000-000000000000")));
        asset.albums.iter().for_each(|album| members[*album].push(key));
    }
    for (title, members) in albums.into_iter().zip(members) {
        library.album(AlbumSpec::new(title).members(members));
    }
}

fn spec(shape: Shape) -> impl Strategy<Value = Spec> {
    let versions = select(vec![
        Versions::Original,
        Versions::Edited,
        Versions::Both,
        Versions::Both,
        Versions::PreferEdited,
    ]);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let sidecars = subsequence(vec![Sidecar::Xmp, Sidecar::Json], 0..3);
    let rechecks = select(vec![Recheck::Stat, Recheck::Stat, Recheck::Hash]);
    let hashing = select(vec![Hashing::Copied, Hashing::Never, Hashing::Always]);
    let restores = prop::bool::weighted(0.3);
    let includes = subsequence(vec![Include::Hidden, Include::Trashed], 0..3);
    (versions, flags, sidecars, rechecks, hashing, restores, includes).prop_map(
        move |(versions, flags, sidecars, recheck, hashing, restores, include)| {
            let (live, raw, preview, aae, times) = flags;
            let on_dest_change = if restores { OnDestChange::Restore } else { OnDestChange::Keep };
            Spec {
                include,
                versions,
                live,
                raw,
                preview,
                aae,
                times,
                sidecars,
                recheck,
                hashing,
                on_dest_change,
                shape: shape.clone(),
                ..Spec::everything()
            }
        },
    )
}

/// What happens between two runs.
#[derive(Debug, Clone)]
enum Change {
    Set(u32, Asset),
    Remove(u32),
    /// The same photo comes again under another UUID.
    Renumber(u32, u32),
    Exchange(u32, u32),
    Edit(usize),
    Delete(usize),
    /// To the name that another one has with a letter more.
    Rename(usize, usize),
    Put(usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (0_u32..8, asset()).prop_map(|(number, asset)| Change::Set(number, asset)),
        (0_u32..8, asset()).prop_map(|(number, asset)| Change::Set(number, asset)),
        (0_u32..8).prop_map(Change::Remove),
        (0_u32..8, 0_u32..8).prop_map(|(from, to)| Change::Renumber(from, to)),
        (0_u32..8, 0_u32..8).prop_map(|(one, other)| Change::Exchange(one, other)),
        (0_usize..20).prop_map(Change::Edit),
        (0_usize..20).prop_map(Change::Delete),
        (0_usize..20, 0_usize..20).prop_map(|(from, to)| Change::Rename(from, to)),
        (0_usize..20).prop_map(Change::Put),
    ]
}

impl Change {
    fn is_made(&self, library: &mut Library, bench: &Bench) {
        let names = bench.names();
        let nth = |number: usize| names.get(number % names.len().max(1)).map(|it| bench.path(it));
        match self {
            Self::Set(number, asset) => drop(library.insert(*number, asset.clone())),
            Self::Remove(number) => drop(library.remove(number)),
            Self::Renumber(from, to) => {
                if let Some(asset) = library.remove(from) {
                    library.insert(*to, asset);
                }
            }
            Self::Exchange(one, other) => {
                if let (Some(mut a), Some(mut b)) = (library.remove(one), library.remove(other)) {
                    std::mem::swap(&mut a.name, &mut b.name);
                    std::mem::swap(&mut a.title, &mut b.title);
                    library.extend([(*one, a), (*other, b)]);
                }
            }
            Self::Edit(number) => {
                nth(*number).into_iter().for_each(|path| fs::write(path, HIS).unwrap());
            }
            Self::Delete(number) => {
                nth(*number).into_iter().for_each(|path| fs::remove_file(path).unwrap());
            }
            Self::Rename(from, to) => {
                if let (Some(from), Some(to)) = (nth(*from), nth(*to)) {
                    fs::rename(from, to.with_extension("moved.jpg")).unwrap();
                }
            }
            Self::Put(number) => {
                if let Some(path) = nth(*number) {
                    fs::write(path.with_file_name("b.jpg"), A_STRANGERS).unwrap();
                }
            }
        }
    }
}

#[derive(Clone)]
struct Step {
    changes: Vec<Change>,
    spec: Spec,
    albums: [&'static str; 3],
    page: usize,
}

/// On a line: proptest gives each word of what is derived one of its own.
impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { changes, spec, albums, page } = self;
        let Spec { shape, include, versions, live, raw, preview, aae, sidecars, .. } = spec;
        write!(f, "{changes:?} {albums:?} by {page}: {shape}, {include:?} {versions:?}")?;
        write!(f, " live {live} raw {raw} preview {preview} aae {aae} {sidecars:?}")?;
        write!(f, " {:?} {:?} {:?}", spec.recheck, spec.hashing, spec.on_dest_change)
    }
}

fn step(shape: Shape) -> impl Strategy<Value = Step> {
    let albums = select(vec![["A", "B", "C"], ["B", "A", "C"], ["A", "a", "A"]]);
    (prop::collection::vec(change(), 0..6), spec(shape), albums, 1_usize..7)
        .prop_map(|(changes, spec, albums, page)| Step { changes, spec, albums, page })
}

fn steps() -> impl Strategy<Value = (Library, Vec<Step>)> {
    let layouts = select(vec!["date", "album", "flat", "{title|none}/{year}"]);
    let names = select(vec!["{original_name}", "{title|untitled}"]);
    (layouts, names).prop_flat_map(|(layout, names)| {
        let shape = Shape::parse(layout, names, "_edited", true).unwrap();
        let library = prop::collection::btree_map(0_u32..8, asset(), 0..7);
        (library, prop::collection::vec(step(shape), 3))
    })
}

/// What a plan tells of each file: all but its hash, which is not known before.
fn told(rows: Vec<ReportRow>) -> Vec<String> {
    let told = |row: ReportRow| {
        let ReportRow { asset, version, path, outcome, reason, .. } = row;
        format!("{asset} {version} {path:?} {outcome:?} {reason:?}")
    };
    let mut rows: Vec<_> = rows.into_iter().map(told).collect();
    rows.sort();
    rows
}

fn is_left_alone(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Copied | Outcome::Updated | Outcome::Adopted | Outcome::Renamed => false,
        Outcome::Unchanged
        | Outcome::Kept
        | Outcome::Conflict
        | Outcome::NotLocal
        | Outcome::Denied
        | Outcome::Unreadable
        | Outcome::SourceChanged => true,
        other => panic!("no export has {other:?}"),
    }
}

fn check(mut library: Library, steps: &[Step]) {
    let bench = Bench::in_memory();
    for (number, Step { changes, spec, albums, page }) in steps.iter().enumerate() {
        changes.iter().for_each(|change| change.is_made(&mut library, &bench));
        bench.rebuild(|builder| build(&library, *albums, builder));
        let run = || Run { spec: spec.clone(), ..Run::default() };
        if number == 0 {
            // Makes the record, and nothing else.
            let stop = &|| darkslide_export::Stop::Now;
            drop(bench.run(Run { stop, ..run() }));
        }
        let ahead = bench.plan_page(spec, None, 10_000);
        let totals = ahead.totals.unwrap();
        let planned = told(ahead.rows);
        // Whose file an asset that is gone leaves, is asked of those of one page.
        let is_gone = |change: &Change| matches!(change, Change::Remove(_) | Change::Renumber(..));
        if !steps.iter().take(number + 1).any(|step| step.changes.iter().any(is_gone)) {
            assert_eq!(told(bench.plan(spec, *page)), planned, "by pages");
        }
        let progress = Told::default();
        let summary = bench.run_told(run(), &progress).unwrap();
        assert_eq!(told(bench.report()), planned, "step {number}");
        assert_eq!((totals.selected, &totals.outcomes), (summary.selected, &summary.outcomes));
        assert_eq!(totals.bytes, summary.bytes);
        assert_eq!(summary.outcomes.values().sum::<u64>(), summary.selected);
        assert_eq!(*progress.outcomes.lock().unwrap(), summary.outcomes);
        bench.assert_record_settled();
        if spec.on_dest_change == OnDestChange::Restore || spec.recheck == Recheck::Hash {
            // What was restored has its old name, and gets the new one with the next run; and what
            // is read has a hash from then on.
            bench.run(run()).unwrap();
        }
        let before = Snapshot::take(&bench.root).unwrap();
        let again = bench.run(Run { job: "again", ..run() }).unwrap();
        assert!(again.outcomes.keys().all(|it| is_left_alone(*it)), "step {number}: {again:?}");
        assert_eq!((again.files, again.trashed), (0, 0));
        fs::remove_file(bench.record("reports/again.jsonl")).unwrap();
        let difference = before.diff(&Snapshot::take(&bench.root).unwrap());
        let lines: Vec<_> = difference.lines().iter().filter(|it| !is_of_jobs(it)).collect();
        assert!(lines.is_empty(), "step {number}: {lines:?}");
    }
}

/// Each job has its lock, its report, and the folders of both.
fn is_of_jobs(line: &str) -> bool {
    line.contains(".darkslide/lock") || line.contains(".darkslide/reports")
}

/// The same history twice; in one of them some operation of each job fails.
fn check_broken(mut library: Library, steps: &[(Step, u64)]) {
    let (smooth, mut broken) = (Bench::in_memory(), Bench::in_memory());
    broken.bundle.clone_from(&smooth.bundle);
    for (number, (Step { changes, spec, albums, .. }, n)) in steps.iter().enumerate() {
        for change in changes {
            change.is_made(&mut library.clone(), &broken);
            change.is_made(&mut library, &smooth);
        }
        smooth.rebuild(|builder| build(&library, *albums, builder));
        let run = |faults: Faults| Run { spec: spec.clone(), faults, workers: 1, ..Run::default() };
        let count = Faults::count();
        smooth.run(run(count.clone())).unwrap();
        let faults = Faults::fail_nth(2 + n % count.announced(), 5);
        // Of some operations the job makes good itself what went wrong.
        drop(broken.run(run(faults.clone())));
        let failed =
            faults.operations().get(usize::try_from(1 + n % count.announced()).unwrap()).copied();
        // Then what was restored under its old name and renamed with the run after.
        for _ in 0..3 {
            smooth.run(run(Faults::none())).unwrap();
            broken.run(run(Faults::none())).unwrap();
        }
        let what = format!("step {number}: {n} {failed:?}");
        assert_eq!(told(broken.report()), told(smooth.report()), "{what}");
        // Which file of an asset that is gone is left over, may differ; what is wanted does not.
        let (expected, tree) = (smooth.tree(), broken.tree());
        for path in smooth.report().into_iter().filter_map(|row| row.path) {
            assert!(tree.get(&path) == expected.get(&path), "{path}, {what}");
        }
        for his in [HIS, A_STRANGERS] {
            let is_kept = |bench: &Bench, tree: &BTreeMap<String, Vec<u8>>| {
                tree.values().chain(bench.trash().values()).any(|content| content == his)
            };
            assert!(!is_kept(&smooth, &expected) || is_kept(&broken, &tree), "lost: {what}");
        }
        broken.assert_record_settled();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if crate::exporting::shared::slow_wanted() { MANY_CASES } else { CASES },
        failure_persistence: None,
        max_shrink_iters: 300,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_planned_is_what_happens_and_then_nothing_is_left_to_do((library, steps) in steps()) {
        check(library, &steps);
    }

    #[test]
    fn a_job_that_is_broken_off_ends_as_if_it_had_not_been(
        (library, steps) in steps(),
        points in prop::collection::vec(0_u64..2_000, 3),
    ) {
        check_broken(library, &steps.into_iter().zip(points).collect::<Vec<_>>());
    }
}
