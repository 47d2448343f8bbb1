//! What the test runners said.

use std::collections::BTreeMap;

/// Adapters of the event log: each runs all cases of its contract, named `adapter::case`.
const LOGS: [&str; 3] = ["memory", "sqlite", "kafka"];
/// A run of the view store's contract ends with this and the adapter's name.
const VIEWS: &str = "view_store_contract_on_";

/// Sums over all passes.
#[derive(Default)]
pub(super) struct Count {
    passed: u64,
    failed: u64,
    skipped: u64,
    /// Contract cases passed, by port and adapter.
    contracts: BTreeMap<(&'static str, String), u64>,
}

impl Count {
    /// Reads a line, such as `test result: ok. 5 passed; 0 failed; 1 ignored; …`, or
    /// `test kafka::a_tail_reads_back ... ok`.
    pub(super) fn read(&mut self, line: &str) {
        if let Some(case) = line.strip_prefix("test ") {
            self.case(case);
        }
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for part in counts.split("; ") {
            let mut words = part.split_whitespace();
            let number = words
                .next()
                .and_then(|word| word.parse::<u64>().ok())
                .unwrap_or(0);
            match words.next() {
                Some("passed") => self.passed += number,
                Some("failed") => self.failed += number,
                Some("ignored") => self.skipped += number,
                _ => {}
            }
        }
    }

    fn case(&mut self, line: &str) {
        let Some((name, "ok")) = line
            .split_once("...")
            .map(|(name, end)| (name.trim(), end.trim()))
        else {
            return;
        };
        let log = name
            .split_once("::")
            .filter(|(adapter, rest)| LOGS.contains(adapter) && !rest.contains("::"));
        let contract = match (log, name.split_once(VIEWS)) {
            (Some((adapter, _)), _) => ("event log", adapter),
            (None, Some((_, adapter))) => ("view store", adapter),
            (None, None) => return,
        };
        *self
            .contracts
            .entry((contract.0, contract.1.to_owned()))
            .or_default() += 1;
    }

    /// A pass has ended. A test binary that died, or doctests that did not build, print no count.
    pub(super) fn ended(&mut self, well: bool) {
        if !well && self.failed == 0 {
            self.failed = 1;
        }
    }

    /// Whether nothing failed.
    pub(super) fn is_good(&self) -> bool {
        self.failed == 0
    }

    /// Says which adapters the contracts ran on, and the sums.
    pub(super) fn print(&self) {
        for ((port, adapter), cases) in &self.contracts {
            println!("contract of the {port} on {adapter}: {cases} passed");
        }
        println!(
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up() {
        let mut count = Count::default();
        count.read("test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        count.read("test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        count.read("something else 9 passed");
        count.ended(false);
        assert_eq!((count.passed, count.failed, count.skipped), (7, 3, 1));
        assert!(!count.is_good());
    }

    #[test]
    fn a_pass_that_ends_badly_without_a_count_is_a_failure() {
        let mut count = Count::default();
        count.ended(false);
        assert!(!count.is_good());
    }

    #[test]
    fn contracts_are_counted_by_adapter() {
        let mut count = Count::default();
        for line in [
            "test memory::order    ... ok",
            "test kafka::order ... ok",
            "test kafka::crash ... FAILED",
            "test kafka::tests::inner ... ok",
            "test cassandra::behaviour::view_store_contract_on_cassandra ... ok",
        ] {
            count.read(line);
        }
        let cases = |port, adapter: &str| count.contracts.get(&(port, adapter.to_owned()));
        assert_eq!(cases("event log", "memory"), Some(&1));
        assert_eq!(cases("event log", "kafka"), Some(&1));
        assert_eq!(cases("view store", "cassandra"), Some(&1));
        assert_eq!(count.contracts.len(), 3);
    }
}
