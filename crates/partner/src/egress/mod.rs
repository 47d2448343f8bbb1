//! What leaves to a partner, and that nothing else does.
//!
//! [`LEDGER`] declares every field of every call. A request becomes an `Outgoing` only when each
//! of its path segments, query parameters, headers, and members of its body is declared for its
//! call; and only an `Outgoing` can be sent. `docs/data-flow.md` is the same table for people.

mod call;
mod ledger;
mod tally;

use reqwest::Request;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

pub use call::Call;
pub use ledger::{Basis, Field, Held, LEDGER, Place};
pub(crate) use tally::Tally;
pub use tally::{Sent, SentCall};

/// A request of which every field is declared.
pub(crate) struct Outgoing {
    request: Request,
    /// Rows of the ledger, by index.
    rows: Vec<usize>,
}

/// A field that no row of the ledger declares. Names the place and the member, never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} `{name}` of {call} is not declared; declare it in the egress ledger, or drop it")]
pub struct Undeclared {
    call: Call,
    place: Place,
    name: String,
}

impl Outgoing {
    /// Looks at everything in `request`.
    ///
    /// # Errors
    /// [`Undeclared`]: it must not be sent.
    pub(crate) fn declared(call: Call, request: Request) -> Result<Self, Undeclared> {
        let mut seen = Seen {
            call,
            rows: Vec::new(),
        };
        seen.url(&request)?;
        for name in request.headers().keys() {
            seen.take(Place::Header, name.as_str())?;
        }
        if let Some(body) = request.body() {
            let content = request.headers().get(CONTENT_TYPE);
            let content = content.and_then(|value| value.to_str().ok());
            seen.body(content, body.as_bytes())?;
        }
        Ok(Self {
            request,
            rows: seen.rows,
        })
    }

    /// The request, and what it holds: rows of the ledger, by index.
    pub(crate) fn into_parts(self) -> (Request, Vec<usize>) {
        (self.request, self.rows)
    }
}

/// Whether every member of `body` is declared for `call`: for answers to a partner's own calls,
/// which are not sent from here.
///
/// # Errors
/// [`Undeclared`], the first.
pub fn check_body(call: Call, body: &Value) -> Result<(), Undeclared> {
    let rows = Vec::new();
    Seen { call, rows }.json(body, String::new())
}

/// What was found so far.
struct Seen {
    call: Call,
    /// Rows of the ledger, by index.
    rows: Vec<usize>,
}

impl Seen {
    fn undeclared(&self, place: Place, name: impl Into<String>) -> Undeclared {
        Undeclared {
            call: self.call,
            place,
            name: name.into(),
        }
    }

    fn take(&mut self, place: Place, name: &str) -> Result<(), Undeclared> {
        let mut rows = LEDGER.iter();
        let row = rows.position(|field| field.is(self.call, place, name));
        let row = row.ok_or_else(|| self.undeclared(place, name))?;
        self.rows.push(row);
        Ok(())
    }

    /// The path is the call's own, and its parameters are declared.
    fn url(&mut self, request: &Request) -> Result<(), Undeclared> {
        // An address that the partner itself told holds nothing of ours.
        let Some(template) = self.call.path() else {
            return Ok(());
        };
        let url = request.url();
        let segments: Vec<&str> = url.path_segments().into_iter().flatten().collect();
        if segments.len() != template.len() {
            return Err(self.undeclared(Place::Path, "/"));
        }
        for (segment, expected) in segments.iter().zip(template) {
            match expected.strip_prefix(':') {
                Some(parameter) => self.take(Place::Path, parameter)?,
                None if segment == expected => {}
                None => return Err(self.undeclared(Place::Path, "/")),
            }
        }
        for (name, _) in url.query_pairs() {
            self.take(Place::Query, &name)?;
        }
        match url.fragment() {
            Some(_) => Err(self.undeclared(Place::Path, "#")),
            None => Ok(()),
        }
    }

    /// A body that can't be looked through is not declared.
    fn body(&mut self, content: Option<&str>, body: Option<&[u8]>) -> Result<(), Undeclared> {
        let whole = |seen: &Self| seen.undeclared(Place::Body, "");
        match (content, body) {
            (_, Some([])) => Ok(()),
            (Some("application/json"), Some(body)) => {
                let body = serde_json::from_slice(body).map_err(|_| whole(self))?;
                self.json(&body, String::new())
            }
            (Some("application/x-www-form-urlencoded"), Some(body)) => {
                for (name, _) in url::form_urlencoded::parse(body) {
                    self.take(Place::Form, &name)?;
                }
                Ok(())
            }
            _ => Err(whole(self)),
        }
    }

    /// Every member, by its path: `tokens[].token`.
    fn json(&mut self, value: &Value, path: String) -> Result<(), Undeclared> {
        match value {
            Value::Object(members) if !members.is_empty() => {
                let dot = if path.is_empty() { "" } else { "." };
                for (name, value) in members {
                    self.json(value, format!("{path}{dot}{name}"))?;
                }
                Ok(())
            }
            Value::Array(items) if !items.is_empty() => {
                for item in items {
                    self.json(item, format!("{path}[]"))?;
                }
                Ok(())
            }
            // Nothing is in it that could be declared, but what could be there is.
            Value::Object(_) => self.container(&path, "."),
            Value::Array(_) => self.container(&path, "[]"),
            _ => self.take(Place::Body, &path),
        }
    }

    fn container(&self, path: &str, joint: &str) -> Result<(), Undeclared> {
        let inside = |field: &Field| {
            let rest = field.name.strip_prefix(path);
            field.calls.contains(&self.call)
                && field.place == Place::Body
                && (path.is_empty() || rest.is_some_and(|rest| rest.starts_with(joint)))
        };
        if LEDGER.iter().any(inside) {
            Ok(())
        } else {
            Err(self.undeclared(Place::Body, path))
        }
    }
}

#[cfg(test)]
mod tests;
