from __future__ import annotations

from probe_servers import authority, ca_file, closed_port, serve

__all__ = ["authority", "ca_file", "closed_port", "serve"]
