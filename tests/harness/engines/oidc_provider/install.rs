//! The server's packages, fetched through npm once and kept below cargo's target folder.

use std::path::PathBuf;

use anyhow::Result;

use crate::engines::fetched::{self, Files, is_there};

/// With the version of `package.json`.
const NAME: &str = "oidc-provider-9.13.3";
/// What is written beside the packages.
const FILES: Files = &[
    ("package.json", include_str!("package.json")),
    ("package-lock.json", include_str!("package-lock.json")),
    (".npmrc", include_str!(".npmrc")),
    ("server.mjs", include_str!("server.mjs")),
];

/// Why it can't be had here, if it can't: no Node.js, or neither npm nor what it fetched before.
pub(super) fn lacking() -> Option<String> {
    if !is_there("node") {
        return Some("there is no `node` (20 or later) on the path".to_owned());
    }
    let fetched = fetched::folder_of(NAME, FILES).is_ok_and(|dir| dir.join("done").is_file());
    (!fetched && !is_there("npm")).then(|| "there is no `npm` on the path".to_owned())
}

/// Fetches the packages unless they are there, and returns the program.
pub(super) fn install() -> Result<PathBuf> {
    Ok(fetched::once(NAME, FILES, fetched::npm)?.join("server.mjs"))
}
