"""`stafett partner check`: what is well and what is not between us and one partner, in the order in which to mend it.

    for seen in examine(partner, organisations=settings.organisation, public_base="https://stafett.example"):
        print(seen.light, seen.check, seen.en, seen.do_en)

Reads only, and leaves nothing there, unless `write`: then one assignment of a synthetic patient, `entered-in-error` from the first.
What a check needs that did not hold leaves it *not tried*.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx
from stdnum.no import orgnr

from adapter.domain.problem import Problem
from adapter.http_client import LOOPBACK, client
from adapter.partners.check_statement import is_statement, pushes, said
from adapter.partners.check_task import searched, validated, written
from adapter.partners.checks import CHECKS, WITH_WRITE, Seen, failed, green, not_tried, red, yellow
from adapter.partners.server import NOT_THERE, HttpFhirServer
from adapter.partners.wire import MAX_BYTES, Wire
from adapter.security.acting import acting_for
from adapter.security.client_credentials import ClientCredentials, TokenFile, auth_of
from adapter.settings import Organisation, Partner
from mappings.municipal_rules import rules_for

SECONDS = 10.0
CERTIFICATE_DAYS = 30
SKEW_RED, SKEW_YELLOW = 60.0, 5.0


def examine(partner: Partner, *, organisations: Sequence[Organisation], public_base: str, write: bool = False) -> list[Seen]:
    """What was seen, in the order of `CHECKS`; `organisations` are who we are to the partner: each is to have a token."""
    seen = {one.check: one for one in (*_known(partner, public_base), *_reached(partner, organisations, write))}
    return [seen.get(check) or not_tried(check) for check in CHECKS if write or check not in WITH_WRITE]


def _known(partner: Partner, public_base: str) -> Iterator[Seen]:
    """What the configuration alone tells."""
    yield _address(partner)
    if orgnr.is_valid(partner.organisation):
        yield green("organisation", "the check digit adds up", "kontrollsifferet stemmer")
    else:
        yield red(
            "organisation",
            *("the check digit does not add up", "kontrollsifferet stemmer ikke"),
            *("look it up in the Central Coordinating Register", "slå det opp i Enhetsregisteret"),
        )
    yield _municipality(partner.municipality)
    yield _back(partner, public_base)


def _address(partner: Partner) -> Seen:
    address = urlsplit(partner.base_url)
    if address.scheme == "https":
        return green("address", "https", "https")
    if address.hostname in LOOPBACK:
        return green("address", "on this machine", "på denne maskinen")
    return yellow(
        "address",
        *("without TLS: for tests only", "uten TLS: bare for test"),
        *("ask for an https address", "be om en https-adresse"),
    )


def _municipality(number: str) -> Seen:
    if not number:
        return green("municipality", "answers for no municipality", "svarer ikke for noen kommune")
    rules = rules_for(number)
    if rules.municipality == number:
        return green("municipality", f"rules of {rules.name}", f"reglene til {rules.name}")
    return yellow(
        "municipality",
        *("no rules of its own: the default says whom to ask", "ingen egne regler: standarden sier hvem som spørres"),
        *("ask the municipality whom to ask, and write its file", "spør kommunen hvem som skal spørres, og skriv filen dens"),
    )


def _back(partner: Partner, public_base: str) -> Seen:
    """The way back: where the partner reaches us, and where we tell it that there is something to fetch."""
    ours = f"{public_base.rstrip('/')}/partners/{partner.name}/notifications"
    here, there = urlsplit(public_base), urlsplit(partner.base_url)
    if here.hostname in LOOPBACK and there.hostname not in LOOPBACK:
        return yellow(
            "notifications",
            *(f"it cannot reach {ours}", f"den når ikke {ours}"),
            *("set public_base to the address that others have of us", "sett public_base til adressen som andre har til oss"),
        )
    if partner.notify and partner.notify_url:
        return green("notifications", f"we tell it; it tells us at {ours}", f"vi varsler den; den varsler oss på {ours}")
    every = f"{partner.poll_seconds:g}"
    return yellow(
        "notifications",
        *(f"it is not told; it tells us at {ours}", f"den varsles ikke; den varsler oss på {ours}"),
        *(
            f"fine where it looks here by itself (we look there every {every} s); else set notify_url",
            f"greit hvis den ser etter selv (vi ser etter der med {every} s mellom); ellers sett notify_url",
        ),
    )


def _reached(partner: Partner, organisations: Sequence[Organisation], write: bool) -> Iterator[Seen]:
    """What only the network tells, until something is red that all the rest needs."""
    for seen in _line(partner.base_url):
        yield seen
        if seen.light == "red":
            return
    try:
        auth = auth_of(partner, organisations)
        yield _token(auth, organisations)
    except Problem as fault:
        yield failed("token", fault)
        return
    server = HttpFhirServer(partner.name, partner.base_url, auth=auth, timeout=SECONDS)
    with closing(server), client(partner.base_url, timeout=SECONDS, auth=auth, max_bytes=MAX_BYTES) as http:
        yield from _asked(Wire(partner.name, http, 2 * SECONDS), server, partner, organisations[0].number, write)


def _asked(wire: Wire, server: HttpFhirServer, partner: Partner, organisation: str, write: bool) -> Iterator[Seen]:
    statement = None
    try:
        answer = wire.call("GET", f"{server.base_url}/metadata")
        statement = answer.body
        yield _clock(answer.headers.get("date", ""))
    except Problem as fault:
        if fault.kind not in NOT_THERE:
            yield failed("metadata", fault)
            return
    yield from said(statement, partner)
    push = pushes(statement, partner) if partner.mode or is_statement(statement) else False
    yield from searched(server, push)
    if push:
        yield validated(wire, partner, organisation)
        if write:
            yield from written(server, partner, organisation)


def _line(base_url: str) -> Iterator[Seen]:
    address = urlsplit(base_url)
    host, port = address.hostname or "", address.port or (443 if address.scheme == "https" else 80)
    try:
        found = {row[4][0] for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        yield red(
            "name",
            *(f"{host} is in no name service that we ask", f"{host} finnes ikke i navnetjenesten"),
            *("check base_url, and the DNS of this machine", "kontroller base_url, og DNS på denne maskinen"),
        )
        return
    yield green("name", f"{len(found)} address(es)", f"{len(found)} adresse(r)")
    began = time.monotonic()
    try:
        with socket.create_connection((host, port), SECONDS) as line:
            took = f"{(time.monotonic() - began) * 1000:.0f} ms"
            yield green("connection", f"port {port} in {took}", f"port {port} på {took}")
            yield _tls(line, host) if address.scheme == "https" else _no_tls(host)
    except OSError as fault:
        yield red(
            "connection",
            *(f"port {port}: {type(fault).__name__}", f"port {port}: {type(fault).__name__}"),
            *("ask both sides' network people for an opening", "be nettfolkene på begge sider om en åpning"),
        )


def _tls(line: socket.socket, host: str) -> Seen:
    """Judged by the certificates that our own calls are judged by."""
    try:
        with httpx.create_ssl_context().wrap_socket(line, server_hostname=host) as secure:
            until = ssl.cert_time_to_seconds(str((secure.getpeercert() or {})["notAfter"]))
            version = secure.version() or "TLS"
    except ssl.SSLCertVerificationError as fault:
        return red(
            "tls",
            *(fault.verify_message, fault.verify_message),
            *(
                "the partner must renew or complete its certificate; for a private issuer set SSL_CERT_FILE",
                "partneren må fornye eller fullføre sertifikatet; for en privat utsteder: sett SSL_CERT_FILE",
            ),
        )
    except (OSError, KeyError) as fault:
        return red(
            "tls",
            *(f"no TLS: {type(fault).__name__}", f"ingen TLS: {type(fault).__name__}"),
            *("ask whether the port speaks TLS 1.2 or newer", "spør om porten snakker TLS 1.2 eller nyere"),
        )
    days = int((until - time.time()) / 86400)
    if days < CERTIFICATE_DAYS:
        return yellow(
            "tls",
            *(f"{version}, the certificate ends in {days} days", f"{version}, sertifikatet går ut om {days} dager"),
            *("ask the partner to renew it", "be partneren fornye det"),
        )
    return green("tls", f"{version}, certificate for {days} more days", f"{version}, sertifikat i {days} dager til")


def _no_tls(host: str) -> Seen:
    if host in LOOPBACK:
        return green("tls", "none needed on this machine", "trengs ikke på denne maskinen")
    return yellow("tls", "none: for tests only", "ingen: bare for test", "ask for an https address", "be om en https-adresse")


def _token(auth: httpx.Auth | None, organisations: Sequence[Organisation]) -> Seen:
    """Raises `Problem` where there is none to be had."""
    if isinstance(auth, ClientCredentials):
        for organisation in organisations:
            with acting_for(organisation.number):
                auth.token()
        count = len(organisations)
        return green(
            "token",
            f"given by the issuer for {count} organisation(s), bound by DPoP",
            f"gitt av utstederen for {count} organisasjon(er), bundet med DPoP",
        )
    if isinstance(auth, TokenFile):
        auth.token()
        return green("token", "read from its file", "lest fra filen")
    return green("token", "none is shown", "ingen vises")


def _clock(date: str) -> Seen:
    """Tokens live for seconds, and searches by time go by the partner's clock."""
    try:
        skew = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    except (ValueError, TypeError):
        ask = ("check by hand that both clocks are set by NTP", "kontroller at begge klokker stilles med NTP")
        return yellow("clock", "it does not tell the time", "den sier ikke hva klokken er", *ask)
    seconds = f"{abs(skew):.0f} s"
    if abs(skew) < SKEW_YELLOW:
        return green("clock", f"within {SKEW_YELLOW:.0f} s of ours", f"innenfor {SKEW_YELLOW:.0f} s fra vår")
    seen, do = (f"{seconds} from ours", f"{seconds} fra vår"), ("set the one that is wrong", "still den som går feil")
    return red("clock", *seen, *do) if abs(skew) > SKEW_RED else yellow("clock", *seen, *do)
