"""The tests of one dbt model or source as checks of a score: from what dbt leaves behind (run_results.json, manifest.json),
with the age of the results. Pure: the files are read elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.quality import CheckResult, CheckSeverity, Dimension
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.lists import listed
from busta_health_dagster.wording.suggestions import near

if TYPE_CHECKING:
    from collections.abc import Iterator

AGE_CHECK = "dbt.age"
CLOCKS_DIFFER_S = 300
"""So far may the clock of the machine that runs dbt be ahead of ours."""
KNOWN_RESULTS = ("v1", "v2", "v3", "v4", "v5", "v6")
"""Schema versions of run_results.json whose results have a test's id, status and message."""
_VERSION = re.compile(r"/(run-results|manifest)/(v\d+)(?:\.json)?/?$")
_DIMENSION_OF = (
    (re.compile(r"not_null|at_least_one|not_empty|row_count|cardinality"), Dimension.COMPLETENESS),
    (re.compile(r"unique"), Dimension.UNIQUENESS),
    (re.compile(r"relationships|equal_rowcount|equality|referential"), Dimension.CONSISTENCY),
    (re.compile(r"recency|fresh|row_values_to_have_recent_data"), Dimension.TIMELINESS),
)
_NAMED_AT_MOST = 5
_WHY_AT_MOST = 300


@dataclass(frozen=True, slots=True)
class DbtTests:
    """The checks of one node, and what of dbt's results could not be one."""

    node: str
    checks: tuple[CheckResult, ...]
    notes: tuple[str, ...]


def dbt_tests(results: Any, manifest: Any, node: str, *, now: float, max_age_s: float) -> DbtTests:
    """The newest results of the tests on `node` (the name of a model, seed or snapshot, `source.table`, or dbt's own id).

    Results older than `max_age_s` are not evaluated, and the check `dbt.age` fails: what passed last week says nothing of
    today.

    Raises:
        BadInput: a file is no file of dbt, of a version that is not known, or knows no such node.
    """
    ran_at = _generated(results)
    nodes = _nodes(manifest)
    wanted = _find(node, nodes)
    tests = {test_id: test for test_id, test in nodes.items() if _tests(test, wanted, nodes)}
    entries = {str(e.get("unique_id")): e for e in results["results"] if isinstance(e, Mapping)}
    ran = {test_id: test for test_id, test in tests.items() if test_id in entries}
    age_s = _age(ran_at, now)
    stale = age_s > max_age_s
    said = f"dbt ran these tests {duration_text(int(age_s))} ago; at most {duration_text(int(max_age_s))} is asked for"
    reported = int(stale or bool(ran))  # new results of other tests say nothing of this node
    age = CheckResult(
        AGE_CHECK, Dimension.TIMELINESS, None, CheckSeverity.ERROR, reported, int(stale), table=True, why=said
    )
    checks = [_check(test_id, test, entries[test_id], stale=stale) for test_id, test in ran.items()]
    return DbtTests(wanted, (*_apart([age, *checks])[1:], age), tuple(_notes(wanted, tests, entries, nodes)))


def _generated(results: Any) -> datetime:
    what = "run_results.json"
    metadata = results.get("metadata") if isinstance(results, Mapping) else None
    found = _VERSION.search(str(metadata.get("dbt_schema_version"))) if isinstance(metadata, Mapping) else None
    if metadata is None or found is None or found[1] != "run-results" or not isinstance(results.get("results"), list):
        raise BadInput(
            f"this is no {what} of dbt: it names no version of dbt's run-results; dbt test writes one to target/"
        )
    if found[2] not in KNOWN_RESULTS:
        raise BadInput(
            f"{what} is of version {found[2]}, which this program does not know ({', '.join(KNOWN_RESULTS)}); upgrade it, or "
            "write the results with a dbt of those versions"
        )
    try:
        at = datetime.fromisoformat(str(metadata.get("generated_at")))
    except ValueError as error:
        raise BadInput(f"{what} does not say when it was made (metadata.generated_at)") from error
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _age(ran_at: datetime, now: float) -> float:
    """Raises BadInput for a time to come: such results would count as new until then."""
    ahead = ran_at.timestamp() - now
    if ahead > CLOCKS_DIFFER_S:
        raise BadInput(
            f"run_results.json was made {duration_text(int(ahead))} from now (metadata.generated_at {ran_at:%Y-%m-%d %H:%M}), so that its "
            "age is unknown; set the clock of the machine that runs dbt, or of this one, and run dbt test again"
        )
    return max(0.0, -ahead)


def _nodes(manifest: Any) -> dict[str, Mapping[str, Any]]:
    """Models, tests and sources by dbt's id."""
    nodes = manifest.get("nodes") if isinstance(manifest, Mapping) else None
    if not isinstance(nodes, Mapping):
        raise BadInput("this is no manifest.json of dbt: it has no nodes; dbt parse writes one to target/")
    sources = manifest.get("sources")
    both = {**nodes, **(sources if isinstance(sources, Mapping) else {})}
    return {str(key): node for key, node in both.items() if isinstance(node, Mapping)}


def _kind(node: Mapping[str, Any]) -> str:
    return str(node.get("resource_type") or "")


def _names(node_id: str, node: Mapping[str, Any]) -> set[str]:
    """What a person may call it."""
    name = str(node.get("name") or node_id.rpartition(".")[2])
    spoken = f"{node.get('source_name')}.{name}" if _kind(node) == "source" else name
    return {node_id, spoken}


def _find(wanted: str, nodes: Mapping[str, Mapping[str, Any]]) -> str:
    testable = {i: n for i, n in nodes.items() if _kind(n) in {"model", "seed", "snapshot", "source"}}
    found = [node_id for node_id, node in testable.items() if wanted in _names(node_id, node)]
    if len(found) == 1:
        return found[0]
    if found:
        raise BadInput(
            f"dbt has several nodes called {wanted!r}: {listed(sorted(found), most=4)}; write dbt's id of one"
        )
    known = sorted({name for node_id, node in testable.items() for name in _names(node_id, node) - {node_id}})
    guess = near(wanted, known) or (f"one of {listed(known, most=6)}" if known else "dbt parse, which found no model")
    raise BadInput(f"dbt's manifest has no model or source {wanted!r}; write {guess}")


def _tests(test: Mapping[str, Any], node: str, nodes: Mapping[str, Mapping[str, Any]]) -> bool:
    """Is it a test of this node? Older manifests do not say what a test is attached to, only all that it reads."""
    if _kind(test) != "test":
        return False
    attached = test.get("attached_node")
    if attached is not None:
        return bool(attached == node)
    read = _read(test)
    if read == [node]:
        return True
    metadata = test.get("test_metadata")
    kwargs = metadata.get("kwargs") if isinstance(metadata, Mapping) else None
    model = str(kwargs.get("model") or "") if isinstance(kwargs, Mapping) else ""
    name = str(nodes[node].get("name") or "")
    return node in read and bool(name) and re.search(rf"['\"]{re.escape(name)}['\"]\s*\)", model) is not None


def _read(test: Mapping[str, Any]) -> list[str]:
    depends = test.get("depends_on")
    found = depends.get("nodes") if isinstance(depends, Mapping) else None
    return [str(one) for one in found] if isinstance(found, list) else []


def _check(test_id: str, test: Mapping[str, Any], entry: Mapping[str, Any], *, stale: bool) -> CheckResult:
    status, message = str(entry.get("status")), " ".join(str(entry.get("message") or "").split())[:_WHY_AT_MOST]
    config = test.get("config")
    declared = str(config.get("severity") if isinstance(config, Mapping) else "").lower()
    warns = status == "warn" or (status == "pass" and declared.startswith("warn"))
    evaluated = status in {"pass", "fail", "warn"} and not stale
    column = test.get("column_name")
    return CheckResult(
        id=f"dbt.{test.get('name') or test_id}",
        dimension=_dimension(test),
        column=None if column is None else str(column),
        severity=CheckSeverity.WARNING if warns else CheckSeverity.ERROR,
        eligible=int(evaluated),
        unexpected=int(evaluated and status != "pass"),
        table=True,
        error=f"dbt could not run it: {message or status}"
        if status in {"error", "runtime error"} and not stale
        else None,
        why=message or f"dbt test {test.get('name') or test_id}",
    )


def _apart(checks: list[CheckResult]) -> list[CheckResult]:
    """Two tests of one name, in two packages, are told apart by a number; so is one that is called `age`."""
    from dataclasses import replace

    seen: dict[str, int] = {}
    out = []
    for check in checks:
        seen[check.id] = seen.get(check.id, 0) + 1
        out.append(check if seen[check.id] == 1 else replace(check, id=f"{check.id}.{seen[check.id]}"))
    return out


def _dimension(test: Mapping[str, Any]) -> Dimension:
    metadata = test.get("test_metadata")
    name = str(metadata.get("name") if isinstance(metadata, Mapping) else test.get("name") or "")
    return next((dimension for pattern, dimension in _DIMENSION_OF if pattern.search(name)), Dimension.VALIDITY)


def _notes(
    node: str,
    tests: Mapping[str, Mapping[str, Any]],
    entries: Mapping[str, Mapping[str, Any]],
    nodes: Mapping[str, Mapping[str, Any]],
) -> Iterator[str]:
    """What could not be taken over, by name."""
    missing = sorted(str(test.get("name") or test_id) for test_id, test in tests.items() if test_id not in entries)
    if missing:
        yield f"dbt: no result of {listed(missing, most=_NAMED_AT_MOST)} in this run"
    if not tests:
        yield f"dbt: {node} has no tests"
    odd = sorted(
        f"{tests[test_id].get('name') or test_id} ({entry.get('status')})"
        for test_id, entry in entries.items()
        if test_id in tests and str(entry.get("status")) not in {"pass", "fail", "warn", "error", "runtime error"}
    )
    if odd:
        yield f"dbt: not evaluated: {listed(odd, most=_NAMED_AT_MOST)}"
    shared = sorted(
        str(test.get("name") or test_id)
        for test_id, test in nodes.items()
        if _kind(test) == "test" and node in _read(test) and test_id not in tests and test.get("attached_node") is None
    )
    if shared:
        yield f"dbt: left out, since they read several models: {listed(shared, most=_NAMED_AT_MOST)}"
    strangers = sorted(i for i in entries if i.startswith("test.") and i not in nodes)
    if strangers:
        yield f"dbt: the manifest does not have {listed(strangers, most=_NAMED_AT_MOST)}; write both files in one run"
