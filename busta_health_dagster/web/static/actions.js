// What operators do: check now, acknowledge, snooze, resolve. Every write carries the session's token and a reason.
import { announce, renew } from "./renew.js";

const TITLES = {
  ack: "Acknowledge", unack: "End the acknowledgement", snooze: "Snooze", resolve: "Resolve by hand",
  note: "Add a note", cause: "Write the cause", end: "End the maintenance",
};
const ABOUT = {
  ack: "The escalation stands still until the acknowledgement times out.",
  unack: "The escalation runs on from where it stood.",
  snooze: "No one is notified until then; the alert stays open.",
  resolve: "Closes the alert now. If the source is still bad it opens again.",
  note: "It stands in the timeline of the incident, with your name.",
  cause: "The newest cause counts. An incident with a cause is real when rules are tried on the past.",
  end: "What it covered so far stays maintenance. What still fails alerts from the next check on.",
};
const ASKS_WHY = ["ack", "snooze", "resolve", "note", "cause"];

// Where a deed is sent, and what is sent.
function request(doing, note, forHowLong) {
  const { act, data } = doing;
  if (act === "end") return [`/api/v1/maintenance/${encodeURIComponent(data.window)}/end`, {}];
  if (data.incident) return [`/api/v1/incidents/${encodeURIComponent(data.incident)}/notes`, { kind: act, text: note }];
  const body = act === "snooze" ? { note, for: forHowLong } : { note };
  return [`/api/v1/alerts/${encodeURIComponent(data.alert)}/${act}`, body];
}

export async function post(path, body) {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  const headers = { "content-type": "application/json", accept: "application/json" };
  if (token) headers["x-csrf-token"] = token;
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  if (response.ok) return response.status === 204 ? null : response.json().catch(() => null);
  const problem = await response.json().catch(() => ({}));
  throw new Error(problem.detail ?? problem.title ?? `The server answered ${response.status}.`);
}

export function startActions() {
  startLogout();
  startCheck();
  const dialog = document.getElementById("dialog");
  if (!dialog) return;
  const part = (name) => document.getElementById(`dialog-${name}`);
  let doing = null;

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-act]");
    if (!button) return;
    doing = { act: button.dataset.act, subject: button.dataset.subject, data: { ...button.dataset }, from: button.id };
    part("title").textContent = `${TITLES[doing.act]}: ${doing.subject}`;
    part("about").textContent = ABOUT[doing.act];
    part("for-field").hidden = doing.act !== "snooze";
    part("do").textContent = TITLES[doing.act];
    part("problem").textContent = "";
    part("note").value = "";
    part("note").required = ASKS_WHY.includes(doing.act);
    part("note-field").hidden = doing.act === "end";
    part("note-label").textContent = doing.data.incident ? "Text" : "Why";
    dialog.showModal();
    (doing.act === "end" ? part("do") : part("note")).focus();
  });
  part("cancel").addEventListener("click", () => dialog.close());
  part("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    part("do").disabled = true;
    try {
      await post(...request(doing, part("note").value.trim(), part("for").value));
      dialog.close();
      await renew();
      // The button that was pressed may be gone; the keyboard goes on from its alert.
      if (document.activeElement === document.body) {
        (document.getElementById(doing.from) ?? document.querySelector(`#a-${CSS.escape(doing.data.alert ?? "")} button`))?.focus();
      }
      announce(`${TITLES[doing.act]}: ${doing.subject}, done.`);
    } catch (error) {
      part("problem").textContent = error.message;
    } finally {
      part("do").disabled = false;
    }
  });
}

function startCheck() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-check]");
    if (!button || button.dataset.busy) return;
    button.dataset.busy = "1";
    button.disabled = true;
    button.textContent = "Checking…";
    announce(`Checking ${button.dataset.check}.`);
    let said = "Checked.";
    try {
      await post(`/api/v1/sources/${encodeURIComponent(button.dataset.check)}/check`, {});
    } catch (error) {
      said = `Not checked: ${error.message}`;
    }
    delete button.dataset.busy;
    button.disabled = false;
    button.textContent = "Check now";
    button.title = said;
    await renew().catch(() => {});
    announce(said);
  });
}

function startLogout() {
  const reveal = () => { const button = document.getElementById("logout"); if (button) button.hidden = false; };
  reveal();
  document.addEventListener("renewed", reveal);
  document.addEventListener("click", async (event) => {
    if (event.target.id !== "logout") return;
    await post("/source-health/logout", {}).catch(() => {});
    location.assign("/source-health");
  });
}
