"""The pages of /source-health: overview, one source, login, strips and badges, the live stream."""

from busta_health_dagster.web.pages.handlers import routes

__all__ = ["routes"]
