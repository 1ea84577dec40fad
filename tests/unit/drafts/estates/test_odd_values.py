"""Files of other tools hold secrets in odd places and values that no tool would accept: both end in words, never in a traceback."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.drafts.estates import Format, detect, read_estate
from busta_health_dagster.drafts.finishing import Import, finish, summary
from busta_health_dagster.drafts.writing import file_text

SECRET = "swordfish42"
HUGE = "9" * 5000


def made(text: str, kind: str | None = None, base_url: str = "") -> Import:
    return finish(read_estate(text, Format(kind) if kind else detect(text), base_url))


def everything(found: Import) -> str:
    left = "\n".join(f"{one.title} {one.kind} {one.why}" for one in found.left_out)
    return "\n".join((file_text((), found.entries), *summary(found), left))


def gatus(**endpoint: Any) -> str:
    return yaml.safe_dump({"endpoints": [{"name": "a", "url": "https://x.example/a", **endpoint}]})


def kuma(**monitor: Any) -> str:
    return json.dumps({"monitorList": [{"name": "a", "type": "http", "url": "https://x.example/a", **monitor}]})


def openapi(operation: dict[str, Any] | None = None, server: str = "https://x.example", **more: Any) -> str:
    paths = {"/a": {"get": {"responses": {"200": {}}, **(operation or {})}}}
    return json.dumps({"openapi": "3.0.0", "servers": [{"url": server}], "paths": paths, **more})


@pytest.mark.parametrize(
    "text",
    [
        f"https://x.example/a?token={SECRET}\n",
        f"url,name\nhttps://x.example/a,see https://bets:{SECRET}@x.example/a\n",
        f"url,name\nhttps://bets:{SECRET}@x.ex ample/a,broken\n",
        f"url,name\nhttps://bets:{SECRET}@[x.example/a,broken\n",
        kuma(description=f"the password={SECRET} is new"),
        gatus(conditions=[f"[DOMAIN_EXPIRATION] > 48h token={SECRET}"]),
        openapi({"summary": f"Ask with api_key={SECRET}"}),
    ],
)
def test_a_secret_that_stands_in_a_title_a_note_or_a_broken_address_is_copied_nowhere(text: str) -> None:
    assert SECRET not in everything(made(text))


def test_nothing_of_a_secret_becomes_a_name() -> None:
    (entry,) = made(f"https://x.example/odds?token={SECRET}\n").entries
    assert entry.name == "x_example_odds_token"


def test_a_server_with_its_secret_is_not_repeated() -> None:
    with pytest.raises(BadInput) as refused:
        made(openapi(server=f"bets.example?token={SECRET}"))
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (gatus(url="https://[x.example/a"), "'https://[x.example/a' is not an address: Invalid IPv6 URL"),
        (kuma(type="port", hostname="x.example", port=HUGE), "it needs a host and a port"),
    ],
)
def test_an_address_that_cannot_be_read_is_left_out_with_its_reason(text: str, left: str) -> None:
    found = made(text)
    assert [one.why for one in found.left_out] == [left]


@pytest.mark.parametrize(
    "text",
    [
        gatus(conditions="[STATUS] == 200"),
        gatus(conditions=[f"[STATUS] == {HUGE}"]),
        gatus(conditions=[f"[STATUS] == any({HUGE})"]),
        gatus(conditions=[f"len([BODY].rows) > {HUGE}"]),
        gatus(conditions=[f"[BODY].n > {HUGE}", f"[BODY].n > 1.{HUGE}"]),
        gatus(interval=float("inf"), client={"timeout": 1e300}),
        gatus(interval=f"{HUGE}s"),
        kuma(interval=1e300, timeout=float("nan")),
        kuma(accepted_statuscodes=[HUGE, f"200-{HUGE}", "200-299"]),
        kuma(parent=[1]),
        kuma(parent={"id": 1}),
        openapi({"parameters": [{"name": "a", "in": ["query"], "required": True, "schema": {"enum": {"a": 1}}}]}),
        openapi({"parameters": [{"name": "a", "in": "query", "required": True, "schema": {"enum": "abc"}}]}),
        openapi({"responses": {f"2{HUGE}": {}}}),
        openapi({"security": [{"k": []}]}, components={"securitySchemes": {"k": {"type": "apiKey", "in": ["header"]}}}),
        f"url,tier\nhttps://x.example/a,{HUGE}\n",
    ],
)
def test_a_value_that_no_tool_accepts_is_passed_over(text: str) -> None:
    assert HUGE not in str([dict(entry.fields) for entry in made(text).entries])


def test_a_folder_is_found_whatever_kind_its_number_has() -> None:
    group = {"id": 7, "name": "Odds", "type": "group"}
    web = {"name": "a", "type": "http", "url": "https://x.example/a", "parent": "7"}
    (entry,) = made(json.dumps({"monitorList": [group, web]})).entries
    assert entry.fields["tags"]["folder"] == "Odds"


def test_a_column_of_addresses_under_a_heading_is_a_list() -> None:
    assert detect("url\nhttps://x.example/a\nhttps://x.example/b\n") is Format.CSV


@pytest.mark.parametrize(
    ("server", "base_url", "url"),
    [
        ("/v2", "https://x.example/api", "https://x.example/api/v2/a"),
        ("/v2/", "https://x.example/api/", "https://x.example/api/v2/a"),
        ("//cdn", "https://x.example", "https://x.example/cdn/a"),
        ("https://other.example", "https://x.example", "https://x.example/a"),
    ],
)
def test_a_relative_server_stands_below_the_base_address(server: str, base_url: str, url: str) -> None:
    (entry,) = made(openapi(server=server), base_url=base_url).entries
    assert entry.fields["url"] == url


@pytest.mark.parametrize("server", ["https://x.example/?v=1", "https://x.example/#top"])
def test_a_server_with_a_query_is_refused_for_no_path_can_stand_behind_it(server: str) -> None:
    with pytest.raises(BadInput, match="has a query, behind which no path can stand"):
        made(openapi(server=server))


@pytest.mark.parametrize("end", ["\n", "\r", "\x85", "\u2028", "\x00", "\x1b[2J"])
def test_what_comes_from_outside_cannot_end_the_comment_that_it_stands_in(end: str) -> None:
    note = f"[DOMAIN_EXPIRATION] > 48h{end}version: 2"
    found = made(json.dumps({"endpoints": [{"name": "a", "url": "https://x.example", "conditions": [note]}]}), "gatus")
    (entry,) = found.entries
    assert entry.notes
    text = file_text((note,), found.entries)
    assert yaml.safe_load(text)["version"] == 1
    assert len(text.splitlines()) == len(text.split("\n")) - 1
