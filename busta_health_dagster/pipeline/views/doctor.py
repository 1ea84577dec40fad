"""What the doctor sees only in the store: open alerts whose channels the configuration does not have any more,
messages that would carry no link, calendars that do not say who is on call, and digests that their channel does not take.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import HomeError, MissingSecret, Problem
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.units import iso
from busta_health_dagster.engines.alerting.rerouting import lost_channels
from busta_health_dagster.engines.alerting.routing import route
from busta_health_dagster.pipeline.alerting.on_call_calendars import gaps, kept_calendar
from busta_health_dagster.pipeline.app.calendars import calendar_problems
from busta_health_dagster.pipeline.app.link_key import link_key
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
        return [*_orphans(app, uow), *_links(app, uow), *_calendars(app, uow), *_rotations(app, uow), *_digests(app)]


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


def _calendars(app: App, uow: UnitOfWork) -> list[Problem]:
    where = {calendar.name: calendar.where for calendar in app.config.calendars}
    remedy = "the place in `ical`, or `source` and `path`; it is tried again by itself"
    return [
        Problem(where[name], f"events {name}", says, remedy, "warning")
        for name, says in calendar_problems(app, uow).items()
    ]


def _digests(app: App) -> list[Problem]:
    """Channels that a digest is collected for, and whose kind takes none."""
    found = []
    policy = app.config.policy
    for index, route_ in enumerate(policy.routes):
        if route_.digest is None:
            continue
        steps = policy.escalations[route_.escalation].steps
        below = takewhile(lambda s: s.severity is None or s.severity < Severity.CRITICAL, steps)
        for name in dict.fromkeys(c for step in below for c in step.notify):
            spec = policy.channels.get(name)
            kind = app.channels.registry.get(spec.kind) if spec is not None else None
            if kind is not None and not kind.reports:
                says = f"The digest of {route_.digest.text} would go to {name}, and {kind.kind} takes no digest."
                remedy = f"notify {name} in a step of severity critical, which waits for no digest"
                where = f"{app.config.dir}/alerts.yaml"
                found.append(Problem(where, f"routes[{index}], digest", says, remedy, "warning"))
    return found


def _links(app: App, uow: UnitOfWork) -> list[Problem]:
    if not app.config.policy.channels:
        return []
    return [*_address(app, uow), *_signing(app)]


def _signing(app: App) -> list[Problem]:
    if app.config.settings.web.link_key is None and not app.home.link_key.exists():
        return []  # it is made with the first message
    try:
        link_key(app)
    except (MissingSecret, HomeError) as problem:
        says = f"Messages carry no links to acknowledge and snooze with one tap. {problem}"
        remedy = "web: {link_key: {env: BUSTA_LINK_KEY}}, or a private file in the home"
        return [Problem(f"{app.config.dir}/settings.yaml", "web.link_key", says, remedy, "warning")]
    return []


def _address(app: App, uow: UnitOfWork) -> list[Problem]:
    url = base_url(app, uow)
    if url and not works_here_only(url):
        return []
    says = (
        f"Messages link to {url}, which works on this machine only." if url else "Messages carry no link: no page runs."
    )
    remedy = "web: {public_url: https://health.example.com}, the address at which people reach the page"
    return [Problem(f"{app.config.dir}/settings.yaml", "web.public_url", says, remedy, "warning")]


def _rotations(app: App, uow: UnitOfWork) -> list[Problem]:
    """Rotations whose calendar cannot be read, names someone unknown, or leaves hours of the next two weeks open."""
    now, found = app.now(), []
    for name, rotation in app.config.policy.on_call.items():
        if rotation.calendar is None:
            continue
        kept, place = kept_calendar(uow, name, rotation.calendar), f"on_call {name}"
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
                    f"The calendar of {name} names {listed(kept.unknown)}, which `people` does not list.",
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
