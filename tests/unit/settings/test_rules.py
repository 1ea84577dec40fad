from __future__ import annotations

import pytest

from busta_health_dagster.domain.rule import Condition, Pattern, Severity
from busta_health_dagster.domain.source import Selector


def alerts(*rules: str) -> str:
    return "version: 1\nrules:\n" + "".join(f"  - {rule}\n" for rule in rules)


@pytest.fixture
def read(files):
    one = "version: 1\nsources: [{name: odds_api, type: odds, probe: http, url: 'https://odds.example.com', max_data_age: 10m, quality: {suite: odds}}]\n"

    def only(text):
        (rule,) = files.write(sources=one, alerts=alerts(text)).config().rules
        return rule

    return only


def test_the_rules_of_the_design(design):
    rules = {rule.name: rule for rule in design.config().rules}
    assert rules["source-down"].pattern is Pattern.STATUS
    assert rules["source-down"].conditions == (Condition("status", "==", "down"),)
    slow = rules["slow-response"]
    assert (slow.pattern, slow.conditions, slow.for_) == (
        Pattern.THRESHOLD,
        (Condition("response_ms", ">", 5000.0),),
        2,
    )
    assert (slow.overrides[0].select, slow.overrides[0].changes) == (Selector(types=("stats",)), {"value": 8000.0})
    rate = rules["failure-rate"]
    assert (rate.conditions, rate.over_s, rate.min_bad) == ((Condition("failed", ">", 5.0),), 21600, 4)
    assert rules["low-quality"].conditions == (Condition("quality", "<", 90.0),)
    assert rules["stale-data"].conditions == (Condition("data_age_s", ">", "max_data_age"),)
    assert (rules["anomaly"].pattern, rules["anomaly"].shadow) == (Pattern.ANOMALY, True)
    assert (rules["budget-burn"].pattern, rules["budget-burn"].severity) == (Pattern.BURN_RATE, Severity.CRITICAL)
    assert rules["no-data"].intervals == 3
    both = rules["odds-thin-and-slow"]
    assert (both.pattern, both.combine, both.for_, both.select) == (
        Pattern.THRESHOLD,
        "all",
        3,
        Selector(names=("odds_api",)),
    )
    assert both.conditions == (Condition("items", "<", 50.0), Condition("response_ms", ">", 2000.0))
    assert both.where == "config/alerts.yaml:16"


@pytest.mark.parametrize(
    ("metric", "written", "value"),
    [
        ("response_ms", "250ms", 250.0),
        ("response_ms", "1m", 60000.0),
        ("data_age_s", "26h", 93600.0),
        ("quality", "90%", 90.0),
        ("quality", "90", 90.0),
        ("quality", "89.5", 89.5),
        ("failed", "5%", 5.0),
        ("failed", "0.1%", 0.1),
        ("items", "50", 50.0),
        ("tls_days_left", "14d", 14.0),
        ("size_bytes", "10MB", 1e7),
        ("attempts", "2", 2.0),
    ],
)
def test_a_value_is_read_in_the_unit_of_its_metric(read, metric, written, value):
    assert read(f"{{name: r, metric: {metric}, op: '>=', value: {written}}}").conditions[0].value == value


@pytest.mark.parametrize(
    ("metric", "written", "message", "remedy"),
    [
        ("response_ms", "5000", "5000 has no unit.", "value: 5s"),
        ("data_age_s", "26", "26 has no unit.", "max_data_age"),
        ("data_age_s", "max_age", "'max_age' is not", "max_data_age"),
        ("failed", "5", "5 has no unit.", "value: 5%"),
        ("quality", "900", "900 is no score.", "between 0 and 100"),
        ("items", "5s", "'5s' is not a number.", "value: 50"),
        ("size_bytes", "1000", "1000 has no unit.", "10MB"),
        ("status", "dwn", "'dwn' is not a status.", "value: down"),
    ],
)
def test_a_value_without_the_right_unit_is_refused_with_what_to_write(problem, metric, written, message, remedy):
    said = problem(alerts=alerts(f"{{name: r, metric: {metric}, op: '==', value: {written}}}"))
    assert said.field == "rules[0] r, value"
    assert message in said.message
    assert remedy in said.remedy


@pytest.mark.parametrize(
    ("rule", "field", "message"),
    [
        ("{name: r, metric: items}", "rules[0] r", "`op` is missing"),
        ("{name: r, pattern: anomaly, min_bad: 3}", "rules[0] r, min_bad", "does not read `min_bad`"),
        ("{name: r, all: []}", "rules[0] r, all", "is empty"),
        ("{name: r, all: [{metric: items, op: '<', value: 1}], value: 3}", "rules[0] r", "one comparison"),
        ("{name: r, metric: status, op: '>', value: up}", "rules[0] r, op", "not more or less"),
        ("{name: r, metric: items, op: '<', value: 1, agg: p95}", "rules[0] r, agg", "needs its window"),
        ("{name: r, metric: respnse_ms, op: '<', value: 1}", "rules[0] r, metric", "did you mean 'response_ms'"),
        ("{name: r, pattern: trend, metric: items, op: '<', value: 1}", "rules[0] r", "`within` is missing"),
        (
            "{name: r, metric: items, op: '<', value: 1, overrides: [{select: {}}]}",
            "rules[0] r, overrides[0]",
            "changes nothing",
        ),
        (
            "{name: r, pattern: no_data, overrides: [{select: {}, value: 3}]}",
            "rules[0] r, overrides[0].value",
            "does not read `value`",
        ),
        (
            "{name: r, any: [{metric: items, op: '<', value: 1}], overrides: [{select: {}, value: 3}]}",
            "rules[0] r, overrides[0].value",
            "Which of the conditions?",
        ),
        (
            "{name: r, metric: items, op: '<', value: 5, recover_below: 8}",
            "rules[0] r, recover_below",
            "is not what ends `items < 5`",
        ),
        (
            "{name: r, metric: items, op: '<', value: 5, recover_above: 5}",
            "rules[0] r, recover_above",
            "For a it recovers above 5, which is not above its limit of 5.",
        ),
        (
            "{name: r, metric: data_age_s, op: '>', value: max_data_age, recover_below: 1h}",
            "rules[0] r, recover_below",
            "differs from source to source",
        ),
        (
            "{name: r, any: [{metric: items, op: '<', value: 1}], recover_above: 3}",
            "rules[0] r, recover_above",
            "belongs to one comparison",
        ),
        (
            "{name: r, metric: response_ms, op: '>', value: 5s, recover_below: 4}",
            "rules[0] r, recover_below",
            "no unit",
        ),
        (
            "{name: r, metric: items, op: '<', value: 5, recover_above: 8, overrides: [{select: {}, value: 7, recover_above: 6}]}",
            "rules[0] r, recover_above",
            "not above its limit of 7",
        ),
        (
            "{name: r, metric: status, op: '==', value: down, for: 2, confirm: true}",
            "rules[0] r, confirm",
            "nothing left",
        ),
        (
            "{name: r, metric: items, op: '<', value: 5, confirm: true}",
            "rules[0] r, confirm",
            "does not read `confirm`",
        ),
        (
            "{name: r, pattern: no_data, overrides: [{select: {}, confirm: true}]}",
            "rules[0] r, overrides[0].confirm",
            "does not read `confirm`",
        ),
        ("{name: r, pattern: no_data, recover_above: 3}", "rules[0] r, recover_above", "does not read"),
        ("{name: r, pattern: no_data, severity: urgent}", "rules[0] r, severity", "is not known here"),
        ("{name: r, pattern: no_data, for: 0}", "rules[0] r, for", "greater than or equal to 1"),
        ("{name: r, pattern: no_data, select: {name: [a]}}", "rules[0] r, select.name", "did you mean `names`?"),
    ],
)
def test_a_rule_that_does_not_fit_together_is_refused(files, rule, field, message):
    from_file = files.write(
        sources="version: 1\nsources: [{name: a, type: t, probe: file, path: x}]\n", alerts=alerts(rule)
    ).diagnose()
    assert any(p.field == field and message in p.message for p in from_file.errors), list(map(str, from_file.errors))


def test_an_aggregate_has_its_window_and_is_a_mean_if_nothing_else_is_said(read):
    assert read("{name: r, metric: response_ms, op: '>', value: 2s, over: 1h}").conditions == (
        Condition("response_ms", ">", 2000.0, 3600, "mean"),
    )
    assert read("{name: r, metric: response_ms, op: '>', value: 2s, over: 1h, agg: p95}").conditions[0].agg == "p95"


def test_patterns_have_their_defaults(read):
    rate = read("{name: r, pattern: rate}")
    assert (rate.conditions, rate.over_s, rate.min_bad) == ((Condition("failed", ">", 5.0),), 21600, 4)
    assert read("{name: r, pattern: status}").conditions == (Condition("status", "==", "down"),)
    assert read("{name: r, pattern: dagster_check}").assets == (), "all of them"
    assert (
        read("{name: r, pattern: trend, metric: data_age_s, op: '>', value: max_data_age, within: 6h}").within_s
        == 21600
    )


def test_an_override_may_change_more_than_the_value(read):
    rule = read(
        "{name: r, pattern: rate, overrides: [{select: {tiers: [1]}, over: 1d, min_bad: 2, for: 3, severity: critical, shadow: true, value: 10%}]}"
    )
    assert rule.overrides[0].changes == {
        "value": 10.0,
        "over_s": 86400,
        "min_bad": 2,
        "for_": 3,
        "severity": Severity.CRITICAL,
        "shadow": True,
    }


def test_two_rules_of_one_name_are_refused(problem):
    said = problem(alerts=alerts("{name: r, pattern: no_data}", "{name: r, pattern: flapping}"))
    assert (said.where, said.field) == ("config/alerts.yaml:4:12", "rules[1] r, name")


def test_an_anomaly_rule_has_a_noise_budget_and_may_name_its_metrics(read):
    plain = read("{name: anomaly, pattern: anomaly}")
    assert (plain.budget_s, plain.metrics) == (30 * 86_400, None)
    rule = read(
        "{name: anomaly, pattern: anomaly, budget: 2 per 30d, metrics: [distinct_books, items], "
        "overrides: [{select: {tiers: [1]}, budget: 1 per 7d}]}"
    )
    assert (rule.budget_s, rule.metrics) == (15 * 86_400, ("distinct_books", "items"))
    assert rule.overrides[0].changes == {"budget_s": 7 * 86_400.0}


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ("0 per 30d", "would silence every anomaly that is not certain"),
        ("1 per month", "month"),
        ("often", "write for instance 1 per 30d"),
        ("3", "write for instance 1 per 30d"),
        ("1 per 0d", "longer than nothing"),
    ],
)
def test_a_budget_that_promises_nothing_is_refused_with_what_to_write(files, budget, message):
    found = files.write(
        sources="version: 1\nsources: [{name: a, type: t, probe: file, path: x}]\n",
        alerts=alerts(f"{{name: anomaly, pattern: anomaly, budget: {budget}}}"),
    ).diagnose()
    assert any(message in str(problem) for problem in found.errors), list(map(str, found.errors))
