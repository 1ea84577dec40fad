"""What the outbox answers: loads, what waits behind a message that went another way, threads, counts and lists."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from store_stories import T0

from busta_health_dagster.store import Store
from busta_health_dagster.store.outbox_rows import Attempt, Load, Message, OutboxRow


def message(key: str, channel: str = "slack", **more: object) -> Message:
    return Message(key, channel, "opened", {"text": key}, **more)  # type: ignore[arg-type]


def put(store: Store, *messages: Message, now: float = T0) -> dict[str, int]:
    """Enqueue them, -> the id of every message by its key."""
    with store.write() as uow:
        uow.outbox.enqueue(messages, now)
        return {row.message.key: row.id for row in uow.outbox.list("waiting", "sending", "done", "dead")}


def claim(
    store: Store, owner: str = "w", now: float = T0, limit: int = 10, lease_s: float = 60, **more: object
) -> None:
    with store.write() as uow:
        uow.outbox.claim(owner, limit, lease_s, now, **more)  # type: ignore[arg-type]


def keys(rows: Iterable[OutboxRow]) -> list[str]:
    return [row.message.key for row in rows]


def test_a_load_counts_what_is_due_and_what_somebody_is_sending(store: Store) -> None:
    put(store, message("s1"), message("s2"), message("s3"), message("s4"), message("later", due_at=T0 + 50))
    put(store, message("m1", "mail"), message("p1", "pager"))
    claim(store, limit=2, only=["slack"])
    claim(store, only=["pager"])
    with store.write() as uow:
        assert uow.outbox.load(T0) == {"mail": Load(1, 0), "pager": Load(0, 1), "slack": Load(2, 2)}
        assert uow.outbox.load(T0 + 50)["slack"] == Load(3, 2)
        assert uow.outbox.load(T0 + 59.9)["slack"] == Load(3, 2)
        assert uow.outbox.load(T0 + 60)["slack"] == Load(5, 0), "a lease that ended is no one's: due again"
        ids = {row.message.key: row.id for row in uow.outbox.list()}
        uow.outbox.complete(ids["s1"], "w", T0 + 1)
        uow.outbox.dead(ids["s2"], "w", "404", T0 + 1)
        uow.outbox.complete(ids["p1"], "w", T0 + 1)
        assert uow.outbox.load(T0 + 60) == {"mail": Load(1, 0), "slack": Load(3, 0)}


MARK = ":failed:slack"


def behind(store: Store, channel: str = "slack") -> list[str]:
    with store.read() as uow:
        return keys(uow.outbox.left_behind(channel, MARK))


def test_only_what_waits_behind_a_tried_message_whose_own_copy_was_sent_is_left_behind(store: Store) -> None:
    threads = ("t1", "t2")
    ids = put(store, *(message(f"{t}-{n}", thread=t) for t in threads for n in ("opened", "worse", "resolved")))
    put(store, message("t1-opened" + MARK, "mail", thread="t1"))
    assert behind(store) == [], "nothing of slack was tried yet"
    claim(store, limit=1)
    with store.write() as uow:
        uow.outbox.retry(ids["t1-opened"], "w", T0 + 30, "503", T0 + 1)
    assert behind(store) == ["t1-worse", "t1-resolved"]
    assert behind(store, "mail") == []
    put(store, message("t1-worse" + MARK, "mail", thread="t1"))
    assert behind(store) == ["t1-resolved"], "it has its own copy"


def test_a_copy_of_another_message_or_with_another_mark_leaves_nobody_behind(store: Store) -> None:
    ids = put(store, message("opened", thread="t"), message("resolved", thread="t"))
    put(store, message("closed" + MARK, "mail"), message("opened:failed:pager", "mail"), message("op" + MARK, "mail"))
    claim(store, limit=1, only=["slack"])
    with store.write() as uow:
        uow.outbox.retry(ids["opened"], "w", T0 + 30, "503", T0 + 1)
    assert behind(store) == []
    put(store, message("opened" + MARK, "mail"))
    assert behind(store) == ["resolved"]


def test_nothing_waits_behind_what_is_over_nor_without_a_thread_nor_in_another_one(store: Store) -> None:
    ids = put(store, message("first", thread="t"), message("alone"), message("alone too"), message("else", thread="u"))
    put(store, message("last", thread="t"), message("on mail", "mail", thread="t"))
    put(store, *(message(key + MARK, "log") for key in ("first", "alone", "on mail")))
    claim(store, only=["slack"])
    assert behind(store) == ["last"], "while it is being sent, too"
    with store.write() as uow:
        uow.outbox.retry(ids["alone"], "w", T0 + 30, "503", T0 + 1)
        uow.outbox.put_back(ids["alone too"], "w", T0)
        uow.outbox.put_back(ids["else"], "w", T0)
        uow.outbox.complete(ids["first"], "w", T0 + 2)
    assert behind(store) == []
    claim(store, now=T0 + 2, only=["slack"])
    assert behind(store) == [], "what is being sent waits no more"


def test_an_answering_channel_hastens_what_it_had_refused_and_nothing_else(store: Store) -> None:
    ids = put(store, message("refused"), message("new", due_at=T0 + 500), message("other", "mail"), message("sending"))
    claim(store, lease_s=600)
    with store.write() as uow:
        for key in ("refused", "other"):
            uow.outbox.retry(ids[key], "w", T0 + 300, "503", T0 + 1)
        assert uow.outbox.hasten("slack", T0 + 300) == 0, "it is due already"
        assert uow.outbox.hasten("slack", T0 + 10) == 1
        assert {row.message.key: row.due_at for row in uow.outbox.list()} == {
            "refused": T0 + 10,
            "new": T0 + 500,
            "other": T0 + 300,
            "sending": T0,
        }


def test_a_row_tells_its_whole_fate(store: Store) -> None:
    sent = message("a", thread="t", severity=2, alert_ids=(4, 2), due_at=T0 + 5)
    ids = put(store, sent, now=T0 + 1)
    with store.write() as uow:
        assert uow.outbox.claim("w", 1, 60, T0 + 4) == []
        (row,) = uow.outbox.claim("w", 1, 60, T0 + 5)
        assert row == OutboxRow(ids["a"], sent, T0 + 1, T0 + 5, "sending", 1, "w", T0 + 65, "", None)
        uow.outbox.extend(row.id, "w", 600, T0 + 30)
        assert uow.outbox.list("sending")[0].lease_until == T0 + 630
        assert uow.outbox.retry(row.id, "w", T0 + 90, "503", T0 + 31)
        assert not uow.outbox.extend(row.id, "w", 600, T0 + 32)
        (row,) = uow.outbox.list("waiting")
        assert (row.due_at, row.owner, row.lease_until, row.reason, row.attempts) == (T0 + 90, None, None, "503", 1)
        (row,) = uow.outbox.claim("x", 1, 60, T0 + 90)
        assert uow.outbox.put_back(row.id, "x", T0 + 95)
        (row,) = uow.outbox.list("waiting")
        assert (row.due_at, row.owner, row.lease_until, row.attempts) == (T0 + 95, None, None, 1)
        uow.outbox.claim("y", 1, 60, T0 + 95)
        assert uow.outbox.dead(row.id, "y", "404", T0 + 96)
        (row,) = uow.outbox.list("dead")
        assert (row.state, row.reason, row.finished_at, row.attempts) == ("dead", "404", T0 + 96, 2)
        assert uow.outbox.requeue(T0 + 100, [row.id]) == 1
        (row,) = uow.outbox.list("waiting")
        assert (row.due_at, row.owner, row.lease_until, row.attempts, row.finished_at) == (
            T0 + 100,
            None,
            None,
            0,
            None,
        )
        uow.outbox.claim("z", 1, 60, T0 + 100)
        assert uow.outbox.complete(row.id, "z", T0 + 101)
        (row,) = uow.outbox.list("done")
        assert (row.state, row.reason, row.finished_at, row.receipt) == ("done", "", T0 + 101, {})
        assert uow.outbox.attempts(row.id) == [
            Attempt(T0 + 31, "retry", "503"),
            Attempt(T0 + 96, "dead", "404"),
            Attempt(T0 + 101, "delivered", ""),
        ]


def test_only_dead_messages_are_requeued_and_of_these_only_the_named(store: Store) -> None:
    ids = put(store, message("a"), message("b"), message("c"))
    claim(store)
    with store.write() as uow:
        for key in ("a", "b"):
            uow.outbox.dead(ids[key], "w", "404", T0 + 1)
        assert uow.outbox.requeue(T0 + 2, [ids["a"], ids["c"]]) == 1
        assert keys(uow.outbox.list("waiting")) == ["a"]
        assert keys(uow.outbox.list("dead")) == ["b"]
        assert uow.outbox.requeue(T0 + 2, []) == 0


def test_a_thread_gives_the_newest_receipt_that_says_something_and_every_delivered_key(store: Store) -> None:
    names = ("one", "two", "three", "late")
    ids = put(store, *(message(n, thread="t") for n in names), message("mail", "mail", thread="t"), message("else"))
    with store.write() as uow:
        for name, receipt in (("one", {"ts": "1"}), ("two", {"ts": "2"}), ("three", None)):
            uow.outbox.claim("w", 1, 60, T0, only=["slack"])
            uow.outbox.claim("w", 1, 60, T0, only=["slack"])
            assert uow.outbox.complete(ids[name], "w", T0 + 1, receipt=receipt)
        assert uow.outbox.thread("t", "slack") == ({"ts": "2"}, ("one", "two", "three"))
        assert uow.outbox.thread("t", "mail") == ({}, ())
        assert keys(uow.outbox.of_thread("t")) == [*names, "mail"]
        assert uow.outbox.of_thread("") == ()


def test_a_thread_has_nothing_of_another_and_no_thread_is_none(store: Store) -> None:
    ids = put(store, message("mine", thread="t"), message("other", thread="u"), message("loose"))
    claim(store)
    with store.write() as uow:
        for key in ids:
            assert uow.outbox.complete(ids[key], "w", T0 + 1, receipt={"ts": key})
        assert uow.outbox.thread("t", "slack") == ({"ts": "mine"}, ("mine",))
        assert uow.outbox.thread("", "slack") == ({}, ())


def test_what_a_thread_was_about_is_every_alert_that_any_of_its_messages_named(store: Store) -> None:
    put(store, message("a", thread="t", alert_ids=(1, 2)), message("b", "mail", thread="t", alert_ids=(2, 3)))
    put(store, message("c", thread="u", alert_ids=(9,)), message("d", thread="t"))
    with store.read() as uow:
        assert uow.outbox.event_words("t") == {1, 2, 3}


def test_attempts_and_deliveries_are_counted_from_their_moment_on(store: Store) -> None:
    ids = put(store, message("a"), message("b"), message("c", "mail"))
    claim(store)
    with store.write() as uow:
        assert uow.outbox.delivered_since(0) == 0
        uow.outbox.complete(ids["a"], "w", T0 + 10)
        uow.outbox.dead(ids["b"], "w", "404", T0 + 20)
        uow.outbox.complete(ids["c"], "w", T0 + 30)
        since = [T0 + 10, T0 + 10.5, T0 + 20, T0 + 20.5]
        assert [uow.outbox.attempted_since("slack", at) for at in since] == [2, 1, 1, 0]
        assert [uow.outbox.attempted_since("slack", 0, at) for at in (T0 + 9, T0 + 10, T0 + 20)] == [0, 1, 2]
        assert [uow.outbox.delivered_since(at) for at in (T0 + 10, T0 + 11, T0 + 30, T0 + 31)] == [2, 1, 1, 0]
        assert uow.outbox.counts() == {"waiting": 0, "sending": 0, "done": 2, "dead": 1, "dropped": 0}


def test_the_oldest_unsent_message_has_an_age_that_no_clock_makes_negative(store: Store) -> None:
    ids = put(store, message("old"), now=T0 - 100)
    put(store, message("new"))
    claim(store, limit=1)
    with store.write() as uow:
        assert (uow.outbox.oldest_age_s(T0), uow.outbox.oldest_age_s(T0 - 200)) == (100, 0.0)
        uow.outbox.complete(ids["old"], "w", T0)
        assert uow.outbox.oldest_age_s(T0 + 7) == 7


def test_the_list_has_the_newest_first_and_without_states_all_that_is_not_done(store: Store) -> None:
    ids = put(store, *(message(n) for n in "abcd"))
    claim(store, limit=3)
    with store.write() as uow:
        uow.outbox.complete(ids["a"], "w", T0)
        uow.outbox.dead(ids["b"], "w", "404", T0)
        assert keys(uow.outbox.list()) == ["d", "c", "b"]
        assert keys(uow.outbox.list(limit=2)) == ["d", "c"]
        assert keys(uow.outbox.list("done", "waiting")) == ["d", "a"]
        assert keys(uow.outbox.list(before=ids["c"])) == ["b"]
    put(store, *(message(f"m{n}") for n in range(210)))
    with store.read() as uow:
        assert len(uow.outbox.list()) == 200


def test_a_claim_takes_the_due_ones_of_the_channels_asked_for_and_the_earliest_due_first(store: Store) -> None:
    put(store, message("b", due_at=T0 - 1), message("a", due_at=T0 - 2), message("m", "mail"), message("p", "pager"))
    with store.write() as uow:
        assert keys(uow.outbox.claim("w", 1, 60, T0, only=["slack", "mail"])) == ["a"]
        assert keys(uow.outbox.claim("w", 9, 60, T0, only=["slack", "mail"], without=["mail"])) == ["b"]
        assert keys(uow.outbox.claim("w", 9, 60, T0, without=["mail"])) == ["p"]
        assert keys(uow.outbox.claim("w", 9, 60, T0)) == ["m"]


@pytest.mark.parametrize("over", ["done", "dead"])
def test_the_next_of_a_thread_goes_when_the_one_before_it_is_over(store: Store, over: str) -> None:
    ids = put(store, message("one", thread="t"), message("two", thread="t"), message("three", thread="t"))
    claim(store)
    with store.write() as uow:
        assert uow.outbox.claim("x", 9, 60, T0) == []
        uow.outbox.complete(ids["one"], "w", T0) if over == "done" else uow.outbox.dead(ids["one"], "w", "404", T0)
        assert keys(uow.outbox.claim("x", 9, 60, T0)) == ["two"]


def test_nothing_to_enqueue_is_no_message(store: Store) -> None:
    with store.write() as uow:
        assert uow.outbox.enqueue([], T0) == 0
        assert uow.outbox.counts() == {"waiting": 0, "sending": 0, "done": 0, "dead": 0, "dropped": 0}
        assert uow.outbox.oldest_age_s(T0) == 0


def test_messages_of_an_alert_come_in_the_order_they_were_written_whatever_the_clock_said(store: Store) -> None:
    for key, now in (("first", T0 + 90), ("second", T0 + 20), ("third", T0 + 50)):
        put(store, message(key, alert_ids=(7,)), now=now)
    with store.read() as uow:
        assert keys(uow.outbox.of_alert(7, T0)) == ["first", "second", "third"]
        assert keys(uow.outbox.of_alert(7, T0 + 50)) == ["first", "third"]
