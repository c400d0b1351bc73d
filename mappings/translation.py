"""From a message's bytes to what it means, and from there to FHIR: the whole translation, without a clock or a database.

    reading = translator.read(xml)              # may raise Problem: no message that we read
    refusal = gate(reading, ...)                # adapter.domain.referral: AppRec codes, or none
    translation = translator.render(reading, receipt, decision, ...)
    translation.bundle()                        # bytes of the transaction Bundle
    translation.explanation()                   # where each element came from, what became of each node
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from adapter.domain.problem import Finding
from adapter.domain.referral import Decision, Envelope, Receipt


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on a message, each a setting."""

    max_bytes: int = 35 * 1024 * 1024
    max_text: int = 24 * 1024 * 1024
    max_depth: int = 256
    max_elements: int = 100_000
    max_attributes: int = 1_000


class Reading:
    """A message that was read: who, what, and everything found on the way."""

    envelope: Envelope
    findings: list[Finding]  # schema faults, unknown codes, what no mapping knows
    patient_numbers: Sequence[tuple[str, str]]  # (kind of 8116, number) of every person in the message that has one
    patient_key: str  # what identifies the patient within an organisation; empty if nothing does


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of the translation. `body` is plain FHIR JSON as a dict."""

    type: str
    id: str
    body: dict[str, Any]
    merge: bool  # a person or party: merged into what is stored, never blanked


class Translation:
    """What a message became."""

    resources: list[Resource]
    findings: list[Finding]

    def bundle(self) -> bytes: ...
    def explanation(self) -> dict[str, Any]: ...


class Translator:
    """Holds the tables that reading and writing need; made once."""

    def __init__(self, limits: Limits, person_id: Callable[[str, str, str], str], base: str) -> None: ...

    def read(self, data: bytes) -> Reading: ...

    def render(self, reading: Reading, receipt: Receipt, decision: Decision) -> Translation: ...
