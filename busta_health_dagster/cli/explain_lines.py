"""`busta alerts explain` as lines: verdicts, transitions, routes, deliveries, what was not sent, what else was seen."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from busta_health_dagster.cli.alert_lines import aligned, shown_as
from busta_health_dagster.domain.units import from_epoch, from_iso
from busta_health_dagster.engines.rules.limits import limit_text, value_text
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from busta_health_dagster.cli.glyphs import GlyphSet
    from busta_health_dagster.domain.documents.alerts import (
        AlertExplanation,
        AlertRow,
        AlsoSeen,
        Evaluated,
        NotSent,
        SourceExplanation,
        Standing,
    )

SHOWN_IN_A_ROW = 3
"""Bad observations in a row that are printed one by one; the rest becomes one line."""
_BY_HAND = frozenset({"acked", "unacked", "snoozed", "renotified", "suppressed", "released"})
_SAME_STATE = frozenset({"escalated", "flapping_started", "flapping_ended", "reopened"})


def _at(instant: str | None, now: str) -> str:
    """08:50:03 today, 21 Nov 14:02:00 otherwise; UTC."""
    if instant is None:
        return ""
    moment = from_epoch(from_iso(instant))
    return f"{moment:%H:%M:%S}" if instant[:10] == now[:10] else f"{moment:%d %b %H:%M:%S}"


def _clock(instant: str, now: str) -> str:
    """The same to the minute. Without a now, always the day."""
    return _at(instant, now)[:-3]


def alert_lines(explanation: AlertExplanation, letters: GlyphSet) -> list[str]:
    """The whole chain of one alert."""
    lines = [_headline(explanation, letters), *_facts(explanation)]
    sections = (
        _verdicts(explanation),
        _transitions(explanation),
        _routes(explanation),
        _deliveries(explanation),
        _not_sent(explanation["not_sent"], explanation["at"]),
        _also(explanation["also"]),
    )
    for section in sections:
        lines += ["", *section] if section else []
    return lines


def source_lines(explanation: SourceExplanation, letters: GlyphSet) -> list[str]:
    """Why a source has the alerts it has, or none."""
    at, status, since = explanation["at"], explanation["status"], explanation["since"]
    seen = "not observed yet" if since is None else f"{status} since {_clock(since, at)}: {explanation['detail']}"
    opened = [a for a in explanation["alerts"] if a["state"] == "open" and not a["shadow"]]
    named = ", ".join(f"{a['id']} {a['rule']}" for a in opened)
    count = f"{len(opened)} open: {named}" if opened else "No open alert"
    lines = [f"{letters.shapes[status or 'unknown']} {explanation['source']} is {seen}. {count}."]
    if explanation["imported"]:
        lines.append(
            f"  Imported history that ends {_clock(at, '')}: no one watches it, and no one was notified of it."
        )
    lines += ["", "RULES          what each says of the newest values"]
    lines += aligned(("", r["rule"], r["outcome"], _standing(r), r["reason"]) for r in explanation["rules"])
    covering = "; ".join(
        f"{o['window']} until {_clock(o['end'], at)}, alerts are held" for o in explanation["maintenance"]
    )
    lines += ["", f"MAINTENANCE    {covering or 'none now'}"]
    lines += [
        "",
        *(_not_sent(explanation["not_sent"], at) or ["NOT SENT       nothing was held back in the last 24 h"]),
    ]
    if explanation["alerts"]:
        lines += ["", "ALERTS         of the last 7 days"]
        lines += aligned(_row(a, at, letters) for a in explanation["alerts"])
    return lines


def _row(a: AlertRow, now: str, letters: GlyphSet) -> tuple[str, ...]:
    begun = a["opened_at"] or a["pending_at"]
    clock = letters.dash if begun is None else _clock(begun, now)
    return "", letters.alerts[shown_as(a)], str(a["id"]), a["rule"], a["state"], clock, a["reason"]


def _standing(rule: Standing) -> str:
    if rule["alert"] is None:
        became = ""
    elif rule["suppressed_by"]:
        became = f"{rule['alert']} {rule['state']}, suppressed by {rule['suppressed_by']}"
    else:
        became = f"{rule['alert']} {rule['state']}" + (f", {rule['progress']}" if rule["progress"] else "")
    return f"shadow: notifies no one. {became}".strip() if rule["shadow"] else became


def _headline(explanation: AlertExplanation, letters: GlyphSet) -> str:
    a, metric = explanation["alert"], _metric(explanation)
    what = f"{letters.alerts[shown_as(a)]} {a['id']} {a['source']} {a['rule']}" + (
        f" ({a['label']})" if a["label"] else ""
    )
    open_for = duration_text(a["open_s"] or 0)
    if a["state"] == "resolved":
        what += f": resolved {_at(a['resolved_at'], explanation['at'])}, open for {open_for}."
    elif a["state"] == "open":
        what += f": open for {open_for}, {a['severity']}, step L{a['step']} of {a['steps']}."
    else:
        what += f": {a['state']}, {a['reason']}."
    if metric and metric != "status" and a["worst"] is not None:
        limit = f", limit {limit_text(a['limit'], metric)}" if a["limit"] is not None else ""
        what += f" Worst {value_text(metric, a['worst'])}{limit}."
    return what


def _facts(explanation: AlertExplanation) -> list[str]:
    a, rule, incident = explanation["alert"], explanation["rule"], explanation["incident"] or "none"
    lines = [
        f"  fingerprint  {a['fingerprint']}      incident  {incident}      group  {a['group'] or 'not notified yet'}",
    ]
    if rule is None:
        lines.append("  rule         not in the configuration any more")
    else:
        read = (
            f"{rule['config']}, read {_at(explanation['rules_read_at'], explanation['at'])}"
            if rule["config"]
            else "of the monitor itself"
        )
        lines.append(f"  rule         {rule['text']}     {read}")
    frozen = f"     frozen at {_at(a['opened_at'], explanation['at'])}" if a["opened_at"] else ""
    if a["cause"]:
        lines.append(f"  part of      what the sources of {a['cause']} have in common: one message for all")
    return lines + [f"  policy       {policy}{frozen}" for policy in explanation["policies"]]


def _metric(explanation: AlertExplanation) -> str:
    return (explanation["rule"]["metric"] or "") if explanation["rule"] is not None else ""


def _verdicts(explanation: AlertExplanation) -> list[str]:
    observations = explanation["verdicts"]
    if explanation["rule"] is None or not observations:
        return ["VERDICTS       not stored, and the rule cannot be run again on what is stored"]
    metric = _metric(explanation)
    rows: list[tuple[str, ...]] = []
    for outcome, some in groupby(observations, key=lambda x: x["outcome"]):
        stretch = list(some)
        notes = [_note(x, run, explanation) for run, x in enumerate(stretch, 1)]
        keep = [i for i, note in enumerate(notes) if note and i < 6] or [0]
        head = max(SHOWN_IN_A_ROW, max(keep) + 1) if outcome == "bad" else 2
        shown, rest = stretch[:head], stretch[head:]
        rows += [
            ("", _clock(x["slot"], explanation["at"]), outcome, _value(metric, x), note)
            for x, note in zip(shown, notes, strict=False)
        ]
        if len(rest) == 1:
            rows.append(("", _clock(rest[0]["slot"], explanation["at"]), outcome, _value(metric, rest[0]), notes[head]))
        elif rest:
            span = f"{_clock(rest[0]['slot'], explanation['at'])} to {_clock(rest[-1]['slot'], explanation['at'])}"
            rows.append(("", span, outcome, _more(metric, rest), ""))
    bad = sum(x["outcome"] == "bad" for x in observations)
    lines = [f"VERDICTS       {len(observations)} evaluated, {bad} bad", *aligned(rows)]
    share = (
        f"Flapping {explanation['flapping_percent']:.1f}% (starts at {explanation['flapping_starts_percent']:.0f}%)."
    )
    suspect, unknown = sum(x["suspect"] for x in observations), explanation["unknown"]
    doubt = (
        "None suspect." if not suspect else f"{suspect} suspect (our own loop lagged): no response time was evaluated."
    )
    dark = "None unknown." if not unknown else f"{unknown} unknown: they count neither way."
    lines.append(f"  {doubt} {dark} {share}")
    return lines


def _note(x: Evaluated, run: int, explanation: AlertExplanation) -> str:
    rule, alert = explanation["rule"], explanation["alert"]
    if rule is None:
        return ""
    fired = {t["slot"] for t in explanation["transitions"] if t["event"] in {"opened", "reopened"}}
    notes = []
    if x["outcome"] == "bad":
        if run <= rule["for"] and rule["for"] > 1:
            notes.append(f"{run} of {rule['for']}")
        if x["slot"] in fired:
            notes.append("fires")
        if alert["worst"] is not None and x["value"] == alert["worst"] and rule["metric"] not in {None, "status"}:
            notes.append("worst")
        if x["maintenance"]:
            notes.append("in maintenance")
    elif x["outcome"] == "good" and run <= rule["recover_after"] and x["slot"] > (alert["first_bad_at"] or ""):
        notes.append(f"{run} of {rule['recover_after']}")
        if run == rule["recover_after"] and alert["state"] == "resolved":
            notes.append("recovers")
    return "   ".join(notes)


def _value(metric: str, x: Evaluated) -> str:
    value = x["value"]
    if value is None or metric in {"", "status"}:
        return x["reason"]
    return f"{value:,.0f} ms" if metric == "response_ms" else value_text(metric, value)


def _more(metric: str, rest: Sequence[Evaluated]) -> str:
    values = [x["value"] for x in rest if x["value"] is not None]
    if not values or metric in {"", "status"}:
        return f"{len(rest)} more"
    if metric == "response_ms":
        return f"{len(rest)} more, {min(values):,.0f} to {max(values):,.0f} ms"
    return f"{len(rest)} more, {value_text(metric, min(values))} to {value_text(metric, max(values))}"


def _transitions(explanation: AlertExplanation) -> list[str]:
    rows = []
    for t in explanation["transitions"]:
        before = t["from"] or "none"
        change = f"{before:<8} -> {t['to']}"
        if t["event"] in _BY_HAND:
            change = t["event"]
        elif t["event"] in _SAME_STATE:
            change = f"{before:<8} -> {t['event'].replace('_', ' ')}"
        who = f"by {t['actor']}: " if t["actor"] and t["actor"] not in t["reason"] else ""
        extra = f"; severity {t['severity']}, step L{t['step']}" if t["event"] == "opened" and t["step"] else ""
        rows.append(("", _at(t["at"], explanation["at"]), change, f"{who}{t['reason']}{extra}"))
    return ["TRANSITIONS", *aligned(rows)] if rows else []


def _routes(explanation: AlertExplanation) -> list[str]:
    a = explanation["alert"]
    if explanation["routes"]:
        lines = [f"ROUTE          evaluated at {_at(a['opened_at'], explanation['at'])}, in order"]
        lines += aligned(("", str(c["number"]), c["select"], c["reason"]) for c in explanation["routes"])
    else:
        run = "in shadow mode: no route is checked"
        lines = [f"ROUTE          {run if a['shadow'] else 'it has not opened, so no route was checked'}"]
    planned = explanation["maintenance"]
    held = ", ".join(
        f"{o['window']} ({_clock(o['start'], explanation['at'])} to {_clock(o['end'], explanation['at'])})"
        for o in planned["covering"]
    )
    n = planned["considered"]
    observed = f"{plural(n, 'window')} checked"
    covered = f"covered by {held}" if held else f"none covers {a['source']}"
    lines.append(f"  maintenance  {observed}, {covered}")
    return lines


def _deliveries(explanation: AlertExplanation) -> list[str]:
    rows, now = [], explanation["at"]
    for d in explanation["deliveries"]:
        ended = _at(d["finished_at"] or d["at"], now)
        if d["state"] == "done":
            outcome = f"delivered {ended}"
        elif d["state"] == "dead":
            outcome = f"dead since {ended}: {d['reason']}"
        elif d["state"] == "dropped":
            outcome = f"dropped {ended}, {d['reason']}"
        else:
            outcome = f"waiting until {_at(d['due_at'], now)}" + (f": {d['reason']}" if d["reason"] else "")
        tries = f"{d['attempts']} attempt{'' if d['attempts'] == 1 else 's'}"
        failed = next((f"{a['reason']} at {_at(a['at'], now)}" for a in d["tries"] if a["outcome"] == "retry"), "")
        receipt = "  ".join(f"{k} {v}" for k, v in d["receipt"].items())
        rows.append(("", _at(d["at"], now), d["channel"], d["kind"], outcome, tries, failed or receipt))
    return ["DELIVERIES", *aligned(rows)] if rows else ["DELIVERIES     none"]


def _not_sent(not_sent: Iterable[NotSent], now: str) -> list[str]:
    rows = []
    for (channel, event, reason), some in groupby(not_sent, key=lambda n: (n["channel"], n["event"], n["reason"])):
        stretch = list(some)
        count = f" ({len(stretch)} times)" if len(stretch) > 1 else ""
        rows.append(("", _at(stretch[0]["at"], now), channel, event, reason + count))
    return ["NOT SENT       and why", *aligned(rows)] if rows else []


def _also(others: Sequence[AlsoSeen]) -> list[str]:
    lines = ["ALSO SEEN"]
    for a in others:
        if a["shadow"]:
            said = "(shadow): recorded, not sent"
        elif a["suppressed_by"]:
            said = f"suppressed by {a['suppressed_by']}"
        else:
            said = a["state"] + (f" {a['progress']}" if a["state"] == "pending" else "")
        lasted = f", {duration_text(a['lasted_s'])}" if a["lasted_s"] is not None else ""
        lines.append(f"  {a['rule']} ({a['id']}) {said}{lasted}: {a['reason']}.")
    return lines if others else []
