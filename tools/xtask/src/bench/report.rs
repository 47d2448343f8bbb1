//! What a benchmark says, as tables and as JSON.

use std::path::PathBuf;

use anyhow::Result;
use comfy_table::{Table, presets};
use serde_json::{Value, json};

use crate::target;

/// One figure, beside the same figure of the reference.
pub(crate) struct Figure {
    name: String,
    unit: &'static str,
    /// What the reference's is divided by, or what it divides.
    better: Better,
    /// Ours and the reference's, round by round.
    rounds: Vec<(f64, f64)>,
}

/// Which way a figure is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    /// A rate.
    More,
    /// A time.
    Less,
}

/// Where a time goes: its parts, which add up to its mean.
pub(crate) struct Split {
    /// Of what, with its unit.
    pub name: String,
    /// Each part, ours and the reference's. None: the reference has no such part.
    pub parts: Vec<(&'static str, f64, Option<f64>)>,
}

/// A benchmark's result.
pub(crate) struct Report {
    /// The load, in words.
    pub load: String,
    /// The figures.
    pub figures: Vec<Figure>,
    /// Where the time goes.
    pub splits: Vec<Split>,
}

impl Figure {
    /// A figure of at least one round, ours and the reference's by turns.
    pub(crate) fn new(
        name: impl Into<String>,
        unit: &'static str,
        better: Better,
        rounds: Vec<(f64, f64)>,
    ) -> Self {
        Self {
            name: name.into(),
            unit,
            better,
            rounds,
        }
    }

    fn ours(&self) -> f64 {
        median(self.rounds.iter().map(|(ours, _)| *ours))
    }

    fn limit(&self) -> f64 {
        median(self.rounds.iter().map(|(_, limit)| *limit))
    }

    /// How much of the limit is reached; 1 is all of it, whichever way is good. The machine's mood
    /// changes from round to round and hits both sides of one alike, so the ratios are taken round by
    /// round.
    fn ratio(&self) -> f64 {
        median(self.rounds.iter().map(|(ours, limit)| match self.better {
            Better::More => ours / limit,
            Better::Less => limit / ours,
        }))
    }
}

/// The middle one; of an even number the upper of the two in the middle.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Report {
    /// Prints the tables and writes the JSON.
    pub(crate) fn publish(&self, name: &str) -> Result<PathBuf> {
        let mut table = table(["figure", "value", "unit", "reference", "ratio_to_limit"]);
        for figure in &self.figures {
            table.add_row([
                figure.name.clone(),
                format!("{:.1}", figure.ours()),
                figure.unit.to_owned(),
                format!("{:.1}", figure.limit()),
                format!("{:.2}", figure.ratio()),
            ]);
        }
        println!("{}\n{table}", self.load);
        for split in &self.splits {
            println!("{split}");
        }
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
                    "value": figure.ours(),
                    "unit": figure.unit,
                    "limit": figure.limit(),
                    "ratio_to_limit": figure.ratio(),
                    "rounds": figure.rounds,
                })
            })
            .collect();
        let splits: Vec<Value> = self
            .splits
            .iter()
            .map(|split| {
                let parts = split.parts.iter().map(
                    |(name, ours, limit)| json!({ "name": name, "value": ours, "limit": limit }),
                );
                json!({ "name": split.name, "parts": parts.collect::<Vec<_>>() })
            })
            .collect();
        json!({
            "machine": machine(),
            "load": self.load,
            "figures": figures,
            "splits": splits,
        })
    }
}

impl std::fmt::Display for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut table = table([self.name.as_str(), "value", "reference"]);
        let limit =
            |limit: Option<f64>| limit.map_or("-".to_owned(), |limit| format!("{limit:.3}"));
        for (name, ours, reference) in &self.parts {
            table.add_row([(*name).to_owned(), format!("{ours:.3}"), limit(*reference)]);
        }
        let sum = self.parts.iter().map(|(_, ours, _)| ours).sum::<f64>();
        let reference = self.parts.iter().filter_map(|(_, _, limit)| *limit).sum();
        table.add_row([
            "in all".to_owned(),
            format!("{sum:.3}"),
            limit(Some(reference)),
        ]);
        write!(f, "{table}")
    }
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_header(header);
    table
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_how_much_of_the_limit_is_reached_whichever_way_is_good() {
        // The second round was on a slow machine: it shifts neither ratio.
        let rates = vec![(80.0, 100.0), (40.0, 50.0), (70.0, 100.0)];
        let rate = Figure::new("opens", "1/s", Better::More, rates);
        assert!((rate.ratio() - 0.8).abs() < 1e-9);
        assert!((rate.ours() - 70.0).abs() < 1e-9);
        let times = vec![(2.0, 1.0), (40.0, 20.0), (2.0, 1.0)];
        let time = Figure::new("p50", "ms", Better::Less, times);
        assert!((time.ratio() - 0.5).abs() < 1e-9);
    }
}
