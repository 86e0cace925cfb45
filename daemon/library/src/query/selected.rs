//! Everything that a filter selects, in slices: for counts, facets and lists of UUIDs.
//!
//! Where SQL tells all, a statement runs over each slice with the condition in it. Where a residual
//! has to try the rows, it gets those that SQL leaves of a slice, and the statement runs over the
//! rows that it kept. Either way each transaction is short, and the deadline is asked between them.
//! The hazard: labels and the disk looked at in a transaction, which keeps Photos from cleaning up.

use rusqlite::types::Value;

use super::{Keys, each_asked_row, scan_then};
use crate::db::Stop;
use crate::filter_sql::Condition;
use crate::model::Scanned;
use crate::schema::PK;
use crate::session::Session;

/// Assets that a statement is run over when a residual has kept them.
const KEPT_AT_ONCE: usize = 1_000;

/// A condition on the asset table `a`, and what it binds.
#[derive(Clone, Copy)]
pub(crate) struct Within<'a> {
    pub(crate) sql: &'a str,
    pub(crate) values: &'a [Value],
}

/// Runs `look` over all that is selected, part by part, each in a transaction of its own, and
/// `then` when that has ended.
pub(crate) fn each_selected<T>(
    session: &Session<'_>,
    condition: &Condition,
    mut state: T,
    mut look: impl FnMut(&mut T, Within<'_>) -> Result<(), Stop>,
    mut then: impl FnMut(&mut T) -> Result<(), Stop>,
) -> Result<Scanned<T>, Stop> {
    let pk = format!("a.{}", PK.name());
    let values = condition.values.as_slice();
    let Some(residual) = &condition.residual else {
        return scan_then(
            session,
            state,
            |state, slice| {
                let sql = format!("{} AND {}", slice.condition(), condition.sql);
                look(state, Within { sql: &sql, values })
            },
            then,
        );
    };
    let tried = scan_then(
        session,
        Vec::new(),
        |tried: &mut Vec<i64>, slice| {
            let question = format!(
                "SELECT {pk} FROM {} a WHERE {} AND {}",
                session.profile.asset.name(),
                slice.condition(),
                condition.sql
            );
            each_asked_row(session, &question, values, |row| {
                tried.extend(row.get::<_, i64>(0).ok());
                Ok(())
            })
        },
        |tried| {
            let kept = residual.keep(session, tried)?;
            let kept: Vec<i64> =
                tried.drain(..).zip(kept).filter(|(_, kept)| *kept).map(|(key, _)| key).collect();
            for some in kept.chunks(KEPT_AT_ONCE) {
                let sql = format!("{} AND {}", Keys::List(some).condition(&pk), condition.sql);
                session.database.snapshot(|| look(&mut state, Within { sql: &sql, values }))?;
                then(&mut state)?;
            }
            Ok(())
        },
    )?;
    Ok(Scanned { found: state, consistent: tried.consistent })
}
