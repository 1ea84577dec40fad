"""Four feeds in three dialects: RSS 2.0, Atom and JSON Feed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from email.utils import format_datetime
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from busta_health_dagster.demo.noise import stream
from busta_health_dagster.demo.payloads.context import FIRST, LAST
from busta_health_dagster.demo.payloads.league import TEAMS
from busta_health_dagster.domain.units import from_epoch, iso

if TYPE_CHECKING:
    from busta_health_dagster.demo.catalogue import Upstream

_VERBS = {
    "rss_league_news": ("extend", "bench", "praise", "fine", "review the tape of", "meet with"),
    "rss_fantasy": ("start or sit", "waiver watch:", "buy low on", "rank", "sleeper:", "fade"),
    "rss_transactions": ("sign", "waive", "trade for", "place on injured reserve", "activate", "claim"),
    "rss_beat_writers": ("hear from", "see more snaps for", "rest", "rotate", "name as captain", "limit in practice"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a feed; `at` is when it was published, epoch seconds."""

    key: str
    title: str
    summary: str
    author: str
    at: float


def entries(upstream: Upstream, newest: float, count: int, bad: float) -> list[Entry]:
    """The last `count` entries, newest first. Spoilt: no titles, and the same entry again and again."""
    found: list[Entry] = []
    slot = int(newest // upstream.period_s)
    while len(found) < count:
        at = upstream.moment(slot)
        if at is not None and at <= newest:
            rng = stream(upstream.name, "entry", slot)
            team, player = rng.choice(TEAMS)[1], f"{rng.choice(FIRST)} {rng.choice(LAST)}"
            title = f"{team} {rng.choice(_VERBS[upstream.name])} {player}"
            summary = f"{title}. What it means for Sunday & beyond, after {rng.randrange(2, 12)} games."
            found.append(
                Entry(f"{upstream.name}-{slot}", title, summary, f"{rng.choice(FIRST)} {rng.choice(LAST)}", at)
            )
        slot -= 1
    spoilt = int(bad * count)
    return [Entry(found[0].key, "", "", "", e.at) if 0 < i <= spoilt else e for i, e in enumerate(found)]


def rss(upstream: Upstream, rows: list[Entry]) -> str:
    """RSS 2.0."""
    items = "\n".join(
        f"<item><title>{escape(e.title)}</title><link>https://example.com/{e.key}</link>"
        f'<guid isPermaLink="false">{e.key}</guid>'
        f"<pubDate>{format_datetime(from_epoch(e.at))}</pubDate><description>{escape(e.summary)}</description></item>"
        for e in rows
    )
    built = format_datetime(from_epoch(rows[0].at))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>'
        f"<title>{_name(upstream)}</title><link>https://example.com/</link><description>Simulated</description>"
        f"<lastBuildDate>{built}</lastBuildDate>\n{items}\n</channel></rss>\n"
    )


def atom(upstream: Upstream, rows: list[Entry]) -> str:
    """Atom 1.0."""
    items = "\n".join(
        f'<entry><id>tag:example.com,2026:{e.key}</id><title>{escape(e.title)}</title><link href="https://example.com/{e.key}"/>'
        f"<author><name>{escape(e.author)}</name></author><published>{iso(e.at)}</published><updated>{iso(e.at)}</updated>"
        f"<summary>{escape(e.summary)}</summary></entry>"
        for e in rows
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom"><id>tag:example.com,2026:{upstream.name}</id>'
        f"<title>{_name(upstream)}</title><updated>{iso(rows[0].at)}</updated>\n{items}\n</feed>\n"
    )


def json_feed(upstream: Upstream, rows: list[Entry]) -> str:
    """JSON Feed 1.1."""
    items = [
        {
            "id": e.key,
            "url": f"https://example.com/{e.key}",
            "title": e.title,
            "content_text": e.summary,
            "date_published": iso(e.at),
            "authors": [{"name": e.author}],
        }
        for e in rows
    ]
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": _name(upstream),
        "home_page_url": "https://example.com/",
        "items": items,
    }
    return json.dumps(feed)


def _name(upstream: Upstream) -> str:
    return upstream.name.removeprefix("rss_").replace("_", " ").title()


WRITERS = {"application/rss+xml": rss, "application/atom+xml": atom, "application/feed+json": json_feed}
