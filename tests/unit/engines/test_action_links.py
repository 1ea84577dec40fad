"""The links of messages: what is signed comes back, and nothing else is believed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster.domain.action_link import LIFETIME_S, ActionLink, LinkAction, acting
from busta_health_dagster.domain.errors import LinkRefused
from busta_health_dagster.engines.action_links import alerts_mark, read, sign, use_mark

KEY, NOW = b"k" * 32, 1_795_000_000
LINK = ActionLink(
    LinkAction.ACK,
    (17,),
    alerts_mark(["odds_api/source-down"]),
    "slack-oncall",
    NOW + LIFETIME_S,
    use_mark("m1", (17,), LinkAction.ACK),
)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def why(text: str, *, key: bytes = KEY, now: int = NOW) -> str:
    with pytest.raises(LinkRefused) as refused:
        read(key, text, now)
    assert len(str(refused.value).split(". ")) > 1, "a reason and a remedy"
    return refused.value.why


def test_what_is_signed_comes_back_until_it_expires() -> None:
    assert read(KEY, sign(KEY, LINK), NOW) == LINK
    assert read(KEY, sign(KEY, LINK), LINK.expires - 1) == LINK
    assert why(sign(KEY, LINK), now=LINK.expires) == "expired"


@given(st.integers(0, 400), st.characters(codec="ascii", categories=["L", "N"]))
def test_a_link_with_any_character_changed_permits_nothing(at: int, other: str) -> None:
    text = sign(KEY, LINK)
    at %= len(text)
    changed = text[:at] + other + text[at + 1 :]
    if changed != text:
        assert why(changed) in {"forged", "foreign", "incomplete"}


@given(st.integers(1, 400))
def test_a_link_that_a_mail_program_broke_is_called_incomplete(cut: int) -> None:
    text = sign(KEY, LINK)
    assert why(text[: -(cut % len(text)) or None][: len(text) - 1]) == "incomplete"


def test_the_link_of_another_monitor_is_told_from_a_forged_one() -> None:
    assert why(sign(b"o" * 32, LINK)) == "foreign"
    body, mark, signature = sign(KEY, LINK).split(".")
    for_another = sign(KEY, replace(LINK, alert_ids=(18,))).split(".")[0]
    assert why(f"{for_another}.{mark}.{signature}") == "forged"
    assert why(f"{body}.{mark}.{signature}é") == "incomplete"


def test_a_link_of_another_version_is_no_traceback() -> None:
    says = _text(json.dumps([2, "resolve", 1]).encode())
    _, mark, _ = sign(KEY, LINK).split(".")
    signature = _text(hmac.new(KEY, f"busta-link.{says}.{mark}".encode(), hashlib.sha256).digest())
    assert why(f"{says}.{mark}.{signature}") == "foreign"


def test_one_message_one_alert_one_deed_is_one_use() -> None:
    marks = {
        use_mark(key, alerts, action)
        for key in ("m1", "m2")
        for alerts in ((1,), (2,), (1, 2))
        for action in (LinkAction.ACK, LinkAction.SNOOZE)
    }
    assert len(marks) == 12


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=60, unique=True))
def test_a_link_names_each_alert_of_its_message(ids: list[int]) -> None:
    link = replace(LINK, alert_ids=tuple(sorted(ids)))
    assert read(KEY, sign(KEY, link), NOW) == link


def test_a_storm_fits_into_a_link_and_what_does_not_is_not_signed() -> None:
    storm = replace(LINK, alert_ids=tuple(range(41_000, 41_400)))
    assert read(KEY, sign(KEY, storm), NOW) == storm
    assert sign(KEY, replace(LINK, alert_ids=tuple(range(0, 900_000, 1_000)))) is None


def test_who_acted_by_link_reads_as_someone() -> None:
    assert acting(LINK.actor) == "Someone (by link, sent to slack-oncall)"
    assert acting("anna") == "anna"
