//! The harness of the whole-system tests: what several test programs need, and nothing that ships.
//!
//! Test programs of other packages depend on it for their tests only. It must never weaken what it
//! tests: no switch for confinement, no way around the policy. Read `docs/testing.md` first.

#![forbid(unsafe_code)]

pub mod activation;
pub mod audit;
pub mod disks;
pub mod libraries;
// Namespaces, as Linux has them.
#[cfg(target_os = "linux")]
pub mod manager;
pub mod process;
pub mod relay;
pub mod service;
pub mod shared;
pub mod talk;
pub mod validate;
pub mod wire;
