// Keeps a page live: asks for it again and takes over the part that changes. Stops while the page is
// hidden, while somebody says so, and once nobody has touched it for a while: asking keeps the login
// alive, and nobody's login shall be kept alive by an empty room.
const state = document.getElementById("live-state");
const button = document.getElementById("live-pause");
const every = Number(state.dataset.seconds) * 1000;
const UNTOUCHED = 15 * 60 * 1000;
let paused = false;
let touched = Date.now();
for (const sign of ["pointermove", "pointerdown", "keydown", "scroll"]) {
  addEventListener(sign, () => { touched = Date.now(); }, { passive: true });
}

function say(which) {
  for (const text of state.children) text.hidden = text.dataset.state !== which;
}

async function renew() {
  if (Date.now() - touched > UNTOUCHED && !paused) toggle();
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
function toggle() {
  paused = !paused;
  button.setAttribute("aria-pressed", String(paused));
  say(paused ? "paused" : "live");
}

button.addEventListener("click", () => {
  toggle();
  renew();
});
say("live");
setInterval(renew, every);
