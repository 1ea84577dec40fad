"""Made-up tables with known dirt, so that drafts are not evaluated on the two shared tables alone. Seeded; no data file
needed.

Dirt: a letter replaced in a word, a value dropped, a number with its unit, a date in another format, a code that lost
its leading zero, a swapped pair of fields. Rates are per cell.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

SYLLABLES = [
    "ba",
    "den",
    "kor",
    "li",
    "mar",
    "nes",
    "or",
    "pel",
    "quin",
    "ros",
    "sta",
    "tor",
    "ul",
    "vik",
    "wen",
    "yar",
    "zor",
    "hill",
]


def _word(rng: np.random.Generator, parts: int) -> str:
    return "".join(rng.choice(SYLLABLES, parts)).capitalize()


def people(rows: int = 4000, seed: int = 1) -> pd.DataFrame:
    """One row per person: names are open sets, the zip determines city and state, marital status determines an
    exemption.
    """
    rng = np.random.default_rng(seed)
    zips = [f"{z:05d}" for z in rng.choice(99_999, 300, replace=False)]
    city = {z: _word(rng, 2) + (" " + _word(rng, 2) if rng.random() < 0.3 else "") for z in zips}
    state = {z: "".join(rng.choice(list("ABCDEFGHIJKLMNOP"), 2)) for z in zips}
    z = rng.choice(zips, rows)
    married = rng.choice(["M", "S"], rows)
    salary = rng.integers(5, 110, rows) * 1000
    return pd.DataFrame(
        {
            "first": [_word(rng, 2) for _ in range(rows)],
            "last": [_word(rng, 3) for _ in range(rows)],
            "gender": rng.choice(["F", "M"], rows),
            "phone": [
                f"{a}-{b:04d}" for a, b in zip(rng.integers(200, 999, rows), rng.integers(0, 9999, rows), strict=True)
            ],
            "city": [city[v] for v in z],
            "state": [state[v] for v in z],
            "zip": z,
            "marital": married,
            "salary": salary.astype(str),
            "rate": np.round(rng.uniform(0, 9, rows), 2).astype(str),
            "exemption": np.where(married == "M", "7150", "0"),
        },
        dtype="str",
    )


def clinics(rows: int = 1000, seed: int = 2) -> pd.DataFrame:
    """A denormalised join: few clinics and measures, each attribute repeated in many rows."""
    rng = np.random.default_rng(seed)
    clinic = [
        (
            str(10_000 + i),
            (_word(rng, 3) + " MEDICAL CENTER").upper(),
            _word(rng, 2).upper(),
            f"{rng.integers(10**9, 10**10 - 1)}",
        )
        for i in range(60)
    ]
    measure = [
        (
            f"AMI-{i}",
            f"patients given {_word(rng, 2).lower()} at arrival",
            rng.choice(["Heart Attack", "Pneumonia", "Surgery"]),
        )
        for i in range(25)
    ]
    picks = [(clinic[rng.integers(60)], measure[rng.integers(25)]) for _ in range(rows)]
    return pd.DataFrame(
        {
            "index": [str(i + 1) for i in range(rows)],
            "provider": [c[0] for c, _ in picks],
            "name": [c[1] for c, _ in picks],
            "city": [c[2] for c, _ in picks],
            "phone": [c[3] for c, _ in picks],
            "condition": [m[2] for _, m in picks],
            "code": [m[0] for _, m in picks],
            "measure": [m[1] for _, m in picks],
            "score": [f"{rng.integers(40, 100)}%" if rng.random() > 0.1 else None for _ in picks],
            "sample": [f"{rng.integers(1, 400)} patients" for _ in picks],
        },
        dtype="str",
    )


def articles(rows: int = 1000, seed: int = 3) -> pd.DataFrame:
    """Prose, sparse fields and dates: little repeats."""
    rng = np.random.default_rng(seed)
    journal = [
        (" ".join(_word(rng, 3) for _ in range(3)), f"{rng.integers(1000, 9999)}-{rng.integers(1000, 9999)}")
        for _ in range(220)
    ]
    picks = [journal[min(int(rng.exponential(50)), 219)] for _ in range(rows)]
    return pd.DataFrame(
        {
            "id": [str(v) for v in rng.choice(10**6, rows, replace=False)],
            "title": [
                " ".join(_word(rng, int(rng.integers(1, 4))).lower() for _ in range(int(rng.integers(5, 14))))
                for _ in range(rows)
            ],
            "language": rng.choice(["eng", "fre", "ger", "spa"], rows, p=[0.9, 0.05, 0.03, 0.02]),
            "journal": [p[0] for p in picks],
            "issn": [p[1] for p in picks],
            "volume": [str(rng.integers(1, 90)) if rng.random() > 0.12 else None for _ in picks],
            "created": [f"{rng.integers(1, 13)}/{rng.integers(1, 29)}/{rng.integers(0, 16):02d}" for _ in picks],
            "pages": [
                f"{a}-{a + b}" for a, b in zip(rng.integers(1, 900, rows), rng.integers(1, 90, rows), strict=True)
            ],
            "authors": [
                "{" + ", ".join(f'"{_word(rng, 2)} {_word(rng, 3)}"' for _ in range(int(rng.integers(1, 5)))) + "}"
                for _ in picks
            ],
        },
        dtype="str",
    )


def soil(clean: pd.DataFrame, rate: float, seed: int = 9) -> pd.DataFrame:
    """A copy with about `rate` of the cells made wrong (the first column, an id, stays)."""
    rng = np.random.default_rng(seed)
    dirty = clean.copy()
    for column in clean.columns[1:]:
        kind = rng.choice(["typo", "drop", "unit", "format"])
        rows = np.flatnonzero(rng.random(len(clean)) < rate * rng.uniform(0.3, 1.7))
        dirty.iloc[rows, clean.columns.get_loc(column)] = [_spoil(rng, kind, v) for v in clean[column].iloc[rows]]
    return dirty


def _spoil(rng: np.random.Generator, kind: str, value: object) -> object:
    if not isinstance(value, str):
        return "N/A"
    if kind == "drop":
        return None
    if kind == "unit":
        return f"{value} *" if not value[0].isdigit() else f"{value} pcs"
    if kind == "format":
        return value.lstrip("0").replace("/", "-").replace("%", "").replace(" ", "  ") + (
            "" if "/" in value else ".0" if value.isdigit() else ""
        )
    at = int(rng.integers(len(value)))
    return value[:at] + "x" + value[at + 1 :]
