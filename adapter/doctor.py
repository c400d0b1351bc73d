"""What is well and what is not in an installation, and what to do about it: `stafett doctor`. Changes nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

import httpx

from adapter.doctor_store import of_many, say
from adapter.domain.hosts import host_of
from adapter.domain.problem import Finding, Kind, Problem
from adapter.http_client import client, plain
from adapter.partners.check import examine as check_partner
from adapter.partners.checks import CHECKS
from adapter.partners.lines import is_public, look_up
from adapter.ports import NOBODY, State
from adapter.security import login
from adapter.security.issuer_keys import IssuerKeys
from adapter.security.keys import clients, keys_of
from adapter.settings import HubSettings, Partner, Settings
from adapter.storage import open_store
from adapter.wiring import KEY, SystemClock, make_hub

SKEW = timedelta(seconds=60)
NOT_ENDED = (State.RECEIVED, State.PARKED, State.QUARANTINED)
OTHERS = stat.S_IRWXO | stat.S_IWGRP  # what nobody but the user may do with a secret; the group may read it


def examine(settings: Settings) -> list[Finding]:
    """Findings in the order in which to mend them; severity `information` says that a thing is well."""
    return [
        *_configuration(settings),
        *_database(settings),
        *_retention(settings),
        *_keys(settings),
        *(_issuers(settings) if settings.auth == "helseid" else ()),
        *(f for hub in settings.hub for f in _hub(hub, settings)),
        *(f for partner in settings.partner for f in _partner(partner, settings)),
        *_endpoints(settings),
    ]


def _configuration(s: Settings) -> Iterator[Finding]:
    counts = [(len(s.organisation), "organisation", "organisasjon", "er"), (len(s.receiver), "receiver", "mottaker", "e")]
    counts.append((len(s.hub), "hub", "meldingstjener", "e"))
    en = ", ".join((s.environment, *(f"{count} {word}{'' if count == 1 else 's'}" for count, word, _, _ in counts)))
    nb = ", ".join((s.environment, *(f"{count} {ord}{'' if count == 1 else flere}" for count, _, ord, flere in counts)))
    yield say("information", "configuration", en, nb)
    if s.auth == "off":
        en = "off: anybody on this machine is let in as any organisation; for test alone"
        nb = "av: enhver på denne maskinen slippes inn som hvilken som helst organisasjon; bare for test"
        yield say("information", "auth", en, nb)
    elif not any({one.number for one in s.organisation} <= set(operator.organisations) for operator in s.operator):
        en = "no [[operator]] has every [[organisation]], so nobody sees what comes for a service that is not ours: add one"
        nb = (
            "ingen [[operator]] har alle [[organisation]], så ingen ser det som kommer til en tjeneste som ikke er vår: legg til en"
        )
        yield say("warning", "auth", en, nb)
    if not s.receiver:
        en = "no [[receiver]], so every message will wait for a person: add the services that are yours"
        yield say("warning", "configuration", en, "ingen [[receiver]], så alle meldinger vil vente: legg til tjenestene deres")
    if not s.hub:
        en = "no [[hub]], so messages come by POST /messages only: add one"
        yield say("warning", "configuration", en, "ingen [[hub]], så meldinger kommer bare med POST /messages: legg til en")


def _database(settings: Settings) -> Iterator[Finding]:
    scheme, _, path = settings.store.url.partition(":///")
    if scheme == "sqlite" and not Path(path).exists():
        yield from _folder("database", Path(path).absolute().parent, "it is made at the first start", "den lages ved første start")
        return
    try:
        store = open_store(settings.store.url)
        faults = store.check()
        for fault in faults:
            yield say("warning" if fault.kind is Kind.INCOMPLETE else "error", "database", fault.en, fault.nb)
        if not faults:
            with store.read() as unit:
                keyed = unit.setting(KEY) is not None
                messages = unit.count_messages([*(o.number for o in settings.organisation), NOBODY])
                queues = {state: unit.lengths(state) for state in ("waiting", "dead", *NOT_ENDED)}
                followers = unit.count_followers()
            yield say("information", "database", "reached, its tables are this version's", "nådd, tabellene er denne versjonens")
            yield from _key(keyed)
            yield from _waiting(messages.get(State.QUARANTINED, 0), sum(queues["dead"].values()))
            yield from _followers(followers)
            with store.read() as unit:
                yield from of_many(unit, settings, SystemClock().now())
            yield from _forgotten(settings, messages, queues)
        store.close()
    except Problem as fault:
        yield from fault.findings


def _forgotten(s: Settings, messages: Mapping[State, int], queues: Mapping[str, Mapping[str, int]]) -> Iterator[Finding]:
    """What waits for a hub, a partner or an organisation that the configuration no longer has: nobody takes it up or sees it."""
    known = {*(hub.label for hub in s.hub), *(partner.name for partner in s.partner)}
    for name, count in sorted(queues["waiting"].items()):
        if name not in known:
            en = f"{count} wait for {name}, which is no [[hub]] or [[partner]] any more: add it again until they are sent"
            nb = f"{count} venter på {name}, som ikke lenger er noen [[hub]] eller [[partner]]: legg den til igjen til de er sendt"
            yield say("warning", "outbox", en, nb)
    if others := sum(sum(queues[state].values()) - messages.get(state, 0) for state in NOT_ENDED):
        en = f"{others} wait whose organisation is no [[organisation]] any more: add it again until they are dealt with"
        nb = f"{others} venter på en organisasjon som ikke lenger er noen [[organisation]]: legg den til igjen til de er ordnet"
        yield say("warning", "messages", en, nb)


def _retention(settings: Settings) -> Iterator[Finding]:
    kept = dict(settings.retention)
    en = ", ".join(f"{what} {f'{days} days' if days else 'for ever'}" for what, days in kept.items())
    nb = ", ".join(f"{what} {f'{days} dager' if days else 'for alltid'}" for what, days in kept.items())
    yield say("information", "retention", f"kept: {en}", f"beholdes: {nb}")


def _key(there: bool) -> Iterator[Finding]:
    if there:
        yield say(
            "information",
            "key",
            "the installation has its key: keep it with the data",
            "nøkkelen finnes: ta vare på den med dataene",
        )
    else:
        yield say("warning", "key", "none yet: it is made at the first start", "ingen ennå: den lages ved første start")


def _waiting(quarantined: int, dead: int) -> Iterator[Finding]:
    if quarantined:
        en = f"{quarantined} wait for a person: see GET /messages?state=quarantined"
        yield say("warning", "messages", en, f"{quarantined} venter på et menneske: se GET /messages?state=quarantined")
    if dead:
        en = f"{dead} could not be sent, or got no AppRec in time: see the hub and partners below, then the log"
        nb = f"{dead} kunne ikke sendes, eller fikk ikke kvittering i tide: se meldingstjener og partnere under, så loggen"
        yield say("warning", "outbox", en, nb)


def _followers(counted: Mapping[str, int]) -> Iterator[Finding]:
    if failing := counted["error"]:
        en = f"{failing} in error, so those who follow are not told: see /subscriptions for why, and call whoever runs the endpoint"
        nb = f"{failing} i feil, så de som følger, varsles ikke: se /subscriptions for hvorfor, og ring dem som driver endepunktet"
        yield say("warning", "subscriptions", en, nb)


def _keys(s: Settings) -> Iterator[Finding]:
    """What proves to others who we are: whether it can be read, and by us alone."""
    for name, with_keys in clients(s).items():
        place = f"key of {name}"
        try:
            told = ", ".join(f"{key.kid} ({key.algorithm})" for key in keys_of(with_keys))
            yield say("information", place, f"read: {told}", f"lest: {told}")
        except Problem as fault:
            yield from (say("error", place, f.en, f.nb) for f in fault.findings)
    files = {with_keys.key_file: name for name, with_keys in clients(s).items()}
    for secret, name in (files | {partner.token_file: partner.name for partner in s.partner}).items():
        if secret and secret.exists() and secret.stat().st_mode & OTHERS:
            yield say(
                "warning",
                f"key of {name}",
                f"{secret} is open to more than this user and its group: chmod 640 {secret}",
                f"{secret} er åpen for flere enn brukeren og gruppen dens: chmod 640 {secret}",
            )


def _issuers(s: Settings) -> Iterator[Finding]:
    """Those that say who comes here: without their keys nobody does, nor where the clocks differ."""
    ours = s.helseid
    yield from _issuer("helseid", ours.issuer, ours.algorithms, "no token is taken", "ingen tokener tas imot")
    if s.login.issuer:
        yield from _issuer("login", s.login.issuer, login.ALGORITHMS, "nobody can log in", "ingen kan logge inn")
    early, late = timedelta(seconds=ours.leeway_seconds), timedelta(seconds=ours.leeway_seconds + ours.proof_seconds)
    yield from _clock(ours.issuer, "the token issuer's", "tokenutstederens", early, late)


def _issuer(table: str, issuer: str, algorithms: Sequence[str], en: str, nb: str) -> Iterator[Finding]:
    place = f"issuer of [{table}]"
    try:
        kids = ", ".join(plain(kid) for kid in IssuerKeys(issuer, algorithms).ask())
        yield say("information", place, f"reached; its keys: {kids}", f"nådd; nøklene: {kids}")
    except Problem as fault:
        do_en = f"Until then {en}: check `issuer` in [{table}], and the network from here to it."
        do_nb = f"Inntil da {nb}: se etter `issuer` i [{table}], og nettet herfra."
        yield from (say("error", place, f"{f.en} {do_en}", f"{f.nb} {do_nb}") for f in fault.findings)


def _hub(hub: HubSettings, settings: Settings) -> Iterator[Finding]:
    place = f"hub {hub.label}"
    if hub.path:
        yield from _folder(place, hub.path, f"files come in {hub.path / 'in'}", f"filer kommer i {hub.path / 'in'}")
        return
    try:
        make_hub(hub, settings, SystemClock()).fetch(1)  # takes nothing off: only confirming does
    except Problem as fault:
        yield from (say("error", place, f.en, f.nb) for f in fault.findings)
        return
    yield say("information", place, "reached", "nådd")
    yield from _clock(hub.base_url)


def _partner(partner: Partner, settings: Settings) -> Iterator[Finding]:
    """Whether it is reached; what is red in order, with the command that tells the rest."""
    place = f"partner {partner.name}"
    seen = check_partner(partner, organisations=settings.organisation, public_base=settings.public_base)
    for one in (one for one in seen if one.light == "red"):
        en, nb = CHECKS[one.check]
        see = f"stafett partner check {partner.name}"
        yield say("error", place, f"{en}: {one.en}: {one.do_en} ({see})", f"{nb}: {one.nb}: {one.do_nb} ({see})")
    if not any(one.light == "red" for one in seen):
        yield say("information", place, "reached", "nådd")


def _endpoints(s: Settings) -> Iterator[Finding]:
    """The hosts that notifications may be sent to: whether they are found, and are where they are said to be."""
    place, private = "subscriptions", {host_of(one) for one in s.subscriptions.private_hosts}
    hosts = dict.fromkeys(host_of(one) for one in (*s.subscriptions.hosts, *s.subscriptions.private_hosts))
    well = 0
    for host in hosts:
        try:
            leads = look_up(host, 443)
        except (OSError, UnicodeError):
            en = f"{host} is not found: check its name in [subscriptions], and the look-up of names on this machine"
            nb = f"finner ikke {host}: kontroller navnet i [subscriptions], og navneoppslaget på denne maskinen"
            yield say("error", place, en, nb)
            continue
        if host in private or all(map(is_public, leads)):
            well += 1
        else:
            en = f"{host} is at a private address, so nothing is sent to it: move it to private_hosts if it is meant to be there"
            nb = f"{host} har en privat adresse, så ingenting sendes dit: flytt den til private_hosts hvis den skal være der"
            yield say("error", place, en, nb)
    if well:
        verter = "vert" if well == 1 else "verter"
        yield say("information", place, f"{well} host{'' if well == 1 else 's'} found", f"{well} {verter} funnet")


def _clock(
    address: str, whose: str = "the hub's", hvems: str = "meldingstjenerens", most: timedelta = SKEW, worst: timedelta = SKEW
) -> Iterator[Finding]:
    """This machine's clock against another's, whose every answer has its time: a warning beyond `most`, an error beyond `worst`."""
    try:
        with client(address, timeout=10) as asking:
            theirs = parsedate_to_datetime(asking.get("").headers["date"])
    except (httpx.HTTPError, KeyError, ValueError):
        return
    skew = datetime.now(UTC) - theirs
    if abs(skew) > most:
        seconds = round(skew.total_seconds())
        severity: Literal["error", "warning"] = "error" if abs(skew) > worst else "warning"
        yield say(severity, "clock", f"{seconds} s from {whose}: set it", f"{seconds} s fra {hvems}: still den")
    else:
        yield say("information", "clock", f"agrees with {whose}", f"går likt med {hvems}")


def _folder(place: str, folder: Path, en: str, nb: str) -> Iterator[Finding]:
    """A folder that we write in: it, or the nearest one above that is there, must let us."""
    there = next(f for f in (folder.absolute(), *folder.absolute().parents) if f.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        yield say("information", place, en, nb)
    else:
        yield say(
            "error",
            place,
            f"{there} cannot be written in: give this user access",
            f"kan ikke skrive i {there}: gi brukeren tilgang",
        )
