"""Whom pathways are shared with, and by which rules: what every use case of assignments goes by.

An assignment stands in the *spaces* (tenants here) of its requester and owner, and at their FHIR servers. Where the owner's
server takes assignments its Task is the authoritative one, and ours follow it; else ours is, in the owner's space here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from adapter.domain.coordination import CoordinationRules, Followup
from adapter.domain.deadlines import WorkingDays


@dataclass(frozen=True, slots=True)
class Partner:
    """Another FHIR server and whose it is. `mode` empty: as its CapabilityStatement says (`PartnerState.mode`)."""

    name: str
    organisation: str
    base_url: str
    mode: Literal["", "push", "wait"] = ""
    municipality: str = ""
    notify_url: str = ""


@dataclass(frozen=True, slots=True)
class Sharing:
    """`person_key` (organisation, system, value) names a patient without telling who it is; `base` is our FHIR address."""

    organisations: Sequence[str]
    municipalities: Collection[str]  # those of them, and of the partners, that are municipalities
    partners: Sequence[Partner]
    rules: Callable[[str], CoordinationRules]  # by municipality number; others have the default
    followups: Sequence[Followup]
    person_key: Callable[[str, str, str], str]
    base: str
    week: WorkingDays = "mon-fri"
    names: Mapping[str, str] = field(default_factory=dict)  # of our organisations, for people

    def partner(self, name: str) -> Partner | None:
        return next((one for one in self.partners if one.name == name), None)

    def server_of(self, organisation: str) -> Partner | None:
        """The FHIR server of an organisation, where it has one that we know."""
        return next((one for one in self.partners if one.organisation == organisation), None)

    def serving(self, municipality: str) -> Partner | None:
        """The partner that answers for a municipality."""
        return next((one for one in self.partners if municipality and one.municipality == municipality), None)

    def space(self, organisation: str) -> bool:
        """Whether an organisation has a space here: it is ours, or a partner that may read and answer here."""
        return organisation in self.organisations or self.server_of(organisation) is not None

    def guest(self, organisation: str) -> bool:
        """Whether it has a space here only as a partner: for its assignments, and nothing else."""
        return organisation not in self.organisations and self.server_of(organisation) is not None
