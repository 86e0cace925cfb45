//! Plans and makes exports: names, plan, copies, and the destination's own record of them.
//!
//! [`run`] is one export; [`read_report`] pages through what became of each file. Below a
//! destination everything happens through the door, under the grant that opened it; the library is
//! only read. Nothing here knows a clock, an environment or the wire: the day, the limits, the
//! number of threads and what each of them begins with are handed in, and words of the wire are
//! made of these types by whoever answers. The hazard that shaped it: a crash, a person or another
//! program between any two steps. Read `name.rs` and `plan.rs` (what goes where), `batch.rs` and
//! `settle.rs` (how it survives), then `run.rs`.

#![forbid(unsafe_code)]

mod ahead;
mod batch;
mod changes;
mod copy;
mod destinations;
mod digest;
mod error;
mod gather;
mod id;
mod index;
mod journal;
mod lines;
mod litter;
mod manifest;
mod merge;
mod name;
mod plan;
mod prune;
mod quota;
mod reading;
mod recover;
mod replace;
mod report;
mod report_page;
mod row;
mod run;
mod settle;
mod sidecar;
mod spec;
mod spool;
mod sums;
mod unreadable;
mod verify;
mod walk;
mod workers;
mod world;

#[cfg(test)]
#[path = "../../../tests/src/shared.rs"]
mod shared;

pub use ahead::{PlanPage, PlanTotals, plan};
#[doc(hidden)]
pub use batch::Sizes;
pub use destinations::{Described, Found, Held, LastReport, describe, find, held_bytes};
pub use error::{ExportError, ExportErrorKind};
pub use name::template::TemplateError;
#[doc(hidden)]
pub use prune::prune_in_batches;
pub use prune::{MaxDelete, PruneInput, prune};
pub use quota::{Quota, held_beside};
pub use report::{Outcome, ReportRow};
pub use report_page::{ReportPage, read_report};
pub use row::Blake3;
#[doc(hidden)]
pub use run::run_in_batches;
pub use run::{Clock, JobInput, Progress, Stop, Summary, run};
pub use spec::{
    EDITED_SUFFIX, Hashing, Layout, OnDestChange, Recheck, Shape, Sidecar, Spec, Versions,
};
#[doc(hidden)]
pub use verify::verify_at_most;
pub use verify::{By, VerifyInput, verify, verify_job};
pub use walk::Question;
