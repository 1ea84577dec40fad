"""The operator's own JSON body: Jinja2 in an immutable sandbox, bounded in size and in time.

What is put into a string is escaped for JSON, whether or not the template says `| tojson`: a source's text cannot add
a field.
"""

from __future__ import annotations

import json
import sys
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

    from jinja2 import Template
    from jinja2.sandbox import ImmutableSandboxedEnvironment

MOST_CHARACTERS = 256 * 1024
MOST_SECONDS = 0.5
_TEXT_METHODS = frozenset(
    {
        "lower",
        "upper",
        "strip",
        "lstrip",
        "rstrip",
        "startswith",
        "endswith",
        "split",
        "title",
        "capitalize",
        "removeprefix",
        "removesuffix",
    }
)
_UNBOUNDED = ("center", "format", "indent", "pprint", "replace", "wordwrap", "xmlattr", "urlize")


class TemplateFailed(Exception):
    """The template raised, took too long, grew too large, or made no JSON. Its text is for the operator."""


def check(source: str) -> None:
    """Read a template without rendering it.

    Raises:
        ValueError: a syntax error, with its line.
    """
    from jinja2 import TemplateError

    try:
        compiled(source)
    except TemplateError as why:
        raise ValueError(f"the template cannot be read, line {getattr(why, 'lineno', '?')}: {why}") from why


def render(source: str, values: dict[str, Any]) -> bytes:
    """Template and values -> compact JSON.

    Raises:
        TemplateFailed: it raised, took more than half a second, made more than 256 KiB, or the result is not JSON.
    """
    template = compiled(source)
    chunks: list[str] = []
    size = 0
    with _Clock(MOST_SECONDS):
        try:
            for chunk in template.generate(values):
                size += len(chunk)
                _bound(size)
                chunks.append(chunk)
        except TemplateFailed:
            raise
        except Exception as why:
            raise TemplateFailed(f"the template raised {type(why).__name__}: {str(why)[:200]}") from why
    try:
        return json.dumps(json.loads("".join(chunks)), ensure_ascii=False, separators=(",", ":")).encode()
    except ValueError as why:
        raise TemplateFailed(f"the template's result is not JSON: {why}") from why


def _bound(size: int) -> None:
    if size > MOST_CHARACTERS:
        raise TemplateFailed(f"the template makes more than {MOST_CHARACTERS // 1024} KiB")


class _Clock:
    """Stops template code by tracing its lines: an empty loop yields no chunk between which one could check the
    time.
    """

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds
        self.before: Any = None

    def __enter__(self) -> None:
        self.before = sys.gettrace()
        sys.settrace(self._trace)

    def __exit__(self, *_: object) -> None:
        sys.settrace(self.before)

    def _trace(self, _frame: FrameType, _event: str, _arg: Any) -> Any:
        if time.monotonic() > self.end:
            raise TemplateFailed(f"the template takes more than {MOST_SECONDS:g} s")
        return self._trace


@lru_cache(maxsize=64)
def compiled(source: str) -> Template:
    return _environment().from_string(source)


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.exceptions import SecurityError
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    from markupsafe import Markup

    class Bounded(ImmutableSandboxedEnvironment):
        """No operator and no method that makes much out of little."""

        intercepted_binops = frozenset({"*", "**", "%", "+"})

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            numbers = isinstance(left, int | float) and isinstance(right, int | float)
            if operator == "**" or not (
                numbers or (operator == "+" and isinstance(left, str) and isinstance(right, str))
            ):
                raise SecurityError(
                    f"{operator} between {type(left).__name__} and {type(right).__name__} is not allowed here"
                )
            return super().call_binop(context, operator, left, right)

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            if isinstance(obj, str | bytes):
                return attr in _TEXT_METHODS
            return super().is_safe_attribute(obj, attr, value)

    def escaped(value: Any) -> Any:
        if isinstance(value, Markup):  # what tojson made
            return value
        if value is None or isinstance(value, bool | int | float | dict | list | tuple):
            return json.dumps(value)
        return json.dumps(str(value), ensure_ascii=False)[1:-1]

    environment = Bounded(undefined=StrictUndefined, finalize=escaped, autoescape=False)
    for name in _UNBOUNDED:
        environment.filters.pop(name, None)
    return environment
