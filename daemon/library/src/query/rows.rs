//! The rows of a set of assets, read in bulk: from the asset table, its attributes, descriptions,
//! keywords, albums, resources.
//!
//! One statement per table for a whole page, joined in memory by row number. Where two rows claim
//! to be one asset's, the first by row number counts. Nothing here decides what may be seen: row
//! numbers come from a condition that did.

use std::collections::HashMap;

use darkslide_protocol::value::Uuid;

use super::{Keys, each_keyed_row};
use crate::album::Source;
use crate::cell::{Cells, columns};
use crate::db::Stop;
use crate::schema::PK;
use crate::schema::asset::{self, attributes, keyword};
use crate::session::Session;

columns! {
    /// What is read of an asset.
    A {
        Key = PK,
        Uuid = asset::UUID,
        Date = asset::DATE,
        Kind = asset::KIND,
        Subtype = asset::SUBTYPE,
        Adjusted = asset::ADJUSTED,
        Directory = asset::DIRECTORY,
        Filename = asset::FILENAME,
        Uti = asset::UTI,
        Shared = asset::SHARED,
        MomentShare = asset::MOMENT_SHARE,
        CollectionShare = asset::COLLECTION_SHARE,
        Hidden = asset::HIDDEN,
        Trashed = asset::TRASHED,
        Burst = asset::BURST,
        PickType = asset::PICK_TYPE,
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
        Syndicated = attributes::SYNDICATED,
        History = attributes::SYNDICATION_HISTORY,
    }
}

columns! {
    /// A row number and a text.
    T {
        Asset = PK,
        Text = keyword::TITLE,
    }
}

/// A row of the asset table.
#[derive(Debug, Clone)]
pub(crate) struct Main {
    pub(crate) key: i64,
    pub(crate) uuid: Uuid,
    pub(crate) date: Option<f64>,
    pub(crate) kind: Option<i64>,
    pub(crate) subtype: Option<i64>,
    pub(crate) adjusted: bool,
    pub(crate) directory: Option<String>,
    pub(crate) filename: Option<String>,
    pub(crate) uti: Option<String>,
    pub(crate) shared: bool,
    pub(crate) moment_shared: bool,
    pub(crate) share: Option<i64>,
    pub(crate) hidden: bool,
    pub(crate) trashed: bool,
    pub(crate) burst: bool,
    pub(crate) burst_key: bool,
}

/// A row of attributes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attributes {
    pub(crate) original_filename: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) zone_offset: Option<i64>,
    pub(crate) zone_name: Option<String>,
    pub(crate) unsaved: bool,
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
        keys.places(&format!("a.{}", PK.name())),
    );
    each_keyed_row(session, &question, keys, |row| {
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
    Some(Main {
        key,
        uuid,
        date: cells.real(A::Date.at()),
        kind: cells.integer(A::Kind.at()),
        subtype: cells.integer(A::Subtype.at()),
        adjusted: cells.flag(A::Adjusted.at()),
        directory: cells.text(A::Directory.at()),
        filename: cells.text(A::Filename.at()),
        uti: cells.text(A::Uti.at()),
        shared: !cells.is_null(A::Shared.at()),
        moment_shared: cells.flag(A::MomentShare.at()),
        share: cells.integer(A::CollectionShare.at()),
        hidden: cells.flag(A::Hidden.at()),
        trashed: cells.flag(A::Trashed.at()),
        burst: !cells.is_null(A::Burst.at()),
        burst_key: cells.integer(A::PickType.at()).unwrap_or(0) & asset::PICK_KEY != 0,
    })
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
        keys.places(&format!("b.{}", attributes::ASSET.name())),
        attributes::ASSET.name(),
        PK.name(),
    );
    // Before model 15323 nothing says that such a one was saved, and none is.
    let tells_saved = profile.attributes.column(attributes::SYNDICATION_HISTORY).is_some();
    let mut found = HashMap::new();
    each_keyed_row(session, &question, keys, |row| {
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
    Attributes {
        original_filename: cells.text(B::OriginalFilename.at()),
        title: cells.text(B::Title.at()),
        zone_offset: cells.integer(B::ZoneOffset.at()),
        zone_name: cells.text(B::ZoneName.at()),
        unsaved: tells_saved && !cells.is_null(B::Syndicated.at()) && !saved,
    }
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
        keys = keys.places(&format!("b.{}", attributes::ASSET.name())),
    );
    let mut found: HashMap<i64, Vec<String>> = HashMap::new();
    texts(session, &question, keys, |key, text| found.entry(key).or_default().push(text))?;
    Ok(found)
}

/// A row whose text is nonsense has none, and is left out.
fn texts(
    session: &Session<'_>,
    question: &str,
    keys: Keys<'_>,
    mut take: impl FnMut(i64, String),
) -> Result<(), Stop> {
    each_keyed_row(session, question, keys, |row| {
        let mut cells = Cells::new(row, T::LIST);
        if let (Some(key), Some(text)) = (cells.integer(T::Asset.at()), cells.text(T::Text.at())) {
            session.room.take(&[Some(&text)])?;
            take(key, text);
        }
        Ok(())
    })
}

/// Reads which albums assets are in, albums of the trash too.
pub(crate) fn members_of(
    session: &Session<'_>,
    keys: Keys<'_>,
    mut take: impl FnMut(Member) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let members = &session.profile.members;
    let position = members.order.as_ref().map_or_else(|| String::from("0"), |it| format!("j.{it}"));
    let question = format!(
        "SELECT j.{right}, j.{left}, {position} FROM {table} j WHERE {keys}",
        right = members.right,
        left = members.left,
        table = members.table,
        keys = keys.places(&format!("j.{}", members.right)),
    );
    each_keyed_row(session, &question, keys, |row| {
        let mut cells = Cells::new(row, &[]);
        if let (Some(asset), Some(album)) = (cells.integer(0), cells.integer(1)) {
            let position = cells.integer(2).unwrap_or(0);
            return take(Member { asset, source: Source::Album, album, position });
        }
        Ok(())
    })
}
