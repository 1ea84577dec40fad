"""Random days of alerts, by the engine and by a second opinion: how many of them agree.

make oracle          python -m benchmarks.oracle [days] [first seed]
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.oracle import groups
from tests.oracle.days import disagreements, engines_own, random_day


def main(days: int, first: int) -> int:
    counted: Counter[str] = Counter()
    bad = 0
    for seed in range(first, first + days):
        found = disagreements(seed)
        bad += bool(found)
        for line in found if bad <= 5 else ():
            print(line)
        counted.update(event for some in engines_own(*random_day(seed)).events.values() for _, event in some)
    print(f"{days} days, {bad} with a disagreement; {sum(counted.values()):,} events: {dict(counted)}")
    apart = [line for seed in range(first, first + days) for line in groups.disagreements(seed)]
    print(*apart[:5], f"{days} fleets of groups, {len(apart)} disagreements", sep="\n")
    return 1 if bad or apart else 0


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    sys.exit(main(*[*given, *(1000, 0)[len(given) :]]))
