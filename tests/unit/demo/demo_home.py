"""Where a demo fleet would answer, and the models that read its configuration; nothing runs."""

from __future__ import annotations

from pathlib import Path

from busta_health_dagster.channels import stream
from busta_health_dagster.demo.catalogue import HTTP_NAMES, UPSTREAMS
from busta_health_dagster.demo.upstreams import Address
from busta_health_dagster.probes.feed import FeedConfig
from busta_health_dagster.probes.file import FileConfig
from busta_health_dagster.probes.http_config import HttpConfig
from busta_health_dagster.probes.sql import SqlConfig

ANCHOR = 1_795_422_300
EXPECTATIONS = Path(__file__).parents[3] / "busta_health_dagster" / "demo" / "suites"
PROBES = {"http": HttpConfig, "feed": FeedConfig, "sql": SqlConfig, "file": FileConfig}


CHANNELS = {"file": stream.FileConfig, "console": stream.ConsoleConfig}


def address(home: Path, first_port: int = 41000, scenario: str = "default") -> Address:
    ports = {name: first_port + i for i, name in enumerate(HTTP_NAMES)}
    urls = {name: f"http://127.0.0.1:{port}{UPSTREAMS[name].path}" for name, port in ports.items()}
    urls["postgres_warehouse"] = f"sqlite:///{home}/demo/warehouse.sqlite3"
    paths = {"play_by_play_csv": f"{home}/demo/play_by_play/*.csv", "feature_store": f"{home}/demo/f.parquet"}
    return Address(scenario, ANCHOR, 1, ports, urls, paths)
