//! The other images of the bursts that a page's assets belong to.
//!
//! One statement for a page. Images that the grant withholds do not exist here either; selected or
//! not makes no difference. The hazard: a burst of a million images, in which each would list all
//! others.

use std::collections::HashMap;

use darkslide_protocol::field::{Field, Fields};

use super::albums::OF_ALBUMS;
use crate::cell::Cells;
use crate::db::Stop;
use crate::filter_sql;
use crate::json;
use crate::query::{Keys, each_keyed_row};
use crate::schema::{PK, asset};
use crate::session::Session;

/// Other images of one burst that are told; a burst of ten seconds has a hundred.
const MAX_OTHERS: usize = 1_000;

struct Other {
    key: i64,
    uuid: String,
    is_key: bool,
}

/// The bursts of some assets.
#[derive(Default)]
pub(super) struct Bursts {
    others: HashMap<i64, Vec<Other>>,
}

impl Bursts {
    /// Reads them, if a field wants them.
    pub(super) fn of(session: &Session<'_>, keys: Keys<'_>, fields: Fields) -> Result<Self, Stop> {
        let mut bursts = Self::default();
        let wanted = [Field::BurstPhotos, Field::BurstAlbums, Field::BurstAlbumInfo];
        let profile = &session.profile;
        let Some(burst) = profile.asset.column(asset::BURST).filter(|_| fields.has_any(&wanted))
        else {
            return Ok(bursts);
        };
        let question = format!(
            "SELECT o.{pk}, a.{pk}, {uuid}, {pick} FROM {t} o CROSS JOIN {t} a ON a.{pk} IN \
             (SELECT a.{pk} FROM {t} a WHERE a.{burst}=o.{burst} AND a.{pk}<>o.{pk} AND {exists} \
             LIMIT {MAX_OTHERS}) WHERE {keys} AND o.{burst} IS NOT NULL",
            pk = PK.name(),
            uuid = profile.read(&profile.asset, "a", asset::UUID),
            pick = profile.read(&profile.asset, "a", asset::PICK_TYPE),
            t = profile.asset.name(),
            keys = keys.places(&format!("o.{}", PK.name())),
            exists = filter_sql::exists(profile, session.grant),
        );
        each_keyed_row(session, &question, keys, |row| {
            let mut cells = Cells::new(row, &[]);
            let (own, key, uuid) = (cells.integer(0), cells.integer(1), cells.text(2));
            let is_key = cells.integer(3).unwrap_or(0) & asset::PICK_KEY != 0;
            if let (Some(own), Some(key), Some(uuid)) = (own, key, uuid) {
                session.room.take(&[Some(&uuid)])?;
                bursts.others.entry(own).or_default().push(Other { key, uuid, is_key });
            }
            Ok(())
        })?;
        Ok(bursts)
    }

    /// The row numbers of all key images, whose albums their bursts have a part in.
    pub(super) fn keys(&self, fields: Fields) -> Vec<i64> {
        if !fields.has_any(OF_ALBUMS) {
            return Vec::new();
        }
        let others = self.others.values().flatten();
        let mut keys: Vec<i64> = others.filter(|other| other.is_key).map(|it| it.key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// An asset and the key images of its burst beside it.
    pub(super) fn with_keys_of(&self, key: i64) -> Vec<i64> {
        let others = self.others.get(&key).map_or(&[][..], Vec::as_slice);
        let keys = others.iter().filter(|other| other.is_key).map(|other| other.key);
        std::iter::once(key).chain(keys).collect()
    }

    /// Writes the UUIDs of the others, sorted.
    pub(super) fn write(&self, key: i64, out: &mut Vec<u8>) {
        let others = self.others.get(&key).map_or(&[][..], Vec::as_slice);
        let mut uuids: Vec<&str> = others.iter().map(|other| other.uuid.as_str()).collect();
        uuids.sort_unstable();
        json::texts(out, uuids.into_iter());
    }
}
