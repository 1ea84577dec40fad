"""A source with sixteen days behind it: what opens an incident, what must not, what the finding says."""

from dataclasses import replace

import numpy as np

from busta_health_dagster.domain.anomaly import Change, Judgement, Metric, Term
from tests.unit.engines.anomaly.fleet import opened


def test_sixteen_calm_days_alarm_at_most_once_even_while_cold(learned):
    assert learned[2] <= 2


def test_a_volume_drop_is_found_within_half_an_hour_and_explains_itself(grown):
    bank, days = grown()
    days.items[100:140, 0] = np.round(days.items[100:140, 0] * 0.35)
    first = opened(days.play(bank, last=140))[0]
    assert (first.source, first.metric) == ("source0", Metric.ITEMS)
    assert days.slots[100] <= first.at <= days.slots[106]
    assert days.slots[99] <= first.since <= first.at
    assert first.observed < 0.6 * first.expected
    assert first.score > first.threshold
    for word in ("items", "was expected", "UTC", "to 1 against chance"):
        assert word in first.text


def test_an_incident_closes_by_evidence_and_says_so(grown):
    bank, days = grown()
    days.quality[100:120, 0] -= 12
    found = days.play(bank, last=180)
    assert [f.change for f in found if f.source == "source0"] == [Change.OPENED, Change.CLEARED]
    assert found[0].term in {Term.JUMP, Term.STEP}
    assert found[1].at >= days.slots[120]
    assert bank.verdict("source0").judgement is Judgement.GOOD


def test_several_metrics_of_one_source_are_one_incident(grown):
    bank, days = grown()
    days.quality[100:130, 0] -= 12
    days.items[103:130, 0] *= 0.2
    days.response_ms[106:130, 0] *= 6
    found = [f for f in days.play(bank, last=125) if f.source == "source0"]
    assert [f.change for f in found].count(Change.OPENED) == 1
    assert {f.metric for f in found} == {Metric.QUALITY, Metric.ITEMS, Metric.RESPONSE}
    verdict = bank.verdict("source0")
    assert verdict.judgement is Judgement.BAD
    assert verdict.opened_at == found[0].at
    assert len(verdict.findings) >= 3
    assert verdict.score == max(f.score for f in verdict.findings)


def test_a_new_level_becomes_normal_after_eight_hours_and_says_so(grown):
    bank, days = grown()
    days.quality[50:, 0] -= 9
    found = [f for f in days.play(bank, last=200) if f.source == "source0"]
    assert [f.change for f in found] == [Change.OPENED, Change.NEW_NORMAL]
    assert "new normal" in found[1].text
    verdict = bank.verdict("source0")
    assert not verdict.open


def test_faster_answers_and_better_quality_are_no_alarm(grown):
    bank, days = grown()
    days.response_ms[50:, 0] *= 0.4
    days.quality[50:, 0] += 3
    assert not opened(days.play(bank, last=288))


def test_two_failures_within_an_hour_open_and_one_does_not(grown):
    bank, days = grown()
    days.status[100, 0] = 3
    days.status[[100, 109], 1] = 3
    found = opened(days.play(bank, last=130))
    assert [(f.source, f.term) for f in found] == [("source1", Term.FAILURES)]


def test_stale_data_open_above_the_own_maximum(grown):
    bank, days = grown()
    days.data_age_s[100:120, 0] = 250 + 300 * np.arange(20)
    found = opened(days.play(bank, last=130))
    assert [(f.source, f.term, f.metric) for f in found] == [("source0", Term.STALE, Metric.DATA_AGE)]
    assert found[0].at <= days.slots[103]


def test_a_frozen_feed_opens_after_three_exact_repeats(grown):
    bank, days = grown()
    days.items[100:130, 0], days.quality[100:130, 0] = days.items[99, 0], days.quality[99, 0]
    found = opened(days.play(bank, last=140))
    assert [(f.source, f.term) for f in found] == [("source0", Term.FROZEN)]
    assert found[0].at == days.slots[102]


def test_bursts_of_slow_answers_open(grown):
    bank, days = grown()
    days.response_ms[100:124:3, 0] *= 10
    found = opened(days.play(bank, last=130))
    assert [(f.source, f.term) for f in found] == [("source0", Term.SPIKES)]


def test_scattering_counts_open(grown):
    bank, days = grown()
    rng = np.random.default_rng(0)
    days.items[100:140, 0] *= np.exp(0.6 * rng.standard_normal(40))
    found = opened(days.play(bank, last=150))
    assert {f.source for f in found} == {"source0"}
    assert found[0].metric is Metric.ITEMS


def test_one_dial_trades_recall_for_noise(grown):
    listened = []
    for dial in (-2.0, 0.0, 40.0):
        bank, days = grown()
        bank.settings = replace(bank.settings, dial=dial)
        days.items[100:112, 0] *= 0.45
        days.status[100:104, 1] = 3
        listened.append(len(opened(days.play(bank, last=130))))
    assert listened[0] >= listened[1] > listened[2] == 0
