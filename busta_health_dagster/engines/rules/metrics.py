"""The values that rules ask about, by position, and the bits that say which of them are new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.custom_metric import BUILT_IN

if TYPE_CHECKING:
    from busta_health_dagster.domain.source import Source

METRICS = BUILT_IN
INDEX = {name: i for i, name in enumerate(METRICS)}
DATA = frozenset({INDEX["items"], INDEX["data_age_s"], INDEX["size_bytes"]})
"""Of the built-in values those that only a full observation brings."""
FIRST_CUSTOM = 16
"""Where the custom metrics of a source begin among its values, in the order of its configuration. Their bits begin there too:
the bits in between are taken."""
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


def position(metric: str, source: Source) -> int | None:
    """Where the value of a metric stands among those of a source; None: the source has no such metric."""
    found = INDEX.get(metric)
    if found is not None:
        return found
    names = source.metric_names
    return FIRST_CUSTOM + names.index(metric) if metric in names else None


def index_of(metric: str, source: Source) -> int:
    """The same, for a metric that the source has."""
    found = position(metric, source)
    assert found is not None, f"{source.name} has no metric {metric}: its rule was not compiled"
    return found


def width(source: Source) -> int:
    """How many values a source has, the gap before its custom metrics included."""
    return FIRST_CUSTOM + len(source.metrics) if source.metrics else len(METRICS)
