"""How sources are checked: one file per kind of probe, and the prober that runs them within limits.

Light to import: aiohttp, feedparser, pyarrow, dnspython and SQLAlchemy are imported when the first observation needs them.
"""

from busta_health_dagster.probes.port import REASONS, Failed, ProbeContext, ProbeLimits, ProbeType
from busta_health_dagster.probes.registry import registry

__all__ = ["REASONS", "Failed", "ProbeContext", "ProbeLimits", "ProbeType", "registry"]
