"""SIGKILL inside the alert pass, on both databases: either everything it decided is there, or nothing of it."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest
from alert_stories import Story, app_on, events

from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
from busta_health_dagster.store import Store
from busta_health_dagster.testing import FakeClock


def _pass_and_die(url: str, failpoint: str, now: float) -> None:
    os.environ["BUSTA_FAILPOINT"] = failpoint
    with Store(url) as store:
        alert_pass(app_on(store, clock=FakeClock(now)))


def killed_at(url: str, failpoint: str, now: float) -> None:
    process = multiprocessing.get_context("fork").Process(target=_pass_and_die, args=(url, failpoint, now))
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL


@pytest.fixture
def story(store: Store, store_url: str):
    found = Story(app_on(store))
    found.tick()
    found.look(odds_api="down")
    store.close()  # a child must not inherit a connection
    return found, store_url


@pytest.mark.parametrize("failpoint", ["after_evaluate", "before_commit"])
def test_a_kill_before_the_commit_leaves_neither_state_nor_message(story, failpoint: str) -> None:
    found, url = story
    killed_at(url, failpoint, found.clock.now())
    assert found.alert("odds_api/source-down") is None
    assert found.messages() == []
    assert events(found.pass_()) == [("odds_api/source-down", "opened")], "the next pass makes it up"
    assert found.messages() == [("chat", "opened")]


def test_a_kill_after_the_commit_leaves_the_message_in_the_outbox_once(story) -> None:
    found, url = story
    killed_at(url, "after_commit", found.clock.now())
    assert found.messages() == [("chat", "opened")]
    assert events(found.pass_()) == []
    assert found.messages() == [("chat", "opened")]
