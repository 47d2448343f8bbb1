//! YAML as a tree in which everything knows its line and column.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

/// A place in a file, line and column counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) line: u64,
    pub(crate) column: u64,
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) at: At,
    pub(crate) value: Value,
}

/// What YAML can hold, as far as a document may.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Fraction,
    Text(String),
    List(Vec<Node>),
    Map(Vec<Field>),
}

/// A key with its value.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) at: At,
    pub(crate) value: Node,
}

/// Text that is no YAML.
#[derive(Debug)]
pub(crate) struct Malformed {
    pub(crate) at: At,
    pub(crate) what: String,
}

/// The documents of a file; those of a list count one by one, so that a JSON array will do. After
/// one that is no YAML at all nothing more is read.
pub(crate) fn documents(text: &str) -> Vec<Result<Node, Malformed>> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        strict_booleans: true,
        budget: serde_saphyr::budget! { max_documents: 100_000 },
    };
    let mut text = text.as_bytes();
    let mut documents = Vec::new();
    for document in serde_saphyr::read_with_options::<_, Node>(&mut text, options) {
        match document {
            Ok(Node {
                value: Value::List(items),
                ..
            }) => documents.extend(items.into_iter().map(Ok)),
            Ok(node) => documents.push(Ok(node)),
            Err(error) => documents.push(Err(malformed(&error))),
        }
    }
    documents
}

fn malformed(error: &serde_saphyr::Error) -> Malformed {
    let at = At::from(error.location().unwrap_or(Location::UNKNOWN));
    let what = error.to_string();
    let place = format!(" at line {}, column {}", at.line, at.column);
    Malformed {
        at,
        what: what.replace(&place, ""),
    }
}

impl Node {
    /// The value under a dotted path, as far as the path goes.
    pub(crate) fn at(&self, path: &str) -> At {
        let mut node = self;
        for name in path.split('.') {
            let Value::Map(fields) = &node.value else {
                break;
            };
            match fields.iter().find(|field| field.name == name) {
                Some(field) => node = &field.value,
                None => break,
            }
        }
        node.at
    }
}

impl From<Location> for At {
    fn from(location: Location) -> Self {
        Self {
            line: location.line(),
            column: location.column(),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self {
            at: spanned.referenced.into(),
            value: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a whole number, true, false, a list or fields")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        let value = i64::try_from(value).map_err(|_| E::custom("the number is too large"))?;
        Ok(Value::Integer(value))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Fraction)
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut fields: Vec<Field> = Vec::new();
        while let Some((name, value)) = entries.next_entry::<Spanned<String>, Node>()? {
            if fields.iter().any(|field| field.name == name.value) {
                return Err(A::Error::custom("the same field twice"));
            }
            fields.push(Field {
                at: name.referenced.into(),
                name: name.value,
                value,
            });
        }
        Ok(Value::Map(fields))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn everything_knows_its_place() {
        let text = "# first\n---\nname: ЖК\nwindow:\n  weekdays: [1, 5]\n---\n- x: 1\n";
        let documents: Vec<Node> = documents(text).into_iter().map(Result::unwrap).collect();
        assert_eq!(documents.len(), 2);
        let place = |path| {
            let at = documents[0].at(path);
            (at.line, at.column)
        };
        assert_eq!(place("name"), (3, 7));
        assert_eq!(place("window.weekdays"), (5, 13));
        assert_eq!(place("window.nothing"), (5, 3));
        let Value::Map(fields) = &documents[1].value else {
            panic!("{documents:?}");
        };
        assert_eq!(fields[0].at, At { line: 7, column: 3 });
    }

    #[test]
    fn what_is_no_yaml_is_placed_and_what_stands_before_it_is_read() {
        let found = documents("a: 1\n---\nb: [1, 2\nc: 3\n");
        assert!(found[0].is_ok());
        let wrong = found[1].as_ref().unwrap_err();
        assert!((3..=5).contains(&wrong.at.line), "{wrong:?}");
        assert!(!wrong.what.contains("line"), "{wrong:?}");
    }

    #[test]
    fn a_field_twice_is_wrong_and_the_next_document_is_read() {
        let found = documents("a: 1\na: 2\n---\nb: 1\n");
        assert_eq!(found[0].as_ref().unwrap_err().at.line, 2);
        assert!(found[1].is_ok());
    }

    #[test]
    fn a_large_complex_fits_in_one_file() {
        let text = "kind: Resident\nactive: true\n---\n".repeat(2_000);
        assert_eq!(
            documents(&text).iter().filter(|one| one.is_ok()).count(),
            2_000
        );
    }
}
