//! Turns a filter, and what a grant shows, into one SQL condition with bound values.
//!
//! Nothing of a peer's text becomes SQL: words are matched here, texts, UUIDs and numbers are
//! bound. What SQL cannot tell (labels, what is on the disk) it takes for possible; then a residual
//! tries the rows that are left. The hazards: an index on a flag, after which SQLite sorts the
//! whole library; and a `not` over what SQL cannot tell, which must be taken for possible, too.

mod leaf;
mod residual;
mod shown;
mod texts;

use darkslide_protocol::filter::{Filter, Flag, Include, Kind};
use darkslide_protocol::value::Uuid;
use rusqlite::types::Value;

use leaf::Writer;
pub(crate) use leaf::{Seconds, Spans, day_there, kind_sql, one, one_of};
pub(crate) use residual::Residual;
pub(crate) use shown::{exists, first_of_twins, listed, set, shown, unselected, well_named};
#[cfg(test)]
pub(crate) use texts::MAX_LEADING;
pub(crate) use texts::{description_of, name_of};

use crate::album::{Albums, Source};
use crate::db::Stop;
use crate::session::Session;

/// A condition on the asset table, which is called `a`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Condition {
    /// Holds for every asset that fits, and where there is a residual perhaps for others.
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
    /// Does it name few assets, so that it leads and the order follows?
    pub(crate) leads: bool,
    /// Where dates have to lie.
    pub(crate) spans: Spans,
    /// The one album that an asset has to be in, whose order may be asked for.
    pub(crate) album: Option<(Source, i64)>,
    /// What is left to try.
    pub(crate) residual: Option<Residual>,
}

/// Compiles the whole: what the grant shows, what is left out unless included, and the filter.
/// Albums are read where it speaks of them; to be called in a snapshot.
pub(crate) fn condition(
    session: &Session<'_>,
    include: &[Include],
    filter: &Filter,
) -> Result<Condition, Stop> {
    compiled(session, include, filter, &exists(&session.profile, session.grant))
}

/// The same for counts: rows of what the grant shows, whatever their UUIDs. To look whether two
/// have the same takes longer than to count, and an index that tells all else does not have it.
pub(crate) fn counted(
    session: &Session<'_>,
    include: &[Include],
    filter: &Filter,
) -> Result<Condition, Stop> {
    compiled(session, include, filter, &shown(&session.profile, session.grant, "a"))
}

fn compiled(
    session: &Session<'_>,
    include: &[Include],
    filter: &Filter,
    there: &str,
) -> Result<Condition, Stop> {
    let albums = if speaks_of_albums(filter) { Some(Albums::read(session)?) } else { None };
    let listed = listed(&session.profile, include);
    let mut writer = Writer::new(session, albums.as_ref());
    // Whoever names an asset by its UUID means it.
    let mut asked = Vec::new();
    named(filter, &mut asked);
    let listed = if asked.is_empty() || listed == "1" {
        listed
    } else {
        format!("({listed} OR {})", writer.uuids(&asked, "+"))
    };
    let filter_sql = writer.whole(filter)?;
    let residual = Residual::of(session, albums.as_ref(), filter)?;
    Ok(Condition {
        sql: format!("{there} AND {listed} AND {filter_sql}"),
        leads: writer.leads,
        spans: writer.spans,
        album: writer.only_album(),
        values: writer.values,
        residual,
    })
}

/// The UUIDs that a filter asks for, those under a `not` left aside.
fn named<'f>(filter: &'f Filter, found: &mut Vec<&'f Uuid>) {
    match filter {
        Filter::Uuid(uuids) => found.extend(uuids),
        Filter::Not(_) => {}
        other => other.parts().iter().for_each(|part| named(part, found)),
    }
}

/// Does a filter speak of albums, so that they have to be known?
fn speaks_of_albums(filter: &Filter) -> bool {
    match filter {
        Filter::Album(_) | Filter::AlbumLike(_) | Filter::Folder(_) | Filter::Text(_) => true,
        other => other.parts().iter().any(speaks_of_albums),
    }
}

/// Does it ask for nothing but what a column of the asset itself is compared with?
pub(crate) fn is_plain(filter: &Filter) -> bool {
    match filter {
        Filter::All(parts) | Filter::Any(parts) => parts.iter().all(is_plain),
        Filter::Not(part) => is_plain(part),
        Filter::Kind(kind) => !matches!(kind, Kind::Raw | Kind::RawPair | Kind::Selfie),
        Filter::Is(flag) => matches!(
            flag,
            Flag::Favorite
                | Flag::Edited
                | Flag::Hidden
                | Flag::Trashed
                | Flag::Shared
                | Flag::Referenced
                | Flag::Located
        ),
        _ => false,
    }
}

/// Is there something that SQL can not tell?
pub(crate) fn has_residual(filter: &Filter) -> bool {
    match filter {
        Filter::Label(_) | Filter::Text(_) | Filter::Is(Flag::Local | Flag::Missing) => true,
        other => other.parts().iter().any(has_residual),
    }
}
