"""Where a Subscription's notifications may be sent, and the one way there (FHIR R4 Subscription.channel, rest-hook).

An endpoint is named by whoever makes the Subscription, so it is a way to have this service call what they cannot call themselves
(server-side request forgery). What may be called is a list of `[subscriptions]`; an endpoint is judged when it is given, and again
at each notification, by its parts and never by how it begins, and where its name leads by `adapter.partners.lines`.

    endpoints = Endpoints(Allowed.of(settings), timeout=10)
    endpoints.post("https://epj.example.no/hook", body, "application/fhir+json", {"X-Secret": "…"})
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Final
from urllib.parse import urlsplit

import httpx

from adapter.domain.hosts import HOST, PORT, canonical, entry, port_of
from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.http_client import TooLong, client, plain, read, retry_after
from adapter.partners.lines import NO_NAME, Lines, Resolve, is_public, is_somebody, look_up, within
from adapter.settings import Settings

WHERE: Final = "Subscription.channel.endpoint"
LONGEST: Final = 2048
MOST_READ: Final = 64 * 1024
BODY_SECONDS: Final = 1.0  # that a body, which nobody reads, may take of the time, for the connection's sake
HEADERS: Final = 4
LONGEST_HEADER: Final = 4096
_OWN: Final = {"https": 443, "http": 80}
_ENDPOINT: Final = re.compile(
    rf"(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?)://{HOST}(:{PORT})?(?P<rest>[/?](%[0-9A-Fa-f]{{2}}|[A-Za-z0-9._~!$&'()*+,;=:@/?-])*)?"
)
_HEADER: Final = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+): *([!-~]([ \t!-~]*[!-~])?)")
_OURS: Final = re.compile(
    r"x-(forwarded|original|real|request-id|correlation-id|http-method|method|rewrite|host|client-ip|cluster|envoy|amz)(-.*|$)"
)
_RULE: Final = "https://hl7.org/fhir/R4/subscription.html"


@dataclass(frozen=True, slots=True)
class Place:
    """What an endpoint says, part by part, in one spelling."""

    scheme: str
    host: str
    port: int
    url: httpx.URL


@dataclass(frozen=True)
class Allowed:
    """The hosts that endpoints may be at, as `adapter.domain.hosts.entry` spells them; `plain`: by http too."""

    hosts: frozenset[str] = frozenset()
    private: frozenset[str] = frozenset()
    plain: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Allowed:
        given = settings.subscriptions
        return cls(
            frozenset(map(entry, given.hosts)), frozenset(map(entry, given.private_hosts)), settings.environment != "production"
        )

    def fault(self, endpoint: str) -> Finding | None:
        """Why an endpoint may not be used; None where it may. Asks nobody where its name leads."""
        try:
            self.place(endpoint)
        except Problem as refused:
            return refused.findings[0]
        return None

    def place(self, endpoint: str) -> Place:
        """The endpoint in parts. Raises `Problem` (BUSINESS_RULE) where it may not be used."""
        place = _parts(endpoint)
        private = self.is_private(place.host, place.port, _OWN[place.scheme])
        if not private and not _listed(self.hosts, place.host, place.port, _OWN[place.scheme]):
            told = plain(f"{place.host}:{place.port}")
            raise _refused(
                f"{told} is not among the hosts that notifications may be sent to. Ask whoever runs this service to add it to "
                "hosts in [subscriptions], or use another endpoint.",
                f"{told} er ikke blant vertene som varsler kan sendes til. Be dem som driver tjenesten om å legge den til i "
                "hosts i [subscriptions], eller bruk et annet endepunkt.",
            )
        if place.scheme == "http" and not private and not self.plain:
            raise _refused(
                "Notifications are sent by https. Use an endpoint that begins with https://.",
                "Varsler sendes med https. Bruk et endepunkt som begynner med https://.",
            )
        return place

    def is_private(self, host: str, port: int, *own: int) -> bool:
        """Whether it may be at an address that is not public. `own`: the ports that go without saying."""
        return _listed(self.private, host, port, *own)


def _listed(listed: frozenset[str], host: str, port: int, *own: int) -> bool:
    return f"{host}:{port}" in listed or f"{host}:*" in listed or (port in own and host in listed)


def _parts(endpoint: str) -> Place:
    """Read by a grammar that is narrower than RFC 3986's; whatever two readers of addresses could take for two hosts is refused."""
    parts = _ENDPOINT.fullmatch(endpoint) if len(endpoint) <= LONGEST else None
    with suppress(ValueError, httpx.InvalidURL):
        if parts:
            scheme, host = parts["scheme"].lower(), canonical(parts["host"])
            port = port_of(parts["port"]) if parts["port"] else _OWN[scheme]
            url, other = httpx.URL(endpoint), urlsplit(endpoint)
            seen = (url.scheme, _bracketed(url.host), url.port or _OWN[scheme])
            if seen == (scheme, host, port) == (other.scheme, _bracketed(other.hostname or ""), other.port or _OWN[scheme]):
                return Place(scheme, host, port, url.copy_with(host=host))
    raise _refused(
        "This is no address that notifications can be sent to. Write https://HOST/PATH in ASCII (xn--… for other letters): no user "
        f"name, no fragment, no %-escape in the host, an IPv4 address as four decimal numbers, at most {LONGEST} characters.",
        "Dette er ingen adresse som varsler kan sendes til. Skriv https://VERT/STI i ASCII (xn--… for andre bokstaver): uten "
        f"brukernavn, fragment og %-koder i verten, IPv4-adresser som fire desimaltall, høyst {LONGEST} tegn.",
        rule="RFC 3986 3.2",
    )


def _bracketed(host: str) -> str:
    return canonical(f"[{host}]" if ":" in host else host)


def _refused(en: str, nb: str, rule: str = _RULE) -> Problem:
    return problem(Kind.BUSINESS_RULE, en, nb, where=WHERE, rule=rule)


class Endpoints:
    """Posts notifications. One for the process, for any number of threads; `timeout` in seconds is of a whole notification.

    `resolve` tells the addresses of a name; `transport` replaces the network, and what guards it, in tests.
    """

    def __init__(
        self, allowed: Allowed, *, timeout: float, resolve: Resolve = look_up, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._allowed, self._timeout = allowed, timeout
        self._client = client("", timeout=timeout, transport=transport or Lines(self._judge, resolve))
        self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))  # one host may be several subscribers'

    def post(
        self, endpoint: str, body: bytes, content_type: str, headers: Mapping[str, str], *, timeout: float | None = None
    ) -> None:
        """Returns where a 2xx was answered; what else it says is thrown away.

        Raises `Problem`: TRANSIENT, with `retry_after`, where a later try may succeed; BUSINESS_RULE where the endpoint is not
        allowed (any more), FORBIDDEN where its name leads to an address that is not, MISADDRESSED where it sends us elsewhere,
        NOT_FOUND for a 410. Its text is what happened, and no advice: whoever shows it knows whether it is tried again.
        """
        place = self._allowed.place(endpoint)
        name, seconds = plain(f"{place.host}:{place.port}"), timeout or self._timeout
        sent = {**headers, "content-type": content_type, "accept-encoding": "identity"}
        try:
            with (
                within(seconds),
                self._client.stream("POST", place.url, content=body, headers=sent, timeout=seconds) as answer,
            ):
                _judged(answer, name)
        except httpx.HTTPError as fault:  # its text may quote the request, so only its name is told
            raise _silent(name, fault, seconds) from fault

    def close(self) -> None:
        self._client.close()

    def _judge(self, host: str, port: int, addresses: list[str]) -> None:
        """All that the name stands for, since a name of both outer and inner addresses is a trick (DNS rebinding)."""
        private = self._allowed.is_private(_bracketed(host), port, *_OWN.values())
        if all(is_somebody(one) and (private or is_public(one)) for one in addresses):
            return
        name = plain(f"{host}:{port}")
        raise problem(
            Kind.FORBIDDEN,
            f"{name} leads to an address that notifications are not sent to: private, loopback, link-local or nobody's. Only to "
            "a host among private_hosts in [subscriptions] may it be private. Nothing was sent.",
            f"{name} fører til en adresse som varsler ikke sendes til: privat, egen maskin, link-local eller ingens. Bare en "
            "vert i private_hosts i [subscriptions] kan ha en privat. Ingenting er sendt.",
            where=WHERE,
            rule="RFC 6890",
        )


def _judged(answer: httpx.Response, name: str) -> None:
    status = answer.status_code
    if answer.is_success:
        with suppress(httpx.HTTPError, TooLong), within(BODY_SECONDS):
            read(answer, MOST_READ, BODY_SECONDS)  # the status has said it; the rest only frees the connection to be used again
        return
    if 300 <= status < 400:
        raise problem(
            Kind.MISADDRESSED,
            f"{name} answered {status}: it sends us elsewhere, and notifications go only to the endpoint itself.",
            f"{name} svarte {status}: den viser oss videre, og varsler går bare til selve endepunktet.",
            where=WHERE,
            rule="RFC 9110 15.4",
        )
    if status == httpx.codes.GONE:
        raise problem(
            Kind.NOT_FOUND,
            f"{name} answered 410: nothing is received at this endpoint any more.",
            f"{name} svarte 410: ingenting tas imot på dette endepunktet lenger.",
            where=WHERE,
            rule="RFC 9110 15.5.11",
        )
    raise Problem(
        Finding(
            "error",
            Kind.TRANSIENT,
            f"{name} answered {status}.",
            f"{name} svarte {status}.",
            WHERE,
            rule=_RULE,
        ),
        retry_after=retry_after(answer.headers.get("retry-after", "")),
    )


def _silent(name: str, fault: httpx.HTTPError, seconds: float) -> Problem:
    en, nb = _happened(fault, seconds)
    return problem(Kind.TRANSIENT, f"{name} {en}.", f"{name} {nb}.", where=WHERE, rule=_RULE)


def _happened(fault: httpx.HTTPError, seconds: float) -> tuple[str, str]:
    """Why there was no answer, for people who do not know the library that told it."""
    said = str(fault)
    if isinstance(fault, httpx.TimeoutException):
        return f"did not answer within {seconds:g} seconds", f"svarte ikke innen {seconds:g} sekunder"
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return "has no certificate for its name that is trusted", "har ikke noe sertifikat for navnet sitt som vi stoler på"
    if "SSL" in said:
        return "could not agree on TLS with us", "ble ikke enig med oss om TLS"
    if isinstance(fault, httpx.ConnectError):
        if NO_NAME in said:
            return "has a name that leads to no address", "har et navn som ikke fører til noen adresse"
        if "refused" in said:
            return "refused the connection", "avviste forbindelsen"
        return "cannot be reached from here", "kan ikke nås herfra"
    if isinstance(fault, httpx.RemoteProtocolError) and "disconnected" not in said:
        return "answered something that is no HTTP", "svarte noe som ikke er HTTP"
    return "broke the connection off without an answer", "brøt forbindelsen uten å svare"


def headers_of(given: list[str]) -> dict[str, str]:
    """Headers to send with each notification, of `Subscription.channel.header`: `Authorization`, and `X-…` that are not ours.

    Raises `Problem` with all that is wrong and its place, never with what was given, which is a secret.

    >>> headers_of(["Authorization: Bearer abc", "X-Ward: 3"])
    {'Authorization': 'Bearer abc', 'X-Ward': '3'}
    """
    read, findings = dict[str, str](), list[Finding]()
    for i, text in enumerate(given[: HEADERS + 1]):
        parts = _HEADER.fullmatch(text) if len(text) <= LONGEST_HEADER else None
        name = parts[1].lower() if parts else ""
        ours = not (name == "authorization" or (name.startswith("x-") and not _OURS.fullmatch(name)))
        if parts is None or ours or name in map(str.lower, read) or i >= HEADERS:
            findings.append(_unfit(i))
        else:
            read[parts[1]] = parts[2]
    if findings:
        raise Problem(*findings)
    return read


def _unfit(i: int) -> Finding:
    return Finding(
        "error",
        Kind.BUSINESS_RULE,
        f"This header cannot be sent. At most {HEADERS} are, each once, as `Name: value` on one line of ASCII, at most "
        f"{LONGEST_HEADER} characters: Authorization, or a name of your own that begins with X-.",
        f"Denne headeren kan ikke sendes. Høyst {HEADERS} sendes, hver én gang, som `Navn: verdi` på én linje i ASCII, høyst "
        f"{LONGEST_HEADER} tegn: Authorization, eller et eget navn som begynner med X-.",
        f"Subscription.channel.header[{i}]",
        rule=_RULE,
    )
