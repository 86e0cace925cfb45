//! Whole exports: synthetic libraries into temporary roots, through the real door.
//!
//! One binary, for it links SQLite. Each test builds its own library and root below a temporary
//! folder; what goes wrong is what the door's injector makes go wrong. The contents that come out
//! are compared with those that the builder put in, and the library's bundle with itself before.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod changes;
mod changing_sources;
mod exporting;
mod first_export;
mod interrupted;
mod machine;
mod planted;
mod real_libraries;
mod refusals;
mod wire_words;
