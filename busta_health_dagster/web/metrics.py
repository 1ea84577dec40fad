"""Prometheus metrics from the store: base units, counters that survive restarts.

Never a URL, an error text or an incident id as a label.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from busta_health_dagster import __version__
from busta_health_dagster.pipeline.app.freshness import LAST_TICK
from busta_health_dagster.pipeline.app.vantages import vantage_reports
from busta_health_dagster.pipeline.gate.jobs import jobs_of
from busta_health_dagster.pipeline.gate.verdicts import verdicts
from busta_health_dagster.pipeline.service_levels.windows import WINDOWS_S
from busta_health_dagster.pipeline.views.quota import quotas
from busta_health_dagster.pipeline.views.self_monitoring import failing_channels, self_monitoring_alerts
from busta_health_dagster.pipeline.views.status import FAILURES_OVER_S, health_of
from busta_health_dagster.pipeline.views.vantages import vantage_verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from prometheus_client import Metric

    from busta_health_dagster.domain.gate import UsableVerdict
    from busta_health_dagster.domain.health import FleetHealth, SourceHealth
    from busta_health_dagster.domain.quota import QuotaForecast
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

CONTENT_TYPE = CONTENT_TYPE_LATEST
_STATUSES = ("up", "degraded", "down", "unknown", "maintenance", "off_season")
COUNTERS = {
    "busta_checks_total": ("Checks of a source, by result.", ("source", "result")),
    "busta_notifications_total": ("Notifications, by channel and result.", ("channel", "result")),
    "busta_ticks_total": ("Ticks that ended.", ()),
    "busta_slots_missed_total": ("Slots of the tick that were asked for and in which none began: overload.", ()),
    "busta_dead_mans_switch_total": ("Calls of the dead-man's switch, by result.", ("result",)),
    "busta_baselines_restarted_total": ("Baselines that could not be read and started again.", ()),
}


def render(app: App) -> bytes:
    """The whole page in the text format. What there is per source is written here: the library takes 10 us a sample,
    and a fleet of 1,000 has 18,000.
    """
    registry = CollectorRegistry()
    with app.store.read() as uow:
        counters = uow.counters.all()
        states = uow.states.all()
        left = quotas(app, uow, states)
        health = health_of(app, uow, states)
        seen = list(vantage_verdicts(app, uow))
        usable = verdicts(app, uow, states, list(app.config.sources))
        registry.register(_Store(app, uow))
        rest = generate_latest(registry)
    each = (*_sources(health), _usable(usable), *_quotas(left), *_vantages(seen), *_counted(counters))
    return "".join(each).encode() + rest


def _usable(found: Mapping[str, UsableVerdict]) -> str:
    return _gauge(
        "busta_gate_usable",
        "1 while anything downstream may use a source, 0 while not.",
        ((f'source="{name}"', int(verdict.usable)) for name, verdict in found.items()),
    )


def _quotas(left: dict[str, QuotaForecast]) -> Iterator[str]:
    yield _gauge(
        "busta_quota_remaining",
        "Credits of a metered API that are left.",
        ((f'source="{name}"', one.remaining) for name, one in left.items()),
    )
    yield _gauge(
        "busta_quota_ends_at",
        "When they end at the present rate, epoch seconds; absent while no one knows, and where they do not end.",
        ((f'source="{name}"', one.ends_at) for name, one in left.items() if one.ends_at is not None),
    )


def _vantages(seen: Sequence[tuple[str, str, bool]]) -> Iterator[str]:
    """Nothing where no source has vantage points."""
    if seen:
        yield _gauge(
            "busta_vantage_up",
            "1 while a source is up or degraded from a vantage point, 0 while down; absent while no one knows.",
            ((f'source="{source}",vantage="{vantage}"', works) for source, vantage, works in seen),
        )


class _Store(Collector):
    def __init__(self, app: App, uow: UnitOfWork) -> None:
        self._app, self._uow = app, uow

    def collect(self) -> Iterator[Metric]:
        app, uow = self._app, self._uow
        tick = uow.meta.get(LAST_TICK)
        severities: dict[str, int] = {"warning": 0, "critical": 0}
        alerts = uow.alerts.open()
        for alert in alerts:
            if not alert.shadow:
                severities[alert.severity.word] = severities.get(alert.severity.word, 0) + 1
        waiting, oldest = uow.outbox.counts(), uow.outbox.oldest_age_s(app.now())
        monitor_alerts = Counter(alert.kind for alert in self_monitoring_alerts(app, uow, alerts))
        yield _one("busta_alerts_active", "Open alerts, by severity.", severities, "severity")
        yield _plain("busta_outbox_oldest_age_seconds", "Age of the oldest message that waits to be sent.", oldest)
        yield _plain("busta_outbox_dead", "Messages that were given up; someone must act.", waiting.get("dead", 0))
        if tick is not None:
            yield _plain("busta_last_tick_timestamp_seconds", "When the newest tick ended.", tick["at"])
            yield _plain("busta_tick_duration_seconds", "How long the newest tick took.", tick["duration_s"])
        accepted = "configuration" not in monitor_alerts
        yield _plain(
            "busta_config_last_reload_success", "1 while the files on disk are the configuration in force.", accepted
        )
        yield _plain(
            "busta_store_writable", "0 while the store refuses what a tick writes.", "store" not in monitor_alerts
        )
        text = "What busta up cannot do at present beside keeping its processes alive, such as writing a log."
        yield _plain("busta_supervisor_failing", text, monitor_alerts["supervisor"])
        text = "Channels that do not deliver: their breaker is open, or messages wait behind their word."
        yield _plain("busta_channels_failing", text, len(failing_channels(app, uow)))
        if reports := vantage_reports(uow, app.config.settings.vantages).at:
            reported = GaugeMetricFamily(
                "busta_vantage_last_report_timestamp_seconds", "When a vantage point reported last.", labels=["vantage"]
            )
            for name, at in reports.items():
                reported.add_metric([name], at)
            yield reported
        held = GaugeMetricFamily(
            "busta_gate_held_seconds", "How long a job behind the gate waits; 0 while none does.", labels=["job"]
        )
        waits: dict[str, int] = {}  # two code locations may have jobs of one name: one series, the longer wait
        for job in jobs_of(app, uow):
            waited = 0 if job.held_since is None else max(0, app.now() - job.held_since)
            waits[job.job] = max(waited, waits.get(job.job, 0))
        for name, waited in waits.items():
            held.add_metric([name], waited)
        yield held
        build = GaugeMetricFamily("busta_build_info", "The version that runs.", labels=["version", "config_sha"])
        build.add_metric([__version__, app.config.sha[:12]], 1)
        yield build


def _sources(health: FleetHealth) -> Iterator[str]:
    rows = health.rows
    shown = [(row, row.shown) for row in rows]
    yield _gauge(
        "busta_source_up",
        "1 up or degraded, 0 down; absent while no one knows, and off season.",
        (
            (f'source="{r.source}"', 0 if r.status == "down" else 1)
            for r, status in shown
            if status not in {"unknown", "off_season"} and r.status != "unknown"
        ),
    )
    yield _gauge(
        "busta_source_status",
        "1 for the status a source has.",
        ((f'source="{r.source}",status="{word}"', status == word) for r, status in shown for word in _STATUSES),
    )
    fresh = [row for row in rows if not row.stale]
    text = f"Share of failed observations over {FAILURES_OVER_S // 3600} hours, 0 to 1."
    each: tuple[tuple[str, str, Sequence[SourceHealth], Callable[[SourceHealth], float | None]], ...] = (
        (
            "busta_check_duration_seconds",
            "Response time of the newest observation that answered.",
            fresh,
            lambda r: _over(r.response_ms, 1000),
        ),
        ("busta_source_data_age_seconds", "Age of the newest data.", fresh, lambda r: r.data_age_s),
        ("busta_source_items", "Items in the newest payload.", fresh, lambda r: r.items),
        ("busta_source_quality_score_ratio", "Newest quality score, 0 to 1.", rows, lambda r: _over(r.quality, 100)),
        ("busta_source_failure_ratio", text, rows, lambda r: _over(r.failure_rate, 100)),
        (
            "busta_slo_error_budget_remaining_ratio",
            "What is left of the 30-day error budget; negative when overspent.",
            rows,
            lambda r: _over(r.budget, 100),
        ),
    )
    for name, said, of, value in each:
        yield _gauge(name, said, ((f'source="{r.source}"', v) for r in of if (v := value(r)) is not None))
    yield _gauge(
        "busta_source_metric",
        "The newest value of a custom metric, in its own unit.",
        ((f'source="{r.source}",metric="{metric}"', value) for r in fresh for metric, value in r.metrics.items()),
    )
    shares = [(r, window, v) for r in rows for window in WINDOWS_S if (v := r.uptime.get(window)) is not None]
    yield _gauge(
        "busta_slo_uptime_ratio",
        "Good slices / (good + bad), 0 to 1.",
        ((f'source="{r.source}",window="{window}"', share / 100) for r, window, share in shares),
    )
    yield _gauge(
        "busta_slo_burn_rate",
        "Share of bad slices / (1 - target); 1 spends exactly the budget.",
        (
            (f'source="{r.source}",window="{window}"', (100 - share) / (100 - r.target))
            for r, window, share in shares
            if r.target < 100
        ),
    )


def _gauge(name: str, text: str, samples: Iterable[tuple[str, float]]) -> str:
    """One family. Names of sources are `[a-z0-9_]`: nothing in a label needs escaping."""
    lines = [f"{name}{{{labels}}} {float(value)!r}\n" for labels, value in samples]
    return f"# HELP {name} {text}\n# TYPE {name} gauge\n{''.join(lines)}"


def _over(value: float | None, divisor: float) -> float | None:
    return None if value is None else value / divisor


def _one(name: str, text: str, values: dict[str, int], label: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _plain(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))


def _counted(stored: dict[str, float]) -> Iterator[str]:
    """Counters as the store keeps them: `name{label="value"}` -> total. Their labels are names out of the configuration."""
    lines: dict[str, list[str]] = {name: [] for name in COUNTERS}
    for key, value in stored.items():
        name, brace, _ = key.partition("{")
        if name in lines and bool(brace) == bool(COUNTERS[name][1]):
            lines[name].append(f"{key} {float(value)!r}\n")
    for name, (text, labels) in COUNTERS.items():
        if not labels and not lines[name]:
            lines[name].append(f"{name} 0.0\n")
        yield f"# HELP {name} {text}\n# TYPE {name} counter\n{''.join(lines[name])}"
