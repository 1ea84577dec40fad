"""The resolved configuration as a person may see it: defaults filled in, secrets masked, every source with the line
it came from.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from enum import IntEnum, StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from busta_health_dagster.domain.fields import SecretRef
from busta_health_dagster.domain.units import config_duration, iso
from busta_health_dagster.domain.weekly_hours import span_text

if TYPE_CHECKING:
    from busta_health_dagster.domain.maintenance import Window
    from busta_health_dagster.domain.near_events import EventCalendar, NearEvents
    from busta_health_dagster.domain.on_call import Rotation
    from busta_health_dagster.domain.policy import Mute
    from busta_health_dagster.domain.rule import Condition, Rule
    from busta_health_dagster.domain.source import Selector, Source
    from busta_health_dagster.settings.config import Config
    from busta_health_dagster.settings.secret import Secrets


def show(config: Config, secrets: Secrets) -> dict[str, Any]:
    """Plain data, ready for YAML or JSON. A secret reads `{env: NAME} (set)` or `(missing)`."""
    policy = config.policy
    out = {
        "config_dir": str(config.dir),
        "files": list(config.files),
        "sha": config.sha,
        "loaded_at": iso(config.loaded_at),
        "tick": config_duration(config.tick_s),
        "settings": config.settings,
        "sources": [_source(source) for source in config.sources.values()],
        "control": [_source(source) for source in config.control],
        "consumers": [
            {
                "name": c.name,
                "from": c.where,
                "sources": c.sources,
                "min_quality": c.policy.min_quality,
                "max_data_age": _duration(c.policy.max_data_age_s),
                "unknown": c.policy.unknown,
            }
            for c in config.consumers.values()
        ],
        "rules": [_rule(rule) for rule in config.rules],
        "channels": [
            {
                "name": c.name,
                "from": c.where,
                "kind": c.kind,
                "fallback": c.fallback,
                "events": c.events,
                "per_minute": c.per_minute,
                "config": c.config,
            }
            for c in policy.channels.values()
        ],
        **({"on_call": [_rotation(r) for r in policy.on_call.values()]} if policy.on_call else {}),
        "escalations": [
            {
                "name": e.name,
                "steps": [
                    {"after": config_duration(s.after_s), "severity": s.severity, "notify": s.notify} for s in e.steps
                ],
                "repeat": {"every": _duration(e.repeat_s), "when": "changed"}
                if e.repeat_changed
                else _duration(e.repeat_s),
                "ack_timeout": config_duration(e.ack_timeout_s),
                **({"ack": "sticky"} if e.sticky_ack else {}),
            }
            for e in policy.escalations.values()
        ],
        "routes": [
            {"from": r.where, "select": _select(r.select), "escalation": r.escalation, "continue": r.continue_}
            | ({} if r.mute is None else {"mute": _mute(r.mute)})
            | ({} if r.digest is None else {"digest": r.digest.text})
            for r in policy.routes
        ],
        "inhibit": [
            {"source": _select(i.source), "target": _select(i.target), "equal": i.equal} for i in policy.inhibitions
        ],
        "grouping": {
            "by": policy.grouping.by,
            "wait": config_duration(policy.grouping.wait_s),
            "interval": config_duration(policy.grouping.interval_s),
            "storm": policy.grouping.storm,
        },
        "windows": [_window(window) for window in config.windows],
        "events": [*map(_window, config.events), *(_calendar(calendar) for calendar in config.calendars)],
    }
    plain: dict[str, Any] = _plain(out, secrets)
    return plain


def show_source(source: Source, secrets: Secrets) -> dict[str, Any]:
    """One source of it."""
    plain: dict[str, Any] = _plain(_source(source), secrets)
    return plain


def show_yaml(config: Config, secrets: Secrets) -> str:
    """The same as YAML text."""
    import yaml

    return yaml.safe_dump(show(config, secrets), sort_keys=False, allow_unicode=True, width=160)


def _plain(value: Any, secrets: Secrets) -> Any:
    if isinstance(value, SecretRef):
        return f"{value} ({'set' if secrets.has(value) else 'missing'})"
    if isinstance(value, BaseModel):
        # The model writes its own durations and shares; references are taken from the values, before they become
        # mappings.
        written = value.model_dump(by_alias=True, mode="python")
        names = {name: field.alias or name for name, field in type(value).model_fields.items()}
        return {alias: _either(getattr(value, name), written.get(alias), secrets) for name, alias in names.items()}
    if isinstance(value, dict):
        return {str(key): _plain(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner, secrets) for inner in value]
    if isinstance(value, IntEnum):
        return value.name.lower()
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Fraction):
        return f"{float(value * 100):g}%"
    if isinstance(value, datetime):
        return value.isoformat(timespec="minutes")
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _either(value: Any, written: Any, secrets: Secrets) -> Any:
    """A container or a model is walked, for what is secret in it; a plain value is taken as its model writes it."""
    if isinstance(value, BaseModel | dict | list | tuple):
        return _plain(value, secrets)
    return _plain(written, secrets)


def _source(source: Source) -> dict[str, Any]:
    quality = source.quality
    return {
        "name": source.name,
        "from": source.where,
        "type": source.type,
        "probe": source.probe,
        "interval": config_duration(source.interval_s),
        "timeout": config_duration(source.timeout_s),
        "confirm": source.confirm,
        "tier": source.tier,
        "group": source.group,
        "description": source.description,
        "tags": source.tags,
        "owners": source.owners,
        "runbook": source.runbook,
        "feeds": source.feeds,
        **({"depends_on": source.depends_on} if source.depends_on else {}),
        **({"vantages": source.vantages} if source.vantages else {}),
        "cadence": _duration(source.cadence_s),
        "max_data_age": _duration(source.stale_after_s),
        "active": None if source.active is None else source.active.as_config(),
        **({"near_events": _near(source.near_events)} if source.near_events is not None else {}),
        "sla": {"uptime": source.sla.uptime, "quality": source.sla.quality, "degraded": source.sla.degraded},
        "quality": None
        if quality is None
        else {
            "suite": quality.suite,
            "validator": quality.validator,
            "validator_scale": quality.validator_scale,
            "every": config_duration(quality.every_s),
            "rows": quality.rows,
            "fetch": quality.fetch,
            "public_columns": quality.public_columns,
            "key_columns": quality.key_columns,
            "push_down": quality.push_down,
            "reconcile": None if quality.reconcile is None else asdict(quality.reconcile),
            "dbt": None
            if quality.dbt is None
            else {
                "target": quality.dbt.target,
                "node": quality.dbt.node,
                "max_age": config_duration(quality.dbt.max_age_s),
            },
        },
        "gate": {
            "min_quality": source.gate.min_quality,
            "max_data_age": _duration(source.gate.max_data_age_s),
            "unknown": source.gate.unknown,
        },
        "asset": source.asset,
        "concurrency": source.concurrency,
        "concurrency_per_host": source.concurrency_per_host,
        "allow_private": source.allow_private,
        "metered": None
        if source.metered is None
        else {"per_month": source.metered.per_month, "each": source.metered.each},
        "rollout": None if source.shadow_until is None else {"until": iso(source.shadow_until)},
        "config": source.config,
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "from": rule.where,
        "pattern": rule.pattern,
        rule.combine: [_condition(c) for c in rule.conditions],
        "for": rule.for_,
        "over": _duration(rule.over_s),
        "min_bad": rule.min_bad,
        "intervals": rule.intervals,
        "within": _duration(rule.within_s),
        "recover_after": rule.recover_after,
        "recover_limit": rule.recover_limit,
        "confirm": rule.confirm,
        "severity": rule.severity,
        "select": _select(rule.select),
        "shadow": rule.shadow,
        "overrides": [{"select": _select(o.select), **o.changes} for o in rule.overrides],
        "runbook": rule.runbook,
    }


def _condition(condition: Condition) -> str:
    over = f" ({condition.agg} over {config_duration(condition.over_s)})" if condition.over_s else ""
    value = condition.value if isinstance(condition.value, str) else f"{condition.value:g}"
    return f"{condition.metric} {condition.op} {value}{over}"


def _rotation(rotation: Rotation) -> dict[str, Any]:
    calendar = rotation.calendar
    if calendar is not None:
        place = {"url": str(calendar.url)} if calendar.url is not None else {"path": str(calendar.path)}
        return {
            "name": rotation.name,
            "zone": rotation.zone,
            "calendar": place,
            "people": dict(calendar.people),
            "otherwise": rotation.shifts[0].turns[0],
        }
    return {
        "name": rotation.name,
        "zone": rotation.zone,
        "start": rotation.start,
        "every": "week" if rotation.every_days == 7 else "day",
        "shifts": [{"at": [span_text(span) for span in s.spans], "turns": s.turns} for s in rotation.shifts],
        "overrides": [{"start": iso(o.start), "end": iso(o.end), "channel": o.channel} for o in rotation.overrides],
    }


def _mute(mute: Mute) -> dict[str, Any]:
    shown = {"zone": mute.hours.zone, "quiet": [span_text(span) for span in mute.hours.spans]}
    return shown if mute.unless is None else {**shown, "unless": mute.unless.word}


def _select(selector: Selector) -> dict[str, Any]:
    names = ("names", "types", "tags", "tiers", "owners", "groups", "rules", "severities")
    return {name: held for name in names if (held := getattr(selector, name))}


def _window(window: Window) -> dict[str, Any]:
    return {
        "name": window.name,
        "from": window.where,
        "select": _select(window.select),
        "start": window.start,
        "zone": window.zone,
        "duration": config_duration(window.duration_s),
        "rrule": window.rrule,
        "exdates": window.exdates,
        "reason": window.reason,
    }


def _calendar(calendar: EventCalendar) -> dict[str, Any]:
    place = (
        {"ical": str(calendar.ical)} if calendar.source is None else {"source": calendar.source, "path": calendar.path}
    )
    return {
        "name": calendar.name,
        "from": calendar.where,
        "select": _select(calendar.select),
        **place,
        "zone": calendar.zone,
        "duration": config_duration(calendar.duration_s),
        "refresh": config_duration(calendar.refresh_s),
    }


def _near(near: NearEvents) -> dict[str, Any]:
    return {
        "calendar": near.calendar,
        "before": config_duration(near.before_s),
        "after": config_duration(near.after_s),
        "max_data_age": _duration(near.max_data_age_s),
        "interval": _duration(near.interval_s),
        "severity": None if near.severity is None else near.severity.word,
    }


def _duration(seconds: int | None) -> str | None:
    return None if seconds is None else config_duration(seconds)
