"""`settings.yaml`: the monitor itself. Every key has a default; the file may be missing."""

from __future__ import annotations

import re
from datetime import date
from ipaddress import ip_network
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from busta_health_dagster.domain import fields, observation_limits
from busta_health_dagster.domain.fields import PositiveDuration, Strict, TextOrSecret
from busta_health_dagster.settings.fields import Interval, Label, Size, Zone, size_text

_DAY = 86400.0
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_Bytes = Annotated[Size, PlainSerializer(size_text, return_type=str)]
_Count = Annotated[int, Field(ge=1)]


def _cidr(value: str) -> str:
    try:
        ip_network(value)
    except ValueError as why:
        raise ValueError(f"{why}; write an address or a network such as 10.0.0.0/8") from None
    return value


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{value!r} has no scheme or no host; write https://health.example.com")
    return value


def _origin(value: str) -> str:
    parts = urlsplit(_web_address(value))
    if value.rstrip("/") != f"{parts.scheme}://{parts.netloc}" or not re.fullmatch(
        r"[A-Za-z0-9.:\[\]-]+", parts.netloc
    ):
        raise ValueError(
            f"{value!r} is more than an origin; write https://intranet.example.com, without path and login"
        )
    return value.rstrip("/").lower()


def _bare_host(value: str) -> str:
    if "/" in value or not value.strip():
        raise ValueError(f"{value!r} is not the name of a host; write health.example.com, without scheme and path")
    return value


def _weekly(value: str) -> str:
    if not re.fullmatch(rf"({'|'.join(_DAYS)}) ([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError(f"{value!r} is not a time of the week; write Mon 07:00")
    return value


def _run_tags(value: dict[str, Any]) -> dict[str, Any]:
    for key in value:
        if not re.fullmatch(r"([A-Za-z0-9_.-]{1,63}/)?[A-Za-z0-9_.-]{1,63}", key):
            raise ValueError(f"{key!r} cannot be a tag of a run; letters, digits, _ . and -, with one / at most")
        if key.startswith("busta/"):
            raise ValueError(f"{key!r} belongs to busta; tags of your run launcher, such as dagster-k8s/config")
    return value


def _word(value: Any) -> Any:
    """YAML reads a bare `off` as false."""
    return "off" if value is False else value


_Whose = Annotated[Literal["own", "instance", "off"], BeforeValidator(_word)]


class StoreSettings(Strict):
    """Where the truth is kept."""

    url: TextOrSecret | None = Field(
        None, description="SQLAlchemy URL. Without it BUSTA_DATABASE_URL, else SQLite in the home."
    )


class Retention(Strict):
    """How long each kind of record is kept."""

    observations: PositiveDuration = Field(35 * _DAY, description="Every single observation.")
    samples: PositiveDuration = Field(2 * _DAY, description="Payload samples for scoring, and failing rows.")
    rollup_hour: PositiveDuration = Field(400 * _DAY, description="Hourly sums.")
    rollup_day: PositiveDuration = Field(5 * 365 * _DAY, description="Daily sums.")
    quality: PositiveDuration = Field(400 * _DAY, description="Quality scores and their dimensions.")
    quality_checks: PositiveDuration = Field(30 * _DAY, description="The single checks behind each score.")
    alerts: PositiveDuration = Field(400 * _DAY, description="Resolved alerts, transitions and incidents.")
    deliveries: PositiveDuration = Field(90 * _DAY, description="What was sent, and what was not.")
    reports: PositiveDuration = Field(5 * 365 * _DAY, description="Weekly reports.")
    audit: PositiveDuration = Field(400 * _DAY, description="Who did what.")
    live_events: PositiveDuration = Field(_DAY, description="Replay of the page's live stream.")
    dagster: _Whose | None = Field(
        None,
        description="Whose runs and events in Dagster are deleted: own (ours), instance (all in it), off (none). Without "
        "it own, except in an instance of files that busta itself made.",
    )
    dagster_runs: PositiveDuration = Field(2 * _DAY, description="Dagster's runs and their events.")
    ticks: PositiveDuration = Field(2 * _DAY, description="Dagster's schedule and sensor ticks.")


class Tls(Strict):
    """Certificate and key of the web door, as files."""

    certificate: str = Field(description="PEM file.")
    key: str = Field(description="PEM file.")


class TrustedProxy(Strict):
    """A reverse proxy that has authenticated the person (oauth2-proxy). Off unless it is here."""

    addresses: Annotated[tuple[Annotated[str, AfterValidator(_cidr)], ...], Field(min_length=1)] = Field(
        description="Whose headers to trust."
    )
    header: str = Field("X-Forwarded-User", description="The header that carries the person's name.")
    role: Literal["viewer", "operator", "admin"] = Field(
        "viewer", description="Role of everyone who is not named below."
    )
    operators: tuple[str, ...] = Field((), description="Names with role operator.")
    admins: tuple[str, ...] = Field((), description="Names with role admin.")


class Web(Strict):
    """The one door: Dagster's UI, the page, REST and metrics."""

    host: str = Field("127.0.0.1", description="Address to bind. Without tokens only loopback is accepted.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        3000, description="Port; the next free one where it is taken, and --port is left out."
    )
    public_url: Annotated[str, AfterValidator(_web_address)] | None = Field(
        None, description="How people reach it; the base of links in messages."
    )
    allowed_hosts: tuple[Annotated[str, AfterValidator(_bare_host)], ...] = Field(
        (), description="Host headers to accept besides the bound address and public_url."
    )
    tls: Tls | None = Field(None, description="Serve https.")
    link_key: fields.SecretRef | None = Field(
        None,
        description="Signs the links of messages (at least 32 characters). Without it a key in the home; processes without a "
        "common home need the same one here.",
    )
    trusted_proxy: TrustedProxy | None = Field(None, description="Believe a proxy's header.")


class Schedule(Strict):
    """Times of the calendar."""

    zone: Zone = Field("UTC", description="IANA zone of weeks, months and reports.")
    weekly_report: Annotated[str, AfterValidator(_weekly)] = Field(
        "Mon 07:00", description="When the report of last week is made."
    )


class LimitSettings(Strict):
    """How much at once, and how much at most."""

    concurrency: _Count = Field(observation_limits.CHECKS_AT_ONCE, description="Checks at once, over all.")
    body: _Bytes = Field(observation_limits.BODY_BYTES, description="Decoded bytes of a response that are read.")
    memory: _Bytes = Field(
        observation_limits.MEMORY_BYTES, description="Memory that one payload may take once it is parsed, about."
    )
    loop_lag: PositiveDuration = Field(
        observation_limits.LOOP_LAG_S, description="A response time measured while our loop lagged more is suspect."
    )
    sample_rows: _Count = Field(observation_limits.SAMPLE_ROWS, description="Rows kept for quality, per check.")
    sample_bytes: _Bytes = Field(observation_limits.SAMPLE_BYTES, description="Bytes kept for quality, per check.")
    events_per_tick: _Count = Field(200, description="Dagster events per tick; the rest waits.")
    shards: Annotated[int, Field(ge=1, le=256)] = Field(1, description="Runs per tick, for more than one machine.")


class RunLauncher(Strict):
    """Dagster's way to name a class: the package that holds it must be installed beside the monitor."""

    module: str = Field(description="For instance dagster_docker or dagster_k8s.")
    class_: str = Field(alias="class", description="For instance DockerRunLauncher or K8sRunLauncher.")
    config: dict[str, Any] = Field({}, description="What the launcher wants to know, see its documentation.")


class DagsterSettings(Strict):
    """What Dagster shows, and what of its own instance is the operator's choice. All else in dagster.yaml is written by
    busta.
    """

    url: Annotated[str, AfterValidator(_web_address)] | None = Field(
        None, description="Dagster's UI, where `busta web` runs beside it; the pages link there."
    )
    run_launcher: RunLauncher | None = Field(None, description="Where runs start; without it on this machine.")
    max_runs: _Count | None = Field(
        None, description="Runs at once; without it 4, or two more than a tick has (`limits.shards`, `vantages`)."
    )
    paint_degraded: bool = Field(
        True,
        description="A degraded source is red in the catalog (ERROR), as one that is down; false: a warning (WARN).",
    )


class VantageFields(Strict):
    """A place from which sources are observed besides this machine."""

    description: str = Field("", description="Where it is, for people.")
    tags: Annotated[dict[str, Any], AfterValidator(_run_tags)] = Field(
        {},
        description="Tags of its runs: what the run launcher needs to start them there, such as `dagster-k8s/config`.",
    )


class StatusPage(Strict):
    """A page for the consumers of the data at /status: how each group is, and its incidents. Off unless it is here."""

    title: Annotated[str, Field(min_length=1, max_length=100)] = Field("Status", description="Heading of the page.")
    public: bool = Field(False, description="Answer without a login. Otherwise it answers everyone who may read.")
    embed: tuple[Annotated[str, AfterValidator(_origin)], ...] = Field(
        (), description="Origins that may show it in a frame, such as https://intranet.example.com. Needs `public`."
    )
    groups: dict[str, Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        {}, description="Groups that are shown, and their names on the page; without it every group by its own name."
    )

    @model_validator(mode="after")
    def _frames_carry_no_login(self) -> Self:
        if self.embed and not self.public:
            raise ValueError("`embed` needs `public: true`: a frame on another site carries no login")
        return self


class DeadMansSwitch(Strict):
    """A URL outside that alarms when we stop calling it."""

    url: TextOrSecret = Field(description="Called while ticks are fresh and messages leave.")
    every: Interval = Field(300.0, description="How often.")
    allow_private: bool = Field(False, description="It may lie on a private address.")


class Settings(Strict):
    """All of settings.yaml."""

    version: Literal[1] = Field(1, description="Version of the file's shape.")
    store: StoreSettings = Field(default_factory=StoreSettings, description="Where the truth is kept.")
    retention: Retention = Field(default_factory=Retention, description="How long it is kept.")
    web: Web = Field(default_factory=Web, description="The web door.")
    schedule: Schedule = Field(default_factory=Schedule, description="Times of the calendar.")
    limits: LimitSettings = Field(default_factory=LimitSettings, description="How much at once, and at most.")
    dagster: DagsterSettings = Field(default_factory=DagsterSettings, description="Dagster's catalog and instance.")
    dead_mans_switch: DeadMansSwitch | None = Field(None, description="Who is notified when the monitor dies.")
    status_page: StatusPage | None = Field(None, description="The page for consumers at /status.")
    vantages: dict[Label, VantageFields] = Field(
        {},
        description="Places from which every source is observed; see vantages.md. Without it from this machine only.",
    )
    quorum: _Count | None = Field(
        None,
        description="So many vantage points must see a source down before it is. Without it more than half of those that answered.",
    )
    refresh: Interval | None = Field(
        None,
        description="How often an unchanged source is shown again in Dagster; hourly up to 100 sources, daily above.",
    )
    report_start: date | None = Field(
        None, description="First week of the reports; without it the first week with data."
    )
    expectations: str | None = Field(
        None, description="Directory of the suites; `expectations` beside the configuration without it."
    )
