//! What a person does between a crash and the next run, and what must be left of it.
//!
//! He edits, deletes, renames, exchanges, and puts files of his own where ours are wanted or where
//! only we write. Whatever he does, each of his contents is somewhere below the root afterwards,
//! and stands where he put it unless that is our own folder; all other files come out as if he had
//! done nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::crashes::tree::Tree;
use crate::crashes::{Case, Dice};
use crate::exporting::Bench;

/// What he touched.
#[derive(Debug, Default)]
pub(super) struct Touched {
    what: &'static str,
    paths: BTreeSet<String>,
    /// A folder in which names depend on each other.
    folder: Option<String>,
    /// Where each of his contents is; none where it is in a folder of ours.
    his: Vec<(Option<String>, String)>,
}

impl Touched {
    pub(super) fn nothing() -> Self {
        Self { what: "nothing", ..Self::default() }
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.what == "nothing"
    }

    pub(super) fn what(&self) -> &'static str {
        self.what
    }

    /// May that path end otherwise than undisturbed?
    pub(super) fn concerns(&self, path: &str) -> bool {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.paths.contains(path) || self.folder.as_deref() == Some(folder)
    }

    #[track_caller]
    pub(super) fn assert_nothing_lost(&self, case: &Case, bench: &Bench, how: &str) {
        let (tree, all) = (Tree::of(bench), Tree::below(&bench.root));
        for (path, content) in &self.his {
            assert!(all.holds(content), "{how}: {path:?} is lost");
            if let (Some(path), None) = (path, &self.folder) {
                assert_eq!(tree.content(path), Some(content.as_str()), "{how}: {path} moved");
            }
        }
        for (path, file) in tree.files().filter(|(path, _)| self.concerns(path)) {
            let his = self.his.iter().any(|(_, content)| *content == file.content);
            let known = [&case.earlier, &case.expected];
            let ours = known.into_iter().any(|tree| tree.holds(&file.content));
            assert!(his || ours, "{how}: {path} is nobody's");
        }
    }
}

/// Does one thing.
pub(super) fn act(case: &Case, bench: &Bench, dice: &mut Dice) -> Touched {
    let there: Vec<String> = Tree::of(bench).paths().cloned().collect();
    let wanted: Vec<&String> = case.expected.paths().filter(|path| !there.contains(path)).collect();
    let any = |dice: &mut Dice| there.get(dice.roll(there.len())).cloned();
    let mut did = Touched::nothing();
    let which = dice.roll(8);
    match (which, any(dice), any(dice)) {
        (0, Some(path), _) => {
            did.what = "edit";
            did.put(bench, &path, b"a photo that somebody edited");
        }
        (1, Some(path), _) => {
            did.what = "edit of the same size";
            let mut content = fs::read(bench.path(&path)).unwrap();
            content.fill(b'e');
            did.put(bench, &path, &content);
        }
        (2, Some(path), _) => {
            did.what = "delete";
            fs::remove_file(bench.path(&path)).unwrap();
            did.paths.insert(path);
        }
        (3, Some(path), _) => {
            did.what = "rename";
            let to = format!("{path} of mine");
            did.moved(bench, &path, &to);
            fs::rename(bench.path(&path), bench.path(&to)).unwrap();
        }
        (4, Some(one), Some(other)) if one != other => {
            did.what = "exchange";
            did.moved(bench, &one, &other);
            did.moved(bench, &other, &one);
            let between = bench.path("between");
            fs::rename(bench.path(&one), &between).unwrap();
            fs::rename(bench.path(&other), bench.path(&one)).unwrap();
            fs::rename(between, bench.path(&other)).unwrap();
        }
        (5, ..) if !wanted.is_empty() => {
            did.what = "own file under a wanted name";
            let path = wanted[dice.roll(wanted.len())].clone();
            fs::create_dir_all(bench.path(&path).parent().unwrap()).unwrap();
            did.put(bench, &path, b"a file of somebody's own");
        }
        (6, ..) => did.put_in(&bench.record("tmp"), "own file in tmp/", "notes.txt"),
        (7, ..) => {
            let name = "0123456789abcdef0123456789abcdef";
            did.put_in(&bench.record("aside"), "own file in aside/", name);
        }
        _ => {}
    }
    let moves = |path: &String| case.earlier.content(path) != case.expected.content(path);
    if let Some(path) = did.paths.iter().find(|path| !case.is_first() && moves(path)) {
        did.folder = path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    }
    did
}

impl Touched {
    fn put(&mut self, bench: &Bench, path: &str, content: &[u8]) {
        fs::write(bench.path(path), content).unwrap();
        self.paths.insert(path.to_owned());
        self.his.push((Some(path.to_owned()), blake3::hash(content).to_hex().to_string()));
    }

    fn moved(&mut self, bench: &Bench, from: &str, to: &str) {
        let content = fs::read(bench.path(from)).unwrap();
        self.paths.extend([from.to_owned(), to.to_owned()]);
        self.his.push((Some(to.to_owned()), blake3::hash(&content).to_hex().to_string()));
    }

    fn put_in(&mut self, folder: &Path, what: &'static str, name: &str) {
        if folder.is_dir() {
            self.what = what;
            let content = b"a file in a folder of ours";
            fs::write(folder.join(name), content).unwrap();
            self.his.push((None, blake3::hash(content).to_hex().to_string()));
        }
    }
}
