"""What a trimmed history says is what the whole one says, for every rule that looks at its newest value alone."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from busta_health_dagster.domain.rule import Condition, Pattern, Rule
from busta_health_dagster.pipeline.backtest.noise_summary import NoiseSummary, summarize_noise
from busta_health_dagster.pipeline.backtest.trimming import trimmed
from busta_health_dagster.store.history import ObservationRow
from tests.unit.pipeline.backtest.test_replay import DOWN, NO_DATA, SLOW, T0, source, trial

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
    short = trimmed(run, ticks)
    assert sum(len(o) for _, o in short.ticks()) < 0.9 * sum(len(o) for _, o in ticks)
    assert counted(quietly(short)) == counted(quietly(run))


def test_a_rule_that_waits_long_for_its_recovery_gets_what_it_waits_for() -> None:
    run = trial({"a": history(3)}, (replace(DOWN, recover_after=60),), sources=[source("a")])
    ticks = list(run.ticks())
    assert counted(quietly(trimmed(run, ticks))) == counted(quietly(run))


def test_a_rule_that_looks_further_back_gets_the_whole_history() -> None:
    run = trial({"a": history(1)}, (DOWN, NO_DATA), sources=[source("a")])
    ticks = list(run.ticks())
    assert list(trimmed(run, ticks).ticks()) == ticks
