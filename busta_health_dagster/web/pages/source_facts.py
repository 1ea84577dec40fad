"""What the last payload was, and how the source is configured, as plain lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from busta_health_dagster.web.pages import texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.pipeline.source_page import SourcePage


def payload(page: SourcePage) -> list[tuple[str, str]]:
    """What the last look saw of the payload."""
    row = page.health
    newest = page.looks[-1] if page.looks else None
    out: list[tuple[str, str]] = []
    if row.http_status:
        out.append(("HTTP status", str(row.http_status)))
    if newest is not None and newest.size_bytes is not None:
        out.append(("Size", texts.size(newest.size_bytes)))
    if row.items is not None:
        out.append(("Items", texts.count(row.items)))
    if newest is not None and newest.tls_days_left is not None:
        out.append(("Certificate", f"{newest.tls_days_left:.0f} days left"))
    if page.sample is not None:
        rows, at = page.sample
        out.append(("Sample", f"{rows:,} rows, taken {texts.moment(at, page.fleet.at)} UTC"))
    out += [(key.replace("_", " "), _plain(value)) for key, value in row.facts.items()]
    return out


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 200 else f"{text[:199]}…"


def configuration(page: SourcePage) -> list[tuple[str, str]]:
    """The resolved configuration, secrets by reference only; the probe's own keys as far as they say something."""
    shown, source = page.config, page.source
    sla = shown["sla"]
    shadow = {r.name for r in page.rules if r.shadow}
    out = [
        ("Every", f"{shown['interval']}, timeout {shown['timeout']}, {texts.plural(source.confirm, 'confirmation')}"),
        ("SLA", f"uptime {sla['uptime']} · quality {sla['quality']} · degraded counts as {sla['degraded']}"),
        ("Rules", " · ".join(f"{r.name} (shadow)" if r.name in shadow else r.name for r in page.rules) or "none"),
        ("Group", source.group),
        ("Tags", ", ".join(f"{k}: {v}" for k, v in source.tags.items())),
        ("Max data age", shown["max_data_age"] or ""),
        ("Quality", _quality_words(shown["quality"])),
    ]
    out += [(key.replace("_", " "), _written(value)) for key, value in (shown.get("config") or {}).items()]
    return [(name, value) for name, value in out if value]


def _quality_words(spec: Mapping[str, Any] | None) -> str:
    if not spec:
        return ""
    words = {k.replace("_", " "): v for k, v in spec.items() if v not in (None, False, [], "")}
    return " · ".join(k if v is True else f"{k} {_written(v)}" for k, v in words.items())


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
