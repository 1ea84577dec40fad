"""Any of the hundred services that the library Apprise knows, by its URL: a title and plain text, one message each.

Apprise opens its own connections, so it runs in a process of its own: each address it connects to is asked about here first, and at
the end of the attempt's time the process is killed (`apprise_process.py`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import field_validator

from busta_health_dagster import extras
from busta_health_dagster.channels import markup, web_service
from busta_health_dagster.channels.markup import PLAIN
from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.channels.port import AGAIN, ChannelContext, ChannelType
from busta_health_dagster.channels.urgency import urgency
from busta_health_dagster.domain.delivery import Delivered, Delivery, Outcome, Rejected, RetryLater
from busta_health_dagster.domain.fields import SecretRef, Strict
from busta_health_dagster.domain.notification import NotificationKind
from busta_health_dagster.domain.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from busta_health_dagster.domain.notification import Notification

BODY_LIMIT = 3500
_TITLE_LIMIT = 250
_TYPES = {Severity.CRITICAL: "failure", Severity.WARNING: "warning", Severity.INFO: "info"}
_LATER = frozenset({408, 425, 429})


class AppriseConfig(Strict):
    """`url` is Apprise's address of the service. It holds credentials: a reference only. `allow_private` is for a service of one's
    own.
    """

    url: SecretRef
    allow_private: bool = False

    @field_validator("url", mode="before")
    @classmethod
    def _reference(cls, value: object) -> object:
        return web_service.reference(value, "APPRISE_URL")


@dataclass(frozen=True, slots=True)
class _Answer:
    """How the process ended: `sent`, or why not. `status` is an HTTP status that the service gave; `broke`: it gave no answer."""

    sent: bool = False
    status: int = 0
    why: str = ""
    refused: str = ""
    broke: str = ""


def payload(notification: Notification) -> dict[str, str]:
    text = text_of(notification)
    over = notification.kind is NotificationKind.RESOLVED and not notification.drill
    return {
        "title": markup.cut(markup.lead(text), _TITLE_LIMIT),
        "body": markup.written(notification, text, PLAIN, BODY_LIMIT) or markup.cut(text.notification, BODY_LIMIT),
        "type": "success" if over else _TYPES[urgency(notification)],
    }


def send(delivery: Delivery, config: AppriseConfig, context: ChannelContext) -> Outcome:
    if not extras.installed("apprise"):
        return Rejected(
            f"channel {delivery.channel} needs the extra [apprise]", f"Install it: {extras.remedy('apprise')}"
        )
    asked = payload(delivery.notification) | {"url": context.secret(config.url)}
    refuse = (lambda _: None) if config.allow_private else context.refuse_address
    answer = _attempt(asked, refuse, context.timeout_s)
    if answer is None:
        return RetryLater(f"the service behind Apprise did not answer within {context.timeout_s:g} s")
    if answer.sent:
        return Delivered(detail="posted")
    if answer.refused:
        return Rejected(
            f"Apprise was to connect to {answer.refused}", "Use a public address, or say allow_private: true"
        )
    remedy = f"Check the URL of channel {delivery.channel}: apprise -vv shows what the service says"
    if answer.why:
        return Rejected(answer.why, remedy)
    if 400 <= answer.status < 500 and answer.status not in _LATER:
        return Rejected(f"the service behind Apprise answered {answer.status}", remedy)
    said = f": it answered {answer.status}" if answer.status else f": {answer.broke}" if answer.broke else ""
    return RetryLater(f"Apprise could not deliver it{said}")


def _attempt(asked: dict[str, str], refuse: Callable[[str], str | None], timeout_s: float) -> _Answer | None:
    """One message in a process of its own; None: it had not finished when its time was over."""
    clean = {
        name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG", "TZ", "SSL_CERT_FILE") if name in os.environ
    }
    # No proxy, no .netrc, and nothing kept on the disk.
    process = subprocess.Popen(
        [sys.executable, "-m", "busta_health_dagster.channels.apprise_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=clean | {"HOME": os.devnull},
    )
    timer = threading.Timer(timeout_s, process.kill)
    timer.daemon = True
    timer.start()
    try:
        answer = _conversation(process, asked, refuse)
        if answer is None and (status := process.wait()) != -signal.SIGKILL:
            return _Answer(broke=f"its process ended with status {status}")
        return answer
    finally:
        timer.cancel()
        process.kill()
        process.communicate()


def _conversation(
    process: subprocess.Popen[str], asked: dict[str, str], refuse: Callable[[str], str | None]
) -> _Answer | None:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        _say(process, asked)
        for line in process.stdout:
            said = json.loads(line)
            if "connect" not in said:
                return _Answer(**said)
            why = refuse(said["connect"])
            _say(process, {"refused": "" if why is None else f"{said['connect']}, which is {why}"})
    except BrokenPipeError:
        return None
    return None


def _say(process: subprocess.Popen[str], what: dict[str, str]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(what) + "\n")
    process.stdin.flush()


CHANNEL = ChannelType("apprise", AppriseConfig, send, events=AGAIN)
