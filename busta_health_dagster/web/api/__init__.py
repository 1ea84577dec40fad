"""REST under /api/v1: the same use cases as the command line, as JSON. OpenAPI at /api/openapi.json, read at /api/docs."""

from busta_health_dagster.web.api.build import build

__all__ = ["build"]
