"""The alerts that an import's replay raised, put into the store: they exist, and no one was notified of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert, AlertState, Event, Transition
from busta_health_dagster.engines.alerting.transition import NotSent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.engines.alerting.routing import Considered
    from busta_health_dagster.pipeline.alerting.changes import Changes
    from busta_health_dagster.pipeline.alerting.engine import AlertEngine
    from busta_health_dagster.store import UnitOfWork

ENDED = "import ended"
UNTOLD = "imported history: no one was notified"


@dataclass(slots=True)
class Raised:
    """One alert of the replay, with everything that happened to it."""

    alert: Alert
    transitions: list[Transition] = field(default_factory=list)
    considered: tuple[Considered, ...] = ()


class Collector:
    """Tells the alerts of a replay apart, as the store would by their ids."""

    def __init__(self, book: AlertEngine) -> None:
        self._book = book
        self._raised: dict[int, Raised] = {}

    def take(self, changes: Changes) -> None:
        """Take in one pass."""
        for record in changes.records:
            alert = record.alert
            if alert.id is None:
                named = replace(alert, id=len(self._raised) + 1)
                # The book must know it by this number, too: a later alert of the same fingerprint has another one.
                if self._book.alerts.get(alert.fingerprint) is alert:
                    self._book.alerts[alert.fingerprint] = named
                alert = named
            assert alert.id is not None
            raised = self._raised.setdefault(alert.id, Raised(alert))
            raised.alert = alert
            raised.transitions += record.transitions
            raised.considered = raised.considered or record.considered

    def worth_keeping(self) -> list[Raised]:
        """Those that opened, or were kept from opening. One that was only ever pending is no one's history."""
        return [
            r
            for r in self._raised.values()
            if r.alert.opened_at is not None or any(t.event is Event.SUPPRESSED for t in r.transitions)
        ]


def save(uow: UnitOfWork, raised: Sequence[Raised], earlier: Sequence[int]) -> dict[str, list[tuple[int, int]]]:
    """Write the alerts, -> source -> (id, when it began). `earlier` are the ids of a former import of the same stretch:
    an alert that was raised again keeps its id, and with it the notes on its incident; the others are deleted.
    """
    by_birth = {_birth(a): a.id for a in uow.alerts.by_ids(earlier)}
    again = {_birth(r.alert): by_birth[_birth(r.alert)] for r in raised if _birth(r.alert) in by_birth}
    uow.alerts.delete(earlier, keep={key for key in again.values() if key is not None})
    # `save` answers by fingerprint, so each of a fingerprint's alerts goes in a round of its own.
    rounds: dict[int, list[tuple[Raised, Alert]]] = defaultdict(list)
    seen: Counter[str] = Counter()
    for r in raised:
        rounds[seen[r.alert.fingerprint]].append((r, _at_rest(r.alert, again.get(_birth(r.alert)))))
        seen[r.alert.fingerprint] += 1
    born: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for batch in rounds.values():
        saved = uow.alerts.save(alert for _, alert in batch)
        untold, ids = [], {}
        for r, alert in batch:
            name, key = alert.fingerprint, saved[alert.fingerprint].id
            assert key is not None
            ids[name] = key
            began = _birth(alert)[1]
            born[alert.source].append((key, began))
            uow.transitions.append(key, [replace(t, notify=()) for t in r.transitions], r.considered)
            untold.append(NotSent(began, name, "all", Event.OPENED, _why_untold(r)))
        uow.suppressions.append(untold, ids)
    return dict(born)


def _why_untold(raised: Raised) -> str:
    """One that maintenance or another alert kept from opening would have notified no one live, either."""
    held = next((t.reason for t in raised.transitions if t.event is Event.SUPPRESSED), "")
    return f"{held}; {UNTOLD}" if raised.alert.opened_at is None and held else UNTOLD


def _birth(alert: Alert) -> tuple[str, int]:
    return alert.fingerprint, alert.opened_at or alert.pending_at or 0


def _at_rest(alert: Alert, key: int | None) -> Alert:
    """No later verdict reaches it: the live pass must not continue what was imported."""
    if alert.state is AlertState.PENDING:
        alert = replace(alert, state=AlertState.CANCELLED)
    return replace(alert, id=key, history=0, held=(), notified=(), notified_before=(), mark=None)
