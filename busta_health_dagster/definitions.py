"""The code location: loads `defs`, nothing else.

Dagster finds `location` here. Who merges this project into definitions of his own imports `defs`; it is built when it is
asked for.
"""

from typing import Any

import dagster as dg

from busta_health_dagster.defs.build import build
from busta_health_dagster.defs.location import Location
from busta_health_dagster.settings.instance import REPOSITORY


@dg.repository(name=REPOSITORY)  # type: ignore[arg-type]  # it takes RepositoryData, and its types forgot that
def location() -> Location:
    """Under the name that Dagster gives to Definitions, so that addresses in its UI are as for any other project."""
    return Location()


def __getattr__(name: str) -> Any:
    if name == "defs":
        return build()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
