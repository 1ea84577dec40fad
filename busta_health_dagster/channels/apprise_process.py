"""The process in which Apprise sends one message: `apprise.py` starts it, tells it what to send, and is asked about every address.

The guard is an audit hook: Python calls it before each connection, whichever library opens it. What is not a connection to an IP
address (a local socket, this machine's log, another program) is refused. A C library with sockets of its own would pass it by.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import sys
import threading
from typing import Any

_PROGRAMS = frozenset({"subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system"})
_LOCAL = frozenset({"syslog.openlog", "syslog.syslog"})
_CONNECTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_STATUS = re.compile(r"error=(\d{3})\b")


class _Guard:
    """Asks the process that started this one; remembers what was refused."""

    def __init__(self) -> None:
        self.refused = ""
        self._lock = threading.Lock()

    def __call__(self, event: str, given: tuple[Any, ...]) -> None:
        if event in _PROGRAMS:
            self._refuse("another program, which it would start")
        elif event in _LOCAL:
            self._refuse("the log of this machine")
        elif event in _CONNECTS:
            to = given[1]
            if to is None:
                return  # a datagram on a socket that is connected, and was asked about then
            if not isinstance(to, tuple) or not _is_address(to[0]):
                self._refuse("a socket of this machine")
            with self._lock:
                _say({"connect": to[0]})
                why = json.loads(sys.stdin.readline())["refused"]
            if why:
                self._refuse(why)

    def _refuse(self, what: str) -> None:
        self.refused = self.refused or what
        raise ConnectionRefusedError(what)


class _Statuses(logging.Handler):
    """Of Apprise's log only the HTTP status: its texts may hold parts of the URL."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.newest = 0

    def emit(self, record: logging.LogRecord) -> None:
        if found := _STATUS.search(record.getMessage()):
            self.newest = int(found[1])


def main() -> None:
    asked = json.loads(sys.stdin.readline())
    import apprise

    statuses = _Statuses()
    logging.getLogger("apprise").addHandler(statuses)
    asset = apprise.AppriseAsset(
        async_mode=False, app_id="busta_health_dagster", storage_mode=apprise.PersistentStoreMode.MEMORY
    )
    services = apprise.Apprise(asset=asset)
    if not services.add(asked["url"]) or not len(services):
        _say({"why": "the URL is none that Apprise knows"})
        return
    guard = _Guard()
    sys.addaudithook(guard)
    sent = services.notify(body=asked["body"], title=asked["title"], notify_type=asked["type"])
    _say({"sent": bool(sent), "status": statuses.newest, "refused": "" if sent else guard.refused})


def _is_address(host: object) -> bool:
    try:
        ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    return True


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
