"""YAML of other people as plain data: dates stay texts, as JSON has them, and what cannot be read is a sentence."""

from __future__ import annotations

from typing import Any

import yaml

_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """`2026-02-30` is no date, and no reason to stop."""

    yaml_implicit_resolvers = {  # noqa: RUF012  as PyYAML declares it
        first: [(tag, pattern) for tag, pattern in known if tag != _TIMESTAMP]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _as_text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_constructor(_TIMESTAMP, _as_text)


def parse_yaml(text: str) -> Any:
    """Raises ValueError: why it is no YAML, with the line where one is known."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        raise ValueError(f"{getattr(error, 'problem', None) or 'it cannot be read'}{line}") from error
    except ValueError as error:  # a value that is not of the type it names: !!int abc
        raise ValueError(" ".join(str(error).split())[:120]) from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
