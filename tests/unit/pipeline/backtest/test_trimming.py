"""What a trimmed history says is what the whole one says, for every rule that looks at its newest value alone."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from busta_health_dagster.domain.policy import Inhibition
from busta_health_dagster.domain.rule import Condition, Pattern, Rule
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.pipeline.backtest.noise_summary import NoiseSummary, summarize_noise
from busta_health_dagster.pipeline.backtest.suggestions import suggest
from busta_health_dagster.pipeline.backtest.trimming import PlayedHistory, trimmed
from busta_health_dagster.store.history import ObservationRow
from tests.unit.pipeline.backtest.test_replay import DOWN, NO_DATA, POLICY, SLOW, T0, source, trial

QUALITY = Rule("low-quality", Pattern.THRESHOLD, (Condition("quality", "<", 90.0),), for_=2)
FIRM = replace(SLOW, name="firm", recover_limit=3000.0, for_=1)


def history(seed: int, n: int = 1500) -> list[ObservationRow]:
    rng = random.Random(seed)
    rows, down = [], 0
    for i in range(n):
        down = max(0, down - 1) or (rng.choice([1, 2, 9]) if rng.random() < 0.004 else 0)
        if rng.random() < 0.02:
            continue  # the tick missed it
        quality = rng.gauss(96, 3) if i % 12 == 0 and not down else None
        status = 3 if down else 0 if rng.random() < 0.01 else 1
        ms = None if status != 1 else rng.lognormvariate(6.8, 0.5)
        rows.append(ObservationRow(T0 + i * 300, status, ms, None, None, quality, 1, False, False))
    return rows


def counted(noise: NoiseSummary) -> tuple[object, ...]:
    return (
        {rule: sorted(some) for rule, some in noise.stretches.items() if some},
        dict(noise.notified_by),
        dict(noise.alerts),
        dict(noise.blips),
    )


def quietly(run) -> NoiseSummary:
    return summarize_noise(run, lambda _n, _t: None, lambda _c: None)


@pytest.mark.parametrize("seed", range(6))
def test_it_says_the_same(seed: int) -> None:
    rules = (DOWN, SLOW, FIRM, QUALITY)
    run = trial({"a": history(seed), "b": history(seed + 100)}, rules, sources=[source("a"), source("b")])
    ticks = list(run.ticks())
    short = trimmed(run, PlayedHistory.of(ticks))
    assert sum(len(o) for _, o in short.ticks()) < 0.9 * sum(len(o) for _, o in ticks)
    assert counted(quietly(short)) == counted(quietly(run))


def test_a_rule_that_waits_long_for_its_recovery_gets_what_it_waits_for() -> None:
    run = trial({"a": history(3)}, (replace(DOWN, recover_after=60),), sources=[source("a")])
    ticks = list(run.ticks())
    assert counted(quietly(trimmed(run, PlayedHistory.of(ticks)))) == counted(quietly(run))


def test_a_rule_that_looks_further_back_gets_the_whole_history() -> None:
    run = trial({"a": history(1)}, (DOWN, NO_DATA), sources=[source("a")])
    ticks = list(run.ticks())
    assert list(trimmed(run, PlayedHistory.of(ticks)).ticks()) == ticks


@pytest.mark.parametrize("seed", range(12))
def test_what_never_opens_is_left_out_and_changes_nothing(seed: int) -> None:
    """Limits from rare to common, with and without a second limit, values that no rule may use, any number in a row."""
    rng = random.Random(seed)
    limit = (1500.0, 2500.0, 3500.0, 5000.0)[seed % 4]
    slow = replace(SLOW, for_=2 + seed % 2, conditions=(replace(SLOW.conditions[0], value=limit),))
    slow = replace(slow, recover_limit=limit * 0.8 if seed % 3 else None)
    rows = {n: [r._replace(suspect=rng.random() < 0.05) for r in history(seed * 7 + k)] for k, n in enumerate("ab")}
    run = trial(rows, (DOWN, slow, replace(QUALITY, for_=1 + seed % 2)), sources=[source("a"), source("b")])
    short = trimmed(run, PlayedHistory.of(list(run.ticks())))
    assert counted(quietly(short)) == counted(quietly(run))


def test_a_rare_single_slow_answer_is_not_played_where_the_rule_asks_for_two() -> None:
    rows = [
        ObservationRow(T0 + i * 300, 1, 9000.0 if i % 50 == 0 else 200.0, None, None, None, 1, False, False)
        for i in range(500)
    ]
    run = trial({"a": rows}, (SLOW,), sources=[source("a")])
    ticks = list(run.ticks())
    assert sum(len(o) for _, o in trimmed(run, PlayedHistory.of(ticks)).ticks()) == 0
    once = run.with_rules([replace(SLOW, for_=1)])
    assert sum(len(o) for _, o in trimmed(once, PlayedHistory.of(ticks)).ticks()) > 0


def test_the_suggestions_are_those_of_the_whole_history() -> None:
    """A rule that looks further back, and never fires, makes every trial play everything."""
    quiet = Inhibition(Selector(rules=(NO_DATA.name,)), Selector(rules=("nothing",)), ())
    rows = {n: [r._replace(slot=T0 + i * 300) for i, r in enumerate(history(k, 1200))] for k, n in enumerate("abc")}
    run = trial(rows, (DOWN, SLOW, QUALITY, NO_DATA), sources=[source(n, type=n) for n in "abc"])
    whole = trial(
        rows,
        (DOWN, SLOW, QUALITY, NO_DATA),
        sources=[source(n, type=n) for n in "abc"],
        policy=replace(POLICY, inhibitions=(quiet,)),
    )
    ours, theirs = (suggest(one, quietly(one), 1.0, "type") for one in (run, whole))
    assert [s.as_json() for s in ours] == [s.as_json() for s in theirs]
    assert any(c.per_source_week for s in ours for c in s.tried)
