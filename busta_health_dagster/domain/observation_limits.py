"""What an observation may cost where no one says otherwise: settings.yaml shows these defaults, probes keep to them."""

from __future__ import annotations

CHECKS_AT_ONCE = 256
BODY_BYTES = 10 * 2**20
"""Decoded, of a response."""
MEMORY_BYTES = 256 * 2**20
"""That one payload may take once it is parsed, about."""
SAMPLE_ROWS = 500
SAMPLE_BYTES = 256 * 2**10
LOOP_LAG_S = 0.25
"""A loop that lags more makes the response time suspect."""
