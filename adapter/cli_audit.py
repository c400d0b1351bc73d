"""`stafett audit`: whether the audit's chain holds, and a patient's own extract of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from adapter.domain.problem import Problem

if TYPE_CHECKING:
    from adapter.ports import Copy
    from adapter.settings import Settings
    from adapter.usecases.extract_audit import Access
    from adapter.usecases.prove_removal import Removal
    from adapter.usecases.verify_audit import Mark, Verdict

Kept = Literal["inbox", "explanation", "outbox", "binary", "history"]  # `adapter.ports.Copy`, which is not loaded for --help
FAILED: Final = 1
HOW: Final = {
    "changed": ("is not what was sealed: it was changed", "er ikke det som ble forseglet: den er endret"),
    "missing": ("is missing", "mangler"),
    "out-of-order": ("is out of order: another stands in its place", "står ikke i rekkefølge: en annen er på dens plass"),
    "beginning": ("and what was before are gone, and no retention tells so", "og det som var før er borte, uten spor av sletting"),
}
DONE: Final = {"C": "opprettet", "R": "leste", "U": "endret", "D": "avsluttet", "S": "søkte og så", "E": "annet:"}
KINDS: Final = {"import": "mottok", "export": "sendte"}
GROUNDS: Final = {"TREAT": "helsehjelp", "ETREAT": "øyeblikkelig hjelp", "PATRQT": "pasientens innsyn", "HSYSADMIN": "drift"}
OUTCOMES: Final = {"0": "gitt", "4": "avvist", "8": "feilet"}

audit = typer.Typer(
    name="audit", help="Who saw and did what: whether it is whole, and a patient's own extract.", no_args_is_help=True
)
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Configuration file; else stafett.toml, where there is one.")
]


@audit.command()
def verify(
    config: ConfigFile = None,
    head: Annotated[
        str, typer.Option(metavar="POSITION:DIGEST", help="Where the chain once ended, as this command or the log has told.")
    ] = "",
) -> None:
    """Walk the whole chain. The service may run meanwhile. Exits: 0 it holds; 1 it does not.

    Only a head noted elsewhere shows that an end was cut off, or that all of it was made anew.
    """
    from adapter.settings import load

    known = _mark(head) if head else None
    try:
        verdict = _verify(load(config), known)
    except Problem as fault:
        raise _told(fault) from None
    position, digest = verdict.head
    if broken := verdict.broken:
        en, nb = HOW[broken.how]
        print(f"Record {broken.position} {en}. The chain holds up to {position}:{digest.hex()}")
        print(f"  Oppføring {broken.position} {nb}. Kjeden holder til og med {position}.")
        raise typer.Exit(FAILED)
    if known and known[0] < verdict.first - 1:
        print(f"The chain holds, but begins at {verdict.first}: {known[0]} can no longer be compared. Use a later head.")
        print(f"  Kjeden holder, men begynner på {verdict.first}: {known[0]} kan ikke lenger sammenlignes. Bruk et nyere hode.")
        raise typer.Exit(FAILED)
    print(f"The chain holds from {verdict.first} up to {position}:{digest.hex()}")
    print(f"  Kjeden holder fra {verdict.first} til og med {position}.")


@audit.command()
def patient(
    config: ConfigFile = None,
    organisation: Annotated[str, typer.Option(metavar="NUMBER", help="Whose audit; may be left out where there is one.")] = "",
    by_id: Annotated[bool, typer.Option("--id", help="Standard input has the id of a Patient, not a national number.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="AuditEvents, one on a line.")] = False,
    as_fhir: Annotated[bool, typer.Option("--fhir", help="A Bundle of AuditEvents.")] = False,
) -> None:
    """A patient's own extract. The national number is read from standard input, never given as an argument.

    That the extract was made is written down too.
    """
    from adapter.settings import load

    try:
        settings = load(config)
        tenant = _organisation(settings, organisation)
        found = _extract(settings, tenant, _asked(by_id), by_id)
    except Problem as fault:
        raise _told(fault) from None
    if as_json or as_fhir:
        _print_events(found, as_fhir)
    else:
        _print_table(found)


@audit.command()
def removed(
    copy: Annotated[Kept, typer.Argument(metavar="COPY", help="inbox, explanation, outbox, binary or history.")],
    key: Annotated[
        list[str], typer.Argument(metavar="KEY", help="Id of a message or a delivery; or organisation, id, type and version.")
    ],
    config: ConfigFile = None,
) -> None:
    """Whether retention took a copy away, when, and by which rule. Exits: 0 it did; 1 no record tells so."""
    from adapter.settings import load

    try:
        found = _removals(load(config), copy, key)
    except Problem as fault:
        raise _told(fault) from None
    for one in found:
        print(f"Taken away {one.moment.isoformat()}, as what was from before {one.before.isoformat()}: record {one.position}.")
        print(f"  Slettet {one.moment.isoformat()}, som alt fra før {one.before.isoformat()}: oppføring {one.position}.")
    if not found:
        print("No record tells that it was taken away.\n  Ingen oppføring sier at den er slettet.")
        raise typer.Exit(FAILED)


def _removals(settings: Settings, copy: Copy, key: Sequence[str]) -> list[Removal]:
    from adapter.storage.store import DatabaseStore
    from adapter.stored import opened
    from adapter.usecases.prove_removal import removals

    with opened(settings) as store:
        if copy == "outbox" and isinstance(store, DatabaseStore):
            with store.read() as unit:
                key = [str(unit.position_of(key[0]))]
        return list(removals(store, copy, key))


def _mark(head: str) -> Mark:
    position, _, digest = head.partition(":")
    try:
        if (seal := bytes.fromhex(digest)) and len(seal) == 32:
            return int(position), seal
    except ValueError:
        pass
    raise typer.BadParameter("--head: POSITION:DIGEST as it was told, like 1204:5f3a…")


def _verify(settings: Settings, known: Mark | None) -> Verdict:
    from rich.console import Console
    from rich.progress import Progress

    from adapter.stored import opened
    from adapter.usecases.verify_audit import total, verify

    screen = Console(stderr=True)
    with opened(settings) as store, Progress(console=screen, disable=not sys.stderr.isatty(), transient=True) as progress:
        bar = progress.add_task("Audit / logg", total=total(store))
        return verify(store, known, lambda more: progress.advance(bar, more))


def _organisation(settings: Settings, chosen: str) -> str:
    """The organisation whose audit it is: ours, or a partner's that has a space here."""
    ours = [organisation.number for organisation in settings.organisation]
    if not chosen and len(ours) == 1:
        return ours[0]
    known = [*ours, *(partner.organisation for partner in settings.partner)]
    if chosen not in known:
        raise typer.BadParameter(f"--organisation: one of {', '.join(known)}")
    return chosen


def _asked(by_id: bool) -> str:
    """A line of standard input; at a terminal it is asked for, and does not show."""
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass("Patient-id: " if by_id else "Fødselsnummer / national number: ").strip()
    return sys.stdin.readline().strip()


def _extract(settings: Settings, tenant: str, asked: str, by_id: bool) -> list[Access]:
    from getpass import getuser
    from uuid import uuid4

    from adapter.domain.identity import keyed
    from adapter.stored import opened
    from adapter.usecases.extract_audit import asked_by, extract, names_of
    from adapter.wiring import installation_key

    now = datetime.now(UTC)
    with opened(settings) as store:
        person_id = keyed(installation_key(store))
        with store.read() as unit:
            names = [asked] if by_id else names_of(unit, tenant, asked, person_id)
        return extract(store, tenant, names, asked_by(str(uuid4()), getuser(), tenant, names, now), now)


def _print_events(found: Sequence[Access], as_fhir: bool) -> None:
    import msgspec

    from mappings.resources.audit_event import audit_event, bundle

    events = [audit_event(one.position, one.record, *one.names) for one in found]
    for body in [bundle(events)] if as_fhir else events:
        print(msgspec.json.encode(body).decode())


def _print_table(found: Sequence[Access]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("Når", "Hvem", "Virksomhet", "Hva", "Grunnlag", "Utfall"):
        table.add_column(name, overflow="fold")
    for one in found:
        table.add_row(*(Text(_inert(cell)) for cell in _cells(one)))
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table)
    console.print(Text(f"\n{len(found)} oppføringer"))


def _cells(one: Access) -> tuple[str, ...]:
    from zoneinfo import ZoneInfo

    record, when = one.record, one.moment.astimezone(ZoneInfo("Europe/Oslo"))
    who, ground = record.get("who", {}), record.get("ground", {})
    return (
        f"{when:%d.%m.%Y %H:%M:%S}",
        _who(who),
        " / ".join(who.get("organisations", [])) or "ukjent",
        _what(record, one.names),
        GROUNDS.get(ground.get("purpose", ""), ground.get("purpose") or "ikke oppgitt"),
        OUTCOMES.get(record.get("outcome", ""), "ukjent: tjenesten stoppet"),
    )


def _who(who: dict[str, Any]) -> str:
    """A person by name or HPR number, never national number: it is not the patient's to know. Else the system that asked."""
    from mappings.resources.audit_event import name_of

    hpr = who.get("person", {}).get("hpr", "")
    person = " ".join(filter(None, (name_of(who), f"(HPR {hpr})" if hpr else "")))
    return person or who.get("operator") or who.get("client") or "ukjent"


def _what(record: dict[str, Any], names: Sequence[str]) -> str:
    from mappings.resources.audit_event import seen_of

    types = dict.fromkeys(what[1] for owner, what in seen_of(record) if owner in names)
    done = KINDS.get(record.get("kind", "")) or ("ble nektet" if record.get("outcome") == "4" else DONE[record["action"]])
    what = ", ".join(types) or record.get("what") or ", ".join(record.get("asked", [])) or record.get("route", "")
    return " ".join(filter(None, (done, what, record.get("receiver") or record.get("sender"))))


def _inert(text: str) -> str:
    """What others wrote, without anything that a terminal would do."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _told(fault: Problem) -> typer.Exit:
    for f in fault.findings:
        print(f"{f.where}: {f.en}" if f.where else f.en, f"  {f.nb}", sep="\n", file=sys.stderr)
    return typer.Exit(FAILED)
