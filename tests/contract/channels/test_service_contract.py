"""What is special about each web service: its threads, its ends, its own words, against servers that speak its protocol."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from channel_stories import ACKED, DOWN, ESCALATED, OPENED, RESOLVED, STORM, TEST, WEEKLY, delivery

from busta_health_dagster.channels import registry, teams
from busta_health_dagster.channels.port import deliver
from busta_health_dagster.domain.delivery import Delivered, Rejected, RetryLater
from busta_health_dagster.domain.notification import NotificationKind
from tests.contract.channels.test_channel_contract import configured, context, notified


def test_a_workflow_of_teams_gets_an_adaptive_card(peer):
    assert isinstance(notified("teams", peer.url, OPENED), Delivered)
    (got,) = peer.received
    (attachment,) = got.json["attachments"]
    assert got.path.endswith("sig=s3cret-canary")
    assert got.json["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert [a["type"] for a in attachment["content"]["actions"]] == ["Action.OpenUrl"] * 4


@pytest.mark.parametrize(
    ("url", "retired"),
    [
        ("https://acme.webhook.office.com/webhookb2/g@g/IncomingWebhook/x/y", True),
        ("https://outlook.office.com/webhook/g@g/IncomingWebhook/x/y", True),
        ("https://outlook.office365.com/webhook/g", True),
        ("https://prod-12.westus.logic.azure.com:443/workflows/x/triggers/manual/paths/invoke?sig=y", False),
        ("https://default1.2.environment.api.powerplatform.com/powerautomate/automations/direct/workflows/x", False),
        ("https://webhook.office.com.example.org/x", False),
    ],
)
def test_an_address_of_the_retired_connector_is_known_by_its_host(url, retired):
    assert teams.is_retired(url) is retired


def test_a_retired_connector_is_never_called_and_says_what_to_do():
    kind, config = configured("teams", "")
    outcome = deliver(
        kind,
        delivery(DOWN),
        config,
        context("", secret=lambda ref: "https://acme.webhook.office.com/webhookb2/s3cret-canary"),
    )
    assert isinstance(outcome, Rejected)
    assert "retired" in outcome.reason
    assert "workflow" in outcome.remedy
    assert "canary" not in repr(outcome)


def test_discord_keeps_one_message_per_alert_and_says_aloud_what_must_be_heard(peer):
    first = notified("discord", peer.url, OPENED)
    assert first.receipt == {"id": "901"}
    for notification in (ESCALATED, ACKED, RESOLVED):
        assert notified("discord", peer.url, notification, thread=first.receipt).receipt == first.receipt
    calls = [(r.method, r.path.rpartition("s3cret-canary")[2]) for r in peer.received]
    assert calls == [
        ("POST", "?wait=true"),
        ("PATCH", "/messages/901"),
        ("POST", ""),
        ("PATCH", "/messages/901"),
        ("PATCH", "/messages/901"),
        ("POST", ""),
    ]
    assert peer.received[-1].json["content"].startswith("● Resolved")


def test_discord_writes_again_when_somebody_deleted_the_message(peer):
    peer.script = [(404, {"message": "Unknown Message", "code": 10008}), (200, {"id": "77"})]
    assert notified("discord", peer.url, DOWN, thread={"id": "5"}) == Delivered({"id": "77"}, "posted")


def test_discord_that_is_busy_while_it_changes_a_message_is_asked_later(peer):
    peer.script = [(429, {"message": "You are being rate limited.", "retry_after": 2.5})]
    peer.headers = {"Retry-After": "3"}
    outcome = notified("discord", peer.url, DOWN, thread={"id": "5"})
    assert outcome == RetryLater("localhost answered 429: You are being rate limited.", 3.0)


def test_telegram_answers_the_first_message_of_the_alert(peer):
    first = notified("telegram", peer.url, OPENED)
    assert first.receipt == {"message_id": "1"}
    second = notified("telegram", peer.url, RESOLVED, thread=first.receipt)
    assert second.receipt == first.receipt
    assert [r.path for r in peer.received] == ["/bots3cret-canary/sendMessage"] * 2
    assert peer.received[1].json["reply_parameters"] == {"message_id": 1, "allow_sending_without_reply": True}
    assert (peer.received[0].json["chat_id"], peer.received[0].json["parse_mode"]) == (-100200300, "HTML")


def test_telegram_says_in_the_body_how_long_to_wait_and_where_a_group_has_gone(peer):
    peer.script = [
        (429, {"ok": False, "description": "Too Many Requests: retry after 12", "parameters": {"retry_after": 12}}),
        (
            400,
            {
                "ok": False,
                "description": "Bad Request: group chat was upgraded",
                "parameters": {"migrate_to_chat_id": -42},
            },
        ),
        (400, {"ok": False, "description": "Bad Request: chat not found"}),
    ]
    assert notified("telegram", peer.url) == RetryLater(
        "localhost answered 429: Too Many Requests: retry after 12", 12.0
    )
    assert notified("telegram", peer.url).remedy == "The group has a new number: chat: -42"
    assert "chat not found" in notified("telegram", peer.url).reason


def test_google_chat_keeps_an_alert_in_one_thread(peer):
    for notification in (OPENED, RESOLVED):
        assert isinstance(notified("googlechat", peer.url, notification), Delivered)
    assert {r.json["thread"]["threadKey"] for r in peer.received} == {"alert-4127"}
    assert all(
        r.path.endswith("key=k&token=s3cret-canary&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD")
        for r in peer.received
    )


def test_ntfy_gets_its_topic_in_the_body_and_either_kind_of_login(peer):
    notified("ntfy", peer.url)
    kind, config = configured("ntfy", peer.url, token=None, username="phil", password={"env": "SECRET"})
    assert isinstance(deliver(kind, delivery(DOWN), config, context(peer.url)), Delivered)
    first, second = peer.received
    assert (first.path, first.json["topic"], first.json["priority"]) == ("/", "data-alerts", 5)
    assert first.headers["authorization"] == "Bearer s3cret-canary"
    assert base64.b64decode(second.headers["authorization"].removeprefix("Basic ")) == b"phil:s3cret-canary"


def test_opsgenie_gets_one_alias_from_create_to_close(peer):
    for notification in (OPENED, ACKED, RESOLVED):
        notified("opsgenie", peer.url, notification)
    assert [r.path for r in peer.received] == [
        "/v2/alerts",
        "/v2/alerts/busta%2F4127/acknowledge?identifierType=alias",
        "/v2/alerts/busta%2F4127/close?identifierType=alias",
    ]
    assert peer.received[0].json["alias"] == "busta/4127"
    assert peer.received[1].json["user"] == "op-1"
    assert {r.headers["authorization"] for r in peer.received} == {"GenieKey s3cret-canary"}


def test_an_escalation_raises_the_priority_of_an_alert_that_opsgenie_has(peer):
    first = notified("opsgenie", peer.url, OPENED)
    notified("opsgenie", peer.url, ESCALATED, thread=first.receipt)
    last = peer.received[-1]
    assert (last.method, last.path) == ("PUT", "/v2/alerts/busta%2F4127/priority?identifierType=alias")
    assert last.json == {"priority": "P1"}


def test_an_alert_whose_acknowledgement_ended_begins_again_in_opsgenie(peer):
    first = notified("opsgenie", peer.url, ACKED)
    notified("opsgenie", peer.url, replace(ESCALATED, kind=NotificationKind.UNACKED), thread=first.receipt)
    assert [r.path.rpartition("/")[2] for r in peer.received] == [
        "acknowledge?identifierType=alias",
        "close?identifierType=alias",
        "alerts",
    ]


def test_a_test_leaves_no_alert_in_opsgenie_and_a_report_is_not_sent(peer):
    assert isinstance(notified("opsgenie", peer.url, TEST), Delivered)
    assert peer.received[1].path.endswith("/close?identifierType=alias")
    assert isinstance(notified("opsgenie", peer.url, WEEKLY), Rejected)
    assert isinstance(notified("opsgenie", peer.url, replace(STORM, kind=NotificationKind.UPDATED)), Delivered)
    assert len(peer.received) == 2


def test_opsgenies_address_may_be_copied_from_its_documentation(peer):
    notified("opsgenie", f"{peer.url}/v2/alerts")
    assert [r.path for r in peer.received] == ["/v2/alerts"]


TWO = {"to": ["+491701234567", "+491707654321"]}


def texted(peer, **more):
    kind, config = configured("sms", peer.url, **TWO)
    return deliver(kind, delivery(DOWN, **more), config, context(peer.url))


def test_each_number_gets_a_text_of_its_own(peer):
    assert texted(peer) == Delivered({}, "accepted")
    assert [r.path for r in peer.received] == ["/2010-04-01/Accounts/AC123/Messages.json"] * 2
    assert [r.form["To"] for r in peer.received] == TWO["to"]
    assert peer.received[0].form["From"] == "+15005550006"
    assert base64.b64decode(peer.received[0].headers["authorization"].removeprefix("Basic ")) == b"AC123:s3cret-canary"


def test_a_number_that_has_it_is_not_texted_again(peer):
    peer.script = [(201, {"sid": "SM1"}), (429, {"code": 20429, "message": "Too Many Requests"})]
    outcome = texted(peer)
    assert outcome == RetryLater("localhost answered 429: Too Many Requests", None, ("+491701234567",))
    assert texted(peer, reached=outcome.reached) == Delivered({}, "accepted")
    assert [r.form["To"] for r in peer.received] == [*TWO["to"], TWO["to"][1]]


def test_a_number_that_is_refused_is_named_and_the_other_has_it(peer):
    peer.script = [(400, {"code": 21610, "message": "Attempt to send to unsubscribed recipient"})]
    outcome = texted(peer)
    assert isinstance(outcome, Delivered)
    assert outcome.refused == ("+491701234567 (localhost answered 400: Attempt to send to unsubscribed recipient)",)


@pytest.mark.parametrize(
    ("kind", "fields", "says"),
    [
        ("teams", {"webhook_url": "https://acme.webhook.office.com/webhookb2/x"}, "retired"),
        ("teams", {"webhook_url": "https://prod-1.westus.logic.azure.com/workflows/x"}, "TEAMS_WEBHOOK_URL"),
        ("discord", {"webhook_url": "https://discord.example.com/x"}, "DISCORD_WEBHOOK_URL"),
        ("googlechat", {"webhook_url": "https://chat.example.com/x"}, "GOOGLE_CHAT_WEBHOOK_URL"),
        ("telegram", {"token": {"env": "T"}, "chat": "data alerts"}, "chat"),
        ("ntfy", {"topic": "https://ntfy.sh/x"}, "not a topic"),
        ("ntfy", {"topic": "x", "username": "u"}, "go together"),
        ("ntfy", {"topic": "x", "url": "ntfy.sh"}, "not a web address"),
        ("opsgenie", {"api_key": "plain"}, "api_key"),
        (
            "sms",
            {"account": "A", "auth_token": {"env": "T"}, "from": "+15005550006", "to": ["0170 123"]},
            "with its country",
        ),
        (
            "sms",
            {"account": "A", "auth_token": {"env": "T"}, "from": "a name too long", "to": ["+491701234567"]},
            "no sender",
        ),
    ],
)
def test_a_wrong_configuration_of_a_service_is_refused_with_what_would_be_right(kind, fields, says):
    with pytest.raises(ValueError, match=says):
        registry.BUILT_IN[kind].config(**fields)
