//! The check that browsers make, run by Node.js over what a page holds.

use std::process::Command;

use domain::vocabulary::Verdict;
use eventlog::Topic;
use jiff::Timestamp;
use serde_json::json;

use super::pages::with_an_opening;
use super::{Browser, Pages};
use crate::fixture::{command, decided, device};

/// Prints what comes of each case.
const RUN: &str = r#"
import { check, openCheckpoint, parseKey, isConsistent } from "./proof.mjs";
import { readFileSync } from "node:fs";
const { proof, vkey, shown, other, older, newer, hashes } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const lines = proof.split("\n");
const changed = (line, to) => lines.map((text, i) => (i === line ? to(text) : text)).join("\n");
const flip = (text) => text.slice(0, 40) + (text[40] === "A" ? "B" : "A") + text.slice(41);
const cases = {
  good: [proof, vkey, shown],
  leaf: [changed(1, flip), vkey, shown],
  index: [changed(2, (text) => text + "0"), vkey, shown],
  path: [changed(3, (text) => flip(text)), vkey, shown],
  key: [proof, other, shown],
  event: [proof, vkey, { ...shown, event: "00000000-0000-0000-0000-000000000000" }],
  complex: [proof, vkey, { ...shown, complex: "sunset" }],
  origin: [proof, vkey, { ...shown, origin: shown.origin + "x" }],
  nothing: ["", vkey, shown],
};
const told = {};
for (const [name, asked] of Object.entries(cases)) {
  const { says, tree, signed } = await check(...asked);
  told[name] = `${+says}${+tree}${+signed}`;
}
const key = await parseKey(vkey);
const [a, b] = [await openCheckpoint(older, key), await openCheckpoint(newer, key)];
const bytes = hashes.map((text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
const consistent = (old, path) => isConsistent(old, a.root, b.size, b.root, path);
told.consistent = await consistent(a.size, bytes);
told.shorter = await consistent(a.size - 1, bytes);
told.cut = await consistent(a.size, bytes.slice(1));
told.same = await isConsistent(a.size, a.root, a.size, a.root, []);
told.forked = await isConsistent(a.size, b.root, b.size, b.root, bytes);
console.log(JSON.stringify(told));
"#;

async fn note(pages: &Pages, browser: &mut Browser) -> String {
    let shown = pages.get(browser, "/c/sunrise/integrity").await;
    shown
        .between("spellcheck=\"false\">", "</textarea>")
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_tells_true_proofs_from_false_ones() {
    if !node_is_there() {
        return;
    }
    let (pages, event) = with_an_opening().await;
    let mut browser = Browser::default();
    let path = format!("/c/sunrise/records/{event}");
    let shown = pages.log_in(&mut browser, "one", &path).await;
    let vkey = shown.between("name=\"vkey\" value=\"", "\"").to_owned();
    let origin = shown.between("data-origin=\"", "\"").to_owned();
    let proof = shown.between("spellcheck=\"false\">c2sp", "</textarea>");
    let proof = format!("c2sp{proof}");
    let older = note(&pages, &mut browser).await;
    let old_size: u64 = older.lines().nth(1).unwrap().parse().unwrap();
    for number in 2..7 {
        let gate = device("sunrise.gate");
        let decision = decided(&gate, command(number), Verdict::Deny, Timestamp::now());
        pages
            .site
            .disk
            .fixture
            .signed(Topic::AccessEvents, &decision)
            .await;
    }
    pages.site.projected().await;
    let newer = note(&pages, &mut browser).await;
    let query = format!("log=1&old={old_size}&new={}", newer.lines().nth(1).unwrap());
    let path = format!("/c/sunrise/integrity/consistency?{query}");
    let hashes = pages.get(&mut browser, &path).await.text;
    let (signer, _) = auditlog::CheckpointSigner::generate(&origin).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let script = pages.get(&mut browser, "/assets/proof.js").await;
    std::fs::write(file("proof.mjs"), script.text).unwrap();
    std::fs::write(file("run.mjs"), RUN).unwrap();
    let input = json!({
        "proof": proof, "vkey": vkey, "other": signer.verifier().vkey(),
        "shown": { "event": event.to_string(), "index": 0, "origin": origin, "complex": "sunrise" },
        "older": older, "newer": newer, "hashes": hashes.lines().collect::<Vec<_>>(),
    });
    std::fs::write(file("input.json"), input.to_string()).unwrap();
    let ran = Command::new("node")
        .arg(file("run.mjs"))
        .arg(file("input.json"))
        .output()
        .unwrap();
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let told: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    let expected = json!({
        "good": "111", "leaf": "001", "index": "000", "path": "101", "key": "100",
        "event": "011", "complex": "011", "origin": "110", "nothing": "000",
        "consistent": true, "shorter": false, "cut": false, "same": true, "forked": false,
    });
    for (name, expected) in expected.as_object().unwrap() {
        match name.as_str() {
            // Whether a changed byte leaves the ids readable is by chance.
            "leaf" => assert!(told[name].as_str().unwrap().ends_with("01"), "{told}"),
            "index" => assert!(told[name].as_str().unwrap().starts_with("00"), "{told}"),
            name => assert_eq!(&told[name], expected, "{name}: {told}"),
        }
    }
}

/// As elsewhere: a prerequisite of CI, left out loudly where it is missing.
fn node_is_there() -> bool {
    let there = Command::new("node").arg("--version").output().is_ok();
    let must = std::env::var_os("CI").is_some();
    assert!(
        there || !must,
        "Node.js is missing; install version 20 or newer"
    );
    if !there {
        eprintln!("SKIPPED: Node.js is missing, so the browser's check was not run");
    }
    there
}
