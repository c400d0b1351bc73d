"""The configuration of an installation: `stafett.toml` and `STAFETT_*`, checked before anything starts.

    settings = load(Path("stafett.toml"))   # raises Problem with every fault, its file and line, and what to do

Without a file the defaults make a test installation on loopback. An environment variable wins over the file:
`STAFETT_ENVIRONMENT=production`, `STAFETT_STORE__URL=…` (two underscores between table and key; lists as JSON).
`docs/configuration.md` is generated from the descriptions below.

It is long because every key stands here with its description, type and bounds, and beside them what no single key can tell.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from adapter.domain.hosts import entry
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
Signature = Literal["RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512"]
_GRANT = r"^((system|user)/(\*|[A-Z][A-Za-z]+)\.(cr?u?d?s?|ru?d?s?|ud?s?|ds?|s)|messages|operate|emergency)$"


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
    parent: str = Field(
        "", pattern=r"^(\d{9})?$", description="Number of the legal entity that it is a unit of, as the token issuer is told it."
    )


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


class RetentionSettings(_Part):
    """For how many days each copy of patients' data is kept; 0 is for ever ([operating.md](operating.md#how-long-data-is-kept)).

    What waits, the newest version of a resource, and all of a patient with an open pathway or Task stays in any case.
    """

    inbox: int = Field(90, ge=0, description="Messages as they came (XML), from when they did. Their envelopes stay.")
    explanation: int = Field(90, ge=0, description="What was found in a message, and what it was translated with.")
    outbox: int = Field(90, ge=0, description="What was sent: receipts, messages, assignments. That it was sent stays.")
    binary: int = Field(0, ge=0, description="Content of attachments (Binary).")
    history: int = Field(0, ge=0, description="Versions of resources, from when another took their place.")
    events: int = Field(30, ge=0, description="What those who follow were told of, and each try to tell them.")
    audit: int = Field(
        1826, ge=0, description="Who saw and changed what: five years, at least as long as pathways are asked about."
    )


class Credentials(_Part):
    """Who we are to a token issuer: what hubs and partners have in common ([partners.md](partners.md#tokens))."""

    issuer: str = Field(
        "", pattern=r"^(https?://[^\s?#]+)?$", description="Token issuer, whose metadata is found below it (helseid)."
    )
    client_id: str = Field("", description="Our client's id at the issuer (helseid).")
    scope: str = Field("", description="Scopes to ask for, with a space between (helseid).")
    key_file: Path | None = Field(
        None,
        description="File with our private key, PEM, JWK or JWK Set: RSA or EC P-256; several to change keys, the newest first. "
        "Read anew when it changes (helseid).",
    )
    key_env: str = Field(
        "",
        pattern=r"^([A-Za-z_]\w*)?$",
        description="Variable of the environment with the same, in the stead of `key_file` (helseid).",
    )
    key_id: str = Field(
        "", description="Name (`kid`) of a single key at the issuer. Empty: the JWK's own, else its thumbprint (helseid)."
    )
    algorithm: Literal["", "RS256", "PS256", "ES256"] = Field(
        "", description="What the key signs with. Empty: as the JWK's `alg` says, else RS256 for RSA and ES256 for EC (helseid)."
    )
    tenancy: Literal["multi", "single"] = Field(
        "multi",
        description="Whether our client there speaks for many organisations, each named in the assertion, or for one, of which "
        "only units are named (helseid).",
    )
    details: Literal["assertion_details", "authorization_details"] = Field(
        "assertion_details", description="What the claim with our organisation number is called in the client assertion (helseid)."
    )


class HubSettings(Credentials):
    """A channel to the national message hub. `[hub]` for one, `[[hub]]` for several."""

    name: str = Field("", pattern=r"^[a-z0-9-]*$", description="Name of the channel in messages and logs. Empty: its kind. Unique.")
    kind: Literal["edi2", "folder"] = Field(description="`edi2`: the hub's REST interface; `folder`: files in, files out.")
    base_url: str = Field("", pattern=r"^(https?://\S+)?$", description="Address of the REST interface (edi2).")
    her_ids: tuple[HerId, ...] = Field((), description="Receiving services to fetch for (edi2). Empty: every `[[receiver]]`.")
    path: Path | None = Field(None, description="Folder that holds `in`, `out` and what was dealt with (folder).")
    poll_seconds: float = Field(5.0, gt=0, le=3600, description="Seconds between looks for new messages.")
    auth: Literal["none", "helseid"] = Field("none", description="How we prove who we are (edi2).")

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
        description="Seconds that a process holds what it has claimed to send or to try again, and after which one that has not "
        "told that it lives is taken for dead: what it had in hand is then the others'. Longer than a hub's slowest answer, so "
        "that no two send the same; the clocks of machines that share a database agree to a small part of it.",
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


class SubscriptionSettings(_Part):
    """Where the notifications of Subscriptions may be sent, and how long it is tried ([access.md](access.md#where-we-call))."""

    hosts: tuple[str, ...] = Field(
        (),
        description='Hosts that `channel.endpoint` may be at: `"epj.example.no"` (443 for https, 80 for http) or '
        '`"epj.example.no:8443"`; compared whole. Names are ASCII (`xn--…`). Empty: none but `private_hosts`.',
    )
    private_hosts: tuple[str, ...] = Field(
        (),
        description="The same, of hosts that may be at private, loopback and link-local addresses, and be called by http in "
        'production too; `"127.0.0.1:*"` is any port.',
    )
    attempts: int = Field(10, gt=0, description="Tries in vain, one after another, before a Subscription is in error.")
    timeout_seconds: float = Field(
        10, gt=0, le=60, description="Seconds that one notification may take, from the look-up of the name."
    )


class Partner(Credentials):
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


OF_EVERYBODY = ("acr", "amr", "aud", "azp", "idp", "iss")
"""Claims of an ID token that tell nothing of who has logged in."""


class Operator(_Part):
    """Who may log in at the pages: whoever the ID token says this of."""

    claim: str = Field("sub", min_length=1, description="Claim of the ID token that tells them from others.")
    value: str = Field(
        min_length=1,
        description="What it says, or one of what it says: a subject, a number of the health personnel register or of an "
        "organisation. Never a national number, which does not belong in a file.",
    )
    organisations: tuple[OrganisationNumber, ...] = Field(
        min_length=1, description="Numbers of the `[[organisation]]` whose messages and pathways they may see."
    )


class LoginSettings(Credentials):
    """How people at a browser log in with `auth = "helseid"`: OpenID Connect ([operating.md](operating.md#logging-in))."""

    issuer: str = Field(
        "",
        pattern=r"^(https?://[^\s?#]+)?$",
        description="Login service, whose metadata is found below it. Empty: nobody logs in, and pages are for tokens alone. "
        "What it sends people back to is `public_base` and `/login/callback`.",
    )
    scope: str = Field("openid profile", description="Scopes to ask for, with a space between: those that the claims come with.")
    acr_values: str = Field("", description="Levels of assurance to ask for, with a space between. Empty: the issuer's own choice.")
    level_claim: str = Field(
        "helseid://claims/identity/security_level", description="Claim that tells how surely the person was identified."
    )
    levels: tuple[str, ...] = Field((), description='What that claim must say, such as `["4"]`. Empty: it is not asked.')


class HelseID(_Part):
    """Whose tokens are taken in with `auth = "helseid"`, and what they give."""

    issuer: str = Field(
        "", pattern=r"^(https?://[^\s?#]+)?$", description="Token issuer, exactly as in `iss`; its metadata is found below it."
    )
    audience: str = Field("", pattern=r"^\S*$", description="Our name there, exactly as in `aud`, such as `nhn:pakkeforlop`.")
    scheme: Literal["dpop", "bearer"] = Field(
        "dpop",
        description="`dpop`: a token with a proof that it is the caller's own; `bearer`: a token alone. Never both.",
    )
    algorithms: tuple[Signature, ...] = Field(
        ("RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512"),
        min_length=1,
        description="Algorithms that tokens and proofs may be signed with.",
    )
    leeway_seconds: int = Field(5, ge=0, le=60, description="How far another machine's clock may be off.")
    proof_seconds: int = Field(10, ge=1, le=300, description="How old a proof may be, beside that.")
    attest_claim: str = Field(
        "nhn:tillitsrammeverk:parameters",
        min_length=1,
        description="Claim with the national trust framework's attest: who asks, and for what care.",
    )
    scopes: dict[str, tuple[Annotated[str, Field(pattern=_GRANT)], ...]] = Field(
        {
            "nhn:pakkeforlop/fhir.read": ("system/*.rs",),
            "nhn:pakkeforlop/fhir.write": ("system/*.cruds",),
            "nhn:pakkeforlop/messages": ("messages",),
            "nhn:pakkeforlop/operate": ("operate",),
            "nhn:pakkeforlop/emergency": ("emergency",),
        },
        description="What each scope of the issuer gives: SMART scopes (`system/Task.rs`), `messages`, `operate`, `emergency`. "
        "SMART scopes in a token count as they are.",
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
    retention: RetentionSettings = RetentionSettings()
    partner: tuple[Partner, ...] = ()
    subscriptions: SubscriptionSettings = SubscriptionSettings()
    helseid: HelseID = HelseID()
    audit: bool = Field(
        True, description='Whether every access to a patient\'s data is written down. Only `auth = "off"` may go without.'
    )
    login: LoginSettings = LoginSettings()
    operator: tuple[Operator, ...] = ()

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
    unknown = _unknown_variables()
    findings = [_unknown_variable(name) for name in sorted(unknown)]
    try:
        settings = Settings(**tables)
    except ValidationError as fault:
        raise Problem(*findings, *(_told(e, place) for e in fault.errors())) from fault
    except ValueError as fault:  # a list in the environment that is not JSON
        raise Problem(_finding(PREFIX + "*", f"{fault}: write lists as JSON", f"{fault}: skriv lister som JSON")) from fault
    keys = {client.key_env for client in (*settings.hub, *settings.partner, settings.login)}
    findings = [_unknown_variable(name) for name in sorted(unknown - keys)]
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
    if s.auth != "off" and not s.audit:
        yield (
            ("audit",),
            'audit is left out with auth = "off" alone: remove it',
            'loggen kan bare utelates med auth = "off": fjern den',
        )
    if s.environment == "production":
        yield from _unsafe(s)
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
    yield from _subscriptions(s)
    yield from _credentials(s)
    yield from _tokens(s)
    yield from _login(s, numbers)


def _unsafe(s: Settings) -> Iterator[Fault]:
    """What may be tried in a test, and never with patients' own data."""
    if s.auth == "off":
        yield (
            ("auth",),
            'production asks who everybody is: set auth = "helseid"',
            'produksjon spør hvem alle er: sett auth = "helseid"',
        )
    if s.login.issuer and not s.login.levels:
        yield (
            ("login", "levels"),
            'production needs to know how surely a person was identified: set levels, with HelseID ["4"]',
            'produksjon må vite hvor sikkert en person er identifisert: sett levels, med HelseID ["4"]',
        )
    for i, operator in enumerate(s.operator):
        if operator.claim in OF_EVERYBODY:
            yield (
                ("operator", i, "claim"),
                f"{operator.claim} is the same of everybody who logs in: use one that tells who it is, such as sub",
                f"{operator.claim} er lik for alle som logger inn: bruk en som sier hvem det er, som sub",
            )


def _login(s: Settings, numbers: Sequence[str]) -> Iterator[Fault]:
    """Who logs in where, and sees what, must be known; and nobody's national number stands in a file."""
    login, address = s.login, urlsplit(s.login.issuer)
    key = bool(login.key_file) != bool(login.key_env)
    needs = {"client_id": login.client_id, "one of key_file and key_env": key, "an [[operator]]": s.operator}
    for name in (name for name, given in needs.items() if login.issuer and not given):
        nb = name.replace("one of", "én av").replace(" and ", " og ").replace("an [", "en [")
        yield ("login", "issuer"), f"[login] needs {name}: add it", f"[login] trenger {nb}: legg den til"
    if address.scheme == "http" and not on_loopback(address.hostname or ""):
        yield ("login", "issuer"), "http is for loopback: use https", "http er for egen maskin: bruk https"
    if login.issuer and s.auth == "off":
        yield (
            ("login", "issuer"),
            'with auth = "off" nobody logs in: set auth = "helseid", or remove [login]',
            'med auth = "off" logger ingen inn: sett auth = "helseid", eller fjern [login]',
        )
    for i, operator in enumerate(s.operator):
        if re.fullmatch(r"\d{11}", operator.value):
            yield (
                ("operator", i, "value"),
                "a national number does not belong here: use the subject, or the number in the health personnel register",
                "et fødselsnummer hører ikke hjemme her: bruk subject, eller HPR-nummeret",
            )
        for number in operator.organisations:
            if number not in numbers:
                yield (
                    ("operator", i, "organisations"),
                    f"no [[organisation]] has the number {number}: add one, or correct the number",
                    f"ingen [[organisation]] har nummeret {number}: legg den til, eller rett nummeret",
                )


def _tokens(s: Settings) -> Iterator[Fault]:
    """Whose tokens count must be known, and neither they nor the issuer's keys go over an open line."""
    for key in ("issuer", "audience"):
        if s.auth == "helseid" and not getattr(s.helseid, key):
            yield (
                ("auth",),
                f'auth = "helseid" needs {key} in [helseid]: add it',
                f'auth = "helseid" trenger {key} i [helseid]: legg den til',
            )
    ours = s.public_base if s.auth == "helseid" else ""
    for path, url in ((("helseid", "issuer"), s.helseid.issuer), (("public_base",), ours)):
        address = urlsplit(url)
        if address.scheme == "http" and not on_loopback(address.hostname or ""):
            yield path, "http is for loopback: use https", "http er for egen maskin: bruk https"


def _partners(s: Settings) -> Iterator[Fault]:
    """Who a partner is must be one answer."""
    channels = {"http", *(h.label for h in s.hub)}
    for i, partner in enumerate(s.partner):
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


def _subscriptions(s: Settings) -> Iterator[Fault]:
    """A host that could never be matched is a mistake, or somebody's belief that more is allowed than is."""
    for key in ("hosts", "private_hosts"):
        for i, text in enumerate(getattr(s.subscriptions, key)):
            try:
                entry(text, any_port=key == "private_hosts")
            except ValueError:
                star = ', or "HOST:*"' if key == "private_hosts" else ""
                stjerne = star.replace("or", "eller").replace("HOST", "VERT")
                yield (
                    ("subscriptions", key, i),
                    f'not a host: write "HOST" or "HOST:PORT"{star}, without https://, in ASCII',
                    f'ikke en vert: skriv "VERT" eller "VERT:PORT"{stjerne}, uten https://, i ASCII',
                )


def _credentials(s: Settings) -> Iterator[Fault]:
    """What proves to a hub or partner who we are must be whole, and goes over no open line."""
    heads = {organisation.parent or organisation.number for organisation in s.organisation}
    for i, hub in enumerate(s.hub):
        yield from _client(("hub", i), hub, hub.auth, heads, test=s.environment == "test")
        if hub.kind == "folder" and hub.auth != "none":
            yield ("hub", i, "auth"), "a folder takes no tokens: remove it", "en mappe tar ikke imot tokener: fjern den"
    for i, partner in enumerate(s.partner):
        yield from _client(("partner", i), partner, partner.auth, heads, test=s.environment == "test")
    for i, organisation in enumerate(s.organisation):
        if organisation.parent == organisation.number:
            yield (
                ("organisation", i, "parent"),
                "it is no unit of itself: give the legal entity that it belongs to, or remove it",
                "den er ikke en enhet i seg selv: oppgi den juridiske enheten den hører til, eller fjern den",
            )


def _client(place: tuple[str, int], client: Credentials, auth: str, heads: Collection[str], *, test: bool) -> Iterator[Fault]:
    """What its table has to say; `heads` are the legal entities that we speak for."""
    for key in {"bearer": ("token_file",), "helseid": ("issuer", "client_id", "scope")}.get(auth, ()):
        if not getattr(client, key):
            yield (*place, "auth"), f'auth = "{auth}" needs {key}: add it', f'auth = "{auth}" trenger {key}: legg den til'
    if auth == "helseid" and bool(client.key_file) == bool(client.key_env):
        yield (
            (*place, "auth"),
            'auth = "helseid" needs one of key_file and key_env: add it, or remove the other',
            'auth = "helseid" trenger én av key_file og key_env: legg den til, eller fjern den andre',
        )
    if client.tenancy == "single" and len(heads) > 1:
        yield (
            (*place, "tenancy"),
            'a client of one organisation cannot speak for several: use "multi", or give units their parent',
            'en klient for én organisasjon kan ikke tale for flere: bruk "multi", eller oppgi parent for enhetene',
        )
    for key in ("base_url", "notify_url", "issuer"):
        address = urlsplit(getattr(client, key, ""))
        if address.scheme == "http" and not on_loopback(address.hostname or "") and (auth != "none" or not test):
            yield (
                (*place, key),
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
