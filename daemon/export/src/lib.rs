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

mod batch;
mod copy;
mod digest;
mod error;
mod gather;
mod id;
mod journal;
mod lines;
mod manifest;
mod name;
mod plan;
mod recover;
mod report;
mod row;
mod run;
mod settle;
mod spec;
mod unreadable;
mod workers;
mod world;

#[doc(hidden)]
pub use batch::Sizes;
pub use error::{ExportError, ExportErrorKind};
pub use report::{Outcome, ReportPage, ReportRow, read_report};
pub use row::Blake3;
#[doc(hidden)]
pub use run::run_in_batches;
pub use run::{JobInput, Progress, Stop, Summary, run};
pub use spec::{EDITED_SUFFIX, Layout, Shape, Spec, Versions};
