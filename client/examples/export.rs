//! Exports an album and shows how far it is; run again, it goes on where it was broken off.
//!
//! usage: `cargo run --example export LIBRARY ALBUM DESTINATION`. What is not on this disk is named
//! at the end, with the reason.

#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a program of its own")]

use darkslide_client::Client;
use darkslide_client::params::{EventKind, ExportSpec, ExportStartParams, Filter};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [library, album, destination] = arguments()?;
    let client = Client::connect().await?;
    let mut spec = ExportSpec::of(library, destination);
    spec.filter = Filter::Album(album);
    let mut export = client.export(&ExportStartParams::of(spec)).await?;
    while let Some(event) = export.next().await? {
        let status = export.status();
        if event.kind == EventKind::Progress {
            println!("{} of {} bytes", status.bytes_done, status.bytes_total);
        }
    }
    println!("{:?}", export.status().outcomes);
    let mut undone = export.report(true);
    while let Some(page) = undone.next_page().await? {
        for row in page {
            println!("{}: {:?}", row.original_filename, row.reason);
        }
    }
    Ok(())
}

fn arguments() -> Result<[String; 3], &'static str> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    given.try_into().map_err(|_| "usage: export LIBRARY ALBUM DESTINATION")
}
