"""The one place that knows the concrete classes: from settings to a running installation.

services = build(settings)
services.app         # the HTTP interface
services.worker      # fetches, receives, delivers
services.close()

It is long because every part is put together here and nowhere else.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from adapter.correlation import caused_by
from adapter.domain.gate import GateRules
from adapter.domain.identity import keyed
from adapter.domain.problem import Finding
from adapter.domain.referral import Service
from adapter.domain.ruleset import Rulebook
from adapter.hub.edi2 import Edi2Hub
from adapter.hub.folder import FolderHub
from adapter.local_rules import rulebook
from adapter.partners.endpoints import Allowed, Endpoints, headers_of
from adapter.partners.hearing import Line
from adapter.partners.notifier import Notifier
from adapter.partners.server import HttpFhirServer
from adapter.ports import NOBODY, Clock, Hub, Query, Store
from adapter.security.admission import Tokens
from adapter.security.admitting import Admit, by_header, by_token
from adapter.security.client_credentials import auth_of
from adapter.security.journal import Journal
from adapter.security.login import Login
from adapter.security.sessions import Sessions
from adapter.security.smart import smart_configuration
from adapter.settings import HubSettings, Settings
from adapter.settings import Partner as PartnerSettings
from adapter.storage import open_store
from adapter.usecases.at_work import HEARING, Hand, Pulse
from adapter.usecases.clean_up import Retention, clean_up
from adapter.usecases.define_pathways import define
from adapter.usecases.export_resources import HAND as EXPORTING
from adapter.usecases.export_resources import make_some
from adapter.usecases.follow_changes import Followed
from adapter.usecases.name_patients import name_patients
from adapter.usecases.pathways import Pathways
from adapter.usecases.push_assignment import Courier
from adapter.usecases.receive_message import Format, Reception
from adapter.usecases.resource_rules import persons_of
from adapter.usecases.sharing import Partner, Sharing
from adapter.usecases.watch_assignments import watch_assignments
from adapter.usecases.watch_deadlines import watch
from adapter.usecases.writing import Follow, Rules
from adapter.worker import Watch, Worker
from mappings import municipal_rules
from mappings.translation import Limits, Translator

if TYPE_CHECKING:
    from fastapi import FastAPI

    from adapter.fhir.face import Smart

KEY = "installation-key"
SOURCE_SYSTEM = "Stafett"
CALLS_AT_ONCE = 4  # to one partner, each about another patient: a distant server answers in tenths of a second


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Services:
    """An installation's parts, ready for work."""

    store: Store
    hubs: Sequence[Hub]
    lines: Sequence[Line]
    notifier: Notifier
    journal: Journal | None
    reception: Reception
    worker: Worker
    make_app: Callable[[], FastAPI]  # not made, nor its library loaded, where nobody asks

    @cached_property
    def app(self) -> FastAPI:
        return self.make_app()

    def close(self) -> None:
        for hub in self.hubs:
            hub.close()
        for line in self.lines:
            line.server.close()
        self.notifier.close()
        if self.journal:
            self.journal.stop()
        self.store.close()


def build(settings: Settings, clock: Clock | None = None, roles: Collection[str] = ("api", "worker")) -> Services:
    """Open the database, bring its tables up to date, and put the parts together."""
    clock = clock or SystemClock()
    store = open_store(settings.store.url)
    store.migrate(fhir_base(settings))
    key = installation_key(store)
    hubs = [make_hub(hub, settings, clock) for hub in settings.hub]
    translator, formats = make_translator(settings, key), {hub.name: hub.apprec_format for hub in hubs}
    pathways, sharing = make_pathways(settings, formats, translator), make_sharing(settings, key)
    pulse = Pulse(store, clock, ",".join(sorted(roles)), settings.messages.lease_seconds)
    lines = [make_line(partner, settings, store, sharing, clock, pulse) for partner in settings.partner]
    define(store, (o.number for o in settings.organisation), translator.rulebook, clock.now(), fhir_base(settings))
    name_patients(store, translator, pathways.services, [*(o.number for o in settings.organisation), NOBODY])
    reception = Reception(
        store,
        translator,
        pathways.services,
        make_gate(settings),
        formats,
        clock,
        patience=timedelta(hours=settings.messages.park_hours),
        sharing=sharing,
        lease=timedelta(seconds=settings.messages.lease_seconds),
        audited=settings.audit,
    )
    notifier = make_notifier(settings, store, clock)
    worker = Worker(
        store,
        reception,
        hubs,
        clock,
        poll_seconds={hub.label: hub.poll_seconds for hub in settings.hub},
        attempts=settings.messages.attempts,
        lease=settings.messages.lease_seconds,
        watch=make_watch(settings, store, sharing),
        lines=[*lines, notifier],
        audited=settings.audit,
        tidy=partial(clean_up, store, Retention(**settings.retention.model_dump())),
        export=partial(make_some, store, clock, Hand(store, clock, EXPORTING, pulse.id)),
        pulse=pulse,
    )
    journal = Journal(store, clock) if settings.audit else None
    app = partial(make_app, settings, store, journal, reception, clock, key, pathways, sharing, lines)
    return Services(store, hubs, lines, notifier, journal, reception, worker, app)


def make_notifier(settings: Settings, store: Store, clock: Clock) -> Notifier:
    """What tells those who follow."""
    wanted, base = settings.subscriptions, fhir_base(settings)
    followed = Followed(store, make_matching(base), base)
    endpoints = Endpoints(Allowed.of(settings), timeout=wanted.timeout_seconds)
    return Notifier(store, followed, endpoints, clock, attempts=wanted.attempts, lease=settings.messages.lease_seconds)


def make_watch(settings: Settings, store: Store, sharing: Sharing) -> Watch:
    numbers = [organisation.number for organisation in settings.organisation]

    def look(now: datetime, going: Callable[[], bool]) -> int:
        with caused_by(str(uuid.uuid4())):
            late = watch(store, numbers, now, base=fhir_base(settings), going=going)
            return late + watch_assignments(store, sharing, now, going)

    return look


def make_line(
    partner: PartnerSettings, settings: Settings, store: Store, sharing: Sharing, clock: Clock, pulse: Pulse | None = None
) -> Line:
    """What passes between us and a partner. What comes from there is judged as what our own clients send is."""
    known, rules = sharing.partner(partner.name), make_rules(settings)
    assert known  # noqa: S101 - tells the type checker: both are made of the settings

    def check(resource: dict[str, Any], *, profiles: Sequence[str] = ()) -> list[Finding]:
        return [*rules.check(resource, profiles=profiles), *persons_of(resource, rules)]

    courier = Courier(known, make_server(partner, settings), store, sharing, check, clock)
    return Line(
        courier,
        poll_seconds=partner.poll_seconds,
        lease=settings.messages.lease_seconds,
        at_once=CALLS_AT_ONCE,
        organisations=[o.number for o in settings.organisation] if partner.auth == "helseid" else (),
        audited=settings.audit,
        hand=Hand(store, clock, HEARING, pulse.id) if pulse else None,
    )


def make_server(partner: PartnerSettings, settings: Settings) -> HttpFhirServer:
    return HttpFhirServer(partner.name, partner.base_url, auth=auth_of(partner, settings.organisation))


def make_sharing(settings: Settings, key: bytes) -> Sharing:
    """Whom assignments are shared with."""
    partners = [
        Partner(p.name, p.organisation, p.base_url.rstrip("/"), p.mode, p.municipality, p.notify_url if p.notify else "")
        for p in settings.partner
    ]
    return Sharing(
        [o.number for o in settings.organisation],
        frozenset(
            (
                *(o.number for o in settings.organisation if o.kind == "municipality"),
                *(p.organisation for p in settings.partner if p.municipality),
            )
        ),
        partners,
        municipal_rules.rules_for,
        municipal_rules.followups(),
        keyed(key),
        fhir_base(settings),
        settings.working_days,
        {o.number: o.name for o in settings.organisation},
    )


def make_app(
    settings: Settings,
    store: Store,
    journal: Journal | None,
    reception: Reception,
    clock: Clock,
    key: bytes,
    pathways: Pathways,
    sharing: Sharing,
    lines: Sequence[Line],
) -> FastAPI:
    # A worker by itself has no use for a second of imports.
    from adapter.console.app import app  # noqa: PLC0415
    from adapter.fhir.limits import Limits as FhirLimits  # noqa: PLC0415

    f = settings.fhir
    numbers = [organisation.number for organisation in settings.organisation]
    if journal:
        journal.start()
    admit, smart = make_admit(settings, clock)
    return app(
        store=store,
        reception=reception,
        admit=admit,
        smart=smart,
        login=make_login(settings, store, clock, key),
        journal=journal,
        clock=clock,
        key=key,
        organisations=numbers,
        public_base=settings.public_base,
        max_bytes=settings.messages.max_bytes,
        open_access=settings.auth == "off",
        rules=replace(make_rules(settings, pathways, sharing), follow=Follow(Allowed.of(settings).fault, headers_of)),
        lines={line.name: line for line in lines},
        limits=FhirLimits(f.max_bytes, f.max_entries, f.body_seconds, f.requests_at_once),
        cors_origins=f.cors_origins,
    )


def make_admit(settings: Settings, clock: Clock) -> tuple[Admit, Smart | None]:
    """How callers are told apart, and what they are told of it before."""
    numbers, guests = [one.number for one in settings.organisation], [one.organisation for one in settings.partner]
    if settings.auth == "off":
        return by_header(numbers, guests), None
    tokens = Tokens(settings.helseid, public_base=settings.public_base, now=lambda: clock.now().timestamp())
    return by_token(tokens, numbers, guests), lambda: smart_configuration(settings.helseid, tokens.keys.token_endpoint())


def make_login(settings: Settings, store: Store, clock: Clock, key: bytes) -> tuple[Login, Sessions] | None:
    """How people log in at a browser, where the configuration lets any."""
    base, organisations = settings.public_base, settings.organisation
    if not settings.login.issuer:
        return None
    login = Login(settings.login, organisations[0], key=key, public_base=base, now=lambda: clock.now().timestamp())
    numbers, secure = [one.number for one in organisations], base.startswith("https://")
    return login, Sessions(store, clock, settings.login, settings.operator, numbers, secure=secure)


def make_rules(settings: Settings, pathways: Pathways | None = None, sharing: Sharing | None = None) -> Rules:
    """What clients' writes go by; without `pathways` and `sharing` as a plain FHIR server. Loads the checker, with its tables."""
    from adapter.r4.checker import check  # noqa: PLC0415

    base = fhir_base(settings)
    return Rules(
        check,
        make_matching(base),
        lambda: str(uuid.uuid4()),
        settings.environment == "test",
        frozenset(settings.allowed_persons),
        base,
        pathways,
        sharing,
    )


def make_matching(base: str) -> Callable[[str, str], Query]:
    """Makes a search of a type and criteria."""

    def matching(type: str, text: str) -> Query:
        from adapter.fhir import face  # noqa: PLC0415 - half a second that a worker which matches nothing need not wait

        return face.matching(base, type, text)

    return matching


def make_pathways(settings: Settings, formats: Mapping[str, Format], translator: Translator) -> Pathways:
    """The pathways that the services of the configuration have; `formats` are the hubs that referrers are answered by."""
    services = {r.her_id: Service(r.her_id, r.organisation, r.pathway, r.rule_set, r.care_level, r.gate) for r in settings.receiver}
    return Pathways(make_rulebook(settings), settings.working_days, services, formats, translator.read, fhir_base(settings))


def fhir_base(settings: Settings) -> str:
    return f"{settings.public_base.rstrip('/')}/fhir"


def make_translator(settings: Settings, key: bytes) -> Translator:
    m = settings.messages
    limits = Limits(m.max_bytes, m.max_text, m.max_depth, m.max_elements, m.max_attributes)
    return Translator(limits, keyed(key), settings.working_days, make_rulebook(settings))


def make_rulebook(settings: Settings) -> Rulebook:
    """The national rule sets, with the limits that the installation's organisations lay over them."""
    return rulebook(settings.rules)


def make_gate(settings: Settings) -> GateRules:
    m = settings.messages
    return GateRules(m.strict, m.refuse_signed, settings.environment == "test", frozenset(settings.allowed_persons))


def make_hub(hub: HubSettings, settings: Settings, clock: Clock) -> Hub:
    most = settings.messages.max_bytes
    if hub.kind == "folder":
        assert hub.path  # noqa: S101 - the settings were checked
        return FolderHub(hub.path, clock=clock, name=hub.label, max_bytes=most)
    ours = {receiver.her_id: receiver.organisation for receiver in settings.receiver}
    auth = auth_of(hub, settings.organisation)
    return Edi2Hub(
        hub.base_url,
        hub.her_ids or list(ours),
        SOURCE_SYSTEM,
        clock=clock,
        name=hub.label,
        auth=auth,
        organisations=ours if auth else None,
        max_bytes=most,
    )


def installation_key(store: Store) -> bytes:
    """The key that person resources get their ids by: made at the first start, kept in the database ever after."""
    with store.write() as unit:
        key = unit.setting(KEY)
        if key is None:
            key = secrets.token_bytes(32)
            unit.set_setting(KEY, key)
    return key
