"""What the last payload was, and how the source is configured, as plain lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.engines.latest_level import latest_level
from busta_health_dagster.engines.slope import crossing, theil_sen
from busta_health_dagster.pipeline.service_levels.windows import DAY_S
from busta_health_dagster.web.pages import texts
from busta_health_dagster.wording import glyphs, lists, numbers, sentences
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.values import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from busta_health_dagster.pipeline.views.page_anomalies import ShownAnomaly
    from busta_health_dagster.pipeline.views.source_page import SourcePage

_SINCE = re.compile(r" since \d{4}-\d\d-\d\d \d\d:\d\d UTC")
_MOST_POWERS = 99


@dataclass(frozen=True, slots=True)
class AnomalyRow:
    """`findings`: (what came and what was expected, how unlikely that is and which test saw it), strangest first."""

    since: int
    when: str
    findings: tuple[tuple[str, str], ...]
    score: str
    state: str
    lasts: bool


def anomalies(page: SourcePage) -> list[AnomalyRow]:
    """Newest first."""
    return [_anomaly(one, page.fleet.at) for one in page.anomalies]


def _anomaly(one: ShownAnomaly, now: int) -> AnomalyRow:
    state = f"lasts, {duration_text(max(now - one.since, 0))} so far"
    if one.until is not None:
        state = f"lasted {duration_text(max(one.until - one.since, 0))}"
        if "new normal" in one.ended:
            state += "; the new level is normal now"
    score = numbers.DASH if one.score is None else f"{min(one.score, _MOST_POWERS):.1f}".removesuffix(".0")
    return AnomalyRow(
        since=one.since,
        when=texts.moment(one.since, now),
        findings=tuple(_finding(part) for part in one.text.split("; ")),
        score=score if one.score is None or one.score <= _MOST_POWERS else f"over {_MOST_POWERS}",
        state=f"{state} · {one.notified}" if one.notified else state,
        lasts=one.until is None,
    )


def _finding(text: str) -> tuple[str, str]:
    """`X where Y was expected since T, odds Z to 1 against chance (step test)`; the row has its own column for T."""
    what, _, how = text.partition(", odds")
    return sentences.capital(_SINCE.sub("", what)), f"odds{how}" if how else ""


@dataclass(frozen=True, slots=True)
class Fed:
    """What the source feeds. `status` is a shape; `known`: it is an asset of this Dagster instance."""

    name: str
    status: str
    says: str
    known: bool


def feeds(page: SourcePage, built: Mapping[str, datetime | None]) -> list[Fed]:
    """Each with when it was built last, where Dagster knows it, and whether that was on bad data."""
    row, now = page.health, page.fleet.at
    state = f"its source is {glyphs.STATUS_WORD[row.shown]}" + (f", but {row.but}" if row.but else "")
    out = []
    for name in page.source.feeds:
        status, says = row.shown, state
        if name in built:
            at = built[name]
            if at is None:
                says = f"never built; {state}"
            else:
                then = int(at.timestamp())
                says = f"built {texts.moment(then, now)} UTC, {duration_text(max(now - then, 0))} ago"
                if row.unhealthy and row.since is not None:
                    before = then < row.since
                    says += ", before" if before else ", after"
                    says += f" its source became {glyphs.STATUS_WORD[row.shown]}"
                    status = "up" if before else row.shown
        out.append(Fed(name, status, says, name in built))
    return out


def payload(page: SourcePage) -> list[tuple[str, str]]:
    """What the last observation saw of the payload."""
    row = page.health
    newest = page.observations[-1] if page.observations else None
    out: list[tuple[str, str]] = []
    if page.source.light is not None and row.observed_at is not None:
        out.append(("Observed in full", _in_full(page, row.full_at or row.observed_at)))
    if row.http_status:
        out.append(("HTTP status", str(row.http_status)))
    if newest is not None and newest.size_bytes is not None:
        out.append(("Size", numbers.size(newest.size_bytes)))
    if row.items is not None:
        out.append(("Items", numbers.count(row.items)))
    if newest is not None and newest.tls_days_left is not None:
        out.append(("Certificate", f"{newest.tls_days_left:.0f} days left"))
    if page.sample is not None:
        rows, at = page.sample
        out.append(("Sample", f"{rows:,} rows, taken {texts.moment(at, page.fleet.at)} UTC"))
    out += [(key.replace("_", " "), _plain(value)) for key, value in row.facts.items()]
    return out


def _in_full(page: SourcePage, at: int) -> str:
    every = duration_text(page.source.full_every_s)
    return f"{texts.moment(at, page.fleet.at)} UTC, every {every}; light observations in between"


def _plain(value: Any) -> str:
    text = plain(value)
    return text if len(text) <= 200 else f"{text[:199]}…"


def configuration(page: SourcePage) -> list[tuple[str, str]]:
    """The resolved configuration, secrets by reference only; the probe's own keys as far as they say something."""
    shown, source = page.config, page.source
    sla = shown["sla"]
    shadow = {r.name for r in page.rules if r.shadow}
    out = [
        ("Every", f"{shown['interval']}, timeout {shown['timeout']}, {lists.plural(source.confirm, 'confirmation')}"),
        ("SLA", f"uptime {sla['uptime']} · quality {sla['quality']} · degraded counts as {sla['degraded']}"),
        ("Rules", " · ".join(f"{r.name} (shadow)" if r.name in shadow else r.name for r in page.rules) or "none"),
        ("Group", source.group),
        ("Tags", ", ".join(f"{k}: {v}" for k, v in source.tags.items())),
        ("Max data age", shown["max_data_age"] or ""),
        ("Quality", _quality_words(shown["quality"])),
    ]
    config = shown.get("config") or {}
    out += [
        (key.replace("_", " "), _expected(value) if key == "expect" and isinstance(value, dict) else _written(value))
        for key, value in config.items()
    ]
    return [(name, value) for name, value in out if value]


def _quality_words(spec: Mapping[str, Any] | None) -> str:
    if not spec:
        return ""
    words = {k.replace("_", " "): v for k, v in spec.items() if v not in (None, False, [], "")}
    return " · ".join(k if v is True else f"{k} {_written(v)}" for k, v in words.items())


_BOUNDS = {"min": "at least", "max": "at most", "equals": "is", "min_items": "at least", "max_items": "at most"}


def _expected(expect: Mapping[str, Any]) -> str:
    """`status 200 · json $.games: at least 3 items (warning)`: what an answer has to be."""
    said = []
    for name, wanted in expect.items():
        for one in wanted if isinstance(wanted, list) else [wanted]:
            words = _assertion(one) if isinstance(one, dict) else _written(one)
            if words:
                said.append(f"{name.replace('_', ' ')} {words}")
    return " · ".join(said)


def _assertion(one: Mapping[str, Any]) -> str:
    about = " ".join(str(one[k]) for k in ("path", "name", "header", "pattern") if one.get(k))
    said = [_written(one["value"])] if "value" in one and "op" not in one else []
    for key, value in one.items():
        if key in _BOUNDS and value not in (None, "", []):
            said.append(f"{_BOUNDS[key]} {value}" + (" items" if key.endswith("_items") else ""))
        elif key not in {"path", "name", "header", "pattern", "severity", "value"} and _written(value):
            said.append(f"{key.replace('_', ' ')} {_written(value)}")
    mild = " (warning)" if one.get("severity") == "warning" else ""
    return ": ".join(filter(None, (about, ", ".join(filter(None, said))))) + mild


def _written(value: Any) -> str:
    """A configured value in one line, without its empty parts."""
    if value in (None, "", [], {}, False):
        return ""
    if isinstance(value, dict):
        inner = [(k, _written(v)) for k, v in value.items()]
        return ", ".join(f"{k}: {v}" for k, v in inner if v)
    if isinstance(value, list):
        return "; ".join(filter(None, (_written(v) for v in value)))
    return str(value)


def quality_trend(days: Sequence[tuple[int, float | None]], until: int, limit: float | None) -> str:
    """Where the daily scores stand, if not within the limit, then where they head; nothing where there are too few days to say."""
    known = [((at - until) / DAY_S, q) for at, q in days if q is not None]
    dated = [(from_epoch(at).date(), q) for at, q in days]
    level = latest_level(dated, dated[-1][0], limit, "lower") if dated else None
    stands = "" if level is None or level.is_well else sentences.capital(level.words(numbers.score)) + "."
    slope = theil_sen([at for at, _ in known], [q for _, q in known])
    if slope is None:
        return stands
    said = f"{stands} Trend: {slope.direction}, {slope.sentence}".lstrip()
    in_days, why = crossing(slope, limit, "lower")
    if stands:
        in_days = None  # past the limit, or silent: no forecast of when that will be
    if in_days:
        said += f"; from {slope.level:.1f}, {limit:g} is crossed in {lists.plural(in_days, 'day')}"
    elif in_days == 0:
        said += f"; {why}"
    if missing := len(days) - len(known):
        said += f". No score on {lists.plural(missing, 'day')}"
    return f"{said}.".replace("-", numbers.MINUS)
