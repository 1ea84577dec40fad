"""The links of messages: made for one message on one channel, shown as what they would do, and used once."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.action_link import LIFETIME_S, LINK_PATH, SNOOZE_S, ActionLink, LinkAction
from busta_health_dagster.domain.alert import AlertState
from busta_health_dagster.domain.errors import HomeError, LinkRefused, MissingSecret, UnknownName
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.engines.action_links import alert_mark, read, sign, use_mark
from busta_health_dagster.pipeline.alerting.actions import acknowledge, snooze
from busta_health_dagster.pipeline.app.link_key import link_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.domain.notification import Notification
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Offer:
    """A valid link, the alert as it stands, and whether the link has just been used."""

    link: ActionLink
    alert: Alert
    done: bool = False


def action_urls(app: App, uow: UnitOfWork, notification: Notification, key: str, channel: str) -> Mapping[str, str]:
    """The signed addresses of a message about one open alert, by action; empty where it can have none. `key` is the message's: sent
    again, it carries the same links. OPEN is signed where the page asks people who they are.
    """
    alert = notification.alert
    about_source = notification.source is not None and notification.source.name in app.config.sources
    if alert is None or not notification.base_url or not about_source or alert.state != AlertState.OPEN or app.drill:
        return {}
    try:
        secret = link_key(app)
    except (MissingSecret, HomeError) as problem:
        _log.warning("Messages carry no signed links: %s", problem)
        return {}
    wanted = [LinkAction.ACK] if alert.acked is None else []
    wanted += [LinkAction.SNOOZE] if alert.snoozed is None else []
    if app.config.settings.web.trusted_proxy is not None or uow.access.tokens():
        wanted.append(LinkAction.OPEN)
    base = notification.base_url.rstrip("/") + LINK_PATH
    mark, expires = alert_mark(alert.fingerprint), app.now() + LIFETIME_S
    found = {}
    for action in wanted:
        link = ActionLink(action, alert.id, mark, channel, expires, use_mark(key, alert.id, action))
        found[action.value] = base + sign(secret, link)
    return found


def offered(app: App, text: str) -> Offer:
    """What a link would do, without doing it.

    Raises:
        LinkRefused: it may not be used (any more); the sentence says why, and what instead.
        StoreError: the store cannot be read.
        MissingSecret, HomeError: the key that would check it cannot be read.
    """
    link = read(link_key(app), text, app.now())
    with app.store.read() as uow:
        if link.action is not LinkAction.OPEN and (at := uow.used_links.used_at(link.use)) is not None:
            raise _used(at)
        return Offer(link, _alert_of(uow, link))


def use(app: App, text: str, *, note: str = "") -> Offer:
    """Do what a link permits, once. Raises as `offered`, and BadInput for a note that cannot be stored."""
    offer = offered(app, text)
    link = offer.link
    if link.action is LinkAction.OPEN:
        return offer

    def permit(uow: UnitOfWork) -> None:
        if not uow.used_links.take(link.use, app.now(), link.expires):
            raise _used(uow.used_links.used_at(link.use) or app.now())
        _alert_of(uow, link)

    if link.action is LinkAction.ACK:
        changed = acknowledge(app, [link.alert_id], actor=link.actor, note=note, permit=permit)
    else:
        changed = snooze(app, [link.alert_id], actor=link.actor, for_s=SNOOZE_S, note=note, permit=permit)
    return Offer(link, changed[0], done=True)


def _alert_of(uow: UnitOfWork, link: ActionLink) -> Alert:
    try:
        alert = uow.alerts.get(link.alert_id)
    except UnknownName as error:
        raise LinkRefused("missing", f"{error}. It may be older than the monitor keeps alerts.") from error
    if alert_mark(alert.fingerprint) != link.alert:
        raise LinkRefused(
            "foreign",
            f"This link is about another alert than {alert.id} here: it was made by another monitor. Use its page.",
        )
    if alert.state is not AlertState.OPEN and link.action is not LinkAction.OPEN:
        when = f" since {from_epoch(alert.resolved_at):%d %b %H:%M} UTC" if alert.resolved_at else ""
        raise LinkRefused("over", f"Alert {alert.id} ({alert.fingerprint}) is over{when}: nothing is left to do.")
    return alert


def _used(at: int) -> LinkRefused:
    return LinkRefused(
        "used",
        f"This link was used on {from_epoch(at):%d %b at %H:%M} UTC, and works once. What it did is on the source's page; to do "
        "something else, use the newest message or the page.",
    )
