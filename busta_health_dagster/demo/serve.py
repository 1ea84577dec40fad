"""The fleet as a process: `python -m busta_health_dagster.demo.serve --home DIR`. SIGTERM or Ctrl-C ends it within two
seconds.

Prints one JSON line when every upstream answers, the same that it writes to `<home>/demo/upstreams.json`. Exit codes:
0 stopped, 2 bad input or a taken port.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from busta_health_dagster.demo import upstreams
from busta_health_dagster.demo.catalogue import HTTP_NAMES
from busta_health_dagster.demo.fleet import DemoFleet
from busta_health_dagster.demo.scenarios import SCENARIOS, scenario
from busta_health_dagster.domain.errors import BustaError, PortInUse

if TYPE_CHECKING:
    from collections.abc import Sequence


async def serve(home: Path, *, port: int, name: str, anchor: int | None, parent: int | None) -> None:
    """Serve until asked to stop, or until `parent` is gone: a killed supervisor must not leave its fleet behind.

    The ports of the last run are taken again, so that a configuration the user edited stays right; if one is taken
    meanwhile, all are new.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    earlier = upstreams.read(home)
    wanted = {n: port + i for i, n in enumerate(HTTP_NAMES)} if port else dict(earlier.ports) if earlier else {}
    async with contextlib.AsyncExitStack() as stack:
        try:
            fleet = await stack.enter_async_context(_fleet(home, name, anchor, wanted))
        except PortInUse:
            if port or not wanted:
                raise
            fleet = await stack.enter_async_context(_fleet(home, name, anchor, {}))
        address = upstreams.Address(name, fleet.world.anchor, os.getpid(), fleet.ports, fleet.urls, fleet.paths)
        upstreams.write(home, address)
        stack.callback(upstreams.write, home, address.stopped())
        print(json.dumps(asdict(address)), flush=True)  # noqa: T201  the one line of output
        watch = asyncio.create_task(_outlived(parent, stop))
        await fleet.run(stop)
        await watch


def _fleet(home: Path, name: str, anchor: int | None, ports: dict[str, int]) -> DemoFleet:
    return DemoFleet(upstreams.directory(home).resolve(), scenario=scenario(name), anchor=anchor, ports=ports)


async def _outlived(parent: int | None, stop: asyncio.Event) -> None:
    while parent is not None and not stop.is_set():
        if os.getppid() != parent:
            stop.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.5)


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m busta_health_dagster.demo.serve", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the demo's home; files go to <home>/demo")
    parser.add_argument(
        "--port", type=int, default=0, help="first of nine ports; 0 takes those of the last run, or free ones"
    )
    parser.add_argument("--scenario", default="default", help=", ".join(SCENARIOS))
    parser.add_argument("--anchor", type=int, help="epoch seconds of the slot in which the story starts; default: now")
    parser.add_argument("--parent", type=int, help="stop when this process is no longer the parent")
    asked = parser.parse_args(argv)
    try:
        asyncio.run(serve(asked.home, port=asked.port, name=asked.scenario, anchor=asked.anchor, parent=asked.parent))
    except BustaError as error:
        print(error, file=sys.stderr)  # noqa: T201  for the person who started it
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
