// Light, dark, or as the system has it.
export function startTheme() {
  const names = { light: "Light", dark: "Dark", auto: "Auto" };
  const read = () => {
    try {
      return localStorage.getItem("busta-theme") ?? "auto";
    } catch {
      return document.documentElement.dataset.theme ?? "auto";
    }
  };
  const label = () => {
    const button = document.getElementById("theme");
    if (!button) return;
    button.hidden = false;
    button.textContent = `Theme: ${names[read()] ?? "Auto"}`;
  };
  document.addEventListener("click", (event) => {
    if (event.target.id !== "theme") return;
    const order = ["auto", "light", "dark"];
    const next = order[(order.indexOf(read()) + 1) % order.length];
    try {
      localStorage.setItem("busta-theme", next);
    } catch {
      // No storage: it holds until the page is left.
    }
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    label();
  });
  document.addEventListener("renewed", label);
  label();
}
