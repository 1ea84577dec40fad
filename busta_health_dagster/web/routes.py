"""Every route of ours; Dagster's answer for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from busta_health_dagster.domain.errors import StoreError
from busta_health_dagster.pipeline.app.freshness import LAST_TICK, clock_set_back, ticks_are_stale
from busta_health_dagster.pipeline.app.overload import slot_count
from busta_health_dagster.web import api, pages
from busta_health_dagster.web.metrics import CONTENT_TYPE, render

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.web.pages.handlers import Materialized

NO_STORE = {"cache-control": "no-store"}


def routes(app: App, materialized: Materialized | None = None, dagster: str | None = "") -> list[BaseRoute]:
    """The pages, REST, metrics and probes of this process. `materialized` says when an asset was built last; `dagster` is
    what addresses of Dagster's UI begin with, None where no one knows one.
    """

    async def livez(_: Request) -> Response:
        """The process answers; it asks nothing else, and waits for no thread."""
        return PlainTextResponse("ok\n", headers=NO_STORE)

    def readyz(_: Request) -> Response:
        """The store answers, the ticks are fresh and keep up; says which is not, and nothing about any source."""
        checks = {"store": "ok", "tick": "ok"}
        try:
            with app.store.read() as uow:
                tick = uow.meta.get(LAST_TICK)
                slots = slot_count(app, uow)
                set_back = clock_set_back(app.config.sources, uow.states.all(), app.now())
        except StoreError:
            checks = {"store": "cannot answer", "tick": "unknown"}
        else:
            if tick is None:
                checks["tick"] = "never"
            elif set_back:
                checks["tick"] = set_back  # and no tick begins either, until the clock has caught up
            elif ticks_are_stale(tick["at"], app.now(), app.config.tick_s):
                checks["tick"] = "stale"
            elif slots is not None and slots.overloaded:
                checks["tick"] = f"overloaded: {slots.text}"
        ready = all(value == "ok" for value in checks.values())
        return JSONResponse({"ready": ready, **checks}, status_code=200 if ready else 503, headers=NO_STORE)

    def metrics(_: Request) -> Response:
        try:
            body = render(app)
        except StoreError as error:
            return PlainTextResponse(f"{error}\n", status_code=503, headers=NO_STORE)
        return Response(body, media_type=CONTENT_TYPE, headers=NO_STORE)

    return [
        Route("/livez", livez),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
        Mount("/api", api.build(app)),
        *pages.routes(app, materialized, dagster),
    ]
