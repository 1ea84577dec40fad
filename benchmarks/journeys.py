"""How many files and functions a reader meets who follows one event through the code.

    python -m benchmarks.journeys [--list]

Two journeys are walked for real and every function of ours that is entered is noted: a failing observation on its way to a
message in Slack (tick, alert pass, delivery through Slack's SDK to a local server), and the overview page from the request
to the last byte. Loading the configuration and importing modules do not count. `--list` prints the functions by file.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
from collections import defaultdict
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import busta_health_dagster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from busta_health_dagster.pipeline.app.app import App

PACKAGE = Path(busta_health_dagster.__file__).parent
SOURCES = """\
version: 1
sources: [{name: plays, type: stats, probe: file, path: "%(base)s/gone.csv", confirm: 0}]
"""
ALERTS = """\
version: 1
rules: [{name: source-down, metric: status, op: "==", value: down, severity: warning}]
channels: [{name: slack, kind: slack, token: {env: TOKEN}, channel: "#data", base_url: "http://127.0.0.1:%(port)d/"}]
escalations: [{name: default, steps: [{after: 0m, severity: warning, notify: [slack]}]}]
routes: [{select: {}, escalation: default}]
"""


class Slack(BaseHTTPRequestHandler):
    """As much of Slack as a message needs."""

    posted: int = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        type(self).posted += 1
        answer = json.dumps({"ok": True, "channel": "C1", "ts": "1.1"}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def noted() -> Iterator[dict[str, set[str]]]:
    """File -> the functions of it that are entered meanwhile, in every thread."""
    found: dict[str, set[str]] = defaultdict(set)
    root = str(PACKAGE)

    def note(frame: Any, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(root) and not code.co_name.startswith("<"):
            found[code.co_filename].add(code.co_qualname)

    threading.setprofile_all_threads(note) if sys.version_info >= (3, 12) else threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def to_slack(app: App) -> dict[str, set[str]]:
    from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
    from busta_health_dagster.pipeline.tick.tick import run_tick

    with noted() as found:
        run_tick(app)
        delivery_pass(app)
    return found


def to_the_page(app: App) -> dict[str, set[str]]:
    import asyncio

    from starlette.applications import Starlette

    from busta_health_dagster.web.auth_middleware import AuthMiddleware
    from busta_health_dagster.web.routes import routes
    from busta_health_dagster.web.serve import doorkeeper

    door = AuthMiddleware(Starlette(routes=routes(app)), doorkeeper(app, host="127.0.0.1", port=80))
    path = "/source-health"
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http"}
    scope |= {"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": ""}
    scope |= {"headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 5000), "server": ("127.0.0.1", 80)}
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    with noted() as found:
        asyncio.run(door(scope, receive, send))
    if sent[0]["status"] != 200:
        raise SystemExit(f"the page answered {sent[0]['status']}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    asked = parser.parse_args()
    from busta_health_dagster import bootstrap

    with ThreadingHTTPServer(("127.0.0.1", 0), Slack) as server, tempfile.TemporaryDirectory() as folder:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = Path(folder)
        (base / "config").mkdir()
        values = {"base": base, "port": server.server_address[1]}
        (base / "config" / "sources.yaml").write_text(SOURCES % values)
        (base / "config" / "alerts.yaml").write_text(ALERTS % values)
        environ = {"BUSTA_HOME": str(base / "home"), "BUSTA_CONFIG_DIR": str(base / "config"), "TOKEN": "xoxb-1"}
        with bootstrap.open_app(environ=environ, create_store=True) as app:
            walks = {"tick -> Slack": to_slack(app), "overview page": to_the_page(app)}
        server.shutdown()
    if not Slack.posted:
        raise SystemExit("nothing arrived at Slack: the journey ended on the way")
    for name, files in walks.items():
        print(f"{name:<14} {len(files):>4} files {sum(map(len, files.values())):>5} functions")
        for path, functions in sorted(files.items()) if asked.list else ():
            print(f"  {Path(path).relative_to(PACKAGE)}: {', '.join(sorted(functions))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
