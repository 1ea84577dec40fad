"""Standard Webhooks: what is signed, and how a receiver checks it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from busta_health_dagster.domain.errors import BadInput

_PREFIX = "whsec_"


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64 HMAC-SHA256 of id.timestamp.body>`; the secret is `whsec_` and base64.

    Raises:
        BadInput: not such a secret.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as why:
        raise BadInput(
            "a webhook secret is `whsec_` followed by base64; make one with: openssl rand -base64 32"
        ) from why
    mac = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(mac.digest()).decode()}"
