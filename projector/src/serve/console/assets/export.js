// Says how far a download of the archive is. The download itself is the browser's own, so that nothing
// of it is held in the page, and it works without this.
const form = document.getElementById("export");
const place = document.getElementById("progress");
const bar = place.querySelector("progress");
const text = place.querySelector("[role=status]");
const button = form.querySelector("button");
const EVERY = 500;
// How long an export may take to be known.
const PATIENCE = 20;

function end(state) {
  place.dataset.state = state;
  button.disabled = false;
  // The next download is another export.
  form.elements.id.value = crypto.randomUUID();
}

async function follow(id) {
  let unknown = 0;
  for (;;) {
    await new Promise((done) => setTimeout(done, EVERY));
    const answer = await fetch(`${form.dataset.progress}?id=${id}`, { redirect: "error" }).catch(() => null);
    if (!answer?.ok) {
      unknown += 1;
      if (unknown < PATIENCE) continue;
      text.textContent = place.dataset.lost;
      return end("failed");
    }
    const told = await answer.json();
    place.dataset.state = told.state;
    if (text.textContent !== told.text) text.textContent = told.text;
    bar.value = told.done;
    bar.hidden = told.state === "failed";
    if (told.state === "whole" || told.state === "failed") return end(told.state);
  }
}

form.addEventListener("submit", () => {
  place.hidden = false;
  bar.hidden = false;
  bar.removeAttribute("value");
  text.textContent = place.dataset.begun;
  const id = form.elements.id.value;
  // Only once the form has been sent as it is.
  setTimeout(() => {
    button.disabled = true;
    follow(id);
  });
});
