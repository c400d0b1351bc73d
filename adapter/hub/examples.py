"""The example messages of `openapi/examples`, for the OpenAPI document: a few that are translated, a few that are not.

In the source tree they lie beside the packages, in the wheel under `adapter/_data`.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

GOOD: Final = ("adult-depression-anxiety", "psychosis-emergency", "substance-use-municipality")
BAD: Final = 2  # as many of `bad/` as are shown

UNREADABLE: Final = "<MsgHead>\n  <MsgInfo>\n</MsgHead>\n"
"""Not well-formed: the start tag MsgInfo has no end. No message, so no receipt."""


def folder() -> Traversable:
    """Where the example messages lie."""
    installed = files("adapter") / "_data" / "openapi" / "examples"
    return installed if installed.is_dir() else Path(__file__).parent.parent.parent / "openapi" / "examples"


def good() -> dict[str, str]:
    """Name -> XML of the messages that the document shows as translated, in a fixed order."""
    return {name: (folder() / f"{name}.xml").read_text("utf-8") for name in GOOD}


def bad() -> dict[str, str]:
    """Name -> XML of messages that can be read but are refused, in the order of their names."""
    place = folder() / "bad"
    found = (
        sorted((one for one in place.iterdir() if one.name.endswith(".xml")), key=lambda one: one.name) if place.is_dir() else []
    )
    return {one.name.removesuffix(".xml"): one.read_text("utf-8") for one in found[:BAD]}


def example(status: int, title: str, value: Any) -> dict[str, Any]:
    """An Example Object; its title starts with the status that answers it, which a test holds it to."""
    return {"summary": f"{status}: {title}", "value": value}
