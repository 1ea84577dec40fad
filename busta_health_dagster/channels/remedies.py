"""What an observation's reason means, and what to do first: by reason, and by the probe where that makes a difference.

A silent heartbeat, a missing local file and a missing table are not matters for the provider's status page.
"""

from __future__ import annotations

from typing import NamedTuple


class Remedy(NamedTuple):
    """`means` in one sentence, `do` the first step."""

    means: str
    do: str


_PROVIDER = "Check the provider's status page. If it lasts, switch to the backup feed."
_TABLE_JOB = "Check the job that fills the table, and the last migration of that database."
_DATABASE = "Check the database itself: is it up, does it accept connections from here, is it at its limits?"
_WRITER = "Check the job that writes the file: did it run, and where did it write to?"
_STORAGE = "Check the storage itself: is the bucket or the share reachable, and are our rights still valid?"
_PIPELINE = "Check the pipeline's own runs and log: did it start, and did it reach its end?"
_OURS = "Check the monitor's own log; the source may be up."

_BY_REASON: dict[str, Remedy] = {
    "ok": Remedy("The source answered as expected.", "Nothing, unless it comes back."),
    "timeout": Remedy("It did not answer completely in time.", _PROVIDER),
    "dns": Remedy(
        "Its name does not resolve.", "Check the host name and the resolver first; then the provider's status page."
    ),
    "connect": Remedy("Nothing accepts the connection.", _PROVIDER),
    "tls": Remedy(
        "Its certificate is not accepted.",
        "Check the certificate; the provider has to renew it, or the host name is wrong.",
    ),
    "certificate": Remedy("Its certificate is about to end.", "Ask the provider to renew it; until then it works."),
    "reset": Remedy("The connection was closed in the middle of the answer.", _PROVIDER),
    "protocol": Remedy("What came back is no HTTP.", "Check the address and the port: something else answers there."),
    "http_status": Remedy("It answers, with an error.", _PROVIDER),
    "rate_limited": Remedy(
        "It asks us to slow down.",
        "Raise the source's interval, or find out who else uses this key; then ask for more.",
    ),
    "payload": Remedy(
        "What it delivers cannot be read.",
        "Check what it delivers now: an error page, another format, or half a file? Hold what depends on it.",
    ),
    "assertion": Remedy(
        "What it delivers is not what is expected.",
        "Check what it delivers now. If the change is meant, correct `expect`; else hold what depends on it.",
    ),
    "too_large": Remedy(
        "It delivers more than the limit.",
        "Find out whether the growth is meant; then raise max_bytes, or ask for less.",
    ),
    "redirects": Remedy(
        "It leads somewhere else.", "Open the address by hand: it may have moved, or ask for a login. Correct the url."
    ),
    "address_refused": Remedy(
        "Its name leads to a private address.",
        "Find out why: a wrong name, a poisoned resolver, or a source of your own (then allow_private: true).",
    ),
    "missing": Remedy("There is no such file.", _WRITER),
    "query": Remedy("The database refused the statement.", "Run the source's query by hand and read the whole answer."),
    "collect": Remedy(
        "The platform's data source raised an error.",
        "Run the collector by hand with the same arguments; its own log has the whole error.",
    ),
    "authentication": Remedy(
        "It does not accept our credentials.", "Check whether the key or token has ended or was replaced; renew it."
    ),
    "silent": Remedy("The pipeline has not reported in time.", _PIPELINE),
    "reported": Remedy("The pipeline itself reports a failure.", _PIPELINE),
    "not_beaten": Remedy(
        "The pipeline has never reported.",
        "Check that it calls its heartbeat URL with a valid token, and under the source's name.",
    ),
    "missing_secret": Remedy("A secret of ours is missing.", "Set it where busta runs, then: busta config doctor"),
    "dependency": Remedy(
        "A package that the probe needs is missing.", "Install it where busta runs, and restart busta."
    ),
    "plugin": Remedy("A third party's probe failed.", "Check the log; fix, update or remove the plug-in."),
    "probe_error": Remedy("The probe itself broke; nothing is known of the source.", _OURS),
    "network": Remedy("Our own network is out.", "Check the network of the machine that the monitor runs on."),
    "not_probed": Remedy(
        "The tick ran out of time before it.", "Give the monitor more time or CPU: see docs/operations.md."
    ),
    "shape": Remedy(
        "What it delivers has no items where they should be.",
        "Check what it delivers now: an error document, or a layout that changed? Correct `items`, or ask the provider.",
    ),
    "overloaded": Remedy(
        "The monitor was too busy to observe it; nothing is known of the source.",
        "Give the monitor more CPU, or raise intervals: see docs/operations.md.",
    ),
    "age_unknown": Remedy("Nothing tells how old its data are.", "Set data_age, or have the age delivered."),
    "metric_unreadable": Remedy(
        "A custom metric cannot be read from what it delivers.",
        "Compare the payload with the metric's path, header, column or pattern: the provider may have renamed it.",
    ),
    "slow": Remedy("It answers more slowly than its limit.", _PROVIDER),
    "stale": Remedy(
        "Its newest data are too old.", "Ask the provider for the missing delivery; hold decisions that need it."
    ),
}

_BY_PROBE: dict[tuple[str, str], Remedy] = {
    ("timeout", "sql"): Remedy(
        "The database did not answer in time.", "Check its load, its locks and the query's plan."
    ),
    ("timeout", "file"): Remedy("The file could not be read in time.", _STORAGE),
    ("timeout", "framework"): Remedy(
        "The platform's collector did not end in time.", "Run it by hand; find out which of its own calls hangs."
    ),
    ("timeout", "tcp"): Remedy(
        "The port did not accept in time.", "Check the service behind the port, then the firewalls."
    ),
    ("timeout", "dns"): Remedy("The resolver did not answer.", "Check the resolver that this source asks."),
    ("connect", "sql"): Remedy("The database accepts no connection.", _DATABASE),
    ("connect", "file"): Remedy("The storage cannot be reached.", _STORAGE),
    ("connect", "tcp"): Remedy(
        "Nothing listens on the port.", "Check the service behind the port: is it running, on this address?"
    ),
    ("connect", "dns"): Remedy("The resolver cannot be reached.", "Check the resolver that this source asks."),
    ("connect", "framework"): Remedy(
        "The collector reaches nothing.", "Run the collector by hand; find out what it connects to."
    ),
    ("reset", "sql"): Remedy("The database closed the connection.", _DATABASE),
    ("reset", "file"): Remedy("The storage closed the connection.", _STORAGE),
    ("reset", "tcp"): Remedy("The service closed the connection.", "Check the log of the service behind the port."),
    ("tls", "sql"): Remedy(
        "The database's certificate is not accepted.", "Check the certificate of the database and its ca_file."
    ),
    ("dns", "dns"): Remedy(
        "The name does not resolve as expected.", "Check the zone: who changed the record, and has the domain ended?"
    ),
    ("dns", "sql"): Remedy("The database's name does not resolve.", "Check the host name in the source's url."),
    ("missing", "file"): Remedy("There is no such file.", _WRITER),
    ("payload", "file"): Remedy("The file cannot be read.", f"{_WRITER} It may be half written, or another format."),
    ("assertion", "file"): Remedy("The file is not what is expected.", _WRITER),
    ("assertion", "sql"): Remedy("The table does not hold what is expected.", _TABLE_JOB),
    ("payload", "sql"): Remedy("The answer of the database cannot be used.", "Run the source's query by hand."),
    ("query", "sql"): Remedy(
        "The database refused the statement: a table, a column or a right is missing.", _TABLE_JOB
    ),
    ("authentication", "sql"): Remedy(
        "The database does not accept our login.", "Check user and password of the source."
    ),
    ("slow", "sql"): Remedy("The database answers slowly.", "Check its load, its locks and the query's plan."),
    ("slow", "file"): Remedy("The file is read slowly.", _STORAGE),
    ("slow", "framework"): Remedy(
        "The collector is slow.", "Run it by hand; find out which of its own calls takes the time."
    ),
    ("slow", "tcp"): Remedy("The port accepts slowly.", "Check the load of the service behind it, then the network."),
    ("slow", "dns"): Remedy("The resolver answers slowly.", "Check the resolver that this source asks."),
    ("stale", "file"): Remedy("The file is too old.", _WRITER),
    ("stale", "sql"): Remedy("The newest row is too old.", _TABLE_JOB),
    ("stale", "heartbeat"): Remedy("The pipeline's last success is too long ago.", _PIPELINE),
    ("stale", "framework"): Remedy("What the collector brings is too old.", "Check the collector's own runs and log."),
}

_UNKNOWN_REASON = Remedy(
    "The reason is not one that we know.", "Check the source page: the newest observation says more."
)


def remedy(reason: str, probe: str) -> Remedy:
    """What it means and what to do first. An unknown reason (a plug-in's own) has an honest answer, too."""
    found = _BY_PROBE.get((reason, probe)) or _BY_REASON.get(reason, _UNKNOWN_REASON)
    if probe == "heartbeat" and found.do == _PROVIDER:  # a pipeline of our own has no provider
        return Remedy(found.means, _PIPELINE)
    return found
