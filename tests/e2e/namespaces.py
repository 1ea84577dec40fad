"""Places with a network of their own: a network namespace each, with one cable to this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NET = f"10.{64 + os.getpid() % 128}"
"""So that two runs of the suite on one machine do not meet."""

needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("ip") is None, reason="network namespaces are made by root only, with `ip`"
)


def address(n: int) -> str:
    """Of a server on this machine that every place can reach, unless it is cut off from it."""
    return f"{NET}.0.{n}"


@contextmanager
def places(cut_off: Mapping[str, Sequence[str]]) -> Iterator[dict[str, list[str]]]:
    """Place -> the command that starts another one there. `cut_off`: the addresses that a place cannot reach."""
    with ExitStack() as stack:
        for host in sorted({host for hosts in cut_off.values() for host in hosts} | {address(1), address(2)}):
            _ip("addr", "add", f"{host}/32", "dev", "lo")
            stack.callback(_ip, "addr", "del", f"{host}/32", "dev", "lo")
        yield {name: _place(stack, n, name, hosts) for n, (name, hosts) in enumerate(cut_off.items(), start=1)}


def _place(stack: ExitStack, n: int, name: str, cut_off: Sequence[str]) -> list[str]:
    space, here, there = f"busta-{os.getpid()}-{name}", f"bv{os.getpid()}h{n}", f"bv{os.getpid()}t{n}"
    _ip("netns", "add", space)
    stack.callback(_ip, "netns", "del", space)
    _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", space)
    stack.callback(_ip, "link", "del", here)
    _ip("addr", "add", f"{NET}.{n}.1/24", "dev", here)
    _ip("link", "set", here, "up")
    _ip("-n", space, "link", "set", "lo", "up")
    _ip("-n", space, "addr", "add", f"{NET}.{n}.2/24", "dev", there)
    _ip("-n", space, "link", "set", there, "up")
    _ip("-n", space, "route", "add", "default", "via", f"{NET}.{n}.1")
    for host in cut_off:
        _ip("-n", space, "route", "add", "unreachable", f"{host}/32")
    return ["ip", "netns", "exec", space]


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr.strip()}"
