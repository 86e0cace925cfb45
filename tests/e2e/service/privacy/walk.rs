//! Every method of the wire, asked of one daemon: what it says, as JSON.
//!
//! The list is the protocol's own; a method that this walk has no questions for fails it, so that a
//! new one cannot be forgotten. Each leaf of the filter language is walked in the reader's own
//! tests; here are those that a peer would try first. What differs from start to start (process,
//! job, token) is left out of the answers, and so is what the peer wrote itself.

use darkslide_protocol::method::METHODS;
use darkslide_tests::service::Place;
use darkslide_tests::wire::Peer;
use serde_json::{Value, json};

use crate::{files_below, wait_for};

/// A question, and what was answered.
pub(super) type Answer = (String, String);

const WHOLE: [&str; 3] = ["hidden", "trashed", "bursts"];
const KINDS: [&str; 6] = ["album", "folder", "smart", "shared", "project", "import"];
const FACETS: [&str; 9] =
    ["keyword", "person", "label", "place", "camera", "lens", "year", "month", "kind"];
const SORTS: [&str; 6] = ["taken", "added", "modified", "name", "size", "uuid"];

/// What differs between two daemons, and between two questions.
const OF_THE_MOMENT: &[&str] = &[
    "audit",
    "pid",
    "instance",
    "uptime_ms",
    "confinement",
    "job",
    "seq",
    "token",
    "subscription",
    "unknown",
    "jobs",
    "created",
    "started",
    "ended",
    "rate",
    "remaining",
    "extraction_time",
];

fn filters() -> Vec<Value> {
    vec![
        json!({}),
        json!({"is": "hidden"}),
        json!({"is": "trashed"}),
        json!({"is": "located"}),
        json!({"is": "referenced"}),
        json!({"not": {"is": "in_album"}}),
        json!({"album": "Shown"}),
        json!({"album": "zqx album"}),
        json!({"album": "zqx albun"}),
        json!({"album": {"contains": "zqx"}}),
        json!({"person": {"matches": "*"}}),
        json!({"keyword": "k"}),
        json!({"text": {"contains": "zqx"}}),
        json!({"not": {"place": {"contains": "zqx"}}}),
        json!({"near": {"latitude": 12.3456, "longitude": 23.4567, "metres": 1000.0}}),
        json!({"any": [{"taken": {"to": "1990-01-01"}}, {"size": {"min": 900_000_000.0}}]}),
    ]
}

/// The answers of one daemon.
pub(super) struct Walk<'a> {
    place: &'a Place,
    peer: Peer,
    assets: &'a [String],
    answers: Vec<Answer>,
}

impl<'a> Walk<'a> {
    /// Asks with every method.
    pub(super) fn through(place: &'a Place, peer: Peer, assets: &'a [String]) -> Vec<Answer> {
        let mut walk = Self { place, peer, assets, answers: Vec::new() };
        for row in METHODS {
            walk.method(row.name);
        }
        walk.answers
    }

    fn method(&mut self, name: &str) {
        match name {
            "health" | "rpc.discover" | "policy.show" | "library.list" => {
                drop(self.ask(name, json!({})));
            }
            "library.info" => drop(self.ask(name, json!({"library": "main"}))),
            "album.list" => {
                for include in [json!([]), json!(WHOLE)] {
                    self.ask(name, json!({"library": "main", "kinds": KINDS, "include": include}));
                }
            }
            "facet.list" => {
                for facet in FACETS {
                    self.filtered(name, json!({"facet": facet, "include": WHOLE}));
                }
            }
            "asset.query" => self.queries(name),
            "asset.count" => {
                self.filtered(name, json!({}));
                let with = json!(["bytes", "not_local", "kinds"]);
                self.filtered(name, json!({"include": WHOLE, "with": with}));
            }
            "asset.get" => self.by_uuid(name, json!({"fields": ["*"]})),
            "resource.list" => self.by_uuid(name, json!({})),
            "resource.open" => self.each(name, json!({"version": "original"})),
            "resource.read" => {
                self.each(name, json!({"version": "original", "offset": 0, "length": 1000}));
            }
            "thumbnail.open" => self.each(name, json!({"min_pixels": 1})),
            "change.token" => drop(self.ask(name, json!({"library": "main"}))),
            "change.since" => self.changes(name),
            "export.plan" => self.plan(name),
            "export.start" => self.export(name),
            "export.verify" => {
                for by in ["stat", "hash"] {
                    self.job(name, json!({"by": by}));
                }
            }
            "export.prune" => {
                let plan = self.job(name, json!({"max_delete": 0}));
                self.job(name, json!({"max_delete": "100%", "plan": plan}));
            }
            "export.destinations" => self.destinations(name),
            "extract" => self.extract(name),
            // With the export.
            "job.list" | "job.status" | "job.report" | "job.cancel" | "job.resume" => {}
            "event.subscribe" => self.events(),
            "event.unsubscribe" => {}
            other => panic!("nobody asks with {other}: add its questions here"),
        }
    }

    /// Asks, notes what is answered, and returns the result if it is one.
    fn ask(&mut self, method: &str, params: Value) -> Option<Value> {
        let response = self.peer.call(method, &params);
        let result = response.get("result").cloned();
        let mut told = result.clone().unwrap_or_else(|| response["error"].clone());
        leave_out(&mut told);
        let own = self.place.path().display().to_string();
        self.answers.push((format!("{method} {params}"), told.to_string().replace(&own, "")));
        result
    }

    fn filtered(&mut self, method: &str, more: Value) {
        for filter in filters() {
            let mut params = more.clone();
            params["library"] = json!("main");
            params["filter"] = filter;
            self.ask(method, params);
        }
    }

    fn queries(&mut self, method: &str) {
        self.filtered(method, json!({"include": WHOLE, "fields": ["*"]}));
        for sort in SORTS {
            for descending in [false, true] {
                let mut params = json!({"library": "main", "include": WHOLE, "sort": sort,
                    "descending": descending, "limit": 1, "fields": ["uuid"]});
                while let Some(page) = self.ask(method, params.clone()) {
                    let Some(next) = page.get("next") else { break };
                    params["cursor"] = next.clone();
                }
            }
        }
        let album = json!({"library": "main", "filter": {"album": "Shown"}, "sort": "album"});
        self.ask(method, album);
    }

    fn by_uuid(&mut self, method: &str, more: Value) {
        let assets = self.assets;
        for uuids in std::iter::once(assets).chain(assets.chunks(1)) {
            let mut params = more.clone();
            params["library"] = json!("main");
            params["uuids"] = json!(uuids);
            self.ask(method, params);
        }
    }

    fn each(&mut self, method: &str, more: Value) {
        for uuid in self.assets {
            let mut params = more.clone();
            params["library"] = json!("main");
            params["uuid"] = json!(uuid);
            self.ask(method, params);
        }
    }

    /// All of the history, by a token that was made up.
    fn changes(&mut self, method: &str) {
        let newest = self.peer.result("change.token", &json!({"library": "main"}));
        let parts: Vec<&str> = newest["token"].as_str().unwrap().split('.').collect();
        let token = format!("{}.{}.0.-.0000000000000000", parts[0], parts[1]);
        let mut told =
            self.peer.result(method, &json!({"library": "main", "token": token, "limit": 10_000}));
        // Where the history ends now.
        told["next"] = Value::Null;
        self.answers.push((format!("{method} from the beginning"), told.to_string()));
    }

    /// Names are made from all that the grant shows; totals are counts of it.
    fn plan(&mut self, method: &str) {
        for layout in ["date", "album", "{place.country}/{place.city}/{description} {camera}"] {
            for sidecars in [json!([]), json!(["xmp", "json"])] {
                let to = json!({"root": "exports", "path": "planned"});
                let spec = json!({"library": "main", "destination": to, "include": WHOLE,
                    "layout": layout, "sidecars": sidecars, "aae": true, "preview": true});
                self.ask(method, json!({"spec": spec, "limit": 1000}));
            }
        }
    }

    fn export(&mut self, method: &str) {
        let layouts =
            ["date", "album", "flat", "{place.country}/{place.city}/{description} {camera}"];
        for (number, layout) in layouts.iter().enumerate() {
            let to = json!({"root": "exports", "path": format!("to{number}")});
            let spec = json!({"library": "main", "destination": to, "include": WHOLE,
                "layout": layout, "versions": "both"});
            let job = self.ask(method, json!({"spec": spec})).unwrap()["job"].clone();
            let mut status = wait_for(&mut self.peer, &job);
            let report = self.peer.result("job.report", &json!({"job": job, "limit": 1000}));
            // A job that is done is told as it is, whatever is asked of it.
            for more in ["job.cancel", "job.resume"] {
                let mut told = self.peer.result(more, &json!({"job": job}));
                leave_out(&mut told);
                self.answers.push((format!("{more} {layout}"), told.to_string()));
            }
            let mut listed = self.peer.result("job.list", &json!({}))["jobs"][0].take();
            leave_out(&mut listed);
            self.answers.push((format!("job.list {layout}"), listed.to_string()));
            // As they were done, by several threads.
            let rows = report["rows"].as_array().unwrap().iter();
            let mut rows: Vec<String> = rows.map(Value::to_string).collect();
            rows.sort();
            leave_out(&mut status);
            self.answers.push((format!("job.status {layout}"), status.to_string()));
            self.answers.push((format!("job.report {layout}"), rows.join("\n")));
            let files = files_below(&self.place.exports().join(format!("to{number}")));
            self.answers.push((format!("files {layout}"), format!("{files:?}")));
        }
    }

    fn extract(&mut self, method: &str) {
        for (number, album) in ["Shown", "zqx album", "zqx albun"].into_iter().enumerate() {
            let to = json!({"root": "exports", "path": format!("extracted{number}")});
            let options = json!({"include": WHOLE});
            let params = json!({"album": album, "export_path": to, "options": options});
            let mut told = self.peer.call(method, &params);
            let told = match told.get_mut("result") {
                Some(result) => {
                    for file in result["media_files"].as_array_mut().unwrap() {
                        file["date_imported"] = Value::Null;
                    }
                    leave_out(result);
                    result.take()
                }
                None => told["error"].take(),
            };
            let own = self.place.path().display().to_string();
            self.answers.push((format!("{method} {params}"), told.to_string().replace(&own, "")));
        }
    }

    /// A job about what the export before has left.
    fn job(&mut self, method: &str, mut params: Value) -> Value {
        params["library"] = json!("main");
        params["destination"] = json!({"root": "exports", "path": "to0"});
        let job = self.peer.result(method, &params)["job"].clone();
        let mut status = wait_for(&mut self.peer, &job);
        let report = self.peer.result("job.report", &json!({"job": job, "limit": 1000}));
        leave_out(&mut status);
        self.answers.push((format!("{method} status"), status.to_string()));
        self.answers.push((format!("{method} report"), report["rows"].to_string()));
        job
    }

    fn destinations(&mut self, method: &str) {
        let mut told = self.peer.result(method, &json!({}));
        for it in told["destinations"].as_array_mut().unwrap() {
            it["last"]["job"] = Value::Null;
            it["last"]["time"] = Value::Null;
        }
        self.answers.push((method.to_owned(), told.to_string()));
        self.ask(method, json!({"library": "zqx"}));
    }

    fn events(&mut self) {
        for topic in ["jobs", "key:zqx", "library:main", "library:zqx"] {
            let subscribed = self.ask("event.subscribe", json!({"topics": [topic]}));
            if let Some(subscribed) = subscribed {
                let params = json!({"subscription": subscribed["subscription"]});
                self.peer.result("event.unsubscribe", &params);
            }
        }
    }
}

fn leave_out(value: &mut Value) {
    if let Value::Object(members) = value {
        OF_THE_MOMENT.iter().for_each(|member| drop(members.remove(*member)));
        members.get_mut("detail").into_iter().for_each(leave_out);
    }
}
