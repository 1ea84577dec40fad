"""What a channel is not sent now, because its route has a daily digest. What is critical never waits for one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert, Event
from busta_health_dagster.domain.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from busta_health_dagster.domain.digest import Digest
    from busta_health_dagster.domain.ladder import Ladder
    from busta_health_dagster.engines.alerting.transition import NotSent

_BEGINS = frozenset({Event.OPENED, Event.REOPENED, Event.FLAPPING_STARTED})


def digest_of(ladders: Sequence[Ladder], channel: str, severity: Severity) -> Digest | None:
    """The digest that what happens to an alert waits for on this channel; None: it is sent now. A channel that several routes
    name is only kept waiting where each of them has a digest.
    """
    if severity >= Severity.CRITICAL:
        return None
    mine = [x.digest for x in ladders if channel in x.names] or [x.digest for x in ladders]
    return mine[0] if mine and None not in mine else None


def collected(alert: Alert, now: float) -> tuple[tuple[str, ...], int] | None:
    """The channels that know of an open alert by a digest alone, and when the next one is sent; None: no channel does."""
    found = {c: digest for c in alert.notified if (digest := digest_of(alert.ladders, c, alert.severity)) is not None}
    return (tuple(found), min(digest.next(now) for digest in found.values())) if found else None


@dataclass(frozen=True, slots=True)
class DigestItem:
    """An alert of a digest, as it is when the digest is written. `times`: how often it began since the last one."""

    alert: Alert
    times: int


def digest_items(collected: Iterable[NotSent], alerts: Mapping[str, Alert]) -> tuple[DigestItem, ...]:
    """One item for each alert of which something was collected, whatever has become of it; the open ones first, then the worst,
    then those that began most often. `alerts` are the newest by fingerprint.
    """
    times: Counter[str] = Counter()
    for one in collected:
        times[one.fingerprint] += one.event in _BEGINS
    items = [DigestItem(alerts[name], n) for name, n in times.items() if name in alerts]
    return tuple(sorted(items, key=_order))


def _order(item: DigestItem) -> tuple[bool, int, int, str]:
    alert = item.alert
    return not alert.active, -alert.severity, -item.times, alert.fingerprint
