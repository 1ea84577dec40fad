"""Links in messages that do one thing to the alerts that the message names: what a link permits, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LIFETIME_S = 24 * 3600
"""A message that is read in the morning may still be acted upon; one in an archive may not."""
SNOOZE_S = 3600
LINK_PATH = "/source-health/act/"
"""Where links lead. Below it an address is a permission: it is written down nowhere."""
_ACTOR = "by link, sent to "


class LinkAction(StrEnum):
    """What a link does. OPEN shows the alerts and changes nothing."""

    ACK = "ack"
    SNOOZE = "snooze"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class ActionLink:
    """The permission that a link carries. `alerts` is what identifies them beyond their numbers, so that the alerts of another
    store are not taken for them; `use` names this one link, which may be used once; `expires` is epoch seconds.
    """

    action: LinkAction
    alert_ids: tuple[int, ...]
    alerts: str
    channel: str
    expires: int
    use: str

    @property
    def actor(self) -> str:
        """Who acts, as the audit log and the alert name it: a link does not know who holds it."""
        return f"{_ACTOR}{self.channel}"


def acting(by: str) -> str:
    """Who did it, as the subject of a sentence: `anna`, `Someone (by link, sent to slack-oncall)`."""
    return f"Someone ({by})" if by.startswith(_ACTOR) else by
