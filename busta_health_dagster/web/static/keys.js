// "/" searches, "j" and "k" walk the sources, Enter opens the one in focus (it is a link). Nothing is taken from a text field.
export function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const typing = event.target.closest("input, select, textarea");
    if (event.key === "Escape" && event.target.id === "q") return event.target.blur();
    if (typing) return;
    if (event.key === "/") {
      const q = document.getElementById("q");
      if (!q) return;
      event.preventDefault();
      q.focus();
      q.select();
    } else if (event.key === "j" || event.key === "k") {
      walk(event.key === "j" ? 1 : -1);
    }
  });
}

function walk(step) {
  const links = [...document.querySelectorAll(".row .nm a")];
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  const next = links[at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + step, 0), links.length - 1)];
  next.focus();
  next.closest(".row").scrollIntoView({ block: "nearest" });
}
