//! `.darkslide/id`: which destination it is, and the shape that its first export fixed.
//!
//! Written before anything else, and again only when somebody asks for another shape in so many
//! words; until all has its new name the file says so, and whoever exports next goes on with it.
//! One that is lost or damaged is made anew with the shape that is asked for: what is there under
//! other names is renamed, none of it is lost. The hazard: a second export with other folders or
//! names, which would rename or double everything that the first one wrote.

use std::io::{Read, Write};

use darkslide_door::{Destination, Record, random_name};
use serde::{Deserialize, Serialize};

use crate::error::ExportError;
use crate::spec::{Shape, Spec};

/// What this program writes and reads.
const FORMAT: u32 = 1;
/// It has some two hundred bytes.
const MAX_BYTES: u64 = 64 * 1024;
const FILE: &str = "id";

#[derive(Debug, Serialize, Deserialize)]
struct Id {
    format: u32,
    id: String,
    shape: Shape,
    /// Not all has the names of that shape yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    reshaping: bool,
}

/// Only the format, for a newer file may have anything else.
#[derive(Debug, Deserialize)]
struct Format {
    format: u32,
}

/// Is this job to give new names to what has those of another shape?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Reshape {
    /// No.
    No,
    /// Yes, and then to say so with [`end_reshape`].
    Yes,
}

/// Makes the shape that of the destination, or sees that it is.
pub(crate) fn fix_shape(
    destination: &Destination<'_>,
    shape: &Shape,
    reshape: bool,
) -> Result<Reshape, ExportError> {
    let known = read(destination)?;
    let is_kept = known.as_ref().is_some_and(|id| id.shape == *shape);
    let id = wanted(known, shape, reshape)?;
    if !is_kept {
        write(destination, &id)?;
    }
    Ok(if id.reshaping { Reshape::Yes } else { Reshape::No })
}

/// Would an export give new names to what has those of another shape? Nothing is written.
pub(crate) fn would_reshape(
    destination: &Destination<'_>,
    spec: &Spec,
) -> Result<bool, ExportError> {
    Ok(wanted(read(destination)?, &spec.shape, spec.reshape)?.reshaping)
}

/// What the file is to say.
fn wanted(known: Option<Id>, shape: &Shape, reshape: bool) -> Result<Id, ExportError> {
    match known {
        None => Ok(new_id(shape)),
        Some(id) if id.shape == *shape => Ok(id),
        Some(id) if reshape => Ok(Id { shape: shape.clone(), reshaping: true, ..id }),
        Some(id) => {
            let (made, asked) = (id.shape.to_string(), shape.to_string());
            Err(ExportError::OtherShape { made, asked })
        }
    }
}

/// Notes that all has the names of the destination's shape now.
pub(crate) fn end_reshape(destination: &Destination<'_>) -> Result<(), ExportError> {
    match read(destination)? {
        Some(id) if id.reshaping => write(destination, &Id { reshaping: false, ..id }),
        Some(_) | None => Ok(()),
    }
}

/// The shape of a destination; none where nothing was exported.
pub(crate) fn shape_of(destination: &Destination<'_>) -> Result<Option<Shape>, ExportError> {
    Ok(read(destination)?.map(|id| id.shape))
}

/// None too where what is there is none of ours; a newer one is left alone.
fn read(destination: &Destination<'_>) -> Result<Option<Id>, ExportError> {
    let Some(source) = destination.open_record(Record::Id)? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    source.file().take(MAX_BYTES).read_to_end(&mut bytes)?;
    match serde_json::from_slice(&bytes) {
        Ok(Format { format }) if format > FORMAT => Err(ExportError::NewerRecord { file: FILE }),
        Ok(_) | Err(_) => Ok(serde_json::from_slice(&bytes).ok()),
    }
}

fn new_id(shape: &Shape) -> Id {
    let id = random_name().as_str().to_owned();
    Id { format: FORMAT, id, shape: shape.clone(), reshaping: false }
}

fn write(destination: &Destination<'_>, id: &Id) -> Result<(), ExportError> {
    let mut bytes = serde_json::to_vec(id).expect("texts and numbers only");
    bytes.push(b'\n');
    let mut record = destination.replace_record(Record::Id)?;
    record.write_all(&bytes)?;
    Ok(record.commit()?)
}
