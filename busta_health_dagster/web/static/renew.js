// Fetch the same address again and morph the page into it: focus, scroll, an open <details> and a half-typed search stay.
import { Idiomorph } from "./idiomorph.js";

const parser = new DOMParser();
let running = null;
let again = false;

const options = {
  ignoreActiveValue: true,
  restoreFocus: true,
  callbacks: {
    // Whether somebody opened the details is theirs, not the server's.
    beforeAttributeUpdated: (name, node) => !(name === "open" && node.tagName === "DETAILS") && !(node.dataset?.busy && name === "disabled"),
    beforeNodeMorphed: (old) => !old.dataset?.busy,
  },
};

export function renew() {
  if (running) {
    again = true;
    return running;
  }
  running = load().finally(() => {
    running = null;
    if (again) {
      again = false;
      renew();
    }
  });
  return running;
}

async function load() {
  const response = await fetch(location.href, { headers: { accept: "text/html", "x-renew": "1" }, cache: "no-cache", redirect: "manual" });
  if (response.type === "opaqueredirect" || response.status === 401) {
    location.reload(); // the session ended: the door sends us to the login
    return;
  }
  if (!response.ok) throw new Error(`the page answered ${response.status}`);
  const fresh = parser.parseFromString(await response.text(), "text/html");
  const before = statuses(document);
  const now = fresh.getElementById("page");
  if (!now) return;
  Idiomorph.morph(document.getElementById("page"), now, options);
  document.title = fresh.title;
  const icon = fresh.getElementById("icon");
  if (icon) document.getElementById("icon").href = icon.getAttribute("href");
  say(before, statuses(document));
  document.dispatchEvent(new CustomEvent("renewed"));
}

function statuses(doc) {
  return new Map([...doc.querySelectorAll("[data-name][data-status]")].map((row) => [row.dataset.name, row.dataset.status]));
}

function say(before, after) {
  const changed = [...after].filter(([name, status]) => before.has(name) && before.get(name) !== status);
  if (!changed.length) return;
  const words = { unknown: "without data", maintenance: "in maintenance", off_season: "off season" };
  announce(changed.slice(0, 5).map(([name, status]) => `${name} is ${words[status] ?? status}`).join(", ") + (changed.length > 5 ? ` and ${changed.length - 5} more changed` : ""));
  for (const [name] of changed) {
    const row = document.querySelector(`[data-name="${CSS.escape(name)}"]`);
    row?.classList.add("changed");
    setTimeout(() => row?.classList.remove("changed"), 4000);
  }
}

export function announce(text) {
  document.getElementById("said").textContent = text;
}
