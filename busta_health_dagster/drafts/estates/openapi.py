"""OpenAPI 3 and Swagger 2: every GET that can be asked without knowing an identifier."""

from __future__ import annotations

import re
from typing import Any

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.drafts.draft import Estate, Unusable, at_address
from busta_health_dagster.drafts.estates.plain_data import mapping, mappings, plain_data, texts
from busta_health_dagster.settings.foreign_text import masked
from busta_health_dagster.settings.secret_scanner import env_name
from busta_health_dagster.wording.names import name_text

_METHODS = ("put", "post", "delete", "patch", "options", "head", "trace")
_REMEDY = "Say where the API is: --base-url https://api.example.com/v1"


def read_openapi(text: str, base_url: str = "") -> Estate:
    """The operations of a description.

    Raises:
        BadInput: it is none, or does not say where the API is.
    """
    data = mapping(plain_data("the description", text))
    paths = mapping(data.get("paths"))
    if not ({"openapi", "swagger"} & data.keys()) or not paths:
        raise BadInput("it is no description of an API: there is no `openapi` (or `swagger`) with `paths`")
    base = _base(data, base_url)
    title = str(mapping(data.get("info")).get("title") or "")
    estate = Estate("openapi")
    for path, item in paths.items():
        operations = _resolved(data, item)
        for method in _METHODS:
            if method in operations:
                estate.leave(f"{method.upper()} {path}", method.upper(), "a monitor only reads")
        if "get" not in operations:
            continue
        operation, notes = mapping(operations["get"]), list[str]()
        shared = [_resolved(data, one) for one in mappings(operations.get("parameters"))]
        own = [_resolved(data, one) for one in mappings(operation.get("parameters"))]
        try:
            entry = _operation(data, base, str(path), operation, [*shared, *own], notes)
        except Unusable as why:
            estate.leave(f"GET {path}", "GET", str(why))
            continue
        estate.add(f"{title} {path}", entry, (texts(operation.get("tags")) or [""])[0], tuple(notes))
    return estate


def _base(data: dict[str, Any], base_url: str) -> str:
    server = (mappings(data.get("servers")) or [{}])[0]
    url = str(server.get("url") or "")
    for name, variable in mapping(server.get("variables")).items():
        url = url.replace(f"{{{name}}}", str(mapping(variable).get("default") or ""))
    if not url and data.get("host"):
        scheme = (texts(data.get("schemes")) or ["https"])[-1]
        url = f"{scheme}://{data['host']}{data.get('basePath') or ''}"
    if base_url:
        url = base_url if "://" in url else f"{base_url.rstrip('/')}/{url.lstrip('/')}"
    if not url:
        raise BadInput(f"it has no `servers`, so no one can tell where the API is. {_REMEDY}")
    if "://" not in url or "{" in url:
        raise BadInput(f"its server {masked(url)!r} is no complete address. {_REMEDY}")
    if "?" in url or "#" in url:
        raise BadInput(f"its server {masked(url)!r} has a query, behind which no path can stand. {_REMEDY}")
    return url.rstrip("/")


def _resolved(data: dict[str, Any], node: Any) -> dict[str, Any]:
    """What `$ref` stands for, inside the file; ten steps at most, since references can go in a circle."""
    for _ in range(10):
        held = mapping(node)
        ref = held.get("$ref")
        if not isinstance(ref, str):
            return held
        node = data
        for part in ref.removeprefix("#/").split("/"):
            node = mapping(node).get(part.replace("~1", "/").replace("~0", "~"))
    return {}


def _operation(
    data: dict[str, Any],
    base: str,
    path: str,
    operation: dict[str, Any],
    parameters: list[dict[str, Any]],
    notes: list[str],
) -> dict[str, Any]:
    if operation.get("deprecated") is True:
        raise Unusable("it is deprecated")
    if "{" in path:
        raise Unusable("its path needs an identifier")
    entry = at_address(base + path)
    entry |= {"probe": "http", "type": "apis"}
    params: dict[str, Any] = {}
    for one in parameters:
        if one.get("required") is not True:
            continue
        value, where = _example(data, one), str(one.get("in"))
        if value is None or where not in {"query", "header"}:
            raise Unusable(f"it needs {where} parameter {one.get('name')!r}, and there is no example of it")
        if where == "query":
            params[str(one["name"])] = value
        else:
            entry.setdefault("headers", {})[str(one["name"])] = str(value)
    _security(data, operation, entry, params, notes)
    if params:
        entry["params"] = params
    _answer(data, operation, entry)
    if operation.get("summary"):
        entry["description"] = str(operation["summary"])[:200]
    return entry


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _example(data: dict[str, Any], parameter: dict[str, Any]) -> Any:
    schema = _resolved(data, parameter.get("schema"))
    candidates = [parameter.get("example"), schema.get("example"), schema.get("default"), parameter.get("default")]
    candidates += [mapping(one).get("value") for one in mapping(parameter.get("examples")).values()]
    candidates += _list(schema.get("enum") or parameter.get("enum"))[:1]
    return next((one for one in candidates if isinstance(one, str | int | float) and one != ""), None)


def _security(
    data: dict[str, Any], operation: dict[str, Any], entry: dict[str, Any], params: dict[str, Any], notes: list[str]
) -> None:
    asked = mappings(operation["security"] if "security" in operation else data.get("security"))
    if not asked or {} in asked:
        return
    schemes = mapping(mapping(data.get("components")).get("securitySchemes")) or mapping(
        data.get("securityDefinitions")
    )
    title = str(mapping(data.get("info")).get("title") or "api")

    def secret(key: str) -> dict[str, str]:
        return {"env": env_name(name_text(title), key)}  # one key of the API, not one of each operation

    for name in asked[0]:
        scheme = _resolved(data, schemes.get(name))
        kind, where = str(scheme.get("type")), str(scheme.get("in"))
        way = str(scheme.get("scheme") or "").lower()
        if kind == "apiKey" and where in {"header", "query"}:
            into = entry.setdefault("headers", {}) if where == "header" else params
            into[str(scheme.get("name"))] = secret(str(scheme.get("name")))
        elif kind == "http" and way == "bearer":
            entry["auth"] = {"bearer": secret("token")}
        elif kind == "basic" or (kind == "http" and way == "basic"):
            entry["auth"] = {"basic": {"username": secret("username"), "password": secret("password")}}
        else:
            notes.append(f"It asks for {name} ({kind}), which was not carried over: see `auth` in docs/probes.md.")


def _answer(data: dict[str, Any], operation: dict[str, Any], entry: dict[str, Any]) -> None:
    """Which status is right, and where the records are, as far as the description promises it."""
    responses = {str(code): held for code, held in mapping(operation.get("responses")).items()}
    good = sorted(code for code in responses if code.startswith("2"))
    if good and all(re.fullmatch(r"2\d\d", code) for code in good):
        entry["expect"] = {"status": [int(code) for code in good]}
    answer = _resolved(data, responses[good[0]]) if good else {}
    content = mapping(answer.get("content"))
    schema = next(
        (mapping(held).get("schema") for kind, held in content.items() if "json" in str(kind)), answer.get("schema")
    )
    held = _resolved(data, schema)
    if held.get("type") == "array":
        entry["items"] = "$[*]"
        return
    required = texts(held.get("required"))
    lists = [
        key
        for key, inner in mapping(held.get("properties")).items()
        if key in required and str(key).isidentifier() and _resolved(data, inner).get("type") == "array"
    ]
    if len(lists) == 1:
        entry["items"] = f"$.{lists[0]}[*]"
