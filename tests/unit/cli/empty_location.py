"""A code location with nothing in it."""

from __future__ import annotations

import dagster as dg

defs = dg.Definitions()
