"""May the message come in? AppRec's refusals of a readable referral (HIS 80415:2012, HITS 1168; codes of 8221).

A refusal is for what makes the referral unusable: a MsgId that is none, a patient that nobody can find, a real person in a
test environment. Unknown codes never are. An emergency (priority 0) that can be read is always let in.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from adapter.domain import persons
from adapter.domain.identity import is_uuid
from adapter.domain.problem import Finding, Kind
from adapter.domain.referral import Envelope, RefusalReason


@dataclass(frozen=True, slots=True)
class Case:
    """What the gate and the pathway decision look at."""

    envelope: Envelope
    named: bool  # the patient has a name
    patient_numbers: tuple[str, ...]  # as they came
    born_and_sex: bool
    person_numbers: tuple[str, ...]  # of everyone in the message
    content: str = ""  # 8455
    pathway_codes: tuple[str, ...] = ()  # of 9321 and 9327, in the message's order
    faults: tuple[Finding, ...] = ()  # breaches of the schema
    broken: tuple[RefusalReason, ...] = ()  # what cannot be translated at all


@dataclass(frozen=True, slots=True)
class GateRules:
    """The installation's choices."""

    strict: bool = False
    refuse_signed: bool = False
    test_environment: bool = True
    allowed_persons: Collection[str] = frozenset()


def judge(case: Case, rules: GateRules) -> tuple[RefusalReason, ...]:
    """Why the message is refused, all reasons at once; nothing where it is let in."""
    if case.broken:
        return case.broken
    reasons: list[RefusalReason] = []
    if rules.test_environment and not_synthetic(case, rules.allowed_persons):
        reasons.append(
            RefusalReason(
                "E36",
                "Testmiljø: meldingen gjelder en person som kan være virkelig. "
                "Bruk syntetiske fødselsnummer (måned +80, +65 eller +40).",
            )
        )
    if rules.refuse_signed and case.envelope.signed:
        reasons.append(RefusalReason("S03", "Signerte meldinger tas ikke imot her: signaturen kontrolleres ikke."))
    if case.envelope.emergency:
        return tuple(reasons)
    if not is_uuid(case.envelope.msg_id):
        reasons.append(RefusalReason("E10", "MsgId er ikke en UUID."))
    if not identified(case):
        reasons.append(
            RefusalReason(
                "E36", "Pasienten må ha navn og enten fødselsnummer, D-nummer, felles hjelpenummer eller fødselsdato med kjønn."
            )
        )
    if rules.strict and case.faults:
        first = case.faults[0]
        reasons.append(RefusalReason("T02", f"{first.nb} Linje {first.line}: {first.where}. Antall feil: {len(case.faults)}."))
    return tuple(reasons)


def identified(case: Case) -> bool:
    """Name, and a valid national number or both birth date and sex."""
    return case.named and (case.born_and_sex or any(persons.kind(number) for number in case.patient_numbers))


def not_synthetic(case: Case, allowed: Collection[str]) -> bool:
    """Whether anyone in the message may be a real person: an eleven-digit number that is neither synthetic nor allowed."""
    return any(persons.kind(n) and not persons.synthetic(n) and n not in allowed for n in case.person_numbers)


def warnings(case: Case) -> list[Finding]:
    """What a stateless translation only warns of."""
    if not not_synthetic(case, ()):
        return []
    return [
        Finding(
            "warning",
            Kind.NOT_SYNTHETIC,
            "The message has a person number that is not synthetic. Use month +80, +65 or +40 in tests.",
            "Meldingen har et fødselsnummer som ikke er syntetisk. Bruk måned +80, +65 eller +40 i test.",
        )
    ]
