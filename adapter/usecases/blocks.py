"""A patient's block of an organisation or a person is of a patient who is here, and leaves somebody who can lift it.

The profile *patient-block* says what it holds (`docs/profiles.md`); the store leaves out what it hides (`Store.seen_by`).
"""

from __future__ import annotations

from collections.abc import Sequence

from adapter.domain.problem import Kind, problem
from adapter.ports import Unit
from adapter.r4.compartment import blocks, is_denial, target
from adapter.usecases.writing import Change


def judge_blocks(unit: Unit, tenant: str, changes: Sequence[Change], base: str) -> None:
    """Raises `Problem` where a block is of a Patient that is neither here nor among what comes with it: it would hide nothing.

    And where it is against the whole organisation whose space it is in: it would hide itself from all who could lift it.
    """
    come = {change.id for change in changes if change.type == "Patient"}
    for change in changes:
        if change.type != "Consent" or not is_denial(change.body):
            continue
        type, id = target(change.body["patient"], base)
        if type != "Patient" or (id not in come and unit.read(tenant, "Patient", id) is None):
            raise problem(
                Kind.BUSINESS_RULE,
                "There is no such Patient here: name the one whose record is to be blocked.",
                "Pasienten finnes ikke her: oppgi den hvis journal skal sperres.",
                where="Consent.patient",
                rule="patient-block",
            )
        if change.body["status"] == "active" and tenant in blocks(change.body):
            raise problem(
                Kind.BUSINESS_RULE,
                "The responsible organisation cannot be blocked as such, as nobody could lift it: name a unit of it, or a person.",
                "Den ansvarlige virksomheten kan ikke sperres som helhet, ingen kunne oppheve det: oppgi en enhet eller en person.",
                where="Consent.provision.actor",
                rule="patient-block",
            )
