"""The outbox: claimed by one, in order, done only by who still owns it."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from store_stories import T0

from busta_health_dagster.store import Store
from busta_health_dagster.store.outbox import Outbox
from busta_health_dagster.store.outbox_rows import Message


def message(key: str, channel: str = "slack", **more: object) -> Message:
    return Message(key, channel, "opened", {"text": key}, **more)  # type: ignore[arg-type]


def put(store: Store, *messages: Message, now: float = T0) -> int:
    with store.write() as uow:
        return uow.outbox.enqueue(messages, now)


def claimed(store: Store, owner: str, now: float = T0, limit: int = 10, **more: object) -> list[str]:
    with store.write() as uow:
        return [row.message.key for row in uow.outbox.claim(owner, limit, 60, now, **more)]  # type: ignore[arg-type]


def ids(outbox: Outbox) -> dict[str, int]:
    return {row.message.key: row.id for row in outbox.list("waiting", "sending", "done", "dead")}


def test_the_same_key_is_the_same_message(store: Store) -> None:
    assert put(store, message("a"), message("b")) == 2
    assert put(store, message("a", severity=2), message("c")) == 1
    with store.read() as uow:
        assert uow.outbox.counts() == {"waiting": 3, "sending": 0, "done": 0, "dead": 0, "dropped": 0}
        assert uow.outbox.oldest_age_s(T0 + 90) == 90


def test_critical_messages_are_claimed_first_and_none_twice(store: Store) -> None:
    put(store, message("warning", severity=1), message("critical", severity=2), message("later", due_at=T0 + 60))
    assert claimed(store, "one", limit=1) == ["critical"]
    assert claimed(store, "two") == ["warning"]
    assert claimed(store, "three") == []
    assert claimed(store, "three", now=T0 + 59.9) == []
    assert sorted(claimed(store, "three", now=T0 + 60)) == ["critical", "later", "warning"]


def test_a_message_is_done_only_by_its_owner(store: Store) -> None:
    put(store, message("a"))
    assert claimed(store, "slow") == ["a"]
    assert claimed(store, "fast", now=T0 + 61) == ["a"]
    with store.write() as uow:
        key = ids(uow.outbox)["a"]
        assert not uow.outbox.complete(key, "slow", T0 + 62)
        assert not uow.outbox.retry(key, "slow", T0 + 99, "timeout", T0 + 62)
        assert not uow.outbox.dead(key, "slow", "rejected", T0 + 62)
        assert uow.outbox.complete(key, "fast", T0 + 63, receipt={"ts": "17.5"}, detail="200")
        assert not uow.outbox.complete(key, "fast", T0 + 64)
        assert [(a.outcome, a.reason) for a in uow.outbox.attempts(key)] == [("delivered", "200")]
        (row,) = uow.outbox.list("done")
        assert (row.attempts, row.finished_at, row.receipt) == (2, T0 + 63, {"ts": "17.5"})
        assert uow.outbox.oldest_age_s(T0 + 99) == 0


def test_a_thread_keeps_its_order_and_others_pass_it(store: Store) -> None:
    put(store, message("opened", thread="t1"), message("resolved", thread="t1", severity=2))
    put(store, message("other thread", thread="t2"), message("other channel", "mail", thread="t1"))
    assert sorted(claimed(store, "w")) == ["opened", "other channel", "other thread"]
    with store.write() as uow:
        uow.outbox.retry(ids(uow.outbox)["opened"], "w", T0 + 30, "503", T0 + 1)
    assert claimed(store, "w", now=T0 + 29) == []
    assert claimed(store, "w", now=T0 + 30) == ["opened"]
    with store.write() as uow:
        uow.outbox.complete(ids(uow.outbox)["opened"], "w", T0 + 31, receipt={"ts": "1"})
        assert uow.outbox.thread("t1", "slack") == ({"ts": "1"}, ("opened",))
        assert uow.outbox.thread("", "slack") == ({}, ())
    assert claimed(store, "w", now=T0 + 31) == ["resolved"]


def test_channels_can_be_left_alone(store: Store) -> None:
    put(store, message("a"), message("b", "mail"))
    assert claimed(store, "w", without=["slack"]) == ["b"]
    assert claimed(store, "w") == ["a"]


def test_a_dead_letter_stays_until_somebody_requeues_it(store: Store) -> None:
    put(store, message("a", thread="t"), message("b", thread="t"))
    claimed(store, "w", limit=1)
    with store.write() as uow:
        assert uow.outbox.dead(ids(uow.outbox)["a"], "w", "404 no such channel", T0 + 1)
        assert uow.outbox.counts()["dead"] == 1
        assert [row.reason for row in uow.outbox.list("dead")] == ["404 no such channel"]
    assert claimed(store, "w") == ["b"]
    with store.write() as uow:
        assert uow.outbox.requeue(T0 + 100, [999]) == 0
        assert uow.outbox.requeue(T0 + 100) == 1
        uow.outbox.complete(ids(uow.outbox)["b"], "w", T0 + 100)
    with store.write() as uow:
        (row,) = uow.outbox.claim("w", 5, 60, T0 + 100)
        assert (row.message.key, row.attempts) == ("a", 1)


def test_what_was_claimed_and_not_tried_was_no_attempt(store: Store) -> None:
    put(store, message("a"))
    claimed(store, "w")
    with store.write() as uow:
        key = ids(uow.outbox)["a"]
        assert uow.outbox.put_back(key, "w", T0 + 10)
        assert not uow.outbox.put_back(key, "w", T0 + 10)
        assert uow.outbox.attempted_since("slack", 0) == 0
    with store.write() as uow:
        (row,) = uow.outbox.claim("w", 5, 60, T0 + 10)
        assert (row.attempts, row.message.payload) == (1, {"text": "a"})
        assert uow.outbox.extend(row.id, "w", 600, T0 + 60)
        assert uow.outbox.claim("x", 5, 60, T0 + 71) == []
        uow.outbox.retry(row.id, "w", T0 + 99, "429", T0 + 71)
        assert uow.outbox.attempted_since("slack", T0 + 70) == 1
        assert uow.outbox.attempted_since("mail", T0 + 70) == 0


def test_messages_are_found_by_their_alert(store: Store) -> None:
    put(store, message("old", alert_ids=(7,)), now=T0 - 900)
    put(store, message("one", alert_ids=(7, 17)), message("two", alert_ids=(17,)), message("report"))
    with store.read() as uow:
        assert [row.message.key for row in uow.outbox.of_alert(7, T0)] == ["one"]
        assert [row.message.key for row in uow.outbox.of_alert(7, 0)] == ["old", "one"]


@pytest.mark.parametrize("workers", [4])
def test_workers_that_claim_at_once_share_nothing(store: Store, workers: int) -> None:
    put(store, *(message(f"m{n}", thread=f"t{n % 30}") for n in range(120)))
    taken: Counter[str] = Counter()
    start = threading.Barrier(workers)

    def work(owner: str) -> None:
        start.wait()
        idle = 0
        while idle < 20:
            with store.write() as uow:
                rows = uow.outbox.claim(owner, 7, 60, T0)
            idle = 0 if rows else idle + 1
            with store.write() as uow:
                for row in rows:
                    assert uow.outbox.complete(row.id, owner, T0)
                    taken[row.message.key] += 1

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == Counter({f"m{n}": 1 for n in range(120)})
