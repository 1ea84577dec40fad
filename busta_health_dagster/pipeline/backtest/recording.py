"""What the detector would make of a recorded source, without store and configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.pipeline.anomaly.explanation import explain_rows
from busta_health_dagster.pipeline.backtest.history_files import read_history

if TYPE_CHECKING:
    from pathlib import Path

    from busta_health_dagster.domain.documents.sources import AnomalyExplanation


def explain_recording(path: Path, name: str) -> AnomalyExplanation:
    """Every metric of one source of a recording, with what could be told from it.

    Raises:
        BadInput: the recording cannot be read, or has no such source.
    """
    history = read_history(path, None)
    if name not in history.observations:
        raise BadInput(f"{path} has no source {name!r}; it has {', '.join(sorted(history.observations))}.")
    rows = history.observations[name]
    days = (rows[-1].slot - rows[0].slot) / 86_400
    return explain_rows(history.sources[name], None, rows, reason=f"learned from {days:.0f} days of {path}")
