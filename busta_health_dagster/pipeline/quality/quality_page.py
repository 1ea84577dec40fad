"""The page of one validation as a file, left in the home by each run; and where the web door shows the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import HomeNotWritable
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.pipeline.quality.check_rows import check_histories

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from busta_health_dagster.domain.documents.quality import CheckHistoryRow
    from busta_health_dagster.domain.quality import FailingRow, Scored
    from busta_health_dagster.pipeline.app.app import App

ROUTE = "/source-health/quality/"
"""Where the web door shows the newest validation, plus the source's name."""


def page_path(app: App, name: str) -> Path:
    """The file that each run leaves, for reading without the web door."""
    return app.home.root / "reports" / "quality" / f"{name}.html"


def page_url(app: App, name: str) -> str:
    """The page behind the web door: absolute where `web.public_url` is set, else on the same origin."""
    return (app.config.settings.web.public_url or "").rstrip("/") + ROUTE + name


def write_page(app: App, scored: Scored, limit: float, failures: tuple[int | None, tuple[FailingRow, ...]]) -> None:
    """Raises HomeNotWritable."""
    path = page_path(app, scored.source)
    aside = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        history = check_histories(app, scored.source)["checks"]
        aside.write_text(render(scored, limit, failures, history), encoding="utf-8")
        aside.replace(path)
    except OSError as error:
        raise HomeNotWritable(
            f"The score of {scored.source} is kept, but its page {path} cannot be written: {error.strerror or error}. "
            "Give this user write permission and room there, or choose another home with --home."
        ) from error


def render(
    scored: Scored,
    limit: float,
    failures: tuple[int | None, tuple[FailingRow, ...]],
    history: Sequence[CheckHistoryRow] = (),
) -> str:
    """Rows of an earlier validation are left out: they would not belong to these checks."""
    from busta_health_dagster.quality.report import render_report

    at, rows = failures
    return render_report(
        scored.score,
        source=scored.source,
        suite=scored.suite,
        at=from_epoch(scored.at),
        limit=limit,
        failing=rows if at == scored.at else (),
        history=history,
    )
