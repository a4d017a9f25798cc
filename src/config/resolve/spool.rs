//! Batches on disk during an outage.

use crate::config::features::needs;
use crate::config::reader::Reader;
use crate::config::{Spool, table};

pub(super) fn spool(reader: &mut Reader<'_>) -> Spool {
    let mut directory = reader.text(&[&table::SPOOL_DIRECTORY], "none");
    if !reader.features.spool
        && let Some(read) = directory.take()
    {
        reader.warn(&read, needs("spool"), "keeping what waits in memory only");
        reader.amend(&table::SPOOL_DIRECTORY, "none".to_owned());
    }
    Spool {
        directory: directory.map(|read| read.value.into()),
        bytes: reader.size(&[&table::SPOOL_BYTES]).value,
        age: reader.duration(&[&table::SPOOL_AGE]).value,
    }
}
