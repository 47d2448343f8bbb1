//! Where cargo has put the workspace's binaries.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The binary `name`, built with the same profile as the running executable.
pub(super) fn binary(name: &str) -> Result<PathBuf> {
    let this = env::current_exe().context("find the running executable")?;
    let path = profile_dir(&this).join(name);
    if !path.is_file() {
        bail!(
            "{} is not there: run `cargo build --workspace` first",
            path.display()
        );
    }
    Ok(path)
}

/// `target/<profile>`: cargo puts binaries there, and tests and examples one folder deeper.
fn profile_dir(executable: &Path) -> &Path {
    let folder = executable.parent().unwrap_or(executable);
    match (folder.file_name(), folder.parent()) {
        (Some(name), Some(parent)) if name == "deps" || name == "examples" => parent,
        _ => folder,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tests_and_binaries_find_the_same_folder() {
        for executable in ["/w/target/debug/deps/it-0123", "/w/target/debug/xtask"] {
            assert_eq!(
                profile_dir(Path::new(executable)),
                Path::new("/w/target/debug")
            );
        }
    }

    #[test]
    fn a_missing_binary_is_named_with_the_remedy() {
        let text = binary("no-such-binary").unwrap_err().to_string();
        assert!(text.contains("no-such-binary") && text.contains("cargo build"));
    }
}
