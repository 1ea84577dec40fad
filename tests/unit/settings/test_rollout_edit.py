"""`rollout` is taken out of a file, and every other character stays."""

from __future__ import annotations

import pytest

from busta_health_dagster.settings.rollout_edit import without_rollout

HEAD = "# mine\nversion: 1\nsources:\n"


@pytest.mark.parametrize(
    ("entry", "left"),
    [
        ("  - {name: a, rollout: {until: 2026-12-07}}  # x\n", "  - {name: a}  # x\n"),
        ("  - {rollout: {until: 2026-12-07}, name: a}\n", "  - {name: a}\n"),
        ("  - {name: a, rollout: {until: 2026-12-07}, type: t}\n", "  - {name: a, type: t}\n"),
        ("  - name: a\n    rollout: {until: '2026-12-07'}\n    type: t\n", "  - name: a\n    type: t\n"),
        (
            "  - name: a\n    rollout:\n      until: 2026-12-07\n    # about t\n    type: t\n",
            "  - name: a\n    # about t\n    type: t\n",
        ),
        ("  - rollout: {until: 2026-12-07}\n    name: a\n", "  - name: a\n"),
        ("  - name: a\n    rollout: {until: 2026-12-07}", "  - name: a\n"),
        ("  - name: a\r\n    rollout: {until: 2026-12-07}\r\n    type: t\r\n", "  - name: a\r\n    type: t\r\n"),
        (
            "  - name: ä\n    rollout: {until: 2026-12-07}\n    note: 'ö # rollout'\n",
            "  - name: ä\n    note: 'ö # rollout'\n",
        ),
    ],
)
def test_only_the_rollout_goes(entry: str, left: str) -> None:
    assert without_rollout("s.yaml", HEAD + entry, lambda _: True) == HEAD + left


def test_only_the_entries_that_are_meant_lose_it() -> None:
    text = (
        HEAD
        + "  - {name: a, rollout: {until: x}}\n  - {name: b, rollout: {until: x}}\ndefaults: {rollout: {until: x}}\n"
    )
    assert without_rollout("s.yaml", text, {"s.yaml:5"}.__contains__) == text.replace(
        "{name: b, rollout: {until: x}}", "{name: b}"
    )
    assert "rollout" not in without_rollout("s.yaml", text, lambda _: True)
