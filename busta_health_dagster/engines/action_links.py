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

from busta_health_dagster.domain.action_link import ActionLink, LinkAction
from busta_health_dagster.domain.errors import LinkRefused
from busta_health_dagster.domain.units import from_epoch

_VERSION = 1
_LONGEST = 2000
_KNOWN = {(_VERSION, action.value): action for action in LinkAction}


def alert_mark(fingerprint: str) -> str:
    """What identifies an alert beside its number."""
    return hashlib.sha256(fingerprint.encode()).hexdigest()[:12]


def use_mark(message_key: str, alert_id: int, action: LinkAction) -> str:
    """Names one link. A message that is sent again, because no one knows whether it arrived, carries the same links."""
    return hashlib.sha256(f"{message_key}|{alert_id}|{action}".encode()).hexdigest()[:24]


def sign(key: bytes, link: ActionLink) -> str:
    """The text that goes into the address."""
    says = [_VERSION, link.action.value, link.alert_id, link.alert, link.channel, link.expires, link.use]
    body = _text(json.dumps(says, separators=(",", ":")).encode())
    head = f"{body}.{_key_mark(key)}"
    return f"{head}.{_signature(key, head)}"


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
        version, action, alert_id, alert, channel, expires, use = json.loads(_bytes(body))
        return ActionLink(_KNOWN[version, action], int(alert_id), str(alert), str(channel), int(expires), str(use))
    except (ValueError, TypeError, KeyError, binascii.Error) as error:
        raise LinkRefused(
            "foreign", "This link was made by another version of the monitor. Open the newest message, or the page."
        ) from error


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
