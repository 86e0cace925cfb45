//! Planning over a destination in memory: what is planned can be carried out, and then nothing is
//! left to do.
//!
//! A library, changes of it, and a user's acts are made at random; contents are single numbers.

use std::collections::BTreeMap;

use darkslide_protocol::value::Uuid;
use proptest::prelude::*;

use super::*;
use crate::name::{Counting, NamedAsset};
use crate::row::Stamp;
use crate::spec::{Layout, Shape};

/// A destination and a library in memory; a content is one number, its size too.
#[derive(Debug, Clone, Default)]
struct Fake {
    files: BTreeMap<RelPath, There>,
    sources: BTreeMap<RelPath, u8>,
    digests: u32,
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
        Ok(digest_of(self.sources[&here.path]))
    }

    fn head(&mut self, _: &Here) -> Result<Vec<u8>, Trouble> {
        Ok(b"\xFF\xD8\xFF".to_vec())
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
            version: Version::Original,
            original_filename: self.name.clone(),
            content: match self.content {
                Some(content) => Ok(Here {
                    path: self.source(),
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

fn planned(fake: &mut Fake, manifest: &Manifest, assets: &[Asset]) -> (Plan, Vec<ReportRow>) {
    let mut counting = Counting::new(&Shape::new(Layout::Flat, true));
    let uuids: Vec<Uuid> = assets.iter().map(Asset::uuid).collect();
    let named = |at: usize| NamedAsset {
        uuid: &uuids[at],
        original_filename: &assets[at].name,
        month: None,
        albums: &[],
    };
    for at in 0..assets.len() {
        counting.add(&named(at));
    }
    let naming = counting.finish();
    let mut said = Vec::new();
    let mut say = |row| {
        said.push(row);
        Ok(())
    };
    let mut planner = Planner::new(&naming, manifest, fake);
    for (at, asset) in assets.iter().enumerate() {
        let place = &naming.places(&named(at))[0];
        planner.plan_place(place, vec![asset.wanted()], &mut say).unwrap();
    }
    let plan = planner.finish(&mut say).unwrap();
    (plan, said)
}

/// Does what the plan says; a name that is taken is a mistake of the plan.
fn carry_out(plan: &Plan, fake: &mut Fake, manifest: &mut Manifest, assets: &[Asset]) {
    for entering in &plan.entering {
        assert!(entering.row.is(&fake.files[&entering.row.path]));
        manifest.put(entering.row.clone());
    }
    for chain in &plan.chains {
        let mut aside = None;
        for (at, step) in chain.moves.iter().enumerate() {
            let file = fake.files.remove(&step.row.path);
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
    for copy in plan.copies.iter().flatten() {
        let asset = assets.iter().find(|it| it.source() == copy.here.path).unwrap();
        let content = asset.content.unwrap();
        let file = there(content, 1_000 + u64::from(asset.number));
        assert_eq!(fake.files.insert(copy.path.clone(), file), None);
        manifest.put(Row {
            key: copy.wanted.key.clone(),
            path: copy.path.clone(),
            size: file.size,
            mtime: file.mtime,
            inode: file.inode,
            blake3: file.blake3,
            source: copy.here.source,
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
    let acts = prop::collection::vec((0_u8..3, 0_u8..9, 0_u8..6), 0..4);
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
            fake.files.entry(path).or_insert(there(content, 5_000));
        }
    }
}

fn users(fake: &Fake) -> Vec<Blake3> {
    let files = fake.files.values();
    let foreign = files.filter(|it| it.inode == 5_000 || it.mtime == Stamp::for_tests(2));
    foreign.filter_map(|it| it.blake3).collect()
}

proptest! {
    #[test]
    fn what_is_planned_can_be_done_and_then_nothing_is_left_to_do(
        (before, after, acts) in scenario(),
    ) {
        let (mut fake, mut manifest) = (Fake::default(), Manifest::default());
        sources(&mut fake, &before);
        let (plan, said) = planned(&mut fake, &manifest, &before);
        prop_assert_eq!(plan.selected, said.len() as u64 + plan.files());
        carry_out(&plan, &mut fake, &mut manifest, &before);
        for it in acts {
            act(&mut fake, it);
        }
        sources(&mut fake, &after);
        let theirs = users(&fake);
        let (plan, said) = planned(&mut fake, &manifest, &after);
        let moves: usize = plan.chains.iter().map(|chain| chain.moves.len()).sum();
        let done = plan.files() + (said.len() + moves + plan.entering.len()) as u64;
        prop_assert_eq!(plan.selected, done, "each selected resource has one fate");
        carry_out(&plan, &mut fake, &mut manifest, &after);
        prop_assert_eq!(users(&fake).len(), theirs.len(), "nothing of the user's is touched");
        // Once more, and again: the second may still find a name that the first has freed.
        for _ in 0..after.len() {
            let (plan, _) = planned(&mut fake, &manifest, &after);
            carry_out(&plan, &mut fake, &mut manifest, &after);
        }
        let (plan, _) = planned(&mut fake, &manifest, &after);
        prop_assert_eq!(plan.files(), 0);
        prop_assert_eq!(plan.chains.len() + plan.entering.len(), 0);
    }
}

#[test]
fn a_rerun_with_nothing_changed_reads_no_content() {
    let assets: Vec<Asset> = (1..6)
        .map(|number| Asset {
            number,
            name: format!("{number}.jpg"),
            content: Some(number),
            time: 0,
        })
        .collect();
    let (mut fake, mut manifest) = (Fake::default(), Manifest::default());
    sources(&mut fake, &assets);
    let (plan, _) = planned(&mut fake, &manifest, &assets);
    carry_out(&plan, &mut fake, &mut manifest, &assets);
    let (plan, said) = planned(&mut fake, &manifest, &assets);
    assert_eq!((plan.files(), said.len(), fake.digests), (0, 5, 0));
    assert!(said.iter().all(|row| row.outcome == Outcome::Unchanged));
}
