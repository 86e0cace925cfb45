//! The least that two processes can do: the floor of "from nothing to the first answer". `bare`
//! starts itself once more over a socket pair, sends one line, and prints the one line of JSON that
//! comes back, all blocking. `bare answer` is the other side. No library, no thread, no runtime.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measuring program: starts itself, prints"
)]

use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Command;

fn main() -> io::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("answer") {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        return writeln!(io::stdout(), "{{\"asked\":{},\"count\":0}}", line.trim_end().len());
    }
    let (mut ours, theirs) = UnixStream::pair()?;
    let answers = theirs.try_clone()?;
    let mut child = Command::new(std::env::current_exe()?)
        .arg("answer")
        .env_clear()
        .stdin(OwnedFd::from(theirs))
        .stdout(OwnedFd::from(answers))
        .spawn()?;
    ours.write_all(b"count\n")?;
    let mut line = String::new();
    BufReader::new(ours).read_line(&mut line)?;
    print!("{line}");
    child.wait().map(|_| ())
}
