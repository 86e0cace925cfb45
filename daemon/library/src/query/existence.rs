//! Whether assets are in a library at all, whatever a grant withholds of it.
//!
//! Asked before a file of an export is put into the trash: what a grant does not show is not gone.
//! It answers one of three words for each UUID, and nothing else of any asset. An asset of which
//! any row is not in the trash is present. The hazard: a rule that is narrowed, after which an
//! export would look as if half of the library had been deleted.

use std::collections::HashMap;

use darkslide_protocol::value::Uuid;
use rusqlite::types::Value;

use super::{each_row, filled, places};
use crate::db::Stop;
use crate::filter_sql;
use crate::model::Existence;
use crate::schema::asset;
use crate::session::Session;

/// UUIDs of one statement.
const AT_ONCE: usize = 500;

/// Says of each UUID whether there is such an asset, in the order of the question.
pub(crate) fn existence(session: &Session<'_>, asked: &[Uuid]) -> Result<Vec<Existence>, Stop> {
    let mut found = HashMap::new();
    for some in asked.chunks(AT_ONCE) {
        session.limit.check()?;
        session.database.snapshot(|| look(session, some, &mut found))?;
    }
    let word = |uuid: &Uuid| found.get(uuid).copied().unwrap_or(Existence::Absent);
    Ok(asked.iter().map(word).collect())
}

fn look(
    session: &Session<'_>,
    asked: &[Uuid],
    found: &mut HashMap<Uuid, Existence>,
) -> Result<(), Stop> {
    let profile = &session.profile;
    let question = format!(
        "SELECT {uuid}, {trashed} FROM {table} a WHERE a.{column} IN ({marks})",
        uuid = profile.read(&profile.asset, "a", asset::UUID),
        trashed = filter_sql::set(profile, asset::TRASHED),
        table = profile.asset.name(),
        column = asset::UUID.name(),
        marks = places(2 * asked.len()),
    );
    // Of the modern form, both spellings are one asset's, and an index is only used for equality.
    let spellings: Vec<Value> = asked
        .iter()
        .map(|uuid| uuid.as_str())
        .flat_map(|uuid| [uuid.to_owned(), uuid.to_ascii_lowercase()])
        .map(Value::Text)
        .collect();
    each_row(session, &question, &filled(spellings.into_iter()), |row| {
        let uuid = row.get_ref(0).ok().and_then(|it| it.as_str().ok());
        let is_trashed = row.get::<_, i64>(1).is_ok_and(|set| set != 0);
        if let Some(Ok(uuid)) = uuid.map(Uuid::parse) {
            let word = if is_trashed { Existence::Trashed } else { Existence::Present };
            let known = found.entry(uuid).or_insert(word);
            if word == Existence::Present {
                *known = word;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use darkslide_fixture::{AssetSpec, Content, LibraryBuilder, Model};

    use super::*;
    use crate::testing::Asked;

    fn check(model: Model) {
        let mut uuids = Vec::new();
        let asked = Asked::new(|bundle| {
            let mut library = LibraryBuilder::new(model);
            library.asset(AssetSpec::photo("a.jpg", Content::jpeg(1)));
            library.asset(AssetSpec::photo("b.jpg", Content::jpeg(2)).hidden());
            library.asset(AssetSpec::photo("c.jpg", Content::jpeg(3)).trashed());
            library.asset(AssetSpec::photo("d.jpg", Content::jpeg(4)).hidden().trashed());
            let built = library.build(bundle).unwrap();
            let of = |asset: &darkslide_fixture::BuiltAsset| Uuid::parse(asset.uuid()).unwrap();
            uuids = built.assets().iter().map(of).collect();
        });
        uuids.push(Uuid::parse("00000000-0000-0000-0000-000000000001").unwrap());
        let expected = [
            Existence::Present,
            Existence::Present,
            Existence::Trashed,
            Existence::Trashed,
            Existence::Absent,
        ];
        assert_eq!(asked.ask(|session| existence(session, &uuids)).unwrap(), expected, "{model:?}");
        // More than one statement takes, in the order of the question.
        let many: Vec<Uuid> = uuids.iter().cycle().take(3 * AT_ONCE + 1).cloned().collect();
        let found = asked.ask(|session| existence(session, &many)).unwrap();
        assert!(found.iter().zip(expected.iter().cycle()).all(|(found, word)| found == word));
        assert_eq!(found.len(), many.len());
    }

    #[test]
    fn hidden_assets_are_present_and_trashed_ones_are_told_apart() {
        check(Model::Photos5);
        check(Model::Photos11);
    }
}
