// Time as the server counts it: the clock, the countdown, ages, and whether the monitor itself is silent.
const two = (n) => String(n).padStart(2, "0");

// As duration_text of wording/durations.py writes it.
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60), hours = Math.floor(whole / 3600), days = Math.floor(whole / 86400);
  if (whole < 60) return `${whole} s`;
  if (whole < 600) return whole % 60 ? `${minutes} min ${two(whole % 60)} s` : `${minutes} min`;
  if (minutes < 60) return `${minutes} min`;
  if (hours < 24) return minutes % 60 ? `${hours} h ${two(minutes % 60)} min` : `${hours} h`;
  return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

let skew = 0;
const local = () => Date.now() / 1000;
export const serverNow = () => local() + skew;

export function startClock() {
  const page = document.getElementById("page");
  if (!page) return;
  const adjust = () => { skew = Number(page.dataset.now) - local(); };
  const show = () => beat(page);
  adjust();
  document.addEventListener("renewed", () => { adjust(); show(); });
  show();
  setInterval(show, 1000);
}

function beat(page) {
  const now = serverNow();
  const at = new Date(now * 1000);
  const clock = document.getElementById("clock");
  const cut = document.documentElement.classList.contains("cut-off");
  if (clock) clock.textContent = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} UTC`;
  const next = Number(page.dataset.next) - now;
  const countdown = document.getElementById("countdown");
  if (countdown) countdown.textContent = cut ? " · connection lost, trying again" : next > 0 ? ` · next check in ${duration(next)}` : " · checking";
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const text = `${duration(now - Number(time.dataset.ago))} ago`;
    if (time.textContent !== text) time.textContent = text;
  }
  silent(page, now, at);
}

function silent(page, now, at) {
  const tick = Number(page.dataset.tick);
  const stale = tick === 0 || now - tick > Number(page.dataset.staleAfter);
  const banner = document.getElementById("stale");
  document.documentElement.classList.toggle("is-stale", stale);
  if (banner.hidden === stale) banner.hidden = !stale;
  if (!stale || tick === 0) return;
  const then = new Date(tick * 1000);
  const day = then.getUTCDate() === at.getUTCDate() ? "" : `${then.getUTCDate()} ${then.toLocaleString("en", { month: "short", timeZone: "UTC" })} `;
  const text = `${day}${two(then.getUTCHours())}:${two(then.getUTCMinutes())} UTC (${duration(now - tick)} ago)`;
  const since = document.getElementById("since");
  if (since.textContent !== text) since.textContent = text;
}
