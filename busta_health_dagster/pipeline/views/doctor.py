"""What the doctor sees only in the store: open alerts whose channels the configuration does not have any more, and
messages that would carry no link, and calendars that do not say who is on call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import Problem
from busta_health_dagster.domain.units import iso
from busta_health_dagster.engines.alerting.rerouting import lost_channels
from busta_health_dagster.engines.alerting.routing import route
from busta_health_dagster.pipeline.alerting.on_call_calendars import gaps, kept_calendar
from busta_health_dagster.pipeline.app.links import base_url, works_here_only
from busta_health_dagster.wording.lists import listed, plural

if TYPE_CHECKING:
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

_AHEAD_S = 14 * 86_400


def store_findings(app: App) -> list[Problem]:
    """Warnings, each with its remedy.

    Raises:
        StoreError: the store cannot be read.
    """
    with app.store.read() as uow:
        return [*_orphans(app, uow), *_links(app, uow), *_calendars(app, uow)]


def orphaned_alerts(app: App) -> list[str]:
    """A sentence for every open alert that loses a channel under this configuration.

    Raises:
        StoreError: the store cannot be read.
    """
    with app.store.read() as uow:
        return [p.message for p in _orphans(app, uow)]


def _orphans(app: App, uow: UnitOfWork) -> list[Problem]:
    policy = app.config.policy
    found = []
    for alert in uow.alerts.open():
        gone = lost_channels(alert, policy.channels)
        source = app.rulebook.source(alert.source)
        if not gone or source is None:
            continue
        ladders = route(policy, source, alert.rule, alert.severity).ladders
        to = ", ".join(dict.fromkeys(x.policy.name for x in ladders))
        lost = ", ".join(gone)
        message = (
            f"Alert {alert.id} ({alert.fingerprint}) is open and loses {lost}: it moves to the current route ({to}), and "
            "anyone who is reached there is notified."
        )
        where = f"{app.config.dir}/alerts.yaml"
        found.append(Problem(where, "channels", message, f"put {lost} back if they should hear how it ends", "warning"))
    return found


def _links(app: App, uow: UnitOfWork) -> list[Problem]:
    if not app.config.policy.channels:
        return []
    url = base_url(app, uow)
    if url and not works_here_only(url):
        return []
    says = (
        f"Messages link to {url}, which works on this machine only." if url else "Messages carry no link: no page runs."
    )
    remedy = "web: {public_url: https://health.example.com}, the address at which people reach the page"
    return [Problem(f"{app.config.dir}/settings.yaml", "web.public_url", says, remedy, "warning")]


def _calendars(app: App, uow: UnitOfWork) -> list[Problem]:
    """Rotations whose calendar cannot be read, names someone unknown, or leaves hours of the next two weeks open."""
    now, found = app.now(), []
    for name, rotation in app.config.policy.on_call.items():
        if rotation.calendar is None:
            continue
        kept, place = kept_calendar(uow, name), f"on_call {name}"
        stand_in = rotation.shifts[0].turns[0]
        says: list[tuple[str, str]] = []
        if kept.problem:
            since = f"that of {iso(kept.read_at)} stays" if kept.read_at is not None else f"{stand_in} is notified"
            says.append(
                (f"The calendar of {name} cannot be read, {since}: {kept.problem}.", "see: its address or file")
            )
        if kept.unknown:
            says.append(
                (
                    f"The calendar of {name} names {listed(kept.unknown)}, whom `people` does not know.",
                    "people: {NAME: channel}",
                )
            )
        if kept.read_at is not None and (open_ := gaps(kept, now, min(now + _AHEAD_S, kept.until))):
            (start, end), *rest = open_
            more = f" and {plural(len(rest), 'more gap')}" if rest else ""
            hours = f"from {iso(start)} to {iso(end)}{more}"
            says.append(
                (
                    f"No one is on call in {name} {hours}: {stand_in} is notified then.",
                    "fill the gap in the calendar",
                )
            )
        says += [(f"The calendar of {name}: {note}.", "correct it in the calendar") for note in kept.notes]
        found += [Problem(f"{app.config.dir}/alerts.yaml", place, text, remedy, "warning") for text, remedy in says]
    return found
