//! What `--help` says below the options.

pub(super) const HELP: &str = r#"What you need from who keeps the log: where it is, and once, on paper or from somebody you trust, its
verifier key (--key) and the root of its record keys (--records-root). Nothing else is believed.

Example, with KEY='audit.example.org+1a2b3c4d+AU5v…':
  auditctl verify https://audit.example.org/tiles/access.events.v1/sunrise --key "$KEY"
  auditctl export /mnt/tiles --log access.events.v1/sunrise --key "$KEY" -o november.tar \
           --from 2026-11-01T00:00:00+03:00 --until 2026-12-01T00:00:00+03:00
  auditctl verify november.tar --key "$KEY"

Exit codes:
  0  proven
  1  refuted: what was given contradicts what was signed
  2  wrong usage or files
  3  can't tell: something is missing, cut short or unreachable; it proves nothing
  4  verify: proven is all that is kept; the rest is pruned, expired, as the key's holder says"#;

const CODES: &str = "Exit codes: 0 proven; 1 refuted; 2 wrong usage; 3 can't tell.";

pub(super) const VERIFY: &str = r#"Checked are: the checkpoint's signature; the hash of every leaf; every tile against what follows from
the leaves; the root against the checkpoint. Of an archive also all of its other files. With
--records-root every record that only command-svc may write must have its signature.

Not proven is that nothing was left out before it came to the log, that the log has not grown since,
and that others were not shown another history: for the last, name witnesses that you trust (--witness),
compare checkpoints (`auditctl compare`) or watch the log (`auditctl watch`).

With --witness the log must have a checkpoint that these witnesses, or --quorum of them, have cosigned, and
which is on the same tree. How far they have seen it is said; records after that are the key's word alone.

Exit codes: 0 proven; 1 refuted; 2 wrong usage; 3 can't tell; 4 proven but for what is pruned, expired."#;

pub(super) const PROVE: &str = r#"The file has the form of C2SP tlog-proof (https://c2sp.org/tlog-proof@v1): index, hashes, the signed
checkpoint; and as its extra data the record itself, verbatim.

Exit codes: 0 proven; 1 refuted; 2 wrong usage; 3 can't tell."#;

pub(super) const VERIFY_PROOF: &str = CODES;

pub(super) const VERIFY_RECEIPT: &str = r#"A receipt is what the resident's app gives out of one access (ResidentService.GetMyReceipt): the proof of
the decision and that of its outcome, or of what the partner reported. Each is a C2SP tlog-proof.

Exit codes: 0 proven; 1 refuted; 2 wrong usage; 3 can't tell."#;

pub(super) const COMPARE: &str = r#"Both checkpoints must be signed and of one log. Where their sizes differ, the tiles of LOG prove
whether the larger continues the smaller.

Exit codes: 0 one continues the other; 1 refuted: a fork, or not signed; 2 wrong usage; 3 can't tell."#;

pub(super) const EXPORT: &str = r#"The log is proven first, whole. Then the records of the period, as JSON lines and CSV, go to the
archive with the bundles, tiles, checkpoint and keys that prove them. Of a registry's log everything goes,
and of an access log also what stands shortly before the period, so that decisions can be made again from
the archive. Bundles have 256 records: the first and last may hold records of other times.

The same log gives the same bytes. README.txt in the archive says how to verify it without this tool.

Exit codes: 0 written; 1 refuted; 2 wrong usage; 3 can't tell."#;

pub(super) const SEARCH: &str = r#"Every record that is printed was found under the signed checkpoint. Records that can't be read are
printed too, unless something is asked for that they don't have.

Exit codes: 0 done, whatever was found; 1 refuted; 2 wrong usage; 3 can't tell."#;

pub(super) const WATCH: &str = r#"The first look keeps what it finds; every later one must continue that. Keep the folder, and run it
from somewhere that who keeps the log can't reach. A checkpoint that went back or that doesn't continue the
last is kept beside it (.refuted): both are signed, and together they prove the fork to anybody.

Exit codes: 0 all continues (--once); 1 rollback or fork; 2 wrong usage; 3 can't tell (--once)."#;

pub(super) const EXPLAIN: &str = r#"LOG must be a folder, address or archive that has the complex's access log, its registry log and that
of `global`. The state is folded from them as far as the decision's record says that it was known, and the
same rules decide again.

Exit codes: 0 it comes out as recorded; 1 it doesn't, or refuted; 2 wrong usage; 3 can't tell."#;

pub(super) const REPLAY: &str = r#"As `explain`, for every decision of the period, also for those that were denied at the last moment,
by the state that their record names. Time zones are those of this tool's own database.

Where a record stands in the event log is kept beside the tiles and is under no root: who keeps the log
could misstate it, and so how much of the registry a decision is said to have known. The order of the
records, and what each says, can't be misstated.

Exit codes: 0 every decision comes out as recorded; 1 one doesn't, which is shown, or refuted; 2 wrong
usage; 3 can't tell."#;

pub(super) const WITNESS: &str = r#"Speaks C2SP tlog-witness: POST /add-checkpoint. It cosigns a checkpoint (C2SP tlog-cosignature, Ed25519)
only if that continues the last one that it cosigned of the log, and keeps it on disk first. It never
forgets: keep the folder. It listens on loopback; a proxy before it has TLS, limits and who may call.

Example:
  auditctl witness-key witness.example.org/w1 -o witness.key > witness.vkey
  auditctl witness --listen 127.0.0.1:8460 --key "$KEY" --signing-key witness.key --state /var/lib/witness

Exit codes: 2 wrong usage; 3 it can't listen or write."#;

pub(super) const CHECKPOINT_KEY: &str = r#"The file is what projector's `project.signing_key` names, or `project.next_signing_key` while keys are
changed (docs/keys.md); the key that is printed goes to `audit.verification_key`, to auditors and witnesses.

  auditctl checkpoint-key smarthome.example/audit -o audit.key > audit.vkey"#;

pub(super) const COSIGN: &str = r#"A log asks the witnesses that its projector is told of by itself; whoever wants the word of another one
asks it here, as often as they like. With the cosigned checkpoint a proof tells, too, that the witness was shown this history:

  auditctl cosign LOG --key "$KEY" --witness https://witness.example.org --witness-key "$W" -o c.checkpoint
  auditctl prove LOG EVENT-ID --key "$KEY" --checkpoint c.checkpoint -o one.tlog-proof
  auditctl verify-proof one.tlog-proof --key "$KEY" --witness "$W"

Exit codes: 0 cosigned; 1 refuted: it saw another history; 2 wrong usage; 3 can't tell."#;
