"""What a token's scopes let its bearer do.

    access = access_of(["system/Task.rs", "nhn:pakkeforlop/messages"], {"nhn:pakkeforlop/messages": ["messages"]})
    access.allows("Task", "r"), access.other("messages")

Who says so: SMART App Launch 2 (https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html): `system/Task.cruds`, with
the letters in that order. HelseID names scopes otherwise (`nhn:…/fhir.read`); a table in the settings says what each gives.

What says anything else gives nothing, since an unknown word is no promise that we could keep:

- `patient/…`, which needs a patient in context, who no token here has;
- a scope with a query (`system/Task.rs?status=requested`), which is narrower than what could be given;
- version 1 (`system/Task.read`, `.write`, `.*`): only *permission-v2* is offered.

`user/…` gives what `system/…` does: whose space is seen is decided by the organisation, and what is in it by blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

LETTERS: Final = "cruds"
OTHERS: Final = frozenset({"messages", "operate", "emergency"})
"""Beside FHIR: to send and see messages; to operate the service; to lift a patient's blocks where a life is at stake."""

_SMART: Final = re.compile(r"(?:system|user)/(\*|[A-Z][A-Za-z]{1,63})\.(?=[cruds])(c?r?u?d?s?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Access:
    """Rights as (type or `*`, letter), and the words of `OTHERS`; beside them the names to ask the issuer by."""

    granted: frozenset[tuple[str, str]] = frozenset()
    others: frozenset[str] = frozenset()
    names: Mapping[str, Sequence[str]] = field(default_factory=dict, compare=False, repr=False)

    def allows(self, type: str, interaction: str) -> bool:
        """Whether one letter is given for a type. `*` asks for every type at once.

        >>> access_of(["system/Task.rs"], {}).allows("Task", "r"), access_of(["system/Task.rs"], {}).allows("*", "r")
        (True, False)
        """
        return (type, interaction) in self.granted or ("*", interaction) in self.granted

    def other(self, what: str) -> bool:
        return what in self.others

    def name_for(self, word: str) -> str:
        """The issuer's name that gives what a SMART scope or a word of `OTHERS` does, and the least beside; empty where none does.

        >>> table = {"nhn:x/write": ["system/*.cruds"], "nhn:x/read": ["system/*.rs"], "nhn:x/messages": ["messages"]}
        >>> access_of([], table).name_for("system/Task.r"), access_of([], table).name_for("messages")
        ('nhn:x/read', 'nhn:x/messages')
        """
        wanted = _SMART.fullmatch(word)
        found: list[tuple[int, str]] = []
        for name in self.names:
            given = access_of([name], self.names)
            if all(given.allows(wanted[1], letter) for letter in wanted[2]) if wanted else given.other(word):
                found.append((len(given.granted) + len(given.others), name))
        return min(found, default=(0, ""))[1]

    def __bool__(self) -> bool:
        return bool(self.granted or self.others)


EVERYTHING: Final = Access(frozenset(("*", letter) for letter in LETTERS), OTHERS)


def access_of(scopes: Iterable[str], names: Mapping[str, Sequence[str]]) -> Access:
    """What all the scopes give together. `names` is the table of HelseID's names: SMART scopes, or words of `OTHERS`.

    >>> sorted(access_of(["nhn:x/write"], {"nhn:x/write": ["system/Task.cu", "operate"]}).granted)
    [('Task', 'c'), ('Task', 'u')]
    >>> bool(access_of(["system/Task.read", "patient/*.rs", "system/Task.rs?owner=1", "operate"], {}))
    False
    """
    granted: set[tuple[str, str]] = set()
    others: set[str] = set()
    for scope in scopes:
        for word in names.get(scope, (scope,)):
            if found := _SMART.fullmatch(word):
                granted.update((found[1], letter) for letter in found[2])
            elif scope in names and word in OTHERS:  # in the table alone: a token's own scope `operate` is another service's
                others.add(word)
    return Access(frozenset(granted), frozenset(others), names)
