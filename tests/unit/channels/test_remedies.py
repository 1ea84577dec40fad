"""What a reason means and what to do first, for every reason of every probe."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from channel_stories import DOWN

from busta_health_dagster.channels import phrases
from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.channels.remedies import remedy
from busta_health_dagster.probes.port import REASONS
from busta_health_dagster.probes.registry import BUILT_IN

PROBES = sorted(kind.kind for kind in BUILT_IN)
NOT_KNOWN = remedy("a reason that no one has heard of", "http")


@pytest.mark.parametrize(("reason", "probe"), [*product([*sorted(REASONS), "slow", "stale"], PROBES)])
def test_every_reason_of_every_probe_has_a_meaning_and_a_first_step(reason: str, probe: str) -> None:
    found = remedy(reason, probe)
    assert found != NOT_KNOWN
    assert found.means.endswith(".")
    assert len(found.do) > 10


@pytest.mark.parametrize("reason", ["silent", "reported", "not_beaten", "timeout", "connect", "slow"])
def test_a_pipeline_of_our_own_has_no_status_page(reason: str) -> None:
    assert "status page" not in remedy(reason, "heartbeat").do


@pytest.mark.parametrize(
    ("reason", "probe", "says"),
    [
        ("silent", "heartbeat", "Check the pipeline's own runs and log"),
        ("missing", "file", "Check the job that writes the file"),
        ("query", "sql", "Check the job that fills the table"),
        ("connect", "sql", "Check the database itself"),
        ("http_status", "http", "Check the provider's status page"),
    ],
)
def test_the_message_of_an_outage_says_what_fits_its_probe(reason: str, probe: str, says: str) -> None:
    outage = replace(DOWN, do="", source=replace(DOWN.source, reason=reason, probe=probe, runbook=None))
    assert phrases.advice(outage).startswith(says)
    lines = {line.label: line.parts for line in text_of(outage).lines}
    assert lines["Means"] == (remedy(reason, probe).means,)
