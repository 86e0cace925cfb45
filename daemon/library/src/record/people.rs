//! Faces and persons of a page's assets: `persons`, `person_info`, `face_info`.
//!
//! Three statements for a page: faces with their persons, the assets of key faces, what the user
//! said of persons. One entry for each face that has a person, so that a name may come twice. A key
//! face on a photo that the grant withholds is not named, and where it withholds assets at all the
//! library's own count of a person's faces is not told either: it counts them.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use darkslide_protocol::field::{Field, Fields};
use darkslide_protocol::value::Uuid;

use super::geometry::{Canvas, Spot};
use crate::cell::{Cells, columns};
use crate::db::Stop;
use crate::filter_sql;
use crate::json::{self, Array, Object};
use crate::query::{Keys, each_keyed_row};
use crate::schema::people::{face, feedback, person};
use crate::schema::{Column, PK, asset};
use crate::session::Session;

/// What osxphotos calls who has no name; tools look for it.
const UNKNOWN: &str = "_UNKNOWN_";

/// How far from a picture a face in it may be said to be; real ones have at most 1.
const MAX_SHARE: f64 = 1e6;

columns! {
    /// What is read of a face.
    F {
        Key = PK,
        Asset = face::ASSET,
        Uuid = face::UUID,
        CenterX = face::CENTER_X,
        CenterY = face::CENTER_Y,
        Size = face::SIZE,
        Roll = face::ROLL,
        Pitch = face::PITCH,
        Yaw = face::YAW,
        Type = face::TYPE,
    }
}

columns! {
    /// What is read of a person.
    P {
        Key = PK,
        Uuid = person::UUID,
        Name = person::NAME,
        DisplayName = person::DISPLAY_NAME,
        KeyFace = person::KEY_FACE,
        FaceCount = person::FACE_COUNT,
        Type = person::TYPE,
        Order = person::ORDER,
    }
}

/// What a library can lack.
pub(crate) const FACE_COLUMNS: &[Column] = F::LIST;
pub(crate) const PERSON_COLUMNS: &[Column] = P::LIST;

struct Person {
    uuid: Option<String>,
    name: Option<String>,
    display_name: Option<String>,
    key_face: Option<i64>,
    face_count: Option<i64>,
    favorite: bool,
    order: Option<i64>,
}

struct Face {
    key: i64,
    uuid: Option<String>,
    person_key: i64,
    person: Rc<Person>,
    spot: Spot,
    roll: f64,
    pitch: f64,
    yaw: f64,
    face_type: Option<i64>,
    /// The other members, as text.
    others: Vec<u8>,
}

/// The faces of some assets.
#[derive(Default)]
pub(super) struct People {
    faces: HashMap<i64, Vec<Face>>,
    key_photos: HashMap<i64, Uuid>,
    feature_less: HashSet<i64>,
    /// Does the grant withhold no asset, so that what the library says of all may be told?
    whole: bool,
}

impl People {
    pub(super) fn new(session: &Session<'_>) -> Self {
        Self { whole: !session.grant.covers().withholds_assets(), ..Self::default() }
    }

    /// Reads those of some assets, if a field wants them, beside those that are there already.
    pub(super) fn read(
        &mut self,
        session: &Session<'_>,
        keys: Keys<'_>,
        fields: Fields,
    ) -> Result<(), Stop> {
        if !fields.has_any(&[Field::Persons, Field::PersonInfo, Field::FaceInfo]) {
            return Ok(());
        }
        let mut some = Self::default();
        some.read_faces(session, keys)?;
        if fields.has(Field::PersonInfo) {
            some.read_key_photos(session)?;
            some.read_feedback(session)?;
        }
        for faces in some.faces.values_mut() {
            faces.sort_by(|left, right| by_name(left, right).then(left.key.cmp(&right.key)));
        }
        self.faces.extend(some.faces);
        self.key_photos.extend(some.key_photos);
        self.feature_less.extend(some.feature_less);
        Ok(())
    }

    fn read_faces(&mut self, session: &Session<'_>, keys: Keys<'_>) -> Result<(), Stop> {
        let profile = &session.profile;
        let (Some(faces), Some(persons)) = (&profile.face, &profile.person) else {
            return Ok(());
        };
        let others: Vec<String> =
            face::AS_THEY_ARE.iter().map(|(_, column)| profile.read(faces, "f", *column)).collect();
        let (to_person, to_asset) = (faces.column(face::PERSON), faces.column(face::ASSET));
        let question = format!(
            "SELECT {faces_list},{persons_list},{others} FROM {f} f CROSS JOIN {p} p ON p.{pk}=f.{person} WHERE {keys}",
            faces_list = profile.list(faces, "f", F::LIST),
            persons_list = profile.list(persons, "p", P::LIST),
            others = others.join(","),
            f = faces.name(),
            p = persons.name(),
            pk = PK.name(),
            person = to_person.unwrap_or_default(),
            keys = keys.places(&format!("f.{}", to_asset.unwrap_or_default())),
        );
        let mut known: HashMap<i64, Rc<Person>> = HashMap::new();
        each_keyed_row(session, &question, keys, |row| {
            let mut cells = Cells::new(row, F::LIST);
            let mut persons = Cells::after(row, P::LIST, F::LIST.len());
            let (Some(asset), Some(person)) =
                (cells.integer(F::Asset.at()), persons.integer(P::Key.at()))
            else {
                return Ok(());
            };
            let who = known.entry(person).or_insert_with(|| Rc::new(read_person(&mut persons)));
            let others = Cells::after(row, &[], F::LIST.len() + P::LIST.len());
            let face = read_face(&mut cells, person, who, others);
            // Some hundred bytes of numbers, and what may be the first face of a person.
            let texts = [&face.uuid, &who.uuid, &who.name, &who.display_name];
            session.room.take(&texts.map(Option::as_deref))?;
            session.room.take(&[Some(&face.others)])?;
            self.faces.entry(asset).or_default().push(face);
            Ok(())
        })
    }

    fn persons(&self) -> impl Iterator<Item = (i64, &Person)> {
        self.faces.values().flatten().map(|face| (face.person_key, face.person.as_ref()))
    }

    fn read_key_photos(&mut self, session: &Session<'_>) -> Result<(), Stop> {
        let profile = &session.profile;
        let Some(faces) = &profile.face else {
            return Ok(());
        };
        let wanted: HashSet<i64> =
            self.persons().filter_map(|(_, person)| person.key_face).collect();
        let wanted: Vec<i64> = wanted.into_iter().collect();
        let question = format!(
            "SELECT f.{pk}, {uuid} FROM {f} f CROSS JOIN {a} a ON a.{pk}=f.{asset} WHERE {keys} AND {exists}",
            pk = PK.name(),
            uuid = profile.read(&profile.asset, "a", asset::UUID),
            f = faces.name(),
            a = profile.asset.name(),
            asset = faces.column(face::ASSET).unwrap_or_default(),
            keys = Keys::List(&wanted).places(&format!("f.{}", PK.name())),
            exists = filter_sql::exists(profile, session.grant),
        );
        each_keyed_row(session, &question, Keys::List(&wanted), |row| {
            let mut cells = Cells::new(row, &[]);
            let uuid = cells.lend(1).and_then(|uuid| Uuid::parse(&uuid).ok());
            self.key_photos.extend(cells.integer(0).zip(uuid));
            Ok(())
        })
    }

    fn read_feedback(&mut self, session: &Session<'_>) -> Result<(), Stop> {
        let profile = &session.profile;
        let Some(table) = profile
            .feedback
            .as_ref()
            .filter(|_| profile.is_at_least(asset::FIRST_MODEL_OF_PHOTOS_8))
        else {
            return Ok(());
        };
        let persons: HashSet<i64> = self.persons().map(|(key, _)| key).collect();
        let persons: Vec<i64> = persons.into_iter().collect();
        let person = table.column(feedback::PERSON).unwrap_or_default();
        let question = format!(
            "SELECT g.{person}, {kind} FROM {table} g WHERE {keys} ORDER BY g.{pk}",
            kind = profile.read(table, "g", feedback::TYPE),
            table = table.name(),
            keys = Keys::List(&persons).places(&format!("g.{person}")),
            pk = PK.name(),
        );
        let mut seen = HashSet::new();
        each_keyed_row(session, &question, Keys::List(&persons), |row| {
            let mut cells = Cells::new(row, &[]);
            if let Some(person) = cells.integer(0).filter(|person| seen.insert(*person))
                && cells.flag(1)
            {
                self.feature_less.insert(person);
            }
            Ok(())
        })
    }

    fn of_asset(&self, key: i64) -> &[Face] {
        self.faces.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Has it a face?
    pub(super) fn any(&self, key: i64) -> bool {
        self.faces.contains_key(&key)
    }

    /// Writes what needs no look at the disk.
    pub(super) fn write(&self, key: i64, fields: Fields, object: &mut Object<'_>) {
        if fields.has(Field::Persons) {
            self.write_names(key, object.key(Field::Persons.as_str()));
        }
        if fields.has(Field::PersonInfo) {
            self.write_persons(key, object.key(Field::PersonInfo.as_str()));
        }
    }

    /// Sorted.
    fn write_names(&self, key: i64, out: &mut Vec<u8>) {
        let mut names: Vec<&str> = self.of_asset(key).iter().map(|it| it.person.told()).collect();
        names.sort_unstable();
        json::texts(out, names.into_iter());
    }

    fn write_persons(&self, key: i64, out: &mut Vec<u8>) {
        let mut list = Array::begin(out);
        for face in self.of_asset(key) {
            if list.is_full() {
                break;
            }
            let person = &face.person;
            let mut object = Object::begin(list.next());
            object.text("uuid", person.uuid.as_deref());
            object.text("name", Some(person.told()));
            object.text("displayname", person.display_name.as_deref());
            let photo = person.key_face.and_then(|face| self.key_photos.get(&face));
            let key_face = person.key_face.filter(|_| self.whole || photo.is_some());
            object.integer("keyface", key_face);
            object.integer("facecount", person.face_count.filter(|_| self.whole));
            object.text("keyphoto", photo.map(Uuid::as_str));
            object.flag("favorite", person.favorite);
            object.integer("sort_order", person.order);
            object.flag("feature_less", self.feature_less.contains(&face.person_key));
            object.end();
        }
        list.end();
    }

    /// Writes `face_info`; rectangles follow from the orientation that is told of the asset.
    pub(super) fn write_faces(&self, key: i64, asset: &Uuid, canvas: Canvas, out: &mut Vec<u8>) {
        let mut list = Array::begin(out);
        for face in self.of_asset(key) {
            if list.is_full() {
                break;
            }
            let out = list.next();
            let mut object = Object::begin(out);
            object.integer("_pk", Some(face.key));
            object.text("uuid", face.uuid.as_deref());
            object.text("asset_uuid", Some(asset.as_str()));
            object.integer("_person_pk", Some(face.person_key));
            object.text("name", face.person.name.as_deref());
            object.integer("face_type", face.face_type);
            object.real("center_x", face.spot.x);
            object.real("center_y", face.spot.y);
            object.real("size", face.spot.size);
            object.real("roll", Some(face.roll));
            object.real("pitch", Some(face.pitch));
            object.real("yaw", Some(face.yaw));
            face.spot.write(canvas, &mut object);
            object.members(&face.others);
            object.end();
        }
        list.end();
    }
}

impl Person {
    fn told(&self) -> &str {
        self.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(UNKNOWN)
    }
}

fn by_name(left: &Face, right: &Face) -> Ordering {
    left.person.told().cmp(right.person.told())
}

fn read_person(cells: &mut Cells<'_>) -> Person {
    Person {
        uuid: cells.text(P::Uuid.at()),
        name: cells.text(P::Name.at()),
        display_name: cells.text(P::DisplayName.at()),
        key_face: cells.integer(P::KeyFace.at()),
        face_count: cells.integer(P::FaceCount.at()),
        favorite: cells.integer(P::Type.at()) == Some(person::TYPE_FAVORITE),
        order: cells.integer(P::Order.at()),
    }
}

fn read_face(
    cells: &mut Cells<'_>,
    person_key: i64,
    person: &Rc<Person>,
    mut more: Cells<'_>,
) -> Face {
    let mut others = Vec::new();
    for (index, (key, _)) in face::AS_THEY_ARE.iter().enumerate() {
        if index > 0 {
            others.push(b',');
        }
        json::text(&mut others, key);
        others.push(b':');
        // Readers take all but one for whole numbers.
        match *key {
            "quality" => more.write_number(index, &mut others),
            _ => json::or_null(&mut others, more.integer(index), json::integer),
        }
    }
    // Shares of the picture: what is far from it is no place in it, and gives no numbers.
    let mut share = |at| cells.real(at).filter(|share| share.abs() <= MAX_SHARE);
    let spot =
        Spot { x: share(F::CenterX.at()), y: share(F::CenterY.at()), size: share(F::Size.at()) };
    Face {
        key: cells.integer(F::Key.at()).unwrap_or_default(),
        uuid: cells.text(F::Uuid.at()),
        person_key,
        person: Rc::clone(person),
        spot,
        roll: cells.real(F::Roll.at()).unwrap_or(0.0),
        pitch: cells.real(F::Pitch.at()).unwrap_or(0.0),
        yaw: cells.real(F::Yaw.at()).unwrap_or(0.0),
        face_type: cells.integer(F::Type.at()),
        others,
    }
}
