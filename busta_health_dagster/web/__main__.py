"""The web process of `busta up` and `busta web`: `python -m busta_health_dagster.web --host H --listener FD [--workspace FILE]`."""

from __future__ import annotations

import argparse
import socket
import sys


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", help="workspace.yaml that names the code locations; without it no Dagster UI")
    parser.add_argument("--host", required=True)
    parser.add_argument(
        "--listener", type=int, required=True, help="file descriptor of the listening socket that `up` opened"
    )
    args = parser.parse_args()
    from busta_health_dagster.domain.errors import BustaError
    from busta_health_dagster.web.serve import serve

    try:
        serve(workspace=args.workspace, host=args.host, listener=socket.socket(fileno=args.listener))
    except BustaError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
