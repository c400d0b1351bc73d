"""A guarded service in which the same is kept about some people who are seen by some and hidden from others, and who asks.

`own` is the hospital whose patients they are, `colleague` another client of it, `narrow` the first with fewer rights; `other` is an
organisation with a space of its own, `guest` a municipality that is asked through its partner. `unit` (by its organisation number)
and `nurse` (by HPR number) act for the hospital, and the hidden patients have blocked them; `saver` is the same nurse in an
emergency.

Whoever must not see is asked about what is there (`hidden`) and about what never was (`never`). Others' records that refer to
either (`hidden.bridge`, `never.bridge`) stand in the hospital's space and in the other's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI

from adapter.ports import Store
from adapter.settings import Organisation, Partner, Receiver, Settings, StoreSettings, SubscriptionSettings
from adapter.wiring import Services, build
from tests.fhir.epj import Epj
from tests.http.real import HOSPITAL, RECEIVERS, VAAGAA, WAITS
from tests.http.service import Service
from tests.matrix.asking import Request, alike
from tests.matrix.instances import OF_NOBODY, Body, bodies
from tests.national_numbers import make
from tests.security.issuer import Issuer
from tests.serving import StillClock, served
from tests.stores import with_tables

OTHER, UNIT, NURSE = "319900209", "319900128", "9144900"
SCOPES = ("system/*.cruds", "nhn:pakkeforlop/messages", "nhn:pakkeforlop/operate", "nhn:pakkeforlop/emergency")
WHO: Mapping[str, Mapping[str, Any]] = {
    "own": {"parent": HOSPITAL, "client_id": "own"},
    "other": {"parent": OTHER, "client_id": "other"},
    "guest": {"parent": VAAGAA, "client_id": "guest"},
    "unit": {"parent": HOSPITAL, "child": UNIT, "client_id": "unit"},
    "nurse": {"parent": HOSPITAL, "hpr": NURSE, "client_id": "nurse"},
    "saver": {"parent": HOSPITAL, "hpr": NURSE, "client_id": "saver"},
    "colleague": {"parent": HOSPITAL, "client_id": "colleague"},
    "narrow": {"parent": HOSPITAL, "client_id": "own", "scopes": ("system/*.rs",)},
}
REFUSED = ("other", "guest", "unit", "nurse")
BLOCKED = ("unit", "nurse")
FORMS = {"unit": ("urn:oid:2.16.578.1.12.4.1.4.101", UNIT), "nurse": ("urn:oid:2.16.578.1.12.4.1.4.4", NURSE)}
URN = "urn:uuid:"
PEOPLE = (
    *("", "hidde1", "hidden", "nobody", "neighb", "others", "bridgs", "bridgn", "course", "beside"),
    *("secre", "secre1", "secre2"),
)
"""All who have a number."""
FIGURE = "/fhir/Measure/right-refused/$evaluate-measure?periodStart=2020&periodEnd=2026"
LISTS = ("/", "/messages", "/messages?limit=1", "/pathways", "/deliveries", "/partners", FIGURE)
"""What lists things outside /fhir, and what counts them in it."""


@dataclass(frozen=True)
class Names:
    """What a person's resources are called: `ids` by type, `links` those that they refer to, `bridge` another's that refer to them.

    `tag` is the ETag that writes name.
    """

    name: str
    number: str
    ids: Mapping[str, str]
    links: Mapping[str, str]
    bridge: Mapping[str, str] = field(default_factory=dict)
    beside: str = ""  # what the bridge's own person is called
    tag: str = 'W/"1"'

    @property
    def patient(self) -> str:
        return f"Patient/{self.ids['Patient']}"

    def places(self) -> dict[str, str]:
        """Each name with the place that it stands in, so that answers about different people can be compared."""
        of = {"link": self.links, "bridge": self.bridge, "id": self.ids}
        ids = {id: f"<{kind} {type}>" for kind, some in of.items() for type, id in some.items()}
        others = {number_of(self.beside): "<their number>", self.beside: "<their name>"} if self.beside else {}
        return {**ids, **others, self.number: "<number>", self.name: "<name>"}

    def body(self, type: str) -> Body:
        """The resource as it is kept."""
        return {**bodies(self.name, self.number, self.patient, self.links)[type], "id": self.ids[type]}


@dataclass
class World:
    service: Service
    readers: Mapping[str, httpx.Client]
    hidden: Names = Names("", "", {}, {})
    never: Mapping[str, Names] = field(default_factory=dict)  # by reader: in its own space
    seen: Mapping[str, Names] = field(default_factory=dict)  # the hidden, with the bridge in a reader's own space
    course: Mapping[str, str] = field(default_factory=dict)  # what the service made of a referral and events, by type
    asked: str = ""  # the id of the Task that the guest has
    message: str = ""
    before: Mapping[tuple[str, str, str], Any] = field(default_factory=dict)
    after: Mapping[tuple[str, str, str], Any] = field(default_factory=dict)
    everything: frozenset[str] = frozenset()  # ids of the hidden records
    home: str = HOSPITAL
    tell: Callable[[], object] = lambda: None  # works out who is to be told of what was written
    routes: tuple[tuple[str, str], ...] = ()  # method and path of all that the service answers

    @property
    def store(self) -> Store:
        return self.service.store

    def ask(self, reader: str, request: Request) -> httpx.Response:
        return request.sent(self.readers[reader])

    def standing(self, names: Names, type: str) -> Names:
        """The names with the ETag of the hidden resource as it stands, whoever's they are."""
        with self.store.read() as unit:
            stored = unit.read(HOSPITAL, type, self.hidden.ids[type])
        assert stored
        return replace(names, tag=f'W/"{stored.version}"')

    def types(self) -> list[Body]:
        """What /fhir/metadata says of each type that is kept."""
        return [one for one in self._said_of_types() if one["versioning"] != "no-version"]

    def carried(self) -> list[Body]:
        """The same of those that the program carries, which nobody has written."""
        return [one for one in self._said_of_types() if one["versioning"] == "no-version"]

    def _said_of_types(self) -> list[Body]:
        found: list[Body] = self.readers["own"].get("/fhir/metadata").json()["rest"][0]["resource"]
        return found

    def shows(self, reader: str, type: str) -> bool:
        """Whether a reader is to see what stands in the hospital's space of this type."""
        if type == "PlanDefinition":  # every organisation's own, by the same id
            return reader != "guest"
        return reader in ("own", "saver") or (reader in BLOCKED and type in OF_NOBODY)


@contextmanager
def guarded(folder: Path, url: str = "") -> Iterator[World]:
    """The service with its readers, and nobody in it yet."""
    clock, made = StillClock(), list[Services]()
    issuer = Issuer(now=lambda: clock.now().timestamp())
    with ExitStack() as stack:
        stack.enter_context(issuer.served())

        def app(base: str) -> FastAPI:
            settings = Settings(
                public_base=base,
                auth="helseid",
                helseid=issuer.settings(scheme="bearer"),
                store=StoreSettings(url=url or with_tables(folder / "stafett.db")),
                organisation=(Organisation(number=HOSPITAL, name="Fjordheim sykehus HF"), Organisation(number=OTHER, name="Annen")),
                receiver=tuple(Receiver(her_id=id, organisation=HOSPITAL, pathway=pathway) for id, pathway in RECEIVERS.items()),
                partner=(Partner.model_validate(WAITS),),
                subscriptions=SubscriptionSettings(private_hosts=("127.0.0.1:9",)),
            )
            made.append(build(settings, clock))
            return made[0].app

        http = stack.enter_context(served(app))
        stack.callback(made[0].close)
        readers = {}
        for name, claims in WHO.items():
            said = {"Authorization": f"Bearer {issuer.token(**{'scopes': SCOPES, 'seconds': 3600, **claims})}"}
            said |= {"X-Stafett-Purpose": "ETREAT"} if name == "saver" else {}
            client = httpx.Client(base_url=http.base_url, headers=said, timeout=30, trust_env=False)
            readers[name] = stack.enter_context(client)
        base = str(http.base_url).rstrip("/")
        service = Service(readers["own"], made[0].store, clock, base)
        followed = made[0].notifier.followed
        yield World(service, readers, tell=lambda: followed.round(clock.now()), routes=tuple(routed(made[0].app.routes)))


@contextmanager
def peopled(folder: Path, root: Path, url: str = "") -> Iterator[World]:
    """The same with everybody in it; what each reader was answered before and after the hidden ones came is kept."""
    with guarded(folder, url) as world:
        plan = first(world, "own", "PlanDefinition")
        void = never(plan)
        for reader, person in (("own", "neighb"), ("other", "others")):
            keep(world, reader, person, number_of(person), {**void.ids, "PlanDefinition": plan})
        refer(world, root, "child-neurodevelopment-interpreter.xml")
        register(world, number_of("beside"))
        world.before = snapshot(world)
        linked = keep(world, "own", "hidde1", number_of("hidde1"), {})
        second = keep(world, "own", "hidden", number_of("hidden"), {**linked, "PlanDefinition": plan})
        world.hidden = Names("hidden", number_of("hidden"), {**second, "PlanDefinition": plan}, {**linked, "PlanDefinition": plan})
        world.message = refer(world, root, "adult-depression-anxiety.xml")
        world.course = register(world, number_of("course"))
        referred = with_message(world)
        for patient in (linked["Patient"], second["Patient"], world.course["Patient"], referred["Patient"]):
            for name in BLOCKED:
                block(world, patient, *FORMS[name])
        world.after = snapshot(world)
        records = [id for some in (linked, second, world.course, referred) for type, id in some.items() if type not in OF_NOBODY]
        world.everything = frozenset(records) - {plan}
        _bridge(world, void)
        yield world


def routed(routes: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and path of each route, those of routers and mounts within among them."""
    for route in routes:
        inner = getattr(getattr(route, "original_router", route), "routes", None)
        if inner:
            yield from routed(inner, prefix + getattr(route, "path", ""))
        else:
            yield from ((method, prefix + route.path) for method in sorted(set(route.methods) - {"HEAD"}))


def never(plan: str) -> Names:
    """Names that nothing has ever had."""
    ids = [{type: str(uuid4()) for type in bodies("", "", "", {})} for _ in range(2)]
    absent = {"PlanDefinition": "X" + plan[1:]}
    return Names("nobody", number_of("nobody"), {**ids[0], **absent}, {**ids[1], **absent})


def keep(
    world: World, reader: str, name: str, number: str, links: Mapping[str, str], more: Mapping[str, Body] = MappingProxyType({})
) -> dict[str, str]:
    """One of each type about one person, in one transaction; the ids by type. `more` are further elements of some types."""
    urns = {type: f"{URN}{uuid4()}" for type in bodies("", "", "", {})}
    made = bodies(name, number, urns["Patient"], links)
    entries = [
        {"fullUrl": urns[type], "resource": {**body, **more.get(type, {})}, "request": {"method": "POST", "url": type}}
        for type, body in made.items()
    ]
    done = world.ask(reader, Request("POST", "", body={"resourceType": "Bundle", "type": "transaction", "entry": entries}))
    assert done.status_code == 200, done.text
    places = [entry["response"]["location"].split("/") for entry in done.json()["entry"]]
    return {place[-4]: place[-3] for place in places}


def block(world: World, patient: str, system: str, value: str) -> str:
    """The patient's block against an organisation or a person; the id of the Consent."""
    actor = {"system": system, "value": value}
    role = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PRCP"}]}
    consent = {
        **bodies("block", "", f"Patient/{patient}", {})["Consent"],
        "status": "active",
        "organization": [{"identifier": {"system": FORMS["unit"][0], "value": HOSPITAL}}],
        "provision": {"type": "deny", "actor": [{"role": role, "reference": {"identifier": actor}}]},
    }
    consent["policyRule"] = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTOUT"}]}
    made = world.ask("own", Request("POST", "Consent", body=consent))
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def snapshot(world: World) -> dict[tuple[str, str, str], Any]:
    """What those who must not see are answered where they name nobody: (reader, type, request) -> answer."""
    found = {}
    for type in (one["type"] for one in world.types()):
        for reader in REFUSED:
            if not world.shows(reader, type) and (reader, type) != ("guest", "Task"):  # which it is asked by
                for request in nameless(type):
                    answer = world.ask(reader, request)
                    found[reader, type, f"{request.method} {request.path} {request.form}"] = alike(answer, {})
                    assert answer.status_code == 200, (reader, request, answer.text)
    for reader in REFUSED:
        for path in LISTS:
            found[reader, "", path] = alike(world.ask(reader, Request("GET", path, fhir=False)), {})
    return found


def nameless(type: str) -> Iterator[Request]:
    """Requests for all there is of a type."""
    for query in (
        "",
        "?_count=200&_total=accurate",
        "?_total=estimate&_count=1",
        "?_summary=count",
        "?_count=0",
        "?_sort=-_lastUpdated&_elements=id",
        "?_lastUpdated=ge2020-01-01&_summary=data",
        "?_id:not=x&_count=2",
    ):
        yield Request("GET", type + query)
    yield Request("POST", f"{type}/_search", form="_count=200&_total=accurate")
    yield Request("GET", f"{type}/_history?_count=200")
    yield Request("GET", f"{type}/_history?_since=2020-01-01T00:00:00Z")
    for kind in ("batch", "transaction"):
        entry = {"request": {"method": "GET", "url": f"{type}?_total=accurate"}}
        yield Request("POST", "", body={"resourceType": "Bundle", "type": kind, "entry": [entry]})


def _bridge(world: World, void: Names) -> None:
    """Records of other people that refer to the hidden ones, and the like that refer to nothing, in each space that has records."""
    seen, nothing, plan = {}, {}, world.hidden.ids["PlanDefinition"]
    for reader, space in (("own", ("own", "saver", *BLOCKED)), ("other", ("other",))):
        # What is the hospital's own is there for whoever acts for it, blocked or not.
        ours = OF_NOBODY if reader == "own" else ()
        common = {"PlanDefinition": plan, **{type: world.hidden.ids[type] for type in ours}}
        absent = {**void.ids, **common}
        to_hidden = keep(world, reader, "bridgs", number_of("bridgs"), {**world.hidden.ids})
        to_none = keep(world, reader, "bridgn", number_of("bridgn"), absent)
        hidden, none = world.hidden, Names(void.name, void.number, absent, {**void.links, "PlanDefinition": plan})
        for name in space:
            seen[name] = Names(hidden.name, hidden.number, hidden.ids, hidden.links, to_hidden, "bridgs")
            nothing[name] = Names(none.name, none.number, none.ids, none.links, to_none, "bridgn")
    world.seen = {**seen, "guest": world.hidden}
    world.never = {**nothing, "guest": void}


def refer(world: World, root: Path, example: str) -> str:
    """A referral comes as a message; its id."""
    data = (root / "openapi" / "examples" / example).read_bytes()
    kept = world.readers["own"].post("/messages", content=data, headers={"Content-Type": "application/xml"})
    assert kept.status_code == 201, kept.text
    return kept.headers["location"].rpartition("/")[2]


def with_message(world: World) -> dict[str, str]:
    """What the message became: one id of each type."""
    with world.store.read() as unit:
        return {one.type: one.id for one in unit.message_resources(HOSPITAL, world.message)}


def register(world: World, number: str) -> dict[str, str]:
    """A pathway with its events, of somebody who lives where the guest is asked for a coordinator; one id of each type."""
    epj = Epj(world.service, number=number)
    where = {"system": "urn:oid:2.16.578.1.12.4.1.1.3402", "code": "3435"}
    code = {"url": "http://hl7.no/fhir/StructureDefinition/no-basis-municipalitycode", "valueCoding": where}
    person = epj.http.get(f"/fhir/Patient/{epj.patient}").json()
    lives = {**person, "address": [{"city": "Vågåmo", "_district": {"extension": [code]}}]}
    epj.http.put(f"/fhir/Patient/{epj.patient}", json=lives).raise_for_status()
    epj.register(("D11A", "2026-04-20"))
    with world.store.read() as unit:
        found = {type: unit.history(HOSPITAL, type, None, 500).found for type in bodies("", "", "", {})}
    mine = {type: next((one.id for one in some if one.patient == epj.patient), "") for type, some in found.items()}
    return {type: id for type, id in mine.items() if id}


def first(world: World, reader: str, type: str) -> str:
    return str(world.ask(reader, Request("GET", f"{type}?_count=1")).json()["entry"][0]["resource"]["id"])


def number_of(name: str) -> str:
    """A synthetic national number for each name."""
    return make(1 + PEOPLE.index(name), 3, 1985, "female")
