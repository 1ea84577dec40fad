"""Text messages through Twilio's Messages API, or one of the same shape: a form, one request for each number."""

from __future__ import annotations

import math
import re
import time
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote, urlencode

from pydantic import Field, field_validator

from busta_health_dagster.channels import web_service
from busta_health_dagster.channels.markup import cut
from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.channels.port import AGAIN, ChannelContext, ChannelType
from busta_health_dagster.channels.web_service import WebAddress, WebServiceConfig, basic_auth, resolved
from busta_health_dagster.domain.delivery import Delivered, Delivery, Outcome, Rejected, RetryLater
from busta_health_dagster.domain.fields import SecretRef, TextOrSecret
from busta_health_dagster.domain.notification import NotificationKind

if TYPE_CHECKING:
    from busta_health_dagster.domain.notification import Notification

TEXT_LIMIT = 306
"""Two parts of 153 letters: an SMS is paid by the part."""
_NUMBER = re.compile(r"(whatsapp:)?\+[1-9]\d{6,14}")
_SENDER = re.compile(r"(whatsapp:)?\+[1-9]\d{6,14}|MG[0-9a-fA-F]{32}|\d{3,8}|[A-Za-z0-9 ]{1,11}")
_ALPHABET = frozenset(
    "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_INSTEAD = {"–": "-", "—": "-", "…": "...", "·": ",", "“": '"', "”": '"', "‘": "'", "’": "'", "≤": "<=", "≥": ">="}


class SmsConfig(WebServiceConfig):
    """`from` is a number of yours, a sender's name or a Messaging Service (MG...); `to` are numbers as +491701234567. `url` is
    for another region or a service of the same shape.
    """

    account: TextOrSecret
    auth_token: SecretRef
    sender: TextOrSecret = Field(alias="from")
    to: Annotated[tuple[str, ...], Field(max_length=20)]
    url: WebAddress = "https://api.twilio.com"

    @field_validator("to")
    @classmethod
    def _numbers(cls, to: tuple[str, ...]) -> tuple[str, ...]:
        if not to:
            raise ValueError('no number is here; write to: ["+491701234567"]')
        for number in to:
            if not _NUMBER.fullmatch(number):
                raise ValueError(f'{number!r} is not a number with its country; write "+491701234567"')
        return tuple(dict.fromkeys(to))

    @field_validator("sender")
    @classmethod
    def _sender(cls, sender: TextOrSecret) -> TextOrSecret:
        if isinstance(sender, str) and not _SENDER.fullmatch(sender):
            raise ValueError(f'{sender!r} is no sender; write "+491701234567", a name of at most 11 letters, or MG...')
        return sender


def payload(notification: Notification) -> str:
    """One line in the letters that every phone has: others would more than halve what a part holds."""
    text = text_of(notification)
    said = "".join(_plain(c) for c in unicodedata.normalize("NFC", f"{text.notification}"))
    shorter = cut(" ".join(said.split()), TEXT_LIMIT - 2)
    return shorter.replace("…", "...")


def send(delivery: Delivery, config: SmsConfig, context: ChannelContext) -> Outcome:
    account = resolved(config.account, context)
    authorization = basic_auth(account, context.secret(config.auth_token))
    url = f"{config.url}/2010-04-01/Accounts/{quote(account, safe='')}/Messages.json"
    sender = resolved(config.sender, context)
    by = "MessagingServiceSid" if sender.startswith("MG") and len(sender) == 34 else "From"
    body = payload(delivery.notification)
    remedy = f"Check account, auth_token, from and to of channel {delivery.channel}"
    reached = list(delivery.reached)
    refused: list[str] = []
    why: Rejected | None = None
    ends = time.monotonic() + context.timeout_s
    for number in (n for n in config.to if n not in delivery.reached):
        left = ends - time.monotonic()
        if left <= 0:
            return RetryLater("the time of this attempt is over, and not every number has it", reached=tuple(reached))
        outcome = web_service.call(
            url,
            urlencode({"To": number, by: sender, "Body": body}).encode(),
            config,
            replace(context, timeout_s=math.ceil(10 * left) / 10),
            headers={"authorization": authorization, "content-type": "application/x-www-form-urlencoded"},
            remedy=remedy,
        ).outcome
        if isinstance(outcome, RetryLater):  # the others come with the next attempt: it is the service that is busy
            return RetryLater(outcome.reason, outcome.after_s, tuple(reached))
        if isinstance(outcome, Rejected):
            why = outcome
            refused.append(f"{number} ({outcome.reason})")
        else:
            reached.append(number)
    if why is not None and not reached:
        return why
    return Delivered({}, f"refused for {', '.join(refused)}" if refused else "accepted", tuple(refused))


def _plain(letter: str) -> str:
    if letter in _ALPHABET:
        return letter
    if letter in _INSTEAD:
        return _INSTEAD[letter]
    base = unicodedata.normalize("NFKD", letter)[:1]
    return base if base in _ALPHABET else "?" if letter.isalnum() else " "


CHANNEL = ChannelType(
    "sms",
    SmsConfig,
    send,
    events=AGAIN - {NotificationKind.FLAPPING_STARTED, NotificationKind.FLAPPING_ENDED, NotificationKind.REPORT},
    reports=False,
)
