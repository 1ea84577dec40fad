"""Import and export: the lines of the file win at their slots; twice is the same as once."""

from __future__ import annotations

import io
from pathlib import Path

from store_stories import DAY, HOUR, T0, added, seen, synced

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.units import iso
from busta_health_dagster.store import Store
from busta_health_dagster.store.importing import import_observations
from busta_health_dagster.store.observation_csv import write_observations

HEADER = "timestamp,source,status,response_ms\n"


def log(path: Path, *lines: tuple[int, str, str]) -> Path:
    path.write_text(HEADER + "".join(f"{iso(at)},{source},{status},\n" for at, source, status in lines))
    return path


def test_importing_twice_is_importing_once_and_a_changed_line_replaces(store: Store, tmp_path: Path) -> None:
    synced(store, odds=300)
    lines = [(T0 + n * 300, "odds", "down" if n in {3, 4} else "up") for n in range(20)]
    path = log(tmp_path / "log.csv", *lines)
    first = import_observations(store, path, T0 + DAY)
    assert (first.stored, first.replaced, first.unchanged, first.rejected) == (20, 0, 0, [])
    assert first.slots == {"odds": (T0, T0 + 19 * 300)}
    again = import_observations(store, path, T0 + DAY)
    assert (again.stored, again.replaced, again.unchanged) == (0, 0, 20)
    log(path, *lines[:4], (T0 + 1200, "odds", "up"), *lines[5:])
    third = import_observations(store, path, T0 + DAY)
    assert (third.stored, third.replaced, third.unchanged) == (0, 1, 19)
    with store.write() as uow:
        found = uow.rollups.summary(["odds"], {"w": (T0, T0 + DAY)})["odds"]["w"]
        assert (found.up, found.down) == (19, 1)
        assert uow.rollups.recompute(None, T0, T0 + DAY).hours == 0


def test_an_import_touches_no_slot_that_its_file_does_not_name(store: Store, tmp_path: Path) -> None:
    synced(store, odds=300)
    live = seen("odds", T0 + 300, Status.DEGRADED, reason="slow", detail="6 s, limit 5 s", items=4)
    added(store, live)
    import_observations(store, log(tmp_path / "log.csv", (T0, "odds", "up"), (T0 + 600, "odds", "up")), T0 + DAY)
    with store.read() as uow:
        assert uow.observations.window(["odds"], T0, T0 + HOUR)["odds"][1] == live


def test_unknown_sources_are_taken_as_they_come(store: Store, tmp_path: Path) -> None:
    synced(store, odds=300)
    for name, step in (("scores", 60), ("odds", 600)):
        rows = "".join(f"{iso(T0 + n * step)},1,50\n" for n in range(5))
        (tmp_path / f"{name}.csv").write_text("timestamp,up,response_ms\n" + rows)
    (tmp_path / "sources.json").write_text('{"scores": {"type": "scores_feed", "cadence_s": 60}}')
    notified: list[int] = []
    report = import_observations(store, tmp_path, T0 + DAY, notified.append)
    assert report.intervals == {"odds": 300, "scores": 60}
    assert notified == [10]
    with store.read() as uow:
        scores = uow.sources.get("scores")
        assert (scores.type, scores.interval_s, scores.origin) == ("scores_feed", 60, "import")
        assert uow.sources.get("odds").type == "odds"
        assert uow.rollups.summary(["scores"], {"w": (T0, T0 + HOUR)})["scores"]["w"].slices.up == 1


def test_every_line_that_is_left_out_is_told_with_its_reason(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(
        HEADER
        + f"{iso(T0)},odds,up,10\n{iso(T0 + 300)},odds,up,10\n{iso(T0 + 300)},odds,down,\n{iso(T0 + 600)},odds,fine,\n"
    )
    synced(store, odds=300)
    report = import_observations(store, path, T0 + DAY)
    assert (report.stored, report.folded) == (2, 0)
    assert [(r.line, r.reason) for r in report.rejected] == [
        (5, "status 'fine' is not one of up, degraded, down, unknown"),
        (4, "a second observation at 2026-11-16T00:05:00Z; the first one counts"),
    ]


def test_lines_that_share_a_slot_count_together_and_half_of_them_down_is_down(store: Store, tmp_path: Path) -> None:
    """A log of every minute for a source that is watched every five: no outage of it begins late, none is lost."""
    synced(store, odds=300)
    words = ["up"] * 30
    for n in (1, 2, 3, 5, 6, 11, 20):
        words[n] = "down"
    words[16] = words[18] = words[19] = "degraded"
    words[20:25] = ["down", "unknown", "up", "unknown", "unknown"]
    path = log(tmp_path / "log.csv", *((T0 + n * 60, "odds", word) for n, word in enumerate(words)))
    report = import_observations(store, path, T0 + DAY)
    assert (report.stored, report.folded, report.rejected) == (6, 30, [])
    with store.read() as uow:
        notified = uow.observations.window(["odds"], T0, T0 + HOUR)["odds"]
    assert [o.status.word for o in notified] == ["down", "up", "up", "degraded", "down", "up"]
    assert [o.observed_at - T0 for o in notified] == [180, 540, 840, 1140, 1200, 1740], (
        "each is the newest observation of that status"
    )


def test_the_interval_is_that_of_the_whole_file_in_whatever_order_its_lines_are(store: Store, tmp_path: Path) -> None:
    lines = [(T0 + n * 300, "scores", "up") for n in range(3 * 288)]
    lines.sort(key=lambda line: (line[0] // 300 % 7, line[0]))
    assert import_observations(store, log(tmp_path / "log.csv", *lines), T0 + 9 * DAY).intervals == {"scores": 300}


def test_an_export_imports_into_another_store_as_it_was(store: Store, tmp_path: Path) -> None:
    synced(store, odds=300, scores=60)
    added(store, *(seen("odds", T0 + n * 300, Status(n % 4), quality=90.5, items=n) for n in range(30)))
    added(store, *(seen("scores", T0 + n * 60, response_ms=12.3) for n in range(90)))
    out = io.StringIO()
    with store.read() as uow:
        assert write_observations(out, uow.observations.iter_ticks(T0, T0 + DAY)) == 120
        before = uow.observations.columns(T0, T0 + DAY)
    path = tmp_path / "export.csv"
    path.write_text(out.getvalue())
    with Store(f"sqlite:///{tmp_path / 'other.db'}") as other:
        other.upgrade()
        assert import_observations(other, path, T0 + DAY).rejected == []
        with other.read() as uow:
            assert uow.observations.columns(T0, T0 + DAY) == before


def test_what_is_older_than_its_retention_goes_in_small_steps(store: Store) -> None:
    from busta_health_dagster.store.pruning import prune

    synced(store, odds=300, scores=300)
    for name in ("odds", "scores"):
        added(store, *(seen(name, T0 + n * 300) for n in range(3 * 288)))
    with store.write() as uow:
        uow.events.append("tick", {}, T0)
        uow.events.append("tick", {}, T0 + 3 * DAY)
    kept = {"observations": DAY, "rollup_hour": 2 * DAY, "live_events": DAY, "ticks": 5.0}
    deleted = prune(store, kept, T0 + 3 * DAY, batch=100)
    assert (deleted["observation"], deleted["rollup_hour"], deleted["event_log"]) == (2 * 2 * 288, 2 * 24, 1)
    with store.read() as uow:
        assert uow.observations.first_slot() == T0 + 2 * DAY
        assert uow.rollups.summary(["odds"], {"w": (0, T0 + 3 * DAY)})["odds"]["w"].up == 3 * 288
        assert [e.at for e in uow.events.since(0)] == [T0 + 3 * DAY]
    assert set(store.prune(kept, T0 + 3 * DAY).values()) == {0}
