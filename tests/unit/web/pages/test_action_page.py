"""The links in messages, over real sockets: a look changes nothing, one confirmation acts, and no more."""

from __future__ import annotations

import json
import re
import resource
import stat
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from page_stories import history, seen, serving, tick, world
from starlette.applications import Starlette

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.access import Role
from busta_health_dagster.domain.action_link import LIFETIME_S, LINK_PATH, LinkAction
from busta_health_dagster.domain.errors import HomeNotWritable
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.pipeline.alerting.action_links import action_urls
from busta_health_dagster.pipeline.alerting.actions import acknowledge
from busta_health_dagster.pipeline.app import access
from busta_health_dagster.pipeline.app.link_key import link_key
from busta_health_dagster.pipeline.app.links import note_web_address
from busta_health_dagster.pipeline.delivery.attempt import notification_of
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from busta_health_dagster.testing import FakeClock
from busta_health_dagster.web.auth_middleware import AuthMiddleware
from busta_health_dagster.web.routes import routes
from busta_health_dagster.web.serve import doorkeeper

T0 = 1_795_000_000


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(T0)


@pytest.fixture
def app(tmp_path: Path, clock: FakeClock):
    with world(tmp_path / "home", clock) as app:
        note_web_address(app, host="127.0.0.1", port=3000, tls=False)
        history(app, clock, 3, odds_api=Status.DOWN)
        yield app


def web(app):
    return AuthMiddleware(Starlette(routes=routes(app)), doorkeeper(app, host="127.0.0.1", port=0))


@pytest.fixture
def url(app):
    with serving(web(app)) as found:
        yield found


def links(app) -> dict[str, str]:
    """The paths of the newest message's links."""
    with app.store.read() as uow:
        row = next(r for r in uow.outbox.list("waiting", "done") if r.message.alert_ids)
        found = action_urls(app, uow, notification_of(row.message.payload), row.message.key, row.message.channel)
    return {action: urlsplit(address).path for action, address in found.items()}


def alert(app):
    with app.store.read() as uow:
        return uow.alerts.get(1)


def deeds(app) -> list[tuple[str, str, str]]:
    with app.store.read() as uow:
        return [(e.actor, e.action, e.subject) for e in uow.audit.list() if e.action.startswith("alert.")]


def test_a_delivered_message_carries_links_and_the_outbox_does_not(app) -> None:
    assert delivery_pass(app).delivered == 1
    sent = json.loads((app.home.root / "notifications.jsonl").read_text().splitlines()[0])
    assert sorted(sent["data"]["links"]) == ["ack", "snooze"]
    assert all(u.startswith(f"http://127.0.0.1:3000{LINK_PATH}") for u in sent["data"]["links"].values())
    with app.store.read() as uow:
        assert LINK_PATH not in json.dumps(uow.outbox.list("done")[0].message.payload)


def test_the_key_is_made_once_and_for_this_user_only(app) -> None:
    first = links(app)
    assert stat.S_IMODE(app.home.link_key.stat().st_mode) == 0o600
    assert links(app) == first, "a message that is sent again carries the same links"


@pytest.mark.parametrize("room", [0, 10])
def test_a_full_disk_leaves_no_key_that_is_too_short_and_no_rest_of_one(app, room: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(HomeNotWritable, match="cannot be kept in"):
            link_key(app)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(app.home.link_key.parent.glob(f"{app.home.link_key.name}*")) == []
    assert len(link_key(app)) == 64


def test_following_a_link_changes_nothing_and_confirming_acts_under_its_own_name(app, url: str) -> None:
    path = links(app)["ack"]
    for _ in range(3):  # the mail scanner, the preview of the chat, the person
        answer = requests.get(url + path, timeout=10)
        assert answer.status_code == 200
        assert requests.head(url + path, timeout=10).status_code == 200
    assert "Acknowledge odds_api?" in answer.text
    assert "by link, sent to log" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert alert(app).ack is None
    assert deeds(app) == []
    done = requests.post(url + path, data={"note": "asked the provider"}, timeout=10)
    assert done.status_code == 200
    assert "odds_api is acknowledged" in done.text
    assert (alert(app).ack.by, alert(app).ack.note) == ("by link, sent to log", "asked the provider")
    assert deeds(app) == [("by link, sent to log", "alert.ack", "alert 1")]


def test_a_link_works_once(app, url: str) -> None:
    path = links(app)["snooze"]
    assert "Snooze odds_api for 1 h?" in requests.get(url + path, timeout=10).text
    assert requests.post(url + path, timeout=10).status_code == 200
    assert alert(app).snooze.ends_at == app.now() + 3600
    for again in (requests.get(url + path, timeout=10), requests.post(url + path, timeout=10)):
        assert again.status_code == 409
        assert "was used on" in again.text
        assert "works once" in again.text
    assert len(deeds(app)) == 1


def test_of_two_web_processes_one_acts(app, url: str) -> None:
    path = links(app)["ack"]
    other = bootstrap.open_app(home=app.home.root, environ={"BUSTA_HOME": str(app.home.root)}, clock=app.clock)
    with other, serving(web(other)) as second:
        answers: list[int] = []
        start = threading.Barrier(6)

        def confirm(base: str) -> None:
            start.wait()
            answers.append(requests.post(base + path, timeout=60).status_code)

        threads = [threading.Thread(target=confirm, args=(base,)) for base in (url, second) * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(answers) == [200, 409, 409, 409, 409, 409]
    assert len(deeds(app)) == 1


def test_with_tokens_on_the_link_is_the_permission_for_exactly_this(app, url: str) -> None:
    access.create_token(app, name="admin-1", role=Role.ADMIN, by="test")
    found = links(app)
    assert sorted(found) == ["ack", "open", "snooze"]
    assert requests.get(f"{url}/source-health/s/odds_api", timeout=10, allow_redirects=False).status_code == 401
    assert "odds_api" in requests.get(url + found["open"], timeout=10).text
    assert requests.post(url + found["open"], timeout=10).status_code == 200
    assert deeds(app) == [], "to open changes nothing"
    assert requests.post(url + found["ack"], timeout=10).status_code == 200
    assert requests.post(f"{url}/api/v1/alerts/1/resolve", timeout=10).status_code == 401


def test_a_page_elsewhere_cannot_confirm_it(app, url: str) -> None:
    path = links(app)["ack"]
    answer = requests.post(url + path, headers={"origin": "https://evil.example"}, timeout=10)
    assert answer.status_code == 403
    assert alert(app).ack is None
    with app.store.read() as uow:
        assert all(path not in e.subject for e in uow.audit.list()), "a permission is not written into the log"


def test_expired_forged_cut_and_foreign_links_get_a_sentence(app, url: str, clock: FakeClock, tmp_path: Path) -> None:
    path = links(app)["ack"]
    forged = path[:-1] + ("A" if path[-1] != "A" else "B")
    assert _refused(url + forged) == (403, "changed on its way")
    assert _refused(url + path[:-9]) == (400, "not complete")
    with world(tmp_path / "other", FakeClock(T0)) as other:
        note_web_address(other, host="127.0.0.1", port=3001, tls=False)
        history(other, other.clock, 3, odds_api=Status.DOWN)
        assert _refused(url + links(other)["ack"]) == (403, "another monitor")
    clock.advance(LIFETIME_S + 1)
    assert _refused(url + path) == (410, "ended on")
    assert alert(app).ack is None


def _refused(address: str) -> tuple[int, str]:
    answers = [requests.get(address, timeout=10), requests.post(address, timeout=10)]
    assert answers[0].status_code == answers[1].status_code
    texts = [re.search(r'role="alert">(.*?)</p>', a.text, re.DOTALL).group(1) for a in answers]
    assert texts[0] == texts[1]
    said = ["changed on its way", "not complete", "another monitor", "ended on", "is over since", "no alert 1"]
    return answers[0].status_code, next(s for s in said if s in texts[0])


def test_what_is_over_is_not_acted_upon(app, url: str, clock: FakeClock) -> None:
    path = links(app)["ack"]
    for _ in range(3):
        clock.advance(300)
        tick(app, *(seen(app, name) for name in app.config.sources))
    assert _refused(url + path) == (409, "is over since")


def test_the_same_number_in_a_fresh_store_is_another_alert(app, tmp_path: Path) -> None:
    found = links(app)["ack"]
    with world(tmp_path / "fresh", FakeClock(T0)) as fresh:
        (fresh.home.link_key).write_bytes(app.home.link_key.read_bytes())
        fresh.home.link_key.chmod(0o600)
        with serving(web(fresh)) as base:
            assert _refused(base + found) == (404, "no alert 1")
        history(fresh, fresh.clock, 3, scores_api=Status.DOWN)
        with serving(web(fresh)) as base:
            assert _refused(base + found) == (403, "another monitor")


def test_who_takes_over_is_told_so_before(app, url: str) -> None:
    path = links(app)["ack"]
    acknowledge(app, [1], actor="op2")
    assert "op2 has it since" in (text := requests.get(url + path, timeout=10).text)
    assert "you take it over" in text
    requests.post(url + path, timeout=10)
    assert alert(app).ack.taken_over == "op2"


def test_a_key_that_others_can_read_signs_nothing_and_the_doctor_says_so(app, url: str) -> None:
    from busta_health_dagster.pipeline.views.doctor import store_findings

    path = links(app)["ack"]
    app.home.link_key.chmod(0o644)
    assert links(app) == {}
    assert requests.get(url + path, timeout=10).status_code == 503
    assert any("can be read by others" in p.message for p in store_findings(app))


def test_monitors_without_a_common_home_share_a_configured_key(tmp_path: Path, clock: FakeClock) -> None:
    given = {"BUSTA_LINK_KEY": "0123456789abcdef" * 4}
    with world(tmp_path / "home", clock, **given) as app:
        settings = "version: 1\nweb: {link_key: {env: BUSTA_LINK_KEY}}\n"
        (app.home.config / "settings.yaml").write_text(settings)
        opened = bootstrap.open_app(
            home=app.home.root, environ={"BUSTA_HOME": str(app.home.root), **given}, clock=clock
        )
        note_web_address(opened, host="127.0.0.1", port=3000, tls=False)
        history(opened, clock, 3, odds_api=Status.DOWN)
        assert LinkAction.ACK in links(opened)
        assert not opened.home.link_key.exists()
        opened.close()
        short = {"BUSTA_LINK_KEY": "short"}
        with bootstrap.open_app(
            home=app.home.root, environ={"BUSTA_HOME": str(app.home.root), **short}, clock=clock
        ) as bad:
            assert links(bad) == {}


THREE = """\
version: 1
sources:
  - {name: odds_api, type: odds, probe: http, url: "http://127.0.0.1:9/odds", allow_private: true, tier: 1}
  - {name: scores_api, type: scores, probe: http, url: "http://127.0.0.1:9/scores", allow_private: true, tier: 1}
  - {name: espn_nfl, type: news, probe: feed, url: "http://127.0.0.1:9/rss", allow_private: true, tier: 1}
"""


@pytest.fixture
def three(tmp_path: Path, clock: FakeClock):
    """Three alerts in one message."""
    with world(tmp_path / "three", clock, sources=THREE) as app:
        note_web_address(app, host="127.0.0.1", port=3000, tls=False)
        history(app, clock, 3, odds_api=Status.DOWN, scores_api=Status.DOWN, espn_nfl=Status.DOWN)
        yield app


def of_alerts(app) -> list:
    with app.store.read() as uow:
        return uow.alerts.by_ids([1, 2, 3])


def test_one_link_acknowledges_all_that_a_message_names_once_and_each_is_audited(three) -> None:
    assert delivery_pass(three).delivered == 1
    sent = json.loads((three.home.root / "notifications.jsonl").read_text().splitlines()[0])
    assert sorted(sent["data"]["links"]) == ["ack", "snooze"]
    path = links(three)["ack"]
    with serving(web(three)) as base:
        asked = requests.get(base + path, timeout=10).text
        assert "Acknowledge all 3 alerts?" in asked
        assert all(f"{name}: " in asked for name in ("odds_api", "scores_api", "espn_nfl"))
        assert [a.ack for a in of_alerts(three)] == [None, None, None]
        done = requests.post(base + path, data={"note": "the proxy"}, timeout=10)
        assert (done.status_code, "All 3 alerts are acknowledged" in done.text) == (200, True)
        assert {(a.ack.by, a.ack.note) for a in of_alerts(three)} == {("by link, sent to log", "the proxy")}
        assert sorted(deeds(three)) == [("by link, sent to log", "alert.ack", f"alert {n}") for n in (1, 2, 3)]
        assert requests.post(base + path, timeout=10).status_code == 409
        assert len(deeds(three)) == 3


def test_what_has_ended_meanwhile_is_left_out_and_said(three, clock: FakeClock) -> None:
    path = links(three)["snooze"]
    for _ in range(3):
        clock.advance(300)
        tick(three, *(seen(three, n, Status.UP if n == "espn_nfl" else Status.DOWN) for n in three.config.sources))
    ended = next(a for a in of_alerts(three) if a.source == "espn_nfl")
    with serving(web(three)) as base:
        asked = requests.get(base + path, timeout=10).text
        assert "Snooze all 2 alerts for 1 h?" in asked
        left_out = "Left out, because it has ended since the message was sent: espn_nfl"
        assert left_out in asked
        done = requests.post(base + path, timeout=10).text
        assert "All 2 alerts are snoozed" in done
        assert left_out in done
    assert {a.source for a in of_alerts(three) if a.snooze is not None} == {"odds_api", "scores_api"}
    assert f"alert {ended.id}" not in {subject for _, _, subject in deeds(three)}


def test_when_all_of_a_message_is_over_its_links_say_so(three, clock: FakeClock) -> None:
    path = links(three)["ack"]
    for _ in range(3):
        clock.advance(300)
        tick(three, *(seen(three, name) for name in three.config.sources))
    with serving(web(three)) as base:
        answer = requests.post(base + path, timeout=10)
    assert answer.status_code == 409
    assert "Each of the 3 alerts" in answer.text


def test_with_tokens_on_the_message_of_several_opens_them_all(three) -> None:
    access.create_token(three, name="admin-1", role=Role.ADMIN, by="test")
    with serving(web(three)) as base:
        opened = requests.get(base + links(three)["open"], timeout=10).text
    assert all(f"{name}: " in opened for name in ("odds_api", "scores_api", "espn_nfl"))
    assert deeds(three) == []
