"""The parts that channels are made of: signature, template sandbox, registry, configuration, wording in odd cases."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest
from channel_stories import DOWN, ESCALATED, HOSTILE, OPENED, RESOLVED, TEST, delivery
from pydantic import ValidationError

from busta_health_dagster.channels import phrases, registry, template, webhook
from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.channels.port import ChannelContext, ChannelType, deliver
from busta_health_dagster.channels.signature import sign
from busta_health_dagster.domain.delivery import Delivered, Rejected, RetryLater
from busta_health_dagster.domain.errors import BadInput, MissingSecret
from busta_health_dagster.domain.notification import AckFacts, NotificationKind
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.rule import Pattern
from busta_health_dagster.testing import RecordingChannel, RecordingConfig

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_signature_is_that_of_the_standard_webhooks_specification():
    got = sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert got == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    with pytest.raises(BadInput, match="whsec_"):
        sign("not base64 !", "id", 1, b"")


def test_an_outage_that_waits_for_its_second_good_look_does_not_read_as_one():
    source = replace(DOWN.source, status=Status.UP, detail="answered 200 in 7 ms")
    text = text_of(replace(DOWN, kind=NotificationKind.ACKED, source=source))
    assert f"{source.name} was down and answers again: answered 200 in 7 ms" in text.headline
    assert "still down" not in text.headline


@pytest.mark.parametrize(
    ("status", "detail", "reads"),
    [
        (Status.UP, "", "odds_api is up again: 209 ms"),
        (Status.DOWN, "no heartbeat for 2 h", "odds_api is no longer slow, and is down: no heartbeat for 2 h"),
        (Status.DEGRADED, "data 3 h old", "odds_api is no longer slow, and is degraded: data 3 h old"),
        (Status.UNKNOWN, "", "odds_api is no longer slow, and how it is now is not known"),
    ],
)
def test_a_resolution_says_what_is_true_of_the_source_now(status, detail, reads):
    text = text_of(replace(RESOLVED, source=replace(RESOLVED.source, status=status, detail=detail)))
    assert text.headline == reads
    assert ("up again" in text.reply[0]) == (status is Status.UP)


def test_the_end_of_an_alert_of_the_monitor_itself_says_what_is_over_and_nothing_of_a_status():
    own = replace(
        RESOLVED,
        source=replace(RESOLVED.source, name="monitor", type="monitor", status=Status.UNKNOWN, detail=""),
        rule=replace(RESOLVED.rule, name="configuration", pattern=Pattern.THRESHOLD, metric=""),
    )
    assert text_of(own).headline == "monitor no longer breaks rule configuration"
    past = text_of(replace(own, past=True)).headline
    assert past.startswith("monitor broke rule configuration from ")
    assert "not known" not in past


@pytest.mark.parametrize(
    ("kind", "acked", "snoozed", "begins", "line"),
    [
        ("acked", AckFacts("op2", 0, "mine", 600, "op1"), None, "op2 has it, taken over from op1: ", "“mine”"),
        ("snoozed", None, AckFacts("op1", 0, "deploy", DOWN.at), "op1 snoozed it until ", "“deploy”"),
        ("unacked", None, None, "Acknowledgement ended: ", "taken back by op1"),
    ],
)
def test_what_somebody_did_stands_in_the_message_that_it_caused(kind, acked, snoozed, begins, line):
    alert = replace(DOWN.alert, acked=acked, snoozed=snoozed)
    reason = "acknowledgement taken back by op1; the clock runs on"
    text = text_of(replace(DOWN, kind=NotificationKind(kind), alert=alert, reason=reason))
    assert text.headline.startswith(begins)
    assert any(line in str(said.parts) for said in text.lines)


def test_what_comes_through_a_fallback_says_so_and_is_not_still_open():
    for notification in (DOWN, RESOLVED):
        lines = text_of(replace(notification, related=(), on_behalf_of=("hook could not be notified: 401",))).lines
        assert [line.label for line in lines if "hook could not be notified" in str(line.parts)] == ["Also"]


def test_a_template_puts_a_sources_text_into_json_without_letting_it_add_a_field():
    values = {"text": HOSTILE, "n": None, "tags": {"a": 1}}
    body = template.render(
        '{"a": "{{ text }}", "b": {{ text | tojson }}, "c": {{ n }}, "d": {{ tags }}, "e": {{ 1 + 1 }}}', values
    )
    assert json.loads(body) == {"a": HOSTILE, "b": HOSTILE, "c": None, "d": {"a": 1}, "e": 2}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{{ missing }}", "UndefinedError"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{{ text.__class__.__mro__ }}", "SecurityError"),
        ("{{ 'x' * 1000000000 }}", "SecurityError"),
        ("{{ 10 ** 1000000000 }}", "SecurityError"),
        ("{{ 'x'.ljust(1000000000) }}", "SecurityError"),
        ("{% for a in range(9999) %}" + "x" * 100 + "{% endfor %}", "more than 256 KiB"),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "more than 0.5 s"),
        ("{{ text }}", "not JSON"),
    ],
)
def test_a_template_that_raises_runs_on_or_makes_no_json_is_stopped_with_the_reason(source, says):
    with pytest.raises(template.TemplateFailed, match=says):
        template.render(source, {"text": "text"})


def context(secret=lambda ref: "s3cret", **more) -> ChannelContext:
    from pathlib import Path

    return ChannelContext(
        **({"secret": secret, "now": 1.0, "refuse_address": lambda a: None, "home": Path("/nonexistent")} | more)
    )


def test_a_missing_secret_goes_to_the_fallback_at_once_with_the_remedy():
    def missing(ref):
        raise MissingSecret("environment variable PAGERDUTY_ROUTING_KEY is not set")

    kind = registry.BUILT_IN["pagerduty"]
    outcome = deliver(kind, delivery(DOWN), kind.config(routing_key={"env": "PAGERDUTY_ROUTING_KEY"}), context(missing))
    assert isinstance(outcome, Rejected)
    assert "PAGERDUTY_ROUTING_KEY" in outcome.reason
    assert "--retry" in outcome.remedy


def test_a_channel_that_breaks_or_answers_nonsense_is_an_outcome_and_harms_no_other():
    def broken(*_):
        raise RuntimeError("https://hooks.example.com/secret-token")

    for send, says in ((broken, "broke: RuntimeError"), (lambda *_: None, "answered NoneType")):
        outcome = deliver(ChannelType("theirs", RecordingConfig, send), delivery(TEST), RecordingConfig(), context())
        assert isinstance(outcome, Rejected)
        assert says in outcome.reason
        assert "secret-token" not in str(outcome)


def test_the_recording_channel_remembers_and_answers_as_told():
    channel = RecordingChannel([RetryLater("busy", 3)])
    first, second = (deliver(channel.type, delivery(TEST), RecordingConfig(), context()) for _ in range(2))
    assert (first, second) == (RetryLater("busy", 3), Delivered({"ts": "2"}))
    assert len(set(channel.keys)) == 1


def test_a_third_partys_channel_is_found_and_a_broken_one_says_so_loudly_for_its_own_kind_only():
    points = [
        EntryPoint("recording", "busta_health_dagster.testing:RecordingChannel", registry.GROUP),  # a class
        EntryPoint("lost", "no_such_module:CHANNEL", registry.GROUP),
        EntryPoint("slack", "busta_health_dagster.channels.stream:FILE", registry.GROUP),
        EntryPoint("copy", "busta_health_dagster.channels.stream:FILE", registry.GROUP),
        EntryPoint("twice", "busta_health_dagster.channels.stream:FILE", registry.GROUP),
        EntryPoint("twice", "busta_health_dagster.channels.stream:CONSOLE", registry.GROUP),
    ]
    found = registry.load(points)
    assert (found["copy"].kind, found["copy"].third_party) == ("copy", True)
    assert found["slack"] is registry.BUILT_IN["slack"]
    for kind, says, remedy in (
        ("recording", "it is of type type, not a ChannelType", "Fix or uninstall"),
        ("lost", "ModuleNotFoundError: No module named 'no_such_module'", "Install no_such_module beside the monitor"),
        ("twice", "2 plug-ins want the kind 'twice'", "Uninstall or rename all but one"),
    ):
        config = found[kind].config.model_validate({"room": "any", "token": {"env": "X"}})
        outcome = deliver(found[kind], delivery(TEST), config, context())
        assert isinstance(outcome, Rejected)
        assert says in outcome.reason
        assert outcome.remedy.startswith(remedy)
    assert {p.kind for p in found.problems} == {"recording", "lost", "slack", "twice"}


@pytest.mark.parametrize(
    ("kind", "fields", "says"),
    [
        ("webhook", {"url": "ftp://x"}, "not a web address"),
        ("webhook", {"url": "https://x", "headers": {"a b": "1"}}, "not a header name"),
        ("webhook", {"url": "https://x", "headers": {"Webhook-Id": "1"}}, "set by us"),
        ("webhook", {"url": "https://x", "body": "{% for %}"}, "cannot be read, line 1"),
        ("webhook", {"url": "https://x", "colour": "red"}, "Extra inputs"),
        ("slack", {"token": {"env": "T"}}, "SLACK_BOT_TOKEN"),
        ("slack", {"token": {"env": "T"}, "channel": "#a", "webhook_url": {"env": "U"}}, "not both"),
        ("slack", {"token": "xoxb-123", "channel": "#a"}, "token"),
        ("email", {"host": "h", "from": "nobody", "to": ["a@b.c"]}, "not a mail address"),
        ("email", {"host": "h", "from": "a@b.c", "to": ["a@b.c\r\nBcc: x@y.z"]}, "not a mail address"),
        ("email", {"host": "h", "from": "a@b.c", "to": []}, "at least 1"),
        ("email", {"host": "h", "from": "a@b.c", "to": ["a@b.c"], "username": "u"}, "go together"),
        (
            "email",
            {"host": "h", "from": "a@b.c", "to": ["a@b.c"], "tls": "none", "username": "u", "password": {"env": "P"}},
            "unencrypted",
        ),
        ("pagerduty", {}, "routing_key"),
    ],
)
def test_a_wrong_configuration_is_refused_at_load_with_what_would_be_right(kind, fields, says):
    with pytest.raises(ValidationError, match=says):
        registry.BUILT_IN[kind].config(**fields)


def test_every_topic_has_words_of_its_own():
    said = {}
    for pattern in Pattern:
        for metric in ("response_ms", "data_age_s", "quality", "items") if pattern is Pattern.THRESHOLD else (None,):
            notification = replace(
                ESCALATED, rule=replace(ESCALATED.rule, pattern=pattern, metric=metric, name="theirs")
            )
            said[pattern, metric] = text_of(notification).headline
            assert phrases.advice(notification)
    assert said[Pattern.THRESHOLD, "data_age_s"].startswith("odds_api has still no new data after 35 min:")
    assert said[Pattern.THRESHOLD, "items"].startswith("odds_api still breaks rule theirs after 35 min:")
    assert said[Pattern.RATE, None].startswith("odds_api still fails too often after 35 min:")
    assert said[Pattern.NO_DATA, None].startswith("odds_api is still silent after 35 min:")
    shared = sum(pattern.value.startswith("dagster_") for pattern in Pattern) - 1
    assert len(set(said.values())) == len(said) - shared, "of what fails in Dagster the verdict itself says what it is"


def test_the_shape_is_the_status_of_the_source_and_severity_is_a_word():
    silent = replace(
        DOWN, source=replace(DOWN.source, status=Status.UNKNOWN), rule=replace(DOWN.rule, pattern=Pattern.NO_DATA)
    )
    poor = replace(OPENED, source=replace(OPENED.source, status=Status.UP), rule=replace(OPENED.rule, metric="quality"))
    assert [text_of(n).shape for n in (silent, poor, ESCALATED, DOWN, RESOLVED)] == ["○", "●", "▲", "■", "●"]
    assert text_of(ESCALATED).word == "critical"


def test_flapping_says_so_once_at_its_start_and_once_at_its_end():
    start = replace(
        OPENED,
        kind=NotificationKind.FLAPPING_STARTED,
        alert=replace(OPENED.alert, flapping=True, flapping_percent=48.0),
    )
    end = replace(OPENED, kind=NotificationKind.FLAPPING_ENDED)
    assert text_of(start).headline == "odds_api is unsteady: it keeps changing (48% over the last 21 checks)"
    assert text_of(end).headline == "odds_api is steady again, and is slow: 6.41 s, normally 128–262 ms"
    assert webhook.event_type(start) == "alert.flapping_started"


@pytest.mark.parametrize(
    "notification", [OPENED, ESCALATED, RESOLVED, replace(RESOLVED, recovered=False, reason="source removed")]
)
def test_every_message_of_an_incident_leads_to_its_page(notification):
    page = "https://health.example.com/source-health/incidents/INC-4127"
    event = webhook.payload(notification)["data"]
    assert event["incident"]["url"] == page
    assert page in {button.url.removesuffix("#cause") for button in text_of(notification).buttons}


def test_what_has_no_page_of_an_incident_leads_to_none():
    for notification in (replace(OPENED, incident=None), replace(OPENED, drill=True), replace(OPENED, base_url="")):
        assert not any("/incidents/" in button.url for button in text_of(notification).buttons)
        assert (webhook.payload(notification)["data"]["incident"] or {}).get("url") is None


def test_without_an_address_of_the_page_there_are_no_links_to_it():
    bare = replace(OPENED, base_url="")
    assert [b.id for b in text_of(bare).buttons] == ["runbook"]
    assert webhook.payload(bare)["data"]["url"] is None


def test_acknowledgements_go_to_channels_that_change_their_message_in_place_and_not_to_mail():
    slack = registry.BUILT_IN["slack"]
    notified = {
        "bot": slack.default_events(slack.config(token={"env": "T"}, channel="#a")),
        "hook": slack.default_events(slack.config(webhook_url={"env": "U"})),
        "mail": registry.BUILT_IN["email"].default_events(None),
        "pager": registry.BUILT_IN["pagerduty"].default_events(None),
    }
    assert {k: NotificationKind.ACKED in v for k, v in notified.items()} == {
        "bot": True,
        "hook": False,
        "mail": False,
        "pager": True,
    }


def test_the_monitor_speaks_of_itself():
    stale = replace(
        TEST, kind=NotificationKind.MONITOR, reason="stale", text="No tick for 15 min: nothing is being watched"
    )
    assert webhook.payload(stale)["type"] == "monitor.stale"
    assert text_of(stale).shape == "○"


def test_a_notice_about_nothing_is_an_error_of_ours():
    with pytest.raises(ValueError, match="needs an alert"):
        text_of(replace(TEST, text=""))
