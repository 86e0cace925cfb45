//! From a library to acts: names of the whole catalog, then page by page the selected assets, their
//! files, and what is to become of each.
//!
//! It alone asks the library for a plan, and hands each asset's acts to whoever collects them: an
//! export, which carries them out, or a look ahead, which shows them. It writes nothing. The
//! hazard: two ways to make a plan, of which one shows what the other does not do.

use std::collections::{HashMap, HashSet};

use darkslide_door::{Destination, Faults};
use darkslide_library::{Deadline, Existence, Library, Resource, Selection};
use darkslide_policy::{Grant, Read};
use darkslide_protocol::value::Uuid;
use serde_json::value::RawValue;

use crate::error::ExportError;
use crate::gather::{Gathered, Selected, read_at_rest, versions};
use crate::manifest::Manifest;
use crate::plan::{Act, Care, Planner};
use crate::quota::Quota;
use crate::run::Stop;
use crate::sidecar;
use crate::spec::Spec;
use crate::world::DoorWorld;

/// Assets whose files are looked for at once.
const PAGE_ASSETS: usize = 500;

/// What a plan is asked for.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The library.
    pub library: &'a Library,
    /// The grant to read it.
    pub read: &'a Grant<Read>,
    /// The destination, opened under its own grant; none where no folder is there yet.
    pub destination: Option<&'a Destination<'a>>,
    /// What to export, and how.
    pub spec: &'a Spec,
    /// For how long the library is asked.
    pub limit: &'a Deadline,
    /// What the root may hold; none where that is not limited.
    pub quota: Option<Quota<'a>>,
    /// Asked now and then whether to go on.
    pub stop: &'a (dyn Fn() -> Stop + Sync),
}

impl std::fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Question").field("spec", self.spec).finish_non_exhaustive()
    }
}

/// A plan that is about to be made.
pub(crate) struct Walk<'a> {
    question: Question<'a>,
    manifest: &'a Manifest,
    gathered: Gathered,
    selected: Selection,
    reshapes: bool,
}

impl<'a> Walk<'a> {
    /// Names everything, and selects.
    pub(crate) fn new(
        question: Question<'a>,
        manifest: &'a Manifest,
        reshapes: bool,
    ) -> Result<Self, ExportError> {
        let Question { library, read, spec, limit, .. } = question;
        let gathered = Gathered::new(&question)?;
        let selected = read_at_rest(|| library.select(read, &spec.filter, &spec.include, limit))?;
        Ok(Self { question, manifest, gathered, selected, reshapes })
    }

    /// Plans the selected assets in the order of their UUIDs, those after `after`, until `take`
    /// wants no more.
    pub(crate) fn each_asset(
        &self,
        after: Option<&Uuid>,
        mut take: impl FnMut(&Uuid, Vec<Act>) -> Result<bool, ExportError>,
    ) -> Result<(), ExportError> {
        let Question { library, read, spec, limit, stop, .. } = self.question;
        let versions = versions(spec);
        let mut planner = self.planner();
        let mut uuids = self
            .selected
            .iter()
            .skip_while(|uuid| after.is_some_and(|after| uuid <= after))
            .peekable();
        while uuids.peek().is_some() {
            let page: Vec<Uuid> = uuids.by_ref().take(PAGE_ASSETS).collect();
            let entries = library.entries(read, &page, spec.shape.needs(), limit)?;
            let records = self.records(&page)?;
            let mut resources: HashMap<Uuid, Vec<Resource>> = library
                .resources(read, &page, &versions, limit)?
                .into_iter()
                .map(|it| (it.uuid, it.resources))
                .collect();
            for entry in &entries {
                if stop() != Stop::GoOn {
                    return Err(ExportError::Stopped);
                }
                let record = records.get(&entry.uuid).map(|it| &**it);
                let resources = resources.remove(&entry.uuid).unwrap_or_default();
                let asset = Selected { entry, resources, record };
                let places = self.gathered.wanted(spec, self.manifest, asset)?;
                let acts = planner.plan_asset(&self.gathered.library, &entry.uuid, &places)?;
                if !take(&entry.uuid, acts)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Plans new names for what nobody selected, where another shape asks for them.
    pub(crate) fn each_other(
        &self,
        mut take: impl FnMut(Vec<Act>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        if !self.reshapes {
            return Ok(());
        }
        let Question { library, read, spec, limit, stop, .. } = self.question;
        let own = &self.gathered.library;
        let mut planner = self.planner();
        let mut others = self.manifest.rows().filter_map(|row| match row {
            Ok(row) if row.key.library == *own => Some(Ok(row.key.asset)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        });
        let mut last = None;
        loop {
            let mut page: Vec<Uuid> = Vec::new();
            for uuid in others.by_ref() {
                let uuid = uuid?;
                if last.as_ref() != Some(&uuid) && !self.selected.contains(&uuid) {
                    page.push(uuid.clone());
                }
                last = Some(uuid);
                if page.len() == PAGE_ASSETS {
                    break;
                }
            }
            if page.is_empty() {
                return Ok(());
            }
            if stop() != Stop::GoOn {
                return Err(ExportError::Stopped);
            }
            for entry in library.entries(read, &page, spec.shape.needs(), limit)? {
                let places = self.gathered.places(&entry);
                take(planner.plan_asset(own, &entry.uuid, &places)?)?;
            }
        }
    }

    /// What the library knows of these assets, where sidecars are wanted.
    fn records(&self, page: &[Uuid]) -> Result<HashMap<Uuid, Box<RawValue>>, ExportError> {
        let mut records = HashMap::new();
        let Question { library, read, spec, limit, .. } = self.question;
        if spec.sidecars.is_empty() {
            return Ok(records);
        }
        let fields = sidecar::fields(&spec.sidecars);
        let mut rest = page.to_vec();
        while !rest.is_empty() {
            let got = library.get(read, &rest, fields, limit)?;
            let list: Vec<Box<RawValue>> =
                serde_json::from_slice(got.assets.json()).map_err(std::io::Error::from)?;
            for record in list {
                let named: Named =
                    serde_json::from_str(record.get()).map_err(std::io::Error::from)?;
                records.insert(named.uuid, record);
            }
            // An answer that holds nothing would be asked for for ever.
            rest = if got.rest.len() < rest.len() { got.rest } else { Vec::new() };
        }
        Ok(records)
    }

    fn planner(&self) -> Planner<'_, DoorWorld<'_>> {
        let Question { library, read, destination, spec, limit, stop, .. } = self.question;
        let naming = &self.gathered.naming;
        let world = DoorWorld {
            destination,
            faults: destination.map_or_else(Faults::none, |it| it.faults().clone()),
            library: library.dir(),
            grant: read,
            stop,
            gone: Box::new(move |asset| {
                // What the grant withholds is not gone; only the library itself can tell.
                if naming.knows(asset) {
                    return Ok(false);
                }
                let found = library.existence(read, std::slice::from_ref(asset), limit)?;
                Ok(found == [Existence::Absent])
            }),
            ours: HashSet::new(),
        };
        let Spec { recheck, on_dest_change, .. } = *spec;
        let care = Care { recheck, on_dest_change, reshapes: self.reshapes };
        Planner::new(naming, self.manifest, world, care)
    }
}

/// Whose record it is.
#[derive(serde::Deserialize)]
struct Named {
    uuid: Uuid,
}
