//! What the design consists of; each part can be taken away.

macro_rules! ingredients {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The parts of the design. All are there, unless a test takes one away.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Ingredients {
            $($(#[$doc])* pub $name: bool,)*
        }

        impl Ingredients {
            /// As designed.
            pub const DESIGNED: Self = Self { $($name: true,)* };

            /// The names of what is missing.
            pub fn missing(&self) -> Vec<&'static str> {
                let mut missing = Vec::new();
                $(if !self.$name { missing.push(stringify!($name)); })*
                missing
            }
        }
    };
}

ingredients! {
    /// An instance acts only after it has read its own record back and judged the claim there.
    read_back,
    /// Who reads back that another record stands first follows it, and doesn't act.
    losers_follow,
    /// A denial claims the command too.
    denials_claim,
    /// The winner decides again on the state folded up to its own record.
    second_decision,
    /// An append whose result is unknown is never acted on.
    acknowledged_before_acting,
    /// Decisions are made only while the tails are fresh.
    fresh_tails,
    /// An instance forgets by the time of what it has read, not ahead of it.
    forgets_as_read,
    /// A key older than the window is refused.
    key_age_limit,
    /// A decision appended after key time + window + leeway is void.
    late_appends_void,
    /// The clock is looked at just before the call.
    expiry_check,
    /// An open is sent once, in the run of the process that won the claim.
    sent_once,
    /// A use of a limited pass is asked for before the call.
    use_before_call,
    /// The log's order says who got a use: the request for it is read back.
    use_read_back,
    /// A use asked for after key time + window + leeway is void.
    late_uses_void,
    /// The reconciler gives uses back, whoever was to open.
    reconciler_returns,
    /// Where the answer stays away, NOT_EXECUTED is written only after the fence.
    fence_on_doubt,
    /// A bare 404 proves nothing.
    bare_404_is_doubt,
    /// The reconciler asks the fence before it writes.
    reconciler_fences,
    /// The reconciler leaves a command to its winner until it has expired.
    reconciler_waits,
    /// The reconciler stops after 24 hours, before the partner forgets.
    reconciler_gives_up,
    /// The reconciler commits nothing beyond the lowest command that is open.
    commit_below_open,
    /// The reconciler commits nothing that is young enough to have duplicates.
    commit_not_young,
    /// UNKNOWN is provisional: the command stays open.
    unknown_provisional,
    /// The first definite completion rules, not the last.
    first_definite_rules,
    /// The partner refuses what has expired.
    partner_refuses_expired,
    /// The partner remembers the ids that it answered.
    partner_remembers_answered,
    /// The partner remembers a fence for an id that it had never seen.
    partner_remembers_unseen,
    /// The partner remembers for longer than anybody asks.
    partner_memory_lasts,
}
