"""`busta alerts explain` as lines: verdicts, transitions, routes, deliveries, what was not sent, what else was seen."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from busta_health_dagster.cli.alert_lines import aligned, kind_of, short
from busta_health_dagster.domain.alert import Alert, AlertState, Event
from busta_health_dagster.domain.units import config_duration, duration_text, from_epoch
from busta_health_dagster.domain.verdict import Outcome
from busta_health_dagster.engines.flapping import STARTS_AT
from busta_health_dagster.engines.rules.limits import limit_text, value_text
from busta_health_dagster.pipeline.alert_view import clock
from busta_health_dagster.pipeline.explain import AlertStory, JudgedLook, SourceStory, fired_at
from busta_health_dagster.pipeline.notices import incident_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from busta_health_dagster.cli.shapes import Alphabet
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.engines.alert_record import NotSent

SHOWN_IN_A_ROW = 3
"""Bad looks in a row that are printed one by one; the rest becomes one line."""


def _at(epoch: float) -> str:
    return f"{from_epoch(epoch):%H:%M:%S}"


def _slot(epoch: int) -> str:
    return f"{from_epoch(epoch):%H:%M}"


def lines_of(story: AlertStory | SourceStory, letters: Alphabet) -> list[str]:
    """The story of an alert, or of a source."""
    return alert_lines(story, letters) if isinstance(story, AlertStory) else source_lines(story, letters)


def alert_lines(story: AlertStory, letters: Alphabet) -> list[str]:
    """The whole chain of one alert."""
    lines = [_headline(story, letters), *_facts(story)]
    sections = (
        _verdicts(story), _transitions(story), _routes(story), _deliveries(story), _not_sent(story.not_sent),
        _also(story.others),
    )  # fmt: skip
    for section in sections:
        lines += ["", *section] if section else []
    return lines


def source_lines(story: SourceStory, letters: Alphabet) -> list[str]:
    """Why a source has the alerts it has, or none."""
    state = story.state
    seen = (
        "nobody has looked at it yet" if state is None else f"{state.status.word} since {clock(state.since, story.at)}"
    )
    said = f": {state.detail or state.reason}" if state is not None else ""
    opened = story.open
    count = "no open alert" if not opened else f"{len(opened)} open: " + ", ".join(f"{a.id} {a.rule}" for a in opened)
    kind = state.status.word if state is not None else "unknown"
    lines = [f"{letters.shapes[kind]} {story.source} is {seen}{said}. {count.capitalize()}."]
    lines += ["", "RULES          what each says of the newest values"]
    rows = []
    for r in story.rules:
        became = "" if r.alert is None else _standing(r.alert)
        if r.shadow:
            became = f"shadow: tells nobody. {became}".strip()
        rows.append(("", r.rule, r.outcome, r.reason, became))
    lines += aligned(rows)
    lines += ["", "MAINTENANCE    " + (_covering(story) or "none now")]
    lines += ["", *(_not_sent(story.not_sent) or ["NOT SENT       nothing was held back in the last 24 h"])]
    if story.alerts:
        lines += ["", "ALERTS         of the last 7 days"]
        lines += aligned(_row(a, story.at, letters) for a in story.alerts)
    return lines


def _row(a: Alert, now: int, letters: Alphabet) -> tuple[str, ...]:
    begun = clock(a.opened_at or a.pending_at or 0, now)
    return "", letters.shapes[kind_of(a)], str(a.id), a.rule, a.state.value, begun, a.bad_reason


def _covering(story: SourceStory) -> str:
    return "; ".join(f"{o.window} until {clock(o.end, story.at)}, alerts are held" for o in story.covering)


def _standing(alert: Alert) -> str:
    if alert.suppressed_by:
        return f"{alert.id} {alert.state.value}, kept quiet by {alert.suppressed_by}"
    if alert.state is AlertState.PENDING:
        return f"{alert.id} pending, {alert.progress}"
    return f"{alert.id} {alert.state.value}"


def _headline(story: AlertStory, letters: Alphabet) -> str:
    row, a = story.row, story.row.alert
    metric = _metric(story.rule)
    what = f"{letters.shapes[kind_of(a)]} {a.id} {a.source} {a.rule}" + (f" ({a.label})" if a.label else "")
    if a.state is AlertState.RESOLVED:
        what += f": resolved {_at(a.resolved_at or row.now)}, open for {short(row.open_s or 0)}."
    elif a.state is AlertState.OPEN:
        what += f": open for {short(row.open_s or 0)}, {a.severity.word}, step L{a.step} of {a.steps}."
    else:
        what += f": {a.state.value}, {a.bad_reason}."
    if metric and metric != "status" and a.worst is not None:
        limit = f", limit {limit_text(metric, a.limit)}" if a.limit is not None else ""
        what += f" Worst {value_text(metric, a.worst)}{limit}."
    return what


def _facts(story: AlertStory) -> list[str]:
    a, rule = story.row.alert, story.rule
    incident = incident_of(a, rule) or "none"
    lines = [f"  fingerprint  {a.fingerprint}      incident  {incident}      group  {a.group_key or 'not told yet'}"]
    if rule is None:
        lines.append("  rule         not in the configuration any more")
    else:
        read = f"{rule.where}, read {_at(story.rules_read_at)}" if rule.where else "of the monitor itself"
        lines.append(f"  rule         {rule_text(rule)}     {read}")
    for ladder in a.ladders:
        steps = ", ".join(
            f"{config_duration(s.after_s) if s.after_s else '0m'} {s.severity.word if s.severity is not None else '+'.join(s.notify)}"
            for s in ladder.policy.steps
        )
        policy = ladder.policy
        repeat = f", repeat {config_duration(policy.repeat_s)}" if policy.repeat_s else ""
        timeout = f", ack_timeout {config_duration(policy.ack_timeout_s)}"
        frozen = f"frozen at {_at(a.opened_at)}" if a.opened_at else ""
        lines.append(f"  policy       {policy.name}: {steps}{repeat}{timeout}     {frozen}")
    return lines


def rule_text(rule: Rule) -> str:
    """`response_ms > 5 s, for 2, recover_after 2, warning`."""
    said = f" {'and' if rule.combine == 'all' else 'or'} ".join(
        f"{c.metric} {c.op} {limit_text(c.metric, c.value) if isinstance(c.value, int | float) else c.value}"
        for c in rule.conditions
    )
    parts = [said or rule.pattern.value, f"for {rule.for_}", f"recover_after {rule.recover_after}", rule.severity.word]
    if rule.over_s:
        parts.insert(1, f"over {config_duration(rule.over_s)}")
    return ", ".join(parts) + (", shadow" if rule.shadow else "")


def _metric(rule: Rule | None) -> str:
    return rule.conditions[0].metric if rule is not None and len(rule.conditions) == 1 else ""


def _verdicts(story: AlertStory) -> list[str]:
    looks, rule = story.looks, story.rule
    if rule is None or not looks:
        return ["VERDICTS       not stored, and the rule cannot be run again on what is stored"]
    metric, fired = _metric(rule), fired_at(story)
    bad = sum(x.verdict.outcome is Outcome.BAD for x in looks)
    rows: list[tuple[str, ...]] = []
    run = 0
    for outcome, some in groupby(looks, key=lambda x: x.verdict.outcome):
        stretch = list(some)
        notes = []
        for n, x in enumerate(stretch, 1):
            run = n
            notes.append(_note(x, run, story, fired))
        keep = [i for i, note in enumerate(notes) if note and i < 6] or [0]
        head = max(SHOWN_IN_A_ROW, max(keep) + 1) if outcome is Outcome.BAD else 2
        shown, rest = stretch[:head], stretch[head:]
        rows += [
            ("", _slot(x.slot), outcome.word, _value(metric, x), note) for x, note in zip(shown, notes, strict=False)
        ]
        if len(rest) == 1:
            rows.append(("", _slot(rest[0].slot), outcome.word, _value(metric, rest[0]), notes[head]))
        elif rest:
            rows.append(("", f"{_slot(rest[0].slot)} to {_slot(rest[-1].slot)}", outcome.word, _more(metric, rest), ""))
    suspect = sum(x.suspect for x in looks)
    lines = [f"VERDICTS       {len(looks)} evaluated, {bad} bad", *aligned(rows)]
    share = f"Flapping {story.flapping_percent:.1f}% (starts at {STARTS_AT:.0%})."
    doubt = "None suspect." if not suspect else f"{suspect} suspect (our own loop lagged): no response time was judged."
    dark = "None unknown." if not story.unknown else f"{story.unknown} unknown: they count neither way."
    lines.append(f"  {doubt} {dark} {share}")
    return lines


def _note(x: JudgedLook, run: int, story: AlertStory, fired: set[int]) -> str:
    rule, alert = story.rule, story.row.alert
    if rule is None:
        return ""
    notes = []
    if x.verdict.outcome is Outcome.BAD:
        if run <= rule.for_ and rule.for_ > 1:
            notes.append(f"{run} of {rule.for_}")
        if x.slot in fired:
            notes.append("fires")
        if alert.worst is not None and x.verdict.value == alert.worst and _metric(rule) != "status":
            notes.append("worst")
        if x.maintenance:
            notes.append("in maintenance")
    elif x.verdict.outcome is Outcome.GOOD and run <= rule.recover_after and x.slot > (alert.first_bad_slot or 0):
        notes.append(f"{run} of {rule.recover_after}")
        if run == rule.recover_after and alert.state is AlertState.RESOLVED:
            notes.append("recovers")
    return "   ".join(notes)


def _value(metric: str, x: JudgedLook) -> str:
    if metric == "response_ms" and x.verdict.value is not None:
        return f"{x.verdict.value:,.0f} ms"
    return (
        x.verdict.reason
        if metric == "status" or x.verdict.value is None
        else value_text(metric, x.verdict.value)
        if metric
        else x.verdict.reason
    )


def _more(metric: str, rest: Sequence[JudgedLook]) -> str:
    values = [x.verdict.value for x in rest if x.verdict.value is not None]
    if not values or metric in {"", "status"}:
        return f"{len(rest)} more"
    if metric == "response_ms":
        return f"{len(rest)} more, {min(values):,.0f} to {max(values):,.0f} ms"
    return f"{len(rest)} more, {value_text(metric, min(values))} to {value_text(metric, max(values))}"


def _transitions(story: AlertStory) -> list[str]:
    rows = []
    for stored in story.transitions:
        t = stored.transition
        before = "none" if t.from_state is None else t.from_state.value
        change = f"{before:<8} -> {t.to_state.value}"
        if t.event in {Event.ACKED, Event.UNACKED, Event.SNOOZED, Event.RENOTIFIED, Event.SUPPRESSED, Event.RELEASED}:
            change = t.event.value
        elif t.event in {Event.ESCALATED, Event.FLAPPING_STARTED, Event.FLAPPING_ENDED, Event.REOPENED}:
            change = f"{before:<8} -> {t.event.value.replace('_', ' ')}"
        who = f"by {t.actor}: " if t.actor and t.actor not in t.reason else ""
        extra = f"; severity {t.severity.word}, step L{t.step}" if t.event is Event.OPENED and t.step else ""
        rows.append(("", _at(t.at), change, f"{who}{t.reason}{extra}"))
    return ["TRANSITIONS", *aligned(rows)] if rows else []


def _routes(story: AlertStory) -> list[str]:
    a = story.row.alert
    if not story.considered:
        why = "on trial (shadow): no route is looked at" if a.shadow else "it has not opened, so no route was looked at"
        lines = [f"ROUTE          {why}"]
    else:
        lines = [f"ROUTE          evaluated at {_at(a.opened_at or 0)}, in order"]
        lines += aligned(("", str(c.number), c.select, c.reason) for c in story.considered)
    held = ", ".join(f"{o.window} ({_at(o.start)} to {_at(o.end)})" for o in story.covering)
    n = story.windows_looked_at
    looked = f"{n} window{'' if n == 1 else 's'} looked at"
    lines.append(f"  maintenance  {looked}, {f'covered by {held}' if held else f'none covers {a.source}'}")
    return lines


def _deliveries(story: AlertStory) -> list[str]:
    rows = []
    for sent in story.sent:
        row = sent.row
        if row.state == "done":
            outcome = f"delivered {_at(row.finished_at or row.created_at)}"
        elif row.state == "dead":
            outcome = f"dead since {_at(row.finished_at or row.created_at)}: {row.reason}"
        else:
            outcome = f"waiting until {_at(row.due_at)}" + (f": {row.reason}" if row.reason else "")
        tries = f"{row.attempts} attempt{'' if row.attempts == 1 else 's'}"
        failed = next((f"{a.reason} at {_at(a.at)}" for a in sent.attempts if a.outcome == "retry"), "")
        receipt = "  ".join(f"{k} {v}" for k, v in row.receipt.items())
        rows.append(("", _at(row.created_at), row.message.channel, row.message.kind, outcome, tries, failed or receipt))
    return ["DELIVERIES", *aligned(rows)] if rows else ["DELIVERIES     none"]


def _not_sent(not_sent: Iterable[NotSent]) -> list[str]:
    rows = []
    for (channel, event, reason), some in groupby(not_sent, key=lambda n: (n.channel, n.event, n.reason)):
        stretch = list(some)
        count = f" ({len(stretch)} times)" if len(stretch) > 1 else ""
        rows.append(("", _at(stretch[0].at), channel, event.value, reason + count))
    return ["NOT SENT       and why", *aligned(rows)] if rows else []


def _also(others: Sequence[Alert]) -> list[str]:
    if not others:
        return []
    lines = ["ALSO SEEN"]
    for a in others:
        if a.shadow:
            said = "(shadow): recorded, told nobody"
        elif a.suppressed_by:
            said = f"kept quiet by {a.suppressed_by}"
        else:
            said = f"{a.state.value}" + (f" {a.progress}" if a.state is AlertState.PENDING else "")
        since = (
            duration_text(max((a.resolved_at or 0) - (a.opened_at or 0), 0)) if a.resolved_at and a.opened_at else ""
        )
        lines.append(f"  {a.rule} ({a.id}) {said}{f', {since}' if since else ''}: {a.bad_reason}.")
    return lines
