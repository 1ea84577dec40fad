"""Alerts and their transitions: what happened, as `busta alerts explain` shows it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, select, update

from busta_health_dagster.domain.alert import Alert, AlertState, Event, Transition
from busta_health_dagster.domain.errors import UnknownName
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.engines.alerting.routing import Considered
from busta_health_dagster.store.schema.alerting import alert, alert_transition, suppression
from busta_health_dagster.store.schema.types import LARGEST_KEY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from busta_health_dagster.store.unit import UnitOfWork

_T = alert.c


class Alerts:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def save(self, alerts: Iterable[Alert]) -> dict[str, Alert]:
        """Insert those without an id, update the others, -> by fingerprint, each with its id.

        Raises: sqlalchemy.exc.IntegrityError: a second active alert of one fingerprint, which two passes at once
        would make.
        """
        saved = list(alerts)
        old = [_row(a) | {"key": a.id} for a in saved if a.id is not None]
        if old:
            fields: dict[str, Any] = {c: bindparam(c) for c in old[0] if c != "key"}
            self._uow.connection.execute(update(alert).where(_T.id == bindparam("key")).values(**fields), old)
        new = [a for a in saved if a.id is None]
        found = {a.fingerprint: a for a in saved if a.id is not None}
        if new:
            wish = self._uow.insert(alert).returning(_T.id, sort_by_parameter_order=True)
            ids = self._uow.connection.execute(wish, [_row(a) for a in new]).scalars().all()
            found |= {a.fingerprint: replace(a, id=key) for a, key in zip(new, ids, strict=True)}
        return found

    def get(self, key: int) -> Alert:
        """Raises UnknownName."""
        asked = select(_T.id, _T.data).where(_T.id == key)
        row = self._uow.connection.execute(asked).first() if key <= LARGEST_KEY else None
        if row is None:
            raise UnknownName(f"There is no alert {key}. See which there are with: busta alerts list --state all")
        return _alert(row)

    def by_ids(self, keys: Collection[int]) -> list[Alert]:
        """Those of these ids that exist, by id."""
        found: list[Alert] = []
        for some in batched(sorted(keys), 500):
            rows = self._uow.connection.execute(select(_T.id, _T.data).where(_T.id.in_(some)).order_by(_T.id))
            found += [_alert(row) for row in rows]
        return found

    def delete(self, keys: Collection[int], keep: Collection[int] = ()) -> None:
        """Take imported alerts back with all that was recorded of them. Of those in `keep` only the record goes: they
        are about to be saved again.
        """
        for table, column in ((alert_transition, alert_transition.c.alert_id), (suppression, suppression.c.alert_id)):
            self._uow.connection.execute(delete(table).where(column.in_(keys)))
        self._uow.connection.execute(delete(alert).where(_T.id.in_(set(keys) - set(keep))))

    def watched(self) -> dict[str, Alert]:
        """By fingerprint, the alerts that verdicts must still reach: active ones, and resolved ones that may flap or
        reopen.
        """
        rows = self._uow.connection.execute(select(_T.id, _T.data).where(_T.watched.is_(True)).order_by(_T.id))
        return {found.fingerprint: found for row in rows if (found := _alert(row))}

    def open(self) -> list[Alert]:
        """Open ones, the worst and then the oldest first."""
        asked = select(_T.id, _T.data).where(_T.watched.is_(True), _T.state == AlertState.OPEN.value)
        rows = self._uow.connection.execute(asked.order_by(_T.severity.desc(), _T.opened_at, _T.id))
        return [_alert(row) for row in rows]

    def latest(self, fingerprints: Collection[str]) -> dict[str, Alert]:
        """The newest alert of each of these fingerprints, whatever its state."""
        if not fingerprints:
            return {}
        newest = select(func.max(_T.id)).where(_T.fingerprint.in_(fingerprints)).group_by(_T.fingerprint)
        rows = self._uow.connection.execute(select(_T.id, _T.data).where(_T.id.in_(newest)))
        return {found.fingerprint: found for row in rows if (found := _alert(row))}

    def list(
        self,
        *,
        states: Collection[str] = (),
        sources: Collection[str] = (),
        since: int | None = None,
        until: int | None = None,
        shadow: bool = True,
        before: int | None = None,
        limit: int = 1000,
    ) -> list[Alert]:
        """Newest first; `before` an id pages on. `since`/`until` take those that were open in [since, until)."""
        asked = select(_T.id, _T.data).order_by(_T.id.desc()).limit(limit)
        if states:
            asked = asked.where(_T.state.in_(states))
        if sources:
            asked = asked.where(_T.source.in_(sources))
        if since is not None:
            asked = asked.where(_T.opened_at.is_not(None), (_T.resolved_at.is_(None)) | (_T.resolved_at >= since))
        if until is not None:
            asked = asked.where(_T.opened_at < until)
        if not shadow:
            asked = asked.where(_T.shadow.is_(False))
        if before is not None:
            asked = asked.where(_T.id < before)
        return [_alert(row) for row in self._uow.connection.execute(asked)]

    def over(
        self,
        *,
        sources: Collection[str] = (),
        rule: str = "",
        severity: int | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> tuple[int, Sequence[Alert]]:
        """How many alerts are over, of those asked for, and a page of them, the newest end first."""
        those = [_T.state == AlertState.RESOLVED.value]
        those += [_T.source.in_(sources)] if sources else []
        those += [_T.rule == rule] if rule else []
        those += [] if severity is None else [_T.severity == severity]
        count = self._uow.connection.execute(select(func.count()).select_from(alert).where(*those)).scalar_one()
        asked = select(_T.id, _T.data).where(*those).order_by(_T.resolved_at.desc(), _T.id.desc())
        rows = self._uow.connection.execute(asked.offset(offset).limit(limit))
        return count, [_alert(row) for row in rows]

    def rules(self) -> Sequence[str]:
        """The names of all rules that ever made an alert that is kept."""
        return self._uow.connection.execute(select(_T.rule).distinct().order_by(_T.rule)).scalars().all()

    def open_counts(self) -> dict[str, int]:
        """Source -> how many of its alerts are open and meant for someone (shadow ones are not)."""
        asked = select(_T.source, func.count()).where(
            _T.watched.is_(True), _T.state == AlertState.OPEN.value, _T.shadow.is_(False)
        )
        return {source: n for source, n in self._uow.connection.execute(asked.group_by(_T.source))}  # noqa: C416


@dataclass(frozen=True, slots=True)
class StoredTransition:
    """A transition with its ids, and the routes checked when it opened."""

    id: int
    alert_id: int
    transition: Transition
    considered: tuple[Considered, ...] = ()


class Transitions:
    """Append only: notifications, incidents and MTTR all derive from these rows."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def append(self, alert_id: int, transitions: Iterable[Transition], considered: Iterable[Considered] = ()) -> None:
        """Add an alert's transitions in order; `considered` stays with the first."""
        self.append_all([(alert_id, transitions, considered)])

    def append_all(self, entries: Iterable[tuple[int, Iterable[Transition], Iterable[Considered]]]) -> None:
        """The same for many alerts in one statement: a storm has thousands."""
        rows = []
        for alert_id, transitions, considered in entries:
            observed = [asdict(c) for c in considered]
            for t in transitions:
                rows.append(
                    {
                        "alert_id": alert_id,
                        "at": t.at,
                        "event": t.event.value,
                        "from_state": None if t.from_state is None else t.from_state.value,
                        "to_state": t.to_state.value,
                        "severity": int(t.severity),
                        "step": t.step,
                        "slot": t.slot,
                        "actor": t.actor,
                        "reason": t.reason,
                        "notify": json.dumps(t.notify),
                        "numbers": json.dumps(dict(t.numbers)),
                        "considered": json.dumps(observed),
                    }
                )
                observed = []
        if rows:
            self._uow.connection.execute(alert_transition.insert(), rows)

    def of(self, alert_id: int) -> list[StoredTransition]:
        """In the order they happened."""
        c = alert_transition.c
        return self._read(select(alert_transition, _T.fingerprint).join(alert).where(c.alert_id == alert_id))

    def of_all(self, alert_ids: Collection[int]) -> list[StoredTransition]:
        """Of several alerts, in the order they happened."""
        c = alert_transition.c
        found: list[StoredTransition] = []
        for some in batched(sorted(alert_ids), 500):
            asked = select(alert_transition, _T.fingerprint).join(alert).where(c.alert_id.in_(some))
            found += self._read(asked)
        return sorted(found, key=lambda t: t.id)

    def between(self, since: int, until: int) -> list[StoredTransition]:
        """Of every alert, in [since, until)."""
        c = alert_transition.c
        return self._read(select(alert_transition, _T.fingerprint).join(alert).where(c.at >= since, c.at < until))

    def _read(self, asked: Any) -> list[StoredTransition]:
        found = []
        for r in self._uow.connection.execute(asked.order_by(alert_transition.c.id)):
            one = Transition(
                at=r.at,
                fingerprint=r.fingerprint,
                event=Event(r.event),
                from_state=None if r.from_state is None else AlertState(r.from_state),
                to_state=AlertState(r.to_state),
                severity=Severity(r.severity),
                step=r.step,
                reason=r.reason,
                slot=r.slot,
                actor=r.actor,
                notify=tuple(json.loads(r.notify)),
                numbers=json.loads(r.numbers),
            )
            observed = tuple(Considered(**c) for c in json.loads(r.considered))
            found.append(StoredTransition(r.id, r.alert_id, one, observed))
        return found


def batched(keys: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Pieces short enough for one IN list."""
    return (keys[i : i + size] for i in range(0, len(keys), size))


def _row(one: Alert) -> dict[str, Any]:
    return {
        "fingerprint": one.fingerprint,
        "source": one.source,
        "rule": one.rule,
        "state": one.state.value,
        "severity": int(one.severity),
        "shadow": one.shadow,
        "watched": one.watched,
        "pending_at": one.pending_at,
        "opened_at": one.opened_at,
        "resolved_at": one.resolved_at,
        "data": json.dumps(one.to_dict(), separators=(",", ":")),
    }


def _alert(row: Any) -> Alert:
    return Alert.from_dict(json.loads(row.data) | {"id": row.id})
