"""A large fleet over REST: its status costs one read per change, not one per caller, and is never older than a minute."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import requests
from page_stories import seen, tick, world
from small_home import served

from busta_health_dagster.domain.access import Role
from busta_health_dagster.domain.errors import StoreUnavailable
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.pipeline.app import access
from busta_health_dagster.testing import FakeClock
from busta_health_dagster.web.shared_read import SharedRead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T0 = 1_795_000_200  # a slot of five minutes, and 20 s


def configured(size: int) -> str:
    entry = '  - {{name: s{}, type: odds, probe: http, url: "http://127.0.0.1:9/", allow_private: true}}'
    return "\n".join(["version: 1", "sources:", *(entry.format(n) for n in range(size))])


@contextmanager
def fleet(base: Path, size: int) -> Iterator[tuple[FakeClock, Callable[..., None], Callable[[str], dict]]]:
    """-> the clock, a tick with these statuses, and what a path of REST answers."""
    clock = FakeClock(T0)
    with world(base, clock, configured(size)) as app, served(app) as url:
        token = access.create_token(app, name="viewer", role=Role.VIEWER, by="test")

        def get(path: str) -> dict:
            answer = requests.get(url + path, headers={"authorization": f"Bearer {token}"}, timeout=60)
            assert answer.status_code == 200
            return answer.json()

        def observe(**found: Status) -> None:
            tick(app, *(seen(app, name, status) for name, status in found.items()))

        yield clock, observe, get


def test_between_two_changes_every_caller_gets_the_same_moment(tmp_path: Path) -> None:
    with fleet(tmp_path, 201) as (clock, observe, get):
        observe(s7=Status.UP)
        first = get("/api/v1/status")
        assert (first["sources"], first["counts"]["up"]) == (201, 1)
        clock.advance(59)
        assert get("/api/v1/status") == first
        assert get("/api/v1/sources?state=up")["items"][0]["source"] == "s7"
        clock.advance(2)
        assert get("/api/v1/status")["at"] != first["at"], "a minute is too old for anyone"


def test_a_change_is_in_the_next_answer_but_one(tmp_path: Path) -> None:
    with fleet(tmp_path, 201) as (clock, observe, get):
        observe(s7=Status.UP)
        assert get("/api/v1/status")["counts"]["down"] == 0
        clock.advance(30)
        observe(s8=Status.DOWN)
        given_up = time.monotonic() + 60  # only against a hang
        while get("/api/v1/status")["counts"]["down"] != 1:
            assert time.monotonic() < given_up
        assert [row["source"] for row in get("/api/v1/sources?state=down")["items"]] == ["s8"]


def test_a_small_fleet_is_answered_as_it_is_now(tmp_path: Path) -> None:
    with fleet(tmp_path, 3) as (clock, observe, get):
        observe(s1=Status.UP)
        first = get("/api/v1/status")
        clock.advance(1)
        assert get("/api/v1/status")["at"] != first["at"]


def test_reading_again_is_one_thread_for_all_and_a_store_that_is_away_ends_it_without_a_word(tmp_path: Path) -> None:
    class Reading:
        begun, go_on, failing = 0, threading.Event(), False

        def __call__(self) -> int:
            self.begun += 1
            if self.begun > 1:
                self.go_on.wait(60)
            if self.failing:
                raise StoreUnavailable("away")
            return self.begun

    reading, clock = Reading(), FakeClock(T0)
    with world(tmp_path, clock, configured(201)) as app:
        shared = SharedRead(app, reading)
        assert shared.get(newest=False) == 1
        clock.advance(30)
        tick(app, seen(app, "s1", Status.DOWN))
        assert [shared.get(newest=False) for _ in range(20)] == [1] * 20
        reading.failing = True
        reading.go_on.set()
        for thread in [t for t in threading.enumerate() if t.name == "busta-read"]:
            thread.join(60)
        assert reading.begun == 2
        with pytest.raises(StoreUnavailable):
            shared.get()
        reading.failing = False
        assert shared.get() == 4
