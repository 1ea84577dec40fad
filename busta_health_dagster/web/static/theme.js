// Runs before the first paint, so that a remembered theme does not flash. ?theme= wins and is remembered.
(() => {
  const root = document.documentElement;
  const asked = new URLSearchParams(location.search).get("theme");
  try {
    if (["light", "dark", "auto"].includes(asked)) localStorage.setItem("busta-theme", asked);
    const kept = localStorage.getItem("busta-theme");
    if (["light", "dark"].includes(kept) && !root.classList.contains("wall")) root.dataset.theme = kept;
  } catch {
    // No storage (a private window): the theme then follows the address and the system.
  }
  root.classList.add("js");
})();
