//! What a rule withholds does not exist for its peer: in queries, counts, exports and reports.
//!
//! Two daemons with one policy but for the rule that applies stand for two peers, since a test has
//! one uid. Which jobs a peer may know of is tried in the daemon's own tests.

use std::path::Path;

use darkslide_tests::service::Place;
use serde_json::json;

use crate::{DARKSLIDED, export, small_library};

/// The policy of [`Place::policy`], with a rule that withholds hidden assets.
fn narrowed(library: &Path) -> String {
    Place::policy(library).replace("roots = [", "hidden = false\nroots = [")
}

#[test]
fn hidden_assets_do_not_exist_for_whom_they_are_withheld_from() {
    let place = Place::new();
    let library = small_library(place.path());
    let hidden = library.assets().iter().find(|asset| asset.original_name() == "hidden.jpg");
    let hidden = hidden.unwrap().uuid().to_owned();
    for (policy, sees) in [(Place::policy(library.path()), 1), (narrowed(library.path()), 0)] {
        let service = place.start(DARKSLIDED, &policy);
        let mut peer = service.peer();
        let all = json!({"library": "main", "include": ["hidden", "trashed", "bursts"]});
        assert_eq!(peer.result("asset.count", &all)["count"], 8 + sees);
        for filter in [json!({"is": "hidden"}), json!({"uuid": [hidden]})] {
            let params = json!({"library": "main", "filter": filter, "include": ["hidden"]});
            assert_eq!(peer.result("asset.count", &params)["count"], sees, "{filter}");
        }
        let got = peer.result("asset.get", &json!({"library": "main", "uuids": [hidden]}));
        assert_eq!(got["assets"].as_array().unwrap().len(), sees);
        let info = peer.result("library.info", &json!({"library": "main"}));
        assert_eq!(info.get("hidden").is_some(), sees == 1, "{info}");
        let to = json!({"root": "exports", "path": format!("seen{sees}")});
        let status = export(&mut peer, &to);
        assert_eq!(status["selected"], 10 + sees, "{status}");
        let rows = peer.result("job.report", &json!({"job": status["job"], "limit": 1000}));
        assert_eq!(rows["rows"].to_string().contains("hidden.jpg"), sees == 1, "{rows}");
    }
}
