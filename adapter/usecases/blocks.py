"""A patient's block of an organisation or a person is of a patient who is here.

The profile *patient-block* says what it holds (`docs/profiles.md`); the store leaves out what it hides (`Store.seen_by`).
"""

from __future__ import annotations

from collections.abc import Sequence

from adapter.domain.problem import Kind, problem
from adapter.ports import Unit
from adapter.r4.compartment import is_denial, target
from adapter.usecases.writing import Change


def require_patients(unit: Unit, tenant: str, changes: Sequence[Change], base: str) -> None:
    """Raises `Problem` where a block is of a Patient that is neither here nor among what comes with it: it would hide nothing."""
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
