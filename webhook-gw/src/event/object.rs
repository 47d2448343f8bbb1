//! One JSON object of an event, read field by field so that each fault has its exact place.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::fault::{Fault, JsonPointer, RejectReason};

/// A JSON object with its values still raw. Nothing in it has been checked.
#[derive(Debug)]
pub struct Object<'a> {
    /// Pointer to the object within its event.
    at: &'static str,
    fields: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// Reads the object that stands at `at` within its event.
    ///
    /// # Errors
    /// The text is no JSON object.
    pub fn parse(text: &'a str, at: &'static str) -> Result<Self, serde_json::Error> {
        let Fields(fields) = serde_json::from_str(text)?;
        Ok(Self { at, fields })
    }

    /// Refuses fields that aren't among `names`, and fields that stand twice.
    ///
    /// # Errors
    /// [`RejectReason::UndeclaredField`] or [`RejectReason::RepeatedField`].
    pub fn only(&self, names: &[&'static str]) -> Result<(), Fault> {
        let mut seen = vec![false; names.len()];
        for (name, _) in &self.fields {
            let Some(index) = names.iter().position(|declared| declared == name) else {
                let path = JsonPointer::undeclared(self.at, name);
                return Err(Fault {
                    reason: RejectReason::UndeclaredField,
                    path,
                });
            };
            if std::mem::replace(&mut seen[index], true) {
                return Err(self.fault(RejectReason::RepeatedField, names[index]));
            }
        }
        Ok(())
    }

    /// The raw value of a field.
    pub fn raw(&self, name: &'static str) -> Option<&'a RawValue> {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| *value)
    }

    /// A field of any type that serde can read; `Option` also reads `null`.
    ///
    /// # Errors
    /// [`RejectReason::MissingField`] or [`RejectReason::InvalidField`].
    pub fn value<T: Deserialize<'a>>(&self, name: &'static str) -> Result<T, Fault> {
        let raw = self
            .raw(name)
            .ok_or_else(|| self.fault(RejectReason::MissingField, name))?;
        serde_json::from_str(raw.get()).map_err(|_| self.invalid(name))
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// As [`Object::value`].
    pub fn text(&self, name: &'static str) -> Result<Cow<'a, str>, Fault> {
        self.value(name).map(|Text(text)| text)
    }

    /// A text of a certain form.
    ///
    /// # Errors
    /// As [`Object::value`].
    pub fn parse_text<T: FromStr>(&self, name: &'static str) -> Result<T, Fault> {
        self.text(name)?.parse().map_err(|_| self.invalid(name))
    }

    /// A text of a certain form, or nothing; `null` is not nothing.
    ///
    /// # Errors
    /// As [`Object::value`].
    pub fn optional_text<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, Fault> {
        match self.raw(name) {
            Some(_) => self.parse_text(name).map(Some),
            None => Ok(None),
        }
    }

    /// A word of a closed vocabulary.
    ///
    /// # Errors
    /// As [`Object::value`].
    pub fn word<T: Copy>(&self, name: &'static str, words: &[(&str, T)]) -> Result<T, Fault> {
        let text = self.text(name)?;
        let known = words.iter().find(|(word, _)| *word == text);
        known
            .map(|(_, meaning)| *meaning)
            .ok_or_else(|| self.invalid(name))
    }

    /// A fault of the declared field `name`.
    pub fn fault(&self, reason: RejectReason, name: &'static str) -> Fault {
        Fault::at(reason, self.at, name)
    }

    /// The field `name` isn't as the contract says.
    pub fn invalid(&self, name: &'static str) -> Fault {
        self.fault(RejectReason::InvalidField, name)
    }
}

/// A JSON string, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some((Text(name), value)) = map.next_entry()? {
                    fields.push((name, value));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn faults(text: &str) -> String {
        let object = Object::parse(text, "/data").unwrap();
        object.only(&["id", "count"]).unwrap_err().to_string()
    }

    #[test]
    fn undeclared_and_repeated_fields_are_found_however_they_are_spelt() {
        assert_eq!(
            faults(r#"{"id":1,"owner":"x"}"#),
            "undeclared_field at `/data/owner`"
        );
        assert_eq!(
            faults(r#"{"id":1,"ID":2}"#),
            "undeclared_field at `/data/ID`"
        );
        assert_eq!(
            faults(r#"{"id":1,"\u0069d":2}"#),
            "repeated_field at `/data/id`"
        );
        let good = Object::parse(r#"{"\u0069d":1}"#, "").unwrap();
        assert_eq!(good.only(&["id"]), Ok(()));
        assert_eq!(good.value::<u8>("id"), Ok(1));
    }

    #[test]
    fn each_fault_names_its_field() {
        let object = Object::parse(r#"{"id":null,"count":-1}"#, "").unwrap();
        let told = |fault: Fault| fault.to_string();
        assert_eq!(
            object.text("name").map_err(told),
            Err("missing_field at `/name`".into())
        );
        assert_eq!(
            object.text("id").map_err(told),
            Err("invalid_field at `/id`".into())
        );
        assert_eq!(
            object.value::<u64>("count").map_err(told),
            Err("invalid_field at `/count`".into())
        );
        assert_eq!(object.value::<Option<u64>>("id"), Ok(None));
        assert!(
            object.optional_text::<String>("id").is_err(),
            "null is not absent"
        );
        assert_eq!(object.optional_text::<String>("name"), Ok(None));
    }

    #[test]
    fn only_objects_are_objects() {
        for text in [
            "",
            "[]",
            "1",
            "\"x\"",
            "null",
            "{",
            r#"{"a":1}x"#,
            r#"{"a":}"#,
        ] {
            assert!(Object::parse(text, "").is_err(), "{text}");
        }
    }
}
