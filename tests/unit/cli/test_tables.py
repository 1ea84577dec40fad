"""Tables in a terminal: names are never cut, whatever the width."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from busta_health_dagster.cli.tables import Columns


def lines(table: Columns, width: int, *, terminal: bool = True) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=terminal, color_system=None).print(table)
    return out.getvalue().splitlines()


def windows(**more: object) -> Columns:
    table = Columns(("START", "LASTS", "WINDOW", "REASON"), drop=("LASTS",), **more)  # type: ignore[arg-type]
    table.add("Mon 16:20", "2h", "beat-writers-migration", "minor version upgrades")
    return table


def test_the_last_column_wraps_into_the_room_there_is() -> None:
    assert lines(windows(), 52) == [
        "START      WINDOW                  REASON",
        "Mon 16:20  beat-writers-migration  minor version",
        "                                   upgrades",
        "Left out at this width: LASTS. All of it: -o json",
    ]


def test_without_room_for_a_word_it_gets_lines_of_its_own() -> None:
    assert lines(windows(), 38)[2:4] == ["Mon 16:20  beat-writers-migration", "    minor version upgrades"]


@pytest.mark.parametrize("width", [36, 40, 52, 60, 80, 120])
def test_no_width_loses_a_word(width: int) -> None:
    shown = " ".join(" ".join(lines(windows(), width)).split())
    assert all(word in shown for word in ("Mon 16:20", "beat-writers-migration", "minor", "version", "upgrades"))


def test_a_list_keeps_its_places_where_there_is_room_and_gives_them_up_before_a_column() -> None:
    roomy = windows(least=(12, 8, 26, 0))
    assert lines(roomy, 120)[1] == "Mon 16:20     2h        beat-writers-migration      minor version upgrades"
    assert lines(roomy, 66)[1] == "Mon 16:20  2h     beat-writers-migration  minor version upgrades"
    assert lines(roomy, 120, terminal=False)[1] == lines(roomy, 120)[1]


def test_a_number_in_the_last_column_stays_under_its_head() -> None:
    table = Columns(
        ("SOURCE", "PER WEEK", "SELF-RESOLVED"), right=frozenset({"PER WEEK", "SELF-RESOLVED"}), drop=("PER WEEK",)
    )
    table.add("rss_transactions", "0.5", "0%")
    assert lines(table, 36)[:2] == ["SOURCE            SELF-RESOLVED", "rss_transactions             0%"]
