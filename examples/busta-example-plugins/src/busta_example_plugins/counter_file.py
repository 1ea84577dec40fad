"""`probe: counter_file`: a file that holds one whole number, written by a job; too small a number is down.

A probe is one async function. `Failed` ends it with a verdict; anything else it raises makes its own source unknown.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from busta_health_dagster.plugins import Failed, ProbeContext, ProbeResult, ProbeType, Source, Status, Strict


class CounterConfig(Strict):
    """The keys of sources.yaml."""

    path: str
    at_least: int = 0


async def probe(source: Source, config: CounterConfig, context: ProbeContext) -> ProbeResult:
    """The number as the source's items; its file's age as the age of the data."""
    path = Path(config.path)
    try:
        text = await asyncio.to_thread(path.read_text, "utf-8")
        written = (await asyncio.to_thread(path.stat)).st_mtime
    except FileNotFoundError as error:
        raise Failed("missing", f"there is no file {path} for {source.name}") from error
    try:
        count = int(text)
    except ValueError as error:
        raise Failed("payload", f"{path} holds no whole number") from error
    if count < config.at_least:
        raise Failed("assertion", f"{count:,} rows, at least {config.at_least:,} wanted", items=count)
    age_s = max(0.0, context.now - written)
    return ProbeResult(Status.UP, "ok", f"{count:,} rows", items=count, data_age_s=age_s)


PROBE = ProbeType("counter_file", CounterConfig, probe)
