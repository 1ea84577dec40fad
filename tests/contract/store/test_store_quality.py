"""Scores with their checks, rows that failed, and learned shapes come back as they went in, on both databases."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete
from store_stories import DAY, HOUR, T0, added, seen, synced

from busta_health_dagster.domain.errors import UnknownName
from busta_health_dagster.domain.quality import (
    CheckResult,
    CheckSeverity,
    ColumnShape,
    Dimension,
    FailingRow,
    Learned,
    SchemaSnapshot,
    Scored,
    no_data,
)
from busta_health_dagster.domain.verdict import Score
from busta_health_dagster.engines.quality_score import score
from busta_health_dagster.store.pruning import prune
from busta_health_dagster.store.schema.quality import check_history

if TYPE_CHECKING:
    from busta_health_dagster.store import Store

CHECKS = (
    CheckResult("price.null", Dimension.COMPLETENESS, "price", CheckSeverity.ERROR, 1000, 80, mostly=0.95, why="ü"),
    CheckResult("price.odds", Dimension.VALIDITY, "price", CheckSeverity.WARNING, 920, 0, weight=0.5),
    CheckResult("gone", Dimension.VALIDITY, "gone", CheckSeverity.INFO, 0, 0, error="column gone is missing"),
)
VERDICT = replace(score(CHECKS, rows=1000, total_rows=5000), notes=("rests on a sample",))
NOTHING = no_data("the source is down")


def scored(source: str, at: int, verdict=VERDICT) -> Scored:
    return Scored(source, at, at - 5, "odds", verdict)


def put(store: Store, *results: Scored) -> None:
    with store.write() as uow:
        uow.quality.add(results)


def test_a_validation_comes_back_with_every_check_cap_and_note(store: Store) -> None:
    synced(store, odds=300, news=300, silent=300)
    put(store, scored("odds", T0, NOTHING), scored("odds", T0 + HOUR), scored("news", T0, NOTHING))
    with store.read() as uow:
        assert uow.quality.newest() == {"odds": scored("odds", T0 + HOUR), "news": scored("news", T0, NOTHING)}
        assert uow.quality.newest(["silent"]) == {}
        assert uow.quality.history("odds", T0, T0 + DAY) == [scored("odds", T0, NOTHING), scored("odds", T0 + HOUR)]
        assert uow.quality.history("odds", T0 + 1, T0 + HOUR) == []
        assert uow.quality.last_at()["odds"] == (T0 + HOUR, T0 + HOUR - 5)
        with pytest.raises(UnknownName):
            uow.quality.newest(["elsewhere"])


def test_trends_read_scores_and_no_data_and_the_rules_only_scores(store: Store) -> None:
    synced(store, odds=300, news=300)
    put(store, scored("odds", T0), scored("odds", T0 + HOUR, NOTHING), scored("news", T0 + 10))
    with store.read() as uow:
        assert uow.quality.scores(T0, T0 + DAY, ["odds"]) == {"odds": [(T0, VERDICT.score), (T0 + HOUR, None)]}
        notified = Score(T0 - 5, VERDICT.score, VERDICT.raw, VERDICT.half_width)
        assert uow.quality.for_rules(T0) == {"odds": notified, "news": replace(notified, at=T0 + 5)}
        assert set(uow.quality.for_rules(T0 + 10)) == {"news"}


def test_failing_rows_are_those_of_the_newest_validation_that_had_any(store: Store) -> None:
    synced(store, odds=300, news=300)
    rows = (FailingRow("price.null", 3, {"id": "7"}, {"price": "null"}, 80), FailingRow("x", 4, {}, {}, 1))
    with store.write() as uow:
        uow.quality.put_failures("odds", T0, (rows[1],))
        uow.quality.put_failures("odds", T0 + HOUR, rows)
    with store.read() as uow:
        assert uow.quality.failures("odds") == (T0 + HOUR, rows)
        assert uow.quality.failures("news") == (None, ())


def test_a_learned_shape_is_replaced(store: Store) -> None:
    synced(store, odds=300, news=300)
    shape = SchemaSnapshot((ColumnShape("price", "number", 0.05),), 1000, truncated=True)
    newer = Learned(replace(shape, rows=900), T0, 7, drifting_since=T0 + HOUR)
    with store.write() as uow:
        uow.quality.put_learned({"odds": Learned(shape, T0), "news": Learned(shape, T0, 3)})
        uow.quality.put_learned({"odds": newer})
    with store.read() as uow:
        assert uow.quality.learned() == {"odds": newer, "news": Learned(shape, T0, 3)}


def test_checks_go_before_their_scores_and_failing_rows_with_the_samples(store: Store) -> None:
    synced(store, odds=300)
    put(store, scored("odds", T0), scored("odds", T0 + 40 * DAY), scored("odds", T0 + 41 * DAY))
    with store.write() as uow:
        uow.quality.put_failures("odds", T0, (FailingRow("x", 0, {}, {}, 1),))
    kept = {"quality": 400 * DAY, "quality_checks": 30 * DAY, "samples": 2 * DAY}
    gone = store.prune(kept, T0 + 41 * DAY)
    assert (gone["quality_result"], gone["quality_checks"], gone["failing_row"]) == (0, 1, 1)
    with store.read() as uow:
        oldest, *newer = uow.quality.history("odds", T0, T0 + DAY * 50)
    assert (oldest.score.score, oldest.score.dimensions) == (VERDICT.score, VERDICT.dimensions)
    assert oldest.score.checks == ()
    assert [n.score for n in newer] == [VERDICT, VERDICT]
    gone = store.prune(kept, T0 + 440 * DAY + HOUR)
    assert gone["quality_result"] == 2
    with store.read() as uow:
        assert uow.row_counts()["quality_checks"] == 0 or uow.row_counts()["quality_checks"] == 1
        assert list(uow.quality.scores(0, 2**40)) == ["odds"]


def test_a_score_is_shown_by_the_state_of_its_source(store: Store) -> None:
    synced(store, odds=300)
    added(store, seen("odds", T0))
    with store.write() as uow:
        assert uow.observations.score("odds", T0, 89.0)
        uow.states.set_quality({"odds": (89.0, T0 + 40)})
    with store.read() as uow:
        state = uow.states.get("odds")
        assert state is not None
        assert (state.quality, state.quality_at) == (89.0, T0 + 40)


def test_each_check_has_a_history_that_is_counted_with_every_validation(store: Store) -> None:
    synced(store, odds=300, news=300)
    put(store, scored("odds", T0), scored("odds", T0 + HOUR, NOTHING), scored("odds", T0 + DAY))
    put(store, scored("odds", T0 + DAY + HOUR))
    with store.read() as uow:
        history = {one.id: one for one in uow.check_histories.of("odds")}
        assert uow.check_histories.of("news") == ()
        with pytest.raises(UnknownName):
            uow.check_histories.of("elsewhere")
    null = history["price.null"]
    assert (null.first_at, null.last_at, null.failing_since) == (T0, T0 + DAY + HOUR, T0)
    assert [(day.evaluated, day.passed, day.worst) for day in null.days] == [(1, 0, 0.92), (2, 0, 0.92)]
    assert history["price.odds"].failing_since is None
    assert history["gone"].failing_since == T0, "a check that cannot run fails"


def test_two_validations_at_once_are_both_counted(store: Store) -> None:
    synced(store, odds=300)
    put(store, scored("odds", T0))
    begun = threading.Event()

    def beside() -> None:
        begun.set()
        put(store, scored("odds", T0 + HOUR))

    other = threading.Thread(target=beside)
    with store.write() as uow:
        uow.quality.add([scored("odds", T0 + 60)])
        other.start()
        assert begun.wait(60)
        time.sleep(0.2)  # it reads while this one is not written yet; without the pause the story holds as well
    other.join(60)
    with store.read() as uow:
        assert {one.evaluated for one in uow.check_histories.of("odds") if one.id == "price.null"} == {3}


def test_a_history_begins_with_the_validations_that_were_kept_before_it(store: Store) -> None:
    synced(store, odds=300)
    put(store, scored("odds", T0), scored("odds", T0 + HOUR))
    with store.write() as uow:
        uow.connection.execute(delete(check_history))
    put(store, scored("odds", T0 + 2 * HOUR))
    with store.read() as uow:
        assert uow.check_histories.of("odds")[0].evaluated == 3


def test_a_history_goes_when_its_newest_validation_is_older_than_checks_are_kept(store: Store) -> None:
    synced(store, odds=300)
    put(store, scored("odds", T0))
    assert prune(store, {"quality_checks": DAY}, T0 + DAY)["check_history"] == 0
    assert prune(store, {"quality_checks": DAY}, T0 + DAY + 1)["check_history"] == 1
    with store.read() as uow:
        assert uow.check_histories.of("odds") == ()
