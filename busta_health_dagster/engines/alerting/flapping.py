"""Flapping: how often the last 21 states changed, newer changes weighing more.

Twenty changes are possible among 21 states. Their weights rise evenly from 0.75 (oldest) to 1.25 (newest) and sum to
20, so that constant change is 100%, and one change alone 3.75% to 6.25%. It starts at 30% or more and ends at 20% or
less.
"""

from __future__ import annotations

STATES = 21
STARTS_AT = 0.30
ENDS_AT = 0.20

_MASK = (1 << STATES) - 1
_CHANGES = STATES - 1
_HALF = _CHANGES // 2
# The weights 1.25 - 0.5 i / 19 (i = 0 newest) as whole numbers, times 76: 95, 93, ... 57. Whole, so that 30% is
# compared exactly.
_POINTS = tuple(95 - 2 * i for i in range(_CHANGES))
_TOTAL = sum(_POINTS)


def _sums(offset: int) -> tuple[int, ...]:
    return tuple(sum(_POINTS[offset + b] for b in range(_HALF) if bits >> b & 1) for bits in range(1 << _HALF))


_NEWER, _OLDER = _sums(0), _sums(_HALF)


def push_state(bits: int, bad: bool) -> int:
    """`bits` holds the last 21 states, newest in bit 0, 1 for bad."""
    return ((bits << 1) | bad) & _MASK


def ratio(bits: int) -> float:
    """The weighted share of changes, 0 to 1."""
    changes = (bits ^ (bits >> 1)) & ((1 << _CHANGES) - 1)
    return (_NEWER[changes & ((1 << _HALF) - 1)] + _OLDER[changes >> _HALF]) / _TOTAL


def is_flapping(bits: int, was_flapping: bool) -> bool:
    """Two thresholds, so that it does not itself flap."""
    share = ratio(bits)
    return share > ENDS_AT if was_flapping else share >= STARTS_AT
