//! What several files do together.
#![allow(clippy::unwrap_used)]

mod changes;
mod checks;
mod doubtful;
mod reading;
mod round_trip;

use std::path::Path;

use crate::document::{self, Document};
use crate::problem::Problem;
use crate::standing::{Complexes, Standing};
use crate::{files, yaml};

/// The documents of the example.
fn example() -> Vec<Document> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("example");
    files::read(&[folder]).unwrap()
}

/// The documents of a text, and what is wrong with the others.
fn read(text: &str) -> (Vec<Document>, Vec<Problem>) {
    let (mut documents, mut problems) = (Vec::new(), Vec::new());
    for node in yaml::documents(text) {
        match document::read(&"site.yaml".into(), node.unwrap()) {
            Ok(document) => documents.push(document),
            Err(wrong) => problems.extend(wrong),
        }
    }
    (documents, problems)
}

fn good(text: &str) -> Vec<Document> {
    let (documents, problems) = read(text);
    assert!(problems.is_empty(), "{problems:?}");
    documents
}

/// The documents as if they stood in the registry, all in one version.
fn standing(documents: &[Document], version: u64) -> Complexes {
    let mut complexes = Complexes::new();
    for document in documents {
        let complex: &mut Standing = complexes.entry(document.complex.clone()).or_default();
        let state = document.entity.clone();
        let entity = domain::registry::Versioned { version, state };
        complex.0.insert(entity.state.key(), entity);
    }
    complexes
}
