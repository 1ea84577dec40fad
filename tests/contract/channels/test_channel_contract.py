"""One suite for every channel that speaks HTTP: what is delivered, what is later, what is never, and in what time."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from channel_stories import DOWN, INJECTED, TEST, THREAD, delivery

from busta_health_dagster.channels import registry
from busta_health_dagster.channels.port import ChannelContext, deliver
from busta_health_dagster.domain.delivery import Delivered, Rejected, RetryLater
from busta_health_dagster.domain.notification import NotificationKind
from busta_health_dagster.probes.address import refusal

SERVICES = ("teams", "discord", "telegram", "googlechat", "ntfy", "opsgenie", "sms")
CHANNELS = ("slack", "slack-webhook", "webhook", "pagerduty", *SERVICES)


def configured(channel: str, url: str, ca_file: str | None = None, **more):
    fields = {
        "slack": {"token": {"env": "SECRET"}, "channel": "#data-alerts", "base_url": f"{url}/api/"},
        "slack-webhook": {"webhook_url": {"env": "URL"}},
        "webhook": {"url": f"{url}/hooks/busta", "secret": {"env": "WHSEC"}, "allow_private": True},
        "pagerduty": {"routing_key": {"env": "SECRET"}, "url": url},
        "teams": {"webhook_url": {"env": "TEAMS"}, "allow_private": True},
        "discord": {"webhook_url": {"env": "DISCORD"}, "allow_private": True},
        "telegram": {"token": {"env": "SECRET"}, "chat": -100200300, "url": url, "allow_private": True},
        "googlechat": {"webhook_url": {"env": "CHAT"}, "allow_private": True},
        "ntfy": {"topic": "data-alerts", "token": {"env": "SECRET"}, "url": url, "allow_private": True},
        "opsgenie": {"api_key": {"env": "SECRET"}, "url": url, "allow_private": True},
        "sms": {
            "account": "AC123",
            "auth_token": {"env": "SECRET"},
            "from": "+15005550006",
            "to": ["+491701234567"],
            "url": url,
            "allow_private": True,
        },
    }[channel]
    kind = registry.BUILT_IN[channel.removesuffix("-webhook") if channel == "slack-webhook" else channel]
    return kind, kind.config(**(fields | {"ca_file": ca_file} | more))


def context(url: str, timeout_s: float = 5.0, **more) -> ChannelContext:
    secrets = {
        "SECRET": "s3cret-canary",
        "URL": f"{url}/services/s3cret-canary",
        "TEAMS": f"{url}/workflows/w1/triggers/manual/paths/invoke?api-version=2016-06-01&sig=s3cret-canary",
        "DISCORD": f"{url}/api/webhooks/1/s3cret-canary",
        "CHAT": f"{url}/v1/spaces/AAA/messages?key=k&token=s3cret-canary",
        "WHSEC": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    }
    return ChannelContext(
        **(
            {
                "secret": lambda ref: secrets[ref.env],
                "now": 1795422304.0,
                "refuse_address": refusal,
                "home": Path(),
                "timeout_s": timeout_s,
            }
            | more
        )
    )


def notified(channel: str, url: str, notification=DOWN, *, timeout_s: float = 5.0, ca_file: str | None = None, **more):
    kind, config = configured(channel, url, ca_file)
    outcome = deliver(kind, delivery(notification, **more), config, context(url, timeout_s))
    assert "s3cret-canary" not in repr(outcome)
    return outcome


@pytest.mark.parametrize("channel", CHANNELS)
def test_accepted_is_delivered(channel, peer):
    assert isinstance(notified(channel, peer.url), Delivered)
    assert len(peer.received) == 1


@pytest.mark.parametrize("channel", CHANNELS)
def test_it_works_over_tls_with_a_private_authority_and_not_without_it(channel, tls_peer, authority):
    assert isinstance(notified(channel, tls_peer.url, ca_file=str(authority[1])), Delivered)
    stranger = notified(channel, tls_peer.url)
    assert isinstance(stranger, RetryLater)
    assert "TLS" in stranger.reason
    assert len(tls_peer.received) == 1


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_certificate_for_another_name_is_not_accepted(channel, wrong_name_peer, authority):
    outcome = notified(channel, wrong_name_peer.url, ca_file=str(authority[1]))
    assert isinstance(outcome, RetryLater)
    assert wrong_name_peer.received == []


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    ("status", "headers", "expected", "after"),
    [
        (500, {}, RetryLater, None),
        (503, {"Retry-After": "30"}, RetryLater, 30.0),
        (429, {"Retry-After": "7"}, RetryLater, 7.0),
        (401, {}, Rejected, None),
    ],
)
def test_every_answer_becomes_the_right_outcome(channel, peer, status, headers, expected, after):
    peer.mode, peer.status, peer.headers = "status", status, headers
    peer.answer = {"ok": False, "error": {429: "ratelimited", 401: "invalid_auth"}.get(status, "fatal_error")}
    outcome = notified(channel, peer.url)
    assert isinstance(outcome, expected), outcome
    assert getattr(outcome, "after_s", None) == after
    if expected is Rejected:
        assert outcome.remedy


@pytest.mark.parametrize("channel", CHANNELS)
def test_one_that_accepts_and_never_answers_is_later_within_the_timeout(channel, peer):
    peer.mode = "hang"
    began = time.monotonic()
    outcome = notified(channel, peer.url, timeout_s=1.0)
    assert isinstance(outcome, RetryLater)
    assert "did not answer within 1 s" in outcome.reason
    assert time.monotonic() - began < 6  # bounded, not measured


@pytest.mark.parametrize("channel", ["webhook", "pagerduty", *SERVICES])
def test_one_that_drips_a_byte_at_a_time_is_cut_at_the_total_deadline(channel, peer, tls_peer, authority):
    peer.mode = tls_peer.mode = "drip"
    for side in (peer, tls_peer):
        outcome = notified(channel, side.url, timeout_s=0.5, ca_file=str(authority[1]))
        assert outcome == RetryLater("localhost did not answer within 0.5 s")


@pytest.mark.parametrize("channel", CHANNELS)
def test_refused_and_unknown_hosts_are_later(channel, nobody):
    assert isinstance(notified(channel, f"http://localhost:{nobody}"), RetryLater)
    assert isinstance(notified(channel, "http://no-such-host.invalid"), RetryLater)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_retry_carries_the_same_idempotency_key(channel, peer):
    peer.mode, peer.status = "status", 500
    notified(channel, peer.url, TEST if channel == "webhook" else DOWN)
    peer.mode = "ok"
    notified(channel, peer.url, TEST if channel == "webhook" else DOWN, attempt=2)
    keys = [
        {
            "slack": lambda r: r.json["metadata"]["event_payload"]["key"],
            "slack-webhook": lambda r: r.json["blocks"][0]["text"]["text"],  # an incoming webhook has no room for a key
            "webhook": lambda r: r.headers["webhook-id"],
            "pagerduty": lambda r: r.json["dedup_key"],
            "opsgenie": lambda r: r.json["alias"],
            "googlechat": lambda r: r.json["thread"]["threadKey"],
        }.get(channel, lambda r: r.body)(r)  # the others have no room for a key: the same message to the byte
        for r in peer.received
    ]
    assert len(keys) == 2
    assert len(set(keys)) == 1


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_hostile_source_cannot_break_the_message(channel, peer):
    assert isinstance(notified(channel, peer.url, INJECTED), Delivered)
    assert peer.received[0].form if channel == "sms" else peer.received[0].json
    if channel.startswith("slack"):
        assert "<!channel>" not in json.dumps(peer.received[0].json["blocks"][1:])


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_redirect_is_not_followed(channel, peer):
    peer.mode, peer.status, peer.headers = "status", 307, {"Location": f"{peer.url}/elsewhere"}
    assert not isinstance(notified(channel, peer.url), Delivered)
    assert len(peer.received) == 1


def test_slack_keeps_one_message_per_alert_and_broadcasts_only_the_escalation(peer):
    from channel_stories import ACKED, ESCALATED, OPENED, RESOLVED

    first = notified("slack", peer.url, OPENED)
    assert first.receipt == {"channel": "C0DATAALERTS", "ts": "1795420534.000001"}
    for notification in (ESCALATED, ACKED, RESOLVED):
        assert notified("slack", peer.url, notification, thread=first.receipt).receipt == first.receipt
    calls = [(r.path.rpartition("/")[2], r.json.get("thread_ts"), r.json.get("reply_broadcast")) for r in peer.received]
    ts = first.receipt["ts"]
    assert calls == [
        ("chat.postMessage", None, None),
        ("chat.update", None, None),
        ("chat.postMessage", ts, True),
        ("chat.update", None, None),
        ("chat.update", None, None),
        ("chat.postMessage", ts, None),
    ]
    assert {r.headers["authorization"] for r in peer.received} == {"Bearer s3cret-canary"}
    assert [r.json["channel"] for r in peer.received][:2] == ["#data-alerts", "C0DATAALERTS"]


def test_slack_tells_the_channel_when_an_alert_is_reopened(peer):
    from channel_stories import OPENED

    notified("slack", peer.url, OPENED, thread=THREAD)
    update, reply = peer.received
    assert (update.path, reply.json["reply_broadcast"]) == ("/api/chat.update", True)
    assert reply.json["text"].startswith("▲ Open again: odds_api is slow")


def test_slack_writes_again_when_somebody_deleted_the_message(peer):
    peer.script = [
        (200, {"ok": False, "error": "message_not_found"}),
        (200, {"ok": True, "channel": "C0", "ts": "9.9"}),
    ]
    assert notified("slack", peer.url, DOWN, thread=THREAD) == Delivered({"channel": "C0", "ts": "9.9"}, "posted")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("channel_not_found", Rejected),
        ("is_archived", Rejected),
        ("token_revoked", Rejected),
        ("something_new", Rejected),
        ("ratelimited", RetryLater),
        ("internal_error", RetryLater),
    ],
)
def test_slack_says_no_with_a_200_and_we_understand_it(peer, error, expected):
    peer.mode, peer.answer = "status", {"ok": False, "error": error}
    outcome = notified("slack", peer.url)
    assert isinstance(outcome, expected)
    assert error in outcome.reason


def test_slack_behind_a_proxy_that_answers_a_page_is_later(peer):
    peer.mode, peer.answer = "status", None
    assert notified("slack", peer.url) == RetryLater("Slack answered 200 and no JSON")


def test_a_test_through_pagerduty_leaves_no_page_behind(peer):
    assert isinstance(notified("pagerduty", peer.url, TEST), Delivered)
    assert [(r.path, r.json["event_action"]) for r in peer.received] == [
        ("/v2/enqueue", "trigger"),
        ("/v2/enqueue", "resolve"),
    ]
    assert peer.received[0].json["payload"]["severity"] == "info"


def test_pagerduty_gets_one_dedup_key_from_trigger_to_resolve(peer):
    from channel_stories import ACKED, OPENED, RESOLVED

    for notification in (OPENED, ACKED, RESOLVED):
        notified("pagerduty", peer.url, notification)
    assert [(r.json["event_action"], r.json["dedup_key"]) for r in peer.received] == [
        (a, "busta/4127") for a in ("trigger", "acknowledge", "resolve")
    ]


def test_an_incident_whose_acknowledgement_ended_begins_again_in_pagerduty(peer):
    from channel_stories import ACKED, ESCALATED

    first = notified("pagerduty", peer.url, ACKED)
    notified("pagerduty", peer.url, replace(ESCALATED, kind=NotificationKind.UNACKED), thread=first.receipt)
    notified("pagerduty", peer.url, replace(ACKED, kind=NotificationKind.RENOTIFIED), thread=first.receipt)
    assert [r.json["event_action"] for r in peer.received] == ["acknowledge", "resolve", "trigger", "trigger"]


def test_pagerduty_is_acknowledged_only_by_all_of_a_group(peer):
    from channel_stories import ACKED, STORM

    part = replace(STORM, kind=NotificationKind.UPDATED)
    assert isinstance(notified("pagerduty", peer.url, part), Delivered)
    assert peer.received == []
    whole = replace(part, group=replace(STORM.group, acked=ACKED.alert.acked))
    notified("pagerduty", peer.url, whole)
    assert [r.json["event_action"] for r in peer.received] == ["acknowledge"]


def test_pagerdutys_address_may_be_copied_from_its_documentation(peer):
    assert isinstance(notified("pagerduty", f"{peer.url}/v2/enqueue"), Delivered)
    assert {r.path for r in peer.received} == {"/v2/enqueue"}


def test_pagerduty_is_not_told_of_reports(peer):
    from channel_stories import WEEKLY

    assert isinstance(notified("pagerduty", peer.url, WEEKLY), Rejected)
    assert peer.received == []


def test_a_webhook_is_signed_over_exactly_what_was_sent(peer):
    from busta_health_dagster.channels.signature import sign

    notified("webhook", peer.url)
    (got,) = peer.received
    assert got.headers["webhook-timestamp"] == "1795422304"
    expected = sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", got.headers["webhook-id"], 1795422304, got.body)
    assert got.headers["webhook-signature"] == expected
    assert got.headers["content-type"] == "application/json; charset=utf-8"


def test_a_webhook_may_have_headers_and_a_body_of_its_own(peer):
    kind, config = configured(
        "webhook",
        peer.url,
        headers={"x-api-key": {"env": "SECRET"}, "X-Team": "data"},
        body='{"msg": "{{ data.text }}", "id": {{ data.alert.id }}}',
    )
    assert isinstance(deliver(kind, delivery(INJECTED), config, context(peer.url)), Delivered)
    (got,) = peer.received
    assert (got.headers["x-api-key"], got.headers["x-team"], got.json["id"]) == ("s3cret-canary", "data", 4119)
    assert "weather_api" in got.json["msg"]


def test_a_template_that_raises_at_sending_goes_to_the_fallback_and_nothing_is_sent(peer):
    kind, config = configured("webhook", peer.url, body='{"id": {{ data.alert.id }}}')
    outcome = deliver(kind, delivery(TEST), config, context(peer.url))
    assert isinstance(outcome, Rejected)
    assert "UndefinedError" in outcome.reason
    assert peer.received == []


def test_a_header_value_with_a_line_break_is_refused(peer):
    kind, config = configured("webhook", peer.url, headers={"x-a": {"env": "SECRET"}})
    outcome = deliver(
        kind,
        delivery(DOWN),
        config,
        context(peer.url, secret=lambda ref: "whsec_AAAA" if ref.env == "WHSEC" else "a\r\nb: c"),
    )
    assert isinstance(outcome, Rejected)
    assert "line break" in outcome.reason


@pytest.mark.parametrize("channel", SERVICES)
def test_a_service_that_leads_inward_is_refused_before_a_byte_is_sent(channel, peer):
    kind, config = configured(channel, peer.url, allow_private=False)
    outcome = deliver(kind, delivery(DOWN), config, context(peer.url))
    assert isinstance(outcome, Rejected), outcome
    assert "loopback" in outcome.reason
    assert "allow_private" in outcome.remedy
    assert peer.received == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "2130706433", "0x7f000001"])
def test_a_webhook_that_leads_inward_is_refused_on_the_connected_address_before_a_byte_is_sent(peer, host):
    kind, config = configured("webhook", peer.url.replace("localhost", host), allow_private=False)
    outcome = deliver(kind, delivery(DOWN), config, context(peer.url))
    assert isinstance(outcome, Rejected), outcome
    assert "loopback" in outcome.reason
    assert "allow_private" in outcome.remedy
    assert peer.received == []


def test_a_proxy_of_the_environment_does_not_lead_around_the_guard(peer, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", peer.url)
    kind, config = configured("webhook", "http://no-such-host.invalid", allow_private=False)
    assert isinstance(deliver(kind, delivery(DOWN), config, context(peer.url)), RetryLater)
    assert peer.received == []
