//! The leaves that look for a text: in albums, folders and import sessions, keywords, persons,
//! places, titles, descriptions, names, cameras, types.
//!
//! A text is compared by a function of ours (`functions.rs`), never by LIKE or GLOB. A keyword, a
//! person or an album may name few assets or half of the library: so it is counted, up to a bound,
//! before it may lead. The hazard: a rare keyword that is looked for by a walk over all assets, and
//! a common one whose assets are all sorted to show a hundred.

use darkslide_protocol::filter::Text;
use darkslide_protocol::value::Uuid;

use super::leaf::{Way, Writer, no, one, one_of};
use super::shown::column;
use crate::album::{AlbumRow, Source, full_path};
use crate::db::Stop;
use crate::functions::{FITS, PLACE_FITS};
use crate::matching::Pattern;
use crate::model::AlbumKind;
use crate::profile::Profile;
use crate::query::each_asked_row;
use crate::schema::asset::{self, attributes, description, keyword};
use crate::schema::people::{face, person};
use crate::schema::{PK, album, exif, old};

/// Up to so many assets are looked at and sorted for a page; beyond, the order leads.
pub(crate) const MAX_LEADING: usize = 5_000;
/// What people without a name are called in records.
const UNKNOWN_PERSON: &str = "_UNKNOWN_";
/// Albums that are compared before the deadline is asked again.
const ALBUMS_BETWEEN_QUESTIONS: usize = 100;

/// What somebody wrote of an asset.
pub(crate) fn description_of(profile: &Profile) -> String {
    let Some(table) = &profile.description else {
        return String::from("NULL");
    };
    let key = profile.read(&profile.attributes, "b", attributes::DESCRIPTION);
    let text = format!(
        "(SELECT {} FROM {} d WHERE d.{}={key})",
        profile.read(table, "d", description::TEXT),
        table.name(),
        PK.name()
    );
    one_of(&profile.attributes, attributes::ASSET, &text)
}

impl Writer<'_> {
    /// That a value is like a text.
    fn fits(&mut self, text: &Text, value: &str) -> String {
        format!("{FITS}({},{value})", self.bind(Pattern::to_bound(text)))
    }

    /// A set of assets, told in two ways: all its row numbers, and whether one is among them. The
    /// first leads where they are few and the part has to hold.
    fn set(&mut self, all: &str, is_in: String, way: Way) -> Result<String, Stop> {
        if way != Way::Needed {
            return Ok(is_in);
        }
        let mut count = 0;
        let question = format!("{all} LIMIT {}", MAX_LEADING + 1);
        // What it binds was bound last, if it binds anything.
        let values = if all.contains('?') { self.values.as_slice() } else { &[] };
        each_asked_row(self.session, &question, values, |_| {
            count += 1;
            Ok(())
        })?;
        if count > MAX_LEADING {
            return Ok(is_in);
        }
        self.leads = true;
        Ok(format!("a.{} IN ({all})", PK.name()))
    }

    /// Those in one of these albums.
    pub(super) fn members(&mut self, albums: &[(Source, i64)], way: Way) -> Result<String, Stop> {
        let profile = self.profile();
        let keys = |wanted: Source| {
            let keys = albums.iter().filter(|(source, _)| *source == wanted);
            keys.map(|(_, key)| key.to_string()).collect::<Vec<String>>().join(",")
        };
        let members = &profile.members;
        let all = format!(
            "SELECT j.{} FROM {} j WHERE j.{} IN ({})",
            members.right,
            members.table,
            members.left,
            keys(Source::Album)
        );
        let is_in = super::shown::in_albums(profile, "a", albums);
        match profile.asset.column(asset::COLLECTION_SHARE) {
            Some(share) if albums.iter().any(|(source, _)| *source == Source::Share) => {
                let shared = format!(
                    "SELECT s.{} FROM {} s WHERE s.{share} IN ({})",
                    PK.name(),
                    profile.asset.name(),
                    keys(Source::Share)
                );
                self.set(&format!("{all} UNION ALL {shared}"), is_in, way)
            }
            Some(_) | None => self.set(&all, is_in, way),
        }
    }

    /// Those albums that fit and have members of their own.
    fn albums_that(&self, fits: impl Fn(&AlbumRow) -> bool) -> Result<Vec<(Source, i64)>, Stop> {
        let mut found = Vec::new();
        for (index, row) in self.albums.iter().flat_map(|albums| albums.rows()).enumerate() {
            if index.is_multiple_of(ALBUMS_BETWEEN_QUESTIONS) {
                self.session.limit.check()?;
            }
            let has_members = match row.kind {
                AlbumKind::Album | AlbumKind::Shared | AlbumKind::Project => true,
                AlbumKind::Folder | AlbumKind::Smart | AlbumKind::Import => false,
            };
            if has_members && fits(row) {
                found.push((row.source, row.key));
            }
        }
        Ok(found)
    }

    /// Those in any album whose UUID, title or path is like a text.
    pub(super) fn album_like(&mut self, text: &Text, way: Way) -> Result<String, Stop> {
        let (pattern, uuid) = (Pattern::new(text), named_uuid(text));
        let albums = self.albums_that(|row| {
            uuid.as_ref() == Some(&row.place.uuid)
                || pattern.fits(&row.place.title)
                || pattern.fits(&full_path(&row.place))
        })?;
        self.members(&albums, way)
    }

    /// Those in any album below a folder whose UUID, title or path is like a text.
    pub(super) fn folder(&mut self, text: &Text, way: Way) -> Result<String, Stop> {
        let pattern = Pattern::new(text);
        // Albums know the titles of their folders; a UUID leads to the path of one folder.
        let uuid = named_uuid(text);
        let folder =
            self.albums.iter().flat_map(|albums| albums.rows()).find(|row| {
                row.kind == AlbumKind::Folder && uuid.as_ref() == Some(&row.place.uuid)
            });
        let named = folder.map(|row| full_path(&row.place));
        let albums = self.albums_that(|row| {
            let mut path = String::new();
            row.place.path.iter().any(|title| {
                path.push_str(title);
                let fits =
                    pattern.fits(title) || pattern.fits(&path) || named.as_ref() == Some(&path);
                path.push('/');
                fits
            })
        })?;
        self.members(&albums, way)
    }

    /// Those that an import brought whose UUID or title is like a text.
    pub(super) fn import_session(&mut self, text: &Text, way: Way) -> Result<String, Stop> {
        let profile = self.profile();
        // A grant of some albums covers no import session.
        let column = profile.asset.column(asset::IMPORT_SESSION);
        let Some(session) = column.filter(|_| profile.shown_albums.is_none()) else {
            return Ok(no());
        };
        let title = profile.read(&profile.album, "g", album::TITLE);
        let mut fits = self.fits(text, &title);
        if let Some(uuid) = named_uuid(text) {
            let uuid = self.bind(uuid.as_str().to_owned());
            fits = format!("({fits} OR {}={uuid})", profile.read(&profile.album, "g", album::UUID));
        }
        let sessions = format!(
            "SELECT g.{} FROM {} g WHERE {}={} AND {fits}",
            PK.name(),
            profile.album.name(),
            profile.read(&profile.album, "g", album::KIND),
            album::KIND_IMPORT,
        );
        let all = format!(
            "SELECT s.{} FROM {} s WHERE s.{session} IN ({sessions})",
            PK.name(),
            profile.asset.name()
        );
        self.set(&all, format!("coalesce(+a.{session} IN ({sessions}),0)"), way)
    }

    pub(super) fn keyword(&mut self, text: &Text, way: Way) -> Result<String, Stop> {
        let profile = self.profile();
        let Some((table, join)) = &profile.keywords else {
            return Ok(no());
        };
        let title = profile.read(table, "k", keyword::TITLE);
        let fits = self.fits(text, &title);
        let (b, k, j) = (profile.attributes.name(), table.name(), &join.table);
        let (left, right, pk, owner) =
            (&join.left, &join.right, PK.name(), attributes::ASSET.name());
        let all = format!(
            "SELECT b.{owner} FROM {k} k CROSS JOIN {j} j ON j.{right}=k.{pk} \
             CROSS JOIN {b} b ON b.{pk}=j.{left} WHERE {fits}"
        );
        let is_in = format!(
            "EXISTS (SELECT 1 FROM {b} b CROSS JOIN {j} j ON j.{left}=b.{pk} WHERE b.{owner}=a.{pk} \
             AND j.{right} IN (SELECT k.{pk} FROM {k} k WHERE {fits}))"
        );
        self.set(&all, is_in, way)
    }

    pub(super) fn person(&mut self, text: &Text, way: Way) -> Result<String, Stop> {
        let profile = self.profile();
        let (Some(faces), Some(persons)) = (&profile.face, &profile.person) else {
            return Ok(no());
        };
        let name = profile.read(persons, "p", person::NAME);
        let fits = self.fits(text, &format!("coalesce(nullif({name},''),'{UNKNOWN_PERSON}')"));
        let (Some(owner), Some(whose)) = (faces.column(face::ASSET), faces.column(face::PERSON))
        else {
            return Ok(no());
        };
        let (f, p, pk) = (faces.name(), persons.name(), PK.name());
        let all = format!(
            "SELECT f.{owner} FROM {p} p CROSS JOIN {f} f ON f.{whose}=p.{pk} \
             WHERE f.{owner} IS NOT NULL AND {fits}"
        );
        let is_in = format!(
            "EXISTS (SELECT 1 FROM {f} f WHERE f.{owner}=a.{pk} \
             AND +f.{whose} IN (SELECT p.{pk} FROM {p} p WHERE {fits}))"
        );
        self.set(&all, is_in, way)
    }

    pub(super) fn has_faces(&self) -> String {
        let profile = self.profile();
        let (Some(faces), Some(persons)) = (&profile.face, &profile.person) else {
            return no();
        };
        let (Some(owner), Some(whose)) = (faces.column(face::ASSET), faces.column(face::PERSON))
        else {
            return no();
        };
        format!(
            "EXISTS (SELECT 1 FROM {} f CROSS JOIN {} p ON p.{pk}=f.{whose} WHERE f.{owner}=a.{pk})",
            faces.name(),
            persons.name(),
            pk = PK.name(),
        )
    }

    pub(super) fn keyworded(&self) -> String {
        let profile = self.profile();
        let Some((table, join)) = &profile.keywords else {
            return no();
        };
        format!(
            "EXISTS (SELECT 1 FROM {b} b CROSS JOIN {j} j ON j.{left}=b.{pk} \
             CROSS JOIN {k} k ON k.{pk}=j.{right} WHERE b.{owner}=a.{pk} AND {title} IS NOT NULL)",
            b = profile.attributes.name(),
            j = join.table,
            left = join.left,
            k = table.name(),
            right = join.right,
            owner = attributes::ASSET.name(),
            title = profile.read(table, "k", keyword::TITLE),
            pk = PK.name(),
        )
    }

    pub(super) fn title(&mut self, text: &Text) -> String {
        let title = format!("nullif({},'')", self.attribute(attributes::TITLE));
        self.fits(text, &title)
    }

    pub(super) fn description(&mut self, text: &Text) -> String {
        let description = format!("nullif({},'')", self.description_text());
        self.fits(text, &description)
    }

    pub(super) fn description_text(&self) -> String {
        description_of(self.profile())
    }

    pub(super) fn filename(&mut self, text: &Text) -> String {
        let name = name_of(self.profile());
        self.fits(text, &name)
    }

    pub(super) fn place(&mut self, text: &Text) -> String {
        if let Some(names) = &self.profile().places {
            let fits = self.fits(text, &self.profile().read(names, "p", old::place::NAME));
            return format!(
                "EXISTS (SELECT 1 FROM {} p WHERE p.{}=a.{} AND {fits})",
                names.name(),
                old::place::VERSION.name(),
                PK.name(),
            );
        }
        let place = self.attribute(attributes::PLACE);
        format!("{PLACE_FITS}({},{place})", self.bind(Pattern::to_bound(text)))
    }

    pub(super) fn camera(&mut self, text: &Text) -> String {
        let profile = self.profile();
        let Some(table) = &profile.exif else {
            return no();
        };
        let make = profile.read(table, "b", exif::CAMERA_MAKE);
        let model = profile.read(table, "b", exif::CAMERA_MODEL);
        let both = format!("{make}||' '||{model}");
        let fits = [&make, &model, &both].map(|value| self.fits(text, value)).join(" OR ");
        format!("coalesce({},0)", one_of(table, exif::ASSET, &fits))
    }

    pub(super) fn lens(&mut self, text: &Text) -> String {
        let profile = self.profile();
        let lens = one(profile, &profile.exif, exif::ASSET, exif::LENS_MODEL);
        self.fits(text, &lens)
    }

    pub(super) fn uti(&mut self, text: &Text) -> String {
        let uti = column(self.profile(), asset::UTI);
        self.fits(text, &uti)
    }
}

/// The name that an original had, or has in the library where that is not known.
pub(crate) fn name_of(profile: &Profile) -> String {
    let table = &profile.attributes;
    let original = profile.read(table, "b", attributes::ORIGINAL_FILENAME);
    let original = one_of(table, attributes::ASSET, &original);
    format!("coalesce(nullif({original},''),{})", column(profile, asset::FILENAME))
}

fn named_uuid(text: &Text) -> Option<Uuid> {
    match text {
        Text::Exact(text) => Uuid::parse(text).ok(),
        Text::Contains(_) | Text::Matches(_) => None,
    }
}
