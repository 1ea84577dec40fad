"""What each channel says, word for word: tests/golden/channels/."""

from __future__ import annotations

import json
from dataclasses import replace
from email import message_from_bytes, policy

import pytest
from channel_stories import DOWN, ESCALATED, HOSTILE, INJECTED, OPENED, RESOLVED, STORIES, STORM, WEEKLY, delivery
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.channels import (
    apprise,
    discord,
    googlechat,
    mail_payload,
    ntfy,
    opsgenie,
    pagerduty,
    registry,
    slack_payload,
    sms,
    stream,
    teams,
    telegram,
    webhook,
)
from busta_health_dagster.channels.markup import utf8, utf16
from busta_health_dagster.domain.notification import Attachment, Notification

TELEGRAM = telegram.TelegramConfig(token={"env": "T"}, chat=-1001234567890, topic=4)
REPORTS = ("weekly", "digest")
SENDER, TO = "Source health <health@example.com>", ("oncall@example.com",)


def shown(value) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("story", STORIES)
def test_slack_messages_read_as_agreed(story, golden):
    notification = STORIES[story]
    golden(
        f"slack-{story}.json",
        shown(
            {"message": slack_payload.payload(notification, "key"), "thread_reply": slack_payload.reply(notification)}
        ),
    )


@pytest.mark.parametrize("story", STORIES)
def test_mails_read_as_agreed(story, golden):
    notification = STORIES[story]
    mail = mail_payload.payload(
        delivery(notification, earlier=("msg_4127_opened_1",) if story == "resolved" else ()), SENDER, TO
    )
    headers = "".join(f"{k}: {v}\n" for k, v in mail.items() if k not in ("Content-Type", "MIME-Version"))
    text = mail.get_body(("plain",)).get_content()
    golden(f"mail-{story}.txt", f"{headers}\n{text}")
    assert all(len(line) <= 76 or "https://" in line for line in text.splitlines())
    if story in ("opened", "storm"):
        golden(f"mail-{story}.html", mail.get_body(("html",)).get_content())


@pytest.mark.parametrize("story", [s for s in STORIES if s not in REPORTS])
def test_pagerduty_events_read_as_agreed(story, golden):
    golden(f"pagerduty-{story}.json", shown(pagerduty.payload(STORIES[story], "R0UT1NGKEY")))


CHATS = {
    "teams": teams.payload,
    "discord": lambda n: {"message": discord.payload(n), "reply": discord.reply(n)},
    "telegram": lambda n: telegram.payload(n, TELEGRAM, "17"),
    "googlechat": googlechat.payload,
    "ntfy": lambda n: ntfy.payload(n, "data-alerts"),
    "opsgenie": lambda n: opsgenie.payload(n, (opsgenie.Responder(type="team", name="data"),)),
    "sms": sms.payload,
    "apprise": apprise.payload,
}


@pytest.mark.parametrize("channel", CHATS)
@pytest.mark.parametrize("story", STORIES)
def test_chats_pushes_and_texts_read_as_agreed(channel, story, golden):
    if registry.BUILT_IN[channel].reports or story not in REPORTS:
        golden(f"{channel}-{story}.json", shown(CHATS[channel](STORIES[story])))


@pytest.mark.parametrize("story", STORIES)
def test_webhook_events_read_as_agreed(story, golden):
    golden(f"webhook-{story}.json", shown(webhook.payload(STORIES[story])))


def test_the_console_says_the_same_in_plain_lines(golden):
    golden("console.txt", "\n\n".join(stream.console_payload(n) for n in STORIES.values()) + "\n")


@pytest.mark.parametrize("story", STORIES)
def test_a_notice_survives_the_outbox(story):
    assert Notification.from_json(STORIES[story].to_json()) == STORIES[story]


def test_slack_blocks_stay_within_slacks_limits_whatever_a_source_says():
    long = replace(
        INJECTED, related=(("& " * 4000),) * 20, do="x" * 9000, source=replace(INJECTED.source, detail="<" * 5000)
    )
    message = slack_payload.payload(long, "key")
    assert len(message["blocks"]) <= 50
    assert len(message["blocks"][0]["text"]["text"]) <= 150
    texts = [b["text"]["text"] for b in message["blocks"] if b["type"] == "section"]
    assert all(0 < len(t) <= 3000 for t in texts)
    assert all(
        "&" not in t.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "") for t in texts
    )  # no entity is cut in two


def test_a_sources_text_cannot_ping_a_channel_make_a_link_or_add_a_header():
    payload = slack_payload.payload(INJECTED, "key")
    message = shown([payload["text"], *payload["blocks"][1:]])  # a header is plain text: nothing in it is mark-up
    assert "<!channel>" not in message
    assert "http://evil" not in message
    assert "https://evil" not in message
    mail = mail_payload.payload(delivery(INJECTED), SENDER, TO)
    again = message_from_bytes(mail.as_bytes(policy=policy.SMTP), policy=policy.default)
    html = again.get_body(("html",)).get_content()
    assert again["Bcc"] is None
    assert '<a href="https://evil' not in html
    assert "&lt;!channel&gt;" in html
    assert webhook.payload(INJECTED)["data"]["source"]["detail"] == HOSTILE  # JSON is escaped by being JSON


def test_a_header_of_a_mail_cannot_be_broken_by_a_name():
    evil = replace(OPENED, rule=replace(OPENED.rule, name="slow\r\nBcc: x@example.com"))
    assert "\n" not in mail_payload.subject(evil)
    mail = mail_payload.payload(delivery(evil, key="k\r\nX: y"), SENDER, TO)
    assert b"\nBcc:" not in mail.as_bytes()
    assert b"\nX: y" not in mail.as_bytes()


def test_the_subject_is_the_same_from_opening_to_the_end_so_that_mail_threads():
    assert {mail_payload.subject(n) for n in (OPENED, ESCALATED, RESOLVED)} == {"[busta] odds_api slow-response #4127"}


def test_message_id_is_the_idempotency_key_and_references_hold_the_thread():
    mail = mail_payload.payload(
        delivery(RESOLVED, key="msg_4127_resolved_3", earlier=("msg_4127_opened_1", "msg_4127_escalated_2")), SENDER, TO
    )
    assert mail["Message-ID"] == "<msg_4127_resolved_3@example.com>"
    assert mail["In-Reply-To"] == "<msg_4127_escalated_2@example.com>"
    assert mail["References"].split() == [
        "<alert-4127@example.com>",
        "<msg_4127_opened_1@example.com>",
        "<msg_4127_escalated_2@example.com>",
    ]


def test_a_report_carries_its_pictures_inline_and_its_table_as_a_file():
    png = Attachment("chart.png", "image/png", "iVBORw0KGgo=", "chart")
    csv = Attachment("week.csv", "text/csv", "YSxiCg==")
    mail = mail_payload.payload(
        delivery(replace(WEEKLY, report=replace(WEEKLY.report, attachments=(png, csv)))), SENDER, TO
    )
    parts = {p.get_content_type(): p for p in mail.walk()}
    assert parts["image/png"]["Content-ID"] == "<chart>"
    assert parts["text/csv"].get_filename() == "week.csv"
    assert parts["text/plain"].get_content().startswith("SOURCE HEALTH")


def test_pagerduty_events_fit_into_its_limits_and_say_what_was_left_out():
    members = tuple(replace(STORM.group.members[0], source=f"s{k}", reason="é" * 80) for k in range(5000))
    event = pagerduty.payload(replace(STORM, group=replace(STORM.group, members=members)), "R")
    assert len(json.dumps(event, ensure_ascii=False).encode()) <= 512 * 1024
    assert event["payload"]["custom_details"]["left_out_for_size"] == ["sources"]
    long = replace(
        INJECTED, rule=replace(INJECTED.rule, pattern="trend"), verdict=replace(INJECTED.verdict, reason="x" * 5000)
    )
    assert len(pagerduty.payload(long, "R")["payload"]["summary"]) <= 1024


def test_a_drill_rings_no_bell_and_says_what_it_is():
    event = pagerduty.payload(STORIES["drill"], "R")
    assert (event["payload"]["severity"], event["payload"]["summary"][:6]) == ("info", "DRILL:")


@given(st.text(max_size=400))
def test_whatever_a_source_says_every_format_stays_whole(text):
    notification = replace(INJECTED, source=replace(INJECTED.source, detail=text), related=(text,))
    assert json.loads(webhook.compact(webhook.payload(notification)).decode("utf-8", "surrogatepass"))
    mail_payload.payload(delivery(notification), SENDER, TO).as_bytes()
    section = slack_payload.payload(notification, "k")["blocks"][1]["text"]["text"]
    assert section.count("<") == section.count("<!date")
    assert "\n" not in mail_payload.subject(notification)


ENDLESS = replace(
    INJECTED,
    related=tuple(f"{k} _*[x](http://evil.example)*_ 🌋 & <b> " * 40 for k in range(120)),
    do="🌋 & " * 9000,
    source=replace(INJECTED.source, detail="<*_🌋" * 5000),
)
THOUSANDS = replace(
    STORM,
    group=replace(
        STORM.group,
        members=tuple(replace(STORM.group.members[0], source=f"s{k}", reason="é" * 300) for k in range(3000)),
    ),
)


@pytest.mark.parametrize(
    "notification", [ENDLESS, THOUSANDS, replace(WEEKLY, report=replace(WEEKLY.report, table="x" * 90 + "\n" * 900))]
)
def test_no_message_is_longer_than_its_service_takes(notification):
    card = teams.payload(notification)
    assert len(json.dumps(card, ensure_ascii=False).encode()) <= 28 * 1024
    assert len(card["attachments"][0]["content"]["body"]) > 1
    message = discord.payload(notification)
    assert utf16(message["content"]) <= 2000
    assert all(utf16(e["description"]) <= 4096 for e in message["embeds"])
    assert utf16(telegram.payload(notification, TELEGRAM)["text"]) <= 4096
    assert len(json.dumps(googlechat.payload(notification), ensure_ascii=False).encode()) <= 32_000
    push = ntfy.payload(notification, "t")
    assert 0 < utf8(push["message"]) <= 4096
    if notification.report is None:
        alert = opsgenie.payload(notification)
        assert len(alert["message"]) <= 130
        assert len(alert["description"]) <= 15_000
    assert len(sms.payload(notification)) <= 306


def test_what_a_source_says_is_text_in_every_chat():
    runs = [run for b in teams.payload(INJECTED)["attachments"][0]["content"]["body"] for run in b["inlines"]]
    assert {run["type"] for run in runs} == {"TextRun"}, "Teams reads mark-up in a TextBlock and none in a TextRun"
    message = discord.payload(INJECTED)
    assert message["allowed_mentions"] == {"parse": []}
    assert "\\<!channel\\>" in message["embeds"][0]["description"]
    assert "](" not in message["embeds"][0]["description"].replace(f"](<{INJECTED.base_url}", "").replace(
        "](<https://wiki", ""
    )
    said = telegram.payload(INJECTED, TELEGRAM)["text"]
    assert '<a href="https://evil' not in said
    assert "&lt;!channel&gt;" in said
    texts = json.dumps(googlechat.payload(INJECTED)["cardsV2"][0]["card"]["sections"], ensure_ascii=False)
    assert "&lt;!channel&gt;" in texts
    assert "<a" not in texts


@given(st.text(max_size=400))
def test_whatever_a_source_says_every_chat_gets_a_whole_message(text):
    notification = replace(INJECTED, source=replace(INJECTED.source, detail=text), related=(text,))
    for payload in CHATS.values():
        assert json.dumps(payload(notification), ensure_ascii=False).encode("utf-8", "replace")
    said = telegram.payload(notification, TELEGRAM)["text"]
    assert said.count("<") == said.count(">")
    assert said.count("<b>") == said.count("</b>")


def test_a_drill_and_a_test_ring_no_bell_anywhere():
    for story in ("drill", "test"):
        notification = STORIES[story]
        assert ntfy.payload(notification, "t")["priority"] == 2
        assert telegram.payload(notification, TELEGRAM)["disable_notification"] is True
        assert opsgenie.payload(notification)["priority"] == "P5"
    assert ntfy.payload(STORIES["down"], "t")["priority"] == 5
    assert ntfy.payload(STORIES["resolved"], "t")["priority"] == 3
    assert opsgenie.payload(STORIES["opened"])["priority"] == "P3"


def test_a_text_message_uses_only_letters_that_every_phone_has():
    said = sms.payload(replace(DOWN, source=replace(DOWN.source, detail="Žluťoučký kůň – ■ “x” 🌋 ½ İ")))
    assert "Zlutoucky kun - " in said
    assert set(said) <= sms._ALPHABET
