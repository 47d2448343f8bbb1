//! An archive as bytes: read as every command reads it, and written as `export` writes it. For tools that
//! try what readers make of any bytes.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use auditarchive::tar::{BLOCK, header, padding};

use super::{Archive, CONTENTS};

/// The files of an archive, in their order; none where its reader refuses it, or what it says of itself.
#[must_use]
pub fn read_archive(bytes: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut file = tempfile::tempfile().ok()?;
    file.write_all(bytes).ok()?;
    let archive = Arc::new(Archive::of(file).ok()?);
    if archive.names().any(|name| name == CONTENTS) {
        archive.contents().ok()?;
    }
    let names = archive.names_in_order();
    let files = names.into_iter().map(|name| {
        let mut content = Vec::new();
        archive.reader(&name)?.read_to_end(&mut content).ok()?;
        Some((name, content))
    });
    files.collect()
}

/// An archive of these files; none where the form can't hold one of them.
#[must_use]
pub fn write_archive(files: &[(String, Vec<u8>)]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for (name, content) in files {
        let size = content.len() as u64;
        bytes.extend_from_slice(&header(name, size)?);
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len() + padding(size) as usize, 0);
    }
    bytes.resize(bytes.len() + 2 * BLOCK as usize, 0);
    Some(bytes)
}
