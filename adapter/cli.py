"""`stafett`: the service, the translation of one message, and a check of the installation.

Everything heavy is imported inside the command that needs it, so that help comes at once. This is also the one
place that turns kinds of failure into exit codes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from typer.exceptions import TyperException

from adapter.domain.problem import Finding, Problem

T = TypeVar("T")

FAILED, REFUSED, NOT_READ, STOPPED = 1, 2, 3, 130

app = typer.Typer(
    name="stafett",
    help="Carries patient pathways in mental health care and substance-use treatment between the message hub and FHIR.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Configuration file [stafett.toml, where it exists].")
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
    sys.exit(code)


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
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
) -> None:
    """Run the service."""
    from adapter.settings import load
    from adapter.wiring import serve as run

    wanted = frozenset(r.strip() for r in roles.split(","))
    if not wanted <= {"api", "worker"}:
        raise typer.BadParameter("--roles: api, worker, or api,worker")
    or_exit(FAILED, lambda: run(load(config), wanted, host, port))


@app.command()
def doctor(config: ConfigFile = None) -> None:
    """Check configuration, database, hub, keys and clock, and say what to do."""
    from adapter.settings import load
    from adapter.wiring import examine

    findings = or_exit(FAILED, lambda: examine(load(config)))
    for f in findings:
        print(
            f"{'ok     ' if f.severity == 'information' else f.severity.upper():7} {f.where}: {f.en}", f"        {f.nb}", sep="\n"
        )
    raise typer.Exit(FAILED if any(f.severity in ("error", "fatal") for f in findings) else 0)


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
