//! The gateway for HTTP, asked with `curl` over loopback and over a Unix socket, as a program, as a
//! page in a browser, and as an attacker would.
//!
//! A stream is read line by line while it is open; nothing is timed. The hazard: a page that gets,
//! through a browser, what only its owner was granted; so each refusal has its test.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};

use darkslide_tests::process::{PATIENCE, Running, command, run};
use darkslide_tests::service::Place;
use serde_json::{Value, json};

use crate::examples::{example, serve};

mod slow;

const ORIGIN: &str = "http://app.example";
/// Longer than any stream here lasts, so that `curl` ends by itself.
const SECONDS: &str = "60";

/// A gateway at work.
struct Gateway {
    _process: Running,
    url: String,
    socket: Option<String>,
    token: String,
}

impl Gateway {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let mut gateway = example(place, "gateway");
        let gateway = gateway.args(["--origin", ORIGIN]).args(arguments).stdout(Stdio::piped());
        let mut process = Running(gateway.spawn().unwrap());
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (address, token) = line.trim().split_once(' ').expect("an address and a token");
        let socket = address.starts_with('/').then(|| address.to_owned());
        let url = format!("http://{}", if socket.is_some() { "localhost" } else { address });
        Self { _process: process, url, socket, token: token.to_owned() }
    }

    /// A request without the token.
    fn ask(&self, path: &str) -> Command {
        let mut curl = command(Path::new("curl"), Path::new("/"));
        curl.args(["-sS", "-N", "-i", "--noproxy", "*", "--max-time", SECONDS]);
        curl.args(self.socket.iter().flat_map(|path| ["--unix-socket", path]));
        curl.arg(format!("{}{path}", self.url));
        curl
    }

    fn ask_with_token(&self, path: &str) -> Command {
        let mut curl = self.ask(path);
        curl.arg("-H").arg(format!("Authorization: {}", self.token));
        curl
    }

    fn extract(&self, asked: &Value) -> Answer {
        let mut curl = self.ask_with_token("/photos/extract");
        answer(curl.args(["-H", "Content-Type: application/json", "-d", &asked.to_string()]))
    }

    fn stream(&self, id: &str) -> Stream {
        Stream::open(&mut self.ask_with_token(&format!("/agent/stream/{id}")))
    }

    fn ticket(&self, id: &str) -> String {
        let mut curl = self.ask_with_token(&format!("/agent/stream/{id}/ticket"));
        let ticket = answer(curl.args(["-X", "POST"]));
        assert_eq!((ticket.status, &ticket.body["expires_in"]), (200, &json!(60)));
        format!("/agent/stream/{id}?ticket={}", ticket.body["ticket"].as_str().unwrap())
    }
}

struct Answer {
    status: u16,
    head: String,
    body: Value,
}

impl Answer {
    fn assert_refused(&self, status: u16, what: &str) {
        assert_eq!(self.status, status, "{what}: {}", self.body);
        let detail = self.body["detail"].as_str();
        assert!(detail.is_some_and(|detail| !detail.is_empty()), "{what}: {}", self.body);
    }
}

fn answer(curl: &mut Command) -> Answer {
    let told = run(curl);
    assert_eq!(told.code(), 0, "{}", told.stderr);
    let (head, body) = told.stdout.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).unwrap().trim().parse().unwrap();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
    Answer { status, head: head.to_lowercase(), body }
}

/// A stream that is open.
struct Stream {
    process: Running,
    lines: BufReader<ChildStdout>,
    head: String,
}

#[derive(Debug)]
struct Told {
    name: String,
    id: Option<String>,
    data: Value,
}

impl Stream {
    /// Returns once the head is there: the gateway listens to the daemon by then.
    fn open(curl: &mut Command) -> Self {
        let mut process = Running(curl.stdout(Stdio::piped()).spawn().unwrap());
        let lines = BufReader::new(process.0.stdout.take().unwrap());
        let mut stream = Self { process, lines, head: String::new() };
        stream.head = stream.block().to_lowercase();
        assert!(stream.head.starts_with("http/1.1 200"), "{}", stream.head);
        assert_eq!(stream.block(), ": open\n");
        assert!(stream.head.contains("content-type: text/event-stream"), "{}", stream.head);
        stream
    }

    /// All up to an empty line.
    fn block(&mut self) -> String {
        let mut block = String::new();
        loop {
            let mut line = String::new();
            self.lines.read_line(&mut line).unwrap();
            if line.trim_end().is_empty() {
                return block;
            }
            block.push_str(&line);
        }
    }

    /// The next event; none at the end.
    fn next(&mut self) -> Option<Told> {
        let block = self.block();
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        let data: Value = serde_json::from_str(field("data: ")?).unwrap();
        let name = field("event: ").unwrap().to_owned();
        assert_eq!(data["event_type"], json!(name), "{block}");
        assert!(data["timestamp"].as_f64().is_some_and(|time| time > 1.7e9), "{block}");
        assert_eq!(data.as_object().unwrap().len(), 3, "{block}");
        Some(Told { name, id: field("id: ").map(str::to_owned), data: data["data"].clone() })
    }

    /// All that comes but keep-alives; the process has ended then.
    fn rest(mut self) -> Vec<Told> {
        let told: Vec<Told> = std::iter::from_fn(|| self.next()).collect();
        assert!(self.process.wait(PATIENCE).success(), "{told:?}");
        told.into_iter().filter(|told| told.name != "keepalive").collect()
    }
}

fn summer(place: &Place, id: &str) -> Value {
    json!({"album": "Summer", "export_path": place.exports().join(id), "request_id": id})
}

/// What a page sees of an extraction: opened before it, with a ticket, to its end.
fn follow_to_the_end(place: &Place, gateway: &Gateway) {
    let ticket = gateway.ticket("r-1");
    let by_ticket = Stream::open(gateway.ask(&ticket).args(["-H", &format!("Origin: {ORIGIN}")]));
    assert!(by_ticket.head.contains(&format!("access-control-allow-origin: {ORIGIN}")));
    let by_token = gateway.stream("r-1");
    answer(&mut gateway.ask(&ticket)).assert_refused(401, "a ticket that was used");

    let done = gateway.extract(&summer(place, "r-1"));
    assert_eq!((done.status, &done.body["count"]), (200, &json!(3)), "{}", done.body);

    let told = by_ticket.rest();
    assert_eq!(by_token.rest().last().unwrap().id, told.last().unwrap().id);
    assert_eq!(told[0].name, "thinking", "{told:?}");
    assert!(told.iter().any(|told| told.name == "tool_call" && told.data["kind"] == "item"));
    let (last, before) = told.split_last().unwrap();
    assert!(before.iter().all(|told| matches!(told.name.as_str(), "thinking" | "tool_call")));
    assert_eq!((last.name.as_str(), &last.data["kind"]), ("result", &json!("finished")));
    assert_eq!(last.data["job"]["job"], done.body["job"]);

    // After the end: whoever comes again, but not who missed it.
    let path = "/agent/stream/r-1";
    assert_eq!(answer(&mut gateway.ask(&ticket)).status, 204);
    assert_eq!(answer(&mut gateway.ask_with_token(path)).status, 204);
    let seen = |id: &str| format!("Last-Event-ID: {id}");
    let (first, end) = (told[0].id.clone().unwrap(), last.id.clone().unwrap());
    let mut again = gateway.ask_with_token(path);
    assert_eq!(answer(again.args(["-H", &seen(&end)])).status, 204);
    let missed = Stream::open(gateway.ask_with_token(path).args(["-H", &seen(&first)])).rest();
    assert_eq!(missed.last().unwrap().id.as_ref(), Some(&end));
    answer(&mut gateway.ask(path)).assert_refused(401, "after the end, without a token");
}

#[test]
fn an_extraction_is_followed_over_loopback_from_before_it_begins() {
    let (place, _service) = serve();
    follow_to_the_end(&place, &Gateway::start(&place, &[]));
}

#[test]
fn an_extraction_is_followed_over_a_unix_socket() {
    let (place, _service) = serve();
    let socket = place.path().join("run/http").display().to_string();
    follow_to_the_end(&place, &Gateway::start(&place, &["--socket", &socket]));
}

#[test]
fn health_is_open_and_brief_and_503_without_a_daemon() {
    let (place, mut service) = serve();
    let gateway = Gateway::start(&place, &[]);
    let health = answer(&mut gateway.ask("/health"));
    assert_eq!((health.status, &health.body["service"]), (200, &json!("darkslide")));
    assert_eq!(health.body.get("detail"), None);
    service.process.0.kill().unwrap();
    service.process.wait(PATIENCE);
    answer(&mut gateway.ask("/health")).assert_refused(503, "nobody listens");
}

#[test]
fn each_error_has_the_status_of_whose_turn_it_is() {
    let (place, _service) = serve();
    let gateway = Gateway::start(&place, &[]);
    let to = |path: &str| place.exports().join(path).display().to_string();
    std::fs::write(to("file"), "").unwrap();
    for (status, asked) in [
        (400, json!({"album": "Summer"})),
        (400, json!({"album": "Summer", "export_path": to("a"), "formats": "jpg"})),
        (400, json!({"album": "", "export_path": to("a")})),
        (400, json!({"album": "Summer", "export_path": to("a"), "request_id": "k".repeat(129)})),
        (403, json!({"album": "Summer", "export_path": "/etc"})),
        (404, json!({"album": "Sumer", "export_path": to("a")})),
        (424, json!({"album": "Summer", "export_path": to("file")})),
    ] {
        gateway.extract(&asked).assert_refused(status, &asked.to_string());
    }
    let mut no_json = gateway.ask_with_token("/photos/extract");
    answer(no_json.args(["-d", "album=Summer"])).assert_refused(400, "no JSON");
    assert_eq!(gateway.extract(&summer(&place, "once")).status, 200);
    let other = json!({"album": "Summer", "export_path": to("other"), "request_id": "once"});
    gateway.extract(&other).assert_refused(400, "the id of another extraction");
    let within = json!({"album": "Summer", "export_path": to("once/within")});
    gateway.extract(&within).assert_refused(409, "within another destination");
    answer(&mut gateway.ask_with_token("/nothing")).assert_refused(404, "no route");
    answer(&mut gateway.ask_with_token("/photos/extract")).assert_refused(405, "GET");

    let _streams: Vec<Stream> = (0..16).map(|n| gateway.stream(&format!("s{n}"))).collect();
    answer(&mut gateway.ask_with_token("/agent/stream/s16")).assert_refused(429, "one too many");
}

#[test]
fn an_extraction_that_never_became_a_job_ends_its_stream() {
    let (place, _service) = serve();
    let gateway = Gateway::start(&place, &[]);
    let stream = gateway.stream("r");
    let asked = json!({"album": "Sumer", "export_path": place.exports(), "request_id": "r"});
    let refused = gateway.extract(&asked);
    refused.assert_refused(404, "no such album");
    let told = stream.rest();
    assert_eq!((told.len(), told[0].name.as_str(), &told[0].data), (1, "error", &refused.body));
    assert_eq!(answer(&mut gateway.ask_with_token("/agent/stream/r")).status, 204);
    assert_eq!(gateway.extract(&summer(&place, "r")).status, 200);
    assert_eq!(gateway.stream("r").rest().last().unwrap().name, "result");
}

#[test]
fn params_may_stand_in_the_query() {
    let (place, _service) = serve();
    let gateway = Gateway::start(&place, &[]);
    let to = place.exports().join("q").display().to_string();
    let path = format!("/photos/extract?album=Summer&export_path={to}&request_id=q");
    let done = answer(gateway.ask_with_token(&path).args(["-X", "POST"]));
    assert_eq!((done.status, &done.body["count"]), (200, &json!(3)), "{}", done.body);
}

#[test]
fn without_the_token_nothing_is_told_or_done() {
    let (place, _service) = serve();
    let gateway = Gateway::start(&place, &[]);
    let ticket = gateway.ticket("mine");
    let other = ticket.replace("mine", "other");
    for (method, path) in [
        ("POST", "/photos/extract?album=Summer&export_path=x"),
        ("POST", "/agent/stream/r/ticket"),
        ("GET", "/agent/stream/r"),
        ("GET", "/agent/stream/r?ticket="),
        ("GET", "/agent/stream/r?ticket=00000000000000000000000000000000"),
        ("GET", &other),
    ] {
        for given in ["X-None: 1", "Authorization: Bearer 0123", "Authorization: Basic eDp5"] {
            let mut curl = gateway.ask(path);
            answer(curl.args(["-X", method, "-H", given])).assert_refused(401, path);
        }
    }
}

#[test]
fn another_host_or_origin_is_refused_before_anything_else() {
    let (place, _service) = serve();
    let gateway = Gateway::start(&place, &[]);
    let port = gateway.url.rsplit(':').next().unwrap().to_owned();
    for header in [
        "Host: evil.example".to_owned(),
        "Host: localhost".to_owned(),
        format!("Host: evil.example:{port}"),
        "Host:".to_owned(),
        "Origin: null".to_owned(),
        "Origin: http://app.example.evil".to_owned(),
        format!("Origin: {ORIGIN}:81"),
        format!("Origin: {}", gateway.url),
    ] {
        let mut curl = gateway.ask_with_token("/health");
        answer(curl.args(["-H", &header])).assert_refused(403, &header);
    }
    let name = format!("Host: localhost:{port}");
    assert_eq!(answer(gateway.ask("/health").args(["-H", &name])).status, 200);
}

#[test]
fn a_page_of_the_allow_list_may_ask_first() {
    let (place, _service) = serve();
    let gateway = Gateway::start(&place, &[]);
    let preflight = |origin: &str| {
        let mut curl = gateway.ask("/photos/extract");
        curl.args(["-X", "OPTIONS", "-H", "Access-Control-Request-Method: POST"]);
        answer(curl.args(["-H", &format!("Origin: {origin}")]))
    };
    let allowed = preflight(ORIGIN);
    assert_eq!(allowed.status, 204);
    for line in [
        &format!("access-control-allow-origin: {ORIGIN}"),
        "access-control-allow-methods: get, post",
        "access-control-allow-headers: authorization, content-type, last-event-id",
        "vary: origin",
    ] {
        assert!(allowed.head.contains(line), "{line}: {}", allowed.head);
    }
    let refused = preflight("http://evil.example");
    refused.assert_refused(403, "another origin");
    assert!(!refused.head.contains("access-control"), "{}", refused.head);
}

#[test]
fn a_stream_in_which_nothing_happens_says_that_it_is_there() {
    let (place, _service) = serve();
    let gateway = Gateway::start(&place, &["--keep-alive", "0.05"]);
    let mut stream = gateway.stream("later");
    for _ in 0..2 {
        let told = stream.next().unwrap();
        assert_eq!((told.name.as_str(), told.id, told.data), ("keepalive", None, json!({})));
    }
}
