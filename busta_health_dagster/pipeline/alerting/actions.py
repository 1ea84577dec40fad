"""What people do to alerts: acknowledge, take it back, snooze, resolve. Each in one transaction, with its notifications, and audited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.access import AuditEntry
from busta_health_dagster.domain.errors import BadInput, UnknownName
from busta_health_dagster.domain.given_text import given_name, given_note
from busta_health_dagster.domain.units import config_duration
from busta_health_dagster.engines.alerting import actions as decide
from busta_health_dagster.engines.alerting.root_cause import OWN_THREAD
from busta_health_dagster.pipeline.alerting.alert_pass import due_sources, locked
from busta_health_dagster.pipeline.alerting.commit import commit
from busta_health_dagster.pipeline.alerting.engine import AlertEngine
from busta_health_dagster.pipeline.alerting.monotonic_clock import read_clock
from busta_health_dagster.pipeline.alerting.on_call_calendars import rotations_now
from busta_health_dagster.pipeline.app.failpoints import failpoint
from busta_health_dagster.pipeline.maintenance.index import maintenance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.engines.alerting.transition import TransitionResult
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

    Permit = Callable[[UnitOfWork], Sequence[int]]

NOTE_LIMIT = 500
_LONGEST_ID = 18


def acknowledge(
    app: App, ids: Sequence[int], *, actor: str, note: str = "", permit: Permit | None = None
) -> list[Alert]:
    """Someone takes care of it: the clock stops until the policy's timeout. `permit` is asked in the same transaction
    which of them it may be done to, and raises when to none.

    Raises:
        UnknownName: there is no such alert.
        Refused: one of them is not open; none is changed.
    """
    return _act(
        app,
        ids,
        "alert.ack",
        actor,
        note,
        deed=lambda a, now, at: decide.acknowledge(a, now, at, actor, note),
        permit=permit,
    )


def unacknowledge(app: App, ids: Sequence[int], *, actor: str, note: str = "") -> list[Alert]:
    """Take an acknowledgement back: the clock runs on. Raises as `acknowledge`."""
    return _act(
        app, ids, "alert.unack", actor, note, deed=lambda a, now, at: decide.unacknowledge(a, now, at, actor, note)
    )


def snooze(
    app: App, ids: Sequence[int], *, actor: str, for_s: float, note: str = "", permit: Permit | None = None
) -> list[Alert]:
    """Send no more notifications of it for a while, unless it ends. Raises as `acknowledge`."""
    detail = f"for {config_duration(for_s)}" + (f": {note}" if note else "")
    return _act(
        app,
        ids,
        "alert.snooze",
        actor,
        detail,
        deed=lambda a, now, at: decide.snooze(a, now, at, actor, for_s, note=note),
        permit=permit,
    )


def resolve(app: App, ids: Sequence[int], *, actor: str, note: str = "") -> list[Alert]:
    """End it on a person's word. If the source is still bad it reopens. Raises as `acknowledge`."""
    return _act(
        app, ids, "alert.resolve", actor, note, deed=lambda a, now, at: decide.resolve_by_hand(a, now, at, actor, note)
    )


def open_of_thread(app: App, thread: str) -> list[int]:
    """The ids of the open alerts that one message is about: what "acknowledge all" means.

    Raises:
        UnknownName: no open alert belongs to a message of that name.
    """
    with app.store.read() as uow:
        lender = thread.removeprefix(OWN_THREAD)
        if lender != thread and lender.isdecimal() and len(lender) < _LONGEST_ID:
            thread = uow.alerts.get(int(lender)).thread
        found = [a.id for a in uow.alerts.open() if a.thread == thread and a.id is not None]
    if not found:
        raise UnknownName(f"No open alert belongs to the message {thread!r}. See: busta alerts list")
    return found


def opened_book(app: App, uow: UnitOfWork, states: Mapping[str, SourceState]) -> AlertEngine:
    """Every alert that is still watched, with a pass begun now, for what a person does."""
    now = app.now()
    book = AlertEngine(
        app.rulebook,
        maintenance(app, uow, now - 1, now + 1),
        uow.alerts.watched().values(),
        silences=uow.silences.active(now),
        on_call=rotations_now(app, uow),
        rule_states={},
    )
    book.begin(now, read_clock(app, uow).at, due=due_sources(app, states, now))
    return book


def _act(
    app: App,
    ids: Sequence[int],
    action: str,
    actor: str,
    detail: str,
    *,
    deed: Callable[[Alert, int, float], TransitionResult],
    permit: Permit | None = None,
) -> list[Alert]:
    given_name(actor, "The name of who acts")
    given_note(detail, "The note")
    if len(detail) > NOTE_LIMIT:
        raise BadInput(
            f"The note has {len(detail)} characters; {NOTE_LIMIT} are the limit. Put the story into the incident."
        )
    with locked(app) as uow:
        wanted = list(dict.fromkeys(ids if permit is None else permit(uow)))
        states = {n: s for n, s in uow.states.all().items() if n in app.config.sources}
        book = opened_book(app, uow, states)
        now = book.now
        for key in wanted:
            alert = book.current(uow.alerts.get(key))
            book.note(deed(alert, now, book.steady))
            uow.audit.append(AuditEntry(now, actor, action, f"alert {key}", detail))
        saved = commit(app, uow, book, book.plan(), states)
        failpoint("before_commit")
    failpoint("after_commit")
    return sorted((a for a in saved.values() if a.id in wanted), key=lambda a: a.id or 0)
