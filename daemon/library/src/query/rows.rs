//! The rows of a set of assets, read in bulk: from the asset table, its attributes, descriptions,
//! keywords, albums, resources.
//!
//! One statement per table for a whole page, joined in memory by row number. Where two rows claim
//! to be one asset's, the first by row number counts. Nothing here decides what may be seen: row
//! numbers come from a condition that did.

use std::collections::HashMap;

use darkslide_protocol::value::Uuid;

use super::{Keys, each_row};
use crate::album::Source;
use crate::cell::{Cells, columns};
use crate::db::Stop;
use crate::filter_sql;
use crate::model::Problem;
use crate::profile::Profile;
use crate::schema::asset::{self, attributes, description, keyword};
use crate::schema::{Column, PK, album, resource};
use crate::session::Session;

columns! {
    /// What is read of an asset.
    A {
        Key = PK,
        Uuid = asset::UUID,
        Date = asset::DATE,
        Added = asset::ADDED,
        Modified = asset::MODIFIED,
        TrashedDate = asset::TRASHED_DATE,
        Trashed = asset::TRASHED,
        Hidden = asset::HIDDEN,
        Favorite = asset::FAVORITE,
        Visibility = asset::VISIBILITY,
        Kind = asset::KIND,
        Subtype = asset::SUBTYPE,
        Adjusted = asset::ADJUSTED,
        Width = asset::WIDTH,
        Height = asset::HEIGHT,
        Directory = asset::DIRECTORY,
        Filename = asset::FILENAME,
        SavedType = asset::SAVED_TYPE,
        Uti = asset::UTI,
        Hdr = asset::HDR,
        Depth = asset::DEPTH,
        Spatial = asset::SPATIAL,
        Burst = asset::BURST,
        PickType = asset::PICK_TYPE,
        Shared = asset::SHARED,
        MomentShare = asset::MOMENT_SHARE,
        CollectionShare = asset::COLLECTION_SHARE,
    }
}

columns! {
    /// What is read of an asset's attributes.
    B {
        Asset = attributes::ASSET,
        OriginalFilename = attributes::ORIGINAL_FILENAME,
        Title = attributes::TITLE,
        ZoneOffset = attributes::ZONE_OFFSET,
        ZoneName = attributes::ZONE_NAME,
        Width = attributes::WIDTH,
        Height = attributes::HEIGHT,
        Orientation = attributes::ORIENTATION,
        FileSize = attributes::FILE_SIZE,
        Camera = attributes::CAMERA,
        Choice = attributes::CHOICE,
        Syndicated = attributes::SYNDICATED,
        History = attributes::SYNDICATION_HISTORY,
    }
}

columns! {
    /// What is read of a resource.
    R {
        Asset = resource::ASSET,
        Store = resource::STORE,
        Subtype = resource::SUBTYPE,
        Version = resource::VERSION,
        Recipe = resource::RECIPE,
        Local = resource::LOCAL,
        Remote = resource::REMOTE,
    }
}

pub(crate) const ASSET_COLUMNS: &[Column] = A::LIST;
pub(crate) const ATTRIBUTE_COLUMNS: &[Column] = B::LIST;
pub(crate) const RESOURCE_COLUMNS: &[Column] = R::LIST;

columns! {
    /// A row number and a text.
    T {
        Asset = PK,
        Text = keyword::TITLE,
    }
}

/// A row of the asset table.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "a row of flags")]
pub(crate) struct Main {
    pub(crate) key: i64,
    pub(crate) uuid: Uuid,
    pub(crate) date: Option<f64>,
    pub(crate) added: Option<f64>,
    pub(crate) modified: Option<f64>,
    pub(crate) trashed_date: Option<f64>,
    pub(crate) trashed: bool,
    pub(crate) hidden: bool,
    pub(crate) favorite: bool,
    pub(crate) visible: bool,
    pub(crate) kind: Option<i64>,
    pub(crate) subtype: Option<i64>,
    pub(crate) adjusted: bool,
    pub(crate) width: Option<u64>,
    pub(crate) height: Option<u64>,
    pub(crate) directory: Option<String>,
    pub(crate) filename: Option<String>,
    pub(crate) saved_type: Option<i64>,
    pub(crate) uti: Option<String>,
    pub(crate) hdr: Option<i64>,
    pub(crate) depth: bool,
    pub(crate) spatial: i64,
    pub(crate) burst: bool,
    pub(crate) pick_type: i64,
    pub(crate) shared: bool,
    pub(crate) moment_shared: bool,
    pub(crate) share: Option<i64>,
    pub(crate) problem: Option<Problem>,
}

/// A row of attributes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attributes {
    pub(crate) original_filename: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) zone_offset: Option<i64>,
    pub(crate) zone_name: Option<String>,
    pub(crate) width: Option<u64>,
    pub(crate) height: Option<u64>,
    pub(crate) orientation: Option<i64>,
    pub(crate) file_size: Option<u64>,
    pub(crate) camera: Option<i64>,
    pub(crate) choice: Option<i64>,
    pub(crate) unsaved: bool,
    pub(crate) problem: Option<Problem>,
}

/// A row of resources.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resource {
    pub(crate) store: Option<i64>,
    pub(crate) subtype: Option<i64>,
    pub(crate) version: Option<i64>,
    pub(crate) recipe: Option<i64>,
    pub(crate) local: Option<i64>,
    pub(crate) remote: Option<i64>,
    /// Up to model 14208: is the type known? Later always.
    pub(crate) typed: bool,
}

/// That an asset is in an album.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    pub(crate) asset: i64,
    pub(crate) source: Source,
    pub(crate) album: i64,
    pub(crate) position: i64,
}

/// Reads asset rows; those without a usable UUID are left out.
pub(crate) fn mains(
    session: &Session<'_>,
    keys: Keys<'_>,
    condition: &str,
    mut take: impl FnMut(Main),
) -> Result<(), Stop> {
    let profile = &session.profile;
    let question = format!(
        "SELECT {} FROM {} a WHERE {} AND {condition}",
        profile.list(&profile.asset, "a", A::LIST),
        profile.asset.name(),
        keys.condition(&format!("a.{}", PK.name())),
    );
    each_row(session, &question, &[], |row| {
        if let Some(main) = read_main(&mut Cells::new(row, A::LIST)) {
            take(main);
        }
        Ok(())
    })
}

/// Reads the asset rows of these row numbers.
pub(crate) fn mains_of(session: &Session<'_>, keys: Keys<'_>) -> Result<HashMap<i64, Main>, Stop> {
    let mut found = HashMap::new();
    mains(session, keys, "1", |main| {
        found.insert(main.key, main);
    })?;
    Ok(found)
}

fn read_main(cells: &mut Cells<'_>) -> Option<Main> {
    let key = cells.integer(A::Key.at())?;
    let uuid = Uuid::parse(&cells.text(A::Uuid.at())?).ok()?;
    let visibility = cells.integer(A::Visibility.at());
    let mut main = Main {
        key,
        uuid,
        date: cells.real(A::Date.at()),
        added: cells.real(A::Added.at()),
        modified: cells.real(A::Modified.at()),
        trashed_date: cells.real(A::TrashedDate.at()),
        trashed: cells.flag(A::Trashed.at()),
        hidden: cells.flag(A::Hidden.at()),
        favorite: cells.integer(A::Favorite.at()) == Some(1),
        visible: visibility == Some(0),
        kind: cells.integer(A::Kind.at()),
        subtype: cells.integer(A::Subtype.at()),
        adjusted: cells.flag(A::Adjusted.at()),
        width: cells.natural(A::Width.at()),
        height: cells.natural(A::Height.at()),
        directory: cells.text(A::Directory.at()),
        filename: cells.text(A::Filename.at()),
        saved_type: cells.integer(A::SavedType.at()),
        uti: cells.text(A::Uti.at()),
        hdr: cells.integer(A::Hdr.at()),
        depth: cells.flag(A::Depth.at()),
        spatial: cells.integer(A::Spatial.at()).unwrap_or(0),
        burst: !cells.is_null(A::Burst.at()),
        pick_type: cells.integer(A::PickType.at()).unwrap_or(0),
        shared: !cells.is_null(A::Shared.at()),
        moment_shared: cells.flag(A::MomentShare.at()),
        share: cells.integer(A::CollectionShare.at()),
        problem: None,
    };
    main.problem = cells.problem();
    Some(main)
}

/// Reads the attributes of assets.
pub(crate) fn attributes_of(
    session: &Session<'_>,
    keys: Keys<'_>,
) -> Result<HashMap<i64, Attributes>, Stop> {
    let profile = &session.profile;
    let question = format!(
        "SELECT {} FROM {} b WHERE {} ORDER BY b.{}, b.{}",
        profile.list(&profile.attributes, "b", B::LIST),
        profile.attributes.name(),
        keys.condition(&format!("b.{}", attributes::ASSET.name())),
        attributes::ASSET.name(),
        PK.name(),
    );
    // Before model 15323 nothing says that such a one was saved, and none is.
    let tells_saved = profile.attributes.column(attributes::SYNDICATION_HISTORY).is_some();
    let mut found = HashMap::new();
    each_row(session, &question, &[], |row| {
        let mut cells = Cells::new(row, B::LIST);
        if let Some(key) = cells.integer(B::Asset.at()) {
            found.entry(key).or_insert_with(|| read_attributes(&mut cells, tells_saved));
        }
        Ok(())
    })?;
    Ok(found)
}

fn read_attributes(cells: &mut Cells<'_>, tells_saved: bool) -> Attributes {
    let saved = cells.is_null(B::History.at()) || cells.flag(B::History.at());
    let mut read = Attributes {
        original_filename: cells.text(B::OriginalFilename.at()),
        title: cells.text(B::Title.at()),
        zone_offset: cells.integer(B::ZoneOffset.at()),
        zone_name: cells.text(B::ZoneName.at()),
        width: cells.natural(B::Width.at()),
        height: cells.natural(B::Height.at()),
        orientation: cells.integer(B::Orientation.at()),
        file_size: cells.natural(B::FileSize.at()),
        camera: cells.integer(B::Camera.at()),
        choice: cells.integer(B::Choice.at()),
        unsaved: tells_saved && !cells.is_null(B::Syndicated.at()) && !saved,
        problem: None,
    };
    read.problem = cells.problem();
    read
}

/// Reads the descriptions of assets.
pub(crate) fn descriptions_of(
    session: &Session<'_>,
    keys: Keys<'_>,
) -> Result<HashMap<i64, String>, Stop> {
    let profile = &session.profile;
    let Some(table) = &profile.description else {
        return Ok(HashMap::new());
    };
    let key = profile.read(&profile.attributes, "b", attributes::DESCRIPTION);
    let question = format!(
        "SELECT b.{asset}, {text} FROM {b} b CROSS JOIN {d} d ON d.{pk}={key} WHERE {keys} ORDER BY b.{asset}, b.{pk}",
        asset = attributes::ASSET.name(),
        text = profile.read(table, "d", description::TEXT),
        b = profile.attributes.name(),
        d = table.name(),
        pk = PK.name(),
        keys = keys.condition(&format!("b.{}", attributes::ASSET.name())),
    );
    let mut found = HashMap::new();
    texts(session, &question, |key, text| {
        found.entry(key).or_insert(text);
    })?;
    Ok(found)
}

/// Reads the keywords of assets.
pub(crate) fn keywords_of(
    session: &Session<'_>,
    keys: Keys<'_>,
) -> Result<HashMap<i64, Vec<String>>, Stop> {
    let profile = &session.profile;
    let Some((table, join)) = &profile.keywords else {
        return Ok(HashMap::new());
    };
    let question = format!(
        "SELECT b.{asset}, {title} FROM {b} b CROSS JOIN {join} j ON j.{left}=b.{pk} CROSS JOIN {k} k ON k.{pk}=j.{right} WHERE {keys}",
        asset = attributes::ASSET.name(),
        title = profile.read(table, "k", keyword::TITLE),
        b = profile.attributes.name(),
        join = join.table,
        left = join.left,
        right = join.right,
        k = table.name(),
        pk = PK.name(),
        keys = keys.condition(&format!("b.{}", attributes::ASSET.name())),
    );
    let mut found: HashMap<i64, Vec<String>> = HashMap::new();
    texts(session, &question, |key, text| found.entry(key).or_default().push(text))?;
    Ok(found)
}

/// Reads the titles of the albums that assets are in.
pub(crate) fn album_titles_of(
    session: &Session<'_>,
    keys: Keys<'_>,
) -> Result<HashMap<i64, Vec<String>>, Stop> {
    let profile = &session.profile;
    let members = &profile.members;
    let mut questions = vec![format!(
        "SELECT j.{right}, ifnull({title},'') FROM {join} j CROSS JOIN {g} g ON g.{pk}=j.{left} WHERE {keys} AND {is_album}",
        right = members.right,
        title = profile.read(&profile.album, "g", album::TITLE),
        join = members.table,
        g = profile.album.name(),
        pk = PK.name(),
        left = members.left,
        keys = keys.condition(&format!("j.{}", members.right)),
        is_album = filter_sql::is_album(profile, &profile.album, "g"),
    )];
    if let Some(shares) = &profile.shares {
        questions.push(format!(
            "SELECT a.{pk}, ifnull({title},'') FROM {a} a CROSS JOIN {g} g ON g.{pk}={share} WHERE {keys} AND {entity}={number} AND coalesce({trashed},0)=0",
            pk = PK.name(),
            title = profile.read(&shares.table, "g", album::share::TITLE),
            a = profile.asset.name(),
            share = profile.read(&profile.asset, "a", asset::COLLECTION_SHARE),
            g = shares.table.name(),
            keys = keys.condition(&format!("a.{}", PK.name())),
            entity = profile.read(&shares.table, "g", album::share::ENTITY),
            number = shares.entity,
            trashed = profile.read(&shares.table, "g", album::share::TRASHED),
        ));
    }
    let mut found: HashMap<i64, Vec<String>> = HashMap::new();
    for question in questions {
        texts(session, &question, |key, text| found.entry(key).or_default().push(text))?;
    }
    Ok(found)
}

/// A row whose text is nonsense has none, and is left out.
fn texts(
    session: &Session<'_>,
    question: &str,
    mut take: impl FnMut(i64, String),
) -> Result<(), Stop> {
    each_row(session, question, &[], |row| {
        let mut cells = Cells::new(row, T::LIST);
        if let (Some(key), Some(text)) = (cells.integer(T::Asset.at()), cells.text(T::Text.at())) {
            take(key, text);
        }
        Ok(())
    })
}

/// Reads which albums assets are in, albums of the trash too.
pub(crate) fn members_of(
    session: &Session<'_>,
    keys: Keys<'_>,
    mut take: impl FnMut(Member),
) -> Result<(), Stop> {
    let members = &session.profile.members;
    let position = members.order.as_ref().map_or_else(|| String::from("0"), |it| format!("j.{it}"));
    let question = format!(
        "SELECT j.{right}, j.{left}, {position} FROM {table} j WHERE {keys}",
        right = members.right,
        left = members.left,
        table = members.table,
        keys = keys.condition(&format!("j.{}", members.right)),
    );
    each_row(session, &question, &[], |row| {
        let mut cells = Cells::new(row, &[]);
        if let (Some(asset), Some(album)) = (cells.integer(0), cells.integer(1)) {
            let position = cells.integer(2).unwrap_or(0);
            take(Member { asset, source: Source::Album, album, position });
        }
        Ok(())
    })
}

/// Reads the resources of assets, in the order of their rows.
pub(crate) fn resources_of(
    session: &Session<'_>,
    keys: Keys<'_>,
) -> Result<HashMap<i64, Vec<Resource>>, Stop> {
    let profile = &session.profile;
    let question = format!(
        "SELECT {list}{typed} FROM {r} r{join} WHERE {keys} ORDER BY r.{asset}, r.{pk}",
        list = profile.list(&profile.resource, "r", R::LIST),
        typed = if profile.uti.is_some() { format!(", u.{}", PK.name()) } else { String::new() },
        r = profile.resource.name(),
        join = uti_join(profile),
        keys = keys.condition(&format!("r.{}", resource::ASSET.name())),
        asset = resource::ASSET.name(),
        pk = PK.name(),
    );
    let mut found: HashMap<i64, Vec<Resource>> = HashMap::new();
    each_row(session, &question, &[], |row| {
        let mut cells = Cells::new(row, R::LIST);
        let Some(key) = cells.integer(R::Asset.at()) else {
            return Ok(());
        };
        let typed = profile.uti.is_none() || !cells.is_null(R::LIST.len());
        found.entry(key).or_default().push(Resource {
            store: cells.integer(R::Store.at()),
            subtype: cells.integer(R::Subtype.at()),
            version: cells.integer(R::Version.at()),
            recipe: cells.integer(R::Recipe.at()),
            local: cells.integer(R::Local.at()),
            remote: cells.integer(R::Remote.at()),
            typed,
        });
        Ok(())
    })?;
    Ok(found)
}

fn uti_join(profile: &Profile) -> String {
    match (&profile.uti, profile.resource.column(resource::UTI)) {
        (Some(table), Some(column)) => {
            format!(" LEFT JOIN {} u ON u.{}=r.{column}", table.name(), PK.name())
        }
        _ => String::new(),
    }
}
