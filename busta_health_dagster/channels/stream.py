"""Console and file: for the demo, and for anyone who ships log lines."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.channels.port import IN_PLACE, ChannelContext, ChannelType
from busta_health_dagster.channels.text import flat
from busta_health_dagster.channels.webhook import payload as event
from busta_health_dagster.domain.delivery import Delivered, Delivery, Outcome, RetryLater
from busta_health_dagster.domain.fields import Strict
from busta_health_dagster.domain.units import from_epoch

if TYPE_CHECKING:
    from busta_health_dagster.domain.notification import Notification


class ConsoleConfig(Strict):
    """`lines: one` prints the notification alone, `all` what is known with it."""

    stream: Literal["stdout", "stderr"] = "stderr"
    lines: Literal["one", "all"] = "all"


class FileConfig(Strict):
    """One JSON object a line, appended; a relative path begins in the home."""

    path: str


def console_payload(notification: Notification, lines: Literal["one", "all"] = "all") -> str:
    """`07:55:34 ▲ odds_api is slow ...` and, indented, the labelled sentences."""
    text = text_of(notification)
    head = f"{from_epoch(notification.at):%H:%M:%S} {text.shape} {text.notification}".replace("  ", " ")
    if lines == "one":
        return head
    body = [f"         {line.label:<10} {flat(line.parts, notification.at)}" for line in text.lines]
    body += [f"         {entry.shape} {entry.name} · {entry.tail}" for entry in text.entries[:10]]
    body += [f"         {len(text.entries) - 10} more"] if len(text.entries) > 10 else []
    return "\n".join([head, *body])


def file_payload(delivery: Delivery) -> dict[str, Any]:
    """The webhook's shape with the idempotency key and the channel's name."""
    return {"key": delivery.key, "channel": delivery.channel, **event(delivery.notification)}


def send_console(delivery: Delivery, config: ConsoleConfig, _context: ChannelContext) -> Outcome:
    stream = sys.stdout if config.stream == "stdout" else sys.stderr
    shown = console_payload(delivery.notification, config.lines)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        stream.write(shown.encode(encoding, "replace").decode(encoding) + "\n")
        stream.flush()
    except OSError as why:
        return RetryLater(f"{config.stream} cannot be written: {why.strerror or type(why).__name__}")
    return Delivered()


def send_file(delivery: Delivery, config: FileConfig, context: ChannelContext) -> Outcome:
    path = Path(config.path) if Path(config.path).is_absolute() else context.home / config.path
    line = json.dumps(file_payload(delivery), ensure_ascii=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One write with O_APPEND: two processes never mix their lines.
        target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        try:
            written = os.write(target, line.encode())
        finally:
            os.close(target)
    except OSError as why:
        return RetryLater(f"{path} cannot be written: {why.strerror or type(why).__name__}")
    return (
        Delivered() if written == len(line.encode()) else RetryLater(f"{path} took only part of the line: no room left")
    )


CONSOLE = ChannelType("console", ConsoleConfig, send_console, events=IN_PLACE)
FILE = ChannelType("file", FileConfig, send_file, events=IN_PLACE)
