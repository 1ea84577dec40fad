"""`source=~"odds_.*"` as text -> a matcher: how Prometheus' tools write a filter."""

from __future__ import annotations

import re

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.silence import OPERATORS, Matcher

_WRITTEN = re.compile(r'("(?:[^"\\]|\\.)*"|[^\s"=!~{},]+)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|[^\s"][^"]*|)', re.DOTALL)
"""Without the space around it. No two of its parts can share a space: a long text of them would be tried in every division."""
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MEANS = {"n": "\n"}
_KINDS = {operator: kind for kind, operator in OPERATORS.items()}


def read_matcher(text: str) -> Matcher:
    """Raises BadInput: not a matcher, or its pattern cannot be used."""
    written = _WRITTEN.fullmatch(text.strip())
    if written is None:
        raise BadInput(f"{text[:100]!r} is no matcher; write a label, =, !=, =~ or !~, and a value: source=odds_api")
    name, operator, value = written.groups()
    equal, regex = _KINDS[operator]
    matcher = Matcher(_plain(name), _plain(value), regex, equal)
    try:
        matcher.check()
    except ValueError as error:
        raise BadInput(f"The matcher {matcher} cannot be used: {error}.") from error
    return matcher


def _plain(text: str) -> str:
    if not text.startswith('"'):
        return text
    return _ESCAPED.sub(lambda m: _MEANS.get(m[1], m[1]), text[1:-1])
