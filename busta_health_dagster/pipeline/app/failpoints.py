"""Named places where a test may kill the process: the only way to prove what a SIGKILL between two steps leaves behind.

Off unless BUSTA_FAILPOINT names one; the variable is read here and nowhere else. `NAME` kills at the first pass,
`NAME:3` at the third.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

NAMES = (
    "during_probe",
    "after_observe",
    "after_detect",
    "after_evaluate",
    "before_commit",
    "after_commit",
    "after_claim",
    "after_send",
)
_passed: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Die here by SIGKILL if the environment says so."""
    wanted = os.environ.get("BUSTA_FAILPOINT")
    if not wanted:
        return
    chosen, _, count = wanted.partition(":")
    if chosen != name:
        return
    _passed[name] += 1
    if _passed[name] == int(count or 1):
        os.kill(os.getpid(), signal.SIGKILL)
