"""The words for several alerts in one message, and for reports."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import quote

from busta_health_dagster.channels.page_links import fleet_page, source_page
from busta_health_dagster.channels.text import LOUD, At, Button, Entry, Line, Part, Text
from busta_health_dagster.domain.action_link import SNOOZE_S, LinkAction, acting
from busta_health_dagster.domain.notification import NotificationKind
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.glyphs import STATUS
from busta_health_dagster.wording.lists import listed
from busta_health_dagster.wording.root_cause import root_cause_over, root_cause_text
from busta_health_dagster.wording.sentences import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.notification import GroupFacts, Member, Notification


_OPEN = {"digest": "Open the page"}
_SHARED = "Find out what they share first: network, proxy, provider, credentials."


def group(notification: Notification) -> Text:
    """37 of 60 sources went down in one check; 12 of 37 are still down; all 37 are up again."""
    facts = notification.group
    assert facts is not None
    if notification.kind is NotificationKind.RESOLVED or facts.open == 0:
        return _over(notification, facts)
    members = [m for m in facts.members if m.open]
    n = len({m.source for m in members})
    what = _what(members)
    if facts.cause:
        still = facts.open < len(facts.members)
        failing = len({m.source for m in members} | set(facts.elsewhere))
        headline = root_cause_text(facts.cause, failing, facts.of, what, still=still)
    elif facts.open < len(facts.members):
        headline = f"{n} of {len({m.source for m in facts.members})} are still {what}"
    elif facts.storm:
        headline = (
            f"{n} of {facts.fleet} sources went {what} in one check"
            if what == "down"
            else f"{n} of {facts.fleet} sources are {what}"
        )
    else:
        headline = f"{n} sources are {what}: {listed(sorted({m.source for m in members}))}"
    word = facts.severity.word
    since: list[Part] = [At(facts.since), f". {_causes(members)}."]
    lines = [
        Line("Since", tuple(since)),
        *(Line("Also", (clean(also),)) for also in (*notification.related, *notification.on_behalf_of)),
    ]
    if facts.elsewhere:
        lines.append(Line("Also", (f"{listed(facts.elsewhere)} too, as notified before.",)))
    well = sorted({m.source for m in facts.members if not m.open} - {m.source for m in members})
    if facts.cause and well:
        lines.append(Line("Ended", (f"{listed(well)}.",)))
    advice = f"Ask {facts.cause} first: its status page, the account, the credentials." if facts.cause else _SHARED
    lines.append(Line("Do", (notification.do or advice,)))
    return Text(
        shape=_worst(members),
        word=word,
        headline=headline,
        summary=headline,
        notification=f"{headline}, first at {At(facts.since).utc()}. One message for all of them.",
        lines=tuple(lines),
        buttons=_buttons(notification, facts, n),
        context=tuple(_context(facts, word)),
        entries=tuple(_entry(m, notification.base_url) for m in sorted(members, key=_worst_first)),
        reply=tuple(_reply(notification, facts, headline, word)),
        reply_loud=notification.kind in LOUD,
    )


def report(notification: Notification) -> Text:
    facts = notification.report
    assert facts is not None
    lines = [Line("", (facts.summary,))] if facts.summary else []
    lines += [Line(label, (sentence,)) for label, sentence in facts.lines]
    return Text(
        shape="",
        word="report",
        headline=facts.headline,
        summary=facts.headline,
        notification=facts.headline,
        lines=tuple(lines),
        buttons=(Button("report", _OPEN.get(facts.name, "Open the report"), facts.url, primary=True),)
        if facts.url
        else (),
        context=(facts.footer,) if facts.footer else (),
        table=facts.table,
    )


def _over(notification: Notification, facts: GroupFacts) -> Text:
    n = len({m.source for m in facts.members})
    lasted = duration_text(max(notification.at - facts.since, 0))
    unwell = tuple(sorted({m.source for m in facts.members if m.status is not Status.UP}))
    headline = f"All {n} sources are up again"
    if facts.cause:
        headline = root_cause_over(facts.cause, n, facts.of)
    if not notification.recovered:
        headline = f"All {n} alerts are closed: {clean(notification.reason)}"
    elif unwell:
        are = "is" if len(unwell) == 1 else "are"
        headline = f"All {len(facts.members)} alerts are over, and {listed(unwell)} {are} not well"
    if facts.elsewhere and notification.recovered:
        headline += f"; {listed(facts.elsewhere)} {'is' if len(facts.elsewhere) == 1 else 'are'} still in alert"
    return Text(
        shape=_worst(facts.members),
        word="resolved",
        headline=headline,
        summary=f"{headline} after {lasted}",
        notification=f"{headline} after {lasted}.",
        lines=(Line("Lasted", ("from ", At(facts.since), f", {lasted} until the last one was up.")),),
        context=(f"{len(facts.members)} alerts · resolved ", At(notification.at)),
        reply=(f"Resolved: {headline[0].lower()}{headline[1:]} after {lasted}.",),
    )


def _worst(members: Sequence[Member]) -> str:
    return STATUS[max((m.status for m in members), default=Status.UNKNOWN).word]


def _what(members: list[Member]) -> str:
    if all(m.status is Status.DOWN for m in members):
        return "down"
    rules = {m.rule for m in members}
    return f"in alert ({next(iter(rules))})" if len(rules) == 1 else "in alert"


def _causes(members: list[Member]) -> str:
    counted = Counter(clean(m.reason, 60) or m.rule for m in members)
    common = [f"{why} ({n})" for why, n in counted.most_common(4)]
    rest = len(members) - sum(n for _, n in counted.most_common(4))
    return "; ".join([*common, f"other reasons ({rest})"] if rest else common)


def _entry(member: Member, base: str) -> Entry:
    url = source_page(base, member.source) if base else None
    return Entry(
        STATUS[member.status.word],
        member.source,
        url,
        f"tier {member.tier} · {clean(member.reason, 80) or member.rule}",
    )


def _worst_first(member: Member) -> tuple[int, int, int, str]:
    return (-member.severity, member.tier, -member.status, member.source)


def _buttons(notification: Notification, facts: GroupFacts, n: int) -> tuple[Button, ...]:
    if not notification.base_url:
        return ()
    page = fleet_page(notification.base_url)
    signed = notification.action_urls
    every = f" all {n}" if n > 1 else ""
    buttons = [Button("open", "Open the fleet", page)]
    if opened := signed.get(LinkAction.OPEN):
        buttons = [Button("open", "Open the alerts" if n > 1 else "Open the alert", opened)]
    if snooze := signed.get(LinkAction.SNOOZE):
        buttons.insert(0, Button("snooze", f"Snooze{every}{' for' if every else ''} {duration_text(SNOOZE_S)}", snooze))
    if facts.acked is None:
        ack = signed.get(LinkAction.ACK, f"{page}?group={quote(facts.key, safe='')}#ack")
        buttons.insert(0, Button("ack", f"Acknowledge{every}", ack, primary=True))
    return tuple(buttons)


def _context(facts: GroupFacts, word: str) -> list[Part]:
    n = len(facts.members)
    parts: list[Part] = [f"{'storm' if facts.storm else word} · {n} alerts recorded, {n - 1} messages held back"]
    if facts.acked is not None:
        parts.append(f" · {clean(acting(facts.acked.by))} acknowledged")
    if facts.next is not None:
        what = facts.next.severity.word if facts.next.severity is not None else f"tells {listed(facts.next.notify)}"
        parts += [f" · {what} at ", At(facts.next.at), " unless acknowledged"]
    return parts


def _reply(notification: Notification, facts: GroupFacts, headline: str, word: str) -> list[Part]:
    if notification.kind is NotificationKind.OPENED:  # said only where a message stands already: more have joined it
        return [f"Now {headline}, since ", At(facts.since), "."]
    if notification.kind is NotificationKind.ESCALATED:
        return [f"{word.capitalize()} now: {headline}, since ", At(facts.since), "."]
    if notification.kind is NotificationKind.RENOTIFIED:
        return [f"Still {word}: {headline}, since ", At(facts.since), "."]
    if notification.kind is NotificationKind.UPDATED and facts.cause:
        return [f"Now {headline}."]
    return []
