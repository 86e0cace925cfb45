//! The same without a runtime: counts what a library holds by year, then exports it and waits.
//!
//! usage: `cargo run --features blocking --example blocking LIBRARY DESTINATION`; the daemon has to
//! run, and to grant both.

#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a program of its own")]

use std::collections::BTreeMap;

use darkslide_client::blocking::Client;
use darkslide_client::params::{AssetQueryParams, ExportSpec, ExportStartParams};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [library, destination] =
        <[String; 2]>::try_from(given).map_err(|_| "usage: blocking LIBRARY DESTINATION")?;
    let client = Client::connect()?;
    let mut years: BTreeMap<String, usize> = BTreeMap::new();
    for asset in client.assets(AssetQueryParams::of(&library)) {
        let date = asset?.date.unwrap_or_default();
        *years.entry(date.chars().take(4).collect()).or_default() += 1;
    }
    println!("{years:?}");
    let spec = ExportSpec::of(library, destination);
    let mut export = client.export(&ExportStartParams::of(spec))?;
    for event in export.by_ref() {
        println!("{}", event?.kind.as_str());
    }
    println!("{:?}", export.wait()?.outcomes);
    Ok(())
}
