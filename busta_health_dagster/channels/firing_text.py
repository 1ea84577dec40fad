"""The message of an alert that is open: opened, escalated, repeated, acknowledged, snoozed, flapping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.channels import phrases
from busta_health_dagster.channels.text import LOUD, At, Button, Line, Part, Text
from busta_health_dagster.domain.action_link import SNOOZE_S, LinkAction, acting
from busta_health_dagster.domain.notification import NotificationKind
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.glyphs import STATUS
from busta_health_dagster.wording.lists import listed
from busta_health_dagster.wording.percentages import failure_rate, percent
from busta_health_dagster.wording.sentences import clean

if TYPE_CHECKING:
    from busta_health_dagster.domain.notification import AckFacts
from busta_health_dagster.channels.alert_text import AlertText


class FiringText(AlertText):
    """What is wrong, since when, what it feeds, what to do."""

    __slots__ = ()

    def firing(self) -> Text:
        notification, alert, source = self.notification, self.alert, self.source
        lasted = self.lasting(notification.at)
        complaint = phrases.complaint(notification)
        if notification.kind in (NotificationKind.ESCALATED, NotificationKind.RENOTIFIED):
            complaint = (
                complaint.replace(":", f" after {lasted}:", 1) if ":" in complaint else f"{complaint} after {lasted}"
            )
        headline = f"{source.name} {complaint}"
        if notification.kind is NotificationKind.FLAPPING_STARTED:
            headline = f"{source.name} is unsteady: it keeps changing{self._changes()}"
        elif notification.kind is NotificationKind.FLAPPING_ENDED:
            headline = f"{source.name} is steady again, and {phrases.complaint(notification)}"
        word = alert.severity.word
        headline = f"{self._deed()}{headline}"
        return Text(
            shape=STATUS[source.status.word],
            word=word,
            headline=headline,
            summary=headline,
            notification=f"{headline}. {word.capitalize()}, alert {alert.id}.",
            lines=tuple(self._firing_lines()),
            buttons=self._buttons(),
            context=tuple(self._context(word)),
            reply=self._reply(lasted),
            reply_loud=notification.kind in LOUD,
        )

    def _firing_lines(self) -> list[Line]:
        notification, alert, source = self.notification, self.alert, self.source
        since: list[Part] = [At(alert.first_bad_slot)]
        run = (
            phrases.streak(notification.verdict, notification.rule)
            if notification.verdict and notification.rule
            else ""
        )
        tried = f", each tried {source.attempts} times" if source.attempts > 1 and source.status is Status.DOWN else ""
        since.append(f", {run}{tried}." if run else ".")
        lines = [Line("Since", tuple(since))]
        if notification.verdict and (where := phrases.whereabouts(notification.verdict)):
            lines.append(Line("Where", (where,), joins=True))
        lines += [Line("Also", (clean(also),)) for also in (*notification.related, *notification.on_behalf_of)]
        arrives = phrases.still_arrives(source)
        if source.feeds:
            lines.append(Line("Feeds", (f"{listed(source.feeds)}.{' ' + arrives if arrives else ''}",)))
        elif arrives:
            lines.append(Line("Data", (arrives,)))
        if source.budget_left is not None and source.uptime_30d is not None:
            lines.append(Line("Uptime", (f"{percent(source.uptime_30d)} over 30 days{self.budget()}.",)))
        known = phrases.what_it_is(notification)
        if known is not None and source.probe and not notification.do:
            lines.append(Line("Means", (known.means,)))
        lines.append(Line("Do", (phrases.advice(notification),)))
        if alert.acked is not None:
            lines.append(Line("Acted", tuple(self.acted())))
        if alert.snoozed is not None:
            lines.append(Line("Quiet", tuple(self._snoozed(alert.snoozed))))
        if notification.kind is NotificationKind.UNACKED:
            lines.append(Line("Acted", (f"{clean(notification.reason)}.",)))
        return lines

    def _deed(self) -> str:
        """What someone did, before what is wrong: the message exists because of it."""
        alert, kind = self.alert, self.notification.kind
        if kind is NotificationKind.ACKED and alert.acked is not None:
            over = f", taken over from {clean(alert.acked.taken_over)}" if alert.acked.taken_over else ""
            return f"{clean(acting(alert.acked.by))} has it{over}: "
        if kind is NotificationKind.SNOOZED and alert.snoozed is not None:
            until = At(alert.snoozed.until or self.notification.at).utc(self.notification.at)
            return f"{clean(acting(alert.snoozed.by))} snoozed it until {until}: "
        return "Acknowledgement ended: " if kind is NotificationKind.UNACKED else ""

    def _snoozed(self, snoozed: AckFacts) -> list[Part]:
        note = f": “{clean(snoozed.note)}”" if snoozed.note else ""
        return [
            f"{clean(acting(snoozed.by))} snoozed it until ",
            At(snoozed.until or self.notification.at),
            note or ".",
        ]

    def _context(self, word: str) -> list[Part]:
        notification, alert, source = self.notification, self.alert, self.source
        parts: list[Part] = [word]
        if alert.escalated_at is not None:
            parts += [" since ", At(alert.escalated_at)]
        parts.append(f" · alert {alert.id} · tier {source.tier}")
        parts += [f" · {', '.join(source.owners)}"] if source.owners else []
        if alert.acked is None and alert.step > 1:
            parts.append(" · not acknowledged")
        if notification.notified:
            notified = dict.fromkeys(t.channel for t in notification.notified)
            parts.append(f" · notified: {', '.join(notified)}")
        return [*parts, *self._next()]

    def _next(self) -> list[Part]:
        coming = self.alert.next
        if coming is None:
            return []
        recipients = listed(coming.notify) if coming.notify else "no one"
        if coming.repeat:
            return [" · repeated at ", At(coming.at), " unless acknowledged"]
        if coming.severity is not None and coming.severity > self.alert.severity:
            return [f" · {coming.severity.word} at ", At(coming.at), f" ({recipients}) unless acknowledged"]
        return [f" · tells {recipients} at ", At(coming.at), " unless acknowledged"]

    def _reply(self, lasted: str) -> tuple[Part, ...]:
        alert, source = self.alert, self.source
        what = phrases.adjective(phrases.topic(self.notification.rule, source))
        acked = "" if alert.acked else " and it is not acknowledged"
        coming = [p.replace(" · ", " ").replace(" tells ", " ") if isinstance(p, str) else p for p in self._next()]
        end: list[Part] = [". Next:", *coming, "."] if coming else ["."]
        if self.notification.kind is NotificationKind.ESCALATED:
            return (f"{alert.severity.word.capitalize()} now: {source.name} has been {what} for {lasted}{acked}", *end)
        if self.notification.kind is NotificationKind.RENOTIFIED:
            return (f"Still {alert.severity.word}: {source.name} has been {what} for {lasted}{acked}", *end)
        if (
            self.notification.kind is NotificationKind.OPENED
        ):  # said only where a message stands already: it was reopened
            return (f"Open again: {source.name} {phrases.complaint(self.notification)}.",)
        if self.notification.kind is NotificationKind.FLAPPING_STARTED:
            return (
                f"{source.name} keeps changing{self._changes()}. The next notification comes when it is steady, or up",
                *end,
            )
        if self.notification.kind is NotificationKind.FLAPPING_ENDED:
            return (f"{source.name} is steady again, and {what}.",)
        return ()

    def _buttons(self) -> tuple[Button, ...]:
        if not self.notification.base_url:
            found = phrases.runbook(self.notification)
            in_dagster = self._in_dagster()
            return (*in_dagster, Button("runbook", "Runbook", found)) if found else in_dagster
        signed = self.notification.action_urls
        buttons = [Button("open", "Open source", signed.get(LinkAction.OPEN, self.url()))]
        if snooze := signed.get(LinkAction.SNOOZE):
            buttons.insert(0, Button("snooze", f"Snooze {duration_text(SNOOZE_S)}", snooze))
        if self.alert.acked is None:
            ack = signed.get(LinkAction.ACK, f"{self.url()}?alert={self.alert.id}#ack")
            buttons.insert(0, Button("ack", "Acknowledge", ack, primary=True))
        if (found := phrases.runbook(self.notification)) is not None:
            buttons.append(Button("runbook", "Runbook", found))
        return (*buttons, *self.incident_button())

    def _changes(self) -> str:
        share = self.alert.flapping_percent
        return f" ({failure_rate(share)} over the last 21 checks)" if share is not None else ""
