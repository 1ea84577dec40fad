"""Fetch a small text from the web, guarded and bounded as the payload of a source is."""

from __future__ import annotations

import asyncio

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.probes.dial import TIMING, Resolver, Timing
from busta_health_dagster.probes.fetch import Http, Request
from busta_health_dagster.probes.port import Failed


async def fetched(url: str, *, timeout_s: float, max_bytes: int, guarded: bool) -> bytes:
    """The body of a 200.

    Raises:
        BadInput: there is none; a sentence that says why.
    """
    TIMING.set(Timing())
    resolver = Resolver()
    http = Http(resolver)
    try:
        async with asyncio.timeout(timeout_s):
            got = await http.fetch(Request(url, max_bytes=max_bytes, guarded=guarded))
    except TimeoutError:
        raise BadInput(f"no complete answer within {timeout_s:g} s") from None
    except ValueError as why:
        raise BadInput(f"it is no URL that can be asked: {why}") from None
    except Failed as failed:
        raise BadInput(failed.result.detail) from None
    finally:
        await http.close()
        await resolver.close()
    if got.status != 200:
        raise BadInput(f"answered {got.status}, 200 wanted")
    return got.body
