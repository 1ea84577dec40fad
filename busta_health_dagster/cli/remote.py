"""REST from a laptop, with the token in BUSTA_TOKEN. Which question goes where: remote_monitor.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from busta_health_dagster.domain.errors import BadInput, BustaError, Refused, RemoteUnavailable, UnknownName

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import requests

TIMEOUT_S = (5, 120)
"""To connect, and to answer: a check of a slow source with its confirmations takes a minute."""
_PAGE = 1000


class Remote:
    """A busta somewhere else. Answers are the JSON of `-o json`; a problem becomes an error with its remedy.

    Raises (every method):
        RemoteUnavailable: no one answers there, or no busta does. UnknownName, Refused, BadInput: as the server says.
    """

    def __init__(self, url: str, token: str | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise BadInput(f"--url {url!r} is no address; write http://127.0.0.1:3000 or https://health.example.com")
        self._base = f"{url.rstrip('/')}/api/v1/"
        self._headers = {"accept": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})

    def get(self, path: str, **parameters: Any) -> Any:
        return _content(self._ask("GET", path, parameters=parameters))

    def one(self, path: str, key: str, **parameters: Any) -> Any:
        """A document that is handed on whole; it must have `key`, by which it is known."""
        found = self.get(path, **parameters)
        _ = found[key]
        return found

    def newer(self, path: str, tag: str | None, **parameters: Any) -> tuple[Any, str | None]:
        """The answer with its ETag; None for the answer when nothing has happened since `tag`."""
        answer = self._ask("GET", path, parameters=parameters, headers={"if-none-match": tag} if tag else {})
        return (None if answer.status_code == 304 else _content(answer)), answer.headers.get("etag")

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return _content(self._ask("POST", path, body=body or {}))

    def delete(self, path: str, **parameters: Any) -> None:
        self._ask("DELETE", path, parameters=parameters)

    def all(self, path: str, **parameters: Any) -> list[Any]:
        """Every row of a paged list."""
        rows: list[Any] = self.whole(path, **parameters)["items"]
        return rows

    def whole(
        self, path: str, *, enough: Callable[[Sequence[Any]], bool] = lambda _: False, **parameters: Any
    ) -> dict[str, Any]:
        """A paged list with every row, or as many pages of it as are `enough`, and what else its first page says."""
        found: dict[str, Any] = self.get(path, limit=_PAGE, **parameters)
        if not isinstance(found["items"], list):
            raise RemoteUnavailable(f"{self._base}{path} answered, but that is not a busta. Is --url right?")
        while found["next"] is not None and not enough(found["items"]):
            page = self.get(path, limit=_PAGE, cursor=found["next"], **parameters)
            found["items"] += page["items"]
            found["next"] = page["next"]
        del found["next"]
        return found

    def _ask(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        import requests

        sent = {key: value for key, value in (parameters or {}).items() if value is not None}
        try:
            answer = requests.request(
                method,
                self._base + path,
                params=sent,
                json=body,
                headers={**self._headers, **(headers or {})},
                timeout=TIMEOUT_S,
                allow_redirects=False,  # a redirect would carry the token to wherever it points
            )
        except requests.RequestException as error:
            said = f"{type(error).__name__} at {self._base}"
            raise RemoteUnavailable(f"No answer: {said}. Is busta up there, and is --url right?") from error
        if answer.status_code >= 300 and answer.status_code != 304:
            raise _problem(answer)
        return answer


class _Document(dict[str, Any]):
    """An object of an answer: what busta always sends and this one lacks was not sent by a busta."""

    url = ""

    def __missing__(self, key: str) -> Any:
        raise RemoteUnavailable(f"{self.url} answered without {key!r}: that is not a busta. Is --url right?")


def _content(answer: requests.Response) -> Any:
    """The object that busta answers every question with. Raises RemoteUnavailable for anything else."""

    class Document(_Document):
        url = answer.url

    try:
        found = answer.json(object_hook=Document)
    except ValueError as error:
        raise RemoteUnavailable(f"{answer.url} answered, but that is not a busta. Is --url right?") from error
    if not isinstance(found, dict):
        raise RemoteUnavailable(f"{answer.url} answered, but that is not a busta. Is --url right?")
    return found


def part(value: object) -> str:
    """A name as one segment of a path, whatever it holds."""
    return quote(str(value), safe="")


def _problem(answer: requests.Response) -> BustaError:
    try:
        said = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return RemoteUnavailable(f"{answer.url} answered {answer.status_code}, not as busta does. Is --url right?")
    if answer.status_code == 401:
        return Refused(f"{said} Put it into BUSTA_TOKEN.")
    kinds: dict[int, type[BustaError]] = {403: Refused, 404: UnknownName, 409: Refused, 412: Refused}
    if answer.status_code >= 500 or answer.status_code == 429:
        return RemoteUnavailable(f"The server cannot answer now: {said}")
    return kinds.get(answer.status_code, BadInput)(said)
