//! The files of an old library as one view: of masters, and those that Photos made.
//!
//! Four parts, each of which leads from a version to its files, so that a page finds them by its
//! row numbers. The hazard: a resource that is attached to a master of the same number as a
//! version.

use super::{Old, null, number, union};
use crate::profile::Table;
use crate::schema::old::{ID, NAME, UUID, cloud, master, resource as old_resource, version};
use crate::schema::{Column, PK, resource};

/// The columns of the view.
const COLUMNS: [Column; 11] = [
    PK,
    resource::ASSET,
    resource::SUBTYPE,
    resource::VERSION,
    resource::RECIPE,
    resource::LOCAL,
    resource::REMOTE,
    resource::BYTES,
    resource::uti::IDENTIFIER,
    resource::volume::NAME,
    resource::bookmark::PATH,
];
/// The values of a part of it.
type Values = [String; COLUMNS.len()];

impl Old {
    /// The files of each version: of masters, and those that Photos made.
    pub(super) fn resources(&self) -> Table {
        let shown = self.shown_key();
        let mut parts =
            vec![(self.master_file(&shown, resource::SUBTYPE_ORIGINAL), self.versions())];
        if let Some(raw) = self.v(version::RAW_MASTER) {
            let values = self.master_file(&raw, resource::SUBTYPE_RAW);
            let pair = self.is_special(&[version::SPECIAL_RAW_PAIR]);
            parts.push((values, format!("{} V WHERE {pair}", self.version.name())));
        }
        parts.push(self.live_videos());
        parts.push(self.edits());
        union(COLUMNS, &parts)
    }

    /// The file of a master.
    fn master_file(&self, key: &str, subtype: i64) -> Values {
        let here = resource::AVAILABLE;
        // That an original is missing stands in the master that the version names.
        let missing = match subtype {
            resource::SUBTYPE_ORIGINAL => self.own(master::MISSING),
            _ => self.m(key, master::MISSING),
        };
        let local = missing.map_or_else(|| number(here), |it| format!("iif({it}=1,-1,{here})"));
        let remote = match subtype {
            resource::SUBTYPE_ORIGINAL => {
                let available = self.cloud.as_ref().map(|it| self.read(it, "C", cloud::AVAILABLE));
                self.of_cloud(&format!("max({}=1)", null(available.flatten())))
            }
            _ => None,
        };
        let bytes = self.m(key, master::ORIGINAL_BYTES).or_else(|| self.m(key, master::BYTES));
        [
            self.needed(ID),
            self.needed(ID),
            number(subtype),
            number(resource::VERSION_ORIGINAL),
            number(0),
            local,
            null(remote),
            null(bytes),
            null(self.m(key, master::UTI)),
            self.volume_name(key),
            null(self.m(key, master::PATH)),
        ]
    }

    fn volume_name(&self, key: &str) -> String {
        let volume = self.volume.as_ref().zip(self.read(&self.master, "M", master::VOLUME));
        let Some((table, id)) = volume else {
            return String::from("''");
        };
        let name = null(self.read(table, "W", NAME));
        let name = format!("(SELECT {name} FROM {} W WHERE W.{}={id})", table.name(), ID.name());
        self.of_master(key, &format!("coalesce({name},'')"))
    }

    fn live_videos(&self) -> (Values, String) {
        let live = self.is_special(&[version::SPECIAL_LIVE, version::SPECIAL_LIVE_HDR]);
        let from = format!(
            "{v} V JOIN {m} M ON M.{uuid}={own} JOIN {r} R ON R.{attached}=M.{id} \
             WHERE {live} AND {kind_of}<>{to_version} AND {uti}='{movie}'",
            v = self.version.name(),
            m = self.master.name(),
            uuid = UUID.name(),
            own = self.own_key(),
            r = self.resource.name(),
            attached = old_resource::ATTACHED.name(),
            id = ID.name(),
            kind_of = self.r(old_resource::ATTACHED_TYPE),
            to_version = old_resource::TO_VERSION,
            uti = self.r(old_resource::UTI),
            movie = old_resource::LIVE_UTI,
        );
        let original = number(resource::VERSION_ORIGINAL);
        (self.made_file(resource::SUBTYPE_LIVE_VIDEO, original, number(0)), from)
    }

    fn edits(&self) -> (Values, String) {
        let recipe = format!(
            "CASE WHEN {}={} THEN {} WHEN {}={} THEN {} ELSE {} END",
            self.r(old_resource::KIND),
            old_resource::KIND_PHOTO,
            resource::RECIPE_EDITED_STILL,
            self.needed(version::TYPE),
            version::TYPE_MOVIE,
            resource::RECIPE_EDITED_MOVIE,
            resource::RECIPE_EDITED_LIVE,
        );
        let from = format!(
            "{} V JOIN {} R ON {}",
            self.version.name(),
            self.resource.name(),
            self.is_edit()
        );
        let version = number(resource::VERSION_CURRENT_EDIT);
        (self.made_file(resource::SUBTYPE_EDIT, version, recipe), from)
    }

    /// A file that Photos made: its name follows from the row's number.
    fn made_file(&self, subtype: i64, version: String, recipe: String) -> Values {
        [
            self.r(ID),
            self.needed(ID),
            number(subtype),
            version,
            recipe,
            number(resource::AVAILABLE),
            null(None),
            null(None),
            self.r(old_resource::UTI),
            null(None),
            null(None),
        ]
    }
}
