//! What a service says of its own work: the sums of its histograms.

use anyhow::Result;
use reqwest::Client;

/// Histograms that both sides have, or ours alone, and a label that must be among theirs.
const HISTOGRAMS: [(&str, &str); 6] = [
    ("grpc_request_seconds", "method=\"Open\""),
    ("claim_seconds", ""),
    ("read_back_seconds", ""),
    ("append_seconds", "type=\"smarthome.access.decided.v1\""),
    ("append_seconds", "type=\"smarthome.command.completed.v1\""),
    ("partner_request_seconds", "call=\"open\""),
];

/// Seconds spent on each, in all requests so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Timers {
    /// In the handler of the call.
    pub(super) handler: f64,
    /// From the decision to having won the claim.
    pub(super) claim: f64,
    /// Of that, from the record's acknowledgement on.
    pub(super) read_back: f64,
    /// Of that, the append itself.
    pub(super) decided: f64,
    /// The second append.
    pub(super) completed: f64,
    /// The call.
    pub(super) partner: f64,
}

impl Timers {
    /// Asks a service at its admin address.
    ///
    /// # Errors
    /// It doesn't answer.
    pub(super) async fn ask(http: &Client, admin: &str) -> Result<Self> {
        let answer = http.get(format!("{admin}/metrics")).send().await?;
        let text = answer.error_for_status()?.text().await?;
        let [handler, claim, read_back, decided, completed, partner] =
            HISTOGRAMS.map(|(name, label)| sum(&text, name, label));
        Ok(Self {
            handler,
            claim,
            read_back,
            decided,
            completed,
            partner,
        })
    }

    /// What came on top of an earlier answer.
    pub(super) fn since(self, earlier: Self) -> Self {
        self.with(earlier, |now, then| now - then)
    }

    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        self.with(other, |one, other| one + other)
    }

    fn with(self, other: Self, sum: fn(f64, f64) -> f64) -> Self {
        Self {
            handler: sum(self.handler, other.handler),
            claim: sum(self.claim, other.claim),
            read_back: sum(self.read_back, other.read_back),
            decided: sum(self.decided, other.decided),
            completed: sum(self.completed, other.completed),
            partner: sum(self.partner, other.partner),
        }
    }
}

/// Adds the sums of the histograms of this name that have this label, in Prometheus' text format.
fn sum(text: &str, name: &str, label: &str) -> f64 {
    let sums = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?.strip_prefix("_sum")?;
        let (labels, value) = rest.rsplit_once(' ')?;
        labels.contains(label).then(|| value.parse::<f64>().ok())?
    });
    sums.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_told_apart_by_name_and_label() {
        let text = "# TYPE append_seconds histogram\n\
                    append_seconds_bucket{type=\"a\",le=\"0.5\"} 9\n\
                    append_seconds_sum{type=\"a\"} 1.5\n\
                    append_seconds_count{type=\"a\"} 9\n\
                    append_seconds_sum{type=\"b\"} 4\n\
                    claim_seconds_sum 0.25\n";
        let near = |sum: f64, value: f64| (sum - value).abs() < 1e-9;
        assert!(near(sum(text, "append_seconds", "type=\"a\""), 1.5));
        assert!(near(sum(text, "append_seconds", ""), 5.5));
        assert!(near(sum(text, "claim_seconds", ""), 0.25));
        assert!(near(sum(text, "claim", ""), 0.0));
    }
}
