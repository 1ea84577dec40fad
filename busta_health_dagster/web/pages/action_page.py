"""Where the links of messages lead. GET shows what a link would do and changes nothing: mail scanners and chat previews follow every
link. A person confirms by POST. The link itself is the permission, for exactly this; no one has to log in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool

from busta_health_dagster.domain.action_link import LINK_PATH, SNOOZE_S, LinkAction, acting
from busta_health_dagster.domain.errors import BadInput, HomeError, LinkRefused, MissingSecret, Refused, StoreError
from busta_health_dagster.engines.alerting.actions import DEFAULT_ACK_S
from busta_health_dagster.pipeline.alerting import action_links
from busta_health_dagster.web.pages.login import limited
from busta_health_dagster.web.pages.rendering import html
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from busta_health_dagster.domain.alert import Hold
    from busta_health_dagster.pipeline.alerting.action_links import Offer
    from busta_health_dagster.pipeline.app.app import App

ROUTE = f"{LINK_PATH}{{link}}"
_HEADERS = {"cache-control": "no-store", "x-robots-tag": "noindex, nofollow"}
_STATUS = {"incomplete": 400, "forged": 403, "foreign": 403, "missing": 404, "used": 409, "over": 409, "expired": 410}
_TITLES = {
    "incomplete": "This link is not complete",
    "forged": "This link is not valid",
    "foreign": "This link is not ours",
    "missing": "There is no such alert",
    "used": "This link was used",
    "over": "The alert is over",
    "expired": "This link has expired",
}


class ActionPage:
    """GET and POST of /source-health/act/<link>."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def show(self, request: Request) -> Response:
        return await run_in_threadpool(self._answer, request, lambda text: action_links.offered(self._app, text))

    async def act(self, request: Request) -> Response:
        body = await limited(request)
        if body is None:
            return self._problem(request, "The note is too long", "Put the story into the incident.", 413)
        sent = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
        note = sent.get("note", [""])[0].strip()
        return await run_in_threadpool(self._answer, request, lambda text: action_links.use(self._app, text, note=note))

    def _answer(self, request: Request, do: Callable[[str], Offer]) -> Response:
        try:
            offer = do(request.path_params["link"])
        except LinkRefused as refused:
            return self._problem(request, _TITLES[refused.why], str(refused), _STATUS[refused.why])
        except StoreError as error:
            problem = {"problem": str(error)}
            return html(request, "failure.html", problem, status=503, headers={**_HEADERS, "retry-after": "15"})
        except (BadInput, Refused) as error:
            return self._problem(request, "That cannot be done", str(error), 409)
        except (MissingSecret, HomeError) as error:  # the key: nothing can be said about the link
            return self._problem(request, "The monitor cannot check this link", str(error), 503)
        return html(request, "action.html", self._context(offer), headers=_HEADERS)

    def _context(self, offer: Offer) -> dict[str, Any]:
        alerts, link = offer.alerts, offer.link
        held_s = min((x.policy.ack_timeout_s for a in alerts for x in a.ladders), default=DEFAULT_ACK_S)
        sources = {a.source for a in alerts}
        return {
            "alerts": alerts,
            "ended": offer.ended,
            "named": alerts[0].source if len(alerts) == 1 else f"all {len(alerts)} alerts",
            "source": next(iter(sources & self._app.config.sources.keys()), "") if len(sources) == 1 else "",
            "action": link.action.value,
            "channel": link.channel,
            "expires": link.expires,
            "by": link.actor,
            "done": offer.done,
            "holds": duration_text(SNOOZE_S if link.action is LinkAction.SNOOZE else held_s),
            "until": min((h.ends_at for h in _holds(offer) if h is not None), default=None),
            "acks": [(a, acting(a.ack.by)) for a in alerts if a.ack is not None and not offer.done],
            "now": self._app.now(),
        }

    @staticmethod
    def _problem(request: Request, title: str, says: str, status: int) -> Response:
        return html(request, "action_refused.html", {"title": title, "says": says}, status=status, headers=_HEADERS)


def _holds(offer: Offer) -> list[Hold | None]:
    """What an action has just begun, by alert."""
    return [a.snooze if offer.link.action is LinkAction.SNOOZE else a.ack for a in offer.alerts]
