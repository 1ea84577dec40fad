"""What paths and queries may carry, and who asks."""

from __future__ import annotations

import re
from typing import Annotated, cast

from fastapi import Path, Query, Request
from pydantic import AfterValidator

from busta_health_dagster.domain.access import Principal
from busta_health_dagster.domain.fields import DurationText
from busta_health_dagster.pipeline.app.app import App
from busta_health_dagster.pipeline.facade import Monitor


def of_form(pattern: str, rule: str) -> AfterValidator:
    """A text of a form that a sentence describes; the pattern is for programs."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"{value[:60]!r} is not {rule}")
        return value

    return AfterValidator(check)


Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many rows.")]
Cursor = Annotated[str | None, Query(max_length=64, description="`next` of the page before.")]
_SOURCE = r"[a-z][a-z0-9_]{0,62}"
SourceName = Annotated[
    str,
    Path(json_schema_extra={"pattern": f"^{_SOURCE}$"}, description="Name of the source."),
    of_form(_SOURCE, "a source's name: a small letter, then small letters, digits and _, 63 at most"),
]
Names = Annotated[
    list[Annotated[str, Query(max_length=63), of_form(r"[^\x00-\x1f\x7f]*", "a name: it has a control character")]]
    | None,
    Query(alias="source", max_length=1000, description="Only these; may be repeated."),
]
AlertId = Annotated[int, Path(ge=1, description="Id of the alert.")]
Since = Annotated[DurationText, Query(description="How far back: 24h, 7d.")]
Window = Annotated[str, Query(max_length=12, description="24h, 7d, 30d, week, month, 2026-W47 or 2026-11.")]
At = Annotated[
    str | None, Query(max_length=40, description="End of the window, ISO 8601 with zone; now when left out.")
]


def app_of(request: Request) -> App:
    return cast("App", request.app.state.busta)


def who(request: Request) -> Principal:
    return cast("Principal", request.scope["state"]["principal"])


def monitor_of(request: Request) -> Monitor:
    """The monitor, asked by the caller."""
    return Monitor(app_of(request), who(request).name)
