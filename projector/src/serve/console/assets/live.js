// Keeps a page live: asks for it again and takes over the part that changes. Stops while the page is
// hidden, and while somebody says so.
const state = document.getElementById("live-state");
const button = document.getElementById("live-pause");
const every = Number(state.dataset.seconds) * 1000;
let paused = false;

function say(which) {
  for (const text of state.children) text.hidden = text.dataset.state !== which;
}

async function renew() {
  if (paused || document.hidden) return;
  const part = document.getElementById("live");
  if (part.contains(document.activeElement)) return;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin", redirect: "error" });
    if (!answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    part.replaceChildren(...page.getElementById("live").childNodes);
    say("live");
  } catch {
    say("lost");
  }
}

button.hidden = false;
button.addEventListener("click", () => {
  paused = !paused;
  button.setAttribute("aria-pressed", String(paused));
  say(paused ? "paused" : "live");
  renew();
});
say("live");
setInterval(renew, every);
