"""`stafett`: the service, the translation of one message, and checks of FHIR resources and of the installation.

Everything heavy is imported inside the command that needs it, so that help comes at once. This is also the one
place that turns kinds of failure into exit codes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import MAXYEAR, MINYEAR, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, TypeVar

import typer
from typer.exceptions import TyperException

from adapter.cli_audit import audit
from adapter.cli_backup import backup
from adapter.cli_indicators import indicators
from adapter.cli_keys import keys
from adapter.cli_migrate import migrate_store
from adapter.cli_partner import partner
from adapter.cli_reconcile import reconcile
from adapter.cli_refold import refold
from adapter.cli_timeline import timeline
from adapter.domain.problem import Finding, Kind, Problem

if TYPE_CHECKING:
    from adapter.usecases.translate_message import Translated

T = TypeVar("T")

FAILED, REFUSED, NOT_READ, STOPPED = 1, 2, 3, 130
UNREADABLE = 2  # of `validate`, which has no messages to refuse
DEMONSTRATION = "000000000"  # the organisation that a translation by hand belongs to

app = typer.Typer(
    name="stafett",
    help="Carries patient pathways in mental health care and substance-use treatment between the message hub and FHIR.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Configuration file; else stafett.toml, where there is one.")
]


def main(arguments: list[str] | None = None) -> NoReturn:
    """Entry point. Wrong usage ends with 1, since 2 says that a message was refused."""
    given = sys.argv[1:] if arguments is None else arguments
    given = ["--explain=json" if a == "--explain" else a for a in given]  # an option whose value may be left out
    try:
        code = app(args=given, prog_name="stafett", standalone_mode=False)
    except TyperException as fault:
        print(fault.format_message(), "Se / see: stafett --help", sep="\n", file=sys.stderr)
        code = FAILED
    except typer.Abort:
        code = STOPPED
    except BrokenPipeError:  # the reader of stdout has left; nothing more to tell anybody
        sys.stderr.close()
        code = FAILED
    except Exception as fault:  # ours to mend: where it is, and never a traceback, which may quote a message
        print(f"Unexpected fault, please report it: {_place(fault)}", "  Uventet feil, meld den gjerne.", sep="\n", file=sys.stderr)
        code = FAILED
    sys.exit(code or 0)


def _place(fault: Exception) -> str:
    from traceback import extract_tb

    last = extract_tb(fault.__traceback__)[-1]
    return f"{type(fault).__name__} at {Path(last.filename).name}:{last.lineno}"


@app.callback(invoke_without_command=True)
def _stafett(show_version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if show_version:
        from importlib.metadata import version

        print(version("stafett"))
        raise typer.Exit


@app.command()
def serve(
    config: ConfigFile = None,
    roles: Annotated[str, typer.Option(help="What this process does: api, worker, or both with a comma between.")] = "api,worker",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(help="Port to listen on; 8000 for api. A worker alone tells its health there, if given.", min=1, max=65535),
    ] = None,
) -> None:
    """Run the service."""
    from adapter.serving import serve as run
    from adapter.settings import load

    wanted = frozenset(r.strip() for r in roles.split(","))
    if not wanted <= {"api", "worker"}:
        raise typer.BadParameter("--roles: api, worker, or api,worker")
    or_exit(FAILED, lambda: run(load(config), wanted, host, port))


@app.command()
def doctor(config: ConfigFile = None) -> None:
    """Check configuration, database, hub, partners, keys and clock, and say what to do."""
    from adapter.doctor import examine
    from adapter.settings import load

    findings = or_exit(FAILED, lambda: examine(load(config)))
    for f in findings:
        print(
            f"{'ok     ' if f.severity == 'information' else f.severity.upper():7} {f.where}: {f.en}", f"        {f.nb}", sep="\n"
        )
    raise typer.Exit(FAILED if any(f.severity in ("error", "fatal") for f in findings) else 0)


def _moment(text: str) -> datetime:
    from zoneinfo import ZoneInfo

    try:
        moment = datetime.fromisoformat(text)
        if not MINYEAR < moment.year < MAXYEAR:
            raise ValueError
    except ValueError:
        raise typer.BadParameter("a timestamp like 2026-05-11T10:42:19+02:00 is needed") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo("Europe/Oslo"))


def _type_of_pathway(code: str) -> str:
    from mappings.rules import national

    types = national().types
    if code not in ("", *types):
        raise typer.BadParameter(f"one of {', '.join(types)} is needed")
    return code


def _version(rule_set: str) -> str:
    from mappings.rules import national

    versions = national().versions()
    if rule_set not in ("", *versions):
        raise typer.BadParameter(f"one of {', '.join(versions)} is needed")
    return rule_set


app.add_typer(keys)
app.add_typer(audit)
app.add_typer(partner)
app.command()(backup)
app.command()(indicators)
app.command()(migrate_store)
app.command()(reconcile)
app.command()(refold)
app.command()(timeline)


@app.command()
def translate(
    file: Annotated[Path, typer.Argument(metavar="FILE.xml", help="The message.")],
    pathway: Annotated[
        str, typer.Option(metavar="D11", help="Pathway type (9321) that a new referral opens.", parser=_type_of_pathway)
    ] = "",
    rule_set: Annotated[
        str, typer.Option(metavar="2019|2025", help="Rules of the pathway; else by the date received.", parser=_version)
    ] = "",
    received: Annotated[
        datetime | None, typer.Option(help="When it is taken to be received; else the message's GenDate.", parser=_moment)
    ] = None,
    explain: Annotated[
        Literal["", "json", "text"],
        typer.Option(metavar="[=text]", help="Print where each value came from, instead of the Bundle; =text for people."),
    ] = "",
    apprec: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the receipt (AppRec) that would be sent.")] = None,
    fhir_xml: Annotated[bool, typer.Option("--fhir-xml", help="Print the Bundle as XML.")] = False,
) -> None:
    """Print the FHIR Bundle that a message becomes. Touches no database.

    Exits: 0 translated; 1 wrong usage or a file that cannot be opened; 2 refused, with the AppRec; 3 no message that we read.
    """
    translated = _translated(file, pathway, rule_set, received)
    if apprec:
        _or_told(apprec, lambda: apprec.write_bytes(translated.apprec))
    if translated.bundle is None:
        _print(translated.apprec)
        raise typer.Exit(REFUSED)
    if explain == "text":
        _print("\n".join(_explained(translated.explanation)).encode())
    elif explain:
        _print(_json(translated.explanation))
    else:
        _print(_xml(translated.bundle) if fhir_xml else translated.bundle)


def _translated(file: Path, pathway: str, rule_set: str, received: datetime | None) -> Translated:
    from datetime import UTC

    from adapter.domain.gate import GateRules, warnings
    from adapter.domain.identity import DEMONSTRATION_KEY, keyed
    from adapter.domain.referral import Service
    from adapter.usecases import translate_message
    from mappings.translation import Limits, Translator

    limits = Limits()
    translator = Translator(limits, keyed(DEMONSTRATION_KEY))
    data = _or_told(file, lambda: _start(file, limits.max_bytes + 1))
    reading = or_exit(NOT_READ, lambda: translator.read(data))
    tell(warnings(reading.case))
    said = reading.envelope
    service = Service(said.receiver, DEMONSTRATION, "", rule_set)
    moment = translate_message.taken_as_received(received, said.generated, datetime.now(UTC))
    try:
        return translate_message.translate(
            translator, {said.receiver: service}, GateRules(test_environment=False), data, received=moment, by_hand=pathway
        )
    except Problem as fault:  # a pathway by hand that the rules do not have
        tell(fault.findings)
        raise typer.Exit(FAILED if fault.kind is Kind.BUSINESS_RULE else NOT_READ) from None


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="FHIR JSON or XML; - for standard input.")],
    profile: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="A profile to judge by, beside those in meta.profile; may be repeated.")
    ] = None,
    text: Annotated[
        bool | None, typer.Option("--text/--json", help="Lines for people, or OperationOutcomes; else as the output is a terminal.")
    ] = None,
) -> None:
    """Check FHIR resources against R4 and their profiles; print one OperationOutcome per file, each on a line.

    Exits: 0 no error; 1 some error, or wrong usage; 2 a file that cannot be read or is neither JSON nor XML.
    """
    from adapter.r4.outcome import operation_outcome

    for_people, worst = sys.stdout.isatty() if text is None else text, 0
    for file in files:
        code, findings = _judged(file, profile or [])
        worst = max(worst, code)
        _print("\n".join(_lines(file, findings)).encode() if for_people else _json(operation_outcome(findings)))
    raise typer.Exit(worst)


def _judged(file: Path, profiles: list[str]) -> tuple[int, list[Finding]]:
    """The exit code that a file calls for, and what there is to say of it."""
    from adapter.r4.checker import check
    from adapter.r4.document import read

    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as fault:
        en = f"The file cannot be read: {fault.strerror}. Check its name and rights."
        return UNREADABLE, [Finding("fatal", Kind.NOT_FOUND, en, "Filen kan ikke leses. Kontroller navn og rettigheter.")]
    try:
        sent = read(data, xml=data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"))
    except Problem as fault:  # XML that is well-formed but not FHIR's says where in the resource
        return FAILED if any(f.where for f in fault.findings) else UNREADABLE, list(fault.findings)
    findings = sent.located(check(sent.body, profiles=profiles))
    return FAILED if any(f.severity in ("error", "fatal") for f in findings) else 0, findings


def _lines(file: Path, findings: list[Finding]) -> Iterator[str]:
    """For people, as compilers say it: file, line, column, and what is wrong, in English and Norwegian."""
    for f in findings:
        place = ":".join(str(part) for part in (file, f.line, f.column) if part is not None)
        yield f"{place}: {f.severity}: " + (f"{f.where}: " if f.where else "") + f.en
        yield f"    {f.nb}" + (f"  [{f.rule}]" if f.rule else "")
    if not findings:
        yield f"{file}: no fault / ingen feil"


def _start(file: Path, size: int) -> bytes:
    with file.open("rb") as stream:
        return stream.read(size)


def _or_told(file: Path, action: Callable[[], T]) -> T:
    """What `action` does with the file; where it cannot be opened, the reason on stderr and exit 1."""
    try:
        return action()
    except OSError as fault:
        print(f"{file}: {fault.strerror}: check its name and rights", "  kontroller navn og rettigheter", sep="\n", file=sys.stderr)
        raise typer.Exit(FAILED) from None


def _explained(explanation: dict[str, Any]) -> Iterator[str]:
    """A line for each node of the message, in its order: what became of it, or why nothing did."""
    for node in explanation["nodes"]:
        became = ", ".join(node["elements"]) or node["reason"]
        yield f"{node['line'] or '-':>5}  {node['fate']:<14}  {node['xpath']}" + (f"  ->  {became}" if became else "")


def _xml(bundle: bytes) -> bytes:
    from adapter.r4 import json, xml

    return xml.encode(json.parse(bundle))


def _json(value: object) -> bytes:
    import msgspec

    return msgspec.json.encode(value)


def _print(line: bytes) -> None:
    sys.stdout.buffer.write(line.rstrip(b"\n") + b"\n")
    sys.stdout.buffer.flush()


def tell(findings: Iterable[Finding]) -> None:
    """Findings on stderr: the place, then English and Norwegian."""
    for f in findings:
        place = " ".join(p for p in (f.where, f"(line {f.line})" if f.line is not None else "") if p)
        print(f"{place}: {f.en}" if place else f.en, f"  {f.nb}", sep="\n", file=sys.stderr)


def or_exit(code: int, action: Callable[[], T]) -> T:
    """What `action` returns; where it has a Problem, its reasons on stderr and exit `code`."""
    try:
        return action()
    except Problem as fault:
        tell(fault.findings)
        raise typer.Exit(code) from None


if __name__ == "__main__":
    main()
