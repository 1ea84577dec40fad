"""The history of a repository that commits a feed, as a recording: real git, a real clone's worth of commits."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "detection" / "git_history.py"
T0 = 1_790_035_200  # 2026-09-22T00:00:00Z
HALF_HOUR = 1800


def commit(repo: Path, at: int, content: str) -> None:
    (repo / "outages.json").write_text(content)
    when = {"GIT_AUTHOR_DATE": f"{at} +0000", "GIT_COMMITTER_DATE": f"{at} +0000"}
    who = {f"GIT_{w}_{k}": "recorder@example.com" for w in ("AUTHOR", "COMMITTER") for k in ("NAME", "EMAIL")}
    for command in (["add", "."], ["commit", "-q", "-m", "Latest data"]):
        subprocess.run(["git", "-C", repo, *command], check=True, env={**os.environ, **when, **who})


def recorded(repo: Path, out: Path, *more: str) -> list[dict[str, str]]:
    days = ["--from", "2026-09-22", "--until", "2026-09-23", "--records", "outages", "--age", "updated"]
    asked = [sys.executable, SCRIPT, repo, "outages.json", out, *days, "--faults-per-week", "0", *more]
    subprocess.run(asked, check=True, stdout=subprocess.DEVNULL)
    with (out / "outages.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_commits_become_observations_and_what_is_not_committed_is_the_same_answer_growing_older(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    subprocess.run(["git", "init", "-q", repo], check=True)
    some = {"outages": [{"id": n, "updated": (T0 - 600 * n) * 1000} for n in range(5)], "all": list(range(40))}
    commit(repo, T0, json.dumps(some))
    commit(repo, T0 + 4 * HALF_HOUR + 60, "<html>Bad gateway</html>")
    fewer = {"outages": [{"id": 1, "updated": "2026-09-22T04:00:00.25Z"}]}
    commit(repo, T0 + 9 * HALF_HOUR, json.dumps(fewer))
    rows = recorded(repo, tmp_path / "out")
    assert len(rows) == 48
    assert [rows[n]["items"] for n in (0, 6, 7, 8, 9, 15, 16)] == ["5", "5", "", "", "1", "1", ""], "known for 3 hours"
    assert [rows[n]["freshness_s"] for n in (0, 1, 9)] == ["0", "1800", "1800"]
    assert rows[0]["bytes"] == str(len(json.dumps(some)))
    assert json.loads((tmp_path / "out" / "sources.json").read_text()) == {
        "outages": {"type": "feed", "cadence_s": 1800}
    }
    assert recorded(repo, tmp_path / "longer", "--patience", "21600")[8]["items"] == "5"
