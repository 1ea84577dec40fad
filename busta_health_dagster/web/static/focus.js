// Back leads to where one was: the link that was followed has the focus again. It is remembered in the history entry that is left.
function mark(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  const href = element.getAttribute("href");
  return href ? `a[href="${CSS.escape(href)}"]` : "";
}

function restore() {
  const kept = history.state?.focus;
  if (!kept || (document.activeElement && document.activeElement !== document.body)) return;
  document.querySelector(kept)?.focus();
}

export function startFocus() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    const found = link && mark(link);
    if (found) history.replaceState({ ...history.state, focus: found }, "");
  }, true);
  if (performance.getEntriesByType("navigation")[0]?.type === "back_forward") restore();
  addEventListener("pageshow", (event) => { if (event.persisted) restore(); });
  document.addEventListener("renewed", () => { if (history.state?.focus && performance.now() - returned < 5000) restore(); });
  let returned = -Infinity;
  addEventListener("popstate", () => { returned = performance.now(); });
}
