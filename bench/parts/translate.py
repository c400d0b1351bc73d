"""What a complete translation costs, in units of the bare parsing of the same bytes in the same run.

Complete: read, judge, decide, map, the Bundle's bytes and the AppRec's. The public samples are used where they lie beside
the project (STAFETT_STANDARDS); without them our own example of like size, and the row says so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from lxml import etree

from adapter.domain import gate
from adapter.domain.gate import GateRules
from adapter.domain.identity import DEMONSTRATION_KEY, keyed
from adapter.domain.opening import decide
from adapter.domain.referral import Facts, Service
from adapter.usecases.translate_message import receipt_of
from bench.row import Row, ratio
from mappings.messages import apprec
from mappings.translation import Limits, Translator

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = Path(os.environ.get("STAFETT_STANDARDS") or ROOT / "../shared/standards") / "samples" / "henvisning-2.0"
EXAMPLES = ROOT / "openapi" / "examples"
RECEIVED = datetime(2026, 5, 11, 8, 0, tzinfo=UTC)
PLAIN = "Henvisning_ny_tilstand_v2-0_Ny.xml", "adult-depression-anxiety.xml", 15
ATTACHED = "Viderehenvisning_v2-0_Rettighetsvurdert_etter_ventetid_pakkeforlop_Ny.xml", "ocd-adult-image.xml", 8


def rows() -> Iterator[Row]:
    translator = Translator(Limits(), keyed(DEMONSTRATION_KEY))
    for what, (sample, example, goal) in (("a referral", PLAIN), ("a referral with attachment", ATTACHED)):
        file = SAMPLES / sample if (SAMPLES / sample).exists() else EXAMPLES / example
        data = file.read_bytes()
        source = "" if file.parent == SAMPLES else ", our own example"
        name = f"translate {what} ({len(data) / 1000:.0f} kB{source})"
        yield Row(name, ratio(_complete(translator, data), lambda data=data: etree.fromstring(data)), "x parsing", goal)


def _complete(translator: Translator, data: bytes) -> Callable[[], object]:
    rules = GateRules(test_environment=False)

    def complete() -> object:
        reading = translator.read(data)
        service = Service(reading.envelope.receiver, "000000000", "D11")
        receipt = receipt_of(RECEIVED, service)
        reasons = gate.judge(reading.case, rules)
        translation = translator.render(reading, receipt, decide(reading.case, service, Facts(), receipt.day, translator.rulebook))
        return translation.bundle(), apprec.to_xml(apprec.answer(reading, receipt, reasons))

    return complete
