"""The alert sensor, the timer behind the ticks; and two assets that show open alerts and maintenance in the catalog."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

import dagster as dg

from busta_health_dagster.defs.app_cache import cached_app
from busta_health_dagster.defs.fleet import GROUP
from busta_health_dagster.defs.instance_facts import instance_facts
from busta_health_dagster.defs.keys import own_key
from busta_health_dagster.defs.lineage import note_lineage
from busta_health_dagster.defs.metadata import plottable, table, texts
from busta_health_dagster.defs.resources import Monitor
from busta_health_dagster.defs.stopped import stopped
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.glyphs import SEVERITY, STATUS
from busta_health_dagster.wording.lists import listed
from busta_health_dagster.wording.sentences import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.pipeline.views.alert_list import Row

EVERY_S = 30
BUDGET_S = 5.0
"""Sensors of one code server may have to run one after another: this one yields what does not fit to the next."""
REFRESH_S = 3600
SHOWN_AT_MOST = 50
_ALERT_COLUMNS = ("alert", "open for", "next")
_WINDOW_COLUMNS = ("window", "when (UTC)", "sources", "reason")


@dg.sensor(
    name="alert_sensor",
    minimum_interval_seconds=EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Moves alerts on between the ticks: escalations, ends of snoozes and maintenance, observations that a killed "
    "tick left, what fails in this instance beside the sources. Observes again what has just failed, to confirm it. The messages "
    "leave through notification_sensor.",
)
def alert_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
    from busta_health_dagster.pipeline.observing.vantages import close_slots
    from busta_health_dagster.pipeline.tick.confirmation import confirmation_pass

    started = time.monotonic()
    with cached_app() as app:
        found = instance_facts(context.instance, app)
        here = context.code_location_origin
        asleep = stopped(context.instance, here.location_name if here is not None else None)
        close_slots(app)
        passed = alert_pass(app, instance=found, whole=False, stopped=asleep)
        confirmed = confirmation_pass(app)
        if passed.clock_note:
            context.log.warning(passed.clock_note)
        shown = 0
        if time.monotonic() - started < BUDGET_S:
            shown = show_changes(context.instance, app)
        repository = context.repository_def
        if repository is not None and time.monotonic() - started < BUDGET_S:
            note_lineage(app, context.instance, repository, here.location_name or "" if here is not None else "")
    both = passed, confirmed
    notified = sum(len(p.changes.notifications) for p in both)
    observations, opened, resolved = (sum(getattr(p, n) for p in both) for n in ("observations", "opened", "resolved"))
    return dg.SkipReason(
        f"{observations} observations evaluated, {opened} alerts opened, {resolved} resolved, {notified} messages put "
        f"into the outbox, {shown} assets shown again"
    )


def alert_assets(observed: Sequence[dg.AssetKey] = ()) -> list[dg.AssetsDefinition]:
    """Open alerts, of those that are `observed`; and maintenance."""

    @dg.asset(
        key=own_key("health", "open_alerts"),
        deps=observed,
        group_name=GROUP,
        description="Every alert that is open now, worst first, with who has it and what comes next. Shown again when one "
        "opens, escalates, is acknowledged or ends.",
        kinds={"python"},
        tags={"health/report": "open_alerts"},
    )
    def open_alerts(busta: Monitor) -> dg.MaterializeResult[None]:
        with busta.open() as app:
            return dg.MaterializeResult(metadata=alerts_metadata(app)[1])

    @dg.asset(
        key=own_key("health", "maintenance"),
        group_name=GROUP,
        description="Maintenance: the windows that are on now and the next ones, of the file and added by people. Their "
        "sources are watched all the same, and alerts do not open.",
        kinds={"python"},
        tags={"health/report": "maintenance"},
    )
    def maintenance(busta: Monitor) -> dg.MaterializeResult[None]:
        with busta.open() as app:
            return dg.MaterializeResult(metadata=maintenance_metadata(app)[1])

    return [open_alerts, maintenance]


def show_changes(instance: dg.DagsterInstance, app: App) -> int:
    """Materialize those of the two whose content changed, and each once an hour; -> how many."""
    now, shown = app.now(), 0
    both = ("open_alerts", alerts_metadata), ("maintenance", maintenance_metadata)
    for key, read in ((own_key("health", part), read) for part, read in both):
        name = f"shown:{key.to_user_string()}"
        with app.store.read() as uow:
            last = uow.meta.get(name)
        content, metadata = read(app)
        mark = hashlib.sha256(content.encode()).hexdigest()
        if last is not None and last["mark"] == mark and now - last["at"] < REFRESH_S:
            continue
        instance.report_runless_asset_event(dg.AssetMaterialization(asset_key=key, metadata=metadata))
        with app.store.write() as uow:
            uow.meta.put(name, {"mark": mark, "at": now})
        shown += 1
    return shown


def alerts_metadata(app: App) -> tuple[str, dict[str, dg.MetadataValue]]:
    """What counts as its content (no durations: they change by themselves), and what is shown."""
    from busta_health_dagster.pipeline.views.alert_list import listing

    found = listing(app)
    rows = [(_name(row.alert), duration_text(row.open_s), _next(row)) for row in found.rows[:SHOWN_AT_MOST]]
    if len(found.rows) > len(rows):
        rows.append((f"{len(found.rows) - len(rows)} more, none worse than these", "", ""))
    shown = table(_ALERT_COLUMNS, rows) if rows else dg.MetadataValue.text("No alert is open.")
    critical = sum(r.alert.severity.word == "critical" for r in found.rows)
    counts = {
        "open": found.open,
        "critical": critical,
        "not acknowledged": found.unacknowledged,
        "pending": len(found.pending),
        "held by maintenance": len(found.held),
        "in shadow mode": len(found.shadow),
    }
    causes = [clean(line.text) for line in found.causes]
    content = [f"{r.alert.id} {int(r.alert.severity)} {r.alert.step} {r.acknowledged} {r.coming}" for r in found.rows]
    metadata = {"alerts": shown} | texts({"what they share": listed(causes, most=10)}) | plottable(counts)
    return "\n".join([*content, *causes, str(counts)]), metadata


def _name(alert: Alert) -> str:
    """! warning weather_api / source-down (129): with spaces, where a narrow column may break it."""
    word = alert.severity.word
    return f"{SEVERITY[word]} {word} {clean(alert.fingerprint).replace('/', ' / ')} ({alert.id})"


def _next(row: Row) -> str:
    who = "not acknowledged" if row.alert.ack is None else f"acknowledged by {clean(row.acknowledged)}"
    return f"{who}; {clean(row.coming)}" if row.coming else who


def maintenance_metadata(app: App) -> tuple[str, dict[str, dg.MetadataValue]]:
    """The same for maintenance."""
    from busta_health_dagster.pipeline.maintenance.actions import listing

    found = [p for p in listing(app) if p.occurrence is not None]
    rows = []
    for p in found[:SHOWN_AT_MOST]:
        if p.occurrence is None:
            continue
        on = f"{STATUS['maintenance']} " if p.active else ""
        begin, end = (f"{from_epoch(x):%a %d %b %H:%M}" for x in (p.occurrence.start, p.occurrence.end))
        when = f"{begin} to {end}"
        rows.append((f"{on}{clean(p.window.name)}", when, clean(listed(p.sources)), clean(p.window.reason)))
    active = [p for p in found if p.active]
    counts = {
        "on now": len(active),
        "sources in it": len({n for p in active for n in p.sources}),
        "planned": len(found),
    }
    shown = table(_WINDOW_COLUMNS, rows) if rows else dg.MetadataValue.text("No maintenance is planned within a year.")
    return f"{rows}\n{counts}", {"windows": shown} | plottable(counts)
