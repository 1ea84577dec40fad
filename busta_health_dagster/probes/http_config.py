"""What `probe: http` may be told: how to ask, what the answer must be, what in it is counted and how old it is."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from busta_health_dagster.domain.fields import PositiveDuration, Strict
from busta_health_dagster.probes.ages import DataAge
from busta_health_dagster.probes.custom_metrics import WithMetrics
from busta_health_dagster.probes.expect import HttpExpect
from busta_health_dagster.probes.impostors import Format
from busta_health_dagster.probes.json_path import JsonPath
from busta_health_dagster.probes.web_config import Params, WebConfig, WebKeys, WebUrl, refuse_literal_secrets

BODILESS = frozenset({204, 205, 304})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class HttpLight(Strict):
    """A cheap observation each interval, at a place that costs nothing; the source itself is asked `every` so often. Headers,
    auth, tls and proxy are those of the source.
    """

    every: PositiveDuration = Field(description="How often the source itself is asked: the full observation.")
    url: WebUrl = Field(description="What is asked in between.")
    method: Literal["GET", "HEAD"] = Field("GET", description="How it is asked.")
    params: Params = Field(default_factory=dict, description="Its parameters; those of the source do not go with it.")
    expect: HttpExpect = Field(default_factory=HttpExpect, description="What its answer must be.")

    @model_validator(mode="after")
    def _no_literal_secret(self) -> HttpLight:
        refuse_literal_secrets(self.params, "parameter")
        return self


class HttpConfig(WebConfig, WithMetrics):
    """`items` is the JSON path of the records; without one, a top-level list is counted."""

    expect: HttpExpect = Field(default_factory=HttpExpect)
    format: Format | None = None
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    items: JsonPath | None = None
    data_age: DataAge | None = None
    light: HttpLight | None = None

    @property
    def light_config(self) -> HttpConfig | None:
        """What a light observation is made with."""
        if self.light is None:
            return None
        shared = {name: getattr(self, name) for name in (*WebKeys.model_fields, "zone", "max_bytes")}
        asked = {name: getattr(self.light, name) for name in ("url", "method", "params", "expect")}
        return HttpConfig.model_construct(**shared, **asked)

    @property
    def tells_age(self) -> bool:
        """Can an observation ever say how old the data are?"""
        return self.data_age is not None

    @model_validator(mode="after")
    def _has_a_body(self) -> HttpConfig:
        wanted = [
            name
            for name, asked in (
                ("items", self.items),
                ("expect.json", self.expect.json_),
                ("expect.regex", self.expect.regex),
                ("data_age", self.data_age is not None and self.data_age.header is None),
                ("expect.min_items", self.expect.min_items),
                ("expect.max_items", self.expect.max_items),
                ("metrics", any(metric.header is None for metric in self.metrics.values())),
            )
            if asked not in (None, False, [])
        ]
        if wanted and self.method == "HEAD":
            raise ValueError(f"a HEAD answer has no body, so {wanted[0]} can never be read; method: GET")
        if wanted and set(self.expect.status.value) <= BODILESS:
            codes = ", ".join(str(code) for code in self.expect.status.value)
            raise ValueError(
                f"an answer with status {codes} has no body, so {wanted[0]} can never be read; status: [200]"
            )
        follows = [str(code) for code in self.expect.status.value if code == "3xx" or code in _REDIRECTS]
        if follows and self.redirects == 0:
            raise ValueError(
                f"redirects: 0 refuses every redirect, so status {', '.join(follows)} is never seen; expect the status "
                f"of the place it leads to, and redirects: 5"
            )
        return self

    @model_validator(mode="after")
    def _light_can_be_asked(self) -> HttpConfig:
        if self.light is not None:
            HttpConfig(url=self.light.url, method=self.light.method, expect=self.light.expect)
        return self

    @model_validator(mode="after")
    def _column_needs_items(self) -> HttpConfig:
        rows = self.items or self.format
        column = next((name for name, metric in self.metrics.items() if metric.column is not None), None)
        if column is not None and not rows:
            raise ValueError(
                f"metrics.{column} has a column, which needs items: a JSON path to the rows (or format: csv)"
            )
        if self.data_age is not None and self.data_age.column is not None and not rows:
            raise ValueError(
                "data_age.column needs items: a JSON path to the rows that have the column (or format: csv); or use data_age.path"
            )
        return self
