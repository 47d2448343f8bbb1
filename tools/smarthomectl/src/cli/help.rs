//! What `--help` says below the options.

pub(super) const HELP: &str = r#"Example:
  A configuration, in ~/.config/smarthomectl/config.toml (relative paths start at its folder;
  SMARTHOMECTL__ENDPOINT and the like override single keys):

    endpoint = "https://registry.example:8443"
    token_file = "token"    # an access token of role `operator` for these complexes; chmod 600
    [login]                 # where `smarthomectl login` gets it
    issuer = "https://login.example"
    client_id = "smarthomectl"
    [tls]
    certificate = "operator.crt"
    private_key = "operator.key"
    server_roots = "roots.crt"

  A document, in sunrise.yaml (several in one file are separated by ---):

    kind: Device
    device_id: sunrise.north-gate
    name: North gate
    type: BARRIER
    operations: [OPEN_BARRIER]
    partner_id: gatekeeper
    enabled: true

  smarthomectl login
  smarthomectl apply -f sunrise.yaml --dry-run
  smarthomectl apply -f sunrise.yaml --note "the north gate is in service"
  smarthomectl get sunrise > sunrise.yaml

Exit codes:
  0  done, or nothing to do; of a dry run, whatever it shows
  1  refused or failed
  2  wrong usage, configuration or files; nothing was changed"#;

pub(super) const DOCUMENTS: &str = r#"Documents, with what each must have; the rest may be left out:
  Complex     complex_id, name, time_zone (IANA); face_basis (type, document_date): the ground on
              which faces may be processed there; without it they may not, and left out it is
              withdrawn: every face is taken from the partners
  Device      device_id, name, type (INTERCOM, DOOR, GATE, BARRIER), partner_id, enabled;
              operations (OPEN_DOOR, OPEN_BARRIER), cooldown_ms,
              step_up (max_age_seconds; acr), building_id or entrance_id (where it stands)
  Building    building_id (<complex>.<building>), name
  Entrance    entrance_id (<complex>.<entrance>), building_id, name
  Partner     partner_id, name, webhook_san, attestation_key (base64); suspended
  Perimeter   complex_id, partner_id; operations, credentials, not_before, not_after, closed
  Resident    complex_id, subject_ref, active
  Grant       complex_id, grant_id, subject_ref, role (OWNER, HOUSEHOLD, STAFF);
              device_ids, building_ids, entrance_ids (none of the three is all of the complex),
              window, revoked
  GuestPass   complex_id, pass_id, secret_hash (SHA-256, base64), grant_id, device_ids;
              window, max_uses, revoked
  Credential  complex_id, credential_id, type (PLATE, FACE), subject_ref or pass_id, device_ids;
              window, key_version, revoked, basis (type, document_date: of a FACE, the person's
              consent; left out it is withdrawn)
  A legal basis is of type CONSENT_IN_WRITING (152-FZ, art. 11) and has the date of the document.
  A window has not_before and not_after (RFC 3339, the end is exclusive), weekdays (1 is Monday)
  and from and until ("22:00", in the complex's zone). A flag that is left out is false.

Partners are changed first, then each complex, all of it or nothing. What the files do not name is
not touched. The same change is made once, however often it is run.

Exit codes: 0 done, nothing to do, or a dry run; 1 refused or failed; 2 wrong usage or files."#;

pub(super) const RESIDENTS: &str = r#"Example, in residents.csv:
  issuer,user_id,role,device_ids,not_before,not_after
  https://login.example,4711,OWNER,,,
  https://login.example,4712,HOUSEHOLD,,,2027-01-01T00:00:00+03:00
  https://login.example,9001,STAFF,sunrise.main-door sunrise.north-gate,2026-03-01T00:00:00+03:00,

Columns, in any order; separated by , or by ; (the header decides); in UTF-8:
  issuer      URL of the login service, as it stands in the users' tokens (`iss`)
  user_id     the user there (`sub`); it is sealed at once, and never printed
  role        OWNER, HOUSEHOLD or STAFF
  device_ids, building_ids, entrance_ids
              separated by spaces, or by ; in quotes; none of the three is all of the complex
  not_before  first instant of the right (RFC 3339); none is always
  not_after   first instant after it; none is for ever
  grant_id    UUID of the grant; none is one that is made of the right itself
The first three must be there. A person with several rights has several lines.

Every line becomes a resident and a grant. What no line names is not touched. The same file again
changes nothing, so that a run that was cut is simply repeated. Nothing is imported if any line is
bad, unless --skip-bad says so.

Exit codes: 0 done, nothing to do, or a dry run; 1 refused or failed, or bad lines were left out;
2 wrong usage or configuration, or bad lines, and nothing was changed."#;

pub(super) const HISTORY: &str = r#"Example:
  smarthomectl history sunrise
  smarthomectl history sunrise device sunrise.north-gate
  smarthomectl history global partner gatekeeper

For every change set: where it stands in the log, when the log took it in, who asked for it (a
reference; the audit console shows who that is) and through which certificate, why, each entity as
it was to be and the version that this made, and, where it changed nothing, why not.

Exit codes: 0 done; 1 refused or failed; 2 wrong usage or configuration."#;

pub(super) const CHECKS: &str = r#"Verdicts:
  refused   for want of authorization, as it must be
  ACCEPTED  a finding: it was done, or refused only for a reason that comes after authorization
  unclear   nothing is proven
  not yet   a token has to expire first; the service keeps one for it

An open that is tried has expired before it is sent, and its command id is forbidden by then, so
that nothing opens. The same token over another certificate is not tried: the service has only one.

Exit codes: 0 all was refused; 1 anything else; 2 wrong usage or configuration."#;

pub(super) const PERSONS: &str = r#"A person is named by the reference that records show (--subject), or by issuer and user id; the user
id stands in a file (- for the standard input), so that no list of processes shows it.

Only what belongs to the complexes of your token is seen and erased. The identity goes with the last
complex that knows the person. Each call is recorded in the registry of the complexes it is about.

Steps of an erasure:
  rights    residency, grants, passes and credentials are withdrawn
  partners  every partner has deleted the credentials, and says so when asked
  record    SubjectErased stands in each complex's registry
  items     the sealed identity and plates are erased
  bytes     nothing of them can be read from the log any more; on Kafka this may take a day

Exit codes: 0 done; 1 refused, failed, or still being erased; 2 wrong usage or configuration."#;

pub(super) const PROVISIONING: &str = r#"States:
  in force        the partner holds it as it should
  PENDING         it should and does not yet; the service goes on trying
  BEING REMOVED   it must not hold it, and is not known to have deleted it yet

When it was last compared, and when it is tried again, only the instance of command-svc knows that
works on the complex; any other says what the log does.

Exit codes: 0 all is in force; 1 something is not, or failed; 2 wrong usage or configuration."#;

pub(super) const EGRESS: &str = r#"Example:
  smarthomectl egress sunrise --from 2026-11-01T00:00:00+03:00 --to 2026-12-01T00:00:00+03:00

Each instance of the service records what it has sent once an hour, where nothing else is configured,
and when it stops. What is newer is not in the report yet; what a killed process had sent since its
last record is in its metrics alone. Only records that the service signed are counted.

Exit codes: 0 done; 1 refused or failed; 2 wrong usage or configuration."#;

pub(super) const LOGIN: &str = r#"The configuration says where, in its section [login]:
  issuer     URL of the login service, as it stands in the tokens (`iss`)
  client_id  this tool's name there: a public client, redirected to http://127.0.0.1/callback on any
             port
  scope      what is asked for ["openid access"]
  resource   the service that the token is for (RFC 8707), or
  audience   the same, where the issuer calls it so
  ca_file    roots (PEM) of the issuer's certificate, besides the system's

The token is written to `token_file`, what renews it beside it in `token_file`.login, both for you
alone. Every command renews a token that has expired, or says that you must log in again. The browser
must run on this machine: the issuer sends it to a port of 127.0.0.1.

Exit codes: 0 done; 1 refused or failed; 2 wrong usage or configuration."#;

pub(super) const ALARMS: &str = r#"Example:
  smarthomectl alarms sunrise --from 2026-11-01T00:00:00+03:00 --kind UNATTRIBUTED_OPENING

The configuration needs `audit_endpoint`, the listener of `projector serve`, and a token with the role
`auditor`. Kinds: UNATTRIBUTED_OPENING, FORCED_OPEN, HELD_OPEN, CONTRADICTION, CONFLICTING_DUPLICATE,
DELIVERY_GAP, and STALE of devices that have not reported for longer than their limit, whatever the times.

Exit codes: 0 done; 1 refused or failed; 2 wrong usage or configuration."#;

pub(super) const ACCESSES: &str = r#"Example:
  smarthomectl accesses sunrise --from 2026-11-01T00:00:00+03:00 --verdict DENY
  smarthomectl accesses sunrise --subject SUBJECT_REF -o json

The configuration needs `audit_endpoint`, the listener of `projector serve`, and a token with the role
`auditor`. A table has a line for each access and its columns apart by tabs; `leaf` is its place
in the audit log, which `auditctl prove` proves. Who has looked at what is in the log, too.

Exit codes: 0 done; 1 refused or failed; 2 wrong usage or configuration."#;

pub(super) const STATISTICS: &str = r#"Example:
  smarthomectl statistics sunrise --from 2026-11-01T00:00:00+03:00 --zone Europe/Moscow --by DAY
  smarthomectl statistics sunrise --from 2026-11-01T00:00:00Z --by WEEKDAY_AND_HOUR --by-device -o json

The configuration needs what `accesses` does. Decisions count by verdict and reason, commands by their
outcome, what devices did of themselves by observation, each in its own hour.

Exit codes: 0 done; 1 refused or failed; 2 wrong usage or configuration."#;
