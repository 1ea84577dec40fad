"""Dates in what is asked for, and what else a request may need: repeated parameters, prefixed keys."""

from __future__ import annotations

import sqlite3
from datetime import datetime

import pytest
from probe_servers import SECRETS, look, reply
from pydantic import ValidationError

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.probes.dates import fill
from busta_health_dagster.probes.file import FileConfig
from busta_health_dagster.probes.http_config import HttpConfig
from busta_health_dagster.probes.sql import SqlConfig
from busta_health_dagster.testing import EPOCH

URL = "https://example.com/odds"


@pytest.mark.parametrize(
    ("text", "zone", "filled"),
    [
        ("{today}", "UTC", "2026-11-23"),
        ("{today}", "Pacific/Honolulu", "2026-11-22"),
        ("{today-1d}", "UTC", "2026-11-22"),
        ("{today+1w:%Y/%m/%d}", "UTC", "2026/11/30"),
        ("{now:%Y%m%dT%H}", "America/New_York", "20261123T03"),
        ("{now-9h:%Y%m%dT%H}", "UTC", "20261122T23"),
        ("{now}", "UTC", "2026-11-23T08:00:00+00:00"),
        ("no date", "UTC", "no date"),
    ],
)
def test_a_date_is_that_of_the_zone(text, zone, filled):
    assert fill(text, EPOCH, zone) == filled


@pytest.mark.parametrize(
    ("now", "text", "filled"),
    [
        ("2026-03-08 03:30-04:00", "{now-1h:%H:%M}", "01:30"),  # there was no half past two
        ("2026-03-08 03:30-04:00", "{now-90m}", "2026-03-08T01:00:00-05:00"),
        ("2026-03-08 03:30-04:00", "{now-1d}", "2026-03-07T03:30:00-05:00"),
        ("2026-03-08 03:30-04:00", "{now+1w:%H:%M}", "03:30"),
        ("2026-11-01 01:30-05:00", "{now-1h}", "2026-11-01T01:30:00-04:00"),  # half past one was twice
        ("2026-11-01 01:30-04:00", "{now+60m}", "2026-11-01T01:30:00-05:00"),
        ("2026-11-01 01:30-05:00", "{now-24h:%dT%H}", "31T02"),
        ("2026-11-01 01:30-05:00", "{now-1d:%dT%H}", "31T01"),
        ("2026-11-01 00:30-04:00", "{today-1h}", "2026-10-31"),
    ],
)
def test_hours_are_elapsed_time_and_days_keep_the_time_of_day_where_clocks_change(now, text, filled):
    assert fill(text, datetime.fromisoformat(now).timestamp(), "America/New_York") == filled


async def test_url_parameters_and_body_carry_dates(serve):
    heads = []

    async def answer(_served, head, writer):
        heads.append(head)
        writer.write(reply([1]))
        await writer.drain()

    web = await serve(answer)
    config = {
        "url": web.url("/{today:%Y%m%d}/odds"),
        "method": "POST",
        "params": {"from": "{today-1d}", "market": ["h2h", "spreads"], "hour": "{now:%H}"},
        "body": {"query": "query { games(day: 1) { id } }", "days": ["{today}"]},
        "zone": "America/New_York",
    }
    assert (await look("http", config)).status is Status.UP
    assert heads[0].startswith("POST /20261123/odds?from=2026-11-22&market=h2h&market=spreads&hour=03 ")


async def test_paths_and_queries_carry_dates(tmp_path):
    (tmp_path / "2026-11-22.csv").write_text("a\n1\n")
    file = await look("file", {"path": f"{tmp_path}/{{today-1d}}.csv"})
    assert (file.items, file.facts["file"]) == (1, "2026-11-22.csv")
    with sqlite3.connect(tmp_path / "x.db") as db:
        db.execute("create table games (day)")
        db.executemany("insert into games values (?)", [("2026-11-22",), ("2026-11-23",)])
    query = "select day from games where day = '{today}'"
    assert (await look("sql", {"url": f"sqlite:///{tmp_path}/x.db", "query": query})).items == 1


@pytest.mark.parametrize(
    ("model", "config"),
    [
        (HttpConfig, {"url": f"{URL}/{{yesterday}}"}),
        (HttpConfig, {"url": f"{URL}/{{today-1}}"}),
        (HttpConfig, {"url": URL, "params": {"day": ["{date}"]}}),
        (HttpConfig, {"url": URL, "method": "POST", "body": {"day": "{today-1}"}}),
        (FileConfig, {"path": "data/{day}.csv"}),
        (SqlConfig, {"url": "sqlite:///x.db", "query": "select '{now-1}'"}),
    ],
)
def test_any_other_brace_is_refused_at_load_with_the_ways_to_write_a_date(model, config):
    with pytest.raises(ValidationError) as refused:
        model(**config)
    assert "is no date; write {today}, {today-1d}" in str(refused.value)


async def test_an_api_key_may_have_a_word_before_it(serve):
    web = await serve(reply([1]))
    config = {"url": web.url(), "headers": {"Authorization": {"env": "API_KEY", "prefix": "Token "}}}
    assert (await look("http", config)).status is Status.UP
    assert f"Authorization: Token {SECRETS['API_KEY']}" in web.requests[0]


def test_a_literal_secret_in_a_list_of_parameters_is_refused():
    with pytest.raises(ValidationError, match="literal secret"):
        HttpConfig(url=URL, params={"api_key": ["abc"]})


async def test_gzip_is_known_by_its_first_bytes(tmp_path):
    import gzip

    (tmp_path / "export.csv").write_bytes(gzip.compress(b"a\n1\n2\n"))
    assert (await look("file", {"path": f"{tmp_path}/export.csv"})).items == 2
