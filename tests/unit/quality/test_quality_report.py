"""The page of one validation stands alone, escapes what the source sent, and explains its score."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from busta_health_dagster.domain.quality import CheckResult, CheckSeverity, Dimension, FailingRow, no_data
from busta_health_dagster.engines.quality_score import score
from busta_health_dagster.quality.report import render_report

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EVIL = "<script>alert(1)</script>"


def page(verdict, **more):
    return render_report(verdict, source="odds_api", suite="odds", at=AT, **more)


CAPPED = score(
    [
        CheckResult(
            "price.null", Dimension.COMPLETENESS, "price", CheckSeverity.ERROR, 1000, 80, mostly=0.95, why=EVIL
        ),
        CheckResult("quote.unique", Dimension.UNIQUENESS, "id", CheckSeverity.CRITICAL, 1000, 2),
        CheckResult("price.odds", Dimension.VALIDITY, "price", CheckSeverity.ERROR, 0, 0, mostly=0.95, error=EVIL),
        CheckResult("empty", Dimension.VALIDITY, "empty", CheckSeverity.WARNING, 0, 0),
    ],
    rows=1000,
    total_rows=5000,
)


def test_it_needs_no_network_and_no_script_and_escapes_everything():
    html = page(CAPPED, failing=[FailingRow("price.null", 3, {"id": EVIL}, {"price": EVIL}, 80)])
    assert EVIL not in html
    assert html.count("&lt;script&gt;") == 5
    assert not re.search(r"(?:src|href)=|url\(|https?://|@import", html)
    assert "default-src 'none'" in html


def test_it_explains_the_caps_the_interval_and_what_was_not_looked_at():
    html = page(CAPPED)
    assert "capped at 69" in html
    assert "92% of 1000 passed, 95% wanted (80 failed)" in html
    assert "1,000 of 5,000" in html
    assert "no check in the suite" in html
    assert "not evaluated" in html
    assert "could not run" in html


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (no_data("zero rows: nothing to evaluate"), ["NO DATA", "no data", "zero rows"]),
        (
            score([CheckResult("a", Dimension.VALIDITY, "a", CheckSeverity.WARNING, 20, 2)], rows=20),
            ["uncertain", "provisional"],
        ),
        (
            score([CheckResult("a", Dimension.VALIDITY, "a", CheckSeverity.WARNING, 10**5, 0)], rows=10**5),
            ["at or above 90", "100.0"],
        ),
    ],
    ids=["no data", "uncertain", "good"],
)
def test_each_verdict_has_a_shape_and_a_word(verdict, words):
    html = page(verdict)
    assert all(word in html for word in words)


def test_each_check_is_shown_over_thirty_days_with_its_owner_and_since_when_it_fails():
    days = [
        {"day": "2026-11-22", "evaluated": 4, "passed": 4, "worst": 100.0},
        {"day": "2026-11-23", "evaluated": 4, "passed": 1, "worst": 92.0},
    ]
    row = {
        "id": "price.null",
        "dimension": "completeness",
        "column": "price",
        "severity": "ERROR",
        "owners": [EVIL],
        "state": "failed",
        "good": 92.0,
        "error": None,
        "why": "",
        "evaluated": 8,
        "passed": 5,
        "passing": 62.5,
        "failing_since": "2026-11-23T08:00:00Z",
        "first_seen": "2026-11-01T00:00:00Z",
        "failing_rows": 20,
        "days": days,
    }
    html = page(CAPPED, history=[row])
    assert EVIL not in html
    assert "23 Nov 08:00" in html
    assert "first seen 01 Nov 00:00" in html
    assert 'aria-label="passed on 1 of 2 days"' in html
    assert "<title>2026-11-23: passed 1 of 4</title>" in html
    assert html.count('class="none"') == 28, "a day without a verdict is no failure"
