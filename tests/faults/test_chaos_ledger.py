"""The ledger of a chaotic night finds what it is there to find: a minute without a reason, and an observation that is untrue."""

from __future__ import annotations

from benchmarks.chaos_ledger import Disturbance, Truth, unexplained
from benchmarks.live_night import Place, twice_or_late
from busta_health_dagster.domain.observation import Observation, Status

BEGAN = 1_800_000_000.0
UP, DOWN, UNKNOWN = Status.UP, Status.DOWN, Status.UNKNOWN
STILL = [(BEGAN - 1, 0.0)]


def rows(*statuses: Status | None, ahead: float = 0.0) -> dict[str, list[Observation]]:
    """One a minute; None is a minute without."""
    at = [int(BEGAN + 60 * n + ahead) for n in range(len(statuses))]
    return {"odds": [Observation("odds", t, t, s) for t, s in zip(at, statuses, strict=True) if s is not None]}


def test_a_night_in_which_all_is_observed_as_it_was_has_nothing_wrong() -> None:
    truth = {"odds": Truth([(BEGAN + 90, True), (BEGAN + 210, False)])}
    wrong, counts = unexplained(rows(UP, UP, DOWN, DOWN, UP), truth, [], BEGAN, STILL)
    assert wrong == []
    assert (counts["observations: up"], counts["observations: down"]) == (3, 2)


def test_a_minute_that_no_fault_explains_is_wrong_and_one_beside_a_fault_is_counted() -> None:
    seen, truth = rows(UP, UP, UP, UP, None, None, UP), {"odds": Truth()}
    (sentence,), _ = unexplained(seen, truth, [], BEGAN, STILL)
    assert sentence == "odds: 2 minutes before 360 s have no observation, and no fault"
    wrong, counts = unexplained(seen, truth, [Disturbance("locked", BEGAN + 230, BEGAN + 300)], BEGAN, STILL)
    assert wrong == []
    assert counts["minutes without an observation beside: locked"] == 2


def test_an_observation_that_says_other_than_its_source_was_is_wrong_and_unknown_is_not() -> None:
    wrong, _ = unexplained(rows(UP, DOWN, UNKNOWN), {"odds": Truth()}, [], BEGAN, STILL)
    assert [sentence.rpartition(" at ")[0] for sentence in wrong] == ["odds: seen down (ok)"]
    missed, _ = unexplained(rows(UP), {"odds": Truth([(BEGAN - 60, True)])}, [], BEGAN, STILL)
    assert len(missed) == 1, "an outage that is seen as up"


def test_the_clock_of_the_monitor_is_read_as_ours() -> None:
    jumps = [*STILL, (BEGAN + 150, 3600.0)]
    seen = {"odds": [*rows(UP, UP, UP)["odds"], *rows(UP, UP, UP, UP, UP, ahead=3600)["odds"][3:]]}
    assert unexplained(seen, {"odds": Truth()}, [], BEGAN, jumps)[0] == []


def test_the_end_of_the_night_counts_too() -> None:
    wrong, _ = unexplained(rows(UP, UP, UP, UP), {"odds": Truth()}, [], BEGAN, STILL, ended=BEGAN + 600)
    assert wrong == ["odds: 6 minutes before 600 s have no observation, and no fault"]


def test_what_begins_again_and_flaps_by_that_is_one_message_and_no_firing_after_its_end() -> None:
    reader = Place()
    for n, kind in enumerate(("opened", "resolved", "flapping_started", "resolved", "escalated")):
        body = {"type": f"alert.{kind}", "timestamp": str(n), "data": {"alert": {"id": 3, "fingerprint": "odds/down"}}}
        reader.got.append((BEGAN + n, f"key-{n}", body))
    assert twice_or_late("chat", reader, {3}, set()) == ["chat: alert 3 (odds/down) alert.escalated after its end"]
