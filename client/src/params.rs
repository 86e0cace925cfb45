//! What calls take and answer with, each by its name alone: params, results, filters, identities.
//!
//! On the wire's own side they stand in a module for each group of methods, which nobody can guess
//! who only knows a call: `use darkslide_client::params::AlbumListParams` does. Params that have
//! defaults are made by `of(…)`, with what has none, and their fields can be set. It alone gathers
//! names and defines none. The hazard: a name of two things, which the compiler tells whoever uses
//! it; the scores of a filter ([`crate::protocol::filter::Score`]) are therefore not here.
//!
//! ```
//! use darkslide_client::params::{AssetQueryParams, Filter, Flag, Sort, Topic};
//!
//! let mut query = AssetQueryParams::of("main");
//! let favorites = Filter::Is(Flag::Favorite);
//! query.filter = Filter::All(vec![Filter::Album("Summer".to_owned()), favorites]);
//! (query.sort, query.descending, query.limit) = (Sort::Taken, true, 100);
//! assert_eq!(Topic::parse("key:nightly")?, Topic::Key("nightly".to_owned()));
//! # Ok::<(), darkslide_client::protocol::event::TopicError>(())
//! ```
//!
//! A filter can also be read, as `docs/protocol.md` has it:
//!
//! ```
//! use darkslide_client::params::Filter;
//!
//! let read: Filter = serde_json::from_str(r#"{"all": [{"album": "Summer"}, {"is": "local"}]}"#)?;
//! # Ok::<(), serde_json::Error>(())
//! ```

pub use darkslide_protocol::error::{Class, ErrorName, Reason, WireError};
pub use darkslide_protocol::event::{Event, EventKind, Topic};
pub use darkslide_protocol::field::Fields;
pub use darkslide_protocol::filter::{
    Day, Facet, Filter, Flag, Include, Kind, Moment, MonthDay, Near, Number, Range, Sort, Span,
    Text, Within,
};
pub use darkslide_protocol::message::album::*;
pub use darkslide_protocol::message::asset::*;
pub use darkslide_protocol::message::change::*;
pub use darkslide_protocol::message::destinations::*;
pub use darkslide_protocol::message::discover::*;
pub use darkslide_protocol::message::event::*;
pub use darkslide_protocol::message::export::*;
pub use darkslide_protocol::message::extract::*;
pub use darkslide_protocol::message::facet::*;
pub use darkslide_protocol::message::health::*;
pub use darkslide_protocol::message::job::*;
pub use darkslide_protocol::message::library::*;
pub use darkslide_protocol::message::plan::*;
pub use darkslide_protocol::message::policy::*;
pub use darkslide_protocol::message::resource::*;
pub use darkslide_protocol::message::thumbnail::*;
pub use darkslide_protocol::message::verify::*;
pub use darkslide_protocol::value::{Token, Uuid};

#[cfg(test)]
mod tests {
    use super::*;

    /// What the wire makes of params that are left out.
    #[track_caller]
    fn read<P: serde::de::DeserializeOwned>(text: &str) -> P {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_is_made_is_what_the_wire_makes_of_the_least_that_can_be_said() {
        let (spec, job) = (ExportSpec::of("main", "/x"), Token::from_bits(7));
        let said = r#"{"spec":{"library":"main","destination":"/x"}}"#;
        assert_eq!(ExportStartParams::of(spec.clone()), read(said));
        assert_eq!(ExportPlanParams::of(spec.clone()), read(said));
        let keyed = r#"{"spec":{"library":"main","destination":"/x"},"key":"k"}"#;
        assert_eq!(ExportStartParams::of(spec).keyed("k"), read(keyed));
        assert_eq!(ExportVerifyParams::of("/x"), read(r#"{"destination":"/x"}"#));
        let said = r#"{"library":"main","destination":"/x"}"#;
        assert_eq!(ExportPruneParams::of("main", "/x"), read(said));
        let said = format!(r#"{{"job":"{job}"}}"#);
        assert_eq!(JobReportParams::of(job.clone()), read(&said));
        assert_eq!(JobCancelParams { job, mode: CancelMode::default() }, read(&said));
    }

    #[test]
    fn identities_are_read_as_any_other_text_and_refused_of_another_form() {
        let uuid = "e9bc5c36-7cd1-40a1-a72b-8b8fac227d51";
        assert_eq!(uuid.parse(), Uuid::parse(uuid));
        assert!("../../x".parse::<Uuid>().is_err() && "".parse::<Uuid>().is_err());
        assert!(
            "7".parse::<Token>().is_err() && Token::from_bits(7).as_str().parse::<Token>().is_ok()
        );
    }
}
