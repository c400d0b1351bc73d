"""The configuration of an installation: `stafett.toml` and `STAFETT_*`, checked before anything starts.

    settings = load(Path("stafett.toml"))   # raises Problem with every fault, its file and line, and what to do

Without a file the defaults make a test installation on loopback. An environment variable wins over the file:
`STAFETT_ENVIRONMENT=production`, `STAFETT_STORE__URL=…` (two underscores between table and key; lists as JSON).
`docs/configuration.md` is generated from the descriptions below.

It is long because every key stands here with its description, type and bounds, and beside them what no single key can tell.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from adapter.domain.problem import Finding, Kind, Problem
from adapter.domain.ruleset import Local, Rulebook
from adapter.local_rules import rulebook
from mappings.rules import national
from mappings.toml_places import places

Fault = tuple[tuple[str | int, ...], str, str]
"""Where in the file, in English, in Norwegian."""

FILE = Path("stafett.toml")
PREFIX = "STAFETT_"
NOT_SETTINGS = {"STAFETT_CONFIG", "STAFETT_STANDARDS", "STAFETT_FACTS", "STAFETT_SEED"}
"""Variables that tools and tests read; every other `STAFETT_*` must be a setting."""

HerId = Annotated[str, Field(pattern=r"^(\d{1,10}|[A-ZÆØÅ]{2,10}:\S+)$")]
OrganisationNumber = Annotated[str, Field(pattern=r"^\d{9}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSettings(_Part):
    """Where everything is kept."""

    url: str = Field("sqlite:///stafett.db", description="Database: `sqlite:///FILE` or `postgresql://USER@HOST/DATABASE`.")


class Organisation(_Part):
    """An organisation (tenant) whose pathways are kept apart from all others'."""

    number: OrganisationNumber = Field(description="Organisation number, nine digits.")
    name: str = Field(min_length=1, description="Name, for people.")
    kind: Literal["hospital", "municipality"] = Field("hospital", description="What kind of service it is.")
    municipality: str = Field("", pattern=r"^(\d{4})?$", description="Municipality number (four digits), for a municipality.")
    region: str = Field("", max_length=80, description="Health region (RHF) that the quality indicators count it in, by name.")


class Receiver(_Part):
    """A service of ours that messages are addressed to, and what a new referral to it opens."""

    her_id: HerId = Field(description="HER-id of the receiving service (or `TYPE:value` of its ident where it has none).")
    organisation: OrganisationNumber = Field(description="Number of the `[[organisation]]` that it belongs to.")
    pathway: str = Field(
        "",
        pattern=r"^(D\d\d)?$",
        description="Pathway type (9321), such as D11, that a new referral opens. Empty: none; a Task asks a person to decide.",
    )
    rule_set: str = Field(
        "",
        pattern=r"^(\d{4})?$",
        description="Rules that the pathway follows, such as 2019 or 2025 (docs/pathways.md). Empty: by the date received.",
    )
    care_level: Literal["", "poliklinikk", "dognenhet"] = Field(
        "", description="Care level of the service, where time limits depend on it."
    )
    gate: Literal["refuse", "warn"] = Field(
        "refuse",
        description="An event that breaks the national ordering rules is refused (422), or kept, with a Task for a person. "
        "Where several services have the same pathway, all must say `warn`.",
    )


class HubSettings(_Part):
    """A channel to the national message hub. `[hub]` for one, `[[hub]]` for several."""

    name: str = Field("", pattern=r"^[a-z0-9-]*$", description="Name of the channel in messages and logs. Empty: its kind. Unique.")
    kind: Literal["edi2", "folder"] = Field(description="`edi2`: the hub's REST interface; `folder`: files in, files out.")
    base_url: str = Field("", pattern=r"^(https?://\S+)?$", description="Address of the REST interface (edi2).")
    her_ids: tuple[HerId, ...] = Field((), description="Receiving services to fetch for (edi2). Empty: every `[[receiver]]`.")
    path: Path | None = Field(None, description="Folder that holds `in`, `out` and what was dealt with (folder).")
    poll_seconds: float = Field(5.0, gt=0, le=3600, description="Seconds between looks for new messages.")

    @property
    def label(self) -> str:
        return self.name or self.kind


class MessageSettings(_Part):
    """What is accepted of a message."""

    strict: bool = Field(False, description="Refuse (AppRec T02) what breaks the schema, also where it can be read.")
    refuse_signed: bool = Field(False, description="Refuse a message with a signature, since signatures are kept but not verified.")
    max_bytes: int = Field(35 * 1024 * 1024, gt=0, description="Largest message, in bytes.")
    max_text: int = Field(
        24 * 1024 * 1024, gt=0, description="Largest single text or attribute, in bytes (a 10 MB attachment is 14 MB as base64)."
    )
    max_depth: int = Field(256, gt=0, description="Deepest nesting of elements.")
    max_elements: int = Field(100_000, gt=0, description="Most elements in one message.")
    max_attributes: int = Field(1_000, gt=0, description="Most attributes and namespace declarations on one element.")
    attempts: int = Field(32, gt=0, description="Tries before an outgoing message is given up and waits for a person.")
    lease_seconds: float = Field(
        120,
        gt=0,
        description="Seconds that one worker holds what it sends: longer than a hub's slowest answer, so that no two send it.",
    )
    park_hours: float = Field(96, gt=0, description="Hours that a change or cancellation waits for the referral that it is about.")


class FhirSettings(_Part):
    """What one request to `/fhir`, and one caller, may ask of the service."""

    max_bytes: int = Field(10 * 1024 * 1024, gt=0, description="Largest body, in bytes (413).")
    max_entries: int = Field(1_000, gt=0, description="Most entries in a batch or transaction (413).")
    body_seconds: float = Field(30, gt=0, le=600, description="Seconds within which a body must have come (408).")
    requests_at_once: int = Field(256, gt=0, description="Requests that one organisation may have under way (429).")
    cors_origins: tuple[Annotated[str, Field(pattern=r"^https?://[^/\s*]+$")], ...] = Field(
        (), description="Web sites whose pages may call the service, such as `https://epj.example`. Empty: none."
    )


class Partner(_Part):
    """Another FHIR server that assignments are shared with ([partners.md](partners.md)). `stafett partner check NAME` tries it."""

    name: str = Field(
        pattern=r"^\w[\w.-]{0,63}$", description="Name, for people, commands and logs: letters, digits, `-`, `.` and `_`. Unique."
    )
    base_url: str = Field(pattern=r"^https?://[^\s?#]+$", description="FHIR base of the server.")
    organisation: OrganisationNumber = Field(
        description="Organisation number of the partner; one of ours, for its own other server."
    )
    municipality: str = Field(
        "", pattern=r"^(\d{4})?$", description="Municipality number (four digits) that the partner answers for."
    )
    mode: Literal["", "push", "wait"] = Field(
        "", description="`push`: send to it; `wait`: it fetches here. Empty: as its CapabilityStatement says."
    )
    notify: bool = Field(True, description="Tell it at `notify_url` when something that it follows has changed.")
    notify_url: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="Address that notifications (id only) are posted to. Empty: it looks here by itself.",
    )
    poll_seconds: float = Field(60.0, gt=0, description="Seconds between looks for its answers.")
    auth: Literal["none", "bearer", "helseid"] = Field("none", description="How we prove who we are.")
    token_file: Path | None = Field(None, description="File with the token (bearer); read anew when it changes.")
    key_file: Path | None = Field(None, description="File with our private key, PEM or JWK: RSA or EC P-256 (helseid).")
    key_id: str = Field(
        "", description="Name (`kid`) of the key at the issuer. Empty: the JWK's own, else its thumbprint (helseid)."
    )
    issuer: str = Field(
        "", pattern=r"^(https?://[^\s?#]+)?$", description="Token issuer, whose metadata is found below it (helseid)."
    )
    client_id: str = Field("", description="Our client's id at the issuer (helseid).")
    scope: str = Field("", description="Scopes to ask for, with a space between (helseid).")
    details: Literal["assertion_details", "authorization_details"] = Field(
        "assertion_details", description="What the claim with our organisation number is called in the client assertion (helseid)."
    )


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class Settings(BaseSettings):
    """A whole installation. Fields have the names of the file's keys and tables."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

    environment: Literal["test", "production"] = Field(
        "test", description="`test` refuses (AppRec E36) every person who is neither synthetic nor in `allowed_persons`."
    )
    public_base: str = Field(
        "http://127.0.0.1:8000",
        pattern=r"^https?://[^\s/]+(/\S*)?$",
        description="Address under which others reach this service, without `/fhir`.",
    )
    auth: Literal["off", "helseid"] = Field("off", description="`off` is allowed on loopback only.")
    allowed_persons: tuple[Annotated[str, Field(pattern=r"^\d{11}$")], ...] = Field(
        (), description="National numbers outside the synthetic series that are let in all the same. Only in `test`."
    )
    working_days: Literal["mon-fri", "mon-sat"] = Field("mon-fri", description="Days that count as working days in time limits.")
    rules: Path | None = Field(
        None,
        description="Folder with time limits of your own (`*.toml`), laid over the national ones. "
        "Empty: `rules` beside this file, where there is one.",
    )
    store: StoreSettings = StoreSettings()
    organisation: tuple[Organisation, ...] = Field((Organisation(number="000000000", name="Demonstration hospital"),), min_length=1)
    receiver: tuple[Receiver, ...] = ()
    hub: Annotated[tuple[HubSettings, ...], BeforeValidator(_as_list)] = ()
    messages: MessageSettings = MessageSettings()
    fhir: FhirSettings = FhirSettings()
    partner: tuple[Partner, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's own signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings  # the environment wins over the file


def load(path: Path | None = None) -> Settings:
    """Read and check the configuration; `path` defaults to `STAFETT_CONFIG`, else `stafett.toml` where it exists.

    Raises `Problem` with every fault found: where (file and line, or variable), what, and what to do.
    """
    named = path or (Path(os.environ["STAFETT_CONFIG"]) if os.environ.get("STAFETT_CONFIG") else None)
    text = _read(named or FILE, required=named is not None)
    name = str(named or FILE)
    place = places(name, text)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise Problem(_finding(name, f"not TOML: {fault}", f"ikke TOML: {fault}")) from fault
    findings = [_unknown_variable(name) for name in sorted(_unknown_variables())]
    try:
        settings = Settings(**tables)
    except ValidationError as fault:
        raise Problem(*findings, *(_told(e, place) for e in fault.errors())) from fault
    except ValueError as fault:  # a list in the environment that is not JSON
        raise Problem(_finding(PREFIX + "*", f"{fault}: write lists as JSON", f"{fault}: skriv lister som JSON")) from fault
    beside = (named or FILE).parent / "rules"
    if settings.rules is None and beside.is_dir():
        settings = settings.model_copy(update={"rules": beside})
    book = national()
    try:
        book = rulebook(settings.rules)
    except Problem as fault:
        findings += fault.findings
    findings += [_finding(place(path), en, nb) for path, en, nb in _cross_checks(settings, book)]
    numbers = {organisation.number for organisation in settings.organisation}
    findings += [_stranger(local) for local in book.local if local.organisation not in ("", *numbers)]
    if findings:
        raise Problem(*findings)
    return settings


def on_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _cross_checks(s: Settings, book: Rulebook) -> Iterator[Fault]:
    """What no single field can tell: (place, English, Norwegian)."""
    numbers = [o.number for o in s.organisation]
    for i, receiver in enumerate(s.receiver):
        if receiver.organisation not in numbers:
            yield (
                ("receiver", i, "organisation"),
                f"no [[organisation]] has the number {receiver.organisation}: add one, or correct the number",
                f"ingen [[organisation]] har nummeret {receiver.organisation}: legg den til, eller rett nummeret",
            )
        yield from _rules_of(i, receiver, book)
    for table, key, values in (
        ("organisation", "number", numbers),
        ("receiver", "her_id", [r.her_id for r in s.receiver]),
        ("hub", "name", [h.label for h in s.hub]),
        ("partner", "name", [p.name for p in s.partner]),
    ):
        for i, value in enumerate(values):
            if value in values[:i]:
                yield (
                    (table, i, key),
                    f"{value} is here twice: each {key} must be unique",
                    f"{value} står to ganger: hver {key} må være unik",
                )
    if s.auth == "off" and not on_loopback(urlsplit(s.public_base).hostname or ""):
        yield (
            ("public_base",),
            'auth = "off" is for loopback only: set auth = "helseid", or a public_base on 127.0.0.1',
            'auth = "off" er bare for egen maskin: sett auth = "helseid", eller en public_base på 127.0.0.1',
        )
    if s.environment == "production" and s.allowed_persons:
        yield (
            ("allowed_persons",),
            'only for environment = "test": remove it',
            'bare for environment = "test": fjern den',
        )
    if s.environment == "production" and numbers == ["000000000"]:
        yield (
            ("environment",),
            "production needs an [[organisation]] of its own: add it with number and name",
            "produksjon trenger sin egen [[organisation]]: legg den til med nummer og navn",
        )
    for i, hub in enumerate(s.hub):
        need = "base_url" if hub.kind == "edi2" else "path"
        if not getattr(hub, need):
            yield (
                ("hub", i, "kind"),
                f'a hub of kind "{hub.kind}" needs {need}: add it',
                f'en hub av typen "{hub.kind}" trenger {need}: legg den til',
            )
    yield from _partners(s)


def _partners(s: Settings) -> Iterator[Fault]:
    """Who a partner is must be one answer, and what proves who we are goes over no open line."""
    channels = {"http", *(h.label for h in s.hub)}
    for i, partner in enumerate(s.partner):
        for key in {"bearer": ("token_file",), "helseid": ("key_file", "issuer", "client_id", "scope")}.get(partner.auth, ()):
            if not getattr(partner, key):
                yield (
                    ("partner", i, "auth"),
                    f'auth = "{partner.auth}" needs {key}: add it',
                    f'auth = "{partner.auth}" trenger {key}: legg den til',
                )
        if partner.name in channels:
            yield (
                ("partner", i, "name"),
                f"{partner.name} is a channel's name already: call the partner something else",
                f"{partner.name} er alt navnet på en kanal: kall partneren noe annet",
            )
        for key in ("organisation", "municipality"):
            value = getattr(partner, key)
            if value and value in [getattr(other, key) for other in s.partner[:i]]:
                yield (
                    ("partner", i, key),
                    f"another [[partner]] has {key} {value} already: give each one server",
                    f"en annen [[partner]] har alt {key} {value}: gi hver én server",
                )
        for key in ("base_url", "notify_url", "issuer"):
            address = urlsplit(getattr(partner, key))
            if (
                address.scheme == "http"
                and not on_loopback(address.hostname or "")
                and (partner.auth != "none" or s.environment != "test")
            ):
                yield (
                    ("partner", i, key),
                    "http is for loopback, or a test without auth: use https",
                    "http er for egen maskin, eller en test uten auth: bruk https",
                )


def _rules_of(i: int, receiver: Receiver, book: Rulebook) -> Iterator[Fault]:
    """What the rule sets do not have."""
    version, pathway = receiver.rule_set, receiver.pathway
    have, types = ", ".join(book.versions()), ", ".join(book.types)
    if version and version not in book.versions():
        yield (
            ("receiver", i, "rule_set"),
            f"there are no rules of {version}: use {have}",
            f"det finnes ingen regler fra {version}: bruk {have}",
        )
    elif pathway and not book.versions(pathway):
        yield (
            ("receiver", i, "pathway"),
            f"there is no pathway {pathway}: use {types}",
            f"forløpet {pathway} finnes ikke: bruk {types}",
        )
    elif version and pathway and not book.has(pathway, version):
        here = ", ".join(rules.pathway for rules in book.all() if rules.version == version)
        other = ", ".join(book.versions(pathway))
        yield (
            ("receiver", i, "rule_set"),
            f"the rules of {version} have no {pathway}: use {other}, or one of {here}",
            f"reglene fra {version} har ikke {pathway}: bruk {other}, eller en av {here}",
        )


def _stranger(local: Local) -> Finding:
    number = local.organisation
    return _finding(
        local.place,
        f"no [[organisation]] has the number {number}: add one, or correct the number",
        f"ingen [[organisation]] har nummeret {number}: legg den til, eller rett nummeret",
    )


def _read(path: Path, *, required: bool) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        if not required:
            return ""
        raise Problem(
            _finding(str(path), "no such file: give another with --config", "finner ikke filen: velg en annen med --config")
        ) from None
    except (OSError, UnicodeDecodeError) as fault:
        raise Problem(_finding(str(path), f"cannot be read: {fault}", f"kan ikke leses: {fault}")) from fault


def _unknown_variables() -> set[str]:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    return {v for v in os.environ if v.startswith(PREFIX) and v not in NOT_SETTINGS and v.split("__")[0] not in known}


def _unknown_variable(name: str) -> Finding:
    return _finding(
        name,
        "no such setting: see docs/configuration.md, or unset it",
        "ukjent innstilling: se docs/configuration.md, eller fjern den",
    )


_WORDS = {
    "extra_forbidden": (
        "no such key: see docs/configuration.md for its spelling, or remove it",
        "ukjent nøkkel: se docs/configuration.md, eller fjern den",
    ),
    "missing": ("is missing: add it", "mangler: legg den til"),
}


def _told(error: ErrorDetails, place: Callable[[tuple[str | int, ...]], str]) -> Finding:
    """A fault of the library's in our words. Never repeats the value: it may be a person's number or a password."""
    path = error["loc"]
    key = ".".join(str(p) for p in path if not isinstance(p, int))
    en, nb = _WORDS.get(error["type"], (f"{error['msg']}: correct it", f"ugyldig verdi ({error['msg']}): rett den"))
    variable = PREFIX + "__".join(str(p) for p in path).upper()
    whole = PREFIX + str(path[0]).upper() if path else ""
    where = next((v for v in (variable, whole) if v in os.environ), place(path))
    return _finding(where, f"{key}: {en}", f"{key}: {nb}")


def _finding(where: str, en: str, nb: str) -> Finding:
    return Finding("fatal", Kind.INVALID, en, nb, where)
