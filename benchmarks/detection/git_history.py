"""A public repository that commits a feed on a schedule, as a recording of that feed's health, with faults laid in.

    python benchmarks/detection/git_history.py CLONE FILE OUT --from 2024-02-05 --until 2024-04-28 --age LAST_UPDATE
        [--records KEY] [--step 1800] [--patience 10800] [--seed 1] [--faults-per-week 1]

Reads the history of FILE in the clone (`git clone`, or its bare directory; nothing of it is run) and writes OUT: observations,
sources.json and truth.json, for `run.py --recordings`. What is observed of each version: how many records it has (`items`: the list
under --records, or the longest list in the JSON), its size (`bytes`), and how old its newest record is (--age, the key of a time in
the records). Such repositories commit what has changed: a slot without a commit is the same answer again, older, and after
--patience nothing is known.

Faults, one kind after the other from the fourth week on: `empty`, `most_lost` (70% to 90% of the records), `stale` (the same answer again
while its age grows), `down`.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

WEEK_S = 7 * 86400
FAULTS = {"empty": (1, 3, 2), "most_lost": (3, 8, 4), "stale": (6, 12, 8), "down": (1, 2, 1)}
"""Kind -> hours at least, hours at most, polls within which it is to be noticed."""

FEWEST_POLLS = 3
"""One poll that failed is no fault that anyone could be told of: hard facts are told at the second."""


@dataclass(frozen=True, slots=True)
class Version:
    """What one answer held."""

    at: int
    items: int
    size: int
    newest: int | None


def versions(clone: Path, file: str, records_key: str, age_key: str) -> Iterator[Version]:
    """Every version of the file that is JSON, oldest first."""
    log = subprocess.run(
        ["git", "-C", clone, "log", "--reverse", "--format=%H %ct", "--", file],
        check=True,
        capture_output=True,
        text=True,
    )
    commits = [line.split() for line in log.stdout.splitlines()]
    asked = "".join(f"{commit}:{file}\n" for commit, _ in commits)
    found = subprocess.run(
        ["git", "-C", clone, "cat-file", "--batch"], check=True, capture_output=True, input=asked.encode()
    ).stdout
    place = 0
    for _, at in commits:
        head, _, _ = found[place : place + 500].partition(b"\n")
        place += len(head) + 1
        if head.endswith(b" missing"):
            continue
        size = int(head.split()[-1])
        content, place = found[place : place + size], place + size + 1
        try:
            records = records_of(json.loads(content), records_key)
        except ValueError:
            continue  # an error page, or half an answer: what that slot held is not known
        times = [t for r in records if isinstance(r, dict) and (t := moment(r.get(age_key))) is not None]
        yield Version(int(at), len(records), size, max((t for t in times if t <= int(at)), default=None))


def records_of(value: Any, key: str = "") -> list[Any]:
    """The list under this key; without one the longest list there is."""
    if key:
        found = value.get(key) if isinstance(value, dict) else None
        return found if isinstance(found, list) else []
    if isinstance(value, list):
        return value
    inside = [records_of(v) for v in value.values()] if isinstance(value, dict) else []
    return max(inside, key=len, default=[])


def moment(value: Any) -> int | None:
    """Epoch seconds of a number in milliseconds or seconds, or of an ISO text."""
    if isinstance(value, int | float) and value > 1e8:
        return int(value / 1000 if value > 1e11 else value)
    try:
        when = datetime.fromisoformat(re.sub(r"\.\d+", "", value)) if isinstance(value, str) else None
    except ValueError:
        return None
    return None if when is None else int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


def slots(found: Iterator[Version], begin: int, end: int, step: int, patience: int) -> dict[int, Version]:
    """The answer at each slot: the newest version before it."""
    known = [v for v in found if begin - patience <= v.at < end]
    out, n = {}, 0
    for slot in range(begin, end, step):
        while n < len(known) and known[n].at <= slot:
            n += 1
        if n and slot - known[n - 1].at <= patience:
            out[slot] = known[n - 1]
    return out


def faults(
    seen: dict[int, Version], begin: int, end: int, step: int, per_week: float, seed: int
) -> list[dict[str, Any]]:
    """Laid where the recorder was awake and the answer had some records, two days apart."""
    rng, laid = random.Random(seed), []
    kinds = list(FAULTS)
    for n in range(round((end - begin - 3 * WEEK_S) / WEEK_S * per_week)):
        least, most, polls = FAULTS[kinds[n % len(kinds)]]
        for _ in range(500):
            length = max(FEWEST_POLLS * step, int(rng.uniform(least, most) * 3600) // step * step)
            start = rng.randrange(begin + 3 * WEEK_S, end - length - 86400, step)
            near = range(start - 8 * step, start + length + 4 * step, step)
            awake = sum(s in seen for s in near) >= 0.6 * len(near)
            if (
                awake
                and start in seen
                and seen[start].items >= 4
                and all(abs(start - f["start"]) > 2 * 86400 for f in laid)
            ):
                truth = {
                    "kind": kinds[n % len(kinds)],
                    "start": start,
                    "end": start + length,
                    "magnitude": rng.uniform(0.7, 0.9),
                }
                laid.append(
                    truth | {"alarm": True, "metrics": [], "settle": None, "expect_within_min": polls * step / 60}
                )
                break
    return laid


def observed(slot: int, version: Version | None, fault: dict[str, Any] | None, first: Version | None) -> list[Any]:
    """A line of the recording: up, response_ms, items, quality, freshness_s, bytes."""
    if version is None:
        return [""] * 6
    if fault is not None and fault["kind"] == "down":
        return [0, "", "", "", "", ""]
    if fault is not None and fault["kind"] == "stale" and first is not None:
        version = first
    elif fault is not None and fault["kind"] == "empty":
        version = replace(version, items=0, size=2, newest=None)
    elif fault is not None:
        keep = 1 - fault["magnitude"]
        version = replace(version, items=max(1, round(version.items * keep)), size=max(2, round(version.size * keep)))
    return [1, "", version.items, "", "" if version.newest is None else slot - version.newest, version.size]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clone", type=Path)
    parser.add_argument("file")
    parser.add_argument("out", type=Path)
    parser.add_argument("--from", dest="begin", required=True)
    parser.add_argument("--until", required=True)
    parser.add_argument("--records", default="")
    parser.add_argument("--age", default="")
    parser.add_argument("--step", type=int, default=1800)
    parser.add_argument("--patience", type=int, default=3 * 3600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults-per-week", type=float, default=1.0)
    asked = parser.parse_args()
    begin, end = (int(datetime.fromisoformat(d).replace(tzinfo=UTC).timestamp()) for d in (asked.begin, asked.until))
    seen = slots(versions(asked.clone, asked.file, asked.records, asked.age), begin, end, asked.step, asked.patience)
    laid = faults(seen, begin, end, asked.step, asked.faults_per_week, asked.seed) if asked.faults_per_week else []
    name = Path(asked.file).stem
    asked.out.mkdir(parents=True, exist_ok=True)
    with (asked.out / f"{name}.csv").open("w", newline="") as handle:
        out = csv.writer(handle)
        out.writerow(["timestamp", "up", "response_ms", "items", "quality", "freshness_s", "bytes"])
        for slot in range(begin, end, asked.step):
            fault = next((f for f in laid if f["start"] <= slot < f["end"]), None)
            first = seen.get(fault["start"]) if fault is not None else None
            out.writerow(
                [
                    f"{datetime.fromtimestamp(slot, UTC):%Y-%m-%dT%H:%M:%SZ}",
                    *observed(slot, seen.get(slot), fault, first),
                ]
            )
    (asked.out / "sources.json").write_text(json.dumps({name: {"type": "feed", "cadence_s": asked.step}}))
    (asked.out / "truth.json").write_text(json.dumps([f | {"source": name} for f in laid], indent=1))
    slots_of_all = (end - begin) // asked.step
    print(f"{name}: {slots_of_all:,} slots, {len(seen):,} known, {len(laid)} faults laid in")


if __name__ == "__main__":
    main()
