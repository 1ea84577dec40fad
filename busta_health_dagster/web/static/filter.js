// Filter and search live in the address: a link can be shared, and back goes back. Without this file the form still works.
import { renew } from "./renew.js";

export function startFilter() {
  const go = document.getElementById("find-go");
  if (go) go.hidden = true;
  let wait = 0;
  const form = () => document.querySelector("form.find");

  const visit = (url, replace) => {
    if (url.href === location.href) return;
    history[replace ? "replaceState" : "pushState"](null, "", url);
    renew().catch(() => location.assign(url));
  };
  const asked = () => {
    const url = new URL(location.pathname, location.href);
    for (const [key, value] of new FormData(form())) if (String(value).trim()) url.searchParams.set(key, value);
    const theme = new URLSearchParams(location.search).get("theme");
    if (theme) url.searchParams.set("theme", theme);
    return url;
  };

  document.addEventListener("input", (event) => {
    if (event.target.id !== "q") return;
    clearTimeout(wait);
    wait = setTimeout(() => visit(asked(), true), 180);
  });
  document.addEventListener("change", (event) => {
    if (event.target.closest("form.find") && event.target.id !== "q") visit(asked(), false);
  });
  document.addEventListener("submit", (event) => {
    if (event.target !== form()) return;
    event.preventDefault();
    clearTimeout(wait);
    visit(asked(), false);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-filter]");
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    const url = new URL(link.href);
    visit(url, false);
    const q = document.getElementById("q");
    if (q && q !== document.activeElement) q.value = url.searchParams.get("q") ?? "";
  });
  addEventListener("popstate", () => renew().catch(() => location.reload()));
}
