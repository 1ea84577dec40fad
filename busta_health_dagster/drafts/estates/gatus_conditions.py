"""Conditions of Gatus (`[STATUS] == 200`, `[BODY].status == UP`) as what an entry expects."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from busta_health_dagster.drafts.estates.plain_data import seconds

_CONDITION = re.compile(r"^\s*(.+?)\s*(==|!=|<=|>=|<|>)\s*(.+?)\s*$")
_BODY = re.compile(r"\[BODY\](\.?[\w.\[\]*-]+)")
_HAS = re.compile(r"has\(\[BODY\](\.?[\w.\[\]-]+)\)")
_LENGTH = re.compile(r"len\(\[BODY\](\.?[\w.\[\]-]*)\)")
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
_COUNT = re.compile(r"\d{1,9}")
_EVERY_STATUS = frozenset(range(100, 600))
_ALWAYS = {("[CONNECTED]", "==", "true"), ("[DNS_RCODE]", "==", "NOERROR")}


def carry_over(entry: dict[str, Any], conditions: list[str], notes: list[str]) -> None:
    """Put the conditions into the entry; each that cannot be said there becomes a note."""
    held = _Held(entry)
    for condition in conditions:
        match = _CONDITION.match(condition)
        if match is None or not held.take(*match.groups()):
            notes.append(f"Not carried over: {condition}")
    held.write()


@dataclass(slots=True)
class _Held:
    entry: dict[str, Any]
    statuses: frozenset[int] = _EVERY_STATUS
    expect: dict[str, Any] = field(default_factory=dict)
    json: list[dict[str, Any]] = field(default_factory=list)
    regex: list[Any] = field(default_factory=list)

    def take(self, left: str, op: str, right: str) -> bool:
        """Was it understood?"""
        if (left, op, right) in _ALWAYS:
            return True
        if left == "[CERTIFICATE_EXPIRATION]":
            days = seconds(right)
            if days is None or op not in {">", ">="} or self.entry["probe"] not in {"http", "tcp"}:
                return False
            self.entry["cert_days"] = round(days / 86400, 2)
            return True
        if self.entry["probe"] != "http":
            return False
        if left == "[STATUS]":
            return self._status(op, right)
        return self._text(op, right) if left == "[BODY]" else self._json(left, op, right)

    def _status(self, op: str, right: str) -> bool:
        allowed = _statuses(op, right)
        if allowed is not None:
            self.statuses &= allowed
        return allowed is not None

    def _text(self, op: str, right: str) -> bool:
        pattern = _pattern(right)
        if pattern is None or op not in {"==", "!="}:
            return False
        self.regex.append({"pattern": pattern, "absent": True} if op == "!=" else pattern)
        return True

    def _json(self, left: str, op: str, right: str) -> bool:
        if (path := _HAS.fullmatch(left)) and right in {"true", "false"}:
            self.json.append({"path": _path(path[1]), "exists": (right == "true") is (op == "==")})
            return True
        if (path := _LENGTH.fullmatch(left)) and _COUNT.fullmatch(right) and op in {">", ">="}:
            self.entry["items"] = f"{_path(path[1])}[*]"
            self.expect["min_items"] = int(right) + (op == ">")
            return True
        path = _BODY.fullmatch(left)
        asked = _match(_path(path[1]), op, right) if path else None
        if asked:
            self.json.append(asked)
        return bool(asked)

    def write(self) -> None:
        if self.statuses != _EVERY_STATUS:
            self.expect["status"] = _written(self.statuses)
        self.expect |= {key: value for key, value in (("json", self.json), ("regex", self.regex)) if value}
        if self.expect:
            self.entry["expect"] = self.expect


def _statuses(op: str, right: str) -> frozenset[int] | None:
    if (inner := re.fullmatch(r"any\((.*)\)", right)) and op == "==":
        codes = [code.strip() for code in inner[1].split(",")]
        return frozenset(map(int, codes)) if all(map(_COUNT.fullmatch, codes)) else None
    if not _COUNT.fullmatch(right):
        return None
    code = int(right)
    tests = {
        "==": code.__eq__,
        "!=": code.__ne__,
        "<": code.__gt__,
        "<=": code.__ge__,
        ">": code.__lt__,
        ">=": code.__le__,
    }
    return frozenset(status for status in _EVERY_STATUS if tests[op](status))


def _written(statuses: frozenset[int]) -> list[int | str]:
    """Classes as `2xx`, a few codes one by one."""
    out: list[int | str] = []
    for head in range(2, 6):
        held = sorted(code for code in statuses if code // 100 == head)
        out += [f"{head}xx"] if len(held) > 20 else held
    return out or ["2xx"]


def _pattern(right: str) -> str | None:
    if inner := re.fullmatch(r"pat\((.*)\)", right):
        return ".*".join(re.escape(part) for part in inner[1].strip("*").split("*"))
    return None if "(" in right else f"^{re.escape(right)}$"


def _match(path: str, op: str, right: str) -> dict[str, Any] | None:
    if (inner := re.fullmatch(r"any\((.*)\)", right)) and op == "==":
        return {"path": path, "one_of": [_value(one.strip()) for one in inner[1].split(",")]}
    if "(" in right or "[" in right:
        return None
    value = _value(right)
    if op not in {"==", "!="} and (isinstance(value, bool) or not isinstance(value, int | float)):
        return None  # order is one of numbers
    return {"path": path, "equals": value} if op == "==" else {"path": path, "op": op, "value": value}


def _path(path: str) -> str:
    return "$" + (path if not path or path.startswith((".", "[")) else f".{path}")


def _value(text: str) -> Any:
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return {"true": True, "false": False, "null": None}.get(text, text.strip("\"'"))
