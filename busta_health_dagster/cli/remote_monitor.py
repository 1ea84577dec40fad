"""`busta --url`: every question of `pipeline.monitor.Monitor`, asked of the busta there over REST.

Same methods, same signatures, same documents (tests/contract/test_remote.py holds the two against each other), so that a
command cannot tell where the monitor is. Errors are those of `remote.Remote`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from busta_health_dagster.cli.remote import part
from busta_health_dagster.domain.alert import PAST_SHOWN
from busta_health_dagster.domain.gate import GatePolicy
from busta_health_dagster.domain.units import config_duration, from_iso, iso

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from busta_health_dagster.cli.remote import Remote
    from busta_health_dagster.domain.access import Role
    from busta_health_dagster.domain.documents import alerts as alert_documents
    from busta_health_dagster.domain.documents import delivery, quality, service
    from busta_health_dagster.domain.documents import sources as seen
    from busta_health_dagster.domain.documents.gate import GateState, UsableRow
    from busta_health_dagster.domain.source import Selector
    from busta_health_dagster.engines.service_levels.incidents import By
    from busta_health_dagster.pipeline.views.alert_list import Wanted


class RemoteMonitor:
    """The monitor of another machine. Who acts is who the token belongs to."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._fleets: dict[tuple[tuple[str, ...], bool], tuple[str | None, seen.Fleet, float]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    # Sources

    def sources(self) -> list[seen.SourceConfig]:
        rows: list[seen.SourceConfig] = self._remote.all("sources", view="config")
        return rows

    def fleet(self, names: Sequence[str] | None = None, *, bars: bool = False) -> seen.Fleet:
        """Asked again, it costs the server two small reads while nothing has happened."""
        key = (tuple(names or ()), bars)
        before = self._fleets.get(key)
        tag = before[0] if before is not None else None
        found, tag = self._remote.newer("fleet", tag, source=list(names or ()), bars=str(bars).lower())
        if found is None and before is not None:
            _, fleet, read = before
            return {**fleet, "at": iso(from_iso(fleet["at"]) + time.monotonic() - read)}
        newest: seen.Fleet = found
        self._fleets[key] = (tag, newest, time.monotonic())
        return newest

    def source(self, name: str) -> seen.SourceInfo:
        found: seen.SourceInfo = self._remote.one(f"sources/{part(name)}", "source")
        return found

    def check(self, names: Sequence[str] | None = None) -> list[seen.ObservationRow]:
        chosen = list(names or ()) or [row["source"] for row in self.sources()]
        return [self._remote.post(f"sources/{part(name)}/check") for name in chosen]

    def heartbeat(
        self, name: str, *, items: int | None = None, ok: bool = True, message: str = ""
    ) -> seen.HeartbeatAccepted:
        body = {"items": items, "ok": ok, "message": message}
        taken: seen.HeartbeatAccepted = self._remote.post(f"heartbeat/{part(name)}", body)
        return taken

    def history(self, name: str, *, since_s: int, manual: bool = False) -> list[seen.ObservationRow]:
        path = f"sources/{part(name)}/observations"
        return self._remote.all(path, since=f"{-(-since_s // 60)}m", manual=str(manual).lower())[::-1]

    def baselines(self, names: Sequence[str] | None = None, *, hours: int = 24) -> list[seen.BaselineRow]:
        rows: list[seen.BaselineRow] = self._remote.all("baselines", source=list(names or ()), hours=hours)
        return rows

    def anomaly_explanation(self, name: str) -> seen.AnomalyExplanation:
        explanation: seen.AnomalyExplanation = self._remote.get(f"sources/{part(name)}/anomaly")
        return explanation

    # Alerts

    def alerts(
        self, state: Wanted, names: Sequence[str] | None = None, *, past: int = PAST_SHOWN
    ) -> alert_documents.AlertList:
        def enough(rows: Sequence[alert_documents.AlertRow]) -> bool:
            return sum(row["state"] == "resolved" for row in rows) >= past

        found = self._remote.whole("alerts", enough=enough, state=state.value, source=list(names or ()))
        rows: list[alert_documents.AlertRow] = found["items"]
        over = [row for row in rows if row["state"] == "resolved"]
        return {"items": rows[: len(rows) - len(over) + past], "summary": found["summary"]}

    def alert(self, alert: int) -> alert_documents.AlertRow:
        row: alert_documents.AlertRow = self._remote.get(f"alerts/{alert}")
        return row

    def explain_alert(self, alert: int) -> alert_documents.AlertExplanation:
        explanation: alert_documents.AlertExplanation = self._remote.get(f"alerts/{alert}/explain")
        return explanation

    def explain_source(self, name: str) -> alert_documents.SourceExplanation:
        explanation: alert_documents.SourceExplanation = self._remote.get(f"sources/{part(name)}/explain")
        return explanation

    def acknowledge(self, ids: Sequence[int], *, note: str = "") -> list[alert_documents.AlertRow]:
        return [self._remote.post(f"alerts/{key}/ack", {"note": note}) for key in ids]

    def unacknowledge(self, ids: Sequence[int], *, note: str = "") -> list[alert_documents.AlertRow]:
        return [self._remote.post(f"alerts/{key}/unack", {"note": note}) for key in ids]

    def snooze(self, ids: Sequence[int], *, for_s: float, note: str = "") -> list[alert_documents.AlertRow]:
        body = {"for": config_duration(for_s), "note": note}
        return [self._remote.post(f"alerts/{key}/snooze", body) for key in ids]

    def resolve(self, ids: Sequence[int], *, note: str = "") -> list[alert_documents.AlertRow]:
        return [self._remote.post(f"alerts/{key}/resolve", {"note": note}) for key in ids]

    def silences(self, *, ended: bool = False) -> list[alert_documents.SilenceRow]:
        found: list[alert_documents.SilenceRow] = self._remote.all("silences", ended=str(ended).lower())
        return found

    def end_silence(self, silence: str) -> alert_documents.SilenceRow:
        found: alert_documents.SilenceRow = self._remote.post(f"silences/{part(silence)}/end")
        return found

    def noise(self, names: Sequence[str] | None = None, *, since_s: int) -> alert_documents.NoiseTable:
        found: alert_documents.NoiseTable = self._remote.get(
            "alerts/noise", since=f"{-(-since_s // 60)}m", source=list(names or ())
        )
        return found

    def outbox(self) -> delivery.Outbox:
        found: delivery.Outbox = self._remote.get("outbox")
        return found

    def retry(self, channel: str | None = None) -> int:
        return int(self._remote.post("outbox/retry", {"channel": channel})["again"])

    def try_channel(self, channel: str) -> delivery.ChannelAnswer:
        answer: delivery.ChannelAnswer = self._remote.post(f"channels/{part(channel)}/test")
        return answer

    # The gate

    def gate(
        self, names: Sequence[str] | None = None, *, consumer: str | None = None, policy: GatePolicy | None = None
    ) -> GateState:
        asked = policy or GatePolicy()
        found: GateState = self._remote.get(
            "gate/status",
            source=list(names or ()),
            consumer=consumer,
            min_quality=asked.min_quality,
            max_data_age=None if asked.max_data_age_s is None else config_duration(asked.max_data_age_s),
            unknown=asked.unknown,
        )
        return found

    def open_gate(self, name: str, *, for_s: float, reason: str) -> UsableRow:
        return self._set_gate(name, "open", for_s, reason)

    def close_gate(self, name: str, *, for_s: float, reason: str) -> UsableRow:
        return self._set_gate(name, "close", for_s, reason)

    def reset_gate(self, name: str) -> UsableRow:
        row: UsableRow = self._remote.post(f"gate/{part(name)}/reset")
        return row

    def _set_gate(self, name: str, state: str, for_s: float, reason: str) -> UsableRow:
        body = {"for": config_duration(for_s), "reason": reason}
        row: UsableRow = self._remote.post(f"gate/{part(name)}/{state}", body)
        return row

    # Maintenance

    def windows(self) -> list[service.WindowRow]:
        rows: list[service.WindowRow] = self._remote.all("maintenance")
        return rows

    def occurrences(self, since: int, until: int) -> list[service.MaintenanceOccurrence]:
        rows: list[service.MaintenanceOccurrence] = self._remote.all(
            "maintenance/preview", since=iso(since), until=iso(until)
        )
        return rows

    def suggest_windows(self, names: Sequence[str] | None = None, *, since_s: int) -> list[service.WindowSuggestion]:
        since = f"{-(-since_s // 60)}m"
        rows: list[service.WindowSuggestion] = self._remote.all(
            "maintenance/suggestions", since=since, source=list(names or ())
        )
        return rows

    def add_window(
        self,
        name: str,
        select: Selector,
        *,
        duration_s: int,
        start: datetime | None = None,
        zone: str | None = None,
        rrule: str | None = None,
        exdates: Sequence[datetime] = (),
        reason: str = "",
    ) -> service.WindowAdded:
        chosen = {
            "names": list(select.names),
            "types": list(select.types),
            "tags": dict(select.tags),
            "tiers": list(select.tiers),
            "owners": list(select.owners),
            "groups": list(select.groups),
        }
        body = {
            "name": name,
            "select": chosen,
            "duration": config_duration(duration_s),
            "start": start.isoformat() if start else None,
            "zone": zone,
            "rrule": rrule,
            "exdates": [moment.isoformat() for moment in exdates],
            "reason": reason,
        }
        made: service.WindowAdded = self._remote.post("maintenance", body)
        return made

    def end_window(self, which: str) -> service.WindowEnded:
        ended: service.WindowEnded = self._remote.post(f"maintenance/{part(which)}/end")
        return ended

    # What it meant

    def sla(self, names: Sequence[str] | None, window: str, at: str | None = None) -> list[service.ServiceLevelRow]:
        rows: list[service.ServiceLevelRow] = self._remote.all("sla", window=window, at=at, source=list(names or ()))
        return rows

    def incidents(
        self, names: Sequence[str] | None, window: str, at: str | None = None, by: By | None = None
    ) -> service.IncidentTable:
        found: service.IncidentTable = self._remote.get(
            "incidents", window=window, at=at, by=by, source=list(names or ())
        )
        return found

    def incident(self, incident: str) -> service.IncidentDetail:
        explanation: service.IncidentDetail = self._remote.get(f"incidents/{part(incident)}")
        return explanation

    def write_note(self, incident: str, text: str, *, kind: service.NoteKind) -> service.IncidentDetail:
        body = {"text": text, "kind": kind}
        explanation: service.IncidentDetail = self._remote.post(f"incidents/{part(incident)}/notes", body)
        return explanation

    def scores(self, names: Sequence[str] | None = None) -> quality.Scores:
        found = self._remote.whole("quality", source=list(names or ()))
        return {"items": found["items"], "never": found["never"]}

    def failures(self, name: str) -> quality.Failures:
        found: quality.Failures = self._remote.get(f"sources/{part(name)}/quality/failures")
        return found

    def checks(self, name: str) -> quality.CheckHistories:
        found: quality.CheckHistories = self._remote.get(f"sources/{part(name)}/quality/checks")
        return found

    def report(self, week: str | None = None) -> service.Report:
        found: service.Report = self._remote.one(f"reports/{part(week or 'last')}", "week", again="true")
        return found

    # Tokens

    def tokens(self) -> list[service.TokenRow]:
        rows: list[service.TokenRow] = self._remote.all("tokens")
        return rows

    def create_token(self, name: str, role: Role) -> service.TokenMade:
        made: service.TokenMade = self._remote.post("tokens", {"name": name, "role": role.value})
        return made

    def audit(self, *, actor: str = "", action: str = "", limit: int = 100) -> list[service.AuditRow]:
        rows: list[service.AuditRow] = self._remote.get("audit", actor=actor, action=action, limit=limit)["items"]
        return rows

    def revoke_token(self, name: str, *, force: bool = False) -> None:
        self._remote.delete(f"tokens/{part(name)}", force="true" if force else None)
