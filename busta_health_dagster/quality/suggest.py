"""Profile a table into a draft suite. Every line carries its evidence in `meta.why`; a person reviews it, then it is
theirs.

Column checks are WARNINGs: the reviewer raises to ERROR or CRITICAL what a bet depends on. A claim stands in the draft
only if the last 30% of the rows survived what the first 70% taught (`column_profile`). Each dimension also gets two
*record* checks. A consumer needs whole rows, and ten columns that are each 97% right leave a quarter of the rows
broken; the mean over columns alone would call that 97. One slides with the share of broken rows; the other is the
acceptance limit: more failed fields per row than the table itself has shown, with room, is an ERROR. It weighs half its
dimension, so that crossing it is seen in the raw score as well, and the score keeps falling behind the cap instead of
lying flat on 89.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.quality.column_profile import HOLDOUT, claims
from busta_health_dagster.quality.dependencies import dependencies
from busta_health_dagster.quality.draft import COLUMN_MOSTLY, Draft
from busta_health_dagster.quality.frame import rows_to_frame
from busta_health_dagster.quality.rules import follows_dependency, is_text, numbers, timestamps

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import pandas as pd

    from busta_health_dagster.quality.thinning import Whole

NULL_MOSTLY = 0.99
RECORD_MOSTLY = 0.9
RECORD_WEIGHT = 9  # the record check against all column checks of its dimension together
ACCEPTED_DEFECTS = 0.03  # failed fields per row, at least
OVER_HOLDOUT = 1.5  # times what the held-out rows failed
NULL_BLOCKS = 5  # nulls come in stretches: the worst fifth of the table is its evidence
COPIES_MOSTLY = 0.98
MAX_AGE_TO_SUGGEST_S = 7 * 86400
LONGEST_CODE = 64
FEW_TIMES = 1_000  # a column of other texts is told by its first values


def suggest(
    frame: pd.DataFrame,
    name: str,
    now: datetime,
    *,
    whole: Whole | None = None,
    advance: Callable[[int, int | None], None] = lambda _done, _total: None,
) -> dict[str, Any]:
    """A draft suite, in GX's JSON shape, for a table that is known to be good. `whole`: the file that `frame` has stretches of;
    `advance` is called with the columns that are profiled and all columns.

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
    rows = len(frame) if whole is None else whole.rows
    draft.add(
        "table.rows",
        "expect_table_row_count_to_be_between",
        "completeness",
        f"{rows} rows were there; raise to WARNING if volume matters",
        severity="INFO",
        min_value=rows // 2,
        max_value=rows * 2,
    )
    checked = [c for c in frame.columns if _nulls(draft, frame[c], c)]
    for place, column in enumerate(checked):
        advance(place, len(checked))
        for claim in claims(frame[column].dropna().infer_objects(), column):
            draft.add_claim(column, claim)
        derive += _freshness(draft, frame[column], column, now)
    keys = _uniqueness(draft, frame[checked], whole)
    derive += _copies(draft, frame[checked], whole)
    usable = [c for c in checked if c not in keys or len(keys) > 1]
    last = frame.iloc[-int(len(frame) * HOLDOUT) :]
    for found in dependencies(frame[usable]):
        both = last[[found.left, found.right]].dropna()
        failed = float((~follows_dependency(both[found.left], both[found.right])).mean()) if len(both) else 0.0
        draft.add(
            f"{found.right}.by.{found.left}",
            "expect_column_pair_values_to_follow_dependency",
            "consistency",
            f"{found.left} determines {found.right} in {1 - found.error:.2%} of {found.rows} rows "
            f"({found.groups} groups; by chance {1 - found.chance:.0%})",
            mostly=COLUMN_MOSTLY,
            failed=failed,
            column=found.right,
            column_A=found.left,
            column_B=found.right,
        )
    derive += _records(draft, set(frame.columns))
    of = "" if whole is None else f" in stretches all over the {whole.rows} rows of the file,"
    meta: dict[str, Any] = {
        "notes": f"Drafted from {len(frame)} rows{of} at {now:%Y-%m-%d %H:%M} UTC. "
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


def _nulls(draft: Draft, values: pd.Series, column: str) -> bool:
    """The null check of a column. False: it was empty, so nothing else can be learned from it."""
    import numpy as np

    missing = values.isna()
    if missing.all():
        why = f"all {draft.rows} values were null"
        draft.add_column(column, "exists", "expect_column_to_exist", "consistency", why, severity="INFO")
        return False
    if not missing.any():
        why = f"none of {draft.rows} values was null"
        draft.add_column(
            column, "not_null", "expect_column_values_to_not_be_null", "completeness", why, mostly=NULL_MOSTLY
        )
        return True
    worst = max(float(block.mean()) for block in np.array_split(missing.to_numpy(), NULL_BLOCKS) if len(block))
    size = max(1, draft.rows // NULL_BLOCKS)
    floor = max(0.001, round(1 - worst - 3 * (worst * (1 - worst) / size) ** 0.5 - 0.05, 3))
    draft.add_column(
        column,
        "null_share",
        "expect_column_proportion_of_non_null_values_to_be_between",
        "completeness",
        f"{missing.mean():.1%} of {draft.rows} values were null, {worst:.1%} in the worst fifth; 3 sigma and 5 points of room",
        min_value=floor,
    )
    return True


def _copies(draft: Draft, frame: pd.DataFrame, whole: Whole | None) -> list[dict[str, Any]]:
    """Whole rows that are there twice: a page that was fetched twice, a file that was appended to itself."""
    share = _share_of_copies(frame) if whole is None else whole.copies
    rows = len(frame) if whole is None else whole.rows
    mostly = round(min(COPIES_MOSTLY, 1 - OVER_HOLDOUT * share), 3)
    if mostly < 0.95:  # repeated rows are how this table is
        return []
    column = "copies" if "copies" not in frame.columns else "copies_of_row"
    draft.add_column(
        column,
        "single",
        "expect_column_values_to_be_between",
        "uniqueness",
        f"{share:.2%} of {rows} rows stood in the table twice",
        mostly=mostly,
        severity="ERROR",
        by_record=False,
        min_value=1,
        max_value=1,
    )
    return [{"column": column, "kind": "rows_per_group", "by": list(frame.columns)}]


def _share_of_copies(frame: pd.DataFrame) -> float:
    plain = frame.copy(deep=False)
    for column in frame.columns:
        if _may_nest(frame[column]):
            plain[column] = frame[column].map(lambda v: repr(v) if isinstance(v, list | dict) else v)
    return float(plain.duplicated(keep=False).mean())


def _freshness(draft: Draft, values: pd.Series, column: str, now: datetime) -> list[dict[str, Any]]:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values.dtype):
        return []
    known = values.dropna()
    if timestamps(known.iloc[:FEW_TIMES]).isna().any():
        return []
    parsed = timestamps(known)
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


def _uniqueness(draft: Draft, frame: pd.DataFrame, whole: Whole | None) -> tuple[str, ...]:
    """Single columns that identify a row; failing that, the first pair that does."""
    rows = len(frame) if whole is None else whole.rows

    def holds(*columns: str) -> bool:
        return whole is None or whole.is_unique(columns)

    full = [c for c in frame.columns if frame[c].notna().all()]
    hashable = [
        c for c in full if not _may_nest(frame[c]) or not frame[c].map(lambda v: isinstance(v, list | dict)).any()
    ]
    single = [c for c in hashable if frame[c].is_unique and _codelike(frame[c]) and holds(c)]
    for column in single:
        why = f"all {rows} values differed"
        draft.add_column(column, "unique", "expect_column_values_to_be_unique", "uniqueness", why, mostly=COLUMN_MOSTLY)
    if single:
        return (single[0],)
    distinct = {c: frame[c].nunique() for c in hashable[:20]}
    candidates = sorted(distinct, key=lambda c: -distinct[c])
    for i, left in enumerate(candidates):
        for right in candidates[i + 1 :]:
            if _differ(frame, distinct, left, right) and holds(left, right):
                pair = sorted((left, right), key=list(frame.columns).index)
                draft.add(
                    f"{'+'.join(pair)}.unique",
                    "expect_compound_columns_to_be_unique",
                    "uniqueness",
                    f"no two of {rows} rows shared both",
                    mostly=COLUMN_MOSTLY,
                    column_list=pair,
                )
                return tuple(pair)
    return ()


def _differ(frame: pd.DataFrame, distinct: dict[str, int], left: str, right: str) -> bool:
    """Do no two rows share both? Most pairs are told by how few values they have, or by their first rows."""
    both = [left, right]
    if distinct[left] * distinct[right] < len(frame) or frame[both].iloc[:FEW_TIMES].duplicated().any():
        return False
    return not bool(frame.duplicated(both).any())


def _codelike(values: pd.Series) -> bool:
    """Unique because it identifies, not because it is prose or a measurement: whole numbers, or short text of one
    format.
    """
    found = numbers(values)
    if found.notna().all():
        return bool((found == found.round()).all())
    if is_text(values):
        return bool(((values.str.len() <= LONGEST_CODE) & ~values.str.contains(" ", regex=False)).all())
    return bool(values.map(lambda v: isinstance(v, str) and len(v) <= LONGEST_CODE and " " not in v).all())


def _may_nest(values: pd.Series) -> bool:
    """May a value be a list or a mapping?"""
    return bool(values.dtype == object)


def _records(draft: Draft, taken: set[str]) -> list[dict[str, Any]]:
    """One check per dimension on how many fields of a row fail; it weighs more than the columns together."""
    derive = []
    names = {"completeness": "missing_fields", "validity": "invalid_fields", "consistency": "inconsistent_fields"}
    for dimension, name in names.items():
        ids = draft.by_dimension.get(dimension, [])
        if len(ids) < 2:
            continue
        failed = draft.failed.get(dimension, 0.0)
        accepted = round(max(ACCEPTED_DEFECTS, OVER_HOLDOUT * failed), 3)
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
            f"the acceptance limit: {accepted:g} failed fields per row on average (held-out rows: {failed:.3f})",
            severity="ERROR",
            weight=(RECORD_WEIGHT + 1) * columns / 2,
            column=f"{column} limit",
            min_value=0,
            max_value=accepted,
        )
        draft.expectations[-1]["kwargs"]["column"] = column
    return derive
