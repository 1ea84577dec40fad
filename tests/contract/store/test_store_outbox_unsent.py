"""What is not delivered yet: taken early when the channel answers again, dropped when it is over, known with its thread."""

from __future__ import annotations

from store_stories import T0
from test_store_outbox import claimed, ids, message, put

from busta_health_dagster.store import Store


def failed_once(store: Store, *keys: str, channel: str = "slack", at: float = T0 + 600) -> None:
    """Each was tried at T0 and waits for its next attempt."""
    assert sorted(claimed(store, "one", only=[channel])) == sorted(keys)
    with store.write() as uow:
        for key in keys:
            assert uow.outbox.retry(ids(uow.outbox)[key], "one", at, "503", T0)


def test_a_message_that_waits_is_taken_early_the_oldest_first_and_its_attempts_are_not_counted(store: Store) -> None:
    put(store, message("first"), message("second"), message("other", channel="mail"))
    failed_once(store, "first", "second")
    put(store, message("new"))
    with store.write() as uow:
        (early,) = uow.outbox.claim_early("two", "slack", 60, T0 + 5)
        assert (early.message.key, early.early, early.attempts) == ("first", True, 1)
    with store.write() as uow:
        rows = {row.message.key: row for row in uow.outbox.list("waiting", "sending")}
        assert (rows["first"].state, rows["second"].state) == ("sending", "waiting")
        assert uow.outbox.complete(early.id, "two", T0 + 6), "it is the claimer's own"
        assert [row.message.key for row in uow.outbox.claim_early("two", "slack", 60, T0 + 6)] == ["second"]
        assert uow.outbox.claim_early("two", "slack", 60, T0 + 6) == [], "new has not been tried: its time is its own"
        assert uow.outbox.claim_early("two", "mail", 60, T0 + 6) == []


def test_a_message_taken_early_is_due_again_when_its_lease_ends(store: Store) -> None:
    put(store, message("a"))
    failed_once(store, "a")
    with store.write() as uow:
        assert uow.outbox.claim_early("two", "slack", 60, T0 + 5)
    assert claimed(store, "three", now=T0 + 64) == []
    assert claimed(store, "three", now=T0 + 66) == ["a"]


def test_only_what_waits_is_dropped_and_keeps_the_reason(store: Store) -> None:
    put(store, message("waits"), message("sent"))
    with store.write() as uow:
        keys = ids(uow.outbox)
    assert claimed(store, "one", limit=1) == ["waits"]
    with store.write() as uow:
        assert not uow.outbox.drop(keys["waits"], "over", T0 + 1), "it is being sent"
        assert uow.outbox.drop(keys["sent"], "over", T0 + 2)
        assert not uow.outbox.drop(keys["sent"], "again", T0 + 3)
        assert not uow.outbox.drop(999, "over", T0 + 3)
    with store.read() as uow:
        (row,) = uow.outbox.list("dropped")
        assert (row.message.key, row.reason, row.finished_at) == ("sent", "over", T0 + 2)
        assert uow.outbox.counts()["dropped"] == 1
        assert [r.message.key for r in uow.outbox.list("sending")] == ["waits"]


def test_what_a_channel_has_not_delivered_is_known_with_its_thread(store: Store) -> None:
    put(store, message("sent", thread="t1"))
    with store.write() as uow:
        (sent,) = uow.outbox.claim("zero", 1, 60, T0, only=["slack"])
        assert uow.outbox.complete(sent.id, "zero", T0)
    put(
        store, message("a", thread="t1", alert_ids=(1, 2)), message("single"), message("b", thread="t2", alert_ids=(3,))
    )
    put(store, message("c", channel="mail", thread="t1"), now=T0 + 1)
    put(store, message("d", thread="t1", alert_ids=(2,)), now=T0 + 2)
    with store.write() as uow:
        keys = ids(uow.outbox)
        (first,) = uow.outbox.claim("one", 1, 60, T0 + 3, only=["slack"])
        assert first.message.key == "a"
    with store.read() as uow:
        unsent = uow.outbox.unsent("slack")
        assert [(u.id, u.kind, u.thread, u.alert_ids, u.created_at, u.waiting) for u in unsent] == [
            (keys["a"], "opened", "t1", (1, 2), T0, False),
            (keys["b"], "opened", "t2", (3,), T0, True),
            (keys["d"], "opened", "t1", (2,), T0 + 2, True),
        ]
        assert [u.id for u in uow.outbox.unsent("mail")] == [keys["c"]]
        assert uow.outbox.unsent("pager") == []


def test_a_retry_keeps_who_was_reached_and_a_delivery_who_was_refused(store: Store) -> None:
    put(store, message("a"), message("b"), message("c"))
    assert claimed(store, "one") == ["a", "b", "c"]
    with store.write() as uow:
        keys = ids(uow.outbox)
        assert uow.outbox.retry(keys["a"], "one", T0 + 60, "450", T0 + 1, reached=["ann", "bob"])
        assert uow.outbox.retry(keys["b"], "one", T0 + 60, "503", T0 + 1)
        assert uow.outbox.complete(keys["c"], "one", T0 + 2, receipt={"refused": {"eve": "550"}}, detail="250")
    with store.read() as uow:
        rows = {row.message.key: row for row in uow.outbox.list("waiting", "done")}
        assert rows["a"].receipt == {"reached": ["ann", "bob"]}
        assert rows["b"].receipt == {}
        assert [(at.at, at.outcome, at.reason) for at in uow.outbox.attempts(keys["a"])] == [(T0 + 1, "retry", "450")]
        assert [row.message.key for row in uow.outbox.partial(T0 + 2)] == ["c"]
        assert uow.outbox.partial(T0 + 3) == []


def test_partial_deliveries_are_listed_newest_first_and_no_more_than_asked_for(store: Store) -> None:
    put(store, *(message(f"m{n}") for n in range(4)))
    assert len(claimed(store, "one")) == 4
    with store.write() as uow:
        for key in ids(uow.outbox).values():
            assert uow.outbox.complete(key, "one", T0 + key, receipt={"refused": {"eve": "550"}})
    with store.read() as uow:
        assert [row.message.key for row in uow.outbox.partial(T0)] == ["m3", "m2", "m1", "m0"]
        assert [row.message.key for row in uow.outbox.partial(T0, limit=2)] == ["m3", "m2"]


def test_a_message_taken_early_and_put_back_keeps_its_attempts_and_can_be_taken_again(store: Store) -> None:
    put(store, message("a"))
    failed_once(store, "a")
    with store.write() as uow:
        (early,) = uow.outbox.claim_early("two", "slack", 60, T0 + 5)
        assert uow.outbox.put_back(early.id, "two", early.due_at, early=early.early)
        (again,) = uow.outbox.claim_early("two", "slack", 60, T0 + 6)
    assert (again.message.key, again.attempts) == ("a", 1)
