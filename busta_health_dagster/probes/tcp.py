"""`probe: tcp`: does a port accept connections, and, with `tls`, is its certificate good? Also what control endpoints
use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from busta_health_dagster.domain.fields import Strict
from busta_health_dagster.domain.observation import ProbeResult
from busta_health_dagster.probes.measure import conclude
from busta_health_dagster.probes.port import ProbeContext, ProbeType
from busta_health_dagster.probes.web_config import Tls
from busta_health_dagster.probes.web_findings import certificate_findings
from busta_health_dagster.wording.durations import milliseconds_text

if TYPE_CHECKING:
    from busta_health_dagster.domain.source import Source


class TcpConfig(Strict):
    """The operator's own word: private addresses are fine here."""

    host: str = Field(min_length=1)
    port: int = Field(ge=1, le=65535)
    tls: bool | Tls = False
    cert_days: float = Field(default=14, ge=0)

    tells_age: ClassVar[bool] = False
    has_data: ClassVar[bool] = False


async def probe(source: Source, config: TcpConfig, context: ProbeContext) -> ProbeResult:
    del source
    import asyncio

    from busta_health_dagster.probes.dial import dial, note_certificate, timing, tls_context, tls_failure

    loop, times = asyncio.get_running_loop(), timing()
    started = loop.time()
    sock = await dial(config.host, config.port, context.resolver, guarded=False)
    if not config.tls:
        sock.close()
        took = (loop.time() - started) * 1000
        return conclude(
            [], f"accepts connections, in {milliseconds_text(took)}", response_ms=took, phases=times.phases()
        )
    wanted = config.tls if isinstance(config.tls, Tls) else Tls()
    began = loop.time()
    try:
        transport, _ = await loop.create_connection(
            asyncio.Protocol, sock=sock, ssl=tls_context(wanted.ca_file, wanted.verify), server_hostname=config.host
        )
    except OSError as error:
        raise tls_failure(config.host, error) from error
    finally:
        times.add("tls", began, loop.time())
    note_certificate(transport)
    took = (loop.time() - started) * 1000
    transport.abort()
    days, findings = certificate_findings(times.not_after, config, context.now)
    good = f"accepts TLS connections, in {milliseconds_text(took)}"
    return conclude(findings, good, response_ms=took, phases=times.phases(), tls_days_left=days)


TCP = ProbeType("tcp", TcpConfig, probe, host=lambda config: str(config.host))
