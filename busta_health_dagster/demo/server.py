"""The nine upstreams that answer over HTTP, each on a port of its own, so that one can refuse and no other."""

from __future__ import annotations

import asyncio
import json
import math
import socket
from email.utils import format_datetime
from typing import TYPE_CHECKING

from aiohttp import web

from busta_health_dagster.demo.catalogue import HTTP_NAMES, UPSTREAMS
from busta_health_dagster.demo.faults import Effect, Fault
from busta_health_dagster.demo.noise import stream
from busta_health_dagster.demo.payloads import context, feeds, markets
from busta_health_dagster.domain.errors import PortInUse
from busta_health_dagster.domain.units import from_epoch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.demo.world import World

HOST = "127.0.0.1"
OWN_COST_MS = 2.0  # what aiohttp and the loopback add themselves; taken off the simulated wait
HANG_S = 120.0
LOAD_BODY = json.dumps(
    {"data": [{"id": i, "price": -110 - i, "updated_at": "2026-01-01T00:00:00Z"} for i in range(34)]}
).encode()
"""About 2 KB of JSON at `/load/<anything>` of every port, without delay: the target of the probing benchmark."""


def render(source: str, now: float, newest: float, bad: float) -> bytes:
    """The body that a source sends."""
    upstream = UPSTREAMS[source]
    count = upstream.count(now)
    if upstream.content in feeds.WRITERS:
        return feeds.WRITERS[upstream.content](upstream, feeds.entries(upstream, newest, count, bad)).encode()
    if source == "pfr_stats":
        return context.stats_page(now, newest, 50, bad).encode()
    makers = {
        "odds_api": markets.odds,
        "scores_api": markets.scores,
        "injury_reports": context.injuries,
        "weather_api": context.weather,
    }
    return json.dumps(makers[source](now, newest, count, bad)).encode()


class Upstreams:
    """Serves the HTTP upstreams of a world. Call `sync()` after a change (or often): it opens and closes the ports."""

    def __init__(self, world: World, ports: Mapping[str, int] | None = None) -> None:
        self._world = world
        self._wanted = dict(ports or {})
        self._sockets: dict[str, socket.socket] = {}
        self._sites: dict[str, web.SockSite] = {}
        self._runner: web.AppRunner | None = None
        self._served = 0

    @property
    def ports(self) -> dict[str, int]:
        return {name: int(sock.getsockname()[1]) for name, sock in self._sockets.items()}

    @property
    def urls(self) -> dict[str, str]:
        return {name: f"http://{HOST}:{port}{UPSTREAMS[name].path}" for name, port in self.ports.items()}

    async def start(self) -> None:
        """Bind every port and listen where the world says so.

        Raises:
            PortInUse: a port that was asked for by number is taken by another program.
        """
        app = web.Application()
        for name in HTTP_NAMES:
            app.router.add_get(UPSTREAMS[name].path, self._answer)
        app.router.add_get("/load/{name}", self._load)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
        await self._runner.setup()
        for name in HTTP_NAMES:
            self._sockets[name] = _bound(name, self._wanted.get(name, 0))
        await self.sync()

    async def sync(self) -> None:
        """Listen on the ports of those that answer; a source that refuses keeps its port bound, so that no one else
        takes it.
        """
        for name in HTTP_NAMES:
            effect = self._world.effect(name)
            refuses = effect is not None and effect.fault is Fault.REFUSED
            if refuses and name in self._sites:
                port = self.ports[name]
                await self._sites.pop(name).stop()
                self._sockets[name] = _bound(name, port)
            elif not refuses and name not in self._sites:
                assert self._runner is not None
                site = web.SockSite(self._runner, self._sockets[name])
                await site.start()
                self._sites[name] = site

    async def stop(self) -> None:
        """Close every port; requests in flight are cut after a second."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        for sock in self._sockets.values():
            sock.close()
        self._sites.clear()
        self._sockets.clear()

    async def _load(self, request: web.Request) -> web.Response:  # noqa: ARG002  aiohttp's handler signature
        return web.Response(body=LOAD_BODY, content_type="application/json")

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        source = next(n for n in HTTP_NAMES if UPSTREAMS[n].path == request.path)
        effect = self._world.effect(source)
        fault = effect.fault if effect else None
        if fault is Fault.REFUSED:
            # A connection kept alive from before: cut it, so that nothing answers.
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)
        if fault is Fault.TIMEOUT:
            await asyncio.sleep(HANG_S)
        await asyncio.sleep(self._wait_s(source, effect))
        return self._healthy_or_not(source, effect)

    def _wait_s(self, source: str, effect: Effect | None) -> float:
        upstream, now = UPSTREAMS[source], self._world.now()
        self._served += 1
        rng = stream("wait", source, self._served, int(now))
        median = upstream.median_ms * upstream.load(now)
        if effect is not None and effect.fault is Fault.SLOW:
            return effect.ms * rng.uniform(0.97, 1.04) / 1000
        return max(0.0, median * math.exp(rng.gauss(0, upstream.spread)) - OWN_COST_MS) / 1000

    def _healthy_or_not(self, source: str, effect: Effect | None) -> web.Response:
        upstream = UPSTREAMS[source]
        fault = effect.fault if effect else None
        if effect is not None and fault is Fault.OUTAGE:
            return web.json_response({"error": "service unavailable", "status": effect.status}, status=effect.status)
        if fault is Fault.RATE_LIMITED:
            return web.json_response({"error": "quota exceeded"}, status=429, headers={"Retry-After": "60"})
        if fault is Fault.GARBAGE:
            return web.Response(
                text="<html><body><h1>Site under maintenance</h1><p>Please try again", content_type="text/html"
            )
        newest = self._world.newest(source)
        body = render(source, self._world.now(), newest, self._world.spoilt(source))
        modified = format_datetime(from_epoch(newest), usegmt=True)
        return web.Response(
            body=body, headers={"Content-Type": f"{upstream.content}; charset=utf-8", "Last-Modified": modified}
        )


def _bound(name: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
    except OSError as error:
        sock.close()
        raise PortInUse(
            f"Port {port} for the simulated {name} is taken ({error.strerror}). "
            "Stop what uses it, or start the demo with --port 0 for free ports."
        ) from error
    return sock
