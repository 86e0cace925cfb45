//! Lists the albums of a library, in five lines: connect, ask, print.
//!
//! usage: `cargo run --example albums [LIBRARY]`; the daemon has to run, and to grant the library
//! (`main`, unless another is named) to whoever calls.

#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a program of its own")]

use darkslide_client::Client;
use darkslide_client::params::AlbumListParams;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), darkslide_client::Error> {
    let library = std::env::args().nth(1).unwrap_or_else(|| "main".to_owned());
    let client = Client::connect().await?;
    for album in client.album_list(&AlbumListParams::of(library)).await?.albums {
        println!("{:>6}  {}", album.count.unwrap_or(0), album.title);
    }
    Ok(())
}
