"""What is asked for each thing that the CapabilityStatement offers: its code -> the requests about one person's resource of a type.

    for case in RECIPES["read"]("Task", names, offer): …

What is offered and has no recipe here is a KeyError: nothing new stays untried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote
from uuid import uuid4

import httpx

from adapter.fhir.compartments import CRITERIA
from tests.matrix.asking import Request, bundle
from tests.matrix.instances import FNR, NO_IDENTIFIER, Body, bodies, identifier
from tests.matrix.world import Names
from tests.national_numbers import make

Shows = Literal["resource", "count", "ok", "unchanged", "beside", ""]
INCLUDES = 30  # that one search takes
LEADING = frozenset(
    (
        *("CarePlan", "Communication", "Condition", "Consent", "DocumentReference", "Encounter", "EpisodeOfCare"),
        *("MedicationStatement", "Observation", "Patient", "Provenance", "ServiceRequest", "Task"),
    )
)
"""Types whose resources by hand refer to a record of a patient, beside the Patient that they are about."""


@dataclass(frozen=True)
class Case:
    """One request, and what it shows to who may see: the resource itself, how many there are, that it went well, that nothing has
    changed (304), one of the person's records beside another; or nothing, where it is only the refused that count.
    """

    label: str
    request: Request
    shows: Shows = "resource"
    own: bool = False  # asked only by who may see

    def shown(self, answer: httpx.Response, type: str, names: Names) -> bool:
        """Whether the answer shows what it is to show."""
        if self.shows == "unchanged":
            return answer.status_code == 304
        if answer.status_code >= 400:
            return False
        if self.shows == "count":
            return bool(answer.json()["total"])
        if self.shows == "beside":
            return bool(included(answer) & {*names.ids.values(), *names.links.values()})
        return self.shows != "resource" or names.ids[type] in answer.text


def included(answer: httpx.Response) -> set[str]:
    """The ids of what a search gives beside what it found."""
    return {one["resource"]["id"] for one in answer.json().get("entry", []) if one["search"]["mode"] == "include"}


@dataclass(frozen=True)
class Offer:
    """What the CapabilityStatement says of a type; `targets` are the types that each of its reference parameters leads to."""

    said: Mapping[str, Any]
    targets: Mapping[str, Sequence[str]]

    @property
    def cells(self) -> list[str]:
        """What is offered, by the names of the recipes."""
        said = self.said
        offered = [one["code"] for one in said["interaction"]]
        offered += [name for name in ("conditionalCreate", "conditionalUpdate") if said.get(name)]
        for name in ("conditionalRead", "conditionalDelete"):
            offered += [name] if said.get(name, "not-supported") != "not-supported" else []
        offered += [f"${one['name']}" for one in said["operation"]]
        return [*offered, *(name for name in ("searchParam", "searchInclude", "searchRevInclude") if said.get(name))]

    @property
    def by_patient(self) -> str:
        """The parameter that the type is a patient's by."""
        return next((name for name in ("patient", "subject") if "Patient" in self.targets.get(name, ())), "")


def offers(resources: Sequence[Mapping[str, Any]]) -> dict[str, Offer]:
    """By type."""
    leads: dict[str, dict[str, list[str]]] = {one["type"]: {} for one in resources}
    for target in resources:
        for source, _, name in (said.partition(":") for said in target.get("searchRevInclude", ())):
            leads[source].setdefault(name, []).append(target["type"])
    return {one["type"]: Offer(one, leads[one["type"]]) for one in resources}


Recipe = Callable[[str, Names, Offer], Iterator[Case]]


def read(type: str, names: Names, _: Offer) -> Iterator[Case]:
    here = f"{type}/{names.ids[type]}"
    yield Case("plain", Request("GET", here))
    yield Case("as XML", Request("GET", here, {"Accept": "application/fhir+xml"}))
    yield Case("HEAD", Request("HEAD", here), "ok")


def vread(type: str, names: Names, _: Offer) -> Iterator[Case]:
    yield Case("first", Request("GET", f"{type}/{names.ids[type]}/_history/1"))
    yield Case("none", Request("GET", f"{type}/{names.ids[type]}/_history/99"), "")


def history_instance(type: str, names: Names, _: Offer) -> Iterator[Case]:
    here = f"{type}/{names.ids[type]}/_history"
    yield Case("all", Request("GET", here))
    yield Case("since", Request("GET", f"{here}?_since=2020-01-01T00:00:00Z"))
    yield Case("standing", Request("GET", f"{here}?_at=2026-06-02"))


def history_type(type: str, _names: Names, _: Offer) -> Iterator[Case]:
    yield Case("all", Request("GET", f"{type}/_history?_count=200"))


def search_type(type: str, names: Names, _: Offer) -> Iterator[Case]:
    id = names.ids[type]
    for more in ("", "&_total=accurate", "&_elements=id", "&_count=1&_sort=_lastUpdated"):
        yield Case(f"by id{more}", Request("GET", f"{type}?_id={id}{more}"))
    yield Case("counted", Request("GET", f"{type}?_id={id}&_summary=count"), "count")
    yield Case("counted beside none", Request("GET", f"{type}?_id={id},{uuid4()}&_count=0&_total=accurate"), "count")
    yield Case("by form", Request("POST", f"{type}/_search", form=f"_id={id}"))
    if type not in NO_IDENTIFIER and type != "PlanDefinition":
        yield Case("by identifier", Request("GET", f"{type}?identifier={quote(identifier(type, names.name))}"))
    if type == "Patient":
        yield Case("by number", Request("POST", f"{type}/_search", form=f"identifier={quote(f'{FNR}|{names.number}')}"))
        yield Case("by name", Request("GET", f"{type}?family={names.name}"))


def search_param(type: str, names: Names, offer: Offer) -> Iterator[Case]:
    """Every parameter, with the resource's id; those of references in chains too."""
    if type in CRITERIA:
        here = f"Patient/{names.ids['Patient']}"
        yield Case("in the compartment", Request("GET", f"{here}/{type}?_id={names.ids[type]}"))
        yield Case("in the compartment, by form", Request("POST", f"{here}/{type}/_search", form=f"_id={names.ids[type]}"))
        yield Case("in all of the compartment", Request("GET", f"{here}/*?_id={names.ids[type]}"))
    offered = {one["name"]: one["type"] for one in offer.said["searchParam"]}
    asked = "&".join(f"{name}:missing=true" for name in offered if name not in ("_id", "_lastUpdated"))
    yield Case("each missing", Request("GET", f"{type}?_id={names.ids[type]}&{asked}"), "")
    for name, kind in offered.items():
        if kind == "reference":
            yield from _chains(type, name, names, offer)
    yield Case("_has", Request("GET", f"{type}?_id={names.ids[type]}&_has:Task:patient:_security=x"), "")


def _chains(type: str, name: str, names: Names, offer: Offer) -> Iterator[Case]:
    """Another's record by what that refers to: it must not tell by whether it is found what there is."""
    referred = bodies("", "", "", names.ids)[type] if type in names.ids and type != "PlanDefinition" else {}
    targets = offer.targets.get(name, ())
    for target in [one for one in targets if f"'{one}/{names.ids[one]}'" in str(referred)] or targets[:1]:
        found = f"{name}:{target}._id={names.ids[target]}"
        yield Case(found.partition("=")[0], Request("GET", f"{type}?_id={names.bridge.get(type, uuid4())}&{found}"), "")
    if "Patient" in targets and name == offer.by_patient:
        of = f"{name}:Patient"
        number = quote(f"{FNR}|{names.number}")
        yield Case(f"{of}.identifier", Request("POST", f"{type}/_search", form=f"{of}.identifier={number}"))
        yield Case(f"{name}:identifier", Request("POST", f"{type}/_search", form=f"{name}:identifier={number}"), "")
        yield Case(f"{of}.family", Request("GET", f"{type}?{of}.family={names.name}&_summary=count"), "count")
        yield Case(name, Request("GET", f"{type}?{name}={names.patient}"))


def include(type: str, names: Names, offer: Offer) -> Iterator[Case]:
    """What the resource leads to, by each parameter; and what another's record leads to, by all at once."""
    for one in offer.said["searchInclude"]:
        yield Case(one, Request("GET", f"{type}?_id={names.ids[type]}&_include={one}"), "beside", own=True)
    for word in ("_include", "_include:iterate"):
        for some in _some(offer.said["searchInclude"]):
            asked = "&".join(f"{word}={one}" for one in some)
            shows: Shows = "beside" if names.bridge and type in LEADING else ""
            yield Case(f"{word} of it", Request("GET", f"{type}?_id={names.ids[type]}&{asked}"))
            yield Case(f"{word} of another", Request("GET", f"{type}?_id={names.bridge.get(type, uuid4())}&{asked}"), shows)


def revinclude(type: str, names: Names, offer: Offer) -> Iterator[Case]:
    """What leads to the resource, to what it refers to itself, and to another's record."""
    for word in ("_revinclude", "_revinclude:iterate"):
        for some in _some(offer.said["searchRevInclude"]):
            asked = "&".join(f"{word}={one}" for one in some)
            yield Case(f"{word} of it", Request("GET", f"{type}?_id={names.ids[type]}&{asked}"))
            yield Case(f"{word} of another", Request("GET", f"{type}?_id={names.bridge.get(type, uuid4())}&{asked}"), "")
    # The Patient is what all refer to; of the others it is enough that all of it is refused.
    if type == "Patient":
        for some in _some(offer.said["searchRevInclude"]):
            asked = "&".join(f"_revinclude={one}" for one in some)
            yield Case("of what refers to it", Request("GET", f"Patient?_id={names.ids[type]}&{asked}"), "beside")


def _some(offered: Sequence[str]) -> Iterator[Sequence[str]]:
    yield from (offered[start : start + INCLUDES] for start in range(0, len(offered), INCLUDES))


def conditional_read(type: str, names: Names, _: Offer) -> Iterator[Case]:
    here = f"{type}/{names.ids[type]}"
    for header, said in (("If-None-Match", names.tag), ("If-Modified-Since", "Fri, 01 Jan 2027 00:00:00 GMT")):
        yield Case(header, Request("GET", here, {header: said}), "unchanged")
    yield Case("If-None-Match of another", Request("GET", here, {"If-None-Match": 'W/"99"'}))
    yield Case("If-None-Match *", Request("GET", here, {"If-None-Match": "*"}), "")


def create(type: str, names: Names, _: Offer) -> Iterator[Case]:
    """What is new may refer to anything, there or not."""
    made = {**fresh(type), **({"meta": {"tag": [{"system": "urn:matrix", "code": names.ids[type]}]}})}
    yield Case("", Request("POST", type, body=made), "")


def conditional_create(type: str, names: Names, _: Offer) -> Iterator[Case]:
    body = fresh(type)
    yield Case("by id", Request("POST", type, {"If-None-Exist": f"_id={names.ids[type]}"}, body))
    if type not in NO_IDENTIFIER:
        yield Case("by identifier", Request("POST", type, {"If-None-Exist": f"identifier={identifier(type, names.name)}"}, body))


def update(type: str, names: Names, _: Offer) -> Iterator[Case]:
    here, body = f"{type}/{names.ids[type]}", names.body(type)
    yield Case("If-Match", Request("PUT", here, {"If-Match": names.tag}, body))
    yield Case("without", Request("PUT", here, body=body), "")
    yield Case("of another version", Request("PUT", here, {"If-Match": 'W/"99"'}, body), "")
    yield Case("no form", Request("PUT", here, {"If-Match": names.tag}, {"resourceType": type, "id": names.ids[type], "x": 1}), "")


def patch(type: str, names: Names, _: Offer) -> Iterator[Case]:
    here, change = f"{type}/{names.ids[type]}", [{"op": "add", "path": "/language", "value": "nb"}]
    yield Case("without", Request("PATCH", here, body=change), "")
    yield Case("a test", Request("PATCH", here, {"If-Match": names.tag}, [{"op": "test", "path": "/id", "value": "x"}]), "")
    yield Case("of another version", Request("PATCH", here, {"If-Match": 'W/"99"'}, change), "")
    yield Case("If-Match", Request("PATCH", here, {"If-Match": names.tag}, change))


def conditional_update(type: str, names: Names, _: Offer) -> Iterator[Case]:
    """Criteria that match what may not be seen match nothing: an update makes a new one, a patch finds none."""
    change, new = [{"op": "add", "path": "/language", "value": "nn"}], fresh(type)
    which = f"{type}?_id={names.ids[type]}"
    yield Case("update", Request("PUT", which, body=new), "")
    yield Case("update If-Match", Request("PUT", which, {"If-Match": names.tag}, new), "")
    yield Case("patch", Request("PATCH", which, body=change), "")
    yield Case("patch If-Match", Request("PATCH", which, {"If-Match": 'W/"2"'}, change), "")
    if type not in NO_IDENTIFIER:
        yield Case("patch by identifier", Request("PATCH", f"{type}?identifier={identifier(type, names.name)}", body=change), "")


def validate(type: str, names: Names, _: Offer) -> Iterator[Case]:
    here = f"{type}/{names.ids[type]}/$validate"
    yield Case("kept", Request("GET", here), "ok")
    if type != "PlanDefinition":
        yield Case("an update", Request("POST", f"{here}?mode=update", body=names.body(type)), "ok")
        yield Case("a deletion", Request("POST", f"{here}?mode=delete", body=names.body(type)), "ok")


def findings(type: str, names: Names, _: Offer) -> Iterator[Case]:
    """Of what is no pathway there are none; those of one are asked for apart."""
    yield Case("of it", Request("GET", f"{type}/{names.ids[type]}/$findings"), "")


def everything(type: str, names: Names, _: Offer) -> Iterator[Case]:
    here = f"{type}/{names.ids[type]}/$everything"
    yield Case("GET", Request("GET", here))
    yield Case("in pages", Request("GET", f"{here}?_count=1"))
    yield Case("POST", Request("POST", here, body={"resourceType": "Parameters"}))


def export(type: str, _names: Names, _offer: Offer) -> Iterator[Case]:
    """What its files hold is looked at apart (`test_export.py`)."""
    yield Case("refused", Request("GET", f"{type}/$export"), "")


def status(type: str, names: Names, _: Offer) -> Iterator[Case]:
    """How it stands: asked of one, and of those with its id."""
    id = names.ids[type]
    yield Case("GET", Request("GET", f"{type}/{id}/$status"))
    yield Case("POST", Request("POST", f"{type}/{id}/$status", body={"resourceType": "Parameters"}))
    yield Case("of the type", Request("GET", f"{type}/$status?id={id}"))
    named = {"resourceType": "Parameters", "parameter": [{"name": "id", "valueId": id}]}
    yield Case("of the type, POST", Request("POST", f"{type}/$status", body=named))


def events(type: str, names: Names, _: Offer) -> Iterator[Case]:
    """What it was told; of whom is looked at apart (`test_following.py`)."""
    here = f"{type}/{names.ids[type]}/$events"
    yield Case("GET", Request("GET", f"{here}?eventsSinceNumber=1"))
    since = {"resourceType": "Parameters", "parameter": [{"name": "eventsSinceNumber", "valueString": "1"}]}
    yield Case("POST", Request("POST", here, body=since))


RECIPES: Mapping[str, Recipe] = {
    "read": read,
    "vread": vread,
    "history-instance": history_instance,
    "history-type": history_type,
    "search-type": search_type,
    "searchParam": search_param,
    "searchInclude": include,
    "searchRevInclude": revinclude,
    "conditionalRead": conditional_read,
    "$validate": validate,
    "$findings": findings,
    "$everything": everything,
    "$export": export,
    "$status": status,
    "$events": events,
    "create": create,
    "conditionalCreate": conditional_create,
    "update": update,
    "conditionalUpdate": conditional_update,
    "patch": patch,
}
"""In the order that they are asked in: what changes something for who may is last."""
IN_BUNDLES = ("read", "search-type", "conditionalRead", "conditionalCreate", "update", "conditionalUpdate", "patch")


def together(kind: str, cases: Sequence[Case]) -> Iterator[Case]:
    """The same as entries of a Bundle: of a batch all in one, of a transaction one by one, lest one refusal hides another."""
    able = [(case, entry) for case in cases if (entry := case.request.entry) is not None]
    if kind == "batch" and able:
        yield Case(", ".join(case.label for case, _ in able), bundle(kind, *(entry for _, entry in able)))
    if kind == "transaction":
        for case, entry in able:
            yield Case(case.label, bundle(kind, entry))


def fresh(type: str) -> Body:
    """A resource of the type that nothing else is like, about nobody else."""
    number = make(1, 1, 1990, "male")
    return bodies(f"{uuid4()}", number, f"Patient/{uuid4()}", {})[type]
