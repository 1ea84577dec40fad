"""Links and pictures of our page in Dagster's catalog: only where they lead somewhere.

`busta up` serves Dagster's UI and our page at one address. In a project of yours our page may run elsewhere, at
`web.public_url`, behind a login of its own: a link leads there, and a picture would be a broken one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import dagster as dg

from busta_health_dagster.settings.instance import LOCATION, PAGE_BESIDE_DAGSTER, REPOSITORY

if TYPE_CHECKING:
    from busta_health_dagster.settings import Config

PAGE = "/source-health"


def page_url(config: Config, path: str = "") -> str | None:
    """The address of the page, or of `path` below it; None where no one knows of a page."""
    if _beside():
        return PAGE + path
    public = config.settings.web.public_url
    return None if public is None else public.rstrip("/") + PAGE + path


def picture(alternative: str, path: str) -> list[str]:
    """A live picture as a paragraph of Markdown, or none."""
    return [f"![{alternative}]({PAGE}{path})"] if _beside() else []


def links(*named: tuple[str, str | None]) -> list[str]:
    """Those that lead somewhere, as a paragraph of Markdown."""
    known = [f"[{name}]({url})" for name, url in named if url]
    return [" · ".join(known)] if known else []


def job_link(name: str) -> dg.MetadataValue:
    """A job of ours; in a project of yours the name alone, as no one here knows what its location is called."""
    if _beside():
        return dg.MetadataValue.job(name, location_name=LOCATION, repository_name=REPOSITORY)
    return dg.MetadataValue.text(name)


def _beside() -> bool:
    return os.environ.get(PAGE_BESIDE_DAGSTER) == "1"
