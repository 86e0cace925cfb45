//! `.darkslide/id`: which destination it is, and the shape that its first export fixed.
//!
//! Written once, before anything else, and never again. The hazard: a second export with other
//! folders or names, which would rename or double everything that the first one wrote.

use std::io::{Read, Write};

use darkslide_door::{Destination, Record, random_name};
use serde::{Deserialize, Serialize};

use crate::error::ExportError;
use crate::spec::Shape;

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
}

/// Only the format, for a newer file may have anything else.
#[derive(Debug, Deserialize)]
struct Format {
    format: u32,
}

/// Makes the shape that of the destination, or sees that it is.
pub(crate) fn fix_shape(destination: &Destination<'_>, shape: &Shape) -> Result<(), ExportError> {
    match read(destination)? {
        None => write(destination, shape),
        Some(id) if id.shape == *shape => Ok(()),
        Some(id) => {
            Err(ExportError::OtherShape { made: id.shape.to_string(), asked: shape.to_string() })
        }
    }
}

fn read(destination: &Destination<'_>) -> Result<Option<Id>, ExportError> {
    let Some(source) = destination.open_record(Record::Id)? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    source.file().take(MAX_BYTES).read_to_end(&mut bytes)?;
    let damaged = |_| ExportError::DamagedRecord { file: FILE };
    let Format { format } = serde_json::from_slice(&bytes).map_err(damaged)?;
    if format > FORMAT {
        return Err(ExportError::NewerRecord { file: FILE });
    }
    serde_json::from_slice(&bytes).map(Some).map_err(damaged)
}

fn write(destination: &Destination<'_>, shape: &Shape) -> Result<(), ExportError> {
    let id = Id { format: FORMAT, id: random_name().as_str().to_owned(), shape: shape.clone() };
    let mut bytes = serde_json::to_vec(&id).expect("texts and numbers only");
    bytes.push(b'\n');
    let mut record = destination.replace_record(Record::Id)?;
    record.write_all(&bytes)?;
    Ok(record.commit()?)
}
