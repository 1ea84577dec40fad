"""Alerts and everything that tells why: one active per fingerprint, transitions that rebuild the state, reasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy.exc import IntegrityError
from store_stories import DAY, T0

from busta_health_dagster.domain.access import AuditEntry, Role, WebSession
from busta_health_dagster.domain.alert import Alert, AlertState, Event, Hold, Transition
from busta_health_dagster.domain.alert_replay import replay
from busta_health_dagster.domain.errors import Refused, UnknownName
from busta_health_dagster.domain.ladder import Ladder
from busta_health_dagster.domain.maintenance import Window
from busta_health_dagster.domain.policy import Escalation, Step
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.engines.alerting.routing import Considered
from busta_health_dagster.engines.alerting.transition import NotSent
from busta_health_dagster.store import Store
from busta_health_dagster.store.audit_log import Note

LADDER = Ladder(Escalation("slow", (Step(0, ("slack",), Severity.WARNING), Step(14400, ("mail",)))), route=1, step=1)


def alert(source: str = "odds", rule: str = "source-down", **more: object) -> Alert:
    opened = Alert(f"{source}/{rule}", source, rule, state=AlertState.OPEN, opened_at=T0, pending_at=T0, history=1)
    return replace(opened, ladders=(LADDER,), notified=("slack",), **more)  # type: ignore[arg-type]


def test_an_alert_is_continued_after_a_restart_as_it_was(store: Store) -> None:
    ack = Hold("ana", T0 + 60, 1234.5, T0 + 3600, "looking")
    with store.write() as uow:
        saved = uow.alerts.save([alert(ack=ack, numbers={"for": 2}), alert("scores")])
    assert sorted(saved) == ["odds/source-down", "scores/source-down"]
    key = saved["odds/source-down"].id
    assert key is not None
    with store.write() as uow:
        found = uow.alerts.get(key)
        assert found == alert(ack=ack, numbers={"for": 2}, id=key)
        uow.alerts.save([replace(found, severity=Severity.CRITICAL, flapping=True)])
    with store.read() as uow:
        assert uow.alerts.watched()["odds/source-down"].flapping
        assert [a.source for a in uow.alerts.open()] == ["odds", "scores"]
        assert uow.alerts.open_counts() == {"odds": 1, "scores": 1}


def test_two_active_alerts_of_one_fingerprint_cannot_be(store: Store) -> None:
    with store.write() as uow:
        uow.alerts.save([alert()])

    def a_second_pass() -> None:
        with store.write() as uow:
            uow.alerts.save([alert()])

    with pytest.raises(IntegrityError, match=r"uq_alert_active|alert\.fingerprint"):
        a_second_pass()
    with store.write() as uow:
        (first,) = uow.alerts.save(
            [replace(uow.alerts.open()[0], state=AlertState.RESOLVED, resolved_at=T0 + 600, history=0)]
        ).values()
        second = uow.alerts.save([alert(opened_at=T0 + DAY)])["odds/source-down"]
        assert first.id != second.id
        assert uow.alerts.latest(["odds/source-down", "x/y"]) == {"odds/source-down": second}
        assert list(uow.alerts.watched().values()) == [second]


def test_a_resolved_alert_is_watched_until_its_states_are_all_good(store: Store) -> None:
    with store.write() as uow:
        resolved = replace(alert(), state=AlertState.RESOLVED, resolved_at=T0 + 600, history=0b110)
        saved = uow.alerts.save([resolved])["odds/source-down"]
        assert list(uow.alerts.watched()) == ["odds/source-down"]
        assert uow.alerts.open() == []
        uow.alerts.save([replace(saved, history=0)])
        assert uow.alerts.watched() == {}


def test_alerts_are_listed_newest_first_and_by_what_is_asked(store: Store) -> None:
    with store.write() as uow:
        for n, source in enumerate(("odds", "scores", "news")):
            state = AlertState.OPEN if source == "news" else AlertState.RESOLVED
            resolved = None if state is AlertState.OPEN else T0 + n * DAY + 3600
            uow.alerts.save([replace(alert(source), state=state, opened_at=T0 + n * DAY, resolved_at=resolved)])
        everything = uow.alerts.list()
        assert [a.source for a in everything] == ["news", "scores", "odds"]
        assert [a.source for a in uow.alerts.list(states=["resolved"])] == ["scores", "odds"]
        assert [a.source for a in uow.alerts.list(sources=["odds"])] == ["odds"]
        assert [a.source for a in uow.alerts.list(since=T0 + DAY, until=T0 + 2 * DAY)] == ["scores"]
        assert [a.source for a in uow.alerts.list(before=everything[0].id, limit=1)] == ["scores"]
    with store.read() as uow, pytest.raises(UnknownName, match=r"no alert 99.*busta alerts list --state all"):
        uow.alerts.get(99)


def test_transitions_rebuild_the_state_and_keep_their_reasons(store: Store) -> None:
    opened = Transition(
        T0,
        "odds/source-down",
        Event.OPENED,
        AlertState.PENDING,
        AlertState.OPEN,
        Severity.WARNING,
        1,
        "down (timeout)",
        slot=T0,
        notify=("slack",),
        numbers={"value": 1.5},
    )
    acked = replace(
        opened, at=T0 + 60, event=Event.ACKED, from_state=AlertState.OPEN, actor="ana", notify=(), slot=None
    )
    observed = (
        Considered(1, "rules source-down", True, "matches -> slow; stop"),
        Considered(2, "all", None, "not checked"),
    )
    with store.write() as uow:
        key = uow.alerts.save([alert()])["odds/source-down"].id
        assert key is not None
        uow.transitions.append(key, [opened, acked], observed)
        uow.suppressions.append(
            [NotSent(T0 + 60, "odds/source-down", "mail", Event.ACKED, "mail is not told of acked")],
            {"odds/source-down": key},
        )
        uow.suppressions.append([NotSent(T0, "odds_2/x", "mail", Event.OPENED, "inhibited")])
    with store.read() as uow:
        found = uow.transitions.of(key)
        assert [t.transition for t in found] == [opened, acked]
        assert (found[0].considered, found[1].considered) == (observed, ())
        assert replay([t.transition for t in found]).acked_by == "ana"
        assert [t.id for t in uow.transitions.between(T0 + 1, T0 + 61)] == [found[1].id]
        assert [n.reason for n in uow.suppressions.of(key)] == ["mail is not told of acked"]
        assert [n.event for n in uow.suppressions.of_source("odds", T0)] == [Event.ACKED]


def test_one_pass_holds_the_lease_and_a_dead_one_loses_it(store: Store) -> None:
    with store.write() as uow:
        assert uow.leases.acquire("alerts", "tick", 30, now=100.0)
        assert not uow.leases.acquire("alerts", "sensor", 30, now=129.0)
        assert uow.leases.renew("alerts", "tick", 30, now=120.0)
        assert uow.leases.holder("alerts", 149.0) == "tick"
        assert uow.leases.acquire("alerts", "sensor", 30, now=150.0)
        assert not uow.leases.renew("alerts", "tick", 30, now=151.0)
        assert not uow.leases.release("alerts", "tick")
        assert uow.leases.release("alerts", "sensor")
        assert uow.leases.holder("alerts", 151.0) is None


def test_an_added_window_has_a_version_that_keeps_two_editors_apart(store: Store) -> None:
    window = Window(
        "upgrade",
        Selector(names=("games",), tags={"team": "data"}, tiers=(1, 2)),
        datetime(2026, 11, 26, 2, 0),
        "America/New_York",
        2700,
        "FREQ=WEEKLY;BYDAY=TH",
        (datetime(2026, 12, 24, 2, 0),),
        "minor upgrades",
        by="ana",
    )
    with store.write() as uow:
        added = uow.maintenance.add(window, T0)
        key = added.id
        assert key is not None
        assert uow.maintenance.all() == [replace(window, id=key, origin="store")]
        uow.maintenance.replace(key, replace(window, duration_s=3600), version=1)
        with pytest.raises(Refused, match="is at version 2, not 1: someone changed it meanwhile"):
            uow.maintenance.remove(key, T0, version=1)
        found, version = uow.maintenance.get(key)
        assert (found.duration_s, version) == (3600, 2)
        uow.maintenance.remove(key, T0)
        assert uow.maintenance.all() == []
        with pytest.raises(UnknownName, match=f"no added maintenance window {key}"):
            uow.maintenance.get(key)


def test_what_people_did_and_said_is_kept(store: Store) -> None:
    with store.write() as uow:
        uow.audit.append(AuditEntry(T0, "ana", "alert.ack", "17", "looking"))
        uow.audit.append(AuditEntry(T0 + 1, "bo", "maintenance.add", "upgrade"))
        uow.notes.add(Note("INC-17", T0, "ana", "cause", "expired key"))
        uow.notes.add(Note("INC-17", T0 + 5, "bo", "note", "rotated"))
        uow.notes.add(Note("INC-17", T0 + 9, "bo", "cause", "key rotated without us"))
        assert [e.actor for e in uow.audit.list()] == ["bo", "ana"]
        assert uow.audit.list(subject="17") == [AuditEntry(T0, "ana", "alert.ack", "17", "looking")]
        assert [n.text for n in uow.notes.of("INC-17")] == ["expired key", "rotated", "key rotated without us"]
        assert uow.notes.causes() == {"INC-17": "key rotated without us"}


def test_revoking_a_token_ends_its_sessions(store: Store) -> None:
    with store.write() as uow:
        key = uow.access.add_token(name="ci", role=Role.OPERATOR, digest="d1", by="ana", at=T0)
        uow.access.add_session(WebSession("s1", "ci", Role.OPERATOR, "csrf", T0 + 3600, key))
        uow.access.used(key, T0 + 5)
        assert [t.last_used_at for t in uow.access.tokens()] == [T0 + 5]
        assert uow.access.session("s1", now=T0 + 3599) is not None
        assert uow.access.session("s1", now=T0 + 3600) is None
        assert uow.access.revoke_token("ci", at=T0 + 10)
        assert not uow.access.revoke_token("ci", at=T0 + 11)
        assert uow.access.session("s1", now=T0 + 20) is None
        assert [t.revoked_at for t in uow.access.tokens()] == [T0 + 10]


def test_old_alerts_go_with_their_transitions_and_open_ones_stay(store: Store) -> None:
    with store.write() as uow:
        saved = uow.alerts.save([alert(), replace(alert("scores"), state=AlertState.RESOLVED, resolved_at=T0 + 60)])
        for fingerprint, one in saved.items():
            assert one.id is not None
            opened = Transition(T0, fingerprint, Event.OPENED, None, AlertState.OPEN, Severity.WARNING, 1, "down")
            uow.transitions.append(one.id, [opened])
    deleted = store.prune({"alerts": DAY, "deliveries": DAY, "audit": DAY}, T0 + 3 * DAY)
    assert deleted["alert"] == 1
    with store.read() as uow:
        assert [a.source for a in uow.alerts.list()] == ["odds"]
        assert len(uow.transitions.between(0, T0 + DAY)) == 1
