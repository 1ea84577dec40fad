// The status page renews itself once a minute; it opens no stream, so that anyone may leave it open. What could not be renewed for
// three minutes is not known any more, and the page says so.
import { renew } from "./renew.js";

const EVERY_MS = 60000;
const LOST_MS = 3 * EVERY_MS;
let known = Date.now();

function mark() {
  const lost = Date.now() - known > LOST_MS;
  document.getElementById("lost").hidden = !lost;
  document.documentElement.classList.toggle("is-stale", lost || "stale" in document.getElementById("page").dataset);
}

function look() {
  mark();
  if (!document.hidden) renew().catch(() => {});
}

document.addEventListener("renewed", () => { known = Date.now(); mark(); });
document.addEventListener("visibilitychange", look);
setInterval(look, EVERY_MS);
