"""One mail, two recipients, and a server that treats them differently. On both databases."""

from __future__ import annotations

import random
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from busta_health_dagster.channels import registry
from busta_health_dagster.domain.policy import ChannelSpec
from busta_health_dagster.pipeline.delivery.breaker_state import channel_state
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from busta_health_dagster.pipeline.delivery.outbox_view import outbox_view
from tests.delivery_stories import Receiver, application, enqueue, hook, message, rows
from tests.mail_server import QuietController

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from busta_health_dagster.store import Store


@dataclass
class Mailbox:
    refuse: dict[str, str] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:  # noqa: N802  aiosmtpd's name
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802
        self.taken += envelope.rcpt_tos
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, ChannelSpec]]:
    box = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = QuietController(box, hostname="127.0.0.1", port=port)
    server.start()
    fields = {"host": "127.0.0.1", "port": port, "tls": "none", "from": "h@example.com"}
    config = registry.BUILT_IN["email"].config(**fields, to=["a@example.com", "b@example.com"])
    yield box, ChannelSpec("mail", "email", config)
    server.stop()


class WholeWait(random.Random):
    def uniform(self, a: float, b: float) -> float:
        return b


def test_who_is_put_off_gets_it_later_and_nobody_gets_it_twice(store: Store, tmp_path: Path, mailbox) -> None:
    box, spec = mailbox
    box.refuse = {"b@example.com": "450 greylisted"}
    app = application(store, tmp_path, spec)
    enqueue(app, message("k1", "mail"))
    for _ in range(6):
        delivery_pass(app, 60, rng=WholeWait())
        app.clock.advance(601)
    assert rows(app)["k1"].state == "waiting"
    assert "did not take it yet for b@example.com (450)" in rows(app)["k1"].reason
    with store.read() as uow:
        assert not channel_state(uow, "mail", app.clock.now()).breaker.failures, "the channel works"
    box.refuse = {}
    app.clock.advance(7200)
    delivery_pass(app, 60)
    assert rows(app)["k1"].state == "done"
    assert box.taken == ["a@example.com", "b@example.com"]


def test_who_is_refused_for_good_is_seen(store: Store, tmp_path: Path, mailbox) -> None:
    box, spec = mailbox
    box.refuse = {"b@example.com": "550 no such user"}
    with Receiver() as other:
        app = application(store, tmp_path, spec, hook("other", other.url))
        enqueue(app, message("k1", "mail"))
        delivery_pass(app, 60)
        delivery_pass(app, 60)
    assert box.taken == ["a@example.com"]
    view = outbox_view(app).as_json()
    assert [(m["state"], m["why"]) for m in view["messages"]] == [
        ("partial", "delivered, but refused for b@example.com (550)")
    ]
    assert view["counts"]["partial"] == 1
    assert "did not reach everyone" in other.received[0]["body"]["data"]["text"]
