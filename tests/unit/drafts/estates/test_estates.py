"""Each format of another tool: what becomes a source, and what is left out with which reason."""

from __future__ import annotations

import json

import pytest

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.drafts.draft import Estate
from busta_health_dagster.drafts.estates import Format, detect, read_estate
from busta_health_dagster.drafts.finishing import Import, finish


def made(text: str, kind: str | None = None, base_url: str = "", **more) -> Import:
    return finish(read_estate(text, Format(kind) if kind else detect(text), base_url), **more)


def entries(found: Import) -> dict[str, dict]:
    return {entry.name: dict(entry.fields) for entry in found.entries}


def left(found: Import) -> list[tuple[str, str, str]]:
    return [(one.title, one.kind, one.why) for one in found.left_out]


OPML = """<?xml version="1.0" encoding="utf-8"?>
<opml version="2.0"><head><title>Mine</title></head><body>
 <outline text="Sports"><outline text="NFL & more">
  <outline type="rss" text="Bills" xmlUrl="https://feeds.example.com/bills?a=1&b=2" htmlUrl="https://example.com"/>
  <outline type="rss" text="Bills" xmlUrl="https://feeds.example.com/other"/>
 </outline>
 <outline type="rss" title="Twice" xmlUrl="https://feeds.example.com/other/"/></outline>
 <outline text="A link" type="link" url="https://example.com"/>
 <outline text="49ers" xmlUrl="feeds.example.com/49ers"/>
 <outline text="Bad" xmlUrl="gopher://x.example/"/>
 <outline text="&#1053;&#1086;&#1074;" xmlUrl="https://x.example/ru"/>
</body></opml>"""


def test_opml_keeps_its_folders_and_finds_duplicates() -> None:
    found = made(OPML)
    assert {name: (e["url"], e["tags"].get("folder")) for name, e in entries(found).items()} == {
        "bills": ("https://feeds.example.com/bills?a=1&b=2", "Sports_NFL_more"),
        "bills_2": ("https://feeds.example.com/other", "Sports_NFL_more"),
        "s_49ers": ("https://feeds.example.com/49ers", None),
        "x_example_ru": ("https://x.example/ru", None),
    }
    assert left(found) == [
        ("A link", "link", "it has no xmlUrl, so there is no feed to read"),
        ("Bad", "outline", "there is no probe for gopher://"),
        ("Twice", "duplicate", "bills_2 asks the same address"),
    ]
    assert entries(found)["bills"]["probe"] == "feed"
    assert entries(found)["bills"]["interval"] == "30m"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<opml><body>", "it is not readable as XML"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><opml/>', "it declares entities"),
        ("<html><opml></html>", "it is not readable as XML"),
        ("<html></html>", "its root is <html>"),
    ],
)
def test_what_is_no_opml_says_why(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        read_estate(text, Format.OPML)


def test_an_opml_that_is_no_xml_is_read_leniently_and_says_so() -> None:
    found = made(
        '<opml><body><outline text="Odds"><outline text="The "Best" <odds>" xmlUrl="https://x.example/a?b=1&c=2"/>'
        '<outline text="B" xmlUrl="https://x.example/b"></outline></outline>'
        '<outline text="C" xmlUrl="https://x.example/c" /></body></opml>'
    )
    assert {e["url"]: e["tags"].get("folder") for e in entries(found).values()} == {
        "https://x.example/a?b=1&c=2": "Odds",
        "https://x.example/b": "Odds",
        "https://x.example/c": None,
    }
    assert entries(found)["the_best_odds"]["description"] == 'The "Best" <odds>'
    assert "and was read leniently" in left(found)[0][2]


def test_folders_may_be_nested_as_deep_as_someone_wrote_them() -> None:
    deep = "<outline text='f'>" * 2000 + "<outline xmlUrl='https://x.example/feed'/>" + "</outline>" * 2000
    assert list(entries(made(f"<opml><body>{deep}</body></opml>"))) == ["x_example_feed"]


def test_csv_has_the_columns_that_people_name() -> None:
    found = made(
        "Title;Website;Category;Frequency;Colour\n"
        "NFL odds;https://odds.example.com/v4;Odds;90;red\n"
        "News;https://news.example.com/feed.xml;;15m;blue\n"
        ";;;;\n"
        "Broken;not an address;;;\n"
    )
    assert {n: (e["probe"], e["interval"], e["tags"].get("folder")) for n, e in entries(found).items()} == {
        "nfl_odds": ("http", "2m", "Odds"),
        "news": ("feed", "15m", None),
    }
    assert left(found) == [
        ("Colour", "column", "no key of a source"),
        ("Broken", "row", "'https://not an address' is not an address"),
    ]


def test_csv_may_be_nothing_but_addresses_or_hosts_with_ports() -> None:
    assert list(entries(made("https://a.example/x\nhttps://b.example/rss\n"))) == ["a_example_x", "b_example_rss"]
    found = entries(made("name,host,port,tier\ndb,10.0.0.5,5432,1\nbad,x.example,0,1\n"))
    assert found["db"] | {"tags": 0} == {
        "name": "db",
        "type": "ports",
        "probe": "tcp",
        "host": "10.0.0.5",
        "port": 5432,
        "allow_private": True,
        "tier": 1,
        "interval": "5m",
        "tags": 0,
    }


def test_csv_without_an_address_says_which_columns_it_has() -> None:
    with pytest.raises(BadInput, match="no column says what to ask: it has a, b"):
        made("a,b\n1,2\n")


GATUS = """
endpoints:
  - name: front end
    group: core
    url: "https://example.org/health"
    interval: 30s
    client: {timeout: 20s, insecure: true, ignore-redirect: true}
    headers: {Authorization: "Bearer abc.def", X-Api-Key: "${KEY}", Accept: application/json}
    conditions:
      - "[STATUS] == any(200, 429)"
      - "[BODY].status == UP"
      - "[BODY].count > 3"
      - "[BODY] == pat(*fine*)"
      - "has([BODY].errors) == false"
      - "len([BODY].data) > 0"
      - "[RESPONSE_TIME] < 150"
      - "[CERTIFICATE_EXPIRATION] > 48h"
  - {name: ping, url: "icmp://example.org", conditions: ["[CONNECTED] == true"]}
  - {name: dns, url: 8.8.8.8, dns: {query-name: example.com, query-type: MX}, conditions: ["[DNS_RCODE] == NOERROR"]}
  - {name: db, url: "tcp://postgres:5432", conditions: ["[CONNECTED] == true"]}
  - {name: off, enabled: false, url: "https://example.org"}
  - {name: api, url: "https://api.example.org/rss", method: DELETE, conditions: ["[STATUS] < 300"]}
external-endpoints:
  - {name: nightly, token: secret, heartbeat: {interval: 30m}}
suites: [{name: flow}]
"""


def test_gatus_conditions_become_expectations_and_the_rest_is_said() -> None:
    found = made(GATUS)
    front = next(e for e in found.entries if e.name == "core_front_end")
    assert front.fields["expect"] == {
        "min_items": 1,
        "status": [200, 429],
        "json": [
            {"path": "$.status", "equals": "UP"},
            {"path": "$.count", "op": ">", "value": 3},
            {"path": "$.errors", "exists": False},
        ],
        "regex": ["fine"],
    }
    assert front.notes == ("Not carried over: [RESPONSE_TIME] < 150",)
    assert (front.fields["interval"], front.fields["timeout"]) == ("1m", "17s")
    assert (front.fields["cert_days"], front.fields["redirects"], front.fields["tls"]) == (2.0, 0, {"verify": False})
    assert front.fields["auth"] == {"bearer": {"env": "CORE_FRONT_END_TOKEN"}}
    assert front.fields["headers"] == {"X-Api-Key": {"env": "KEY"}, "Accept": "application/json"}
    assert front.asks_for == ("CORE_FRONT_END_TOKEN", "KEY")
    assert {n: e["probe"] for n, e in entries(found).items()} == {
        "core_front_end": "http",
        "dns": "dns",
        "db": "tcp",
        "nightly": "heartbeat",
    }
    assert left(found) == [
        ("ping", "icmp", "there is no probe for icmp://"),
        ("off", "https", "it is disabled"),
        ("api", "https", "a monitor does not send DELETE"),
        ("flow", "suite", "steps that depend on each other are no source"),
    ]


KUMA = {
    "version": "1.23.0",
    "monitorList": [
        {"id": 1, "name": "Web", "type": "group"},
        {
            "id": 2,
            "name": "Site",
            "type": "http",
            "url": "https://x.example",
            "interval": 20,
            "timeout": 48,
            "parent": 1,
            "accepted_statuscodes": ["200-299", "304"],
            "maxretries": 1,
            "active": True,
            "maxredirects": 10,
            "headers": '{"X-Token": "abcdef", "Accept": "text/html"}',
            "basic_auth_user": "me",
            "basic_auth_pass": "hush",
        },
        {"id": 3, "name": "Word", "type": "keyword", "url": "https://y.example", "keyword": "a.b", "invertKeyword": 1},
        {"id": 4, "name": "Port", "type": "port", "hostname": "192.168.1.5", "port": 22, "interval": 60},
        {
            "id": 5,
            "name": "Name",
            "type": "dns",
            "hostname": "x.example",
            "dns_resolve_type": "AAAA",
            "dns_resolve_server": "1.1.1.1",
            "interval": 300,
        },
        {"id": 6, "name": "Job", "type": "push", "interval": 3600, "pushToken": "hush"},
        {"id": 7, "name": "Paused", "type": "http", "url": "https://z.example", "active": 0},
        {"id": 8, "name": "Ping", "type": "ping", "hostname": "x.example"},
        {"id": 9, "name": "Ping too", "type": "ping", "hostname": "y.example"},
        {"id": 10, "name": "Box", "type": "docker", "docker_container": "x"},
        {
            "id": 11,
            "name": "Rows",
            "type": "postgres",
            "databaseQuery": "select 1",
            "databaseConnectionString": "postgres://u:hush@h/d",
        },
        {"id": 12, "name": "Up", "type": "http", "url": "https://u.example", "upsideDown": True},
        {
            "id": 13,
            "name": "Q",
            "type": "json-query",
            "url": "https://q.example",
            "jsonPath": "a.b",
            "expectedValue": "1",
        },
    ],
}


def test_an_uptime_kuma_backup_names_the_types_that_it_leaves_out() -> None:
    found = made(json.dumps(KUMA))
    made_of = entries(found)
    assert {n: e["probe"] for n, e in made_of.items()} == {
        "site": "http",
        "word": "http",
        "port": "tcp",
        "name": "dns",
        "job": "heartbeat",
        "q": "http",
    }
    assert made_of["site"]["expect"] == {"status": ["2xx", 304]}
    assert made_of["site"]["auth"] == {"basic": {"username": "me", "password": {"env": "SITE_PASSWORD"}}}
    assert made_of["site"]["headers"] == {"X-Token": {"env": "SITE_TOKEN"}, "Accept": "text/html"}
    assert (made_of["site"]["tags"]["folder"], made_of["site"]["interval"], made_of["site"]["timeout"]) == (
        "Web",
        "1m",
        "17s",
    )
    assert made_of["word"]["expect"] == {"regex": [{"pattern": r"a\.b", "absent": True}]}
    assert made_of["port"]["allow_private"] is True
    assert made_of["name"]["servers"] == ["1.1.1.1"]
    assert "hush" not in repr(found)
    assert [(kind, count) for kind, _, count, _ in found.left_out_by_kind()] == [
        ("ping", 2),
        ("http", 1),
        ("docker", 1),
        ("postgres", 1),
        ("http", 1),
    ]
    says = "there is no probe for monitors of type ping; that a port of it is open says probe: tcp"
    assert ("Ping", "ping", says) in left(found)
    assert [n for e in found.entries for n in e.notes if "JSONata" in n]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("redis", "there is no probe for monitors of type redis; that a port of it is open says probe: tcp"),
        (
            "snmp",
            "there is no probe for monitors of type snmp; let a job look, and push with `busta sources heartbeat`",
        ),
        ("sip-options", "there is no probe for monitors of type sip-options"),
        ("postgres", "its connection may hold a secret; write probe: sql with url: {env: NAME} and its query"),
    ],
)
def test_a_kind_of_uptime_kuma_that_we_lack_says_what_comes_closest_and_hides_nothing_of_it(
    kind: str, says: str
) -> None:
    (one,) = left(made(json.dumps({"monitorList": [{"type": kind, "name": "odd", "hostname": "x.example"}]})))
    assert one[:2] == ("odd", kind)
    assert one[2].startswith(says)
    assert "[secret]" not in one[2]


PROMETHEUS = """
global: {scrape_interval: 15s}
scrape_configs:
  - job_name: node
    static_configs: [{targets: ["10.0.0.1:9100", "10.0.0.2:9100"], labels: {dc: a}}]
  - job_name: api
    scheme: https
    metrics_path: /m
    basic_auth: {username: me, password_file: /etc/pass}
    static_configs: [{targets: [api.example.com]}]
  - job_name: web
    metrics_path: /probe
    scrape_interval: 5m
    params: {module: [http_2xx]}
    static_configs: [{targets: ["https://x.example", "y.example"]}]
  - {job_name: ping, metrics_path: /probe, params: {module: [icmp]}, static_configs: [{targets: [x.example]}]}
  - {job_name: ssh, metrics_path: /probe, params: {module: [ssh_banner]}, static_configs: [{targets: ["x.example:22"]}]}
  - {job_name: pods, kubernetes_sd_configs: [{role: pod}]}
"""


def test_prometheus_targets_are_asked_as_prometheus_asks_them() -> None:
    found = made(PROMETHEUS)
    assert {n: (e.get("url") or (e["host"], e["port"]), e["interval"]) for n, e in entries(found).items()} == {
        "node_10_0_0_1_9100": ("http://10.0.0.1:9100/metrics", "1m"),
        "node_10_0_0_2_9100": ("http://10.0.0.2:9100/metrics", "1m"),
        "api_api_example_com": ("https://api.example.com/m", "1m"),
        "web_https_x_example": ("https://x.example", "5m"),
        "web_y_example": ("http://y.example", "5m"),
        "ssh_x_example_22": (("x.example", 22), "1m"),
    }
    assert entries(found)["api_api_example_com"]["auth"]["basic"]["password"] == {"file": "/etc/pass"}
    assert [(title, kind) for title, kind, _ in left(found)] == [("x.example", "icmp"), ("pods", "kubernetes_sd")]


def test_a_prober_without_a_module_is_no_web_page() -> None:
    text = "scrape_configs: [{job_name: ssl, metrics_path: /probe, static_configs: [{targets: ['x.example:443']}]}]"
    assert left(made(text)) == [
        (
            "x.example:443",
            "without a name",
            "what module without a name asks stands in the configuration of the blackbox exporter",
        )
    ]


def test_a_list_of_targets_as_http_sd_answers_it() -> None:
    groups = [
        {"targets": ["10.0.10.2:9100"], "labels": {"__meta_datacenter": "london", "__metrics_path__": "/x"}},
        {"targets": ["https://x.example"], "labels": {"module": "http_2xx", "name": "Shop"}},
    ]
    found = entries(made(json.dumps(groups)))
    assert [e["url"] for e in found.values()] == ["http://10.0.10.2:9100/x", "https://x.example"]
    assert list(found) == ["s_10_0_10_2_9100", "shop"]


OPENAPI = {
    "openapi": "3.0.0",
    "info": {"title": "Odds"},
    "servers": [{"url": "https://{region}.api.example.com/v4/", "variables": {"region": {"default": "us"}}}],
    "security": [{"key": []}],
    "components": {
        "securitySchemes": {"key": {"type": "apiKey", "in": "query", "name": "apiKey"}},
        "parameters": {"regions": {"name": "regions", "in": "query", "required": True, "example": "us,uk"}},
        "schemas": {"Sports": {"type": "array", "items": {"type": "object"}}},
    },
    "paths": {
        "/sports": {
            "get": {
                "summary": "All sports",
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Sports"}}}},
                    "404": {},
                },
            },
            "post": {},
        },
        "/odds": {"parameters": [{"$ref": "#/components/parameters/regions"}], "get": {"responses": {"default": {}}}},
        "/sports/{id}": {"get": {}},
        "/scores": {"get": {"parameters": [{"name": "days", "in": "query", "required": True}]}},
        "/old": {"get": {"deprecated": True}},
        "/health": {"get": {"security": [], "responses": {"204": {}}}},
    },
}


def test_openapi_operations_that_can_be_asked_as_they_are() -> None:
    found = made(json.dumps(OPENAPI))
    made_of = entries(found)
    base = "https://us.api.example.com/v4"
    assert {n: e["url"] for n, e in made_of.items()} == {
        "odds_sports": f"{base}/sports",
        "odds_odds": f"{base}/odds",
        "odds_health": f"{base}/health",
    }
    assert made_of["odds_sports"]["items"] == "$[*]"
    assert made_of["odds_sports"]["expect"] == {"status": [200]}
    assert made_of["odds_sports"]["params"] == {"apiKey": {"env": "ODDS_API_KEY"}}
    assert made_of["odds_odds"]["params"] == {"regions": "us,uk", "apiKey": {"env": "ODDS_API_KEY"}}
    assert "params" not in made_of["odds_health"]
    assert left(found) == [
        ("POST /sports", "POST", "a monitor only reads"),
        ("GET /sports/{id}", "GET", "its path needs an identifier"),
        ("GET /scores", "GET", "it needs query parameter 'days', and there is no example of it"),
        ("GET /old", "GET", "it is deprecated"),
    ]


def test_openapi_without_servers_says_how_to_name_one() -> None:
    bare = {key: value for key, value in OPENAPI.items() if key != "servers"}
    with pytest.raises(BadInput, match=r"it has no `servers`.*--base-url https://api"):
        made(json.dumps(bare))
    with pytest.raises(BadInput, match=r"its server '/v1' is no complete address"):
        made(json.dumps(bare | {"servers": [{"url": "/v1"}]}))
    found = made(json.dumps(bare | {"servers": [{"url": "/v1"}]}), base_url="https://x.example")
    assert entries(found)["odds_sports"]["url"] == "https://x.example/v1/sports"


def test_swagger_2_says_its_address_in_parts_and_a_circle_of_references_ends() -> None:
    data = {
        "swagger": "2.0",
        "host": "x.example",
        "basePath": "/v2",
        "schemes": ["http", "https"],
        "parameters": {"a": {"$ref": "#/parameters/a"}},
        "paths": {"/pets": {"get": {"parameters": [{"$ref": "#/parameters/a"}], "responses": {"200": {}}}}},
    }
    assert entries(made(json.dumps(data)))["pets"]["url"] == "https://x.example/v2/pets"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (OPML, "opml"),
        (GATUS, "gatus"),
        (json.dumps(KUMA), "kuma"),
        (json.dumps(KUMA["monitorList"]), "kuma"),
        (PROMETHEUS, "prometheus"),
        ("- targets: [a]\n", "prometheus"),
        (json.dumps(OPENAPI), "openapi"),
        ("swagger: '2.0'\n", "openapi"),
        ("url,name\nhttps://x.example,a\n", "csv"),
        ("https://x.example\n", "csv"),
    ],
)
def test_the_format_is_told_by_what_the_file_holds(text: str, kind: str) -> None:
    assert detect(text) == kind


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is empty"),
        ("<html></html>", "it is XML or HTML and no OPML"),
        ("hello", "its format cannot be told. Say it: --from opml"),
        ('{"a": ', "This is not readable as YAML"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_of_no_known_format_is_refused_with_a_sentence(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        detect(text)


@pytest.mark.parametrize("kind", list(Format))
@pytest.mark.parametrize(
    "text", ["{}", "[]", "null", "5", "a: b", '{"paths": 3, "openapi": 3}', '{"monitorList": [1]}']
)
def test_a_file_of_another_shape_is_refused_and_never_a_traceback(kind: Format, text: str) -> None:
    with pytest.raises(BadInput):
        read_estate(text, kind)


def test_names_that_are_taken_and_addresses_that_are_watched_are_respected() -> None:
    estate = Estate("csv")
    estate.add("Odds", {"probe": "http", "url": "https://x.example/a"})
    estate.add("Odds", {"probe": "http", "url": "https://x.example/b"})
    known = {("web", "https://x.example/b", "GET", "", "None"): "mine"}
    found = finish(estate, names={"odds"}, known=known, until="2026-12-07")
    assert list(entries(found)) == ["odds_2"]
    assert entries(found)["odds_2"]["rollout"] == {"until": "2026-12-07"}
    assert left(found) == [("Odds", "duplicate", "mine asks the same address")]


def test_secrets_of_an_address_go_where_they_can_be_references() -> None:
    found = made("https://me:hush@x.example/feed?api_key=k3y&page=1,x\nhttps://y.example/AKIAIOSFODNN7EXAMPLE,y\n")
    made_of = entries(found)
    assert made_of["x"]["url"] == "https://x.example/feed?page=1"
    assert made_of["x"]["params"] == {"api_key": {"env": "X_API_KEY"}}
    assert made_of["x"]["auth"] == {"basic": {"username": "me", "password": {"env": "X_PASSWORD"}}}
    assert made_of["y"]["url"] == {"env": "Y_URL"}
    assert "hush" not in repr(found.entries)
    assert "k3y" not in repr(found.entries)
