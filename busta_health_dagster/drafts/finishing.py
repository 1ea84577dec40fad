"""From what an estate holds to entries of sources.yaml: valid and unique names, conservative defaults, no secret, no source
twice.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.source import CONFIRM_DELAYS_S, CONFIRMATIONS
from busta_health_dagster.domain.units import config_duration
from busta_health_dagster.drafts.draft import LeftOut, identity
from busta_health_dagster.drafts.secrets import without_secrets
from busta_health_dagster.settings.foreign_text import masked
from busta_health_dagster.settings.secret import MASK
from busta_health_dagster.wording.lists import listed, plural
from busta_health_dagster.wording.names import unique_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from busta_health_dagster.drafts.draft import Draft, Estate

TYPES = {
    "feed": "feeds",
    "http": "websites",
    "tcp": "ports",
    "dns": "hostnames",
    "heartbeat": "pipelines",
    "sql": "databases",
    "file": "files",
}
"""What a family of imported sources is called: types of their own, so that no default of yours fits them by accident."""
_INTERVALS_S = {"feed": 1800, "heartbeat": 3600, "sql": 900}
_LONGEST_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it will be written; `notes` stand above it as comments, `asks_for` are environment variables."""

    fields: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    asks_for: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return str(self.fields["name"])


@dataclass(frozen=True, slots=True)
class Import:
    """What an estate becomes."""

    kind: str
    entries: tuple[Entry, ...]
    left_out: tuple[LeftOut, ...]

    def without(self, refused: Mapping[str, str]) -> Import:
        """The same without the entries that the configuration refuses, by name, and why."""
        left = [LeftOut(name, "entry", why) for name, why in refused.items()]
        return Import(self.kind, tuple(e for e in self.entries if e.name not in refused), (*self.left_out, *left))

    def left_out_by_kind(self) -> list[tuple[str, str, int, list[str]]]:
        """(kind, why, count, titles), the most frequent first."""
        counts = Counter((one.kind, one.why) for one in self.left_out)
        return [
            (kind, why, n, [one.title for one in self.left_out if (one.kind, one.why) == (kind, why)])
            for (kind, why), n in counts.most_common()
        ]


def finish(
    estate: Estate, *, names: Collection[str] = (), known: Mapping[tuple[Any, ...], str] | None = None, until: str = ""
) -> Import:
    """`names` are taken already; `known` are the identities of sources that are watched already, with their names; `until` is
    the day until which their rules stay in shadow.
    """
    taken, seen = set(names), dict(known or {})
    entries: list[Entry] = []
    left = list(estate.left_out)
    for draft in estate.drafts:
        name = unique_name(_naming(draft.title), _naming(_fallback(draft.entry)), taken)
        same = identity(draft.entry)
        if same is not None and same in seen:
            left.append(LeftOut(draft.title, "duplicate", f"{seen[same]} asks the same address"))
            continue
        if same is not None:
            seen[same] = name
        taken.add(name)
        entries.append(_entry(name, draft, estate.kind, until))
    return Import(estate.kind, tuple(entries), tuple(left))


def _naming(text: str) -> str:
    """What may become a name: a secret, or that there was one, may not."""
    return masked(text).replace(MASK, "")


def _fallback(entry: Mapping[str, Any]) -> str:
    return str(entry.get("url") or entry.get("host") or entry.get("path") or entry.get("probe"))


def _entry(name: str, draft: Draft, kind: str, until: str) -> Entry:
    probe = str(draft.entry["probe"])
    own, asks_for = without_secrets(name, dict(draft.entry))
    interval = minutes(own.pop("interval", None) or _INTERVALS_S.get(probe, 300))
    timeout = own.pop("timeout", None)
    fields: dict[str, Any] = {
        "name": name,
        "type": own.pop("type", TYPES.get(probe, "imported")),
        "probe": own.pop("probe"),
    }
    fields |= own
    fields["interval"] = config_duration(interval)
    if timeout and (fitting := fitting_timeout(float(timeout), interval)) != 10:
        fields["timeout"] = config_duration(fitting)
    tags = {"imported": kind, **({"folder": _tag(draft.folder)} if _tag(draft.folder) else {})}
    fields["tags"] = {**tags, **(own.get("tags") or {})}
    if until:
        fields["rollout"] = {"until": until}
    return Entry(fields, draft.notes, tuple(asks_for))


def minutes(seconds: float) -> int:
    """The next whole minute, at least one."""
    return max(60, -(-int(seconds) // 60) * 60)


def fitting_timeout(seconds: float, interval_s: int) -> int:
    """What a failure needs to be confirmed within one interval, if it is asked for more."""
    room = (interval_s - sum(CONFIRM_DELAYS_S)) / (CONFIRMATIONS + 1)
    return max(1, int(min(seconds, room, _LONGEST_TIMEOUT_S)))


def _tag(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text).strip("_.-")[:63]


def summary(made: Import) -> Iterable[str]:
    """The report for people: what was made, what was left out and why."""
    probes = Counter(str(entry.fields["probe"]) for entry in made.entries)
    listing = ", ".join(f"{n} {probe}" for probe, n in probes.most_common())
    yield f"{plural(len(made.entries), 'source')} from {made.kind}" + (f": {listing}." if listing else ".")
    for kind, why, count, titles in made.left_out_by_kind():
        yield f"Left out: {count} {kind} ({listed(titles)}): {why}."
    variables = list(dict.fromkeys(v for entry in made.entries for v in entry.asks_for))
    if variables:
        yield f"Secrets were not copied. Set {listed(variables, 12)}."
