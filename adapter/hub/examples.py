"""The example messages of `openapi/examples`, for the OpenAPI document: a few that are translated, a few that are not.

In the source tree they lie beside the packages, in the wheel under `adapter/_data`. Their ids follow from what they say, so
that the document can name a message once it has been sent.
"""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from adapter.domain.identity import message_id

GOOD: Final = ("adult-depression-anxiety", "psychosis-emergency", "substance-use-municipality")
REFUSED: Final = ("bad/missing-patient-identification", "bad/unknown-payload")
UNREADABLE: Final = ("bad/not-well-formed", "bad/doctype")

# The first of GOOD, and another message that claims to be the same one.
_KEY: Final = ("8000101", "8000201", "2785dde6-847b-48ae-bc8b-53a44a07647e")
OTHER_CONTENT: Final = f"""<?xml version="1.0" encoding="UTF-8"?>
<MsgHead xmlns="http://www.kith.no/xmlstds/msghead/2006-05-24">
  <MsgInfo>
    <Type V="HENVISNING_NYTILSTAND" DN="Henvisning ny tilstand"/>
    <MIGversion>v1.2 2006-05-24</MIGversion>
    <GenDate>2026-05-11T10:42:17</GenDate>
    <MsgId>{_KEY[2]}</MsgId>
    <Sender>
      <Organisation>
        <OrganisationName>Lynghei legesenter</OrganisationName>
        <Ident><Id>{_KEY[1]}</Id><TypeId V="HER" S="2.16.578.1.12.4.1.1.9051" DN="HER-id"/></Ident>
      </Organisation>
    </Sender>
    <Receiver>
      <Organisation>
        <OrganisationName>Fjordheim DPS</OrganisationName>
        <Ident><Id>{_KEY[0]}</Id><TypeId V="HER" S="2.16.578.1.12.4.1.1.9051" DN="HER-id"/></Ident>
      </Organisation>
    </Receiver>
  </MsgInfo>
</MsgHead>
"""
FIRST_ID: Final = message_id(*_KEY)
OTHER_ID: Final = message_id(*_KEY, sha256(OTHER_CONTENT.encode()).hexdigest())


class Shown(NamedTuple):
    """An example message: a word for its key, its title, and its XML."""

    word: str
    title: str
    xml: str


def folder() -> Traversable:
    """Where the example messages lie."""
    installed = files("adapter") / "_data" / "openapi" / "examples"
    return installed if installed.is_dir() else Path(__file__).parent.parent.parent / "openapi" / "examples"


def shown(names: tuple[str, ...]) -> list[Shown]:
    """The example messages of these names, in that order; their titles stand in the folder's `index.json`."""
    index = msgspec.json.decode((folder() / "index.json").read_bytes())
    return [_shown(name, index[f"{name}.xml"]["title"]["en"]) for name in names]


def _shown(name: str, title: str) -> Shown:
    source = folder()
    for part in f"{name}.xml".split("/"):
        source = source / part
    return Shown(name.rpartition("/")[2], title, source.read_text("utf-8"))


def example(status: int, title: str, value: Any) -> dict[str, Any]:
    """An Example Object; its title starts with the status that answers it, which a test holds it to."""
    return {"summary": f"{status}: {title}", "value": value}
