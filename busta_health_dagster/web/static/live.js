// The stream says that something changed; the page then renews itself. Without a stream it looks every 15 seconds.
import { renew } from "./renew.js";

const POLL_MS = 15000;
const EVERY_MS = 60000; // ages and planned work move on without an event

export function startLive() {
  let timer = 0;
  let last = Number(document.getElementById("page")?.dataset.event ?? 0);
  let tick = Number(document.getElementById("page")?.dataset.tick ?? 0);
  const soon = (wait = 250) => {
    clearTimeout(timer);
    timer = setTimeout(() => attempt(), wait);
  };
  const attempt = () => renew().then(() => connected(true), () => connected(false));

  if ("EventSource" in window) {
    const stream = new EventSource("/source-health/events");
    stream.onopen = () => connected(true);
    stream.onmessage = (message) => {
      const said = JSON.parse(message.data);
      if (said.kind === "hello") {
        if (said.last_id !== last || (said.tick_at ?? 0) !== tick) soon();
        last = said.last_id;
        tick = said.tick_at ?? 0;
        return;
      }
      if (message.lastEventId) last = Number(message.lastEventId);
      soon();
    };
    stream.onerror = () => connected(false);
    addEventListener("pagehide", () => stream.close());
    setInterval(() => { if (stream.readyState !== EventSource.OPEN) attempt(); }, POLL_MS);
  } else {
    setInterval(attempt, POLL_MS);
  }
  setInterval(() => { if (!document.hidden) attempt(); }, EVERY_MS);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(0); });
}

function connected(yes) {
  document.documentElement.classList.toggle("cut-off", !yes);
}
