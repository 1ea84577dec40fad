"""The live stream: nothing is missed, nothing is said twice, and one observation serves everyone."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from busta_health_dagster.pipeline.app.freshness import LAST_TICK
from busta_health_dagster.web import live

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.testing import FakeClock


def say(app: App, kind: str) -> int:
    with app.store.write() as uow:
        return uow.events.append(kind, {"n": 1}, app.now())


async def take(stream: AsyncGenerator[Any, None], n: int) -> list[Any]:
    return [await asyncio.wait_for(anext(stream), 120) for _ in range(n)]


async def test_a_browser_that_comes_back_is_told_what_it_missed(app: App) -> None:
    first, second = say(app, "alert"), say(app, "check")
    hub = live.Hub(app, every_s=0.01)
    stream = hub.listen(first - 1)
    hello, *missed = await take(stream, 3)
    assert hello.kind == "hello"
    assert [(s.kind, s.id) for s in missed] == [("alert", first), ("check", second)]
    third = say(app, "alert")
    assert (await take(stream, 1))[0].id == third
    await stream.aclose()
    assert hub.listeners == 0


async def test_a_finished_tick_is_told_although_no_event_is_logged(app: App, clock: FakeClock) -> None:
    hub = live.Hub(app, every_s=0.01)
    stream = hub.listen(None)
    await take(stream, 1)
    clock.advance(300)
    with app.store.write() as uow:
        uow.meta.put(LAST_TICK, {"at": app.now()})
    (said,) = await take(stream, 1)
    assert (said.kind, said.data, said.id) == ("tick", {"at": app.now()}, None)
    await stream.aclose()


async def test_every_listener_hears_the_same_from_one_look(app: App, monkeypatch: Any) -> None:
    observations = 0
    real = live.version_of

    def counted(given: App) -> Any:
        nonlocal observations
        observations += 1
        return real(given)

    hub = live.Hub(app, every_s=0.01)
    streams = [hub.listen(None) for _ in range(20)]
    for stream in streams:
        await take(stream, 1)
    monkeypatch.setattr(live, "version_of", counted)
    key = say(app, "alert")
    listened = [(await take(stream, 1))[0] for stream in streams]
    assert {s.id for s in listened} == {key}
    assert observations < 20
    for stream in streams:
        await stream.aclose()


async def test_a_listener_that_does_not_read_is_cut_off_and_the_others_go_on(app: App, monkeypatch: Any) -> None:
    monkeypatch.setattr(live, "QUEUE", 3)
    hub = live.Hub(app, every_s=0.01)
    slow, quick = hub.listen(None), hub.listen(None)
    await take(slow, 1)
    await take(quick, 1)
    for _ in range(6):
        key = say(app, "alert")
        assert (await take(quick, 1))[0].id == key
    rest = [s async for s in slow]
    assert len(rest) < 6
    assert hub.listeners == 1
    await quick.aclose()


async def test_the_wire_format_carries_id_and_kind(app: App) -> None:
    key = say(app, "alert")
    stream = live.event_stream(app, str(key - 1))
    lines = [await asyncio.wait_for(anext(stream), 120) for _ in range(3)]
    assert lines[0] == b"retry: 3000\n\n"
    head, body, *_ = lines[2].decode().split("\n")
    assert head == f"id: {key}"
    assert json.loads(body.removeprefix("data: "))["kind"] == "alert"
    await stream.aclose()  # type: ignore[attr-defined]
