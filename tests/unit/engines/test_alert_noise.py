"""Whose messages cost the most, and whether anyone acted upon them."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from test_tuning import T0, alert

from busta_health_dagster.engines.alert_noise import WEEK_S, noisy_pairs


def test_the_worst_is_what_is_sent_most_and_acted_upon_least() -> None:
    alerts = [
        alert("odds", key=1, first_acked_at=T0 + 60, lasted=3600),
        alert("odds", key=2, lasted=3600),
        alert("news", key=3, lasted=300),
        alert("scores", "slow-response", key=4, lasted=300),
    ]
    found = noisy_pairs(alerts, [1, 1, 1, 2, 3, 3, 4], 4 * WEEK_S)
    assert [(p.source, p.rule, p.messages, p.unheeded) for p in found] == [
        ("news", "source-down", 2, 2),
        ("odds", "source-down", 4, 1),
        ("scores", "slow-response", 1, 1),
    ]
    news, odds, _ = found
    assert (odds.per_week, odds.alerts, odds.share(odds.acknowledged), odds.share(odds.self_resolved)) == (
        1.0,
        2,
        50.0,
        0.0,
    )
    assert news.share(news.self_resolved) == 100.0


def test_shadow_alerts_and_those_that_sent_nothing_are_no_noise() -> None:
    assert noisy_pairs([alert(key=1, shadow=True), alert(key=2)], [1], WEEK_S) == ()


def test_shares_are_rounded_down() -> None:
    alerts = [alert(key=n, first_acked_at=T0 + 9 if n < 3 else None) for n in (1, 2, 3)]
    (pair,) = noisy_pairs(alerts, [1, 2, 3], WEEK_S)
    assert pair.share(pair.acknowledged) == 66.6
    assert replace(pair, alerts=0).share(0) is None


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.booleans(), st.integers(0, 4)), max_size=20),
    st.integers(1, 100 * WEEK_S),
)
def test_law_every_message_is_counted_once_and_the_worst_comes_first(drawn, span) -> None:
    alerts = [alert(s, r, key=n, first_acked_at=T0 if acked else None) for n, (s, r, acked, _) in enumerate(drawn, 1)]
    messages = [n for n, (*_, count) in enumerate(drawn, 1) for _ in range(count)]
    found = noisy_pairs(alerts, messages, span)
    assert sum(p.messages for p in found) == len(messages)
    assert all(0 <= p.unheeded <= p.messages and p.acknowledged + p.self_resolved <= p.alerts for p in found)
    assert [p.unheeded for p in found] == sorted((p.unheeded for p in found), reverse=True)
    assert len({(p.source, p.rule) for p in found}) == len(found)
