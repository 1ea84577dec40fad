"""Notice -> Text: the same sentences in the same order for every channel. No format, no escaping: that is the
payload's part.

Order: what is wrong, against normal · since when · what it feeds · what to do · link. One shape at the start, and it
shows the source's status; severity is a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from busta_health_dagster.channels import phrases, wording_group
from busta_health_dagster.channels.text import LOUD, At, Button, Line, Part, Text
from busta_health_dagster.domain.notification import NotificationKind
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.glyphs import STATUS
from busta_health_dagster.wording.lists import listed
from busta_health_dagster.wording.measures import measure
from busta_health_dagster.wording.percentages import budget, failure_rate, percent
from busta_health_dagster.wording.sentences import clean

if TYPE_CHECKING:
    from busta_health_dagster.domain.notification import AckFacts, AlertFacts, Notification, SourceFacts


def text_of(notification: Notification) -> Text:
    """The words of a notice.

    Raises:
        ValueError: a notice about nothing: neither alert, group, report nor a text.
    """
    if notification.report is not None:
        text = wording_group.report(notification)
    elif notification.group is not None:
        text = wording_group.group(notification)
    elif notification.alert is not None and notification.source is not None:
        text = _alert(notification, notification.alert, notification.source)
    elif notification.text:
        text = Text(
            shape=STATUS["unknown"] if notification.kind is NotificationKind.MONITOR else "",
            word=notification.kind.value,
            headline=notification.text,
            summary=notification.text,
            notification=notification.text,
        )
    else:
        raise ValueError(
            f"a notice of kind {notification.kind} needs an alert with its source, a group, a report or a text"
        )
    if notification.late_from is not None:
        text = text.marked(f"late: from {At(notification.late_from).utc(notification.at)}")
    return text.marked("DRILL") if notification.drill else text


def _alert(notification: Notification, alert: AlertFacts, source: SourceFacts) -> Text:
    writer = _Writer(notification, alert, source)
    if notification.kind is NotificationKind.RESOLVED:
        return writer.resolved() if notification.recovered else writer.closed()
    return writer.firing()


@dataclass(frozen=True, slots=True)
class _Writer:
    notification: Notification
    alert: AlertFacts
    source: SourceFacts

    def firing(self) -> Text:
        notification, alert, source = self.notification, self.alert, self.source
        lasted = duration_text(max(notification.at - alert.first_bad_slot, 0))
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

    def resolved(self) -> Text:
        notification, alert, source = self.notification, self.alert, self.source
        subject = phrases.topic(notification.rule, source)
        value = self._good_value()
        answer = f": {value}" if value else ""
        end = alert.first_good_slot or alert.resolved_at or notification.at
        lasted = duration_text(max(end - alert.first_bad_slot, 0))
        adjective = phrases.adjective(subject)
        now_is = phrases.standing(source, answer)
        headline = (
            f"{source.name} {now_is}"
            if phrases.is_well(source)
            else f"{source.name} is no longer {adjective}, and {now_is}"
        )
        if notification.past:
            begin, until = At(alert.first_bad_slot).utc(), At(end).utc(alert.first_bad_slot)
            headline = f"{source.name} was {adjective} from {begin} to {until}, and {now_is}"
        lines = [
            Line(
                adjective.capitalize(),
                ("from ", At(alert.first_bad_slot), " to ", At(end), f", {lasted}{self._worst()}.{self._good_run()}"),
            )
        ]
        if source.uptime_30d is not None:
            lines.append(Line("Uptime", (f"{percent(source.uptime_30d)} over 30 days{self._budget()}.",)))
        lines += [Line("Still open", (clean(also),)) for also in notification.related]
        lines += [Line("Also", (clean(instead),)) for instead in notification.on_behalf_of]
        if alert.acked is not None:
            lines.append(Line("Acted", tuple(self._acted())))
        buttons = []
        if notification.base_url:
            buttons = [
                Button("cause", "Note the cause", f"{self._url()}?alert={alert.id}#cause"),
                Button("open", "Open source", self._url()),
            ]
            lines.append(Line("Please", ("note the cause, while it is fresh.",)))
        context: list[Part] = ["resolved ", At(alert.resolved_at or notification.at), f" · alert {alert.id}"]
        context += [f", {notification.incident}"] if notification.incident else []
        return Text(
            shape=STATUS[source.status.word],
            word="resolved",
            headline=headline,
            summary=f"{headline}. {adjective.capitalize()} for {lasted}",
            notification=f"{headline}. {adjective.capitalize()} for {lasted}, alert {alert.id}.",
            lines=tuple(lines),
            buttons=tuple(buttons),
            context=tuple(context),
            reply=(f"Resolved: {headline}. {adjective.capitalize()} for {lasted}.",),
        )

    def closed(self) -> Text:
        """It ended, and not because the source got well: whoever was told that it fired is told so."""
        alert, why = self.alert, clean(self.notification.reason) or "no reason given"
        headline = f"{self.source.name}: alert {alert.id} is closed, {why}"
        return Text(
            shape=STATUS[self.source.status.word],
            word="closed",
            headline=headline,
            summary=headline,
            notification=f"{headline}. It did not end by recovery.",
            lines=(Line("Note", ("This is no recovery: the source was not seen to be well again.",)),),
            buttons=(Button("open", "Open source", self._url()),) if self.notification.base_url else (),
            context=("closed ", At(alert.resolved_at or self.notification.at), f" · alert {alert.id}"),
            reply=(f"Closed: {why}.",),
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
            lines.append(Line("Uptime", (f"{percent(source.uptime_30d)} over 30 days{self._budget()}.",)))
        known = phrases.what_it_is(notification)
        if known is not None and source.probe and not notification.do:
            lines.append(Line("Means", (known.means,)))
        lines.append(Line("Do", (phrases.advice(notification),)))
        if alert.acked is not None:
            lines.append(Line("Acted", tuple(self._acted())))
        if alert.snoozed is not None:
            lines.append(Line("Quiet", tuple(self._snoozed(alert.snoozed))))
        if notification.kind is NotificationKind.UNACKED:
            lines.append(Line("Acted", (f"{clean(notification.reason)}.",)))
        return lines

    def _deed(self) -> str:
        """What somebody did, before what is wrong: the message exists because of it."""
        alert, kind = self.alert, self.notification.kind
        if kind is NotificationKind.ACKED and alert.acked is not None:
            over = f", taken over from {clean(alert.acked.taken_over)}" if alert.acked.taken_over else ""
            return f"{clean(alert.acked.by)} has it{over}: "
        if kind is NotificationKind.SNOOZED and alert.snoozed is not None:
            until = At(alert.snoozed.until or self.notification.at).utc(self.notification.at)
            return f"{clean(alert.snoozed.by)} snoozed it until {until}: "
        return "Nobody has it any more: " if kind is NotificationKind.UNACKED else ""

    def _snoozed(self, snoozed: AckFacts) -> list[Part]:
        note = f": “{clean(snoozed.note)}”" if snoozed.note else ""
        return [
            f"{clean(snoozed.by)} snoozed it until ",
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
            parts.append(f" · told: {', '.join(notified)}")
        return [*parts, *self._next()]

    def _next(self) -> list[Part]:
        coming = self.alert.next
        if coming is None:
            return []
        recipients = listed(coming.notify) if coming.notify else "nobody"
        if coming.repeat:
            return [" · told again at ", At(coming.at), " unless acknowledged"]
        if coming.severity is not None and coming.severity > self.alert.severity:
            return [f" · {coming.severity.word} at ", At(coming.at), f" ({recipients}) unless acknowledged"]
        return [f" · tells {recipients} at ", At(coming.at), " unless acknowledged"]

    def _reply(self, lasted: str) -> tuple[Part, ...]:
        alert, source = self.alert, self.source
        what = phrases.adjective(phrases.topic(self.notification.rule, source))
        acked = "" if alert.acked else " and nobody has acknowledged it"
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
            return (f"{source.name} keeps changing{self._changes()}. It is told again when it is steady, or well", *end)
        if self.notification.kind is NotificationKind.FLAPPING_ENDED:
            return (f"{source.name} is steady again, and {what}.",)
        return ()

    def _acted(self) -> list[Part]:
        acked = self.alert.acked
        if acked is None:
            return []
        took = duration_text(max(acked.at - self.alert.opened_at, 0))
        note = f": “{clean(acked.note)}”" if acked.note else ""
        over = f", taken over from {clean(acked.taken_over)}" if acked.taken_over else ""
        said: list[Part] = [f"{clean(acked.by)} acknowledged after {took}{over}"]
        if acked.until and self.alert.resolved_at is None:
            said += [", the clock stands until ", At(acked.until)]
        return [*said, note]

    def _buttons(self) -> tuple[Button, ...]:
        if not self.notification.base_url:
            found = phrases.runbook(self.notification)
            return (Button("runbook", "Runbook", found),) if found else ()
        buttons = [Button("open", "Open source", self._url())]
        if self.alert.acked is None:
            buttons.insert(0, Button("ack", "Acknowledge", f"{self._url()}?alert={self.alert.id}#ack", primary=True))
        if (found := phrases.runbook(self.notification)) is not None:
            buttons.append(Button("runbook", "Runbook", found))
        return tuple(buttons)

    def _url(self) -> str:
        return f"{self.notification.base_url.rstrip('/')}/source-health/s/{quote(self.source.name, safe='')}"

    def _good_value(self) -> str:
        verdict, rule = self.notification.verdict, self.notification.rule
        metric = rule.metric if rule else None
        if verdict and verdict.good_values and metric not in (None, "status"):
            return measure(verdict.good_values[-1], metric)
        return measure(self.source.response_ms, "response_ms") if self.source.response_ms is not None else ""

    def _good_run(self) -> str:
        verdict, rule = self.notification.verdict, self.notification.rule
        if not verdict or len(verdict.good_values) < 2 or rule is None:
            return ""
        shown = listed(tuple(measure(v, rule.metric) for v in verdict.good_values))
        return f" {len(verdict.good_values)} good checks in a row, {shown}."

    def _worst(self) -> str:
        verdict, rule = self.notification.verdict, self.notification.rule
        return (
            f", worst {measure(verdict.worst, rule.metric)}" if verdict and rule and verdict.worst is not None else ""
        )

    def _budget(self) -> str:
        target = f", target {percent(self.source.target)}" if self.source.target is not None else ""
        return (
            f"{target}; budget left {budget(self.source.budget_left)}%"
            if self.source.budget_left is not None
            else target
        )

    def _changes(self) -> str:
        share = self.alert.flapping_percent
        return f" ({failure_rate(share)} over the last 21 checks)" if share is not None else ""
