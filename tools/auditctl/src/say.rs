//! What a command has to say when it ends well.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::stop::Stop;

/// Lines for people, and the same for scripts.
#[derive(Debug, Default)]
pub(crate) struct Say {
    lines: Vec<String>,
    json: Value,
}

impl Say {
    /// Both.
    pub(crate) fn new(lines: Vec<String>, json: Value) -> Self {
        Self { lines, json }
    }

    /// To standard output, in the form that was asked for.
    pub(crate) fn print(mut self, json: bool) {
        if !json {
            out(&self.lines.join("\n"));
            return;
        }
        if let Value::Object(map) = &mut self.json {
            map.insert("verdict".to_owned(), json!("proven"));
        }
        if !self.json.is_null() {
            out(&self.json.to_string());
        }
    }
}

impl Stop {
    /// To standard error, and for scripts also to standard output.
    pub(crate) fn print(&self, json: bool) {
        if let Stop::Pruned(said, _) = self
            && !json
        {
            out(&said.lines.join("\n"));
        }
        if json {
            let said = json!({ "verdict": self.verdict(), "why": self.to_string() });
            out(&said.to_string());
        }
        eprintln!("auditctl: {self}");
    }
}

/// Nobody may be listening any more; the exit code tells all the same.
fn out(text: &str) {
    if !text.is_empty() {
        let _ = writeln!(std::io::stdout(), "{text}");
    }
}
