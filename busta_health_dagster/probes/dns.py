"""`probe: dns`: does a name resolve, through which server, and to what is expected?"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from busta_health_dagster.domain.fields import Strict
from busta_health_dagster.domain.observation import Phases, ProbeResult, Status
from busta_health_dagster.probes.expect import Expect, check_items
from busta_health_dagster.probes.measure import conclude, sample_of
from busta_health_dagster.probes.port import Failed, Finding, ProbeContext, ProbeType
from busta_health_dagster.wording.durations import milliseconds_text
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from busta_health_dagster.domain.source import Source


def _address(text: str) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not an IP address; a DNS server is named by its address") from error
    return text


class DnsConfig(Strict):
    """`servers` in place of the system's; `answers` must all be among the records found."""

    host: str = Field(min_length=1)
    record: Literal["A", "AAAA", "CNAME", "MX", "NS", "SRV", "TXT"] = "A"
    servers: list[Annotated[str, AfterValidator(_address)]] = Field(default_factory=list)
    port: int = Field(default=53, ge=1, le=65535)
    answers: list[str] = Field(default_factory=list)
    expect: Expect = Field(default_factory=Expect)

    tells_age: ClassVar[bool] = False
    has_data: ClassVar[bool] = False


async def probe(source: Source, config: DnsConfig, context: ProbeContext) -> ProbeResult:
    del source
    import asyncio

    import dns.asyncresolver
    import dns.exception
    import dns.resolver

    loop = asyncio.get_running_loop()
    started = loop.time()
    try:
        resolver = dns.asyncresolver.Resolver(configure=not config.servers)
    except dns.exception.DNSException as error:
        text = f"the system names no DNS server ({error}); set servers: [ADDRESS]"
        raise Failed("probe_error", text, status=Status.UNKNOWN) from error
    if config.servers:
        resolver.nameservers = list(config.servers)
        resolver.port = config.port
    try:
        answer = await resolver.resolve(
            config.host,
            config.record,
            lifetime=max(0.05, context.deadline - started),
            search=False,
            raise_on_no_answer=True,
        )
    except dns.resolver.NXDOMAIN as error:
        raise Failed("dns", f"{config.host} does not exist") from error
    except dns.resolver.NoAnswer as error:
        raise Failed("dns", f"{config.host} has no {config.record} record") from error
    except dns.exception.Timeout as error:
        raise Failed("timeout", f"no answer for {config.host} from the DNS servers asked") from error
    except (dns.exception.DNSException, OSError) as error:
        raise Failed("dns", f"{config.host}: the lookup failed ({type(error).__name__})") from error
    took = (loop.time() - started) * 1000
    found = sorted(record.to_text().strip('"').rstrip(".") for record in answer)
    missing = [wanted for wanted in config.answers if wanted.rstrip(".") not in found]
    findings = [Finding("error", "dns", f"answers {', '.join(found)}; {', '.join(missing)} wanted")] if missing else []
    findings += check_items(config.expect, len(found))
    rows = [{"record": config.record, "value": value} for value in found]
    return conclude(
        findings,
        f"{plural(len(found), f'{config.record} record')}, in {milliseconds_text(took)}",
        response_ms=took,
        phases=Phases(dns=took),
        items=len(found),
        sample=sample_of(rows, context.limits, at=context.now),
        facts={"answers": found[:20]},
    )


DNS = ProbeType("dns", DnsConfig, probe)
