"""The bridge to a platform that already has its own data sources and validator. Structural: nothing of it is imported
here.
"""

from busta_health_dagster.framework.bridge import Bridge
from busta_health_dagster.framework.validator import checks, validate

__all__ = ["Bridge", "checks", "validate"]
