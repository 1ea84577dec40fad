"""The wheel is whole: installed beside its dependencies, in an empty directory, without the repository."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.e2e.up_stories import eventually

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel in a folder of its own; its dependencies come from this environment."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "busta_health_dagster", source / "busta_health_dagster", symlinks=True, ignore=ignored)
    shutil.copytree(ROOT / "expectations", source / "expectations")
    wheels = tmp_path_factory.mktemp("wheels")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels), str(source)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = wheels.glob("*.whl")
    target = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(target)
    return target


WITHOUT_EXTRAS = """\
from importlib.machinery import PathFinder

ABSENT = {"great_expectations", "pandas", "scipy", "pyarrow", "matplotlib", "psycopg2", "psycopg", "dagster_postgres"}
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *more: None if name.partition(".")[0] in ABSENT else find(name, *more)
"""
"""A `sitecustomize` for an environment in which no extra was installed, though its packages are here."""


@pytest.fixture(scope="module")
def bare(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same wheel, installed without extras."""
    target = tmp_path_factory.mktemp("bare")
    shutil.copytree(installed / "busta_health_dagster", target / "busta_health_dagster")
    (target / "sitecustomize.py").write_text(WITHOUT_EXTRAS)
    return target


def environment(installed: Path, home: Path) -> dict[str, str]:
    base = {k: v for k, v in os.environ.items() if not k.startswith("BUSTA_")}
    return base | {"PYTHONPATH": str(installed), "BUSTA_HOME": str(home), "COLUMNS": "200"}


def busta(installed: Path, cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    words = (sys.executable, "-m", "busta_health_dagster.cli", *words)
    environ = environment(installed, cwd / ".busta")
    return subprocess.run(words, cwd=cwd, env=environ, capture_output=True, text=True, check=False)


def test_it_brings_its_templates_pages_migrations_and_suites(installed: Path) -> None:
    package = installed / "busta_health_dagster"
    suites = {p.name for p in (ROOT / "expectations").glob("*.json")}
    assert {p.name for p in (package / "demo" / "expectations").glob("*.json")} == suites
    assert (package / "web" / "static" / "page.css").stat().st_size > 1000
    assert list((package / "store" / "migrations" / "versions").glob("0001*.py"))
    assert (package / "demo" / "templates" / "sources.yaml").exists()


def test_doctor_and_score_work_in_an_empty_directory(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "sources.yaml").write_text(
        "version: 1\nsources:\n  - {name: prices, type: odds, probe: file, path: prices.csv}\n"
    )
    (tmp_path / "prices.csv").write_text("event_id,book\ne1,dk\n")
    doctor = busta(installed, tmp_path, "config", "doctor")
    assert "Traceback" not in doctor.stdout + doctor.stderr
    assert "prices" in doctor.stdout + doctor.stderr or doctor.returncode == 0
    suite = installed / "busta_health_dagster" / "demo" / "expectations" / "feed_items.json"
    score = busta(installed, tmp_path, "quality", "score", "--suite", str(suite), "prices.csv")
    assert json.loads(score.stdout)["score"] is not None


def test_the_demo_starts_from_it_and_stops(installed: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    words = [sys.executable, "-m", "busta_health_dagster.cli", "demo", "--no-history", "--port", "0"]
    with subprocess.Popen(
        words,
        cwd=tmp_path,
        env=environment(installed, home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        try:
            eventually(lambda: (home / "up.json").exists() or demo.poll() is not None, "the demo is up")
            assert demo.poll() is None, demo.communicate()[0]
        finally:
            demo.send_signal(signal.SIGTERM)
            said, _ = demo.communicate(timeout=240)
    assert "Traceback" not in said


EVERYTHING = """\
version: 1
sources:
  - {name: prices, type: odds, probe: file, path: prices.csv, quality: {suite: feed_items}}
  - {name: plays, type: stats, probe: file, path: plays.parquet}
  - {name: warehouse, type: warehouse, probe: sql, url: "postgresql://busta@127.0.0.1:1/bets", query: select 1}
"""


def test_without_extras_a_newcomer_begins_with_init(bare: Path, tmp_path: Path) -> None:
    made = busta(bare, tmp_path, "init")
    assert "17 files written" in made.stdout
    doctor = busta(bare, tmp_path, "config", "doctor")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "0 errors" in doctor.stdout


def test_without_extras_the_doctor_names_the_one_that_each_source_needs(bare: Path, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "sources.yaml").write_text(EVERYTHING)
    done = busta(bare, tmp_path, "config", "doctor")
    said = " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in said
    assert "The extra [quality] is not installed: the quality of prices is not scored." in said
    assert "The extra [file] is not installed: plays cannot be observed." in said
    assert "The extra [postgres] is not installed: warehouse cannot be observed." in said
    assert 'pip install "busta_health_dagster[postgres]"' in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("demo",), "The demo needs the extra [quality], which is not installed"),
        (("quality", "score", "--suite", "s.json", "prices.csv"), "needs the extra [quality]"),
        (("quality", "suggest", "prices.csv"), "needs the extra [quality]"),
        (("sources", "health"), "psycopg2, which cannot be imported"),
    ],
)
def test_without_extras_a_command_says_what_it_needs(
    words: tuple[str, ...], says: str, bare: Path, installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "sources.yaml").write_text(EVERYTHING)
    if words[0] == "sources":
        (tmp_path / "config" / "settings.yaml").write_text(
            'version: 1\nstore: {url: "postgresql://busta@127.0.0.1:1/busta"}\n'
        )
    shutil.copy(installed / "busta_health_dagster" / "demo" / "expectations" / "feed_items.json", tmp_path / "s.json")
    (tmp_path / "prices.csv").write_text("event_id,book\ne1,dk\n")
    done = busta(bare, tmp_path, *words)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2
    assert says in said
    assert 'pip install "busta_health_dagster[' in said
    assert "Traceback" not in said


def test_without_extras_the_monitor_runs(bare: Path, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "sources.yaml").write_text(EVERYTHING)
    (tmp_path / "prices.csv").write_text("event_id,book\ne1,dk\n")
    (tmp_path / "plays.parquet").write_bytes(b"PAR1")
    home = tmp_path / ".busta"
    words = [sys.executable, "-m", "busta_health_dagster.cli", "up", "--port", "0"]
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment(bare, home), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as up:
        try:

            def observed() -> dict[str, dict] | None:
                assert up.poll() is None, up.communicate()[0]
                done = busta(bare, tmp_path, "sources", "health", "-o", "json")
                rows = {row["source"]: row for row in json.loads(done.stdout)} if done.stdout else {}
                return rows if rows and all(row["observed_at"] for row in rows.values()) else None

            rows = eventually(observed, "the first tick")
        finally:
            up.send_signal(signal.SIGTERM)
            up.communicate(timeout=240)
    assert rows["prices"]["status"] == "up"
    assert (rows["plays"]["status"], rows["warehouse"]["status"]) == ("unknown", "unknown")
    assert rows["plays"]["reason_code"] == rows["warehouse"]["reason_code"] == "dependency"
