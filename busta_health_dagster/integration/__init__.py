"""The monitor as a part of your Dagster project: our definitions in yours, edges from our sources to your assets, and our checks
on assets of yours. Importing this opens no store; docs/gate.md and docs/into-your-dagster.md have the whole picture.
"""

from busta_health_dagster.integration.checks import health_checks
from busta_health_dagster.integration.component import SourceHealth
from busta_health_dagster.integration.definitions import build_defs
from busta_health_dagster.integration.source_edges import with_sources

__all__ = ["SourceHealth", "build_defs", "health_checks", "with_sources"]
