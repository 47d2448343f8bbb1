// Checks the checkpoints of a complex' logs, and each against the one that this browser remembers.
import { isConsistent, openCheckpoint, parseKey } from "./proof.js";

const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

async function outcomeOf(section) {
  const { origin, vkey, kind, address, zone } = section.dataset;
  // By the complex' clocks, and as the page writes times (ISO 8601).
  const clock = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  const shown = (time) => clock.format(new Date(time));
  const remembered = `checkpoint ${origin}`;
  const before = JSON.parse(localStorage.getItem(remembered));
  if (before) {
    for (const place of section.querySelectorAll(".before")) place.textContent = `${before.size} · ${shown(before.at)} · ${before.root}`;
  }
  const key = await parseKey(vkey);
  const now = await openCheckpoint(section.querySelector("textarea").value, key);
  if (!now || now.origin !== origin) return "refuted";
  if (before) {
    // An older one than was seen is a step back, of whoever shows it.
    if (before.vkey !== vkey || now.size < before.size) return "refuted";
    let hashes = [];
    if (now.size > before.size) {
      const answer = await fetch(`${address}?log=${kind}&old=${before.size}&new=${now.size}`, { redirect: "error" });
      if (!answer.ok) return "unable";
      hashes = (await answer.text()).split("\n").filter(Boolean).map(bytesOf);
    }
    if (!(await isConsistent(before.size, bytesOf(before.root), now.size, now.root, hashes))) return "refuted";
  }
  const at = new Date().toISOString();
  section.querySelector(".checked").textContent = shown(at);
  localStorage.setItem(remembered, JSON.stringify({ size: now.size, root: base64(now.root), vkey, at }));
  return before ? "proven" : "first";
}

for (const section of document.querySelectorAll(".log")) {
  const verdict = section.querySelector(".verdict");
  if (!verdict) continue;
  const outcome = await outcomeOf(section).catch(() => "unable");
  verdict.className = `verdict ${outcome === "first" ? "proven" : outcome}`;
  for (const text of verdict.children) text.hidden = text.dataset.verdict !== outcome;
}
