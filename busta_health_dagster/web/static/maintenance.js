// Planning maintenance: first what it would cover, in the server's words, then adding exactly that.
import { post } from "./actions.js";
import { announce, renew } from "./renew.js";

const PATH = "/source-health/maintenance";

export function startMaintenance() {
  const dialog = document.getElementById("window-dialog");
  if (!dialog) return;
  const part = (name) => document.getElementById(`window-${name}`);
  const reveal = () => { const button = document.getElementById("plan"); if (button) button.hidden = false; };
  reveal();
  document.addEventListener("renewed", reveal);

  const lines = (some, kind) => some.map((text) => {
    const line = document.createElement("p");
    line.className = kind;
    line.textContent = text;
    return line;
  });
  const forget = () => {
    part("add").disabled = true;
    part("says").replaceChildren();
    part("problem").textContent = "";
  };

  document.addEventListener("click", (event) => {
    if (!event.target.closest('button[data-open="window-dialog"]')) return;
    forget();
    dialog.showModal();
  });
  part("cancel").addEventListener("click", () => dialog.close());
  part("form").addEventListener("input", forget);
  part("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    // Enter in a field previews first: nothing is added that was not shown.
    const adds = event.submitter === part("add");
    const body = { ...Object.fromEntries(new FormData(part("form"))), do: adds ? "add" : "preview" };
    part("problem").textContent = "";
    try {
      const said = await post(PATH, body);
      if (!adds) {
        part("says").replaceChildren(...lines(said.lines, ""), ...lines(said.warnings, "wrn"));
        part("add").disabled = false;
        return;
      }
      dialog.close();
      part("form").reset();
      await renew();
      announce([said.added, ...said.warnings].join(" "));
    } catch (error) {
      part("says").replaceChildren();
      part("add").disabled = true;
      part("problem").textContent = error.message;
    }
  });
}
