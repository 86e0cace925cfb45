//! What a test looks at beside the tree: the trash, the rows of the record, a plan ahead; and
//! policies other than that of the private way.
//!
//! Nothing here writes below a destination.

use std::collections::BTreeMap;

use darkslide_door::Faults;
use darkslide_export::{PlanPage, Question, ReportRow, Spec, Stop, plan};
use darkslide_fixture::{AssetSpec, Content};
use darkslide_library::Deadline;
use darkslide_policy::{
    Ask, Destination, LibraryName, Platform, Policy, Read, RelPath, Uid, World, Write,
};
use darkslide_protocol::value::Uuid;
use serde_json::Value;

use crate::exporting::{Bench, Run, abs, collect, peer};

pub(crate) fn photo(name: &str, seed: u32) -> AssetSpec {
    AssetSpec::photo(name, Content::jpeg(seed)).taken_on(2024, 5, 1)
}

/// A run with this spec.
pub(crate) fn with(spec: &Spec) -> Run<'static> {
    Run { spec: spec.clone(), ..Run::default() }
}

impl Bench {
    /// Every file of the trash: path below it -> content.
    pub(crate) fn trash(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        if self.record("trash").is_dir() {
            collect(&self.record("trash"), "", &mut files);
        }
        files
    }

    /// The rows of files in the manifest, by path.
    pub(crate) fn rows(&self) -> BTreeMap<String, Value> {
        let manifest = std::fs::read_to_string(self.record("manifest.jsonl")).unwrap();
        let lines = manifest.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let files = lines.map(|line| line["file"].clone()).filter(|row| !row.is_null());
        files.map(|row| (row["path"].as_str().unwrap().to_owned(), row)).collect()
    }

    /// A page of what an export of this spec would do.
    pub(crate) fn plan_page(&self, spec: &Spec, after: Option<&Uuid>, limit: usize) -> PlanPage {
        let (policy, library, root) = (self.policy(), self.library(), self.root(&Faults::none()));
        let to = Destination::Named { root: root.name().clone(), path: RelPath::root() };
        let write = policy.decide(&peer(), &Ask::<Write>::new("export.plan", to)).unwrap();
        let name = LibraryName::parse("library").unwrap();
        let read = policy.decide(&peer(), &Ask::<Read>::new("export.plan", name)).unwrap();
        let question = Question {
            library: &library,
            read: &read,
            destination: Some(&root.enter(&write).unwrap()),
            spec,
            limit: &Deadline::never(),
            quota: None,
            stop: &|| Stop::GoOn,
        };
        plan(&question, after, limit).unwrap()
    }

    /// All rows of a plan, by pages of so many.
    pub(crate) fn plan(&self, spec: &Spec, limit: usize) -> Vec<ReportRow> {
        let mut page = self.plan_page(spec, None, limit);
        let mut rows = page.rows;
        while let Some(after) = page.next {
            page = self.plan_page(spec, Some(&after), limit);
            rows.append(&mut page.rows);
        }
        rows
    }

    /// The same bench under another policy: these keys of the library and of the root.
    pub(crate) fn allowed(mut self, library: &str, root: &str) -> Self {
        let text = format!(
            "version = 1\n[library.library]\npath = {:?}\n{library}\n\
             [root.destination]\npath = {:?}\n{root}\n[[client]]\nname = \"me\"\n\
             uid = \"self\"\nlibraries = [\"library\"]\nroots = [\"destination\"]\n\
             methods = [\"*\"]\n",
            self.bundle.to_str().unwrap(),
            self.root.to_str().unwrap()
        );
        let home = abs(std::path::Path::new("/nowhere"));
        let world =
            World { home, uid: Uid::new(7), methods: Vec::new(), platform: Platform::Linux };
        self.policy = Some(Policy::parse(&text, &world).unwrap());
        self
    }
}
