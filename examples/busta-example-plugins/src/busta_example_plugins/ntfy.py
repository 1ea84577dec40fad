"""`kind: ntfy_example`: a notification as one POST of plain text.

A channel makes one attempt and says how it went. It never retries, sleeps or decides who is notified: the outbox does.
"""

from __future__ import annotations

import requests

from busta_health_dagster.plugins import (
    ChannelContext,
    ChannelType,
    Delivered,
    Delivery,
    Outcome,
    Rejected,
    RetryLater,
    SecretRef,
    Strict,
    plain_text,
)


class NtfyConfig(Strict):
    """The keys of alerts.yaml. `token` is `{env: NAME}` or `{file: PATH}`, never the token itself."""

    url: str
    token: SecretRef | None = None


def send(delivery: Delivery, config: NtfyConfig, context: ChannelContext) -> Outcome:
    """One attempt. 429 and 5xx are tried again later; what else the server refuses will not get better."""
    headers = {"x-title": "busta", "x-idempotency-key": delivery.key}
    if config.token is not None:
        headers["authorization"] = f"Bearer {context.secret(config.token)}"
    body = plain_text(delivery.notification).encode()
    try:
        answer = requests.post(config.url, data=body, headers=headers, timeout=context.timeout_s, allow_redirects=False)
    except requests.RequestException as error:
        return RetryLater(f"{type(error).__name__} at the ntfy server")
    if answer.ok:
        return Delivered()
    if answer.status_code == 429 or answer.status_code >= 500:
        return RetryLater(f"HTTP {answer.status_code}")
    return Rejected(f"HTTP {answer.status_code}", "Check the topic's address and the token in alerts.yaml")


CHANNEL = ChannelType("ntfy_example", NtfyConfig, send)
