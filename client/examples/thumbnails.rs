//! Opens the thumbnail and the original of the newest assets: files to read, without a path.
//!
//! usage: `cargo run --example thumbnails [LIBRARY]`. Both come over the socket as open files, so
//! that this program needs no right to the library.

#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a program of its own")]

use std::io::Read;

use darkslide_client::Client;
use darkslide_client::params::{
    AssetQueryParams, ResourceOpenParams, Sort, ThumbnailOpenParams, Version,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let library = std::env::args().nth(1).unwrap_or_else(|| "main".to_owned());
    let client = Client::connect().await?;
    let mut newest = AssetQueryParams::of(&library);
    (newest.sort, newest.descending, newest.limit) = (Sort::Taken, true, 12);
    for asset in client.asset_query(&newest).await?.assets {
        let wanted = ThumbnailOpenParams::of(&library, asset.uuid.parse()?, 256);
        match client.thumbnail_open(&wanted).await {
            Ok((shown, mut file)) => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                println!("{} {}x{}, {} bytes", shown.name, shown.width, shown.height, bytes.len());
            }
            Err(error) => println!("{}: {error}", asset.original_filename),
        }
        let wanted = ResourceOpenParams::of(&library, asset.uuid.parse()?, Version::Original);
        if let Ok((original, file)) = client.resource_open(&wanted).await {
            println!("  original: {} bytes, {:?}", original.size, file.metadata()?.file_type());
        }
    }
    Ok(())
}
