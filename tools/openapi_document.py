"""Writes `openapi/adapter.json`, the document of the HTTP service, from the routes themselves.

    python tools/openapi_document.py [--check]

`--check` compares instead of writing, and exits 1 where they differ.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from adapter.console.app import app
from adapter.console.openapi import text
from adapter.fhir.limits import Limits

OUT = Path(__file__).resolve().parent.parent / "openapi" / "adapter.json"


def document() -> str:
    """The document; nothing behind the routes is needed for it."""
    absent: Any = None
    service = app(
        store=absent,
        reception=absent,
        admit=absent,
        clock=absent,
        key=b"",
        organisations=[],
        public_base="",
        max_bytes=0,
        rules=absent,
        limits=Limits(),
    )
    return text(service)


def main() -> int:
    written = document()
    if "--check" not in sys.argv:
        OUT.write_text(written, encoding="utf-8")
    elif not OUT.is_file() or OUT.read_text(encoding="utf-8") != written:
        print(f"OpenAPI document: {OUT.name} is stale; run python tools/openapi_document.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
