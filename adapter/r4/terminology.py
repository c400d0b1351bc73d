"""What codes mean: the code systems, value sets and concept maps that we carry, and R4's own codes. Pure; they are read once.

Who says so: https://hl7.org/fhir/R4/terminology-service.html.

>>> system_named("http://helsedir.no/fhir/CodeSystem/no-kodeverk-9322").concepts["M"].display
'Første fremmøte i pakkeforløpet'
>>> in_system(system_named("2.16.578.1.12.4.1.1.9322"), "Y").holds
False

Of R4's own code systems the codes are known, but no names: they can be checked, and not looked up. A code that a *fragment* has not
(https://hl7.org/fhir/R4/valueset-codesystem-content-mode.html) may be one all the same; that is said, and it does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

from adapter.r4 import definitions
from adapter.r4.carried import Body, carried
from adapter.r4.systems import canonical_system
from adapter.r4.words import fold

NORWEGIAN: Final = "nb"
REVERSED: Final = {"wider": "narrower", "narrower": "wider", "subsumes": "specializes", "specializes": "subsumes"}
"""Equivalences that are others the other way (https://hl7.org/fhir/R4/valueset-concept-map-equivalence.html)."""
NO_MATCH: Final = ("unmatched", "disjoint")

Said = tuple[str, str]  # English, Norwegian


@dataclass(frozen=True, slots=True)
class Concept:
    """A code with its names by language, the Norwegian first; none of R4's own. `properties` as FHIR has them."""

    system: str
    code: str
    names: Mapping[str, str] = field(default_factory=dict)
    properties: Sequence[Body] = ()

    @property
    def display(self) -> str:
        return self.names.get(NORWEGIAN, "")

    def name(self, language: str) -> str:
        """The name in a language (BCP-47), else the Norwegian."""
        return self.names.get(language.partition("-")[0].strip().lower(), self.display)


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """A code system: what `Coding.system` says, what its CodeSystem is called, and the codes that we have of it."""

    uri: str
    title: str
    concepts: Mapping[str, Concept]
    complete: bool = True

    @property
    def named(self) -> bool:
        """Whether we have the names of its codes."""
        return bool(self.title)


@dataclass(frozen=True, slots=True)
class Codes:
    """A value set: concepts by system and code, in its order."""

    url: str
    systems: Mapping[str, Mapping[str, Concept]]

    def concepts(self) -> Iterator[Concept]:
        for members in self.systems.values():
            yield from members.values()


class Verdict(NamedTuple):
    """Whether a code holds; its right name, where it is one that we have; why it does not hold."""

    holds: bool
    concept: Concept | None = None
    why: Said = ("", "")


class Match(NamedTuple):
    """What a map says of a code. No `concept` where it says that there is none."""

    equivalence: str
    source: str
    concept: Concept | None = None
    comment: str = ""


def system_named(name: str) -> System | None:
    """The code system by any of its names; None where we have nothing of it."""
    return _systems().get(canonical_system(name)) or _core_system(name)


def systems() -> list[System]:
    """Those that we carry, with the names of their codes."""
    return list(_systems().values())


def value_set(url: str) -> Codes | None:
    """The value set: one of ours, or one that R4 requires and lists the codes of. None for any other."""
    return _value_sets().get(url) or _core_value_set(url)


def in_system(system: System, code: str, display: str = "") -> Verdict:
    """Whether it is a code of the system, by a right name where one is given."""
    concept = system.concepts.get(code)
    if concept:
        return _called(concept, display)
    if not system.complete:
        en = f"Of {system.uri} only a part is known here (content: fragment): the code is not in it, and may be one all the same."
        nb = f"Bare en del av {system.uri} er kjent her (content: fragment): koden er ikke i den, men kan finnes likevel."
        return Verdict(False, None, (en, nb))
    return Verdict(False, None, (f"{system.uri} has no such code.", f"{system.uri} har ingen slik kode."))


def in_value_set(codes: Codes, system: str, code: str, display: str = "") -> Verdict:
    """Whether the code is in the value set, by a right name where one is given."""
    concept = codes.systems.get(canonical_system(system), {}).get(code)
    if concept:
        return _called(concept, display)
    return Verdict(False, None, (f"The code is not in {codes.url}.", f"Koden er ikke i {codes.url}."))


def expanded(codes: Codes, words: str = "") -> list[Concept]:
    """The concepts whose code or name, in any language, has each of the words; upper and lower case alike."""
    wanted = fold(words).split()
    return [one for one in codes.concepts() if not wanted or _has(one, wanted)]


def translated(maps: Sequence[Body], system: str, code: str, *, target: str = "", reverse: bool = False) -> list[Match]:
    """What the maps say of a code, into one system (`target`) or any; with `reverse` from their target to their source."""
    here, there = ("target", "source") if reverse else ("source", "target")
    wanted, into = canonical_system(system), canonical_system(target)
    found = []
    for map in maps:
        for group in map["group"]:
            if canonical_system(group[here]) == wanted and into in ("", canonical_system(group[there])):
                found += list(_matches(map["url"], group, code, reverse=reverse))
    return found


def _matches(url: str, group: Body, code: str, *, reverse: bool) -> Iterator[Match]:
    for element in group["element"]:
        for target in element["target"]:
            said, comment = target["equivalence"], target.get("comment", "")
            if reverse and target.get("code") == code:
                yield Match(REVERSED.get(said, said), url, _concept(group["source"], element["code"]), comment)
            elif not reverse and element["code"] == code:
                yield Match(said, url, _concept(group["target"], target["code"]) if "code" in target else None, comment)


def _concept(system: str, code: str) -> Concept:
    """The concept as we know it, or the code alone where its system is another's."""
    known = system_named(system)
    return (known.concepts.get(code) if known else None) or Concept(system, code)


def _called(concept: Concept, display: str) -> Verdict:
    """Upper and lower case and superfluous blanks do not make another name."""
    right = {_plain(name) for name in concept.names.values()}
    if display and right and _plain(display) not in right:
        en, nb = "The code is one, but that is not its name.", "Koden finnes, men det er ikke navnet på den."
        return Verdict(False, concept, (en, nb))
    return Verdict(True, concept)


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _has(concept: Concept, words: Sequence[str]) -> bool:
    said = fold(" ".join((concept.code, *concept.names.values())))
    return all(word in said for word in words)


# --- what there is, read once


@cache
def _systems() -> dict[str, System]:
    """By the name that `canonical_system` gives to all that a system goes by."""
    found = {}
    for body in carried("CodeSystem").values():
        uri = body["url"]
        concepts = {one["code"]: _of_ours(uri, one) for one in body["concept"]}
        found[uri] = System(uri, body["title"], concepts, body["content"] == "complete")
    return found


def _of_ours(uri: str, said: Mapping[str, Any]) -> Concept:
    others = {one["language"]: one["value"] for one in said.get("designation", ())}
    return Concept(uri, said["code"], {NORWEGIAN: said["display"], **others}, said.get("property", ()))


def _core_system(name: str) -> System | None:
    """One of R4's own, with the codes that came after R4; None for what is not held in full."""
    return _listed(name) if definitions.code_system(name) is not None else None


@lru_cache(maxsize=256)
def _listed(name: str) -> System:
    return System(name, "", _named_by_code(name, definitions.known_codes(name) or frozenset()))


def _named_by_code(system: str, codes: frozenset[str]) -> Mapping[str, Concept]:
    return {code: Concept(system, code) for code in sorted(codes)}


@cache
def _value_sets() -> dict[str, Codes]:
    return {body["url"]: Codes(body["url"], dict(_included(body["compose"]))) for body in carried("ValueSet").values()}


def _included(compose: Body) -> Iterator[tuple[str, Mapping[str, Concept]]]:
    """All of a system, or the concepts named: our value sets are made of nothing else."""
    for include in compose["include"]:
        system = canonical_system(include["system"])
        codes = [one["code"] for one in include.get("concept", ())]
        known = system_named(system)
        whole = known.concepts if known else {}
        yield system, {code: whole.get(code) or Concept(system, code) for code in codes} if codes else whole


@lru_cache(maxsize=256)  # addresses are a caller's own words
def _core_value_set(url: str) -> Codes | None:
    listed = definitions.codes(url)
    if listed is None:
        return None
    return Codes(url, {system: _named_by_code(system, codes) for system, codes in sorted(listed.items())})
