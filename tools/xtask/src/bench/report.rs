//! What a benchmark says, as a table and as JSON.

use std::path::PathBuf;

use anyhow::Result;
use comfy_table::{Table, presets};
use serde_json::{Value, json};

use crate::target;

/// One figure.
pub(crate) struct Figure {
    /// What.
    pub name: &'static str,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
    /// The same figure of the reference that ran beside it.
    pub limit: f64,
}

/// A benchmark's result.
pub(crate) struct Report {
    /// The load, in words.
    pub load: String,
    /// The figures.
    pub figures: Vec<Figure>,
}

impl Report {
    /// Prints the table and writes the JSON.
    pub(crate) fn publish(&self, name: &str) -> Result<PathBuf> {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED).set_header([
            "figure",
            "value",
            "unit",
            "reference",
            "ratio_to_limit",
        ]);
        for figure in &self.figures {
            table.add_row([
                figure.name.to_owned(),
                format!("{:.1}", figure.value),
                figure.unit.to_owned(),
                format!("{:.1}", figure.limit),
                format!("{:.2}", figure.value / figure.limit),
            ]);
        }
        println!("{}\n{table}", self.load);
        let path = target().join("bench").join(format!("{name}.json"));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, serde_json::to_string_pretty(&self.json())?)?;
        Ok(path)
    }

    fn json(&self) -> Value {
        let figures: Vec<Value> = self
            .figures
            .iter()
            .map(|figure| {
                json!({
                    "name": figure.name,
                    "value": figure.value,
                    "unit": figure.unit,
                    "limit": figure.limit,
                    "ratio_to_limit": figure.value / figure.limit,
                })
            })
            .collect();
        json!({ "machine": machine(), "load": self.load, "figures": figures })
    }
}

fn machine() -> Value {
    let cpu = std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
    json!({
        "cores": std::thread::available_parallelism().map(usize::from).unwrap_or(0),
        "cpu": cpu,
        "os": std::env::consts::OS,
        "profile": if cfg!(debug_assertions) { "dev" } else { "release" },
    })
}
