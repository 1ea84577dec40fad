"""What an import leaves in the store: alerts that no one was notified of, and the same again when it is done twice."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from history_stories import DAY, HOUR, T0, imported, incidents, level, log, open_monitor

from busta_health_dagster.cli.incidents_view import markdown
from busta_health_dagster.domain.alert import Event
from busta_health_dagster.domain.alert_replay import replay, snapshot
from busta_health_dagster.domain.errors import BadInput, UnknownName
from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.units import iso
from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
from busta_health_dagster.pipeline.imports.import_history import export_history, replay_stored
from busta_health_dagster.pipeline.service_levels.incidents import show_incident, write_note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from busta_health_dagster.pipeline.app.app import App


@pytest.fixture
def monitor(tmp_path: Path, store_url: str) -> Iterator[App]:
    with open_monitor(tmp_path, store_url) as app:
        yield app


def test_alerts_exist_with_their_whole_story_and_nobody_was_told(monitor: App, tmp_path: Path) -> None:
    report = imported(monitor, log(tmp_path / "log.csv", 300, range(100, 120)))
    assert (report.stored, report.replaced, report.rejected) == (300, 0, ())
    with monitor.store.read() as uow:
        (down,) = [a for a in uow.alerts.list(sources=["feed"]) if a.rule == "source-down"]
        assert down.id is not None
        story = [t.transition for t in uow.transitions.of(down.id)]
        (why,) = uow.suppressions.of(down.id)
        rows = uow.row_counts()
        assert down.fingerprint not in uow.alerts.watched()
    assert [t.event for t in story] == [Event.OPENED, Event.ESCALATED, Event.RESOLVED]
    assert all(t.notify == () for t in story)
    assert rows["outbox"] == 0
    assert replay(story) == snapshot(down)
    assert "no one was notified" in why.reason


def test_what_is_open_at_the_end_is_closed_because_the_import_ended(monitor: App, tmp_path: Path) -> None:
    imported(monitor, log(tmp_path / "log.csv", 288, range(280, 288)))
    end = T0 + DAY
    (still,) = incidents(monitor, end, "24h").incidents
    assert (still.state, still.resolved_at) == ("open", None), "at the end of the log it was open"
    (closed,) = incidents(monitor, end + 1, "24h").incidents
    assert (closed.state, closed.resolved_at) == ("resolved", end)
    assert any(
        t.reason == "import ended" for _, t in show_incident(monitor, closed.id).events if t.event.value == "resolved"
    )


def test_importing_again_replaces_and_keeps_the_ids_and_notes_of_what_happened_again(
    monitor: App, tmp_path: Path
) -> None:
    path = log(tmp_path / "log.csv", 600, [*range(100, 120), *range(400, 410)])
    imported(monitor, path)
    second, first = incidents(monitor, T0 + 10 * DAY).incidents
    write_note(monitor, first.id, "the provider's certificate had expired", kind="cause", by="amy")
    again = imported(monitor, path)
    assert (again.stored, again.replaced, again.unchanged) == (0, 0, 600)
    same = incidents(monitor, T0 + 10 * DAY)
    assert [i.id for i in same.incidents] == [second.id, first.id]
    assert same.causes == {first.id: "the provider's certificate had expired"}
    healed = log(tmp_path / "healed.csv", 600, range(100, 120))
    assert imported(monitor, healed).replaced == 10
    assert [i.id for i in incidents(monitor, T0 + 10 * DAY).incidents] == [first.id]
    assert level(monitor, T0 + 600 * 300, "50h")["bad"] == 20


def test_work_that_the_calendar_no_longer_has_counts_again(monitor: App, tmp_path: Path) -> None:
    """Only observations that are, or were, inside maintenance have anything to be counted anew."""
    folder = tmp_path / "log"
    folder.mkdir()
    log(folder / "feed.csv", 288, range(100, 112))
    work = {"kind": "maintenance", "source": "feed", "start": iso(T0 + 100 * 300), "end": iso(T0 + 112 * 300)}
    (folder / "calendar.json").write_text(json.dumps([work]))
    imported(monitor, folder)
    with monitor.store.read() as uow:
        assert uow.observations.any_in_maintenance("feed", T0, T0 + DAY)
        assert not uow.observations.any_in_maintenance("feed", T0, T0 + 100 * 300)
        assert uow.rollups.counts(["feed"], {"day": (T0, T0 + DAY)})["feed"]["day"].down == 0
    (folder / "calendar.json").write_text("[]")
    imported(monitor, folder)
    with monitor.store.read() as uow:
        assert not uow.observations.any_in_maintenance("feed", T0, T0 + DAY)
        assert uow.rollups.counts(["feed"], {"day": (T0, T0 + DAY)})["feed"]["day"].down == 12


def test_two_files_of_one_source_add_up(monitor: App, tmp_path: Path) -> None:
    imported(monitor, log(tmp_path / "a.csv", 288, range(280, 288)))
    imported(monitor, log(tmp_path / "b.csv", 288, range(6), start=T0 + DAY))
    (one,) = incidents(monitor, T0 + 3 * DAY).incidents
    assert [(x - T0) // 300 for x in (one.started_at, one.resolved_at or 0)] == [280, 294], "an outage over midnight"
    assert level(monitor, T0 + 2 * DAY, "2d")["bad"] == 14


def test_the_live_rules_do_not_look_at_imported_slots_again(monitor: App, tmp_path: Path) -> None:
    now = monitor.now()
    imported(monitor, log(tmp_path / "log.csv", 100, range(90, 100), source="watched_api", start=now - 100 * 300))
    assert alert_pass(monitor).changes.transitions == []
    with monitor.store.read() as uow:
        assert uow.states.all()["watched_api"].pending is False
        assert uow.rule_windows.all()["watched_api"], "its window was built again, with the imported slots"


def test_lines_that_cannot_be_taken_are_named_and_the_rest_is_taken(monitor: App, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    future = iso(monitor.now() + DAY)
    path.write_text(
        "timestamp,source,status,response_ms\n2026-10-01T00:00:00Z,feed,up,12\n2026-10-01T00:05:00,feed,up,12\n"
        "2026-10-01T00:10:00Z,feed,sideways,12\n2026-10-01T00:15:00Z,feed,up,NaN\n2026-10-01T00:00:30Z,feed,down,\n"
        f"{future},watched_api,up,\n2026-10-01T00:20:00Z,watched_api,up,3\n"
    )
    report = imported(monitor, path)
    assert dict(report.sources.items()).keys() == {"feed", "watched_api"}
    places = [(r.where.rpartition(":")[2], r.reason) for r in report.rejected]
    assert [n for n, _ in places] == ["3", "4", "5", "7"], "line 6 shares the slot of line 2 and counts with it"
    assert "no zone" in places[0][1]
    assert "sideways" in places[1][1]
    assert "has not come yet" in places[3][1]
    assert report.folded == 2
    assert "2 lines shared their slot with others and were counted together" in report.sentence()
    assert "4 lines rejected" in report.sentence()


def test_a_file_with_nothing_to_take_is_refused(monitor: App, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("when,who\nyesterday,me\n")
    with pytest.raises(BadInput, match="no observation that can be used"):
        imported(monitor, tmp_path / "log.csv")
    with pytest.raises(BadInput, match="does not exist"):
        imported(monitor, tmp_path / "nowhere.csv")


def test_an_export_read_back_gives_the_same_answers(tmp_path: Path, store_url: str) -> None:
    with open_monitor(tmp_path, store_url) as app:
        imported(app, log(tmp_path / "log.csv", 500, [*range(50, 60), 200, *range(300, 420)], unknown=[7]))
        before = (level(app, T0 + 2 * DAY, "2d"), incidents(app, T0 + 2 * DAY).summary)
        out = io.StringIO()
        export_history(app, ["feed"], "90d", out)
    (tmp_path / "again.csv").write_text(out.getvalue())
    (tmp_path / "second").mkdir()
    with open_monitor(tmp_path / "second", f"sqlite:///{tmp_path}/second.db") as app:
        imported(app, tmp_path / "again.csv")
        assert (level(app, T0 + 2 * DAY, "2d"), incidents(app, T0 + 2 * DAY).summary) == before


def test_figures_by_rule_and_a_timeline_to_begin_a_post_mortem_with(monitor: App, tmp_path: Path) -> None:
    imported(monitor, log(tmp_path / "log.csv", 300, range(100, 120)))
    found = incidents(monitor, T0 + 2 * DAY)
    write_note(monitor, found.incidents[0].id, "restarted the | proxy", kind="note", by="bo")
    text = markdown(show_incident(monitor, found.incidents[0].id).as_json())
    assert "| Time to resolve | 1 h 40 min |" in text
    assert "source-down: escalated" in text
    assert "note by bo | restarted the \\| proxy" in text
    assert found.summary.mtbf_s == (280 * 300) / 1 + 0 * HOUR
    with pytest.raises(UnknownName, match="INC-4127"):
        show_incident(monitor, "tuesday's")
    with pytest.raises(BadInput, match="blank"):
        write_note(monitor, found.incidents[0].id, " ", kind="note", by="bo")


def test_observations_that_are_in_the_store_already_can_be_replayed_again_and_again(monitor: App) -> None:
    """What the demo does with its thirty days."""
    name, first = "watched_api", monitor.now() // 300 * 300 - 300 * 300
    seen = [
        Observation(name, first + n * 300, first + n * 300 + 2, Status.DOWN if 100 <= n < 110 or n > 290 else Status.UP)
        for n in range(300)
    ]
    with monitor.store.write() as uow:
        uow.observations.add(seen)
    slots = {name: (seen[0].slot, seen[-1].slot)}
    chosen = {name: monitor.config.sources[name]}
    assert replay_stored(monitor, chosen, slots) == replay_stored(monitor, chosen, slots) > 0
    found = [((i.started_at - first) // 300, i.state) for i in incidents(monitor, monitor.now()).incidents]
    assert found == [(291, "open"), (100, "resolved")]
    assert alert_pass(monitor).changes.notifications == (), "the live pass tells nothing of the past"
