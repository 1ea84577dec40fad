"""The values that rules ask about, by position, and the bits that say which of them are new."""

from __future__ import annotations

METRICS = (
    "status",
    "response_ms",
    "items",
    "data_age_s",
    "quality",
    "failed",
    "tls_days_left",
    "attempts",
    "size_bytes",
)
INDEX = {name: i for i, name in enumerate(METRICS)}
QUALITY = INDEX["quality"]
STATUS_BIT, RESPONSE_BIT, ITEMS_BIT, AGE_BIT, QUALITY_BIT, FAILED_BIT, TLS_BIT, ATTEMPTS_BIT, SIZE_BIT = (
    1 << i for i in range(9)
)
OBSERVED_BIT = 1 << 9  # an observation happened, verdict or not
CLOSED_BIT = 1 << 10  # a slot is over, with or without an observation
ANOMALY_BIT = 1 << 11
SLOTTED_BIT = 1 << 12  # a scheduled verdict outside maintenance entered the slot windows

NETWORK_REASON = "network"
"""The reason code of an observation lost to the monitor's own network."""
LIMITED_REASON = "rate_limited"
"""The reason code of a 429, and of the slots in which its Retry-After keeps us away: the source answers, no data come."""
