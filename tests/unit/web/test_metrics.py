"""/metrics: what no one knows is absent, and what was counted is counted still after a restart."""

from __future__ import annotations

from pathlib import Path

from page_stories import HOSTILE, seen, tick, world
from prometheus_client.parser import text_string_to_metric_families

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.testing import FakeClock
from busta_health_dagster.web import metrics


def samples(app) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = metrics.render(app).decode()
    return {
        (s.name, tuple(sorted(s.labels.items()))): s.value
        for f in text_string_to_metric_families(text)
        for s in f.samples
    }


def test_counters_survive_a_restart(tmp_path: Path) -> None:
    clock, key = FakeClock(1_795_000_000), ("busta_checks_total", (("result", "up"), ("source", "odds_api")))
    with world(tmp_path / "home", clock) as app, app.store.write() as uow:
        uow.counters.add({'busta_checks_total{source="odds_api",result="up"}': 3})
    with bootstrap.open_app(home=tmp_path / "home", environ={}, create_store=True, clock=clock) as app:
        assert samples(app)[key] == 3
        with app.store.write() as uow:
            uow.counters.add({'busta_checks_total{source="odds_api",result="up"}': 1})
        assert samples(app)[key] == 4


def test_what_nobody_knows_is_absent_and_shown_as_unknown(tmp_path: Path) -> None:
    clock = FakeClock(1_795_000_000)
    with world(tmp_path / "home", clock) as app:
        tick(app, seen(app, "odds_api"), seen(app, "scores_api", Status.DOWN))
        found = samples(app)
        up = {labels[0][1]: value for (name, labels), value in found.items() if name == "busta_source_up"}
        assert up == {"odds_api": 1, "scores_api": 0}
        assert found["busta_source_status", (("source", "espn_nfl"), ("status", "unknown"))] == 1
        clock.advance(3600)
        later = samples(app)
        assert not [key for key in later if key[0] in {"busta_source_up", "busta_check_duration_seconds"}], (
            "an hour later no one knows"
        )


def test_no_text_of_a_source_reaches_a_label(tmp_path: Path) -> None:
    clock = FakeClock(1_795_000_000)
    with world(tmp_path / "home", clock) as app:
        tick(app, seen(app, "odds_api", Status.DOWN, detail=HOSTILE))
        text = metrics.render(app).decode()
        assert "<script>" not in text
        assert "INC-" not in text
        assert "http" not in "".join(line for line in text.splitlines() if not line.startswith("#"))
