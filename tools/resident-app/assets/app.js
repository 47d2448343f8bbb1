// Sends a press without leaving the page, keeps its key until it is certain what became of it, and
// shows a guest's pass. Everything but the pass works without it.
"use strict";

const OLD = 5 * 60 * 1000;
const loaded = Date.now();

// The secret of a pass stays in the address, and is sent in bodies alone.
function body(form) {
  const fields = new URLSearchParams(form ? new FormData(form) : undefined);
  if (location.pathname === "/pass") fields.set("secret", location.hash.slice(1));
  return fields;
}

async function send(address, fields) {
  const answer = await fetch(address, {
    method: "POST",
    body: fields,
    headers: { "x-fragment": "1" },
    redirect: "manual",
  });
  // Only who is not logged in any more is sent elsewhere, and nothing was done: the page asks for it.
  if (answer.type === "opaqueredirect") return leave(location.pathname);
  if (!answer.ok) throw new Error(String(answer.status));
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// What would come after never does: another page is on its way.
function leave(address) {
  location.assign(address);
  return new Promise(() => {});
}

async function press(form) {
  const status = form.querySelector("[role=status]");
  form.setAttribute("aria-busy", "true");
  status.className = "result";
  status.textContent = form.dataset.opening;
  try {
    const fresh = (await send(form.getAttribute("action"), body(form))).querySelector("form");
    if (fresh.dataset.login) await leave(fresh.dataset.login);
    const said = fresh.querySelector("[role=status]");
    status.className = said.className;
    status.replaceChildren(...said.childNodes);
    form.elements.key.value = fresh.elements.key.value;
  } catch {
    // The key stays: the same press is sent again.
    status.className = "result unknown";
    status.textContent = form.dataset.lost;
  }
  form.removeAttribute("aria-busy");
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-door]")) return;
  event.preventDefault();
  if (!form.hasAttribute("aria-busy")) press(form);
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const link = document.getElementById(button.dataset.copy);
  link.select();
  await navigator.clipboard.writeText(link.value);
  button.textContent = button.dataset.done;
});

// Keys grow old: a page that was put away is loaded anew when somebody comes back to it.
document.addEventListener("visibilitychange", () => {
  const busy = document.querySelector("[aria-busy], .result.unknown");
  const doors = document.querySelector("form[data-door]");
  if (!document.hidden && doors && !busy && Date.now() - loaded > OLD) location.reload();
});

// Who comes back from the login by the browser's own button finds no press under way.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

async function showPass() {
  const place = document.getElementById("pass");
  if (!place) return;
  try {
    const pass = await send("/pass/doors", body(null));
    place.replaceChildren(...pass.body.childNodes);
  } catch {
    place.textContent = place.dataset.lost;
  }
}

window.addEventListener("hashchange", showPass);
showPass();
