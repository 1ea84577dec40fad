"""Apprise through the real library, in its own process: delivered, refused, late, and its secrets never shown."""

from __future__ import annotations

import socket
import time

import pytest
from channel_stories import DOWN, RESOLVED, delivery

from busta_health_dagster import extras
from busta_health_dagster.channels import registry
from busta_health_dagster.channels.port import deliver
from busta_health_dagster.domain.delivery import Delivered, Rejected, RetryLater
from tests.contract.channels.test_channel_contract import context

KIND = registry.BUILT_IN["apprise"]


def sent(url: str, notification=DOWN, *, timeout_s: float = 60.0, allow_private: bool = True):
    config = KIND.config(url={"env": "APPRISE_URL"}, allow_private=allow_private)
    outcome = deliver(KIND, delivery(notification), config, context("", timeout_s=timeout_s, secret=lambda ref: url))
    assert "s3cret-canary" not in repr(outcome)
    return outcome


def at(peer, scheme: str = "json") -> str:
    return f"{scheme}://user:s3cret-canary@{peer.url.removeprefix('http://')}/hook?+X-Key=s3cret-canary"


def test_a_message_arrives_with_title_text_and_type(peer):
    assert sent(at(peer)) == Delivered(detail="posted")
    assert sent(at(peer), RESOLVED) == Delivered(detail="posted")
    first, second = (r.json for r in peer.received)
    assert (first["type"], second["type"]) == ("failure", "success")
    assert first["title"].startswith("■ ")
    assert "weather_api" in first["title"] + first["message"]


def test_a_private_address_is_refused_before_a_byte_is_sent(peer):
    outcome = sent(at(peer), allow_private=False)
    assert isinstance(outcome, Rejected)
    assert "127.0.0.1, which is" in outcome.reason or "::1, which is" in outcome.reason
    assert "allow_private" in outcome.remedy
    assert peer.received == []


def test_a_private_address_is_refused_to_services_that_speak_no_http(plain_mailbox):
    url = f"mailto://user:s3cret-canary@localhost:{plain_mailbox.port}?smtp=localhost&from=a@b.example&to=c@d.example"
    assert isinstance(sent(url, allow_private=False), Rejected)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as syslog:
        syslog.bind(("127.0.0.1", 0))
        syslog.settimeout(0.2)
        assert isinstance(sent(f"rsyslog://127.0.0.1:{syslog.getsockname()[1]}", allow_private=False), Rejected)
        with pytest.raises(TimeoutError):
            syslog.recv(1)
    assert plain_mailbox.messages == []


@pytest.mark.parametrize("url", ["syslog://", "nonsense", "https//x", ""])
def test_what_is_no_service_or_one_of_this_machine_only_is_rejected(url):
    assert isinstance(sent(url, allow_private=False), Rejected)


@pytest.mark.parametrize(("status", "kind"), [(401, Rejected), (404, Rejected), (429, RetryLater), (503, RetryLater)])
def test_an_answer_means_what_it_means_elsewhere(peer, status, kind):
    peer.mode, peer.status = "status", status
    outcome = sent(at(peer))
    assert isinstance(outcome, kind)
    assert str(status) in outcome.reason


def test_an_endless_answer_is_cut_at_the_attempts_time(peer):
    peer.mode = "drip"
    began = time.monotonic()
    outcome = sent(at(peer), timeout_s=4)
    assert outcome == RetryLater("the service behind Apprise did not answer within 4 s")
    assert time.monotonic() - began < 60


def test_a_library_that_breaks_is_not_called_slow(monkeypatch, peer, tmp_path):
    (tmp_path / "apprise.py").write_text("raise RuntimeError('s3cret-canary')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert sent(at(peer)) == RetryLater("Apprise could not deliver it: its process ended with status 1")


def test_without_the_extra_it_says_what_to_install(monkeypatch, peer):
    monkeypatch.setattr(extras, "installed", lambda extra: extra != "apprise")
    outcome = sent(at(peer))
    assert isinstance(outcome, Rejected)
    assert 'pip install "busta_health_dagster[apprise]"' in outcome.remedy


def test_a_url_that_is_written_out_is_refused_at_load():
    with pytest.raises(ValueError, match="APPRISE_URL"):
        KIND.config(url="tgram://123:abc/1")
