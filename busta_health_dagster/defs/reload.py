"""Asks a running code server to load its code again: `python -m busta_health_dagster.defs.reload --host H --port P`.

`busta up` runs this when an accepted change of the configuration adds or removes sources: asset definitions are static.
"""

from __future__ import annotations

import argparse
import sys


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    args = parser.parse_args()
    from dagster._core.errors import DagsterUserCodeUnreachableError
    from dagster._grpc.client import DagsterGrpcClient

    try:
        DagsterGrpcClient(host=args.host, port=args.port).reload_code(timeout=120)
    except DagsterUserCodeUnreachableError as error:
        sys.stderr.write(f"The code server on {args.host}:{args.port} did not reload: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
