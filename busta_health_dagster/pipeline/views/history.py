"""One observation and one validation as documents: UTC instants, numbers or null."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.units import iso

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.quality import ScoreRow
    from busta_health_dagster.domain.documents.sources import ObservationRow
    from busta_health_dagster.domain.observation import Observation
    from busta_health_dagster.domain.quality import Scored


def history_row(o: Observation) -> ObservationRow:
    """The shape of `sources history -o json` and of GET sources/{name}/observations."""
    return {
        "source": o.source,
        "slot": iso(o.slot),
        "observed_at": iso(o.observed_at),
        "kind": o.kind.name.lower(),
        "status": o.status.word,
        "reason": o.reason,
        "detail": o.detail,
        "response_ms": o.response_ms,
        "items": o.items,
        "data_age_s": o.data_age_s,
        "quality": o.quality,
        "attempts": o.attempts,
        "suspect": o.suspect,
        "light": o.light,
        "phases_ms": o.phases.as_dict() if o.phases else None,
        "metrics": dict(o.metrics),
    }


def quality_row(scored: Scored, limit: float) -> ScoreRow:
    """One validation: the shape of `quality score`, with its source, its instants and the score asked for (0-100)."""
    from busta_health_dagster.quality.scorecard import as_json

    return {
        "source": scored.source,
        "at": iso(scored.at),
        "data_at": iso(scored.data_at),
        "suite": scored.suite,
        "limit": limit,
        "uncertain": scored.score.uncertain_against(limit),
        **as_json(scored.score),
    }
