// What operators do: check now, acknowledge, snooze, resolve. Every write carries the session's token and a reason.
import { announce, renew } from "./renew.js";

const TITLES = { ack: "Acknowledge", unack: "End the acknowledgement", snooze: "Snooze", resolve: "Resolve by hand" };
const ABOUT = {
  ack: "The escalation stands still until the acknowledgement times out.",
  unack: "The escalation runs on from where it stood.",
  snooze: "No one is notified until then; the alert stays open.",
  resolve: "Closes the alert now. If the source is still bad it opens again.",
};

async function post(path, body) {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  const headers = { "content-type": "application/json", accept: "application/json" };
  if (token) headers["x-csrf-token"] = token;
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  if (response.ok) return;
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
    doing = { act: button.dataset.act, id: button.dataset.alert, subject: button.dataset.subject };
    part("title").textContent = `${TITLES[doing.act]}: ${doing.subject}`;
    part("about").textContent = ABOUT[doing.act];
    part("for-field").hidden = doing.act !== "snooze";
    part("do").textContent = TITLES[doing.act];
    part("problem").textContent = "";
    part("note").value = "";
    part("note").required = doing.act !== "unack";
    dialog.showModal();
    part("note").focus();
  });
  part("cancel").addEventListener("click", () => dialog.close());
  part("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = { note: part("note").value.trim() };
    if (doing.act === "snooze") body.for = part("for").value;
    part("do").disabled = true;
    try {
      await post(`/api/v1/alerts/${encodeURIComponent(doing.id)}/${doing.act}`, body);
      dialog.close();
      await renew();
      // The button that was pressed may be gone; the keyboard goes on from its alert.
      if (document.activeElement === document.body) document.querySelector(`#a-${CSS.escape(doing.id)} button`)?.focus();
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
