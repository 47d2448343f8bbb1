//! One YAML document: one entity of the registry. Here it is read; `tree.rs` writes it.

use std::sync::Arc;

use domain::ComplexId;
use domain::registry::{Change, Entity};

use crate::fields::{Fields, Wrong};
use crate::kinds::{self, Read};
use crate::problem::Problem;
use crate::scalar::word;
use crate::tree;
use crate::yaml::{Node, Value};

/// An entity as a file has it.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// The complex that it belongs to, or `global`.
    pub(crate) complex: ComplexId,
    /// What should stand in the registry.
    pub(crate) entity: Entity,
    file: Arc<str>,
    node: Node,
}

impl Document {
    /// A problem with it, at the field that a dotted path names.
    pub(crate) fn problem(&self, field: &str, what: &str) -> Problem {
        let what = match field {
            "" => what.to_owned(),
            field => format!("{field}: {what}"),
        };
        Problem {
            file: Arc::clone(&self.file),
            at: Some(self.node.at(field)),
            document: self.label(),
            what,
        }
    }

    /// Where it stands: file and line.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.file, self.node.at.line)
    }

    fn label(&self) -> String {
        format!("{} {}", tree::kind(&self.entity), tree::id(&self.entity))
    }
}

/// Every kind, with the field that tells one from another.
const KINDS: [(&str, &str, Read); 10] = [
    ("Complex", "complex_id", kinds::complex),
    ("Device", "device_id", kinds::device),
    ("Partner", "partner_id", kinds::partner),
    ("Perimeter", "partner_id", kinds::perimeter),
    ("Resident", "subject_ref", kinds::resident),
    ("Grant", "grant_id", kinds::grant),
    ("GuestPass", "pass_id", kinds::guest_pass),
    ("Credential", "credential_id", kinds::credential),
    ("Building", "building_id", kinds::building),
    ("Entrance", "entrance_id", kinds::entrance),
];

/// Reads a document of a file.
///
/// # Errors
/// All that is wrong with it.
pub(crate) fn read(file: &Arc<str>, node: Node) -> Result<Document, Vec<Problem>> {
    let mut wrong = Vec::new();
    let mut label = String::new();
    let read = fields_of(&node, &mut wrong, &mut label);
    let checked = read
        .filter(|_| wrong.is_empty())
        .map(|(complex, entity)| Document {
            complex,
            entity,
            file: Arc::clone(file),
            node: node.clone(),
        });
    if let Some(document) = checked {
        return last_word(document).map_err(|problem| vec![problem]);
    }
    let problems = wrong.into_iter().map(|wrong| Problem {
        file: Arc::clone(file),
        at: Some(wrong.at),
        document: label.clone(),
        what: if wrong.field.is_empty() {
            wrong.what
        } else {
            format!("{}: {}", wrong.field, wrong.what)
        },
    });
    Err(problems.collect())
}

/// The service reads a change by the same conversion: what passes here, it can read.
fn last_word(document: Document) -> Result<Document, Problem> {
    let change = Change {
        expected_version: 0,
        entity: document.entity.clone(),
    };
    match records::change_from_wire(&records::change_to_wire(&change)) {
        Ok(read) if read == change => Ok(document),
        Ok(_) => Err(document.problem("", "can't be sent as it is written")),
        Err(error) => {
            let (_, field) = error.0.split_once('.').unwrap_or(("", ""));
            Err(document.problem(field, "is out of range or malformed"))
        }
    }
}

fn fields_of(
    node: &Node,
    wrong: &mut Vec<Wrong>,
    label: &mut String,
) -> Option<(ComplexId, Entity)> {
    let Value::Map(given) = &node.value else {
        wrong.push(Wrong {
            at: node.at,
            field: String::new(),
            what: "expected fields, the first of them `kind`".to_owned(),
        });
        return None;
    };
    let mut fields = Fields::of(node.at, given, wrong);
    let names = KINDS.map(|(kind, ..)| kind);
    let kind = fields.required("kind", word(&names, |kind| kind))?;
    let (_, id_field, read) = KINDS.into_iter().find(|(name, ..)| *name == kind)?;
    let read = read(&mut fields);
    fields.finish();
    *label = kind.to_owned();
    // An id that is none may be anything, and is not repeated.
    let named = given.iter().find(|field| field.name == id_field);
    if let Some(Value::Text(id)) = named.map(|field| &field.value.value)
        && !wrong.iter().any(|wrong| wrong.field == id_field)
    {
        label.push(' ');
        label.push_str(id);
    }
    read
}
