//! The list of methods. Dispatch, the typed client, the policy's `methods` and the documents are
//! made from it.
//!
//! One row a method; nothing states a method twice. [`Request`] has a variant for each, so that a
//! dispatcher that forgets one does not compile. Adding a method is adding a row, a file below
//! `message/`, and what the compiler then asks for.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::{ErrorName, Reason, WireError};
use crate::message::{
    album, asset, change, destinations, discover, event, export, extract, facet, health, job,
    library, plan, policy, resource, thumbnail, verify,
};

/// What a method does to the world: what the policy is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Touches neither library nor root.
    Call,
    /// Reads a library.
    Read,
    /// Writes below a root.
    Write,
}

/// One method of the wire.
pub trait Method {
    /// Its name on the wire.
    const NAME: &'static str;
    /// What it does to the world.
    const EFFECT: Effect;
    /// The protocol version that brought it.
    const SINCE: u32;
    /// By name; unknown ones are refused.
    type Params: Serialize + DeserializeOwned;
    /// What it answers.
    type Result: Serialize + DeserializeOwned;
}

/// A row of the list, for documents and checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MethodRow {
    /// Its name on the wire.
    pub name: &'static str,
    /// What it is for, in a sentence.
    pub summary: &'static str,
    /// What it does to the world.
    pub effect: Effect,
    /// The protocol version that brought it.
    pub since: u32,
}

macro_rules! methods {
    ($(
        $(#[doc = $doc:literal])*
        $variant:ident =
            ($name:literal, $effect:ident, $since:literal, $params:ty => $result:ty);
    )*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Debug, Clone, Copy)]
            pub enum $variant {}
            impl Method for $variant {
                const NAME: &'static str = $name;
                const EFFECT: Effect = Effect::$effect;
                const SINCE: u32 = $since;
                type Params = $params;
                type Result = $result;
            }
        )*

        /// Every method, in the order of the documents.
        pub const METHODS: &[MethodRow] = &[
            $(MethodRow {
                name: $name,
                summary: concat!($($doc),*).trim_ascii(),
                effect: Effect::$effect,
                since: $since,
            },)*
        ];

        /// What each method takes and answers, in the same order.
        #[cfg(feature = "schema")]
        pub(crate) fn schemas(
            asked: &mut schemars::SchemaGenerator,
            answered: &mut schemars::SchemaGenerator,
        ) -> Vec<(schemars::Schema, schemars::Schema)> {
            vec![$((
                <$params as schemars::JsonSchema>::json_schema(asked),
                answered.subschema_for::<$result>(),
            )),*]
        }

        /// A request with typed params: a variant for each method.
        #[derive(Debug)]
        pub enum Request {
            $($(#[doc = $doc])* $variant($params),)*
        }

        impl Request {
            /// Reads the params of a method.
            ///
            /// # Errors
            /// `METHOD_NOT_FOUND`, or `INVALID_PARAMS` with what does not fit.
            pub fn parse(method: &str, params: &RawValue) -> Result<Self, WireError> {
                match method {
                    $($name => read_params(params).map(Self::$variant),)*
                    _ => Err(method_not_found()),
                }
            }

            /// The method's name.
            #[must_use]
            pub fn method(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }
        }
    };
}

methods! {
    /// Who serves, and what the kernel says is enforced.
    Health = ("health", Call, 1, health::HealthParams => health::Health);
    /// The whole wire as a document that programs read.
    RpcDiscover = ("rpc.discover", Call, 1, discover::RpcDiscoverParams => discover::OpenRpc);
    /// What this peer is granted.
    PolicyShow = ("policy.show", Call, 1, policy::PolicyShowParams => policy::PolicyShow);
    /// The libraries that this peer may read.
    LibraryList = ("library.list", Call, 1, library::LibraryListParams => library::LibraryList);
    /// What a library is and holds.
    LibraryInfo = ("library.info", Read, 1, library::LibraryInfoParams => library::LibraryInfo);
    /// Albums, folders and what else gathers assets.
    AlbumList = ("album.list", Read, 1, album::AlbumListParams => album::AlbumList);
    /// Which values a thing has among assets, and how many assets have each.
    FacetList = ("facet.list", Read, 1, facet::FacetListParams => facet::FacetList);
    /// Assets that fit a filter, page by page.
    AssetQuery = ("asset.query", Read, 1, asset::AssetQueryParams => asset::AssetPage);
    /// How many assets fit a filter.
    AssetCount = ("asset.count", Read, 1, asset::AssetCountParams => asset::AssetCount);
    /// Assets by UUID.
    AssetGet = ("asset.get", Read, 1, asset::AssetGetParams => asset::AssetsByUuid);
    /// The files of assets: every version, on this disk or not.
    ResourceList = ("resource.list", Read, 1, resource::ResourceListParams => resource::ResourceList);
    /// One version of an asset as a descriptor.
    ResourceOpen = ("resource.open", Read, 1, resource::ResourceOpenParams => resource::ResourceOpened);
    /// A part of one version of an asset, for who cannot receive a descriptor.
    ResourceRead = ("resource.read", Read, 1, resource::ResourceReadParams => resource::ResourcePart);
    /// The smallest image of an asset that is large enough, as a descriptor.
    ThumbnailOpen = (
        "thumbnail.open", Read, 1,
        thumbnail::ThumbnailOpenParams => thumbnail::ThumbnailOpened
    );
    /// The newest place in a library's history.
    ChangeToken = ("change.token", Read, 1, change::ChangeTokenParams => change::ChangeToken);
    /// What changed since a place in the history, page by page.
    ChangeSince = ("change.since", Read, 1, change::ChangeSinceParams => change::ChangeSince);
    /// What an export would do, page by page.
    ExportPlan = ("export.plan", Write, 1, plan::ExportPlanParams => plan::ExportPlan);
    /// Starts an export; the answer is its job.
    ExportStart = ("export.start", Write, 1, export::ExportStartParams => job::JobStatus);
    /// Compares a destination with its record; the answer is the job.
    ExportVerify = ("export.verify", Write, 1, verify::ExportVerifyParams => job::JobStatus);
    /// Plans to put into the trash what the library has no longer, or does it; the answer is the
    /// job.
    ExportPrune = ("export.prune", Write, 1, verify::ExportPruneParams => job::JobStatus);
    /// What has been exported where.
    ExportDestinations = (
        "export.destinations", Write, 1,
        destinations::ExportDestinationsParams => destinations::ExportDestinations
    );
    /// Exports an album; the answer comes when the export is over, and tells of its files.
    Extract = ("extract", Write, 1, extract::ExtractParams => extract::ExtractResult);
    /// The jobs that this peer may know of.
    JobList = ("job.list", Call, 1, job::JobListParams => job::JobList);
    /// How far a job is.
    JobStatus = ("job.status", Call, 1, job::JobStatusParams => job::JobStatus);
    /// What became of each resource that a job selected, page by page.
    JobReport = ("job.report", Write, 1, job::JobReportParams => job::JobReport);
    /// Asks a job to stop.
    JobCancel = ("job.cancel", Call, 1, job::JobCancelParams => job::JobStatus);
    /// Goes on with a job that failed, was cancelled or interrupted.
    JobResume = ("job.resume", Write, 1, job::JobResumeParams => job::JobStatus);
    /// Asks for events.
    EventSubscribe = ("event.subscribe", Call, 1, event::EventSubscribeParams => event::Subscribed);
    /// Asks for no more events.
    EventUnsubscribe = ("event.unsubscribe", Call, 1, event::EventUnsubscribeParams => event::Unsubscribed);
}

fn method_not_found() -> WireError {
    WireError::new(
        ErrorName::MethodNotFound,
        Reason::MethodNotFound,
        "there is no such method",
        "see docs/protocol.md for the methods",
    )
}

fn read_params<P: DeserializeOwned>(params: &RawValue) -> Result<P, WireError> {
    serde_json::from_str(params.get()).map_err(|error| {
        WireError::new(
            ErrorName::InvalidParams,
            Reason::InvalidParams,
            format!("the params do not fit the method: {}", tame(&error)),
            "see the method in docs/protocol.md",
        )
    })
}

/// What serde says, without the peer's own text: that stands between the beginning and the last
/// ", expected", wherever else those words occur in it.
fn tame(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let told = [
        ("unknown field `", "unknown member"),
        ("unknown variant `", "unknown word"),
        ("invalid type: ", "a value of the wrong kind"),
        ("invalid value: ", "a value of the wrong kind"),
    ];
    let Some((_, what)) = told.iter().find(|(begins, _)| text.starts_with(begins)) else {
        return text;
    };
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("{what}, expected {expected}"),
        None => (*what).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{
        DEFAULT_PAGE_ASSETS, DEFAULT_PAGE_CHANGES, MAX_CHANGE_TOKEN_BYTES, MAX_CLAIM_BYTES,
        MAX_KEY_BYTES, MAX_PAGE_ASSETS, MAX_PAGE_CHANGES, MAX_READ_BYTES, MAX_THUMBNAIL_PIXELS,
    };
    use std::collections::HashSet;

    fn refusal(method: &str, params: &str) -> WireError {
        Request::parse(method, &RawValue::from_string(params.to_owned()).unwrap()).unwrap_err()
    }

    #[test]
    fn names_are_unique_and_lower_case() {
        let names: HashSet<&str> = METHODS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), METHODS.len());
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '.')));
    }

    #[test]
    fn methods_of_another_case_or_with_spaces_do_not_exist() {
        for name in ["Health", "health ", "rpc.health", "", "library"] {
            assert_eq!(refusal(name, "{}").data.name, ErrorName::MethodNotFound, "{name:?}");
        }
    }

    #[test]
    fn every_method_refuses_unknown_params() {
        for row in METHODS {
            let error = refusal(row.name, r#"{"zzz_secret":1}"#);
            assert_eq!(error.data.name, ErrorName::InvalidParams, "{}", row.name);
            assert!(!error.message.contains("secret"), "{}: {}", row.name, error.message);
        }
    }

    #[test]
    fn a_complaint_never_repeats_the_peers_text() {
        for params in [
            r#"{"library":"main","limit":"secret"}"#,
            r#"{"library":["secret"]}"#,
            r#"{"library":"main","filter":{"is":"secret"}}"#,
            r#"{"library":"main","filter":{"secret":1}}"#,
            r#"{"library":"main","filter":{"uuid":["secret"]}}"#,
            r#"{"library":"main","filter":{"is":"x`, secret"}}"#,
            r#"{"library":"main","x`, secret":1}"#,
            r#"{"library":"main","limit":"a, expected secret"}"#,
        ] {
            let error = refusal("asset.query", params);
            assert_eq!(error.data.name, ErrorName::InvalidParams);
            assert!(!error.message.contains("secret"), "{}", error.message);
        }
    }

    #[test]
    fn numbers_are_not_rounded_to_one_nearby() {
        for limit in ["1.0", "-1", "0", "1e3", "1001", "1000000000", "18446744073709551616"] {
            let error = refusal("asset.query", &format!(r#"{{"library":"main","limit":{limit}}}"#));
            assert_eq!(error.data.name, ErrorName::InvalidParams, "{limit}");
        }
    }

    #[test]
    fn texts_and_pages_hold_at_their_limits_and_one_beyond() {
        let taken = |method: &str, params: &str| {
            Request::parse(method, &RawValue::from_string(params.to_owned()).unwrap()).is_ok()
        };
        let page = |limit: usize| format!(r#"{{"library":"main","limit":{limit}}}"#);
        assert!(taken("asset.query", &page(MAX_PAGE_ASSETS)));
        assert!(!taken("asset.query", &page(MAX_PAGE_ASSETS + 1)));
        match Request::parse(
            "asset.query",
            &RawValue::from_string(r#"{"library":"main"}"#.into()).unwrap(),
        ) {
            Ok(Request::AssetQuery(params)) => assert_eq!(params.limit, DEFAULT_PAGE_ASSETS),
            other => panic!("{other:?}"),
        }
        let changes = |limit: usize, token: usize| {
            let token = "t".repeat(token);
            let params = format!(r#"{{"library":"main","token":"{token}","limit":{limit}}}"#);
            taken("change.since", &params)
        };
        assert!(changes(MAX_PAGE_CHANGES, MAX_CHANGE_TOKEN_BYTES) && changes(1, 1));
        for (limit, token) in [
            (MAX_PAGE_CHANGES + 1, 1),
            (MAX_PAGE_CHANGES * 1_000, 1),
            (0, 1),
            (1, MAX_CHANGE_TOKEN_BYTES + 1),
            (1, MAX_CHANGE_TOKEN_BYTES * 10),
            (1, 0),
        ] {
            assert!(!changes(limit, token), "{limit} {token}");
        }
        let usual = change::ChangeSinceParams::of("main", "t");
        assert_eq!(usual.limit, DEFAULT_PAGE_CHANGES);
        let claim = |bytes: usize| {
            format!(r#"{{"client":{{"name":"{}","version":"1"}}}}"#, "n".repeat(bytes))
        };
        assert!(taken("health", &claim(MAX_CLAIM_BYTES)));
        assert!(!taken("health", &claim(MAX_CLAIM_BYTES + 1)) && !taken("health", &claim(0)));
        let key = |bytes: usize| {
            let spec = r#"{"library":"main","destination":"/x"}"#;
            format!(r#"{{"spec":{spec},"key":"{}"}}"#, "k".repeat(bytes))
        };
        assert!(taken("export.start", &key(MAX_KEY_BYTES)));
        assert!(!taken("export.start", &key(MAX_KEY_BYTES + 1)) && !taken("export.start", &key(0)));
    }

    #[test]
    fn parts_and_pixels_hold_at_their_limits_and_one_beyond() {
        let taken = |method: &str, asset: &str, more: &str| {
            let params = format!(r#"{{"library":"main","uuid":"{asset}",{more}}}"#);
            Request::parse(method, &RawValue::from_string(params).unwrap()).is_ok()
        };
        let asset = "01234567-89AB-4CDE-8F01-23456789ABCD";
        let part = |offset: u64, length: u64| {
            let more = format!(r#""version":"raw","offset":{offset},"length":{length}"#);
            taken("resource.read", asset, &more)
        };
        let most = u64::from(MAX_READ_BYTES);
        assert!(part(0, 1) && part(u64::MAX, most));
        assert!(!part(0, 0) && !part(0, most + 1) && !part(0, u64::MAX));
        let pixels =
            |least: u64| taken("thumbnail.open", asset, &format!(r#""min_pixels":{least}"#));
        let most = u64::from(MAX_THUMBNAIL_PIXELS);
        assert!(pixels(1) && pixels(most));
        assert!(!pixels(0) && !pixels(most + 1) && !pixels(u64::MAX));
        for (asset, version) in [("../../etc/passwd", "raw"), (asset, "database"), (asset, "")] {
            assert!(!taken("resource.open", asset, &format!(r#""version":"{version}""#)));
        }
    }
}
