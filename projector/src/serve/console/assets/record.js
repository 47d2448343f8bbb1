// Checks the proofs of a page of records.
import { check } from "./proof.js";
import "./print.js";

const section = document.getElementById("proof");
const form = document.getElementById("key");
const verdict = section.querySelector(".verdict");

function tell(outcome) {
  verdict.className = `verdict ${outcome}`;
  for (const text of verdict.children) text.hidden = text.dataset.verdict !== outcome;
}

async function checkAll() {
  let outcome = "proven";
  try {
    for (const row of section.querySelectorAll("tr[data-index]")) {
      const { event, index } = row.dataset;
      const text = document.querySelector(`[data-proof="${index}"]`).value;
      const { origin, complex } = section.dataset;
      const steps = await check(text, form.vkey.value, { event, index: Number(index), origin, complex });
      for (const [step, good] of Object.entries(steps)) {
        const cell = row.querySelector(`[data-step="${step}"]`);
        cell.textContent = good ? "✓" : "✕";
        cell.className = good ? "good" : "bad";
        if (!good) outcome = "refuted";
      }
    }
  } catch {
    outcome = "unable";
  }
  tell(outcome);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  checkAll();
});
checkAll();
