"""The optional parts of the installation: what each is for, what it brings, and what is said where it is missing.

`pip install busta_health_dagster` is a working monitor. What weighs hundreds of megabytes and only some need comes with an
extra: `pip install "busta_health_dagster[quality,file]"`. The packages themselves are listed in pyproject.toml.
"""

from __future__ import annotations

import functools
import importlib.util

from busta_health_dagster.domain.errors import BustaError

MODULES = {
    "quality": ("great_expectations", "pandas"),
    "file": ("pyarrow",),
    "report": ("matplotlib",),
    "postgres": ("psycopg2", "psycopg", "dagster_postgres"),
    "apprise": ("apprise",),
    "s3": ("s3fs",),
    "gcs": ("gcsfs",),
    "azure": ("adlfs",),
}
"""The modules of each extra whose absence means that it is not installed."""
SCHEMES = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "abfs": "azure", "abfss": "azure", "az": "azure"}
"""The extra that a `path` with this URL scheme needs."""


class MissingExtra(BustaError):
    """Something was asked for that an optional part of the installation does."""


@functools.cache
def installed(extra: str) -> bool:
    return all(importlib.util.find_spec(module) is not None for module in MODULES[extra])


def remedy(extra: str) -> str:
    return f'pip install "busta_health_dagster[{extra}]"'


def require(extra: str, what: str) -> None:
    """Check that an extra is installed before its packages are imported.

    Args:
        extra: a key of `MODULES`.
        what: what needs it, as the subject of a sentence: "Scoring quality", "Reading Parquet".

    Raises:
        MissingExtra: it is not; the text names what needs it and the command that installs it.
    """
    if not installed(extra):
        raise MissingExtra(f"{what} needs the extra [{extra}], which is not installed: {remedy(extra)}")
