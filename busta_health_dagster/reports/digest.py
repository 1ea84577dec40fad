"""The daily digest in words: what is open, what is over, and what is as it was."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

from busta_health_dagster.domain.action_link import acting
from busta_health_dagster.domain.notification import ReportFacts
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.lists import listed, plural
from busta_health_dagster.wording.sentences import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.domain.digest import Digest
    from busta_health_dagster.engines.alerting.digest import DigestItem

NAME = "digest"
_ROWS = 25


def digest_facts(
    items: Sequence[DigestItem], unchanged: Sequence[Alert], digest: Digest, *, since: int, at: int, base_url: str
) -> ReportFacts:
    """One message for everything that was collected from `since` to `at`; `unchanged` are open alerts of earlier digests."""
    still = [item for item in items if item.alert.active]
    over = [item for item in items if not item.alert.active]
    lines = []
    if still:
        lines.append(("Open", _rows([_open(item, digest) for item in still])))
    if over:
        lines.append(("Over", _rows([_over(item, digest) for item in over])))
    if unchanged:
        names = sorted({a.fingerprint for a in unchanged})
        lines.append(("As before", f"{listed(names, 12)} {'is' if len(names) == 1 else 'are'} still open, unchanged."))
    url = f"{base_url.rstrip('/')}/source-health" if base_url else None
    summary = f"Collected since {digest.clock(since)}. What is critical was sent at once."
    footer = f"Times in {digest.zone} · sent daily at {digest.text.partition(' ')[0]}"
    counts = [f"{len(some)} {word}" for some, word in ((still, "open"), (over, "over")) if some]
    return ReportFacts(
        name=NAME,
        period=f"{at}",
        headline=f"Digest: {plural(len(items), 'warning')}, {' and '.join(counts)}",
        summary=summary,
        lines=tuple(lines),
        footer=footer,
        url=url,
        text=_plain([summary, *(f"{label}\n{said.strip()}" for label, said in lines), *([url] if url else []), footer]),
    )


def _plain(paragraphs: list[str]) -> str:
    """For mail: every alert on a line of its own."""
    wrapped = (
        "\n".join(fill(line, 76, subsequent_indent="  ", break_long_words=False) for line in p.splitlines())
        for p in paragraphs
    )
    return "\n\n".join(wrapped) + "\n"


def _rows(rows: list[str]) -> str:
    more = len(rows) - _ROWS
    kept = [*rows[:_ROWS], *([f"and {more} more: busta alerts list --state all"] if more > 0 else [])]
    return "\n" + "\n".join(f"- {row}" for row in kept)


def _open(item: DigestItem, digest: Digest) -> str:
    alert = item.alert
    begun = digest.clock(alert.first_bad_slot or alert.opened_at or 0)
    said = f"{alert.source}, {alert.rule}: open since {begun}, {clean(alert.bad_reason, 120)}"
    if alert.ack is not None:
        note = f" (“{clean(alert.ack.note, 80)}”)" if alert.ack.note else ""
        said += f"; {clean(acting(alert.ack.by))} has it{note}"
    if (snoozed := alert.snoozed) is not None:
        said += f"; snoozed by {clean(acting(snoozed.by))} until {digest.clock(snoozed.ends_at)}"
    return said + _often(item)


def _over(item: DigestItem, digest: Digest) -> str:
    alert = item.alert
    end = alert.first_good_slot or alert.resolved_at or 0
    if alert.first_good_slot is None:  # no recovery: someone, or the configuration, ended it
        why = clean(alert.resolve_reason, 120) or "no reason given"
        return f"{alert.source}, {alert.rule}: closed since {digest.clock(end)}, {why}{_often(item)}"
    lasted = duration_text(max(end - (alert.first_bad_slot or end), 0))
    said = (
        f"{alert.source}, {alert.rule}: {clean(alert.bad_reason, 120)}; over since {digest.clock(end)}, after {lasted}"
    )
    acked = f"; {clean(acting(alert.ack.by))} had it" if alert.ack is not None else ""
    return said + acked + _often(item)


def _often(item: DigestItem) -> str:
    return f"; {item.times} times" if item.times > 1 else ""
