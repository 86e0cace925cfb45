//! The gateway's stream in a real browser: a page with an `EventSource`, as an app would write it.
//!
//! The page comes from a server of the test's own on loopback, and posts there what it heard; the
//! browser is told of no other host. The hazard: a browser is many processes, and some leave its
//! group; what all of them hold open is stderr, so the test goes on when that has ended.

#![expect(clippy::disallowed_types, reason = "a server for a page, on loopback, in a test")]

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use darkslide_tests::shared::{skip, slow_wanted};
use rustix::process::{Pid, Signal, kill_process_group};

use super::*;

/// Ten times what it takes: a browser waits 3 seconds before it comes back to a stream.
const LIMIT: Duration = Duration::from_secs(60);

/// Follows two extractions at once and tells of each. A server's event may be called `error`, as
/// the browser's own is; only the server's has data.
const PAGE: &str = r#"<!doctype html><title>darkslide</title><script>
const { gateway, token, asked } = GIVEN;
const post = (path, body) => fetch(gateway + path, {
  method: "POST",
  headers: { "Authorization": token, "Content-Type": "application/json" },
  body: body && JSON.stringify(body),
});
async function follow(asked) {
  const path = `/agent/stream/${asked.request_id}`;
  const { ticket } = await (await post(`${path}/ticket`)).json();
  const events = new EventSource(`${gateway}${path}?ticket=${ticket}`);
  const told = { heard: [], opened: 0, came_back: 0 };
  const closed = new Promise(resolve => {
    for (const name of ["thinking", "tool_call", "result", "error"]) {
      events.addEventListener(name, event => {
        if (event.data !== undefined) told.heard.push(JSON.parse(event.data).event_type);
        else if (events.readyState === EventSource.CLOSED) resolve();
        else told.came_back += 1;
      });
    }
  });
  const opened = new Promise(resolve => {
    events.onopen = () => { told.opened += 1; resolve(); };
  });
  await Promise.race([opened, closed]);
  told.status = (await post("/photos/extract", asked)).status;
  await closed;
  return told;
}
Promise.all(asked.map(follow)).catch(String)
  .then(told => fetch("/outcome", { method: "POST", body: JSON.stringify(told) }));
</script>"#;

/// A browser without a window.
struct Browser {
    process: Running,
    said: Receiver<String>,
}

impl Browser {
    fn open(place: &Place, url: &str) -> io::Result<Self> {
        let home = place.path().join("browser");
        std::fs::create_dir(&home)?;
        let mut browser = command(Path::new("chromium"), &home);
        browser.env("TMPDIR", &home).arg(format!("--user-data-dir={}", home.display()));
        browser.args(["--headless=new", "--no-sandbox", "--no-zygote", "--disable-gpu"]);
        browser.args(["--disable-dev-shm-usage", "--disable-background-networking"]);
        browser.args(["--disable-component-update", "--disable-sync", "--no-first-run"]);
        browser.arg("--no-proxy-server");
        browser.arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1");
        browser.arg(url).process_group(0).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = Running(browser.spawn()?);
        let mut stderr = process.0.stderr.take().unwrap();
        let (sender, said) = channel();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let _all_there_is = stderr.read_to_end(&mut bytes);
            sender.send(String::from_utf8_lossy(&bytes).into_owned())
        });
        Ok(Self { process, said })
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Before its first process is waited for: until then the group's number is no one else's.
        let _gone = kill_process_group(Pid::from_child(&self.process.0), Signal::KILL);
        let said = self.said.recv_timeout(LIMIT);
        if thread::panicking() {
            eprintln!("the browser said: {said:?}");
        }
    }
}

/// Gives the page to whoever asks, until it posts its outcome.
fn outcome(listener: &TcpListener, page: &str) -> Option<Value> {
    listener.set_nonblocking(true).unwrap();
    let (sender, told) = channel();
    let until = Instant::now() + LIMIT;
    while Instant::now() < until {
        if let Ok((connection, _)) = listener.accept() {
            let (page, sender) = (page.to_owned(), sender.clone());
            // A browser opens some on which it never asks; they end with it.
            thread::spawn(move || attend(&connection, &page, &sender));
        }
        if let Ok(outcome) = told.recv_timeout(Duration::from_millis(5)) {
            return Some(outcome);
        }
    }
    None
}

fn attend(connection: &TcpStream, page: &str, told: &Sender<Value>) -> io::Result<()> {
    connection.set_nonblocking(false)?;
    let mut reader = BufReader::new(connection);
    let mut asked = String::new();
    while !asked.ends_with("\r\n\r\n") {
        if reader.read_line(&mut asked)? == 0 {
            return Ok(());
        }
    }
    let asked = asked.to_lowercase();
    let length = asked.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body)?;
    if asked.starts_with("post /outcome ") {
        let _late = told.send(serde_json::from_slice(&body).unwrap());
    }
    let page = if asked.starts_with("get / ") { page } else { "" };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n";
    write!(&mut &*connection, "{head}Content-Length: {}\r\n\r\n{page}", page.len())
}

#[test]
fn a_page_hears_an_extraction_to_its_end_and_its_browser_does_not_come_back_for_ever() {
    if !slow_wanted() {
        return;
    }
    let (place, _service) = serve();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let gateway = Gateway::start(&place, &["--origin", &origin]);
    let misspelt = json!({"album": "Sumer", "export_path": place.exports(), "request_id": "no"});
    let asked = [summer(&place, "yes"), misspelt];
    let given = json!({"gateway": gateway.url, "token": gateway.token, "asked": asked});
    let browser = match Browser::open(&place, &origin) {
        Ok(browser) => browser,
        Err(error) => return skip(&format!("chromium does not start: {error}")),
    };
    let told = outcome(&listener, &PAGE.replace("GIVEN", &given.to_string()));
    let told = told.expect("the page told its outcome");

    drop(browser);

    for (one, status) in [(&told[0], 200), (&told[1], 404)] {
        assert_eq!(one["status"], json!(status), "{told}");
        // It came back once, got no second stream, and closed for good.
        assert_eq!((&one["opened"], &one["came_back"]), (&json!(1), &json!(1)), "{told}");
    }
    let heard = told[0]["heard"].as_array().unwrap();
    let mut heard: Vec<&str> = heard.iter().flat_map(Value::as_str).collect();
    heard.dedup();
    assert_eq!(heard, ["thinking", "tool_call", "result"], "{told}");
    assert_eq!(told[1]["heard"], json!(["error"]), "{told}");
}
