//! New names for what nobody selected: a destination has one shape, so whoever asks for another one
//! has every file of the library renamed.
//!
//! The rows of an asset that a spec does not want (another version, an asset that the filter leaves
//! out) get the names that they would have if they were wanted, by renames like all others. A row
//! whose place the asset has no more takes one that nobody has. Nothing is copied, nothing
//! reported: nobody asked for these files. What somebody changed or removed stays as it is.

use darkslide_library::Version;
use darkslide_protocol::value::Uuid;

use super::{Act, Entering, InPlace, Look, Move, Planner, Role, World, extension_of};
use crate::error::ExportError;
use crate::row::{Key, Row};
use crate::spec::Sidecar;

/// Plans the rows of an asset that its wanted files are not; `given` are the names in each place.
pub(super) fn plan_rest<W: World>(
    planner: &mut Planner<'_, W>,
    (library, asset): (&str, &Uuid),
    places: &[InPlace],
    given: &mut [Vec<String>],
    acts: &mut Vec<Act>,
) -> Result<(), ExportError> {
    let rows = planner.manifest.rows_of(library, asset)?;
    let wanted: Vec<&Key> = places.iter().flat_map(|(_, files)| files).map(|it| &it.key).collect();
    let mut had: Vec<Key> = rows.iter().map(|row| row.key.clone()).collect();
    had.extend(wanted.iter().copied().cloned());
    let rest = rows.into_iter().filter(|row| !wanted.contains(&&row.key));
    for row in rest {
        if planner.donors.is_taken(&row.key) {
            continue;
        }
        let Some(role) = role_of(&row.key.version) else { continue };
        let key_in = |place: &InPlace| Key { album: place.0.album.clone(), ..row.key.clone() };
        let own = places.iter().position(|place| place.0.album == row.key.album);
        let free = || places.iter().position(|place| !had.contains(&key_in(place)));
        let Some(at) = own.or_else(free) else { continue };
        let (Some(place), Some(others)) = (places.get(at), given.get_mut(at)) else { continue };
        let extension = extension_of(&row.path);
        let name = planner.name(&place.0, role, extension.as_deref(), others);
        let Ok(path) = place.0.folder.join(&name) else { continue };
        let key = key_in(place);
        if path == row.path && key == row.key {
            continue;
        }
        had.push(key.clone());
        acts.extend(act(planner, row, key, path)?);
    }
    Ok(())
}

fn act<W: World>(
    planner: &mut Planner<'_, W>,
    row: Row,
    key: Key,
    path: darkslide_policy::RelPath,
) -> Result<Option<Act>, ExportError> {
    // Only what is there as it was written is renamed.
    let Look::There(there) = planner.world.look(&row.path)? else { return Ok(None) };
    if !there.regular || (there.size, there.mtime) != (row.size, row.mtime) {
        return Ok(None);
    }
    let needs = match planner.world.look(&path)? {
        Look::Free => false,
        Look::There(other) if other.inode == there.inode => false,
        Look::There(_) if planner.manifest.holder(&path)?.is_some() => true,
        Look::There(_) | Look::Blocked(_) => return Ok(None),
    };
    let entered = Row { key, path: path.clone(), ..row.clone() };
    let is_same = entered.key == row.key;
    let step = Box::new(Move { row, new: path, needs, is_missing: false, report: None });
    Ok(Some(if is_same {
        Act::Move(step)
    } else {
        Act::MoveThenEnter(step, Box::new(Entering { row: entered, report: None }))
    }))
}

fn role_of(word: &str) -> Option<Role> {
    let version = Version::ALL.iter().find(|it| it.as_str() == word);
    let sidecar = || [Sidecar::Xmp, Sidecar::Json].into_iter().find(|it| it.word() == word);
    version.map(|it| Role::Version(*it)).or_else(|| sidecar().map(Role::Sidecar))
}
