//! How often each answer and each rule was met: what never happens shows nothing.

use std::collections::BTreeMap;
use std::fmt;

use domain::vocabulary::{Reason, Verdict};

use crate::judge::{Answer, Judge};

/// One in how many questions each reason is, at least.
const REASON_ONE_IN: u64 = 1_000;
/// One in how many questions each rule alone decides, at least.
const RULE_ONE_IN: u64 = 20_000;
/// Percent of questions that are allowed, at least and at most.
const ALLOWED: (u64, u64) = (10, 60);

/// Counts.
#[derive(Default)]
pub(crate) struct Coverage {
    cases: u64,
    /// Questions by reason.
    reasons: BTreeMap<Reason, u64>,
    /// Rules by name: how often one alone stood between a right and the device.
    alone: BTreeMap<String, u64>,
}

impl Coverage {
    /// Nothing yet.
    pub(crate) fn of(judge: &Judge) -> Self {
        let decided = Reason::ALL.iter().filter(|reason| is_decided(**reason));
        let rules = judge.rules().iter();
        Self {
            cases: 0,
            reasons: decided.map(|reason| (*reason, 0)).collect(),
            alone: rules
                .map(|rule| (format!("{}: {}", rule.reason, rule.name), 0))
                .collect(),
        }
    }

    pub(crate) fn cases(&self) -> u64 {
        self.cases
    }

    pub(crate) fn count(&mut self, judge: &Judge, answer: &Answer) {
        self.cases += 1;
        *self.reasons.entry(answer.reason).or_default() += 1;
        for index in &answer.alone {
            let rule = &judge.rules()[*index];
            let name = format!("{}: {}", rule.reason, rule.name);
            *self.alone.entry(name).or_default() += 1;
        }
    }

    pub(crate) fn add(&mut self, other: Coverage) {
        self.cases += other.cases;
        for (reason, count) in other.reasons {
            *self.reasons.entry(reason).or_default() += count;
        }
        for (rule, count) in other.alone {
            *self.alone.entry(rule).or_default() += count;
        }
    }

    /// What was met too rarely.
    pub(crate) fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        for (reason, count) in &self.reasons {
            if *count < self.cases / REASON_ONE_IN {
                gaps.push(format!("{reason}: {count}"));
            }
        }
        for (rule, count) in &self.alone {
            if *count < self.cases / RULE_ONE_IN {
                gaps.push(format!("{rule}: {count}"));
            }
        }
        let allowed = self.reasons.get(&Reason::Granted).copied().unwrap_or(0);
        let percent = allowed * 100 / self.cases.max(1);
        if self.cases > REASON_ONE_IN && !(ALLOWED.0..=ALLOWED.1).contains(&percent) {
            gaps.push(format!("{}: {percent} %", Verdict::Allow));
        }
        gaps
    }
}

/// Whether a decision can have this reason; the others are of completions, or say that no
/// decision was made.
fn is_decided(reason: Reason) -> bool {
    match reason {
        Reason::Granted
        | Reason::NoGrant
        | Reason::GrantRevoked
        | Reason::OutsideWindow
        | Reason::UsesExhausted
        | Reason::DeviceDisabled
        | Reason::OutOfPerimeter
        | Reason::OperationNotAllowed
        | Reason::PartnerSuspended
        | Reason::StepUpRequired
        | Reason::CommandExpired
        | Reason::Cooldown => true,
        Reason::RegistryStale
        | Reason::PartnerExecuted
        | Reason::PartnerRejected
        | Reason::PartnerOverloaded
        | Reason::PartnerReported
        | Reason::DeviceOffline
        | Reason::PartnerUnreachable
        | Reason::PartnerSilent
        | Reason::PartnerUnintelligible
        | Reason::Fenced => false,
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |count: u64| count as f64 * 100.0 / self.cases.max(1) as f64;
        writeln!(f, "reason, questions:")?;
        for (reason, count) in &self.reasons {
            let percent = percent(*count);
            writeln!(f, "  {:<20} {count:>9} {percent:>6.2} %", reason.as_str())?;
        }
        writeln!(f, "rule, how often it alone forbade:")?;
        for (rule, count) in &self.alone {
            writeln!(f, "  {rule:<64} {count:>9} {:>6.2} %", percent(*count))?;
        }
        Ok(())
    }
}
