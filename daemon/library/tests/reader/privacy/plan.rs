//! A library that has what a grant withholds, or the same one that never did.
//!
//! Whatever is withheld is marked: its texts hold [`MARK`], its UUIDs begin with [`SECRET`], its
//! numbers are on a list. Withheld rows come last, so that all other rows have the same numbers in
//! both libraries. The hazard: a mark that a peer writes itself, in a question, and finds in the
//! answer.

use std::path::Path;

use darkslide_fixture::{
    AlbumKind, AlbumSpec, AnalysisResult, AssetKey, AssetSpec, BuiltLibrary, BurstPick, CloudSpec,
    CommentSpec, Content, Exif, FaceSpec, FolderSpec, Invitation, LibraryBuilder, Model, PersonKey,
    PersonSpec, PlaceSpec, PostalAddress, plist,
};

/// Part of every text that is withheld.
pub(crate) const MARK: &str = "zqx";
/// What UUIDs begin with that are withheld.
pub(crate) const SECRET: &str = "5ec2e7";
/// Numbers that are withheld: bytes, a year, coordinates of the asset and of its camera.
pub(crate) const NUMBERS: &[&str] = &["987654321", "1987-", "12.3456", "23.4567", "34.5678"];

/// Categories of the search index that tell a place, in old numbers and in new ones.
const PLACES: &[i64] = &[
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 1000, 1007, 1008, 1520, 1610, 1700, 1701, 1800,
    1801, 1802, 2020, 2038, 2039,
];
const BURST: &str = "0B0B0B0B-0000-4000-8000-000000000001";

/// What a grant can withhold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Withheld {
    Hidden,
    Trashed,
    Albums,
    Location,
    Referenced,
}

/// Who withholds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The library, from everybody. It has no key for albums.
    Library,
    /// A client's rule.
    Rule,
    /// Nobody.
    Nobody,
}

impl Withheld {
    /// Are there assets that do not exist for the peer?
    pub(crate) fn is_of_assets(self) -> bool {
        match self {
            Self::Hidden | Self::Trashed | Self::Albums => true,
            Self::Location | Self::Referenced => false,
        }
    }

    /// A policy's keys of the library, and of the client's rule.
    pub(crate) fn keys(self, by: By, folder: &Path) -> (String, &'static str) {
        let withholds = |what| by == By::Library && self == what;
        let folder = format!("{:?}", folder.to_str().unwrap());
        let library = format!(
            "hidden = {}\ntrashed = {}\nlocation = {}\nreferenced = [{}]\n",
            !withholds(Self::Hidden),
            !withholds(Self::Trashed),
            !withholds(Self::Location),
            if self != Self::Referenced || by == By::Library { "" } else { folder.as_str() },
        );
        let rule = match self {
            _ if by != By::Rule => "",
            Self::Hidden => "hidden = false\n",
            Self::Trashed => "trashed = false\n",
            Self::Albums => "albums = [\"Trips/Shown\"]\n",
            Self::Location => "location = false\n",
            Self::Referenced => "referenced = false\n",
        };
        (library, rule)
    }
}

/// Which of the two is made.
pub(crate) struct Plan<'a> {
    /// What is withheld of it.
    pub(crate) withheld: Withheld,
    /// Has it that?
    pub(crate) has: bool,
    /// A folder outside the bundle, for a referenced original.
    pub(crate) folder: &'a Path,
}

fn secret(number: u32) -> String {
    format!("{}{number:02X}-0000-4000-8000-000000000000", SECRET.to_uppercase())
}

fn marked(text: &str) -> String {
    format!("{MARK} {text}")
}

impl Plan<'_> {
    /// Makes the folder outside, with an original in it.
    pub(crate) fn make_folder(&self) {
        std::fs::create_dir(self.folder).unwrap();
        std::fs::write(self.folder.join("R.JPG"), Content::jpeg(9).bytes()).unwrap();
    }

    /// Builds it.
    pub(crate) fn build(&self, model: Model, bundle: &Path) -> BuiltLibrary {
        self.library(model).build(bundle).unwrap()
    }

    fn library(&self, model: Model) -> LibraryBuilder {
        let mut builder = LibraryBuilder::new(model);
        let trips = builder.folder(FolderSpec::new("Trips"));
        let mut pat = PersonSpec::new("Pat");
        if !self.has || !self.withheld.is_of_assets() {
            pat = pat.without_key_face();
        }
        let pat = builder.person(pat);
        let shown = self.shown(&mut builder, pat);
        let hides = self.has && self.withheld.is_of_assets();
        let secrets = if hides { self.secrets(&mut builder, pat) } else { Vec::new() };
        let in_albums = self.withheld == Withheld::Albums;
        let more = if in_albums { &[][..] } else { &secrets };
        let all = || shown.iter().chain(more).copied();
        let mut album = AlbumSpec::new("Shown").within(trips).members(all());
        if let Some(key) = more.first() {
            album = album.key_asset(*key);
        }
        builder.album(album);
        if in_albums {
            self.albums_of_others(&mut builder, &shown, &secrets);
        } else {
            builder.album(AlbumSpec::new("Book").kind(AlbumKind::Project).members(all()));
            let club = AlbumSpec::new("Club").kind(AlbumKind::Shared).owner("hash", "Ann", "Other");
            builder.album(club.members(all().skip(2)));
            let import = AlbumSpec::new("Camera").kind(AlbumKind::ImportSession);
            builder.album(import.members(shown.iter().chain(secrets.first()).copied()));
            if hides {
                let import = AlbumSpec::new(marked("import")).kind(AlbumKind::ImportSession);
                builder.album(import.uuid(secret(0x90)).members(secrets.get(1).copied()));
            }
        }
        builder.invitation(Invitation::new("hash", "Ann", "Other"));
        if hides {
            let who = [marked("first"), marked("last")];
            builder.invitation(Invitation::new(marked("hash"), &who[0], &who[1]));
            builder.statement(format!(
                "UPDATE ZPERSON SET ZKEYFACE=(SELECT Z_PK FROM ZDETECTEDFACE WHERE ZUUID='{}') \
                 WHERE ZFULLNAME='Pat'",
                secret(0x80)
            ));
        }
        builder
    }

    /// What is there in both: with a place, and a referenced original, in the one that has those.
    fn shown(&self, builder: &mut LibraryBuilder, pat: PersonKey) -> Vec<AssetKey> {
        let plain = |name: &str, seed: u8| {
            let photo = AssetSpec::photo(name, Content::jpeg(seed.into())).person(pat);
            let photo = photo.title(format!("title {seed}")).keyword("k").label("Sea");
            let note = ("caption", plist::Value::String("c".into()));
            let photo = photo.analysed(AnalysisResult::attributes(85, [note]).unwrap());
            self.located(photo.description("d"))
        };
        let burst = plain("A.JPG", 1).burst(BURST, BurstPick::Selected).favorite();
        let edited = plain("B.JPG", 2).edited(Content::jpeg(12)).preview(Content::jpeg(22));
        let shared = plain("C.JPG", 3).shared().owner("hash");
        let said = CommentSpec::new("nice").by("hash").on(5.0);
        let shared = shared.comment(said).comment(CommentSpec::like().by("hash"));
        let film = self.located(AssetSpec::movie("D.MOV", Content::mov(4)).person(pat));
        let folder = match (self.withheld, self.has) {
            (Withheld::Referenced, true) => self.folder.to_str().unwrap(),
            _ => "/Elsewhere",
        };
        let outside = plain("R.JPG", 9).referenced(folder);
        [burst, edited, shared, film, outside].map(|spec| builder.asset(spec)).to_vec()
    }

    /// Gives an asset a place in every corner that can tell one.
    fn located(&self, spec: AssetSpec) -> AssetSpec {
        if self.withheld != Withheld::Location || !self.has {
            // The same metadata, without a place.
            let exif = Exif { iso: Some(100), ..camera() };
            return spec
                .exif(exif)
                .cloud(CloudSpec::new("cloud").metadata(metadata(false)).unwrap());
        }
        let exif =
            Exif { iso: Some(100), latitude: Some(34.5678), longitude: Some(34.5678), ..camera() };
        let spec = spec.exif(exif).location(12.3456, 23.4567).place(place());
        let spec = spec.cloud(CloudSpec::new("cloud").metadata(metadata(true)).unwrap());
        PLACES.iter().fold(spec, |spec, category| {
            spec.searched(*category, marked(&format!("place {category}")))
        })
    }

    /// What is withheld: a photo of the burst of the first, and a film.
    fn secrets(&self, builder: &mut LibraryBuilder, pat: PersonKey) -> Vec<AssetKey> {
        let other = builder.person(PersonSpec::new(marked("person")).uuid(secret(0x70)).favorite());
        let withhold = |spec: AssetSpec, number: u32| match (self.withheld, number) {
            // It is both, and the grant shows what is one of them.
            (Withheld::Hidden | Withheld::Trashed, 1) => spec.hidden().trashed(),
            (Withheld::Hidden, _) => spec.hidden(),
            (Withheld::Trashed, _) => spec.trashed(),
            (Withheld::Albums | Withheld::Location | Withheld::Referenced, _) => spec,
        };
        let spec = |spec: AssetSpec, number: u32| {
            let said = CommentSpec::new(marked("comment")).by(marked("hash")).on(6.0);
            let spec = spec.uuid(secret(number)).title(marked("title")).keyword("k").favorite();
            let spec = spec.keyword(marked("keyword")).description(marked("description"));
            let spec = spec.face(FaceSpec::of(pat).uuid(secret(0x80 + number)));
            let spec = spec.face(FaceSpec::of(other).uuid(secret(0x60 + number)));
            let spec = spec.camera(marked("make"), marked("model")).owner(marked("hash"));
            let spec = spec.location(12.3456, 23.4567).place(place()).comment(said);
            let spec = spec.label(marked("label")).searched(5, marked("city")).scored(0.77);
            let spec =
                spec.cloud(CloudSpec::new(marked("cloud")).metadata(metadata(true)).unwrap());
            let note = ("caption", plist::Value::String(marked("caption")));
            let spec = spec.analysed(AnalysisResult::attributes(85, [note]).unwrap());
            withhold(spec.recorded_bytes(987_654_321).taken_on(1987, 6, 5), number)
        };
        let photo = AssetSpec::photo(marked("1.JPG"), Content::jpeg(50));
        let photo = photo.burst(BURST, BurstPick::Key).edited(Content::jpeg(51));
        let film = AssetSpec::movie(marked("2.MOV"), Content::mov(52)).duration(77.0);
        [spec(photo.preview(Content::jpeg(53)), 0), spec(film, 1)]
            .map(|spec| builder.asset(spec))
            .to_vec()
    }

    /// Albums that the grant does not name, and what they have of its own assets.
    fn albums_of_others(
        &self,
        builder: &mut LibraryBuilder,
        shown: &[AssetKey],
        secrets: &[AssetKey],
    ) {
        if !self.has {
            return;
        }
        let folder = builder.folder(FolderSpec::new(marked("folder")).uuid(secret(0x30)));
        let kinds = [
            AlbumKind::User,
            AlbumKind::Project,
            AlbumKind::Shared,
            AlbumKind::ImportSession,
            AlbumKind::Smart,
        ];
        for (number, kind) in (0x31..).zip(kinds) {
            let mut album = AlbumSpec::new(marked("album")).kind(kind).uuid(secret(number));
            if kind == AlbumKind::User {
                album = album.within(folder);
            }
            if kind != AlbumKind::Smart {
                album = album.members(shown.iter().chain(secrets).copied());
            }
            builder.album(album.owner(&marked("hash"), &marked("first"), &marked("last")));
        }
        // Of the same title as the one that is granted by its path.
        builder.album(AlbumSpec::new("Shown").uuid(secret(0x36)).members(secrets.iter().copied()));
    }
}

fn camera() -> Exif {
    Exif { camera_make: Some("Make".into()), camera_model: Some("Model".into()), ..Exif::default() }
}

fn metadata(located: bool) -> plist::Dictionary {
    let mut metadata = plist::Dictionary::new();
    metadata.insert("Depth".into(), plist::Value::Integer(8.into()));
    if located {
        let mut gps = plist::Dictionary::new();
        gps.insert("Latitude".into(), plist::Value::Real(34.5678));
        metadata.insert("{GPS}".into(), plist::Value::Dictionary(gps));
        metadata.insert("City".into(), plist::Value::String(marked("city")));
    }
    metadata
}

fn place() -> PlaceSpec {
    let address = PostalAddress {
        street: Some(marked("street")),
        city: Some(marked("city")),
        country: Some(marked("country")),
        ..PostalAddress::default()
    };
    let place = PlaceSpec::new("ZQ").name(4, 10.0, marked("town")).name(1, 1e9, marked("land"));
    place.address_string(marked("address")).address(address).home()
}
