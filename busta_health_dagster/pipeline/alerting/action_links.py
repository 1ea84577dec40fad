"""The links of messages: made for one message on one channel, shown as what they would do, and used once."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.action_link import LIFETIME_S, LINK_PATH, SNOOZE_S, ActionLink, LinkAction
from busta_health_dagster.domain.alert import AlertState
from busta_health_dagster.domain.errors import HomeError, LinkRefused, MissingSecret
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.engines.action_links import alerts_mark, read, sign, use_mark
from busta_health_dagster.pipeline.alerting.actions import acknowledge, snooze
from busta_health_dagster.pipeline.app.link_key import link_key
from busta_health_dagster.wording.lists import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.domain.notification import Notification
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Offer:
    """A valid link, what it is about as it stands now, what of its message it leaves out because that has ended, and whether it has
    just been used.
    """

    link: ActionLink
    alerts: tuple[Alert, ...]
    ended: tuple[Alert, ...] = ()
    done: bool = False


def action_urls(app: App, uow: UnitOfWork, notification: Notification, key: str, channel: str) -> Mapping[str, str]:
    """The signed addresses of a message about open alerts, by action, each for all of them; empty where it can have none. `key` is
    the message's: sent again, it carries the same links. OPEN is signed where the page asks people who they are.
    """
    about = notification.group or notification.alert
    ids = _open_ids(app, notification)
    if about is None or not ids or not notification.base_url or app.drill:
        return {}
    alerts = uow.alerts.by_ids(ids)
    try:
        secret = link_key(app)
    except (MissingSecret, HomeError) as problem:
        _log.warning("Messages carry no signed links: %s", problem)
        return {}
    wanted = [LinkAction.ACK] if about.acked is None else []
    wanted += [LinkAction.SNOOZE] if any(a.snoozed is None for a in alerts) else []
    if app.config.settings.web.trusted_proxy is not None or uow.access.tokens():
        wanted.append(LinkAction.OPEN)
    base = notification.base_url.rstrip("/") + LINK_PATH
    mark, expires = alerts_mark(a.fingerprint for a in alerts), app.now() + LIFETIME_S
    found = {}
    for action in wanted:
        text = sign(secret, ActionLink(action, ids, mark, channel, expires, use_mark(key, ids, action)))
        if text is not None:
            found[action.value] = base + text
    return found


def _open_ids(app: App, notification: Notification) -> tuple[int, ...]:
    """The alerts that are open as the message says it, in order."""
    if notification.group is not None:
        return tuple(sorted(m.alert_id for m in notification.group.members if m.open))
    alert, source = notification.alert, notification.source
    if alert is None or alert.state != AlertState.OPEN or source is None or source.name not in app.config.sources:
        return ()
    return (alert.id,)


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
        return _offer(uow, link)


def use(app: App, text: str, *, note: str = "") -> Offer:
    """Do what a link permits, once. Raises as `offered`, and BadInput for a note that cannot be stored."""
    offer = offered(app, text)
    link = offer.link
    if link.action is LinkAction.OPEN:
        return offer

    ended: list[Alert] = []

    def permit(uow: UnitOfWork) -> Sequence[int]:
        if not uow.used_links.take(link.use, app.now(), link.expires):
            raise _used(uow.used_links.used_at(link.use) or app.now())
        now = _offer(uow, link)
        ended.extend(now.ended)
        return [a.id for a in now.alerts if a.id is not None]

    if link.action is LinkAction.ACK:
        changed = acknowledge(app, link.alert_ids, actor=link.actor, note=note, permit=permit)
    else:
        changed = snooze(app, link.alert_ids, actor=link.actor, for_s=SNOOZE_S, note=note, permit=permit)
    return Offer(link, tuple(changed), tuple(ended), done=True)


def _offer(uow: UnitOfWork, link: ActionLink) -> Offer:
    alerts = uow.alerts.by_ids(link.alert_ids)
    if gone := sorted({*link.alert_ids} - {a.id for a in alerts}):
        raise LinkRefused(
            "missing", f"There is no alert {gone[0]} any more: it is older than the monitor keeps alerts."
        )
    if alerts_mark(a.fingerprint for a in alerts) != link.alerts:
        named = listed([str(key) for key in link.alert_ids])
        raise LinkRefused(
            "foreign",
            f"This link is about another alert than {named} here: it was made by another monitor. Use its page.",
        )
    if link.action is LinkAction.OPEN:
        return Offer(link, tuple(alerts))
    still = tuple(a for a in alerts if a.state is AlertState.OPEN)
    ended = tuple(a for a in alerts if a.state is not AlertState.OPEN)
    if not still:
        raise _over(ended)
    return Offer(link, still, ended)


def _over(ended: Sequence[Alert]) -> LinkRefused:
    last = max((a.resolved_at for a in ended if a.resolved_at), default=0)
    when = f" since {from_epoch(last):%d %b %H:%M} UTC" if last else ""
    if len(ended) == 1:
        one = ended[0]
        return LinkRefused("over", f"Alert {one.id} ({one.fingerprint}) is over{when}: nothing is left to do.")
    named = listed([a.fingerprint for a in ended])
    return LinkRefused("over", f"Each of the {len(ended)} alerts ({named}) is over{when}: nothing is left to do.")


def _used(at: int) -> LinkRefused:
    return LinkRefused(
        "used",
        f"This link was used on {from_epoch(at):%d %b at %H:%M} UTC, and works once. What it did is on the source's page; to do "
        "something else, use the newest message or the page.",
    )
