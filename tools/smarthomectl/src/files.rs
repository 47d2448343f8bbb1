//! The files and folders of the command line.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::document::{self, Document};
use crate::import::encoding;
use crate::problem::Problem;
use crate::yaml::{self, At};

/// What a file of documents is called; JSON is YAML too.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// Reads every document of `paths`; of a folder, the files that lie right in it, by name.
///
/// # Errors
/// All that is wrong with them.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<Document>, Vec<Problem>> {
    let (mut documents, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        match files(path) {
            Ok(files) => {
                for file in files {
                    read_file(&file, &mut documents, &mut problems);
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(documents)
    } else {
        Err(problems)
    }
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Problem> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let listed = || -> io::Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(path)?;
        let files = entries.map(|entry| Ok(entry?.path()));
        files.collect()
    };
    let mut files = listed().map_err(|error| whole(path, &error.to_string()))?;
    files.retain(|file| {
        let extension = file.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) && !file.is_dir()
    });
    files.sort_unstable();
    if files.is_empty() {
        return Err(whole(path, "the folder has no .yaml, .yml or .json file"));
    }
    Ok(files)
}

fn read_file(path: &Path, documents: &mut Vec<Document>, problems: &mut Vec<Problem>) {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return problems.push(whole(path, &error.to_string())),
    };
    let text = match encoding::text(&bytes) {
        Ok(text) => text,
        Err(bad) => {
            let at = At {
                line: bad.line,
                column: 1,
            };
            return problems.push(Problem {
                at: Some(at),
                ..whole(path, &bad.what)
            });
        }
    };
    let name = name(path);
    let found = yaml::documents(text);
    if found.is_empty() {
        problems.push(whole(path, "there is no document in it"));
    }
    for document in found {
        match document {
            Ok(node) => match document::read(&name, node) {
                Ok(document) => documents.push(document),
                Err(wrong) => problems.extend(wrong),
            },
            Err(malformed) => problems.push(Problem {
                at: Some(malformed.at),
                what: malformed.what,
                ..whole(path, "")
            }),
        }
    }
}

fn name(path: &Path) -> Arc<str> {
    path.display().to_string().into()
}

/// A problem with a file as a whole.
fn whole(path: &Path, what: &str) -> Problem {
    Problem {
        file: name(path),
        at: None,
        document: String::new(),
        what: what.to_owned(),
    }
}
