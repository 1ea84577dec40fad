"""Prometheus: its configuration (static targets, the blackbox exporter's included), and lists of targets as `http_sd` and
`file_sd` read them.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.drafts.draft import Estate, Unusable, at_address, at_port
from busta_health_dagster.drafts.estates.plain_data import mapping, mappings, plain_data, seconds, texts

_NAMING = ("instance_name", "instance", "name", "hostname", "service")


def read_prometheus(text: str) -> Estate:
    """Every static target.

    Raises:
        BadInput: there is neither a scrape configuration nor a list of targets.
    """
    data = plain_data("the file", text)
    estate = Estate("prometheus")
    if isinstance(data, list) and any("targets" in group for group in mappings(data)):
        _groups(estate, {"job_name": ""}, mappings(data), {})
        return estate
    jobs = mappings(mapping(data).get("scrape_configs"))
    if not jobs:
        raise BadInput("it has neither `scrape_configs` nor a list of {targets: [...]}")
    for job in jobs:
        name = str(job.get("job_name") or "job")
        for key in job:
            if key.endswith("_sd_configs") and key != "static_configs":
                how = key.removesuffix("_configs")
                estate.leave(name, how, "its targets are found at run time; import the list that it finds")
        _groups(estate, job, mappings(job.get("static_configs")), mapping(mapping(data).get("global")))
    return estate


def _groups(estate: Estate, job: dict[str, Any], groups: list[dict[str, Any]], defaults: dict[str, Any]) -> None:
    for group in groups:
        labels = {str(k): str(v) for k, v in mapping(group.get("labels")).items()}
        for target in texts(group.get("targets")):
            name = next((labels[key] for key in _NAMING if labels.get(key)), "")
            title = " ".join(
                part for part in (str(job.get("job_name") or labels.get("job", "")), name or target) if part
            )
            notes: list[str] = []
            try:
                entry = _target(job, labels, target, notes)
            except Unusable as why:
                estate.leave(target, _module(job, labels) or "target", str(why))
                continue
            entry["interval"] = seconds(job.get("scrape_interval") or defaults.get("scrape_interval"))
            entry["timeout"] = seconds(job.get("scrape_timeout") or defaults.get("scrape_timeout"))
            estate.add(title, entry, str(job.get("job_name") or labels.get("job", "")), tuple(notes))


def _module(job: dict[str, Any], labels: dict[str, str]) -> str:
    """The module of the blackbox exporter; "" where the target itself is scraped."""
    written = texts(mapping(job.get("params")).get("module")) or [
        labels.get("__param_module") or labels.get("module", "")
    ]
    path = labels.get("__metrics_path__") or job.get("metrics_path")
    return written[0] or ("without a name" if path == "/probe" else "")


def _target(job: dict[str, Any], labels: dict[str, str], target: str, notes: list[str]) -> dict[str, Any]:
    module = _module(job, labels)
    if module:
        return _asked_by_blackbox(module, target, notes)
    if "://" in target:
        entry = at_address(target)
        return entry | ({"probe": "http"} if entry["probe"] == "feed" else {})
    scheme = labels.get("__scheme__") or str(job.get("scheme") or "http")
    path = labels.get("__metrics_path__") or str(job.get("metrics_path") or "/metrics")
    params = {k: v for k, v in mapping(job.get("params")).items() if texts(v)}
    query = f"?{urlencode(params, doseq=True)}" if params else ""
    entry = at_address(f"{scheme}://{target}/{path.lstrip('/')}{query}")
    _auth(entry, job, notes)
    return entry


def _asked_by_blackbox(module: str, target: str, notes: list[str]) -> dict[str, Any]:
    word = module.lower()
    if "icmp" in word or "ping" in word:
        raise Unusable("there is no probe for icmp")
    if "dns" in word:
        raise Unusable("the name that it asks for stands in the configuration of the blackbox exporter")
    host, _, port = target.partition("://")[2].partition(":") if "://" in target else target.partition(":")
    if "http" in word:
        entry = at_address(target, default_scheme="http")
        if entry["probe"] == "tcp":
            raise Unusable("it has no web address")
        if "post" in word:
            notes.append(f"Module {module} sends a POST: add method and body.")
        return entry | {"probe": "http"}
    if any(kind in word for kind in ("tcp", "ssh", "tls", "irc", "pop3", "smtp")):
        return at_port(host, port, tls="tls" in word)
    if target.startswith(("http://", "https://")):
        notes.append(f"Module {module} is not known here: what it checks beside a 2xx answer was not carried over.")
        return at_address(target) | {"probe": "http"}
    raise Unusable(f"what module {module} asks stands in the configuration of the blackbox exporter")


def _auth(entry: dict[str, Any], job: dict[str, Any], notes: list[str]) -> None:
    basic, bearer = mapping(job.get("basic_auth")), mapping(job.get("authorization"))
    file = basic.get("password_file") or bearer.get("credentials_file") or job.get("bearer_token_file")
    held = {"file": str(file)} if file else None
    if basic.get("username"):
        entry["auth"] = {"basic": {"username": str(basic["username"]), "password": held}}
    elif bearer or job.get("bearer_token") or job.get("bearer_token_file"):
        entry["auth"] = {"bearer": held}
    elif job.get("oauth2"):
        notes.append("It logs in by OAuth 2: add auth: {oauth2: {token_url, client_id, client_secret: {env: NAME}}}.")
    tls = mapping(job.get("tls_config"))
    if tls.get("insecure_skip_verify") is True:
        entry["tls"] = {"verify": False}
    elif tls.get("ca_file"):
        entry["tls"] = {"ca_file": str(tls["ca_file"])}
