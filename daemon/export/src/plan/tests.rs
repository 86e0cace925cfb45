//! Planning over a destination in memory: what is planned can be carried out, and then nothing is
//! left to do.
//!
//! A library, changes of it, and a user's acts are made at random; contents are single numbers.

use std::collections::BTreeMap;

use darkslide_protocol::value::Uuid;
use proptest::prelude::*;

use super::moves::{Link, resolve};
use super::*;
use crate::name::{Counting, NamedAsset};
use crate::row::{Key, Source, Stamp};
use crate::spec::{Layout, Shape};

/// A destination and a library in memory; a content is one number, its size too.
#[derive(Debug, Clone, Default)]
struct Fake {
    files: BTreeMap<RelPath, There>,
    sources: BTreeMap<RelPath, u8>,
    assets: Vec<Uuid>,
    digests: u32,
    /// How many files were written so far.
    inodes: u64,
    trash: Vec<There>,
}

fn digest_of(content: u8) -> Blake3 {
    Blake3::from(blake3::hash(&[content]))
}

fn there(content: u8, inode: u64) -> There {
    There {
        regular: true,
        size: u64::from(content % 3),
        mtime: Stamp::for_tests(1),
        inode,
        blake3: Some(digest_of(content)),
    }
}

impl World for &mut Fake {
    fn look(&mut self, path: &RelPath) -> Result<Look, ExportError> {
        let found = self.files.get(path);
        Ok(found.map_or(Look::Free, |there| Look::There(*there)))
    }

    fn digest(&mut self, path: &RelPath) -> Result<Option<Blake3>, ExportError> {
        self.digests += 1;
        Ok(self.files.get(path).and_then(|there| there.blake3))
    }

    fn digest_source(&mut self, here: &Here) -> Result<Blake3, Trouble> {
        self.digests += 1;
        let Origin::Bundle(path) = &here.origin else { panic!("all lie in the bundle") };
        Ok(digest_of(self.sources[path]))
    }

    fn head(&mut self, _: &Here) -> Result<Vec<u8>, Trouble> {
        Ok(b"\xFF\xD8\xFF".to_vec())
    }

    fn is_gone(&mut self, asset: &Uuid) -> Result<bool, ExportError> {
        Ok(!self.assets.contains(asset))
    }
}

/// A manifest in memory: a later row takes the path of an earlier one.
#[derive(Debug, Clone, Default)]
struct Rows(BTreeMap<Key, Row>);

impl Rows {
    fn put(&mut self, row: Row) {
        self.0.retain(|_, other| other.path != row.path);
        self.0.insert(row.key.clone(), row);
    }
}

impl Known for Rows {
    fn get(&self, key: &Key) -> Result<Option<Row>, ExportError> {
        Ok(self.0.get(key).cloned())
    }

    fn holder(&self, path: &RelPath) -> Result<Option<Row>, ExportError> {
        Ok(self.0.values().find(|row| row.path == *path).cloned())
    }

    fn rows_of(&self, library: &str, asset: &Uuid) -> Result<Vec<Row>, ExportError> {
        let is_its = |row: &&Row| row.key.library == library && row.key.asset == *asset;
        Ok(self.0.values().filter(is_its).cloned().collect())
    }

    fn rows(&self) -> Box<dyn Iterator<Item = Result<(u64, Row), ExportError>> + '_> {
        Box::new((0..).zip(self.0.values().cloned()).map(Ok))
    }

    fn row_at(&self, at: u64) -> Result<Option<Row>, ExportError> {
        Ok(self.0.values().nth(usize::try_from(at).unwrap()).cloned())
    }
}

/// An asset: its number, its name, its content (none if it is not on this disk), the source's time.
#[derive(Debug, Clone)]
struct Asset {
    number: u8,
    name: String,
    content: Option<u8>,
    time: i64,
}

impl Asset {
    fn uuid(&self) -> Uuid {
        Uuid::parse(&format!("{:08X}-0000-0000-0000-000000000000", self.number)).unwrap()
    }

    fn source(&self) -> RelPath {
        RelPath::parse(&format!("originals/{}.jpeg", self.number)).unwrap()
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            key: Key {
                library: "L".to_owned(),
                asset: self.uuid(),
                version: "original".to_owned(),
                album: None,
            },
            role: Role::Version(Version::Original),
            original_filename: self.name.clone(),
            content: match self.content {
                Some(content) => Ok(Here {
                    origin: Origin::Bundle(self.source()),
                    source: Source {
                        size: u64::from(content % 3),
                        mtime: Stamp::for_tests(self.time),
                    },
                }),
                None => Err(Missing { outcome: Outcome::NotLocal, reason: "in-icloud" }),
            },
            mtime: None,
        }
    }
}

/// What is to be done, as an export sorts it.
#[derive(Debug, Default)]
struct Plan {
    said: Vec<ReportRow>,
    entering: Vec<Entering>,
    chains: Vec<Chain<Move>>,
    entering_moved: Vec<Entering>,
    writes: Vec<Write>,
}

impl Plan {
    fn renames(&self) -> usize {
        let moves = self.chains.iter().flat_map(|chain| &chain.moves);
        moves.filter(|step| step.report.is_some()).count()
    }

    fn fates(&self) -> usize {
        let entering = self.entering.len() + self.entering_moved.len();
        self.said.len() + entering + self.renames() + self.writes.len()
    }
}

const CARE: Care =
    Care { recheck: Recheck::Stat, on_dest_change: OnDestChange::Keep, reshapes: false };

fn planned(fake: &mut Fake, manifest: &Rows, assets: &[Asset], care: Care) -> Plan {
    let mut counting = Counting::new(&Shape::new(Layout::Flat, true));
    let uuids: Vec<Uuid> = assets.iter().map(Asset::uuid).collect();
    let named = |at: usize| NamedAsset::new(&uuids[at], &assets[at].name);
    for at in 0..assets.len() {
        counting.add(&named(at));
    }
    fake.assets.clone_from(&uuids);
    let naming = counting.finish();
    let mut planner = Planner::new(&naming, manifest, fake, care);
    let mut acts = Vec::new();
    for (at, asset) in assets.iter().enumerate() {
        let place = naming.places(&named(at)).remove(0);
        let in_place = [(place, vec![asset.wanted()])];
        acts.extend(planner.plan_asset("L", &asset.uuid(), &in_place).unwrap());
    }
    sorted(acts)
}

fn sorted(acts: Vec<Act>) -> Plan {
    let mut plan = Plan::default();
    let mut moves = Vec::new();
    for act in acts {
        match act {
            Act::Said(report) => plan.said.push(*report),
            Act::Enter(entering) => plan.entering.push(*entering),
            Act::Move(step) => moves.push(*step),
            Act::MoveThenEnter(step, entering) => {
                moves.push(*step);
                plan.entering_moved.push(*entering);
            }
            Act::Write(write) => plan.writes.push(*write),
            Act::MoveThenWrite(step, write) => {
                moves.push(*step);
                plan.writes.push(*write);
            }
        }
    }
    let links: Vec<Link> = moves.iter().zip(0..).map(|(step, at)| Link::of(step, at)).collect();
    let resolved = resolve(&links);
    let step = |at: &u64| moves[usize::try_from(*at).unwrap()].clone();
    for blocked in resolved.blocked.iter().filter_map(|at| step(at).report) {
        plan.said.push(blocked.ended(Outcome::Conflict, NAME_TAKEN));
    }
    for Chain { circle, moves } in &resolved.chains {
        let moves = moves.iter().map(step).collect();
        plan.chains.push(Chain { circle: *circle, moves });
    }
    let (writes, never): (Vec<_>, Vec<_>) =
        plan.writes.into_iter().partition(|write| write.can_be_named(&resolved));
    plan.writes = writes;
    plan.said.extend(never.iter().map(Write::name_taken));
    let (entering, never): (Vec<_>, Vec<_>) =
        plan.entering_moved.into_iter().partition(|it| resolved.reaches(&it.row.path));
    plan.entering_moved = entering;
    plan.said.extend(never.into_iter().filter_map(|it| it.report));
    plan
}

/// Does what the plan says; a name that is taken is a mistake of the plan.
fn carry_out(plan: &Plan, fake: &mut Fake, manifest: &mut Rows) {
    let enter = |entering: &Entering, fake: &Fake, manifest: &mut Rows| {
        assert!(entering.row.is(&fake.files[&entering.row.path]));
        manifest.put(entering.row.clone());
    };
    for entering in &plan.entering {
        enter(entering, fake, manifest);
    }
    for chain in &plan.chains {
        let mut aside = None;
        for (at, step) in chain.moves.iter().enumerate() {
            // What somebody removed is not what another one of ours has put there meanwhile.
            let file = if step.is_missing { None } else { fake.files.remove(&step.row.path) };
            if chain.circle && at == 0 {
                aside = file;
            } else if let Some(file) = file {
                assert_eq!(fake.files.insert(step.new.clone(), file), None);
            }
        }
        if let (Some(file), Some(first)) = (aside, chain.moves.first()) {
            assert_eq!(fake.files.insert(first.new.clone(), file), None);
        }
        for step in &chain.moves {
            manifest.put(step.row.clone().at(step.new.clone()));
        }
    }
    for entering in &plan.entering_moved {
        enter(entering, fake, manifest);
    }
    for write in &plan.writes {
        let Origin::Bundle(source) = &write.origin else { panic!("all lie in the bundle") };
        let content = fake.sources[source];
        fake.inodes += 1;
        let file = there(content, fake.inodes);
        let before = fake.files.insert(write.path.clone(), file);
        match (&write.over, before) {
            (None, before) => assert_eq!(before, None),
            (Some(over), Some(before)) => {
                let as_seen = (over.row.size, over.row.mtime, over.row.inode);
                let is_seen = as_seen == (before.size, before.mtime, before.inode);
                assert!(is_seen || over.row.is(&before));
                if !over.ours {
                    fake.trash.push(before);
                }
            }
            (Some(_), None) => panic!("nothing is there to be replaced"),
        }
        manifest.put(Row {
            key: write.key.clone(),
            path: write.path.clone(),
            size: file.size,
            mtime: file.mtime,
            inode: file.inode,
            blake3: file.blake3,
            source: write.source,
            adopted: false,
        });
    }
}

type Scenario = (Vec<Asset>, Vec<Asset>, Vec<(u8, u8, u8)>);

/// A library, and the same library after some changes; what a user did at the destination between.
fn scenario() -> impl Strategy<Value = Scenario> {
    let asset = || ("[abcABC]", prop::option::weighted(0.9, 1_u8..6), 0_i64..2);
    let library = || prop::collection::vec(prop::option::weighted(0.85, asset()), 1..7);
    let numbered = |all: Vec<Option<(String, Option<u8>, i64)>>| -> Vec<Asset> {
        let assets = all.into_iter().zip(1..).filter_map(|(asset, number)| {
            let (name, content, time) = asset?;
            Some(Asset { number, name: format!("{name}.jpg"), content, time })
        });
        assets.collect()
    };
    let acts = prop::collection::vec((0_u8..3, 0_u8..9, 0_u8..9), 0..4);
    (library().prop_map(numbered), library().prop_map(numbered), acts)
}

fn sources(fake: &mut Fake, assets: &[Asset]) {
    for asset in assets {
        if let Some(content) = asset.content {
            fake.sources.insert(asset.source(), content);
        }
    }
}

/// Edits, removes, or puts something of a user's.
fn act(fake: &mut Fake, (what, which, content): (u8, u8, u8)) {
    let paths: Vec<RelPath> = fake.files.keys().cloned().collect();
    let some = paths.get(usize::from(which));
    match (what, some) {
        (0, Some(path)) => {
            let edited =
                There { mtime: Stamp::for_tests(2), ..there(content, fake.files[path].inode) };
            fake.files.insert(path.clone(), edited);
        }
        (1, Some(path)) => {
            fake.files.remove(path);
        }
        _ => {
            let names = ["a.jpg", "b.jpg", "c.jpg", "A.jpg", "B.jpg", "C.jpg"];
            let path = RelPath::parse(names[usize::from(which) % names.len()]).unwrap();
            // At a time of its own: by time and size alone it would pass for what was there.
            let theirs = There { mtime: Stamp::for_tests(3), ..there(content, 5_000) };
            fake.files.entry(path).or_insert(theirs);
        }
    }
}

/// What only the user has; with a content of the library's a file is as good as any.
fn users(fake: &Fake) -> Vec<Blake3> {
    let library: Vec<Blake3> = (1..6).map(digest_of).collect();
    let files = fake.files.values().chain(&fake.trash);
    files.filter_map(|it| it.blake3).filter(|it| !library.contains(it)).collect()
}

fn check_a_scenario((before, after, acts): Scenario, care: Care) -> Result<(), TestCaseError> {
    let (mut fake, mut manifest) = (Fake::default(), Rows::default());
    sources(&mut fake, &before);
    let plan = planned(&mut fake, &manifest, &before, care);
    prop_assert_eq!(plan.fates(), before.len());
    carry_out(&plan, &mut fake, &mut manifest);
    for it in acts {
        act(&mut fake, it);
    }
    sources(&mut fake, &after);
    let theirs = users(&fake);
    let plan = planned(&mut fake, &manifest, &after, care);
    prop_assert_eq!(plan.fates(), after.len(), "each selected resource has one fate");
    carry_out(&plan, &mut fake, &mut manifest);
    prop_assert_eq!(users(&fake).len(), theirs.len(), "nothing of the user's is lost");
    // Once more, and again: the second may still find a name that the first has freed.
    for _ in 0..after.len() {
        let plan = planned(&mut fake, &manifest, &after, care);
        carry_out(&plan, &mut fake, &mut manifest);
    }
    let plan = planned(&mut fake, &manifest, &after, care);
    prop_assert_eq!(plan.writes.len(), 0);
    prop_assert_eq!(plan.chains.len() + plan.entering.len() + plan.entering_moved.len(), 0);
    Ok(())
}

proptest! {
    #[test]
    fn what_is_planned_can_be_done_and_then_nothing_is_left_to_do(scenario in scenario()) {
        check_a_scenario(scenario, CARE)?;
    }

    #[test]
    fn what_is_restored_is_left_alone_after_that(scenario in scenario(), by_hash in any::<bool>()) {
        let recheck = if by_hash { Recheck::Hash } else { Recheck::Stat };
        let restore = OnDestChange::Restore;
        check_a_scenario(scenario, Care { recheck, on_dest_change: restore, ..CARE })?;
    }
}

fn numbered(numbers: std::ops::Range<u8>) -> Vec<Asset> {
    let asset =
        |number| Asset { number, name: format!("{number}.jpg"), content: Some(number), time: 0 };
    numbers.map(asset).collect()
}

/// A destination to which these were exported.
fn exported(assets: &[Asset]) -> (Fake, Rows) {
    let (mut fake, mut manifest) = (Fake::default(), Rows::default());
    sources(&mut fake, assets);
    let plan = planned(&mut fake, &manifest, assets, CARE);
    carry_out(&plan, &mut fake, &mut manifest);
    (fake, manifest)
}

#[test]
fn a_rerun_with_nothing_changed_reads_no_content() {
    let assets = numbered(1..6);
    let (mut fake, manifest) = exported(&assets);
    let plan = planned(&mut fake, &manifest, &assets, CARE);
    assert_eq!((plan.fates(), plan.said.len(), fake.digests), (5, 5, 0));
    assert!(plan.said.iter().all(|row| row.outcome == Outcome::Unchanged));
    let plan = planned(&mut fake, &manifest, &assets, Care { recheck: Recheck::Hash, ..CARE });
    assert_eq!((plan.said.len(), fake.digests), (5, 5));
}

#[test]
fn without_a_recheck_nothing_is_looked_at() {
    let assets = numbered(1..6);
    let (mut fake, manifest) = exported(&assets);
    fake.files.clear();
    let plan = planned(&mut fake, &manifest, &assets, Care { recheck: Recheck::None, ..CARE });
    assert!(plan.said.iter().all(|row| row.outcome == Outcome::Unchanged));
}

#[test]
fn a_library_that_was_rebuilt_under_new_uuids_copies_nothing() {
    let before = numbered(1..6);
    let (mut fake, mut manifest) = exported(&before);
    // The same photos, under new UUIDs and, some of them, new names.
    let after: Vec<Asset> = before
        .iter()
        .map(|asset| Asset {
            number: asset.number + 100,
            name: if asset.number < 3 {
                format!("new{}.jpg", asset.number)
            } else {
                asset.name.clone()
            },
            ..asset.clone()
        })
        .collect();
    for asset in &after {
        fake.sources.insert(asset.source(), asset.content.unwrap());
    }
    let plan = planned(&mut fake, &manifest, &after, CARE);
    assert_eq!((plan.writes.len(), plan.entering_moved.len(), plan.entering.len()), (0, 2, 3));
    carry_out(&plan, &mut fake, &mut manifest);
    assert_eq!((fake.files.len(), manifest.0.len()), (5, 5));
    let plan = planned(&mut fake, &manifest, &after, CARE);
    assert!(plan.said.iter().all(|row| row.outcome == Outcome::Unchanged));
}

#[test]
fn a_source_that_changed_is_written_in_the_place_of_the_old_one() {
    let mut assets = numbered(1..4);
    let (mut fake, mut manifest) = exported(&assets);
    assets[0].content = Some(7);
    assets[0].time = 9;
    sources(&mut fake, &assets);
    let plan = planned(&mut fake, &manifest, &assets, CARE);
    assert_eq!(plan.writes.len(), 1);
    assert!(plan.writes[0].over.as_ref().unwrap().ours);
    carry_out(&plan, &mut fake, &mut manifest);
    // Renamed and edited at once: first the name, then the content.
    assets[0].name = "z.jpg".to_owned();
    assets[0].content = Some(8);
    assets[0].time = 10;
    sources(&mut fake, &assets);
    let plan = planned(&mut fake, &manifest, &assets, CARE);
    assert_eq!((plan.chains.len(), plan.writes.len(), plan.renames()), (1, 1, 0));
    carry_out(&plan, &mut fake, &mut manifest);
    assert_eq!((fake.files.len(), fake.trash.len()), (3, 0));
}
