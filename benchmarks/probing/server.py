"""A fast HTTP server in a process of its own, so that its CPU is not counted: the same 2 KB of JSON every time."""

from __future__ import annotations

import asyncio
import json
import sys


def payload() -> bytes:
    games = [
        {
            "id": f"game-{n:04d}",
            "commence_time": "2026-11-23T18:00:00Z",
            "home_team": "Green Bay Packers",
            "away_team": "Chicago Bears",
            "bookmakers": [
                {"key": f"book{k}", "last_update": f"2026-11-23T07:5{k}:00Z", "price": 1.91 + k / 100} for k in range(3)
            ],
        }
        for n in range(6)
    ]
    return json.dumps(games).encode()


class Answer(asyncio.Protocol):
    body = payload()
    reply = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b"
        % (
            len(body),
            body,
        )
    )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n"):
            self.transport.write(self.reply)  # type: ignore[attr-defined]
            self.transport.close()


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], len(Answer.body), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the benchmark is done


if __name__ == "__main__":
    asyncio.run(main())
