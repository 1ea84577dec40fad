"""The message of an alert that has ended: the source recovered, or the alert was closed for another reason."""

from __future__ import annotations

from busta_health_dagster.channels import phrases
from busta_health_dagster.channels.alert_text import AlertText
from busta_health_dagster.channels.page_links import incident_page
from busta_health_dagster.channels.text import At, Button, Line, Part, Text
from busta_health_dagster.domain.self_monitoring import MONITOR
from busta_health_dagster.wording.glyphs import STATUS
from busta_health_dagster.wording.lists import listed
from busta_health_dagster.wording.measures import measure
from busta_health_dagster.wording.percentages import percent
from busta_health_dagster.wording.sentences import clean


class EndedText(AlertText):
    """How long it lasted, and what is true of the source now."""

    __slots__ = ()

    def resolved(self) -> Text:
        notification, alert, source = self.notification, self.alert, self.source
        subject = phrases.topic(notification.rule, source)
        value = self._good_value()
        answer = f": {value}" if value else ""
        end = alert.first_good_slot or alert.resolved_at or notification.at
        lasted = self.lasting(end)
        adjective = phrases.adjective(subject)
        now_is = phrases.standing(source, answer)
        headline = (
            f"{source.name} {now_is}"
            if phrases.is_well(source)
            else f"{source.name} is no longer {adjective}, and {now_is}"
        )
        if subject == "dagster" and notification.verdict is not None:
            headline = f"{source.name} reports: {clean(notification.verdict.reason)}"
        # The monitor itself has no status that could be known or not.
        own_rule = notification.rule.name if source.type == MONITOR.type and notification.rule is not None else ""
        if own_rule:
            headline = f"{source.name} no longer breaks rule {own_rule}"
        if notification.past:
            begin, until = At(alert.first_bad_slot).utc(), At(end).utc(alert.first_bad_slot)
            headline = f"{source.name} was {adjective} from {begin} to {until}, and {now_is}"
            if own_rule:
                headline = f"{source.name} broke rule {own_rule} from {begin} to {until}"
        lines = [
            Line(
                adjective.capitalize(),
                ("from ", At(alert.first_bad_slot), " to ", At(end), f", {lasted}{self._worst()}.{self._good_run()}"),
            )
        ]
        if source.uptime_30d is not None:
            lines.append(Line("Uptime", (f"{percent(source.uptime_30d)} over 30 days{self.budget()}.",)))
        lines += [Line("Still open", (clean(also),)) for also in notification.related]
        lines += [Line("Also", (clean(instead),)) for instead in notification.on_behalf_of]
        if alert.acked is not None:
            lines.append(Line("Acted", tuple(self.acted())))
        buttons = list(self._in_dagster())
        if notification.base_url:
            incident = incident_page(self.notification)
            buttons = [
                Button("cause", "Note the cause", f"{incident}#cause" if incident else self.url()),
                Button("open", "Open source", self.url()),
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
        """It ended, and not because the source recovered: everyone notified that it fired is notified of its end."""
        alert, why = self.alert, clean(self.notification.reason) or "no reason given"
        headline = f"{self.source.name}: alert {alert.id} is closed, {why}"
        return Text(
            shape=STATUS[self.source.status.word],
            word="closed",
            headline=headline,
            summary=headline,
            notification=f"{headline}. It did not end by recovery.",
            lines=(Line("Note", ("This is no recovery: the source was not seen to be up again.",)),),
            buttons=(Button("open", "Open source", self.url()), *self.incident_button())
            if self.notification.base_url
            else (),
            context=("closed ", At(alert.resolved_at or self.notification.at), f" · alert {alert.id}"),
            reply=(f"Closed: {why}.",),
        )

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
