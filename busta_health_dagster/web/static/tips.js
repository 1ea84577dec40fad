// Over a strip of bars: when, and what was seen. The same is in the strip's text alternative and in the source page's table.
const WORDS = { u: "up", g: "degraded", d: "down", m: "maintenance", o: "off season", "?": "no data" };

export function startTips() {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  document.body.append(tip);
  document.addEventListener("pointermove", (event) => {
    const strip = event.target.closest?.("svg.beats[data-bars]");
    if (!strip) {
      tip.hidden = true;
      return;
    }
    const box = strip.getBoundingClientRect();
    const bars = strip.dataset.bars;
    const n = Math.min(bars.length - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * bars.length)));
    const from = Number(strip.dataset.from) + n * Number(strip.dataset.step);
    const at = new Date(from * 1000).toISOString().slice(11, 16);
    tip.textContent = `${at} UTC · ${WORDS[bars[n]]}`;
    tip.hidden = false;
    tip.style.left = `${Math.min(innerWidth - tip.offsetWidth - 8, event.clientX + 12)}px`;
    tip.style.top = `${box.bottom + 6}px`;
  });
}
