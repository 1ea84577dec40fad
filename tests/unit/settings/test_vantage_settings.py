"""What the doctor says of vantage points, and which source is observed from where."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from settings_stories import CHANNELS, NOW, PROBES, Files

from busta_health_dagster.settings import Diagnosis, Reloader, load
from busta_health_dagster.settings.secret import Secrets
from busta_health_dagster.settings.show import show_source

THREE = "vantages: {nyc: {}, fra: {}, lon: {tags: {dagster-k8s/config: {pod_spec_config: {}}}}}\n"


@pytest.fixture
def doctor(tmp_path: Path) -> Callable[..., Diagnosis]:
    def read(settings: str = THREE, keys: str = "", probe: str = 'probe: http, url: "https://a.example/"') -> Diagnosis:
        sources = f"version: 1\nsources:\n  - {{name: odds, type: odds, {probe}{', ' if keys else ''}{keys}}}\n"
        return Files(tmp_path / "config").write(sources=sources, settings=f"version: 1\n{settings}").diagnose()

    return read


def about(found: Diagnosis, word: str) -> list[str]:
    return [str(p) for p in (*found.errors, *found.warnings) if word in str(p)]


@pytest.mark.parametrize(
    ("keys", "probe", "expected"),
    [
        ("", 'probe: http, url: "https://a.example/"', ("nyc", "fra", "lon")),
        ("vantages: [lon, nyc]", 'probe: http, url: "https://a.example/"', ("nyc", "lon")),
        ("vantages: []", 'probe: http, url: "https://a.example/"', ()),
        ("", "probe: heartbeat", ()),
    ],
)
def test_every_source_is_observed_from_all_of_them_unless_it_says_otherwise(
    doctor: Callable[..., Diagnosis], keys: str, probe: str, expected: tuple[str, ...]
) -> None:
    found = doctor(keys=keys, probe=probe)
    assert found.config is not None
    assert found.config.sources["odds"].vantages == expected
    assert about(found, "vantage") == []


def test_without_vantage_points_no_source_has_one(doctor: Callable[..., Diagnosis]) -> None:
    found = doctor(settings="")
    assert found.config is not None
    assert found.config.sources["odds"].vantages == ()


@pytest.mark.parametrize(
    ("settings", "keys", "says"),
    [
        (f"{THREE}quorum: 4\n", "", "A quorum of 4 can never be reached: there are 3 vantage points."),
        ("quorum: 2\n", "", "A quorum of 2 can never be reached: there are 0 vantage points."),
        (
            f"{THREE}quorum: 2\n",
            "vantages: [nyc]",
            "odds is observed from 1 vantage point, and the quorum is 2: it can never be down.",
        ),
        (THREE, "vantages: [nyc, fraa]", "There is no vantage point 'fraa' in settings.yaml"),
        ("", "vantages: [nyc]", "There is no vantage point 'nyc' in settings.yaml"),
        ("vantages: {New York: {}}\n", "", "'New York' cannot be a name here"),
        ("vantages: {nyc: {tags: {busta/job: x}}}\n", "", "'busta/job' belongs to busta"),
        ("vantages: {nyc: {tags: {'a b': x}}}\n", "", "'a b' cannot be a tag of a run"),
        ("vantages: {nyc: {tag: {}}}\n", "", "tag"),
    ],
)
def test_what_cannot_work_is_an_error_with_its_place(
    doctor: Callable[..., Diagnosis], settings: str, keys: str, says: str
) -> None:
    found = doctor(settings=settings, keys=keys)
    assert found.config is None
    assert any(says in str(p) for p in found.errors), [str(p) for p in found.errors]
    assert all(p.remedy for p in found.errors)


@pytest.mark.parametrize(
    ("keys", "probe", "says"),
    [
        (
            "",
            "probe: file, path: /data/odds.csv",
            "odds gains nothing from vantage points: each of them would read a file",
        ),
        (
            "",
            'probe: http, url: "http://localhost:8000/", allow_private: true',
            "each of them would ask its own machine",
        ),
        ("", "probe: tcp, host: 127.0.0.1, port: 5432, allow_private: true", "each of them would ask its own machine"),
        ("vantages: [nyc]", "probe: heartbeat", "its pipeline calls the monitor"),
        (
            "metered: {per_month: 10000}",
            'probe: http, url: "https://a.example/"',
            "odds takes 26,784 credits a month from 3 vantage points, and has 10,000.",
        ),
    ],
)
def test_what_brings_nothing_or_costs_too_much_is_a_warning(
    doctor: Callable[..., Diagnosis], keys: str, probe: str, says: str
) -> None:
    found = doctor(keys=keys, probe=probe)
    assert found.config is not None
    assert any(says in str(p) for p in found.warnings), [str(p) for p in found.warnings]


def test_a_broken_settings_file_is_one_error_and_not_one_for_each_source(doctor: Callable[..., Diagnosis]) -> None:
    found = doctor(settings="vantages: {nyc: {}, New York: {}}\n", keys="vantages: [nyc]")
    assert len(found.errors) == 1


def test_a_vantage_point_that_comes_goes_or_moves_reloads_the_schedule(tmp_path: Path) -> None:
    sources = 'version: 1\nsources:\n  - {name: odds, type: odds, probe: http, url: "https://a.example/"}\n'
    files = Files(tmp_path / "config").write(sources=sources, settings="version: 1\n")
    reloader = Reloader(lambda path: load(path, PROBES, CHANNELS, {}), files.dir, tmp_path / "keep")
    for age, settings in enumerate(
        ("vantages: {nyc: {}}", "vantages: {nyc: {tags: {a: b}}}", "vantages: {nyc: {tags: {a: b}}, fra: {}}", ""),
        start=1,
    ):
        path = files.dir / "settings.yaml"
        path.write_text(f"version: 1\n{settings}\n")
        os.utime(path, (NOW - 100 + age, NOW - 100 + age))
        assert reloader.poll(NOW).sources_changed, settings


def test_the_configuration_that_is_shown_says_from_where(doctor: Callable[..., Diagnosis]) -> None:
    found = doctor(keys="vantages: [fra]")
    assert found.config is not None
    assert show_source(found.config.sources["odds"], Secrets({}, found.config.dir))["vantages"] == ["fra"]
