//! Cedar's answer.

use std::collections::HashMap;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityTypeName, EntityUid, PolicyId, PolicySet,
    PrincipalConstraint, Request, Schema,
};
use domain::vocabulary::{Reason, Verdict};
use jiff::Timestamp;
use oracle::{Ask, World};

use crate::entities::{Site, WEEKDAYS, asker, instant, long, reference, string, uid};

/// A rule that forbids.
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) reason: Reason,
    rank: u32,
}

/// The policy, ready to judge.
pub(crate) struct Judge {
    policies: PolicySet,
    /// The policies that can apply to a principal of each type.
    slices: [(EntityTypeName, PolicySet); 2],
    schema: Schema,
    authorizer: Authorizer,
    rules: Vec<Rule>,
    by_id: HashMap<PolicyId, usize>,
}

/// What the policy says.
pub(crate) struct Answer {
    pub(crate) verdict: Verdict,
    pub(crate) reason: Reason,
    /// The rights that opened.
    pub(crate) opening: Vec<EntityUid>,
    /// Rules, by index, without which a right would have opened.
    pub(crate) alone: Vec<usize>,
}

impl Judge {
    pub(crate) fn new() -> Self {
        let policies: PolicySet = oracle::POLICY.parse().unwrap();
        let (mut rules, mut by_id) = (Vec::new(), HashMap::new());
        for policy in policies.policies() {
            let Some(reason) = policy.annotation("reason") else {
                continue;
            };
            let mut reasons = Reason::ALL.iter();
            by_id.insert(policy.id().clone(), rules.len());
            rules.push(Rule {
                name: policy.annotation("id").unwrap().to_owned(),
                reason: *reasons.find(|known| known.as_str() == reason).unwrap(),
                rank: policy.annotation("rank").unwrap().parse().unwrap(),
            });
        }
        // All but the one that permits.
        assert_eq!(rules.len() + 1, policies.policies().count());
        Self {
            slices: ["Grant", "Pass"].map(|kind| {
                let kind: EntityTypeName = kind.parse().unwrap();
                let slice = slice(&policies, &kind);
                (kind, slice)
            }),
            policies,
            schema: Schema::from_cedarschema_str(oracle::SCHEMA).unwrap().0,
            authorizer: Authorizer::new(),
            rules,
            by_id,
        }
    }

    pub(crate) fn policies(&self) -> &PolicySet {
        &self.policies
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The answer to `ask`, by each right of whoever asks in the device's complex, and by
    /// `others`, which must make no difference. `checked` looks whether the request is of the schema's types.
    pub(crate) fn judge(
        &self,
        world: &World,
        site: &Site,
        ask: &Ask,
        others: &[EntityUid],
        checked: bool,
    ) -> Answer {
        let of = (ask.command.device.complex(), asker(ask.command.asker));
        let context = context(world, ask, &of.1);
        let action = uid("Action", ask.command.operation.as_str());
        let device = uid("Device", ask.command.device.as_str());
        let none = [uid("Grant", "none")];
        let rights = site.of.get(&of).map_or(none.as_slice(), Vec::as_slice);
        let mut answer = Answer {
            verdict: Verdict::Deny,
            reason: Reason::NoGrant,
            opening: Vec::new(),
            alone: Vec::new(),
        };
        let schema = checked.then_some(&self.schema);
        let mut farthest = 0;
        for right in rights.iter().chain(others) {
            let (right_, action, device) = (right.clone(), action.clone(), device.clone());
            let request = Request::new(right_, action, device, context.clone(), schema).unwrap();
            let forbidding = self.forbidding(&request, &site.entities);
            let first = forbidding.iter().map(|index| &self.rules[*index]);
            match first.min_by_key(|rule| rule.rank) {
                None => answer.opening.push(right.clone()),
                Some(rule) if rule.rank > farthest => {
                    (farthest, answer.reason) = (rule.rank, rule.reason);
                }
                Some(_) => {}
            }
            if let [index] = forbidding[..] {
                answer.alone.push(index);
            }
        }
        if !answer.opening.is_empty() {
            (answer.verdict, answer.reason) = (Verdict::Allow, Reason::Granted);
        }
        answer
    }

    /// The rules that forbid.
    fn forbidding(&self, request: &Request, entities: &Entities) -> Vec<usize> {
        let kind = request.principal().unwrap().type_name();
        let mut slices = self.slices.iter();
        let (_, policies) = slices.find(|(of, _)| of == kind).unwrap();
        let response = self.authorizer.is_authorized(request, policies, entities);
        // A rule that can't be evaluated would be passed over.
        let errors: Vec<_> = response.diagnostics().errors().collect();
        assert!(errors.is_empty(), "{errors:?}");
        match response.decision() {
            Decision::Allow => Vec::new(),
            Decision::Deny => {
                let reasons = response.diagnostics().reason();
                let found: Vec<usize> = reasons.map(|id| self.by_id[id]).collect();
                assert!(!found.is_empty(), "denied without a rule");
                found
            }
        }
    }
}

/// `policies` without those that are about another type of principal.
fn slice(policies: &PolicySet, kind: &EntityTypeName) -> PolicySet {
    let policies = policies
        .policies()
        .filter(|policy| match policy.principal_constraint() {
            PrincipalConstraint::Is(of) => of == *kind,
            _ => true,
        });
    PolicySet::from_policies(policies.cloned()).unwrap()
}

fn context(world: &World, ask: &Ask, asker: &str) -> Context {
    let (command, local) = (&ask.command, ask.local);
    let weekday = |days_ago: usize| {
        let today = usize::from(
            local
                .date()
                .weekday()
                .to_monday_zero_offset()
                .unsigned_abs(),
        );
        string(WEEKDAYS[(today + 7 - days_ago) % 7])
    };
    let minute = i64::from(local.hour()) * 60 + i64::from(local.minute());
    let mut pairs = vec![
        ("asker", reference(uid("Asker", asker))),
        (
            "complex",
            reference(uid("Complex", command.complex.as_str())),
        ),
        ("operation", string(command.operation.as_str())),
        ("now", instant(ask.at.now)),
        ("keyTime", instant(command.key_time)),
        ("expiresAt", instant(command.expires_at)),
        ("minute", long(minute)),
        ("today", weekday(0)),
        ("yesterday", weekday(1)),
    ];
    pairs.extend(command.auth_time.map(|at| ("authTime", instant(at))));
    pairs.extend(command.acr.as_ref().map(|acr| ("acr", string(acr))));
    pairs.extend(opened(world, ask).map(|at| ("opened", instant(at))));
    let pairs = pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    Context::from_pairs(pairs).unwrap()
}

/// When another command last may have opened the device.
fn opened(world: &World, ask: &Ask) -> Option<Timestamp> {
    let others = world.history.iter().filter(|past| past.may_have_opened());
    others
        .filter(|past| past.device == ask.command.device && past.command != ask.command.id)
        .map(|past| past.decided_at)
        .max()
}
