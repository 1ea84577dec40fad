"""What a store of 0.1.0 holds is read: its alerts and the notifications that wait in its outbox."""

from __future__ import annotations

import json

from channel_stories import ESCALATED, OPENED

from busta_health_dagster.domain.alert import Alert, AlertState
from busta_health_dagster.domain.notification import Notification
from busta_health_dagster.domain.rule import Severity


def test_a_notification_with_the_old_field_names_is_the_same_notification() -> None:
    old = json.loads(ESCALATED.to_json())
    old |= {"told": old.pop("notified"), "also": old.pop("related"), "instead": old.pop("on_behalf_of")}
    assert Notification.from_json(json.dumps(old)) == ESCALATED
    assert Notification.from_json(OPENED.to_json()) == OPENED


def test_an_alert_with_the_old_field_names_still_knows_who_was_notified() -> None:
    alert = Alert(
        "odds_api/source-down",
        "odds_api",
        "source-down",
        id=7,
        state=AlertState.OPEN,
        severity=Severity.WARNING,
        notified=("slack", "mail"),
        notified_before=("slack",),
    )
    old = alert.to_dict()
    old |= {"told": old.pop("notified"), "told_before": old.pop("notified_before")}
    assert Alert.from_dict(old) == alert
