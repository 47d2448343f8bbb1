//! Reads the fields of one document. Whatever is wrong is noted and reading goes on, so that all
//! of it is told at once.

use crate::yaml::{At, Field, Node, Value};

/// Something wrong with a field.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) at: At,
    /// Dotted path; empty for the document itself.
    pub(crate) field: String,
    /// What was expected.
    pub(crate) what: String,
}

/// The fields of a document or of a section of it. Every method gives nothing where it has noted
/// something.
pub(crate) struct Fields<'a> {
    at: At,
    section: &'static str,
    given: &'a [Field],
    asked: Vec<&'static str>,
    wrong: &'a mut Vec<Wrong>,
}

impl<'a> Fields<'a> {
    /// Of a whole document.
    pub(crate) fn of(at: At, given: &'a [Field], wrong: &'a mut Vec<Wrong>) -> Self {
        Self {
            at,
            section: "",
            given,
            asked: Vec::new(),
            wrong,
        }
    }

    /// A field that must be there.
    pub(crate) fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&Node) -> Result<T, String>,
    ) -> Option<T> {
        let missing = self.take(name).is_none();
        if missing {
            self.note(self.at, name, "is missing".to_owned());
            return None;
        }
        self.optional(name, read)?
    }

    /// A field that may be left out.
    pub(crate) fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&Node) -> Result<T, String>,
    ) -> Option<Option<T>> {
        let Some(node) = self.take(name) else {
            return Some(None);
        };
        match read(node) {
            Ok(value) => Some(Some(value)),
            Err(what) => {
                self.note(node.at, name, what);
                None
            }
        }
    }

    /// A list without repetitions; left out is empty.
    pub(crate) fn list<T: PartialEq>(
        &mut self,
        name: &'static str,
        read: impl Fn(&Node) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let Some(node) = self.take(name) else {
            return Some(Vec::new());
        };
        let Value::List(items) = &node.value else {
            self.note(node.at, name, "expected a list".to_owned());
            return None;
        };
        let (mut list, mut all) = (Vec::new(), true);
        for item in items {
            let what = match read(item) {
                Ok(value) if !list.contains(&value) => {
                    list.push(value);
                    continue;
                }
                Ok(_) => "stands in the list twice".to_owned(),
                Err(what) => what,
            };
            self.note(item.at, name, what);
            all = false;
        }
        all.then_some(list)
    }

    /// Fields of their own under a name.
    pub(crate) fn section<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<Option<T>> {
        let Some(node) = self.take(name) else {
            return Some(None);
        };
        let Value::Map(given) = &node.value else {
            self.note(node.at, name, "expected fields".to_owned());
            return None;
        };
        let mut fields = Fields {
            at: node.at,
            section: name,
            given,
            asked: Vec::new(),
            wrong: self.wrong,
        };
        let value = read(&mut fields);
        fields.finish();
        value.map(Some)
    }

    /// Notes something that only several fields together show.
    pub(crate) fn note_at(&mut self, name: &'static str, what: &str) {
        let at = self.take(name).map_or(self.at, |node| node.at);
        self.note(at, name, what.to_owned());
    }

    /// Notes every field that nobody has asked for.
    pub(crate) fn finish(mut self) {
        for field in self.given {
            if !self.asked.contains(&field.name.as_str()) {
                let mut known = self.asked.clone();
                known.sort_unstable();
                known.dedup();
                let what = format!("there is no such field, but {}", known.join(", "));
                self.note(field.at, &field.name, what);
            }
        }
    }

    /// What stands under a name; `null` is nothing.
    fn take(&mut self, name: &'static str) -> Option<&'a Node> {
        self.asked.push(name);
        let field = self.given.iter().find(|field| field.name == name)?;
        (!matches!(field.value.value, Value::Null)).then_some(&field.value)
    }

    fn note(&mut self, at: At, name: &str, what: String) {
        let field = match self.section {
            "" => name.to_owned(),
            section => format!("{section}.{name}"),
        };
        self.wrong.push(Wrong { at, field, what });
    }
}
