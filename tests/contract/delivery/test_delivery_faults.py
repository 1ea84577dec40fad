"""Whatever a channel does: nothing is lost, nothing is silent, and the others do not notice. On both databases."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

import pytest

from busta_health_dagster.domain.fields import SecretRef
from busta_health_dagster.domain.notification import NotificationKind
from busta_health_dagster.domain.policy import ChannelSpec
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from busta_health_dagster.pipeline.delivery.outbox_view import outbox_view, requeue
from tests.delivery_stories import Receiver, application, counters, enqueue, hook, message, rows, to_file

if TYPE_CHECKING:
    from pathlib import Path

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import Store

CLOSED = "http://127.0.0.1:1/hook"
HANG_GUARD_S = 60
OPENED, ESCALATED, RESOLVED = NotificationKind.OPENED, NotificationKind.ESCALATED, NotificationKind.RESOLVED


def test_a_message_is_sent_once_with_its_key_and_counted(store: Store, tmp_path: Path) -> None:
    with Receiver() as ops:
        app = application(store, tmp_path, hook("ops", ops.url))
        enqueue(app, message("k1", "ops"))
        assert delivery_pass(app).results == {"delivered": 1}
        assert delivery_pass(app).attempts == 0
    assert ops.keys == ["k1"]
    assert rows(app)["k1"].state == "done"
    assert counters(app) == {'busta_notifications_total{channel="ops",result="delivered"}': 1}


def test_a_thread_keeps_its_order_and_critical_goes_first(store: Store, tmp_path: Path) -> None:
    with Receiver() as ops:
        app = application(store, tmp_path, hook("ops", ops.url))
        enqueue(app, message("a-opened", "ops", OPENED, thread="a"), message("a-resolved", "ops", RESOLVED, thread="a"))
        enqueue(app, message("b-critical", "ops", ESCALATED, thread="b", severity=2))
        delivery_pass(app)
    assert ops.keys == ["b-critical", "a-opened", "a-resolved"]


@pytest.mark.parametrize(("status", "fate"), [(500, "waiting"), (429, "waiting"), (401, "dead"), (410, "dead")])
def test_a_channel_that_answers_badly_leaves_the_others_alone(
    store: Store, tmp_path: Path, status: int, fate: str
) -> None:
    with Receiver(status=status, headers={"Retry-After": "120"} if status == 429 else {}) as bad, Receiver() as good:
        app = application(store, tmp_path, hook("bad", bad.url), hook("good", good.url))
        enqueue(app, *(message(f"{c}{n}", c) for n in range(3) for c in ("bad", "good")))
        delivery_pass(app)
        assert [k for k in good.keys if k.startswith("good")] == ["good0", "good1", "good2"]
        assert rows(app)["bad0"].state == fate
        assert str(status) in rows(app)["bad0"].reason
        if status == 429:  # one message was enough to learn that the channel wants to be left alone
            assert len(bad.received) == 1
            assert rows(app)["bad0"].due_at >= app.clock.now() + 120
            assert "asked for" in rows(app)["bad0"].reason
            assert "left alone for 2 min" in " ".join(i.why for i in outbox_view(app).items)


def test_a_hanging_channel_holds_neither_the_others_nor_the_pass(store: Store, tmp_path: Path) -> None:
    with Receiver(hang=True) as slow, Receiver() as good:
        app = application(store, tmp_path, hook("slow", slow.url), hook("good", good.url))
        enqueue(app, *(message(f"s{n}", "slow") for n in range(5)), *(message(f"g{n}", "good") for n in range(30)))
        started = time.monotonic()
        report = delivery_pass(app, 4, timeout_s=20)
        took = time.monotonic() - started
        assert len(good.received) == 30
        assert report.in_flight == ("slow",)
        assert took < 15  # the budget, not the channel's own time limit
        slow.release.set()
        _until(lambda: "sending" not in {r.state for r in rows(app).values()})
    states = {k: (r.state, r.attempts) for k, r in rows(app).items() if k.startswith("s")}
    assert states == {"s0": ("waiting", 1)} | {f"s{n}": ("waiting", 0) for n in range(1, 5)}


def test_a_refused_connection_opens_the_breaker_and_one_message_tries_again(store: Store, tmp_path: Path) -> None:
    app = application(store, tmp_path, hook("ops", CLOSED))
    enqueue(app, *(message(f"k{n:02}", "ops") for n in range(12)))
    assert delivery_pass(app).results == {"retry": 5}
    held = delivery_pass(app).held["ops"]
    assert held.startswith("breaker open after 5 failures")
    assert held in " ".join(i.why for i in outbox_view(app).items)
    app.clock.advance(31)
    assert delivery_pass(app).results == {"retry": 1}, "half open: one message only"
    with Receiver() as ops:
        again = application(store, tmp_path, hook("ops", ops.url), clock=app.clock)
        app.clock.advance(61)
        delivery_pass(again)
        app.clock.advance(30)
        delivery_pass(again)
        assert sorted(ops.keys) == [f"k{n:02}" for n in range(12)]


def test_whom_the_fallback_told_that_it_fired_it_tells_that_it_ended_though_the_channel_stays_away(
    store: Store, tmp_path: Path
) -> None:
    with Receiver() as mail:
        app = application(store, tmp_path, hook("ops", CLOSED, fallback="mail"), hook("mail", mail.url))
        enqueue(app, message("k-opened", "ops", OPENED, thread="a"))
        for _ in range(4):
            delivery_pass(app)
            app.clock.advance(301)
        assert mail.keys == ["k-opened~ops"]
        enqueue(app, message("k-resolved", "ops", RESOLVED, thread="a"))
        for _ in range(3):
            delivery_pass(app)
            app.clock.advance(5)
        assert mail.keys == ["k-opened~ops", "k-resolved~ops"], "once, in its order"
        with Receiver() as ops:
            hooks = hook("ops", ops.url, fallback="mail"), hook("mail", mail.url)
            again = application(store, tmp_path, *hooks, clock=app.clock)
            for _ in range(3):
                app.clock.advance(3601)
                delivery_pass(again)
        assert (ops.keys, len(mail.keys)) == (["k-opened", "k-resolved"], 2)


class LongestWait(random.Random):
    """Full jitter may draw anything between nothing and the schedule's wait: this one always draws the whole wait."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_once_a_dead_channel_answers_again_nothing_waits_for_its_backoff(store: Store, tmp_path: Path) -> None:
    def deliver(app: App) -> dict[str, int]:
        return dict(delivery_pass(app, HANG_GUARD_S, rng=LongestWait()).results)

    app = application(store, tmp_path, hook("ops", CLOSED))
    enqueue(app, message("a-opened", "ops", OPENED, thread="a"))
    for _ in range(9):
        assert deliver(app) == {"retry": 1}
        app.clock.advance(max(rows(app)["a-opened"].due_at - app.clock.now(), 0) + 601)
    assert deliver(app) == {"retry": 1}
    enqueue(app, message("a-resolved", "ops", RESOLVED, thread="a"), message("b-opened", "ops", OPENED, thread="b"))
    with Receiver() as ops:
        again = application(store, tmp_path, hook("ops", ops.url), clock=app.clock)
        app.clock.advance(700)
        assert rows(app)["a-opened"].due_at > app.clock.now() + 3600, "its next attempt is far away"
        deliver(again)
        deliver(again)
        assert sorted(ops.keys) == ["a-opened", "a-resolved", "b-opened"]


def test_a_message_that_fails_for_five_minutes_is_told_through_the_fallback_meanwhile(
    store: Store, tmp_path: Path
) -> None:
    with Receiver(status=503) as ops, Receiver() as mail:
        app = application(store, tmp_path, hook("ops", ops.url, fallback="mail"), hook("mail", mail.url))
        enqueue(app, message("k1", "ops"))
        delivery_pass(app)
        assert mail.keys == []
        for _ in range(3):
            app.clock.advance(601)
            delivery_pass(app)
        assert mail.keys == ["k1~ops"], "sent once, whatever follows"
        assert rows(app)["k1"].state == "waiting"
        assert "Told mail meanwhile" in rows(app)["k1"].reason
        ops.status = 200
        app.clock.advance(3601)
        delivery_pass(app)
        assert rows(app)["k1"].state == "done"


def test_a_rejected_message_goes_to_the_fallback_at_once_and_says_why(store: Store, tmp_path: Path) -> None:
    with Receiver(status=401) as ops:
        spec = ChannelSpec("log", "file", to_file("log", tmp_path / "log.jsonl").config)
        app = application(store, tmp_path, hook("ops", ops.url, fallback="log"), spec)
        enqueue(app, message("k1", "ops"))
        delivery_pass(app)
        delivery_pass(app)
    dead = rows(app)["k1"]
    assert dead.state == "dead"
    assert "answered 401: it does not know our credentials" in dead.reason
    assert dead.reason.endswith("Told log instead")
    assert '"key": "k1~ops"' in (tmp_path / "log.jsonl").read_text()
    with store.read() as uow:
        assert [e.kind for e in uow.events.since(0)] == ["dead_letter"]


def test_the_stand_in_is_told_that_it_ended(store: Store, tmp_path: Path) -> None:
    with Receiver(status=401) as ops, Receiver() as mail:
        app = application(store, tmp_path, hook("ops", ops.url, fallback="mail"), hook("mail", mail.url))
        enqueue(app, message("opened", "ops", OPENED, thread="a"))
        delivery_pass(app)
        ops.status = 200  # someone corrected the key
        enqueue(app, message("resolved", "ops", RESOLVED, thread="a"))
        delivery_pass(app)
    assert ops.types == ["alert.opened", "alert.resolved"]
    assert [(r["key"], r["type"]) for r in mail.received] == [
        ("opened~ops", "alert.opened"),
        ("resolved~ops", "alert.resolved"),
    ]


def test_a_channel_without_its_secret_says_so_and_the_fallback_is_told(store: Store, tmp_path: Path) -> None:
    with Receiver() as mail:
        ops = hook("ops", CLOSED, fallback="mail", config={"secret": SecretRef(env="OPS_HOOK_SECRET")})
        app = application(store, tmp_path, ops, hook("mail", mail.url))
        enqueue(app, message("k1", "ops"))
        delivery_pass(app)
        delivery_pass(app)
        assert mail.keys == ["k1~ops"]
    assert "The environment variable OPS_HOOK_SECRET is not set" in rows(app)["k1"].reason
    assert "busta alerts outbox --retry" in rows(app)["k1"].reason


def test_without_a_fallback_somebody_else_is_told_that_a_channel_is_dead_once(store: Store, tmp_path: Path) -> None:
    with Receiver(status=410) as gone, Receiver() as other:
        app = application(store, tmp_path, hook("gone", gone.url), hook("other", other.url))
        enqueue(app, message("k1", "gone"), message("k2", "gone"))
        delivery_pass(app)
        delivery_pass(app)
    assert other.types == ["monitor.channel"]
    assert "Channel gone did not get a message" in other.received[0]["body"]["data"]["text"]
    assert "Gone has no fallback" in rows(app)["k1"].reason


def test_a_channel_that_left_the_configuration_is_a_dead_letter_with_its_reason(store: Store, tmp_path: Path) -> None:
    app = application(store, tmp_path, to_file("log", tmp_path / "log.jsonl"))
    enqueue(app, message("k1", "old-hook"))
    delivery_pass(app)
    assert rows(app)["k1"].state == "dead"
    assert "there is no channel old-hook in the configuration any more" in rows(app)["k1"].reason


def test_dead_letters_are_sent_again_on_request_with_their_key(store: Store, tmp_path: Path) -> None:
    with Receiver(status=401) as ops:
        app = application(store, tmp_path, hook("ops", ops.url))
        enqueue(app, message("k1", "ops"))
        delivery_pass(app)
        ops.status = 200
        assert requeue(app, actor="op-1") == 1
        delivery_pass(app)
    assert ops.keys == ["k1", "k1"]
    assert rows(app)["k1"].state == "done"
    with store.read() as uow:
        assert [(a.actor, a.action) for a in uow.audit.list()] == [("op-1", "outbox.retry")]


def test_a_full_disk_stops_the_log_file_and_no_alert(store: Store, tmp_path: Path) -> None:
    with Receiver() as ops:
        app = application(store, tmp_path, hook("ops", ops.url), to_file("log", "/dev/full"))
        enqueue(app, message("f", "log"), message("k1", "ops"))
        delivery_pass(app)
    assert ops.keys == ["k1"]
    assert "cannot be written: No space left on device" in rows(app)["f"].reason


def test_a_rate_limit_holds_back_the_rest_and_critical_is_what_passes(store: Store, tmp_path: Path) -> None:
    with Receiver() as ops:
        app = application(store, tmp_path, hook("ops", ops.url, per_minute=4))
        enqueue(
            app, *(message(f"w{n}", "ops") for n in range(5)), *(message(f"c{n}", "ops", severity=2) for n in range(3))
        )
        report = delivery_pass(app)
        assert sorted(ops.keys) == ["c0", "c1", "c2", "w0"]
        assert report.held == {"ops": "rate limit: 4 messages a minute, 4 in the last one"}
        app.clock.advance(61)
        delivery_pass(app)
    assert sorted(ops.keys) == sorted([f"c{n}" for n in range(3)] + [f"w{n}" for n in range(5)])


def test_a_sender_that_outlives_its_lease_changes_nothing_and_the_key_stays(store: Store, tmp_path: Path) -> None:
    with Receiver(hang=True) as ops:
        app = application(store, tmp_path, hook("ops", ops.url))
        enqueue(app, message("k1", "ops"))
        assert delivery_pass(app, 0.2, lease_s=5, timeout_s=120).in_flight == ("ops",)
        assert ops.reached.wait(120), "on a busy machine the pass is over before its request is there"
        ops.hang = False
        app.clock.advance(6)  # the lease is over, the first sender still waits for its answer
        assert delivery_pass(app).results == {"delivered": 1}
        ops.release.set()
        _until(lambda: 'busta_notifications_total{channel="ops",result="overtaken"}' in counters(app))
    assert ops.keys == ["k1"]
    assert rows(app)["k1"].state == "done"


def test_many_workers_at_once_send_each_message_once(store: Store, tmp_path: Path) -> None:
    with Receiver() as ops:
        app = application(store, tmp_path, hook("ops", ops.url))
        enqueue(app, *(message(f"k{n:03}", "ops") for n in range(60)))
        workers = [threading.Thread(target=delivery_pass, args=(app, 20.0)) for _ in range(4)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()
    assert sorted(ops.keys) == [f"k{n:03}" for n in range(60)]


def test_a_message_that_kills_every_worker_is_given_up(store: Store, tmp_path: Path) -> None:
    with Receiver() as ops:
        app = application(store, tmp_path, hook("ops", ops.url))
        enqueue(app, message("k1", "ops"))
        for _ in range(24):  # each claims, and dies before it can say how it went
            with store.write() as uow:
                assert uow.outbox.claim("a worker that dies", 1, 60, app.clock.now())
            app.clock.advance(61)
        delivery_pass(app)
    assert ops.received == []
    assert rows(app)["k1"].state == "dead"
    assert "24 attempts were begun and none gave an answer" in rows(app)["k1"].reason


def test_a_wall_clock_that_jumps_back_an_hour_holds_no_message_back(store: Store, tmp_path: Path) -> None:
    from busta_health_dagster.pipeline.alerting.monotonic_clock import read_clock, save_clock

    with Receiver(script=[503]) as ops:
        app = application(store, tmp_path, hook("ops", ops.url))
        with store.write() as uow:
            save_clock(uow, read_clock(app, uow))
        enqueue(app, message("k1", "ops"))
        delivery_pass(app)
        app.clock.jump(-3600)
        app.clock.advance(6)
        delivery_pass(app)
    assert ops.keys == ["k1", "k1"]
    assert rows(app)["k1"].state == "done"


def _until(condition, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
