"""`make mutation`: change the code in small ways and see which changes no test notices.

What is mutated, and by which tests it may be killed, stands in pyproject.toml (`tool.mutmut`). Results are kept in
`mutants/`: a function is tried again when it changed, a mutant that lived when a test changed. Ends with 1 when more than
a tenth of a module's mutants live, or when more live in a function than `survivors.md` explains.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "mutants"
PACKAGE = "busta_health_dagster"
MODULES = {
    "lifecycle": tuple(
        f"engines/alerting/{name} " for name in ("lifecycle", "opening", "escalation", "flapping", "transition")
    ),
    "waiting": tuple(f"engines/alerting/{name} " for name in ("muting", "on_call", "root_cause")),
    "rules": ("engines/rules/",),
    "quality_score": ("engines/quality_score ",),
    "maintenance": ("engines/maintenance ",),
    "quota": ("engines/quota ",),
    "seasons": ("engines/seasons ",),
    "sla": ("engines/service_levels/timeslices ",),
    "outbox": ("store/outbox",),
}
MOST_ALIVE = 0.10
KILLED, ALIVE, UNTESTED = (1, 3), (0,), (5, 33)  # pytest's exit codes, and mutmut's own: no test reaches it
_NAME = re.compile(r"\.x(?:ǁ(?P<type>\w+)ǁ|_)(?P<function>\w+)__mutmut_\d+$")
_EXPLAINED = re.compile(r"^\| `(?P<function>[^`]+)` \| (?P<count>\d+) \|", re.MULTILINE)


def main() -> int:
    _forget_what_is_gone()
    _forget_those_alive_if_a_test_changed()
    tried = subprocess.run(
        [Path(sys.executable).parent / "mutmut", "run", "--max-children", "1"], cwd=ROOT, check=False
    )
    if tried.returncode:
        return tried.returncode
    outcomes = _outcomes()
    alive = Counter(name for name, code in outcomes if code in {*ALIVE, *UNTESTED})
    explained = {m["function"]: int(m["count"]) for m in _EXPLAINED.finditer(_survivors())}
    wrong = _table(outcomes) + [
        f"{name}: {count} alive, {explained.get(name, 0)} explained in tests/mutation/survivors.md"
        for name, count in sorted(alive.items())
        if count > explained.get(name, 0)
    ]
    print("", *wrong, *(["See one: mutmut results; mutmut show NAME"] if wrong else []), sep="\n")
    return 1 if wrong else 0


def _forget_what_is_gone() -> None:
    """A file that was moved or deleted lives on in the copy: a migration was there twice, and no test could begin."""
    for path in (CACHE / PACKAGE).rglob("*.py"):
        if not (ROOT / path.relative_to(CACHE)).exists():
            path.unlink()


def _table(outcomes: list[tuple[str, int | None]]) -> list[str]:
    """Print what became of each module's mutants, -> the modules where too many live."""
    print(f"\n{'module':<14} {'mutants':>7} {'killed':>7} {'timeout':>7} {'alive':>7} {'untested':>8} {'alive %':>8}")
    wrong = []
    for module, files in MODULES.items():
        missing = [file.strip() for file in files if not any(name.startswith(file) for name, _ in outcomes)]
        if missing:
            wrong.append(
                f"{module}: nothing of {', '.join(missing)} was mutated; is it in `only_mutate` in pyproject.toml?"
            )
            continue
        codes = [code for name, code in outcomes if name.startswith(files)]
        killed, alive, untested = (sum(code in group for code in codes) for group in (KILLED, ALIVE, UNTESTED))
        timeout = len(codes) - killed - alive - untested
        share = (alive + untested) / len(codes)
        print(f"{module:<14} {len(codes):>7} {killed:>7} {timeout:>7} {alive:>7} {untested:>8} {share:>8.1%}")
        if share >= MOST_ALIVE:
            wrong.append(f"{module}: {share:.1%} of its mutants live, {MOST_ALIVE:.0%} may not")
    return wrong


def _outcomes() -> list[tuple[str, int | None]]:
    """(`engines/rules/rings RateRing.push`, exit code) of every mutant."""
    found = []
    for meta in sorted((CACHE / PACKAGE).rglob("*.meta")):
        module = str(meta.relative_to(CACHE / PACKAGE)).removesuffix(".py.meta")
        for name, code in json.loads(meta.read_text())["exit_code_by_key"].items():
            parts = _NAME.search(name)
            assert parts is not None, name
            function = f"{parts['type']}.{parts['function']}" if parts["type"] else parts["function"]
            found.append((f"{module} {function}", code))
    return found


def _forget_those_alive_if_a_test_changed() -> None:
    """mutmut tries a mutant again when its function changed, and never because a test did."""
    selection = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"][
        "pytest_add_cli_args_test_selection"
    ]
    tests = hashlib.sha256(b"".join((ROOT / path).read_bytes() for path in selection)).hexdigest()
    seen = CACHE / ".tests"
    if seen.exists() and seen.read_text() != tests:
        for meta in (CACHE / PACKAGE).rglob("*.meta"):
            kept = json.loads(meta.read_text())
            codes = kept["exit_code_by_key"]
            kept["exit_code_by_key"] = {name: code if code in KILLED else None for name, code in codes.items()}
            meta.write_text(json.dumps(kept, indent=4))
    CACHE.mkdir(exist_ok=True)
    seen.write_text(tests)


def _survivors() -> str:
    return (Path(__file__).parent / "survivors.md").read_text()


if __name__ == "__main__":
    sys.exit(main())
