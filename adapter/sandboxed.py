"""The service as the sandbox runs it: `stafett serve`, but by a clock that the sandbox moves. Never for anything else.

STAFETT_CONFIG=stafett.toml python -m adapter.sandboxed --port 8000 --clock FILE
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from adapter.cli import FAILED, tell
from adapter.domain.problem import Problem
from adapter.sandbox.clock import MovedClock
from adapter.serving import serve
from adapter.settings import load


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m adapter.sandboxed")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clock", type=Path, required=True, metavar="FILE", help="how many seconds the clock is moved by")
    said = parser.parse_args()
    try:
        serve(load(None), {"api", "worker"}, "127.0.0.1", said.port, MovedClock(said.clock))
    except Problem as fault:
        tell(fault.findings)
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
