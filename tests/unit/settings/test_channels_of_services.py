"""Channels of web services, as the doctor sees them: an address of no use is an error with the remedy, wherever it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from busta_health_dagster import settings
from busta_health_dagster.channels import registry
from busta_health_dagster.probes.registry import registry as probes

if TYPE_CHECKING:
    from pathlib import Path

RETIRED = "https://acme.webhook.office.com/webhookb2/0a1b@0a1b/IncomingWebhook/8f3c2a1b9d8e7f6a5b4c3d2e1f0a9b8c/0a1b"
SOURCES = "version: 1\nsources: [{name: a, type: odds, probe: file, path: a.csv, max_data_age: 1d}]\n"
ALERTS = """\
version: 1
channels:
  - {name: log, kind: file, path: n.jsonl}
  - {name: chat, %s}
escalations: [{name: default, steps: [{after: 0m, notify: [log, chat]}]}]
routes: [{select: {}, escalation: default}]
"""


def diagnosed(tmp_path: Path, channel: str, **environ: str) -> settings.Diagnosis:
    (tmp_path / "sources.yaml").write_text(SOURCES)
    (tmp_path / "alerts.yaml").write_text(ALERTS % channel)
    return settings.diagnose(tmp_path, probes(()).models(), registry.load(()).models(), environ)


def test_a_retired_address_of_teams_that_is_written_out_is_refused_with_the_remedy(tmp_path: Path) -> None:
    found = diagnosed(tmp_path, f'kind: teams, webhook_url: "{RETIRED}"')
    assert found.config is None
    (error,) = found.errors
    assert "retired" in error.message
    assert "make a workflow" in error.remedy
    assert "alerts.yaml:4:" in error.where


def test_a_retired_address_of_teams_in_the_environment_is_an_error_that_stops_nothing_else(tmp_path: Path) -> None:
    found = diagnosed(tmp_path, "kind: teams, webhook_url: {env: OLD}", OLD=RETIRED)
    assert found.config is not None
    (error,) = found.errors
    assert "{env: OLD}" in error.message
    assert "retired" in error.message
    assert "workflow" in error.remedy
    assert "8f3c2a1b" not in str(found)


def test_an_address_of_a_workflow_is_fine_and_a_missing_one_is_said_once(tmp_path: Path) -> None:
    channel = "kind: teams, webhook_url: {env: NEW}"
    assert not diagnosed(tmp_path, channel, NEW="https://prod-1.westus.logic.azure.com/workflows/x").errors
    missing = diagnosed(tmp_path, channel)
    assert not missing.errors
    assert sum("NEW" in w.message for w in missing.warnings) == 1


@pytest.mark.parametrize(
    "channel",
    [
        'kind: telegram, chat: 1, token: "123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"',
        'kind: ntfy, topic: x, token: "tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2"',
        'kind: ntfy, topic: x, token: {env: T}, url: "https://user:pa55word@ntfy.example.com"',
        'kind: discord, webhook_url: "https://discord.com/api/webhooks/123/abcdefghijkl"',
        'kind: googlechat, webhook_url: "https://chat.googleapis.com/v1/spaces/A/messages?key=abcdefg&token=hijklmnop"',
        'kind: opsgenie, api_key: "eb243592-faa2-4ba2-a551-1afdf565c889"',
        'kind: sms, account: AC1, auth_token: "c0ffee", from: busta, to: ["+491701234567"]',
    ],
)
def test_a_secret_of_a_service_that_is_written_out_is_found(tmp_path: Path, channel: str) -> None:
    found = diagnosed(tmp_path, channel, T="t")
    assert any("A secret is written out here" in error.message for error in found.errors), found.errors
