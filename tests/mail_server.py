"""aiosmtpd's server, ended so that nothing of it is left: no task, no connection, no socket."""

from __future__ import annotations

import asyncio
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP


class QuietController(Controller):
    """Ends its connections before its loop. aiosmtpd stops the loop at once: a connection whose client left a moment ago is
    open then, and the collector finds it in whatever test comes next.
    """

    _TURNS = 5
    """Of the loop, from an abort to the closed socket: one, two below TLS. None of them waits for anything outside."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._transports: list[asyncio.Transport] = []

    def smtp(self, **options: Any) -> SMTP:
        """One connection's server; subclasses build it here, with their own options."""
        return SMTP(self.handler, **options)

    def factory(self) -> SMTP:
        protocol = self.smtp(**self.SMTP_kwargs)
        made = protocol.connection_made

        def connection_made(transport: asyncio.Transport) -> None:
            self._transports.append(transport)
            made(transport)

        protocol.connection_made = connection_made
        return protocol

    def stop(self, no_assert: bool = False) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self.loop).result(30)
        super().stop(no_assert)

    async def _close(self) -> None:
        assert self.server is not None
        self.server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for transport in self._transports:
            transport.abort()
        for _ in range(self._TURNS):
            await asyncio.sleep(0)
