//! Assets by UUID, and assets on the output: as a table of what is most told of them, or as the
//! text that the daemon sent, a line each.
//!
//! The text is passed on untouched: a field that this program does not know is shown as well. Which
//! fields are asked for is decided here, too.

use darkslide_client::protocol::field::{Field, Fields};
use darkslide_client::protocol::limits::MAX_UUIDS;
use darkslide_client::protocol::message::asset::{Asset, AssetGetParams, AssetsByUuid};
use darkslide_client::protocol::method::AssetGet;
use darkslide_client::protocol::value::Uuid;
use darkslide_client::{Client, Error};
use serde_json::value::RawValue;

use crate::output::{Output, OutputError, human};
use crate::report::Failure;

/// The fields that a flag names; none named is the usual ones.
pub(super) fn fields(names: &[String]) -> Result<Fields, Failure> {
    if names.is_empty() {
        return Ok(Fields::summary());
    }
    let mut found = Vec::new();
    for name in names {
        match Field::from_word(name) {
            Some(field) => found.push(field),
            None if name == "*" => found.extend_from_slice(Field::ALL),
            None => {
                return Err(Failure::usage(
                    format!("{name:?} is no field of an asset"),
                    "--fields '*' shows all of them; docs/protocol.md says what they mean",
                ));
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// Gets assets by UUID, however often that has to be asked for.
pub(super) async fn get(
    client: Client,
    library: String,
    uuids: Vec<Uuid>,
    fields: Fields,
) -> Result<AssetsByUuid<Box<RawValue>>, Error> {
    let mut found = AssetsByUuid { assets: Vec::new(), unknown: Vec::new(), rest: uuids };
    while !found.rest.is_empty() {
        let later = found.rest.split_off(found.rest.len().min(MAX_UUIDS));
        let asked = found.rest.len();
        let uuids = std::mem::take(&mut found.rest);
        let params = AssetGetParams { library: library.clone(), uuids, fields };
        let mut page: AssetsByUuid<Box<RawValue>> = client.call_as::<AssetGet, _>(&params).await?;
        // A daemon that answers for none would be asked for ever.
        let is_stuck = page.rest.len() >= asked;
        found.assets.append(&mut page.assets);
        found.unknown.append(&mut page.unknown);
        found.rest = page.rest.into_iter().chain(later).collect();
        if is_stuck {
            break;
        }
    }
    Ok(found)
}

/// Shows some.
pub(super) fn show(records: &[Box<RawValue>], output: &mut Output) -> Result<(), OutputError> {
    if output.is_json() {
        return records.iter().try_for_each(|record| output.json(record));
    }
    // One that cannot be read is of a newer daemon; its text is still there with --json.
    let read = |record: &RawValue| serde_json::from_str::<Asset>(record.get()).ok();
    let assets: Vec<Asset> = records.iter().filter_map(|record| read(record)).collect();
    if assets.is_empty() {
        return Ok(());
    }
    output.answer(&assets, |assets, style| human::assets(assets, style))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_does_not_exist_is_a_usage_error_and_a_star_is_all() {
        let names =
            |names: &[&str]| fields(&names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
        assert_eq!(names(&[]).unwrap(), Fields::summary());
        assert_eq!(names(&["title", "*"]).unwrap(), Fields::all());
        assert!(matches!(names(&["Title"]).unwrap_err(), Failure::Usage { .. }));
    }
}
