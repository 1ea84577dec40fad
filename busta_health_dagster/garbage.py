"""How often a process looks for garbage that refers to itself. Only processes of ours set it, never a library call."""

from __future__ import annotations

import gc

_ALLOCATIONS = 100_000


def collect_rarely() -> None:
    """A fleet is hundreds of thousands of small objects that all live on, and Python looks through the young ones at every
    700: reading 5,000 sources took half as long again. What refers to itself waits a little longer, and is bounded still.
    """
    gc.set_threshold(_ALLOCATIONS, 10, 10)
