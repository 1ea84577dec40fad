"""A source that is to be scored and is not: told once, with what to do, and over with the first score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from small_home import TOLD, environ_of, scored, small_home
from sqlalchemy import text

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.notification import Notification
from busta_health_dagster.pipeline.tick.tick import run_tick
from busta_health_dagster.plugins import plain_text
from busta_health_dagster.testing import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

RULES = "version: 1\nrules: [{name: no-score, pattern: no_score, over: 10m, recover_after: 1, severity: warning}]\n"


def test_it_is_told_with_what_to_do_and_ends_with_a_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock(1_800_000_000.0)
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: clock)
    with small_home(tmp_path, clock=clock):
        (tmp_path / "config" / "alerts.yaml").write_text(RULES + TOLD % {"data": tmp_path / "data"})
    with bootstrap.open_app(environ=environ_of(tmp_path), clock=clock) as app:
        for _ in range(4):
            clock.advance(300)
            run_tick(app)
        with app.store.read() as uow:
            (opened,) = [a for a in uow.alerts.open() if a.rule == "no-score"]
            payloads = uow.connection.execute(text("SELECT payload FROM outbox")).scalars().all()
        assert (opened.source, opened.bad_reason) == ("good_file", "no score yet for 20 min, limit 10 min")
        sent = [Notification.from_json(payload) for payload in payloads]
        (said,) = [plain_text(one) for one in sent if one.alert is not None and one.alert.id == opened.id]
        assert "good_file has no quality score: no score yet for 15 min, limit 10 min" in said
        assert "See why on the source page, or with busta quality run" in said
        scored(app)
        with app.store.write() as uow:
            uow.states.set_quality({"good_file": (72.5, app.now())})
        clock.advance(300)
        run_tick(app)
        with app.store.read() as uow:
            assert not [a for a in uow.alerts.open() if a.rule == "no-score"]
