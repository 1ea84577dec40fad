"""Profile a table into a draft suite. Every line carries its evidence in `meta.why`; a person reviews it, then it is
theirs.

Column checks are WARNINGs: the reviewer raises to ERROR or CRITICAL what a bet depends on. Closed sets and formats
are only claimed where Good-Turing says that a new good value is rare (the share of things seen once). Each dimension
also gets two *record* checks. A consumer needs whole rows, and ten columns that are each 97% right leave a quarter of
the rows broken; the mean over columns alone would call that 97. One slides with the share of broken rows; the other
is the acceptance limit: more than one failed field per ten rows is an ERROR. It weighs half its dimension, so that
crossing it is seen in the raw score as well, and the score keeps falling behind the cap instead of lying flat on 89.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.quality.column_profile import COLUMN_MOSTLY, Draft, learn_nulls, learn_values, row_check
from busta_health_dagster.quality.dependencies import dependencies
from busta_health_dagster.quality.frame import rows_to_frame
from busta_health_dagster.quality.rules import numbers, timestamps

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

RECORD_MOSTLY = 0.9
RECORD_WEIGHT = 9  # the record check against all column checks of its dimension together
ACCEPTED_DEFECTS = 0.1  # failed fields per row
MAX_AGE_TO_SUGGEST_S = 7 * 86400


def suggest(frame: pd.DataFrame, name: str, now: datetime) -> dict[str, Any]:
    """A draft suite, in GX's JSON shape, for a table that is known to be good.

    Raises:
        BadInput: fewer than 20 rows, or no columns: there is no evidence to draft from.
    """
    if len(frame) < 20 or frame.shape[1] == 0:
        raise BadInput(
            f"{len(frame)} rows and {frame.shape[1]} columns are too little to draft a suite from; "
            "give at least 20 rows"
        )
    frame = rows_to_frame(frame).rename(columns=str)
    draft = Draft(len(frame))
    derive: list[dict[str, Any]] = []
    draft.add(
        "table.columns",
        "expect_table_columns_to_match_set",
        "consistency",
        f"these {frame.shape[1]} columns were there; more may come",
        severity="ERROR",
        column_set=list(frame.columns),
        exact_match=False,
    )
    draft.add(
        "table.rows",
        "expect_table_row_count_to_be_between",
        "completeness",
        f"{len(frame)} rows were there; raise to WARNING if volume matters",
        severity="INFO",
        min_value=len(frame) // 2,
        max_value=len(frame) * 2,
    )
    checked = [c for c in frame.columns if learn_nulls(draft, frame[c], c)]
    for column in checked:
        learn_values(draft, frame[column].dropna(), column)
        derive += _freshness(draft, frame[column], column, now)
    keys = _uniqueness(draft, frame[checked])
    usable = [c for c in checked if c not in keys or len(keys) > 1]
    for found in dependencies(frame[usable]):
        draft.add(
            f"{found.right}.by.{found.left}",
            "expect_column_pair_values_to_follow_dependency",
            "consistency",
            f"{found.left} determines {found.right} in {1 - found.error:.2%} of {found.rows} rows "
            f"({found.groups} groups; by chance {1 - found.chance:.0%})",
            mostly=COLUMN_MOSTLY,
            column=found.right,
            column_A=found.left,
            column_B=found.right,
        )
    derive += _records(draft, set(frame.columns))
    meta: dict[str, Any] = {
        "notes": f"Drafted from {len(frame)} rows at {now:%Y-%m-%d %H:%M} UTC. "
        "Review every line; its evidence is in meta.why."
    }
    if keys:
        meta["keys"] = list(keys)
    if derive:
        meta["derive"] = derive
    return {"name": name, "expectations": draft.expectations, "meta": meta}


def write_draft(suite: dict[str, Any], path: Path | str) -> Path:
    """Write the draft; an existing file is never overwritten.

    Raises:
        BadInput: the file exists, or its folder does not.
    """
    file = Path(path)
    try:
        with file.open("x", encoding="utf-8") as out:
            json.dump(suite, out, indent=2, ensure_ascii=True)
            out.write("\n")
    except FileExistsError as error:
        raise BadInput(f"{file} exists, and a suggestion never overwrites; name another file with --out") from error
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}; name another file with --out") from error
    return file


def _freshness(draft: Draft, values: pd.Series, column: str, now: datetime) -> list[dict[str, Any]]:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values.dtype):
        return []
    parsed = timestamps(values.dropna())
    if parsed.empty or parsed.isna().any():
        return []
    newest = (pd.Timestamp(now) - parsed.max()).total_seconds()
    if not 0 <= newest <= MAX_AGE_TO_SUGGEST_S:
        return []
    limit = max(900, int(newest * 3))
    derived = f"{column}_age_seconds"
    draft.add(
        f"{column}.fresh",
        "expect_column_min_to_be_between",
        "timeliness",
        f"the newest value was {newest:.0f} s old; three times that, at least 15 min",
        max_value=limit,
    )
    draft.expectations[-1]["kwargs"]["column"] = derived
    return [{"column": derived, "kind": "age_seconds", "from": column}]


def _uniqueness(draft: Draft, frame: pd.DataFrame) -> tuple[str, ...]:
    """Single columns that identify a row; failing that, the first pair that does."""
    full = [c for c in frame.columns if frame[c].notna().all()]
    hashable = [c for c in full if not frame[c].map(lambda v: isinstance(v, list | dict)).any()]
    single = [c for c in hashable if frame[c].is_unique and _codelike(frame[c])]
    for column in single:
        row_check(
            draft,
            column,
            "unique",
            "expect_column_values_to_be_unique",
            f"all {len(frame)} values differed",
            "uniqueness",
        )
    if single:
        return (single[0],)
    candidates = sorted(hashable[:20], key=lambda c: -frame[c].nunique())
    for i, left in enumerate(candidates):
        for right in candidates[i + 1 :]:
            if not frame.duplicated([left, right]).any():
                pair = sorted((left, right), key=list(frame.columns).index)
                draft.add(
                    f"{'+'.join(pair)}.unique",
                    "expect_compound_columns_to_be_unique",
                    "uniqueness",
                    f"no two of {len(frame)} rows shared both",
                    mostly=COLUMN_MOSTLY,
                    column_list=pair,
                )
                return tuple(pair)
    return ()


def _codelike(values: pd.Series) -> bool:
    """Unique because it identifies, not because it is prose or a measurement: whole numbers, or short text of one
    format.
    """
    found = numbers(values)
    if found.notna().all():
        return bool((found == found.round()).all())
    return bool(values.map(lambda v: isinstance(v, str) and len(v) <= 64 and " " not in v).all())


def _records(draft: Draft, taken: set[str]) -> list[dict[str, Any]]:
    """One check per dimension on how many fields of a row fail; it weighs more than the columns together."""
    derive = []
    names = {"completeness": "missing_fields", "validity": "invalid_fields", "consistency": "inconsistent_fields"}
    for dimension, name in names.items():
        ids = draft.by_dimension.get(dimension, [])
        if len(ids) < 2:
            continue
        column = name if name not in taken else f"{name}_of_row"
        derive.append({"column": column, "kind": "defects", "checks": ids})
        columns = sum(
            1 for e in draft.expectations if e["meta"]["dimension"] == dimension and e["meta"]["severity"] != "INFO"
        )
        draft.add(
            f"record.{column}",
            "expect_column_values_to_be_between",
            dimension,
            f"no row had a field that failed one of these {len(ids)} checks: a consumer needs whole rows",
            mostly=RECORD_MOSTLY,
            weight=RECORD_WEIGHT * columns,
            by_record=False,
            min_value=0,
            max_value=0,
        )
        draft.expectations[-1]["kwargs"]["column"] = column
        draft.add(
            f"record.{column}.limit",
            "expect_column_mean_to_be_between",
            dimension,
            f"the acceptance limit: at most {ACCEPTED_DEFECTS} failed fields per row on average (0 when drafted)",
            severity="ERROR",
            weight=(RECORD_WEIGHT + 1) * columns / 2,
            column=f"{column} limit",
            min_value=0,
            max_value=ACCEPTED_DEFECTS,
        )
        draft.expectations[-1]["kwargs"]["column"] = column
    return derive
