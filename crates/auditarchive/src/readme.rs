//! What stands in an archive for whoever opens it without us.

use crate::Contents;

/// The text; the same for the same contents.
pub fn readme(contents: &Contents) -> String {
    let time =
        |at: Option<jiff::Timestamp>, none: &str| at.map_or(none.to_owned(), |at| at.to_string());
    let mut logs = String::new();
    for log in &contents.logs {
        let part = match log.is_whole() {
            true => "all of it".to_owned(),
            false => format!("bundles {} to before {}", log.first_bundle, log.end_bundle),
        };
        logs += &format!(
            "  logs/{}: {} records under its checkpoint, {part}\n",
            log.log, log.size
        );
    }
    format!(
        r#"Records of an access-control system, and what proves them
=========================================================

Records of access logs from {} until {}:
{logs}
Each log has
  records.jsonl   the records of the period, one JSON object a line; "value" is the record itself, in base64
  records.csv     the same for people
  checkpoint      how many records the log had, and the root of its tree, signed
  cosigned        where witnesses were asked: the newest checkpoint with their signatures below the log's
                  (https://c2sp.org/tlog-cosignature); the tree of the other one begins with its tree
  cosigned        where witnesses were asked: the newest checkpoint with their signatures below the log's
                  (https://c2sp.org/tlog-cosignature); the tree of the other one begins with its tree
  tile/entries/   the records verbatim, in bundles of up to 256, each after its length (16 bit, big-endian)
  tile/<level>/   hashes of the tree
  position/       where the event log had each record, and since when (16 bytes each); under no root
export.json says what was exported. keys/ has the keys that were trusted when it was: compare them with
keys that you had from somewhere else, or the archive proves nothing.

To verify it without any program of its maker
---------------------------------------------

1. The checkpoint is a signed note (https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint): the
   Ed25519 signature is over its first lines, up to and with the newline before the empty line. The last line
   has, in base64, four bytes that name the key and the 64 bytes of the signature. A verifier key
   <name>+<id>+<base64> has, in its base64, one byte 01 and the 32 bytes of the public key. Tools that look
   keys up by name want the log's own: the first line of the checkpoint; its id is the first four bytes of
   SHA-256 over that name, a newline, the byte 01 and the public key.
2. A leaf's hash is SHA-256 of a byte 00 and the record. A node's is SHA-256 of a byte 01 and its two
   children (RFC 6962, section 2.1).
3. The tiles are as https://c2sp.org/tlog-tiles says: tile/0/ has the hashes of the leaves, 256 a tile, and
   tile/<n>/ the roots of the tiles below. Of a log that is here whole, the hashes of the leaves lead to the
   root of the checkpoint. Of a part, the tiles that are here lead from its leaves to it.
4. "value" in records.jsonl is the leaf at "index". It is a protobuf message, smarthome.events.v1.Envelope.
   Its last field, 15, is the signature of the service that decides: 8 bytes that name the key and 64 bytes
   of Ed25519 over "smarthome record v1", a byte 00, the topic, a byte 00, the complex, a byte 00, and the
   message before that field. keys/records-certificate-*.json are signed by the root in
   keys/records-root.txt.

With auditctl: auditctl verify ARCHIVE --key VKEY [--records-root KEY]

What this does not prove: that nothing was left out before it came to the log; that the log has not grown
since; that others were not shown another history. For the last, compare checkpoints with others.
"#,
        time(contents.from, "the beginning"),
        time(contents.until, "the end"),
    )
}
