# ruff: noqa: PLR0915 - a simulator reads best as tables and straight code
"""Synthetic source health with labelled events, seeded.

Made by eye to look like shared/data/detection/sim, then varied (worlds.py) in what a real fleet varies: noise, magnitudes,
missing polls, contaminated history, clock changes, level shifts, interval.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from replay import Fleet
from worlds import Variation

from busta_health_dagster.engines.anomaly.bank import WatchedSource
from busta_health_dagster.engines.baseline.known_events import Calendar, KnownEvent

START = 1_788_134_400  # Monday 2026-08-31 00:00 UTC
DAY, WEEK = 86_400, 604_800
# cadence s, items level, daily swing (log), phase h, weekend, event lift, response ms and sigma, quality and its sigma
TYPES = {
    "odds_api": (300, 900, 1.7, 20, 0.45, 0.6, 260, 0.27, 97.0, 0.57),
    "scores_feed": (60, 400, 2.8, 21, 0.8, 1.0, 140, 0.20, 98.0, 0.40),
    "news_rss": (900, 50, 1.2, 15, -0.4, 0.3, 380, 0.35, 92.5, 1.52),
    "social": (300, 2500, 1.0, 18, 0.1, 0.7, 850, 0.40, 85.0, 2.38),
    "scraper": (1800, 130, 0.45, 14, 0.0, 0.0, 1500, 0.48, 90.0, 2.06),
    "batch_file": (21600, 0, 0.0, 0, 0.0, 0.0, 700, 0.24, 98.9, 0.29),
}
EXPECT = {
    "outage": 10,
    "partial_outage": 20,
    "flapping": 30,
    "latency_step": 20,
    "latency_ramp": 180,
    "latency_spikes": 60,
    "volume_drop": 30,
    "volume_surge": 30,
    "variance_up": 120,
    "quality_dip": 20,
    "quality_drift": 2880,
    "deploy_shift": 30,
    "frozen": 90,
    "stale": 60,
}


def _ar(n: int, phi: float, sigma: float, draw) -> np.ndarray:
    out = np.empty(n)
    e = draw(n) * sigma * np.sqrt(1 - phi * phi)
    state = draw(1)[0] * sigma
    for i in range(n):
        state = phi * state + e[i]
        out[i] = state
    return out


def _drawer(rng: np.random.Generator, noise: str):
    if noise == "t4":
        return lambda n: rng.standard_t(4, n) / np.sqrt(2.0)
    if noise == "laplace":
        return lambda n: rng.laplace(0, 1 / np.sqrt(2), n)
    return rng.standard_normal


def generate(variation: Variation, seed: int, per_type: int = 2) -> Fleet:
    """A fleet of 6 x per_type sources. Truth has the format of score_alarms.py."""
    v, rng = variation, np.random.default_rng([seed, 7919])
    step, n = v.interval_s, v.weeks * WEEK // v.interval_s
    slots = START + step * np.arange(n, dtype=np.int64)
    known = _calendar(v.weeks, rng)
    names, sources, columns, truth = [], [], [], []
    maintenance = np.zeros((n, len(TYPES) * per_type), bool)
    for j in range(len(TYPES) * per_type):
        kind = list(TYPES)[j % len(TYPES)]
        name = f"{kind}_{j:03d}_s{seed}"
        names.append(name)
        sources.append(WatchedSource(name, f"{kind}#{seed}", step, float(TYPES[kind][0])))
        series, events, windows = _source(v, rng, kind, slots, known, name)
        columns.append(series)
        truth += events
        for a, b in windows:
            maintenance[(slots >= a) & (slots < b), j] = True
    return Fleet(sources, slots, np.stack(columns, axis=2), Calendar(known), maintenance, truth)


def _calendar(weeks: int, rng: np.random.Generator) -> list[KnownEvent]:
    out = []
    for w in range(weeks):
        base = START + w * WEEK
        out += [KnownEvent("nfl_night", base + day * DAY + 900, base + day * DAY + 13_500) for day in (1, 4)]
        if w > 0 or rng.random() < 0.9:
            out.append(KnownEvent("nfl_sunday", base + 6 * DAY + 61_200, base + 6 * DAY + 102_600))
    return out


def _source(v: Variation, rng, kind, slots, known, name):
    cadence, mean, swing, phase, rest, lift, response, rs, quality, qs = TYPES[kind]
    n, step = len(slots), v.interval_s
    draw = _drawer(rng, v.noise)
    fast = step / 300.0
    strong = v.noise == "strong_ar"
    burst = np.exp(0.35 * _ar(n, 0.995**fast, 1.0, rng.standard_normal)) if v.noise == "bursty" else np.ones(n)
    local = slots.copy()
    if v.clock_change:
        local = np.where(slots >= START + int((v.weeks - 1.5) * WEEK), slots - 3600, slots)
    hour = (local % DAY) / 3600
    shape = 0.5 * swing * np.cos((hour - phase - rng.normal(0, 0.7)) * np.pi / 12) + 0.18 * swing * np.cos(
        (hour - phase) * np.pi / 6 + rng.normal(0, 0.5)
    )
    weekend = ((local // DAY + 3) % 7 >= 5).astype(float)
    event = np.zeros(n)
    for e in known:
        inside = (slots >= e.start) & (slots < e.end)
        x = (slots[inside] - e.start) / (e.end - e.start)
        event[inside] = (1.4 if e.kind == "nfl_sunday" else 0.8) * np.sin(np.pi * (0.12 + 0.8 * x))
    noise = v.noise_scale * burst
    wander = _ar(n, (0.97 if strong else 0.93) ** fast, 0.16 if strong else 0.09, draw)
    log_mu = (
        np.log(max(mean, 1) * rng.lognormal(0, 0.5))
        + shape
        + rest * weekend * rng.uniform(0.7, 1.2)
        + lift * rng.uniform(0.8, 1.1) * event
        + v.noise_scale * wander
    )
    white = 0.19 * noise * draw(n)
    r_scale = rs * noise
    log_r = (
        np.log(response * rng.lognormal(0, 0.3))
        + 0.05 * np.cos((hour - phase) * np.pi / 12)
        + 0.15 * event * (lift > 0)
    )
    log_r += r_scale * (0.65 * _ar(n, (0.93 if strong else 0.78) ** fast, 1.0, draw) + 0.75 * draw(n))
    tail = rng.random(n) < 0.0022
    log_r[tail] += rng.exponential(1.0, tail.sum()) + 0.7
    q = (
        quality
        + rng.normal(0, 0.6)
        + 0.1 * qs * np.cos((hour - 6) * np.pi / 12)
        + qs * noise * (0.95 * _ar(n, (0.85 if strong else 0.66) ** fast, 1.0, draw) + 0.28 * draw(n))
    )
    up = np.ones(n)
    up[rng.random(n) < v.flaky * fast] = 0
    stale = np.zeros(n, bool)
    frozen = np.zeros(n, bool)
    events = []
    windows = _benign(v, rng, slots, up, log_mu)
    if v.level_shifts:
        at = int(n * rng.uniform(0.15, 0.55))
        log_mu[at:] += rng.choice([-1, 1]) * rng.uniform(0.4, 0.7)
        log_r[int(n * rng.uniform(0.15, 0.55)) :] += rng.uniform(-0.6, 0.6)
    for event_kind, a, b, magnitude in _plan(v, rng, kind, slots, windows):
        _apply(event_kind, slice(a, b), magnitude, rng, up, log_mu, log_r, q, white, stale, frozen)
        until = slots[a] + 7200 if event_kind == "deploy_shift" else int(slots[min(b, n - 1)])
        events.append(
            {
                "source": name,
                "kind": event_kind,
                "alarm": True,
                "start": int(slots[a]),
                "end": int(until),
                "magnitude": float(magnitude),
                "expect_within_min": max(EXPECT[event_kind], 3 * step // 60),
            }
        )
    mu = np.exp(log_mu + white)
    if kind == "batch_file":
        items = np.where(rng.random(n) < 0.02, rng.poisson(130, n), 0).astype(float)
    else:
        items = rng.poisson(np.minimum(mu, 1e8)).astype(float)
    items = np.where(stale & (items > 0), rng.poisson(np.maximum(mu * rng.uniform(0.02, 0.25), 0.3)), items)
    q = np.round(np.clip(q, 0, 100), 2)
    response_ms = np.round(np.minimum(np.exp(log_r), 30_000.0), 1)
    age = _age(rng, slots, cadence, step, stale, up)
    for i in np.nonzero(frozen)[0]:
        items[i], q[i] = items[i - 1], q[i - 1]
    out = np.stack([up, response_ms, items, q, age])
    out[1:4, up == 0] = np.nan
    gone = rng.random(n) < v.missing
    for _ in range(rng.poisson(0.1 * v.weeks)):
        a = rng.integers(0, n)
        gone[a : a + int(rng.uniform(3600, 9000) / step)] = True
    out[:, gone] = np.nan
    return out, events, windows


def _benign(v, rng, slots, up, log_mu):
    n, step, windows = len(slots), v.interval_s, []
    for _ in range(rng.poisson(0.27 * v.weeks)):
        a = int(rng.integers(n // 20, n - 30))
        b = min(a + int(rng.uniform(1200, 3600) / step) + 1, n)
        up[a:b] = 0
        windows.append((int(slots[a]), int(slots[b - 1]) + step))
    for _ in range(rng.poisson(0.27 * v.weeks)):
        a = int(rng.integers(0, n - 30))
        log_mu[a : a + DAY // step] += rng.uniform(-0.12, 0.09)
    return windows


def _plan(v, rng, kind, slots, windows):
    """Events of one source, not overlapping: (kind, first, last, magnitude)."""
    n, step = len(slots), v.interval_s
    kinds = [
        "outage",
        "partial_outage",
        "flapping",
        "latency_step",
        "latency_ramp",
        "latency_spikes",
        "quality_dip",
        "quality_drift",
        "deploy_shift",
        "stale",
    ]
    if kind != "batch_file":
        kinds += ["volume_drop", "volume_surge", "variance_up", "frozen", "frozen", "stale"]
    weeks = v.weeks if v.cold or v.contaminated else v.weeks - 3
    first = 0 if v.cold or v.contaminated else 3 * WEEK // step
    taken = [((a - slots[0]) // step, (b - slots[0]) // step) for a, b in windows]
    out, g = [], v.magnitude
    for _ in range(rng.poisson(v.events_per_week * weeks)):
        event = str(rng.choice(kinds))
        minutes = {
            "outage": (25, 120),
            "partial_outage": (80, 220),
            "flapping": (80, 360),
            "latency_step": (60, 240),
            "latency_ramp": (290, 300),
            "latency_spikes": (100, 180),
            "volume_drop": (50, 180),
            "volume_surge": (50, 180),
            "variance_up": (150, 240),
            "quality_dip": (25, 120),
            "quality_drift": (5700, 5800),
            "deploy_shift": (5700, 5800),
            "frozen": (110, 260),
            "stale": (70, 290),
        }[event]
        length = max(int(rng.uniform(*minutes) * 60 / step), 4)
        if event == "stale":
            length += int(TYPES[kind][0] * 1.3 / step)
        magnitude = {
            "latency_step": rng.uniform(2.5, 5) ** g,
            "latency_ramp": rng.uniform(3, 5) ** g,
            "latency_spikes": rng.uniform(7, 12) ** g,
            "volume_drop": rng.uniform(0.2, 0.45) ** g,
            "volume_surge": rng.uniform(2.2, 4) ** g,
            "variance_up": 1 + g * rng.uniform(3, 5),
            "quality_dip": g * rng.uniform(9, 16),
            "quality_drift": g * rng.uniform(9, 14),
            "deploy_shift": g * rng.uniform(8, 12),
            "partial_outage": rng.uniform(0.4, 0.8),
            "flapping": rng.integers(1, 3),
        }.get(event, 1.0)
        a = int(rng.integers(max(first, 48), max(n - length - 2, first + 49)))
        b = min(a + length, n - 1)
        if any(a - 40 * 300 / step < y and x < b + 40 * 300 / step for x, y in taken):
            continue
        taken.append((a, b))
        out.append((event, a, b, magnitude))
    return out


def _apply(event, where, magnitude, rng, up, log_mu, log_r, q, white, stale, frozen):
    length = where.stop - where.start
    if event == "outage":
        up[where] = 0
    elif event == "partial_outage":
        up[where] = np.where(rng.random(length) < magnitude, 0, up[where])
        up[where.start] = 0
    elif event == "flapping":
        up[where] = np.where((np.arange(length) // int(magnitude)) % 2 == 0, 0, 1)
    elif event == "latency_step":
        log_r[where] += np.log(magnitude)
    elif event == "latency_ramp":
        log_r[where] += np.log(magnitude) * np.linspace(0.05, 1, length)
    elif event == "latency_spikes":
        log_r[where] += np.log(magnitude) * (rng.random(length) < 0.35)
    elif event in {"volume_drop", "volume_surge"}:
        log_mu[where] += np.log(magnitude)
    elif event == "variance_up":
        white[where] = white[where] * np.sqrt(magnitude)
    elif event == "quality_dip":
        q[where] -= magnitude
    elif event == "quality_drift":
        q[where] -= magnitude * np.linspace(0, 1, length)
    elif event == "deploy_shift":
        q[where.start :] -= magnitude
    elif event == "frozen":
        frozen[where] = True
    elif event == "stale":
        stale[where] = True


def _age(rng, slots, cadence, step, stale, up):
    n = len(slots)
    offset = rng.uniform(0, cadence)
    age = (slots - slots[0] + offset) % max(cadence, 1) * rng.uniform(0.92, 1.0) + rng.gamma(2.0, 0.02 * cadence + 8, n)
    if cadence <= step:
        age = 0.4 * cadence + rng.gamma(2.0, 0.03 * cadence + 4, n)
    run = 0.0
    for i in range(n):
        if stale[i]:
            run = (age[i] if run == 0 else run + step) + rng.normal(0, 20)
            age[i] = max(run, 1.0)
        else:
            run = 0.0
        if not up[i] and i and not stale[i]:
            age[i] = age[i - 1] + step
    return np.round(age)


def join(fleets: list[Fleet]) -> Fleet:
    """Several seeds side by side: one bank, but each seed's types are its own, so nothing is pooled across."""
    first = fleets[0]
    return replace(
        first,
        sources=[s for f in fleets for s in f.sources],
        values=np.concatenate([f.values for f in fleets], axis=2),
        maintenance=np.concatenate([f.maintenance for f in fleets], axis=1),
        truth=[e for f in fleets for e in f.truth],
    )
