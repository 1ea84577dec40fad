"""Mail against a real SMTP server: STARTTLS and TLS by a test authority, login, refusals, hanging."""

from __future__ import annotations

import json
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from channel_stories import ESCALATED, INJECTED, OPENED, delivery
from pydantic import ValidationError

from busta_health_dagster.channels import registry
from busta_health_dagster.channels.port import ChannelContext, deliver
from busta_health_dagster.domain.delivery import Delivered, Rejected, RetryLater

EMAIL = registry.BUILT_IN["email"]


def notified(
    port: int,
    notification=OPENED,
    *,
    answer: str = "s3cret",
    timeout_s: float = 5.0,
    key: str | None = None,
    reached=(),
    **more,
):
    fields = {
        "host": "localhost",
        "port": port,
        "from": "Source health <health@example.com>",
        "to": ["oncall@example.com", "second@example.com"],
    }
    config = EMAIL.config(**(fields | more))
    context = ChannelContext(lambda ref: answer, 1795422304.0, lambda a: None, Path(), timeout_s)
    asked = replace(delivery(notification, **({"key": key} if key else {})), reached=reached)
    outcome = deliver(EMAIL, asked, config, context)
    assert "s3cret" not in repr(outcome)
    return outcome


LOGIN = {"username": "user", "password": {"env": "SMTP_PASSWORD"}}


def test_a_mail_goes_out_encrypted_and_logged_in_and_arrives_whole(mailbox, authority):
    outcome = notified(mailbox.port, ca_file=str(authority[1]), **LOGIN)
    assert outcome == Delivered({"message_id": "<msg_4127_opened_1@example.com>"}, "accepted")
    ((encrypted, recipients, content),) = mailbox.messages
    mail = message_from_bytes(content, policy=policy.default)
    assert (encrypted, recipients, mailbox.logins) == (True, ("oncall@example.com", "second@example.com"), ["user"])
    assert (mail["Subject"], mail["Auto-Submitted"]) == ("[busta] odds_api slow-response #4127", "auto-generated")
    assert mail.get_body(("plain",)).get_content().startswith("▲ warning: odds_api is slow")
    assert "<h1" in mail.get_body(("html",)).get_content()


def test_implicit_tls_works_too(tls_mailbox, authority):
    assert isinstance(notified(tls_mailbox.port, tls="tls", ca_file=str(authority[1])), Delivered)
    assert len(tls_mailbox.messages) == 1


def test_a_relay_of_this_machine_may_do_without(plain_mailbox):
    assert isinstance(notified(plain_mailbox.port, tls="none"), Delivered)


def test_a_retry_is_the_same_mail_to_the_byte_but_for_its_boundaries(plain_mailbox):
    plain_mailbox.answer = "451 try again"
    assert notified(plain_mailbox.port, tls="none") == RetryLater("localhost answered 451")
    plain_mailbox.answer = "250 OK"
    for _ in range(2):
        notified(plain_mailbox.port, tls="none")
    first, second = (message_from_bytes(m[2], policy=policy.default) for m in plain_mailbox.messages)
    assert [(k, v) for k, v in first.items() if k != "Content-Type"] == [
        (k, v) for k, v in second.items() if k != "Content-Type"
    ]


def test_an_unknown_authority_a_missing_starttls_and_a_wrong_password_are_told_apart(mailbox, plain_mailbox, authority):
    stranger = notified(mailbox.port, **LOGIN)
    assert isinstance(stranger, RetryLater)
    assert "TLS" in stranger.reason
    plain = notified(plain_mailbox.port, ca_file=str(authority[1]))
    assert isinstance(plain, Rejected)
    assert "STARTTLS" in plain.reason
    wrong = notified(mailbox.port, answer="no", ca_file=str(authority[1]), **LOGIN)
    assert isinstance(wrong, Rejected)
    assert "refused the login" in wrong.reason
    assert mailbox.messages == plain_mailbox.messages == []


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"oncall@example.com": "550 no", "second@example.com": "550 no"}, Rejected),
        ({"oncall@example.com": "450 later", "second@example.com": "550 no"}, RetryLater),
        ({"oncall@example.com": "550 no"}, Delivered),
    ],
)
def test_refused_recipients(plain_mailbox, answers, expected):
    plain_mailbox.refuse = answers
    outcome = notified(plain_mailbox.port, tls="none")
    assert isinstance(outcome, expected)
    if expected is Delivered:
        assert outcome.refused == ("oncall@example.com (550)",)


def test_who_has_it_does_not_get_it_again_and_who_was_put_off_does(plain_mailbox):
    plain_mailbox.refuse = {"second@example.com": "450 greylisted"}
    outcome = notified(plain_mailbox.port, tls="none")
    assert outcome == RetryLater(
        "localhost did not take it yet for second@example.com (450)", reached=("oncall@example.com",)
    )
    plain_mailbox.refuse = {}
    assert isinstance(notified(plain_mailbox.port, tls="none", reached=outcome.reached), Delivered)
    assert [recipients for _, recipients, _ in plain_mailbox.messages] == [
        ("oncall@example.com",),
        ("second@example.com",),
    ]


def test_who_is_refused_for_good_after_the_others_have_it_is_named(plain_mailbox):
    plain_mailbox.refuse = {"second@example.com": "550 no such user"}
    outcome = notified(plain_mailbox.port, tls="none", reached=("oncall@example.com",))
    assert isinstance(outcome, Delivered)
    assert outcome.refused == ("second@example.com (550)",)


def test_an_international_domain_is_written_as_every_server_takes_it():
    config = EMAIL.config(
        **{"host": "localhost", "from": "Störung <alarm@exämple.de>", "to": ["a@straße.de", "b@example.com"]}
    )
    assert config.to == ("a@xn--strae-oqa.de", "b@example.com")
    assert config.sender == "Störung <alarm@xn--exmple-cua.de>"


@pytest.mark.parametrize("field", ["from", "to"])
def test_a_mailbox_that_no_server_would_take_is_refused_at_load(field):
    address = "jürgen@exämple.de"
    fields = {"host": "localhost", "from": "a@example.com", "to": ["b@example.com"]}
    with pytest.raises(ValidationError, match="other letters than ASCII before the @"):
        EMAIL.config(**(fields | {field: [address] if field == "to" else address}))


def test_a_permanent_answer_is_never_a_passing_one_later(plain_mailbox):
    plain_mailbox.answer = "554 spam"
    assert isinstance(notified(plain_mailbox.port, tls="none"), Rejected)
    plain_mailbox.answer = "421 busy"
    assert isinstance(notified(plain_mailbox.port, tls="none"), RetryLater)


def test_a_server_that_hangs_or_is_not_there_is_later(plain_mailbox, nobody):
    plain_mailbox.hang = True
    assert notified(plain_mailbox.port, tls="none", timeout_s=0.5) == RetryLater(
        "localhost did not finish within 0.5 s"
    )
    assert isinstance(notified(nobody, tls="none"), RetryLater)


def test_what_a_source_says_stays_in_the_body(plain_mailbox):
    notified(plain_mailbox.port, INJECTED, tls="none")
    ((_, recipients, content),) = plain_mailbox.messages
    mail = message_from_bytes(content, policy=policy.default)
    assert recipients == ("oncall@example.com", "second@example.com")
    assert mail["Bcc"] is None


def test_a_file_gets_one_json_line_per_message_with_its_key(tmp_path):
    kind = registry.BUILT_IN["file"]
    context = ChannelContext(lambda ref: "", 0.0, lambda a: None, tmp_path)
    for notification in (OPENED, ESCALATED, INJECTED):
        assert deliver(kind, delivery(notification), kind.config(path="out/notices.jsonl"), context) == Delivered()
    lines = [json.loads(line) for line in (tmp_path / "out" / "notices.jsonl").read_text().splitlines()]
    assert [(x["key"], x["type"]) for x in lines] == [
        ("msg_4127_opened_1", "alert.opened"),
        ("msg_4127_escalated_2", "alert.escalated"),
        ("msg_4119_escalated_3", "alert.escalated"),
    ]


def test_a_file_that_cannot_be_written_is_later(tmp_path):
    kind = registry.BUILT_IN["file"]
    outcome = deliver(
        kind,
        delivery(OPENED),
        kind.config(path=str(tmp_path)),
        ChannelContext(lambda ref: "", 0.0, lambda a: None, tmp_path),
    )
    assert isinstance(outcome, RetryLater)
    full = deliver(
        kind,
        delivery(OPENED),
        kind.config(path="/dev/full"),
        ChannelContext(lambda ref: "", 0.0, lambda a: None, tmp_path),
    )
    assert full == RetryLater("/dev/full cannot be written: No space left on device")


def test_the_console_prints_what_is_wrong(capsys, tmp_path):
    kind = registry.BUILT_IN["console"]
    context = ChannelContext(lambda ref: "", 0.0, lambda a: None, tmp_path)
    assert deliver(kind, delivery(OPENED), kind.config(), context) == Delivered()
    out = capsys.readouterr()
    assert out.out == ""
    assert out.err.startswith("07:55:03 ▲ odds_api is slow: 6.41 s, normally 128–262 ms. Warning, alert 4127.\n")
