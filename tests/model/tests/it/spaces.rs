//! The bounded spaces that are explored.

use model::scenario::{EXPIRED, FORGOTTEN, FRESH, KEY_OLD, Request, Scenario, VOID};

const fn request(command: u8, instance: u8) -> Request {
    Request { command, instance }
}

/// Duplicates at two instances at any time, one of them twice; some faults and a crash.
pub(crate) const DUPLICATES: Scenario = Scenario {
    name: "duplicates at two instances",
    requests: &[request(0, 0), request(0, 1)],
    faults: 1,
    crashes: 1,
    hand_overs: 0,
    outage: false,
    clock_behind: true,
    cooldown: false,
    revocation: false,
    pass: false,
    delays: true,
    slow: false,
    phases: &[FRESH, EXPIRED, KEY_OLD, VOID, FORGOTTEN],
    rejections: false,
    last_request: FORGOTTEN,
};

/// One request and much that goes wrong.
pub(crate) const FAULTS: Scenario = Scenario {
    name: "one request, many faults",
    requests: &[request(0, 0)],
    faults: 3,
    crashes: 1,
    hand_overs: 1,
    outage: true,
    clock_behind: true,
    rejections: true,
    slow: true,
    last_request: VOID,
    ..DUPLICATES
};

/// Two commands for a device with a cooldown.
pub(crate) const COOLDOWN: Scenario = Scenario {
    name: "two commands within a cooldown",
    requests: &[request(0, 0), request(1, 1)],
    crashes: 0,
    clock_behind: false,
    cooldown: true,
    delays: false,
    phases: &[FRESH, VOID],
    last_request: FRESH,
    ..DUPLICATES
};

/// Duplicates while the grant is revoked.
pub(crate) const REVOCATION: Scenario = Scenario {
    name: "duplicates and a revocation",
    crashes: 0,
    clock_behind: false,
    revocation: true,
    phases: &[FRESH, EXPIRED, VOID],
    last_request: EXPIRED,
    ..DUPLICATES
};

/// Two commands by one pass with a single use.
pub(crate) const PASS: Scenario = Scenario {
    name: "two commands by a pass with one use",
    requests: &[request(0, 0), request(1, 1)],
    clock_behind: false,
    pass: true,
    delays: false,
    crashes: 0,
    phases: &[FRESH, EXPIRED, VOID],
    last_request: FRESH,
    ..DUPLICATES
};
