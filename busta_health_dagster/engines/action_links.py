"""Signing and reading the links of messages. The holder of the text may do what it says, once and for a while; no one can
change what it says.

    <what it permits>.<which key>.<signature>        each part base64url or hex, safe in any address
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from itertools import accumulate
from typing import TYPE_CHECKING

from busta_health_dagster.domain.action_link import ActionLink, LinkAction
from busta_health_dagster.domain.errors import LinkRefused
from busta_health_dagster.domain.units import from_epoch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_VERSION = 1
_LONGEST = 2000
"""Of a link, in characters: a few hundred alerts. Mail programs and chats cut what is much longer."""
_KNOWN = {(_VERSION, action.value): action for action in LinkAction}


def alerts_mark(fingerprints: Iterable[str]) -> str:
    """What identifies alerts beside their numbers."""
    return hashlib.sha256("|".join(fingerprints).encode()).hexdigest()[:12]


def use_mark(message_key: str, alert_ids: Sequence[int], action: LinkAction) -> str:
    """Names one link. A message that is sent again, because no one knows whether it arrived, carries the same links."""
    named = ",".join(map(str, alert_ids))
    return hashlib.sha256(f"{message_key}|{named}|{action}".encode()).hexdigest()[:24]


def sign(key: bytes, link: ActionLink) -> str | None:
    """The text that goes into the address; None where it would be too long for one."""
    says = [_VERSION, link.action.value, _named(link.alert_ids), link.alerts, link.channel, link.expires, link.use]
    body = _text(json.dumps(says, separators=(",", ":")).encode())
    head = f"{body}.{_key_mark(key)}"
    text = f"{head}.{_signature(key, head)}"
    return text if len(text) <= _LONGEST else None


def read(key: bytes, text: str, now: int) -> ActionLink:
    """What a link permits.

    Raises:
        LinkRefused: cut off, changed, made with another key, or too old.
    """
    parts = text.split(".")
    if len(parts) != 3 or len(text) > _LONGEST or not text.isascii():
        raise _incomplete()
    body, made_with, signature = parts
    expected = _signature(key, f"{body}.{made_with}")
    if not hmac.compare_digest(signature, expected):
        if len(signature) < len(expected):
            raise _incomplete()
        if made_with != _key_mark(key):
            raise LinkRefused(
                "foreign",
                "This link was made by another monitor, or before this one got a new key. Open the newest message about the "
                "alert, or the page. Monitors that share a store and not a home need one web.link_key.",
            )
        raise LinkRefused(
            "forged", "This link was changed on its way, or made up. Use the link in the message itself, or the page."
        )
    link = _permission(body)
    if link.expires <= now:
        raise LinkRefused(
            "expired",
            f"This link ended on {from_epoch(link.expires):%d %b at %H:%M} UTC. Open a newer message about the alert, or the "
            "page.",
        )
    return link


def _permission(body: str) -> ActionLink:
    """What a signed text says. It was signed by this program, so that only another version can have another shape."""
    try:
        version, action, named, alerts, channel, expires, use = json.loads(_bytes(body))
        return ActionLink(_KNOWN[version, action], _ids(named), str(alerts), str(channel), int(expires), str(use))
    except (ValueError, TypeError, KeyError, binascii.Error) as error:
        raise LinkRefused(
            "foreign", "This link was made by another version of the monitor. Open the newest message, or the page."
        ) from error


def _named(ids: Sequence[int]) -> int | list[int]:
    """One alert by its number, several by the steps from one to the next: those of one pass are neighbours."""
    if len(ids) == 1:
        return ids[0]
    return [key - before for before, key in zip((0, *ids), ids, strict=False)]


def _ids(named: int | list[int]) -> tuple[int, ...]:
    return tuple(accumulate(named)) if isinstance(named, list) else (int(named),)


def _incomplete() -> LinkRefused:
    return LinkRefused(
        "incomplete",
        "This link is not complete: mail programs break long lines. Copy it whole out of the message, or use the page.",
    )


def _signature(key: bytes, head: str) -> str:
    return _text(hmac.new(key, f"busta-link.{head}".encode(), hashlib.sha256).digest())


def _key_mark(key: bytes) -> str:
    return hashlib.sha256(b"busta-link-key" + key).hexdigest()[:8]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
