"""Silences: made, changed and ended by people. Stored and audited, and in force for the open alerts in the same transaction."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.access import AuditEntry
from busta_health_dagster.domain.errors import BadInput, Refused
from busta_health_dagster.domain.given_text import given_name, given_note
from busta_health_dagster.domain.silence import Matcher, Silence
from busta_health_dagster.domain.units import iso
from busta_health_dagster.pipeline.alerting.actions import NOTE_LIMIT, opened_book
from busta_health_dagster.pipeline.alerting.alert_pass import locked
from busta_health_dagster.pipeline.alerting.commit import commit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

MOST = 1000
"""Silences that have not ended: each alert is asked about each of them, in every pass."""
MOST_MATCHERS = 50
LONGEST_VALUE = 1000
LONGEST_S = 10 * 366 * 86400


def add_silence(
    app: App,
    matchers: Sequence[Matcher],
    *,
    starts_at: int,
    ends_at: int,
    created_by: str,
    comment: str,
    actor: str,
    key: str = "",
) -> Silence:
    """A silence from now on, or from a later start. With `key` that one is changed; where its matchers or its start are not
    the same any more it ends, and a new one takes its place.

    Raises:
        BadInput: no matcher, one that cannot be used, or times that are none.
        UnknownName: there is no silence `key`.
    """
    now = app.now()
    wish = Silence(str(uuid.uuid4()), tuple(matchers), max(starts_at, now), ends_at, created_by, comment, actor, now)
    _check(wish, now)
    wish = replace(wish, comment=app.secrets.scrub(comment))
    with locked(app) as uow:
        known = uow.silences.get(key) if key else None
        if known is not None and wish.created_by == known.by:
            # A client sends back what it was shown: who made it, with the token behind the name.
            wish = replace(wish, created_by=known.created_by)
        begun = known is not None and known.state(now) == "active"
        if known is not None and known.state(now) != "expired":
            if known.matchers == wish.matchers and (not begun or starts_at <= now):
                wish = replace(wish, id=known.id, starts_at=known.starts_at if begun else wish.starts_at)
            else:
                uow.silences.put(replace(known, ends_at=now, updated_at=now))
        if uow.silences.unended(now, wish.id) >= MOST:
            raise BadInput(f"There are {MOST:,} silences already; end some with: amtool silence expire ID")
        uow.silences.put(wish)
        what = " ".join(str(m) for m in wish.matchers)
        detail = f"by {wish.created_by}, {what}, {iso(wish.starts_at)} to {iso(ends_at)}: {wish.comment}"
        action = "silence.change" if known is not None and known.id == wish.id else "silence.add"
        uow.audit.append(AuditEntry(now, actor, action, f"silence {wish.id}", detail))
        _apply(app, uow)
    return wish


def end_silence(app: App, key: str, *, actor: str) -> Silence:
    """End it now: alerts that it silenced are notified, if they are still open.

    Raises:
        UnknownName: there is no such silence.
        Refused: it has ended already.
    """
    now = app.now()
    with locked(app) as uow:
        known = uow.silences.get(key)
        if known.state(now) == "expired":
            raise Refused(f"Silence {key} has ended already, {iso(known.ends_at)}.")
        ended = replace(known, ends_at=now, starts_at=min(known.starts_at, now), updated_at=now)
        uow.silences.put(ended)
        uow.audit.append(AuditEntry(now, actor, "silence.end", f"silence {key}", known.comment))
        _apply(app, uow)
    return ended


def _apply(app: App, uow: UnitOfWork) -> None:
    states = {n: s for n, s in uow.states.all().items() if n in app.config.sources}
    book = opened_book(app, uow, states)
    commit(app, uow, book, book.finish(), states)


def _check(wish: Silence, now: int) -> None:
    given_name(wish.created_by, "The name of who made the silence")
    given_note(wish.comment, "The comment")
    if len(wish.comment) > NOTE_LIMIT:
        raise BadInput(f"The comment has {len(wish.comment)} characters; {NOTE_LIMIT} are the limit.")
    if not wish.matchers:
        raise BadInput("A silence needs a matcher, for instance source=odds_api.")
    if len(wish.matchers) > MOST_MATCHERS:
        raise BadInput(f"A silence has at most {MOST_MATCHERS} matchers; this one has {len(wish.matchers)}.")
    for matcher in wish.matchers:
        given_name(matcher.name, "The name of a label")
        given_note(matcher.value, f"The value of {matcher.name}")
        if len(matcher.value) > LONGEST_VALUE:
            raise BadInput(f"The value of {matcher.name} is longer than {LONGEST_VALUE} characters.")
        try:
            matcher.check()
        except ValueError as error:
            raise BadInput(f"The matcher {matcher} cannot be used: {error}.") from error
    if all(m.matches({}) for m in wish.matchers):
        raise BadInput(
            "Every matcher also matches a label that is not there, so this silence would cover everything; name at least one "
            'value, for instance source=~".+".'
        )
    if wish.ends_at <= now:
        raise BadInput(f"The silence would end at {iso(wish.ends_at)}, which is past; give a later end.")
    if wish.ends_at <= wish.starts_at:
        raise BadInput("The silence ends before it begins; give a later end.")
    if wish.ends_at - now > LONGEST_S:
        raise BadInput("A silence lasts at most 10 years; take the sources out of the rules instead.")
