//! `library.list` and `library.info`: which libraries a peer may read, and what is in one.
//!
//! Counts hold what the grant shows: of hidden and trashed assets that it does not show, not even
//! their number is told.

use darkslide_protocol::error::WireError;
use darkslide_protocol::field::Field;
use darkslide_protocol::message::health::PlaceState;
use darkslide_protocol::message::library::{
    LibraryInfo, LibraryInfoParams, LibraryList, LibraryListParams,
};

use super::{Caller, Service, fault};
use darkslide_protocol::method;

impl Service {
    /// Answers `library.list`.
    ///
    /// # Errors
    /// `DENIED`.
    pub(crate) fn library_list(
        &self,
        caller: &Caller,
        _: &LibraryListParams,
    ) -> Result<LibraryList, WireError> {
        self.decide_call::<method::LibraryList>(caller)?;
        let libraries = self.policy.libraries_of(caller.peer()).map(|name| PlaceState {
            name: name.to_string(),
            state: self.places.library_state(name),
        });
        Ok(LibraryList { libraries: libraries.collect() })
    }

    /// Answers `library.info`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, and those of the library.
    pub(crate) async fn library_info(
        &self,
        caller: &Caller,
        params: LibraryInfoParams,
    ) -> Result<LibraryInfo, WireError> {
        let name = params.library;
        let library = name.clone();
        self.read::<method::LibraryInfo, _, _>(caller, &name, |source, grant, deadline| {
            let info = source.info(grant, deadline).map_err(|error| fault::library(&error))?;
            Ok(wire(library, info))
        })
        .await
    }
}

/// What is lacking, field by field: a word of the library can stand for several.
fn lacks(words: &[&'static str]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for word in words {
        let fields: &[Field] = match *word {
            "search" => &[
                Field::Labels,
                Field::LabelsNormalized,
                Field::SearchInfo,
                Field::SearchInfoNormalized,
            ],
            "media_analysis" => &[Field::AiCaption, Field::MediaAnalysis],
            "location" => &[Field::Latitude, Field::Location, Field::Longitude],
            "persons" => &[Field::PersonInfo, Field::Persons],
            "face_info" => &[Field::FaceInfo, Field::PersonInfo, Field::Persons],
            // A field by its own name, or what no field of an asset tells.
            word => {
                found.push(word.to_owned());
                continue;
            }
        };
        found.extend(fields.iter().map(ToString::to_string));
    }
    found.sort();
    found.dedup();
    found
}

fn wire(library: String, info: darkslide_library::Info) -> LibraryInfo {
    LibraryInfo {
        library,
        uuid: info.uuid.map(|uuid| uuid.to_string()),
        photos_version: info.photos,
        model_version: info.model,
        photos: info.photos_count,
        movies: info.movies_count,
        hidden: info.hidden_count,
        trashed: info.trashed_count,
        unselected: info.unselected_count,
        nameless: info.nameless_count,
        first_taken: info.first.map(|date| date.to_string()),
        last_taken: info.last.map(|date| date.to_string()),
        original_bytes: info.original_bytes,
        journal: info.journal.as_str().to_owned(),
        lacks: lacks(&info.lacks),
        upgrade_unfinished: info.upgrade_unfinished,
        consistent: info.consistent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_fields_come_from_is_named_field_by_field() {
        assert_eq!(
            lacks(&["title", "persons", "face_info"]).join(" "),
            "face_info person_info persons title"
        );
        assert!(lacks(&["search"]).contains(&"labels".to_owned()));
        assert_eq!(lacks(&[]), Vec::<String>::new());
    }
}
